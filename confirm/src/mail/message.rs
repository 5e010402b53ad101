//! A rendered mail as a message of RFC 5322.

use std::fmt::Write;

use anyhow::{Context, anyhow};
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::SendError;
use super::templates::Content;

/// Of RFC 5322, in bytes and without the line break.
const LONGEST_LINE: usize = 998;

/// The sender of all mails, `Name <address>`.
pub(super) fn sender(setting: &str) -> anyhow::Result<Mailbox> {
    setting
        .parse()
        .context("mail.from is not an address like \"Name <name@example.org>\"")
}

/// The bytes of the message. Its Message-ID is the same at each try, so that a mail that was
/// sent twice can be recognized as one.
pub(super) fn compose(
    from: &Mailbox,
    recipients: &[Address],
    letter_id: &str,
    content: Content,
) -> Result<Vec<u8>, SendError> {
    let mut builder = Message::builder().from(from.clone());
    for recipient in recipients {
        builder = builder.to(Mailbox::new(None, recipient.clone()));
    }
    let message = builder
        .subject(content.subject)
        .date_now()
        .message_id(Some(format!(
            "<{}@{}>",
            fingerprint(letter_id),
            from.email.domain()
        )))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, content.text))
                .singlepart(part(ContentType::TEXT_HTML, content.html)),
        )
        .map_err(|error| SendError::Temporary(anyhow!("no message could be made: {error}")))?;
    Ok(message.formatted())
}

/// Stands for the id of a letter where others can see it: mail servers log Message-IDs.
pub(super) fn fingerprint(letter_id: &str) -> String {
    let mut fingerprint = String::with_capacity(32);
    for byte in Sha256::digest(letter_id).iter().take(16) {
        let _ = write!(fingerprint, "{byte:02x}");
    }
    fingerprint
}

/// As it is where mail allows that, else quoted-printable and never base64: a person can read the
/// source of the mail.
fn part(content_type: ContentType, text: String) -> SinglePart {
    let is_fit = text.is_ascii() && text.lines().all(|line| line.len() <= LONGEST_LINE);
    let body = if is_fit {
        let lines = text.replace("\r\n", "\n").replace('\n', "\r\n");
        Body::dangerous_pre_encoded(lines.into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
            .unwrap_or_else(Body::new)
    };
    SinglePart::builder().header(content_type).body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(subject: &str, text: &str) -> String {
        let from = sender("T\u{ed}degate <noreply@mail.example.org>").unwrap();
        let content = Content {
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: "<p>Hello</p>".to_owned(),
        };
        let recipients = ["carol@example.org", "dave@example.org"].map(|a| a.parse().unwrap());
        let message = compose(&from, &recipients, "letter-1", content)
            .unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(message).unwrap()
    }

    fn header<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        head.split("\r\n")
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .collect()
    }

    #[test]
    fn the_message_is_complete() {
        let message = composed("Hello", "Hello");
        assert_eq!(
            header(&message, "To"),
            ["carol@example.org, dave@example.org"]
        );
        assert_eq!(
            header(&message, "From"),
            ["=?utf-8?b?VMOtZGVnYXRl?= <noreply@mail.example.org>"]
        );
        assert_eq!(header(&message, "Subject"), ["Hello"]);
        assert_eq!(header(&message, "Auto-Submitted"), ["auto-generated"]);
        assert_eq!(header(&message, "MIME-Version"), ["1.0"]);
        assert_eq!(header(&message, "Date").len(), 1);
        assert_eq!(
            header(&message, "Message-ID"),
            [format!("<{}@mail.example.org>", fingerprint("letter-1"))]
        );
        assert!(header(&message, "Content-Type")[0].starts_with("multipart/alternative;"));
        let text = message
            .find("Content-Type: text/plain; charset=utf-8")
            .unwrap();
        let html = message
            .find("Content-Type: text/html; charset=utf-8")
            .unwrap();
        assert!(text < html, "the last alternative is the preferred one");
    }

    #[test]
    fn the_message_id_does_not_show_the_id_of_the_letter() {
        assert!(!composed("Hello", "Hello").contains("letter-1"));
        assert_ne!(fingerprint("letter-1"), fingerprint("letter-2"));
    }

    #[test]
    fn a_text_in_another_script_stays_readable() {
        let message = composed(
            "\u{30a2}\u{30ea}\u{30b9}",
            "\u{30a2}\u{30ea}\u{30b9} says hello",
        );
        assert!(message.is_ascii());
        assert!(message.contains("Content-Transfer-Encoding: quoted-printable"));
        assert!(message.contains("=E3=82=A2=E3=83=AA=E3=82=B9 says hello"));
        assert!(!message.contains("base64"));
    }

    #[test]
    fn ascii_is_sent_as_it_is_unless_a_line_is_too_long() {
        let link = format!("https://example.org/?a={}", "b".repeat(900));
        let message = composed("Hello", &format!("One\ntwo\r\n{link}\n"));
        let expected = format!("Content-Transfer-Encoding: 7bit\r\n\r\nOne\r\ntwo\r\n{link}\r\n");
        assert!(message.contains(&expected), "{message}");
        let message = composed("Hello", &"b".repeat(999));
        assert!(message.contains("Content-Transfer-Encoding: quoted-printable\r\n\r\nbbb"));
        assert!(
            message.split("\r\n").all(|line| line.len() < 80),
            "{message}"
        );
    }

    #[test]
    fn a_sender_without_address_is_refused() {
        assert_eq!(
            sender("Tidegate").unwrap_err().to_string(),
            "mail.from is not an address like \"Name <name@example.org>\""
        );
    }
}

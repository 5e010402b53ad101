//! A rendered mail as a message of RFC 5322.

use std::fmt::Write;

use anyhow::{Context, anyhow};
use base64::{Engine, prelude::BASE64_STANDARD};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, To};
use lettre::message::{Body, Mailbox, Mailboxes, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::SendError;
use super::templates::Content;
use crate::domain::name::ENCODED_WORD;

/// Of RFC 5322, in bytes and without the line break.
const LONGEST_LINE: usize = 998;

/// Of the text in one encoded word, in bytes: with the name of the header it stays within the 76
/// characters of a line (RFC 2047).
const LONGEST_PIECE: usize = 39;

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
    let failed = |error: lettre::error::Error| {
        // lettre refuses an address; a repeat would meet the same refusal.
        SendError::Permanent(anyhow!("no message could be made: {error}"))
    };
    // lettre does not read mailboxes with quotes back from the headers: it gets all at once, and the
    // envelope apart.
    let to: Mailboxes = recipients
        .iter()
        .map(|recipient| Mailbox::new(None, recipient.clone()))
        .collect();
    let envelope = Envelope::new(Some(from.email.clone()), recipients.to_vec()).map_err(failed)?;
    let mut message = Message::builder()
        .envelope(envelope)
        .from(from.clone())
        .mailbox(To::from(to))
        .raw_header(header("Subject", content.subject))
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
        .map_err(failed)?;
    if let Some(name) = from.name.as_deref().filter(|name| is_decoded(name)) {
        let shown = format!("{name} <{}>", from.email);
        let encoded = format!("{}\r\n <{}>", encoded_words(name), from.email);
        let name = HeaderName::new_from_ascii_str("From");
        let literal = HeaderValue::dangerous_new_pre_encoded(name, shown, encoded);
        message.headers_mut().insert_raw(literal);
    }
    Ok(message.formatted())
}

/// A header that mail programs show as `text`, whatever it is.
fn header(name: &'static str, text: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    if is_decoded(&text) {
        let encoded = encoded_words(&text);
        HeaderValue::dangerous_new_pre_encoded(name, text, encoded)
    } else {
        HeaderValue::new(name, text)
    }
}

/// Whether a mail program would take a part of the text for an encoded word. lettre lets these
/// through, because they are ASCII.
fn is_decoded(text: &str) -> bool {
    text.contains(ENCODED_WORD)
}

/// The text in encoded words, a line each.
fn encoded_words(text: &str) -> String {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > LONGEST_PIECE {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    pieces.push(piece);
    let word = |piece: &String| format!("=?utf-8?b?{}?=", BASE64_STANDARD.encode(piece));
    let words: Vec<String> = pieces.iter().map(word).collect();
    words.join("\r\n ")
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
    use mail_parser::MessageParser;

    use super::*;

    fn composed(subject: &str, text: &str) -> String {
        composed_by("T\u{ed}degate <noreply@mail.example.org>", subject, text)
    }

    fn composed_by(from: &str, subject: &str, text: &str) -> String {
        let from = sender(from).unwrap();
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
    fn a_recipient_is_quoted_or_written_in_its_own_script_where_need_be() {
        let from = sender("Tidegate <noreply@mail.example.org>").unwrap();
        let content = Content {
            subject: "Hello".to_owned(),
            text: "Hello".to_owned(),
            html: "<p>Hello</p>".to_owned(),
        };
        let to = [
            Address::new("\"a..b\"", "example.org").unwrap(),
            Address::new("\u{fc}", "example.org").unwrap(),
        ];
        let message =
            compose(&from, &to, "letter-1", content).unwrap_or_else(|error| panic!("{error}"));
        let message = String::from_utf8(message).unwrap();
        assert_eq!(
            header(&message, "To"),
            ["\"a..b\"@example.org, \u{fc}@example.org"]
        );
    }

    #[test]
    fn the_message_id_does_not_show_the_id_of_the_letter() {
        assert!(!composed("Hello", "Hello").contains("letter-1"));
        assert_ne!(fingerprint("letter-1"), fingerprint("letter-2"));
    }

    #[test]
    fn a_mail_program_shows_every_header_as_it_was_meant() {
        let long = "=?utf-8?q?x?= ".repeat(20) + &"\u{30a2}".repeat(60);
        for text in [
            "Hello",
            "=?utf-8?q?Pay_now_at_http=3A=2F=2Fevil=2Eexample=2Ecom?=",
            "From =?utf-8?b?aHR0cDovL2V2aWwuZXhhbXBsZQ==?= to you",
            "=?utf-8?q?a?= =?utf-8?q?b?=",
            "\u{e9} =?utf-8?q?a?=",
            "=?utf-8?q?open",
            "\" =?utf-8?q?a?= \\ <x@y>, \"",
            "&#104;ttp &amp; co",
            &long,
        ] {
            let name = text.replace('\\', "\\\\").replace('"', "\\\"");
            let from = format!("\"{name}\" <noreply@mail.example.org>");
            let message = composed_by(&from, text, "Hello");
            let read = MessageParser::default().parse(&message).unwrap();
            assert_eq!(read.subject(), Some(text));
            let sender = read.from().unwrap().first().unwrap();
            assert_eq!(sender.name(), Some(text));
            assert_eq!(sender.address(), Some("noreply@mail.example.org"));
            let (head, _) = message.split_once("\r\n\r\n").unwrap();
            assert!(
                head.is_ascii() && head.lines().all(|line| line.len() <= 78),
                "{head}"
            );
        }
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

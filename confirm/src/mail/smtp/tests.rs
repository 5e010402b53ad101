//! The dialogue with a mail server, against one that plays each part.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A mail server that accepts everything, unless `answer` has another opinion on a line. An
/// empty response is silence.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let lines = heard.clone();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                lines.lock().unwrap().push("(connection)".to_owned());
                tokio::spawn(talk(stream, lines.clone(), answer.clone()));
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How often a line that begins so was heard.
    fn count(&self, start: &str) -> usize {
        self.heard()
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }
}

async fn talk(
    mut stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Option<String>>,
) {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 test ESMTP\r\n").await.unwrap();
    let mut in_message = false;
    while let Ok(Some(line)) = lines.next_line().await {
        heard.lock().unwrap().push(line.clone());
        let reply = if in_message {
            in_message = line != ".";
            if in_message {
                continue;
            }
            "250 queued".to_owned()
        } else if let Some(reply) = answer(&line) {
            reply
        } else if line.starts_with("EHLO") {
            "250-test\r\n250 8BITMIME".to_owned()
        } else if line == "DATA" {
            in_message = true;
            "354 go on".to_owned()
        } else {
            "250 ok".to_owned()
        };
        if !reply.is_empty()
            && writer
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .is_err()
        {
            return;
        }
    }
}

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: Some("127.0.0.1".to_owned()),
        port,
        encryption: SmtpEncryption::None,
        username: None,
        password: None,
        timeout_s: 10,
        max_connections: 2,
    }
}

async fn send(smtp: &Smtp, recipients: &[&str]) -> Result<(), SendError> {
    let from = "noreply@tidegate.example".parse().unwrap();
    let recipients: Vec<Address> = recipients.iter().map(|a| a.parse().unwrap()).collect();
    smtp.deliver(
        &from,
        &recipients,
        b"Subject: Hello\r\n\r\nHello\r\n.hidden dot\r\n",
    )
    .await
}

async fn outcome(reply: &'static str, to: &'static str) -> Result<(), SendError> {
    let server = Server::start(move |line| line.starts_with(to).then(|| reply.to_owned())).await;
    send(
        &Smtp::new(&settings(server.port)).unwrap(),
        &["carol@example.org"],
    )
    .await
}

fn permanent(outcome: Result<(), SendError>) -> String {
    match outcome {
        Err(SendError::Permanent(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

fn temporary(outcome: Result<(), SendError>) -> String {
    match outcome {
        Err(SendError::Temporary(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_mail_arrives_whole_and_the_connection_is_used_again() {
    let server = Server::start(|_| None).await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    send(&smtp, &["carol@example.org"]).await.unwrap();
    send(&smtp, &["dave@example.org", "ellen@example.org"])
        .await
        .unwrap();
    let heard = server.heard();
    let own_name = heard[1].clone();
    assert!(own_name.starts_with("EHLO "), "{own_name}");
    let message = [
        "DATA",
        "Subject: Hello",
        "",
        "Hello",
        "..hidden dot",
        "",
        ".",
    ];
    let mut expected = vec!["(connection)", &own_name];
    expected.extend([
        "MAIL FROM:<noreply@tidegate.example>",
        "RCPT TO:<carol@example.org>",
    ]);
    expected.extend(message);
    expected.push("NOOP");
    expected.push("MAIL FROM:<noreply@tidegate.example>");
    expected.extend(["RCPT TO:<dave@example.org>", "RCPT TO:<ellen@example.org>"]);
    expected.extend(message);
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_mailbox_that_needs_quotes_gets_them() {
    let server = Server::start(|_| None).await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    send(&smtp, &["\"a..b\"@example.org"]).await.unwrap();
    assert_eq!(server.count("RCPT TO:<\"a..b\"@example.org>"), 1);
}

#[tokio::test]
async fn a_mailbox_beyond_ascii_needs_a_server_that_takes_it() {
    let server = Server::start(|_| None).await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    let text = permanent(send(&smtp, &["\u{fc}@example.org"]).await);
    assert_eq!(text, "RCPT: the mail server takes no address beyond ASCII");
    assert_eq!(server.count("RCPT"), 0);

    let server = Server::start(|line| {
        let greeting = "250-test\r\n250-8BITMIME\r\n250 SMTPUTF8";
        line.starts_with("EHLO").then(|| greeting.to_owned())
    })
    .await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    send(&smtp, &["\u{fc}@example.org"]).await.unwrap();
    assert_eq!(
        server.count("MAIL FROM:<noreply@tidegate.example> SMTPUTF8"),
        1
    );
    assert_eq!(server.count("RCPT TO:<\u{fc}@example.org>"), 1);
}

#[tokio::test]
async fn a_refused_recipient_is_permanent_and_not_named() {
    for reply in [
        "550 5.1.1 <carol@example.org>: no such user",
        "550 carol@example.org unknown",
        "553 5.1.3 bad address",
        "501 5.1.3 syntax error in address",
        "552 5.2.2 mailbox full",
        "556 5.1.10 accepts no mail",
    ] {
        let text = permanent(outcome(reply, "RCPT").await);
        assert_eq!(
            text,
            format!("RCPT: the mail server answered {}", &reply[..3])
        );
    }
}

#[tokio::test]
async fn whatever_a_setting_or_time_can_heal_is_temporary() {
    for (to, reply) in [
        ("RCPT", "451 4.7.1 greylisted <carol@example.org>"),
        ("RCPT", "550 5.7.1 relaying denied for <carol@example.org>"),
        ("RCPT", "530 5.7.0 log in first"),
        ("MAIL", "550 5.1.8 this sender may not"),
        ("DATA", "554 5.7.1 looks like spam"),
    ] {
        let text = temporary(outcome(reply, to).await);
        assert_eq!(
            text,
            format!("{to}: the mail server answered {}", &reply[..3])
        );
    }
}

#[tokio::test]
async fn one_refused_recipient_does_not_keep_the_mail_from_the_others() {
    let server = Server::start(|line| {
        (line == "RCPT TO:<gone@example.org>").then(|| "550 5.1.1 gone".to_owned())
    })
    .await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    send(&smtp, &["gone@example.org", "carol@example.org"])
        .await
        .unwrap();
    assert_eq!(server.count("DATA"), 1);
}

#[tokio::test]
async fn recipients_above_the_limit_of_the_server_are_served_in_the_next_round() {
    let in_this_round = Mutex::new(0);
    let server = Server::start(move |line| {
        let mut count = in_this_round.lock().unwrap();
        if line.starts_with("MAIL") {
            *count = 0;
        } else if line.starts_with("RCPT") {
            *count += 1;
        }
        (line.starts_with("RCPT") && *count > 2).then(|| "452 4.5.3 too many".to_owned())
    })
    .await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    let five = ["a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"];
    send(&smtp, &five).await.unwrap();
    assert_eq!(server.count("DATA"), 3);
    assert_eq!(server.count("RCPT TO:<e@x.org>"), 3);
}

#[tokio::test]
async fn a_deferred_recipient_outranks_a_refused_one() {
    let server = Server::start(|line| match line {
        "RCPT TO:<gone@example.org>" => Some("550 gone".to_owned()),
        "RCPT TO:<carol@example.org>" => Some("450 later".to_owned()),
        _ => None,
    })
    .await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    let both = ["carol@example.org", "gone@example.org"];
    let text = temporary(send(&smtp, &both).await);
    assert_eq!(text, "RCPT: the mail server answered 450");
    assert_eq!(server.count("DATA"), 0);
}

#[tokio::test]
async fn a_connection_stays_usable_after_a_refusal() {
    let server =
        Server::start(|line| line.contains("gone@").then(|| "550 5.1.1 gone".to_owned())).await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    permanent(send(&smtp, &["gone@example.org"]).await);
    send(&smtp, &["carol@example.org"]).await.unwrap();
    assert_eq!(server.count("(connection)"), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_temporary() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let smtp = Smtp::new(&settings(port)).unwrap();
    let text = temporary(send(&smtp, &["carol@example.org"]).await);
    assert!(text.starts_with("connecting: Connection refused"), "{text}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_temporary_and_gets_a_new_connection() {
    let silent = Arc::new(Mutex::new(true));
    let is_silent = silent.clone();
    let server = Server::start(move |line| {
        (line.starts_with("RCPT") && *is_silent.lock().unwrap()).then(String::new)
    })
    .await;
    let mut smtp = Smtp::new(&settings(server.port)).unwrap();
    smtp.timeout = Duration::from_millis(200);
    let text = temporary(send(&smtp, &["carol@example.org"]).await);
    assert_eq!(text, "RCPT: the mail server did not answer in time");
    *silent.lock().unwrap() = false;
    smtp.timeout = Duration::from_secs(10);
    send(&smtp, &["carol@example.org"]).await.unwrap();
    assert_eq!(server.count("(connection)"), 2);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced() {
    let server = Server::start(|line| (line == "NOOP").then(|| "421 closing".to_owned())).await;
    let smtp = Smtp::new(&settings(server.port)).unwrap();
    send(&smtp, &["carol@example.org"]).await.unwrap();
    send(&smtp, &["carol@example.org"]).await.unwrap();
    assert_eq!(server.count("(connection)"), 2);
    assert_eq!(server.count("DATA"), 2);
}

#[tokio::test]
async fn nothing_is_said_to_a_server_without_starttls() {
    let server = Server::start(|_| None).await;
    let smtp = Smtp::new(&SmtpSettings {
        encryption: SmtpEncryption::StartTls,
        username: Some("tidegate".to_owned()),
        password: Some("secret".to_owned().into()),
        ..settings(server.port)
    })
    .unwrap();
    let text = temporary(send(&smtp, &["carol@example.org"]).await);
    assert_eq!(text, "STARTTLS: STARTTLS is not supported on this server");
    assert_eq!(server.count("AUTH"), 0);
    assert_eq!(server.count("MAIL"), 0);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let password = || Some(SecretString::from("secret"));
    let good = settings(25);
    for (bad, expected) in [
        (
            SmtpSettings {
                host: None,
                ..good.clone()
            },
            "mail.smtp.host is required when mail.transport is \"smtp\"",
        ),
        (
            SmtpSettings {
                timeout_s: 0,
                ..good.clone()
            },
            "mail.smtp.timeout_s must not be 0",
        ),
        (
            SmtpSettings {
                max_connections: 0,
                ..good.clone()
            },
            "mail.smtp.max_connections must not be 0",
        ),
        (
            SmtpSettings {
                username: Some("tidegate".to_owned()),
                ..good.clone()
            },
            "mail.smtp.username and mail.smtp.password are given together or not at all",
        ),
        (
            SmtpSettings {
                username: Some("tidegate".to_owned()),
                password: password(),
                ..good.clone()
            },
            "mail.smtp.encryption \"none\" would show mail.smtp.password to the network",
        ),
    ] {
        let error = Smtp::new(&bad).err().expect("a refusal");
        assert_eq!(error.to_string(), expected);
    }
}

//! The mail server. The commands are lettre's; the dialogue is ours, because only who knows which
//! command was refused can tell a hopeless recipient from a server that is out of order.

use std::error::Error as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tracing::warn;

use super::SendError;
use crate::config::{SmtpEncryption, SmtpSettings};

/// Mail servers hang up on idle clients after minutes; before that a connection is worth keeping.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

pub(super) struct Smtp {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
    own_name: ClientId,
    /// For each command.
    timeout: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

enum Protection {
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// What became of the recipients of one transaction.
#[derive(Default)]
struct Tally {
    accepted: usize,
    deferred: Vec<Address>,
    /// Why one of them was not accepted; that it was deferred outranks that another was refused.
    problem: Option<SendError>,
}

impl Smtp {
    pub(super) fn new(settings: &SmtpSettings) -> anyhow::Result<Self> {
        let host = settings
            .host
            .clone()
            .filter(|host| !host.is_empty())
            .context("mail.smtp.host is required when mail.transport is \"smtp\"")?;
        ensure!(settings.timeout_s > 0, "mail.smtp.timeout_s must not be 0");
        ensure!(
            settings.max_connections > 0,
            "mail.smtp.max_connections must not be 0"
        );
        let tls = || TlsParameters::new(host.clone()).context("mail.smtp.host");
        let protection = match settings.encryption {
            SmtpEncryption::None => Protection::None,
            SmtpEncryption::StartTls => Protection::StartTls(tls()?),
            SmtpEncryption::Tls => Protection::Tls(tls()?),
        };
        let credentials = credentials(settings.username.as_deref(), settings.password.as_ref())?;
        ensure!(
            credentials.is_none() || !matches!(protection, Protection::None),
            "mail.smtp.encryption \"none\" would show mail.smtp.password to the network"
        );
        Ok(Self {
            host,
            port: settings.port,
            protection,
            credentials,
            own_name: ClientId::default(),
            timeout: Duration::from_secs(settings.timeout_s),
            slots: Semaphore::new(settings.max_connections as usize),
            idle: Mutex::default(),
        })
    }

    /// Done when at least one recipient was accepted: another try would send the mail to those
    /// who have it a second time.
    pub(super) async fn deliver(
        &self,
        from: &Address,
        recipients: &[Address],
        message: &[u8],
    ) -> Result<(), SendError> {
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| SendError::Temporary(anyhow!("the service is stopping")))?;
        let mut connection = self.connection().await?;
        let mut round = self
            .transaction(&mut connection, from, recipients, message)
            .await?;
        let mut accepted = round.accepted;
        // Servers defer those above their limit; each further round serves some of them.
        while round.accepted > 0 && !round.deferred.is_empty() {
            let waiting = std::mem::take(&mut round.deferred);
            let Ok(next) = self
                .transaction(&mut connection, from, &waiting, message)
                .await
            else {
                report_missed(recipients.len() - accepted);
                return Ok(());
            };
            accepted += next.accepted;
            round = next;
        }
        self.keep(connection);
        match round.problem {
            Some(problem) if accepted == 0 => Err(problem),
            _ => {
                report_missed(recipients.len() - accepted);
                Ok(())
            }
        }
    }

    /// One message to as many of the recipients as the server takes. After an error the
    /// connection is in an unknown state.
    async fn transaction(
        &self,
        connection: &mut AsyncSmtpConnection,
        from: &Address,
        recipients: &[Address],
        message: &[u8],
    ) -> Result<Tally, SendError> {
        let features = connection.server_info().clone();
        let mut parameters = Vec::new();
        if !message.is_ascii() && features.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let beyond_ascii = recipients
            .iter()
            .any(|address| !AsRef::<str>::as_ref(address).is_ascii());
        if beyond_ascii && features.supports_feature(Extension::SmtpUtfEight) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(Some(from.clone()), parameters);
        self.within("MAIL", connection.command(mail))
            .await?
            .map_err(|e| failed("MAIL", &e))?;

        let mut tally = Tally::default();
        for recipient in recipients {
            let rcpt = Rcpt::new(recipient.clone(), Vec::new());
            match self.within("RCPT", connection.command(rcpt)).await? {
                Ok(_) => tally.accepted += 1,
                Err(error) if is_about_the_recipient(&error) => {
                    let refused = SendError::Permanent(describe("RCPT", &error));
                    tally.problem.get_or_insert(refused);
                }
                Err(error) if error.is_transient() => {
                    tally.deferred.push(recipient.clone());
                    tally.problem = Some(failed("RCPT", &error));
                }
                Err(error) => return Err(failed("RCPT", &error)),
            }
        }
        if tally.accepted == 0 {
            self.within("RSET", connection.command(Rset))
                .await?
                .map_err(|e| failed("RSET", &e))?;
            return Ok(tally);
        }
        self.within("DATA", connection.command(Data))
            .await?
            .map_err(|e| failed("DATA", &e))?;
        let sent = self
            .within("the message", connection.message(message))
            .await?;
        sent.map_err(|e| failed("the message", &e))?;
        Ok(tally)
    }

    /// One that was used a moment ago and still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(Idle {
            mut connection,
            since,
        }) = self.take()
        {
            let answers = since.elapsed() < LONGEST_IDLE
                && matches!(
                    self.within("NOOP", connection.command(Noop)).await,
                    Ok(Ok(_))
                );
            if answers {
                return Ok(connection);
            }
        }
        let tls = match &self.protection {
            Protection::Tls(parameters) => Some(parameters.clone()),
            Protection::None | Protection::StartTls(_) => None,
        };
        let server = (self.host.as_str(), self.port);
        // Half for each address of the host, so that a dead first one leaves time for the second.
        let opening = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(self.timeout / 2),
            &self.own_name,
            tls,
            None,
        );
        let mut connection = self
            .within("connecting", opening)
            .await?
            .map_err(|e| failed("connecting", &e))?;
        if let Protection::StartTls(parameters) = &self.protection {
            let upgrade = connection.starttls(parameters.clone(), &self.own_name);
            self.within("STARTTLS", upgrade)
                .await?
                .map_err(|e| failed("STARTTLS", &e))?;
        }
        if let Some(credentials) = &self.credentials {
            let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            self.within("AUTH", login)
                .await?
                .map_err(|e| failed("AUTH", &e))?;
        }
        Ok(connection)
    }

    /// The answer, unless it takes too long. The connection is of no use then: the late answer
    /// would be taken for that of the next command.
    async fn within<F: Future>(&self, step: &str, future: F) -> Result<F::Output, SendError> {
        tokio::time::timeout(self.timeout, future)
            .await
            .map_err(|_| {
                SendError::Temporary(anyhow!("{step}: the mail server did not answer in time"))
            })
    }

    fn take(&self) -> Option<Idle> {
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let idle = Idle {
            connection,
            since: Instant::now(),
        };
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(idle);
    }
}

fn credentials(
    username: Option<&str>,
    password: Option<&SecretString>,
) -> anyhow::Result<Option<Credentials>> {
    ensure!(
        username.is_some() == password.is_some(),
        "mail.smtp.username and mail.smtp.password are given together or not at all"
    );
    Ok(username.zip(password).map(|(username, password)| {
        Credentials::new(username.to_owned(), password.expose_secret().to_owned())
    }))
}

/// Codes of RFC 5321 and RFC 7504 that speak of the mailbox. 5.7 is policy (RFC 3463), such as
/// "relaying denied", which a setting can heal.
fn is_about_the_recipient(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    let is_policy = error
        .source()
        .is_some_and(|text| text.to_string().starts_with("5.7."));
    matches!(code, Some(550..=553 | 556)) && !is_policy
}

fn failed(step: &str, error: &Error) -> SendError {
    SendError::Temporary(describe(step, error))
}

/// Never the text of the server, which likes to repeat the address.
fn describe(step: &str, error: &Error) -> anyhow::Error {
    match (error.status(), error.source()) {
        (Some(code), _) => anyhow!("{step}: the mail server answered {code}"),
        (None, _) if error.is_response() => anyhow!("{step}: the answer cannot be understood"),
        (None, Some(cause)) => anyhow!("{step}: {cause}"),
        (None, None) => anyhow!("{step}: {error}"),
    }
}

fn report_missed(recipients: usize) {
    if recipients > 0 {
        warn!(
            mail.recipients.missed = recipients,
            "a mail did not reach everybody"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A mail server that accepts everything, unless `answer` has another opinion on a line. An
    /// empty answer is silence.
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
        let server =
            Server::start(move |line| line.starts_with(to).then(|| reply.to_owned())).await;
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
    async fn a_refused_recipient_is_permanent_and_not_named() {
        for reply in [
            "550 5.1.1 <carol@example.org>: no such user",
            "550 carol@example.org unknown",
            "553 5.1.3 bad address",
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
}

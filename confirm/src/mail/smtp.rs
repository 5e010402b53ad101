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
        let takes_unicode = features.supports_feature(Extension::SmtpUtfEight);
        if takes_unicode && recipients.iter().any(is_beyond_ascii) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(Some(from.clone()), parameters);
        self.within("MAIL", connection.command(mail))
            .await?
            .map_err(|e| failed("MAIL", &e))?;

        let mut tally = Tally::default();
        for recipient in recipients {
            if is_beyond_ascii(recipient) && !takes_unicode {
                let refused = anyhow!("RCPT: the mail server takes no address beyond ASCII");
                tally.problem.get_or_insert(SendError::Permanent(refused));
                continue;
            }
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
        self.within("the message", connection.message(message))
            .await?
            .map_err(|e| failed("the message", &e))?;
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

    /// The response, unless it takes too long. The connection is of no use then: the late response
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

/// Codes of RFC 5321 and RFC 7504 that speak of the mailbox, or of how it is written (501). 5.7 is
/// policy (RFC 3463), such as "relaying denied", which a setting can heal.
fn is_about_the_recipient(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    let is_policy = error
        .source()
        .is_some_and(|text| text.to_string().starts_with("5.7."));
    matches!(code, Some(501 | 550..=553 | 556)) && !is_policy
}

/// Whether the name of the mailbox is not in ASCII (RFC 6531); domains always are.
fn is_beyond_ascii(recipient: &Address) -> bool {
    !AsRef::<str>::as_ref(recipient).is_ascii()
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
mod tests;

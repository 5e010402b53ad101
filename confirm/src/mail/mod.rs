//! E-mails: what they say, and how they leave.

mod folder;
mod links;
mod message;
mod preview;
mod smtp;
mod templates;
mod transport;

use anyhow::anyhow;
use lettre::Address;
use lettre::message::Mailbox;
use shared_types::address::{self, WireAddress};

use crate::{
    config::{MailSettings, WebSettings},
    domain::template::Template,
};

pub(crate) use links::Links;
pub use preview::write_previews;
use templates::Templates;
pub(crate) use transport::SendError;
use transport::Transport;

/// Writes mails and hands them to the mail server, or to the folder that stands in for it.
pub(crate) struct Mailer {
    from: Mailbox,
    links: Links,
    templates: Templates,
    transport: Transport,
}

/// A mail to be sent.
pub(crate) struct Letter {
    /// The same at each try: the Message-ID and the name of the file derive from it.
    pub id: String,
    pub template: Template,
    /// All receive one message. Nobody: nothing is sent.
    pub recipients: Vec<String>,
    pub variables: Variables,
}

/// What a template may say. A mail never holds more about a person than this.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    /// The address that the confirmation is about; empty for a share with a clinic.
    pub email: String,
    /// The key of the confirmation.
    pub key: String,
    /// Who receives the mail.
    pub full_name: Option<String>,
    /// Who caused it.
    pub creator_name: Option<String>,
    /// Whose data are shared.
    pub care_team_name: Option<String>,
    /// What the sender calls the recipient.
    pub nickname: Option<String>,
    pub clinic_name: Option<String>,
    /// Whether the recipient can log in already.
    pub has_account: bool,
    /// What was changed in the account.
    pub changed: Vec<&'static str>,
    /// When that was.
    pub changed_at: Option<String>,
}

impl Mailer {
    /// Checks all settings and templates, so that what is wrong with them stops the start.
    pub(crate) fn new(mail: &MailSettings, web: &WebSettings) -> anyhow::Result<Self> {
        Ok(Self {
            from: message::sender(&mail.from)?,
            links: Links::new(web)?,
            templates: Templates::load(mail.templates.as_deref())?,
            transport: Transport::new(mail)?,
        })
    }

    /// The name of the product, the operator's own if it has one.
    pub(crate) fn product(&self) -> anyhow::Result<String> {
        self.templates.product()
    }

    /// Sends the letter once. Texts of errors name no person and no address.
    pub(crate) async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        if letter.recipients.is_empty() {
            return Ok(());
        }
        let recipients: Vec<Address> = letter
            .recipients
            .iter()
            .filter_map(|address| mailbox(address))
            .collect();
        if recipients.is_empty() {
            return Err(SendError::Permanent(anyhow!(
                "no recipient has a usable address"
            )));
        }
        let link = self.links.of(letter.template, &letter.variables);
        let content = self
            .templates
            .render(letter.template, &letter.variables, &link)
            .map_err(|error| SendError::Temporary(anyhow!(templates::describe(&error))))?;
        let message = message::compose(&self.from, &recipients, &letter.id, content)?;
        self.transport
            .deliver(letter, &self.from.email, &recipients, &message)
            .await
    }
}

/// The address as mail servers take it.
fn mailbox(address: &str) -> Option<Address> {
    let WireAddress { local, domain } = address::on_the_wire(address)?;
    Address::new(local, domain).ok()
}

impl Variables {
    /// Everything that a mail can say, for previews and for the check of the templates.
    fn sample() -> Self {
        Self {
            email: "carol+tide@example.org".to_owned(),
            key: "Zm9yLXByZXZpZXdzLW9ubHktbm90aGlu".to_owned(),
            full_name: Some("Carol O'Neill".to_owned()),
            creator_name: Some("Dr. Ren\u{e9}e M\u{fc}ller".to_owned()),
            care_team_name: Some("Alice Brandt".to_owned()),
            nickname: Some("Aunt Carol".to_owned()),
            clinic_name: Some("Harbor Clinic".to_owned()),
            has_account: true,
            changed: vec!["the password", "the user name", "the e-mail addresses"],
            changed_at: Some("30 September 2026 at 23:59 UTC".to_owned()),
        }
    }

    /// The least that a mail must be able to do with.
    fn sparse_sample() -> Self {
        Self {
            email: Self::sample().email,
            key: Self::sample().key,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::{MailTransport, SmtpEncryption, SmtpSettings};

    fn settings(directory: &Path) -> MailSettings {
        MailSettings {
            transport: MailTransport::File,
            from: "Tidegate <noreply@tidegate.example>".to_owned(),
            directory: Some(directory.to_owned()),
            templates: None,
            smtp: SmtpSettings {
                host: None,
                port: 587,
                encryption: SmtpEncryption::StartTls,
                username: None,
                password: None,
                timeout_s: 10,
                max_connections: 4,
            },
        }
    }

    fn web() -> WebSettings {
        WebSettings {
            public_url: "http://127.0.0.1:8080".to_owned(),
            web_url: None,
        }
    }

    fn letter(template: Template, recipients: &[&str]) -> Letter {
        Letter {
            id: "letter-1".to_owned(),
            template,
            recipients: recipients
                .iter()
                .map(|&address| address.to_owned())
                .collect(),
            variables: Variables::sample(),
        }
    }

    fn mails(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn every_mail_becomes_a_readable_file_with_its_link() {
        for template in Template::ALL {
            let folder = tempfile::tempdir().unwrap();
            let mailer = Mailer::new(&settings(folder.path()), &web()).unwrap();
            let letter = letter(template, &["carol+tide@example.org"]);
            mailer.send(&letter).await.unwrap();
            let [mail] = mails(folder.path()).try_into().unwrap();
            assert!(
                mail.contains("\r\nTo: carol+tide@example.org\r\n"),
                "{mail}"
            );
            assert!(!mail.contains("base64"), "{mail}");
            // Quoted-printable breaks lines and writes an equals sign as three characters.
            let plain = mail.replace("=\r\n", "").replace("=3D", "=");
            let link = mailer.links.of(template, &letter.variables);
            assert!(plain.contains(&format!("\r\n{link}\r\n")), "{plain}");
            let end = plain.trim_end().rsplit("\r\n").next().unwrap();
            assert!(end.starts_with("--") && end.ends_with("--"), "{plain}");
        }
    }

    #[tokio::test]
    async fn a_name_cannot_add_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer::new(&settings(folder.path()), &web()).unwrap();
        let mut letter = letter(Template::CareTeam, &["carol@example.org"]);
        letter.variables.care_team_name =
            Some("Alice\r\nBcc: eve@example.org\r\n\r\nHi".to_owned());
        mailer.send(&letter).await.unwrap();
        let [mail] = mails(folder.path()).try_into().unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("Content-Type: multipart/alternative;"),
            "{head}"
        );
        assert!(!head.contains("\r\nBcc"), "{head}");
    }

    #[tokio::test]
    async fn a_letter_to_nobody_is_no_mail() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer::new(&settings(folder.path()), &web()).unwrap();
        mailer
            .send(&letter(Template::PatientToClinic, &[]))
            .await
            .unwrap();
        assert_eq!(mails(folder.path()), Vec::<String>::new());
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_hopeless_unless_others_are_better() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer::new(&settings(folder.path()), &web()).unwrap();
        let bad = "carol@example.org\r\nBcc: eve@example.org";
        for bad in [bad, "x@[127.0.0.1]", "a,b@example.org"] {
            let error = mailer
                .send(&letter(Template::NoAccount, &[bad]))
                .await
                .unwrap_err();
            assert!(matches!(error, SendError::Permanent(_)), "{error:?}");
            let expected = "the mail cannot be delivered: no recipient has a usable address";
            assert_eq!(error.to_string(), expected);
        }
        mailer
            .send(&letter(Template::NoAccount, &[bad, "dave@example.org"]))
            .await
            .unwrap();
        let [mail] = mails(folder.path()).try_into().unwrap();
        assert!(mail.contains("\r\nTo: dave@example.org\r\n"), "{mail}");
    }

    #[test]
    fn every_stored_name_leads_back_to_its_template() {
        for template in Template::ALL {
            assert_eq!(Template::from_name(template.name()), Some(template));
        }
        assert_eq!(Template::from_name(""), None);
        assert_eq!(Template::from_name("base"), None);
    }

    #[test]
    fn the_defaults_need_nothing_but_a_server_and_an_origin() {
        let folder = tempfile::tempdir().unwrap();
        let mut mail = settings(folder.path());
        mail.transport = MailTransport::Smtp;
        let refusal = Mailer::new(&mail, &web())
            .err()
            .expect("a refusal")
            .to_string();
        assert_eq!(
            refusal,
            "mail.smtp.host is required when mail.transport is \"smtp\""
        );
        mail.smtp.host = Some("smtp.example.org".to_owned());
        Mailer::new(&mail, &web()).unwrap();
    }

    #[test]
    fn previews_are_written_of_everything() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_previews(&folder.path().join("out"), None).unwrap();
        assert_eq!(files.len(), Template::ALL.len() * 2 * 2 + 1);
        assert!(files.iter().all(|file| file.is_file()));
        let index = fs::read_to_string(files.last().unwrap()).unwrap();
        assert!(
            index.contains("<a href=\"no_account-least.html\">"),
            "{index}"
        );
    }
}

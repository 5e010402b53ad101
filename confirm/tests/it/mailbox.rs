//! The folder into which the service mails, read as a mail program does.

use std::{fs, path::Path, time::SystemTime};

use mail_parser::{Message, MessageParser};
use reqwest::Url;
use tempfile::TempDir;

pub(crate) struct Mailbox {
    folder: TempDir,
}

/// A mail as its reader sees it.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) message_id: String,
    /// As it was sent.
    pub(crate) raw: String,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The mails that are there, the oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let mut files: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            // A mail that is not complete has another name.
            .filter(|file| file.extension().is_some_and(|extension| extension == "eml"))
            .map(|file| (written(&file), file))
            .collect();
        files.sort();
        files
            .into_iter()
            .map(|(_, file)| Mail::read(&file))
            .collect()
    }
}

fn written(file: &Path) -> SystemTime {
    fs::metadata(file).unwrap().modified().unwrap()
}

impl Mail {
    fn read(file: &Path) -> Self {
        let raw = fs::read_to_string(file).unwrap();
        let message: Message<'_> = MessageParser::default().parse(&raw).unwrap();
        let to = message.to().unwrap().iter();
        Self {
            to: to.map(|to| to.address().unwrap().to_owned()).collect(),
            subject: message.subject().unwrap().to_owned(),
            text: message.body_text(0).unwrap().into_owned(),
            html: message.body_html(0).unwrap().into_owned(),
            message_id: message.message_id().unwrap().to_owned(),
            raw: raw.clone(),
        }
    }

    /// The one link in it.
    pub(crate) fn link(&self) -> Url {
        let mut links: Vec<&str> = self
            .text
            .split_whitespace()
            .filter(|word| word.contains("://"))
            .collect();
        links.dedup();
        assert_eq!(links.len(), 1, "{}", self.text);
        links[0].parse().unwrap()
    }

    /// What `name` is in the link.
    pub(crate) fn value(&self, name: &str) -> String {
        let link = self.link();
        let mut values = link.query_pairs();
        let (_, value) = values.find(|(key, _)| key == name).unwrap();
        value.into_owned()
    }
}

//! The mails of the story, read from the folder in which the local stack leaves them.

use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use mail_parser::{Address, MessageParser};

/// How long a mail may be on its way.
const DELIVERY: Duration = Duration::from_secs(15);

/// A folder of mails, of which those that were there before the story are left alone.
pub(super) struct Mailbox {
    folder: PathBuf,
    read: RefCell<HashSet<PathBuf>>,
}

/// A mail as its reader sees it.
pub(super) struct Mail {
    pub(super) subject: String,
    text: String,
}

impl Mailbox {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let mailbox = Self {
            folder: folder.to_owned(),
            read: RefCell::default(),
        };
        let old = mailbox.files()?;
        mailbox.read.borrow_mut().extend(old);
        Ok(mailbox)
    }

    /// Waits for the next mail to `address`, and prints it.
    pub(super) async fn receive(&self, address: &str) -> anyhow::Result<Mail> {
        self.receive_about(address, "").await
    }

    /// Waits for the next mail to `address` whose subject starts with `about`, and prints it. Others
    /// stay where they are.
    pub(super) async fn receive_about(&self, address: &str, about: &str) -> anyhow::Result<Mail> {
        let started = Instant::now();
        loop {
            if let Some(mail) = self.next(address, about)? {
                println!("\n  A mail to {address}: {}", mail.subject);
                for line in mail.text.trim().lines() {
                    println!("  | {line}");
                }
                return Ok(mail);
            }
            if started.elapsed() > DELIVERY {
                bail!(
                    "no mail to {address} within {} s in {}",
                    DELIVERY.as_secs(),
                    self.folder.display()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn next(&self, address: &str, about: &str) -> anyhow::Result<Option<Mail>> {
        for file in self.files()? {
            if self.read.borrow().contains(&file) {
                continue;
            }
            let bytes = fs::read(&file)?;
            let message = MessageParser::default()
                .parse(&bytes)
                .with_context(|| format!("{} is no mail", file.display()))?;
            let subject = message.subject().unwrap_or_default();
            if message.to().and_then(first) == Some(address) && subject.starts_with(about) {
                self.read.borrow_mut().insert(file.clone());
                return Ok(Some(Mail {
                    subject: subject.to_owned(),
                    text: message.body_text(0).unwrap_or_default().into_owned(),
                }));
            }
        }
        Ok(None)
    }

    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let folder = fs::read_dir(&self.folder)
            .with_context(|| format!("the mails in {} cannot be read", self.folder.display()))?;
        let mut files = Vec::new();
        for entry in folder {
            files.push(entry?.path());
        }
        // A mail that is not complete has another name.
        files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
        Ok(files)
    }
}

impl Mail {
    /// The link that leads to `path` of the platform.
    pub(super) fn link(&self, path: &str) -> anyhow::Result<&str> {
        let leads_there = |word: &&str| {
            let (_, rest) = word.split_once("://").unwrap_or_default();
            let (_, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            target.split('?').next() == Some(path)
        };
        let mut words = self.text.split_whitespace();
        words
            .find(leads_there)
            .with_context(|| format!("the mail has no link to {path}"))
    }

    /// What `name` is in the link to `path`.
    pub(super) fn value(&self, path: &str, name: &str) -> anyhow::Result<String> {
        let link = reqwest::Url::parse(self.link(path)?)?;
        let mut values = link.query_pairs();
        values
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .with_context(|| format!("the link to {path} has no {name}"))
    }
}

fn first<'a>(to: &'a Address<'_>) -> Option<&'a str> {
    to.first()?.address()
}

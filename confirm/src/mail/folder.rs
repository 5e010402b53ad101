//! A folder instead of a mail server: each mail becomes a file that mail programs open.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use lettre::Address;
use uuid::Uuid;

use super::message::fingerprint;
use super::{Letter, SendError};

pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if it is missing, and tries whether it can be written to.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let path = path.context("mail.directory is required when mail.transport is \"file\"")?;
        fs::create_dir_all(path)
            .with_context(|| format!("mail.directory: {} cannot be made", path.display()))?;
        let probe = path.join(hidden_name("probe"));
        fs::write(&probe, "")
            .and_then(|()| fs::remove_file(&probe))
            .with_context(|| format!("mail.directory: {} cannot be written to", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Readers see the whole file or none; the same letter replaces its file.
    pub(super) async fn write(
        &self,
        letter: &Letter,
        recipients: &[Address],
        message: &[u8],
    ) -> Result<(), SendError> {
        let name = file_name(letter, recipients);
        let unfinished = self.path.join(hidden_name(&name));
        let written = match tokio::fs::write(&unfinished, message).await {
            Ok(()) => tokio::fs::rename(&unfinished, self.path.join(name)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            let _ = tokio::fs::remove_file(&unfinished).await;
            return Err(SendError::Temporary(anyhow!(
                "mail.directory: {}",
                error.kind()
            )));
        }
        Ok(())
    }
}

/// The purpose and the (first) recipient, for the person who looks for a mail, and which it is.
fn file_name(letter: &Letter, recipients: &[Address]) -> String {
    let recipient: String = recipients
        .first()
        .map_or("nobody", AsRef::as_ref)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "@+-._".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    format!(
        "{}-{recipient}-{}.eml",
        letter.template.name(),
        &fingerprint(&letter.id)
    )
}

/// A name that nobody takes for a mail.
fn hidden_name(name: &str) -> String {
    format!(".{name}.{}", Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    use super::super::Variables;
    use super::*;
    use crate::domain::template::Template;

    fn letter(id: &str) -> Letter {
        Letter {
            id: id.to_owned(),
            template: Template::CareTeam,
            recipients: Vec::new(),
            variables: Variables::default(),
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn the_same_letter_is_one_file_and_another_letter_another() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("new/mails");
        let folder = Folder::open(Some(&path)).unwrap();
        let to = ["carol+tide@example.org".parse().unwrap()];
        folder.write(&letter("1"), &to, b"first try").await.unwrap();
        folder
            .write(&letter("1"), &to, b"second try")
            .await
            .unwrap();
        let name = format!(
            "careteam_invitation-carol+tide@example.org-{}.eml",
            fingerprint("1")
        );
        assert_eq!(files(&path), std::slice::from_ref(&name));
        assert_eq!(fs::read(path.join(name)).unwrap(), b"second try");
        folder.write(&letter("2"), &to, b"another").await.unwrap();
        assert_eq!(files(&path).len(), 2);
    }

    #[test]
    fn no_address_leads_out_of_the_folder() {
        let to = ["a/b=c@example.org".parse().unwrap()];
        let name = file_name(&letter("1"), &to);
        let expected = format!(
            "careteam_invitation-a_b_c@example.org-{}.eml",
            fingerprint("1")
        );
        assert_eq!(name, expected);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_temporary_failure() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("mails");
        let folder = Folder::open(Some(&path)).unwrap();
        fs::remove_dir(&path).unwrap();
        let to = ["carol@example.org".parse().unwrap()];
        let error = folder.write(&letter("1"), &to, b"").await.unwrap_err();
        let expected = "the mail could not be delivered: mail.directory: entity not found";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named_with_its_setting() {
        let error = Folder::open(None).err().expect("a refusal").to_string();
        assert_eq!(
            error,
            "mail.directory is required when mail.transport is \"file\""
        );
        let scratch = tempfile::tempdir().unwrap();
        let occupied = scratch.path().join("mails");
        fs::write(&occupied, "").unwrap();
        let error = Folder::open(Some(&occupied))
            .err()
            .expect("a refusal")
            .to_string();
        assert_eq!(
            error,
            format!("mail.directory: {} cannot be made", occupied.display())
        );
    }
}

//! The two ways on which mails leave: to a mail server, or to a folder.

use lettre::Address;

use super::Letter;
use super::folder::Folder;
use super::smtp::Smtp;
use crate::config::{MailSettings, MailTransport};

/// Why a mail was not sent. The texts can be logged: they hold no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The address of every recipient is refused, or no message can be made for it; another try
    /// cannot help.
    #[error("the mail cannot be delivered: {0:#}")]
    Permanent(anyhow::Error),
    /// Another try may help, perhaps after somebody has corrected a setting.
    #[error("the mail could not be delivered: {0:#}")]
    Temporary(anyhow::Error),
}

pub(super) enum Transport {
    Smtp(Box<Smtp>),
    Folder(Folder),
}

impl Transport {
    pub(super) fn new(settings: &MailSettings) -> anyhow::Result<Self> {
        match settings.transport {
            MailTransport::Smtp => Ok(Self::Smtp(Box::new(Smtp::new(&settings.smtp)?))),
            MailTransport::File => Folder::open(settings.directory.as_deref()).map(Self::Folder),
        }
    }

    pub(super) async fn deliver(
        &self,
        letter: &Letter,
        from: &Address,
        recipients: &[Address],
        message: &[u8],
    ) -> Result<(), SendError> {
        match self {
            Self::Smtp(smtp) => smtp.deliver(from, recipients, message).await,
            Self::Folder(folder) => folder.write(letter, recipients, message).await,
        }
    }
}

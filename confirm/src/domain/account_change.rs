//! A change of an account that its owner was told of and may undo.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_types::{ChangedPart, password::Weakness};
use thiserror::Error;

/// What the confirmation keeps of it, as its context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountChange {
    /// The id of the change that is undone.
    pub(crate) change: String,
    /// What was changed.
    pub(crate) changed: Vec<ChangedPart>,
    /// When; milliseconds since 1970, UTC.
    pub(crate) changed_at: i64,
}

/// Why an account is not put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotRestored {
    #[error("No such link")]
    Unknown,
    #[error("The link has expired")]
    Expired,
    /// With this link or with one to an older change.
    #[error("The account has been put back already")]
    Done,
    #[error("Another account has a name of this account by now")]
    NamesTaken,
    #[error("The password is not accepted")]
    BadPassword,
    #[error("{0}")]
    WeakPassword(Weakness),
}

impl AccountChange {
    pub(crate) fn to_context(&self) -> Value {
        serde_json::to_value(self).expect("plain members are JSON")
    }

    /// `None`: it is the context of something else.
    pub(crate) fn read(context: Option<&Value>) -> Option<Self> {
        Self::deserialize(context?).ok()
    }

    /// When it was made, to the minute, as a mail or a page says it.
    pub(crate) fn when(&self) -> String {
        let at = DateTime::<Utc>::from_timestamp_millis(self.changed_at).unwrap_or_default();
        at.format("%-d %B %Y at %H:%M UTC").to_string()
    }

    /// What was changed, as a mail or a page says it.
    pub(crate) fn what(&self) -> Vec<&'static str> {
        let say = |part: &ChangedPart| match part {
            ChangedPart::Password => "the password",
            ChangedPart::PasswordByMail => "the password, with a link from a mail",
            ChangedPart::Username => "the user name",
            ChangedPart::Emails => "the e-mail addresses",
            ChangedPart::PutBack => {
                "user name, e-mail addresses and password: the account was put back with a link \
                 from a mail like this one"
            }
        };
        self.changed.iter().map(say).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::ChangedPart;

    use super::AccountChange;

    #[test]
    fn a_change_says_what_and_when() {
        let change = AccountChange {
            change: "c".to_owned(),
            changed: vec![
                ChangedPart::Password,
                ChangedPart::PasswordByMail,
                ChangedPart::Username,
                ChangedPart::Emails,
                ChangedPart::PutBack,
            ],
            changed_at: 1_700_000_000_000,
        };
        assert_eq!(change.when(), "14 November 2023 at 22:13 UTC");
        assert_eq!(
            change.what(),
            [
                "the password",
                "the password, with a link from a mail",
                "the user name",
                "the e-mail addresses",
                "user name, e-mail addresses and password: the account was put back with a link \
                 from a mail like this one",
            ]
        );
        let context = change.to_context();
        assert_eq!(
            context,
            json!({
                "change": "c", "changedAt": 1_700_000_000_000_i64,
                "changed": ["password", "passwordByMail", "username", "emails", "putBack"],
            })
        );
        assert_eq!(AccountChange::read(Some(&context)), Some(change));
        for other in [json!({}), json!({"view": {}}), json!(null)] {
            assert_eq!(AccountChange::read(Some(&other)), None);
        }
        assert_eq!(AccountChange::read(None), None);
    }
}

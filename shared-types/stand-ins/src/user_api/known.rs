//! What the played user-api keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_runtime::error::ApiError;
use shared_types::{ClinicId, Person, PersonProfile, UserRecord, address, password};

use super::{PASSWORD, invalid_details};

#[derive(Default)]
pub(super) struct Known {
    /// What a check answers, by token.
    pub(super) tokens: HashMap<String, Value>,
    /// By id.
    pub(super) accounts: BTreeMap<String, Account>,
    /// Whose profiles cannot be read.
    pub(super) unreadable: BTreeSet<String>,
    /// What a restoration answers.
    pub(super) void: Vec<String>,
}

/// An account and its profile.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    /// As services see it.
    #[serde(flatten)]
    pub(super) user: UserRecord,
    /// `None`: it is [`PASSWORD`], if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    /// `None`: the first address, if the account is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proven_email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<PersonProfile>,
    /// The clinic that had it made for a patient whom it has yet to store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) awaited_by: Option<ClinicId>,
    /// The keys of the changes that were made.
    #[serde(default)]
    pub(super) applied: Vec<String>,
}

impl Known {
    /// Puts the account `id` there, `account` with `members` changed.
    pub(super) fn put(&mut self, id: &str, mut account: Value, members: Value) {
        let Value::Object(members) = members else {
            panic!("members are an object");
        };
        let into = account.as_object_mut().unwrap();
        for (name, value) in members {
            if value.is_null() {
                into.remove(&name);
            } else {
                into.insert(name, value);
            }
        }
        let account = serde_json::from_value(account).expect("an account");
        self.accounts.insert(id.to_owned(), account);
    }

    /// Whether an account has `email` as its name or address.
    pub(super) fn is_taken(&self, email: &str) -> bool {
        self.accounts
            .values()
            .any(|account| account.is_named(email))
    }
}

impl Account {
    pub(super) fn emails(&self) -> &[String] {
        self.user.emails.as_deref().unwrap_or_default()
    }

    /// The address in the account's own spelling, if it has it.
    pub(super) fn own_address(&self, email: &str) -> Option<&String> {
        let mut emails = self.emails().iter();
        emails.find(|known| folded(known) == folded(email))
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        let username = self.user.username.as_deref();
        username.is_some_and(|known| folded(known) == folded(name))
            || self.own_address(name).is_some()
    }

    pub(super) fn has_password(&self) -> bool {
        self.user.password_exists == Some(true)
    }

    pub(super) fn is_verified(&self) -> bool {
        self.user.email_verified == Some(true)
    }

    /// Its password; `None`: it has none.
    pub(super) fn password(&self) -> Option<&str> {
        let password = self.password.as_deref().unwrap_or(PASSWORD);
        self.has_password().then_some(password)
    }

    /// Whether nobody can log into the account nor recover it.
    pub(super) fn is_unreachable(&self) -> bool {
        !self.has_password() && self.emails().is_empty()
    }

    /// As people see it.
    pub(super) fn record(&self) -> UserRecord {
        UserRecord {
            password_exists: None,
            ..self.user.clone()
        }
    }

    pub(super) fn person(&self) -> Person {
        let proven = self.proven_email.as_ref().or(self.emails().first());
        let proven = proven.filter(|_| self.is_verified());
        Person {
            user: self.user.clone(),
            profile: self.profile.clone(),
            proven_email: proven.and_then(|email| self.own_address(email)).cloned(),
        }
    }
}

/// Refuses a password that user-api does not take.
pub(super) fn check_password<'a>(
    password: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), ApiError> {
    if !password::is_acceptable(password) {
        return Err(invalid_details());
    }
    match password::weakness(password, names) {
        Some(weakness) => Err(ApiError::reason(
            StatusCode::BAD_REQUEST,
            weakness.to_string(),
        )),
        None => Ok(()),
    }
}

/// All spellings of an address alike, and as loosely as the database of user-api compares.
fn folded(email: &str) -> String {
    address::identity(email).to_lowercase().replace('ß', "ss")
}

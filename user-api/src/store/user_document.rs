//! The document of an account in the collection `users`: how it is read, made and changed.

use bson::{Document, doc, oid::ObjectId};
use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use shared_types::address;

use crate::domain::{
    account_change::AccountChange,
    user::{Account, CUSTODIAL_ROLE},
};

/// The member of the accounts that we made (see [`super::Holders`]).
pub(super) const HOLDERS_NAME_IT: &str = "holdersNameIt";

#[derive(Deserialize)]
pub(super) struct UserDocument {
    pub(super) userid: String,
    username: Option<String>,
    emails: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    #[serde(rename = "termsAccepted")]
    terms_accepted: Option<String>,
    /// The stored name of `emailVerified`.
    authenticated: Option<bool>,
    #[serde(rename = "provenEmail")]
    proven_email: Option<String>,
    #[serde(rename = "alsoProven")]
    also_proven: Option<Vec<String>>,
    pwhash: Option<String>,
}

impl From<UserDocument> for Account {
    fn from(document: UserDocument) -> Self {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            userid: document.userid.into(),
            username: filled(document.username),
            emails: document.emails.unwrap_or_default(),
            roles: document.roles.unwrap_or_default(),
            terms_accepted: filled(document.terms_accepted),
            email_verified: document.authenticated.unwrap_or_default(),
            proven_email: document.proven_email,
            also_proven: document.also_proven.unwrap_or_default(),
            password_hash: filled(document.pwhash),
        }
    }
}

/// The members of a document that make an [`Account`].
pub(super) fn members() -> Document {
    doc! {
        "userid": 1, "username": 1, "emails": 1, "roles": 1, "termsAccepted": 1,
        "authenticated": 1, "provenEmail": 1, "alsoProven": 1, "pwhash": 1,
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The document of a new account that was created by `by`.
pub(super) fn document(account: &Account, by: &str) -> Document {
    let mut document = doc! {
        "_id": ObjectId::new(),
        "userid": account.userid.as_str(),
        "authenticated": account.email_verified,
        "createdTime": now(),
        "createdUserId": by,
        HOLDERS_NAME_IT: true,
    };
    let lists = [
        ("emails", account.emails.clone()),
        ("roles", account.roles.clone()),
        ("alsoProven", account.also_proven.clone()),
        ("logins", logins(account)),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            document.insert(name, list);
        }
    }
    let texts = [
        ("username", &account.username),
        ("termsAccepted", &account.terms_accepted),
        ("provenEmail", &account.proven_email),
        ("pwhash", &account.password_hash),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            document.insert(name, text);
        }
    }
    document
}

/// The names that stand in `account`, each as all its spellings have it in common.
pub(super) fn logins(account: &Account) -> Vec<String> {
    account
        .standing()
        .into_iter()
        .map(address::identity)
        .collect()
}

/// The update that makes `change` to the account read as `read`; other members stay.
pub(super) fn change_of(read: &Account, change: &AccountChange, by: &str) -> Document {
    let mut set = doc! { "modifiedTime": now(), "modifiedUserId": by };
    let mut unset = Document::new();
    let mut put = |name: &str, value: Option<bson::Bson>| match value {
        Some(value) => drop(set.insert(name, value)),
        None => drop(unset.insert(name, "")),
    };
    let listed = |list: &[String]| (!list.is_empty()).then(|| list.into());
    if let Some(names) = &change.names {
        put("username", names.username.as_deref().map(Into::into));
        put("emails", listed(&names.emails));
    }
    if change.concerns_names() {
        let changed = read.changed(change.names.as_ref(), change.email_verified, &change.proof);
        put(
            "provenEmail",
            changed.proven_email.as_deref().map(Into::into),
        );
        put("alsoProven", listed(&changed.also_proven));
        put("logins", listed(&logins(&changed)));
    }
    if let Some(terms) = &change.terms_accepted {
        put("termsAccepted", Some(terms.as_str().into()));
    }
    if let Some(verified) = change.email_verified {
        put("authenticated", Some(verified.into()));
    }
    if let Some(hash) = &change.password_hash {
        put("pwhash", Some(hash.as_str().into()));
    }
    let ends_custody = change.password_hash.is_some();
    if let Some(roles) = &change.roles {
        let mut roles = roles.clone();
        roles.retain(|role| !(ends_custody && role == CUSTODIAL_ROLE));
        put("roles", listed(&roles));
    }
    let mut update = doc! { "$set": set };
    if !unset.is_empty() {
        update.insert("$unset", unset);
    }
    // Only this one, so that a role which somebody else gives at the same moment stays. Where no
    // roles were read, there may be no array to take it from.
    if ends_custody && change.roles.is_none() && !read.roles.is_empty() {
        update.insert("$pull", doc! { "roles": CUSTODIAL_ROLE });
    }
    update
}

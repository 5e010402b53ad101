//! What an invitation offers: permissions, and for a follower a nickname and when to be alerted.
//!
//! Three shapes are read: `{"permissions": {…}, "alertsConfig"?, "nickname"?}`, the bare permission
//! map of old documents, and that map with the other two members beside the permissions.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_runtime::body::nests_within;
use shared_types::{PermissionSet, ROOT, UserId, is_kept};
use thiserror::Error;

const PERMISSIONS: &str = "permissions";
const ALERTS: &str = "alertsConfig";
const NICKNAME: &str = "nickname";

/// The permission without which nobody is alerted.
pub(crate) const FOLLOW: &str = "follow";

/// As many names, and levels of objects in them, as gatekeeper takes.
const MAX_NAMES: usize = 64;
const MAX_DEPTH: usize = 16;

/// Longest part of an unknown name that is shown, in characters.
const MAX_SHOWN: usize = 40;

/// The longest nickname, in bytes.
const MAX_NICKNAME: usize = 1000;

/// Why a request's or a document's offer cannot be read. Never shows the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum InvalidContext {
    #[error("the context cannot be read")]
    Unreadable,
    #[error("alerts are configured without the permission to follow")]
    AlertsWithoutFollow,
}

/// Why an invitation cannot be made with these permissions.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum InvalidRequest {
    #[error("the permissions cannot be read")]
    Unreadable,
    #[error("Unknown permissions: {}", .0.join(", "))]
    UnknownNames(Vec<String>),
}

impl From<InvalidContext> for InvalidRequest {
    fn from(_: InvalidContext) -> Self {
        Self::Unreadable
    }
}

/// Why somebody who is a member of the care team already is not invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotForMember {
    #[error("a member is invited only to follow in addition")]
    NothingToAdd,
    #[error("more permissions than one can hold")]
    TooMany,
}

/// What is offered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offer {
    pub(crate) permissions: PermissionSet,
    pub(crate) alerts: Option<Alerts>,
    /// How the follower calls the account; not empty.
    pub(crate) nickname: Option<String>,
}

/// When a follower is alerted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alerts {
    /// The follower; `None` until the invitation is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) followed_user_id: Option<UserId>,
    /// The data set that is watched.
    #[serde(default)]
    upload_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgent_low: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    low: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    high: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_looping: Option<Alert>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_communication: Option<Alert>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Alert {
    enabled: bool,
    /// Minutes between two alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<i32>,
    /// Minutes before the first alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Threshold>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Threshold {
    units: Units,
    value: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Units {
    #[serde(rename = "mg/dL")]
    MgPerDl,
    #[serde(rename = "mmol/L")]
    MmolPerL,
}

impl Offer {
    /// Reads the context of a stored invitation.
    pub(crate) fn read(context: Option<&Value>) -> Result<Self, InvalidContext> {
        let Some(Value::Object(members)) = context else {
            return Err(InvalidContext::Unreadable);
        };
        let permissions = if let Some(permissions) = members.get(PERMISSIONS) {
            permissions_of(permissions)?
        } else {
            let mut bare = members.clone();
            bare.remove(ALERTS);
            bare.remove(NICKNAME);
            permissions_of(&Value::Object(bare))?
        };
        Self::with(permissions, members.get(ALERTS), members.get(NICKNAME))
    }

    /// The offer of these parts, `null` being the same as absent.
    pub(crate) fn with(
        permissions: PermissionSet,
        alerts: Option<&Value>,
        nickname: Option<&Value>,
    ) -> Result<Self, InvalidContext> {
        let alerts = match alerts {
            None | Some(Value::Null) => None,
            Some(alerts) => {
                Some(Alerts::deserialize(alerts).map_err(|_| InvalidContext::Unreadable)?)
            }
        };
        let nickname = match nickname {
            None | Some(Value::Null) => None,
            Some(Value::String(nickname)) if nickname.len() <= MAX_NICKNAME => {
                Some(nickname.clone()).filter(|nickname| !nickname.is_empty())
            }
            Some(_) => return Err(InvalidContext::Unreadable),
        };
        Ok(Self {
            permissions,
            alerts,
            nickname,
        })
    }

    /// As it is stored.
    pub(crate) fn to_context(&self) -> Value {
        let mut members = Map::new();
        members.insert(
            PERMISSIONS.to_owned(),
            Value::Object(self.permissions.0.clone()),
        );
        if let Some(alerts) = &self.alerts {
            let alerts = serde_json::to_value(alerts).expect("plain members are JSON");
            members.insert(ALERTS.to_owned(), alerts);
        }
        if let Some(nickname) = &self.nickname {
            members.insert(NICKNAME.to_owned(), Value::String(nickname.clone()));
        }
        Value::Object(members)
    }

    /// The offer to a member who holds `held`: it shows what the member will have then.
    pub(crate) fn for_member(mut self, held: PermissionSet) -> Result<Self, NotForMember> {
        let is_more = self.permissions.has(FOLLOW) && !held.has(FOLLOW) && !held.has(ROOT);
        if !is_more {
            return Err(NotForMember::NothingToAdd);
        }
        self.permissions.0.extend(held.0);
        if self.permissions.0.len() > MAX_NAMES {
            return Err(NotForMember::TooMany);
        }
        Ok(self)
    }

    /// What is granted on acceptance by `grantee` of an invitation of `sharer`: the alerts are
    /// theirs, whatever the sender wrote, and names that are no permissions grant nothing.
    pub(crate) fn accepted(
        mut self,
        sharer: &UserId,
        grantee: &UserId,
    ) -> Result<Self, InvalidContext> {
        self.permissions = self.permissions.grantable();
        self.permissions.0.retain(|_, value| !value.is_null());
        if let Some(alerts) = &mut self.alerts {
            if !self.permissions.has(FOLLOW) {
                return Err(InvalidContext::AlertsWithoutFollow);
            }
            alerts.user_id = Some(grantee.clone());
            alerts.followed_user_id = Some(sharer.clone());
        }
        Ok(self)
    }
}

/// Reads the permissions that a new invitation is to offer. Apart from `root`, which grants nothing,
/// they are permissions that there are, and their values come back as they are.
pub(crate) fn requested(value: &Value) -> Result<PermissionSet, InvalidRequest> {
    let set = permissions_of(value)?;
    let unknown: Vec<String> = set.unknown_names().map(shown).collect();
    if !unknown.is_empty() {
        return Err(InvalidRequest::UnknownNames(unknown));
    }
    if set.0.values().all(holds_kept_numbers) {
        Ok(set)
    } else {
        Err(InvalidRequest::Unreadable)
    }
}

/// Reads permissions in any of the forms that clients send: an object, a list of names, a list of
/// objects with one name each.
fn permissions_of(value: &Value) -> Result<PermissionSet, InvalidContext> {
    let named = match value {
        Value::Object(members) => members.clone(),
        Value::Array(items) => items
            .iter()
            .map(named_permission)
            .collect::<Result<_, _>>()?,
        _ => return Err(InvalidContext::Unreadable),
    };
    let set = PermissionSet(named).in_one_spelling();
    let all_storable = set.0.len() <= MAX_NAMES
        && nests_within(value, MAX_DEPTH)
        && set.0.iter().all(|(name, value)| {
            is_name(name) && matches!(value, Value::Object(_) | Value::Null) && is_storable(value)
        });
    if all_storable {
        Ok(set)
    } else {
        Err(InvalidContext::Unreadable)
    }
}

fn named_permission(item: &Value) -> Result<(String, Value), InvalidContext> {
    match item {
        Value::String(name) => Ok((name.clone(), Value::Object(Map::new()))),
        Value::Object(members) if members.len() == 1 => members
            .iter()
            .next()
            .map(|(name, value)| (name.clone(), value.clone()))
            .ok_or(InvalidContext::Unreadable),
        _ => Err(InvalidContext::Unreadable),
    }
}

/// The beginning of an unknown name, which may be long.
fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).collect()
}

fn holds_kept_numbers(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(holds_kept_numbers),
        Value::Object(members) => members.values().all(holds_kept_numbers),
        Value::Number(number) => is_kept(number),
        _ => true,
    }
}

/// Whether a document database gives `name` no meaning of its own.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0'])
}

/// Whether a document can hold `value`: integers there have a sign and 64 bits.
fn is_storable(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_storable),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| is_name(name) && is_storable(value)),
        Value::Number(number) => !number.is_u64() || number.is_i64(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;

//! Permission sets as they cross the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::UserId;

/// The owner's permission on the own account. Produced on read, never stored.
pub const ROOT: &str = "root";

/// The names that let their holder run an account: `admin` in the older vocabulary, `custodian`
/// in the newer. Each satisfies a check for the other.
pub const ADMINISTERING_NAMES: [&str; 2] = ["admin", "custodian"];

/// What one account may do on another: a JSON object whose keys are the permissions granted.
///
/// Values are objects, normally empty; they are kept as given. A key that is present and not
/// `null` is granted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"view": {}, "note": {}}))]
pub struct PermissionSet(pub Map<String, Value>);

/// The body of both lists: account id to permission set, ascending by id.
pub type PermissionsByUser = BTreeMap<UserId, PermissionSet>;

impl PermissionSet {
    /// The set of `names`, each with an empty object.
    pub fn of(names: &[&str]) -> Self {
        Self(
            names
                .iter()
                .map(|name| ((*name).to_owned(), Value::Object(Map::new())))
                .collect(),
        )
    }

    /// Whether nothing at all is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `name` is granted.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether the holder runs the account (`admin` or `custodian`).
    pub fn administers(&self) -> bool {
        ADMINISTERING_NAMES.iter().any(|name| self.has(name))
    }

    /// The names granted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::PermissionSet;

    #[test]
    fn a_null_value_grants_nothing() {
        let set: PermissionSet =
            serde_json::from_value(json!({"admin": null, "view": {"messages": false}})).unwrap();
        assert!(!set.administers());
        assert!(set.has("view"));
        assert_eq!(set.names().collect::<Vec<_>>(), ["view"]);
    }

    #[test]
    fn either_vocabulary_administers() {
        assert!(PermissionSet::of(&["admin"]).administers());
        assert!(PermissionSet::of(&["custodian", "view"]).administers());
        assert!(!PermissionSet::of(&["view", "edit"]).administers());
    }
}

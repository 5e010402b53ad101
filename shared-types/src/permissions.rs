//! Permission sets as they cross the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::UserId;

/// The owner's permission on the own account. Produced on read, never stored.
pub const ROOT: &str = "root";

/// The permissions that can be granted. Documents may hold other names, which count for nothing.
pub const PERMISSION_NAMES: [&str; 7] = [
    "admin",
    "custodian",
    "edit",
    "follow",
    "note",
    "upload",
    "view",
];

/// The name in which the sharing document writes `note`.
const NOTE_ALIAS: &str = "notes";
const NOTE: &str = "note";

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

    /// The names granted. What is neither `root` nor one of [`PERMISSION_NAMES`] grants nothing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(name, value)| (*name == ROOT || is_permission(name)) && !value.is_null())
            .map(|(name, _)| name.as_str())
    }

    /// Whether nothing that counts is granted.
    pub fn grants_nothing(&self) -> bool {
        self.names().next().is_none()
    }

    /// The names listed that nobody can be granted, apart from `root`.
    pub fn unknown_names(&self) -> impl Iterator<Item = &str> {
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| *name != ROOT && !is_permission(name))
    }

    /// The same set with `note` in the place of `notes`, which is another word for it.
    #[must_use]
    pub fn in_one_spelling(mut self) -> Self {
        if let Some(value) = self.0.remove(NOTE_ALIAS) {
            self.0.entry(NOTE).or_insert(value);
        }
        self
    }

    /// What of the set can be granted: it without `root` and unknown names.
    #[must_use]
    pub fn grantable(self) -> Self {
        let mut set = self.in_one_spelling();
        set.0.retain(|name, _| is_permission(name));
        set
    }
}

/// Whether `number`, in the value of a permission, comes back as it was sent: documents hold
/// integers of 64 bits and doubles, and a double without a fraction is shown as an integer.
pub fn is_kept(number: &Number) -> bool {
    let has_fraction = |double: f64| double.fract() != 0.0;
    number.is_i64() || (number.is_f64() && number.as_f64().is_some_and(has_fraction))
}

fn is_permission(name: &str) -> bool {
    PERMISSION_NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{PERMISSION_NAMES, PermissionSet, is_kept};

    #[test]
    fn a_null_value_grants_nothing() {
        let set: PermissionSet =
            serde_json::from_value(json!({"admin": null, "view": {"messages": false}})).unwrap();
        assert!(!set.administers());
        assert!(set.has("view"));
        assert_eq!(set.names().collect::<Vec<_>>(), ["view"]);
    }

    #[test]
    fn names_outside_the_vocabulary_count_for_nothing() {
        let set: PermissionSet =
            serde_json::from_value(json!({"banana": {}, "follow": {}, "root": {}, "View": {}}))
                .unwrap();
        assert_eq!(set.names().collect::<Vec<_>>(), ["follow", "root"]);
        assert_eq!(set.unknown_names().collect::<Vec<_>>(), ["View", "banana"]);
        assert_eq!(set.grantable(), PermissionSet::of(&["follow"]));
        for (names, nothing) in [
            (&[][..], true),
            (&["banana", "x", ""], true),
            (&["root"], false),
            (&["banana", "note"], false),
        ] {
            assert_eq!(PermissionSet::of(names).grants_nothing(), nothing);
        }
        assert_eq!(PermissionSet::of(&PERMISSION_NAMES).names().count(), 7);
    }

    #[test]
    fn notes_is_note() {
        for (set, wanted) in [
            (json!({"notes": {"a": 1}}), json!({"note": {"a": 1}})),
            (json!({"note": {}, "notes": {"a": 1}}), json!({"note": {}})),
        ] {
            let set: PermissionSet = serde_json::from_value(set).unwrap();
            let wanted: PermissionSet = serde_json::from_value(wanted).unwrap();
            assert_eq!(set.clone().grantable(), wanted);
            assert_eq!(set.in_one_spelling(), wanted);
        }
    }

    #[test]
    fn a_number_is_kept_as_an_integer_or_with_a_fraction() {
        for (text, kept) in [
            ("0", true),
            ("9007199254740993", true),
            ("-9223372036854775808", true),
            ("9223372036854775807", true),
            ("9223372036854775808", false),
            ("18446744073709551615", false),
            ("18446744073709551617", false),
            ("1.5", true),
            ("-0.1", true),
            ("5e-324", true),
            ("1.0", false),
            ("-0.0", false),
            ("1e2", false),
            ("1e300", false),
        ] {
            assert_eq!(
                is_kept(&serde_json::from_str(text).unwrap()),
                kept,
                "{text}"
            );
        }
    }

    #[test]
    fn either_vocabulary_administers() {
        assert!(PermissionSet::of(&["admin"]).administers());
        assert!(PermissionSet::of(&["custodian", "view"]).administers());
        assert!(!PermissionSet::of(&["view", "edit"]).administers());
    }
}

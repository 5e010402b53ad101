//! Metadata: what users keep about themselves, in named collections of which `profile` is the one
//! others see. Who may read and write which, and what may be written.

use serde_json::{Map, Value};
use shared_runtime::body::nests_within;
use shared_types::PermissionSet;

use crate::domain::profile::{check_birthday, check_profile};

/// All collections of a user: collection name to its content.
pub(crate) type Collections = Map<String, Value>;

/// The members of one collection.
pub(crate) type Members = Map<String, Value>;

/// How deep a body may nest, itself included; the reference's data needs four levels.
const MAX_DEPTH: usize = 32;

/// How long a user's metadata may be, as JSON text. The reference's largest documents are a
/// hundredth of it, and it keeps them far from MongoDB's limit of 16 MiB.
const MAX_BYTES: usize = 512 * 1024;

/// A named part of a user's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Profile,
    Preferences,
    Settings,
    /// Anonymous pairs that services keep about the user.
    Private,
    Groups,
}

/// What the caller is to the user whose metadata is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Service,
    Owner,
    /// Holds a permission that opens data.
    Trustee,
    /// Holds only permissions that open no data, or has given the user one, which the user accepted,
    /// and holds none.
    Acquaintance,
    Stranger,
}

/// The permissions without which nobody needs to know more of a user than a name: to write notes
/// and to be alerted.
const OPENING_NAMES_ALONE: [&str; 2] = ["follow", "note"];

impl Reader {
    /// What somebody is to the user who has granted `permissions`.
    pub(crate) fn holding(permissions: &PermissionSet) -> Self {
        if permissions.grants_nothing() {
            return Self::Stranger;
        }
        let mut names = permissions.names();
        if names.all(|name| OPENING_NAMES_ALONE.contains(&name)) {
            Self::Acquaintance
        } else {
            Self::Trustee
        }
    }
}

/// How much of a collection a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Whole,
    /// `fullName` alone.
    FullName,
}

/// Why metadata is not read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MetadataRefusal {
    #[error("the caller may not")]
    Unauthorized,
    #[error("there is no such collection or document")]
    Missing,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the metadata would grow too large")]
    TooLarge,
}

impl Collection {
    pub(crate) const ALL: [Self; 5] = [
        Self::Profile,
        Self::Preferences,
        Self::Settings,
        Self::Private,
        Self::Groups,
    ];

    /// The collection called `name`; `None` if there is no such collection.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|collection| collection.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Preferences => "preferences",
            Self::Settings => "settings",
            Self::Private => "private",
            Self::Groups => "groups",
        }
    }

    /// How much of the collection `reader` may see. Anonymous pairs are the services' own: who
    /// knew the hash could link the user's anonymous data to the user.
    pub(crate) fn view_for(self, reader: Reader) -> Result<View, MetadataRefusal> {
        match (reader, self) {
            (Reader::Service, _) => Ok(View::Whole),
            (_, Self::Private) | (Reader::Stranger, _) => Err(MetadataRefusal::Unauthorized),
            (Reader::Owner | Reader::Trustee, _) => Ok(View::Whole),
            (Reader::Acquaintance, Self::Profile) => Ok(View::FullName),
            (Reader::Acquaintance, _) => Err(MetadataRefusal::Unauthorized),
        }
    }

    /// What `view` shows of this collection; `None` if the user has no such collection.
    pub(crate) fn show(self, view: View, collections: &mut Collections) -> Option<Value> {
        let content = collections
            .remove(self.name())
            .filter(|content| !content.is_null())?;
        match view {
            View::Whole => Some(content),
            View::FullName => {
                let full_name = content.get("fullName").filter(|name| name.is_string());
                let shown = full_name.map(|name| ("fullName".to_owned(), name.clone()));
                Some(Value::Object(shown.into_iter().collect()))
            }
        }
    }

    /// Reads the body of a change: members to set, and `null` for those to remove.
    pub(crate) fn read_patch(self, body: &[u8]) -> Result<Members, MetadataRefusal> {
        let body = serde_json::from_slice(body)
            .map_err(|_| MetadataRefusal::Invalid("The body is not valid JSON"))?;
        if !nests_within(&body, MAX_DEPTH) {
            return Err(MetadataRefusal::Invalid("The body is nested too deeply"));
        }
        let Value::Object(patch) = body else {
            return Err(MetadataRefusal::Invalid("The body is not a JSON object"));
        };
        if self == Self::Profile {
            check_profile(&patch)?;
        }
        Ok(patch)
    }

    /// Sets the members of `patch` in this collection, and removes those that are `null` in it.
    /// A collection that is not an object, which nothing can be merged into, is replaced. A birthday
    /// that is none is not stored, unless it was there before.
    pub(crate) fn merge(
        self,
        patch: Members,
        collections: &mut Collections,
    ) -> Result<(), MetadataRefusal> {
        let content = collections
            .entry(self.name())
            .or_insert_with(|| Value::Object(Map::new()));
        let mut members = match content.take() {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        if self == Self::Profile {
            check_birthday(&patch, &members)?;
        }
        for (name, value) in patch {
            if value.is_null() {
                members.remove(&name);
            } else {
                members.insert(name, value);
            }
        }
        *content = Value::Object(members);
        check_size(collections)
    }
}

fn check_size(collections: &Collections) -> Result<(), MetadataRefusal> {
    let text = serde_json::to_string(collections).map_err(|_| MetadataRefusal::TooLarge)?;
    if text.len() > MAX_BYTES {
        Err(MetadataRefusal::TooLarge)
    } else {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Map, Value, json};
    use shared_types::PermissionSet;

    use super::{Collection, Collections, MAX_BYTES, MetadataRefusal, Reader, View};

    pub(crate) fn object(value: Value) -> Map<String, Value> {
        let Value::Object(members) = value else {
            panic!("{value} is not an object")
        };
        members
    }

    fn merged(before: Value, collection: Collection, patch: Value) -> Value {
        let mut collections: Collections = object(before);
        collection.merge(object(patch), &mut collections).unwrap();
        Value::Object(collections)
    }

    #[test]
    fn a_collection_is_known_by_its_name_alone() {
        for name in ["profile", "preferences", "settings", "private", "groups"] {
            assert_eq!(Collection::named(name).map(Collection::name), Some(name));
        }
        for name in ["", "Profile", "profiles", "$where", "profile.patient"] {
            assert_eq!(Collection::named(name), None, "{name}");
        }
    }

    #[test]
    fn each_reader_sees_what_the_contract_says() {
        use Collection::{Groups, Preferences, Private, Profile, Settings};
        let (whole, name, no) = (
            Ok(View::Whole),
            Ok(View::FullName),
            Err(MetadataRefusal::Unauthorized),
        );
        for (reader, of_profile, of_others, of_private) in [
            (Reader::Service, whole, whole, whole),
            (Reader::Owner, whole, whole, no),
            (Reader::Trustee, whole, whole, no),
            (Reader::Acquaintance, name, no, no),
            (Reader::Stranger, no, no, no),
        ] {
            assert_eq!(Profile.view_for(reader), of_profile, "{reader:?}");
            assert_eq!(Private.view_for(reader), of_private, "{reader:?}");
            for collection in [Preferences, Settings, Groups] {
                assert_eq!(collection.view_for(reader), of_others, "{reader:?}");
            }
        }
    }

    #[test]
    fn a_permission_opens_data_or_a_name_alone() {
        for (names, wanted) in [
            (&[][..], Reader::Stranger),
            (&["banana", "x"], Reader::Stranger),
            (&["note"], Reader::Acquaintance),
            (&["follow"], Reader::Acquaintance),
            (&["follow", "note", "banana"], Reader::Acquaintance),
            (&["note", "view"], Reader::Trustee),
            (&["view"], Reader::Trustee),
            (&["upload"], Reader::Trustee),
            (&["edit"], Reader::Trustee),
            (&["admin"], Reader::Trustee),
            (&["custodian"], Reader::Trustee),
        ] {
            let held = PermissionSet::of(names);
            assert_eq!(Reader::holding(&held), wanted, "{names:?}");
        }
    }

    #[test]
    fn a_view_shows_no_more_than_it_says() {
        let profile = json!({"fullName": "Bob", "patient": {"birthday": "2000-01-01"}});
        for (stored, view, shown) in [
            (
                json!({"profile": profile}),
                View::Whole,
                Some(profile.clone()),
            ),
            (
                json!({"profile": profile}),
                View::FullName,
                Some(json!({"fullName": "Bob"})),
            ),
            (
                json!({"profile": {"patient": {}}}),
                View::FullName,
                Some(json!({})),
            ),
            (
                json!({"profile": {"fullName": {"a": 1}}}),
                View::FullName,
                Some(json!({})),
            ),
            (json!({"profile": {}}), View::Whole, Some(json!({}))),
            (json!({"profile": null}), View::Whole, None),
            (json!({"settings": {}}), View::FullName, None),
        ] {
            assert_eq!(
                Collection::Profile.show(view, &mut object(stored.clone())),
                shown,
                "{stored}"
            );
        }
    }

    #[test]
    fn a_patch_sets_members_and_null_removes_them() {
        for (before, patch, after) in [
            (json!({}), json!({"a": 1}), json!({"profile": {"a": 1}})),
            (json!({}), json!({}), json!({"profile": {}})),
            (
                json!({"profile": {"a": 1, "b": 2}}),
                json!({"b": 3}),
                json!({"profile": {"a": 1, "b": 3}}),
            ),
            (
                json!({"profile": {"a": 1, "b": 2}}),
                json!({"a": null}),
                json!({"profile": {"b": 2}}),
            ),
            (
                json!({"profile": {"a": 1}}),
                json!({"a": null}),
                json!({"profile": {}}),
            ),
            (
                json!({"profile": {"p": {"x": 1}}}),
                json!({"p": {"y": 2}}),
                json!({"profile": {"p": {"y": 2}}}),
            ),
            (
                json!({"profile": null}),
                json!({"a": 1}),
                json!({"profile": {"a": 1}}),
            ),
            (
                json!({"profile": [1]}),
                json!({"a": 1}),
                json!({"profile": {"a": 1}}),
            ),
            (
                json!({"settings": {"s": 1}}),
                json!({"a": 1}),
                json!({"profile": {"a": 1}, "settings": {"s": 1}}),
            ),
            (
                json!({"profile": {}}),
                json!({"$set": 1, "a.b": {"$ne": 2}}),
                json!({"profile": {"$set": 1, "a.b": {"$ne": 2}}}),
            ),
        ] {
            assert_eq!(
                merged(before.clone(), Collection::Profile, patch.clone()),
                after,
                "{before} {patch}"
            );
        }
    }

    #[test]
    fn metadata_stays_within_its_size() {
        let frame = r#"{"settings":{"a":""}}"#.len();
        let mut collections = Collections::new();
        let patch = |chars: usize| object(json!({"a": "x".repeat(chars)}));
        assert_eq!(
            Collection::Settings.merge(patch(MAX_BYTES - frame + 1), &mut collections),
            Err(MetadataRefusal::TooLarge)
        );
        assert_eq!(
            Collection::Settings.merge(patch(MAX_BYTES - frame), &mut collections),
            Ok(())
        );
    }

    #[test]
    fn a_body_is_an_object_of_bounded_depth() {
        let nested =
            |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        for body in ["{}", r#"{"a":null}"#, " {\"a\":[1,{}]}\n", &nested(32)] {
            assert!(
                Collection::Settings.read_patch(body.as_bytes()).is_ok(),
                "{body}"
            );
        }
        for body in [
            "",
            "{",
            "[]",
            "null",
            "1",
            "\"a\"",
            "{}{}",
            "{'a':1}",
            "\u{0}",
            &nested(33),
            &nested(100_000),
        ] {
            assert!(
                matches!(
                    Collection::Settings.read_patch(body.as_bytes()),
                    Err(MetadataRefusal::Invalid(_))
                ),
                "{body}"
            );
        }
        assert!(
            Collection::Settings
                .read_patch(b"{\"a\":\"\xff\"}")
                .is_err()
        );
    }
}

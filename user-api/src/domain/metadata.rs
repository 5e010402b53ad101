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
    /// What a holder of `permissions` is to the user who granted them.
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
        self.check_patch(body)
    }

    /// The same of a body that was parsed.
    pub(crate) fn check_patch(self, body: Value) -> Result<Members, MetadataRefusal> {
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
pub(crate) mod tests;

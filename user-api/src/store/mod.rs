//! The collections, one file each.

mod metadata;
mod tokens;
mod users;

pub(crate) use metadata::MetadataStore;
pub(crate) use tokens::Tokens;
pub(crate) use users::{AccountChange, NamesChange, Users};

//! The collections, one file each.

mod applied_updates;
mod awaited;
mod holders;
mod logins;
mod metadata;
mod new_accounts;
mod past_accounts;
mod tokens;
mod user_document;
mod user_locks;
mod users;

pub(crate) use applied_updates::{AppliedUpdate, AppliedUpdates};
pub(crate) use awaited::{Awaited, Waiting};
pub(crate) use holders::Holders;
pub(crate) use metadata::MetadataStore;
pub(crate) use new_accounts::NewAccounts;
pub(crate) use past_accounts::PastAccounts;
pub(crate) use tokens::Tokens;
pub(crate) use user_locks::Locks;
pub(crate) use users::Users;

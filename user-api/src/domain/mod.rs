//! The rules: types and pure functions.

pub(crate) mod account_change;
pub(crate) mod address;
pub(crate) mod associate_filter;
pub(crate) mod associates;
pub(crate) mod condition;
pub(crate) mod credentials;
pub(crate) mod deletion;
pub(crate) mod details;
pub(crate) mod guess;
pub(crate) mod holders;
pub(crate) mod members;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod password;
pub(crate) mod past;
pub(crate) mod people;
pub(crate) mod private_pair;
pub(crate) mod profile;
pub(crate) mod proof;
pub(crate) mod query;
pub(crate) mod rights;
pub(crate) mod session;
pub(crate) mod standing;
pub(crate) mod update;
pub(crate) mod user;

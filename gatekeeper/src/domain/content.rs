//! What may be wrong with what a request says.

use thiserror::Error;

use super::permissions::{MAX_DEPTH, MAX_NAMES};

/// Why a body or a path is not what it should be. Never shows the content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum InvalidContent {
    #[error("Invalid JSON: {0}")]
    Syntax(String),
    #[error("Invalid permissions: expected an object or null")]
    NotAnObject,
    #[error("Invalid permissions: the value of a permission must be an object")]
    ValueNotAnObject,
    #[error("Invalid permissions: a name must not be empty, start with $ or contain . or NUL")]
    Name,
    #[error("Invalid permissions: at most {MAX_NAMES} names and {MAX_DEPTH} levels")]
    TooLarge,
    #[error("Invalid account id: expected a text that is not empty")]
    AccountId,
    #[error("Invalid grant id: expected 1 to 64 letters, digits, - or _")]
    GrantId,
    #[error("Invalid clinic id: expected 24 hexadecimal digits")]
    ClinicId,
    #[error("Invalid revision: expected an integer, at least 1")]
    Revision,
}

//! What may be wrong with what a request says.

use std::fmt;

use shared_types::PERMISSION_NAMES;
use thiserror::Error;

use super::permissions::{MAX_DEPTH, MAX_NAMES};

/// Longest part of an unknown name that is shown, in characters.
const MAX_SHOWN: usize = 40;

/// Why a body or a path is not what it should be. Shows no content but names of permissions.
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
    #[error("Invalid permissions: {}", Unknown(.0))]
    UnknownNames(Vec<String>),
    #[error("Invalid permissions: a number must be an integer of 64 bits or have a fraction")]
    Number,
    #[error("Invalid permissions: at most {MAX_NAMES} names and {MAX_DEPTH} levels")]
    TooLarge,
    #[error("Invalid If-Match or If-None-Match: expected * or a list of entity tags")]
    Precondition,
    #[error("Invalid account id: expected a text that is not empty")]
    AccountId,
    #[error("Invalid grant id: expected 1 to 64 letters, digits, - or _")]
    GrantId,
    #[error("Invalid clinic id: expected 24 hexadecimal digits")]
    ClinicId,
    #[error("Invalid revision: expected an integer, at least 1")]
    Revision,
    #[error("Invalid until: expected a time in milliseconds since 1970")]
    Until,
}

/// Names that nobody can be granted, and those that can.
struct Unknown<'a>(&'a [String]);

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unknown names ")?;
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let shown: String = name.chars().take(MAX_SHOWN).collect();
            write!(formatter, "{separator}{shown}")?;
        }
        write!(formatter, "; the names are {}", PERMISSION_NAMES.join(", "))
    }
}

//! The rules of permissions: pure functions over values, without clock, database or HTTP.

pub(crate) mod access;
pub(crate) mod content;
pub(crate) mod grants;
pub(crate) mod last_admin;
pub(crate) mod permissions;
pub(crate) mod precondition;

use thiserror::Error;

use content::InvalidContent;
use precondition::Tag;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the caller may not do this")]
    Unauthorized,
    #[error("there is no permission for this pair")]
    NoPermissions,
    #[error("the last admin of an account without login or recovery stays")]
    LastAdmin,
    #[error("who offered the permissions does not run the account")]
    MayNotShare,
    /// What is there has the tag; `None`: nothing is there.
    #[error("a precondition does not hold")]
    PreconditionFailed(Option<Tag>),
    #[error(transparent)]
    InvalidContent(#[from] InvalidContent),
}

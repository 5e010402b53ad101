//! What the service does: a use case loads, decides (`domain`), writes (`store`) and tells other
//! services. Routes call it; it knows no HTTP type and makes no query of its own.

pub(crate) mod change_holders;
pub(crate) mod replace_permissions;

//! What the service does: an act loads, decides (`domain`), writes (`store`) and reports to other
//! services. Routes call it; an act knows no HTTP type and makes no query of its own.

pub(crate) mod apply_grant;
pub(crate) mod change_holders;
pub(crate) mod delete_account;
pub(crate) mod end_custody;
pub(crate) mod find_permissions;
pub(crate) mod hand_over_account;
pub(crate) mod list_administered;
pub(crate) mod lock_account;
pub(crate) mod relate_clinic;
pub(crate) mod replace_permissions;

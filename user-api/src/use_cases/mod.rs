//! What the service does: an act loads, decides (`domain`), writes (`store`) and reports to other
//! services. Routes and the relay call it; an act knows no HTTP type and makes no query of its own.

pub(crate) mod await_enrolment;
pub(crate) mod change_metadata;
pub(crate) mod create_account;
pub(crate) mod create_child;
pub(crate) mod create_custodial_account;
pub(crate) mod delete_account;
pub(crate) mod end_custody;
pub(crate) mod hand_over_account;
pub(crate) mod keep_custody;
pub(crate) mod list_associates;
pub(crate) mod list_people;
pub(crate) mod log_in;
pub(crate) mod notify_owner;
pub(crate) mod prove_address;
pub(crate) mod report_address;
pub(crate) mod restore_account;
pub(crate) mod sign_up;
pub(crate) mod update_account;

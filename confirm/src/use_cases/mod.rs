//! What the service does: an act loads, decides (`domain`), writes (`store`) and reports to other
//! services. Routes, pages and the relay call it; an act knows no HTTP type and makes no query of
//! its own.

pub(crate) mod answer;
pub(crate) mod attach_invitations;
pub(crate) mod forget_account;
pub(crate) mod invite_clinician;
pub(crate) mod list_clinic_invitations;
pub(crate) mod list_invitations;
pub(crate) mod load_people;
pub(crate) mod report_change;
pub(crate) mod report_clinic_event;
pub(crate) mod reset_password;
pub(crate) mod send_invitation;
pub(crate) mod send_mail;
pub(crate) mod send_sign_up;
pub(crate) mod share_with_clinic;
pub(crate) mod undo_change;
mod unfinished;

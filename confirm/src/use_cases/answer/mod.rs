//! The responses to invitations and sign-ups: each is accepted, declined or canceled here.

pub(crate) mod accept_invitation;
pub(super) mod acceptance;
pub(crate) mod answer_confirmation;
pub(crate) mod end_share;
pub(crate) mod enrol_patient;
pub(crate) mod join_clinic;
pub(crate) mod verify_address;
pub(crate) mod withdraw_clinician;

//! The rules: what a confirmation is, who may answer it and when, what an invitation offers, what a
//! name may show.

pub(crate) mod account_change;
pub(crate) mod claim;
pub(crate) mod clinic_invitation;
pub(crate) mod confirmation;
pub(crate) mod context;
pub(crate) mod invitation;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod quota;
pub(crate) mod restriction;
pub(crate) mod sign_up;
pub(crate) mod template;

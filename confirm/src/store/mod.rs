//! The collections of confirm.

mod answers;
mod attachments;
mod clinic_invitations;
mod confirmation_document;
mod confirmations;
mod keys;
mod quotas;

pub(crate) use answers::Invited;
pub(crate) use confirmations::Confirmations;
pub(crate) use quotas::Quotas;

//! The collections of confirm.

mod answers;
mod confirmation_document;
mod confirmations;
mod keys;
mod quotas;

pub(crate) use confirmations::Confirmations;
pub(crate) use quotas::Quotas;

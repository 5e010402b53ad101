//! What is wrong with a claim, in sentences beside its fields.

use shared_types::password::Weakness;

use super::templates::Errors;
use crate::{
    domain::claim::InvalidClaim,
    error::{Error, Refusal},
};

/// What has to be corrected; `None`: the error is about something else.
pub(super) fn errors_of(error: &Error) -> Option<Errors> {
    let wrong = match error {
        Error::Refused(Refusal::InvalidClaim(invalid)) => sentence(*invalid),
        Error::Refused(Refusal::WeakClaim(weakness)) => ("password", sentence_of(*weakness)),
        _ => return None,
    };
    Some(Errors::from([wrong]))
}

/// What to do about a weak password.
pub(super) fn sentence_of(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::Common => "Very many people have this password. Choose another one.",
        Weakness::Own => "This is your name or address. Choose another password.",
    }
}

/// The field, and what to do about it.
fn sentence(invalid: InvalidClaim) -> (&'static str, &'static str) {
    match invalid {
        InvalidClaim::NoBody | InvalidClaim::NoPassword => ("password", "Choose a password."),
        InvalidClaim::InvalidPassword => ("password", BAD_PASSWORD),
        InvalidClaim::NoBirthday => ("birthday", "Enter the birthday."),
        InvalidClaim::InvalidBirthday => (
            "birthday",
            "This is no date. Write year, month and day, such as 2014-05-31.",
        ),
        InvalidClaim::WrongBirthday => (
            "birthday",
            "The account has another birthday. Ask whoever made it for you.",
        ),
        InvalidClaim::UnreadableBirthday => (
            "birthday",
            "The birthday in the account is no date. Ask whoever made it for you to correct it.",
        ),
        InvalidClaim::OtherPassword => (
            "password",
            "The account has a password already, and this is another one. Log in with yours, or \
             ask for a new one if you forgot it.",
        ),
    }
}

/// Said of a password that user-api would not take.
pub(super) const BAD_PASSWORD: &str =
    "Choose a password of 8 to 72 characters, without spaces at the ends.";

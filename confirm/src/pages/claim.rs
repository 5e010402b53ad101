//! What is wrong with a claim, in sentences beside its fields.

use shared_runtime::error::{ApiError, ErrorBody};

use super::templates::Errors;
use crate::domain::claim::InvalidClaim;

/// What has to be corrected; `None`: the error is about something else.
pub(super) fn errors_of(error: &ApiError) -> Option<Errors> {
    let ErrorBody::Numbered { error, reason } = error.body() else {
        return None;
    };
    InvalidClaim::ALL
        .into_iter()
        .find(|invalid| invalid.number() == *error && invalid.to_string() == *reason)
        .map(|invalid| Errors::from([sentence(invalid)]))
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
pub(super) const BAD_PASSWORD: &str = "Choose a password of 8 to 72 characters, without spaces.";

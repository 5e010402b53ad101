//! The effects of both outboxes, and who carries them out.

use shared_runtime::outbox::Effects;

use crate::{
    State,
    use_cases::{accept_invitation, reset_password, send_mail},
};

/// The effects that confirm owes: mails, grants, the look-up behind a forgotten password.
pub(crate) fn effects(state: State) -> Effects<State> {
    Effects::of(state)
        .on(send_mail::send)
        .on(accept_invitation::resume)
        .on(reset_password::send)
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use shared_runtime::{outbox::Effect, testing::assert_row};

    use crate::use_cases::{
        accept_invitation::Accepted, reset_password::Forgotten, send_mail::QueuedMail,
    };

    #[test]
    fn rows_are_those_of_earlier_releases() {
        let (key, now) = ("k".to_owned(), DateTime::from_millis(1));
        let accepted = Accepted { key: key.clone() };
        assert_row(&accepted, "invitation.accepted", &doc! { "key": "k" });
        assert_eq!(accepted.key(), "invitation:k");
        let forgotten = Forgotten {
            email: "a@z.co".to_owned(),
            key: key.clone(),
            at: now,
        };
        let payload = doc! { "email": "a@z.co", "key": "k", "at": now };
        assert_row(&forgotten, "password.forgotten", &payload);
        assert_eq!(forgotten.key(), "forgotten:k");
        let mail = QueuedMail { key, created: now };
        assert_row(&mail, "mail", &doc! { "key": "k", "created": now });
        assert_ne!(mail.key(), mail.key());
    }
}

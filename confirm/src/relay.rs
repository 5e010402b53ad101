//! The effects of both outboxes, and who carries them out.

use shared_runtime::outbox::Effects;

use crate::{
    State,
    use_cases::{
        answer::{accept_invitation, enrol_patient, join_clinic, withdraw_clinician},
        invite_clinician, reset_password, send_mail,
    },
};

/// The effects that confirm owes: mails, grants, who joins a clinic as what, the look-up behind a
/// forgotten password.
pub(crate) fn effects(state: State) -> Effects<State> {
    Effects::of(state)
        .on(send_mail::send)
        .on(accept_invitation::resume)
        .on(enrol_patient::resume)
        .on(join_clinic::resume)
        .on(invite_clinician::resume)
        .on(withdraw_clinician::resume)
        .on(reset_password::send)
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use shared_runtime::{outbox::Effect, testing::assert_row};

    use crate::use_cases::{
        answer::{
            accept_invitation::Accepted, enrol_patient::PatientAccepted,
            join_clinic::ClinicAccepted, withdraw_clinician::ClinicianWithdrawn,
        },
        invite_clinician::ClinicianInvited,
        reset_password::Forgotten,
        send_mail::QueuedMail,
    };

    #[test]
    fn rows_are_those_of_earlier_releases() {
        let (key, now) = ("k".to_owned(), DateTime::from_millis(1));
        let accepted = Accepted { key: key.clone() };
        assert_row(&accepted, "invitation.accepted", &doc! { "key": "k" });
        assert_eq!(accepted.key(), "invitation:k");
        let accepted = PatientAccepted {
            key: key.clone(),
            details: "{}".to_owned(),
        };
        let payload = doc! { "key": "k", "details": "{}" };
        assert_row(&accepted, "clinic.patient.accepted", &payload);
        assert_eq!(accepted.key(), "invitation:k");
        let joined = ClinicAccepted { key: key.clone() };
        assert_row(&joined, "clinic.accepted", &doc! { "key": "k" });
        assert_eq!(joined.key(), "invitation:k");
        let invited = ClinicianInvited { key: key.clone() };
        assert_row(&invited, "clinic.clinician.invited", &doc! { "key": "k" });
        assert_eq!(invited.key(), "invitation:k");
        let withdrawn = ClinicianWithdrawn {
            key: key.clone(),
            clinic_id: [7; 12].into(),
        };
        let payload = doc! { "key": "k", "clinicId": "070707070707070707070707" };
        assert_row(&withdrawn, "clinic.clinician.withdrawn", &payload);
        assert_eq!(withdrawn.key(), "invitation:k");
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

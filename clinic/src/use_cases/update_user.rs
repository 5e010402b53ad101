//! An account gets another address, or loses it: clinics hear of it.

use bson::DateTime;
use shared_runtime::{
    body::Member,
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
};
use shared_types::UserId;

use crate::{
    State,
    domain::{Refusal, patient::PatientChange, user_details::UserDetails},
    error::{Error, Failure},
    use_cases::ask_to_claim,
};

/// Notes the address of `user` everywhere, or that a patient has none; a clinician keeps the one that
/// was known. Everywhere or nowhere. Repeatable.
pub(crate) async fn update_user(
    state: &State,
    user: &UserId,
    details: &UserDetails,
) -> Result<(), Error> {
    let email = details.email()?;
    let store = &state.store;
    let updated = transaction::<_, Refusal>(&store.client, async |session| {
        let now = DateTime::now();
        if let Some(email) = email {
            store
                .clinicians
                .set_email(session, user, email, now)
                .await?;
        }
        let change = PatientChange {
            email: email.map_or(Member::Null, |email| Member::Given(email.to_owned())),
            updated_time: Some(now.to_chrono()),
            ..PatientChange::default()
        };
        for patient in store.patients.list_of_user_in(session, user).await? {
            let updated = store.patients.update(session, &patient, &change).await?;
            ask_to_claim::queue(&state.outbox, session, &updated).await?;
        }
        Ok(())
    });
    match updated.await {
        // Nothing else of what changes is unique.
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            Err(Refusal::DuplicateEmail.into())
        }
        updated => {
            updated.or_fail(Failure)?;
            state.outbox.wake();
            Ok(())
        }
    }
}

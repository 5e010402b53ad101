//! Who works for a clinic changes. Each such change locks the clinic, whose document keeps who runs
//! it: two exclude each other, the last administrator stays, and nobody joins a clinic that goes.

use bson::DateTime;
use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicEvent, ClinicId, UserId, address};

use crate::{
    State,
    domain::{
        Refusal,
        clinician::{Clinician, ClinicianDetails, same_roles},
        text::Filled,
    },
    error::{Error, Failure},
    store::ClinicianChange,
    use_cases::{merge_clinics::check_not_merging, notify, relate},
};

/// Adds a clinician, or somebody who is invited; returns it.
pub(crate) async fn create_clinician(
    state: &State,
    clinic_id: ClinicId,
    details: &ClinicianDetails,
) -> Result<Clinician, Error> {
    let now = DateTime::now().to_chrono();
    let clinician = Clinician {
        clinic_id,
        user_id: details.id.clone().map(|id| id.0),
        invite_id: details.invite_id.clone(),
        email: Some(address::lower_case(&details.email)),
        name: details.name.clone().map(Into::into),
        roles: details.roles.names(),
        is_service_account: false,
        created_time: now,
        updated_time: now,
    };
    add_clinician(state, &clinician).await?;
    Ok(clinician)
}

/// Adds a clinician, unless somebody like it is there.
pub(super) async fn add_clinician(state: &State, clinician: &Clinician) -> Result<(), Error> {
    let clinic = clinician.clinic_id;
    let added = in_transaction(state, clinic, async |session| {
        let clinicians = &state.store.clinicians;
        if clinicians.has_like(session, clinician).await? {
            return Err(Refusal::DuplicateClinician.into());
        }
        clinicians.insert(session, clinician).await?;
        if let Some(user) = &clinician.user_id {
            let now = DateTime::from_chrono(clinician.created_time);
            note_admin(state, session, clinic, user, clinician.is_admin(), now).await?;
            relate::clinician(state, session, clinic, user).await?;
        }
        Ok(())
    });
    added.await
}

/// Changes name and roles of a clinician; returns it since.
pub(crate) async fn update_clinician(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    details: &ClinicianDetails,
    by: &str,
) -> Result<Clinician, Error> {
    let updated = in_transaction(state, clinic, async |session| {
        let now = DateTime::now();
        let clinicians = &state.store.clinicians;
        let stored = clinicians.find_in(session, clinic, user).await?;
        let stored = stored.ok_or(Refusal::ClinicianNotFound)?;
        let roles = details.roles.names();
        let change = ClinicianChange {
            name: details.name.as_ref().map(Filled::as_str),
            roles: &roles,
            roles_changed_by: (!same_roles(&stored.roles, &roles)).then_some(by),
        };
        let updated = clinicians.update(session, clinic, user, &change, now);
        let updated = updated.await?.ok_or(Refusal::ClinicianNotFound)?;
        note_admin(state, session, clinic, user, updated.is_admin(), now).await?;
        // Who changes roles of their own knows.
        if change
            .roles_changed_by
            .is_some_and(|by| by != user.as_str())
        {
            notify::queue(state, session, ClinicEvent::RolesChanged, clinic, user).await?;
        }
        Ok(updated)
    });
    updated.await
}

/// Makes whoever was invited under `invite` a clinician with the account `user`; returns it.
pub(crate) async fn associate_clinician(
    state: &State,
    clinic: ClinicId,
    invite: &str,
    user: &UserId,
) -> Result<Clinician, Error> {
    let person = state.user_api.person(user).await.or_fail(Failure)?;
    let name = person.and_then(|person| person.profile?.full_name);
    let associated = in_transaction(state, clinic, async |session| {
        let now = DateTime::now();
        let clinicians = &state.store.clinicians;
        let invited = (clinic, invite);
        if clinicians.find_in(session, clinic, user).await?.is_some() {
            let is_invited = clinicians.has_invited_in(session, invited).await?;
            return Err(Aborted::Refused(if is_invited {
                Refusal::DuplicateClinician
            } else {
                Refusal::ClinicianNotFound
            }));
        }
        let associated = clinicians.associate(session, invited, user, name.as_deref(), now);
        let associated = associated.await?.ok_or(Refusal::ClinicianNotFound)?;
        note_admin(state, session, clinic, user, associated.is_admin(), now).await?;
        relate::clinician(state, session, clinic, user).await?;
        Ok(associated)
    });
    associated.await
}

/// Removes a clinician and archives it; `by`: a person, if one does it.
pub(crate) async fn delete_clinician(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    by: Option<&UserId>,
) -> Result<(), Error> {
    let deleted = in_transaction(state, clinic, async |session| {
        let store = &state.store;
        let deleted = store.clinicians.delete(session, clinic, user).await?;
        let deleted = deleted.ok_or(Refusal::ClinicianNotFound)?;
        store
            .archives
            .add_clinicians(session, vec![deleted], by)
            .await?;
        note_admin(state, session, clinic, user, false, DateTime::now()).await?;
        relate::clinician(state, session, clinic, user).await?;
        Ok(())
    });
    deleted.await
}

/// Removes whoever was invited under `invite`. An invitation leaves no trace in the archive.
pub(crate) async fn delete_invited(
    state: &State,
    clinic: ClinicId,
    invite: &str,
) -> Result<(), Error> {
    let deleted = in_transaction(state, clinic, async |session| {
        let clinicians = &state.store.clinicians;
        if clinicians.delete_invited(session, clinic, invite).await? {
            Ok(())
        } else {
            Err(Refusal::ClinicianNotFound.into())
        }
    });
    deleted.await
}

/// Makes a change of who works for a clinic, which is there and more than a legacy account.
async fn in_transaction<T>(
    state: &State,
    clinic: ClinicId,
    mut change: impl AsyncFnMut(&mut ClientSession) -> Result<T, Aborted<Refusal>>,
) -> Result<T, Error> {
    let changed = state
        .store
        .change(clinic, async |session| {
            match state.store.clinics.lock(session, clinic).await? {
                None => Err(Refusal::ClinicNotFound.into()),
                Some(false) => Err(Refusal::NotMigrated.into()),
                Some(true) => {
                    check_not_merging(&state.store, session, clinic).await?;
                    change(session).await
                }
            }
        })
        .await
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(changed)
}

/// Notes in the clinic whether `user` runs it. Who does not may not be the last who did.
async fn note_admin(
    state: &State,
    session: &mut ClientSession,
    clinic: ClinicId,
    user: &UserId,
    is_admin: bool,
    now: DateTime,
) -> Result<(), Aborted<Refusal>> {
    let clinics = &state.store.clinics;
    if is_admin {
        clinics.add_admin(session, clinic, user, now).await?;
    } else if !clinics.remove_admin(session, clinic, user, now).await? {
        return Err(Refusal::LastAdmin.into());
    }
    Ok(())
}

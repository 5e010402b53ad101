//! What is known of a patient changes, or a patient goes.

use mongodb::ClientSession;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key},
    peers::user_api::CustodialAccount,
};
use shared_types::{ClinicEvent, ClinicId, PermissionSet, UserId};

use crate::{
    State,
    domain::{
        Refusal,
        clinic::{Clinic, Site},
        labels::renamed,
        patient::{NoRevert, Patient, PatientChange, Review, granted, reverted, reviewed, without},
        patient_details::{PatientDetails, resolved},
    },
    error::{Error, Failure},
    store::{Stored, now},
    use_cases::{
        ask_to_claim, describe_patient,
        enrol_patient::check_mrn,
        merge_clinics::{check_may_leave, check_not_merging},
        notify, relate,
    },
};

/// Changes what a clinic knows of its patient; returns it since. The account of a custodial patient
/// gets the address first.
pub(crate) async fn update_patient(
    state: &State,
    clinic_id: ClinicId,
    user: &UserId,
    details: &PatientDetails,
) -> Result<Patient, Error> {
    let store = &state.store;
    let clinic = store.clinics.find(clinic_id).await.or_fail(Failure)?;
    let clinic = clinic.ok_or(Refusal::PatientNotFound)?;
    let stored = store
        .patients
        .find(clinic_id, user)
        .await
        .or_fail(Failure)?;
    let stored = stored.ok_or(Refusal::PatientNotFound)?;
    let (change, are_sites_known) = read(details, &clinic);
    change.check_address(stored.email.as_deref())?;
    check(state, &clinic, &stored.clone().with(&change)).await?;
    // Sites come last, but before the account, which nothing changes back.
    if !are_sites_known {
        return Err(Refusal::UnknownSite.into());
    }
    if stored.is_custodial() {
        rename_account(state, &stored, &change).await?;
    }
    let updated = change_patient(state, clinic_id, user, async |session, patient| {
        let changed = patient.clone().with(&change);
        if patient.changes_mrn(&change) {
            check_not_merging(&state.store, session, clinic_id).await?;
        }
        check_mrn(state, session, &clinic, &changed, Refusal::MrnJustTaken).await?;
        let sites = match &change.sites {
            Some(sites) => Some(current_sites(state, session, clinic_id, sites).await?),
            None => None,
        };
        describe_patient::queue(&state.outbox, session, &changed).await?;
        // By now user-api may have said so itself.
        if changed.email != stored.email {
            ask_to_claim::queue(&state.outbox, session, &changed).await?;
        }
        Ok(PatientChange {
            sites,
            ..change.clone()
        })
    });
    let updated = updated.await?;
    state.outbox.wake();
    Ok(updated)
}

/// The sites of a patient as the clinic calls them at this moment. A site that goes or is renamed
/// meanwhile moves the lanes on, in one of which the patient is counted: one of both waits.
async fn current_sites(
    state: &State,
    session: &mut ClientSession,
    clinic: ClinicId,
    sites: &[Site],
) -> Result<Vec<Site>, Aborted<Refusal>> {
    if sites.is_empty() {
        return Ok(Vec::new());
    }
    let of_clinic = state.store.clinics.find_sites_in(session, clinic).await?;
    Ok(renamed(sites, &of_clinic).ok_or(Refusal::UnknownSite)?)
}

/// What `details` change, and whether the clinic has all sites that they name.
fn read(details: &PatientDetails, clinic: &Clinic) -> (PatientChange, bool) {
    let sites = details.sites.as_deref();
    let (sites, are_known) = match sites.map(|chosen| resolved(chosen, &clinic.sites)) {
        Some((sites, are_known)) => (Some(sites), are_known),
        None => (None, true),
    };
    let settings = clinic.mrn_settings.unwrap_or_default();
    let change = PatientChange {
        updated_time: Some(now()),
        ..details.change(settings.unique, sites)
    };
    (change, are_known)
}

/// Refuses what would be refused later, before the account is changed.
async fn check(state: &State, clinic: &Clinic, patient: &Patient) -> Result<(), Error> {
    state
        .store
        .read(async |session| {
            check_mrn(state, session, clinic, patient, Refusal::MrnNotUnique).await
        })
        .await
        .or_fail(Failure)
}

async fn rename_account(
    state: &State,
    patient: &Patient,
    change: &PatientChange,
) -> Result<(), Error> {
    let email = change.entered_address();
    if email == patient.email.as_deref() {
        return Ok(());
    }
    let renamed = state
        .user_api
        .rename_custodial(&patient.user_id, email)
        .await
        .or_fail(Failure)?;
    match renamed {
        CustodialAccount::Made(_) => Ok(()),
        CustodialAccount::EmailTaken => Err(Refusal::EmailOfUpdateTaken.into()),
    }
}

/// Notes that the patient came from one more legacy account; returns it since.
pub(crate) async fn add_legacy_clinician(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    legacy: &UserId,
) -> Result<Patient, Error> {
    let updated = change_patient(state, clinic, user, async |_, patient| {
        let mut legacy_clinicians = patient.legacy_clinicians.clone();
        if !legacy_clinicians.contains(legacy) {
            legacy_clinicians.push(legacy.clone());
        }
        Ok(PatientChange {
            legacy_clinicians: Some(legacy_clinicians),
            updated_time: Some(now()),
            ..PatientChange::default()
        })
    });
    updated.await
}

/// Notes that `clinician` has looked at the patient's data; returns the reviews since.
pub(crate) async fn review_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    clinician: &UserId,
) -> Result<Vec<Review>, Error> {
    let updated = change_patient(state, clinic, user, async |_, patient| {
        Ok(PatientChange {
            reviews: Some(reviewed(&patient.reviews, clinician, now())),
            ..PatientChange::default()
        })
    });
    Ok(updated.await?.reviews)
}

/// Takes back the newest review, which `clinician` made; returns the reviews since.
pub(crate) async fn revert_review(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    clinician: &UserId,
) -> Result<Vec<Review>, Error> {
    let updated = change_patient(state, clinic, user, async |_, patient| {
        let rest = reverted(&patient.reviews, clinician).map_err(|refused| match refused {
            NoRevert::NoReview => Refusal::NoReview,
            NoRevert::AnothersReview => Refusal::AnothersReview,
        })?;
        Ok(PatientChange {
            reviews: Some(rest),
            ..PatientChange::default()
        })
    });
    Ok(updated.await?.reviews)
}

/// Has the patient reminded to upload data, and notes it; returns the patient since. Whoever was
/// reminded a moment ago stays as it is.
pub(crate) async fn remind_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
) -> Result<Patient, Error> {
    let now = now();
    let updated = change_patient(state, clinic, user, async |session, patient| {
        if patient.was_just_reminded(now) {
            return Ok(PatientChange::default());
        }
        notify::queue(state, session, ClinicEvent::UploadReminder, clinic, user).await?;
        Ok(PatientChange {
            last_upload_reminder: Some(now),
            updated_time: Some(now),
            ..PatientChange::default()
        })
    });
    let updated = updated.await?;
    state.outbox.wake();
    Ok(updated)
}

/// What a patient leaves a clinic; `None`: nothing, and it is no patient of the clinic any more.
pub(crate) type Left = Option<PermissionSet>;

/// Replaces what the clinic may do on the patient's account.
pub(crate) async fn set_permissions(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    wanted: PermissionSet,
) -> Result<Left, Error> {
    let wanted = granted(wanted);
    let missing = Refusal::PatientNotFound;
    let left = change_permissions(state, clinic, user, missing, async |_| Ok(wanted.clone()));
    left.await
}

/// Takes one permission from the clinic.
pub(crate) async fn remove_permission(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    name: &str,
) -> Result<Left, Error> {
    let missing = Refusal::PermissionNotFound;
    let left = change_permissions(state, clinic, user, missing, async |patient| {
        let permissions = patient.permissions.as_ref();
        let rest = permissions.and_then(|permissions| without(permissions, name));
        let rest = rest.ok_or(Refusal::PermissionNotFound)?;
        Ok((!rest.is_empty()).then_some(rest))
    });
    left.await
}

/// `missing`: where there is no such patient.
async fn change_permissions(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    missing: Refusal,
    change: impl AsyncFn(&Patient) -> Result<Left, Refusal>,
) -> Result<Left, Error> {
    let left = state
        .store
        .change(clinic, async |session| {
            let stored = state.store.patients.find_in(session, clinic, user).await?;
            let stored = stored.ok_or_else(|| missing.clone())?;
            let left = change(&stored.patient).await?;
            if let Some(permissions) = &left {
                let change = PatientChange {
                    permissions: Some(permissions.clone()),
                    updated_time: Some(now()),
                    ..PatientChange::default()
                };
                let patients = &state.store.patients;
                patients.update(session, &stored, &change).await?;
                relate::patient(state, session, &stored.patient).await?;
            } else {
                check_may_leave(state, session, clinic, user).await?;
                remove(state, session, &stored, Some(user)).await?;
            }
            Ok(left)
        })
        .await
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(left)
}

/// Removes a patient from a clinic and archives it; `by`: a person, if one does it.
pub(crate) async fn delete_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    by: Option<&UserId>,
) -> Result<(), Error> {
    state
        .store
        .change(clinic, async |session| {
            let stored = find(state, session, clinic, user).await?;
            check_may_leave(state, session, clinic, user).await?;
            remove(state, session, &stored, by).await
        })
        .await
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(())
}

/// Removes a patient in the transaction of `session`.
pub(crate) async fn remove(
    state: &State,
    session: &mut ClientSession,
    stored: &Stored,
    by: Option<&UserId>,
) -> Result<(), Aborted<Refusal>> {
    let store = &state.store;
    let deleted = store.patients.delete(session, stored).await?;
    let deleted = deleted.ok_or(Refusal::PatientNotFound)?;
    store.archives.add_patient(session, deleted, by).await?;
    relate::patient(state, session, &stored.patient).await?;
    Ok(())
}

/// Makes the change that `decide` wants of the patient; returns it since.
pub(crate) async fn change_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    decide: impl AsyncFn(&mut ClientSession, &Patient) -> Result<PatientChange, Aborted<Refusal>>,
) -> Result<Patient, Error> {
    let changed = state.store.change(clinic, async |session| {
        let stored = find(state, session, clinic, user).await?;
        let change = decide(session, &stored.patient).await?;
        Ok(state
            .store
            .patients
            .update(session, &stored, &change)
            .await?)
    });
    match changed.await {
        // Nothing else of a patient that is there is unique.
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            Err(Refusal::MrnJustTaken.into())
        }
        changed => changed.or_fail(Failure),
    }
}

async fn find(
    state: &State,
    session: &mut ClientSession,
    clinic: ClinicId,
    user: &UserId,
) -> Result<Stored, Aborted<Refusal>> {
    let found = state.store.patients.find_in(session, clinic, user).await?;
    Ok(found.ok_or(Refusal::PatientNotFound)?)
}

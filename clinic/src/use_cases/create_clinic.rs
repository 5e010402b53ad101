//! Somebody opens a clinic, which they run from then on, or the account of a legacy clinic is to become
//! one.

use anyhow::anyhow;
use bson::{DateTime, oid::ObjectId};
use mongodb::ClientSession;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
};
use shared_types::{ClinicEvent, ClinicId, PermissionSet, Person, UserId};

use crate::{
    State,
    domain::{
        Refusal,
        clinic::{Clinic, Profile},
        clinician::{ADMIN, Clinician},
        migration::check_is_legacy,
        patient::Patient,
        share_code,
    },
    error::{Error, Failure},
    store::{Lane, NewClinic},
    use_cases::{find_clinic::find_clinic, notify, relate},
};

/// How many share codes are tried.
const MAX_CODES: u32 = 100;

/// Makes the clinic and its first clinician, its administrator.
pub(crate) async fn create_clinic(
    state: &State,
    profile: &Profile,
    creator: &UserId,
) -> Result<Clinic, Error> {
    let person = state.user_api.person(creator).await.or_fail(Failure)?;
    let person = person.ok_or(Refusal::AccountNotFound)?;
    let id = ClinicId::from(ObjectId::new().bytes());
    let demo_patient = demo_patient(state, id).await?;
    with_share_code(state, id, &person, Some(profile), demo_patient.as_ref()).await
}

/// Makes a clinic of which nothing is known but who runs it: the account of a legacy clinic. It takes
/// no other clinicians until its patients come. Not repeatable: each call makes one more.
pub(crate) async fn create_legacy_clinic(state: &State, account: &UserId) -> Result<Clinic, Error> {
    let person = state.user_api.person(account).await.or_fail(Failure)?;
    let person = person.ok_or(Refusal::AccountNotFound)?;
    check_is_legacy(&person.user)?;
    let id = ClinicId::from(ObjectId::new().bytes());
    with_share_code(state, id, &person, None, None).await
}

/// Stores the clinic of `creator` under a share code that no other has; `profile`: what is known of it,
/// unless it is the account of a legacy clinic.
async fn with_share_code(
    state: &State,
    id: ClinicId,
    creator: &Person,
    profile: Option<&Profile>,
    demo_patient: Option<&Patient>,
) -> Result<Clinic, Error> {
    for _ in 0..MAX_CODES {
        let code = share_code::generate(&mut rand::rng());
        let clinic = NewClinic {
            id,
            profile,
            share_code: &code,
            admin: &creator.user.userid,
        };
        let stored = transaction(&state.store.client, async |session| {
            store(state, session, &clinic, creator, demo_patient).await
        });
        match stored.await {
            Err(Aborted::Failed(error))
                if is_duplicate_key(&error)
                    && state
                        .store
                        .clinics
                        .has_share_code(&code)
                        .await
                        .or_fail(Failure)? => {}
            stored => {
                stored.or_fail(Failure)?;
                state.outbox.wake();
                return find_clinic(state, id).await;
            }
        }
    }
    Err(Refusal::NoShareCode.into())
}

async fn store(
    state: &State,
    session: &mut ClientSession,
    clinic: &NewClinic<'_>,
    creator: &Person,
    demo_patient: Option<&Patient>,
) -> Result<(), Aborted<Refusal>> {
    let now = DateTime::now();
    state.store.clinics.insert(session, clinic, now).await?;
    let clinician = first_clinician(clinic, creator, now);
    state.store.clinicians.insert(session, &clinician).await?;
    relate::clinician(state, session, clinic.id, clinic.admin).await?;
    // A legacy clinic is told once its patients come.
    if clinic.profile.is_some() {
        let created = ClinicEvent::Created;
        notify::queue(state, session, created, clinic.id, clinic.admin).await?;
    }
    if let Some(patient) = demo_patient {
        let patients = &state.store.patients;
        patients.insert(session, patient, Lane::LIMITED).await?;
        relate::patient(state, session, patient).await?;
    }
    Ok(())
}

/// The patient with whom those of a new clinic can try things; `None`: the settings name none.
async fn demo_patient(state: &State, clinic: ClinicId) -> Result<Option<Patient>, Error> {
    let Some(user) = &state.demo_patient else {
        return Ok(None);
    };
    let person = state.user_api.person(user).await.or_fail(Failure)?;
    let person = person
        .ok_or_else(|| anyhow!("the demo patient's account is gone"))
        .or_fail(Failure)?;
    let profile = person.profile.unwrap_or_default();
    let about = profile.patient.unwrap_or_default();
    let emails = person.user.emails.unwrap_or_default();
    Ok(Some(Patient {
        full_name: about.full_name.or(profile.full_name),
        birth_date: about.birthday,
        email: emails.into_iter().next(),
        mrn: about.mrn,
        target_devices: about.target_devices,
        permissions: Some(PermissionSet::of(&["view"])),
        is_migrated: true,
        ..Patient::new(clinic, user.clone(), DateTime::now().to_chrono())
    }))
}

fn first_clinician(clinic: &NewClinic<'_>, creator: &Person, now: DateTime) -> Clinician {
    let emails = creator.user.emails.as_deref();
    let profile = creator.profile.as_ref();
    Clinician {
        clinic_id: clinic.id,
        user_id: Some(clinic.admin.clone()),
        invite_id: None,
        email: emails.and_then(|emails| emails.first().cloned()),
        name: profile.and_then(|profile| profile.full_name.clone()),
        roles: vec![ADMIN.to_owned()],
        is_service_account: false,
        created_time: now.to_chrono(),
        updated_time: now.to_chrono(),
    }
}

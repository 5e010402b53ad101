//! A clinic gets a patient: with an account that is made for it, or with one that shares with it.

use mongodb::ClientSession;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key},
    peers::user_api::CustodialAccount,
};
use shared_types::{ClinicId, PermissionSet, Person, UserId, address};

use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        connection::Provider,
        patient::{CUSTODIAL_PERMISSIONS, Identity, Patient, PatientChange},
        patient_details::{PatientDetails, SharedPatient, resolved},
        subscription::Subscriptions,
        text::Filled,
    },
    error::{Error, Failure},
    store::now,
    use_cases::{
        change_patient::add_legacy_clinician,
        describe_patient,
        enrol_together::{Enrolled, Enrolment, check_limit, enrol_alone},
        find_clinic::find_clinic,
    },
};

/// Makes an account for the patient and enrols it; `by`: the clinician, if one does it. Whatever can
/// be refused is looked at before the account is made, but for a merge of the clinic, which is rare.
///
/// user-api takes the account of a patient back whom it does not find here after a while, so what is cut
/// off or refused after all leaves nothing. Until then it gives the account to whoever tries again, also
/// to two at once: one of them enrols it.
pub(crate) async fn create_patient(
    state: &State,
    clinic_id: ClinicId,
    details: &PatientDetails,
    by: Option<&UserId>,
) -> Result<Patient, Error> {
    let draft = Draft {
        by: by.cloned(),
        subscriptions: Subscriptions::new(),
        connections: Vec::new(),
    };
    let enrol = async |enrolment| state.enrolments.add(enrolment).await;
    create_with(state, clinic_id, details, draft, enrol).await
}

/// What is stored of a new patient beside its details.
pub(crate) struct Draft {
    /// The clinician who enrols it, if one does.
    pub(crate) by: Option<UserId>,
    /// What hospital records order for it.
    pub(crate) subscriptions: Subscriptions,
    /// What it is asked to connect, of which data is to come.
    pub(crate) connections: Vec<Provider>,
}

/// The same with more than its details; does what `note` does in the transaction that stores the patient.
pub(crate) async fn create_drafted(
    state: &State,
    clinic_id: ClinicId,
    details: &PatientDetails,
    with: Draft,
    note: impl AsyncFn(&mut ClientSession, &Patient) -> Result<(), Aborted<Refusal>>,
) -> Result<Patient, Error> {
    let enrol = async |enrolment| enrol_alone(state, enrolment, note).await;
    create_with(state, clinic_id, details, with, enrol).await
}

async fn create_with(
    state: &State,
    clinic_id: ClinicId,
    details: &PatientDetails,
    with: Draft,
    enrol: impl AsyncFnOnce(Enrolment) -> Enrolled,
) -> Result<Patient, Error> {
    let clinic = find_clinic(state, clinic_id).await?;
    let (sites, are_known) = resolved(details.sites.as_deref().unwrap_or_default(), &clinic.sites);
    let settings = clinic.mrn_settings.unwrap_or_default();
    let change = details.change(settings.unique, Some(sites));
    change.check_address(None)?;
    let time = now();
    let draft = |user_id: UserId| {
        let patient = Patient {
            permissions: Some(PermissionSet::of(&CUSTODIAL_PERMISSIONS)),
            invited_by: with.by.clone(),
            subscriptions: with.subscriptions.clone(),
            ..Patient::new(clinic_id, user_id, time).with(&change)
        };
        let providers = with.connections.iter();
        providers.fold(patient, |patient, provider| {
            match patient.asked_to_connect(*provider, time) {
                Some(asked) => patient.with(&asked),
                None => patient,
            }
        })
    };
    // Nobody has the empty id.
    let nobody = draft("".into());
    may_be_enrolled(state, &clinic, &nobody).await?;
    if !are_known {
        return Err(Refusal::UnknownSite.into());
    }
    let email = change.entered_address();
    let known = describe_patient::known(&nobody);
    let CustodialAccount::Made(account) = state
        .user_api
        .create_custodial(clinic_id, email, &known)
        .await
        .or_fail(Failure)?
    else {
        return Err(Refusal::EmailTaken.into());
    };
    // An account with an address may be one that another request had made, with another profile.
    let is_described = email.is_none();
    let patient = draft(account.userid);
    let user = patient.user_id.clone();
    let enrolment = Enrolment {
        clinic,
        patient,
        is_described,
    };
    match stored(state, (clinic_id, &user), enrol(enrolment).await).await {
        Err(Error::Refused(Refusal::DuplicatePatient)) => Err(Refusal::EmailTaken.into()),
        enrolled => enrolled,
    }
}

/// Enrols an account that shares with the clinic, or that comes from a legacy clinic. What is not
/// said about it is taken from its profile.
pub(crate) async fn enrol_user(
    state: &State,
    clinic_id: ClinicId,
    user: &UserId,
    shared: &SharedPatient,
) -> Result<Patient, Error> {
    let clinic = find_clinic(state, clinic_id).await?;
    let person = state.user_api.person(user).await.or_fail(Failure)?;
    let person = person.ok_or(Refusal::AccountNotFound)?;
    let found = state
        .store
        .patients
        .find(clinic_id, user)
        .await
        .or_fail(Failure)?;
    if let Some(patient) = found {
        return match &shared.legacy_clinician_id {
            // A repeat changes nothing.
            Some(legacy) if patient.legacy_clinicians.contains(&legacy.0) => Ok(patient),
            Some(legacy) => add_legacy_clinician(state, clinic_id, user, &legacy.0).await,
            None => Err(Refusal::DuplicatePatient.into()),
        };
    }
    let patient = shared_patient(&clinic, &person, shared);
    may_be_enrolled(state, &clinic, &patient).await?;
    let enrolment = Enrolment {
        clinic,
        patient,
        is_described: false,
    };
    let enrolled = state.enrolments.add(enrolment).await;
    stored(state, (clinic_id, user), enrolled).await
}

/// Whom the clinic gets with the account of `person`.
pub(crate) fn shared_patient(clinic: &Clinic, person: &Person, shared: &SharedPatient) -> Patient {
    let user = person.user.userid.clone();
    Patient {
        permissions: shared.permissions.clone().map(Into::into),
        is_migrated: shared.is_migrated.unwrap_or_default(),
        ..Patient::new(clinic.id, user, now()).with(&known(shared, person, clinic))
    }
}

/// What is known of a patient who shares: what is said, and what the profile says.
fn known(shared: &SharedPatient, person: &Person, clinic: &Clinic) -> PatientChange {
    let profile = person.profile.as_ref();
    let about = profile.and_then(|profile| profile.patient.as_ref());
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let said = |text: Option<&Filled>| text.cloned().map(String::from);
    let full_name = said(shared.full_name.as_ref())
        .or_else(|| filled(about?.full_name.as_ref()))
        .or_else(|| filled(profile?.full_name.as_ref()));
    let birth_date = shared
        .birth_date
        .as_ref()
        .map(|day| day.as_str().to_owned());
    let birth_date = birth_date.or_else(|| filled(about?.birthday.as_ref()));
    let email = filled(person.user.username.as_ref());
    let (sites, _) = resolved(shared.sites.as_deref().unwrap_or_default(), &clinic.sites);
    let legacy = shared.legacy_clinician_id.as_ref();
    PatientChange {
        identity: Some(Identity {
            full_name: full_name.unwrap_or_default(),
            birth_date: birth_date.unwrap_or_default(),
            email: email.as_deref().map(address::lower_case),
            mrn: said(shared.mrn.as_ref()).or_else(|| filled(about?.mrn.as_ref())),
            target_devices: about.and_then(|about| about.target_devices.clone()),
            requires_unique_mrn: clinic.mrn_settings.unwrap_or_default().unique,
        }),
        tags: shared.tags.clone().map(|tags| tags.0),
        sites: Some(sites),
        glycemic_ranges: shared.glycemic_ranges.clone(),
        diagnosis_type: shared.diagnosis_type.map(|kind| kind.name().to_owned()),
        legacy_clinicians: legacy.map(|legacy| vec![legacy.0.clone()]),
        ..PatientChange::default()
    }
}

/// Refuses what an enrolment would be refused for, but for a merge of the clinic, before anything is made
/// for it, and a number that another patient has: of two who bring the same at the same moment, the index
/// refuses one.
pub(crate) async fn may_be_enrolled(
    state: &State,
    clinic: &Clinic,
    patient: &Patient,
) -> Result<(), Error> {
    state
        .store
        .read(async |session| {
            check_mrn(state, session, clinic, patient, Refusal::MrnNotUnique).await?;
            check_limit(&state.store, session, clinic, patient, 1).await
        })
        .await
        .or_fail(Failure)
}

/// The patient as stored, or why the rules or the unique indexes refused it.
async fn stored(
    state: &State,
    whom: (ClinicId, &UserId),
    enrolled: Enrolled,
) -> Result<Patient, Error> {
    match enrolled {
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            Err(duplicate(state, whom).await?.into())
        }
        enrolled => {
            let patient = enrolled.or_fail(Failure)?;
            state.outbox.wake();
            Ok(patient)
        }
    }
}

/// Refuses a medical record number that is missing, or another patient's, which is `taken`.
pub(crate) async fn check_mrn(
    state: &State,
    session: &mut ClientSession,
    clinic: &Clinic,
    patient: &Patient,
    taken: Refusal,
) -> Result<(), Aborted<Refusal>> {
    let settings = clinic.mrn_settings.unwrap_or_default();
    if settings.lacks(patient.mrn.as_deref()) {
        return Err(Refusal::MrnRequired.into());
    }
    let Some(mrn) = patient.mrn.as_deref().filter(|_| settings.unique) else {
        return Ok(());
    };
    let (patients, user) = (&state.store.patients, &patient.user_id);
    if patients.has_mrn_in(session, clinic.id, mrn, user).await? {
        return Err(taken.into());
    }
    Ok(())
}

/// Which of the unique indexes refused the patient.
async fn duplicate(state: &State, (clinic, user): (ClinicId, &UserId)) -> Result<Refusal, Error> {
    let found = state
        .store
        .patients
        .find(clinic, user)
        .await
        .or_fail(Failure)?;
    Ok(match found {
        Some(_) => Refusal::DuplicatePatient,
        None => Refusal::MrnJustTaken,
    })
}

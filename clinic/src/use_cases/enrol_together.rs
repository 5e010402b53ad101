//! Patients whom a clinic gets at the same moment are stored in one transaction. Where one of them is
//! refused, none is, and each goes alone: what is wrong with one is not the fault of the others.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt as _, future::join_all};
use mongodb::{ClientSession, error::Error as DatabaseError};
use shared_runtime::{
    batches::{Batcher, all_or_each},
    mongo::{Aborted, in_session, is_duplicate_key},
    outbox::Outbox,
};
use shared_types::ClinicId;

use crate::{
    State,
    domain::{Refusal, clinic::Clinic, labels::renamed, patient::Patient},
    store::{Lane, Store},
    use_cases::{ask_to_claim, describe_patient, merge_clinics::check_not_merging, relate},
};

/// A patient to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Enrolment {
    pub(crate) clinic: Clinic,
    pub(crate) patient: Patient,
    /// Whether the profile of the account says what the clinic knows.
    pub(crate) is_described: bool,
}

/// The patient as stored, or why there is none.
pub(crate) type Enrolled = Result<Patient, Aborted<Refusal>>;

/// The enrolments of one worker thread.
#[derive(Debug, Clone)]
pub(crate) struct Enrolments(Batcher<Enrolment, Enrolled, DatabaseError>);

impl Enrolments {
    /// Starts the task that gathers; it ends with the last clone.
    pub(crate) fn on(store: &Store, outbox: &Outbox) -> Self {
        let (store, outbox) = (store.clone(), outbox.clone());
        Self(Batcher::start_in_turn("enrolments", move |enrolments| {
            enrol_all(store.clone(), outbox.clone(), enrolments).map(Ok)
        }))
    }

    /// Stores the patient, counted, with the rows that report it to other services.
    pub(crate) async fn add(&self, enrolment: Enrolment) -> Enrolled {
        // It holds the patient many times over.
        let enrolled = Box::pin(self.0.add(enrolment)).await;
        enrolled.map_err(|not_done| Aborted::Failed(not_done.into()))?
    }
}

/// What becomes of each, in their order.
async fn enrol_all(store: Store, outbox: Outbox, enrolments: Vec<Enrolment>) -> Vec<Enrolled> {
    let mut of_clinics: BTreeMap<ClinicId, (Vec<usize>, Vec<Enrolment>)> = BTreeMap::new();
    for (place, enrolment) in enrolments.into_iter().enumerate() {
        let (places, of_clinic) = of_clinics.entry(enrolment.clinic.id).or_default();
        places.push(place);
        of_clinic.push(enrolment);
    }
    let (places, of_clinics): (Vec<_>, Vec<_>) = of_clinics.into_values().unzip();
    let of_clinics = of_clinics.into_iter().map(|enrolments| {
        let (store, outbox) = (store.clone(), outbox.clone());
        let at_once =
            move |enrolments| enrol_at_once(store.clone(), outbox.clone(), enrolments).boxed();
        all_or_each(enrolments, at_once, is_of_one)
    });
    let enrolled = join_all(of_clinics).await.into_iter().flatten();
    let mut enrolled: Vec<(usize, Enrolled)> = places.into_iter().flatten().zip(enrolled).collect();
    enrolled.sort_by_key(|(place, _)| *place);
    enrolled.into_iter().map(|(_, enrolled)| enrolled).collect()
}

/// All of one clinic, or none.
async fn enrol_at_once(
    store: Store,
    outbox: Outbox,
    enrolments: Vec<Enrolment>,
) -> Result<Vec<Patient>, Aborted<Refusal>> {
    let Some(Enrolment { clinic, .. }) = enrolments.first() else {
        return Ok(Vec::new());
    };
    let clinic = clinic.id;
    let is_limited = enrolments.iter().any(Enrolment::is_limited);
    let own = store.own_lane(clinic, is_limited).await;
    let lane = own.lane;
    let (of_work, enrolments) = (store.clone(), Arc::new(enrolments));
    let work = in_session(move |session| {
        let (store, outbox, enrolments) = (of_work.clone(), outbox.clone(), enrolments.clone());
        async move { store_all(&store, &outbox, session, &enrolments, lane).await }.boxed()
    });
    store.change(clinic, work).await
}

/// Stores one patient and does what `note` does, in one transaction.
pub(crate) async fn enrol_alone(
    state: &State,
    enrolment: Enrolment,
    note: impl AsyncFn(&mut ClientSession, &Patient) -> Result<(), Aborted<Refusal>>,
) -> Enrolled {
    let (store, clinic) = (&state.store, enrolment.clinic.id);
    let own = store.own_lane(clinic, enrolment.is_limited()).await;
    let enrolments = [enrolment];
    let stored = store.change(clinic, async |session| {
        let stored = store_all(store, &state.outbox, session, &enrolments, own.lane).await?;
        let [patient] = stored.try_into().map_err(|_| Aborted::Outrun)?;
        note(session, &patient).await?;
        Ok(patient)
    });
    stored.await
}

/// Whether one of several enrolments may be refused where the others are not.
fn is_of_one(aborted: &Aborted<Refusal>) -> bool {
    match aborted {
        Aborted::Refused(_) => true,
        Aborted::Outrun => false,
        Aborted::Failed(error) => is_duplicate_key(error),
    }
}

impl Enrolment {
    fn is_limited(&self) -> bool {
        let Self {
            clinic, patient, ..
        } = self;
        patient.is_custodial() && clinic.patient_limit(patient.created_time).is_some()
    }
}

/// Stores the patients of a clinic within its limit, with the rows, and with sites as the clinic calls
/// them at this moment. A site that goes or is renamed meanwhile moves the lanes on, in one of which they
/// are counted: one of both waits.
async fn store_all(
    store: &Store,
    outbox: &Outbox,
    session: &mut ClientSession,
    enrolments: &[Enrolment],
    lane: Lane,
) -> Result<Vec<Patient>, Aborted<Refusal>> {
    let Some(Enrolment { clinic, .. }) = enrolments.first() else {
        return Ok(Vec::new());
    };
    let has_sites = |enrolment: &Enrolment| !enrolment.patient.sites.is_empty();
    let sites = if enrolments.iter().any(has_sites) {
        store.clinics.find_sites_in(session, clinic.id).await?
    } else {
        Vec::new()
    };
    let as_called_now = |enrolment: &Enrolment| {
        let sites = renamed(&enrolment.patient.sites, &sites)?;
        Some(Patient {
            sites,
            ..enrolment.patient.clone()
        })
    };
    let patients: Option<Vec<Patient>> = enrolments.iter().map(as_called_now).collect();
    let patients = patients.ok_or(Refusal::UnknownSite)?;
    // Before the rest, since others wait for it.
    let stored = store
        .patients
        .insert_all(session, clinic.id, &patients, lane);
    stored.await?;
    check_not_merging(store, session, clinic.id).await?;
    if let Some(patient) = patients.iter().find(|patient| patient.is_custodial()) {
        check_limit(store, session, clinic, patient, 0).await?;
    }
    relate::patients(outbox, session, &patients).await?;
    for (patient, enrolment) in patients.iter().zip(enrolments) {
        if !enrolment.is_described {
            describe_patient::queue(outbox, session, patient).await?;
        }
        ask_to_claim::queue(outbox, session, patient).await?;
    }
    Ok(patients)
}

/// Refuses `more` patients that the clinic made than it may have, if `patient` is one of them.
pub(crate) async fn check_limit(
    store: &Store,
    session: &mut ClientSession,
    clinic: &Clinic,
    patient: &Patient,
    more: i64,
) -> Result<(), Aborted<Refusal>> {
    let Some(limit) = clinic.patient_limit(patient.created_time) else {
        return Ok(());
    };
    if patient.is_custodial() {
        let counts = store.patients.count_in(session, clinic.id).await?;
        if counts.plan + more > limit {
            return Err(Refusal::TooManyPatients.into());
        }
    }
    Ok(())
}

//! Whom an order of hospital records means: the one clinic that is connected to its source, and those of
//! its patients who are alike.

use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, MessageId, TagId};

use super::count_patients::{CountedClinic, counted};
use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        ehr_settings::EhrSettings,
        matching::{Criterion, Sought},
        patient::{Patient, PatientChange},
        redox::{
            ORDER,
            match_request::{MatchRequest, OnUniqueMatch},
            order::Order,
        },
        subscription::{MatchedOrder, OrderedBy, Subscription},
    },
    error::{Error, Failure},
    store::{StoredOrder, now},
};

/// As often a match is made anew because a patient who was found changed meanwhile.
const TRIES: usize = 5;

/// Whom an order means.
pub(crate) struct Match {
    pub(crate) clinic: CountedClinic,
    pub(crate) settings: EhrSettings,
    /// As they were before reports were ordered for one.
    pub(crate) patients: Vec<Patient>,
}

/// What an order wants of the reports of a patient.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) by: OrderedBy,
    pub(crate) order: MatchedOrder,
    /// Whether they go out from then on.
    pub(crate) is_active: bool,
    /// The only tags of the patient from then on; `None`: they stay as they are.
    pub(crate) tags: Option<Vec<TagId>>,
}

/// Whether an order was known at the patient, and so changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
}

/// Finds whom a stored order means; orders the reports, or ends them, where the request says so and there is
/// exactly one. A test changes nobody unless the setting says so.
pub(crate) async fn match_order(state: &State, request: &MatchRequest) -> Result<Match, Error> {
    let StoredOrder { id, order, .. } = find_order(state, request).await?;
    let (clinic, settings) = connected_clinic(state, &order).await?;
    let sought = order.sought(&settings.mrn_id_type)?;
    let may_change = !order.is_test || state.redox.takes_tests;
    let mut tries = 1;
    let patients = loop {
        let (Some(sought), Some(options)) = (&sought, &request.patients) else {
            break Vec::new();
        };
        let patients = find_alike(state, clinic.id, sought, &options.criteria.0).await?;
        let wanted = options.on_unique_match.filter(|_| may_change);
        let ([patient], Some(wanted)) = (patients.as_slice(), wanted) else {
            break patients;
        };
        let wanted = Wanted {
            by: OrderedBy::Redox,
            order: matched(id),
            is_active: wanted == OnUniqueMatch::EnableReports,
            tags: None,
        };
        match order_reports(state, patient, &wanted, async |_, _| Ok(())).await {
            Err(Aborted::Outrun) if tries < TRIES => tries += 1,
            ordered => {
                ordered.or_fail(Failure)?;
                break patients;
            }
        }
    };
    Ok(Match {
        clinic: counted(state, clinic).await?,
        settings,
        patients,
    })
}

/// The stored order that a request names.
pub(crate) async fn find_order(
    state: &State,
    request: &MatchRequest,
) -> Result<StoredOrder, Error> {
    let messages = &state.store.redox.messages;
    let found = messages
        .find_order(request.message()?)
        .await
        .or_fail(Failure)?;
    Ok(found.ok_or(Refusal::MessageNotFound)?)
}

/// The clinic that takes what the source of an order sends.
pub(crate) async fn connected_clinic(
    state: &State,
    order: &Order,
) -> Result<(Clinic, EhrSettings), Error> {
    let source = order.source_id.as_deref().filter(|id| !id.is_empty());
    let source = source.ok_or(Refusal::NoSourceId)?;
    let connected = state
        .store
        .clinics
        .list_connected(source)
        .await
        .or_fail(Failure)?;
    Ok(only_clinic(connected)?)
}

/// The one clinic that is connected.
pub(crate) fn only_clinic(
    mut connected: Vec<(Clinic, EhrSettings)>,
) -> Result<(Clinic, EhrSettings), Refusal> {
    match (connected.pop(), connected.is_empty()) {
        (None, _) => Err(Refusal::NoMatchingClinic),
        (Some(_), false) => Err(Refusal::ManyMatchingClinics),
        (Some(clinic), true) => Ok(clinic),
    }
}

/// The patients of a clinic who fit any of the criteria, each once, in the order of the criteria.
pub(crate) async fn find_alike(
    state: &State,
    clinic: ClinicId,
    sought: &Sought,
    criteria: &[Criterion],
) -> Result<Vec<Patient>, Error> {
    let mut all: Vec<Patient> = Vec::new();
    for criterion in criteria {
        let patients = &state.store.patients;
        let alike = patients
            .list_alike(clinic, sought, criterion.traits())
            .await
            .or_fail(Failure)?;
        for patient in alike {
            if all.iter().all(|known| known.user_id != patient.user_id) {
                all.push(patient);
            }
        }
    }
    Ok(all)
}

/// Orders the reports of a patient, or ends them, and does what `note` does in the same transaction. A patient
/// who is not the same any more by what it was found by is [`Aborted::Outrun`].
pub(crate) async fn order_reports(
    state: &State,
    found: &Patient,
    wanted: &Wanted,
    note: impl AsyncFn(&mut ClientSession, Known) -> Result<(), Aborted<Refusal>>,
) -> Result<Known, Aborted<Refusal>> {
    let (clinic, user) = (found.clinic_id, &found.user_id);
    let ordered = state.store.change(clinic, async |session| {
        let patients = &state.store.patients;
        let stored = patients.find_in(session, clinic, user).await?;
        let stored = stored.filter(|stored| identity(&stored.patient) == identity(found));
        let stored = stored.ok_or(Aborted::Outrun)?;
        let before = stored.patient.subscriptions.get(wanted.by.name());
        let (by, order, time) = (wanted.by, wanted.order.clone(), now());
        let reports = Subscription::ordered(before, by, order, wanted.is_active, time);
        let Some(reports) = reports else {
            note(session, Known::Yes).await?;
            return Ok(Known::Yes);
        };
        let change = PatientChange {
            ordered: Some((by, reports)),
            tags: wanted.tags.clone(),
            updated_time: Some(time),
            ..PatientChange::default()
        };
        patients.update(session, &stored, &change).await?;
        note(session, Known::No).await?;
        Ok(Known::No)
    });
    ordered.await
}

/// An order of Redox as patients have it.
pub(crate) fn matched(id: MessageId) -> MatchedOrder {
    let (data_model, event_type) = ORDER;
    MatchedOrder {
        id,
        data_model: data_model.to_owned(),
        event_type: event_type.to_owned(),
    }
}

/// By what a patient is found.
fn identity(patient: &Patient) -> [Option<&str>; 3] {
    [&patient.mrn, &patient.birth_date, &patient.full_name].map(Option::as_deref)
}

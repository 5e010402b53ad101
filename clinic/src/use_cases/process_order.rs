//! What a stored order asks for is done, once: reports of a patient go out or do so no more, or a patient
//! gets an account. The codes of the clinic say which.
//!
//! What was done is noted in the transaction that does it ([`OrderReport`]), so an order that is cut off, or
//! that two work on, is done once. Whatever a rule forbids is noted as well, with the reason. While the clinic
//! is being merged with another one, its orders wait.

use bson::DateTime;
use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, MessageId, TagId};
use tracing::info;

use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        ehr_settings::EhrSettings,
        labels::TagName,
        matching::{Criterion, Sought},
        patient::Patient,
        patient_details::{PatientDetails, Tags},
        redox::order::Action,
        subscription::{OrderedBy, Subscription, Subscriptions},
    },
    error::{Error, Failure},
    store::{OrderOutcome, OrderReport, StoredOrder, now},
    use_cases::{
        change_labels::create_tag,
        enrol_patient::{Draft, create_drafted},
        match_order::{Known, Wanted, connected_clinic, find_alike, matched, order_reports},
        merge_clinics::check_not_moving,
    },
};

/// Does what a message of a feed asks for, unless it is done. What fails is to be tried again.
pub(crate) async fn process(
    state: &State,
    source: &str,
    message: &StoredOrder,
) -> Result<(), Error> {
    if !message.is_order {
        return Ok(());
    }
    let reports = &state.store.redox.reports;
    if reports.find(message.id).await.or_fail(Failure)?.is_some() {
        return Ok(());
    }
    process_anew(state, source, message).await
}

/// The same where nothing is done yet, whatever is noted.
async fn process_anew(state: &State, source: &str, message: &StoredOrder) -> Result<(), Error> {
    let reports = &state.store.redox.reports;
    let mut report = report_of(source, message, OrderOutcome::Ignored);
    let done = do_order(state, message, &mut report).await;
    let is_final = match &done {
        Ok(Done::Nothing(_)) => true,
        Err(Error::Refused(refusal)) => !refusal.may_pass(),
        Ok(Done::Noted) | Err(_) => false,
    };
    if let Some(clinic) = report.clinic.filter(|_| is_final) {
        check_not_moving(state, clinic).await?;
    }
    match done {
        Ok(Done::Noted) => {}
        Ok(Done::Nothing(reason)) => {
            report.reason = Some(reason.to_owned());
            reports.set_undone(&report).await.or_fail(Failure)?;
        }
        Err(Error::Refused(refusal)) if !refusal.may_pass() => {
            report.outcome = OrderOutcome::Refused;
            report.reason = Some(refusal.to_string());
            reports.set_undone(&report).await.or_fail(Failure)?;
        }
        Err(error) => return Err(error),
    }
    count(report.outcome);
    info!(
        message.id = %message.id,
        order.outcome = report.outcome.name(),
        "an order of hospital records is worked off"
    );
    Ok(())
}

/// Notes that an order was tried often enough.
pub(crate) async fn give_up(
    state: &State,
    source: &str,
    message: &StoredOrder,
) -> Result<(), mongodb::error::Error> {
    count(OrderOutcome::Failed);
    let report = OrderReport {
        reason: Some("it failed too often; the log says why".to_owned()),
        ..report_of(source, message, OrderOutcome::Failed)
    };
    state.store.redox.reports.set_undone(&report).await
}

/// How an order ended of which nothing else is known.
fn report_of(source: &str, message: &StoredOrder, outcome: OrderOutcome) -> OrderReport {
    OrderReport {
        id: message.id,
        source: source.to_owned(),
        sequence: message.sequence,
        action: None,
        outcome,
        reason: None,
        clinic: None,
        user: None,
        processed_time: DateTime::now(),
    }
}

fn count(outcome: OrderOutcome) {
    metrics::counter!("redox_orders_total", "outcome" => outcome.name()).increment(1);
}

/// How an order ended.
enum Done {
    /// It is noted with what was done.
    Noted,
    /// Nothing was done; why.
    Nothing(&'static str),
}

/// An order with whom it means.
struct Meant<'a> {
    message: &'a StoredOrder,
    clinic: Clinic,
    settings: EhrSettings,
    sought: Sought,
}

async fn do_order(
    state: &State,
    message: &StoredOrder,
    report: &mut OrderReport,
) -> Result<Done, Error> {
    let order = &message.order;
    if order.is_test && !state.redox.takes_tests {
        return Ok(Done::Nothing("it is a test"));
    }
    let (clinic, settings) = connected_clinic(state, order).await?;
    report.clinic = Some(clinic.id);
    check_not_moving(state, clinic.id).await?;
    let Some(action) = order.action(&settings.procedure_codes) else {
        return Ok(Done::Nothing(
            "the clinic does not know the code of the procedure",
        ));
    };
    report.action = Some(action.name().to_owned());
    let sought = order.sought(&settings.mrn_id_type)?;
    let meant = Meant {
        message,
        clinic,
        settings,
        sought: sought.ok_or(Refusal::NoMrnInOrder)?,
    };
    match action {
        Action::EnableReports => set_reports(state, &meant, true, report).await,
        Action::DisableReports => set_reports(state, &meant, false, report).await,
        Action::CreateAccount => create_account(state, &meant, false, report).await,
        Action::CreateAccountAndEnableReports => {
            let (clinic, sought) = (meant.clinic.id, &meant.sought);
            let alike = find_alike(state, clinic, sought, &[Criterion::MrnDob]).await?;
            if alike.is_empty() {
                create_account(state, &meant, true, report).await
            } else {
                set_reports(state, &meant, true, report).await
            }
        }
    }
}

async fn set_reports(
    state: &State,
    meant: &Meant<'_>,
    is_active: bool,
    report: &mut OrderReport,
) -> Result<Done, Error> {
    let (clinic, sought) = (meant.clinic.id, &meant.sought);
    let alike = find_alike(state, clinic, sought, &[Criterion::MrnDob]).await?;
    let patient = match alike.as_slice() {
        [] => return Err(Refusal::NobodyAlike.into()),
        [patient] => patient,
        _ => return Err(Refusal::SeveralAlike.into()),
    };
    report.user = Some(patient.user_id.clone());
    let wanted = Wanted {
        by: OrderedBy::Redox,
        order: matched(meant.message.id),
        is_active,
        tags: if is_active {
            tags(state, meant).await?
        } else {
            None
        },
    };
    let outcome = |known| match (known, is_active) {
        (Known::Yes, _) => OrderOutcome::Unchanged,
        (Known::No, true) => OrderOutcome::Enabled,
        (Known::No, false) => OrderOutcome::Disabled,
    };
    let drafted = report.clone();
    let ordered = order_reports(state, patient, &wanted, async |session, known| {
        let report = OrderReport {
            outcome: outcome(known),
            ..drafted.clone()
        };
        note(state, session, &report).await
    })
    .await
    .or_fail(Failure)?;
    report.outcome = outcome(ordered);
    Ok(Done::Noted)
}

/// Makes an account for the patient, unless the clinic has somebody who may be the same.
async fn create_account(
    state: &State,
    meant: &Meant<'_>,
    with_reports: bool,
    report: &mut OrderReport,
) -> Result<Done, Error> {
    let (clinic, sought) = (meant.clinic.id, &meant.sought);
    let criteria = [Criterion::Mrn, Criterion::DobFullname];
    let alike = find_alike(state, clinic, sought, &criteria).await?;
    if let Some(patient) = alike.first() {
        report.user = Some(patient.user_id.clone());
        return Err(Refusal::SomebodyAlike.into());
    }
    let details = details(state, meant).await?;
    let (by, order) = (OrderedBy::Redox, matched(meant.message.id));
    let reports = Subscription::ordered(None, by, order, true, now());
    let reports = reports.filter(|_| with_reports);
    let subscriptions = reports.map(|reports| (by.name().to_owned(), reports));
    let draft = Draft {
        by: None,
        subscriptions: Subscriptions::from_iter(subscriptions),
        connections: Vec::new(),
    };
    report.outcome = if with_reports {
        OrderOutcome::CreatedAndEnabled
    } else {
        OrderOutcome::Created
    };
    let drafted = report.clone();
    let note = async |session: &mut ClientSession, patient: &Patient| {
        let report = OrderReport {
            user: Some(patient.user_id.clone()),
            ..drafted.clone()
        };
        note(state, session, &report).await
    };
    create_drafted(state, clinic, &details, draft, note).await?;
    Ok(Done::Noted)
}

/// What an order says of a new patient.
async fn details(state: &State, meant: &Meant<'_>) -> Result<PatientDetails, Error> {
    let (order, sought) = (&meant.message.order, &meant.sought);
    let is_there = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    if !is_there(&order.first_name) || !is_there(&order.last_name) {
        return Err(Refusal::FullNameMissing.into());
    }
    let full_name = sought.full_name.clone().try_into();
    let birth_date = sought.birth_date.clone().try_into();
    let mrn = sought.mrn.clone().try_into();
    let email = order.account_address(now().date_naive());
    let tags = tags(state, meant).await?;
    Ok(PatientDetails {
        full_name: full_name.map_err(|_| Refusal::FullNameMissing)?,
        birth_date: birth_date.map_err(|_| Refusal::BirthDateMissing)?,
        email: email.map(str::to_owned),
        mrn: Some(mrn.map_err(|_| Refusal::NoMrnInOrder)?),
        target_devices: None,
        tags: tags.map(Tags),
        sites: None,
        data_sources: None,
        reviews: None,
        glycemic_ranges: None,
        diagnosis_type: None,
    })
}

/// The tags that the patient is to have; the clinic gets those that it has not. `None`: they stay as they
/// are.
async fn tags(state: &State, meant: &Meant<'_>) -> Result<Option<Vec<TagId>>, Error> {
    let Some(names) = meant.message.order.tags(&meant.settings.tags) else {
        return Ok(None);
    };
    let mut tags = Vec::new();
    for name in &names {
        let tag = match meant.clinic.tag_called(name) {
            Some(tag) => Some(tag.id),
            None => new_tag(state, meant.clinic.id, name).await?,
        };
        // Two names may be those of one tag.
        tags.extend(tag.filter(|tag| !tags.contains(tag)));
    }
    Ok(Some(tags))
}

/// A tag of this name; `None`: the clinic has no room for one more.
async fn new_tag(state: &State, clinic: ClinicId, name: &TagName) -> Result<Option<TagId>, Error> {
    match create_tag(state, clinic, name).await {
        Ok(tag) => Ok(Some(tag.id)),
        Err(Error::Refused(Refusal::TooManyTags)) => {
            info!(clinic.id = %clinic, "an order names a tag for which the clinic has no room");
            Ok(None)
        }
        // Somebody made it meanwhile.
        Err(Error::Refused(Refusal::DuplicateTag)) => {
            let clinic = state.store.clinics.find(clinic).await.or_fail(Failure)?;
            let tag = clinic.as_ref().and_then(|clinic| clinic.tag_called(name));
            Ok(tag.map(|tag| tag.id))
        }
        Err(error) => Err(error),
    }
}

/// Notes what is done in the transaction of `session`, unless another worker has done it.
async fn note(
    state: &State,
    session: &mut ClientSession,
    report: &OrderReport,
) -> Result<(), Aborted<Refusal>> {
    let reports = &state.store.redox.reports;
    if reports.is_done_in(session, report.id).await? {
        return Err(Aborted::Outrun);
    }
    reports.set_in(session, report).await?;
    Ok(())
}

/// Does an order anew with which nothing was done, out of its turn; returns what was done, or `None` where
/// there is no such order.
pub(crate) async fn retry(state: &State, id: MessageId) -> Result<Option<OrderReport>, Error> {
    let redox = &state.store.redox;
    let Some(report) = redox.reports.find(id).await.or_fail(Failure)? else {
        return Ok(None);
    };
    let message = redox.messages.find_order(id).await.or_fail(Failure)?;
    let Some(message) = message.filter(|_| report.outcome.did_nothing()) else {
        return Ok(Some(report));
    };
    process_anew(state, &report.source, &message).await?;
    Ok(redox.reports.find(id).await.or_fail(Failure)?)
}

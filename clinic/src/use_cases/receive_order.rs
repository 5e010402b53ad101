//! Xealth reports that something was ordered for a patient, or that an order was canceled. The order is fetched
//! and kept, and then done: reports are ordered for the patient, who gets an account if need be.
//!
//! Xealth reports again what is not answered with 200. What is kept is not fetched again, and the transaction
//! that does an order notes that it is done: an order that is cut off, or that comes twice at once, is done
//! once.
//!
//! A cancellation may overtake what it cancels, which Xealth repeats if it failed. So an order that is not later
//! than a cancellation of the same one does nothing. Each looks for the other after it is kept itself: whichever
//! comes first, the order finds the cancellation, or the cancellation ends the order or finds what it did.
//!
//! While the clinic is being merged with another one, notifications are refused, and Xealth repeats them.

use anyhow::anyhow;
use mongodb::ClientSession;
use serde_json::Value;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicEvent, MessageId};
use tracing::info;

use super::match_xealth::{connected_clinic, find_patient};
use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        limited,
        matching::Criterion,
        patient::Patient,
        patient_details::{DataSourceDetails, PatientDetails, Tags},
        subscription::{OrderedBy, Subscription, Subscriptions},
        xealth::{
            asked::{Asked, Unmatched},
            demographics::Demographics,
            notification::{Notification, OrderKey},
            preorder::{Entry, order_tracking_id},
        },
    },
    error::{Error, Failure},
    store::{KeptOrder, check_can_keep, now},
    use_cases::{
        enrol_patient::{Draft, create_drafted},
        match_order::{Known, Wanted, order_reports},
        merge_clinics::check_not_moving,
        notify,
    },
};

/// As often a patient is looked for who changed meanwhile.
const TRIES: usize = 5;

/// Does what a notification is about. What is of no interest is left alone.
pub(crate) async fn receive(state: &State, body: &[u8]) -> Result<(), Error> {
    let outcome = handle(state, body).await?;
    metrics::counter!("xealth_orders_total", "outcome" => outcome).increment(1);
    Ok(())
}

/// The same; returns what became of it.
async fn handle(state: &State, body: &[u8]) -> Result<&'static str, Error> {
    let message = limited::read(body).map_err(Refusal::InvalidBody)?;
    let Some(notification) = Notification::read(&message)? else {
        return Ok("ignored");
    };
    let key = &notification.order;
    let connected = connected_clinic(state, Asked::Notification, &key.deployment).await;
    let (clinic, settings) = match connected {
        Err(Error::Refused(Refusal::Unmatched(_, Unmatched::Clinic))) => return Ok("ignored"),
        connected => connected?,
    };
    let program = &settings.procedure_codes.create_account_and_enable_reports;
    if program.is_none() || *program != notification.program_id {
        return Ok("ignored");
    }
    check_can_keep(&message).map_err(|why| Refusal::InvalidBody(why.to_owned()))?;
    let order = fetch(state, key, &message).await?;
    if order.is_done {
        return Ok("repeated");
    }
    let (orders, time) = (&state.store.xealth.orders, notification.time);
    if notification.is_active {
        let is_canceled = orders.is_canceled(key, time).await;
        if is_canceled.or_fail(Failure)? {
            orders.finish(order.id, now()).await.or_fail(Failure)?;
            return Ok("ignored");
        }
    } else {
        let superseded = orders.supersede(key, time, now()).await;
        superseded.or_fail(Failure)?;
    }
    check_not_moving(state, clinic.id).await?;
    let meant = Meant {
        key,
        who: Demographics::read(&order.data, &settings.mrn_id_type)
            .map_err(|why| Asked::Notification.refused(why))?,
        clinic,
        order,
    };
    let outcome = if notification.is_active {
        enable(state, &meant).await?
    } else {
        disable(state, &meant).await?
    };
    info!(order.id = %meant.order.id, order.outcome = outcome, "an order of Xealth is done");
    Ok(outcome)
}

/// An order with whom it means.
struct Meant<'a> {
    key: &'a OrderKey,
    who: Demographics,
    clinic: Clinic,
    order: KeptOrder,
}

/// The order of a notification as it is kept, which is fetched unless it was before.
async fn fetch(state: &State, key: &OrderKey, event: &Value) -> Result<KeptOrder, Error> {
    let orders = &state.store.xealth.orders;
    if let Some(kept) = orders.find_kept(key).await.or_fail(Failure)? {
        return Ok(kept);
    }
    let xealth = state.xealth.enabled()?;
    let fetched = xealth.orders.order(&key.deployment, &key.order_id).await;
    let data = limited::read(&fetched.or_fail(Failure)?);
    let data = data.map_err(|problem| anyhow!("the order of Xealth cannot be read: {problem}"));
    let data = data.or_fail(Failure)?;
    Ok(orders.keep(key, event, data).await.or_fail(Failure)?)
}

/// Orders reports for the patient, who gets an account if the clinic has nobody like that.
async fn enable(state: &State, meant: &Meant<'_>) -> Result<&'static str, Error> {
    let orders = &state.store.xealth.orders;
    match enable_or_create(state, meant).await {
        // Somebody else did it, upon the same notification, or it was canceled meanwhile.
        Err(_) if orders.is_done(meant.order.id).await.or_fail(Failure)? => Ok("repeated"),
        ordered => ordered,
    }
}

/// The same, unless it is done.
async fn enable_or_create(state: &State, meant: &Meant<'_>) -> Result<&'static str, Error> {
    let entry = match order_tracking_id(&meant.order.data) {
        Some(tracking_id) => {
            let entry = state.store.xealth.preorders.claim(tracking_id).await;
            entry.or_fail(Failure)?
        }
        None => None,
    };
    if set_reports(state, meant, true).await? {
        return Ok("enabled");
    }
    let entry = entry.ok_or(Refusal::NoEntry)?;
    create(state, meant, &entry).await?;
    Ok("created")
}

/// Ends the reports of the patient. Of somebody whom the clinic has not there are none.
async fn disable(state: &State, meant: &Meant<'_>) -> Result<&'static str, Error> {
    if set_reports(state, meant, false).await? {
        return Ok("disabled");
    }
    check_not_moving(state, meant.clinic.id).await?;
    let finished = state.store.xealth.orders.finish(meant.order.id, now());
    finished.await.or_fail(Failure)?;
    Ok("ignored")
}

/// Orders the reports of the patient, or ends them; returns whether the clinic has such a patient.
async fn set_reports(state: &State, meant: &Meant<'_>, is_active: bool) -> Result<bool, Error> {
    let (clinic, id) = (meant.clinic.id, meant.order.id);
    let wanted = Wanted {
        by: OrderedBy::Xealth,
        order: meant.key.matched(id),
        is_active,
        tags: None,
    };
    let mut tries = 1;
    loop {
        let patient = find_patient(state, clinic, &meant.who, Criterion::MrnDob).await?;
        let Some(patient) = patient else {
            return Ok(false);
        };
        let note = async |session: &mut ClientSession, known| {
            let orders = &state.store.xealth.orders;
            let is_first = orders.finish_in(session, id, now()).await?;
            // The patient knows whether the order is done, unless it was canceled for nobody.
            if is_active && known == Known::No && !is_first {
                return Err(Aborted::Outrun);
            }
            Ok(())
        };
        match order_reports(state, &patient, &wanted, note).await {
            Err(Aborted::Outrun) if tries < TRIES => tries += 1,
            ordered => {
                ordered.or_fail(Failure)?;
                return Ok(true);
            }
        }
    }
}

/// Makes an account for the patient with what was entered before the order, and asks it to connect what it is
/// to connect.
async fn create(state: &State, meant: &Meant<'_>, entry: &Entry) -> Result<(), Error> {
    let Meant { key, clinic, .. } = meant;
    let (by, id) = (OrderedBy::Xealth, meant.order.id);
    let details = details(meant, entry)?;
    let reports = Subscription::ordered(None, by, key.matched(id), true, now());
    let reports = reports.map(|reports| (by.name().to_owned(), reports));
    let draft = Draft {
        by: None,
        subscriptions: Subscriptions::from_iter(reports),
        connections: entry.connections(),
    };
    let note = async |session: &mut ClientSession, patient: &Patient| {
        finish(state, session, id).await?;
        if patient.last_connection_mail.is_some() {
            let (event, user) = (ClinicEvent::ConnectionRequest, &patient.user_id);
            notify::queue(state, session, event, clinic.id, user).await?;
        }
        Ok(())
    };
    create_drafted(state, clinic.id, &details, draft, note).await?;
    Ok(())
}

/// Notes that an order is done, unless somebody else did it.
async fn finish(
    state: &State,
    session: &mut ClientSession,
    id: MessageId,
) -> Result<(), Aborted<Refusal>> {
    let orders = &state.store.xealth.orders;
    if orders.finish_in(session, id, now()).await? {
        Ok(())
    } else {
        Err(Aborted::Outrun)
    }
}

/// What the order and the entry say of a new patient.
fn details(meant: &Meant<'_>, entry: &Entry) -> Result<PatientDetails, Refusal> {
    if !entry.says_who() {
        return Err(Refusal::NoEntry);
    }
    let sought = &meant.who.sought;
    let missing = |why| Asked::Notification.refused(why);
    let full_name = sought.full_name.clone().try_into();
    let birth_date = sought.birth_date.clone().try_into();
    let mrn = sought.mrn.clone().try_into();
    let sources = entry.connections().into_iter();
    let sources: Vec<DataSourceDetails> = sources.map(DataSourceDetails::pending).collect();
    Ok(PatientDetails {
        full_name: full_name.map_err(|_| missing(Unmatched::FullName))?,
        birth_date: birth_date.map_err(|_| missing(Unmatched::BirthDate))?,
        email: entry.email().map(str::to_owned),
        mrn: Some(mrn.map_err(|_| missing(Unmatched::Mrn))?),
        target_devices: None,
        tags: Some(Tags(entry.tags_of(&meant.clinic))),
        sites: None,
        data_sources: Some(sources),
        reviews: None,
        glycemic_ranges: None,
        diagnosis_type: None,
    })
}

//! Before somebody orders something for a patient, Xealth asks what is to be entered, and then brings what
//! was: it is kept until the order comes.

use bson::DateTime;
use serde_json::{Value, json};
use shared_runtime::error::OrFail as _;
use uuid::Uuid;

use super::match_xealth::{connected_clinic, find_patient};
use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        limited,
        matching::Criterion,
        patient::Patient,
        xealth::{
            asked::Asked,
            demographics::Demographics,
            form,
            preorder::{Entry, tracking_id},
        },
    },
    error::{Error, Failure},
    store::now,
};

const PROBLEM: &str = "There Was a Problem Adding the Patient to Tidepool";
const OTHER_BIRTH_DATE: [&str; 2] = [
    "A patient with this medical record number is in Tidepool already, with another date of birth.",
    "Please cancel, and correct the date of birth in one of the records.",
];
const EMAIL_TAKEN: &str = "Somebody else has an account with this email address.";
const AGAIN: &str = "Please cancel, and try again.";

/// What Xealth shows to who orders; an empty object: nothing.
pub(crate) async fn preorder(state: &State, body: &[u8]) -> Result<Value, Error> {
    let message = limited::read(body).map_err(Refusal::InvalidBody)?;
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    if text("eventType") != Some("preorder") {
        return Err(Refusal::NoPreorder.into());
    }
    let is_initial = match text("eventContext") {
        Some("initial") => true,
        Some("subsequent") => false,
        _ => return Err(Refusal::UnknownEventContext.into()),
    };
    if !message.get("datasets").is_some_and(Value::is_object) {
        return Err(Refusal::NoDatasets.into());
    }
    let deployment = text("deployment").unwrap_or_default();
    let (clinic, settings) = connected_clinic(state, Asked::Preorder, deployment).await?;
    let who = Demographics::read(&message, &settings.mrn_id_type);
    let who = who.map_err(|why| Asked::Preorder.refused(why))?;
    let known = find_patient(state, clinic.id, &who, Criterion::Mrn).await?;
    if is_initial {
        Ok(ask(&clinic, &who, known.as_ref()))
    } else if known.is_some() {
        Err(Refusal::SomebodyAlike.into())
    } else {
        keep(state, &message, &who).await
    }
}

/// What is to be entered, unless the patient is known.
fn ask(clinic: &Clinic, who: &Demographics, known: Option<&Patient>) -> Value {
    let tracking_id = Uuid::new_v4().to_string();
    match known {
        Some(known) if known.birth_date.as_ref() == Some(&who.sought.birth_date) => json!({}),
        Some(_) => form::error(&tracking_id, PROBLEM, &OTHER_BIRTH_DATE, &Value::Null),
        None => {
            let tags = clinic.tags.as_deref().unwrap_or_default();
            let is_child = who.is_child(now().date_naive());
            form::enrolment(&tracking_id, who, is_child, tags)
        }
    }
}

/// Keeps what was entered, or says what is wrong with it.
async fn keep(state: &State, message: &Value, who: &Demographics) -> Result<Value, Error> {
    let tracking_id = tracking_id(message).ok_or(Refusal::NoTrackingId)?;
    let entry = Entry::read(message, tracking_id, who.is_child(now().date_naive()));
    let mut problems = entry.problems();
    if let (Some(email), true) = (entry.email(), problems.is_empty()) {
        // Of old accounts several may share it.
        let people = state.user_api.people_by_email(email).await;
        if !people.or_fail(Failure)?.is_empty() {
            problems.push(EMAIL_TAKEN);
        }
    }
    if !problems.is_empty() {
        problems.push(AGAIN);
        let entered = message.pointer("/formData/userInput");
        let entered = entered.unwrap_or(&Value::Null);
        return Ok(form::error(tracking_id, PROBLEM, &problems, entered));
    }
    let end = DateTime::from_chrono(now() + state.xealth.enabled()?.preorders_stay);
    let kept = state.store.xealth.preorders.insert(&entry, end).await;
    if !kept.or_fail(Failure)? {
        return Err(Refusal::TrackingIdUsed.into());
    }
    Ok(json!({}))
}

//! Somebody in a hospital looks at the report of a patient: Xealth asks where it is, and opens it there.

use serde_json::Value;
use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::match_xealth::{connected_clinic, find_patient};
use crate::{
    State,
    domain::{
        Refusal, limited,
        matching::Criterion,
        subscription::XEALTH_REPORTS,
        xealth::{
            asked::{Asked, Unmatched},
            demographics::Demographics,
            viewer,
        },
    },
    error::{Error, Failure},
    store::{View, now},
};

/// Where the report of the patient of a message is. Whoever asks is noted to have looked at it.
pub(crate) async fn find_url(state: &State, body: &[u8]) -> Result<String, Error> {
    let xealth = state.xealth.enabled()?;
    let asked = Asked::ProgramUrl;
    let message = limited::read(body).map_err(Refusal::InvalidBody)?;
    let text = |pointer: &str| {
        let text = message.pointer(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let deployment = text("/deployment").unwrap_or_default();
    let (clinic, settings) = connected_clinic(state, asked, deployment).await?;
    let who = Demographics::read(&message, &settings.mrn_id_type);
    let who = who.map_err(|why| asked.refused(why))?;
    let patient = find_patient(state, clinic.id, &who, Criterion::MrnDob).await?;
    let patient = patient.ok_or(asked.refused(Unmatched::Patient))?;
    let token = xealth.restricted_tokens.create(&patient.user_id).await;
    let token = token.or_fail(Failure)?;
    let viewer = text("/datasets/ehrUserV1/userId");
    if let (Some(viewer), Some(program_id)) = (viewer, text("/programId")) {
        let view = View {
            viewer,
            deployment,
            program_id,
            clinic: clinic.id,
            patient: &patient.user_id,
        };
        let login = text("/datasets/ehrUserV1/systemLogin");
        let views = &state.store.xealth.views;
        views.insert(&view, login, now()).await.or_fail(Failure)?;
    }
    let (application, user) = (&xealth.application_url, &patient.user_id);
    Ok(viewer::url(application, clinic.id, user, &token.id))
}

/// A page that shows a report, and what it may do.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) policy: String,
}

/// The page with the report of a patient, for whoever has a restricted token for it.
pub(crate) async fn show(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    token: &str,
) -> Result<Page, Error> {
    let xealth = state.xealth.enabled()?;
    let found = xealth.restricted_tokens.find(token).await;
    let found = found.or_fail(Failure)?;
    let admits = found.is_some_and(|found| found.user_id == *user && now() < found.expiration_time);
    if !admits {
        return Err(Refusal::WrongRestrictedToken.into());
    }
    let store = &state.store;
    let settings = store.clinics.find_ehr_settings(clinic).await;
    let is_connected = settings
        .or_fail(Failure)?
        .is_some_and(|settings| settings.enabled && settings.provider == "xealth");
    let patient = store.patients.find(clinic, user).await.or_fail(Failure)?;
    let patient = patient.filter(|patient| {
        let reports = patient.subscriptions.get(XEALTH_REPORTS);
        is_connected && reports.is_some_and(|reports| reports.is_active)
    });
    let patient = patient.ok_or(Refusal::WrongRestrictedToken)?;
    let clinic = store.clinics.find(clinic).await.or_fail(Failure)?;
    let clinic = clinic.ok_or(Refusal::WrongRestrictedToken)?;
    let report = viewer::report_url(&xealth.application_url, &clinic, &patient, token);
    Ok(Page {
        html: viewer::page(&report),
        policy: viewer::policy(&xealth.application_origin),
    })
}

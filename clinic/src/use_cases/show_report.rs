//! Somebody in a hospital looks at the report of a patient: Xealth asks where it is, and opens it there.

use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::match_xealth::Question;
use crate::{
    State,
    domain::{
        Refusal,
        subscription::XEALTH_REPORTS,
        xealth::{
            asked::{Asked, Unmatched},
            viewer,
        },
    },
    error::{Error, Failure},
    store::now,
};

/// Where the report of the patient of a message is. Whoever asks is noted to have looked at it.
pub(crate) async fn find_url(state: &State, body: &[u8]) -> Result<String, Error> {
    let xealth = state.xealth.enabled()?;
    let asked = Asked::ProgramUrl;
    let (question, patient) = Question::read(state, asked, body).await?;
    let patient = patient.ok_or(asked.refused(Unmatched::Patient))?;
    let token = xealth.restricted_tokens.create(&patient.user_id).await;
    let token = token.or_fail(Failure)?;
    let program = question.text("/programId");
    if let Some(view) = program.and_then(|id| question.view(id, &patient.user_id)) {
        let login = question.text("/datasets/ehrUserV1/systemLogin");
        let views = &state.store.xealth.views;
        views.insert(&view, login, now()).await.or_fail(Failure)?;
    }
    let (application, user) = (&xealth.application_url, &patient.user_id);
    Ok(viewer::url(application, question.clinic, user, &token.id))
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

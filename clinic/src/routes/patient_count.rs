//! How many patients a clinic has.

use std::collections::BTreeMap;

use actix_web::web::{Json, Path};
use serde::Serialize;
use shared_runtime::error::{ApiError, OrFail as _};
use utoipa::ToSchema;

use super::{
    State,
    parameters::ClinicPath,
    refusals::{Missing, Refusals},
};
use crate::{
    domain::{Refusal, counts::Counts},
    error::Failure,
};

/// Numbers of patients.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PatientCount)]
pub(crate) struct CountView {
    /// All.
    total: i64,
    /// The one to try things with.
    demo: i64,
    /// Those that count for what the clinic pays for.
    plan: i64,
    /// Connections to providers of data.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    providers: BTreeMap<String, ProviderView>,
}

/// Connections to one provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderCount)]
pub(crate) struct ProviderView {
    /// All.
    total: i64,
    /// By their states.
    states: BTreeMap<String, i64>,
}

impl From<Counts> for CountView {
    fn from(counts: Counts) -> Self {
        let provider = |states: BTreeMap<String, i64>| ProviderView {
            total: states.values().sum(),
            states,
        };
        let providers = counts.providers.into_iter();
        Self {
            total: counts.total,
            demo: counts.demo,
            plan: counts.plan,
            providers: providers
                .map(|(name, states)| (name, provider(states)))
                .collect(),
        }
    }
}

/// `GET /v1/clinics/{clinicId}/patient_count`: how many patients a clinic has.
///
/// For its members and services. Response: 200, the numbers.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `GetPatientCount`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/patient_count", tag = "clinics", params(ClinicPath),
    responses((status = 200, description = "The numbers.", body = CountView), Missing, Refusals),
)]
pub(crate) async fn find_patient_count(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<CountView>, ApiError> {
    let store = &state.store;
    let found = store.clinics.find(path.clinic_id).await.or_fail(Failure)?;
    let clinic = found.ok_or(Refusal::ClinicNotFound)?;
    let counts = store.patients.count(clinic.id).await.or_fail(Failure)?;
    Ok(Json(counts.into()))
}

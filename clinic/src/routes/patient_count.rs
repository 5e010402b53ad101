//! How many patients a clinic has.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::Serialize;
use shared_runtime::error::ApiError;
use utoipa::ToSchema;

use super::{
    State,
    parameters::ClinicPath,
    refusals::{Missing, Refusals},
};
use crate::{domain::counts::Counts, use_cases::count_patients};

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
    let counts = count_patients::count(&state, path.clinic_id).await?;
    Ok(Json(counts.into()))
}

/// `POST /v1/clinics/{clinicId}/patient_count/refresh`: writes the numbers into the document of the
/// clinic, where programs of the reference read them. What this service answers is right without.
///
/// For services. Response: 200, empty.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `RefreshPatientCount`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patient_count/refresh", tag = "clinics",
    params(ClinicPath),
    responses((status = 200, description = "The numbers are written."), Missing, Refusals),
)]
pub(crate) async fn refresh_patient_count(
    path: Path<ClinicPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    count_patients::refresh(&state, path.clinic_id).await?;
    Ok(HttpResponse::Ok().finish())
}

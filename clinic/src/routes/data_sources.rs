//! Where the data of patients comes from.

use actix_web::{HttpResponse, web::Path};
use shared_runtime::error::ApiError;

use super::{
    State,
    body::RequiredList,
    parameters::{ProviderPath, UserPath},
    refusals::{Bodies, Missing, Refusals},
};
use crate::{
    domain::patient_details::DataSourceDetails,
    use_cases::{connect_provider, update_data_sources},
};

/// `PUT /v1/patients/{userId}/data_sources`: replaces where a patient's data comes from, in all of its
/// clinics, whose numbers of patients hold it at once. A repeat changes nothing, and of two requests at
/// once the later one is the last in every clinic.
///
/// For services. Body: all of them, each with `state` and `providerName`; an empty list takes all away.
/// Response: 200, empty, also where it is no patient. Errors: as every operation.
/// Source: clinics API, `UpdatePatientDataSources`.
#[utoipa::path(
    put, path = "/v1/patients/{userId}/data_sources", tag = "data sources", params(UserPath),
    request_body = Vec<DataSourceDetails>,
    responses((status = 200, description = "All of its clinics have them."), Bodies, Refusals),
)]
pub(crate) async fn update_data_sources(
    path: Path<UserPath>,
    body: RequiredList<Vec<DataSourceDetails>>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let sources = body.0.into_iter().map(Into::into).collect();
    update_data_sources::update_data_sources(&state, &path.user_id.0, sources).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `POST /v1/clinics/{clinicId}/patients/{patientId}/connect/{providerId}`: the patient is to connect the
/// account that it has with a provider of data. It is asked with one mail in ten minutes at most; the
/// request stands for 30 days.
///
/// For the clinic's members and services. Body: none. Response: 204.
/// Errors: 404 there is no such patient, or it has no data source of this provider; otherwise as every
/// operation. Source: clinics API, `ConnectProvider`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients/{patientId}/connect/{providerId}",
    tag = "data sources", params(ProviderPath),
    responses((status = 204, description = "The patient is asked."), Missing, Refusals),
)]
pub(crate) async fn connect_provider(
    path: Path<ProviderPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    connect_provider::connect_provider(&state, clinic, user, path.provider_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

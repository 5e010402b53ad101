//! Places where a clinic sees its patients. Their names are compared without regard to upper and lower
//! case.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::error::ApiError;

use super::{
    State,
    body::Required,
    parameters::{ClinicPath, SitePath},
    refusals::{Bodies, Labelling, Missing, Refusals},
    views::ChangedSiteView,
};
use crate::{
    domain::labels::{NewSite, SiteById, SiteDetails},
    use_cases::change_labels,
};

/// `POST /v1/clinics/{clinicId}/sites`: adds a site.
///
/// For the clinic's administrators and services. Body: `name`. Response: 200, the site.
/// Errors: 404 there is no such clinic; 409 it has a site of this name; 422 it has 50 sites; otherwise
/// as every operation. Source: clinics API, `CreateSite`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/sites", tag = "sites", params(ClinicPath),
    request_body = NewSite,
    responses(
        (status = 200, description = "The site.", body = ChangedSiteView),
        Missing, Labelling, Bodies, Refusals,
    ),
)]
pub(crate) async fn create_site(
    path: Path<ClinicPath>,
    body: Required<NewSite>,
    state: State,
) -> Result<Json<ChangedSiteView>, ApiError> {
    let name = body.0.name.as_str();
    let site = change_labels::create_site(&state, path.clinic_id, name).await?;
    Ok(Json(site.into()))
}

/// `PUT /v1/clinics/{clinicId}/sites/{siteId}`: renames a site, for its patients as well.
///
/// For the clinic's administrators and services. Body: `id`, which is ignored, and `name`.
/// Response: 200, the site.
/// Errors: 404 there is no such clinic; 409 another site has the name; 422 the clinic has no such
/// site; otherwise as every operation. Source: clinics API, `UpdateSite`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/sites/{siteId}", tag = "sites", params(SitePath),
    request_body = SiteDetails,
    responses(
        (status = 200, description = "The site.", body = ChangedSiteView),
        Missing, Labelling, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_site(
    path: Path<SitePath>,
    body: Required<SiteDetails>,
    state: State,
) -> Result<Json<ChangedSiteView>, ApiError> {
    let (clinic, site) = (path.clinic_id, path.site_id);
    let site = change_labels::rename_site(&state, clinic, site, body.0.name.as_str()).await?;
    Ok(Json(site.into()))
}

/// `DELETE /v1/clinics/{clinicId}/sites/{siteId}`: removes a site from a clinic and from its patients.
///
/// For the clinic's administrators and services. Response: 204.
/// Errors: 404 there is no such clinic or site; otherwise as every operation.
/// Source: clinics API, `DeleteSite`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/sites/{siteId}", tag = "sites", params(SitePath),
    responses((status = 204, description = "The site is gone."), Missing, Refusals),
)]
pub(crate) async fn delete_site(
    path: Path<SitePath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    change_labels::delete_site(&state, path.clinic_id, path.site_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/clinics/{clinicId}/sites/{siteId}/merge`: another site goes, and its patients are of this
/// one.
///
/// For services. Body: `id`, the site that goes. Response: 200, the site that stays.
/// Errors: 400 both are the same; 404 there is no such clinic or site; otherwise as every operation.
/// Source: clinics API, `MergeSite`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/sites/{siteId}/merge", tag = "sites",
    params(SitePath), request_body = SiteById,
    responses(
        (status = 200, description = "The site.", body = ChangedSiteView),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn merge_site(
    path: Path<SitePath>,
    body: Required<SiteById>,
    state: State,
) -> Result<Json<ChangedSiteView>, ApiError> {
    let (clinic, target) = (path.clinic_id, path.site_id);
    let site = change_labels::merge_site(&state, clinic, target, body.0.id).await?;
    Ok(Json(site.into()))
}

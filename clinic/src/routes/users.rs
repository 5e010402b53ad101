//! What clinics hear of accounts.

use actix_web::{HttpResponse, web::Path};
use shared_runtime::error::ApiError;

use super::{
    State,
    body::Optional,
    parameters::UserPath,
    refusals::{Bodies, Missing, RefusalBody, Refusals},
};
use crate::{
    domain::user_details::UserDetails,
    use_cases::{forget_user as forgetting, update_user as updating},
};

/// `DELETE /v1/users/{userId}/clinics`: an account is deleted, and nobody's patient or clinician any
/// more. A clinic that the user ran alone loses the patients who share with it, and keeps those whose
/// accounts it made.
///
/// For services. Response: 200, empty, also where the user was nowhere. Much to be removed may take
/// longer than a caller waits; a repeat goes on.
/// Errors: 400 the path breaks a rule; 404 a clinic that the user works for is missing; otherwise as
/// every operation.
/// Source: clinics API, `DeleteUserFromClinics`.
#[utoipa::path(
    delete, path = "/v1/users/{userId}/clinics", tag = "users", params(UserPath),
    responses((status = 200, description = "The user is nowhere."), Missing, Refusals),
)]
pub(crate) async fn forget_user(
    path: Path<UserPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    forgetting::forget_user(&state, &path.user_id.0).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `POST /v1/users/{userId}/clinics`: an account has this address, or none.
///
/// For services. Body: optional; without `email` the user's patient records lose theirs, and clinicians
/// keep it. Response: 200, empty, also where the user is nowhere.
/// Errors: 400 the path or the body breaks a rule; 422 another clinician of a clinic has the address,
/// and nothing is changed; otherwise as every operation.
/// Source: clinics API, `UpdateClinicUserDetails`.
#[utoipa::path(
    post, path = "/v1/users/{userId}/clinics", tag = "users", params(UserPath),
    request_body = Option<UserDetails>,
    responses(
        (status = 200, description = "The clinics of the user know it."),
        (status = 422, description = "Another clinician has the address.", body = RefusalBody),
        Bodies, Refusals,
    ),
)]
pub(crate) async fn update_user(
    path: Path<UserPath>,
    body: Optional<UserDetails>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    updating::update_user(&state, &path.user_id.0, &body.0).await?;
    Ok(HttpResponse::Ok().finish())
}

//! Where hospital records call: Redox sends its messages here, and first asks whether this is the place.

use actix_web::{HttpRequest, HttpResponse, web::Json};
use serde::{Deserialize, Serialize};
use shared_runtime::{
    body::{Body, not_null},
    error::ApiError,
    query::{Empty, Parameters, Query},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    State,
    body::{Message, invalid},
    refusals::{Bodies, Hospital},
};
use crate::{domain::Refusal, hospital::shown, use_cases::receive_message};

/// `POST /v1/redox`: takes a message, of whatever kind. Orders among them are worked off later.
///
/// For hospital records, whose token is in `verification-token` or in `Authorization: Bearer`, or in both.
/// Body: a JSON object with `Meta.DataModel` and `Meta.EventType`, whatever type it is said to have.
/// Response: 200, empty, once it is stored, however often it comes; also where it cannot be understood and
/// is kept apart, unless `redox.refuse_unreadable` is set.
/// Errors: 400 it cannot be understood, with that setting; 401 no token, or a wrong one; 413 it has more than
/// 10 MiB; 500 it is not stored.
/// Source: clinics API, `ProcessEHRMessage`; the quarantine is Tidegate's.
#[utoipa::path(
    post, path = "/v1/redox", tag = "hospital records",
    request_body(content = Object, description = "The message, as Redox has it."),
    params(
        ("verification-token" = Option<String>, Header, description = "The token."),
        ("authorization" = Option<String>, Header, description = "The same, as `Bearer`."),
    ),
    responses((status = 200, description = "It is stored, or kept apart."), Bodies, Hospital),
)]
pub(crate) async fn receive_message(body: Body, state: State) -> Result<HttpResponse, ApiError> {
    receive_message::receive(&state, &body.0).await?;
    Ok(HttpResponse::Ok().finish())
}

/// What Redox asks.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Verification {
    /// The token.
    #[serde(rename = "verification-token", default, deserialize_with = "not_null")]
    token: Option<String>,
    /// What comes back.
    #[serde(default, deserialize_with = "not_null")]
    challenge: Option<String>,
}

/// The same in a query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerificationQuery {
    /// The token.
    #[serde(rename = "verification-token")]
    token: Option<String>,
    /// What comes back.
    challenge: Option<String>,
}

impl Parameters for VerificationQuery {
    const EMPTY: Empty = Empty::Kept;
}

/// What Redox hears.
#[derive(Serialize, ToSchema)]
pub(crate) struct Challenge {
    challenge: String,
}

/// `POST /v1/redox/verify`: says that this is where Redox is to send messages.
///
/// For whoever knows the token of hospital records, in the body or in a header as with messages.
/// Body: `verification-token` and `challenge`. Response: 200, `{"challenge": …}`; empty where there was none.
/// Errors: 400 the body breaks a rule; 401 the token is wrong; 415 the body is not said to be JSON.
/// Source: clinics API, `VerifyEndpoint`.
#[utoipa::path(
    post, path = "/v1/redox/verify", tag = "hospital records", request_body = Verification,
    responses((status = 200, description = "The challenge.", body = Challenge), Bodies, Hospital),
)]
pub(crate) async fn verify_endpoint(
    request: HttpRequest,
    Message(body): Message,
    state: State,
) -> Result<Json<Challenge>, ApiError> {
    let asked: Verification = body.parse_object().map_err(invalid)?;
    verify(&request, &state, asked.token.as_deref(), asked.challenge)
}

/// `GET /v1/redox/verify`: the same by query, which Redox can be told to do instead.
///
/// For whoever knows the token of hospital records, in the query or in a header as with messages.
/// Response: as [`verify_endpoint`]. Errors: 400 the query cannot be read; 401 the token is wrong.
/// Source: Redox, verification of destinations.
#[utoipa::path(
    get, path = "/v1/redox/verify", tag = "hospital records", params(VerificationQuery),
    responses((status = 200, description = "The challenge.", body = Challenge), Hospital),
)]
pub(crate) async fn verify_endpoint_by_query(
    request: HttpRequest,
    query: Query<VerificationQuery>,
    state: State,
) -> Result<Json<Challenge>, ApiError> {
    let asked = query.read()?;
    verify(&request, &state, asked.token.as_deref(), asked.challenge)
}

fn verify(
    request: &HttpRequest,
    state: &State,
    token: Option<&str>,
    challenge: Option<String>,
) -> Result<Json<Challenge>, ApiError> {
    let token = token.map(str::as_bytes).filter(|token| !token.is_empty());
    let all = token.into_iter().chain(shown(request.headers()));
    state
        .redox
        .admit(all)
        .map_err(|_| Refusal::WrongHospitalToken)?;
    Ok(Json(Challenge {
        challenge: challenge.unwrap_or_default(),
    }))
}

//! Where Xealth calls, by which hospitals order.

use actix_web::{HttpRequest, web::Json};
use serde_json::Value;
use shared_runtime::{body::Body, error::ApiError};

use super::{
    State,
    body::must_be_json,
    refusals::{Bodies, Matching, Missing, Xealth},
};
use crate::use_cases::{list_programs, preorder};

/// `POST /v1/xealth/preorder`: what is to be entered before something is ordered for a patient, and what was.
///
/// For Xealth, whose token is in `Authorization: Bearer`.
/// Body: JSON with `eventType` (`preorder`), `eventContext` (`initial` or `subsequent`), `deployment`,
/// `patientIdentity` and `datasets.demographicsV1`; a subsequent one has `formData` with `dataTrackingId` and
/// `userInput`.
/// Response: 200, `{dataTrackingId, notOrderable, preorderFormInfo}`: a form to be filled in, or one that says
/// why nothing can be ordered; `{}` where the patient is known, or where what was entered is kept. The same
/// that comes again is kept once.
/// Errors: 400 the body breaks a rule, or lacks the medical record number, the birth date or the name; 401 no
/// token, or a wrong one; 404 no clinic is connected to the deployment; 409 several are, or the patient of a
/// subsequent one is there already, or its id has been used for something else; 413 the body has more than
/// 10 MiB; 422 several patients have the medical record number; 500 Xealth is not enabled, or something
/// failed.
/// Source: clinics API, `XealthPreorder`.
#[utoipa::path(
    post, path = "/v1/xealth/preorder", tag = "hospital records",
    request_body(content = Object, description = "What is about to be ordered, as Xealth has it."),
    params(("authorization" = String, Header, description = "The token, as `Bearer`.")),
    responses(
        (status = 200, description = "What is to be entered, or nothing.", body = Object),
        Missing, Matching, Bodies, Xealth,
    ),
)]
pub(crate) async fn preorder(body: Body, state: State) -> Result<Json<Value>, ApiError> {
    Ok(Json(preorder::preorder(&state, &body.0).await?))
}

/// `PUT /v1/xealth/programs`: what is ordered for a patient, for somebody in a hospital to see.
///
/// For Xealth, as [`preorder()`].
/// Body: JSON with `deployment`, `patientIdentity`, `datasets.demographicsV1` and `datasets.ehrUserV1`.
/// Response: 200, `{present: true, programs: [one]}`, or `{present: false}` where nothing is ordered, nobody is
/// such a patient, or no clinic is connected to the deployment.
/// Errors: 400 the body breaks a rule, or lacks the medical record number, the birth date or the name; 401 no
/// token, or a wrong one; 409 several clinics are connected to the deployment; 413 the body has more than
/// 10 MiB; 415 it is not said to be JSON; 422 several patients fit; 500 Xealth is not enabled, or something
/// failed.
/// Source: clinics API, `XealthGetPrograms`.
#[utoipa::path(
    put, path = "/v1/xealth/programs", tag = "hospital records",
    request_body(content = Object, description = "About whom it is asked, as Xealth has it."),
    params(("authorization" = String, Header, description = "The token, as `Bearer`.")),
    responses(
        (status = 200, description = "What is ordered, if anything is.", body = Object),
        Matching, Bodies, Xealth,
    ),
)]
pub(crate) async fn list_programs(
    request: HttpRequest,
    body: Body,
    state: State,
) -> Result<Json<Value>, ApiError> {
    must_be_json(&request)?;
    Ok(Json(list_programs::list_programs(&state, &body.0).await?))
}

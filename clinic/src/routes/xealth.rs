//! Where Xealth calls, by which hospitals order, and the page on which they see reports.

use actix_web::{
    HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
    web::Json,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_runtime::{
    body::Body,
    error::ApiError,
    query::{Parameters, Query},
};
use shared_types::ClinicId;
use utoipa::{IntoParams, ToSchema};

use super::{
    State,
    body::Message,
    refusals::{Bodies, Hospital, Matching, Missing, RefusalBody, Xealth},
};
use crate::{
    domain::{clinician::AccountId, text::Filled},
    use_cases::{list_programs, preorder, receive_order, show_report},
};

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
        Missing, Matching, Bodies, Hospital, Xealth,
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
        Matching, Bodies, Hospital, Xealth,
    ),
)]
pub(crate) async fn list_programs(
    Message(body): Message,
    state: State,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(list_programs::list_programs(&state, &body.0).await?))
}

/// `POST /v1/xealth/notification`: something was ordered for a patient, or an order was canceled. The order is
/// fetched from Xealth and kept; the patient, who gets an account if the clinic has nobody with the number and
/// the birth date, has its reports from then on, or has them no more.
///
/// For Xealth, as [`preorder()`].
/// Body: JSON with `eventType` (`order`), `eventContext` (`new` or `cancel`), `deployment`, `orderId`,
/// `programId`, `eventId` and `eventTimeStamp`.
/// Response: 200, empty, once it is done, however often it comes; also where the clinic does not know the
/// program, no clinic is connected to the deployment, it is about something else, or a cancellation of the same
/// order that is not older came before.
/// Errors: 400 the body is no JSON, names no order, or the order lacks the medical record number, the birth
/// date, the name or what was entered before it; or another patient has the number; 401 no token, or a wrong
/// one; 402 the clinic has as many patients as it may have; 409 several clinics are connected to the
/// deployment, or somebody else has the address, or the clinic is being merged with another one, for as long as
/// that takes; 413 the body has more than 10 MiB; 415 it is not said to be JSON; 422 several patients fit; 500
/// Xealth is not enabled, the order cannot be fetched, or something failed.
/// Source: clinics API, `XealthNotification`.
#[utoipa::path(
    post, path = "/v1/xealth/notification", tag = "hospital records",
    request_body(content = Object, description = "What happened to an order, as Xealth has it."),
    params(("authorization" = String, Header, description = "The token, as `Bearer`.")),
    responses(
        (status = 200, description = "It is done."),
        (status = 402, description = "The clinic has as many patients as it may have.", body = RefusalBody),
        Matching, Bodies, Hospital, Xealth,
    ),
)]
pub(crate) async fn receive_order(
    Message(body): Message,
    state: State,
) -> Result<HttpResponse, ApiError> {
    receive_order::receive(&state, &body.0).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Where something is seen.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgramUrl {
    /// It holds a secret that ends soon.
    url: String,
}

/// `PUT /v1/xealth/program`: where somebody in a hospital sees the report of a patient. Whoever asks is noted
/// to have looked at it.
///
/// For Xealth, as [`preorder()`].
/// Body: as that of [`list_programs()`], with `programId`.
/// Response: 200, `{url}`: the page of [`view_report()`] with a token that ends soon.
/// Errors: 400 the body is no JSON, or lacks the medical record number, the birth date or the name; 401 no
/// token, or a wrong one; 404 no clinic is connected to the deployment, or it has nobody like that; 409
/// several are; 413 the body has more than 10 MiB; 415 it is not said to be JSON; 422 several patients fit;
/// 500 Xealth is not enabled, there is no token, or something failed.
/// Source: clinics API, `XealthGetProgramUrl`.
#[utoipa::path(
    put, path = "/v1/xealth/program", tag = "hospital records",
    request_body(content = Object, description = "About whom it is asked, as Xealth has it."),
    params(("authorization" = String, Header, description = "The token, as `Bearer`.")),
    responses(
        (status = 200, description = "Where the report is.", body = ProgramUrl),
        Missing, Matching, Bodies, Hospital, Xealth,
    ),
)]
pub(crate) async fn find_program_url(
    Message(body): Message,
    state: State,
) -> Result<Json<ProgramUrl>, ApiError> {
    let url = show_report::find_url(&state, &body.0).await?;
    Ok(Json(ProgramUrl { url }))
}

/// Whose report is seen.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// The clinic.
    clinic_id: ClinicId,
    /// The account of the patient.
    patient_id: AccountId,
    /// The token.
    #[serde(rename = "restricted_token")]
    restricted_token: Filled,
}

impl Parameters for ReportQuery {}

/// `GET /v1/xealth/report/web/viewer.html`: page: the report of a patient, in a frame.
///
/// For whoever has a restricted token of the patient's account, in the query.
/// Query: `clinicId`, `patientId` and `restricted_token`.
/// Response: 200, a page that no cache keeps, without scripts, whose policy lets it show nothing but what
/// the application makes.
/// Errors: 400 a parameter is missing, or breaks a rule; 401 the token is none of the account, or has ended,
/// the clinic is not connected to Xealth, or nothing is ordered for the patient; 500 Xealth is not enabled, or
/// something failed.
/// Source: clinics API, `ViewPDFReport`.
#[utoipa::path(
    get, path = "/v1/xealth/report/web/viewer.html", tag = "hospital records", params(ReportQuery),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        Hospital,
    ),
)]
pub(crate) async fn view_report(
    query: Query<ReportQuery>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let ReportQuery {
        clinic_id,
        patient_id,
        restricted_token,
    } = query.read()?;
    let page = show_report::show(&state, clinic_id, &patient_id.0, restricted_token.as_str());
    let page = page.await?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=UTF-8")
        .insert_header((CONTENT_SECURITY_POLICY, page.policy))
        // Its address holds a token.
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(page.html))
}

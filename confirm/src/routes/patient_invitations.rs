//! Invitations of people to clinics: a person offers its data, the clinic takes it as a patient.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::Value;
use shared_runtime::{auth::Caller, body::Body, error::ApiError};
use shared_types::{ClinicId, PermissionSet};
use utoipa::ToSchema;

use super::{
    clinic_invites::ClinicInvite,
    refusals::{Limited, NoClinics, NotFinding, Refusals},
    view::{ConfirmationView, views, with_creator},
};
use crate::{
    State,
    domain::{clinic_invitation::PatientDetails, context},
    error::Refusal,
    rights::{ClinicMember, Manager},
    use_cases::{
        answer::{end_share, enrol_patient},
        list_clinic_invitations, share_with_clinic,
    },
};

/// Body of an offer to a clinic; other members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewShare {
    /// The code by which the clinic is shared with.
    #[serde(default)]
    share_code: Option<String>,
    /// What is offered, in one of the forms that an invitation of a person takes. A clinic gets
    /// `note`, `upload` and `view` of it.
    #[serde(default)]
    #[schema(value_type = Object)]
    permissions: Option<Value>,
}

/// `POST /confirm/send/invite/:userid/clinic`: offers an account to a clinic.
///
/// For services, the account, and who runs it.
/// Body: `{"shareCode", "permissions"}`. Response: 200, the invitation with its creator's profile;
/// the mail to those who run the clinic follows, unless the clinic wants none.
/// Errors: 400 no JSON of this form, a permission that there is not, or (empty) no code or
/// permissions; 401 no token or no right; 403 invalid token; 404 no clinic has the code; 409 the
/// clinic is invited already, or the account is its patient; 429 too many mails; 500 the store,
/// user-api, gatekeeper or clinic failed.
/// Source: public confirmation API `SendClinicInvite`.
#[utoipa::path(
    post, path = "/confirm/send/invite/{userid}/clinic", tag = "clinics", request_body = NewShare,
    params(("userid" = String, Path, description = "The account to be shared")),
    responses(
        (status = 200, description = "The invitation", body = ConfirmationView),
        (status = 400, description = "Error decoding the confirmation, or Unknown permissions; no body where a member is missing"),
        Refusals,
        (status = 404, description = "Error finding the clinic"),
        (status = 409, description = "There is already an existing invite, or The user is already a patient of the clinic"),
        Limited,
        (status = 500, description = "Error finding the clinic"),
    ),
)]
pub(crate) async fn share_with_clinic(
    manager: Manager,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    state.clinics()?;
    let (code, permissions) = read(&body)?;
    let (caller, sharer) = (&manager.caller, &manager.account);
    let made = share_with_clinic::share(&state, caller, sharer, &code, permissions).await?;
    Ok(HttpResponse::Ok().json(with_creator(&state, made).await))
}

/// `GET /v1/clinics/:clinicid/invites/patients`: who offers the clinic an account, newest first, those
/// included whose time is over.
///
/// For services and the clinic's clinicians.
/// Body: none. Response: 200, a list of invitations with their creators' profiles, which may be
/// empty.
/// Errors: 401 no token or no right; 403 invalid token; 500 the store or clinic failed.
/// Source: public confirmation API `GetPatientInvites`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicid}/invites/patients", tag = "clinics",
    params(("clinicid" = ClinicId, Path, description = "The clinic")),
    responses(
        (status = 200, description = "The invitations", body = Vec<ConfirmationView>),
        Refusals,
        NoClinics,
        NotFinding,
    ),
)]
pub(crate) async fn list_patient_invites(
    ClinicMember(clinic): ClinicMember,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let list = list_clinic_invitations::to_clinic(&state, clinic).await?;
    Ok(HttpResponse::Ok().json(views(list)))
}

/// `PUT /v1/clinics/:clinicid/invites/patients/:inviteid`: the clinic takes who offers it an account
/// as its patient.
///
/// For services and the clinic's clinicians. All or nothing: what a failure interrupts is finished
/// by a repeat of the request, or without one a little later.
/// Body: none, or what the clinic says about the patient. Response: 200, the patient as clinic shows
/// it.
/// Errors: 400 no JSON of this form, or details that clinic does not take, above all the medical
/// record number; 401 no token or no right; 403 invalid token, or the invitation was answered,
/// canceled or expired, or who sent it may no longer share the account; 404 the clinic has none with
/// this key; 500 the store, user-api, gatekeeper or clinic failed.
/// Source: public confirmation API `AcceptPatientInvitation`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicid}/invites/patients/{inviteid}", tag = "clinics",
    request_body = PatientDetails,
    params(ClinicInvite),
    responses(
        (status = 200, description = "The patient", body = Object),
        (status = 400, description = "Error creating patient, where it is the medical record number with what is wrong with that"),
        Refusals,
        (status = 404, description = "No matching invite was found; in other forms: 404 page not found"),
        (status = 500, description = "Error creating patient"),
    ),
)]
pub(crate) async fn accept_patient_invite(
    ClinicMember(clinic): ClinicMember,
    path: Path<ClinicInvite>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let details: PatientDetails = body
        .parse_optional_object()
        .map_err(|_| Refusal::InvalidPatient)?;
    let patient = enrol_patient::accept(&state, clinic, &path.inviteid, &details).await?;
    Ok(HttpResponse::Ok().json(patient))
}

/// `DELETE /v1/clinics/:clinicid/invites/patients/:inviteid`: cancels an invitation for who sent it,
/// declines it for the clinic.
///
/// For services and the clinic's clinicians, who decline; and for the account that is offered and who
/// runs it, who cancel.
/// Body: none. Response: 200, the invitation with its creator's profile.
/// Errors: 401 no token or no right; 403 invalid token, or there is none with this key, or it was
/// accepted or canceled; 500 the store, gatekeeper or clinic failed.
/// Source: public confirmation API `CancelOrDismissPatientInvite`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicid}/invites/patients/{inviteid}", tag = "clinics",
    params(ClinicInvite),
    responses(
        (status = 200, description = "The invitation", body = ConfirmationView),
        Refusals,
        (status = 403, description = "No matching invite was found, or Forbidden to perform requested operation"),
        NoClinics,
        (status = 500, description = "Error updating confirmation"),
    ),
)]
pub(crate) async fn delete_patient_invite(
    caller: Caller,
    path: Path<ClinicInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    state.clinics()?;
    let ended = end_share::end(&state, &caller, path.clinicid, &path.inviteid).await?;
    Ok(HttpResponse::Ok().json(with_creator(&state, ended).await))
}

/// The share code and the permissions of an offer.
fn read(body: &Body) -> Result<(String, PermissionSet), ApiError> {
    let given: NewShare = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    let code = given.share_code.filter(|code| !code.is_empty());
    let (Some(code), Some(permissions)) = (code, given.permissions) else {
        return Err(Refusal::Incomplete.into());
    };
    Ok((code, context::requested(&permissions)?))
}

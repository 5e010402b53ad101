//! Invitations to work for a clinic, as those see them who run it.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::Deserialize;
use shared_runtime::{body::Body, error::ApiError, peers::clinic::ClinicRefusal};
use shared_types::{ClinicId, address};
use utoipa::ToSchema;

use super::{
    clinic_invites::{ClinicInvite, ok},
    refusals::{Limited, NoClinics, NotFinding, Refusals},
    view::{ConfirmationView, with_creator},
};
use crate::{
    State,
    error::Refusal,
    rights::ClinicAdmin,
    use_cases::{answer::withdraw_clinician, invite_clinician},
};

/// Body of a new invitation; other members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewClinician {
    /// Who is invited.
    #[serde(default)]
    email: Option<String>,
    /// What the clinician will be: `CLINIC_ADMIN`, `CLINIC_MEMBER`, `PRESCRIBER`; at least one, none
    /// twice. Clinic says what of it is wrong.
    #[serde(default)]
    roles: Vec<String>,
}

/// `POST /v1/clinics/:clinicid/invites/clinicians`: invites a person to work for the clinic.
///
/// For services and those who run the clinic. All or nothing: what a failure interrupts is finished
/// by a repeat of the request, or without one a little later.
/// Body: `{"email", "roles"}`. Response: 200, who is invited, as clinic shows it; the mail follows.
/// Errors: 400 no JSON of this form, or (empty) no address; 401 no token or no right; 403 invalid
/// token; 404 no such clinic; 429 too many mails; what clinic refuses, in its words, above all 409
/// the address is invited or works there already; 500 the store, user-api or clinic failed.
/// Source: public confirmation API `InviteClinician`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicid}/invites/clinicians", tag = "clinics",
    request_body = NewClinician,
    params(("clinicid" = ClinicId, Path, description = "The clinic")),
    responses(
        (status = 200, description = "Who is invited", body = Object),
        (status = 400, description = "Error decoding the confirmation; no body where there is no address; or what clinic says of the roles"),
        Refusals,
        (status = 404, description = "Error finding the clinic; in other forms: 404 page not found"),
        (status = 409, description = "The address is invited or works there already, as clinic says it", body = Object),
        (status = 422, description = "The clinic cannot have clinicians, as clinic says it", body = Object),
        Limited,
        (status = 500, description = "Error finding the clinic"),
    ),
)]
pub(crate) async fn invite_clinician(
    admin: ClinicAdmin,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let given: NewClinician = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    let email = given.email.and_then(|email| address::parse(&email));
    let email = email.ok_or(Refusal::Incomplete)?;
    let ClinicAdmin { caller, clinic } = &admin;
    let invited = invite_clinician::invite(&state, caller, *clinic, email, given.roles).await?;
    Ok(invited.map_or_else(
        |refusal| passed_on(&refusal),
        |clinician| HttpResponse::Ok().json(clinician),
    ))
}

/// `GET /v1/clinics/:clinicid/invites/clinicians/:inviteid`: a pending invitation.
///
/// For services and those who run the clinic.
/// Body: none. Response: 200, the invitation with its creator's profile.
/// Errors: 401 no token or no right; 403 invalid token; 404 there is none, in clinic's words where it
/// knows nobody who is invited; 500 the store or clinic failed.
/// Source: public confirmation API `GetClinicianInvite`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicid}/invites/clinicians/{inviteid}", tag = "clinics",
    params(ClinicInvite),
    responses(
        (status = 200, description = "The invitation", body = ConfirmationView),
        Refusals,
        (status = 404, description = "No matching invite was found; in other forms: 404 page not found, or what clinic says"),
        (status = 500, description = "Error finding the clinic"),
    ),
)]
pub(crate) async fn find_clinician_invite(
    admin: ClinicAdmin,
    path: Path<ClinicInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    match invite_clinician::find(&state, admin.clinic, &path.inviteid).await? {
        Ok(found) => Ok(HttpResponse::Ok().json(with_creator(&state, found).await)),
        Err(refusal) => Ok(passed_on(&refusal)),
    }
}

/// `PATCH /v1/clinics/:clinicid/invites/clinicians/:inviteid`: mails an invitation once more, with the
/// same key; makes it again where clinic alone knows of it.
///
/// For services and those who run the clinic.
/// Body: none. Response: 200, the invitation with its creator's profile.
/// Errors: 401 no token or no right; 403 invalid token, or it is being accepted; 404 there is none, in
/// clinic's words where it knows nobody who is invited; 429 too many mails; 500 the store, user-api
/// or clinic failed.
/// Source: public confirmation API `ResendInvite`.
#[utoipa::path(
    patch, path = "/v1/clinics/{clinicid}/invites/clinicians/{inviteid}", tag = "clinics",
    params(ClinicInvite),
    responses(
        (status = 200, description = "The invitation", body = ConfirmationView),
        Refusals,
        (status = 404, description = "No matching invite was found, or Error finding the clinic; in other forms: 404 page not found, or what clinic says"),
        Limited,
        (status = 500, description = "Error finding the clinic"),
    ),
)]
pub(crate) async fn resend_clinician_invite(
    admin: ClinicAdmin,
    path: Path<ClinicInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    match invite_clinician::resend(&state, &admin.caller, admin.clinic, &path.inviteid).await? {
        Ok(renewed) => Ok(HttpResponse::Ok().json(with_creator(&state, renewed).await)),
        Err(refusal) => Ok(passed_on(&refusal)),
    }
}

/// `DELETE /v1/clinics/:clinicid/invites/clinicians/:inviteid`: takes an invitation back.
///
/// For services and those who run the clinic. All or nothing: what a failure interrupts is finished
/// by a repeat of the request, or without one a little later.
/// Body: none. Response: 200, `OK` as text; also where there is none.
/// Errors: 401 no token or no right; 403 invalid token, or it is being accepted; 500 the store or
/// clinic failed.
/// Source: public confirmation API `DeleteInvite`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicid}/invites/clinicians/{inviteid}", tag = "clinics",
    params(ClinicInvite),
    responses(
        (status = 200, description = "OK", body = String, content_type = "text/plain"),
        Refusals,
        NoClinics,
        NotFinding,
    ),
)]
pub(crate) async fn delete_clinician_invite(
    admin: ClinicAdmin,
    path: Path<ClinicInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    withdraw_clinician::withdraw(&state, admin.clinic, &path.inviteid).await?;
    Ok(ok())
}

/// What clinic refuses, as it says it.
fn passed_on(refusal: &ClinicRefusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status).json(&refusal.body)
}

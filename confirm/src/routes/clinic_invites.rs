//! What operations on invitations of clinics have in common.

use actix_web::HttpResponse;
use serde::Deserialize;
use shared_types::ClinicId;
use utoipa::IntoParams;

/// An invitation that a clinic sent or was sent.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ClinicInvite {
    /// The clinic.
    #[param(inline)]
    pub(crate) clinicid: ClinicId,
    /// The key of the invitation.
    pub(crate) inviteid: String,
}

/// An invitation of a clinic, as who is invited names it; whose it is, the caller's right says.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ReceivedInvite {
    /// Who is invited.
    #[serde(rename = "userid")]
    _userid: String,
    /// The key of the invitation.
    pub(crate) inviteid: String,
}

/// `OK` as text.
pub(crate) fn ok() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("OK")
}

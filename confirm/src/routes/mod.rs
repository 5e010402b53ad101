//! The route table. Every path is served with and without the prefix `/confirm`.

mod clinic_invites;
mod clinician_answers;
mod clinician_invitations;
mod health;
mod internal;
mod invitation_answers;
mod invitations;
mod password_resets;
mod patient_invitations;
mod refusals;
mod sign_up_answers;
mod sign_ups;
mod view;

use shared_runtime::{
    openapi::{document, with_reasons},
    operation,
    routes::RouteTable,
};
use utoipa::OpenApi;

use crate::error::envelope;

/// Every operation. The bare `/ready` and `/live` are the runtime's own.
pub fn table() -> RouteTable {
    RouteTable::new(envelope)
        .taking_trailing_slash()
        .serve(
            operation!(health::show_status)
                .also_at("/status")
                .also_at("/confirm/ready"),
        )
        .serve(operation!(health::show_life))
        .merge(sign_ups().also_without("/confirm"))
        .merge(invitations().also_without("/confirm"))
        .merge(clinics().also_with("/confirm"))
        // For those whom the settings `internal` name. The public origin routes nothing under
        // /internal.
        .serve(operation!(internal::delete_user))
        .serve(operation!(internal::delete_invitations))
        .serve(operation!(internal::report_change))
        .serve(operation!(internal::report_clinic_event))
        .serve(operation!(internal::revive_outbox))
}

fn sign_ups() -> RouteTable {
    RouteTable::new(envelope)
        .serve(operation!(sign_ups::send_sign_up))
        .serve(operation!(sign_ups::resend_sign_up))
        .serve(operation!(sign_up_answers::accept_sign_up))
        .serve(operation!(sign_up_answers::accept_sign_up_of))
        .serve(operation!(sign_up_answers::dismiss_sign_up))
        .serve(operation!(sign_ups::create_sign_up))
        .serve(operation!(sign_ups::find_sign_up))
        .serve(operation!(sign_ups::cancel_sign_up))
        .serve(operation!(sign_ups::delete_sign_up))
        .serve(
            operation!(password_resets::send_password_reset).also_at("/confirm/forgot/{useremail}"),
        )
        .serve(operation!(password_resets::accept_password_reset))
}

fn invitations() -> RouteTable {
    RouteTable::new(envelope)
        .serve(operation!(invitations::send_invite))
        .serve(operation!(patient_invitations::share_with_clinic))
        .serve(operation!(invitations::resend_invite))
        .serve(operation!(invitations::list_sent_invites))
        .serve(operation!(invitation_answers::list_received_invites))
        .serve(operation!(invitation_answers::accept_invite))
        .serve(operation!(invitation_answers::dismiss_invite))
        .serve(operation!(invitations::cancel_invite))
        .serve(operation!(invitations::delete_invite))
}

/// Without clinics, these are 404.
fn clinics() -> RouteTable {
    RouteTable::new(envelope)
        .serve(operation!(patient_invitations::list_patient_invites))
        .serve(operation!(patient_invitations::accept_patient_invite))
        .serve(operation!(patient_invitations::delete_patient_invite))
        .serve(operation!(clinician_invitations::invite_clinician))
        .serve(operation!(clinician_invitations::find_clinician_invite))
        .serve(operation!(clinician_invitations::resend_clinician_invite))
        .serve(operation!(clinician_invitations::delete_clinician_invite))
        .serve(operation!(clinician_answers::list_clinician_invites))
        .serve(operation!(clinician_answers::accept_clinician_invite))
        .serve(operation!(clinician_answers::dismiss_clinician_invite))
}

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    with_reasons(document(Document::openapi(), &table()))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "confirm",
    description = "Invitations, sign-up confirmations and password resets.",
))]
struct Document;

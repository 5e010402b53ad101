//! The route table. Every path is served with and without the prefix `/confirm`.

mod health;
mod internal;
mod invite_answers;
mod invites;
mod password_resets;
mod signup_answers;
mod signups;
mod view;

use shared_runtime::{openapi::document, routes::RouteTable};
use utoipa::OpenApi;

use crate::error::envelope;

/// Every operation. The bare `/ready` and `/live` are the runtime's own.
#[expect(
    clippy::too_many_lines,
    reason = "the whole table on one page, with the aliases of each line"
)]
pub fn table() -> RouteTable {
    RouteTable::new(envelope)
        .taking_trailing_slash()
        .get(
            &["/confirm/status", "/status", "/confirm/ready"],
            health::show_status,
        )
        .get(&["/confirm/live"], health::show_life)
        .post(
            &["/confirm/send/signup/{userid}", "/send/signup/{userid}"],
            signups::send_sign_up,
        )
        .post(
            &[
                "/confirm/resend/signup/{useremail}",
                "/resend/signup/{useremail}",
            ],
            signups::resend_sign_up,
        )
        .put(
            &[
                "/confirm/accept/signup/{confirmationid}",
                "/accept/signup/{confirmationid}",
            ],
            signup_answers::accept_sign_up,
        )
        .put(
            &[
                "/confirm/accept/signup/{userid}/{confirmationid}",
                "/accept/signup/{userid}/{confirmationid}",
            ],
            signup_answers::accept_sign_up_of,
        )
        .put(
            &[
                "/confirm/dismiss/signup/{userid}",
                "/dismiss/signup/{userid}",
            ],
            signup_answers::dismiss_sign_up,
        )
        .post(
            &["/confirm/signup/{userid}", "/signup/{userid}"],
            signups::create_sign_up,
        )
        .get(
            &["/confirm/signup/{userid}", "/signup/{userid}"],
            signups::find_sign_up,
        )
        .put(
            &["/confirm/signup/{userid}", "/signup/{userid}"],
            signups::cancel_sign_up,
        )
        .delete(
            &["/confirm/signup/{userid}", "/signup/{userid}"],
            signups::delete_sign_up,
        )
        .post(
            &[
                "/confirm/send/forgot/{useremail}",
                "/send/forgot/{useremail}",
                "/confirm/forgot/{useremail}",
                "/forgot/{useremail}",
            ],
            password_resets::send_password_reset,
        )
        .put(
            &["/confirm/accept/forgot", "/accept/forgot"],
            password_resets::accept_password_reset,
        )
        .post(
            &["/confirm/send/invite/{userid}", "/send/invite/{userid}"],
            invites::send_invite,
        )
        .patch(
            &[
                "/confirm/resend/invite/{inviteid}",
                "/resend/invite/{inviteid}",
            ],
            invites::resend_invite,
        )
        .get(
            &["/confirm/invite/{userid}", "/invite/{userid}"],
            invites::list_sent_invites,
        )
        .get(
            &["/confirm/invitations/{userid}", "/invitations/{userid}"],
            invite_answers::list_received_invites,
        )
        .put(
            &[
                "/confirm/accept/invite/{userid}/{invitedby}",
                "/accept/invite/{userid}/{invitedby}",
            ],
            invite_answers::accept_invite,
        )
        .put(
            &[
                "/confirm/dismiss/invite/{userid}/{invitedby}",
                "/dismiss/invite/{userid}/{invitedby}",
            ],
            invite_answers::dismiss_invite,
        )
        .put(CANCEL_PATHS, invites::cancel_invite)
        .delete(CANCEL_PATHS, invites::delete_invite)
        // For those whom the settings `internal` name. The public origin routes nothing under
        // /internal.
        .delete(&["/internal/users/{userid}"], internal::delete_user)
        .put(
            &["/internal/account-notices/{noticeid}"],
            internal::tell_change,
        )
        .post(&["/internal/outbox/revive"], internal::revive_outbox)
}

const CANCEL_PATHS: &[&str] = &[
    "/confirm/{userid}/invited/{invited_address}",
    "/{userid}/invited/{invited_address}",
];

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document(Document::openapi(), &table())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "confirm",
        description = "Invitations, sign-up confirmations and password resets.",
    ),
    paths(
        health::show_status,
        health::show_life,
        signups::send_sign_up,
        signups::create_sign_up,
        signups::find_sign_up,
        signups::resend_sign_up,
        signups::cancel_sign_up,
        signups::delete_sign_up,
        signup_answers::accept_sign_up,
        signup_answers::accept_sign_up_of,
        signup_answers::dismiss_sign_up,
        password_resets::send_password_reset,
        password_resets::accept_password_reset,
        invites::send_invite,
        invites::resend_invite,
        invites::list_sent_invites,
        invites::cancel_invite,
        invites::delete_invite,
        invite_answers::list_received_invites,
        invite_answers::accept_invite,
        invite_answers::dismiss_invite,
        internal::delete_user,
        internal::tell_change,
        internal::revive_outbox,
    )
)]
struct Document;

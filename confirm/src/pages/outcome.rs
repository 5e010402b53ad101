//! What was done, said on a page of its own, so that loading it again does nothing again.

use actix_web::{HttpResponse, web::Path};
use shared_runtime::error::ApiError;

use super::{not_found, visit::Visit};

/// A page that only says something.
pub(super) struct Outcome {
    pub(super) path: &'static str,
    heading: &'static str,
    text: &'static str,
    /// Where it goes on: path and label.
    next: (&'static str, &'static str),
}

const LOG_IN: (&str, &str) = ("/login", "Log in");
const INVITATIONS: (&str, &str) = (super::invitations::PATH, "Back to your invitations");

pub(super) const SIGNED_UP: Outcome = Outcome {
    path: "/pages/done/signed-up",
    heading: "Check your mail",
    text: "We sent you a mail with a link. Open it to confirm that the address is yours. No mail? Look into the spam folder.",
    next: LOG_IN,
};

pub(super) const VERIFIED: Outcome = Outcome {
    path: "/pages/done/verified",
    heading: "Your address is verified",
    text: "You can log in. If somebody invited you, the invitation is waiting there.",
    next: LOG_IN,
};

pub(super) const MAIL_SENT: Outcome = Outcome {
    path: "/pages/done/mail-sent",
    heading: "Check your mail",
    text: "If there is an account with this address that has to be verified, a mail with a link is on its way. The links in earlier mails work as long as they say.",
    next: LOG_IN,
};

pub(super) const RESET_SENT: Outcome = Outcome {
    path: "/pages/done/reset-sent",
    heading: "Check your mail",
    text: "A mail is on its way to this address. If there is an account with it, a link in the mail leads to a new password.",
    next: LOG_IN,
};

pub(super) const PASSWORD_CHANGED: Outcome = Outcome {
    path: "/pages/done/password-changed",
    heading: "Your password is changed",
    text: "You were logged out everywhere. Log in with the new password.",
    next: LOG_IN,
};

pub(super) const PUT_BACK: Outcome = Outcome {
    path: "/pages/done/account-put-back",
    heading: "The account is yours again",
    text: "User name and e-mail addresses are what they were, and everybody was logged out. Log in with the new password. Then look at whom the account shares data with: invitations and permissions of that time are still there.",
    next: LOG_IN,
};

pub(super) const ACCEPTED: Outcome = Outcome {
    path: "/pages/done/accepted",
    heading: "You accepted",
    text: "You are in the care team, and may do from here on what the invitation offered.",
    next: INVITATIONS,
};

pub(super) const DECLINED: Outcome = Outcome {
    path: "/pages/done/declined",
    heading: "You declined",
    text: "Nothing was shared with you. Whoever invited you sees that you declined.",
    next: INVITATIONS,
};

pub(super) const JOINED: Outcome = Outcome {
    path: "/pages/done/joined",
    heading: "You joined the clinic",
    text: "You work for it from here on, and may do there what whoever runs it lets you.",
    next: INVITATIONS,
};

pub(super) const STAYED_OUT: Outcome = Outcome {
    path: "/pages/done/stayed-out",
    heading: "You declined",
    text: "You do not work for this clinic. It can invite you again.",
    next: INVITATIONS,
};

pub(super) const LOGGED_OUT: Outcome = Outcome {
    path: "/pages/done/logged-out",
    heading: "You are logged out",
    text: "Nobody else who uses this browser can act for you.",
    next: LOG_IN,
};

const ALL: [Outcome; 11] = [
    SIGNED_UP,
    VERIFIED,
    MAIL_SENT,
    RESET_SENT,
    PASSWORD_CHANGED,
    PUT_BACK,
    ACCEPTED,
    DECLINED,
    JOINED,
    STAYED_OUT,
    LOGGED_OUT,
];

/// `GET /pages/done/:outcome`: what was done. Public.
///
/// Response: 200. Errors: 404 nothing of this name can be done.
/// Source: Tidegate, pages.
pub(super) async fn show_outcome(
    visit: Visit,
    _name: Path<String>,
) -> Result<HttpResponse, ApiError> {
    match ALL.iter().find(|outcome| outcome.path == visit.path()) {
        None => not_found(),
        Some(outcome) => {
            let (log_in, (path, label)) = (visit.log_in(), outcome.next);
            // The web application has that page, if there is one.
            let path = if outcome.next == LOG_IN {
                &log_in
            } else {
                path
            };
            let response = HttpResponse::Ok().finish();
            visit.message(response, outcome.heading, outcome.text, (path, label))
        }
    }
}

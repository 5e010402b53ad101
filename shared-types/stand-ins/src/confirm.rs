//! confirm, played as far as user-api and clinic call it: deletions, hand-overs, notices, and claims of
//! the accounts that clinics made.

use std::{collections::BTreeMap, sync::Mutex};

use actix_web::{HttpResponse, http::StatusCode};
use shared_runtime::error::ApiError;
use shared_types::{AccountNotice, ClinicNotice};

use crate::{Part, Request, StandIn, tokens::Caller};

/// confirm, played.
pub type Confirm = StandIn<Confirmations>;

/// The services that it lets call.
const ADMITTED: [&str; 2] = ["user-api", "clinic"];

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `DELETE /internal/users/{userid}`.
    Forget,
    /// `DELETE /internal/users/{userid}/invitations`.
    Cancel,
    /// `PUT /internal/account-notices/{noticeid}`.
    Notice,
    /// `PUT /internal/clinic-notices/{noticeid}`.
    ClinicNotice,
    /// `POST /confirm/send/signup/{userid}`.
    Claim,
}

/// What it keeps.
#[derive(Default)]
pub struct Confirmations(Mutex<Known>);

#[derive(Default)]
struct Known {
    forgotten: Vec<String>,
    cancellations: Vec<(String, i64)>,
    notices: BTreeMap<String, AccountNotice>,
    clinic_notices: BTreeMap<String, ClinicNotice>,
}

impl Confirm {
    /// The deleted accounts that it heard of, in order.
    pub fn forgotten(&self) -> Vec<String> {
        self.part().0.lock().unwrap().forgotten.clone()
    }

    /// The times until which the invitations of `user` were canceled, in milliseconds since 1970.
    pub fn cancellations(&self, user: &str) -> Vec<i64> {
        let known = self.part().0.lock().unwrap();
        let of_user = known.cancellations.iter().filter(|(id, _)| id == user);
        of_user.map(|(_, until)| *until).collect()
    }

    /// The notices by their ids.
    pub fn notices(&self) -> BTreeMap<String, AccountNotice> {
        self.part().0.lock().unwrap().notices.clone()
    }

    /// What happened in clinics, in the order of the ids of the notices.
    pub fn clinic_notices(&self) -> Vec<ClinicNotice> {
        let known = self.part().0.lock().unwrap();
        known.clinic_notices.values().cloned().collect()
    }
}

impl Part for Confirmations {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        let (method, path) = request.operation();
        let (ask, about) = match (method, &path[..]) {
            ("DELETE", ["internal", "users", user]) => (Ask::Forget, user),
            ("DELETE", ["internal", "users", user, "invitations"]) => (Ask::Cancel, user),
            ("PUT", ["internal", "account-notices", id]) => (Ask::Notice, id),
            ("PUT", ["internal", "clinic-notices", id]) => (Ask::ClinicNotice, id),
            ("POST", ["confirm", "send", "signup", user]) => (Ask::Claim, user),
            _ => return None,
        };
        Some((ask, (*about).to_owned()))
    }

    fn admit(ask: Ask, request: &Request) -> Result<(), ApiError> {
        let caller = Caller::of(request);
        let (status, reason) = match caller {
            _ if caller.is_one_of(&ADMITTED) => return Ok(()),
            Caller::Service(_) if ask == Ask::Claim => return Ok(()),
            Caller::User | Caller::Service(_) => (
                StatusCode::UNAUTHORIZED,
                "Not authorized for requested operation",
            ),
            Caller::Nobody => (
                StatusCode::UNAUTHORIZED,
                "No x-tidepool-session-token was found",
            ),
            Caller::Forger => (
                StatusCode::FORBIDDEN,
                "The x-tidepool-session-token was invalid",
            ),
        };
        Err(ApiError::reason(status, reason))
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let unreadable =
            || ApiError::reason(StatusCode::BAD_REQUEST, "Error decoding the confirmation");
        let id = request.segments[2].clone();
        let mut known = self.0.lock().unwrap();
        match ask {
            Ask::Forget => known.forgotten.push(id),
            Ask::Cancel => {
                let until = request.parameter("until");
                let until = until.and_then(|until| until.parse().ok());
                known
                    .cancellations
                    .push((id, until.ok_or_else(unreadable)?));
            }
            Ask::Notice => {
                let notice = request.body().ok_or_else(unreadable)?;
                known.notices.entry(id).or_insert(notice);
            }
            Ask::ClinicNotice => {
                let notice = request.body().ok_or_else(unreadable)?;
                known.clinic_notices.entry(id).or_insert(notice);
            }
            Ask::Claim => return Ok(HttpResponse::Ok().finish()),
        }
        Ok(HttpResponse::NoContent().finish())
    }
}

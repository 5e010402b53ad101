//! gatekeeper, played for services: permissions, and relations of clinics to patients and
//! clinicians.

mod holders;
mod known;

use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::{HttpResponse, http::StatusCode};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_runtime::{
    auth::{ServerLogin, TOKEN_HEADER},
    config::UserApiSettings,
    error::ApiError,
    http::PeerClient,
    peers,
};
use shared_types::{ClinicId, ClinicianRelation, Grant, PatientRelation, PermissionSet, UserId};

use self::known::Known;
use crate::{Part, Request, StandIn, server_secret, tokens::Caller};

/// gatekeeper, played.
pub type Gatekeeper = StandIn<Permissions>;

/// The services that may ask what is below `/internal`.
const ADMITTED: [&str; 3] = ["user-api", "confirm", "clinic"];

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `GET /access/{sharer}/{grantee}`.
    Pair,
    /// `GET /access/{sharer}`.
    Members,
    /// `GET /access/groups/{user}`.
    Groups,
    /// `POST /access/{sharer}/{grantee}`.
    Replace,
    /// `PUT /internal/grants/{id}`.
    Grant,
    /// `GET /internal/users/{user}/administered`.
    Administered,
    /// `GET /internal/users/{user}/grantees`.
    Grantees,
    /// `PUT /internal/users/{user}/lock`.
    Lock,
    /// `DELETE /internal/users/{user}/custodians`.
    EndCustody,
    /// `DELETE /internal/users/{user}/grantees`.
    EndGrants,
    /// `DELETE /internal/users/{user}`.
    Forget,
    /// `GET /internal/clinics/patients` and `GET /internal/clinics/clinicians`.
    Relations,
    /// `PUT` and `DELETE /internal/clinics/{clinic}/patients/{user}`.
    Patient,
    /// `PUT` and `DELETE /internal/clinics/{clinic}/clinicians/{user}`.
    Clinician,
}

impl Ask {
    /// Those that change nothing.
    pub const READS: [Self; 5] = [
        Self::Pair,
        Self::Members,
        Self::Groups,
        Self::Administered,
        Self::Grantees,
    ];
    /// Those that take from an account or remove it.
    pub const REMOVALS: [Self; 3] = [Self::EndCustody, Self::EndGrants, Self::Forget];
}

/// What it keeps.
#[derive(Default)]
pub struct Permissions {
    known: Mutex<Known>,
    /// Whom it tells who runs an account; `None`: nobody, and no account needs somebody.
    user_api: Mutex<Option<peers::user_api::UserApi>>,
}

impl Gatekeeper {
    /// From here on it tells the user-api at `url` who runs an account, and asks whether the account
    /// needs somebody, as the real one does; it logs in there with its [`server_secret`].
    pub fn call_back(&self, url: &str) {
        let login = ServerLogin::new(&UserApiSettings {
            url: url.to_owned(),
            server_name: "gatekeeper".to_owned(),
            server_secret: server_secret("gatekeeper").into(),
            token_cache_ms: 0,
        });
        let client = PeerClient::new(url, Arc::new(login.unwrap())).unwrap();
        let user_api = peers::user_api::UserApi::new(client);
        *self.part().user_api.lock().unwrap() = Some(user_api);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.part().known()
    }

    /// Gives `grantee` these `permissions` on the account of `sharer` in place of what it had,
    /// without a word to user-api.
    pub fn grant(&self, sharer: &str, grantee: &str, permissions: Value) {
        let set = serde_json::from_value(permissions).expect("a permission set");
        self.known().replace(&sharer.into(), &grantee.into(), set);
    }

    /// The same, to which `grantee` did not agree.
    pub fn grant_unaccepted(&self, sharer: &str, grantee: &str, permissions: Value) {
        self.grant(sharer, grantee, permissions);
        let pair = (sharer.into(), grantee.into());
        self.known().grants.get_mut(&pair).unwrap().is_accepted = false;
    }

    /// From here on, what was granted on the account of `sharer` was granted at `time`.
    pub fn date_grants(&self, sharer: &str, time: DateTime<Utc>) {
        self.known().date_grants(&sharer.into(), time);
    }

    /// Takes all that `grantee` was granted on the account of `sharer`.
    pub fn revoke(&self, sharer: &str, grantee: &str) {
        self.grant(sharer, grantee, json!({}));
    }

    /// From here on, a clinic runs `account`.
    pub fn let_clinic_run(&self, account: &str) {
        let (clinic, set) = (ClinicId::from([0; 12]), PermissionSet::of(&["custodian"]));
        self.known()
            .relate_patient(clinic, account.into(), i64::MAX, Some(set));
    }

    /// What `grantee` was granted on the account of `sharer`; `None`: nothing.
    pub fn permissions(&self, sharer: &str, grantee: &str) -> Option<Value> {
        let known = self.known();
        let held = known.grants.get(&(sharer.into(), grantee.into()))?;
        Some(json!(held.set))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.known().grants.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of the grants that had their effect, in order.
    pub fn applied(&self) -> Vec<String> {
        self.known().applied.clone()
    }

    /// Whether it heard that `user` was deleted.
    pub fn has_forgotten(&self, user: &str) -> bool {
        self.known().forgotten.contains(&user.into())
    }

    /// Whether `ask` came in.
    pub fn was_asked(&self, ask: Ask) -> bool {
        !self.asked(ask).is_empty()
    }
}

impl Part for Permissions {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        let (method, path) = request.operation();
        let (ask, about) = match (method, &path[..]) {
            ("GET", ["access", "groups", user]) => (Ask::Groups, vec![*user]),
            ("GET", ["access", sharer]) => (Ask::Members, vec![*sharer]),
            ("GET", ["access", pair @ ..]) if pair.len() == 2 => (Ask::Pair, pair.to_vec()),
            ("POST", ["access", pair @ ..]) if pair.len() == 2 => (Ask::Replace, pair.to_vec()),
            ("PUT", ["internal", "grants", id]) => (Ask::Grant, vec![*id]),
            ("GET", ["internal", "users", user, "administered"]) => {
                (Ask::Administered, vec![*user])
            }
            ("GET", ["internal", "users", user, "grantees"]) => (Ask::Grantees, vec![*user]),
            ("PUT", ["internal", "users", user, "lock"]) => (Ask::Lock, vec![*user]),
            ("DELETE", ["internal", "users", user, "custodians"]) => (Ask::EndCustody, vec![*user]),
            ("DELETE", ["internal", "users", user, "grantees"]) => (Ask::EndGrants, vec![*user]),
            ("DELETE", ["internal", "users", user]) => (Ask::Forget, vec![*user]),
            ("GET", ["internal", "clinics", kind]) => (Ask::Relations, vec![*kind]),
            ("PUT" | "DELETE", ["internal", "clinics", clinic, "patients", user]) => {
                (Ask::Patient, vec![*clinic, *user])
            }
            ("PUT" | "DELETE", ["internal", "clinics", clinic, "clinicians", user]) => {
                (Ask::Clinician, vec![*clinic, *user])
            }
            _ => return None,
        };
        Some((ask, about.join("/")))
    }

    fn admit(ask: Ask, request: &Request) -> Result<(), ApiError> {
        let is_internal = !matches!(ask, Ask::Pair | Ask::Members | Ask::Groups | Ask::Replace);
        let caller = Caller::of(request);
        let refusal = match caller {
            _ if caller.is_one_of(&ADMITTED) => return Ok(()),
            Caller::Service(_) if !is_internal => return Ok(()),
            Caller::User | Caller::Service(_) => "Unauthorized".to_owned(),
            Caller::Forger => "Invalid Token".to_owned(),
            Caller::Nobody => format!("Session token must be set on header[{TOKEN_HEADER}]"),
        };
        Err(ApiError::json_string(StatusCode::UNAUTHORIZED, refusal))
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let id = |place: usize| UserId::from(request.segments[place].as_str());
        Ok(match ask {
            Ask::Pair => match self.known().effective(&id(1), &id(2)) {
                set if set.is_empty() => {
                    return Err(ApiError::message(StatusCode::NOT_FOUND, "NotFound", ""));
                }
                set => ok(set),
            },
            Ask::Members => ok(self.known().members(&id(1))),
            Ask::Groups => ok(self.known().groups(&id(2))),
            Ask::Replace => {
                let wanted: Option<PermissionSet> = request.body().ok_or_else(invalid_set)?;
                let wanted = wanted.unwrap_or_default().grantable();
                ok(self.replace(&id(1), &id(2), wanted).await?)
            }
            Ask::Grant => {
                let grant: Grant = request.body().ok_or_else(invalid_set)?;
                ok(self.apply(&request.segments[2], grant).await?)
            }
            Ask::Administered => ok(self.known().administered(&id(2))),
            Ask::Grantees => ok(self.known().agreements(&id(2))),
            Ask::Lock => ok(self.known().lock(&id(2))),
            Ask::EndCustody | Ask::EndGrants | Ask::Forget => {
                self.remove(ask, &id(2), request)?;
                HttpResponse::NoContent().finish()
            }
            Ask::Relations => {
                let bound = |name| request.parameter(name).map(UserId::from);
                let (after, until) = (bound("after"), bound("until"));
                let known = self.known();
                ok(known.relations(&request.segments[2], after.as_ref(), until.as_ref()))
            }
            Ask::Patient | Ask::Clinician => {
                self.relate(ask, request)?;
                HttpResponse::NoContent().finish()
            }
        })
    }
}

impl Permissions {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    fn remove(&self, ask: Ask, user: &UserId, request: &Request) -> Result<(), ApiError> {
        match ask {
            Ask::EndCustody => self.known().end_custody(user),
            Ask::EndGrants => {
                let until = request.parameter("until");
                let until = until.and_then(|until| until.parse().ok());
                let until: Option<DateTime<Utc>> = until.and_then(DateTime::from_timestamp_millis);
                let until = until.ok_or_else(|| {
                    invalid("Invalid until: expected a time in milliseconds since 1970")
                })?;
                self.known().end_grants(user, until);
            }
            _ => self.known().forget(user),
        }
        Ok(())
    }

    fn relate(&self, ask: Ask, request: &Request) -> Result<(), ApiError> {
        let clinic = request.segments[2].parse::<ClinicId>();
        let clinic =
            clinic.map_err(|_| invalid("Invalid clinic id: expected 24 hexadecimal digits"))?;
        let user = UserId::from(request.segments[4].as_str());
        let is_put = request.method == "PUT";
        let (revision, permissions) = match ask {
            Ask::Patient if is_put => {
                let told: PatientRelation = request.body().ok_or_else(invalid_set)?;
                (told.revision, Some(told.permissions.grantable()))
            }
            _ if is_put => {
                let told: ClinicianRelation = request.body().ok_or_else(invalid_set)?;
                (told.revision, None)
            }
            _ => {
                let revision = request.parameter("revision");
                (
                    revision.and_then(|text| text.parse().ok()).unwrap_or(0),
                    None,
                )
            }
        };
        if revision < 1 {
            return Err(invalid("Invalid revision: expected an integer, at least 1"));
        }
        let mut known = self.known();
        if ask == Ask::Patient {
            known.relate_patient(clinic, user, revision, permissions);
        } else {
            known.relate_clinician(clinic, user, revision, is_put);
        }
        Ok(())
    }
}

fn ok(body: impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

fn invalid(problem: &'static str) -> ApiError {
    ApiError::message(StatusCode::BAD_REQUEST, "InvalidContent", problem)
}

/// The real one says more precisely what is wrong with the body.
fn invalid_set() -> ApiError {
    invalid("Invalid permissions: expected an object or null")
}

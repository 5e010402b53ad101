//! clinic, played as far as user-api and confirm call it: patients and their custodians, deleted
//! accounts and their addresses, and who is invited to work for a clinic.

mod invitations;

use std::{collections::BTreeMap, sync::Mutex};

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Value, json};
use shared_runtime::error::ApiError;

use crate::{Part, Request, StandIn, tokens::Caller};

/// clinic, played.
pub type Clinic = StandIn<Patients>;

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `GET /v1/clinics/{clinic}/patients/{user}`.
    Patient,
    /// `GET /v1/patients/{user}/clinics`.
    Clinics,
    /// `DELETE /v1/clinics/{clinic}/patients/{user}/permissions/custodian`.
    EndCustody,
    /// `DELETE /v1/users/{user}/clinics`.
    Forget,
    /// `POST /v1/users/{user}/clinics`.
    Address,
    /// `GET /v1/clinics/{clinic}`.
    Clinic,
    /// `GET /v1/clinics/share_code/{code}`.
    ShareCode,
    /// `GET /v1/clinics/{clinic}/clinicians`.
    Clinicians,
    /// `POST /v1/clinics/{clinic}/clinicians`.
    Invite,
    /// `GET /v1/clinics/{clinic}/clinicians/{user}`.
    Clinician,
    /// `GET /v1/clinics/{clinic}/invites/clinicians/{invite}/clinician`.
    Invited,
    /// `PATCH` of the same.
    Associate,
    /// `DELETE` of the same.
    Uninvite,
    /// `GET /v1/clinics/{clinic}/membership_restrictions`.
    Restrictions,
    /// `GET /v1/clinics/{clinic}/settings/mrn`.
    Mrn,
    /// `POST /v1/clinics/{clinic}/patients/{user}`.
    Enrol,
}

/// What it keeps.
#[derive(Default)]
pub struct Patients(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// What patients let clinics do, by user and clinic.
    permissions: BTreeMap<(String, String), Value>,
    forgotten: Vec<String>,
    addresses: Vec<(String, Option<String>)>,
    /// By id.
    clinics: BTreeMap<String, Value>,
    /// Each with `clinic`, the id of its clinic.
    clinicians: Vec<Value>,
    /// What was said of patients, by user and clinic.
    details: BTreeMap<(String, String), Value>,
}

impl Clinic {
    /// From here on, `user` is a patient of `clinic`, which may do `permissions`.
    pub fn has_patient(&self, clinic: &str, user: &str, permissions: Value) {
        let mut known = self.part().0.lock().unwrap();
        let relation = (user.to_owned(), clinic.to_owned());
        known.permissions.insert(relation, permissions);
    }

    /// What `user` lets `clinic` do; `None`: it is no patient.
    pub fn permissions(&self, clinic: &str, user: &str) -> Option<Value> {
        let known = self.part().0.lock().unwrap();
        let relation = (user.to_owned(), clinic.to_owned());
        known.permissions.get(&relation).cloned()
    }

    /// The deleted accounts that it heard of, in order.
    pub fn forgotten(&self) -> Vec<String> {
        self.part().0.lock().unwrap().forgotten.clone()
    }

    /// The addresses of `user` that it heard of, in order; `None`: that there is none.
    pub fn addresses(&self, user: &str) -> Vec<Option<String>> {
        let known = self.part().0.lock().unwrap();
        let of_user = known.addresses.iter().filter(|(id, _)| id == user);
        of_user.map(|(_, address)| address.clone()).collect()
    }
}

impl Part for Patients {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        let (method, path) = request.operation();
        let (ask, about) = match (method, &path[..]) {
            ("GET", ["v1", "clinics", clinic, "patients", user]) => {
                (Ask::Patient, format!("{clinic}/{user}"))
            }
            ("GET", ["v1", "patients", user, "clinics"]) => (Ask::Clinics, (*user).to_owned()),
            (
                "DELETE",
                [
                    "v1",
                    "clinics",
                    clinic,
                    "patients",
                    user,
                    "permissions",
                    "custodian",
                ],
            ) => (Ask::EndCustody, format!("{clinic}/{user}")),
            ("DELETE", ["v1", "users", user, "clinics"]) => (Ask::Forget, (*user).to_owned()),
            ("POST", ["v1", "users", user, "clinics"]) => (Ask::Address, (*user).to_owned()),
            _ => return invitations::read(method, &path),
        };
        Some((ask, about))
    }

    fn admit(ask: Ask, request: &Request) -> Result<(), ApiError> {
        match Caller::of(request) {
            Caller::Service(_) => Ok(()),
            Caller::User if matches!(ask, Ask::Clinic | Ask::ShareCode) => Ok(()),
            Caller::User => Err(refused(
                StatusCode::FORBIDDEN,
                "security requirements failed: the subject is not authorized for the requested action",
            )),
            Caller::Nobody => Err(refused(StatusCode::BAD_REQUEST, "session token is missing")),
            Caller::Forger => Err(refused(
                StatusCode::UNAUTHORIZED,
                "session token is invalid",
            )),
        }
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let segment = |place: usize| request.segments[place].clone();
        let mut known = self.0.lock().unwrap();
        match ask {
            Ask::Patient => {
                let (clinic, user) = (segment(2), segment(4));
                let found = known.permissions.get(&(user.clone(), clinic));
                let permissions = found.ok_or_else(|| missing("patient not found"))?;
                let mut shown = patient(&user, permissions);
                known.describe(&mut shown, segment(2));
                Ok(HttpResponse::Ok().json(shown))
            }
            Ask::Clinics => {
                let user = segment(2);
                let of_user = known.permissions.iter().filter(|((id, _), _)| *id == user);
                let clinics = of_user.map(|((_, clinic), permissions)| {
                    let mut shown = patient(&user, permissions);
                    known.describe(&mut shown, clinic.clone());
                    json!({ "clinic": known.clinic_of_patient(clinic), "patient": shown })
                });
                Ok(HttpResponse::Ok().json(clinics.collect::<Vec<_>>()))
            }
            Ask::EndCustody => {
                let relation = (segment(4), segment(2));
                let permissions = known.permissions.get_mut(&relation);
                let permissions = permissions.and_then(Value::as_object_mut);
                let is_last = permissions.and_then(|permissions| {
                    permissions.remove("custodian")?;
                    Some(permissions.is_empty())
                });
                // With the last one the patient leaves.
                if is_last.ok_or_else(|| missing("permission not found"))? {
                    known.permissions.remove(&relation);
                    known.details.remove(&relation);
                }
                Ok(HttpResponse::NoContent().finish())
            }
            Ask::Forget => {
                let user = segment(2);
                known.permissions.retain(|(id, _), _| *id != user);
                known.details.retain(|(id, _), _| *id != user);
                known.clinicians.retain(|each| each["id"] != user);
                known.forgotten.push(user);
                Ok(HttpResponse::Ok().finish())
            }
            Ask::Address => {
                let body: Value = request.body().unwrap_or_default();
                let address = body["email"].as_str().map(str::to_owned);
                known.addresses.push((segment(2), address));
                Ok(HttpResponse::Ok().finish())
            }
            _ => known.answer(ask, request),
        }
    }
}

fn patient(user: &str, permissions: &Value) -> Value {
    json!({ "id": user, "permissions": permissions })
}

fn missing(message: &'static str) -> ApiError {
    refused(StatusCode::NOT_FOUND, message)
}

fn refused(status: StatusCode, message: &'static str) -> ApiError {
    ApiError::message_alone(status, message)
}

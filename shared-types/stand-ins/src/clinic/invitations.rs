//! What the played clinic says about who works for it, and how it takes patients.

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Value, json};
use shared_runtime::error::ApiError;

use super::{Ask, Clinic, Known, missing, refused};
use crate::Request;

const TAKEN: &str = "duplicate: clinician is already a member of the clinic";

impl Clinic {
    /// A clinic called Oak Clinic, with `members` changed: `shareCode`, `suppressedNotifications`,
    /// `restrictions`, `mrnSettings`.
    pub fn has_clinic(&self, id: &str, members: Value) {
        let mut known = self.part().0.lock().unwrap();
        let mut clinic = json!({ "id": id, "name": "Oak Clinic" });
        let known_members = known.clinics.remove(id);
        for members in known_members.into_iter().chain([members]) {
            let Value::Object(members) = members else {
                panic!("members are an object");
            };
            clinic.as_object_mut().unwrap().extend(members);
        }
        known.clinics.insert(id.to_owned(), clinic);
    }

    /// From here on, there is no such clinic.
    pub fn remove_clinic(&self, id: &str) {
        self.part().0.lock().unwrap().clinics.remove(id);
    }

    /// From here on, `user` works for `clinic` in these roles.
    pub fn has_clinician(&self, clinic: &str, user: &str, roles: &[&str]) {
        let mut known = self.part().0.lock().unwrap();
        known.clinicians.push(json!({
            "clinic": clinic, "id": user, "email": format!("{user}@example.org"), "roles": roles,
        }));
    }

    /// From here on, `invite` waits for `email` in these roles.
    pub fn has_invited(&self, clinic: &str, invite: &str, email: &str, roles: &[&str]) {
        let mut known = self.part().0.lock().unwrap();
        known.clinicians.push(json!({
            "clinic": clinic, "inviteId": invite, "email": email, "roles": roles,
        }));
    }

    /// Who works for `clinic` or is invited to, in the order of coming.
    pub fn clinicians(&self, clinic: &str) -> Vec<Value> {
        let known = self.part().0.lock().unwrap();
        known.clinicians_of(clinic).map(shown).collect()
    }

    /// From here on, `user` is a patient of `clinic`, which said `details`.
    pub fn has_patient_with(&self, clinic: &str, user: &str, details: Value) {
        self.has_patient(clinic, user, json!({}));
        let relation = (user.to_owned(), clinic.to_owned());
        let mut known = self.part().0.lock().unwrap();
        known.details.insert(relation, details);
    }

    /// From here on, `user` is no patient of `clinic`.
    pub fn forget_patient(&self, clinic: &str, user: &str) {
        let relation = (user.to_owned(), clinic.to_owned());
        let mut known = self.part().0.lock().unwrap();
        known.permissions.remove(&relation);
        known.details.remove(&relation);
    }

    /// From here on, nobody works for `clinic` or is invited to.
    pub fn dismiss(&self, clinic: &str, user_or_invite: &str) {
        let mut known = self.part().0.lock().unwrap();
        known.clinicians.retain(|each| {
            each["clinic"] != clinic
                || (each["id"] != user_or_invite && each["inviteId"] != user_or_invite)
        });
    }
}

pub(super) fn read(method: &str, path: &[&str]) -> Option<(Ask, String)> {
    let ["v1", "clinics", clinic, path @ ..] = path else {
        return None;
    };
    let about = |about: &str| format!("{clinic}/{about}");
    let found = match (method, path) {
        ("GET", []) => (Ask::Clinic, (*clinic).to_owned()),
        ("GET", [code]) if *clinic == "share_code" => (Ask::ShareCode, (*code).to_owned()),
        ("GET", ["clinicians"]) => (Ask::Clinicians, (*clinic).to_owned()),
        ("POST", ["clinicians"]) => (Ask::Invite, (*clinic).to_owned()),
        ("GET", ["clinicians", user]) => (Ask::Clinician, about(user)),
        ("GET", ["invites", "clinicians", invite, "clinician"]) => (Ask::Invited, about(invite)),
        ("PATCH", ["invites", "clinicians", invite, "clinician"]) => {
            (Ask::Associate, about(invite))
        }
        ("DELETE", ["invites", "clinicians", invite, "clinician"]) => {
            (Ask::Uninvite, about(invite))
        }
        ("GET", ["membership_restrictions"]) => (Ask::Restrictions, (*clinic).to_owned()),
        ("GET", ["settings", "mrn"]) => (Ask::Mrn, (*clinic).to_owned()),
        ("POST", ["patients", user]) => (Ask::Enrol, about(user)),
        _ => return None,
    };
    Some(found)
}

impl Known {
    pub(super) fn answer(&mut self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let clinic = request.segments[2].as_str();
        let named = |place: usize| request.segments[place].as_str();
        let body: Value = request.body().unwrap_or_default();
        match ask {
            Ask::Clinic => self.clinic(clinic).map(|found| ok(&profile(found))),
            Ask::ShareCode => {
                let mut clinics = self.clinics.values();
                let found = clinics.find(|clinic| clinic["shareCode"] == named(3));
                let found = found.ok_or_else(|| missing("not found"))?;
                Ok(ok(&profile(found)))
            }
            Ask::Clinicians => {
                let role = request.parameter("role").map(Value::from);
                let has_role = |clinician: &&Value| {
                    let roles = clinician["roles"].as_array().unwrap();
                    role.as_ref().is_none_or(|role| roles.contains(role))
                };
                let found = self.clinicians_of(clinic).filter(has_role).map(shown);
                Ok(ok(&json!(found.collect::<Vec<_>>())))
            }
            Ask::Clinician => self
                .find(clinic, "id", named(4))
                .map(|found| ok(&shown(found))),
            Ask::Invited => {
                let found = self.find(clinic, "inviteId", named(5));
                found.map(|found| ok(&shown(found)))
            }
            Ask::Invite => self.invite(clinic, body),
            Ask::Associate => self.associate(clinic, named(5), &body["userId"]),
            Ask::Uninvite => {
                self.clinic(clinic)?;
                self.find(clinic, "inviteId", named(5))?;
                let is_it = |each: &Value| each["clinic"] == clinic && each["inviteId"] == named(5);
                self.clinicians.retain(|each| !is_it(each));
                Ok(HttpResponse::Ok().finish())
            }
            Ask::Restrictions => match &self.clinic(clinic)?["restrictions"] {
                Value::Null => Ok(ok(&json!({}))),
                restrictions => Ok(ok(&json!({ "restrictions": restrictions }))),
            },
            Ask::Mrn => match &self.clinic(clinic)?["mrnSettings"] {
                Value::Null => Err(missing("not found")),
                settings => Ok(ok(settings)),
            },
            Ask::Enrol => self.enrol(clinic, named(4), body),
            _ => unreachable!("{ask:?} is answered elsewhere"),
        }
    }

    /// Adds to a patient as it is shown what the clinic was told.
    pub(super) fn describe(&self, patient: &mut Value, clinic: String) {
        let user = patient["id"].as_str().unwrap().to_owned();
        if let Some(Value::Object(details)) = self.details.get(&(user, clinic)) {
            patient.as_object_mut().unwrap().extend(details.clone());
        }
    }

    /// A clinic as it is shown beside its patient; of one that no test described there is the id.
    pub(super) fn clinic_of_patient(&self, id: &str) -> Value {
        let found = self.clinics.get(id);
        found.map_or_else(|| json!({ "id": id }), profile)
    }

    fn clinic(&self, id: &str) -> Result<&Value, ApiError> {
        let found = self.clinics.get(id);
        found.ok_or_else(|| missing("clinic not found"))
    }

    fn clinicians_of(&self, clinic: &str) -> impl Iterator<Item = &Value> {
        let of_clinic = move |each: &&Value| each["clinic"] == clinic;
        self.clinicians.iter().filter(of_clinic)
    }

    fn find(&self, clinic: &str, name: &str, value: &str) -> Result<&Value, ApiError> {
        let mut clinicians = self.clinicians_of(clinic);
        let found = clinicians.find(|each| each[name] == value);
        found.ok_or_else(|| missing("clinician not found"))
    }

    fn invite(&mut self, clinic: &str, mut body: Value) -> Result<HttpResponse, ApiError> {
        if body["roles"].as_array().is_none_or(Vec::is_empty) {
            let message = "request body has an error: /roles: at least one";
            return Err(refused(StatusCode::BAD_REQUEST, message));
        }
        self.clinic(clinic)?;
        let is_same = |each: &Value, name: &str| !body[name].is_null() && each[name] == body[name];
        let address = |each: &Value| each["email"].as_str().map(str::to_lowercase);
        let is_known = |each: &Value| {
            is_same(each, "id") || is_same(each, "inviteId") || address(each) == address(&body)
        };
        if self.clinicians_of(clinic).any(is_known) {
            return Err(refused(StatusCode::CONFLICT, TAKEN));
        }
        body["clinic"] = json!(clinic);
        let invited = shown(&body);
        self.clinicians.push(body);
        Ok(ok(&invited))
    }

    fn associate(
        &mut self,
        clinic: &str,
        invite: &str,
        user: &Value,
    ) -> Result<HttpResponse, ApiError> {
        self.clinic(clinic)?;
        self.find(clinic, "inviteId", invite)?;
        if self.clinicians_of(clinic).any(|each| each["id"] == *user) {
            return Err(refused(StatusCode::CONFLICT, TAKEN));
        }
        let is_it = |each: &&mut Value| each["clinic"] == clinic && each["inviteId"] == invite;
        let invited = self.clinicians.iter_mut().find(is_it);
        let invited = invited.ok_or_else(|| missing("clinician not found"))?;
        invited.as_object_mut().unwrap().remove("inviteId");
        invited["id"] = user.clone();
        Ok(ok(&shown(invited)))
    }

    fn enrol(
        &mut self,
        clinic: &str,
        user: &str,
        mut body: Value,
    ) -> Result<HttpResponse, ApiError> {
        let settings = self.clinic(clinic)?["mrnSettings"].clone();
        let relation = (user.to_owned(), clinic.to_owned());
        if self.permissions.contains_key(&relation) {
            let message = "duplicate: patient is already a member of the clinic";
            return Err(refused(StatusCode::CONFLICT, message));
        }
        let number = |details: &Value| details["mrn"].as_str().map(str::to_lowercase);
        let mrn = number(&body);
        if settings["required"] == true && mrn.as_deref().is_none_or(str::is_empty) {
            let message = "bad request: mrn is required";
            return Err(refused(StatusCode::BAD_REQUEST, message));
        }
        let mut others = self.details.iter().filter(|((_, of), _)| of == clinic);
        let is_taken = mrn.is_some() && others.any(|(_, other)| number(other) == mrn);
        if settings["unique"] == true && is_taken {
            let message = "bad request: mrn must be unique";
            return Err(refused(StatusCode::BAD_REQUEST, message));
        }
        let members = body.as_object_mut().unwrap();
        let permissions = members.remove("permissions").unwrap_or_default();
        let mut patient = super::patient(user, &permissions);
        self.permissions.insert(relation.clone(), permissions);
        self.details.insert(relation, body);
        self.describe(&mut patient, clinic.to_owned());
        Ok(ok(&patient))
    }
}

fn ok(body: &Value) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// A clinic as clients see it, for whom each of its settings is an operation of its own.
fn profile(clinic: &Value) -> Value {
    let mut profile = clinic.clone();
    let members = profile.as_object_mut().unwrap();
    for setting in ["restrictions", "mrnSettings"] {
        members.remove(setting);
    }
    profile
}

/// A clinician as clients see it.
fn shown(clinician: &Value) -> Value {
    let mut shown = clinician.clone();
    shown.as_object_mut().unwrap().remove("clinic");
    shown
}

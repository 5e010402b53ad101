//! The client of user-api: accounts and session tokens.

mod sessions;

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use serde_json::{Map, Value, json};
use shared_types::{
    AccountUpdate, ClinicId, HolderNeed, HolderNotice, People, Person, Restoration, Restored,
    TokenData, UserId, UserRecord,
};

pub use self::sessions::{Login, Session, SignUp};
use super::PeerError;
use crate::http::{Answer, PeerClient, segment};

/// How long to wait when user-api refuses a log-in and does not say for how long.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);

/// Calls user-api with the token of this service.
#[derive(Clone)]
pub struct UserApi {
    client: PeerClient,
}

/// What became of putting an account back.
#[derive(Debug)]
pub enum PutBack {
    /// It is what it was.
    Done(Restored),
    /// Nothing is changed: too many passwords are hashed at once.
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
}

/// What a clinic knows of a patient whose account it made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownPatient<'a> {
    /// The name.
    pub full_name: Option<&'a str>,
    /// `YYYY-MM-DD`.
    pub birth_date: Option<&'a str>,
    /// The medical record number.
    pub mrn: Option<&'a str>,
    /// The devices that are used.
    pub target_devices: Option<&'a [String]>,
}

impl KnownPatient<'_> {
    /// Writes it over a profile, whose other members stay. What is not known stays as well, but for the
    /// record number, which a patient may lose.
    fn write(&self, profile: &mut Map<String, Value>) {
        let patient = profile.entry("patient").or_insert_with(|| json!({}));
        if !patient.is_object() {
            *patient = json!({});
        }
        for (name, text) in [("birthday", self.birth_date), ("mrn", self.mrn)] {
            if let Some(text) = text {
                patient[name] = json!(text);
            }
        }
        if let (None, Some(patient)) = (self.mrn, patient.as_object_mut()) {
            patient.remove("mrn");
        }
        if let Some(devices) = self.target_devices {
            patient["targetDevices"] = json!(devices);
        }
        if let Some(name) = self.full_name {
            profile.insert("fullName".to_owned(), json!(name));
        }
    }
}

/// What became of an account that was to be made or named for a patient of a clinic.
#[derive(Debug)]
pub enum CustodialAccount {
    /// There it is.
    Made(UserRecord),
    /// Another account has the address.
    EmailTaken,
}

impl UserApi {
    /// The user-api that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// The same with connections of its own, for one worker thread alone.
    pub fn unshared(&self) -> anyhow::Result<Self> {
        Ok(Self::new(self.client.unshared()?))
    }

    /// What `token` says about its bearer; `None` when it is not valid (`GET /token/:token`).
    pub async fn check_token(&self, token: &str) -> Result<Option<TokenData>, PeerError> {
        let answer = self
            .client
            .get(&format!("/token/{}", token_segment(token)))
            .await?;
        match answer.status.as_u16() {
            200 => answer.json().map(Some),
            // user-api refuses our own token with the same status, but then a repeat with a new
            // one has been refused as well, and the token in question is no better.
            401 | 404 => Ok(None),
            _ => Err(answer.refusal()),
        }
    }

    /// The keys that verify session tokens (`GET /.well-known/jwks.json`).
    pub async fn signing_keys(&self) -> Result<JwkSet, PeerError> {
        self.client
            .get_public("/.well-known/jwks.json")
            .await?
            .json()
    }

    /// Reports who runs the account of `user`, or is about to; returns whether it needs somebody,
    /// and who of them exists (`PUT /internal/users/:userId/holders`). Repeatable.
    pub async fn note_holders(
        &self,
        user: &UserId,
        notice: &HolderNotice,
    ) -> Result<HolderNeed, PeerError> {
        let path = format!("/internal/users/{}/holders", segment(user.as_str()));
        self.client.put(&path, notice).await?.json()
    }

    /// Writes what a clinic knows of its patient into the profile (`GET` and `PUT
    /// /metadata/:userId/profile`), unless that says so already. Repeatable; an account that is gone is
    /// left alone.
    pub async fn describe_patient(
        &self,
        user: &UserId,
        known: &KnownPatient<'_>,
    ) -> Result<(), PeerError> {
        let path = format!("/metadata/{}/profile", segment(user.as_str()));
        let answer = self.client.get(&path).await?;
        let before: Map<String, Value> = match answer.status.as_u16() {
            200 => answer.json()?,
            404 => Map::new(),
            _ => return Err(answer.refusal()),
        };
        let mut profile = before.clone();
        known.write(&mut profile);
        if profile == before {
            return Ok(());
        }
        let answer = self.client.put(&path, &profile).await?;
        match answer.status.as_u16() {
            200 | 404 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }

    /// The accounts with these `ids`, and the profiles of `others`; at most 200 of each
    /// (`GET /internal/people?ids=&profiles=`).
    pub async fn people(&self, ids: &[UserId], others: &[UserId]) -> Result<People, PeerError> {
        let asked = [("ids", joined(ids)), ("profiles", joined(others))];
        let asked = asked
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(name, ids)| format!("{name}={ids}"));
        let query: Vec<String> = asked.collect();
        if query.is_empty() {
            return Ok(People::default());
        }
        let path = format!("/internal/people?{}", query.join("&"));
        self.client.get(&path).await?.json()
    }

    /// The account with this id.
    pub async fn person(&self, id: &UserId) -> Result<Option<Person>, PeerError> {
        let found = self.people(std::slice::from_ref(id), &[]).await?;
        Ok(found.people.into_iter().next())
    }

    /// The accounts with this address: several where old accounts share it
    /// (`GET /internal/people?email=`).
    pub async fn people_by_email(&self, email: &str) -> Result<Vec<Person>, PeerError> {
        let path = format!("/internal/people?email={}", segment(email));
        let People { people, .. } = self.client.get(&path).await?.json()?;
        Ok(people)
    }

    /// The only account with this address; `None` also when several old accounts share the address.
    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>, PeerError> {
        let mut people = self.people_by_email(email).await?;
        let person = people.pop();
        Ok(person.filter(|_| people.is_empty()))
    }

    /// Makes an account without a password, with what is `known` as its profile, for a patient of
    /// `clinic`, or gives the one that it made for the same `email` before
    /// (`POST /v1/clinics/:clinicId/users`). It goes again unless clinic has the patient within a minute.
    pub async fn create_custodial(
        &self,
        clinic: ClinicId,
        email: Option<&str>,
        known: &KnownPatient<'_>,
    ) -> Result<CustodialAccount, PeerError> {
        let mut profile = Map::new();
        known.write(&mut profile);
        let mut body = json!({ "profile": profile });
        if let Some(email) = email {
            body["username"] = json!(email);
            body["emails"] = json!([email]);
        }
        let answer = self
            .client
            .post(&format!("/v1/clinics/{clinic}/users"), &body)
            .await?;
        match answer.status.as_u16() {
            409 => Ok(CustodialAccount::EmailTaken),
            _ => answer.created().map(CustodialAccount::Made),
        }
    }

    /// Gives an account without a password another address, or none (`PUT /user/:userid`).
    /// Repeatable.
    pub async fn rename_custodial(
        &self,
        user: &UserId,
        email: Option<&str>,
    ) -> Result<CustodialAccount, PeerError> {
        let updates = match email {
            Some(email) => json!({ "username": email, "emails": [email] }),
            None => json!({ "emails": [] }),
        };
        let path = format!("/user/{}", segment(user.as_str()));
        let answer = self
            .client
            .put(&path, &json!({ "updates": updates }))
            .await?;
        match answer.status.as_u16() {
            409 => Ok(CustodialAccount::EmailTaken),
            _ => answer.json().map(CustodialAccount::Made),
        }
    }

    /// Changes an account (`PUT /user/:userid`). Refused with 409 where its condition does not
    /// hold, or where a repeat sets another password than the first.
    pub async fn update_user(&self, id: &UserId, update: &AccountUpdate) -> Result<(), PeerError> {
        let path = format!("/user/{}", segment(id.as_str()));
        self.client.put(&path, update).await?.done()
    }

    /// Puts an account back to what it was before a change, with a new password
    /// (`PUT /internal/users/:userId/restoration`). Refused with 400: the password is not allowed;
    /// 404: there is no such change, or no such account; 409: another account has a name of it;
    /// 410: the change can be undone no more. Repeatable.
    pub async fn restore(
        &self,
        user: &UserId,
        restoration: &Restoration,
    ) -> Result<PutBack, PeerError> {
        let path = format!("/internal/users/{}/restoration", segment(user.as_str()));
        let answer = self.client.put(&path, restoration).await?;
        match answer.status.as_u16() {
            503 => Ok(PutBack::Busy {
                retry_after: retry_after(&answer),
            }),
            _ => answer.json().map(PutBack::Done),
        }
    }
}

fn retry_after(answer: &Answer) -> Duration {
    answer
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok())
        .map_or(DEFAULT_WAIT, Duration::from_secs)
}

/// `ids` as one parameter. Commas separate them, so one that holds a comma is no account.
fn joined(ids: &[UserId]) -> String {
    let ids = ids.iter().map(UserId::as_str);
    let ids: Vec<String> = ids.filter(|id| !id.contains(',')).map(segment).collect();
    ids.join(",")
}

/// A token is made of unreserved characters and dots, which need no encoding.
fn token_segment(token: &str) -> String {
    token.split('.').map(segment).collect::<Vec<_>>().join(".")
}

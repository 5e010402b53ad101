//! What the played user-api says to services about accounts.

use actix_web::{HttpResponse, http::StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared_runtime::error::ApiError;
use shared_types::{
    AccountUpdate, HolderNeed, HolderNotice, People, PersonProfile, Restoration, Restored, UserId,
    UserRecord, address,
};

use super::{
    invalid_details,
    known::{Account, Known, check_password},
    not_authorized, refused, user_exists,
};
use crate::Request;

/// How many ids one question may name.
const MAX_IDS: usize = 200;

/// Body of `POST /v1/clinics/{clinicid}/users`.
#[derive(Deserialize)]
struct Custodial {
    username: Option<String>,
    #[serde(default)]
    emails: Vec<String>,
    profile: Option<PersonProfile>,
}

/// Body of `PUT /user/{userid}` with other names.
#[derive(Deserialize)]
struct Renaming {
    updates: Names,
}

/// The names of an account from then on; without a user name it keeps the one that it has.
#[derive(Deserialize)]
struct Names {
    username: Option<String>,
    emails: Vec<String>,
}

impl Known {
    pub(super) fn find(&self, id: &str) -> Result<HttpResponse, ApiError> {
        let mut found = self.accounts.get(id);
        if !UserId::has_id_form(id) {
            let mut named = self
                .accounts
                .values()
                .filter(|account| account.is_named(id));
            found = found.or_else(|| named.next());
        }
        let account = found.ok_or(refused(StatusCode::NOT_FOUND, "User not found"))?;
        Ok(HttpResponse::Ok().json(&account.user))
    }

    pub(super) fn create(&mut self, request: &Request) -> Result<HttpResponse, ApiError> {
        let asked: Custodial = request.body().ok_or_else(invalid_details)?;
        let names = asked.emails.iter().chain(&asked.username);
        let names: Option<Vec<String>> = names.map(|name| address::parse(name)).collect();
        let email = names.ok_or_else(invalid_details)?.into_iter().next();
        let mut segments = request
            .segments
            .iter()
            .skip_while(|each| *each != "clinics");
        let awaited_by = segments.nth(1).and_then(|clinic| clinic.parse().ok());
        if let Some(email) = email.as_deref().filter(|email| self.is_taken(email)) {
            let mut waiting = self.accounts.values().filter(|account| {
                account.awaited_by.is_some()
                    && account.awaited_by == awaited_by
                    && account.own_address(email).is_some()
                    && !account.has_password()
            });
            let again = waiting.next().ok_or_else(user_exists)?;
            return Ok(HttpResponse::Created().json(&again.user));
        }
        let id = format!("{:08x}-aaaa-4aaa-8aaa-aaaaaaaaaaaa", self.accounts.len());
        let user = UserRecord {
            userid: id.as_str().into(),
            username: email.clone(),
            emails: email.clone().map(|email| vec![email]),
            roles: Some(vec!["custodial_account".to_owned(), "patient".to_owned()]),
            terms_accepted: None,
            email_verified: email.is_some().then_some(false),
            password_exists: Some(false),
        };
        let account = Account {
            user: user.clone(),
            password: None,
            proven_email: None,
            profile: asked.profile,
            awaited_by,
            applied: Vec::new(),
        };
        self.accounts.insert(id, account);
        Ok(HttpResponse::Created().json(user))
    }

    /// The profile, of which the stand-in keeps what services need.
    pub(super) fn profile(&self, id: &str) -> Result<HttpResponse, ApiError> {
        let account = self.accounts.get(id);
        let profile = account.and_then(|account| account.profile.as_ref());
        let profile = profile.ok_or_else(missing)?;
        Ok(HttpResponse::Ok().json(without_nulls(profile)))
    }

    /// Changes members of the profile.
    pub(super) fn describe(
        &mut self,
        id: &str,
        request: &Request,
    ) -> Result<HttpResponse, ApiError> {
        let members: Map<String, Value> = request.body().ok_or_else(invalid_details)?;
        let account = self.accounts.get_mut(id).ok_or_else(missing)?;
        let mut profile = account.profile.as_ref().map(without_nulls);
        let profile = profile.get_or_insert_default();
        profile.extend(members);
        let known = Value::Object(profile.clone());
        account.profile = Some(serde_json::from_value(known).map_err(|_| invalid_details())?);
        Ok(HttpResponse::Ok().json(profile))
    }

    pub(super) fn update(&mut self, id: &str, request: &Request) -> Result<HttpResponse, ApiError> {
        if let Some(renaming) = request.body::<Renaming>() {
            return self.rename(id, renaming.updates);
        }
        let update: AccountUpdate = request.body().ok_or_else(invalid_details)?;
        let account = self.accounts.get_mut(id).ok_or_else(not_authorized)?;
        let only_if = &update.only_if;
        let Some(address) = account.own_address(&only_if.email).cloned() else {
            return Err(conflict("The account does not have this address"));
        };
        let password = update.updates.password.as_deref();
        if account.applied.contains(&update.idempotency_key) {
            return match password {
                Some(password) if account.password() != Some(password) => Err(conflict(
                    "Another change was made under this idempotency key",
                )),
                _ => Ok(HttpResponse::Ok().json(&account.user)),
            };
        }
        if only_if.password_exists == Some(false) && account.has_password() {
            return Err(conflict("The account has a password already"));
        }
        if let Some(password) = password {
            let names = account.emails().iter().chain(&account.user.username);
            check_password(password, names.map(String::as_str))?;
            account.password = Some(password.to_owned());
            account.user.password_exists = Some(true);
        }
        if update.updates.email_verified == Some(true) {
            account.user.email_verified = Some(true);
            account.proven_email = Some(address);
        }
        account.applied.push(update.idempotency_key);
        Ok(HttpResponse::Ok().json(&account.user))
    }

    /// Gives an account other names.
    fn rename(&mut self, id: &str, names: Names) -> Result<HttpResponse, ApiError> {
        let is_taken = |address: &String| {
            let mut others = self.accounts.iter().filter(|(other, _)| *other != id);
            others.any(|(_, account)| account.own_address(address).is_some())
        };
        if names.emails.iter().any(is_taken) {
            return Err(user_exists());
        }
        let account = self.accounts.get_mut(id).ok_or_else(not_authorized)?;
        account.user.username = names.username.or_else(|| account.user.username.clone());
        account.user.emails = (!names.emails.is_empty()).then_some(names.emails);
        Ok(HttpResponse::Ok().json(&account.user))
    }

    pub(super) fn people(&self, request: &Request) -> Result<HttpResponse, ApiError> {
        let email = request.parameter("email");
        let (ids, profiles) = (list(request, "ids")?, list(request, "profiles")?);
        let bad = |reason| Err(refused(StatusCode::BAD_REQUEST, reason));
        let found: Vec<&Account> = match (&ids, &email) {
            (Some(_), Some(_)) => return bad("Only one query parameter is allowed"),
            (None, None) if profiles.is_none() => return bad("A query must be specified"),
            (_, Some(email)) => {
                let accounts = self.accounts.values();
                accounts
                    .filter(|account| account.own_address(email).is_some())
                    .collect()
            }
            _ => {
                let ids = ids.iter().flatten();
                ids.filter_map(|id| self.accounts.get(id)).collect()
            }
        };
        let is_unreadable = |account: &&Account| {
            let id = account.user.userid.as_str();
            self.unreadable.contains(id)
        };
        if found.iter().any(is_unreadable) {
            return Err(refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Error finding user",
            ));
        }
        let profile = |id: String| {
            let profile = self.accounts.get(&id)?.profile.clone()?;
            Some((UserId::from(id), profile))
        };
        Ok(HttpResponse::Ok().json(People {
            people: found.into_iter().map(Account::person).collect(),
            profiles: profiles.into_iter().flatten().filter_map(profile).collect(),
        }))
    }

    /// What the real one notes besides is for its own deletions.
    pub(super) fn note_holders(
        &self,
        id: &str,
        request: &Request,
    ) -> Result<HttpResponse, ApiError> {
        let notice: HolderNotice = request.body().ok_or_else(invalid_details)?;
        let account = self.accounts.get(id);
        let needs_holder = account.is_some_and(Account::is_unreachable);
        let mut existing = notice.holders;
        existing.retain(|holder| needs_holder && self.accounts.contains_key(holder.as_str()));
        Ok(HttpResponse::Ok().json(HolderNeed {
            needs_holder,
            existing,
        }))
    }

    /// Every change that a test names was made.
    pub(super) fn restore(&self, id: &str, request: &Request) -> Result<HttpResponse, ApiError> {
        let asked: Restoration = request.body().ok_or_else(invalid_details)?;
        let account = self.accounts.get(id).ok_or(refused(
            StatusCode::NOT_FOUND,
            "No such change of an account",
        ))?;
        let names = account.emails().iter().chain(&account.user.username);
        check_password(&asked.password, names.map(String::as_str))?;
        let void = self.void.clone();
        Ok(HttpResponse::Ok().json(Restored { void }))
    }
}

/// The ids in a parameter; `None`: it is not there.
fn list(request: &Request, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = request.parameter(name) else {
        return Ok(None);
    };
    let ids = text.split(',').filter(|id| !id.is_empty());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.len() > MAX_IDS {
        return Err(ApiError::reason(
            StatusCode::BAD_REQUEST,
            format!("Invalid query parameter: {name}"),
        ));
    }
    Ok(Some(ids))
}

fn conflict(reason: &'static str) -> ApiError {
    refused(StatusCode::CONFLICT, reason)
}

fn missing() -> ApiError {
    ApiError::empty(StatusCode::NOT_FOUND)
}

fn without_nulls(profile: &PersonProfile) -> Map<String, Value> {
    let profile: Map<String, Value> = json!(profile).as_object().cloned().unwrap_or_default();
    let is_given = |(_, value): &(String, Value)| !value.is_null();
    profile.into_iter().filter(is_given).collect()
}

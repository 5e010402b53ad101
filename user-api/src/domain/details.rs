//! The bodies that create accounts: reading them and their rules.

use serde::Deserialize;
use serde_json::{Map, Value};
use shared_runtime::body::{Member, not_null, parse_object};
use shared_types::{address, password};

use crate::domain::{
    members::{Emails, InvalidDetails, Roles, empty_if_null},
    metadata::{Collection, Collections},
    user::{DEFAULT_ROLE, is_own_choice, read_name},
};

/// Far more than any name needs, far less than metadata may hold.
const MAX_FULL_NAME_CHARS: usize = 1000;

/// Body of `POST /user`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignUp {
    pub(crate) username: String,
    /// At least one.
    pub(crate) emails: Vec<String>,
    pub(crate) password: String,
    pub(crate) roles: Vec<String>,
}

#[derive(Deserialize)]
struct SignUpBody {
    #[serde(default, deserialize_with = "not_null")]
    username: Option<String>,
    #[serde(default)]
    emails: Member<Emails>,
    #[serde(default, deserialize_with = "not_null")]
    password: Option<String>,
    #[serde(default)]
    roles: Member<Roles>,
}

impl SignUp {
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidDetails> {
        let body: SignUpBody = parse_object(body)?;
        let Emails(emails) = empty_if_null(body.emails).unwrap_or_default();
        let username = body
            .username
            .and_then(|name| address::parse(&name))
            .filter(|name| contains(&emails, name));
        let password = body
            .password
            .filter(|password| password::is_acceptable(password));
        let Roles(mut roles) = empty_if_null(body.roles).unwrap_or_default();
        if roles.is_empty() {
            roles.push(DEFAULT_ROLE.to_owned());
        }
        Ok(Self {
            username: username.ok_or(InvalidDetails)?,
            emails,
            password: password.ok_or(InvalidDetails)?,
            roles,
        })
    }

    /// Whether the caller may give these roles.
    pub(crate) fn check_roles(&self, caller_is_server: bool) -> Result<(), InvalidDetails> {
        if caller_is_server || self.roles.iter().all(|role| is_own_choice(role)) {
            Ok(())
        } else {
            Err(InvalidDetails)
        }
    }
}

/// Body of the operations that create an account for another person: its address, if any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Custodial {
    /// The first of the addresses, else the user name.
    pub(crate) email: Option<String>,
}

#[derive(Deserialize)]
struct CustodialBody {
    #[serde(default, deserialize_with = "not_null")]
    username: Option<String>,
    #[serde(default)]
    emails: Member<Emails>,
}

impl Custodial {
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidDetails> {
        let body: CustodialBody = parse_object(body)?;
        let username = body
            .username
            .map(|name| address::parse(&name).ok_or(InvalidDetails))
            .transpose()?;
        let Emails(emails) = empty_if_null(body.emails).unwrap_or_default();
        Ok(Self {
            email: emails.into_iter().next().or(username),
        })
    }
}

/// Reads the `profile` of a body, what a clinic knows of the patient for whom it has an account made, as
/// the metadata of the account; `None`: it knows nothing.
pub(crate) fn read_profile(body: &[u8]) -> Result<Option<Collections>, InvalidDetails> {
    #[derive(Deserialize)]
    struct ProfileBody {
        #[serde(default, deserialize_with = "not_null")]
        profile: Option<Value>,
    }
    let ProfileBody { profile } = parse_object(body)?;
    let Some(profile) = profile else {
        return Ok(None);
    };
    let mut collections = Collections::new();
    let merged = Collection::Profile
        .check_patch(profile)
        .and_then(|profile| Collection::Profile.merge(profile, &mut collections));
    merged.map_err(|_| InvalidDetails)?;
    Ok(Some(collections))
}

/// Body of `POST /user/createChild/:userid`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub(crate) full_name: String,
    /// `None`: one is generated.
    pub(crate) username: Option<String>,
    /// `None`: the account cannot be logged into.
    pub(crate) password: Option<String>,
    pub(crate) emails: Vec<String>,
}

/// What is wrong with the body of a child account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidChild {
    #[error("Invalid user details were given")]
    Body,
    #[error("Full name is missing")]
    FullName,
    #[error("Username is invalid")]
    Username,
    #[error("Password is invalid")]
    Password,
    #[error("Emails are invalid")]
    Emails,
}

impl Child {
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidChild> {
        // Each member is judged in turn, for each has a refusal of its own.
        let members: Map<String, Value> = parse_object(body).map_err(|_| InvalidChild::Body)?;
        let filled = |name, invalid| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                Ok(Some(text.clone()).filter(|text| !text.trim().is_empty()))
            }
            Some(_) => Err(invalid),
        };
        let full_name = filled("fullName", InvalidChild::FullName)?
            .filter(|name| name.chars().count() <= MAX_FULL_NAME_CHARS)
            .ok_or(InvalidChild::FullName)?;
        let username = filled("username", InvalidChild::Username)?
            .map(|name| read_name(&name).ok_or(InvalidChild::Username))
            .transpose()?;
        let password = filled("password", InvalidChild::Password)?;
        if password
            .as_deref()
            .is_some_and(|password| !password::is_acceptable(password))
        {
            return Err(InvalidChild::Password);
        }
        let emails = match members.get("emails") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) if text.trim().is_empty() => Vec::new(),
            Some(emails) => {
                let emails = Emails::deserialize(emails).map_err(|_| InvalidChild::Emails)?;
                emails.0
            }
        };
        if username
            .as_deref()
            .is_some_and(|name| address::has_shape(name) && !contains(&emails, name))
        {
            return Err(InvalidChild::Username);
        }
        Ok(Self {
            full_name,
            username,
            password,
            emails,
        })
    }
}

/// Whether `name` is one of `emails`. An address is a user name of those alone who have it: mail
/// proves addresses, and nothing proves a user name.
pub(crate) fn contains(emails: &[String], name: &str) -> bool {
    emails.iter().any(|email| address::is_same(email, name))
}

/// Body of `DELETE /user/:userid`: the owner's password; `None` when it is not there.
pub(crate) fn read_password(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct PasswordBody {
        #[serde(default, deserialize_with = "not_null")]
        password: Option<String>,
    }
    let body: PasswordBody = parse_object(body).ok()?;
    body.password.filter(|password| !password.is_empty())
}

#[cfg(test)]
mod tests;

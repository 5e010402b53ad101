//! Clinicians: who works for a clinic, or is invited to.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use shared_types::{ClinicId, UserId};
use utoipa::ToSchema;

use super::text::Filled;

/// The role that runs a clinic.
pub(crate) const ADMIN: &str = "CLINIC_ADMIN";
/// The role that sees its patients.
pub(crate) const MEMBER: &str = "CLINIC_MEMBER";

/// A clinician as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clinician {
    pub(crate) clinic_id: ClinicId,
    /// `None`: invited, and not there yet.
    pub(crate) user_id: Option<UserId>,
    /// The key of the invitation that was not accepted yet.
    pub(crate) invite_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) roles: Vec<String>,
    /// Whether it is a program.
    pub(crate) is_service_account: bool,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) updated_time: DateTime<Utc>,
}

impl Clinician {
    /// Whether it runs the clinic.
    pub(crate) fn is_admin(&self) -> bool {
        is_admin(&self.roles)
    }
}

/// Whether somebody with these roles runs the clinic.
pub(crate) fn is_admin(roles: &[String]) -> bool {
    roles.iter().any(|role| role == ADMIN)
}

/// Whether somebody with these roles sees the clinic's patients. A prescriber alone does not.
pub(crate) fn is_member(roles: &[String]) -> bool {
    roles.iter().any(|role| role == ADMIN || role == MEMBER)
}

/// Whether both say the same, in whatever order.
pub(crate) fn same_roles(some: &[String], others: &[String]) -> bool {
    let set = |roles: &[String]| roles.iter().cloned().collect::<BTreeSet<_>>();
    set(some) == set(others)
}

/// Body of `CreateClinician` and `UpdateClinician`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClinicianDetails {
    /// The account; absent of somebody who is invited.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) id: Option<AccountId>,
    /// The key of the invitation.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) invite_id: Option<String>,
    /// Compared and stored in lower case.
    pub(crate) email: String,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) name: Option<Filled>,
    pub(crate) roles: Roles,
}

/// The id of an account as this API writes it: in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4")]
pub(crate) struct AccountId(pub(crate) UserId);

impl TryFrom<String> for AccountId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_lower && UserId::has_id_form(&text) {
            return Ok(Self(text.into()));
        }
        Err("is no id of an account")
    }
}

/// At least one role, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Vec<Role>")]
#[schema(value_type = Vec<Role>, min_items = 1)]
pub(crate) struct Roles(Vec<Role>);

/// What a clinician may do in a clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub(crate) enum Role {
    #[serde(rename = "CLINIC_ADMIN")]
    Admin,
    #[serde(rename = "CLINIC_MEMBER")]
    Member,
    #[serde(rename = "PRESCRIBER")]
    Prescriber,
}

impl Roles {
    /// The names, as they are stored.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |role: &Role| match role {
            Role::Admin => ADMIN,
            Role::Member => MEMBER,
            Role::Prescriber => "PRESCRIBER",
        };
        self.0.iter().map(|role| name(role).to_owned()).collect()
    }
}

impl TryFrom<Vec<Role>> for Roles {
    type Error = &'static str;

    fn try_from(roles: Vec<Role>) -> Result<Self, Self::Error> {
        let different: BTreeSet<Role> = roles.iter().copied().collect();
        match (roles.is_empty(), different.len() == roles.len()) {
            (true, _) => Err("must have at least one item"),
            (false, false) => Err("must not have the same item twice"),
            (false, true) => Ok(Self(roles)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;

    use super::{ClinicianDetails, is_admin, is_member, same_roles};

    fn roles(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_prescriber_alone_is_no_member() {
        for (names, admin, member) in [
            (&[][..], false, false),
            (&["PRESCRIBER"], false, false),
            (&["CLINIC_MEMBER", "PRESCRIBER"], false, true),
            (&["PRESCRIBER", "CLINIC_ADMIN"], true, true),
        ] {
            let roles = roles(names);
            assert_eq!(
                (is_admin(&roles), is_member(&roles)),
                (admin, member),
                "{names:?}"
            );
        }
        assert!(same_roles(&roles(&["a", "b"]), &roles(&["b", "a", "b"])));
        assert!(!same_roles(&roles(&["a"]), &roles(&["a", "b"])));
    }

    #[test]
    fn details_say_what_is_wrong_with_them() {
        let valid = json!({ "email": "", "roles": ["CLINIC_MEMBER"] });
        let read = |body: &Value| parse_object::<ClinicianDetails>(body.to_string().as_bytes());
        assert!(read(&valid).is_ok());
        for (member, value) in [
            ("id", json!("0123456789A")),
            ("id", json!("ABCDEF0123")),
            ("inviteId", Value::Null),
            ("email", Value::Null),
            ("name", json!("")),
            ("roles", json!([])),
            ("roles", json!(["CLINIC_MEMBER", "CLINIC_MEMBER"])),
            ("roles", json!(["clinic_member"])),
        ] {
            let mut body = valid.clone();
            body[member] = value;
            let invalid = read(&body).unwrap_err();
            assert!(
                invalid.pointer.starts_with(&format!("/{member}")),
                "{invalid}"
            );
        }
    }
}

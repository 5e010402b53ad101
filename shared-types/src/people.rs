//! People as services see them: an account together with what its profile says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{UserId, UserRecord};

/// Accounts and profiles (`GET /internal/people` of user-api).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct People {
    /// The accounts, in no order; those that do not exist are missing.
    pub people: Vec<Person>,
    /// The profiles of the other accounts, by their ids; who has none is missing.
    #[schema(value_type = BTreeMap<String, PersonProfile>)]
    pub profiles: BTreeMap<UserId, PersonProfile>,
}

/// An account and its profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The account, as services see it.
    pub user: UserRecord,
    /// `None` when the account has no profile.
    #[serde(default)]
    pub profile: Option<PersonProfile>,
    /// The one of the account's addresses that its owner has shown to be theirs, as the account
    /// spells it. `None` when there is none, also where `user` counts as verified: that stays when
    /// the addresses change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_email: Option<String>,
}

/// What services need of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonProfile {
    /// The name of who uses the account; `None` when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// About whom the data is; `None` when the account keeps none.
    #[serde(default)]
    pub patient: Option<PatientProfile>,
}

/// About whom an account keeps data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatientProfile {
    /// The patient's name, where it is not that of who uses the account; `None` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Normally `YYYY-MM-DD`, but old profiles hold any text; `None` when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birthday: Option<String>,
    /// As `birthday`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis_date: Option<String>,
    /// The medical record number; `None` when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrn: Option<String>,
    /// The devices that are used; `None` when they are not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_devices: Option<Vec<String>>,
    /// Whether somebody else than the patient uses the account.
    #[serde(default)]
    pub is_other_person: bool,
}

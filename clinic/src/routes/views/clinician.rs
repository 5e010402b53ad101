//! Clinicians as clients see them.

use serde::Serialize;
use shared_types::UserId;
use utoipa::ToSchema;

use super::{ClinicView, time};
use crate::{domain::clinician::Clinician, use_cases::count_patients::CountedClinic};

/// A clinician, or somebody who is invited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Clinician)]
pub(crate) struct ClinicianView {
    /// The account; absent of somebody who is invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<UserId>,
    /// The key of the invitation that was not accepted yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite_id: Option<String>,
    /// May be empty.
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    roles: Vec<String>,
    created_time: String,
    updated_time: String,
}

impl From<Clinician> for ClinicianView {
    fn from(clinician: Clinician) -> Self {
        Self {
            id: clinician.user_id,
            invite_id: clinician.invite_id,
            email: clinician.email.unwrap_or_default(),
            name: clinician.name,
            roles: clinician.roles,
            created_time: time(clinician.created_time),
            updated_time: time(clinician.updated_time),
        }
    }
}

/// A clinic and who works for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClinicianRelation {
    clinic: ClinicView,
    clinician: ClinicianView,
}

impl From<(CountedClinic, Clinician)> for ClinicianRelation {
    fn from((clinic, clinician): (CountedClinic, Clinician)) -> Self {
        Self {
            clinic: clinic.into(),
            clinician: clinician.into(),
        }
    }
}

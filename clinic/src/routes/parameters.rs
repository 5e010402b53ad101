//! What stands in paths and queries of several operations.

use serde::Deserialize;
use shared_runtime::query::{Limit, Offset, Parameters};
use shared_types::{ClinicId, MessageId, SiteId, TagId};
use utoipa::IntoParams;

use crate::domain::{
    clinician::AccountId, connection::Provider, summary_details::SummaryId, text::Filled,
};

/// A clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct ClinicPath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
}

/// A clinician of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct ClinicianPath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The account of the clinician.
    pub(crate) clinician_id: AccountId,
}

/// A patient of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct PatientPath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The account of the patient.
    pub(crate) patient_id: AccountId,
}

/// A provider of data of a patient of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
pub(crate) struct ProviderPath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The account of the patient.
    pub(crate) patient_id: AccountId,
    /// The provider.
    #[param(inline)]
    pub(crate) provider_id: Provider,
}

/// An invitation into a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct InvitePath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The key of the invitation.
    pub(crate) invite_id: Filled,
}

/// A tag of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct TagPath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The tag.
    pub(crate) patient_tag_id: TagId,
}

/// A site of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct SitePath {
    /// The clinic.
    pub(crate) clinic_id: ClinicId,
    /// The site.
    pub(crate) site_id: SiteId,
}

/// An account.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct UserPath {
    /// The account.
    pub(crate) user_id: AccountId,
}

/// A patient, of whatever clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct AnyPatientPath {
    /// The account of the patient.
    pub(crate) patient_id: AccountId,
}

/// A summary of what a patient's data says.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct SummaryPath {
    /// The summary.
    pub(crate) summary_id: SummaryId,
}

/// A message of hospital records.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct MessagePath {
    /// The message.
    pub(crate) message_id: MessageId,
}

/// Which part of a list is shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// How many are left out.
    #[serde(default)]
    pub(crate) offset: Offset,
    /// How many are shown.
    #[serde(default)]
    pub(crate) limit: Limit,
}

impl Parameters for Page {}

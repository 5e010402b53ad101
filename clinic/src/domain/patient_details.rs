//! What requests say about patients.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};
use shared_runtime::body::{Member, not_null};
use shared_types::{PermissionSet, SiteId, TagId, address, dates};
use utoipa::ToSchema;

use super::{
    clinic::Site,
    clinician::AccountId,
    connection::Provider,
    glycemic_ranges::{GlycemicRanges, WrittenRanges},
    instant::Instant,
    patient::{DataSource, Identity, PatientChange, Review},
    site_name::SiteName,
    text::Filled,
};

/// Body of `CreatePatientAccount` and `UpdatePatient`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientDetails {
    pub(crate) full_name: Filled,
    pub(crate) birth_date: BirthDate,
    /// Stored in lower case.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) email: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) mrn: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) target_devices: Option<Vec<String>>,
    /// Of the clinic; `null` leaves them as they are.
    pub(crate) tags: Option<Tags>,
    /// Of the clinic; their names are ignored.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) sites: Option<Vec<ChosenSite>>,
    /// An empty list takes all away; `null` leaves them as they are.
    pub(crate) data_sources: Option<Vec<DataSourceDetails>>,
    /// An empty list and `null` leave them as they are.
    pub(crate) reviews: Option<Vec<ReviewDetails>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<WrittenRanges>)]
    pub(crate) glycemic_ranges: Option<GlycemicRanges>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) diagnosis_type: Option<DiagnosisType>,
}

/// Body of `CreatePatientFromUser`: what the clinic knows better than the account's profile.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharedPatient {
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) permissions: Option<ClinicPermissions>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) is_migrated: Option<bool>,
    /// The account of the legacy clinic from which the patient comes.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) legacy_clinician_id: Option<AccountId>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) full_name: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) birth_date: Option<BirthDate>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) mrn: Option<Filled>,
    pub(crate) tags: Option<Tags>,
    /// Those that the clinic has not are ignored.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) sites: Option<Vec<ChosenSite>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<WrittenRanges>)]
    pub(crate) glycemic_ranges: Option<GlycemicRanges>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) diagnosis_type: Option<DiagnosisType>,
}

/// What a clinic may do on an account: what is there is granted. Permissions that clinics cannot have count
/// for nothing; what is no permission is refused, since nothing granted means that the patient leaves.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct ClinicPermissions {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<Object>)]
    custodian: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<Object>)]
    view: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<Object>)]
    upload: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<Object>)]
    note: Option<Map<String, Value>>,
    #[serde(flatten, deserialize_with = "of_others")]
    #[schema(ignore)]
    of_others: (),
}

/// Refuses what is not the name of a permission.
fn of_others<'de, D: Deserializer<'de>>(others: D) -> Result<(), D::Error> {
    let others = PermissionSet::deserialize(others)?;
    match others.unknown_names().next() {
        None => Ok(()),
        Some(name) => Err(D::Error::custom(format!("\"{name}\" is no permission"))),
    }
}

impl From<&PermissionSet> for ClinicPermissions {
    fn from(permissions: &PermissionSet) -> Self {
        let granted = |name| permissions.has(name).then(Map::new);
        Self {
            custodian: granted("custodian"),
            view: granted("view"),
            upload: granted("upload"),
            note: granted("note"),
            of_others: (),
        }
    }
}

impl From<ClinicPermissions> for PermissionSet {
    fn from(permissions: ClinicPermissions) -> Self {
        let ClinicPermissions {
            custodian,
            view,
            upload,
            note,
            of_others: (),
        } = permissions;
        let named = [
            ("custodian", custodian),
            ("view", view),
            ("upload", upload),
            ("note", note),
        ];
        let granted = named.iter().filter(|(_, granted)| granted.is_some());
        let granted: Vec<&str> = granted.map(|(name, _)| *name).collect();
        Self::of(&granted)
    }
}

/// A day, `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Date)]
pub(crate) struct BirthDate(String);

impl BirthDate {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BirthDate {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match dates::parse(&text) {
            Some(_) => Ok(Self(text)),
            None => Err("is no day, written YYYY-MM-DD"),
        }
    }
}

/// Tags, none of them twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Vec<TagId>")]
#[schema(value_type = Vec<TagId>)]
pub(crate) struct Tags(pub(crate) Vec<TagId>);

impl TryFrom<Vec<TagId>> for Tags {
    type Error = &'static str;

    fn try_from(tags: Vec<TagId>) -> Result<Self, Self::Error> {
        let different: BTreeSet<&TagId> = tags.iter().collect();
        if different.len() == tags.len() {
            Ok(Self(tags))
        } else {
            Err("must not have the same item twice")
        }
    }
}

/// A site of the clinic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct ChosenSite {
    pub(crate) id: SiteId,
    /// Ignored: the clinic knows it.
    #[serde(rename = "name")]
    _name: SiteName,
}

/// Where data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataSourceDetails {
    state: DataSourceState,
    provider_name: ProviderName,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<TagId>)]
    data_source_id: Option<TagId>,
    #[serde(default, deserialize_with = "not_null")]
    modified_time: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    expiration_time: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    latest_data_time: Option<Instant>,
}

/// How a connection to a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DataSourceState {
    Pending,
    PendingReconnect,
    Connected,
    Disconnected,
    Error,
}

impl DataSourceState {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::PendingReconnect => "pendingReconnect",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Error => "error",
        }
    }
}

/// 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 100)]
pub(crate) struct ProviderName(String);

impl TryFrom<String> for ProviderName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.chars().count() {
            1..=100 => Ok(Self(text)),
            _ => Err("must have 1 to 100 characters"),
        }
    }
}

impl DataSourceDetails {
    /// Data is to come from a provider.
    pub(crate) fn pending(provider: Provider) -> Self {
        Self {
            state: DataSourceState::Pending,
            provider_name: ProviderName(provider.name().to_owned()),
            data_source_id: None,
            modified_time: None,
            expiration_time: None,
            latest_data_time: None,
        }
    }
}

impl From<DataSourceDetails> for DataSource {
    fn from(details: DataSourceDetails) -> Self {
        let time = |time: Option<Instant>| time.map(|time| time.0);
        Self {
            provider_name: details.provider_name.0,
            state: details.state.name().to_owned(),
            id: details.data_source_id.map(|id| id.to_string()),
            modified_time: time(details.modified_time),
            expiration_time: time(details.expiration_time),
            latest_data_time: time(details.latest_data_time),
        }
    }
}

/// A clinician has looked at the data.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewDetails {
    clinician_id: String,
    time: Instant,
}

/// What kind of diabetes a patient has; empty: nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DiagnosisType {
    Type1,
    Type2,
    Type3c,
    Gestational,
    Prediabetes,
    Lada,
    Mody,
    Other,
    NotApplicable,
    #[serde(rename = "")]
    Unknown,
}

impl DiagnosisType {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Type1 => "type1",
            Self::Type2 => "type2",
            Self::Type3c => "type3c",
            Self::Gestational => "gestational",
            Self::Prediabetes => "prediabetes",
            Self::Lada => "lada",
            Self::Mody => "mody",
            Self::Other => "other",
            Self::NotApplicable => "notApplicable",
            Self::Unknown => "",
        }
    }

    /// Whether clients know `name`.
    pub(crate) fn is_known(name: &str) -> bool {
        const ALL: [DiagnosisType; 9] = [
            DiagnosisType::Type1,
            DiagnosisType::Type2,
            DiagnosisType::Type3c,
            DiagnosisType::Gestational,
            DiagnosisType::Prediabetes,
            DiagnosisType::Lada,
            DiagnosisType::Mody,
            DiagnosisType::Other,
            DiagnosisType::NotApplicable,
        ];
        ALL.iter().any(|known| known.name() == name)
    }
}

impl PatientDetails {
    /// Who the patient is.
    pub(crate) fn identity(&self, requires_unique_mrn: bool) -> Identity {
        Identity {
            full_name: self.full_name.as_str().to_owned(),
            birth_date: self.birth_date.as_str().to_owned(),
            email: self.email.as_deref().map(address::lower_case),
            mrn: self.mrn.as_ref().map(|mrn| mrn.as_str().to_owned()),
            target_devices: self.target_devices.clone(),
            requires_unique_mrn,
        }
    }

    /// What is written of it, with `sites` for those that are chosen.
    pub(crate) fn change(
        &self,
        requires_unique_mrn: bool,
        sites: Option<Vec<Site>>,
    ) -> PatientChange {
        let sources = match &self.data_sources {
            None => Member::Absent,
            Some(sources) if sources.is_empty() => Member::Null,
            Some(sources) => Member::Given(sources.iter().cloned().map(Into::into).collect()),
        };
        let review = |review: &ReviewDetails| Review {
            clinician: review.clinician_id.as_str().into(),
            time: review.time.0,
        };
        let reviews = self.reviews.as_ref().filter(|reviews| !reviews.is_empty());
        PatientChange {
            identity: Some(self.identity(requires_unique_mrn)),
            tags: self.tags.clone().map(|tags| tags.0),
            sites,
            data_sources: sources,
            reviews: reviews.map(|reviews| reviews.iter().map(review).collect()),
            glycemic_ranges: self.glycemic_ranges.clone(),
            diagnosis_type: self.diagnosis_type.map(|kind| kind.name().to_owned()),
            ..PatientChange::default()
        }
    }
}

/// The sites of a clinic that are chosen, each once, under their names there; and whether all of
/// those chosen are the clinic's.
pub(crate) fn resolved(chosen: &[ChosenSite], of_clinic: &[Site]) -> (Vec<Site>, bool) {
    let mut sites: Vec<Site> = Vec::new();
    let mut are_known = true;
    for choice in chosen {
        match of_clinic.iter().find(|site| site.id == choice.id) {
            Some(site) if sites.contains(site) => {}
            Some(site) => sites.push(site.clone()),
            None => are_known = false,
        }
    }
    (sites, are_known)
}

#[cfg(test)]
mod tests;

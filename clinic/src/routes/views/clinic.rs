//! Clinics as clients see them.

use serde::{Serialize, Serializer};
use shared_types::{ClinicId, SiteId, TagId};
use utoipa::ToSchema;

use super::time;
use crate::{
    domain::clinic::{Site, StoredPhoneNumber, SuppressedNotifications, Tag, tier_description},
    use_cases::count_patients::CountedClinic,
};

/// A clinic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Clinic)]
pub(crate) struct ClinicView {
    #[schema(value_type = ClinicId)]
    id: ClinicId,
    name: String,
    /// `mg/dL` or `mmol/L`.
    preferred_bg_units: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_size: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phone_numbers: Vec<PhoneNumberView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    share_code: String,
    /// Whether a legacy clinic says enough of itself to become a clinic.
    can_migrate: bool,
    tier: String,
    tier_description: &'static str,
    /// `null` where all tags were removed; absent where there never were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<CountedTag>>)]
    patient_tags: Option<TagsView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sites: Vec<CountedSite>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_notifications: Option<SuppressedNotificationsView>,
    created_time: String,
    updated_time: String,
}

/// A phone number.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PhoneNumberView {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    number: String,
}

/// The tags of a clinic: `null` instead of an empty list.
#[derive(Debug)]
struct TagsView(Vec<CountedTag>);

impl Serialize for TagsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(tags) = self;
        (!tags.is_empty()).then_some(tags).serialize(serializer)
    }
}

/// A tag of a clinic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountedTag {
    id: TagId,
    name: String,
    /// How many patients have it; absent where none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_patients: Option<i64>,
}

/// A site of a clinic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountedSite {
    id: SiteId,
    name: String,
    /// How many patients have it; absent where none has.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_patients: Option<i64>,
}

/// A site of a patient.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SiteView {
    id: SiteId,
    name: String,
}

impl From<SuppressedNotifications> for SuppressedNotificationsView {
    fn from(which: SuppressedNotifications) -> Self {
        Self {
            patient_clinic_invitation: which.patient_clinic_invitation,
        }
    }
}

impl From<Site> for SiteView {
    fn from(site: Site) -> Self {
        Self {
            id: site.id,
            name: site.name,
        }
    }
}

/// Mails that a clinic does not want.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SuppressedNotificationsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_clinic_invitation: Option<bool>,
}

impl From<CountedClinic> for ClinicView {
    fn from(CountedClinic { clinic, counts }: CountedClinic) -> Self {
        let (can_migrate, tier) = (clinic.can_migrate(), clinic.tier().to_owned());
        let phone = |StoredPhoneNumber { kind, number }| PhoneNumberView { kind, number };
        let tag = |tag: Tag| CountedTag {
            id: tag.id,
            name: tag.name,
            num_patients: counts.tags.get(&tag.id).copied(),
        };
        let site = |site: Site| CountedSite {
            id: site.id,
            name: site.name,
            num_patients: counts.sites.get(&site.id).copied(),
        };
        Self {
            id: clinic.id,
            name: clinic.name.unwrap_or_default(),
            preferred_bg_units: clinic.bg_units.unwrap_or_else(|| "mg/dL".to_owned()),
            address: clinic.address,
            city: clinic.city,
            country: clinic.country,
            postal_code: clinic.postal_code,
            state: clinic.state,
            clinic_type: clinic.kind,
            clinic_size: clinic.size,
            phone_numbers: clinic.phone_numbers.into_iter().map(phone).collect(),
            website: clinic.website,
            timezone: clinic.timezone,
            share_code: clinic.share_code.unwrap_or_default(),
            can_migrate,
            tier_description: tier_description(&tier),
            tier,
            patient_tags: clinic
                .tags
                .map(|tags| TagsView(tags.into_iter().map(tag).collect())),
            sites: clinic.sites.into_iter().map(site).collect(),
            suppressed_notifications: clinic.suppressed_notifications.map(Into::into),
            created_time: time(clinic.created_time),
            updated_time: time(clinic.updated_time),
        }
    }
}

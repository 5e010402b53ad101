//! The document of a clinic in the collection `clinics`: how it is read, made and changed.

use bson::{DateTime, Document, doc, oid::ObjectId, serialize_to_bson};
use serde::{Deserialize, Serialize};
use shared_types::{ClinicId, UserId};

use super::ids;
use crate::domain::{
    clinic::{Clinic, Profile, Site, StoredPhoneNumber, SuppressedNotifications, Tag},
    limits::PatientLimit,
    mrn::MrnSettings,
};

/// A document as any release wrote it: nothing but the id need be there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClinicDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    name: Option<String>,
    /// The stored name has a capital letter.
    #[serde(rename = "PreferredBgUnits")]
    preferred_bg_units: Option<String>,
    address: Option<String>,
    city: Option<String>,
    country: Option<String>,
    postal_code: Option<String>,
    state: Option<String>,
    clinic_type: Option<String>,
    clinic_size: Option<String>,
    phone_numbers: Option<Vec<PhoneNumberDocument>>,
    website: Option<String>,
    timezone: Option<String>,
    canonical_share_code: Option<String>,
    admins: Option<Vec<UserId>>,
    is_migrated: Option<bool>,
    tier: Option<String>,
    patient_tags: Option<Vec<TagDocument>>,
    sites: Option<Vec<SiteDocument>>,
    suppressed_notifications: Option<SuppressedDocument>,
    mrn_settings: Option<MrnDocument>,
    patient_count_settings: Option<CountSettingsDocument>,
    created_time: Option<DateTime>,
    updated_time: Option<DateTime>,
}

#[derive(Deserialize)]
struct PhoneNumberDocument {
    #[serde(rename = "type")]
    kind: Option<String>,
    number: Option<String>,
}

#[derive(Deserialize)]
struct TagDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    name: Option<String>,
}

#[derive(Deserialize)]
struct SiteDocument {
    id: ObjectId,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SuppressedDocument {
    patient_clinic_invitation: Option<bool>,
}

#[derive(Deserialize)]
struct MrnDocument {
    required: Option<bool>,
    unique: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountSettingsDocument {
    hard_limit: Option<LimitDocument>,
    soft_limit: Option<LimitDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LimitDocument {
    plan: Option<f64>,
    /// Where older releases have `plan`.
    patient_count: Option<f64>,
    start_date: Option<DateTime>,
    end_date: Option<DateTime>,
}

impl From<LimitDocument> for PatientLimit {
    fn from(document: LimitDocument) -> Self {
        let number = |number: Option<f64>| number.filter(|number| *number != 0.0);
        let plan = number(document.plan).or_else(|| number(document.patient_count));
        #[expect(clippy::cast_possible_truncation, reason = "a number of patients")]
        let plan = plan.unwrap_or_default() as i64;
        Self {
            plan,
            start: document.start_date.map(DateTime::to_chrono),
            end: document.end_date.map(DateTime::to_chrono),
        }
    }
}

impl From<ClinicDocument> for Clinic {
    fn from(document: ClinicDocument) -> Self {
        let tag = |tag: TagDocument| Tag {
            id: tag.id.bytes().into(),
            name: tag.name.unwrap_or_default(),
        };
        let site = |site: SiteDocument| Site {
            id: site.id.bytes().into(),
            name: site.name.unwrap_or_default(),
        };
        let phone = |phone: PhoneNumberDocument| StoredPhoneNumber {
            kind: phone.kind,
            number: phone.number.unwrap_or_default(),
        };
        let phones = document.phone_numbers.unwrap_or_default();
        let sites = document.sites.unwrap_or_default();
        let suppressed = document.suppressed_notifications;
        let limits = document.patient_count_settings.unwrap_or_default();
        let time = |time: Option<DateTime>| time.map(DateTime::to_chrono).unwrap_or_default();
        Self {
            id: document.id.bytes().into(),
            name: document.name,
            bg_units: document.preferred_bg_units,
            address: document.address,
            city: document.city,
            country: document.country,
            postal_code: document.postal_code,
            state: document.state,
            kind: document.clinic_type,
            size: document.clinic_size,
            phone_numbers: phones.into_iter().map(phone).collect(),
            website: document.website,
            timezone: document.timezone,
            share_code: document.canonical_share_code,
            admins: document.admins.unwrap_or_default(),
            is_migrated: document.is_migrated.unwrap_or_default(),
            tier: document.tier.filter(|tier| !tier.is_empty()),
            tags: document
                .patient_tags
                .map(|tags| tags.into_iter().map(tag).collect()),
            sites: sites.into_iter().map(site).collect(),
            suppressed_notifications: suppressed.map(|which| SuppressedNotifications {
                patient_clinic_invitation: which.patient_clinic_invitation,
            }),
            mrn_settings: document.mrn_settings.map(|settings| MrnSettings {
                required: settings.required.unwrap_or_default(),
                unique: settings.unique.unwrap_or_default(),
            }),
            hard_limit: limits.hard_limit.map(Into::into),
            soft_limit: limits.soft_limit.map(Into::into),
            created_time: time(document.created_time),
            updated_time: time(document.updated_time),
        }
    }
}

/// How many patients a new clinic may have that pays nothing.
const FREE_PATIENTS: i32 = 250;

/// The document of a new clinic, which `admin` runs; without a profile it is the account of a legacy
/// clinic.
pub(super) fn document(
    id: ClinicId,
    profile: Option<&Profile>,
    share_code: &str,
    admin: &UserId,
    now: DateTime,
) -> Result<Document, bson::error::Error> {
    let mut document = doc! {
        "_id": ids::clinic(id),
        "canonicalShareCode": share_code,
        "shareCodes": [share_code],
        "admins": [admin.as_str()],
        "isMigrated": profile.is_some(),
        "patientCount": { "total": 0, "demo": 0, "plan": 0 },
        "patientCountSettings": { "hardLimit": { "plan": FREE_PATIENTS } },
        "createdTime": now,
        "updatedTime": now,
    };
    if let Some(profile) = profile {
        document.extend(profile_members(profile, now)?);
    }
    Ok(document)
}

/// What a profile sets. What it does not say stays as it is, but for the time zone and the phone
/// numbers, which go.
pub(super) fn profile_members(
    profile: &Profile,
    now: DateTime,
) -> Result<Document, bson::error::Error> {
    let mut members = doc! {
        "name": &profile.name,
        "PreferredBgUnits": profile.preferred_bg_units.name(),
        "timezone": value(&profile.timezone)?,
        "phoneNumbers": value(&profile.phone_numbers)?,
        "updatedTime": now,
    };
    for (name, value) in [
        ("address", value(&profile.address)?),
        ("city", value(&profile.city)?),
        ("country", value(&profile.country)?),
        ("postalCode", value(&profile.postal_code)?),
        ("state", value(&profile.state)?),
        ("clinicType", value(&profile.clinic_type)?),
        ("clinicSize", value(&profile.clinic_size)?),
        ("website", value(&profile.website)?),
    ] {
        if value != bson::Bson::Null {
            members.insert(name, value);
        }
    }
    Ok(members)
}

fn value(member: &impl Serialize) -> Result<bson::Bson, bson::error::Error> {
    serialize_to_bson(member)
}

//! Clinics: what an administrator says about one, and what follows from it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use shared_types::{ClinicId, SiteId, TagId, UserId};
use utoipa::ToSchema;

use super::{
    limits::{self, Limits, PatientLimit},
    mrn::MrnSettings,
    text::Filled,
};

/// The tier of a clinic that has none.
pub(crate) const DEFAULT_TIER: &str = "tier0100";

/// A clinic as it is stored. Databases of other releases hold texts that no request may set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clinic {
    pub(crate) id: ClinicId,
    pub(crate) name: Option<String>,
    pub(crate) bg_units: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) phone_numbers: Vec<StoredPhoneNumber>,
    pub(crate) website: Option<String>,
    pub(crate) timezone: Option<String>,
    /// The code that is shown; older ones lead to the clinic as well.
    pub(crate) share_code: Option<String>,
    pub(crate) admins: Vec<UserId>,
    /// Whether it is more than the account of a legacy clinic.
    pub(crate) is_migrated: bool,
    pub(crate) tier: Option<String>,
    /// `None`: there never were any.
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) sites: Vec<Site>,
    /// `None`: it was never said which.
    pub(crate) suppressed_notifications: Option<SuppressedNotifications>,
    /// `None`: it never asked for numbers of its own.
    pub(crate) mrn_settings: Option<MrnSettings>,
    /// How many patients it may have, if the limit is in force for it.
    pub(crate) hard_limit: Option<PatientLimit>,
    /// From how many on it is told so.
    pub(crate) soft_limit: Option<PatientLimit>,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) updated_time: DateTime<Utc>,
}

/// A tag that a clinic gives its patients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) id: TagId,
    pub(crate) name: String,
}

/// A place where a clinic sees its patients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) id: SiteId,
    pub(crate) name: String,
}

/// Mails that a clinic does not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SuppressedNotifications {
    /// Those that somebody shares with it; `None`: nothing is said.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) patient_clinic_invitation: Option<bool>,
}

/// A phone number as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPhoneNumber {
    pub(crate) kind: Option<String>,
    pub(crate) number: String,
}

impl Clinic {
    /// What it pays for; stored or not.
    pub(crate) fn tier(&self) -> &str {
        self.tier.as_deref().unwrap_or(DEFAULT_TIER)
    }

    /// How many patients it may have at `now`; `None`: any number.
    pub(crate) fn patient_limit(&self, now: DateTime<Utc>) -> Option<i64> {
        let limit = self.limits().hard.filter(|limit| limit.holds(now));
        limit.map(|limit| limit.plan)
    }

    /// The limits that hold for it; those that are stored hold for few.
    pub(crate) fn limits(&self) -> Limits {
        if limits::are_in_force(self.country.as_deref(), self.tier.as_deref()) {
            let (hard, soft) = (self.hard_limit, self.soft_limit);
            Limits { hard, soft }
        } else {
            Limits::default()
        }
    }

    /// Whether everything is there that a legacy clinic needs to become a clinic.
    pub(crate) fn can_migrate(&self) -> bool {
        let needed = [
            &self.address,
            &self.city,
            &self.kind,
            &self.country,
            &self.name,
            &self.postal_code,
            &self.state,
            &self.bg_units,
        ];
        let is_filled = |text: &&Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let mut tags = self.tags.iter().flatten();
        !self.is_migrated
            && needed.iter().all(is_filled)
            && tags.all(|tag| !tag.name.is_empty())
            && !self.admins.is_empty()
    }
}

/// What a clinic may pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum Tier {
    #[serde(rename = "tier0100")]
    Free,
    #[serde(rename = "tier0200")]
    Standard,
    #[serde(rename = "tier0300")]
    Premium,
    #[serde(rename = "tier0400")]
    Enterprise,
}

impl Tier {
    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Free => DEFAULT_TIER,
            Self::Standard => "tier0200",
            Self::Premium => "tier0300",
            Self::Enterprise => "tier0400",
        }
    }
}

/// Body of `UpdateTier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct TierDetails {
    pub(crate) tier: Tier,
}

/// Body of `UpdateSuppressedNotifications`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SuppressedDetails {
    pub(crate) suppressed_notifications: SuppressedNotifications,
}

/// What a tier is called.
pub(crate) fn tier_description(tier: &str) -> &'static str {
    match tier {
        "tier0100" => "Free",
        "tier0200" => "Standard",
        "tier0300" => "Premium",
        "tier0400" => "Enterprise",
        _ => "",
    }
}

/// Body of `CreateClinic` and `UpdateClinic`: what an administrator says about a clinic.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClinicProfile)]
pub(crate) struct Profile {
    /// May be empty.
    pub(crate) name: String,
    pub(crate) preferred_bg_units: BgUnits,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) address: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) city: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) country: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) postal_code: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) state: Option<Filled>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) clinic_type: Option<ClinicType>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) clinic_size: Option<ClinicSize>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) phone_numbers: Option<PhoneNumbers>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) website: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) timezone: Option<TimeZone>,
}

/// The unit in which a clinic reads glucose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum BgUnits {
    /// Milligrams per decilitre.
    #[serde(rename = "mg/dL")]
    MgPerDl,
    /// Millimoles per litre.
    #[serde(rename = "mmol/L")]
    MmolPerL,
}

impl BgUnits {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MgPerDl => "mg/dL",
            Self::MmolPerL => "mmol/L",
        }
    }
}

/// What kind of clinic it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClinicType {
    ProviderPractice,
    HealthcareSystem,
    VeterinaryClinic,
    Other,
    Researcher,
}

/// How many patients it has in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum ClinicSize {
    #[serde(rename = "0-249")]
    Below250,
    #[serde(rename = "250-499")]
    Below500,
    #[serde(rename = "500-999")]
    Below1000,
    #[serde(rename = "1000+")]
    Larger,
}

/// At least one phone number, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Vec<PhoneNumber>")]
#[schema(value_type = Vec<PhoneNumber>, min_items = 1)]
pub(crate) struct PhoneNumbers(Vec<PhoneNumber>);

/// A phone number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhoneNumber {
    /// What kind of number, such as `Office`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    kind: Option<Filled>,
    /// The number, in any form.
    number: Filled,
}

impl TryFrom<Vec<PhoneNumber>> for PhoneNumbers {
    type Error = &'static str;

    fn try_from(numbers: Vec<PhoneNumber>) -> Result<Self, Self::Error> {
        let different: BTreeSet<&PhoneNumber> = numbers.iter().collect();
        match (numbers.is_empty(), different.len() == numbers.len()) {
            (true, _) => Err("must have at least one item"),
            (false, false) => Err("must not have the same item twice"),
            (false, true) => Ok(Self(numbers)),
        }
    }
}

/// The name of a time zone in the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "Europe/Berlin")]
pub(crate) struct TimeZone(String);

impl TryFrom<String> for TimeZone {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.parse::<chrono_tz::Tz>() {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err("is no time zone"),
        }
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.0
    }
}

#[cfg(test)]
pub(crate) mod tests;

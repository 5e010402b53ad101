//! By what hospital records and patients of a clinic are found to be about the same person.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What must be alike, in whatever case and with whatever accents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Criterion {
    /// The medical record number.
    Mrn,
    /// That and the birth date.
    MrnDob,
    /// The birth date and the name.
    DobFullname,
}

/// By what a patient is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) mrn: String,
    pub(crate) birth_date: String,
    pub(crate) full_name: String,
}

/// A member of a patient that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Trait {
    Mrn,
    BirthDate,
    FullName,
}

impl Trait {
    /// The name of the member.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mrn => "mrn",
            Self::BirthDate => "birthDate",
            Self::FullName => "fullName",
        }
    }
}

impl Criterion {
    /// What must be alike.
    pub(crate) fn traits(self) -> &'static [Trait] {
        match self {
            Self::Mrn => &[Trait::Mrn],
            Self::MrnDob => &[Trait::Mrn, Trait::BirthDate],
            Self::DobFullname => &[Trait::BirthDate, Trait::FullName],
        }
    }
}

impl Sought {
    /// What the member of the patient must be.
    pub(crate) fn value(&self, wanted: Trait) -> &str {
        match wanted {
            Trait::Mrn => &self.mrn,
            Trait::BirthDate => &self.birth_date,
            Trait::FullName => &self.full_name,
        }
    }
}

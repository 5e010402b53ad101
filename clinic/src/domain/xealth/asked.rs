//! What Xealth asks, and why it cannot be told whom it means.

use thiserror::Error;

use crate::domain::Refusal;

/// What Xealth asks about a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Preorder,
    Notification,
    Programs,
    ProgramUrl,
}

/// What is missing so that it cannot be told whom it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Unmatched {
    #[error("no clinic is connected to the deployment")]
    Clinic,
    #[error("no patient of the clinic has the number and the birth date")]
    Patient,
    #[error("there is no medical record number of the kind that the clinic says")]
    Mrn,
    #[error("it is not said when the patient was born")]
    BirthDate,
    #[error("it is not said what the patient is called")]
    FullName,
}

impl Asked {
    /// With this each refusal of it begins.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Preorder => "unable to process preorder",
            Self::Notification => "unable to process notification",
            Self::Programs => "unable to get programs",
            Self::ProgramUrl => "unable to get program url",
        }
    }

    /// The refusal of it.
    pub(crate) fn refused(self, why: Unmatched) -> Refusal {
        Refusal::Unmatched(self, why)
    }
}

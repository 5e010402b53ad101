//! Whom an order of hospital records means, as services see it.

use serde::Serialize;
use shared_types::{ClinicId, UserId};
use utoipa::ToSchema;

use super::{ClinicView, PatientView};
use crate::{
    domain::{
        ehr_settings::EhrSettings,
        matching::{Criterion, Trait},
    },
    use_cases::{
        explain_match::{Considered, Explanation, Tried},
        match_order::Match,
    },
};

/// Whom an order means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EhrMatch)]
pub(crate) struct MatchView {
    /// Absent only where an explanation says why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic: Option<ClinicView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<EhrSettings>,
    /// As they were before; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patients: Vec<PatientView>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationView>,
}

/// How a match comes about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MatchExplanation)]
pub(crate) struct ExplanationView {
    /// Where the order comes from; absent: it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_id: Option<String>,
    /// The clinics whose settings name that source.
    clinics: Vec<ConsideredView>,
    /// The kinds of identifiers that the order has.
    identifier_types: Vec<String>,
    /// Why nobody is looked for, or nobody can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Each criterion with whom it fits.
    criteria: Vec<TriedView>,
    /// Whether the order has changed the only patient before, so that it changes nothing more.
    is_known_at_patient: bool,
}

/// A clinic whose settings name the source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsideredView {
    id: ClinicId,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Why it is not meant; absent: it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A criterion with whom it fits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriedView {
    criterion: Criterion,
    patients: Vec<UserId>,
    /// Where it fits nobody: who is alike in something; ten at most.
    near: Vec<NearView>,
}

/// Who is nearly meant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NearView {
    id: UserId,
    /// What is not alike.
    differs: Vec<Trait>,
}

impl From<Match> for MatchView {
    fn from(matched: Match) -> Self {
        Self {
            clinic: Some(matched.clinic.into()),
            settings: Some(matched.settings),
            patients: matched.patients.into_iter().map(Into::into).collect(),
            explanation: None,
        }
    }
}

impl From<Explanation> for MatchView {
    fn from(explanation: Explanation) -> Self {
        let no_mrn = "the order has no identifier of the kind of the clinic's record numbers";
        let problem = explanation.problem.map(|problem| problem.to_string());
        let problem = problem.or_else(|| explanation.lacks_mrn.then(|| no_mrn.to_owned()));
        let (clinic, settings) = match explanation.clinic {
            Some((clinic, settings)) => (Some(clinic.into()), Some(settings)),
            None => (None, None),
        };
        Self {
            clinic,
            settings,
            patients: explanation.patients.into_iter().map(Into::into).collect(),
            explanation: Some(ExplanationView {
                source_id: explanation.source,
                clinics: explanation.clinics.into_iter().map(Into::into).collect(),
                identifier_types: explanation.identifier_types,
                problem,
                criteria: explanation.criteria.into_iter().map(Into::into).collect(),
                is_known_at_patient: explanation.is_known,
            }),
        }
    }
}

impl From<Considered> for ConsideredView {
    fn from(Considered { id, name, reason }: Considered) -> Self {
        Self { id, name, reason }
    }
}

impl From<Tried> for TriedView {
    fn from(tried: Tried) -> Self {
        let near = tried.near.into_iter();
        Self {
            criterion: tried.criterion,
            patients: tried.patients,
            near: near.map(|(id, differs)| NearView { id, differs }).collect(),
        }
    }
}

//! Patients of two clinics that become one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use shared_types::{TagId, UserId};

use super::{Matches, PatientRow, loose};
use crate::domain::{
    clinic::Site,
    mrn::MrnSettings,
    patient::{Patient, PatientChange},
};

/// What becomes of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatientAction {
    /// Is the target's, and stays.
    Retain,
    /// Is a patient of both: the record in the source goes.
    Merge,
    /// Is a patient of both: the record in the target stays, and gets the tags and sites of the other.
    MergeInto,
    /// Is the source's, and becomes the target's.
    Move,
}

impl PatientAction {
    /// As it is shown and stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Retain => "RETAIN",
            Self::Merge => "MERGE",
            Self::MergeInto => "MERGE_INTO",
            Self::Move => "MOVE",
        }
    }
}

/// Why a patient cannot come to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MrnProblem {
    /// The target asks for a medical record number.
    Missing,
    /// The number would not be the patient's own.
    Taken,
}

impl MrnProblem {
    /// In words, for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Missing => "the target requires an MRN",
            Self::Taken => "the MRN would not be unique in the target",
        }
    }
}

/// A patient with what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatientPlan {
    /// Whether the source has it.
    pub(crate) is_of_source: bool,
    pub(crate) row: Arc<PatientRow>,
    pub(crate) action: PatientAction,
    /// Patients of the other clinic who may be the same person.
    pub(crate) matches: Matches,
    pub(crate) problem: Option<MrnProblem>,
}

/// Medical record numbers, as both the contract and the database compare them.
#[derive(Default)]
struct Mrns {
    texts: HashMap<String, u32>,
    keys: HashMap<Vec<u8>, u32>,
}

impl Mrns {
    fn of<'a>(rows: impl Iterator<Item = &'a Arc<PatientRow>>) -> Self {
        let mut mrns = Self::default();
        for row in rows {
            if let Some(text) = loose(row.mrn.as_deref()) {
                *mrns.texts.entry(text).or_default() += 1;
            }
            if row.mrn.is_some() {
                *mrns.keys.entry(row.mrn_key.clone()).or_default() += 1;
            }
        }
        mrns
    }

    /// How many patients have the number of `row`, at most as one of both counts it.
    fn count(&self, row: &PatientRow) -> u32 {
        let text = loose(row.mrn.as_deref()).and_then(|text| self.texts.get(&text));
        let key = self.keys.get(&row.mrn_key);
        text.copied()
            .unwrap_or_default()
            .max(key.copied().unwrap_or_default())
    }
}

/// Those of the source, then those of the target, without the one to try things with. `matches` are
/// those of each row, in the same order.
pub(super) fn plan(
    source: Vec<Arc<PatientRow>>,
    target: Vec<Arc<PatientRow>>,
    (of_source, of_target): (Vec<Matches>, Vec<Matches>),
    settings: MrnSettings,
) -> Vec<PatientPlan> {
    let users = |rows: &[Arc<PatientRow>]| rows.iter().map(|row| row.user.clone()).collect();
    let (in_source, in_target): (HashSet<UserId>, HashSet<UserId>) =
        (users(&source), users(&target));
    let source_mrns = Mrns::of(source.iter().filter(|row| !row.is_demo));
    let target_mrns = Mrns::of(target.iter());
    let problem = |row: &PatientRow| {
        let mrn = row.mrn.as_deref().filter(|mrn| !mrn.is_empty());
        if settings.lacks(mrn) {
            return Some(MrnProblem::Missing);
        }
        let is_taken = || target_mrns.count(row) > 0 || source_mrns.count(row) > 1;
        (settings.unique && mrn.is_some() && is_taken()).then_some(MrnProblem::Taken)
    };
    let of_source = source.into_iter().zip(of_source).map(|(row, matches)| {
        let (action, problem) = if in_target.contains(&row.user) {
            (PatientAction::Merge, None)
        } else {
            (PatientAction::Move, problem(&row))
        };
        PatientPlan {
            is_of_source: true,
            row,
            action,
            matches,
            problem,
        }
    });
    let of_target = target.into_iter().zip(of_target).map(|(row, matches)| {
        let action = if in_source.contains(&row.user) {
            PatientAction::MergeInto
        } else {
            PatientAction::Retain
        };
        PatientPlan {
            is_of_source: false,
            row,
            action,
            matches,
            problem: None,
        }
    });
    let all = of_source.chain(of_target);
    all.filter(|plan| !plan.row.is_demo).collect()
}

/// What changes about a patient whose account is one of another clinic as well, where the other clinic
/// becomes one with its own: it gets `tags` and `sites` beside those that it has. A clinic goes on
/// running the account that either of both ran.
pub(crate) fn merged(
    kept: &Patient,
    other: &Patient,
    tags: Vec<TagId>,
    sites: Vec<Site>,
    now: DateTime<Utc>,
) -> PatientChange {
    let (mut all_tags, mut all_sites) = (kept.tags.clone(), kept.sites.clone());
    let tags = tags.into_iter().filter(|tag| !kept.tags.contains(tag));
    all_tags.extend(tags);
    let is_there = |site: &Site| kept.sites.iter().any(|known| known.id == site.id);
    all_sites.extend(sites.into_iter().filter(|site| !is_there(site)));
    let is_handed_over = other.is_custodial() && !kept.is_custodial();
    let permissions = is_handed_over.then(|| {
        let mut all = kept.permissions.clone().unwrap_or_default();
        all.0
            .extend(other.permissions.clone().unwrap_or_default().0);
        all
    });
    PatientChange {
        tags: Some(all_tags),
        sites: Some(all_sites),
        permissions,
        updated_time: Some(now),
        ..PatientChange::default()
    }
}

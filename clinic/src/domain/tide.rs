//! The TIDE report: those patients of a clinic at whose data somebody should look first, by why.

mod categories;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::TagId;
use smallvec::SmallVec;

use self::categories::Measures;
pub(crate) use self::categories::{Category, Measure};
use super::{
    best::{Best, Key},
    patient::Patient,
    summary::Period,
};

/// As many patients are listed by category, in all categories together.
pub(crate) const MAX_LISTED: usize = 100;
/// As many are listed of whom there is no data.
pub(crate) const MAX_WITHOUT_DATA: usize = 50;
/// Data that is not older is no sign of anything.
const RECENT: TimeDelta = TimeDelta::hours(8);
/// The provider whose connection is looked at where data is old.
const DEXCOM: &str = "dexcom";
/// The state of a data source that works.
const CONNECTED: &str = "connected";

/// What of a patient decides whether reports list it, and where.
#[derive(Debug, Clone)]
pub(crate) struct Vitals {
    /// Beside the numbers, not elsewhere in memory: patients have few, and every report looks at them.
    tags: SmallVec<[TagId; 2]>,
    /// When the last data of the sensor came.
    last_data: Option<DateTime<Utc>>,
    /// Whether a connection that should bring data brings none.
    is_disconnected: bool,
    /// In the order of [`Period::ALL`].
    periods: [Measures; Period::ALL.len()],
}

impl Vitals {
    pub(crate) fn of(patient: &Patient) -> Self {
        let cgm = patient.summary.as_ref().and_then(|it| it.cgm.as_ref());
        let measures = |period: Period| {
            let numbers = cgm.and_then(|cgm| cgm.periods.get(period.name()));
            numbers.map_or(Measures::NONE, Measures::of)
        };
        let mut sources = patient.data_sources.iter().flatten();
        Self {
            tags: patient.tags.as_slice().into(),
            last_data: cgm.and_then(|cgm| cgm.dates.last_data),
            is_disconnected: sources
                .any(|source| source.provider_name == DEXCOM && source.state != CONNECTED),
            periods: Period::ALL.map(measures),
        }
    }

    /// A number of the sensor's data, if there is one.
    pub(crate) fn number(&self, period: Period, measure: Measure) -> Option<f64> {
        let number = self.periods[period as usize].get(measure);
        (!number.is_nan()).then_some(number)
    }

    /// When the last data of the sensor came.
    pub(crate) fn last_data(&self) -> Option<DateTime<Utc>> {
        self.last_data
    }

    /// Whether the patient has all of `tags`; none at all where that is empty.
    pub(crate) fn has_tags(&self, tags: &[TagId]) -> bool {
        if tags.is_empty() {
            return self.tags.is_empty();
        }
        tags.iter().all(|tag| self.tags.contains(tag))
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let elsewhere = if self.tags.spilled() {
            size_of_val(&*self.tags)
        } else {
            0
        };
        size_of::<Self>() + elsewhere
    }
}

/// A report that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TideRequest {
    pub(crate) period: Period,
    /// Whoever is listed has all of these.
    pub(crate) tags: Vec<TagId>,
    /// From when on the last data is, of those who are listed by category.
    pub(crate) last_data_cutoff: DateTime<Utc>,
    /// Whoever is listed in one is not in those that follow.
    pub(crate) categories: Vec<Category>,
    pub(crate) excludes_no_data: bool,
}

impl TideRequest {
    /// Where a patient stands in a category, the least first; `None`: not in it.
    pub(crate) fn rank(&self, category: Category, vitals: &Vitals) -> Option<f64> {
        let is_recent = vitals.last_data >= Some(self.last_data_cutoff);
        let measures = vitals.periods[self.period as usize];
        (is_recent && self.is_tagged(vitals)).then(|| category.rule().rank(&measures))?
    }

    /// The same of those of whom there is no data, as far as is known at `now`.
    pub(crate) fn rank_without_data(&self, vitals: &Vitals, now: DateTime<Utc>) -> Option<f64> {
        if self.excludes_no_data || !self.is_tagged(vitals) {
            return None;
        }
        let Some(last_data) = vitals.last_data else {
            return Some(f64::NEG_INFINITY);
        };
        let is_old = last_data < now - RECENT;
        let is_missed = last_data < self.last_data_cutoff || vitals.is_disconnected;
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of any year that matters are exact"
        )]
        (is_old && is_missed).then_some(last_data.timestamp_millis() as f64)
    }

    fn is_tagged(&self, vitals: &Vitals) -> bool {
        self.tags.iter().all(|tag| vitals.tags.contains(tag))
    }
}

/// Whom a report lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected<P> {
    pub(crate) categories: Vec<(Category, Vec<P>)>,
    /// `None`: they are not asked for.
    pub(crate) without_data: Option<Vec<P>>,
}

/// Whom a report lists of the patients that were seen. It keeps as many as may be listed, however many it
/// sees.
pub(crate) struct Selection<'a> {
    request: &'a TideRequest,
    now: DateTime<Utc>,
    categories: Vec<(Category, Best)>,
    without_data: Best,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(request: &'a TideRequest, now: DateTime<Utc>) -> Self {
        let mut categories: Vec<(Category, Best)> = Vec::new();
        for category in &request.categories {
            if !categories.iter().any(|(known, _)| known == category) {
                categories.push((*category, Best::of(MAX_LISTED)));
            }
        }
        Self {
            request,
            now,
            categories,
            without_data: Best::of(MAX_WITHOUT_DATA),
        }
    }

    /// Sees a patient.
    pub(crate) fn see(&mut self, key: Key, vitals: &Vitals) {
        for (category, best) in &mut self.categories {
            if let Some(rank) = self.request.rank(*category, vitals) {
                best.add(rank, key);
            }
        }
        if let Some(rank) = self.request.rank_without_data(vitals, self.now) {
            self.without_data.add(rank, key);
        }
    }

    /// Who is listed. The first hundred of a category are enough: no more are listed, and of those that
    /// are listed before none has its place in it.
    pub(crate) fn finish(self) -> Selected<Key> {
        let mut listed = HashSet::new();
        let mut categories = Vec::new();
        for (category, best) in self.categories {
            let left = MAX_LISTED - listed.len();
            if left == 0 {
                break;
            }
            let keys = best.finish().into_iter();
            let others = keys.filter(|key| !listed.contains(key));
            let others: Vec<Key> = others.take(left).collect();
            listed.extend(others.iter().copied());
            categories.push((category, others));
        }
        Selected {
            categories,
            without_data: (!self.request.excludes_no_data).then(|| self.without_data.finish()),
        }
    }
}

#[cfg(test)]
mod tests;

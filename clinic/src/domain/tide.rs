//! The TIDE report: those patients of a clinic at whose data somebody should look first, by why.

mod categories;

use std::{cmp::Ordering, collections::HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::TagId;

use self::categories::Measures;
pub(crate) use self::categories::{Category, Measure};
use super::{patient::Patient, summary::Period};

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
    tags: Box<[TagId]>,
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

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.tags)
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

/// By what a report tells patients apart; of those who are equal the least comes first.
pub(crate) type Key = [u8; 12];

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

/// Those of the least rank.
struct Best {
    limit: usize,
    /// More than the limit, until they are sorted.
    ranks: Vec<(f64, Key)>,
    /// Whoever comes after has no place.
    last: Option<(f64, Key)>,
}

impl Best {
    fn of(limit: usize) -> Self {
        Self {
            limit,
            ranks: Vec::new(),
            last: None,
        }
    }

    fn add(&mut self, rank: f64, key: Key) {
        // Both zeros are one.
        let one = (rank + 0.0, key);
        if self.last.is_some_and(|last| order(&last, &one).is_lt()) {
            return;
        }
        self.ranks.push(one);
        if self.ranks.len() == 4 * self.limit {
            self.cut();
            self.last = self.ranks.last().copied();
        }
    }

    fn cut(&mut self) {
        self.ranks.sort_unstable_by(order);
        // Who was moved while patients were read may have been seen twice.
        self.ranks.dedup_by_key(|(_, key)| *key);
        self.ranks.truncate(self.limit);
    }

    fn finish(mut self) -> Vec<Key> {
        self.cut();
        self.ranks.into_iter().map(|(_, key)| key).collect()
    }
}

fn order((one, key): &(f64, Key), (other, other_key): &(f64, Key)) -> Ordering {
    one.total_cmp(other).then_with(|| key.cmp(other_key))
}

#[cfg(test)]
mod tests;

//! Lists of patients that the numbers which reports look at decide alone, so that what is kept of them
//! in memory suffices.

use shared_runtime::query::Direction;
use shared_types::TagId;

use super::{
    patient_list::{NumberFilter, OrderKey, PatientFilter, PatientOrder, Span},
    summary::{Kind, Period},
    tide::{Measure, Vitals},
};

/// Some of a clinic's patients by a number of the sensor's data.
pub(crate) struct MeasuredList<'a> {
    /// All of these; without any, patients who have none. `None`: whatever tags they have.
    pub(crate) tags: Option<&'a [TagId]>,
    by: (Period, Measure),
    direction: Direction,
    /// When the last data came.
    last_data: Vec<Span>,
    period: Period,
    bounds: Vec<(Measure, &'a NumberFilter)>,
}

impl<'a> MeasuredList<'a> {
    /// The list; `None`: it takes more to make it.
    pub(crate) fn of(filter: &'a PatientFilter, order: PatientOrder) -> Option<Self> {
        let OrderKey::Number(Kind::Cgm, period, name) = order.by else {
            return None;
        };
        let PatientFilter {
            search: None,
            tags,
            sites: None,
            omits_other_ranges: false,
            reviewed_until: None,
            last_data,
            period: of_bounds,
            numbers,
        } = filter
        else {
            return None;
        };
        let span = |(kind, span): &(Kind, Span)| (*kind == Kind::Cgm).then_some(*span);
        let bound = |number: &'a NumberFilter| {
            let measure = Measure::named(&number.field.name)?;
            (number.kind == Kind::Cgm).then_some((measure, number))
        };
        Some(Self {
            tags: tags.as_deref(),
            by: (period, Measure::named(name)?),
            direction: order.direction,
            last_data: last_data.iter().map(span).collect::<Option<_>>()?,
            period: *of_bounds,
            bounds: numbers.iter().map(bound).collect::<Option<_>>()?,
        })
    }

    /// Where a patient stands in the list, the least first; `None`: not in it. Those of whom the number is
    /// not known come last.
    pub(crate) fn rank(&self, vitals: &Vitals) -> Option<f64> {
        self.admits(vitals).then(|| {
            let (period, measure) = self.by;
            match (vitals.number(period, measure), self.direction) {
                (None, _) => f64::INFINITY,
                (Some(number), Direction::Ascending) => number,
                (Some(number), Direction::Descending) => -number,
            }
        })
    }

    fn admits(&self, vitals: &Vitals) -> bool {
        let is_within = |(measure, filter): &(Measure, &NumberFilter)| {
            let number = vitals.number(self.period, *measure);
            number.is_some_and(|number| filter.bound.holds(number))
        };
        let last_data = vitals.last_data();
        let is_in = |span: &Span| {
            last_data.is_some_and(|time| {
                span.from.is_none_or(|from| from <= time) && span.to.is_none_or(|to| time < to)
            })
        };
        // Tags first: they keep most patients out, whose numbers need not come from memory then.
        self.tags.is_none_or(|tags| vitals.has_tags(tags))
            && self.bounds.iter().all(is_within)
            && self.last_data.iter().all(is_in)
    }
}

//! The categories of the TIDE report: whom each lists, in which order.

use serde::{Deserialize, Serialize};
use shared_runtime::query::Direction::{self, Ascending, Descending};
use utoipa::ToSchema;

use crate::domain::{patient_list::Side, patient_summary::Numbers};

/// Why somebody should look at the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Category {
    TimeInVeryLowPercent,
    TimeInAnyLowPercent,
    DropInTimeInTargetPercent,
    #[serde(rename = "timeCGMUsePercent")]
    TimeCgmUsePercent,
    TimeInTargetPercent,
    MeetingTargets,
    TimeInExtremeHighPercent,
    TimeInVeryHighPercent,
    TimeInAnyHighPercent,
}

/// Whom a category lists, in which order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    /// What holds for the number by which they are ordered.
    pub(crate) first: Threshold,
    direction: Direction,
    /// What else holds.
    also: &'static [Threshold],
    /// What does not hold; a number that is not there is no obstacle.
    except: &'static [Threshold],
}

/// On which side of an amount a number is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Threshold {
    measure: Measure,
    side: Side,
    amount: f64,
}

const VERY_LOW: Threshold = Threshold::new(Measure::VeryLow, Side::Above, 0.01);
const ANY_LOW: Threshold = Threshold::new(Measure::AnyLow, Side::Above, 0.04);
const DROP: Threshold = Threshold::new(Measure::TargetDelta, Side::Below, -0.15);
const LITTLE_USE: Threshold = Threshold::new(Measure::Use, Side::Below, 0.7);
const ENOUGH_USE: Threshold = Threshold::new(Measure::Use, Side::AtLeast, 0.7);
const OFF_TARGET: Threshold = Threshold::new(Measure::Target, Side::Below, 0.7);
const ON_TARGET: Threshold = Threshold::new(Measure::Target, Side::AtLeast, 0.7);
const ANY_HIGH: Threshold = Threshold::new(Measure::AnyHigh, Side::Above, 0.25);
const VERY_HIGH: Threshold = Threshold::new(Measure::VeryHigh, Side::Above, 0.05);
const EXTREME_HIGH: Threshold = Threshold::new(Measure::ExtremeHigh, Side::AtLeast, 0.01);

impl Category {
    /// Those that are listed where a request names none.
    pub(crate) const DEFAULT: [Self; 7] = [
        Self::TimeInVeryLowPercent,
        Self::TimeInAnyLowPercent,
        Self::TimeInVeryHighPercent,
        Self::TimeInAnyHighPercent,
        Self::DropInTimeInTargetPercent,
        Self::TimeCgmUsePercent,
        Self::MeetingTargets,
    ];

    /// Whom it lists.
    pub(crate) const fn rule(self) -> Rule {
        match self {
            Self::TimeInVeryLowPercent => Rule::of(VERY_LOW, Descending),
            Self::TimeInAnyLowPercent => Rule::of(ANY_LOW, Descending),
            Self::DropInTimeInTargetPercent => Rule::of(DROP, Ascending),
            Self::TimeCgmUsePercent => Rule::of(LITTLE_USE, Ascending),
            Self::TimeInTargetPercent => Rule::of(OFF_TARGET, Ascending),
            Self::MeetingTargets => Rule {
                also: &[ENOUGH_USE],
                except: &[ANY_LOW, VERY_LOW, ANY_HIGH, VERY_HIGH, EXTREME_HIGH],
                ..Rule::of(ON_TARGET, Descending)
            },
            Self::TimeInExtremeHighPercent => Rule::of(EXTREME_HIGH, Descending),
            Self::TimeInVeryHighPercent => Rule::of(VERY_HIGH, Descending),
            Self::TimeInAnyHighPercent => Rule::of(ANY_HIGH, Descending),
        }
    }
}

impl Rule {
    const fn of(first: Threshold, direction: Direction) -> Self {
        Self {
            first,
            direction,
            also: &[],
            except: &[],
        }
    }

    /// Where whoever has these numbers stands in the list, the least first; `None`: not in it.
    pub(super) fn rank(&self, measures: &Measures) -> Option<f64> {
        let holds = |threshold: &Threshold| threshold.holds(measures);
        let is_listed =
            holds(&self.first) && self.also.iter().all(holds) && !self.except.iter().any(holds);
        let number = measures.get(self.first.measure);
        is_listed.then_some(match self.direction {
            Ascending => number,
            Descending => -number,
        })
    }
}

impl Threshold {
    const fn new(measure: Measure, side: Side, amount: f64) -> Self {
        Self {
            measure,
            side,
            amount,
        }
    }

    /// Whether the number is there and on this side.
    fn holds(&self, measures: &Measures) -> bool {
        let number = measures.get(self.measure);
        match self.side {
            Side::Above => number > self.amount,
            Side::AtLeast => number >= self.amount,
            Side::Below => number < self.amount,
            Side::AtMost => number <= self.amount,
        }
    }

    /// As reports show it, such as `<0.7`.
    pub(crate) fn shown(&self) -> String {
        let side = match self.side {
            Side::Above => ">",
            Side::AtLeast => ">=",
            Side::Below => "<",
            Side::AtMost => "<=",
        };
        format!("{side}{}", self.amount)
    }
}

/// A number of the sensor's data that decides on categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    VeryLow,
    AnyLow,
    Target,
    TargetDelta,
    Use,
    AnyHigh,
    VeryHigh,
    ExtremeHigh,
}

impl Measure {
    pub(crate) const ALL: [Self; 8] = [
        Self::VeryLow,
        Self::AnyLow,
        Self::Target,
        Self::TargetDelta,
        Self::Use,
        Self::AnyHigh,
        Self::VeryHigh,
        Self::ExtremeHigh,
    ];

    /// That of this name in summaries.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|measure| measure.name() == name)
    }

    /// The name in summaries.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VeryLow => "timeInVeryLowPercent",
            Self::AnyLow => "timeInAnyLowPercent",
            Self::Target => "timeInTargetPercent",
            Self::TargetDelta => "timeInTargetPercentDelta",
            Self::Use => "timeCGMUsePercent",
            Self::AnyHigh => "timeInAnyHighPercent",
            Self::VeryHigh => "timeInVeryHighPercent",
            Self::ExtremeHigh => "timeInExtremeHighPercent",
        }
    }
}

/// The numbers of a period, in the order of [`Measure::ALL`]; what is not there is not a number, and so on
/// no side of anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measures([f64; Measure::ALL.len()]);

impl Measures {
    pub(super) const NONE: Self = Self([f64::NAN; Measure::ALL.len()]);

    pub(super) fn of(numbers: &Numbers) -> Self {
        Self(Measure::ALL.map(|measure| numbers.number(measure.name()).unwrap_or(f64::NAN)))
    }

    pub(super) fn get(&self, measure: Measure) -> f64 {
        self.0[measure as usize]
    }
}

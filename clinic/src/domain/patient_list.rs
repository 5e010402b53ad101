//! Lists of a clinic's patients: which of them, in which order.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use shared_runtime::query::{Direction, Sort};
use shared_types::{SiteId, TagId};
use utoipa::ToSchema;

use super::{
    Refusal,
    summary::{self, Field, Form, Kind, Period},
};

/// Which patients of a clinic a list shows; all of it holds for each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PatientFilter {
    /// A part of the name, the address, the medical record number or the birth date.
    pub(crate) search: Option<SearchText>,
    /// All of these; without any, patients who have none.
    pub(crate) tags: Option<Vec<TagId>>,
    /// One of these; without any, patients who are of none.
    pub(crate) sites: Option<Vec<SiteId>>,
    /// Whether patients with other ranges than the usual ones are left out.
    pub(crate) omits_other_ranges: bool,
    /// When the newest review was made at the latest.
    pub(crate) reviewed_until: Option<DateTime<Utc>>,
    /// When the last data came, for each kind of it.
    pub(crate) last_data: Vec<(Kind, Span)>,
    /// The days that the numbers are about.
    pub(crate) period: Period,
    pub(crate) numbers: Vec<NumberFilter>,
}

impl PatientFilter {
    /// Whether it admits everybody.
    pub(crate) fn is_empty(&self) -> bool {
        let everybody = Self {
            period: self.period,
            ..Self::default()
        };
        *self == everybody
    }

    /// Whether it admits patients by their tags or sites.
    pub(crate) fn is_by_label(&self) -> bool {
        self.tags.is_some() || self.sites.is_some()
    }

    /// What is searched for, if nothing else is asked for.
    pub(crate) fn search_alone(&self) -> Option<&SearchText> {
        let search = self.search.clone();
        let is_alone = Self {
            search,
            period: self.period,
            ..Self::default()
        } == *self;
        self.search.as_ref().filter(|_| is_alone)
    }
}

/// The longest text that is searched for, in characters.
const MAX_SEARCH: usize = 1_000;

/// A part of what is known of a patient, in whatever case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 1_000)]
pub(crate) struct SearchText(String);

/// The text is longer than anything that is known of patients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MAX_SEARCH} characters")]
pub(crate) struct TooLong;

impl SearchText {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SearchText {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        if text.chars().count() > MAX_SEARCH {
            return Err(TooLong);
        }
        Ok(Self(text))
    }
}

/// The ids in `list`, which commas separate; what is no id is left out.
pub(crate) fn ids<I: FromStr>(list: &str) -> Vec<I> {
    let texts = list.split(',').map(str::to_ascii_lowercase);
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// A time from `from` on and before `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Option<DateTime<Utc>>,
    pub(crate) to: Option<DateTime<Utc>>,
}

/// A bound of a number of the summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NumberFilter {
    pub(crate) kind: Kind,
    pub(crate) field: &'static Field,
    pub(crate) bound: Bound,
}

/// On which side of what a number is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) side: Side,
    pub(crate) amount: Amount,
}

/// On which side of a bound a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    Whole(i64),
    Float(f64),
}

/// The text is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected >, >=, < or <= and a {0}")]
pub(crate) struct InvalidBound(&'static str);

impl Bound {
    /// How bounds of numbers of this form are written.
    pub(crate) fn pattern(form: Form) -> &'static str {
        match form {
            Form::Float => r"^(>=|>|<=|<)[+-]?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))$",
            Form::Whole | Form::Flag => "^(>=|>|<=|<)[+-]?[0-9]+$",
        }
    }

    /// Whether `number` is on its side.
    pub(crate) fn holds(&self, number: f64) -> bool {
        let amount = self.amount.float();
        match self.side {
            Side::Above => number > amount,
            Side::AtLeast => number >= amount,
            Side::Below => number < amount,
            Side::AtMost => number <= amount,
        }
    }

    /// The bound that `text` writes.
    pub(crate) fn parse(text: &str, form: Form) -> Result<Self, InvalidBound> {
        let sides = [
            (">=", Side::AtLeast),
            (">", Side::Above),
            ("<=", Side::AtMost),
            ("<", Side::Below),
        ];
        let written = |(sign, side)| Some((side, text.strip_prefix(sign)?));
        let written = sides.into_iter().find_map(written);
        let read = written.and_then(|(side, number)| Some((side, Amount::parse(number, form)?)));
        let (side, amount) = read.ok_or(InvalidBound(match form {
            Form::Float => "number",
            Form::Whole | Form::Flag => "whole number",
        }))?;
        Ok(Self { side, amount })
    }
}

impl Amount {
    fn float(self) -> f64 {
        match self {
            Self::Float(number) => number,
            #[expect(
                clippy::cast_precision_loss,
                reason = "whole numbers of summaries are far smaller"
            )]
            Self::Whole(number) => number as f64,
        }
    }

    fn parse(text: &str, form: Form) -> Option<Self> {
        let is_part = |byte: u8| {
            let is_of_any = byte.is_ascii_digit() || matches!(byte, b'+' | b'-');
            is_of_any || byte == b'.' && form == Form::Float
        };
        if !text.bytes().all(is_part) {
            return None;
        }
        if let (Form::Whole, Ok(whole)) = (form, text.parse()) {
            return Some(Self::Whole(whole));
        }
        // Whole numbers may be too large as well.
        text.parse().ok().map(Self::Float)
    }
}

/// In which order patients are listed; those who are equal come in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PatientOrder {
    pub(crate) by: OrderKey,
    pub(crate) direction: Direction,
}

/// By what patients are ordered. Those of whom it is not known come last in both directions, but
/// names and birth dates are texts, of which none is the smallest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OrderKey {
    /// Without regard to upper and lower case and to accents.
    FullName,
    BirthDate,
    /// When the newest review was made.
    LastReviewed,
    /// A time of the summary.
    Time(Kind, &'static str),
    /// A number of the summary.
    Number(Kind, Period, &'static str),
}

const TIMES: [&str; 4] = ["lastUploadDate", "lastData", "firstData", "outdatedSince"];

impl PatientOrder {
    /// By name.
    pub(crate) const DEFAULT: Self = Self {
        by: OrderKey::FullName,
        direction: Direction::Ascending,
    };

    /// The order that a request asks for.
    pub(crate) fn of(sort: &Sort, kind: Option<Kind>, period: Period) -> Result<Self, Refusal> {
        let kind = kind.ok_or(Refusal::SortWithoutType)?;
        let attribute = sort.attribute.as_str();
        let by = match attribute {
            "fullName" => OrderKey::FullName,
            "birthDate" => OrderKey::BirthDate,
            "lastReviewed" => OrderKey::LastReviewed,
            _ => match TIMES.into_iter().find(|time| *time == attribute) {
                Some(time) => OrderKey::Time(kind, time),
                None => summary::field(kind, attribute)
                    .filter(|field| field.is_sorted_by)
                    .map(|field| OrderKey::Number(kind, period, &field.name))
                    .ok_or(Refusal::UnknownSort)?,
            },
        };
        let direction = sort.direction;
        Ok(Self { by, direction })
    }
}

#[cfg(test)]
mod tests {
    use shared_runtime::query::Sort;
    use shared_types::TagId;

    use super::{Amount, Bound, OrderKey, PatientFilter, PatientOrder, SearchText, Side, ids};
    use crate::domain::{
        Refusal,
        summary::{Form, Kind, Period},
    };

    #[test]
    fn a_bound_has_a_side_and_a_number() {
        let float = |number| Amount::Float(number);
        for (text, form, side, amount) in [
            (">0.5", Form::Float, Side::Above, float(0.5)),
            ("<=5.", Form::Float, Side::AtMost, float(5.0)),
            (">=-.25", Form::Float, Side::AtLeast, float(-0.25)),
            ("<+12", Form::Float, Side::Below, float(12.0)),
            (">=12", Form::Whole, Side::AtLeast, Amount::Whole(12)),
            ("<-7", Form::Whole, Side::Below, Amount::Whole(-7)),
            (
                "<99999999999999999999",
                Form::Whole,
                Side::Below,
                float(1e20),
            ),
        ] {
            let bound = Bound { side, amount };
            assert_eq!(Bound::parse(text, form), Ok(bound), "{text}");
        }
        for text in [
            "", "5", ">", "=5", "==5", "<>5", "> 5", ">5 ", ">.", ">1e3", ">inf", ">--1", ">+",
            ">1.2.3", ">0x1", ">1-", ">٣",
        ] {
            assert!(Bound::parse(text, Form::Float).is_err(), "{text}");
        }
        for text in [">1.0", ">.5", ">1.", ">"] {
            assert!(Bound::parse(text, Form::Whole).is_err(), "{text}");
        }
    }

    #[test]
    fn an_order_needs_the_kind_of_data_and_a_known_attribute() {
        let order = |attribute: &str, kind| {
            let sort = Sort::try_from(format!("-{attribute}")).unwrap();
            PatientOrder::of(&sort, kind, Period::Week).map(|order| order.by)
        };
        let (cgm, bgm) = (Some(Kind::Cgm), Some(Kind::Bgm));
        assert_eq!(order("fullName", bgm), Ok(OrderKey::FullName));
        assert_eq!(order("fullName", None), Err(Refusal::SortWithoutType));
        assert_eq!(
            order("lastData", bgm),
            Ok(OrderKey::Time(Kind::Bgm, "lastData"))
        );
        assert_eq!(
            order("timeInTargetPercentDelta", cgm),
            Ok(OrderKey::Number(
                Kind::Cgm,
                Period::Week,
                "timeInTargetPercentDelta"
            ))
        );
        for (attribute, kind) in [
            ("email", cgm),
            ("hasTimeInLowPercent", cgm),
            ("timeCGMUseMinutes", cgm),
            ("hoursWithData", bgm),
            ("daysWithData", bgm),
            ("firstDataDelta", cgm),
            ("fullname", cgm),
        ] {
            assert_eq!(
                order(attribute, kind),
                Err(Refusal::UnknownSort),
                "{attribute}"
            );
        }
    }

    #[test]
    fn what_is_no_id_is_left_out() {
        let id = "5f8f8f8f8f8f8f8f8f8f8f8f";
        let tag: TagId = id.parse().unwrap();
        assert_eq!(ids::<TagId>(id), [tag]);
        let list = format!("none,{},,{id}", id.to_uppercase());
        assert_eq!(ids::<TagId>(&list), [tag, tag]);
        assert_eq!(ids::<TagId>("none"), []);
    }

    #[test]
    fn a_text_may_be_too_long_to_be_searched_for() {
        assert!(SearchText::try_from("é".repeat(1_000)).is_ok());
        assert!(SearchText::try_from("e".repeat(1_001)).is_err());
        assert!(PatientFilter::default().is_empty());
    }
}

//! What the data of a patient says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::summary::{Field, Form, Kind, fields, position};

/// What the data says, by how it was measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) cgm: Option<Stats>,
    pub(crate) bgm: Option<Stats>,
}

/// What the data of one kind says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stats {
    pub(crate) id: Option<String>,
    pub(crate) thresholds: Thresholds,
    pub(crate) dates: Dates,
    /// By their names, such as `14d`.
    pub(crate) periods: BTreeMap<String, Numbers>,
}

/// By which rules it was made; thresholds in mmol/L, 0 where nothing was said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Thresholds {
    pub(crate) schema_version: i64,
    pub(crate) very_low: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) very_high: f64,
}

/// When data came and when it was summarized.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the contract has a flag beside each time"
)]
pub(crate) struct Dates {
    pub(crate) has_first_data: bool,
    pub(crate) has_last_data: bool,
    pub(crate) has_last_upload_date: bool,
    pub(crate) has_outdated_since: bool,
    pub(crate) first_data: Option<DateTime<Utc>>,
    pub(crate) last_data: Option<DateTime<Utc>>,
    pub(crate) last_upload_date: Option<DateTime<Utc>>,
    pub(crate) last_updated_date: Option<DateTime<Utc>>,
    pub(crate) outdated_since: Option<DateTime<Utc>>,
    pub(crate) outdated_since_limit: Option<DateTime<Utc>>,
    pub(crate) last_updated_reason: Option<Vec<String>>,
    pub(crate) outdated_reason: Option<Vec<String>>,
}

/// A number or a flag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Float(f64),
    Whole(i64),
    Flag(bool),
}

impl Value {
    /// What a value of this form is where it must be there and nothing was said.
    fn none(form: Form) -> Self {
        match form {
            Form::Float => Self::Float(0.0),
            Form::Whole => Self::Whole(0),
            Form::Flag => Self::Flag(false),
        }
    }
}

/// The numbers of a period.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    kind: Kind,
    /// In the order of [`fields`].
    values: Vec<Option<Value>>,
}

impl Numbers {
    /// None but those that every period has.
    pub(crate) fn new(kind: Kind) -> Self {
        let value = |field: &Field| field.is_required.then(|| Value::none(field.form));
        let values = fields(kind).iter().map(value).collect();
        Self { kind, values }
    }

    /// None at all.
    pub(crate) fn unsaid(kind: Kind) -> Self {
        let values = vec![None; fields(kind).len()];
        Self { kind, values }
    }

    /// The name of a number that every period has, and this one has not.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let mut fields = fields(self.kind).iter().zip(&self.values);
        let missing = fields.find(|(field, value)| field.is_required && value.is_none());
        missing.map(|(field, _)| field.name.as_str())
    }

    /// Notes what is called `name`, if anything is, as `read` has it in this form.
    pub(crate) fn note(&mut self, name: &str, read: impl FnOnce(Form) -> Option<Value>) {
        if let Some(position) = position(self.kind, name)
            && let Some(value) = read(fields(self.kind)[position].form)
        {
            self.values[position] = Some(value);
        }
    }

    /// The number that is called `name`.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.values[position(self.kind, name)?]? {
            Value::Float(number) => Some(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "such large numbers are not stored"
            )]
            Value::Whole(number) => Some(number as f64),
            Value::Flag(_) => None,
        }
    }

    /// Each value with its name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let fields = fields(self.kind).iter().zip(&self.values);
        fields.filter_map(|(field, value)| Some((field.name.as_str(), (*value)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Numbers, Value};
    use crate::domain::summary::{Form, Kind};

    #[test]
    fn a_period_has_what_was_noted_and_what_must_be_there() {
        let mut numbers = Numbers::new(Kind::Bgm);
        numbers.note("timeInLowPercent", |_| Some(Value::Float(0.5)));
        numbers.note("hasTimeInLowPercent", |_| Some(Value::Flag(true)));
        numbers.note("totalRecords", |form| {
            assert_eq!(form, Form::Whole);
            None
        });
        numbers.note("totalHours", |_| panic!("it is not known"));
        let named: BTreeMap<&str, Value> = numbers.named().collect();
        assert_eq!(named.get("timeInLowPercent"), Some(&Value::Float(0.5)));
        assert_eq!(named.get("hasTimeInLowPercent"), Some(&Value::Flag(true)));
        assert_eq!(named.get("hasTotalRecords"), Some(&Value::Flag(false)));
        assert_eq!(named.get("min"), Some(&Value::Float(0.0)));
        assert_eq!(named.get("daysWithData"), Some(&Value::Whole(0)));
        for absent in ["totalRecords", "standardDeviation", "totalHours"] {
            assert_eq!(named.get(absent), None, "{absent}");
        }
    }
}

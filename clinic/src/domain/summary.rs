//! What summaries of a patient's data say, and under which names. One table has them: families of
//! numbers, of which each stands beside its change since the period before, and some are there once
//! for each range of glucose.

use std::{collections::HashMap, fmt, sync::LazyLock};

use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{Object, ObjectBuilder, Type},
};

use self::{
    Form::{Float, Whole},
    Presence::{Flagged, Optional, Required},
};

/// By what the data was measured: continuously, or by the finger-stick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Cgm,
    Bgm,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Cgm, Self::Bgm];

    /// The name in requests; in documents `Stats` follows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cgm => "cgm",
            Self::Bgm => "bgm",
        }
    }
}

/// The days that the numbers are about, counted back from the last data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum Period {
    #[serde(rename = "1d")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[default]
    #[serde(rename = "14d")]
    TwoWeeks,
    #[serde(rename = "30d")]
    Month,
}

impl Period {
    pub(crate) const ALL: [Self; 4] = [Self::Day, Self::Week, Self::TwoWeeks, Self::Month];

    /// The name in requests and documents.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "7d",
            Self::TwoWeeks => "14d",
            Self::Month => "30d",
        }
    }
}

/// What is kept under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Float,
    Whole,
    /// Whether the number is there.
    Flag,
}

/// Something that is said of a period.
#[derive(PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// Whether clients find it in every period.
    pub(crate) is_required: bool,
    /// Whether lists of patients are sorted by it.
    pub(crate) is_sorted_by: bool,
}

impl Field {
    pub(crate) fn is_number(&self) -> bool {
        self.form != Form::Flag
    }
}

/// A period of which all `fields` may be said, and those must be that `is_required` says.
pub(crate) fn schema(fields: &[Field], is_required: impl Fn(&Field) -> bool) -> Object {
    let period = ObjectBuilder::new().description(Some("The numbers of a period."));
    let add = |period: ObjectBuilder, field: &Field| {
        let kind = match field.form {
            Form::Float => Type::Number,
            Form::Whole => Type::Integer,
            Form::Flag => Type::Boolean,
        };
        let period = period.property(&field.name, ObjectBuilder::new().schema_type(kind));
        if is_required(field) {
            period.required(&field.name)
        } else {
            period
        }
    };
    fields.iter().fold(period, add).build()
}

impl fmt::Debug for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Everything that is said of a period.
pub(crate) fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Cgm => &CGM,
        Kind::Bgm => &BGM,
    }
}

/// What is called `name`.
pub(crate) fn field(kind: Kind, name: &str) -> Option<&'static Field> {
    Some(&fields(kind)[position(kind, name)?])
}

/// Where in [`fields`] what is called `name` stands.
pub(crate) fn position(kind: Kind, name: &str) -> Option<usize> {
    let positions = match kind {
        Kind::Cgm => &*CGM_POSITIONS,
        Kind::Bgm => &*BGM_POSITIONS,
    };
    positions.get(name).copied()
}

static CGM: LazyLock<Vec<Field>> = LazyLock::new(|| fields_of(Kind::Cgm));
static BGM: LazyLock<Vec<Field>> = LazyLock::new(|| fields_of(Kind::Bgm));
static CGM_POSITIONS: LazyLock<Positions> = LazyLock::new(|| positions(&CGM));
static BGM_POSITIONS: LazyLock<Positions> = LazyLock::new(|| positions(&BGM));

type Positions = HashMap<&'static str, usize>;

fn positions(fields: &'static [Field]) -> Positions {
    let fields = fields.iter().enumerate();
    fields
        .map(|(position, field)| (field.name.as_str(), position))
        .collect()
}

/// Numbers with one form, each with its change, which has `Delta` at the end of its name.
struct Family {
    /// With `*` where the name of each range stands.
    name: &'static str,
    form: Form,
    cgm: Presence,
    /// `None`: it is not said of the finger-stick.
    bgm: Option<Presence>,
    /// Of which data lists are sorted by it.
    sorted: &'static [Kind],
}

/// Whether a number is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// Always.
    Required,
    /// Perhaps.
    Optional,
    /// Perhaps, which a flag says that is always there: its name with `has` in front.
    Flagged,
}

const RANGES: [&str; 8] = [
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
];

const FAMILIES: [Family; 16] = [
    both("timeIn*Percent", Float, Flagged),
    both("timeIn*Records", Whole, Flagged),
    cgm("timeIn*Minutes", Whole, Flagged),
    cgm("timeCGMUsePercent", Float, Flagged),
    cgm("timeCGMUseMinutes", Whole, Flagged).sorting(&[]),
    cgm("timeCGMUseRecords", Whole, Flagged).sorting(&[]),
    both("averageGlucoseMmol", Float, Flagged),
    cgm("glucoseManagementIndicator", Float, Flagged),
    both("averageDailyRecords", Float, Flagged),
    both("totalRecords", Whole, Flagged),
    both("min", Float, Required),
    both("max", Float, Required),
    both("daysWithData", Whole, Required).sorting(&[Kind::Cgm]),
    cgm("hoursWithData", Whole, Required),
    both("standardDeviation", Float, Required).in_bgm(Optional),
    both("coefficientOfVariation", Float, Required).in_bgm(Optional),
];

const fn both(name: &'static str, form: Form, presence: Presence) -> Family {
    let bgm = Some(presence);
    let sorted = &Kind::ALL;
    Family {
        bgm,
        sorted,
        ..cgm(name, form, presence)
    }
}

const fn cgm(name: &'static str, form: Form, presence: Presence) -> Family {
    Family {
        name,
        form,
        cgm: presence,
        bgm: None,
        sorted: &[Kind::Cgm],
    }
}

impl Family {
    const fn in_bgm(self, presence: Presence) -> Self {
        let bgm = Some(presence);
        Self { bgm, ..self }
    }

    const fn sorting(self, sorted: &'static [Kind]) -> Self {
        Self { sorted, ..self }
    }
}

fn fields_of(kind: Kind) -> Vec<Field> {
    let of_family = |family: &Family| {
        let presence = match kind {
            Kind::Cgm => Some(family.cgm),
            Kind::Bgm => family.bgm,
        };
        presence.map_or_else(Vec::new, |presence| {
            let is_sorted_by = family.sorted.contains(&kind);
            let names = names(family.name).into_iter();
            names
                .flat_map(|name| fields_called(&name, family.form, presence, is_sorted_by))
                .collect()
        })
    };
    FAMILIES.iter().flat_map(of_family).collect()
}

/// The names of a family, without those of the changes.
fn names(family: &str) -> Vec<String> {
    if family.contains('*') {
        RANGES.map(|range| family.replace('*', range)).into()
    } else {
        vec![family.to_owned()]
    }
}

/// A number, its change and its flag.
fn fields_called(name: &str, form: Form, presence: Presence, is_sorted_by: bool) -> Vec<Field> {
    let number = |name: String| Field {
        name,
        form,
        is_required: presence == Presence::Required,
        is_sorted_by,
    };
    let mut fields = vec![number(name.to_owned()), number(format!("{name}Delta"))];
    if presence == Presence::Flagged {
        let (first, rest) = name.split_at(1);
        fields.push(Field {
            name: format!("has{}{rest}", first.to_ascii_uppercase()),
            form: Form::Flag,
            is_required: true,
            is_sorted_by: false,
        });
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::{Form, Kind, field, fields};

    #[test]
    fn there_are_as_many_fields_as_the_contract_has() {
        assert_eq!(fields(Kind::Cgm).len(), 105);
        assert_eq!(fields(Kind::Bgm).len(), 67);
    }

    #[test]
    fn fields_are_found_by_name() {
        for (name, form, is_required) in [
            ("timeInVeryLowPercent", Form::Float, false),
            ("timeInAnyHighRecordsDelta", Form::Whole, false),
            ("hasTimeInTargetMinutes", Form::Flag, true),
            ("hasTimeCGMUsePercent", Form::Flag, true),
            ("maxDelta", Form::Float, true),
            ("hoursWithData", Form::Whole, true),
        ] {
            let field = field(Kind::Cgm, name).unwrap();
            assert_eq!(
                (field.form, field.is_required),
                (form, is_required),
                "{name}"
            );
        }
        assert!(!field(Kind::Bgm, "standardDeviation").unwrap().is_required);
        for name in [
            "hasMin",
            "hoursWithData",
            "timeIn*Percent",
            "timeInTargetMinutes",
        ] {
            assert_eq!(field(Kind::Bgm, name), None, "{name}");
        }
    }
}

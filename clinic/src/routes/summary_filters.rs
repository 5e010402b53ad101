//! Bounds of numbers of summaries: parameters whose names and forms stand in the table of
//! `domain/summary.rs`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use shared_runtime::query::Parameters;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::domain::{
    patient_list::{Bound, NumberFilter},
    summary::{Field, Form, Kind, field, fields},
};

/// A bound for each number that a request names, such as `cgm.timeInTargetPercent`.
#[derive(Debug)]
pub(crate) struct SummaryFilters(pub(crate) Vec<NumberFilter>);

impl Parameters for SummaryFilters {}

impl IntoParams for SummaryFilters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let of_kind = |kind| numbers(kind).map(move |field| parameter(kind, field));
        Kind::ALL.into_iter().flat_map(of_kind).collect()
    }
}

fn numbers(kind: Kind) -> impl Iterator<Item = &'static Field> {
    fields(kind).iter().filter(|field| field.is_number())
}

fn parameter(kind: Kind, field: &Field) -> Parameter {
    let example = match field.form {
        Form::Float => ">=0.7",
        Form::Whole | Form::Flag => ">=7",
    };
    let bound = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(Bound::pattern(field.form)))
        .examples([example]);
    ParameterBuilder::new()
        .name(format!("{}.{}", kind.name(), field.name))
        .parameter_in(ParameterIn::Query)
        .description(Some("A bound of this number of the period."))
        .schema(Some(bound))
        .build()
}

/// The number that the parameter `name` is about.
fn number_of(name: &str) -> Option<(Kind, &'static Field)> {
    let (kind, name) = name.split_once('.')?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    let field = field(kind, name).filter(|field| field.is_number())?;
    Some((kind, field))
}

impl<'de> Deserialize<'de> for SummaryFilters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FiltersVisitor)
    }
}

struct FiltersVisitor;

impl<'de> Visitor<'de> for FiltersVisitor {
    type Value = SummaryFilters;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("parameters")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parameters: A) -> Result<SummaryFilters, A::Error> {
        let mut filters: Vec<NumberFilter> = Vec::new();
        while let Some(name) = parameters.next_key::<String>()? {
            let Some((kind, field)) = number_of(&name) else {
                parameters.next_value::<IgnoredAny>()?;
                continue;
            };
            let is_same = |other: &NumberFilter| other.kind == kind && other.field == field;
            let value = Value {
                form: field.form,
                is_repeated: filters.iter().any(is_same),
            };
            let bound = parameters.next_value_seed(value)?;
            filters.push(NumberFilter { kind, field, bound });
        }
        Ok(SummaryFilters(filters))
    }
}

/// The value of a parameter that is to be read.
struct Value {
    form: Form,
    is_repeated: bool,
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Bound;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bound, D::Error> {
        if self.is_repeated {
            return Err(de::Error::custom("is there more than once"));
        }
        let text = String::deserialize(deserializer)?;
        Bound::parse(&text, self.form).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared_runtime::query::parse;
    use utoipa::IntoParams;

    use super::SummaryFilters;

    #[test]
    fn every_number_of_a_summary_has_a_parameter() {
        let parameters = SummaryFilters::into_params(|| None);
        let names: BTreeSet<String> = parameters.iter().map(|it| it.name.clone()).collect();
        assert_eq!((parameters.len(), names.len()), (122, 122));
        for name in &names {
            let query = format!("other=&{name}=%3E%3D5");
            let read: SummaryFilters = parse(&query).unwrap();
            let [filter] = read.0.as_slice() else {
                panic!("{name}");
            };
            assert_eq!(
                format!("{}.{}", filter.kind.name(), filter.field.name),
                *name
            );
        }
    }

    #[test]
    fn a_bound_that_is_refused_is_named() {
        for (query, name, problem) in [
            ("cgm.max=", "cgm.max", "must not be empty"),
            (
                "cgm.max=5",
                "cgm.max",
                "expected >, >=, < or <= and a number",
            ),
            (
                "bgm.totalRecords=>1.5",
                "bgm.totalRecords",
                "expected >, >=, < or <= and a whole number",
            ),
            (
                "bgm.max=>1&cgm.max=>1&bgm.max=>2",
                "bgm.max",
                "is there more than once",
            ),
        ] {
            let invalid = parse::<SummaryFilters>(query).unwrap_err();
            assert_eq!(
                (invalid.name.as_str(), invalid.problem.as_str()),
                (name, problem)
            );
        }
        let others = "cgm.hasTimeInLowPercent=1&bgm.hoursWithData=1&max=1&cgm.=1&x.max=1";
        assert!(parse::<SummaryFilters>(others).unwrap().0.is_empty());
    }
}

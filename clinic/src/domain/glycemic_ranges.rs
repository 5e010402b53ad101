//! The ranges of glucose that are meant for a patient.

use std::ops::Not;

use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use utoipa::ToSchema;

use super::{clinic::BgUnits, text::Filled};

/// Ranges of the literature, or the patient's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenRanges", into = "WrittenRanges")]
pub(crate) enum GlycemicRanges {
    /// Ranges of the literature.
    Preset(Preset),
    /// The patient's own; `None`: nobody has said which.
    Custom(Option<CustomRanges>),
}

/// Whose ranges they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Kind {
    #[default]
    Preset,
    Custom,
}

/// Ranges of the literature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Preset {
    #[default]
    AdaStandard,
    AdaPregnancyType1,
    AdaPregnancyType2,
    AdaHighRisk,
}

/// A patient's own ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomRanges {
    name: Filled,
    thresholds: Vec<Threshold>,
}

/// Where a range ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Threshold {
    name: Filled,
    upper_bound: Bound,
    /// Whether the bound belongs to the range.
    #[serde(default, skip_serializing_if = "Not::not")]
    inclusive: bool,
}

/// An amount of glucose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
struct Bound {
    value: f64,
    units: BgUnits,
}

/// [`GlycemicRanges`] as they are written: by default of the literature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = GlycemicRanges)]
pub(crate) struct WrittenRanges {
    #[serde(rename = "type", default)]
    kind: Kind,
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    preset: Option<Preset>,
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    custom: Option<CustomRanges>,
}

impl From<WrittenRanges> for GlycemicRanges {
    fn from(written: WrittenRanges) -> Self {
        match written.kind {
            Kind::Preset => Self::Preset(written.preset.unwrap_or_default()),
            Kind::Custom => Self::Custom(written.custom),
        }
    }
}

impl From<GlycemicRanges> for WrittenRanges {
    fn from(ranges: GlycemicRanges) -> Self {
        match ranges {
            GlycemicRanges::Preset(preset) => Self {
                preset: Some(preset),
                ..Self::default()
            },
            GlycemicRanges::Custom(custom) => Self {
                kind: Kind::Custom,
                preset: None,
                custom,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::GlycemicRanges;

    fn written(json: Value) -> Option<Value> {
        let ranges: GlycemicRanges = serde_json::from_value(json).ok()?;
        serde_json::to_value(ranges).ok()
    }

    #[test]
    fn ranges_are_of_the_literature_unless_they_are_the_patients_own() {
        let standard = json!({"type": "preset", "preset": "adaStandard"});
        assert_eq!(written(json!({})), Some(standard.clone()));
        assert_eq!(written(json!({"type": "preset"})), Some(standard));
        let risk = json!({"type": "preset", "preset": "adaHighRisk"});
        assert_eq!(written(json!({"preset": "adaHighRisk"})), Some(risk));
        let bound = json!({"value": 3.9, "units": "mmol/L"});
        let threshold = json!({"name": "low", "upperBound": bound});
        let custom = json!({"name": "mine", "thresholds": [threshold]});
        let own = json!({"type": "custom", "custom": custom});
        assert_eq!(written(own.clone()), Some(own));
        assert_eq!(
            written(json!({"type": "custom"})),
            Some(json!({"type": "custom"}))
        );
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for json in [
            json!({"type": "other"}),
            json!({"preset": "ada"}),
            json!({"preset": null}),
            json!({"type": "custom", "custom": {"name": "", "thresholds": []}}),
            json!({"type": "custom", "custom": {"name": "mine"}}),
            json!({"type": "custom", "custom": {"name": "mine", "thresholds": [{"name": "low"}]}}),
        ] {
            assert_eq!(written(json.clone()), None, "{json}");
        }
    }
}

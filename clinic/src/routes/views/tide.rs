//! TIDE reports as clients see them.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use shared_types::{ClinicId, TagId, UserId};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, ObjectBuilder, RefOr, Schema},
};

use super::{
    patient::{DataSourceView, ReviewView},
    time,
};
use crate::domain::{
    patient::Patient,
    patient_summary::{Numbers, Value},
    summary::Period,
    tide::{Category, Selected, TideRequest},
};

/// The numbers of the period that a report shows of a patient, where they are there.
pub(crate) const SHOWN_NUMBERS: [&str; 13] = [
    "averageGlucoseMmol",
    "glucoseManagementIndicator",
    "timeCGMUseMinutes",
    "timeCGMUsePercent",
    "timeInVeryLowPercent",
    "timeInAnyLowPercent",
    "timeInLowPercent",
    "timeInTargetPercent",
    "timeInTargetPercentDelta",
    "timeInHighPercent",
    "timeInVeryHighPercent",
    "timeInExtremeHighPercent",
    "timeInAnyHighPercent",
];

/// The categories whose rules a report shows, whichever are asked for.
const SHOWN_RULES: [Category; 5] = [
    Category::TimeInVeryLowPercent,
    Category::TimeInAnyLowPercent,
    Category::DropInTimeInTargetPercent,
    Category::TimeInTargetPercent,
    Category::TimeCgmUsePercent,
];

/// At whose data somebody should look first, by why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TideReport)]
pub(crate) struct TideReportView {
    config: TideConfigView,
    results: TideResultsView,
}

/// What was asked for, and by which rules a report is made; thresholds in mmol/L.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TideConfig)]
struct TideConfigView {
    schema_version: u8,
    clinic_id: ClinicId,
    #[schema(inline)]
    period: Period,
    last_data_cutoff: String,
    tags: Vec<TagId>,
    very_low_glucose_threshold: f64,
    low_glucose_threshold: f64,
    high_glucose_threshold: f64,
    very_high_glucose_threshold: f64,
    extreme_high_glucose_threshold: f64,
    /// The bounds of some categories, by their names.
    filters: TideFiltersView,
}

#[derive(Debug)]
struct TideFiltersView;

impl Serialize for TideFiltersView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rules = SHOWN_RULES.map(|category| (category, category.rule().first.shown()));
        serializer.collect_map(rules)
    }
}

impl ToSchema for TideFiltersView {
    fn name() -> Cow<'static, str> {
        "TideFilters".into()
    }
}

impl PartialSchema for TideFiltersView {
    fn schema() -> RefOr<Schema> {
        BTreeMap::<String, String>::schema()
    }
}

/// The lists, by the names of the categories, and `noData`.
#[derive(Debug)]
struct TideResultsView(Selected<TidePatientView>);

impl Serialize for TideResultsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lists = serializer.serialize_map(None)?;
        for (category, patients) in &self.0.categories {
            lists.serialize_entry(category, patients)?;
        }
        if let Some(patients) = &self.0.without_data {
            lists.serialize_entry("noData", patients)?;
        }
        lists.end()
    }
}

impl ToSchema for TideResultsView {
    fn name() -> Cow<'static, str> {
        "TideResults".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((TidePatientView::name().into(), TidePatientView::schema()));
        TidePatientView::schemas(schemas);
    }
}

impl PartialSchema for TideResultsView {
    fn schema() -> RefOr<Schema> {
        BTreeMap::<String, Vec<TidePatientView>>::schema()
    }
}

/// A patient in a report.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TideResult)]
struct TidePatientView {
    patient: PersonView,
    /// When the last data of the sensor came.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_data: Option<String>,
    #[serde(flatten)]
    #[schema(inline)]
    numbers: ShownNumbers,
}

/// Who the patient is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TidePatient)]
struct PersonView {
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    tags: Vec<TagId>,
    /// The newest first.
    reviews: Vec<ReviewView>,
    data_sources: Option<Vec<DataSourceView>>,
}

/// Those of [`SHOWN_NUMBERS`] that are there.
#[derive(Debug)]
struct ShownNumbers(Vec<(&'static str, Value)>);

impl Serialize for ShownNumbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl ToSchema for ShownNumbers {}

impl PartialSchema for ShownNumbers {
    fn schema() -> RefOr<Schema> {
        let numbers = SHOWN_NUMBERS
            .into_iter()
            .fold(ObjectBuilder::new(), |numbers, name| {
                let number = ObjectBuilder::new().schema_type(utoipa::openapi::Type::Number);
                numbers.property(name, number)
            });
        let numbers: Object = numbers.build();
        RefOr::T(Schema::Object(numbers))
    }
}

impl TideReportView {
    pub(crate) fn new(
        clinic_id: ClinicId,
        request: TideRequest,
        listed: Selected<Patient>,
    ) -> Self {
        let period = request.period;
        let shown = |patients: Vec<Patient>| {
            let patients = patients.into_iter();
            patients
                .map(|patient| TidePatientView::new(patient, period))
                .collect()
        };
        let categories = listed.categories.into_iter();
        Self {
            config: TideConfigView {
                schema_version: 2,
                clinic_id,
                period,
                last_data_cutoff: time(request.last_data_cutoff),
                tags: request.tags,
                very_low_glucose_threshold: 3.0,
                low_glucose_threshold: 3.9,
                high_glucose_threshold: 10.0,
                very_high_glucose_threshold: 13.9,
                extreme_high_glucose_threshold: 19.4,
                filters: TideFiltersView,
            },
            results: TideResultsView(Selected {
                categories: categories
                    .map(|(category, patients)| (category, shown(patients)))
                    .collect(),
                without_data: listed.without_data.map(shown),
            }),
        }
    }
}

impl TidePatientView {
    fn new(patient: Patient, period: Period) -> Self {
        let cgm = patient.summary.and_then(|summary| summary.cgm);
        let last_data = cgm.as_ref().and_then(|cgm| cgm.dates.last_data);
        let numbers = cgm.as_ref().and_then(|cgm| cgm.periods.get(period.name()));
        let numbers = numbers.into_iter().flat_map(Numbers::named);
        let numbers = numbers.filter(|(name, _)| SHOWN_NUMBERS.contains(name));
        let sources = patient.data_sources;
        Self {
            last_data: last_data.map(time),
            numbers: ShownNumbers(numbers.collect()),
            patient: PersonView {
                id: patient.user_id,
                full_name: patient.full_name,
                email: patient.email,
                tags: patient.tags,
                reviews: patient.reviews.into_iter().map(Into::into).collect(),
                data_sources: sources.map(|sources| sources.into_iter().map(Into::into).collect()),
            },
        }
    }
}

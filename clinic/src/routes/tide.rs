//! The TIDE report of a clinic.

use actix_web::web::{Json, Path};
use chrono::{SubsecRound as _, Utc};
use serde::{
    Deserialize,
    de::{IntoDeserializer as _, value::Error as InvalidName},
};
use shared_runtime::{
    error::{ApiError, OrFail as _},
    query::{Parameters, Query},
};
use shared_types::TagId;
use utoipa::IntoParams;

use super::{
    State,
    parameters::ClinicPath,
    refusals::Refusals,
    views::{SHOWN_NUMBERS, TideReportView},
};
use crate::{
    domain::{
        Refusal,
        instant::Instant,
        summary::Period,
        tide::{Category, TideRequest},
    },
    error::Failure,
};

/// Whom a report lists.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct TideQuery {
    /// The days that the numbers are about.
    #[param(inline)]
    period: Period,
    /// Ids, separated by commas, of tags that a patient must have, all of them.
    #[param(value_type = String, pattern = "^[a-f0-9]{24}(,[a-f0-9]{24})*$")]
    tags: Tags,
    /// From when on the last data of the sensor is, of those who are listed by category.
    #[param(inline)]
    last_data_cutoff: Instant,
    /// Names of categories, separated by commas. Whoever is in several is listed in the first of them.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z]+(,[A-Za-z]+)*$")]
    categories: Option<Categories>,
    /// Whether those of whom there is no data are left out.
    #[serde(default)]
    exclude_no_data: bool,
}

impl Parameters for TideQuery {}

/// Tags, one at least.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Tags(Vec<TagId>);

impl TryFrom<String> for Tags {
    type Error = &'static str;

    fn try_from(list: String) -> Result<Self, Self::Error> {
        // Ids are written in lower case here.
        let read = |id: &str| {
            let tag = id.parse().ok();
            tag.filter(|_| !id.bytes().any(|byte| byte.is_ascii_uppercase()))
        };
        let tags: Option<Vec<TagId>> = list.split(',').map(read).collect();
        tags.map(Self).ok_or("expected ids of tags and commas")
    }
}

/// Categories, one at least.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Categories(Vec<Category>);

impl TryFrom<String> for Categories {
    type Error = InvalidName;

    fn try_from(list: String) -> Result<Self, InvalidName> {
        let read = |name: &str| Category::deserialize(name.into_deserializer());
        let categories: Result<Vec<Category>, InvalidName> = list.split(',').map(read).collect();
        Ok(Self(categories?))
    }
}

impl TideQuery {
    fn request(self) -> Result<TideRequest, Refusal> {
        let cutoff = self.last_data_cutoff.unless_zero();
        let categories = self.categories.map(|categories| categories.0);
        Ok(TideRequest {
            period: self.period,
            tags: self.tags.0,
            // As exact as the times that it is compared with.
            last_data_cutoff: cutoff.ok_or(Refusal::NoCutoff)?.trunc_subsecs(3),
            categories: categories.unwrap_or_else(|| Category::DEFAULT.to_vec()),
            excludes_no_data: self.exclude_no_data,
        })
    }
}

/// `GET /v1/clinics/{clinicId}/tide_report`: at whose data somebody should look first, by why.
///
/// Whoever has all of `tags` and data since `lastDataCutoff` is listed in the first category that fits, at
/// most 100 patients in all; when there are as many, further categories are missing. `noData` lists up to
/// 50 patients of whom data is missed, whose data is the oldest first.
///
/// For the clinic's members and services. Response: 200, `config` with what was asked for and the rules,
/// and `results` with the lists; lists are empty where there is no such clinic.
/// Errors: 400 a parameter is missing or breaks a rule; otherwise as every operation.
/// Source: clinics API, `TideReport`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/tide_report", tag = "patients",
    params(ClinicPath, TideQuery),
    responses((status = 200, description = "The report.", body = TideReportView), Refusals),
)]
pub(crate) async fn report_tide(
    path: Path<ClinicPath>,
    query: Query<TideQuery>,
    state: State,
) -> Result<Json<TideReportView>, ApiError> {
    let request = query.read()?.request()?;
    let clinic = path.clinic_id;
    let patients = &state.store.patients;
    let listed = patients
        .report(clinic, &request, &SHOWN_NUMBERS, Utc::now())
        .await
        .or_fail(Failure)?;
    Ok(Json(TideReportView::new(clinic, request, listed)))
}

#[cfg(test)]
mod tests {
    use shared_runtime::query::parse;

    use super::TideQuery;
    use crate::domain::{Refusal, tide::Category};

    const TAG: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

    #[test]
    fn a_report_is_about_days_tags_and_a_time() {
        let cutoff = "lastDataCutoff=2030-01-02T03:04:05Z";
        let whole = format!("period=7d&tags={TAG},{TAG}&{cutoff}");
        let request = parse::<TideQuery>(&whole).unwrap().request().unwrap();
        assert_eq!(request.tags.len(), 2);
        assert_eq!(request.categories, Category::DEFAULT);
        assert!(!request.excludes_no_data);

        let named = format!("{whole}&categories=meetingTargets,timeCGMUsePercent");
        let request = parse::<TideQuery>(&named).unwrap().request().unwrap();
        let categories = [Category::MeetingTargets, Category::TimeCgmUsePercent];
        assert_eq!(request.categories, categories);

        let zero = format!("period=7d&tags={TAG}&lastDataCutoff=0001-01-01T00:00:00Z");
        let refused = parse::<TideQuery>(&zero).unwrap().request();
        assert_eq!(refused, Err(Refusal::NoCutoff));
        for (query, name) in [
            (format!("tags={TAG}&{cutoff}"), "period"),
            (format!("period=7d&{cutoff}"), "tags"),
            (format!("period=7d&tags={TAG}"), "lastDataCutoff"),
            (format!("period=2d&tags={TAG}&{cutoff}"), "period"),
            (format!("period=7d&tags={TAG},&{cutoff}"), "tags"),
            (
                format!("period=7d&tags={}&{cutoff}", TAG.to_uppercase()),
                "tags",
            ),
            (format!("{whole}&categories=noData"), "categories"),
            (format!("{whole}&categories=meetingTargets,"), "categories"),
        ] {
            let invalid = parse::<TideQuery>(&query).err().unwrap();
            assert_eq!(invalid.name, name, "{query}: {}", invalid.problem);
        }
    }
}

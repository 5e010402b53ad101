//! Lists of patients: of a clinic, and of all clinics that the caller works for.

use actix_web::web::{Json, Path};
use serde::Deserialize;
use shared_runtime::{
    auth::User,
    error::{ApiError, OrFail as _},
    query::{Limit, Offset, Parameters, Query, Sort},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    State,
    parameters::ClinicPath,
    refusals::Refusals,
    summary_filters::SummaryFilters,
    views::{PatientRelation, PatientsView},
};
use crate::{
    domain::{
        Refusal,
        instant::Instant,
        patient_list::{PatientFilter, PatientOrder, SearchText, Span, ids},
        summary::{Kind, Period},
    },
    error::Failure,
    store::PatientIdentity,
    use_cases::find_patients::{self, Workspace},
};

/// Which patients of a clinic are listed, and in which order.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct PatientList {
    /// How many are left out.
    #[serde(default)]
    offset: Offset,
    /// How many are shown.
    #[serde(default)]
    limit: Limit,
    /// A part of the name, the address, the medical record number or the birth date, in whatever case.
    #[param(inline)]
    search: Option<SearchText>,
    /// Ids, separated by commas, of tags that a patient must have, all of them. Without any id:
    /// patients without tags.
    tags: Option<String>,
    /// Ids, separated by commas, of sites, one of which a patient must be of. Without any id: patients
    /// of no site.
    sites: Option<String>,
    /// Whether patients are left out for whom other ranges than the usual ones are meant.
    #[serde(default)]
    omit_non_standard_ranges: bool,
    /// When the newest review was made at the latest.
    #[param(inline)]
    last_reviewed: Option<Instant>,
    /// The days that bounds and orders by numbers are about.
    #[serde(default)]
    #[param(inline)]
    period: Period,
    /// Which data the order is about. It must be there where `sort` is.
    #[param(inline)]
    sort_type: Option<Kind>,
    /// `+` or `-` and by what: `fullName`, `birthDate`, `lastReviewed`, a time or a number of the
    /// summary. In a URL the plus sign is written `%2B`. By name where it is absent.
    #[param(value_type = Option<String>)]
    sort: Option<Sort>,
    /// From when on the last data of the sensor is.
    #[serde(rename = "cgm.lastDataFrom")]
    #[param(inline)]
    cgm_from: Option<Instant>,
    /// Before when the last data of the sensor is.
    #[serde(rename = "cgm.lastDataTo")]
    #[param(inline)]
    cgm_to: Option<Instant>,
    /// From when on the last data of the meter is.
    #[serde(rename = "bgm.lastDataFrom")]
    #[param(inline)]
    bgm_from: Option<Instant>,
    /// Before when the last data of the meter is.
    #[serde(rename = "bgm.lastDataTo")]
    #[param(inline)]
    bgm_to: Option<Instant>,
}

impl Parameters for PatientList {}

impl PatientList {
    fn order(&self) -> Result<PatientOrder, Refusal> {
        match &self.sort {
            None => Ok(PatientOrder::DEFAULT),
            Some(sort) => PatientOrder::of(sort, self.sort_type, self.period),
        }
    }

    fn filter(self, numbers: SummaryFilters) -> PatientFilter {
        let time = |time: Option<Instant>| time.and_then(Instant::unless_zero);
        let last_data = [
            (Kind::Cgm, self.cgm_from, self.cgm_to),
            (Kind::Bgm, self.bgm_from, self.bgm_to),
        ];
        let last_data = last_data.map(|(kind, from, to)| {
            let (from, to) = (time(from), time(to));
            (kind, Span { from, to })
        });
        let is_bounded = |(_, span): &(Kind, Span)| *span != Span::default();
        PatientFilter {
            search: self.search,
            tags: self.tags.as_deref().map(ids),
            sites: self.sites.as_deref().map(ids),
            omits_other_ranges: self.omit_non_standard_ranges,
            reviewed_until: self.last_reviewed.map(|time| time.0),
            last_data: last_data.into_iter().filter(is_bounded).collect(),
            period: self.period,
            numbers: numbers.0,
        }
    }
}

/// `GET /v1/clinics/{clinicId}/patients`: the patients of a clinic, by name unless `sort` says
/// otherwise. Those who have not what they are sorted by come last, those who are equal in the order in
/// which they were enrolled.
///
/// For the clinic's members and services. Response: 200, `data` with a part of the list, and `meta`
/// with the length of the list (`count`) and the number of all patients of the clinic (`totalCount`).
/// Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `ListPatients`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/patients", tag = "patients",
    params(ClinicPath, PatientList, SummaryFilters),
    responses((status = 200, description = "The patients.", body = PatientsView), Refusals),
)]
pub(crate) async fn list_patients(
    path: Path<ClinicPath>,
    list: Query<PatientList>,
    numbers: Query<SummaryFilters>,
    state: State,
) -> Result<Json<PatientsView>, ApiError> {
    let (list, numbers) = (list.read()?, numbers.read()?);
    let order = list.order()?;
    let (offset, limit) = (list.offset.get(), list.limit.get());
    let filter = list.filter(numbers);
    let patients = &state.store.patients;
    let page = patients
        .list(path.clinic_id, &filter, order, offset, limit)
        .await
        .or_fail(Failure)?;
    Ok(Json(page.into()))
}

/// What kind of id names a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum WorkspaceIdType {
    /// Of a clinic.
    ClinicId,
    /// Under which hospital records know a clinic.
    EhrSourceId,
}

/// Whom the caller looks for.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct PatientSearch {
    /// How many are left out.
    #[serde(default)]
    offset: Offset,
    /// How many are shown.
    #[serde(default)]
    limit: Limit,
    /// The medical record number, in whatever case.
    mrn: Option<String>,
    /// The birth date.
    birth_date: Option<String>,
    /// The only clinics that are looked at.
    workspace_id: Option<String>,
    /// What `workspaceId` is. It must be there where that is.
    #[param(inline)]
    workspace_id_type: Option<WorkspaceIdType>,
}

impl Parameters for PatientSearch {}

impl PatientSearch {
    fn workspace(&self) -> Result<Option<Workspace>, Refusal> {
        let Some(id) = self.workspace_id.clone() else {
            return Ok(None);
        };
        match self.workspace_id_type {
            Some(WorkspaceIdType::ClinicId) => Ok(Some(Workspace::Clinic(id))),
            Some(WorkspaceIdType::EhrSourceId) => Ok(Some(Workspace::Source(id))),
            None => Err(Refusal::WorkspaceWithoutType),
        }
    }
}

/// `GET /v1/patients`: patients of all clinics that the caller works for, at most a thousand of them,
/// by name.
///
/// For users. Response: 200, an array of `{clinic, patient}`; empty when there is none.
/// Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `FindPatients`.
#[utoipa::path(
    get, path = "/v1/patients", tag = "patients", params(PatientSearch),
    responses((status = 200, description = "The patients.", body = Vec<PatientRelation>), Refusals),
)]
pub(crate) async fn find_patients(
    caller: User,
    query: Query<PatientSearch>,
    state: State,
) -> Result<Json<Vec<PatientRelation>>, ApiError> {
    let search = query.read()?;
    let workspace = search.workspace()?;
    let part = (search.offset.get(), search.limit.get());
    let identity = PatientIdentity {
        mrn: search.mrn,
        birth_date: search.birth_date,
    };
    let found =
        find_patients::find_patients(&state, &caller.id, workspace.as_ref(), &identity, part);
    Ok(Json(found.await?.into_iter().map(Into::into).collect()))
}

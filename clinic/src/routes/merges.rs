//! Clinics that become one: what a merge would do, that it be done, and how far it is.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT, CONTENT_DISPOSITION},
    web::{Json, Path},
};
use shared_runtime::{
    auth::Operator,
    error::{ApiError, OrFail as _},
};

use super::{
    State,
    body::Required,
    merge_workbook::workbook,
    parameters::ClinicPath,
    refusals::{Bodies, Merging, Missing, Refusals},
    views::{MergePlanView, MergeView},
};
use crate::{
    domain::{
        merge::{MergeDetails, ReportDetails},
        text::Filled,
    },
    error::Failure,
    use_cases::{merge_clinics, plan_merge},
};

/// `POST /v1/clinics/{clinicId}/reports/merge`: what a merge of another clinic into this one would do,
/// and whether it may be done. Nothing is changed.
///
/// For services. Body: `sourceId`, the clinic that would go. Response: 200, the plan: with the header
/// `Accept: application/json` as JSON, whose `planHash` stands for the plan, `canExecute` and `reasons`
/// say whether it may be carried out and why not; otherwise as a workbook for spreadsheet programs.
/// Errors: 400 both are the same clinic; 404 there is no such clinic; 422 one of both has no name;
/// otherwise as every operation. Source: clinics API, `GenerateMergeReport`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/reports/merge", tag = "merges", params(ClinicPath),
    request_body = ReportDetails,
    responses(
        (status = 200, description = "The plan.", content(
            (Object = "application/json"),
            (Vec<u8> = "application/vnd.ms-excel"),
        )),
        Missing, Merging, Bodies, Refusals,
    ),
)]
pub(crate) async fn report_merge(
    request: HttpRequest,
    path: Path<ClinicPath>,
    body: Required<ReportDetails>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let plan = plan_merge::plan_merge(&state, path.clinic_id, body.0.source_id).await?;
    let accepted = request.headers().get(ACCEPT);
    if accepted.is_some_and(|accepted| accepted == "application/json") {
        return Ok(HttpResponse::Ok().json(MergePlanView::from(&plan)));
    }
    let name = format!("merge-report-{}.xlsx", plan.created_time.timestamp());
    // Off the threads that serve requests, since it takes a while for large clinics.
    let file = tokio::task::spawn_blocking(move || workbook(&plan))
        .await
        .or_fail(Failure)?
        .or_fail(Failure)?;
    let disposition = format!("attachment; filename={name}");
    Ok(HttpResponse::Ok()
        .content_type("application/vnd.ms-excel")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(file))
}

/// `POST /v1/clinics/{clinicId}/merge`: another clinic becomes a part of this one, with its patients,
/// clinicians, tags, sites and share codes.
///
/// For services. Body: `sourceId`, the clinic that goes; `planHash`, if that very plan is to be
/// carried out. Response: 200: the merge is done, or, of large clinics, certain and under way
/// (`merges.prompt_batches`). A repeat goes on with it while it is under way.
/// Errors: 400 both are the same clinic, or the plan does not allow it; 404 there is no such clinic;
/// 409 the plan no longer holds, or one of both is being merged with another clinic; 422 one of both
/// has no name; otherwise as every operation. Source: clinics API, `MergeClinic`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/merge", tag = "merges", params(ClinicPath),
    request_body = MergeDetails,
    responses(
        (status = 200, description = "The clinics are one, or are about to become one."),
        Missing, Merging, Bodies, Refusals,
    ),
)]
pub(crate) async fn merge_clinic(
    path: Path<ClinicPath>,
    body: Required<MergeDetails>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let MergeDetails {
        source_id,
        plan_hash,
    } = body.0;
    let (target, state) = (path.clinic_id, state.into_inner());
    // It goes on if whoever asked for it is gone: batches would have to wait for the lease otherwise.
    actix_web::rt::spawn(async move {
        let plan_hash = plan_hash.as_ref().map(Filled::as_str);
        merge_clinics::merge_clinics(&state, target, source_id, plan_hash).await
    })
    .await
    .or_fail(Failure)??;
    Ok(HttpResponse::Ok().finish())
}

/// `GET /internal/merges/{clinicId}`: the merges into a clinic or of one, with how far each is; the
/// newest first.
///
/// Response: 200, a list. Errors: 403 not an admitted operator; 500 the database failed.
/// Source: Tidegate, internal; for operators.
#[utoipa::path(
    get, path = "/internal/merges/{clinicId}", tag = "operations", params(ClinicPath),
    responses((status = 200, description = "The merges.", body = Vec<MergeView>), Refusals),
)]
pub(crate) async fn list_merges(
    _: Operator,
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<Vec<MergeView>>, ApiError> {
    let merges = state
        .store
        .merges
        .list(path.clinic_id)
        .await
        .or_fail(Failure)?;
    Ok(Json(merges.into_iter().map(Into::into).collect()))
}

//! Migrations: legacy accounts become clinics, and their patients those of the clinics.

use actix_web::web::{Json, Path};
use serde::Deserialize;
use shared_runtime::{
    error::{ApiError, OrFail as _},
    query::Query,
};
use shared_types::{ClinicId, UserId};
use utoipa::IntoParams;

use super::{
    State,
    body::{Optional, Required},
    parameters::Page,
    refusals::{Bodies, Migrating, Missing, Refusals},
    views::{ClinicView, MigrationView, PlanView},
};
use crate::{
    domain::{
        Refusal,
        clinician::AccountId,
        migration::{Attestation, NewMigration, StatusDetails},
    },
    error::Failure,
    use_cases::{change_migration, count_patients, create_clinic, plan_migration},
};

/// As many of those who could not be brought are shown.
const MAX_FAILURES: u32 = 100;

/// The account of a legacy clinic, which may be any text.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct LegacyPath {
    /// The account.
    user_id: String,
}

/// A clinic, which may be any text.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct AnyClinicPath {
    /// The clinic.
    clinic_id: String,
}

impl AnyClinicPath {
    /// The clinic; `None`: the text is no id of one.
    fn id(&self) -> Option<ClinicId> {
        self.clinic_id.parse().ok()
    }
}

/// The migration of an account to a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct MigrationPath {
    /// The clinic.
    clinic_id: ClinicId,
    /// The legacy account.
    user_id: AccountId,
}

/// `POST /v1/clinicians/{userId}/migrate`: makes an empty clinic for a legacy account, which runs it.
/// Until the clinic is migrated it takes no other clinicians. Each call makes one more.
///
/// For services. Body: none. Response: 200, the clinic.
/// Errors: 404 no such account; 409 no share code is free; 422 the account has not the role `clinic`;
/// otherwise as every operation.
/// Source: clinics API, `EnableNewClinicExperience`.
#[utoipa::path(
    post, path = "/v1/clinicians/{userId}/migrate", tag = "migrations", params(LegacyPath),
    responses(
        (status = 200, description = "The clinic.", body = ClinicView),
        Missing, Migrating, Refusals,
    ),
)]
pub(crate) async fn enable_clinic(
    path: Path<LegacyPath>,
    state: State,
) -> Result<Json<ClinicView>, ApiError> {
    // What is written otherwise is no account.
    let account = AccountId::try_from(path.into_inner().user_id);
    let AccountId(account) = account.map_err(|_| Refusal::AccountNotFound)?;
    let clinic = create_clinic::create_legacy_clinic(&state, &account).await?;
    Ok(Json(count_patients::counted(&state, clinic).await?.into()))
}

/// `POST /v1/clinics/{clinicId}/migrate`: a legacy account, of which everything is said that has to be,
/// becomes a clinic, and its patients are brought.
///
/// For the clinic's administrators. Body: optional; with `attestationSubmitted` the time is stored.
/// Response: 200, the migration, which is pending.
/// Errors: 404 no such clinic; 409 the account is migrated already; 422 the clinic is, says too little of
/// itself or has not one administrator, or that one has not the role `clinic`; otherwise as every
/// operation.
/// Source: clinics API, `TriggerInitialMigration`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/migrate", tag = "migrations", params(AnyClinicPath),
    request_body = Option<Attestation>,
    responses(
        (status = 200, description = "The migration.", body = MigrationView),
        Missing, Migrating, Bodies, Refusals,
    ),
)]
pub(crate) async fn begin_clinic(
    path: Path<AnyClinicPath>,
    body: Optional<Attestation>,
    state: State,
) -> Result<Json<MigrationView>, ApiError> {
    let clinic = path.id().ok_or(Refusal::ClinicNotFound)?;
    let attests = body.0.attestation_submitted.unwrap_or_default();
    let migration = change_migration::begin_clinic(&state, clinic, attests).await?;
    Ok(Json(migration.into()))
}

/// `POST /v1/clinics/{clinicId}/migrations`: the patients of one more clinician, who had a legacy
/// account, are brought.
///
/// For services. Body: `userId` is required. Response: 200, the migration, which is pending.
/// Errors: 404 the account does not work for the clinic; 409 it is migrated already, to whatever clinic;
/// 422 the clinic is a legacy account still; otherwise as every operation.
/// Source: clinics API, `MigrateLegacyClinicianPatients`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/migrations", tag = "migrations", params(AnyClinicPath),
    request_body = NewMigration,
    responses(
        (status = 200, description = "The migration.", body = MigrationView),
        Missing, Migrating, Bodies, Refusals,
    ),
)]
pub(crate) async fn add_migration(
    path: Path<AnyClinicPath>,
    body: Required<NewMigration>,
    state: State,
) -> Result<Json<MigrationView>, ApiError> {
    let clinic = path.id().ok_or(Refusal::ClinicianNotFound)?;
    let account = UserId::from(body.0.user_id.as_str());
    let migration = change_migration::add_migration(&state, clinic, &account).await?;
    Ok(Json(migration.into()))
}

/// `GET /v1/clinics/{clinicId}/migrations`: the migrations to a clinic, the oldest first.
///
/// For the clinic's members and services. Response: 200, an array; empty where there is none, or no such
/// clinic. Errors: as every operation.
/// Source: clinics API, `ListMigrations`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/migrations", tag = "migrations", params(AnyClinicPath),
    responses(
        (status = 200, description = "The migrations.", body = Vec<MigrationView>),
        Refusals,
    ),
)]
pub(crate) async fn list_migrations(
    path: Path<AnyClinicPath>,
    state: State,
) -> Result<Json<Vec<MigrationView>>, ApiError> {
    let Some(clinic) = path.id() else {
        return Ok(Json(Vec::new()));
    };
    let migrations = state.store.migrations.list(clinic).await.or_fail(Failure)?;
    Ok(Json(migrations.into_iter().map(Into::into).collect()))
}

/// `GET /v1/clinics/{clinicId}/migrations/{userId}`: a migration, with how many of the patients are
/// through and who could not be brought.
///
/// For the clinic's members and services. Response: 200, the migration.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `GetMigration`; `progress` and `failures` are Tidegate's.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/migrations/{userId}", tag = "migrations",
    params(MigrationPath),
    responses(
        (status = 200, description = "The migration.", body = MigrationView),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_migration(
    path: Path<MigrationPath>,
    state: State,
) -> Result<Json<MigrationView>, ApiError> {
    let user = &path.user_id.0;
    let migration = state
        .store
        .migrations
        .find(path.clinic_id, user)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::MigrationNotFound)?;
    let patients = &state.store.migration_patients;
    let failed = patients
        .list_failed(user, MAX_FAILURES)
        .await
        .or_fail(Failure)?;
    Ok(Json(MigrationView::from(migration).with_failures(failed)))
}

/// `PATCH /v1/clinics/{clinicId}/migrations/{userId}`: sets how far a migration is, whatever it was. The
/// worker of clinic lets go of one that it has, and takes one that is pending.
///
/// For services. Body: `status` is required. Response: 200, the migration.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `UpdateMigration`.
#[utoipa::path(
    patch, path = "/v1/clinics/{clinicId}/migrations/{userId}", tag = "migrations",
    params(MigrationPath), request_body = StatusDetails,
    responses(
        (status = 200, description = "The migration.", body = MigrationView),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_migration(
    path: Path<MigrationPath>,
    body: Required<StatusDetails>,
    state: State,
) -> Result<Json<MigrationView>, ApiError> {
    let (clinic, user, status) = (path.clinic_id, &path.user_id.0, body.0.status);
    let migration = change_migration::set_status(&state, clinic, user, status).await?;
    Ok(Json(migration.into()))
}

/// `POST /v1/clinics/{clinicId}/migrations/{userId}/retry`: tries those again whom a completed migration
/// could not bring, and nobody else.
///
/// For the clinic's administrators and services. Body: none. Response: 200, the migration, which is
/// pending where there is somebody to be tried again.
/// Errors: 404 there is none; 409 it is running; otherwise as every operation.
/// Source: Tidegate.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/migrations/{userId}/retry", tag = "migrations",
    params(MigrationPath),
    responses(
        (status = 200, description = "The migration.", body = MigrationView),
        Missing, Migrating, Refusals,
    ),
)]
pub(crate) async fn retry_migration(
    path: Path<MigrationPath>,
    state: State,
) -> Result<Json<MigrationView>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.user_id.0);
    let migration = change_migration::retry(&state, clinic, user).await?;
    Ok(Json(migration.into()))
}

/// `GET /v1/clinics/{clinicId}/migrations/{userId}/plan`: whom a migration of the account would bring,
/// and what would become of each, by account. Nothing is changed, and there need be no migration. Each
/// is looked at as if it were the first to come; 100 are shown at most.
///
/// For services, and the account itself where it is a member. Response: 200, `{data, meta: {count}}`.
/// Errors: 400 a parameter breaks a rule; 404 no such clinic, or the account does not work for it;
/// otherwise as every operation.
/// Source: Tidegate.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/migrations/{userId}/plan", tag = "migrations",
    params(MigrationPath, Page),
    responses((status = 200, description = "The plan.", body = PlanView), Missing, Refusals),
)]
pub(crate) async fn plan_migration(
    path: Path<MigrationPath>,
    query: Query<Page>,
    state: State,
) -> Result<Json<PlanView>, ApiError> {
    let page = query.read()?;
    let (clinic, user) = (path.clinic_id, &path.user_id.0);
    let (offset, limit) = (page.offset.get(), page.limit.get());
    let plan = plan_migration::plan(&state, clinic, user, offset, limit).await?;
    Ok(Json(plan.into()))
}

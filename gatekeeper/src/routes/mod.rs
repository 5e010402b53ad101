//! The route table. The first path that matches wins, so fixed segments stand above variable ones.

pub(crate) mod access;
pub(crate) mod grants;
pub(crate) mod health;
pub(crate) mod relations;
mod tagged;
pub(crate) mod users;

use actix_web::web;
use shared_runtime::routes::RouteTable;

use crate::error::envelope;

/// The service's state, as a handler takes it.
type State = web::Data<crate::State>;

pub(crate) fn table() -> RouteTable {
    RouteTable::new(envelope)
        // Health and the lists of groups are no accounts called `status` and `groups`.
        .get(&["/access/status", "/status"], health::show_status)
        .get(&["/access/groups/{user_id}"], access::list_groups)
        .get(&["/access/{sharer_id}"], access::list_members)
        .get(&["/access/{sharer_id}/{user_id}"], access::find_permissions)
        .post(
            &["/access/{sharer_id}/{user_id}"],
            access::replace_permissions,
        )
        // For the services that `internal.services` names. The public origin routes nothing under
        // /internal.
        .put(&["/internal/grants/{grant_id}"], grants::apply_grant)
        .put(
            &["/internal/clinics/{clinic_id}/patients/{user_id}"],
            relations::update_patient,
        )
        .delete(
            &["/internal/clinics/{clinic_id}/patients/{user_id}"],
            relations::delete_patient,
        )
        .put(
            &["/internal/clinics/{clinic_id}/clinicians/{user_id}"],
            relations::update_clinician,
        )
        .delete(
            &["/internal/clinics/{clinic_id}/clinicians/{user_id}"],
            relations::delete_clinician,
        )
        .get(
            &["/internal/users/{user_id}/administered"],
            users::list_administered,
        )
        .get(
            &["/internal/users/{user_id}/grantees"],
            users::list_grantees,
        )
        .put(&["/internal/users/{user_id}/lock"], users::lock_account)
        .delete(
            &["/internal/users/{user_id}/custodians"],
            users::delete_custodians,
        )
        .delete(&["/internal/users/{user_id}"], users::delete_user)
}

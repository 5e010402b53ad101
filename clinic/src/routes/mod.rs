//! The route table: every operation with who may call it. The first path that matches wins, so fixed
//! segments stand above variable ones.

mod body;
mod clinicians;
mod clinics;
mod data_sources;
mod ehr;
mod invited_clinicians;
mod merge_workbook;
mod merges;
mod migrations;
mod outbox;
mod parameters;
mod patient_count;
mod patient_lists;
mod patients;
mod permissions;
mod reconciliation;
mod redox;
mod redox_orders;
mod redox_quarantine;
mod refusals;
mod settings;
mod sites;
mod summaries;
mod summary_filters;
mod tags;
mod tide;
mod users;
mod views;
mod xealth;

use actix_web::web;
use shared_runtime::{
    openapi::document,
    operation,
    routes::{Operation, RouteTable},
};
use utoipa::OpenApi;

use crate::{
    error::envelope,
    rights::{
        Who::{self, Admin, Member, Own, OwnMember, Service, ServiceWhere, User},
        hospitals, identified, only, operators, where_xealth_is, xealth as by_xealth,
    },
};

/// The service's state, as a handler takes it.
type State = web::Data<crate::State>;

/// Every operation.
pub fn table() -> RouteTable {
    [
        clinics(),
        clinicians(),
        patient_lists(),
        patients(),
        permissions(),
        patient_data(),
        settings(),
        tags(),
        sites(),
        merges(),
        users(),
        migrations(),
        hospital_records(),
    ]
    .into_iter()
    .flatten()
    .fold(
        RouteTable::new(envelope).revealed_by(identified()),
        |table, (whom, operation)| table.serve(operation.behind(only(whom))),
    )
    // For hospital records, which have tokens of their own; the last two look at them themselves.
    .serve(
        operation!(redox::receive_message)
            .behind(hospitals())
            .taking(body::MAX_MESSAGE),
    )
    .serve(operation!(redox::verify_endpoint))
    .serve(operation!(redox::verify_endpoint_by_query))
    // For Xealth, which has a token of its own.
    .serve(
        operation!(xealth::preorder)
            .behind(by_xealth())
            .taking(body::MAX_MESSAGE),
    )
    .serve(
        operation!(xealth::list_programs)
            .behind(by_xealth())
            .taking(body::MAX_MESSAGE),
    )
    .serve(
        operation!(xealth::find_program_url)
            .behind(by_xealth())
            .taking(body::MAX_MESSAGE),
    )
    .serve(
        operation!(xealth::receive_order)
            .behind(by_xealth())
            .taking(body::MAX_MESSAGE),
    )
    // For people in hospitals, who show a restricted token, which the operation looks at itself.
    .serve(operation!(xealth::view_report).behind(where_xealth_is()))
    // For the operators that `internal.operators` names.
    .serve(operation!(outbox::revive_outbox))
    .serve(operation!(reconciliation::start_reconciliation))
    .serve(operation!(reconciliation::show_reconciliation))
    .serve(operation!(merges::list_merges))
    .serve(operation!(redox_quarantine::list_quarantine).behind(operators()))
    .serve(operation!(redox_quarantine::find_quarantined).behind(operators()))
    .serve(operation!(redox_quarantine::replay_quarantined).behind(operators()))
    .serve(operation!(redox_orders::retry_order).behind(operators()))
}

/// Operations, each with who may call it.
type Lines = Vec<(&'static [Who], Operation)>;

fn clinics() -> Lines {
    vec![
        (&[Service], operation!(clinics::list_clinics)),
        (&[User], operation!(clinics::create_clinic)),
        (&[User, Service], operation!(clinics::find_by_share_code)),
        (&[User, Service], operation!(clinics::find_clinic)),
        (&[Admin, Service], operation!(clinics::update_clinic)),
        (&[Admin, Service], operation!(clinics::delete_clinic)),
        (
            &[Member, Service],
            operation!(patient_count::find_patient_count),
        ),
        (&[Service], operation!(patient_count::refresh_patient_count)),
    ]
}

fn clinicians() -> Lines {
    vec![
        // No caller of the reference may list them all.
        (&[], operation!(clinicians::list_all_clinicians)),
        (&[Member, Service], operation!(clinicians::list_clinicians)),
        (&[Service], operation!(clinicians::create_clinician)),
        (&[Service], operation!(clinicians::add_service_account)),
        (&[Member, Service], operation!(clinicians::find_clinician)),
        (&[Admin, Service], operation!(clinicians::update_clinician)),
        (
            &[Admin, Service, OwnMember("clinicianId")],
            operation!(clinicians::delete_clinician),
        ),
        (
            &[Own("userId"), Service],
            operation!(clinicians::list_clinics_of_clinician),
        ),
        (&[Service], operation!(invited_clinicians::find_invited)),
        (
            &[Service],
            operation!(invited_clinicians::associate_clinician),
        ),
        (&[Service], operation!(invited_clinicians::delete_invited)),
    ]
}

fn patient_lists() -> Lines {
    vec![
        (&[Member, Service], operation!(patient_lists::list_patients)),
        (&[User], operation!(patient_lists::find_patients)),
        (&[Member, Service], operation!(tide::report_tide)),
    ]
}

fn patients() -> Lines {
    vec![
        (&[Member, Service], operation!(patients::create_patient)),
        (&[Member, Service], operation!(patients::find_patient)),
        (&[Service], operation!(patients::enrol_user)),
        (&[Member, Service], operation!(patients::update_patient)),
        (
            &[Admin, Own("patientId")],
            operation!(patients::delete_patient),
        ),
        (&[Member], operation!(patients::remind_patient)),
        (&[Member], operation!(patients::review_patient)),
        (&[Member], operation!(patients::revert_review)),
    ]
}

fn permissions() -> Lines {
    vec![
        (
            &[Own("patientId")],
            operation!(permissions::set_permissions),
        ),
        (
            &[Own("patientId"), ServiceWhere("permission", "custodian")],
            operation!(permissions::remove_permission),
        ),
        (
            &[Own("userId"), Service],
            operation!(permissions::list_clinics_of_patient),
        ),
    ]
}

fn patient_data() -> Lines {
    vec![
        (&[Service], operation!(summaries::update_summary)),
        (&[Service], operation!(summaries::delete_summary)),
        (&[Service], operation!(data_sources::update_data_sources)),
        (
            &[Member, Service],
            operation!(data_sources::connect_provider),
        ),
    ]
}

fn settings() -> Lines {
    vec![
        (
            &[Admin, Service],
            operation!(settings::find_membership_restrictions),
        ),
        (
            &[Service],
            operation!(settings::update_membership_restrictions),
        ),
        (&[Member, Service], operation!(settings::find_ehr_settings)),
        (&[Service], operation!(settings::update_ehr_settings)),
        (&[Member, Service], operation!(settings::find_mrn_settings)),
        (&[Service], operation!(settings::update_mrn_settings)),
        (
            &[Member, Service],
            operation!(settings::find_patient_count_settings),
        ),
        (
            &[Service],
            operation!(settings::update_patient_count_settings),
        ),
        (&[Service], operation!(settings::update_tier)),
        (
            &[Admin],
            operation!(settings::update_suppressed_notifications),
        ),
    ]
}

fn tags() -> Lines {
    vec![
        (&[Member, Service], operation!(tags::create_tag)),
        (&[Member, Service], operation!(tags::update_tag)),
        (&[Admin, Service], operation!(tags::delete_tag)),
        (&[Service], operation!(tags::convert_tag)),
        (&[Admin, Service], operation!(tags::assign_tag)),
        (&[Admin, Service], operation!(tags::unassign_tag)),
    ]
}

fn sites() -> Lines {
    vec![
        (&[Admin, Service], operation!(sites::create_site)),
        (&[Admin, Service], operation!(sites::update_site)),
        (&[Admin, Service], operation!(sites::delete_site)),
        (&[Service], operation!(sites::merge_site)),
    ]
}

fn merges() -> Lines {
    vec![
        (&[Service], operation!(merges::report_merge)),
        (&[Service], operation!(merges::merge_clinic)),
    ]
}

fn users() -> Lines {
    vec![
        (&[Service], operation!(users::forget_user)),
        (&[Service], operation!(users::update_user)),
    ]
}

fn migrations() -> Lines {
    vec![
        (&[Service], operation!(migrations::enable_clinic)),
        (&[Admin], operation!(migrations::begin_clinic)),
        (&[Service], operation!(migrations::add_migration)),
        (&[Member, Service], operation!(migrations::list_migrations)),
        (&[Member, Service], operation!(migrations::find_migration)),
        (&[Service], operation!(migrations::update_migration)),
        (&[Admin, Service], operation!(migrations::retry_migration)),
        // What others share with somebody is nobody else's business.
        (
            &[OwnMember("userId"), Service],
            operation!(migrations::plan_migration),
        ),
    ]
}

fn hospital_records() -> Lines {
    vec![
        (&[Service], operation!(ehr::match_order)),
        (&[Service], operation!(ehr::schedule_reports_of_clinic)),
        (&[Service], operation!(ehr::schedule_reports_of_patient)),
        (&[Service], operation!(redox_orders::list_orders)),
    ]
}

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document(Document::openapi(), &table())
}

#[derive(OpenApi)]
#[openapi(info(
    title = "clinic",
    description = "Clinics, who works for them, and their patients.",
))]
struct Document;

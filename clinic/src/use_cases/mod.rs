//! What the service does: an act loads, decides (`domain`), writes (`store`) and tells other
//! services. Routes and the relay call it; it knows no HTTP type and makes no query of its own.

pub(crate) mod ask_to_claim;
pub(crate) mod change_clinician;
pub(crate) mod change_labels;
pub(crate) mod change_migration;
pub(crate) mod change_patient;
pub(crate) mod count_in_patients;
pub(crate) mod count_patients;
pub(crate) mod create_clinic;
pub(crate) mod delete_clinic;
pub(crate) mod describe_patient;
pub(crate) mod enrol_patient;
pub(crate) mod enrol_together;
pub(crate) mod explain_match;
pub(crate) mod find_clinic;
pub(crate) mod find_moved;
pub(crate) mod find_patients;
pub(crate) mod forget_user;
pub(crate) mod list_clinics;
pub(crate) mod match_order;
pub(crate) mod merge_clinics;
pub(crate) mod migrate;
pub(crate) mod plan_merge;
pub(crate) mod plan_migration;
pub(crate) mod preorder;
pub(crate) mod process_order;
pub(crate) mod receive_message;
pub(crate) mod reconcile;
pub(crate) mod relate;
pub(crate) mod schedule_reports;
pub(crate) mod tell;
pub(crate) mod update_user;
pub(crate) mod work_jobs;
pub(crate) mod work_merges;
pub(crate) mod work_orders;
pub(crate) mod workers;

//! HTTP tests of clinic against a real database, with its peers played by stand-ins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;
mod mails;
mod many_patients;
mod random_patients;
mod world;

mod auth;
mod bad_input;
mod bad_parameters;
mod bodies;
mod clinicians;
mod clinics;
mod counting;
mod data_sources;
mod documents;
mod ehr_sync;
mod enrolment;
mod invited;
mod jobs;
mod merges;
mod migration_failures;
mod migration_worker;
mod migrations;
mod patient_lists;
mod patient_model;
mod patients;
mod permissions;
mod queries;
mod races;
mod reconciliation;
mod redox;
mod redox_feeds;
mod redox_match;
mod redox_orders;
mod relations;
mod scenarios;
mod search;
mod service_accounts;
mod settings;
mod sites;
mod stored_summaries;
mod summaries;
mod tags;
mod tide;
mod users;
mod wrong_body;
mod xealth;
mod xealth_cancellations;
mod xealth_entries;
mod xealth_orders;
mod xealth_programs;
mod xealth_refusals;
mod xealth_reports;

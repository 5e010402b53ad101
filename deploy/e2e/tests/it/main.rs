//! Journeys through the whole platform: every program as its own process, behind the origin.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod answer_crashes;
mod answer_races;
mod clients;
mod clinic_crashes;
mod clinic_merges;
mod clinic_records;
mod clinic_story;
mod confirmations;
mod crashes;
mod disturbance;
mod handover;
mod last_holders;
mod limits;
mod mails;
mod migration_crashes;
mod pages;
mod people;
mod races;
mod redox_crashes;
mod stand_ins;
mod stolen_sessions;
mod story;
mod tokens;

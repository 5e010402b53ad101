//! HTTP tests of confirm against a real database, with its peers played.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod browser;
mod mailbox;
mod oak;
mod world;

mod accept;
mod account_changes;
mod account_restorations;
mod addresses;
mod asked_mails;
mod auth;
mod bad_input;
mod bad_names;
mod claims;
mod clinic_auth;
mod clinic_joins;
mod clinic_notices;
mod clinic_patients;
mod clinic_shares;
mod clinic_staff;
mod deletions;
mod documents;
mod duplicates;
mod forgotten;
mod guesses;
mod invites;
mod logs;
mod outages;
mod page_auth;
mod page_clinics;
mod page_cookies;
mod page_forms;
mod page_invitations;
mod pages;
mod paths;
mod queries;
mod quotas;
mod races;
mod received;
mod resets;
mod sent;
mod sign_up_answers;
mod sign_up_resends;
mod sign_ups;
mod together;
mod tokens;
mod unfinished;

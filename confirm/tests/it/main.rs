//! HTTP tests of confirm against a real database, with its peers played.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod browser;
mod mailbox;
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
mod deletions;
mod documents;
mod duplicates;
mod forgotten;
mod guesses;
mod invites;
mod logs;
mod outages;
mod page_auth;
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
mod signup_answers;
mod signup_resends;
mod signups;
mod together;
mod tokens;
mod unfinished;

//! HTTP tests of user-api: the service as it runs, a database of its own, its peers played.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod accents;
mod addresses;
mod associates;
mod auth;
mod changes;
mod claims;
mod clinics;
mod conditions;
mod custodial;
mod deletions;
mod dependants;
mod documents;
mod family;
mod handover;
mod holders;
mod input;
mod limits;
mod metadata;
mod metadata_changes;
mod notices;
mod passwords;
mod people;
mod proofs;
mod restorations;
mod revocations;
mod server_secrets;
mod sessions;
mod sign_ups;
mod standing;
mod tokens;
mod updates;
mod users;
mod void_changes;
mod world;

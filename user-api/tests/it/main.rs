//! HTTP tests of user-api: the service as it runs, a database of its own, gatekeeper played.

mod associates;
mod auth;
mod custodial;
mod deletions;
mod documents;
mod gatekeeper;
mod input;
mod metadata;
mod sessions;
mod tokens;
mod updates;
mod users;
mod world;

//! What every service needs to run, written once. Nothing in here knows what Tidegate is about.
//!
//! | module | job |
//! |---|---|
//! | [`config`] | settings from the compiled-in defaults and the environment |
//! | [`telemetry`] | logs, metrics, the trace of a request |
//! | [`connection`] | how long the steps of a request may take, and what ends a connection |
//! | [`server`] | serve, health, documentation, shutdown |
//! | [`routes`] | the route table: operations, matching order, aliases, 404 and 405 |
//! | [`openapi`] | the OpenAPI document of a route table |
//! | [`error`] | the response to a request that failed |
//! | [`body`] | request bodies |
//! | [`query`] | queries of requests |
//! | [`auth`] | session tokens: sign, verify, check, and who calls |
//! | [`batches`] | work that goes together when much comes at once |
//! | [`mongo`] | connection, indexes, transactions |
//! | [`outbox`] | effects on other services that must not get lost |
//! | [`http`] | the HTTP client for peers |
//! | [`oauth`] | whose credentials somebody shows, by OAuth 2.0 |
//! | [`peers`] | one typed client per service |
//! | [`source`] | where a request comes from, behind trusted proxies |
//! | [`limits`] | rate limits |
//! | `testing` | a server, a database and a person for tests (feature `testing`) |

#![warn(missing_docs)]

pub mod auth;
pub mod batches;
pub mod body;
pub mod config;
pub mod connection;
pub mod error;
pub mod http;
pub mod limits;
pub mod mongo;
pub mod oauth;
pub mod openapi;
pub mod outbox;
pub mod peers;
pub mod query;
pub mod routes;
pub mod server;
pub mod source;
pub mod telemetry;
#[cfg(feature = "testing")]
#[expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]
pub mod testing;

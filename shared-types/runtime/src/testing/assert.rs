//! What answers are held to, and waiting for what comes late.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Answer;
use crate::auth::TOKEN_HEADER;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The body of the error `code` with `text`, as most services send it.
pub fn reason(code: u16, text: &str) -> Value {
    json!({ "code": code, "reason": text })
}

/// Asserts status, type and whole body.
#[track_caller]
pub fn assert_answer(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json::<Value>(), *body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// Asserts that `answer` is the error `code` with `text`, and nothing else.
#[track_caller]
pub fn assert_refused(answer: &Answer, code: u16, text: &str) {
    assert_answer(answer, code, &reason(code, text));
    assert_eq!(answer.header(TOKEN_HEADER), None);
}

/// Asserts that `answer` has this status and no body.
#[track_caller]
pub fn assert_empty(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.text()), (status, ""));
}

/// Asserts that `answer` is the success that says `OK`.
#[track_caller]
pub fn assert_ok(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (200, "OK"));
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
}

/// Polls until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Requests during which somebody dies.

use std::time::Duration;

use futures_util::future::join_all;
use rand::RngExt as _;
use reqwest::RequestBuilder;
use shared_runtime::testing::{Answer, try_send};

/// A victim dies within this time after a request was sent; most are answered sooner.
const PATIENCE_MS: u64 = 60;
/// A second request follows the first within this time, so that each of the two wins at times.
const DISTANCE_MS: u64 = 20;

/// Sends `requests` one soon after the other, and at some moment has somebody killed and started
/// again. The answers, which may have come before that, meanwhile, or not at all.
pub(crate) async fn disturb<const N: usize>(
    requests: [&RequestBuilder; N],
    kill: impl AsyncFnOnce(),
) -> [Option<Answer>; N] {
    let mut wait = Duration::ZERO;
    let calls = requests.map(|request| {
        let (request, moment) = (request.try_clone().unwrap(), wait);
        wait += within(DISTANCE_MS);
        actix_web::rt::spawn(async move {
            tokio::time::sleep(moment).await;
            try_send(request).await.ok()
        })
    });
    let moment = within(PATIENCE_MS);
    tokio::time::sleep(moment).await;
    kill().await;
    let answers = join_all(calls).await.into_iter().map(Result::unwrap);
    let answers: Vec<Option<Answer>> = answers.collect();
    for answer in &answers {
        let status = answer.as_ref().map(|answer| answer.status);
        println!("killed after {moment:?}, answered {status:?}");
    }
    answers.try_into().unwrap()
}

/// Some time that is shorter than `ms`.
fn within(ms: u64) -> Duration {
    Duration::from_millis(rand::rng().random_range(0..ms))
}

/// The status that says what came of a request while somebody died: `done` or one of `refusals`;
/// `None` when nobody could say.
pub(crate) fn told(answer: Option<Answer>, done: u16, refusals: &[u16]) -> Option<u16> {
    let answer = answer?;
    // The service failed or has lost a peer or the database; the origin has lost the service; the
    // session cannot be checked.
    if matches!(answer.status, 500 | 502 | 503) {
        return None;
    }
    if answer.status != done {
        assert_answer(&answer, refusals);
    }
    Some(answer.status)
}

/// Asserts that an answer has one of these statuses.
#[track_caller]
pub(crate) fn assert_answer(answer: &Answer, statuses: &[u16]) {
    let (status, text) = (answer.status, answer.text());
    assert!(statuses.contains(&status), "{status}: {text}");
}

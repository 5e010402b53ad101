//! Two answers to one invitation at the same moment: one wins completely and is told so, the other
//! is told that it came too late, and the permission is there if and only if the invitation was
//! accepted.

use std::time::Duration;

use e2e::{Platform, rounds};
use futures_util::future::join;
use rand::RngExt as _;
use reqwest::RequestBuilder;
use serde_json::Value;
use shared_runtime::testing::{Person, send};

use crate::{
    confirmations::{answer_to, cancellation, invite, offer, permissions, status},
    people::{Member, sign_up},
};

/// As many as `E2E_ROUNDS` says, or this many.
const ROUNDS: usize = 12;

/// A platform with somebody who invites.
struct Stage {
    platform: Platform,
    server: Person,
    alice: Member,
}

/// What the two were told in a round, and what is true when both know.
#[derive(Debug, PartialEq)]
struct Outcome {
    first: u16,
    second: u16,
    status: String,
    permissions: Option<Value>,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::start().await;
        Self {
            server: platform.server().await,
            alice: sign_up(&platform, "alice").await,
            platform,
        }
    }

    /// Invites somebody and has two requests made of the key at once.
    async fn play(
        &self,
        round: usize,
        requests: impl Fn(&str, &Member) -> [RequestBuilder; 2],
    ) -> Outcome {
        let carol = sign_up(&self.platform, &format!("carol{round}")).await;
        let key = invite(&self.alice, &carol).await;
        let [first, second] = requests(&key, &carol);
        let (first, second) = join(send(first), soon(second)).await;
        Outcome {
            first: first.status,
            second,
            status: status(&self.platform, &key).await,
            permissions: permissions(&self.server, &self.alice, &carol).await,
        }
    }
}

impl Outcome {
    fn new(first: u16, second: u16, status: &str, permissions: Option<Value>) -> Self {
        Self {
            first,
            second,
            status: status.to_owned(),
            permissions,
        }
    }
}

/// Sends after a moment that differs each time, so that each step meets each other step. An
/// acceptance takes about as long.
async fn soon(request: RequestBuilder) -> u16 {
    let moment = Duration::from_micros(rand::rng().random_range(0..30_000));
    tokio::time::sleep(moment).await;
    send(request).await.status
}

/// Asserts that nothing but `allowed` came out: each of them says who is told what, and that it is
/// what became of the invitation.
fn report(name: &str, outcomes: &[Outcome], allowed: &[Outcome]) {
    for outcome in outcomes {
        assert!(allowed.contains(outcome), "{name}: {outcome:?}");
    }
    for outcome in allowed {
        let times = outcomes.iter().filter(|each| *each == outcome).count();
        println!("{name}: {times} of {} rounds: {outcome:?}", outcomes.len());
    }
}

#[actix_web::test]
async fn an_acceptance_and_a_cancellation_exclude_each_other() {
    let stage = Stage::set().await;
    let mut outcomes = Vec::new();
    for round in 0..rounds(ROUNDS) {
        let requests = |key: &str, carol: &Member| {
            [
                answer_to("accept", key, &stage.alice, carol),
                cancellation(&stage.alice, carol),
            ]
        };
        outcomes.push(stage.play(round, requests).await);
    }
    let allowed = [
        Outcome::new(200, 404, "completed", Some(offer())),
        Outcome::new(403, 200, "canceled", None),
    ];
    report("accept, cancel", &outcomes, &allowed);
}

#[actix_web::test]
async fn two_acceptances_grant_once() {
    let stage = Stage::set().await;
    let mut outcomes = Vec::new();
    for round in 0..rounds(ROUNDS) {
        let requests = |key: &str, carol: &Member| {
            ["accept", "accept"].map(|verb| answer_to(verb, key, &stage.alice, carol))
        };
        outcomes.push(stage.play(round, requests).await);
    }
    // Whoever asks twice is told of the one acceptance twice, or the second time that it is over.
    let allowed = [(200, 200), (200, 403), (403, 200)]
        .map(|(first, second)| Outcome::new(first, second, "completed", Some(offer())));
    report("accept, accept", &outcomes, &allowed);
}

#[actix_web::test]
async fn an_acceptance_and_a_refusal_exclude_each_other() {
    let stage = Stage::set().await;
    let mut outcomes = Vec::new();
    for round in 0..rounds(ROUNDS) {
        let requests = |key: &str, carol: &Member| {
            ["accept", "dismiss"].map(|verb| answer_to(verb, key, &stage.alice, carol))
        };
        outcomes.push(stage.play(round, requests).await);
    }
    let allowed = [
        Outcome::new(200, 403, "completed", Some(offer())),
        Outcome::new(403, 200, "declined", None),
    ];
    report("accept, dismiss", &outcomes, &allowed);
}

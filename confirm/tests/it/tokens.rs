//! The token of a request: missing, invalid, or not to be checked.

use reqwest::Method;
use serde_json::json;
use shared_runtime::{
    auth::TOKEN_HEADER,
    testing::{SigningKeys, claims, send},
};
use stand_ins::{KEYS, gatekeeper, user_api};

use crate::world::{World, assert_refused, reason};

const NO_TOKEN: &str = "No x-tidepool-session-token was found";
const BAD_TOKEN: &str = "The x-tidepool-session-token was invalid";

/// The operations that ask who calls.
const OPERATIONS: &[(&str, &str)] = &[
    ("POST", "/confirm/send/signup/alice"),
    ("POST", "/confirm/signup/alice"),
    ("GET", "/confirm/signup/alice"),
    ("DELETE", "/confirm/signup/alice"),
    ("POST", "/confirm/send/invite/alice"),
    ("PATCH", "/confirm/resend/invite/a-key"),
    ("GET", "/confirm/invite/alice"),
    ("PUT", "/confirm/alice/invited/carol@example.org"),
    ("DELETE", "/confirm/alice/invited/carol@example.org"),
    ("GET", "/confirm/invitations/alice"),
    ("PUT", "/confirm/accept/invite/alice/bob"),
    ("PUT", "/confirm/dismiss/invite/alice/bob"),
    ("DELETE", "/internal/users/alice"),
    ("POST", "/internal/outbox/revive"),
];

#[actix_web::test]
async fn without_a_token_or_with_a_wrong_one_nothing_is_done() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let foreign = SigningKeys::generate().user_token("alice");
    let unknown = KEYS.user_token("alice");
    for (method, path) in OPERATIONS {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = || world.anonymous().request(method.clone(), path).body("{");
        assert_refused(&send(request()).await, 401, NO_TOKEN);
        for empty in ["", "  "] {
            let answer = send(request().header(TOKEN_HEADER, empty)).await;
            assert_refused(&answer, 401, NO_TOKEN);
        }
        for invalid in ["nonsense", "a.b.c", &foreign, &unknown, &"x".repeat(6000)] {
            let answer = send(request().header(TOKEN_HEADER, invalid)).await;
            assert_refused(&answer, 403, BAD_TOKEN);
        }
    }
    let stored = ["confirmations", "quotas", "outbox", "mail_outbox"];
    assert_eq!(world.everything(&stored).await, Vec::new());
}

#[actix_web::test]
async fn a_token_that_was_revoked_or_ran_out_is_invalid() {
    let world = World::without_relay().await;
    let alice = world.user("alice");
    world.user_api.forget_tokens();
    let answer = alice.get("/confirm/invite/alice").await;
    assert_refused(&answer, 403, BAD_TOKEN);
    let mut old = claims("alice", "no");
    old.exp = old.iat - 1;
    let token = KEYS.key.sign(&old).unwrap();
    world.user_api.know(&token, &old);
    let answer = world.app.bearer(&token).get("/confirm/invite/alice").await;
    assert_refused(&answer, 403, BAD_TOKEN);
}

#[actix_web::test]
async fn a_token_that_was_ended_changes_nothing_from_that_moment_on() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let view = json!({"view": {}});
    world.invite("alice", "carol@example.org", view).await;
    let stored = ["confirmations", "outbox", "mail_outbox"];
    let before = world.everything(&stored).await;
    for (method, path) in OPERATIONS.iter().filter(|(method, _)| *method != "GET") {
        let caller = match *path {
            "/internal/outbox/revive" => world.service_called("operator"),
            path if path.starts_with("/internal") => world.service(),
            _ => world.user("alice"),
        };
        // The answer about the token is kept, for reads.
        assert_eq!(caller.get("/confirm/invite/alice").await.status, 200);
        world.user_api.forget_tokens();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let body = json!({"email": "dave@example.org", "permissions": {"view": {}}});
        let answer = send(caller.request(method, path).json(&body)).await;
        assert_refused(&answer, 403, BAD_TOKEN);
        // And then reads know as well.
        let answer = caller.get("/confirm/invite/alice").await;
        assert_refused(&answer, 403, BAD_TOKEN);
    }
    assert_eq!(world.everything(&stored).await, before);
}

#[actix_web::test]
async fn a_token_that_cannot_be_checked_is_not_believed() {
    let world = World::without_relay().await;
    world.user_api.fail(user_api::Ask::Token, 500);
    let answer = world.user("alice").get("/confirm/invite/alice").await;
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.json::<serde_json::Value>(),
        reason(503, "The token cannot be checked")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    world.user_api.mend(user_api::Ask::Token);
    let answer = world.user("alice").get("/confirm/invite/alice").await;
    assert_refused(&answer, 404, "Nothing found");
}

#[actix_web::test]
async fn rights_that_cannot_be_looked_up_are_a_failure() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.gatekeeper.fail(gatekeeper::Ask::Pair, 500);
    let bob = world.user("bob");
    for (method, path) in OPERATIONS {
        if path.starts_with("/internal") || path.contains("resend") {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = send(bob.request(method, path).json(&json!({}))).await;
        assert_refused(&answer, 500, "Error finding the user");
    }
}

//! What must hold when two come at the same moment.

use bson::doc;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person};
use tokio::join;

use crate::world::{World, assert_empty, assert_refused, post, put};

const ROUNDS: usize = 60;
/// How many other requests two are apart: the first before the second, or behind it where it is less
/// than zero. With the most of them there is no doubt who is first.
const APART: [i32; 8] = [40, 3, 1, 0, -1, -4, -12, -40];

/// Alice's invitation of a new invitee, with its key.
async fn invited(world: &World, round: usize) -> (String, String) {
    let invitee = format!("carol{round}");
    world.user_api.has(&invitee);
    let email = format!("{invitee}@example.org");
    let sent = world.invite("alice", &email, json!({"view": {}})).await;
    (invitee, sent["key"].as_str().unwrap().to_owned())
}

async fn world_of_alice() -> World {
    let world = World::without_relay_with(|config| {
        config.limits.mails_per_sender_per_hour = 0;
        config.limits.mails_per_recipient_per_hour = 0;
        config.limits.mails_per_sender_and_recipient_per_hour = 0;
        config.limits.asked_mails_per_recipient_per_10_minutes = 0;
        config.limits.asked_mails_per_source_per_hour = 0;
    })
    .await;
    world.user_api.has("alice");
    world
}

fn statuses<const N: usize>(answers: [&Answer; N]) -> [u16; N] {
    let mut statuses = answers.map(|answer| answer.status);
    statuses.sort_unstable();
    statuses
}

/// Sends `request` so many other requests later, if any: a short one catches up with a long one.
async fn after(others: i32, person: &Person, request: impl Future<Output = Answer>) -> Answer {
    for _ in 0..others {
        person.get("/confirm/live").await;
    }
    request.await
}

/// Asserts that the invitation was accepted if and only if the permission was granted, once.
async fn assert_consistent(world: &World, invitee: &str, key: &str, wanted: &str) {
    assert_eq!(world.status(key).await, wanted);
    let granted = world
        .gatekeeper
        .applied()
        .iter()
        .filter(|id| *id == key)
        .count();
    assert_eq!(granted, usize::from(wanted == "completed"), "{wanted}");
    let permissions = world.gatekeeper.permissions("alice", invitee);
    assert_eq!(permissions.is_none(), granted == 0);
    let stored = world.document(key).await.unwrap();
    assert!(!stored.contains_key("acceptance"), "{stored}");
    assert!(world.everything(&["outbox"]).await.is_empty());
}

#[actix_web::test]
async fn accepting_and_canceling() {
    let world = world_of_alice().await;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let (carol, key) = invited(&world, round).await;
        let (person, alice) = (world.user(&carol), world.user("alice"));
        let path = format!("/confirm/accept/invite/{carol}/alice");
        let body = if round % 2 == 0 {
            json!({"key": key})
        } else {
            json!({})
        };
        let cancel = format!("/confirm/alice/invited/{carol}@example.org");
        let apart = APART[round % APART.len()];
        let (accept, cancel) = join!(
            after(-apart, &person, person.put(&path, &body)),
            after(apart, &alice, alice.delete(&cancel))
        );
        let outcome = match (accept.status, cancel.status) {
            (200, 404) => "completed",
            (403 | 404, 200) => "canceled",
            other => panic!("round {round}: {other:?}"),
        };
        assert_consistent(&world, &carol, &key, outcome).await;
        accepted += usize::from(outcome == "completed");
    }
    assert!((1..ROUNDS).contains(&accepted), "{accepted}: no race");
}

#[actix_web::test]
async fn accepting_and_dismissing() {
    let world = world_of_alice().await;
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let (carol, key) = invited(&world, round).await;
        let person = world.user(&carol);
        let accept = format!("/confirm/accept/invite/{carol}/alice");
        let dismiss = format!("/confirm/dismiss/invite/{carol}/alice");
        let body = json!({"key": key});
        let apart = APART[round % APART.len()];
        let (accept, dismiss) = join!(
            after(-apart, &person, person.put(&accept, &body)),
            after(apart, &person, person.put(&dismiss, &body))
        );
        let outcome = match (accept.status, dismiss.status) {
            (200, 403) => "completed",
            (403, 200) => "declined",
            other => panic!("round {round}: {other:?}"),
        };
        assert_consistent(&world, &carol, &key, outcome).await;
        accepted += usize::from(outcome == "completed");
    }
    assert!((1..ROUNDS).contains(&accepted), "{accepted}: no race");
}

#[actix_web::test]
async fn accepting_and_accepting() {
    let world = world_of_alice().await;
    for round in 0..ROUNDS {
        let (carol, key) = invited(&world, round).await;
        let person = world.user(&carol);
        let path = format!("/confirm/accept/invite/{carol}/alice");
        let body = json!({"key": key});
        let (one, other) = join!(person.put(&path, &body), person.put(&path, &body));
        let statuses = statuses([&one, &other]);
        assert!(
            matches!(statuses, [200, 200 | 403]),
            "round {round}: {statuses:?}"
        );
        assert_consistent(&world, &carol, &key, "completed").await;
    }
}

#[actix_web::test]
async fn accepting_and_sending_again() {
    let world = world_of_alice().await;
    for round in 0..ROUNDS {
        let (carol, key) = invited(&world, round).await;
        let (person, alice) = (world.user(&carol), world.user("alice"));
        let path = format!("/confirm/accept/invite/{carol}/alice");
        let resend = format!("/confirm/resend/invite/{key}");
        let body = json!({"key": key});
        let (accept, resend) = join!(
            person.put(&path, &body),
            crate::world::patch(&alice, &resend)
        );
        if accept.status == 200 {
            assert_eq!(resend.status, 403, "round {round}: {}", resend.text());
            assert_consistent(&world, &carol, &key, "completed").await;
            continue;
        }
        // It has another key, and waits for an answer with that one.
        assert_refused(&accept, 404, "No matching invite was found");
        assert_eq!(resend.status, 200, "round {round}: {}", resend.text());
        let sent: Value = resend.json();
        let key = sent["key"].as_str().unwrap();
        assert_consistent(&world, &carol, key, "pending").await;
        let accept = person.put(&path, &json!({"key": key})).await;
        assert_eq!(accept.status, 200, "round {round}: {}", accept.text());
        assert_consistent(&world, &carol, key, "completed").await;
    }
}

#[actix_web::test]
async fn canceling_and_dismissing() {
    let world = world_of_alice().await;
    for round in 0..ROUNDS / 2 {
        let (carol, key) = invited(&world, round).await;
        let (person, alice) = (world.user(&carol), world.user("alice"));
        let dismiss = format!("/confirm/dismiss/invite/{carol}/alice");
        let cancel = format!("/confirm/alice/invited/{carol}@example.org");
        let body = json!({"key": key});
        let (dismiss, cancel) = join!(person.put(&dismiss, &body), put(&alice, &cancel));
        assert_empty(&cancel, 200);
        assert!(matches!(dismiss.status, 200 | 403), "round {round}");
        assert_consistent(&world, &carol, &key, "canceled").await;
    }
}

#[actix_web::test]
async fn two_invitations_to_one_address() {
    let world = world_of_alice().await;
    let alice = world.user("alice");
    let path = "/confirm/send/invite/alice";
    for round in 0..ROUNDS {
        let body = |email: String| json!({"email": email, "permissions": {"view": {}}});
        let one = body(format!("dave{round}@example.org"));
        let other = body(format!("Dave{round}@Example.org"));
        let (one, other) = join!(alice.post(path, &one), alice.post(path, &other));
        assert_eq!(statuses([&one, &other]), [200, 409], "round {round}");
    }
    let made = world.everything(&["confirmations"]).await.len();
    assert_eq!(made, ROUNDS);
    assert_eq!(world.rows("mail_outbox", "pending").await, ROUNDS as u64);
}

#[actix_web::test]
async fn two_confirmations_of_one_sign_up() {
    let world = world_of_alice().await;
    for round in 0..ROUNDS {
        let id = format!("dave{round}");
        world.user_api.has(&id);
        let (person, service) = (world.user(&id), world.service());
        let path = format!("/confirm/send/signup/{id}");
        let body = json!({});
        let (one, other) = join!(person.post(&path, &body), service.post(&path, &body));
        assert_eq!(statuses([&one, &other]), [200, 403], "round {round}");
        // The same where one is replaced.
        world
            .user_api
            .change(&id, json!({"emails": [format!("new{round}@example.org")]}));
        let (one, other) = join!(person.post(&path, &body), service.post(&path, &body));
        assert_eq!(statuses([&one, &other]), [200, 403], "round {round}");
    }
    let made = world.everything(&["confirmations"]).await.len();
    assert_eq!(made, ROUNDS);
}

#[actix_web::test]
async fn a_sign_up_that_is_sent_again_twice_has_one_key() {
    let world = world_of_alice().await;
    world.user_api.has("dave");
    world.sign_up("dave").await;
    let anonymous = world.anonymous();
    let path = "/confirm/resend/signup/dave@example.org";
    for round in 0..ROUNDS {
        let (one, other) = join!(post(&anonymous, path), post(&anonymous, path));
        let statuses = statuses([&one, &other]);
        assert!(
            matches!(statuses, [200, 200 | 404]),
            "round {round}: {statuses:?}"
        );
        assert_eq!(world.everything(&["confirmations"]).await.len(), 1);
    }
}

#[actix_web::test]
async fn a_sign_up_that_is_accepted_and_withdrawn() {
    let world = world_of_alice().await;
    for round in 0..ROUNDS / 2 {
        let id = format!("dave{round}");
        world
            .user_api
            .has_with(&id, json!({"emailVerified": false}));
        let key = world.sign_up(&id).await;
        let anonymous = world.anonymous();
        let (accept, withdraw) = (
            format!("/confirm/accept/signup/{key}"),
            format!("/confirm/signup/{id}"),
        );
        let body = json!({"key": key});
        let (accept, withdraw) = join!(put(&anonymous, &accept), anonymous.put(&withdraw, &body));
        let status = world.status(&key).await;
        match (accept.status, withdraw.status) {
            (200, 404) => assert_eq!(status, "completed"),
            // The address may have been proven before the withdrawal came.
            (200 | 404, 200) => assert_eq!(status, "canceled"),
            other => panic!("round {round}: {other:?}"),
        }
    }
}

#[actix_web::test]
async fn one_key_sets_one_password() {
    let mut world = world_of_alice().await;
    world.start_relay();
    world.user_api.has("bob");
    let anonymous = world.anonymous();
    for round in 0..10 {
        let key = world.forget("bob@example.org").await;
        let body = |password: String| json!({"key": key, "email": "bob@example.org", "password": password});
        let passwords = [format!("first-word-{round}"), format!("other-word-{round}")];
        let bodies = passwords.clone().map(body);
        let path = "/confirm/accept/forgot";
        let (one, other) = join!(
            anonymous.put(path, &bodies[0]),
            anonymous.put(path, &bodies[1])
        );
        assert_eq!(statuses([&one, &other]), [200, 404], "round {round}");
        let winner = usize::from(one.status != 200);
        let password = world.user_api.account("bob")["password"].clone();
        assert_eq!(password, Value::String(passwords[winner].clone()));
        assert_eq!(world.status(&key).await, "completed");
    }
    let pending = doc! { "type": "password_reset", "status": "pending" };
    let confirmations = world.confirmations();
    assert_eq!(confirmations.count_documents(pending).await.unwrap(), 0);
}

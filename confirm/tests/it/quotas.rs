//! How many mails one account causes and one mailbox gets, and that no stranger uses up what others
//! may send. Those that anybody may ask for are in `asked_mails.rs`.

use bson::{Document, doc};
use confirm::config::LimitSettings;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person};

use crate::world::{World, assert_empty, assert_refused, patch, post, put};

pub(crate) const STORED: [&str; 4] = ["confirmations", "outbox", "mail_outbox", "quotas"];

/// A world with accounts and, in the place of the shipped ones, these limits.
pub(crate) async fn limited(change: impl FnOnce(&mut LimitSettings)) -> World {
    let world = World::without_relay_with(|config| change(&mut config.limits)).await;
    for id in ["alice", "bob", "carol"] {
        world.user_api.has(id);
    }
    world
}

async fn invite(person: &Person, sharer: &str, email: &str) -> Answer {
    let body = json!({"email": email, "permissions": {}});
    person
        .post(&format!("/confirm/send/invite/{sharer}"), &body)
        .await
}

#[track_caller]
pub(crate) fn assert_too_many(answer: &Answer) {
    assert_refused(answer, 429, "Too many requests; try again later");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
}

/// Lets the whiles that are counted be over.
pub(crate) async fn let_the_while_pass(world: &World) {
    let quotas = world.database.database.collection::<Document>("quotas");
    let over = doc! { "$set": { "endsAt": bson::DateTime::now() } };
    quotas.update_many(doc! {}, over).await.unwrap();
}

#[actix_web::test]
async fn a_stranger_uses_up_what_is_the_strangers_and_nothing_else() {
    let world = limited(|_| {}).await;
    world.user_api.has("victim");
    let mallory = world.user("bob");
    // Invitations and cancellations, and every spelling of one mailbox.
    let mut sent = 0;
    for round in 0..31 {
        let email = match round % 4 {
            0 => "victim@example.org".to_owned(),
            1 => "Victim@EXAMPLE.org".to_owned(),
            _ => format!("victim+{round}@example.org"),
        };
        let answer = invite(&mallory, "bob", &email).await;
        if answer.status == 200 {
            sent += 1;
            let cancel = format!("/confirm/bob/invited/{email}");
            assert_empty(&put(&mallory, &cancel).await, 200);
        } else {
            assert_too_many(&answer);
        }
    }
    assert_eq!(sent, 10);
    // And thirty requests of anybody, from here and from elsewhere.
    let elsewhere = world.anonymous().at_place("192.0.2.1");
    let forgot = "/confirm/send/forgot/victim@example.org";
    for _ in 0..15 {
        assert_empty(&post(&world.anonymous(), forgot).await, 200);
        assert_empty(&post(&elsewhere, forgot).await, 200);
    }
    assert_eq!(world.rows("outbox", "pending").await, 3);
    // The victim's own verification, reset and invitations by friends go as ever.
    let victim = world.user("victim");
    assert_empty(
        &victim.post("/confirm/send/signup/victim", &json!({})).await,
        200,
    );
    let resend = "/confirm/resend/signup/victim@example.org";
    assert_empty(&post(&world.anonymous(), resend).await, 200);
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    for friend in ["alice", "carol"] {
        let answer = invite(&world.user(friend), friend, "victim@example.org").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // To others the stranger may still write.
    let other = invite(&mallory, "bob", "dave@example.org").await;
    assert_eq!(other.status, 200);
}

#[actix_web::test]
async fn many_accounts_together_fill_a_mailbox_but_keep_no_verification_away() {
    let world = limited(|limits| limits.mails_per_recipient_per_hour = 3).await;
    let sent = invite(&world.user("alice"), "alice", "dave@example.org").await;
    assert_eq!(sent.status, 200);
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    let resend = format!("/confirm/resend/invite/{key}");
    assert_eq!(patch(&world.user("alice"), &resend).await.status, 200);
    let third = invite(&world.user("bob"), "bob", "DAVE+x@example.org").await;
    assert_eq!(third.status, 200);
    let before = world.everything(&STORED).await;
    // Whichever way the fourth takes.
    assert_too_many(&invite(&world.user("carol"), "carol", "Dave@Example.org").await);
    assert_too_many(&invite(&world.service(), "carol", "dave@example.org").await);
    assert_too_many(&patch(&world.user("alice"), &resend).await);
    assert_eq!(world.everything(&STORED).await, before);
    // Others are not in the way, nor is what Dave himself may need.
    let other = invite(&world.user("alice"), "alice", "erin@example.org").await;
    assert_eq!(other.status, 200);
    world.user_api.has("dave");
    let verification = "/confirm/send/signup/dave";
    assert_empty(
        &world.user("dave").post(verification, &json!({})).await,
        200,
    );
    let forgot = "/confirm/send/forgot/dave@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    let_the_while_pass(&world).await;
    assert_eq!(patch(&world.user("alice"), &resend).await.status, 200);
}

#[actix_web::test]
async fn an_account_causes_so_many_mails_for_whomever_it_acts() {
    let world = limited(|limits| limits.mails_per_sender_per_hour = 3).await;
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    world
        .gatekeeper
        .grant("carol", "bob", json!({"custodian": {}}));
    let bob = world.user("bob");
    let sent = invite(&bob, "alice", "one@example.org").await;
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    let resend = format!("/confirm/resend/invite/{key}");
    assert_eq!(patch(&bob, &resend).await.status, 200);
    assert_empty(
        &bob.post("/confirm/send/signup/carol", &json!({})).await,
        200,
    );
    assert_too_many(&invite(&bob, "bob", "two@example.org").await);
    assert_too_many(&invite(&bob, "alice", "two@example.org").await);
    assert_too_many(&patch(&bob, &resend).await);
    assert_too_many(&bob.post("/confirm/send/signup/bob", &json!({})).await);
    // Another account has its own, and services none.
    assert_eq!(
        invite(&world.user("alice"), "alice", "two@example.org")
            .await
            .status,
        200
    );
    for index in 0..5 {
        let email = format!("service{index}@example.org");
        assert_eq!(invite(&world.service(), "bob", &email).await.status, 200);
    }
    let_the_while_pass(&world).await;
    assert_eq!(invite(&bob, "bob", "two@example.org").await.status, 200);
}

#[actix_web::test]
async fn what_is_refused_uses_nothing_up() {
    let world = limited(|limits| {
        limits.mails_per_sender_per_hour = 2;
        limits.mails_per_recipient_per_hour = 2;
    })
    .await;
    let alice = world.user("alice");
    assert_eq!(
        invite(&alice, "alice", "dave@example.org").await.status,
        200
    );
    for _ in 0..5 {
        let again = invite(&alice, "alice", "dave@example.org").await;
        assert_refused(&again, 409, "There is already an existing invite");
        assert_empty(&invite(&alice, "alice", "nonsense").await, 400);
    }
    world.sign_up("bob").await;
    for _ in 0..5 {
        let again = world
            .user("bob")
            .post("/confirm/send/signup/bob", &json!({}))
            .await;
        assert_eq!(again.status, 403);
    }
    assert_eq!(
        invite(&alice, "alice", "erin@example.org").await.status,
        200
    );
    assert_too_many(&invite(&alice, "alice", "frank@example.org").await);
}

#[actix_web::test]
async fn many_at_once_are_counted_one_by_one() {
    let world = limited(|limits| limits.mails_per_sender_per_hour = 4).await;
    let alice = world.user("alice");
    let emails: Vec<String> = (0..10).map(|i| format!("d{i}@example.org")).collect();
    let answers = emails.iter().map(|email| invite(&alice, "alice", email));
    let answers = futures_util::future::join_all(answers).await;
    let sent = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((sent, refused), (4, 6));
    assert_eq!(world.rows("mail_outbox", "pending").await, 4);
}

#[actix_web::test]
async fn a_clinic_asks_one_mailbox_so_often_and_uses_up_nothing_of_others() {
    let world = limited(|_| {}).await;
    let service = world.service();
    let ask = async |number: usize, clinic: &str| {
        let (id, email) = (
            format!("dave{number}"),
            format!("dave+{number}@example.org"),
        );
        let members = json!({ "username": email, "emails": [email], "passwordExists": false });
        world.user_api.has_with(&id, members);
        let path = format!("/confirm/send/signup/{id}");
        service.post(&path, &json!({ "clinicId": clinic })).await
    };
    let (oak, elm) = ("5f0000000000000000000001", "5f0000000000000000000002");
    for number in 0..10 {
        assert_eq!(ask(number, oak).await.status, 200, "{number}");
    }
    for number in 10..40 {
        let before = world.everything(&STORED).await;
        assert_too_many(&ask(number, oak).await);
        assert_eq!(world.everything(&STORED).await, before, "{number}");
    }
    assert_eq!(ask(40, elm).await.status, 200);
    let invited = invite(&world.user("alice"), "alice", "dave@example.org").await;
    assert_eq!(invited.status, 200);
}

#[actix_web::test]
async fn zero_is_no_limit() {
    let world = limited(|limits| {
        limits.mails_per_sender_per_hour = 0;
        limits.mails_per_sender_and_recipient_per_hour = 0;
        limits.mails_per_recipient_per_hour = 0;
        limits.asked_mails_per_recipient_per_10_minutes = 0;
        limits.asked_mails_per_source_per_hour = 0;
    })
    .await;
    let path = "/confirm/send/forgot/dave@example.org";
    for _ in 0..40 {
        assert_empty(&post(&world.anonymous(), path).await, 200);
    }
    assert_eq!(world.rows("outbox", "pending").await, 40);
}

#[actix_web::test]
async fn no_address_is_kept_in_the_quotas() {
    let world = limited(|_| {}).await;
    invite(&world.user("alice"), "alice", "dave@example.org").await;
    let elsewhere = world.anonymous().at_place("192.0.2.1");
    post(&elsewhere, "/confirm/send/forgot/dave@example.org").await;
    let quotas = world.everything(&["quotas"]).await;
    assert_eq!(quotas.len(), 3 + 2);
    for quota in &quotas {
        let shown = quota.to_string();
        let is_told = ["dave", "alice", "192.0"]
            .iter()
            .any(|name| shown.contains(name));
        assert!(!is_told, "{shown}");
    }
    let indexes = world.database.database.collection::<Document>("quotas");
    let names = indexes.list_index_names().await.unwrap();
    assert!(names.contains(&"endsAt_1".to_owned()), "{names:?}");
}

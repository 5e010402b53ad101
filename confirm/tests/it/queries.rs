//! What reaches the database: no operation scans a collection or looks at more than what it is
//! about, however many confirmations there are; and what the two lists cost.
//!
//! The database itself notes what it did for each command, transactions included.

use std::collections::BTreeSet;

use bson::{Document, doc};
use futures_util::{TryStreamExt, future::join_all};
use mongodb::options::CollationStrength;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Profile, Work, assert_indexed, send};
use stand_ins::{gatekeeper, user_api};

use crate::{
    mailbox::Mail,
    oak::{PATIENTS, clinician_path, oak, own_path, patient_path},
    world::{World, assert_empty, assert_ok, assert_refused, patch, post, put},
};

/// Confirmations of others.
const CROWD: usize = 30_000;

/// Documents that one command may look at: what the busiest account here has, and a few more that
/// the database tries before it has settled on an index.
const ENOUGH: i64 = 40;

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// Other people's confirmations of every kind and status, most of them pending invitations.
async fn crowd(world: &World) {
    let statuses = [
        "pending",
        "pending",
        "pending",
        "completed",
        "declined",
        "canceled",
    ];
    let kinds = [
        "careteam_invitation",
        "careteam_invitation",
        "signup_confirmation",
        "password_reset",
    ];
    let documents: Vec<Document> = (0..CROWD)
        .map(|i| {
            let user = if i % 3 == 0 { String::new() } else { format!("user{}", i / 2) };
            let mut made = doc! {
                "_id": format!("crowd{i}"), "type": kinds[i % 4], "status": statuses[i % 6],
                "email": format!("User{}@example.org", i / 2), "userId": user,
                "creatorId": format!("sharer{}", i / 3), "creator": {},
                "context": { "permissions": { "view": {} } },
                "created": bson::DateTime::from_millis(1_700_000_000_000 + i64::try_from(i).unwrap()),
                "expiresAt": bson::DateTime::from_millis(4_000_000_000_000),
                "templateName": "careteam_invitation",
            };
            if i % 10 == 0 {
                made.insert("clinicId", CLINIC);
            }
            made
        })
        .collect();
    world.confirmations().insert_many(documents).await.unwrap();
}

/// What was done in the collections of the service.
async fn ended(profile: Profile<'_>) -> Vec<Work> {
    let mut work = profile.end().await;
    let names = ["confirmations", "quotas", "outbox", "mail_outbox"];
    work.retain(|work| names.contains(&work.collection()));
    work
}

#[actix_web::test]
async fn no_operation_looks_at_more_than_what_it_is_about() {
    let mut world = World::without_relay_with(|config| {
        config.limits.mails_per_recipient_per_hour = 0;
    })
    .await;
    crowd(&world).await;
    let database = world.database.database.clone();
    let profile = Profile::start(&database).await;
    world.start_relay();
    play_every_operation(&world).await;
    let shapes = assert_indexed(&ended(profile).await, ENOUGH);
    // As many as the store has queries, so that the test cannot pass by seeing none.
    assert!(shapes.len() >= 27, "{}: {shapes:#?}", shapes.len());
}

async fn play_every_operation(world: &World) {
    for id in ["alice", "bob", "carol", "dave"] {
        world.user_api.has(id);
    }
    let (alice, carol, service) = (world.user("alice"), world.user("carol"), world.service());
    let anonymous = world.anonymous();
    // Invitations: to somebody with an account and without, sent again, declined, canceled.
    let view = json!({"view": {}});
    let sent = world
        .invite("alice", "carol@example.org", view.clone())
        .await;
    let resend = format!("/confirm/resend/invite/{}", sent["key"].as_str().unwrap());
    assert_eq!(patch(&alice, &resend).await.status, 200);
    // And again by the key that it had.
    let sent: Value = patch(&alice, &resend).await.json();
    let key = sent["key"].as_str().unwrap();
    world
        .invite("alice", "erin@example.org", view.clone())
        .await;
    for path in [
        "/confirm/invite/alice",
        "/confirm/invite/sharer5",
        "/confirm/invite/nobody",
    ] {
        let status = if path.ends_with("nobody") { 404 } else { 200 };
        assert_eq!(service.get(path).await.status, status, "{path}");
    }
    world.user_api.has("erin");
    for path in ["/confirm/invitations/carol", "/confirm/invitations/erin"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    let path = "/confirm/accept/invite/carol/alice";
    assert_ok(&carol.put(path, &json!({"key": key})).await);
    let path = "/confirm/dismiss/invite/erin/alice";
    assert_empty(&service.put(path, &json!({})).await, 200);
    let path = "/confirm/alice/invited/erin@example.org";
    assert_empty(&put(&alice, path).await, 200);
    // An acceptance that the outbox finishes.
    let sent = world
        .invite("alice", "dave@example.org", view.clone())
        .await;
    let body = json!({"key": sent["key"]});
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 500);
    let path = "/confirm/accept/invite/dave/alice";
    assert_eq!(service.put(path, &body).await.status, 500);
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.settled().await;
    assert_ok(&service.put(path, &body).await);
    // An invitation that came before the account.
    world.invite("alice", "fay@example.org", view).await;
    world.user_api.has("fay");
    let path = "/confirm/accept/invite/fay/alice";
    assert_ok(&service.put(path, &json!({})).await);
    // Sign-ups.
    let body = json!({});
    assert_empty(&alice.post("/confirm/send/signup/alice", &body).await, 200);
    world
        .user_api
        .change("alice", json!({"emails": ["moved@example.org"]}));
    assert_eq!(alice.post("/confirm/signup/alice", &body).await.status, 200);
    assert_eq!(alice.get("/confirm/signup/alice").await.status, 200);
    let path = "/confirm/resend/signup/Moved@example.org";
    assert_empty(&post(&anonymous, path).await, 200);
    let shown: Value = service.get("/confirm/signup/alice").await.json();
    let path = format!("/confirm/accept/signup/{}", shown["key"].as_str().unwrap());
    assert_empty(&put(&anonymous, &path).await, 200);
    assert_empty(&service.post("/confirm/send/signup/bob", &body).await, 200);
    assert_empty(&service.delete("/confirm/signup/bob").await, 200);
    world.user_api.change("bob", json!({"emails": null}));
    assert_empty(&service.post("/confirm/signup/bob", &body).await, 200);
    // Resets.
    assert_empty(&post(&anonymous, "/forgot/nobody@example.org").await, 200);
    let path = "/confirm/send/forgot/carol@example.org";
    assert_empty(&post(&anonymous, path).await, 200);
    let mails = world.mails().await;
    let is_reset = |mail: &&Mail| mail.link().path() == "/confirm-password-reset";
    let key = mails.iter().find(is_reset).unwrap().value("resetKey");
    let body = json!({"key": key, "email": "carol@example.org", "password": "battery-staple"});
    let answer = anonymous.put("/confirm/accept/forgot", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // The end of an account.
    let path = "/internal/users/alice/invitations?until=0";
    assert_empty(&service.delete(path).await, 204);
    assert_empty(&service.delete("/internal/users/alice").await, 204);
    world.settled().await;
    let operator = world.service_called("operator");
    assert_eq!(post(&operator, "/internal/outbox/revive").await.status, 200);
}

#[actix_web::test]
async fn no_operation_about_clinics_looks_at_more_than_what_it_is_about() {
    let world = oak().await;
    crowd(&world).await;
    let view = || json!({ "view": {} });
    let [carol, nina, dave] = ["carol", "nina", "dave"].map(|id| world.user(id));
    let profile = Profile::start(&world.database.database).await;
    let mut answers = Vec::new();
    let declined = world.share(view()).await;
    answers.push(nina.delete(&patient_path(&declined)).await);
    let taken = world.share(view()).await;
    answers.push(nina.put(&patient_path(&taken), &json!({})).await);
    let invited = world.invite_clinician("dave@example.org").await;
    answers.push(carol.get(&clinician_path(&invited)).await);
    answers.push(patch(&carol, &clinician_path(&invited)).await);
    answers.push(dave.get("/v1/clinicians/dave/invites").await);
    answers.push(dave.put(&own_path("dave", &invited), &json!({})).await);
    let canceled = world.invite_clinician("erin@example.org").await;
    answers.push(carol.delete(&clinician_path(&canceled)).await);
    let dismissed = world.invite_clinician("alice@example.org").await;
    answers.push(
        world
            .user("alice")
            .delete(&own_path("alice", &dismissed))
            .await,
    );
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let shapes = assert_indexed(&ended(profile).await, ENOUGH);
    assert!(shapes.len() >= 10, "{}: {shapes:#?}", shapes.len());
    // What many share.
    let profile = Profile::start(&world.database.database).await;
    let list: Vec<Value> = nina.get(PATIENTS).await.json();
    assert!(list.len() > 500, "{}", list.len());
    for query in ended(profile).await {
        let enough = query.returned() + ENOUGH;
        assert!(
            query.documents() <= enough && query.keys() <= enough,
            "{query:?}"
        );
    }
}

#[actix_web::test]
async fn the_lists_cost_what_they_should() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    for sharer in ["alice", "bob", "dave"] {
        world.user_api.has(sharer);
        world
            .invite(sharer, "carol@example.org", json!({"view": {}}))
            .await;
    }
    let (carol, alice) = (world.user("carol"), world.user("alice"));
    // The tokens are known from here on.
    let paths = ["/confirm/invitations/carol", "/confirm/invite/alice"];
    for (person, path) in [(&carol, paths[0]), (&alice, paths[1])] {
        assert_eq!(person.get(path).await.status, 200);
    }
    let people = world.user_api.asked(user_api::Ask::People).len();
    let profile = Profile::start(&world.database.database).await;
    for (person, path) in [(&carol, paths[0]), (&alice, paths[1])] {
        let answer = send(person.request(Method::GET, path)).await;
        assert_eq!(answer.status, 200);
    }
    let work = ended(profile).await;
    let queries: Vec<_> = work
        .iter()
        .map(|work| (work.operation(), work.documents()))
        .collect();
    // Received: those of the account, and those that wait for its address. Sent: one look.
    assert_eq!(
        queries,
        [("query", 3), ("query", 0), ("query", 1)],
        "{work:?}"
    );
    assert_eq!(
        world.user_api.asked(user_api::Ask::People).len() - people,
        2
    );
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Pair).len() <= 3);
}

#[actix_web::test]
async fn lists_at_the_same_moment_share_queries_and_nothing_else() {
    const AT_ONCE: usize = 100;
    let world = World::without_relay().await;
    crowd(&world).await;
    world.user_api.has("alice");
    let mut keys = Vec::new();
    for number in 0..AT_ONCE {
        let (id, key) = (format!("guest{number}"), format!("key{number}"));
        world.user_api.has(&id);
        world.user_api.has(&format!("host{number}"));
        // Some are for an address, some for an account, and some people are invited twice or never.
        for copy in 0..number % 3 {
            let invitation = doc! {
                "_id": format!("{key}-{copy}"), "type": "careteam_invitation", "status": "pending",
                "userId": if number % 2 == 0 { "" } else { &id }, "email": format!("{id}@example.org"),
                "creatorId": format!("host{number}"), "context": { "view": {} },
                "created": bson::DateTime::from_millis(1_700_000_000_000 - i64::from(copy == 1)),
            };
            world.confirmations().insert_one(invitation).await.unwrap();
        }
        let newest_first = (0..number % 3).map(|copy| format!("{key}-{copy}"));
        keys.push(newest_first.collect::<Vec<_>>());
    }
    let profile = Profile::start(&world.database.database).await;
    let service = world.service();
    let list = async |place: usize| {
        let number = place / 2;
        let path = if place.is_multiple_of(2) {
            format!("/confirm/invitations/guest{number}")
        } else {
            format!("/confirm/invite/host{number}")
        };
        let answer = service.get(&path).await;
        if keys[number].is_empty() {
            assert_refused(&answer, 404, "Nothing found");
            return;
        }
        let listed: Vec<Value> = answer.json();
        let listed_keys: Vec<&str> = listed
            .iter()
            .map(|one| one["key"].as_str().unwrap())
            .collect();
        assert_eq!(listed_keys, keys[number]);
        for one in listed {
            let creator = &one["creator"];
            assert_eq!(creator["userid"], format!("host{number}"));
            let name = format!("host{number} of Tide");
            assert_eq!(creator["profile"]["fullName"], name);
        }
    };
    join_all((0..2 * AT_ONCE).map(list)).await;
    let mut queries = ended(profile).await;
    queries.retain(|work| work.operation() == "query");
    assert!(
        queries.len() < AT_ONCE,
        "each took its own queries: {}",
        queries.len()
    );
    for query in queries {
        let enough = query.returned() + ENOUGH;
        assert!(query.documents() <= enough, "{query:?}");
        assert!(query.keys() <= 3 * enough, "{query:?}");
    }
    assert!(world.user_api.asked(user_api::Ask::People).len() < AT_ONCE / 2);
}

#[actix_web::test]
async fn the_indexes_are_those_of_the_reference_and_ours() {
    let world = World::without_relay().await;
    let indexes = world.confirmations().list_indexes().await.unwrap();
    let indexes: Vec<_> = indexes.try_collect().await.unwrap();
    let keys: BTreeSet<String> = indexes.iter().map(|index| index.keys.to_string()).collect();
    for wanted in [
        doc! { "_id": 1 },
        doc! { "type": 1, "status": 1 },
        doc! { "userId": 1, "type": 1, "status": 1, "created": -1 },
        doc! { "creatorId": 1, "type": 1, "status": 1, "created": -1 },
        doc! { "clinicId": 1, "type": 1, "status": 1, "created": -1 },
    ] {
        assert!(keys.contains(&wanted.to_string()), "{wanted}: {keys:?}");
    }
    let by_email = indexes
        .iter()
        .find(|index| index.keys.contains_key("email"));
    let options = by_email.unwrap().options.clone().unwrap();
    let collation = options.collation.unwrap();
    assert_eq!(collation.locale, "en");
    assert!(matches!(
        collation.strength,
        Some(CollationStrength::Secondary)
    ));
    // Old ones are kept for the record.
    assert!(indexes.iter().all(|index| {
        let options = index.options.as_ref();
        options.is_none_or(|options| options.expire_after.is_none())
    }));
}

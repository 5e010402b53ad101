//! `/metadata`: who reads and writes which collection.

use std::collections::BTreeSet;

use bson::{Document, doc};
use futures_util::future::join_all;
use mongodb::Collection;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Profile};
use stand_ins::gatekeeper::Ask;

use crate::world::{User, World, assert_empty, assert_refused};

const COLLECTIONS: [&str; 5] = ["profile", "preferences", "settings", "private", "groups"];

pub(crate) fn seagull(world: &World) -> Collection<Document> {
    world.database.database.collection("seagull")
}

/// Stores `value` as the reference does, with a member that is not ours.
pub(crate) async fn store(world: &World, user: &str, value: &str) {
    let document = doc! { "userId": user, "value": value, "_schemaVersion": 1 };
    seagull(world).insert_one(document).await.unwrap();
}

pub(crate) async fn stored(world: &World, user: &str) -> Option<Value> {
    let document = seagull(world)
        .find_one(doc! { "userId": user })
        .await
        .unwrap()?;
    Some(serde_json::from_str(document.get_str("value").unwrap()).unwrap())
}

pub(crate) fn path(user: &User, collection: &str) -> String {
    format!("/metadata/{}/{collection}", user.id)
}

#[track_caller]
pub(crate) fn assert_json(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json::<Value>(), *body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[track_caller]
fn assert_unauthorized(answer: &Answer) {
    assert_json(answer, 401, &json!("Unauthorized"));
}

#[actix_web::test]
async fn each_reader_gets_what_the_contract_says() {
    let world = World::start().await;
    let (alice, member, sharer, stranger) = (
        world.user("alice").await,
        world.user("member").await,
        world.user("sharer").await,
        world.user("stranger").await,
    );
    world
        .gatekeeper
        .grant(&alice.id, &member.id, json!({"upload": {}}));
    world
        .gatekeeper
        .grant(&sharer.id, &alice.id, json!({"note": {}}));
    // A permission that is null is none, in either direction.
    world
        .gatekeeper
        .grant(&alice.id, &stranger.id, json!({"view": null}));
    world
        .gatekeeper
        .grant(&stranger.id, &alice.id, json!({"view": null}));
    let value = json!({
        "profile": {"fullName": "Alice", "patient": {"birthday": "2010-01-01"}},
        "preferences": {"p": 1},
        "settings": {"s": 1},
        "private": {"uploads": {"id": "0123456789", "hash": "0123456789abcdef01234567"}},
        "groups": {"g": 1},
    });
    store(&world, &alice.id, &value.to_string()).await;
    let service = world.service().await;

    for collection in COLLECTIONS {
        let path = path(&alice, collection);
        let is_private = collection == "private";
        assert_json(&service.get(&path).await, 200, &value[collection]);
        for reader in [&alice, &member] {
            let answer = reader.person.get(&path).await;
            if is_private {
                assert_unauthorized(&answer);
            } else {
                assert_json(&answer, 200, &value[collection]);
            }
        }
        let answer = sharer.person.get(&path).await;
        if collection == "profile" {
            assert_json(&answer, 200, &json!({"fullName": "Alice"}));
        } else {
            assert_unauthorized(&answer);
        }
        assert_unauthorized(&stranger.person.get(&path).await);
        assert_unauthorized(&world.anonymous().get(&path).await);
        assert_unauthorized(&world.app.bearer("no.to.ken").get(&path).await);
    }
}

#[actix_web::test]
async fn what_does_not_exist_is_not_found_without_a_body() {
    let world = World::start().await;
    let (alice, sharer) = (world.user("alice").await, world.user("sharer").await);
    world
        .gatekeeper
        .grant(&sharer.id, &alice.id, json!({"view": {}}));
    let service = world.service().await;

    assert_empty(&alice.person.get(&path(&alice, "profile")).await, 404);
    assert_empty(&sharer.person.get(&path(&alice, "profile")).await, 404);
    assert_empty(&service.get("/metadata/unknown/profile").await, 404);
    assert_empty(
        &service.get("/metadata/%7B%22$ne%22:null%7D/profile").await,
        404,
    );

    store(&world, &alice.id, r#"{"settings":{},"profile":null}"#).await;
    assert_empty(&alice.person.get(&path(&alice, "profile")).await, 404);
    assert_json(
        &alice.person.get(&path(&alice, "settings")).await,
        200,
        &json!({}),
    );
    for unknown in ["Profile", "profiles", "$where", "users", "value"] {
        assert_empty(&alice.person.get(&path(&alice, unknown)).await, 404);
        assert_empty(&service.put(&path(&alice, unknown), &json!({})).await, 404);
    }
}

#[actix_web::test]
async fn a_profile_without_a_name_tells_a_sharer_nothing() {
    let world = World::start().await;
    let (alice, sharer) = (world.user("alice").await, world.user("sharer").await);
    world
        .gatekeeper
        .grant(&sharer.id, &alice.id, json!({"view": {}}));
    store(&world, &alice.id, r#"{"profile":{"patient":{"mrn":"1"}}}"#).await;
    assert_json(
        &sharer.person.get(&path(&alice, "profile")).await,
        200,
        &json!({}),
    );
}

#[actix_web::test]
async fn only_those_who_may_write_do() {
    let world = World::start().await;
    let (alice, other) = (world.user("alice").await, world.user("other").await);
    let service = world.service().await;
    let profile = path(&alice, "profile");

    for (permissions, may) in [
        (json!({"custodian": {}}), true),
        (json!({"admin": {}}), true),
        (json!({"edit": {}}), true),
        (
            json!({"view": {}, "upload": {}, "note": {}, "follow": {}}),
            false,
        ),
        (json!({"edit": null}), false),
        (json!({"root": {}}), false),
    ] {
        world
            .gatekeeper
            .grant(&alice.id, &other.id, permissions.clone());
        let before = stored(&world, &alice.id).await;
        let body = json!({"fullName": permissions.to_string()});
        let answer = other.person.put(&profile, &body).await;
        if may {
            assert_json(&answer, 200, &body);
        } else {
            assert_unauthorized(&answer);
            assert_eq!(stored(&world, &alice.id).await, before, "{permissions}");
        }
    }
    world
        .gatekeeper
        .grant(&alice.id, &other.id, json!({"custodian": {}}));
    let body = json!({"x": {"id": "i", "hash": "h"}});
    for person in [&alice.person, &other.person] {
        assert_unauthorized(&person.put(&path(&alice, "private"), &body).await);
        assert_unauthorized(&person.post(&path(&alice, "private"), &body).await);
    }
    assert_json(
        &service.put(&path(&alice, "private"), &body).await,
        200,
        &body,
    );
    // A permission of the other direction does not count.
    assert_unauthorized(
        &alice
            .person
            .put(&path(&other, "profile"), &json!({"a": 1}))
            .await,
    );
    assert_unauthorized(&world.anonymous().put(&profile, &json!({"a": 1})).await);
    assert_unauthorized(&world.anonymous().post(&profile, &json!({"a": 1})).await);
}

#[actix_web::test]
async fn an_anonymous_pair_is_made_once_and_for_services_only() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let uploads = path(&alice, "private/uploads");
    assert_unauthorized(&alice.person.get(&uploads).await);
    assert_unauthorized(&world.anonymous().get(&uploads).await);
    assert_eq!(stored(&world, &alice.id).await, None);

    let answers = join_all((0..20).map(|_| service.get(&uploads))).await;
    let pairs: BTreeSet<&str> = answers.iter().map(Answer::text).collect();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    let pair: Value = answers[0].json();
    for (member, digits) in [("id", 10), ("hash", 24)] {
        let text = pair[member].as_str().unwrap();
        assert_eq!(text.len(), digits);
        assert!(
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{text}"
        );
    }
    let other: Value = service.get(&path(&alice, "private/a%2Fb.c$")).await.json();
    assert_ne!(other, pair);
    let both = json!({"uploads": pair, "a/b.c$": other});
    assert_json(&service.get(&path(&alice, "private")).await, 200, &both);
    assert_unauthorized(&alice.person.get(&path(&alice, "private")).await);
    let too_long = path(&alice, &format!("private/{}", "n".repeat(129)));
    assert_empty(&service.get(&too_long).await, 404);
}

#[actix_web::test]
async fn services_leave_out_the_prefix() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    for collection in COLLECTIONS {
        let short = format!("/{}/{collection}", alice.id);
        let body = json!({"a": {"id": "b", "hash": "c"}});
        assert_json(&service.put(&short, &body).await, 200, &body);
        assert_json(&service.post(&short, &json!({})).await, 200, &body);
        assert_json(&service.get(&short).await, 200, &body);
        assert_unauthorized(&world.anonymous().get(&short).await);
    }
    let pair = service.get(&format!("/{}/private/a", alice.id)).await;
    assert_json(&pair, 200, &json!({"id": "b", "hash": "c"}));
    for path in ["/metadata/collections", "/collections"] {
        let answer = world.anonymous().get(path).await;
        assert_json(&answer, 200, &json!(["profile", "groups", "private"]));
    }
    let answer = service.get(&format!("/{}/settingz", alice.id)).await;
    assert_eq!(answer.status, 404);
    // The operations that the aliases resemble are still theirs.
    assert!(
        world
            .anonymous()
            .get("/auth/private")
            .await
            .json::<Value>()
            .get("name")
            .is_some()
    );
    assert_eq!(alice.person.get("/user/profile").await.status, 404);
}

#[actix_web::test]
async fn a_gatekeeper_that_fails_lets_nobody_in() {
    let world = World::start().await;
    let (alice, other) = (world.user("alice").await, world.user("other").await);
    store(&world, &alice.id, r#"{"profile":{"fullName":"Alice"}}"#).await;
    world
        .gatekeeper
        .grant(&alice.id, &other.id, json!({"custodian": {}}));
    world.gatekeeper.fail_each(&Ask::READS, 500);
    let profile = path(&alice, "profile");
    assert_refused(&other.person.get(&profile).await, 500, "Error finding user");
    let answer = other.person.put(&profile, &json!({"a": 1})).await;
    assert_refused(&answer, 500, "Error finding user");
    assert_json(
        &alice.person.get(&profile).await,
        200,
        &json!({"fullName": "Alice"}),
    );
}

#[actix_web::test]
async fn a_stored_text_that_cannot_be_read_is_a_failure_that_tells_nothing() {
    let world = World::start().await;
    for (name, value) in [("ann", "\"secret\""), ("bob", "{secret"), ("cat", "null")] {
        let user = world.user(name).await;
        store(&world, &user.id, value).await;
        let answer = user.person.get(&path(&user, "profile")).await;
        assert_refused(&answer, 500, "Error finding user");
        let answer = user
            .person
            .put(&path(&user, "profile"), &json!({"a": 1}))
            .await;
        assert_refused(&answer, 500, "Error updating user");
    }
}

#[actix_web::test]
async fn a_child_account_has_its_profile_at_once() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/user/createChild/{}", alice.id);
    let answer = alice.person.post(&path, &json!({"fullName": "Kim"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let child = answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = alice
        .person
        .get(&format!("/metadata/{child}/profile"))
        .await;
    assert_json(
        &answer,
        200,
        &json!({"fullName": "Kim", "isDataAccount": true}),
    );
}

#[actix_web::test]
async fn every_query_goes_by_the_index() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world
        .gatekeeper
        .grant(&alice.id, &bob.id, json!({"view": {}}));
    let profile = Profile::start(&world.database.database).await;
    for body in [json!({"a": 1}), json!({"a": 2})] {
        assert_eq!(
            alice
                .person
                .put(&path(&alice, "profile"), &body)
                .await
                .status,
            200
        );
    }
    assert_eq!(bob.person.get(&path(&alice, "profile")).await.status, 200);
    let list = format!("/metadata/users/{}/users", bob.id);
    assert_eq!(bob.person.get(&list).await.status, 200);

    let mut seen = profile.end().await;
    seen.retain(|work| matches!(work.collection(), "seagull" | "users") && !work.plan().is_empty());
    assert!(seen.len() >= 6, "{seen:?}");
    for work in seen {
        assert!(
            work.plan().contains("IXSCAN") && !work.plan().contains("COLLSCAN"),
            "{work:?}"
        );
    }
}

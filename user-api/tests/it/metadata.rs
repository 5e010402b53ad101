//! `/metadata`: who reads and writes which collection, how changes merge, and what is stored.

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use futures_util::{TryStreamExt, future::join_all};
use mongodb::Collection;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, send};

use crate::world::{User, World, assert_empty, assert_refused, eventually};

const COLLECTIONS: [&str; 5] = ["profile", "preferences", "settings", "private", "groups"];

fn seagull(world: &World) -> Collection<Document> {
    world.database.database.collection("seagull")
}

/// Stores `value` as the reference does, with a member that is not ours.
async fn store(world: &World, user: &str, value: &str) {
    let document = doc! { "userId": user, "value": value, "_schemaVersion": 1 };
    seagull(world).insert_one(document).await.unwrap();
}

async fn stored(world: &World, user: &str) -> Option<Value> {
    let document = seagull(world)
        .find_one(doc! { "userId": user })
        .await
        .unwrap()?;
    Some(serde_json::from_str(document.get_str("value").unwrap()).unwrap())
}

fn path(user: &User, collection: &str) -> String {
    format!("/metadata/{}/{collection}", user.id)
}

#[track_caller]
fn assert_json(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json::<Value>(), *body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[track_caller]
fn assert_unauthorized(answer: &Answer) {
    assert_json(answer, 401, &json!("Unauthorized"));
}

async fn put_raw(person: &Person, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    send(person.request(Method::PUT, path).body(body)).await
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
async fn changes_merge_member_by_member() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let person = &alice.person;
    let profile = path(&alice, "profile");

    let first = json!({"fullName": "Alice", "bio": "x", "patient": {"mrn": "1"}});
    assert_json(&person.post(&profile, &first).await, 200, &first);
    let change = json!({"bio": null, "shortName": "Al", "a.b": {"$ne": 1}});
    let merged = json!({
        "fullName": "Alice", "patient": {"mrn": "1"}, "shortName": "Al", "a.b": {"$ne": 1},
    });
    assert_json(&person.put(&profile, &change).await, 200, &merged);
    assert_json(&person.put(&profile, &json!({})).await, 200, &merged);
    assert_json(&person.get(&profile).await, 200, &merged);
    let settings = json!({"bgTarget": 3.885_550_000_000_000_3});
    assert_json(
        &person.put(&path(&alice, "settings"), &settings).await,
        200,
        &settings,
    );
    assert_eq!(
        stored(&world, &alice.id).await,
        Some(json!({"profile": merged, "settings": settings}))
    );
    let patient = json!({"patient": {"birthday": "", "about": "y"}, "a.b": null});
    let replaced = json!({"fullName": "Alice", "patient": patient["patient"], "shortName": "Al"});
    assert_json(&person.put(&profile, &patient).await, 200, &replaced);
}

#[actix_web::test]
async fn a_body_that_is_no_collection_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let profile = path(&alice, "profile");
    let kept = json!({"fullName": "Alice"});
    assert_eq!(alice.person.put(&profile, &kept).await.status, 200);

    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    for (body, reason) in [
        (String::new(), "The body is not valid JSON"),
        ("{".into(), "The body is not valid JSON"),
        ("{'a':1}".into(), "The body is not valid JSON"),
        (deep(50_000), "The body is not valid JSON"),
        (deep(33), "The body is nested too deeply"),
        ("[]".into(), "The body is not a JSON object"),
        ("null".into(), "The body is not a JSON object"),
        ("\"x\"".into(), "The body is not a JSON object"),
        (
            r#"{"fullName":" "}"#.into(),
            "fullName is not a text or blank",
        ),
        (
            r#"{"fullName":{"$ne":null}}"#.into(),
            "fullName is not a text or blank",
        ),
        (
            r#"{"isDataAccount":"yes"}"#.into(),
            "isDataAccount is not a boolean",
        ),
        (r#"{"patient":[]}"#.into(), "patient is not an object"),
        (
            r#"{"patient":{"birthday":{"$gt":""}}}"#.into(),
            "patient.birthday is not a text",
        ),
        (
            r#"{"patient":{"diagnosisDate":1}}"#.into(),
            "patient.diagnosisDate is not a text",
        ),
    ] {
        for method in [Method::PUT, Method::POST] {
            let request = alice.person.request(method, &profile).body(body.clone());
            assert_refused(&send(request).await, 400, reason);
        }
    }
    let invalid_utf8 = put_raw(&alice.person, &profile, &b"{\"a\":\"\xff\"}"[..]).await;
    assert_refused(&invalid_utf8, 400, "The body is not valid JSON");
    assert_eq!(
        stored(&world, &alice.id).await,
        Some(json!({"profile": kept}))
    );
}

#[actix_web::test]
async fn metadata_does_not_grow_without_end() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let half = json!({"a": "x".repeat(300 * 1024)});
    let settings = path(&alice, "settings");
    assert_eq!(alice.person.put(&settings, &half).await.status, 200);
    let answer = alice.person.put(&path(&alice, "preferences"), &half).await;
    assert_refused(&answer, 413, "The metadata would grow too large");
    assert_eq!(
        stored(&world, &alice.id).await,
        Some(json!({"settings": half}))
    );

    let whole = json!({"a": "x".repeat(600 * 1024)});
    let answer = bob.person.put(&path(&bob, "settings"), &whole).await;
    assert_refused(&answer, 413, "The metadata would grow too large");
    assert_eq!(stored(&world, &bob.id).await, None);
    let huge = "x".repeat(3 << 20);
    let answer = put_raw(&bob.person, &path(&bob, "settings"), huge).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
}

#[actix_web::test]
async fn a_document_of_the_reference_is_read_and_changed_as_it_is() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let golden = concat!(
        r#"{"profile":{"fullName":"Älice O'Hara","shortName":"Al","patient":{"birthday":"1990-1-1","#,
        r#""diagnosisDate":"","about":"\u00e9\n","targetDevices":["a","b"]},"custom":{"deep":[1,2.50,"#,
        r#"3.8855500000000003,{"x":null}]}},"groups":{"patients":"0e7cd9fb32"},"#,
        r#""private":{"uploads":{"name":"","id":"1234567890","hash":"abcdef1234567890abcdef12"}},"#,
        r#""legacy":[1,"two"],"preferences":{"displayedReleases":{"1.0":true}}}"#
    );
    store(&world, &alice.id, golden).await;
    let before: Value = serde_json::from_str(golden).unwrap();
    assert_json(
        &alice.person.get(&path(&alice, "profile")).await,
        200,
        &before["profile"],
    );
    let pair = world
        .service()
        .await
        .get(&path(&alice, "private/uploads"))
        .await;
    assert_json(
        &pair,
        200,
        &json!({"id": "1234567890", "hash": "abcdef1234567890abcdef12"}),
    );
    let untouched = seagull(&world)
        .find_one(doc! { "userId": &alice.id })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(untouched.get_str("value").unwrap(), golden);

    let answer = alice
        .person
        .put(&path(&alice, "profile"), &json!({"shortName": null}))
        .await;
    let mut after = before.clone();
    after["profile"]
        .as_object_mut()
        .unwrap()
        .remove("shortName");
    assert_json(&answer, 200, &after["profile"]);
    assert_eq!(stored(&world, &alice.id).await, Some(after));
    let document = seagull(&world)
        .find_one(doc! { "userId": &alice.id })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(document.get("_id"), untouched.get("_id"));
    assert_eq!(document.get("_schemaVersion"), Some(&Bson::Int32(1)));
}

#[actix_web::test]
async fn twenty_writers_at_once_lose_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = path(&alice, "settings");
    // The first of them create the document, so the race for that is run as well.
    let bodies: Vec<Value> = (0..20)
        .map(|writer| json!({ format!("m{writer}"): writer }))
        .collect();
    let answers = join_all(bodies.iter().map(|body| alice.person.put(&path, body))).await;
    for (writer, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json::<Value>()[format!("m{writer}")], json!(writer));
    }
    let all: Value = (0..20)
        .map(|writer| (format!("m{writer}"), json!(writer)))
        .collect();
    assert_json(&alice.person.get(&path).await, 200, &all);
    let documents = seagull(&world)
        .count_documents(doc! { "userId": &alice.id })
        .await
        .unwrap();
    assert_eq!(documents, 1);
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
    world.gatekeeper.break_methods(&["GET"]);
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
async fn nothing_is_written_about_an_account_that_is_gone() {
    let world = World::start().await;
    let (alice, custodian) = (world.user("alice").await, world.user("custodian").await);
    let service = world.service().await;
    let profile = path(&alice, "profile");
    let body = json!({"fullName": "Alice"});
    assert_eq!(alice.person.put(&profile, &body).await.status, 200);
    let account = format!("/user/{}", alice.id);
    assert_eq!(service.delete(&account).await.status, 204);
    assert_eq!(stored(&world, &alice.id).await, None);
    eventually("the notice", async || {
        world.gatekeeper.has_forgotten(&alice.id)
    })
    .await;
    // A grant that gatekeeper has not forgotten yet.
    let everything = json!({"custodian": {}});
    world.gatekeeper.grant(&alice.id, &custodian.id, everything);
    assert_empty(&custodian.person.put(&profile, &body).await, 404);
    assert_eq!(stored(&world, &alice.id).await, None);
}

#[actix_web::test]
async fn a_deletion_takes_along_what_is_written_at_that_moment() {
    let world = World::start().await;
    let custodian = world.user("custodian").await;
    let service = world.service().await;
    for round in 0..10 {
        let alice = world.user(&format!("alice{round}")).await;
        let everything = json!({"custodian": {}});
        world.gatekeeper.grant(&alice.id, &custodian.id, everything);
        let (profile, body) = (path(&alice, "profile"), json!({"fullName": "Alice"}));
        let account = format!("/user/{}", alice.id);
        let (deleted, written) = tokio::join!(
            service.delete(&account),
            custodian.person.put(&profile, &body)
        );
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        let status = written.status;
        assert!(matches!(status, 200 | 401 | 404), "{}", written.text());
        assert_eq!(stored(&world, &alice.id).await, None, "{status}");
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
    let database = &world.database.database;
    database.run_command(doc! { "profile": 2 }).await.unwrap();
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
    database.run_command(doc! { "profile": 0 }).await.unwrap();

    let filter = doc! {
        "ns": { "$regex": r"\.(seagull|users)$" },
        "op": { "$in": ["query", "update", "command"] },
        "planSummary": { "$exists": true },
    };
    let seen: Vec<Document> = database
        .collection("system.profile")
        .find(filter)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(seen.len() >= 6, "{seen:?}");
    for operation in seen {
        let plan = operation.get_str("planSummary").unwrap();
        assert!(
            plan.contains("IXSCAN") && !plan.contains("COLLSCAN"),
            "{operation}"
        );
    }
}

//! `/metadata`: how changes merge, and what is stored.

use bson::{Bson, doc};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, send, send_raw};

use crate::{
    metadata::{assert_json, path, seagull, store, stored},
    world::{World, assert_empty, assert_refused, eventually},
};

async fn put_raw(person: &Person, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    send_raw(person, Method::PUT, path, body).await
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
            r#"{"patient":{"birthday":"2001-02-29"}}"#.into(),
            "patient.birthday is not a date like 2010-01-31",
        ),
        (
            r#"{"patient":{"birthday":"2000-2-9"}}"#.into(),
            "patient.birthday is not a date like 2010-01-31",
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
async fn an_old_birthday_that_is_none_stays_until_it_changes() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let profile = path(&alice, "profile");
    let old = r#"{"profile":{"fullName":"Alice","patient":{"birthday":"2001-02-29"}}}"#;
    store(&world, &alice.id, old).await;
    let same = json!({"fullName": "Al", "patient": {"birthday": "2001-02-29", "about": "tea"}});
    assert_json(&alice.person.put(&profile, &same).await, 200, &same);
    let worse = json!({"patient": {"birthday": "2001-2-29"}});
    assert_refused(
        &alice.person.put(&profile, &worse).await,
        400,
        "patient.birthday is not a date like 2010-01-31",
    );
    let mended = json!({"patient": {"birthday": "2001-03-01"}});
    assert_eq!(alice.person.put(&profile, &mended).await.status, 200);
    let back = json!({"patient": {"birthday": "2001-02-29"}});
    assert_eq!(alice.person.put(&profile, &back).await.status, 400);
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

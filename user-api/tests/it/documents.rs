//! What is stored: documents of the reference are read and kept, and every query has its index.

use bson::{Bson, Document, doc};
use mongodb::{
    IndexModel,
    options::{Collation, CollationStrength, IndexOptions},
};
use serde_json::{Value, json};
use shared_runtime::testing::{Profile, TestDatabase, assert_indexed, send};
use stand_ins::gatekeeper::Ask;

use crate::{
    metadata::seagull,
    world::{PASSWORD, World},
};

/// An account as the reference wrote it, with members that are not ours.
fn golden() -> Document {
    doc! {
        "userid": "a1b2c3d4e5", "username": "Old@example.org", "emails": ["Old@example.org"],
        "roles": ["patient", "custodial_account"], "termsAccepted": "2016-01-01T00:00:00-08:00",
        "authenticated": true, "userhash": "0123456789abcdef01234567",
        "private": { "meta": { "id": "0123456789", "hash": "0123456789abcdef01234567" } },
        "createdTime": "2016-01-01T00:00:00Z", "createdUserId": "f1f2f3f4f5", "deletedTime": "",
        "somebodyElses": { "nested": [1, { "deep": true }] },
    }
}

#[actix_web::test]
async fn a_document_of_the_reference_is_read_as_it_is() {
    let world = World::start().await;
    world.users().insert_one(golden()).await.unwrap();
    let service = world.service().await;
    for target in ["a1b2c3d4e5", "A1B2C3D4E5", "old@EXAMPLE.org"] {
        let answer = service.get(&format!("/user/{target}")).await;
        assert_eq!(
            answer.json::<Value>(),
            json!({
                "userid": "a1b2c3d4e5", "username": "Old@example.org",
                "emails": ["Old@example.org"], "roles": ["patient", "custodial_account"],
                "termsAccepted": "2016-01-01T00:00:00-08:00", "emailVerified": true,
                "passwordExists": false,
            })
        );
    }
    let taken = json!({
        "username": "OLD@example.org", "emails": ["OLD@example.org"], "password": PASSWORD,
    });
    assert_eq!(world.anonymous().post("/user", &taken).await.status, 409);
}

#[actix_web::test]
async fn a_change_keeps_what_is_not_ours() {
    let world = World::start().await;
    world.users().insert_one(golden()).await.unwrap();
    let update = json!({ "updates": {
        "username": "new@example.org", "password": PASSWORD, "emailVerified": false,
    } });
    let answer = world.service().await.put("/user/a1b2c3d4e5", &update).await;
    assert_eq!(answer.status, 200);
    let mut stored = world.document("a1b2c3d4e5").await.unwrap();
    assert!(stored.get_str("pwhash").unwrap().starts_with("$argon2id$"));
    assert_eq!(stored.get_str("modifiedUserId").unwrap(), "gatekeeper");
    for ours in ["_id", "pwhash", "modifiedTime", "modifiedUserId"] {
        assert!(stored.remove(ours).is_some(), "{ours}");
    }
    let mut expected = golden();
    expected.extend(doc! {
        "username": "new@example.org", "emails": ["new@example.org"], "roles": ["patient"],
        "authenticated": false, "logins": ["new@example.org", "new@example.org"],
    });
    assert_eq!(sorted(stored), sorted(expected));
}

fn sorted(document: Document) -> std::collections::BTreeMap<String, Bson> {
    document.into_iter().collect()
}

#[actix_web::test]
async fn a_document_that_cannot_be_read_is_left_out_of_the_lists() {
    let world = World::start().await;
    let clinic = world.user_with_roles("clinic", &["clinic"]).await;
    let garbage = doc! { "userid": "a1b2c3d4e5", "roles": ["clinic"], "emails": { "a": 1 } };
    world.users().insert_one(garbage).await.unwrap();
    let service = world.service().await;
    let listed = service.get("/users?role=clinic").await;
    assert_eq!(
        listed.json::<Value>(),
        json!([{
            "userid": clinic.id, "username": clinic.email, "emails": [clinic.email],
            "roles": ["clinic"], "emailVerified": false, "passwordExists": true,
        }])
    );
    let metrics = world.anonymous().get("/metrics").await;
    assert!(
        metrics
            .text()
            .lines()
            .any(|line| line.starts_with("unreadable_documents_total{collection=\"users\"}")),
        "{}",
        metrics.text()
    );
    // Whoever asks for it is told that something is wrong.
    assert_eq!(service.get("/user/a1b2c3d4e5").await.status, 500);
    let id = &clinic.id;
    seagull(&world)
        .insert_many([
            doc! { "userId": "a1b2c3d4e5", "value": "{" },
            doc! { "userId": id, "value": r#"{"profile":{"fullName":"A clinic"}}"# },
        ])
        .await
        .unwrap();
    let path = format!("/internal/people?profiles=a1b2c3d4e5,{id}");
    let profile = json!({ "fullName": "A clinic", "patient": null });
    assert_eq!(
        service.get(&path).await.json::<Value>(),
        json!({ "people": [], "profiles": { id: profile } })
    );
    let own = service.get("/metadata/a1b2c3d4e5/profile").await;
    assert_eq!(own.status, 500);
    // Nor is somebody taken for one without a profile.
    let unreadable = doc! { "$set": { "value": 1 } };
    let of_clinic = doc! { "userId": id };
    let seagull = seagull(&world);
    seagull.update_one(of_clinic, unreadable).await.unwrap();
    let path = format!("/internal/people?ids={id}");
    assert_eq!(service.get(&path).await.status, 500);
}

#[actix_web::test]
async fn duplicates_of_the_reference_do_not_stop_the_start() {
    let database = TestDatabase::create().await;
    let users = database.database.collection::<Document>("users");
    let collation = Collation::builder()
        .locale("en")
        .strength(CollationStrength::Primary)
        .build();
    let index = |keys, unique| {
        let options = IndexOptions::builder()
            .collation(collation.clone())
            .unique(unique)
            .build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    users
        .create_indexes([
            index(doc! { "userid": 1 }, Some(true)),
            index(doc! { "username": 1 }, None),
            index(doc! { "emails": 1 }, None),
        ])
        .await
        .unwrap();
    let copy = |id: &str| doc! { "userid": id, "username": "a@z.co", "emails": ["a@z.co"] };
    users
        .insert_many([copy("0000000001"), copy("0000000002")])
        .await
        .unwrap();
    let world = World::start_in(database, |_| {}).await;
    assert_eq!(
        world.service().await.get("/user/0000000001").await.status,
        200
    );
}

#[actix_web::test]
async fn every_query_has_an_index() {
    let world =
        World::start_with(|config| config.accounts.demo_account = Some("demo".into())).await;
    let noting = Profile::start(&world.database.database).await;

    let service = world.service().await;
    let alice = world.user("alice").await;
    let clinic = world.user_with_roles("clinic", &["clinic"]).await;
    world.verify(&alice).await;
    assert_eq!(world.log_in(&alice.email, PASSWORD).await.status, 200);
    alice.person.get("/login").await;
    let of_alice = format!("/user/{}", alice.id);
    for path in [
        "/users?role=clinic",
        "/users?role=clinic&createdFrom=2016-01-01&createdTo=2100-01-01",
        "/user/alice@example.org",
        &of_alice,
        &format!("/users?id={},{}", alice.id, clinic.id),
        "/internal/people?email=alice@example.org",
        &format!("/internal/people?ids={}&profiles={}", alice.id, clinic.id),
        &format!("/token/{}", alice.token),
        &format!("/metadata/{}/profile", alice.id),
        &format!("/metadata/users/{}/users", alice.id),
    ] {
        assert!(service.get(path).await.status < 500, "{path}");
    }
    let child = json!({ "fullName": "Ann", "emails": ["ann@example.org"] });
    let path = format!("/user/createChild/{}", alice.id);
    let child: Value = alice.person.post(&path, &child).await.json();
    let kid = child["userid"].as_str().unwrap();
    for updates in [
        json!({ "username": "new@example.org" }),
        json!({ "emails": ["a@example.org", "b@example.org"] }),
        json!({ "password": PASSWORD, "roles": ["patient"] }),
    ] {
        let update = json!({ "updates": updates });
        assert_eq!(service.put(&of_alice, &update).await.status, 200);
    }
    let claim = json!({ "updates": { "password": PASSWORD } });
    assert_eq!(
        service.put(&format!("/user/{kid}"), &claim).await.status,
        200
    );
    let profile = json!({ "fullName": "Alice" });
    let path = format!("/metadata/{}/profile", alice.id);
    assert_eq!(service.put(&path, &profile).await.status, 200);
    assert_eq!(
        service.delete(&format!("{of_alice}/sessions")).await.status,
        204
    );
    let bob = world.user("bob").await;
    world.gatekeeper.grant(kid, &bob.id, json!({ "admin": {} }));
    let request = bob
        .person
        .request(reqwest::Method::DELETE, &format!("/user/{}", bob.id))
        .json(&json!({ "password": PASSWORD }));
    assert_eq!(send(request).await.status, 204);
    let path = format!("/user/{}/user", alice.id);
    let address = json!({ "emails": ["custodial@example.org"] });
    let custodial: Value = service.post(&path, &address).await.json();
    let custodial = custodial["userid"].as_str().unwrap();
    let removal = json!({ "updates": { "emails": [] } });
    let path = format!("/user/{custodial}");
    assert_eq!(service.put(&path, &removal).await.status, 200);
    let path = format!("/internal/users/{custodial}/holders");
    let notice = json!({ "version": 1, "holders": [alice.id] });
    assert_eq!(service.put(&path, &notice).await.status, 200);
    world.gatekeeper.fail_each(&Ask::READS, 500);
    let carol = world.user("carol").await;
    let request = carol
        .person
        .request(reqwest::Method::DELETE, &format!("/user/{}", carol.id))
        .json(&json!({ "password": PASSWORD }));
    assert_eq!(send(request).await.status, 204);
    assert_eq!(service.delete(&of_alice).await.status, 204);

    let all = noting.end().await;
    let of_users = all.iter().filter(|work| work.collection() == "users");
    assert!(of_users.count() > 20, "the database noted the queries");
    assert_indexed(&all, i64::MAX);
}

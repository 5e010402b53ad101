//! A database that the reference left behind.

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{IndexModel, options::IndexOptions};
use serde_json::json;
use shared_runtime::testing::TestDatabase;

use crate::world::{World, assert_answer, assert_unauthorized};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// The collections with the reference's indexes and documents that ours would not write.
async fn left_behind() -> TestDatabase {
    let database = TestDatabase::create().await;
    for (collection, keys) in [
        ("perms", doc! {"userId": 1}),
        ("perms", doc! {"sharerId": 1, "userId": 1}),
        ("patient_permissions", doc! {"userId": 1}),
        ("clinician_permissions", doc! {"userId": 1, "clinicId": 1}),
    ] {
        let index = IndexModel::builder()
            .keys(keys)
            .options(IndexOptions::builder().build())
            .build();
        database
            .database
            .collection::<Document>(collection)
            .create_index(index)
            .await
            .unwrap();
    }
    let clinic = ObjectId::parse_str(CLINIC).unwrap();
    for (collection, documents) in [
        (
            "perms",
            vec![
                doc! {"sharerId": "alice", "userId": "bob", "permissions": {"view": {"a": 1}}},
                doc! {"sharerId": "alice", "userId": "bob", "permissions": {"note": {}, "view": {"b": 2}}},
                doc! {"sharerId": "alice", "userId": "bob", "permissions": {"upload": {}}},
                doc! {"sharerId": "alice", "userId": "carol", "permissions": {"view": {}, "root": {}}},
                doc! {"sharerId": "alice", "userId": "dave", "permissions": ["view"]},
                doc! {"sharerId": "alice", "userId": "ellen", "permissions": "view"},
                doc! {"sharerId": "alice", "userId": "frank", "permissions": {"view": {"at": bson::DateTime::from_millis(0), "n": 4_294_967_296.0, "l": 7_i64}}},
            ],
        ),
        (
            "patient_permissions",
            vec![
                doc! {"userId": "patient", "clinicId": clinic, "permissions": {"view": {}}},
                doc! {"userId": "patient", "clinicId": clinic, "permissions": {"note": {}}},
            ],
        ),
        (
            "clinician_permissions",
            vec![
                doc! {"clinicId": clinic, "inviteId": "i1"},
                doc! {"clinicId": clinic, "inviteId": "i2", "permissions": {}},
                doc! {"userId": "doctor", "clinicId": clinic, "permissions": {"role": "X"}},
                doc! {"userId": "doctor", "clinicId": clinic},
            ],
        ),
    ] {
        database
            .database
            .collection::<Document>(collection)
            .insert_many(documents)
            .await
            .unwrap();
    }
    database
}

#[actix_web::test]
async fn several_documents_of_one_pair_become_one() {
    let world = World::start_in(left_behind().await, |_| {}).await;
    let service = world.service();
    let bob = json!({"view": {"a": 1, "b": 2}, "note": {}, "upload": {}});
    assert_answer(&service.get("/access/alice/bob").await, 200, &bob);
    let frank = json!({"view": {"at": "1970-01-01T00:00:00.000Z", "n": 4_294_967_296_i64, "l": 7}});
    let members = json!({"alice": {"root": {}}, "bob": bob, "carol": {"view": {}}, "frank": frank});
    assert_answer(&service.get("/access/alice").await, 200, &members);
    let perms = world.database().collection::<Document>("perms");
    assert_eq!(
        perms
            .count_documents(doc! {"sharerId": "alice", "userId": "bob"})
            .await
            .unwrap(),
        1
    );
}

#[actix_web::test]
async fn what_is_no_permission_set_grants_nothing() {
    let world = World::start_in(left_behind().await, |_| {}).await;
    for grantee in ["dave", "ellen"] {
        let path = format!("/access/alice/{grantee}");
        assert_eq!(world.service().get(&path).await.status, 404);
        assert_answer(
            &world.user("alice").post(&path, &json!({"note": {}})).await,
            200,
            &json!({"note": {}}),
        );
    }
    // `root` in a stored set makes nobody the owner.
    assert_eq!(world.user("carol").get("/access/alice").await.status, 401);
}

#[actix_web::test]
async fn clinicians_of_the_reference_are_found() {
    let world = World::start_in(left_behind().await, |_| {}).await;
    let access = json!({"view": {}, "note": {}});
    assert_answer(
        &world.user("doctor").get("/access/patient/doctor").await,
        200,
        &access,
    );
    assert_answer(
        &world.user("doctor").get("/access/groups/doctor").await,
        200,
        &json!({"doctor": {"root": {}}}),
    );
    // The invited who have no account yet are left alone.
    let clinicians = world
        .database()
        .collection::<Document>("clinician_permissions");
    assert_eq!(
        clinicians
            .count_documents(doc! {"inviteId": {"$exists": true}})
            .await
            .unwrap(),
        2
    );
    // A change with a revision takes the place of what has none.
    let path = format!("/internal/clinics/{CLINIC}/clinicians/doctor?revision=1");
    assert_eq!(world.service().delete(&path).await.status, 204);
    assert_eq!(
        world.service().get("/access/patient/doctor").await.status,
        404
    );
}

#[actix_web::test]
async fn opening_again_changes_nothing() {
    let database = left_behind().await;
    let again = TestDatabase {
        settings: database.settings.clone(),
        database: database.database.clone(),
    };
    let first = World::start_in(database, |_| {}).await;
    let before = first.everything().await;
    let second = World::start_in(again, |_| {}).await;
    assert_eq!(second.everything().await, before);
}

#[actix_web::test]
async fn two_processes_may_open_one_database_at_once() {
    let database = left_behind().await;
    let again = TestDatabase {
        settings: database.settings.clone(),
        database: database.database.clone(),
    };
    let (one, other) = futures_util::future::join(
        World::start_in(database, |_| {}),
        World::start_in(again, |_| {}),
    )
    .await;
    let bob = json!({"view": {"a": 1, "b": 2}, "note": {}, "upload": {}});
    for world in [&one, &other] {
        assert_answer(&world.service().get("/access/alice/bob").await, 200, &bob);
        assert_eq!(
            world.service().get("/access/patient/doctor").await.status,
            200
        );
    }
}

#[actix_web::test]
async fn the_indexes_keep_pairs_unique() {
    let world = World::start_in(left_behind().await, |_| {}).await;
    for (collection, document) in [
        (
            "perms",
            doc! {"sharerId": "alice", "userId": "carol", "permissions": {}},
        ),
        (
            "patient_permissions",
            doc! {"userId": "patient", "clinicId": ObjectId::parse_str(CLINIC).unwrap()},
        ),
    ] {
        let collection = world.database().collection::<Document>(collection);
        assert!(shared_runtime::mongo::is_duplicate_key(
            &collection.insert_one(document).await.unwrap_err()
        ));
        let indexes: Vec<IndexModel> = collection
            .list_indexes()
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert!(indexes.iter().any(|index| {
            index
                .options
                .as_ref()
                .is_some_and(|options| options.unique == Some(true))
        }));
    }
}

#[actix_web::test]
async fn names_that_are_no_permissions_count_for_nothing() {
    let world = World::start().await;
    let perms = world.database().collection::<Document>("perms");
    let stored = vec![
        doc! {"sharerId": "alice", "userId": "bob", "permissions": {"banana": {}, "x": {"a": 1}}},
        doc! {"sharerId": "alice", "userId": "carol", "permissions": {"banana": {}, "view": {}}},
        doc! {"sharerId": "alice", "userId": "dave", "permissions": {"notes": {}}},
    ];
    perms.insert_many(stored).await.unwrap();
    let alice = world.user("alice");
    let nothing = json!({"code": "NotFound", "message": ""});
    assert_answer(&alice.get("/access/alice/bob").await, 404, &nothing);
    let carol = json!({"view": {}});
    assert_answer(&alice.get("/access/alice/carol").await, 200, &carol);
    let members = json!({"alice": {"root": {}}, "carol": {"view": {}}, "dave": {"note": {}}});
    assert_answer(&alice.get("/access/alice").await, 200, &members);
    for (user, groups) in [
        ("bob", json!({"bob": {"root": {}}})),
        (
            "carol",
            json!({"carol": {"root": {}}, "alice": {"view": {}}}),
        ),
    ] {
        let answer = world
            .user(user)
            .get(&format!("/access/groups/{user}"))
            .await;
        assert_answer(&answer, 200, &groups);
    }
    // Bob is a stranger, who has nothing to give up.
    let bob = world.user("bob");
    assert_unauthorized(&bob.post("/access/alice/bob", &json!({})).await);
    // What a client reads it can send back.
    let answer = alice.post("/access/alice/carol", &carol).await;
    assert_answer(&answer, 200, &carol);
    let answer = alice.post("/access/alice/bob", &json!({})).await;
    assert_answer(&answer, 200, &serde_json::Value::Null);
    assert_eq!(
        perms.count_documents(doc! {"userId": "bob"}).await.unwrap(),
        0
    );
}

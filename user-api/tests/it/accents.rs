//! Accents make another mailbox, and another name.

use bson::{Document, doc};
use futures_util::TryStreamExt as _;
use mongodb::{
    IndexModel,
    options::{Collation, CollationStrength, IndexOptions},
};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, TestDatabase};

use crate::{
    changes::{Told, change, recipients},
    world::{PASSWORD, World, assert_refused},
};

const VICTIM: &str = "victim@example.org";
const ACCENTED: &str = "vìctim@example.org";
const TAKEN: &str = "User already exists";

async fn sign_up(world: &World, email: &str) -> Answer {
    let body = json!({ "username": email, "emails": [email], "password": PASSWORD });
    world.anonymous().post("/user", &body).await
}

/// The id of the account that this address belongs to.
async fn owner(world: &World, email: &str) -> Value {
    let service = world.service().await;
    let found = service.get(&format!("/user/{email}")).await;
    assert_eq!(found.status, 200, "{}", found.text());
    found.json::<Value>()["userid"].clone()
}

#[actix_web::test]
async fn an_address_with_an_accent_keeps_nobody_from_the_one_without() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for email in [ACCENTED, VICTIM, "víctim@example.org"] {
        let answer = sign_up(&world, email).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let id = answer.json::<Value>()["userid"].clone();
        assert_eq!(owner(&world, email).await, id);
        assert_eq!(owner(&world, &email.to_uppercase()).await, id);
        ids.push((email, id));
    }
    for (email, id) in &ids {
        assert_eq!(owner(&world, email).await, *id);
        assert_refused(&sign_up(&world, &email.to_uppercase()).await, 409, TAKEN);
        let verified =
            json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": email } });
        let path = format!("/user/{}", id.as_str().unwrap());
        let answer = world.service().await.put(&path, &verified).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entered = world.log_in(email, PASSWORD).await;
        assert_eq!(entered.json::<Value>()["userid"], *id, "{email}");
    }
}

#[actix_web::test]
async fn an_account_of_the_reference_reserves_its_own_address_alone() {
    let world = World::start().await;
    let document = doc! { "userid": "a1b2c3d4e5", "username": ACCENTED, "emails": [ACCENTED] };
    world.users().insert_one(document).await.unwrap();
    assert_refused(&sign_up(&world, "VÌCTIM@example.org").await, 409, TAKEN);
    assert_eq!(sign_up(&world, VICTIM).await.status, 201);
    assert_eq!(owner(&world, ACCENTED).await, json!("a1b2c3d4e5"));
}

#[actix_web::test]
async fn an_owner_gets_an_account_back_whoever_has_the_accents() {
    let told = Told::start().await;
    let owner = told.owner("victim").await;
    change(&owner, &json!({ "username": "thief@example.org" })).await;
    assert_eq!(sign_up(&told.world, ACCENTED).await.status, 201);
    let (id, notice) = told.notice().await;
    assert_eq!(recipients(&notice), [(owner.email.clone(), id.clone())]);
    let body = json!({
        "change": id, "email": owner.email, "password": "mine-all-mine", "idempotencyKey": "k",
    });
    let path = format!("/internal/users/{}/restoration", owner.id);
    let restored = told.world.service().await.put(&path, &body).await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let entered = told.world.log_in(VICTIM, "mine-all-mine").await;
    assert_eq!(entered.json::<Value>()["userid"], json!(owner.id));
}

/// The unique index as older versions made it.
fn loose_index() -> IndexModel {
    let collation = Collation::builder()
        .locale("en")
        .strength(CollationStrength::Primary)
        .build();
    let options = IndexOptions::builder()
        .unique(true)
        .collation(collation)
        .partial_filter_expression(doc! { "logins": { "$exists": true } })
        .build();
    IndexModel::builder()
        .keys(doc! { "logins": 1 })
        .options(options)
        .build()
}

#[actix_web::test]
async fn the_index_that_ignores_accents_is_replaced() {
    let database = TestDatabase::create().await;
    let users = database.database.collection::<Document>("users");
    users.create_index(loose_index()).await.unwrap();
    let documents = [
        // As the first versions stored a name.
        doc! { "userid": "a1b2c3d4e5", "username": "Ann@Bücher.example",
        "emails": ["Ann@Bücher.example"], "logins": ["Ann@Bücher.example"] },
        doc! { "userid": "b1b2c3d4e5", "username": ACCENTED, "emails": [ACCENTED],
        "logins": [ACCENTED, ACCENTED] },
        // One that does not stand.
        doc! { "userid": "c1b2c3d4e5", "username": "own@example.org",
        "emails": ["own@example.org", "more@example.org"],
        "logins": ["own@example.org", "more@example.org"] },
    ];
    users.insert_many(documents).await.unwrap();
    let world = World::start_in(database, |_| {}).await;
    let indexes: Vec<IndexModel> = world
        .users()
        .list_indexes()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let of_logins = indexes
        .iter()
        .filter(|index| index.keys == doc! { "logins": 1 });
    let names = of_logins.map(|index| index.options.as_ref().unwrap().name.as_deref());
    assert_eq!(names.collect::<Vec<_>>(), [Some("StandingNames")]);
    for (email, status) in [
        ("ann@xn--bcher-kva.example", 409),
        ("ANN@bücher.example", 409),
        (ACCENTED, 409),
        (VICTIM, 201),
        ("own@example.org", 409),
        ("more@example.org", 201),
    ] {
        let answer = sign_up(&world, email).await;
        assert_eq!(answer.status, status, "{email} {}", answer.text());
    }
    let stored = world.document("a1b2c3d4e5").await.unwrap();
    let logins = bson::bson!(["ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"]);
    assert_eq!(stored.get("logins"), Some(&logins));
}

#[actix_web::test]
async fn names_are_looked_up_through_indexes() {
    let world = World::start().await;
    let many = (0..300).map(|number| {
        let email = format!("user{number}@example.org");
        doc! { "userid": format!("{number:010x}"), "username": &email, "emails": [&email],
        "logins": [&email] }
    });
    world.users().insert_many(many).await.unwrap();
    let spellings = [VICTIM, "other@example.org"];
    let loosely = doc! { "$or": [
        { "username": { "$in": spellings }, "logins": null },
        { "emails": { "$in": spellings }, "logins": null },
        { "userid": VICTIM },
    ], "deletedTime": { "$in": [null, ""] } };
    let exactly = doc! {
        "logins": { "$in": spellings }, "deletedTime": { "$in": [null, ""] },
    };
    let finds = [
        doc! {
            "find": "users", "filter": loosely, "collation": { "locale": "en", "strength": 1 },
        },
        doc! { "find": "users", "filter": exactly },
    ];
    for find in finds {
        let explain = doc! { "explain": find, "verbosity": "executionStats" };
        let plan: Document = world.database.database.run_command(explain).await.unwrap();
        let stats = plan.get_document("executionStats").unwrap();
        assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 0, "{plan}");
        assert!(!plan.to_string().contains("COLLSCAN"), "{plan}");
    }
}

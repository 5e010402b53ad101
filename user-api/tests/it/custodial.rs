//! Accounts that are created for somebody else.

use bson::doc;
use serde_json::{Value, json};
use stand_ins::gatekeeper::Ask;

use crate::{
    limits::{assert_too_many, in_a_row},
    world::{PASSWORD, User, World, assert_refused, eventually},
};

const NOT_AUTHORIZED: &str = "Not authorized for requested operation";

/// What the creator of a child gets.
fn all_rights() -> Value {
    json!({ "view": {}, "edit": {}, "note": {}, "admin": {}, "upload": {} })
}

async fn create_child(parent: &User, body: &Value) -> shared_runtime::testing::Answer {
    parent
        .person
        .post(&format!("/user/createChild/{}", parent.id), body)
        .await
}

#[actix_web::test]
async fn a_custodial_account_is_run_by_its_creator() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/auth/user/{}/user", alice.id);
    let answer = alice.person.post(&path, &json!({})).await;
    assert_eq!(answer.status, 201);
    let created: Value = answer.json();
    let id = created["userid"].as_str().unwrap();
    assert_eq!(
        created,
        json!({ "userid": id, "roles": ["custodial_account", "patient"] })
    );
    assert_eq!(
        world.gatekeeper.permissions(id, &alice.id),
        Some(json!({ "custodian": {}, "view": {}, "upload": {} }))
    );
    let named = json!({ "username": "kid@example.org", "emails": ["kid@example.org"] });
    let answer = alice.person.post(&path, &named).await;
    let created: Value = answer.json();
    assert_eq!(
        created,
        json!({
            "userid": created["userid"], "username": "kid@example.org",
            "emails": ["kid@example.org"], "roles": ["custodial_account", "patient"],
            "emailVerified": false,
        })
    );
    assert_eq!(
        world.outbox().count_documents(doc! {}).await.unwrap(),
        0,
        "no undo is left"
    );
    assert_eq!(world.log_in("kid@example.org", PASSWORD).await.status, 401);

    let service = world.service().await;
    let answer = service.post(&path, &json!({})).await;
    assert_eq!(answer.json::<Value>()["passwordExists"], json!(false));
}

#[actix_web::test]
async fn a_custodial_account_is_refused_for_the_documented_reasons() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let path = format!("/user/{}/user", alice.id);
    for person in [&world.anonymous(), &world.app.bearer("x"), &bob.person] {
        assert_refused(&person.post(&path, &json!({})).await, 401, NOT_AUTHORIZED);
    }
    for body in [
        json!({ "username": "bob" }),
        json!({ "emails": ["bob"] }),
        json!([]),
    ] {
        let answer = alice.person.post(&path, &body).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    let taken = json!({ "emails": ["BOB@example.org"] });
    assert_refused(
        &alice.person.post(&path, &taken).await,
        409,
        "User already exists",
    );
    world.gatekeeper.fail(Ask::Replace, 500);
    let answer = alice
        .person
        .post(&path, &json!({ "emails": ["kid@example.org"] }))
        .await;
    assert_refused(&answer, 500, "Error creating the user");
    assert!(
        world
            .users()
            .find_one(doc! { "emails": "kid@example.org" })
            .await
            .unwrap()
            .is_none()
    );
}

#[actix_web::test]
async fn a_grant_whose_account_never_came_to_be_is_taken_back() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/user/{}/user", alice.id);
    world.gatekeeper.fail(Ask::Replace, 500);
    assert_eq!(alice.person.post(&path, &json!({})).await.status, 500);
    // As if the grant had got through and its answer had not.
    let row = world.outbox().find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(row.get_str("topic").unwrap(), "users.undo-create");
    let id = row
        .get_document("payload")
        .unwrap()
        .get_str("account")
        .unwrap()
        .to_owned();
    world
        .gatekeeper
        .grant(&id, &alice.id, json!({ "custodian": {} }));
    world.gatekeeper.mend_all();
    let due = doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } };
    world.outbox().update_many(doc! {}, due).await.unwrap();
    eventually("the undo", async || {
        world.gatekeeper.permissions(&id, &alice.id).is_none()
    })
    .await;
}

#[actix_web::test]
async fn a_clinic_creates_accounts_without_a_grant() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let path = "/v1/clinics/0123/users";
    let body = json!({ "username": "kid@example.org", "emails": ["kid@example.org"] });
    let answer = service.post(path, &body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json::<Value>()["passwordExists"], json!(false));
    assert_eq!(world.gatekeeper.len(), 0);
    assert_refused(&service.post(path, &body).await, 409, "User already exists");
    assert_eq!(service.post(path, &json!({})).await.status, 201);
    for person in [&world.anonymous(), &alice.person] {
        assert_refused(&person.post(path, &json!({})).await, 401, NOT_AUTHORIZED);
    }
}

#[actix_web::test]
async fn a_child_comes_with_profile_and_rights() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let body = json!({
        "fullName": "Ann Lee", "username": "ann", "password": PASSWORD,
        "emails": ["ann@example.org", "lee@example.org"],
    });
    let answer = create_child(&alice, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let created: Value = answer.json();
    let id = created["userid"].as_str().unwrap();
    assert_eq!(
        created,
        json!({
            "userid": id, "username": "ann", "fullName": "Ann Lee",
            "emails": ["ann@example.org", "lee@example.org"],
        })
    );
    assert_eq!(
        world.gatekeeper.permissions(id, &alice.id),
        Some(all_rights())
    );
    let profile = world
        .service()
        .await
        .get(&format!("/metadata/{id}/profile"))
        .await;
    assert_eq!(
        profile.json::<Value>(),
        json!({ "fullName": "Ann Lee", "isDataAccount": true })
    );
    let found = alice.person.get(&format!("/user/{id}")).await;
    assert_eq!(found.json::<Value>()["roles"], json!(["patient"]));
    // Its addresses are not verified yet.
    assert_eq!(world.log_in("ann", PASSWORD).await.status, 403);
}

#[actix_web::test]
async fn a_child_without_anything_gets_a_user_name() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let mut names = std::collections::BTreeSet::new();
    for body in [
        json!({ "fullName": "Ann" }),
        json!({ "fullName": "Ann", "username": " ", "password": "", "emails": "" }),
        json!({ "fullName": "Ann", "emails": null }),
    ] {
        let answer = create_child(&alice, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let created: Value = answer.json();
        assert_eq!(created["emails"], json!([]));
        let username = created["username"].as_str().unwrap().to_owned();
        assert_eq!(username.len(), 16);
        let id = created["userid"].as_str().unwrap();
        let record: Value = world
            .service()
            .await
            .get(&format!("/user/{id}"))
            .await
            .json();
        assert_eq!(record["roles"], json!(["custodial_account", "patient"]));
        assert_eq!(record["passwordExists"], json!(false));
        // The generated name can be changed, also by who runs the account.
        let update = json!({ "updates": { "username": format!("kid-{}", names.len()) } });
        assert_eq!(
            alice
                .person
                .put(&format!("/user/{id}"), &update)
                .await
                .status,
            200
        );
        for password in ["", " ", PASSWORD] {
            assert_eq!(world.log_in(&username, password).await.status, 401);
        }
        assert!(names.insert(username));
    }
}

#[actix_web::test]
async fn a_child_with_a_password_and_no_address_logs_in_at_once() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let body = json!({ "fullName": "Ann", "username": "ann", "password": PASSWORD });
    assert_eq!(create_child(&alice, &body).await.status, 201);
    assert_eq!(world.log_in("ANN", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn a_child_is_refused_with_an_explanation() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for (body, reason) in [
        (json!([]), "Invalid user details were given"),
        (json!({}), "Full name is missing"),
        (json!({ "fullName": " " }), "Full name is missing"),
        (
            json!({ "fullName": "Ann", "username": "a b" }),
            "Username is invalid",
        ),
        (
            json!({ "fullName": "Ann", "password": "short" }),
            "Password is invalid",
        ),
        (
            json!({ "fullName": "Ann", "emails": ["x"] }),
            "Emails are invalid",
        ),
        (
            json!({ "fullName": "Ann", "username": "ann@example.org" }),
            "Username is invalid",
        ),
        (
            json!({
                "fullName": "Ann", "username": "ALICE@example.org",
                "emails": ["alice@example.org"],
            }),
            "User already exists",
        ),
        (
            json!({ "fullName": "Ann", "emails": ["new@example.org", "Alice@example.org"] }),
            "User already exists",
        ),
    ] {
        assert_refused(&create_child(&alice, &body).await, 400, reason);
    }
    assert_eq!(
        (
            world.gatekeeper.len(),
            world.users().count_documents(doc! {}).await.unwrap()
        ),
        (0, 1)
    );
    world.gatekeeper.fail(Ask::Replace, 500);
    let answer = create_child(&alice, &json!({ "fullName": "Ann" })).await;
    assert_refused(&answer, 500, "Error creating the user");
}

#[actix_web::test]
async fn of_20_children_with_one_name_one_is_created() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let body = json!({ "fullName": "Ann", "username": "ann" });
    let answers =
        futures_util::future::join_all((0..20).map(|_| create_child(&alice, &body))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_refused(refused, 400, "User already exists");
    }
    let rows: Vec<_> = {
        use futures_util::TryStreamExt;
        world
            .outbox()
            .find(doc! {})
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap()
    };
    assert!(rows.iter().all(|row| {
        row.get_str("topic")
            .is_ok_and(|topic| topic == "users.undo-create")
    }));
    assert_eq!(
        rows.len(),
        world.gatekeeper.len() - created,
        "each stray grant has its undo"
    );
}

#[actix_web::test]
async fn only_the_parent_and_services_create_children() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let body = json!({ "fullName": "Ann" });
    for path in ["/user/createChild", "/auth/user/createChild"] {
        let path = format!("{path}/{}", alice.id);
        for person in [&world.anonymous(), &bob.person] {
            assert_refused(&person.post(&path, &body).await, 401, NOT_AUTHORIZED);
        }
        let service = world.service().await;
        let created: Value = service.post(&path, &body).await.json();
        let id = created["userid"].as_str().unwrap();
        assert_eq!(
            world.gatekeeper.permissions(id, &alice.id),
            Some(all_rights())
        );
        let unknown = service.post("/user/createChild/0123456789", &body).await;
        assert_refused(&unknown, 404, "User not found");
    }
}

#[actix_web::test]
async fn accounts_for_others_are_limited_by_source_and_services_are_not() {
    let world = World::start_with(|config| {
        config.limits.dependants_per_source = in_a_row(3);
    })
    .await;
    let alice = world.user("alice").await;
    let custodial = format!("/auth/user/{}/user", alice.id);
    let child = format!("/user/createChild/{}", alice.id);
    let (ward, kid) = (json!({}), json!({ "fullName": "Finn" }));
    let at = |place: &str| alice.person.at_place(place);
    // One that is not made does not count.
    let taken = json!({ "username": alice.email, "emails": [alice.email] });
    assert_eq!(
        at("198.51.100.9").post(&custodial, &taken).await.status,
        409
    );
    for (path, body) in [(&custodial, &ward), (&child, &kid), (&child, &kid)] {
        assert_eq!(at("198.51.100.9").post(path, body).await.status, 201);
    }
    for (path, body) in [(&custodial, &ward), (&child, &kid)] {
        let refused = at("198.51.100.9").post(path, body).await;
        assert_too_many(&refused, "Too many requests; try again later");
        assert_eq!(at("203.0.113.7").post(path, body).await.status, 201);
        let service = world.service().await.at_place("198.51.100.9");
        assert_eq!(service.post(path, body).await.status, 201);
    }
}

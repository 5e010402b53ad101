//! `GET /metadata/users/:userid/users`: whom the list shows, what of them, and its filters.

use bson::{Document, doc};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, Profile};
use stand_ins::gatekeeper::Ask;

use crate::{
    family::{Family, merged, sorted},
    world::{User, World, assert_refused},
};

#[actix_web::test]
async fn the_list_shows_what_permissions_allow_and_no_more() {
    let family = Family::gather().await;
    let service = family.world.service().await;
    for (reader, is_service) in [(&family.alice.person, false), (&service, true)] {
        let account = |user: &User| {
            let path = format!("/user/{}", user.id);
            let person = if is_service {
                service.clone()
            } else {
                user.person.clone()
            };
            async move { person.get(&path).await.json::<Value>() }
        };
        let bob = merged(
            account(&family.bob).await,
            json!({
                "trustorPermissions": {"view": {}, "upload": {"sources": ["x"]}},
                "trusteePermissions": {"view": {}},
                "profile": {"fullName": "Bob (Élan)", "patient": {"birthday": "2001-11-30", "diagnosisDate": "2016-12-31"}},
                "settings": {"units": "Bob (Élan)"},
                "preferences": {"tour": "Bob (Élan)"},
            }),
        );
        let kid = merged(
            account(&family.kid).await,
            json!({
                "trustorPermissions": {"custodian": {}},
                "profile": {"fullName": "Kid", "patient": {"birthday": "2015-11-30", "diagnosisDate": "2016-12-31"}},
                "settings": {"units": "Kid"},
                "preferences": {"tour": "Kid"},
            }),
        );
        let dave = merged(
            account(&family.dave).await,
            json!({
                "trusteePermissions": {"note": {}},
                "profile": {"fullName": "Dave"},
            }),
        );
        let answer = family.list(reader, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json::<Value>(), sorted([bob.clone(), kid, dave]));
        assert_eq!(bob.get("passwordExists").is_some(), is_service);
    }
    let answer = service
        .get(&format!("/users/{}/users", family.alice.id))
        .await;
    assert_eq!(answer.json::<Vec<Value>>().len(), 3);
}

#[actix_web::test]
async fn the_list_shows_what_each_collection_does() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let profile = json!({"fullName": "Bob", "patient": {"birthday": "2001-11-30"}});
    for (collection, body) in [
        ("profile", &profile),
        ("settings", &json!({"s": 1})),
        ("preferences", &json!({"p": 1})),
    ] {
        let path = format!("/metadata/{}/{collection}", bob.id);
        assert_eq!(bob.person.put(&path, body).await.status, 200);
    }
    world
        .gatekeeper
        .grant(&alice.id, &bob.id, json!({"view": {}}));
    for (granted, opens) in [
        (json!({}), false),
        (json!({"banana": {}}), false),
        (json!({"x": {}, "veiw": {}}), false),
        (json!({"note": {}}), false),
        (json!({"follow": {}, "note": {}}), false),
        (json!({"view": {}, "note": {}}), true),
        (json!({"upload": {}}), true),
        (json!({"edit": {}}), true),
        (json!({"admin": {}}), true),
        (json!({"custodian": {}}), true),
    ] {
        world.gatekeeper.grant(&bob.id, &alice.id, granted.clone());
        let path = format!("/metadata/users/{}/users", alice.id);
        let listed: Vec<Value> = alice.person.get(&path).await.json();
        assert_eq!(listed.len(), 1, "{granted}");
        for collection in ["profile", "settings", "preferences"] {
            let path = format!("/metadata/{}/{collection}", bob.id);
            let answer = alice.person.get(&path).await;
            if opens || collection == "profile" {
                assert_eq!(answer.status, 200, "{granted} {collection}");
                assert_eq!(answer.json::<Value>(), listed[0][collection], "{granted}");
            } else {
                assert_eq!((answer.status, answer.text()), (401, "\"Unauthorized\""));
                assert_eq!(listed[0].get(collection), None, "{granted}");
            }
        }
        let name = json!({"fullName": "Bob"});
        let wanted = if opens { &profile } else { &name };
        assert_eq!(listed[0]["profile"], *wanted, "{granted}");
    }
}

#[actix_web::test]
async fn only_those_who_run_the_account_see_the_list() {
    let family = Family::gather().await;
    let other = family.world.user("other").await;
    for (permissions, may) in [
        (json!({"custodian": {}}), true),
        (json!({"admin": {}}), true),
        (
            json!({"view": {}, "edit": {}, "upload": {}, "note": {}}),
            false,
        ),
        (json!({"admin": null}), false),
    ] {
        family
            .world
            .gatekeeper
            .grant(&family.alice.id, &other.id, permissions);
        // A filter that cannot be read tells those who may not nothing.
        let answer = family.list(&other.person, "?emailVerified=perhaps").await;
        if may {
            assert_refused(&answer, 400, "Invalid query parameter: emailVerified");
            let listed: Vec<Value> = family.list(&other.person, "").await.json();
            assert_eq!(listed.len(), 4);
        } else {
            assert_eq!((answer.status, answer.text()), (401, "\"Unauthorized\""));
        }
    }
    for person in [&family.bob.person, &family.world.anonymous()] {
        let answer = family.list(person, "").await;
        assert_eq!((answer.status, answer.text()), (401, "\"Unauthorized\""));
    }
    family.world.gatekeeper.fail_each(&Ask::READS, 500);
    for person in [&family.alice.person, &other.person] {
        assert_refused(&family.list(person, "").await, 500, "Error finding user");
    }
}

#[actix_web::test]
async fn filters_narrow_the_list() {
    let family = Family::gather().await;
    let all = vec!["bob", "dave", "kid"];
    for (query, expected) in [
        ("", all.clone()),
        ("?unknown=1&email=&name=", all.clone()),
        ("?trustorPermissions=any", vec!["bob", "kid"]),
        ("?trustorPermissions=none", vec!["dave"]),
        ("?trustorPermissions=view,upload", vec!["bob"]),
        ("?trustorPermissions=upload,,,view", vec!["bob"]),
        ("?trustorPermissions=view,note", vec![]),
        ("?trustorPermissions=admin", vec!["kid"]),
        ("?trustorPermissions=unknown", vec![]),
        ("?trusteePermissions=any", vec!["bob", "dave"]),
        ("?trusteePermissions=none", vec!["kid"]),
        ("?trusteePermissions=view", vec!["bob"]),
        (
            "?trustorPermissions=any&trusteePermissions=any",
            vec!["bob"],
        ),
        ("?email=EXAMPLE.org", all.clone()),
        ("?email=BOB@", vec!["bob"]),
        ("?email=.*", vec![]),
        ("?email[$ne]=x", all.clone()),
        ("?emailVerified=true", vec!["bob"]),
        ("?emailVerified=YeS", vec!["bob"]),
        ("?emailVerified=false", vec!["dave", "kid"]),
        ("?termsAccepted=2016-01-01t12", vec!["bob"]),
        ("?termsAccepted=2017", vec![]),
        ("?name=d", vec!["dave", "kid"]),
        ("?name=%C3%A9lan", vec!["bob"]),
        ("?name=(%C3%89", vec!["bob"]),
        ("?name=^D", vec![]),
        ("?birthday=2001-11-30", vec!["bob"]),
        ("?birthday=-11-30", vec!["bob", "kid"]),
        ("?birthday=1980-01-01", vec![]),
        ("?diagnosisDate=2016-12-31", vec!["bob", "kid"]),
        ("?name=d&trustorPermissions=none&email=dave", vec!["dave"]),
    ] {
        assert_eq!(family.names(query).await, expected, "{query}");
    }
    for (query, parameter) in [
        ("?trustorPermissions=view,any", "trustorPermissions"),
        ("?trustorPermissions=,", "trustorPermissions"),
        ("?trusteePermissions=none,any", "trusteePermissions"),
        ("?emailVerified=perhaps", "emailVerified"),
    ] {
        let answer = family.list(&family.alice.person, query).await;
        assert_refused(
            &answer,
            400,
            &format!("Invalid query parameter: {parameter}"),
        );
    }
}

#[actix_web::test]
async fn users_who_are_gone_are_left_out() {
    let family = Family::gather().await;
    let granted = &family.world.gatekeeper;
    granted.grant("0123456789", &family.alice.id, json!({"view": {}}));
    granted.grant(&family.alice.id, "9876543210", json!({"view": {}}));
    let mark = doc! { "$set": { "deletedTime": "2020-01-01T00:00:00Z" } };
    let users = family.world.users();
    users
        .update_one(doc! { "userid": &family.dave.id }, mark)
        .await
        .unwrap();
    assert_eq!(family.names("").await, ["bob", "kid"]);
    let answer = family.list(&family.alice.person, "").await;
    assert_eq!(answer.json::<Vec<Value>>().len(), 2);
    // An account without metadata is listed all the same, and an unknown user has nobody.
    let metadata = family
        .world
        .database
        .database
        .collection::<Document>("seagull");
    metadata.delete_many(doc! {}).await.unwrap();
    assert_eq!(family.names("").await, ["bob", "kid"]);
    let nobody = family
        .world
        .service()
        .await
        .get("/metadata/users/nobody/users")
        .await;
    assert_eq!((nobody.status, nobody.text()), (200, "[]"));
}

#[actix_web::test]
async fn a_long_list_takes_two_queries() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let documents = |index: usize| {
        let id = format!("{index:010x}");
        let value = json!({"profile": {"fullName": format!("User {index}")}}).to_string();
        (
            doc! { "userid": &id },
            doc! { "userId": id, "value": value },
        )
    };
    let (users, metadata): (Vec<Document>, Vec<Document>) = (0..300).map(documents).unzip();
    let database = &world.database.database;
    world.users().insert_many(users).await.unwrap();
    database
        .collection("seagull")
        .insert_many(metadata)
        .await
        .unwrap();
    for index in 0..300 {
        world
            .gatekeeper
            .grant(&format!("{index:010x}"), &alice.id, json!({"view": {}}));
    }
    let profile = Profile::start(database).await;
    let answer = alice
        .person
        .get(&format!("/metadata/users/{}/users", alice.id))
        .await;
    let work = profile.end().await;
    let listed: Vec<Value> = answer.json();
    assert_eq!(listed.len(), 300);
    assert_eq!(listed[299]["profile"]["fullName"], "User 299");

    for collection in ["users", "seagull"] {
        let queries: Vec<_> = work
            .iter()
            .filter(|work| work.collection() == collection && work.operation() == "query")
            .collect();
        assert_eq!(queries.len(), 1, "{queries:?}");
        assert!(queries[0].plan().contains("IXSCAN"), "{queries:?}");
    }
}

#[actix_web::test]
async fn of_a_stranger_who_was_given_something_only_the_id_is_seen() {
    let Family {
        world, alice, dave, ..
    } = Family::gather().await;
    let path = format!("/metadata/users/{}/users", alice.id);
    let list = async |person: &Person, query: &str| {
        let answer = person.get(&format!("{path}{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let listed: Vec<Value> = answer.json();
        listed
            .into_iter()
            .filter(|one| one["userid"] == json!(dave.id) || one["userid"] == json!("nobody"))
            .collect::<Vec<_>>()
    };
    let nobody = json!({ "userid": "nobody", "trusteePermissions": { "x": {} } });
    let stranger = json!({ "userid": dave.id, "trusteePermissions": { "note": {} } });
    world
        .gatekeeper
        .grant_unaccepted(&alice.id, &dave.id, json!({ "note": {} }));
    // Not even that there is such a user.
    world
        .gatekeeper
        .grant_unaccepted(&alice.id, "nobody", json!({ "x": {} }));
    let admin = world.user("admin").await;
    world
        .gatekeeper
        .grant(&alice.id, &admin.id, json!({ "admin": {} }));
    let both = [stranger, nobody];
    for person in [&alice.person, &admin.person] {
        let listed = list(person, "").await;
        assert_eq!(listed, both);
    }
    // No filter tells what is not shown.
    for query in [
        "?email=dave@example.org",
        "?name=Dave",
        "?birthday=1980",
        "?emailVerified=true",
    ] {
        assert_eq!(
            list(&alice.person, query).await,
            [Value::Null; 0],
            "{query}"
        );
    }
    assert_eq!(list(&alice.person, "?emailVerified=false").await, both);
    let profile = format!("/metadata/{}/profile", dave.id);
    assert_refused_metadata(&alice.person.get(&profile).await);

    // Services see what they saw.
    let listed = list(&world.service().await, "").await;
    assert_eq!(listed[0]["emails"], json!([dave.email]));
    assert_eq!(listed[0]["profile"]["fullName"], json!("Dave"));

    // Who gives something back is no stranger.
    world
        .gatekeeper
        .grant(&dave.id, &alice.id, json!({ "view": {} }));
    let listed = list(&alice.person, "").await;
    assert_eq!(listed[0]["emails"], json!([dave.email]));
    assert_eq!(listed[0]["profile"]["fullName"], json!("Dave"));
    assert_eq!(alice.person.get(&profile).await.status, 200);
}

#[track_caller]
fn assert_refused_metadata(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (401, json!("Unauthorized"))
    );
}

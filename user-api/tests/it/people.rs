//! What other services ask about people.

use bson::doc;
use serde_json::{Value, json};
use shared_runtime::testing::Profile;

use crate::world::{PASSWORD, User, World, assert_refused};

async fn asked(world: &World, query: &str) -> Value {
    let path = format!("/internal/people?{query}");
    let answer = world.service().await.get(&path).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

/// The accounts that are found, and no profile of others.
async fn people(world: &World, query: &str) -> Value {
    let mut found = asked(world, query).await;
    assert_eq!(found["profiles"], json!({}), "{query}");
    found["people"].take()
}

async fn set_profile(user: &User, profile: &Value) {
    let path = format!("/metadata/{}/profile", user.id);
    assert_eq!(user.person.put(&path, profile).await.status, 200);
}

/// The account of somebody who signed up, as services see it.
fn account(user: &User) -> Value {
    json!({
        "userid": user.id, "username": user.email, "emails": [user.email], "roles": ["patient"],
        "emailVerified": false, "passwordExists": true,
    })
}

#[actix_web::test]
async fn people_are_found_by_id() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let patient = json!({
        "birthday": "2010-01-31", "diagnosisDate": "2015-06-01", "isOtherPerson": true,
        "fullName": "Kim", "about": "likes tea",
    });
    let profile = json!({ "fullName": "Alice", "patient": patient, "hobby": "chess" });
    set_profile(&alice, &profile).await;
    let profile = json!({
        "fullName": "Alice",
        "patient": {
            "fullName": "Kim", "birthday": "2010-01-31", "diagnosisDate": "2015-06-01",
            "isOtherPerson": true,
        },
    });
    let with_profile = json!({ "user": account(&alice), "profile": profile });
    let without = json!({ "user": account(&bob), "profile": null });
    let (a, b) = (&alice.id, &bob.id);
    for (ids, wanted) in [
        (a.clone(), json!([with_profile])),
        (format!("{b},0123456789"), json!([without])),
        (format!("{b},{b},"), json!([without])),
        (b.to_uppercase(), json!([])),
        ("0123456789".to_owned(), json!([])),
        ("alice@example.org".to_owned(), json!([])),
        ("%00".to_owned(), json!([])),
        (String::new(), json!([])),
    ] {
        assert_eq!(people(&world, &format!("ids={ids}")).await, wanted, "{ids}");
    }
    let both = people(&world, &format!("ids={a},{b}")).await;
    let both = both.as_array().unwrap();
    assert_eq!(both.len(), 2);
    assert!(both.contains(&with_profile) && both.contains(&without));
    // Profiles alone, and beside accounts.
    let nobody = json!([]);
    let found = json!({ a: profile });
    for (query, people, profiles) in [
        (format!("profiles={b},0123456789,{a},{a}"), &nobody, &found),
        (
            format!("profiles={}", a.to_uppercase()),
            &nobody,
            &json!({}),
        ),
        ("profiles=".to_owned(), &nobody, &json!({})),
        (format!("ids={b}&profiles={a}"), &json!([without]), &found),
        (
            format!("ids={a}&profiles={a}"),
            &json!([with_profile]),
            &found,
        ),
        (
            format!("email={}&profiles={a},{b}", bob.email),
            &json!([without]),
            &found,
        ),
    ] {
        let wanted = json!({ "people": people, "profiles": profiles });
        assert_eq!(asked(&world, &query).await, wanted, "{query}");
    }
    set_profile(&bob, &json!({ "fullName": "Bob" })).await;
    assert_eq!(
        people(&world, &format!("ids={b}")).await,
        json!([{ "user": account(&bob), "profile": { "fullName": "Bob", "patient": null } }])
    );
}

#[actix_web::test]
async fn people_are_found_by_an_address_in_any_case() {
    let world = World::start().await;
    let body = json!({
        "username": "a+b@example.org", "emails": ["a+b@example.org"], "password": PASSWORD,
    });
    let answer = world.anonymous().post("/user", &body).await;
    assert_eq!(answer.status, 201);
    let mut user = answer.json::<Value>();
    user["passwordExists"] = json!(true);
    let found = json!([{ "user": user, "profile": null }]);
    for (email, wanted) in [
        ("a%2Bb@example.org", found.clone()),
        ("A%2BB@Example.ORG", found.clone()),
        ("a%2Bb%40example.org", found),
        // A space, as clients mean it that do not encode the plus sign.
        ("a+b@example.org", json!([])),
        ("%C3%A1%2Bb@example.org", json!([])),
        ("a%2Bb@example", json!([])),
        (".*", json!([])),
        ("%7B%22$ne%22:null%7D", json!([])),
        ("%00", json!([])),
    ] {
        assert_eq!(
            people(&world, &format!("email={email}")).await,
            wanted,
            "{email}"
        );
    }
}

#[actix_web::test]
async fn an_address_that_only_looks_alike_is_another_one() {
    let world = World::start().await;
    world.user("mike").await;
    for look_alike in ["mi%E2%84%AAe@example.org", "m%C3%ADke@example.org"] {
        assert_eq!(
            people(&world, &format!("email={look_alike}")).await,
            json!([])
        );
    }
}

#[actix_web::test]
async fn only_an_address_that_mail_reaches_counts() {
    let world = World::start().await;
    let invented = "unclaimed-custodial-automation+00000000000000000042@tidepool.org";
    let documents = [
        doc! { "userid": "0000000001", "username": "name@example.org", "emails": ["a@example.org"] },
        doc! { "userid": "0000000002", "username": invented, "emails": [invented] },
        doc! { "userid": "0000000003", "emails": ["gone@example.org"], "deletedTime": "2016-01-01T00:00:00Z" },
        doc! { "userid": "0000000004", "emails": ["first@example.org", "second@example.org"], "authenticated": true },
        doc! { "userid": "0000000005", "emails": ["fresh@example.org", "beside@example.org"] },
    ];
    world.users().insert_many(documents).await.unwrap();
    for email in [
        "name@example.org",
        "unclaimed-custodial-automation%2B00000000000000000042@tidepool.org",
        "gone@example.org",
        "beside@example.org",
    ] {
        assert_eq!(people(&world, &format!("email={email}")).await, json!([]));
    }
    let found = people(&world, "email=second@example.org").await;
    assert_eq!(
        found,
        json!([{
            "user": {
                "userid": "0000000004", "emails": ["first@example.org", "second@example.org"],
                "emailVerified": true, "passwordExists": false,
            },
            "profile": null,
            "provenEmail": "first@example.org",
        }])
    );
}

#[actix_web::test]
async fn old_accounts_that_share_an_address_are_all_shown() {
    let world = World::start().await;
    let shared = |id: &str, email: &str| doc! { "userid": id, "emails": [email] };
    let documents = [
        shared("0000000001", "a@example.org"),
        shared("0000000002", "A@example.org"),
        shared("0000000003", "\u{e1}@example.org"),
    ];
    world.users().insert_many(documents).await.unwrap();
    let found = people(&world, "email=a@example.org").await;
    let mut ids: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["user"]["userid"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["0000000001", "0000000002"]);
}

#[actix_web::test]
async fn a_question_that_is_none_is_refused() {
    let world = World::start().await;
    let service = world.service().await;
    let many = vec!["x"; 201].join(",");
    for (query, reason) in [
        ("", "A query must be specified"),
        ("?id=a", "A query must be specified"),
        ("?email=", "A query must be specified"),
        ("?ids=a&email=b", "Only one query parameter is allowed"),
        (&format!("?ids={many}"), "Invalid query parameter: ids"),
        (
            &format!("?ids=a&profiles={many}"),
            "Invalid query parameter: profiles",
        ),
    ] {
        let answer = service.get(&format!("/internal/people{query}")).await;
        assert_refused(&answer, 400, reason);
    }
    let alice = world.user("alice").await;
    for person in [&world.anonymous(), &alice.person] {
        let answer = person.get("/internal/people?ids=a").await;
        assert_refused(&answer, 401, "No x-tidepool-session-token was found");
    }
}

#[actix_web::test]
async fn a_question_costs_at_most_three_queries_however_many_it_is_about() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for name in ["ann", "bob", "carol", "dave"] {
        let user = world.user(name).await;
        set_profile(&user, &json!({ "fullName": name })).await;
        ids.push(user.id);
    }
    let service = world.service().await;
    for query in [
        format!("ids={}&profiles={}", ids[0], ids.join(",")),
        "email=ann@example.org".to_owned(),
    ] {
        let profile = Profile::start(&world.database.database).await;
        let answer = service.get(&format!("/internal/people?{query}")).await;
        assert_eq!(answer.status, 200);
        let mut work = profile.end().await;
        work.retain(|work| matches!(work.collection(), "users" | "seagull" | "tokens"));
        // The accounts, the profiles, and the token unless it was looked up a moment ago.
        assert!(matches!(work.len(), 2 | 3), "{query}: {work:?}");
    }
}

//! Addresses: which may be entered, and in how many spellings one is found.

use bson::doc;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, NO_ADDRESSES, SPELLINGS};

use crate::world::{PASSWORD, World, assert_refused, sign_up};

/// Other mailboxes, for which a database may take them.
const LOOK_ALIKES: [&str; 3] = [
    "ann@bucher.example",
    "a\u{f1}n@bücher.example",
    "ann@b\u{fc}c\u{212a}er.example",
];

async fn find(world: &World, name: &str) -> Answer {
    let mut url = reqwest::Url::parse("http://localhost/user").unwrap();
    url.path_segments_mut().unwrap().push(name);
    world.service().await.get(url.path()).await
}

async fn people(world: &World, email: &str) -> Vec<Value> {
    let mut url = reqwest::Url::parse("http://localhost/internal/people").unwrap();
    url.query_pairs_mut().append_pair("email", email);
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = world.service().await.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Value>()["people"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn what_is_no_address_is_refused_wherever_one_is_entered() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let too_long = format!("{}@example.org", "a".repeat(65));
    let id = &alice.id;
    for email in NO_ADDRESSES.into_iter().chain([too_long.as_str()]) {
        let with_address = sign_up("new@example.org");
        let mut other_name = with_address.clone();
        other_name["username"] = json!(email);
        let mut second = with_address;
        second["emails"] = json!(["new@example.org", email]);
        for body in [sign_up(email), other_name, second] {
            let answer = world.anonymous().post("/auth/user", &body).await;
            assert_refused(&answer, 400, "Invalid user details were given");
        }
        for body in [json!({ "emails": [email] }), json!({ "username": email })] {
            let custodial = format!("/auth/user/{id}/user");
            for answer in [
                alice.person.post(&custodial, &body).await,
                service.post("/v1/clinics/x/users", &body).await,
                alice
                    .person
                    .put("/auth/user", &json!({ "updates": body }))
                    .await,
                service
                    .put(&format!("/auth/user/{id}"), &json!({ "updates": body }))
                    .await,
            ] {
                assert_refused(&answer, 400, "Invalid user details were given");
            }
        }
        let child = format!("/auth/user/createChild/{id}");
        let body = json!({ "fullName": "Ann", "emails": [email] });
        let answer = alice.person.post(&child, &body).await;
        assert_refused(&answer, 400, "Emails are invalid");
    }
    for name in [
        ".kid@example.org",
        "k,d@example.org",
        "mi\u{212a}e@example.org",
    ] {
        let body = json!({ "fullName": "Ann", "username": name });
        let answer = alice
            .person
            .post(&format!("/user/createChild/{id}"), &body)
            .await;
        assert_refused(&answer, 400, "Username is invalid");
    }
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
}

#[actix_web::test]
async fn what_real_mailboxes_have_is_taken_and_read_back_as_it_was_entered() {
    let world = World::start().await;
    for (entered, shown) in [
        ("a..b@example.org", "a..b@example.org"),
        ("a/b@example.org", "a/b@example.org"),
        ("Carol+diabetes@Example.org", "Carol+diabetes@Example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("a@bücher.example", "a@bücher.example"),
        ("b@xn--bcher-kva.example", "b@xn--bcher-kva.example"),
        ("иван@пример.рф", "иван@пример.рф"),
        (" e\u{301}va@example.org\n", "\u{e9}va@example.org"),
    ] {
        let user = world.signed_up(&sign_up(entered)).await;
        assert_eq!(
            user.person.get("/auth/user").await.json::<Value>(),
            json!({
                "userid": user.id, "username": shown, "emails": [shown], "roles": ["patient"],
                "emailVerified": false,
            })
        );
    }
}

#[actix_web::test]
async fn no_spelling_of_an_address_is_free_once_one_is_taken() {
    let world = World::start().await;
    let alice = world.signed_up(&sign_up("ann@bücher.example")).await;
    let bob = world.user("bob").await;
    for spelling in SPELLINGS {
        let mut second = sign_up("new@example.org");
        second["emails"] = json!(["new@example.org", spelling]);
        for body in [sign_up(spelling), second] {
            let answer = world.anonymous().post("/auth/user", &body).await;
            assert_refused(&answer, 409, "User already exists");
        }
        let body = json!({ "emails": [spelling] });
        let answer = bob
            .person
            .post(&format!("/user/{}/user", bob.id), &body)
            .await;
        assert_refused(&answer, 409, "User already exists");
        let answer = bob.person.put("/user", &json!({ "updates": body })).await;
        assert_refused(&answer, 409, "User already exists");
        let child = json!({ "fullName": "Ann", "emails": [spelling] });
        let path = format!("/user/createChild/{}", bob.id);
        assert_eq!(bob.person.post(&path, &child).await.status, 400);
        let answer = alice.person.put("/user", &json!({ "updates": body })).await;
        assert_eq!(answer.status, 200, "its owner may write it otherwise");
    }
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 2);
}

#[actix_web::test]
async fn of_many_sign_ups_with_all_spellings_one_succeeds() {
    let world = World::start().await;
    let people: Vec<_> = (0..24).map(|_| world.anonymous()).collect();
    let statuses = join_all(people.iter().enumerate().map(|(index, person)| async move {
        let email = SPELLINGS[index % SPELLINGS.len()];
        person.post("/user", &sign_up(email)).await.status
    }))
    .await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(409)), (1, 23), "{statuses:?}");
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
}

#[actix_web::test]
async fn every_spelling_and_no_look_alike_finds_an_account() {
    let world = World::start().await;
    let user = world.signed_up(&sign_up("ann@xn--bcher-kva.example")).await;
    world.verify(&user).await;
    for spelling in SPELLINGS {
        let answer = world.log_in(spelling, PASSWORD).await;
        assert_eq!(answer.status, 200, "{spelling}");
        assert_eq!(answer.json::<Value>()["userid"], json!(user.id));
        let found = find(&world, spelling).await;
        assert_eq!(
            found.json::<Value>()["userid"],
            json!(user.id),
            "{spelling}"
        );
        let found = people(&world, spelling).await;
        assert_eq!(found.len(), 1, "{spelling}");
        assert_eq!(found[0]["provenEmail"], json!(user.email));
    }
    for look_alike in LOOK_ALIKES {
        let answer = world.log_in(look_alike, PASSWORD).await;
        assert_refused(&answer, 401, "No user matched the given details");
        assert_refused(&find(&world, look_alike).await, 404, "User not found");
        assert_eq!(people(&world, look_alike).await, [] as [Value; 0]);
    }
}

#[actix_web::test]
async fn a_change_on_condition_takes_every_spelling_and_no_look_alike() {
    let world = World::start().await;
    let user = world.signed_up(&sign_up("ann@bücher.example")).await;
    let service = world.service().await;
    let path = format!("/user/{}", user.id);
    let update =
        |email: &str| json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": email } });
    for look_alike in LOOK_ALIKES {
        let answer = service.put(&path, &update(look_alike)).await;
        assert_refused(&answer, 409, "The account does not have this address");
    }
    for spelling in SPELLINGS {
        let answer = service.put(&path, &update(spelling)).await;
        assert_eq!(answer.status, 200, "{spelling}");
    }
}

#[actix_web::test]
async fn accounts_with_odd_addresses_of_earlier_times_log_in() {
    let world = World::start().await;
    let user = world.user("alice").await;
    let hash = world.document(&user.id).await.unwrap();
    let hash = hash.get_str("pwhash").unwrap();
    let odd = [
        ".a@example.org",
        "a,b@example.org",
        "a@localhost",
        "ma\u{212a}s@example.org",
        "a\u{200b}b@example.org",
        "jo@bücher.example",
    ];
    for (number, email) in odd.into_iter().enumerate() {
        let account = doc! {
            "userid": format!("000000000{number}"), "username": email, "emails": [email],
            "roles": ["patient"], "authenticated": true, "pwhash": hash,
        };
        world.users().insert_one(account).await.unwrap();
        let answer = world.log_in(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{email}");
        assert_eq!(answer.json::<Value>()["emails"], json!([email]));
        assert_eq!(find(&world, email).await.status, 200, "{email}");
    }
    assert_eq!(
        world
            .log_in("jo@xn--bcher-kva.example", PASSWORD)
            .await
            .status,
        200
    );
    assert_refused(
        &world.log_in("maks@example.org", PASSWORD).await,
        401,
        "No user matched the given details",
    );
    let answer = world
        .anonymous()
        .post("/user", &sign_up("jo@xn--bcher-kva.example"))
        .await;
    assert_refused(&answer, 409, "User already exists");
}

#[actix_web::test]
async fn an_address_is_filtered_by_either_form_of_its_domain() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let ann = world.signed_up(&sign_up("ann@bücher.example")).await;
    world
        .gatekeeper
        .grant(&ann.id, &alice.id, json!({ "view": {} }));
    for (part, found) in [
        ("xn--bcher-kva", 1),
        ("b%C3%BCcher", 1),
        ("%20ann@b%C3%BCcher.example%20", 1),
        ("bucher", 0),
    ] {
        let path = format!("/metadata/users/{}/users?email={part}", alice.id);
        let list: Value = alice.person.get(&path).await.json();
        assert_eq!(list.as_array().unwrap().len(), found, "{part}: {list}");
    }
}

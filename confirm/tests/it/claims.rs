//! The claim of an account that others made: first password, birthday, and how often one may guess.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::user_api;

use crate::{
    browser::Browser,
    world::{World, assert_empty, assert_refused, send_raw},
};

const PASSWORD: &str = "battery-staple";
const BIRTHDAY: &str = "2010-02-03";

/// A child with an address, and the key of its claim.
async fn world_with_child(limit: u32) -> (World, String) {
    let world = World::without_relay_with(|config| {
        config.limits.claim_attempts_per_hour = limit;
    })
    .await;
    world.user_api.has_child("child", BIRTHDAY);
    let answer = world
        .service()
        .post("/confirm/signup/child", &json!({}))
        .await;
    let key = answer.json::<Value>()["key"].as_str().unwrap().to_owned();
    (world, key)
}

async fn claim(world: &World, key: &str, body: &str) -> Answer {
    let path = format!("/confirm/accept/signup/{key}");
    send_raw(&world.anonymous(), Method::PUT, &path, body.to_owned()).await
}

fn with(password: &str, birthday: &str) -> String {
    json!({"password": password, "birthday": birthday}).to_string()
}

#[track_caller]
fn assert_number(answer: &Answer, number: u16, text: &str) {
    assert_eq!(answer.status, 409, "{}", answer.text());
    let wanted = json!({"code": 409, "error": number, "reason": text});
    assert_eq!(answer.json::<Value>(), wanted);
}

#[actix_web::test]
async fn each_mistake_has_its_number_and_then_the_claim_works() {
    let (world, key) = world_with_child(5).await;
    for body in ["", "{", "[]1", r#"{"password":1}"#] {
        let answer = claim(&world, &key, body).await;
        assert_number(&answer, 1001, "User does not have a password");
    }
    for body in [
        "{}",
        r#"{"birthday":"2010-02-03"}"#,
        r#"{"password":"","birthday":""}"#,
    ] {
        let answer = claim(&world, &key, body).await;
        assert_number(&answer, 1002, "Password is missing");
    }
    for password in [
        "short",
        "space at the end ",
        "tab\tcharacter",
        &"x".repeat(73),
    ] {
        let answer = claim(&world, &key, &with(password, "")).await;
        assert_number(&answer, 1003, "Password specified is invalid");
    }
    for body in [
        json!({"password": PASSWORD}).to_string(),
        with(PASSWORD, ""),
    ] {
        let answer = claim(&world, &key, &body).await;
        assert_number(&answer, 1004, "Birthday is missing");
    }
    for birthday in [
        "3.2.2010",
        "2010-2-3",
        "2010-02-30",
        "2010-02-03T00:00:00Z",
        " 2010-02-3",
    ] {
        let answer = claim(&world, &key, &with(PASSWORD, birthday)).await;
        assert_number(&answer, 1005, "Birthday specified is invalid");
    }
    let wrong = "Birthday specified does not match patient birthday";
    let answer = claim(&world, &key, &with(PASSWORD, "2010-02-04")).await;
    assert_number(&answer, 1006, wrong);
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
    assert_eq!(world.status(&key).await, "pending");

    assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
    let [(_, update)] = world
        .user_api
        .asked(user_api::Ask::Update)
        .try_into()
        .unwrap();
    let updates = json!({"emailVerified": true, "password": PASSWORD});
    assert_eq!(update["updates"], updates);
    let only_if = json!({"email": "child@example.org", "passwordExists": false});
    assert_eq!(update["onlyIf"], only_if);
    assert_eq!(world.status(&key).await, "completed");
}

#[actix_web::test]
async fn a_claim_works_once() {
    let (world, key) = world_with_child(5).await;
    assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
    // The account has its password: the key only says again that the address is verified.
    for repeat in [&with(PASSWORD, BIRTHDAY), "", "{}", r#"{"password":"x"}"#] {
        assert_empty(&claim(&world, &key, repeat).await, 200);
    }
    // Nobody shall believe that another password is set.
    for other in [
        with("another-password", BIRTHDAY),
        with("another-password", ""),
    ] {
        let answer = claim(&world, &key, &other).await;
        assert_number(&answer, 1007, "User already has another password");
    }
    assert_eq!(world.user_api.account("child")["password"], PASSWORD);
}

#[actix_web::test]
async fn passwords_cannot_be_guessed_with_a_key_that_was_used() {
    let (world, key) = world_with_child(3).await;
    assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
    for wanted in [409, 409, 429, 429] {
        let answer = claim(&world, &key, &with("another-password", BIRTHDAY)).await;
        assert_eq!(answer.status, wanted);
    }
    assert_empty(&claim(&world, &key, "").await, 200);
}

#[actix_web::test]
async fn a_used_key_sets_no_password_where_it_was_not_what_set_it() {
    let (world, key) = world_with_child(5).await;
    // As the reference leaves it, which keeps no note of the change.
    world.set(&key, bson::doc! { "status": "completed" }).await;
    let claimed = json!({"passwordExists": true, "password": "of-the-owner"});
    world.user_api.change("child", claimed);
    let answer = claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await;
    assert_number(&answer, 1007, "User already has another password");
    assert_eq!(world.user_api.account("child")["password"], "of-the-owner");
}

#[actix_web::test]
async fn two_keys_of_one_claim_set_one_password() {
    for round in 0..5 {
        let (world, key) = world_with_child(0).await;
        let resend = "/confirm/resend/signup/child@example.org";
        assert_empty(&crate::world::post(&world.anonymous(), resend).await, 200);
        let shown: Value = world.service().get("/confirm/signup/child").await.json();
        let other = shown["key"].as_str().unwrap();
        let (one, two) = (with(PASSWORD, BIRTHDAY), with("another-password", BIRTHDAY));
        let answers =
            futures_util::future::join(claim(&world, &key, &one), claim(&world, other, &two));
        let (first, second) = answers.await;
        let statuses = (first.status, second.status);
        assert!(
            matches!(statuses, (200, 409) | (409, 200)),
            "round {round}: {statuses:?}"
        );
        let set = if first.status == 200 {
            PASSWORD
        } else {
            "another-password"
        };
        assert_eq!(world.user_api.account("child")["password"], set);
        assert_eq!(world.status(other).await, "completed");
    }
}

#[actix_web::test]
async fn a_claim_that_failed_on_the_way_is_repeated_with_the_same_mark() {
    let (world, key) = world_with_child(5).await;
    world.user_api.fail(user_api::Ask::Update, 500);
    let answer = claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await;
    assert_refused(&answer, 500, "Error updating user");
    assert_eq!(world.status(&key).await, "pending");
    world.user_api.mend(user_api::Ask::Update);
    assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
    let [(_, first), (_, second)] = world
        .user_api
        .asked(user_api::Ask::Update)
        .try_into()
        .unwrap();
    assert_eq!(first, second);
    // The key itself is nobody else's business.
    assert!(!first.to_string().contains(&key));
}

#[actix_web::test]
async fn where_no_birthday_is_noted_nobody_knows_it() {
    let (world, key) = world_with_child(0).await;
    let wrong = "Birthday specified does not match patient birthday";
    for profile in [
        Value::Null,
        json!({"fullName": "A Parent", "patient": null}),
        json!({"fullName": "A Parent", "patient": {"isOtherPerson": true}}),
        json!({"fullName": "A Parent", "patient": {"birthday": "", "isOtherPerson": true}}),
    ] {
        world.user_api.profile("child", profile);
        let answer = claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await;
        assert_number(&answer, 1006, wrong);
    }
}

#[actix_web::test]
async fn a_birthday_that_is_written_otherwise_is_the_same_day() {
    for birthday in ["2010-2-3", "2010/02/03", " 2010-02-03 "] {
        let (world, key) = world_with_child(0).await;
        let patient = json!({ "birthday": birthday, "isOtherPerson": true });
        let profile = json!({ "fullName": "A Parent", "patient": patient });
        world.user_api.profile("child", profile);
        let answer = claim(&world, &key, &with(PASSWORD, "2010-02-04")).await;
        let wrong = "Birthday specified does not match patient birthday";
        assert_number(&answer, 1006, wrong);
        assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
    }
}

#[actix_web::test]
async fn a_birthday_that_is_no_date_is_said_to_be_none() {
    let (world, key) = world_with_child(0).await;
    let (reason, sentence) = (
        "Birthday specified does not match patient birthday, which is not a date: whoever runs the \
         account has to correct it",
        "The birthday in the account is no date. Ask whoever made it for you to correct it.",
    );
    for birthday in ["2001-02-29", "3.2.2010", "unknown"] {
        let patient = json!({ "birthday": birthday, "isOtherPerson": true });
        let profile = json!({ "fullName": "A Parent", "patient": patient });
        world.user_api.profile("child", profile);
        let answer = claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await;
        assert_number(&answer, 1006, reason);
        let mut browser = Browser::new(&world);
        browser.get(&format!("/login?signupKey={key}")).await;
        let fields = [
            ("key", key.as_str()),
            ("password", PASSWORD),
            ("birthday", BIRTHDAY),
        ];
        let page = browser.submit("/pages/verify", &fields).await;
        assert_eq!(page.status, 409);
        page.assert_says(sentence);
    }
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
}

#[actix_web::test]
async fn birthdays_cannot_be_guessed() {
    let (world, key) = world_with_child(3).await;
    let wrong = "Birthday specified does not match patient birthday";
    // What is wrong in itself is no guess.
    for _ in 0..5 {
        let answer = claim(&world, &key, &with(PASSWORD, "never")).await;
        assert_number(&answer, 1005, "Birthday specified is invalid");
    }
    for day in 10..13 {
        let answer = claim(&world, &key, &with(PASSWORD, &format!("2010-02-{day}"))).await;
        assert_number(&answer, 1006, wrong);
    }
    let guessed = claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await;
    assert_refused(&guessed, 429, "Too many requests; try again later");
    let wait: u64 = guessed.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(world.user_api.account("child")["passwordExists"], false);
    // Another key of the same account gives no more guesses.
    let resend = "/confirm/resend/signup/child@example.org";
    assert_empty(&crate::world::post(&world.anonymous(), resend).await, 200);
    let shown: Value = world.service().get("/confirm/signup/child").await.json();
    let other = shown["key"].as_str().unwrap();
    let guessed = claim(&world, other, &with(PASSWORD, BIRTHDAY)).await;
    assert_refused(&guessed, 429, "Too many requests; try again later");
    // After the hour it goes on.
    let over = bson::doc! { "$set": { "endsAt": bson::DateTime::now() } };
    let quotas = world
        .database
        .database
        .collection::<bson::Document>("quotas");
    quotas.update_many(bson::doc! {}, over).await.unwrap();
    assert_empty(&claim(&world, other, &with(PASSWORD, BIRTHDAY)).await, 200);
}

#[actix_web::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let (world, key) = world_with_child(3).await;
    let bodies: Vec<String> = (10..20)
        .map(|day| with(PASSWORD, &format!("2010-02-{day}")))
        .collect();
    let answers =
        futures_util::future::join_all(bodies.iter().map(|body| claim(&world, &key, body)));
    let mut statuses: Vec<u16> = answers.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [[409; 3].as_slice(), [429; 7].as_slice()].concat()
    );
}

#[actix_web::test]
async fn without_a_limit_guesses_are_not_counted() {
    let (world, key) = world_with_child(0).await;
    for _ in 0..12 {
        let answer = claim(&world, &key, &with(PASSWORD, "2010-02-04")).await;
        assert_eq!(answer.status, 409);
    }
    assert_empty(&claim(&world, &key, &with(PASSWORD, BIRTHDAY)).await, 200);
}

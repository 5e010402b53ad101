//! Guesses at keys, and passwords that user-api refuses for their weakness.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    limits::Limit,
    testing::{Answer, send},
};
use stand_ins::user_api;

use crate::{
    browser::Browser,
    world::{World, assert_empty, assert_refused},
};

const HOME: &str = "203.0.113.7";
const ELSEWHERE: &str = "198.51.100.9";
const WRONG: &str = "00000000000000000000000000000000";

/// A world in which three wrong keys are one too many, until a minute later.
async fn world() -> World {
    World::start_with(|config| {
        config.limits.keys_per_source = Limit {
            burst: 3,
            per_minute: 1,
        };
    })
    .await
}

#[track_caller]
fn assert_too_many(answer: &Answer) {
    assert_refused(answer, 429, "Too many requests; try again later");
    assert!(answer.header("retry-after").is_some());
}

async fn put(world: &World, place: &str, path: &str, body: &Value) -> Answer {
    let person = world.anonymous().at_place(place);
    send(person.request(Method::PUT, path).json(body)).await
}

fn reset(key: &str) -> Value {
    json!({ "key": key, "email": "bob@example.org", "password": "battery-staple" })
}

#[actix_web::test]
async fn keys_that_open_nothing_are_limited_by_source_at_every_operation() {
    let world = world().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    let by_key = json!({ "key": WRONG });
    let wrong = [
        ("/confirm/accept/forgot".to_owned(), reset(WRONG)),
        (format!("/confirm/accept/signup/{WRONG}"), json!({})),
        (format!("/confirm/accept/signup/bob/{WRONG}"), json!({})),
        ("/confirm/dismiss/signup/bob".to_owned(), by_key.clone()),
        ("/confirm/signup/bob".to_owned(), by_key),
    ];
    for (number, (path, body)) in wrong.iter().enumerate() {
        let place = format!("198.51.100.{}", 100 + number);
        for _ in 0..3 {
            assert_eq!(put(&world, &place, path, body).await.status, 404, "{path}");
        }
        // Whatever is tried with whatever key.
        assert_too_many(&put(&world, &place, path, body).await);
        let right = put(&world, &place, "/confirm/accept/forgot", &reset(&key)).await;
        assert_too_many(&right);
    }
    let answer = put(&world, HOME, "/confirm/accept/forgot", &reset(&key)).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn keys_tried_at_once_come_no_further_than_one_after_the_other() {
    let world = world().await;
    let wrong = reset(WRONG);
    let tried = join_all((0..30).map(|_| async {
        let answer = put(&world, ELSEWHERE, "/confirm/accept/forgot", &wrong).await;
        answer.status
    }))
    .await;
    let is_known = |status: &u16| matches!(status, 404 | 429);
    assert!(tried.iter().all(is_known), "{tried:?}");
    let told = tried.iter().filter(|status| **status == 404).count();
    assert_eq!(told, 3, "{tried:?}");
}

#[actix_web::test]
async fn addresses_guessed_at_a_resend_count_as_keys_do() {
    let world = world().await;
    let resend = async |place: &str, name: &str| {
        let person = world.anonymous().at_place(place);
        let path = format!("/confirm/resend/signup/{name}@example.org");
        send(person.request(Method::POST, &path)).await
    };
    world.user_api.has("bob");
    world.sign_up("bob").await;
    for number in 0..3 {
        let unknown = resend(ELSEWHERE, &format!("nobody{number}")).await;
        assert_eq!(unknown.status, 404);
    }
    assert_too_many(&resend(ELSEWHERE, "bob").await);
    assert_empty(&resend(HOME, "bob").await, 200);
}

#[actix_web::test]
async fn the_pages_count_what_the_operations_count() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let dead = [
        format!("/confirm-password-reset?resetKey={WRONG}"),
        format!("/login?signupKey={WRONG}"),
        format!("/confirm-password-reset?resetKey={WRONG}"),
    ];
    for link in &dead {
        assert_eq!(browser.get(link).await.status, 404, "{link}");
    }
    for link in &dead {
        assert_eq!(browser.get(link).await.status, 429, "{link}");
    }
}

#[actix_web::test]
async fn user_api_learns_where_somebody_is_who_logs_in_or_signs_up_on_a_page() {
    let world = world().await;
    world.user_api.has("bob");
    let mut browser = Browser::new(&world);
    browser.get("/login").await;
    let fields = [("email", "bob@example.org"), ("password", "wrong-password")];
    let page = browser.submit_from(ELSEWHERE, "/login", &fields).await;
    assert_eq!(page.status, 401);
    let fields = [("email", "eve@example.org"), ("password", "battery-staple")];
    let page = browser.submit_from(HOME, "/signup", &fields).await;
    page.assert_sees("/pages/done/signed-up");
    assert_eq!(
        world.user_api.asked_for_whom(user_api::Ask::LogIn),
        [ELSEWHERE]
    );
    assert_eq!(world.user_api.asked_for_whom(user_api::Ask::SignUp), [HOME]);
}

#[actix_web::test]
async fn a_weak_password_is_refused_with_the_reason_and_the_key_stays() {
    let world = world().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    world.user_api.fail(user_api::Ask::Update, 400);
    for (password, why) in [
        (
            "iloveyou",
            "The password is one of the most common ones; choose another one",
        ),
        (
            "bob@example.org",
            "The password is a name or an address of the account; choose another one",
        ),
    ] {
        let mut body = reset(&key);
        body["password"] = json!(password);
        let answer = put(&world, HOME, "/confirm/accept/forgot", &body).await;
        assert_refused(&answer, 400, why);
    }
    world.user_api.has_child("child", "2010-02-03");
    let made = world
        .service()
        .post("/confirm/signup/child", &json!({}))
        .await;
    let claim_key = made.json::<Value>()["key"].as_str().unwrap().to_owned();
    let path = format!("/confirm/accept/signup/{claim_key}");
    let claim = json!({ "password": "iloveyou", "birthday": "2010-02-03" });
    let answer = put(&world, HOME, &path, &claim).await;
    assert_eq!(answer.status, 409);
    assert_eq!(
        answer.json::<Value>(),
        json!({
            "code": 409, "error": 1003,
            "reason": "The password is one of the most common ones; choose another one",
        })
    );
    world.user_api.mend(user_api::Ask::Update);
    let claim = json!({ "password": "battery-staple", "birthday": "2010-02-03" });
    assert_empty(&put(&world, HOME, &path, &claim).await, 200);
    let answer = put(&world, HOME, "/confirm/accept/forgot", &reset(&key)).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn the_pages_say_why_a_password_is_refused() {
    let world = world().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    world.user_api.fail(user_api::Ask::Update, 400);
    world.user_api.fail(user_api::Ask::SignUp, 400);
    let mut browser = Browser::new(&world);
    browser.get("/signup").await;
    let common = "Very many people have this password. Choose another one.";
    let own = "This is your name or address. Choose another password.";
    for (password, sentence) in [("iloveyou", common), ("bob@example.org", own)] {
        let email = ("email", "bob@example.org");
        let fields = [("key", key.as_str()), email, ("password", password)];
        let page = browser.submit("/confirm-password-reset", &fields).await;
        assert_eq!(page.status, 400);
        page.assert_says(sentence);
        let page = browser
            .submit("/signup", &[email, ("password", password)])
            .await;
        assert_eq!(page.status, 400);
        page.assert_says(sentence);
    }
}

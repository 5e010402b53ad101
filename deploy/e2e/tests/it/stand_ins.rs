//! The stand-ins, by which each service is tested, against the real services: both are asked the
//! same in the same order, and answer the same.

mod clinics;
mod permissions;
mod side;

use ::stand_ins::{Clinic, Confirm, Gatekeeper, UserApi};
use e2e::Platform;
use serde_json::{Value, json};

use self::side::{At, Side};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const PASSWORD: &str = "correct-horse";

#[actix_web::test]
async fn stand_ins_answer_as_the_real_services_do() {
    let platform = Platform::start().await;
    let mut real = Side::of_platform(&platform).await;
    play(&mut real).await;

    let (user_api, gatekeeper) = (UserApi::start(), Gatekeeper::start());
    let (confirm, clinic) = (Confirm::start(), Clinic::start());
    gatekeeper.call_back(&user_api.url());
    let mut played = Side::of_stand_ins(&user_api, &gatekeeper, &confirm, &clinic).await;
    play(&mut played).await;

    for (real, played) in real.said.iter().zip(&played.said) {
        assert_eq!(real, played, "the real service, and its stand-in");
    }
    assert_eq!(real.said.len(), played.said.len());
}

async fn play(side: &mut Side<'_>) {
    sign_ups(side).await;
    server_log_ins(side).await;
    profiles(side).await;
    updates(side).await;
    sessions(side).await;
    custodial_accounts(side).await;
    people(side).await;
    permissions::play(side).await;
    told_to_confirm(side).await;
    clinics::play(side).await;
}

async fn sign_ups(side: &mut Side<'_>) {
    for name in ["alice", "bob", "carol", "dave"] {
        let email = format!("{name}@example.org");
        let body = json!({ "username": email, "emails": [email], "password": PASSWORD });
        let account = side.ask_anonymously("POST /auth/user", body).await;
        side.call(name, &account);
    }
    let alice = "alice@example.org";
    for (username, emails, password) in [
        (alice, vec![alice], PASSWORD),
        ("Alice@Example.org", vec!["Alice@Example.org"], PASSWORD),
        ("erin@example.org", vec!["erin@example.org"], "short"),
        ("erin@example.org", vec!["erin@example.org"], "sunshine1"),
        (
            "erin@example.org",
            vec!["erin@example.org"],
            "erin@example.org",
        ),
        ("erin", vec!["erin"], PASSWORD),
    ] {
        let body = json!({ "username": username, "emails": emails, "password": password });
        side.ask_anonymously("POST /auth/user", body).await;
    }
}

async fn server_log_ins(side: &mut Side<'_>) {
    for (name, secret) in [
        ("confirm", "wrong"),
        ("nobody", "wrong"),
        ("", "wrong"),
        ("confirm", ""),
    ] {
        side.log_in_server(name, secret).await;
    }
}

async fn profiles(side: &mut Side<'_>) {
    let bob = "/metadata/{bob}/profile";
    let patient = json!({ "birthday": "2001-02-03", "isOtherPerson": true });
    for (what, body) in [
        (format!("GET {bob}"), Value::Null),
        (format!("PUT {bob}"), json!({ "fullName": "Bob" })),
        (format!("PUT {bob}"), json!({ "patient": patient })),
        (format!("GET {bob}"), Value::Null),
        ("GET /metadata/{nobody}/profile".to_owned(), Value::Null),
    ] {
        side.ask(At::UserApi, &what, body).await;
    }
}

/// The body of a conditional update.
fn update(key: &str, email: &str, updates: &Value) -> Value {
    json!({ "updates": updates, "onlyIf": { "email": email }, "idempotencyKey": key })
}

async fn updates(side: &mut Side<'_>) {
    let alice = "alice@example.org";
    let verified = json!({ "emailVerified": true });
    let password = |text: &str| json!({ "password": text });
    let mut first = update("first", alice, &password("battery-staple"));
    first["onlyIf"]["passwordExists"] = json!(false);
    for body in [
        update("a", "other@example.org", &verified),
        update("a", "ALICE@example.org", &verified),
        first,
        update("b", alice, &password("short")),
        update("b", alice, &password("sunshine1")),
        update("b", alice, &password("battery-staple")),
        update("b", alice, &password("battery-staple")),
        update("b", alice, &password("another-password")),
        update("a", alice, &verified),
    ] {
        side.ask(At::UserApi, "PUT /user/{alice}", body).await;
    }
    let nobody = update("n", alice, &verified);
    side.ask(At::UserApi, "PUT /user/{nobody}", nobody.clone())
        .await;
    side.ask_with("nonsense", At::UserApi, "PUT /user/{alice}", nobody)
        .await;
    for body in [
        json!({}),
        json!({
            "change": "c", "email": alice, "password": "short", "idempotencyKey": "k",
        }),
    ] {
        let what = "PUT /internal/users/{alice}/restoration";
        side.ask(At::UserApi, what, body).await;
    }
}

async fn sessions(side: &mut Side<'_>) {
    for (email, password) in [
        ("alice@example.org", "battery-staple"),
        ("alice@example.org", PASSWORD),
        ("bob@example.org", PASSWORD),
        ("bob@example.org", "wrong-password"),
        ("nobody@example.org", PASSWORD),
    ] {
        side.log_in(email, Some(password)).await;
    }
    side.log_in("alice@example.org", None).await;
    let token = side
        .log_in("ALICE@example.org", Some("battery-staple"))
        .await;
    let token = token.expect("a session");
    side.check(&token).await;
    side.check("nonsense").await;
    side.ask_with(
        &token,
        At::UserApi,
        "GET /internal/people?ids={alice}",
        Value::Null,
    )
    .await;
    side.ask_with(&token, At::UserApi, "POST /v1/clinics/c/users", json!({}))
        .await;
    side.ask_with(&token, At::UserApi, "POST /auth/logout", Value::Null)
        .await;
    side.check(&token).await;
}

async fn custodial_accounts(side: &mut Side<'_>) {
    let what = format!("POST /v1/clinics/{CLINIC}/users");
    for (name, body) in [
        ("kid", json!({ "emails": ["kid@example.org"] })),
        ("child", json!({})),
        ("named", json!({ "username": "named@example.org" })),
    ] {
        let account = side.ask(At::UserApi, &what, body).await;
        side.call(name, &account);
    }
    for body in [
        json!({ "emails": ["kid@example.org"] }),
        json!({ "emails": ["KID@example.org"] }),
        json!({ "username": "alice@example.org" }),
        json!({ "emails": ["kid"] }),
    ] {
        side.ask(At::UserApi, &what, body).await;
    }
    for who in [
        "{kid}",
        "{child}",
        "kid@example.org",
        "{nobody}",
        "nobody@example.org",
    ] {
        side.ask(At::UserApi, &format!("GET /user/{who}"), Value::Null)
            .await;
    }
    side.ask_with("nonsense", At::UserApi, "GET /user/{kid}", Value::Null)
        .await;
}

async fn people(side: &mut Side<'_>) {
    let patient = json!({ "birthday": "2010-02-03", "diagnosisDate": "2015-01-01" });
    side.set_profile(
        "alice",
        json!({ "fullName": "Alice Lee", "patient": patient }),
    )
    .await;
    let many = vec!["x"; 201].join(",");
    for query in [
        "?ids={alice},{kid},{nobody}",
        "?ids={bob}&profiles={alice},{carol}",
        "?email=ALICE%40example.org",
        "?email=kid%40example.org",
        "?email=nobody%40example.org",
        "?ids={alice}&email=alice%40example.org",
        "?ids=",
        "",
        &format!("?ids={many}"),
        &format!("?profiles={many}"),
    ] {
        side.ask(
            At::UserApi,
            &format!("GET /internal/people{query}"),
            Value::Null,
        )
        .await;
    }
}

/// Of confirm's internal operations the services alone may call any, whose tokens nobody else has.
async fn told_to_confirm(side: &mut Side<'_>) {
    for what in [
        "DELETE /internal/users/{alice}",
        "DELETE /internal/users/{alice}/invitations",
        "PUT /internal/account-notices/n",
        "PUT /internal/clinic-notices/n",
        "POST /confirm/send/signup/{alice}",
    ] {
        side.ask(At::Confirm, what, Value::Null).await;
        for token in ["", "nonsense"] {
            side.ask_with(token, At::Confirm, what, Value::Null).await;
        }
    }
}

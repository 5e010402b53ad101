//! What one source may do, and that it costs others nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream::FuturesUnordered,
};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    limits::Limit,
    testing::{Answer, send},
};

use crate::world::{PASSWORD, SECRET, World, assert_empty, assert_refused};

const HOME: &str = "203.0.113.7";
const ELSEWHERE: &str = "198.51.100.9";

/// So many in a row, and hardly more while a test runs.
pub(crate) fn in_a_row(burst: u32) -> Limit {
    Limit {
        burst,
        per_minute: 1,
    }
}

#[track_caller]
pub(crate) fn assert_too_many(answer: &Answer, text: &str) {
    assert_refused(answer, 429, text);
    let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

/// Wrong passwords one after another.
async fn guess(world: &World, place: &str, names: &[&str]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for name in names {
        answers.push(world.log_in_from(place, name, "wrong-password").await);
    }
    answers
}

#[actix_web::test]
async fn the_owner_logs_in_while_somebody_guesses() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    for _ in 0..8 {
        let (guesses, owner) = join(
            guess(&world, ELSEWHERE, &[alice.email.as_str(); 4]),
            world.log_in_from(HOME, &alice.email, PASSWORD),
        )
        .await;
        assert_eq!(owner.status, 200, "{}", owner.text());
        assert!(
            guesses
                .iter()
                .all(|guess| matches!(guess.status, 401 | 429))
        );
    }
    let refused = world.log_in_from(ELSEWHERE, &alice.email, PASSWORD).await;
    assert_too_many(&refused, "Too many login attempts");
}

#[actix_web::test]
async fn many_who_guess_at_one_account_wait_and_its_owner_does_not() {
    let world = World::start_with(|config| {
        config.limits.passwords_per_account = in_a_row(6);
    })
    .await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let place = |number: usize| format!("198.51.100.{number}");
    for number in 0..6 {
        assert_eq!(
            guess(&world, &place(number), &[&alice.email]).await[0].status,
            401
        );
    }
    for number in 0..6 {
        let refused = &guess(&world, &place(number), &[&alice.email]).await[0];
        assert_too_many(refused, "Too many login attempts");
    }
    assert_eq!(
        world.log_in_from(HOME, &alice.email, PASSWORD).await.status,
        200
    );
    // Where the owner was before, a slip of the finger costs nothing.
    assert_eq!(guess(&world, HOME, &[&alice.email]).await[0].status, 401);
    assert_eq!(
        world.log_in_from(HOME, &alice.email, PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn passwords_sprayed_over_many_names_are_those_of_one_source() {
    let world = World::start_with(|config| {
        config.limits.passwords_per_source = in_a_row(20);
    })
    .await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let names: Vec<String> = (0..30)
        .map(|number| format!("{number}@example.org"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tried = guess(&world, ELSEWHERE, &names).await;
    assert_eq!(statuses(&tried[..20]), [401; 20]);
    for refused in &tried[20..] {
        assert_too_many(refused, "Too many login attempts");
    }
    let refused = world.log_in_from(ELSEWHERE, &alice.email, PASSWORD).await;
    assert_too_many(&refused, "Too many login attempts");
    assert_eq!(
        world.log_in_from(HOME, &alice.email, PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn guesses_at_once_count_as_those_one_after_another() {
    let world = World::start_with(|config| config.passwords.hash_permits = 1).await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let guesses = (0..40).map(|_| world.log_in_from(ELSEWHERE, &alice.email, "wrong-password"));
    let answers = join_all(guesses).await;
    let wrong = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((10..=12).contains(&wrong), "{:?}", statuses(&answers));
}

#[actix_web::test]
async fn known_and_unknown_names_are_limited_alike_in_every_spelling() {
    let world = World::start_with(|config| {
        config.limits.passwords_per_source_and_account = in_a_row(3);
    })
    .await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let mut seen = Vec::new();
    for (place, name) in [("198.51.100.1", "alice"), ("198.51.100.2", "nobody")] {
        let spellings = [
            format!("{name}@example.org"),
            format!("{}@Example.ORG", name.to_uppercase()),
            format!("{name}@EXAMPLE.org"),
            format!("{name}@example.org"),
            format!("{}@example.org", name.to_uppercase()),
        ];
        let spellings: Vec<&str> = spellings.iter().map(String::as_str).collect();
        let answers = guess(&world, place, &spellings).await;
        let told = |answer: &Answer| (answer.status, answer.text().to_owned());
        seen.push(answers.iter().map(told).collect::<Vec<_>>());
        assert_eq!(statuses(&answers), [401, 401, 401, 429, 429]);
    }
    assert_eq!(seen[0], seen[1]);
}

#[actix_web::test]
async fn a_reset_or_a_verification_by_mail_clears_the_count() {
    let world = World::start_with(|config| {
        config.limits.passwords_per_source_and_account = in_a_row(2);
    })
    .await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let path = format!("/user/{}", alice.id);
    let limited = async |password| {
        assert_eq!(
            statuses(&guess(&world, HOME, &[alice.email.as_str(); 3]).await),
            [401, 401, 429]
        );
        let refused = world.log_in_from(HOME, &alice.email, password).await;
        assert_too_many(&refused, "Too many login attempts");
    };
    limited(PASSWORD).await;
    let verified = json!({ "updates": { "emailVerified": true } });
    assert_eq!(service.put(&path, &verified).await.status, 200);
    assert_eq!(
        world.log_in_from(HOME, &alice.email, PASSWORD).await.status,
        200
    );
    limited(PASSWORD).await;
    let reset = json!({ "updates": { "password": "another-password" } });
    assert_eq!(service.put(&path, &reset).await.status, 200);
    let answer = world
        .log_in_from(HOME, &alice.email, "another-password")
        .await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn passwords_guessed_at_a_deletion_count_as_well() {
    let world = World::start_with(|config| {
        config.limits.passwords_per_source_and_account = in_a_row(2);
    })
    .await;
    let alice = world.user("alice").await;
    let path = format!("/auth/user/{}", alice.id);
    let delete = |place: &str, password: &str| {
        let request = alice.person.at_place(place).request(Method::DELETE, &path);
        send(request.json(&json!({ "password": password })))
    };
    for _ in 0..2 {
        let wrong = delete(ELSEWHERE, "wrong-password").await;
        assert_refused(&wrong, 403, "Missing id and/or password");
    }
    let refused = delete(ELSEWHERE, PASSWORD).await;
    assert_too_many(&refused, "Too many login attempts");
    assert_empty(&delete(HOME, PASSWORD).await, 204);
}

#[actix_web::test]
async fn one_source_makes_so_many_accounts_and_services_as_many_as_they_like() {
    let world = World::start_with(|config| {
        config.limits.sign_ups_per_source = in_a_row(3);
    })
    .await;
    let service = world.service().await.at_place(ELSEWHERE);
    let body = |name: &str| {
        let email = format!("{name}@example.org");
        json!({ "username": email, "emails": [email], "password": PASSWORD })
    };
    let somebody = world.anonymous().at_place(ELSEWHERE);
    // What is no sign-up does not count.
    assert_eq!(somebody.post("/auth/user", &json!({})).await.status, 400);
    for (name, status) in [("a", 201), ("b", 201), ("a", 409)] {
        assert_eq!(
            somebody.post("/auth/user", &body(name)).await.status,
            status
        );
    }
    let refused = somebody.post("/auth/user", &body("c")).await;
    assert_too_many(&refused, "Too many requests; try again later");
    assert_eq!(service.post("/auth/user", &body("c")).await.status, 201);
    let other = world.anonymous().at_place(HOME);
    assert_eq!(other.post("/auth/user", &body("d")).await.status, 201);
}

#[actix_web::test]
async fn guesses_at_secrets_of_services_are_limited() {
    let world = World::start_with(|config| {
        config.limits.secrets_per_source = in_a_row(3);
    })
    .await;
    let log_in = |place: &str, name: &str, secret: &str| {
        let request = world
            .anonymous()
            .at_place(place)
            .request(Method::POST, "/serverlogin")
            .header("x-tidepool-server-name", name)
            .header("x-tidepool-server-secret", secret);
        send(request)
    };
    assert_eq!(log_in(ELSEWHERE, "gatekeeper", SECRET).await.status, 200);
    for name in ["gatekeeper", "nobody", "gatekeeper"] {
        let wrong = log_in(ELSEWHERE, name, "a secret that is wrong").await;
        assert_refused(&wrong, 401, "Wrong password");
    }
    let refused = log_in(ELSEWHERE, "gatekeeper", SECRET).await;
    assert_too_many(&refused, "Too many requests; try again later");
    assert_eq!(log_in(HOME, "gatekeeper", SECRET).await.status, 200);
    // Nor does it hit a service that calls without a proxy.
    assert_eq!(world.server_login("gatekeeper", SECRET).await.status, 200);
}

#[actix_web::test]
async fn look_ups_by_name_that_come_to_nothing_are_limited() {
    let world = World::start_with(|config| {
        config.limits.look_ups_per_source = in_a_row(3);
    })
    .await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let look_up = async |place: &str, target: &str| {
        let path = format!("/auth/user/{target}");
        alice.person.at_place(place).get(&path).await
    };
    for _ in 0..4 {
        assert_eq!(look_up(ELSEWHERE, &alice.email).await.status, 200);
        assert_eq!(look_up(ELSEWHERE, &bob.id).await.status, 401);
    }
    assert_eq!(look_up(ELSEWHERE, &bob.email).await.status, 401);
    for name in ["nobody@example.org", "nobody"] {
        assert_eq!(look_up(ELSEWHERE, name).await.status, 404);
    }
    for name in [&bob.email, "nobody@example.org", &alice.email] {
        let refused = look_up(ELSEWHERE, name).await;
        assert_too_many(&refused, "Too many requests; try again later");
    }
    assert_eq!(look_up(ELSEWHERE, &alice.id).await.status, 200);
    assert_eq!(look_up(HOME, &bob.email).await.status, 401);
    let service = world.service().await.at_place(ELSEWHERE);
    let found: Value = service.get(&format!("/user/{}", bob.email)).await.json();
    assert_eq!(found["userid"], json!(bob.id));
}

#[actix_web::test]
async fn what_is_asked_at_once_comes_no_further_than_one_after_the_other() {
    let world = World::start_with(|config| {
        config.limits.look_ups_per_source = in_a_row(3);
        config.limits.secrets_per_source = in_a_row(3);
    })
    .await;
    let alice = world.user("alice").await.person.at_place(ELSEWHERE);
    let look_ups = (0..30).map(|number| {
        let path = format!("/auth/user/nobody{number}");
        let alice = &alice;
        async move { alice.get(&path).await.status }
    });
    let log_ins = (0..30).map(|_| async {
        let nobody = world.anonymous().at_place(ELSEWHERE);
        let request = nobody.request(Method::POST, "/serverlogin");
        let request = request.header("x-tidepool-server-name", "gatekeeper");
        send(request.header("x-tidepool-server-secret", "wrong"))
            .await
            .status
    });
    let told = |statuses: Vec<u16>, telling: u16| {
        let is_known = |status: &u16| *status == telling || *status == 429;
        assert!(statuses.iter().all(is_known), "{statuses:?}");
        statuses.iter().filter(|status| **status == telling).count()
    };
    assert_eq!(told(join_all(look_ups).await, 404), 3);
    assert_eq!(told(join_all(log_ins).await, 401), 3);
}

#[actix_web::test]
async fn names_that_are_tried_for_an_account_count_as_look_ups() {
    let world = World::start_with(|config| {
        config.limits.look_ups_per_source = in_a_row(3);
    })
    .await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let at = |place: &str| alice.person.at_place(place);
    let custodial = format!("/auth/user/{}/user", alice.id);
    let child = format!("/user/createChild/{}", alice.id);
    let named = json!({ "username": bob.email, "emails": [bob.email] });
    let taken = at(ELSEWHERE).post(&custodial, &named).await;
    assert_refused(&taken, 409, "User already exists");
    let body = json!({ "fullName": "Finn", "emails": [bob.email] });
    let taken = at(ELSEWHERE).post(&child, &body).await;
    assert_refused(&taken, 400, "User already exists");
    let updates = json!({ "updates": named });
    let taken = at(ELSEWHERE).put("/auth/user", &updates).await;
    assert_refused(&taken, 409, "User already exists");
    for refused in [
        at(ELSEWHERE).post(&custodial, &json!({})).await,
        at(ELSEWHERE).post(&child, &body).await,
        at(ELSEWHERE).put("/auth/user", &updates).await,
    ] {
        assert_too_many(&refused, "Too many requests; try again later");
    }
    assert_eq!(at(HOME).post(&custodial, &json!({})).await.status, 201);
}

#[actix_web::test]
async fn many_log_ins_of_one_source_make_no_other_wait_for_all_of_them() {
    const MANY: usize = 60;
    let world = World::start_with(|config| config.passwords.hash_permits = 1).await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world.verify(&alice).await;
    world.verify(&bob).await;
    let answered = AtomicUsize::new(0);
    let mut many: FuturesUnordered<_> = (0..MANY)
        .map(|_| async {
            let answer = world.log_in_from(ELSEWHERE, &alice.email, PASSWORD).await;
            assert_eq!(answer.status, 200);
            answered.fetch_add(1, Ordering::Relaxed);
        })
        .collect();
    // Once the first is answered the others wait.
    many.next().await;
    let one = async {
        let answer = world.log_in_from(HOME, &bob.email, PASSWORD).await;
        assert_eq!(answer.status, 200);
        answered.load(Ordering::Relaxed)
    };
    let (before, _) = join(one, many.collect::<Vec<()>>()).await;
    assert!(before < MANY / 2, "{before} of {MANY} were answered before");
    assert_eq!(answered.load(Ordering::Relaxed), MANY);
}

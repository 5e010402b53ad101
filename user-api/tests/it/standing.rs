//! Addresses belong to the accounts that have proven them.

use bson::{DateTime, Timestamp, doc};
use futures_util::future::join;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::world::{PASSWORD, User, World, assert_refused, eventually};

const VICTIM: &str = "victim@example.org";
const NEW_PASSWORD: &str = "battery-staple";
const TAKEN: &str = "User already exists";

async fn sign_up(world: &World, emails: &[&str]) -> Answer {
    let body = json!({ "username": emails[0], "emails": emails, "password": PASSWORD });
    world.anonymous().post("/user", &body).await
}

/// Somebody who noted `more` beside an address of their own; the id.
async fn signed_up_with(world: &World, own: &str, more: &str) -> String {
    let answer = sign_up(world, &[own, more]).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let record: Value = answer.json();
    assert_eq!(record["emails"], json!([own, more]));
    record["userid"].as_str().unwrap().to_owned()
}

/// Proves `email`, as confirm does once the mail there was read.
async fn prove(world: &World, id: &str, email: &str) -> Answer {
    let body = json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": email } });
    let path = format!("/user/{id}");
    world.service().await.put(&path, &body).await
}

/// Sets a password through `email`, as confirm does.
async fn reset(world: &World, id: &str, email: &str) -> Answer {
    let updates = json!({ "password": NEW_PASSWORD, "emailVerified": true });
    let body = json!({ "updates": updates, "onlyIf": { "email": email } });
    let path = format!("/user/{id}");
    world.service().await.put(&path, &body).await
}

/// The accounts to which confirm mails a key for `email`.
async fn receivers(world: &World, email: &str) -> Vec<String> {
    let path = format!("/internal/people?email={email}");
    let found: Value = world.service().await.get(&path).await.json();
    let people = found["people"].as_array().unwrap().iter();
    people
        .map(|person| person["user"]["userid"].as_str().unwrap().to_owned())
        .collect()
}

async fn record(world: &World, id: &str) -> Value {
    let answer = world.service().await.get(&format!("/user/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Waits until the account has the address no more, which takes a moment where it only noted it.
async fn loses(world: &World, id: &str, email: &str) {
    eventually("the address leaves", async || {
        let emails = record(world, id).await["emails"].clone();
        !emails.as_array().unwrap().contains(&json!(email))
    })
    .await;
}

#[track_caller]
fn assert_no_match(answer: &Answer) {
    assert_refused(answer, 401, "No user matched the given details");
}

#[actix_web::test]
async fn an_address_beside_ones_own_is_nobodys() {
    let world = World::start().await;
    let mallory = signed_up_with(&world, "mallory@example.org", VICTIM).await;
    let service = world.service().await;
    for is_proven in [false, true] {
        if is_proven {
            let answer = prove(&world, &mallory, "mallory@example.org").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let logged_in = world.log_in("MALLORY@example.org", PASSWORD).await;
            assert_eq!(logged_in.status, 200);
        }
        assert_no_match(&world.log_in(VICTIM, PASSWORD).await);
        let found = service.get(&format!("/user/{VICTIM}")).await;
        assert_refused(&found, 404, "User not found");
        assert_eq!(receivers(&world, VICTIM).await, [""; 0]);
        assert_eq!(
            receivers(&world, "mallory@example.org").await,
            [mallory.as_str()]
        );
        let answer = reset(&world, &mallory, VICTIM).await;
        assert_refused(&answer, 409, "The account does not have this address");
    }

    let victim = world.user("victim").await;
    assert_eq!(receivers(&world, VICTIM).await, [victim.id.as_str()]);
    let found: Value = service.get(&format!("/user/{VICTIM}")).await.json();
    assert_eq!(found["userid"], json!(victim.id));
    assert_eq!(
        record(&world, &mallory).await["emails"],
        json!(["mallory@example.org", VICTIM])
    );
    let answer = prove(&world, &victim.id, VICTIM).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    loses(&world, &mallory, VICTIM).await;
    assert_eq!(
        record(&world, &mallory).await,
        json!({
            "userid": mallory, "username": "mallory@example.org",
            "emails": ["mallory@example.org"], "roles": ["patient"], "emailVerified": true,
            "passwordExists": true,
        })
    );
    assert_eq!(world.log_in(VICTIM, PASSWORD).await.status, 200);
    // From now on it is the victim's alone.
    let answer = sign_up(&world, &["other@example.org", VICTIM]).await;
    assert_refused(&answer, 409, TAKEN);
}

#[actix_web::test]
async fn a_user_name_is_no_better_than_an_address() {
    let world = World::start().await;
    // As older versions took it.
    let mallory = signed_up_with(&world, "mallory@example.org", "more@example.org").await;
    let mallory = mallory.as_str();
    let change = doc! { "$set": { "username": VICTIM }, "$unset": { "logins": "" } };
    let of_mallory = doc! { "userid": mallory };
    world.users().update_one(of_mallory, change).await.unwrap();
    let answer = prove(&world, mallory, "mallory@example.org").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_no_match(&world.log_in(VICTIM, PASSWORD).await);
    let victim = world.user("victim").await;
    assert_eq!(prove(&world, &victim.id, VICTIM).await.status, 200);
    eventually("the user name is another", async || {
        record(&world, mallory).await["username"] != json!(VICTIM)
    })
    .await;
    assert_eq!(
        record(&world, mallory).await["username"],
        json!("mallory@example.org")
    );
}

#[actix_web::test]
async fn an_address_is_the_user_name_of_those_alone_who_have_it() {
    let world = World::start().await;
    let body = json!({
        "username": VICTIM, "emails": ["mallory@example.org"], "password": PASSWORD,
    });
    let answer = world.anonymous().post("/user", &body).await;
    assert_refused(&answer, 400, "Invalid user details were given");
    let mallory = world.user("mallory").await;
    let body = json!({ "fullName": "Kid", "username": VICTIM, "password": PASSWORD });
    let path = format!("/user/createChild/{}", mallory.id);
    let answer = mallory.person.post(&path, &body).await;
    assert_refused(&answer, 400, "Username is invalid");
    let more = json!({ "updates": { "emails": [mallory.email, "more@example.org"] } });
    assert_eq!(mallory.person.put("/user", &more).await.status, 200);
    let answer = mallory
        .person
        .put("/user", &json!({ "updates": { "username": VICTIM } }))
        .await;
    assert_refused(&answer, 400, "Invalid user details were given");
    assert_eq!(sign_up(&world, &[VICTIM]).await.status, 201);
}

#[actix_web::test]
async fn another_account_changes_to_an_address_that_nobody_has_proven() {
    let world = World::start().await;
    let mallory = signed_up_with(&world, "mallory@example.org", VICTIM).await;
    assert_eq!(
        prove(&world, &mallory, "mallory@example.org").await.status,
        200
    );
    let alice = world.user("alice").await;
    assert_eq!(prove(&world, &alice.id, &alice.email).await.status, 200);
    let change = json!({ "updates": { "username": VICTIM, "emails": [VICTIM] } });
    let answer = alice.person.put("/user", &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.log_in(VICTIM, PASSWORD).await.status, 200);
    assert_eq!(prove(&world, &alice.id, VICTIM).await.status, 200);
    loses(&world, &mallory, VICTIM).await;
    assert_eq!(
        record(&world, &mallory).await["emails"],
        json!(["mallory@example.org"])
    );
}

#[actix_web::test]
async fn the_only_address_of_a_fresh_account_reserves_and_a_reset_proves_it() {
    let world = World::start().await;
    let squatter = world.user("victim").await;
    let answer = sign_up(&world, &[VICTIM]).await;
    assert_refused(&answer, 409, TAKEN);
    let noting = signed_up_with(&world, "noting@example.org", "else@example.org").await;
    let note = json!({ "updates": { "emails": ["noting@example.org", VICTIM] } });
    let path = format!("/user/{noting}");
    let answer = world.service().await.put(&path, &note).await;
    assert_refused(&answer, 409, TAKEN);

    assert_eq!(receivers(&world, VICTIM).await, [squatter.id.as_str()]);
    let answer = reset(&world, &squatter.id, "Victim@Example.org").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(squatter.person.get("/user").await.status, 401);
    assert_no_match(&world.log_in(VICTIM, PASSWORD).await);
    assert_eq!(world.log_in(VICTIM, NEW_PASSWORD).await.status, 200);
    let stored = world.document(&squatter.id).await.unwrap();
    assert_eq!(stored.get_str("provenEmail").unwrap(), VICTIM);
}

#[actix_web::test]
async fn every_address_that_is_proven_counts() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let (first, second) = (alice.email.as_str(), "second@example.org");
    assert_eq!(prove(&world, &alice.id, first).await.status, 200);
    let change = json!({ "updates": { "emails": [second, first] } });
    assert_eq!(alice.person.put("/user", &change).await.status, 200);
    assert_eq!(world.log_in(first, PASSWORD).await.status, 200);
    assert_no_match(&world.log_in(second, PASSWORD).await);
    assert_eq!(prove(&world, &alice.id, second).await.status, 200);
    for email in [first, second] {
        assert_eq!(world.log_in(email, PASSWORD).await.status, 200, "{email}");
        assert_eq!(receivers(&world, email).await, [alice.id.as_str()]);
        assert_refused(&sign_up(&world, &[email]).await, 409, TAKEN);
    }
    // What is given up is free, and has to be proven again.
    let change = |emails: Value| json!({ "updates": { "emails": emails } });
    for emails in [json!([second]), json!([second, first])] {
        let answer = alice.person.put("/user", &change(emails)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_no_match(&world.log_in(first, PASSWORD).await);
    world.user("alice").await;
}

#[actix_web::test]
async fn of_two_accounts_that_prove_one_address_at_once_one_does() {
    let world = World::start().await;
    for round in 0..4 {
        let disputed = format!("disputed{round}@example.org");
        let one = signed_up_with(&world, &format!("one{round}@example.org"), &disputed).await;
        let other = signed_up_with(&world, &format!("other{round}@example.org"), &disputed).await;
        let (first, second) = join(
            prove(&world, &one, &disputed),
            prove(&world, &other, &disputed),
        )
        .await;
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "round {round}");
        let winner = if first.status == 200 { &one } else { &other };
        let loser = if first.status == 200 { &other } else { &one };
        assert_eq!(receivers(&world, &disputed).await, [winner.as_str()]);
        let answer = reset(&world, loser, &disputed).await;
        assert_refused(&answer, 409, "The account does not have this address");
        loses(&world, loser, &disputed).await;
        let emails = &record(&world, loser).await["emails"];
        assert_eq!(emails.as_array().unwrap().len(), 1, "round {round}");
        // Nor later.
        let answer = prove(&world, loser, &disputed).await;
        assert_refused(&answer, 409, "The account does not have this address");
    }
}

#[actix_web::test]
async fn an_address_is_proven_however_many_accounts_note_it() {
    const MANY: usize = 450;
    let world = World::start().await;
    let victim = world.user("victim").await;
    let noting = (0..MANY).map(|number| {
        let own = format!("own{number}@example.org");
        doc! { "userid": format!("{number:010x}"), "username": &own, "emails": [&own, VICTIM],
        "logins": [&own, &own] }
    });
    world.users().insert_many(noting).await.unwrap();
    // Neither a look-alike nor a name that comes second keeps the others waiting.
    let accented = "vìctim@example.org";
    let alike = doc! { "userid": "b1b2c3d4e5", "username": accented, "emails": [accented],
    "logins": [accented, accented] };
    world.users().insert_one(alike).await.unwrap();
    assert_eq!(prove(&world, &victim.id, VICTIM).await.status, 200);
    assert_eq!(receivers(&world, VICTIM).await, [victim.id.as_str()]);
    let having = doc! { "emails": VICTIM, "userid": { "$ne": &victim.id } };
    eventually("the address leaves all of them", async || {
        world.users().count_documents(having.clone()).await.unwrap() == 0
    })
    .await;
    let own = doc! { "emails": { "$size": 1 }, "modifiedUserId": "gatekeeper" };
    let own = world.users().count_documents(own).await.unwrap();
    assert_eq!(own, u64::try_from(MANY).unwrap() + 1);
    eventually("nothing is left to do", async || {
        world.outbox().count_documents(doc! {}).await.unwrap() == 0
    })
    .await;
    let alike = record(&world, "b1b2c3d4e5").await;
    assert_eq!(alike["emails"], json!([accented]));
}

#[actix_web::test]
async fn the_row_of_an_earlier_release_is_delivered() {
    let world = World::start().await;
    let victim = world.user("victim").await;
    assert_eq!(prove(&world, &victim.id, VICTIM).await.status, 200);
    let own = "noting@example.org";
    let noting = doc! { "userid": "a1b2c3d4e5", "username": own, "emails": [own, VICTIM],
    "logins": [own, own] };
    world.users().insert_one(noting).await.unwrap();
    let row = doc! {
    "key": format!("proven:{}", victim.id), "topic": "users.address-proven",
    "payload": { "prover": &victim.id, "address": VICTIM, "by": "confirm" },
    "sequence": Timestamp { time: 0, increment: 0 }, "state": "pending", "attempts": 0,
    "nextAttemptAt": DateTime::now(), "enqueuedAt": DateTime::now() };
    world.outbox().insert_one(row).await.unwrap();
    loses(&world, "a1b2c3d4e5", VICTIM).await;
}

#[actix_web::test]
async fn what_another_account_has_proven_is_not_proven_again() {
    let world = World::start().await;
    let mallory = signed_up_with(&world, "mallory@example.org", VICTIM).await;
    let document = doc! {
        "userid": "a1b2c3d4e5", "username": VICTIM, "emails": [VICTIM], "authenticated": true,
    };
    world.users().insert_one(document).await.unwrap();
    let answer = prove(&world, &mallory, VICTIM).await;
    assert_refused(&answer, 409, TAKEN);
    assert_eq!(
        record(&world, &mallory).await["emailVerified"],
        json!(false)
    );
    assert_eq!(receivers(&world, VICTIM).await, ["a1b2c3d4e5"]);
}

#[actix_web::test]
async fn older_accounts_reserve_what_stands_in_them() {
    let world = World::start().await;
    let second = |owner: &str| format!("second-{owner}@example.org");
    let documents = [
        // As older versions of ours wrote them.
        doc! { "userid": "a1b2c3d4e5", "logins": ["ours@example.org", second("ours")],
        "username": "ours@example.org", "emails": ["ours@example.org", second("ours")],
        "authenticated": true, "provenEmail": "ours@example.org" },
        // As the reference does.
        doc! { "userid": "b1b2c3d4e5", "username": "theirs@example.org",
        "emails": ["theirs@example.org", second("theirs")] },
        doc! { "userid": "c1b2c3d4e5", "username": "verified@example.org",
        "emails": ["verified@example.org", second("verified")], "authenticated": true },
    ];
    world.users().insert_many(documents).await.unwrap();
    for (owner, seconds_too) in [("ours", false), ("theirs", false), ("verified", true)] {
        let first = format!("{owner}@example.org");
        assert_refused(&sign_up(&world, &[&first]).await, 409, TAKEN);
        assert_eq!(receivers(&world, &first).await.len(), 1, "{owner}");
        let expected = usize::from(seconds_too);
        assert_eq!(receivers(&world, &second(owner)).await.len(), expected);
        let status = if seconds_too { 409 } else { 201 };
        let answer = sign_up(&world, &[&second(owner)]).await;
        assert_eq!(answer.status, status, "{owner} {}", answer.text());
    }
    let stored = world.document("a1b2c3d4e5").await.unwrap();
    let logins = stored.get_array("logins").unwrap();
    assert!(!logins.contains(&second("ours").into()), "{logins:?}");
}

/// A child account without password that `parent` runs; its id.
async fn child(parent: &User, emails: &[&str]) -> String {
    let path = format!("/user/createChild/{}", parent.id);
    let body = json!({ "fullName": "Kid", "username": "kid", "emails": emails });
    let answer = parent.person.post(&path, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[actix_web::test]
async fn an_account_without_password_gives_its_last_address_only_if_somebody_runs_it() {
    let world = World::start().await;
    let parent = world.user("parent").await;
    let own = signed_up_with(&world, "own@example.org", VICTIM).await;
    let kid = child(&parent, &[VICTIM]).await;
    let holders = world.gatekeeper.permissions(&kid, &parent.id).unwrap();
    world
        .gatekeeper
        .grant(&kid, &parent.id, json!({ "view": {} }));
    assert_refused(&prove(&world, &own, VICTIM).await, 409, TAKEN);
    let names = |record: &Value| record.get("emails").cloned();
    assert_eq!(names(&record(&world, &kid).await), Some(json!([VICTIM])));
    world.gatekeeper.grant(&kid, &parent.id, holders);
    let answer = prove(&world, &own, VICTIM).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let left = record(&world, &kid).await;
    assert_eq!(names(&left), None);
    assert_eq!(left["username"], json!("kid"));
    assert_eq!(receivers(&world, VICTIM).await, [own.as_str()]);
}

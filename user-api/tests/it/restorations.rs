//! Accounts that their owners put back to what they were before a change.

use futures_util::future::join;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::{
    changes::{NEW_PASSWORD, Told, change, recipients},
    world::{PASSWORD, User, World, assert_refused},
};

pub(crate) const THIEF: &str = "thief@example.org";
pub(crate) const OWN_PASSWORD: &str = "mine-all-mine";

/// Undoes `change` of the account with the link that was mailed to `email`.
pub(crate) async fn restore(
    told: &Told,
    account: &User,
    change: &str,
    email: &str,
    key: &str,
) -> Answer {
    restore_with(told, account, change, email, key, OWN_PASSWORD).await
}

pub(crate) async fn restore_with(
    told: &Told,
    account: &User,
    change: &str,
    email: &str,
    key: &str,
    password: &str,
) -> Answer {
    let body = json!({
        "change": change, "email": email, "password": password, "idempotencyKey": key,
    });
    let path = format!("/internal/users/{}/restoration", account.id);
    told.world.service().await.put(&path, &body).await
}

/// Which change the owner of `email` may undo by the newest notice.
pub(crate) async fn change_told_to(told: &Told, email: &str) -> String {
    let (_, notice) = told.notice().await;
    let mut recipients = recipients(&notice).into_iter();
    recipients.find(|(to, _)| to == email).unwrap().1
}

pub(crate) async fn proven(world: &World, id: &str) -> Value {
    let path = format!("/internal/people?ids={id}");
    let people: Value = world.service().await.get(&path).await.json();
    people["people"][0]["provenEmail"].clone()
}

#[actix_web::test]
async fn the_owner_puts_the_account_back_and_the_thief_is_out() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(
        &alice,
        &json!({ "username": THIEF, "password": NEW_PASSWORD }),
    )
    .await;
    assert_eq!(told.world.log_in(THIEF, NEW_PASSWORD).await.status, 200);
    let first = change_told_to(&told, &alice.email).await;
    let restored = restore(&told, &alice, &first, &alice.email, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(restored.json::<Value>(), json!({ "void": [first] }));

    let session = alice.person.get("/user").await;
    assert_refused(&session, 401, "Not authorized for requested operation");
    for (name, password) in [
        (THIEF, NEW_PASSWORD),
        (&*alice.email, NEW_PASSWORD),
        (&*alice.email, PASSWORD),
    ] {
        assert_eq!(told.world.log_in(name, password).await.status, 401);
    }
    let entered = told.world.log_in(&alice.email, OWN_PASSWORD).await;
    assert_eq!(entered.status, 200);
    assert_eq!(
        entered.json::<Value>(),
        json!({
            "userid": alice.id, "username": alice.email, "emails": [alice.email],
            "roles": ["patient"], "emailVerified": true,
        })
    );
    assert_eq!(proven(&told.world, &alice.id).await, json!(alice.email));
    // The owner is told, with a link to what the account is from here on.
    let (id, notice) = told.notice().await;
    assert_eq!(notice["changed"], json!(["putBack"]));
    assert_eq!(notice["needsProof"], json!(false));
    assert_eq!(recipients(&notice), [(alice.email.clone(), id.clone())]);
    change(&log_in(&told, &alice).await, &json!({ "username": THIEF })).await;
    let restored = restore(&told, &alice, &id, &alice.email, "later").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(
        told.world.log_in(&alice.email, OWN_PASSWORD).await.status,
        200
    );
}

/// The owner, logged in again.
async fn log_in(told: &Told, owner: &User) -> User {
    let entered = told.world.log_in(&owner.email, OWN_PASSWORD).await;
    let token = entered.header("x-tidepool-session-token").unwrap();
    User {
        id: owner.id.clone(),
        email: owner.email.clone(),
        token: token.to_owned(),
        person: told.world.app.bearer(token),
    }
}

/// What `account` has: user name and addresses, and which of them are proven.
async fn names(told: &Told, account: &User) -> Value {
    let document = told.world.document(&account.id).await.unwrap();
    let document: Value = bson::deserialize_from_document(document).unwrap();
    let members = ["username", "emails", "provenEmail", "alsoProven"];
    Value::Array(members.map(|name| document[name].clone()).into())
}

#[actix_web::test]
async fn the_newest_link_leads_behind_what_a_thief_has_proven() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "emails": [THIEF, alice.email] })).await;
    let first = change_told_to(&told, &alice.email).await;
    told.world.verify(&alice).await;
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    let stolen = json!([THIEF, [THIEF, alice.email], THIEF, [alice.email]]);
    assert_eq!(names(&told, &alice).await, stolen);
    let newest = change_told_to(&told, &alice.email).await;
    assert_eq!(newest, first);
    let restored = restore(&told, &alice, &newest, &alice.email, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let own = json!([alice.email, [alice.email], alice.email, null]);
    assert_eq!(names(&told, &alice).await, own);
}

#[actix_web::test]
async fn what_was_not_proven_does_not_come_back_and_what_was_stays_proven() {
    let told = Told::start().await;
    let alice = told.world.user("alice").await;
    let (also, noted) = ("also@example.org", "noted@example.org");
    change(&alice, &json!({ "emails": [noted, alice.email, also] })).await;
    let service = told.world.service().await;
    let path = format!("/user/{}", alice.id);
    for proven in [&*alice.email, also] {
        let proof = json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": proven } });
        assert_eq!(service.put(&path, &proof).await.status, 200);
    }
    change(&alice, &json!({ "username": THIEF, "emails": [THIEF] })).await;
    let first = change_told_to(&told, also).await;
    let restored = restore(&told, &alice, &first, also, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let both = json!([alice.email, [alice.email, also], also, [alice.email]]);
    assert_eq!(names(&told, &alice).await, both);
}

#[actix_web::test]
async fn nobody_keeps_the_owner_out_with_another_name_of_the_account() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    let (also, noted) = ("also@example.org", "noted@example.org");
    let service = told.world.service().await;
    let path = format!("/user/{}", alice.id);
    let upper = alice.email.to_uppercase();
    let names_of_hers = json!({
        "updates": { "username": upper, "emails": [upper, also, noted] },
    });
    assert_eq!(service.put(&path, &names_of_hers).await.status, 200);
    let proof = json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": also } });
    assert_eq!(service.put(&path, &proof).await.status, 200);
    change(&alice, &json!({ "username": THIEF, "emails": [THIEF] })).await;
    // The link to the newer state, in which both were proven.
    let newest = change_told_to(&told, also).await;
    for squatter in ["alice", "also", "noted"] {
        told.world.user(squatter).await;
    }
    let restored = restore(&told, &alice, &newest, also, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let hers = json!([also, [also], also, null]);
    assert_eq!(names(&told, &alice).await, hers);
}

#[actix_web::test]
async fn a_password_by_mail_ends_what_was_proven_after_its_address() {
    for (mailed_to, status_of_the_thief) in [("own", 410), ("thief", 200)] {
        let told = Told::start().await;
        let alice = told.owner("alice").await;
        change(&alice, &json!({ "emails": [THIEF, alice.email] })).await;
        let owners = change_told_to(&told, &alice.email).await;
        told.world.verify(&alice).await;
        change(&alice, &json!({ "password": NEW_PASSWORD })).await;
        let thiefs = change_told_to(&told, THIEF).await;
        assert_ne!(owners, thiefs);

        let is_own = mailed_to == "own";
        let address = if is_own { &*alice.email } else { THIEF };
        let reset = json!({ "updates": { "password": PASSWORD }, "onlyIf": { "email": address } });
        let path = format!("/user/{}", alice.id);
        let service = told.world.service().await;
        assert_eq!(service.put(&path, &reset).await.status, 200);
        let (_, notice) = told.notice().await;
        let own = (alice.email.clone(), owners.clone());
        let thief = (THIEF.to_owned(), thiefs.clone());
        let wanted = if is_own { vec![own] } else { vec![own, thief] };
        assert_eq!(recipients(&notice), wanted);
        let answer = restore(&told, &alice, &thiefs, THIEF, "thief").await;
        assert_eq!(answer.status, status_of_the_thief, "{}", answer.text());
        // The thief does not get rid of the owner.
        let answer = restore(&told, &alice, &owners, &alice.email, "owner").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let own = json!([alice.email, [alice.email], alice.email, null]);
        assert_eq!(names(&told, &alice).await, own);
    }
}

#[actix_web::test]
async fn nothing_is_put_back_for_whom_it_was_not_told() {
    let told = Told::start().await;
    let (alice, bob) = (told.owner("alice").await, told.owner("bob").await);
    change(&alice, &json!({ "username": THIEF })).await;
    let first = change_told_to(&told, &alice.email).await;
    for (account, change, email) in [
        (&alice, &*first, THIEF),
        (&alice, &*first, ""),
        (&alice, "", &*alice.email),
        (&alice, "0123456789abcdef01234567", &*alice.email),
        (&bob, &*first, &*alice.email),
        (&bob, &*first, &*bob.email),
    ] {
        let answer = restore(&told, account, change, email, "k").await;
        assert_refused(&answer, 404, "No such change of an account");
    }
    let nobody = json!({
        "change": first, "email": alice.email, "password": OWN_PASSWORD, "idempotencyKey": "k",
    });
    let path = "/internal/users/nobody/restoration";
    let answer = told.world.service().await.put(path, &nobody).await;
    assert_refused(&answer, 404, "No such change of an account");
    assert_eq!(told.world.log_in(THIEF, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn a_body_that_breaks_a_rule_puts_nothing_back() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let first = change_told_to(&told, &alice.email).await;
    let path = format!("/internal/users/{}/restoration", alice.id);
    let good = json!({
        "change": first, "email": alice.email, "password": OWN_PASSWORD, "idempotencyKey": "k",
    });
    for (member, value) in [
        ("password", json!("short")),
        ("password", json!(null)),
        ("password", json!({ "$ne": 1 })),
        ("idempotencyKey", json!("")),
        ("idempotencyKey", json!("k".repeat(129))),
        ("change", json!({ "$gt": "" })),
        ("email", json!(1)),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let answer = told.world.service().await.put(&path, &body).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    assert_eq!(told.world.log_in(THIEF, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn an_address_that_somebody_else_has_by_now_is_not_taken_away() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let first = change_told_to(&told, &alice.email).await;
    let other = told.owner("alice").await;
    assert_ne!(other.id, alice.id);
    let refused = restore(&told, &alice, &first, &alice.email, "k").await;
    assert_refused(
        &refused,
        409,
        "Another account has a name of this account by now",
    );
    assert_eq!(told.world.log_in(THIEF, PASSWORD).await.status, 200);
    // The link still works once that account has another address.
    change(&other, &json!({ "username": "other@example.org" })).await;
    let restored = restore(&told, &alice, &first, &alice.email, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(
        told.world.log_in(&alice.email, OWN_PASSWORD).await.status,
        200
    );
}

#[actix_web::test]
async fn an_address_that_somebody_else_took_without_proving_it_comes_back() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": THIEF })).await;
    let first = change_told_to(&told, &alice.email).await;
    // The thief keeps the place of the address.
    let squatter = told.world.user("alice").await;
    assert_ne!(squatter.id, alice.id);
    let restored = restore(&told, &alice, &first, &alice.email, "k").await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let entered = told.world.log_in(&alice.email, OWN_PASSWORD).await;
    assert_eq!(entered.status, 200);
    assert_eq!(entered.json::<Value>()["userid"], json!(alice.id));
}

#[actix_web::test]
async fn a_thief_who_goes_on_changing_the_account_loses_it_all_the_same() {
    let told = Told::start().await;
    for round in 0..10 {
        let alice = told.owner(&format!("alice{round}")).await;
        let thief = |name: &str| format!("{name}{round}@example.org");
        change(&alice, &json!({ "username": thief("thief") })).await;
        let first = change_told_to(&told, &alice.email).await;
        let update = json!({ "updates": { "username": thief("hideout") } });
        let (restored, changed) = join(
            restore(&told, &alice, &first, &alice.email, "k"),
            alice.person.put("/user", &update),
        )
        .await;
        assert_eq!(restored.status, 200, "{}", restored.text());
        assert!(matches!(changed.status, 200 | 401), "{}", changed.text());
        assert_eq!(alice.person.get("/user").await.status, 401);
        let document = told.world.document(&alice.id).await.unwrap();
        assert_eq!(
            document.get_str("username").unwrap(),
            alice.email,
            "{round}"
        );
        let entered = told.world.log_in(&alice.email, OWN_PASSWORD).await;
        assert_eq!(entered.status, 200);
    }
}

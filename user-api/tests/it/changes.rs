//! What the owner of an account is told of its changes, over confirm.

use bson::doc;
use serde_json::{Value, json};
use shared_runtime::config::PeerSettings;
use stand_ins::{Confirm, confirm::Ask};

use crate::world::{PASSWORD, User, World, assert_empty, assert_refused, eventually};

pub(crate) const NEW_PASSWORD: &str = "battery-staple";

/// A world with a confirm that takes notices.
pub(crate) struct Told {
    pub(crate) world: World,
    confirm: Confirm,
}

impl Told {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut user_api::Config)) -> Self {
        let confirm = Confirm::start();
        let url = confirm.url();
        let world = World::start_with(|config| {
            config.confirm = Some(PeerSettings { url });
            change(config);
        });
        Self {
            world: world.await,
            confirm,
        }
    }

    /// Somebody whose address is proven.
    pub(crate) async fn owner(&self, name: &str) -> User {
        let user = self.world.user(name).await;
        self.world.verify(&user).await;
        user
    }

    /// The notices that came, each with the id in its path, once all rows are delivered.
    pub(crate) async fn notices(&self) -> Vec<(String, Value)> {
        eventually("the delivery of the notices", async || {
            let rows = doc! { "topic": "users.changed" };
            self.world.outbox().count_documents(rows).await.unwrap() == 0
        })
        .await;
        self.confirm.asked(Ask::Notice)
    }

    /// The newest notice that came.
    pub(crate) async fn notice(&self) -> (String, Value) {
        self.notices().await.pop().unwrap()
    }
}

/// Changes the own account.
pub(crate) async fn change(user: &User, updates: &Value) {
    let answer = user
        .person
        .put("/user", &json!({ "updates": updates }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Whom the notice is for, each with the change that it may undo.
pub(crate) fn recipients(notice: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let recipients = notice["recipients"].as_array().unwrap().iter();
    recipients
        .map(|recipient| (text(&recipient["email"]), text(&recipient["change"])))
        .collect()
}

#[actix_web::test]
async fn each_change_is_told_to_the_address_that_was_proven_before() {
    let told = Told::start().await;
    let own = "alice@example.org";
    for (updates, changed, needs_proof) in [
        (
            json!({ "password": NEW_PASSWORD }),
            json!(["password"]),
            false,
        ),
        (
            json!({ "emails": [own, "second@example.org"] }),
            json!(["emails"]),
            false,
        ),
        (
            json!({ "username": "new@example.org" }),
            json!(["username", "emails"]),
            true,
        ),
    ] {
        let alice = told.owner("alice").await;
        change(&alice, &updates).await;
        let (id, mut notice) = told.notice().await;
        let changed_at = notice["changedAt"].take().as_i64().unwrap();
        let age = bson::DateTime::now().timestamp_millis() - changed_at;
        assert!((0..60_000).contains(&age), "{age}");
        assert_eq!(
            notice,
            json!({
                "userid": alice.id, "changedAt": null, "changed": changed,
                "recipients": [{ "email": own, "change": id }], "needsProof": needs_proof,
            })
        );
        let path = format!("/user/{}", alice.id);
        assert_empty(&told.world.service().await.delete(&path).await, 204);
    }
    assert_eq!(told.notices().await.len(), 3);
}

#[actix_web::test]
async fn a_change_by_a_service_and_one_by_mail_are_told_as_what_they_are() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    let path = format!("/user/{}", alice.id);
    let service = told.world.service().await;
    for (body, changed) in [
        (
            json!({ "updates": { "password": NEW_PASSWORD } }),
            json!(["password"]),
        ),
        (
            json!({ "updates": { "password": NEW_PASSWORD }, "onlyIf": { "email": alice.email } }),
            json!(["passwordByMail"]),
        ),
        (
            json!({ "updates": { "emails": ["new@example.org"], "emailVerified": true } }),
            json!(["username", "emails"]),
        ),
    ] {
        assert_eq!(service.put(&path, &body).await.status, 200);
        let (_, notice) = told.notice().await;
        assert_eq!(notice["changed"], changed);
        assert_eq!(notice["needsProof"], json!(false));
        assert_eq!(recipients(&notice)[0].0, alice.email);
    }
}

#[actix_web::test]
async fn what_changes_neither_password_nor_names_is_told_nobody() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    let path = format!("/user/{}", alice.id);
    let service = told.world.service().await;
    for updates in [
        json!({ "termsAccepted": "2016-01-01T00:00:00-08:00" }),
        json!({ "username": alice.email }),
        json!({ "emailVerified": true }),
        json!({ "roles": ["patient", "care_partner"] }),
    ] {
        let body = json!({ "updates": updates });
        assert_eq!(service.put(&path, &body).await.status, 200);
    }
    assert_eq!(told.notices().await, vec![]);
}

#[actix_web::test]
async fn without_a_proven_address_a_password_or_confirm_nobody_is_told() {
    let told = Told::start().await;
    let dave = told.world.user("dave").await;
    change(&dave, &json!({ "username": "new@example.org" })).await;
    let child = json!({ "username": "kid@example.org", "emails": ["kid@example.org"] });
    let path = format!("/user/{}/user", dave.id);
    let child: Value = dave.person.post(&path, &child).await.json();
    let path = format!("/user/{}", child["userid"].as_str().unwrap());
    let service = told.world.service().await;
    for updates in [
        json!({ "emailVerified": true }),
        json!({ "emails": ["kid2@example.org"] }),
        json!({ "password": PASSWORD }),
    ] {
        let body = json!({ "updates": updates });
        assert_eq!(service.put(&path, &body).await.status, 200);
    }
    assert_eq!(told.notices().await, vec![]);

    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    let rows = world.outbox().count_documents(doc! {}).await.unwrap();
    assert_eq!(rows, 0);
}

#[actix_web::test]
async fn a_thief_who_proves_an_address_does_not_get_rid_of_the_owner() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "username": "thief@example.org" })).await;
    let (first, notice) = told.notice().await;
    let own = (alice.email.clone(), first);
    assert_eq!(recipients(&notice), std::slice::from_ref(&own));
    // Nobody has proven what the account has.
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    let (_, notice) = told.notice().await;
    assert_eq!(recipients(&notice), std::slice::from_ref(&own));
    told.world.verify(&alice).await;
    change(&alice, &json!({ "password": PASSWORD })).await;
    let (third, notice) = told.notice().await;
    let thief = ("thief@example.org".to_owned(), third);
    assert_eq!(recipients(&notice), [own, thief]);
}

#[actix_web::test]
async fn a_changed_account_says_that_it_is_not_verified_and_can_be_logged_into() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    let own: Value = alice.person.get("/user").await.json();
    assert_eq!(own["emailVerified"], json!(true));
    let update = json!({ "updates": { "username": "new@example.org" } });
    let changed: Value = alice.person.put("/user", &update).await.json();
    assert_eq!(changed["emailVerified"], json!(false));
    let answer = told.world.log_in("new@example.org", PASSWORD).await;
    assert_eq!(answer.status, 200);
    let wanted = json!({
        "userid": alice.id, "username": "new@example.org", "emails": ["new@example.org"],
        "roles": ["patient"], "emailVerified": false,
    });
    assert_eq!(answer.json::<Value>(), wanted);
    told.world.verify(&alice).await;
    let own: Value = alice.person.get("/user").await.json();
    assert_eq!(own["emailVerified"], json!(true));
}

#[actix_web::test]
async fn nobody_fills_the_mailbox_of_the_owner() {
    let told = Told::start_with(|config| config.accounts.changes_per_week = 2).await;
    let alice = told.owner("alice").await;
    let update = |name: &str| json!({ "updates": { "username": format!("{name}@example.org") } });
    for name in ["one", "two"] {
        let answer = alice.person.put("/user", &update(name)).await;
        assert_eq!(answer.status, 200);
    }
    let refused = alice.person.put("/user", &update("three")).await;
    assert_refused(&refused, 429, "Too many changes of this account");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((604_700..=604_800).contains(&wait), "{wait}");
    let both = json!({ "updates": { "username": "three@example.org", "password": NEW_PASSWORD } });
    let refused = alice.person.put("/user", &both).await;
    assert_refused(&refused, 429, "Too many changes of this account");
    // The owner can end the sessions of who used it up.
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    // Terms are no such change, and services are not limited.
    change(
        &alice,
        &json!({ "termsAccepted": "2016-01-01T00:00:00-08:00" }),
    )
    .await;
    let path = format!("/user/{}", alice.id);
    let answer = told.world.service().await.put(&path, &update("four")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(told.notices().await.len(), 4);
}

#[actix_web::test]
async fn what_a_deleted_account_was_is_forgotten() {
    let told = Told::start().await;
    let alice = told.owner("alice").await;
    change(&alice, &json!({ "password": NEW_PASSWORD })).await;
    let path = format!("/user/{}", alice.id);
    assert_empty(&told.world.service().await.delete(&path).await, 204);
    let database = &told.world.database.database;
    let past = database.collection::<bson::Document>("past_accounts");
    assert_eq!(past.count_documents(doc! {}).await.unwrap(), 0);
}

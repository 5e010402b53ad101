//! Owners of accounts are told what somebody changed.

use bson::Document;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::{
    browser::Browser,
    mailbox::Mail,
    world::{ORIGIN, World, assert_empty, assert_refused},
};

pub(crate) const PASSWORD: &str = "mine-all-mine";
const AT: i64 = 1_795_733_760_000;

/// The notice that password and address of Alice's account were changed, for these addresses, each
/// with the change that it may undo.
pub(crate) fn notice(recipients: &[(&str, &str)]) -> Value {
    let recipient = |(email, change): &(&str, &str)| json!({ "email": email, "change": change });
    let recipients: Vec<Value> = recipients.iter().map(recipient).collect();
    json!({
        "userid": "alice", "changedAt": AT, "changed": ["password", "username", "emails"],
        "recipients": recipients, "needsProof": false,
    })
}

/// The same for `email`, to an account whose address is to be proven.
fn unproven(email: &str) -> Value {
    let mut unproven = notice(&[(email, "c")]);
    unproven["needsProof"] = json!(true);
    unproven
}

pub(crate) async fn tell(world: &World, id: &str, notice: &Value) {
    let path = format!("/internal/account-notices/{id}");
    assert_empty(&world.service().put(&path, notice).await, 204);
}

/// Tells Alice, and returns the key in her mail.
pub(crate) async fn key_of(world: &World, id: &str, email: &str, change: &str) -> String {
    tell(world, id, &notice(&[(email, change)])).await;
    let mails = world.mails().await;
    let mut to = mails.iter().rev().filter(|mail| mail.to == [email]);
    to.next().unwrap().value("key")
}

pub(crate) fn link(key: &str) -> String {
    format!("/pages/account-change?key={key}")
}

/// Opens the link with `key` and puts the account back.
pub(crate) async fn put_back(browser: &mut Browser, key: &str) {
    browser.get(&link(key)).await;
    let fields = [("key", key), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
}

async fn changes(world: &World) -> Vec<Document> {
    world.everything(&["confirmations"]).await
}

/// A world in which Alice has an account.
pub(crate) async fn world() -> World {
    let world = World::start().await;
    world.user_api.has("alice");
    world
}

#[actix_web::test]
async fn each_address_gets_a_mail_with_a_link_of_its_own() {
    let world = world().await;
    let both = notice(&[("alice@example.org", "one"), ("other@example.org", "two")]);
    tell(&world, "n1", &both).await;
    let mut mails = world.mails().await;
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let [alice, other]: [Mail; 2] = mails.try_into().unwrap();
    assert_eq!(alice.to, ["alice@example.org"]);
    assert_eq!(other.to, ["other@example.org"]);
    assert_ne!(alice.value("key"), other.value("key"));
    let key = alice.value("key");
    assert_eq!(alice.link().as_str(), format!("{ORIGIN}{}", link(&key)));
    assert_eq!(alice.subject, "Your Tidegate account was changed");
    for said in [
        "On 26 November 2026 at 22:56 UTC this was changed in your Tidegate",
        "- the password\n- the user name\n- the e-mail addresses\n",
        "The link works once, and for 7 days.",
    ] {
        let text = alice.text.replace("\r\n", "\n");
        assert!(text.contains(said), "{said}: {text}");
    }
    for said in ["<li>the password</li>", "Put the account back</a>"] {
        assert!(alice.html.contains(said), "{said}: {}", alice.html);
    }
    // Nothing about anybody that the reader did not know.
    for secret in ["other@example.org", "alice of Tide"] {
        assert!(!alice.raw.contains(secret), "{}", alice.raw);
    }
}

#[actix_web::test]
async fn what_is_stored_opens_nothing() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let [stored] = changes(&world).await.try_into().unwrap();
    assert_eq!(stored.get_str("type").unwrap(), "account_change");
    let lifetime = stored.get_datetime("expiresAt").unwrap().timestamp_millis()
        - stored.get_datetime("created").unwrap().timestamp_millis();
    assert_eq!(lifetime, 7 * 24 * 60 * 60 * 1000);
    let text = format!("{stored:?}");
    assert!(!text.contains(&key), "{text}");
    let id = stored.get_str("_id").unwrap();
    let mut browser = Browser::new(&world);
    for (found, opens) in [(id, false), (key.as_str(), true)] {
        let page = browser.get(&link(found)).await;
        assert_eq!(page.status == 200, opens, "{found}");
    }
}

#[actix_web::test]
async fn a_repeated_notice_is_mailed_once_and_no_quota_keeps_it_away() {
    let world = World::start_with(|config| {
        config.limits.mails_per_recipient_per_hour = 1;
    })
    .await;
    world.user_api.has("alice");
    let of_alice = notice(&[("alice@example.org", "c")]);
    for id in ["n1", "n1", "n2", "n1"] {
        tell(&world, id, &of_alice).await;
    }
    assert_eq!(world.mails().await.len(), 2);
}

#[actix_web::test]
async fn an_address_that_is_to_be_proven_gets_the_key_for_that() {
    let world = world().await;
    world.user_api.has_with(
        "alice",
        json!({ "emails": ["new@example.org"], "emailVerified": false }),
    );
    let unproven = unproven("alice@example.org");
    tell(&world, "n1", &unproven).await;
    tell(&world, "n1", &unproven).await;
    let mut mails = world.mails().await;
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let [told, proof]: [Mail; 2] = mails.try_into().unwrap();
    assert_eq!(told.to, ["alice@example.org"]);
    assert_eq!(proof.to, ["new@example.org"]);
    let path = format!("/confirm/accept/signup/{}", proof.value("signupKey"));
    assert_empty(&world.anonymous().put(&path, &json!({})).await, 200);
    assert_eq!(
        world.user_api.account("alice")["emailVerified"],
        json!(true)
    );
}

#[actix_web::test]
async fn an_address_whose_proof_is_asked_for_already_gets_no_second_key() {
    let world = world().await;
    world.sign_up("alice").await;
    let unproven = unproven("old@example.org");
    tell(&world, "n1", &unproven).await;
    let mut mails = world.mails().await;
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let [proof, told]: [Mail; 2] = mails.try_into().unwrap();
    assert_eq!(proof.to, ["alice@example.org"]);
    assert_eq!(told.to, ["old@example.org"]);
}

#[actix_web::test]
async fn a_notice_waits_until_the_account_can_be_looked_up() {
    let world = world().await;
    world.user_api.has_with(
        "alice",
        json!({ "emails": ["new@example.org"], "emailVerified": false }),
    );
    let unproven = unproven("alice@example.org");
    world.user_api.fail(user_api::Ask::People, 500);
    let path = "/internal/account-notices/n1";
    let answer = world.service().put(path, &unproven).await;
    assert_refused(&answer, 500, "Error finding the user");
    assert_eq!(changes(&world).await, Vec::<Document>::new());
    world.user_api.mend(user_api::Ask::People);
    tell(&world, "n1", &unproven).await;
    let mails = world.mails().await;
    let mut to: Vec<_> = mails.iter().flat_map(|mail| &mail.to).collect();
    to.sort();
    assert_eq!(to, ["alice@example.org", "new@example.org"]);
}

#[actix_web::test]
async fn of_an_account_that_is_gone_nobody_is_told() {
    let world = World::start().await;
    let unproven = unproven("alice@example.org");
    tell(&world, "n1", &unproven).await;
    assert_eq!(changes(&world).await, Vec::<Document>::new());
    assert!(world.mails().await.is_empty());
}

#[actix_web::test]
async fn keys_that_prove_other_addresses_are_worth_nothing_afterwards() {
    for is_completed in [false, true] {
        let world = world().await;
        let thief = json!({ "emails": ["thief@example.org"], "emailVerified": false });
        world.user_api.has_with("alice", thief.clone());
        let key = world.sign_up("alice").await;
        let path = format!("/confirm/accept/signup/{key}");
        if is_completed {
            assert_empty(&world.anonymous().put(&path, &json!({})).await, 200);
        }
        let way_back = key_of(&world, "n1", "alice@example.org", "c").await;
        let mut browser = Browser::new(&world);
        put_back(&mut browser, &way_back).await;
        assert_eq!(world.status(&key).await, "canceled");
        let answer = world.anonymous().put(&path, &json!({})).await;
        assert_refused(&answer, 404, "No matching signup confirmation was found");
        // Whoever means to have that address may prove it once more.
        let afresh = world.sign_up("alice").await;
        assert_ne!(afresh, key);
    }
}

#[actix_web::test]
async fn the_key_that_proves_the_restored_address_stays() {
    let world = world().await;
    let key = world.sign_up("alice").await;
    let way_back = key_of(&world, "n1", "ALICE@example.org", "c").await;
    let mut browser = Browser::new(&world);
    put_back(&mut browser, &way_back).await;
    assert_eq!(world.status(&key).await, "pending");
}

#[actix_web::test]
async fn a_notice_that_is_none_is_refused() {
    let world = world().await;
    for body in [json!({}), json!([]), json!({ "userid": "alice" })] {
        let answer = world
            .service()
            .put("/internal/account-notices/n1", &body)
            .await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    assert_eq!(changes(&world).await, Vec::<Document>::new());
}

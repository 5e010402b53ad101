//! Owners of accounts are told what somebody changed, and put the account back.

use bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::{
    browser::{Browser, Page},
    mailbox::Mail,
    peers::Ask,
    world::{ORIGIN, World, assert_empty, assert_refused},
};

const PASSWORD: &str = "mine-all-mine";
const AT: i64 = 1_795_733_760_000;

/// The notice that password and address of Alice's account were changed, for these addresses, each
/// with the change that it may undo.
fn notice(recipients: &[(&str, &str)]) -> Value {
    let recipient = |(email, change): &(&str, &str)| json!({ "email": email, "change": change });
    let recipients: Vec<Value> = recipients.iter().map(recipient).collect();
    json!({
        "userid": "alice", "changedAt": AT, "changed": ["password", "username", "emails"],
        "recipients": recipients, "needsProof": false,
    })
}

async fn tell(world: &World, id: &str, notice: &Value) {
    let path = format!("/internal/account-notices/{id}");
    assert_empty(&world.service().put(&path, notice).await, 204);
}

/// Tells Alice, and returns the key in her mail.
async fn key_of(world: &World, id: &str, email: &str, change: &str) -> String {
    tell(world, id, &notice(&[(email, change)])).await;
    let mails = world.mails().await;
    let mut to = mails.iter().rev().filter(|mail| mail.to == [email]);
    to.next().unwrap().value("key")
}

fn link(key: &str) -> String {
    format!("/pages/account-change?key={key}")
}

async fn changes(world: &World) -> Vec<Document> {
    world.everything(&["confirmations"]).await
}

/// Asserts that the page has a link to `url`, in which slashes are escaped.
#[track_caller]
fn assert_leads_to(page: &Page, url: &str) {
    page.assert_says(&format!("href=\"{}\"", url.replace('/', "&#x2f;")));
}

/// A world in which Alice has an account.
async fn world() -> World {
    let world = World::start().await;
    world.peers.has("alice");
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
    world.peers.has("alice");
    let of_alice = notice(&[("alice@example.org", "c")]);
    for id in ["n1", "n1", "n2", "n1"] {
        tell(&world, id, &of_alice).await;
    }
    assert_eq!(world.mails().await.len(), 2);
}

#[actix_web::test]
async fn an_address_that_is_to_be_proven_gets_the_key_for_that() {
    let world = world().await;
    world.peers.has_with(
        "alice",
        json!({ "emails": ["new@example.org"], "emailVerified": false }),
    );
    let mut unproven = notice(&[("alice@example.org", "c")]);
    unproven["needsProof"] = json!(true);
    tell(&world, "n1", &unproven).await;
    tell(&world, "n1", &unproven).await;
    let mut mails = world.mails().await;
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let [told, proof]: [Mail; 2] = mails.try_into().unwrap();
    assert_eq!(told.to, ["alice@example.org"]);
    assert_eq!(proof.to, ["new@example.org"]);
    let path = format!("/confirm/accept/signup/{}", proof.value("signupKey"));
    assert_empty(&world.anonymous().put(&path, &json!({})).await, 200);
    assert_eq!(world.peers.account("alice")["emailVerified"], json!(true));
}

#[actix_web::test]
async fn an_address_whose_proof_is_asked_for_already_gets_no_second_key() {
    let world = world().await;
    world.sign_up("alice").await;
    let mut unproven = notice(&[("old@example.org", "c")]);
    unproven["needsProof"] = json!(true);
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
    world.peers.has_with(
        "alice",
        json!({ "emails": ["new@example.org"], "emailVerified": false }),
    );
    let mut unproven = notice(&[("alice@example.org", "c")]);
    unproven["needsProof"] = json!(true);
    world.peers.fail(Ask::People, 500);
    let path = "/internal/account-notices/n1";
    let answer = world.service().put(path, &unproven).await;
    assert_refused(&answer, 500, "Error finding the user");
    assert_eq!(changes(&world).await, Vec::<Document>::new());
    world.peers.mend(Ask::People);
    tell(&world, "n1", &unproven).await;
    let mails = world.mails().await;
    let mut to: Vec<_> = mails.iter().flat_map(|mail| &mail.to).collect();
    to.sort();
    assert_eq!(to, ["alice@example.org", "new@example.org"]);
}

#[actix_web::test]
async fn of_an_account_that_is_gone_nobody_is_told() {
    let world = World::start().await;
    let mut unproven = notice(&[("alice@example.org", "c")]);
    unproven["needsProof"] = json!(true);
    tell(&world, "n1", &unproven).await;
    assert_eq!(changes(&world).await, Vec::<Document>::new());
    assert!(world.mails().await.is_empty());
}

#[actix_web::test]
async fn keys_that_prove_other_addresses_are_worth_nothing_afterwards() {
    for is_completed in [false, true] {
        let world = world().await;
        let thief = json!({ "emails": ["thief@example.org"], "emailVerified": false });
        world.peers.has_with("alice", thief.clone());
        let key = world.sign_up("alice").await;
        let path = format!("/confirm/accept/signup/{key}");
        if is_completed {
            assert_empty(&world.anonymous().put(&path, &json!({})).await, 200);
        }
        let way_back = key_of(&world, "n1", "alice@example.org", "c").await;
        let mut browser = Browser::new(&world);
        browser.get(&link(&way_back)).await;
        let fields = [("key", way_back.as_str()), ("password", PASSWORD)];
        let done = browser.submit("/pages/account-change", &fields).await;
        done.assert_sees("/pages/done/account-put-back");
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
    browser.get(&link(&way_back)).await;
    let fields = [("key", way_back.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
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

#[actix_web::test]
async fn the_owner_puts_the_account_back_on_the_page() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let mut browser = Browser::new(&world);
    let page = browser.get(&link(&key)).await;
    page.assert(200, "Put your account back");
    page.assert_says("On 26 November 2026 at 22:56 UTC this was changed in your account:");
    page.assert_says("<li>the password</li>");
    page.assert_says("<li>the e-mail addresses</li>");
    assert!(!page.html.contains("alice"), "{}", page.html);
    // Opening the link has changed nothing.
    assert_eq!(world.peers.asked(Ask::Restore), vec![]);

    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    let [(user, mut asked)] = world.peers.asked(Ask::Restore).try_into().unwrap();
    let mark = asked["idempotencyKey"].take();
    assert!(
        mark.as_str()
            .is_some_and(|mark| !mark.is_empty() && mark != key)
    );
    assert_eq!(user, "alice");
    assert_eq!(
        asked,
        json!({
            "change": "c", "email": "alice@example.org", "password": PASSWORD,
            "idempotencyKey": null,
        })
    );
    let page = browser.get("/pages/done/account-put-back").await;
    page.assert(200, "The account is yours again");
    assert_leads_to(&page, "/login");

    // Once.
    let page = browser.get(&link(&key)).await;
    page.assert(410, "The account has been put back already");
    let page = browser.submit("/pages/account-change", &fields).await;
    page.assert(410, "The account has been put back already");
    assert_eq!(world.peers.asked(Ask::Restore).len(), 1);
}

#[actix_web::test]
async fn a_password_is_corrected_and_the_link_stays() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let mut browser = Browser::new(&world);
    browser.get(&link(&key)).await;
    let bad = "Choose a password of 8 to 72 characters, without spaces at the ends.";
    let own = "This is your name or address. Choose another password.";
    for (password, sentence) in [
        ("", bad),
        ("short", bad),
        ("refused-by-user-api", bad),
        ("Alice@example.org", own),
    ] {
        if sentence == own {
            world.peers.fail(Ask::Restore, 400);
        }
        let fields = [("key", key.as_str()), ("password", password)];
        let page = browser.submit("/pages/account-change", &fields).await;
        page.assert(400, "Put your account back");
        page.assert_says(sentence);
        page.assert_says("id=\"password-error\"");
        page.assert_says("<li>the password</li>");
        assert!(!page.html.contains("refused-by"), "{}", page.html);
    }
    world.peers.mend(Ask::Restore);
    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
}

#[actix_web::test]
async fn a_link_that_is_worth_nothing_says_so() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let reset = world.forget("alice@example.org").await;
    let mut browser = Browser::new(&world);
    browser.get(&link(&key)).await;
    for other in ["", "nonsense", reset.as_str(), "keyless.n1.0"] {
        let page = browser.get(&link(other)).await;
        page.assert(404, "This link does not work");
        let fields = [("key", other), ("password", PASSWORD)];
        let page = browser.submit("/pages/account-change", &fields).await;
        page.assert(404, "This link does not work");
    }
    // Nor does its key open anything else.
    let body = json!({ "key": key, "email": "alice@example.org", "password": PASSWORD });
    let answer = world.anonymous().put("/confirm/accept/forgot", &body).await;
    assert_refused(&answer, 404, "No matching reset confirmation was found.");
    world.expire("keyless.n1.0").await;
    let page = browser.get(&link(&key)).await;
    page.assert(404, "This link is too old");
    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let page = browser.submit("/pages/account-change", &fields).await;
    page.assert(404, "This link is too old");
    assert_eq!(world.peers.asked(Ask::Restore), vec![]);
}

#[actix_web::test]
async fn what_user_api_refuses_is_said_on_a_page() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let mut browser = Browser::new(&world);
    browser.get(&link(&key)).await;
    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    for (refusal, status, heading) in [
        (500, 500, "Something went wrong here"),
        (503, 503, "Something went wrong here"),
        (409, 409, "Another account has your address"),
        (404, 404, "This link does not work"),
        (410, 410, "The account has been put back already"),
    ] {
        world.peers.fail(Ask::Restore, refusal);
        let page = browser.submit("/pages/account-change", &fields).await;
        page.assert(status, heading);
        // Too many passwords at once: there is a moment to come back at.
        let is_told_when = page.headers.contains_key("retry-after");
        assert_eq!(is_told_when, status == 503, "{status}");
    }
    // What can be undone no more says so from here on.
    let page = browser.get(&link(&key)).await;
    page.assert(410, "The account has been put back already");
    assert_eq!(world.status("keyless.n1.0").await, "canceled");
}

#[actix_web::test]
async fn an_answer_that_was_lost_is_made_up_for_by_a_repeat() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let mut browser = Browser::new(&world);
    browser.get(&link(&key)).await;
    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    // As it is when confirm dies right after user-api has answered.
    world
        .set("keyless.n1.0", doc! { "status": "pending" })
        .await;
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    let asked = world.peers.asked(Ask::Restore);
    assert_eq!(asked[0], asked[1]);
    assert_eq!(world.status("keyless.n1.0").await, "completed");
}

#[actix_web::test]
async fn links_to_what_is_void_and_keys_for_a_password_are_worth_nothing_afterwards() {
    let world = world().await;
    let older = key_of(&world, "n1", "alice@example.org", "first").await;
    let thief = key_of(&world, "n2", "thief@example.org", "second").await;
    world.peers.has("bob");
    let mut to_bob = notice(&[("bob@example.org", "second")]);
    to_bob["userid"] = json!("bob");
    tell(&world, "n3", &to_bob).await;
    let reset = world.forget("alice@example.org").await;
    world.peers.voids(&["first", "second"]);

    let mut browser = Browser::new(&world);
    browser.get(&link(&older)).await;
    let fields = [("key", older.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    let page = browser.get(&link(&thief)).await;
    page.assert(410, "The account has been put back already");
    assert_eq!(world.status("keyless.n3.0").await, "pending");
    let body = json!({ "key": reset, "email": "alice@example.org", "password": PASSWORD });
    let answer = world.anonymous().put("/confirm/accept/forgot", &body).await;
    assert_refused(&answer, 404, "No matching reset confirmation was found.");
}

#[actix_web::test]
async fn the_page_is_there_beside_a_web_application() {
    let application = "https://app.example.org/web/";
    let world = World::start_with(|config| {
        config.web.web_url = Some(application.to_owned());
    })
    .await;
    world.peers.has("alice");
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let mail = world.mail().await;
    assert_eq!(mail.link().as_str(), format!("{ORIGIN}{}", link(&key)));
    let mut browser = Browser::new(&world);
    browser
        .get(&link(&key))
        .await
        .assert(200, "Put your account back");
    assert_eq!(browser.get("/pages/style.css").await.status, 200);
    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    // From here on it is the application's turn.
    for (path, status) in [
        ("/pages/done/account-put-back".to_owned(), 200),
        (link(&key), 410),
    ] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, status, "{path}");
        assert_leads_to(&page, "https://app.example.org/web/login");
    }
}

#[actix_web::test]
async fn nobody_else_shows_or_answers_it() {
    let world = world().await;
    let key = key_of(&world, "n1", "alice@example.org", "c").await;
    let owner = world.user("alice");
    for (method, path) in [
        (Method::GET, "/confirm/signup/alice".to_owned()),
        (Method::GET, "/confirm/invite/alice".to_owned()),
        (Method::GET, "/confirm/invitations/alice".to_owned()),
        (Method::DELETE, "/confirm/signup/alice".to_owned()),
        (Method::PUT, format!("/confirm/accept/signup/{key}")),
        (
            Method::PUT,
            "/confirm/accept/signup/keyless.n1.0".to_owned(),
        ),
        (
            Method::PATCH,
            "/confirm/resend/invite/keyless.n1.0".to_owned(),
        ),
    ] {
        let answer = send(owner.request(method.clone(), &path).json(&json!({}))).await;
        assert!(
            matches!(answer.status, 403 | 404),
            "{method} {path}: {}",
            answer.text()
        );
    }
    assert_eq!(world.status("keyless.n1.0").await, "pending");
}

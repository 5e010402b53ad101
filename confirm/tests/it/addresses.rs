//! Addresses: which may be entered, and in how many spellings one is found.

use reqwest::Url;
use serde_json::{Value, json};
use shared_runtime::testing::{NO_ADDRESSES, SPELLINGS};
use stand_ins::{gatekeeper, user_api};

use crate::{
    browser::Browser,
    world::{World, assert_empty, assert_refused, post, put},
};

const ACCEPT: &str = "/confirm/accept/invite/carol/alice";
const LIST: &str = "/confirm/invitations/carol";
const FORBIDDEN: &str = "Forbidden to perform requested operation";

/// `text` as a step in a path below `before`.
fn path(before: &str, text: &str) -> String {
    let mut url = Url::parse(&format!("http://localhost{before}")).unwrap();
    url.path_segments_mut().unwrap().push(text);
    url.path().to_owned()
}

#[actix_web::test]
async fn what_is_no_address_is_refused_at_once() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    let mut browser = Browser::new(&world);
    let too_long = format!("{}@example.org", "a".repeat(65));
    for email in NO_ADDRESSES.into_iter().chain([too_long.as_str()]) {
        let body = json!({ "email": email, "permissions": { "view": {} } });
        let answer = alice.post("/confirm/send/invite/alice", &body).await;
        assert_empty(&answer, 400);
        for forgot in ["/confirm/send/forgot", "/confirm/forgot"] {
            let answer = post(&world.anonymous(), &path(forgot, email)).await;
            assert_empty(&answer, 400);
        }
        for form in ["/signup", "/pages/forgot-password"] {
            browser.get(form).await;
            let fields = [("email", email), ("password", "battery-staple")];
            let page = browser.submit(form, &fields).await;
            assert_eq!(page.status, 400, "{form} {email:?}");
            page.assert_says("This is no address. It has the form name@example.org.");
        }
    }
    let collections = ["confirmations", "quotas", "outbox", "mail_outbox"];
    assert!(world.everything(&collections).await.is_empty());
    assert!(world.user_api.asked(user_api::Ask::SignUp).is_empty());
}

#[actix_web::test]
async fn an_address_is_taken_with_blanks_around_it_and_stored_without() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let sent = world
        .invite("alice", " Dave@Example.org\n", json!({}))
        .await;
    assert_eq!(sent["email"], "Dave@Example.org");
    let forgot = path("/confirm/send/forgot", " dave@example.org ");
    assert_empty(&post(&world.anonymous(), &forgot).await, 200);
    let rows = world.everything(&["outbox"]).await;
    let payload = rows[0].get_document("payload").unwrap();
    assert_eq!(payload.get_str("email").unwrap(), "dave@example.org");
}

#[actix_web::test]
async fn an_invitation_is_found_by_every_spelling_of_its_address() {
    for invited in SPELLINGS {
        for own in SPELLINGS {
            let world = World::without_relay().await;
            world.user_api.has("alice");
            let sent = world.invite("alice", invited, json!({"view": {}})).await;
            let again = json!({ "email": own, "permissions": { "view": {} } });
            let answer = world
                .user("alice")
                .post("/confirm/send/invite/alice", &again)
                .await;
            assert_refused(&answer, 409, "There is already an existing invite");
            world.user_api.has_with("carol", json!({ "emails": [own] }));
            let carol = world.user("carol");
            let listed: Vec<Value> = carol.get(LIST).await.json();
            assert_eq!(listed[0]["key"], sent["key"], "{invited} {own}");
            let body = json!({ "key": sent["key"], "email": own });
            let answer = carol.put(ACCEPT, &body).await;
            assert_eq!((answer.status, answer.text()), (200, "OK"));
        }
    }
}

#[actix_web::test]
async fn an_invitation_finds_an_account_and_is_canceled_in_every_spelling() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .user_api
        .has_with("carol", json!({ "emails": [SPELLINGS[1]] }));
    let sent = world.invite("alice", SPELLINGS[0], json!({})).await;
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "carol");
    let canceled = put(
        &world.user("alice"),
        &path("/confirm/alice/invited", SPELLINGS[3]),
    )
    .await;
    assert_empty(&canceled, 200);
}

#[actix_web::test]
async fn a_look_alike_takes_no_invitation() {
    for (invited, own) in [
        ("mike@example.org", "mi\u{212a}e@example.org"),
        ("mike@example.org", "m\u{ed}ke@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("carol@bücher.example", "carol@bucher.example"),
        ("carol@mike.example", "carol@mi\u{212a}e.example"),
    ] {
        let world = World::without_relay().await;
        world.user_api.has("alice");
        let sent = world.invite("alice", invited, json!({"admin": {}})).await;
        world.user_api.has_with("carol", json!({ "emails": [own] }));
        let carol = world.user("carol");
        assert_refused(&carol.get(LIST).await, 404, "Nothing found");
        let body = json!({ "key": sent["key"] });
        assert_refused(&carol.put(ACCEPT, &body).await, 403, FORBIDDEN);
        let answer = carol.put(ACCEPT, &json!({})).await;
        assert_refused(&answer, 404, "No matching invite was found");
        assert!(
            world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty(),
            "{own}"
        );
        let other = path("/confirm/alice/invited", own);
        let canceled = put(&world.user("alice"), &other).await;
        assert_refused(&canceled, 404, "No matching invite was found");
    }
}

#[actix_web::test]
async fn a_reset_and_a_sign_up_are_found_by_every_spelling() {
    let world = World::start().await;
    let own = "ann@xn--bcher-kva.example";
    world.user_api.has_with("carol", json!({ "emails": [own] }));
    for (spelling, other) in SPELLINGS.into_iter().zip(SPELLINGS.into_iter().rev()) {
        let forgot = path("/confirm/send/forgot", spelling);
        assert_empty(&post(&world.anonymous(), &forgot).await, 200);
        let mail = world.mails().await.pop().unwrap();
        assert_eq!(mail.to, [own]);
        let key = mail.value("resetKey");
        let body = json!({ "key": key, "email": other, "password": "battery-staple" });
        let answer = world.anonymous().put("/confirm/accept/forgot", &body).await;
        assert_eq!(answer.status, 200, "{other}: {}", answer.text());
    }
    world.sign_up("carol").await;
    for spelling in SPELLINGS {
        let again = path("/confirm/resend/signup", spelling);
        assert_empty(&post(&world.anonymous(), &again).await, 200);
    }
    let again = path("/confirm/resend/signup", "ann@bucher.example");
    let answer = post(&world.anonymous(), &again).await;
    assert_refused(&answer, 404, "No matching signup confirmation was found");
}

#[actix_web::test]
async fn all_spellings_of_an_address_share_its_quota() {
    let world = World::without_relay_with(|config| {
        config.limits.asked_mails_per_recipient_per_10_minutes = 1;
    })
    .await;
    for spelling in SPELLINGS {
        let forgot = path("/confirm/send/forgot", spelling);
        assert_empty(&post(&world.anonymous(), &forgot).await, 200);
    }
    // The first one stands for the others.
    assert_eq!(world.rows("outbox", "pending").await, 1);
}

#[actix_web::test]
async fn mails_go_to_what_mail_servers_understand() {
    for (invited, sent_to) in [
        ("a..b@example.org", "\"a..b\"@example.org"),
        ("a.@example.org", "\"a.\"@example.org"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a/b@example.org", "a/b@example.org"),
    ] {
        let world = World::start().await;
        world.user_api.has("alice");
        let sent = world.invite("alice", invited, json!({})).await;
        assert_eq!(sent["email"], invited);
        let mail = world.mail().await;
        let header = format!("\r\nTo: {sent_to}\r\n");
        assert!(mail.raw.contains(&header), "{}", mail.raw);
        assert_eq!(mail.value("inviteEmail"), invited);
    }
}

//! Owners of accounts put back what somebody changed.

use bson::doc;
use reqwest::Method;
use serde_json::json;
use shared_runtime::testing::send;
use stand_ins::user_api;

use crate::{
    account_changes::{PASSWORD, key_of, link, notice, put_back, tell, world},
    browser::{Browser, Page},
    world::{ORIGIN, World, assert_refused},
};

/// Asserts that the page has a link to `url`, in which slashes are escaped.
#[track_caller]
fn assert_leads_to(page: &Page, url: &str) {
    page.assert_says(&format!("href=\"{}\"", url.replace('/', "&#x2f;")));
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
    assert_eq!(world.user_api.asked(user_api::Ask::Restore), vec![]);

    let fields = [("key", key.as_str()), ("password", PASSWORD)];
    let done = browser.submit("/pages/account-change", &fields).await;
    done.assert_sees("/pages/done/account-put-back");
    let [(user, mut asked)] = world
        .user_api
        .asked(user_api::Ask::Restore)
        .try_into()
        .unwrap();
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
    assert_eq!(world.user_api.asked(user_api::Ask::Restore).len(), 1);
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
        if password.len() > "short".len() {
            world.user_api.fail(user_api::Ask::Restore, 400);
        }
        let fields = [("key", key.as_str()), ("password", password)];
        let page = browser.submit("/pages/account-change", &fields).await;
        page.assert(400, "Put your account back");
        page.assert_says(sentence);
        page.assert_says("id=\"password-error\"");
        page.assert_says("<li>the password</li>");
        assert!(!page.html.contains("refused-by"), "{}", page.html);
    }
    world.user_api.mend(user_api::Ask::Restore);
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
    assert_eq!(world.user_api.asked(user_api::Ask::Restore), vec![]);
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
        world.user_api.fail(user_api::Ask::Restore, refusal);
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
    let asked = world.user_api.asked(user_api::Ask::Restore);
    assert_eq!(asked[0], asked[1]);
    assert_eq!(world.status("keyless.n1.0").await, "completed");
}

#[actix_web::test]
async fn links_to_what_is_void_and_keys_for_a_password_are_worth_nothing_afterwards() {
    let world = world().await;
    let older = key_of(&world, "n1", "alice@example.org", "first").await;
    let thief = key_of(&world, "n2", "thief@example.org", "second").await;
    world.user_api.has("bob");
    let mut to_bob = notice(&[("bob@example.org", "second")]);
    to_bob["userid"] = json!("bob");
    tell(&world, "n3", &to_bob).await;
    let reset = world.forget("alice@example.org").await;
    world.user_api.voids(&["first", "second"]);

    let mut browser = Browser::new(&world);
    put_back(&mut browser, &older).await;
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
    world.user_api.has("alice");
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

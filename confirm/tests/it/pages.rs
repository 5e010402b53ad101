//! What all pages have in common: their headers, who can send their forms, what opening them does,
//! and when they are there.

use reqwest::Method;
use serde_json::json;
use shared_runtime::testing::send;
use stand_ins::{PASSWORD, gatekeeper, user_api};

use crate::{
    browser::{Browser, form},
    world::{ORIGIN, World},
};

const COLLECTIONS: &[&str] = &["confirmations", "quotas", "outbox", "mail_outbox"];

/// Every form, and what is in it.
pub(crate) const FORMS: &[(&str, &[(&str, &str)])] = &[
    (
        "/login",
        &[("email", "carol@example.org"), ("password", PASSWORD)],
    ),
    (
        "/signup",
        &[("email", "new@example.org"), ("password", PASSWORD)],
    ),
    (
        "/signup/personal",
        &[("email", "new@example.org"), ("password", PASSWORD)],
    ),
    (
        "/signup/clinician",
        &[("email", "new@example.org"), ("password", PASSWORD)],
    ),
    (
        "/confirm-password-reset",
        &[
            ("key", "{reset}"),
            ("email", "carol@example.org"),
            ("password", "battery-staple"),
        ],
    ),
    ("/pages/forgot-password", &[("email", "carol@example.org")]),
    ("/pages/verify", &[("key", "{signup}")]),
    ("/pages/verification-mail", &[("email", "dave@example.org")]),
    (
        "/pages/invitations",
        &[
            ("key", "{invitation}"),
            ("sharer", "alice"),
            ("answer", "accept"),
        ],
    ),
    ("/pages/log-out", &[]),
    (
        "/pages/account-change",
        &[("key", "{change}"), ("password", "battery-staple")],
    ),
];

/// Carol forgot her password, is invited by Alice, and is told of a change of her account; Dave has
/// to verify his address.
struct Keys {
    reset: String,
    signup: String,
    invitation: String,
    change: String,
}

async fn world_with_keys() -> (World, Keys) {
    let world = World::start().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    world
        .user_api
        .has_with("dave", json!({ "emailVerified": false }));
    let invitation = world
        .invite("alice", "carol@example.org", json!({ "view": {} }))
        .await;
    let notice = json!({
        "userid": "carol", "changedAt": 0, "changed": ["password"],
        "recipients": [{ "email": "carol@example.org", "change": "c" }], "needsProof": false,
    });
    let told = world.service();
    let told = told.put("/internal/account-notices/n", &notice).await;
    assert_eq!(told.status, 204);
    let mails = world.mails().await.into_iter();
    let mut changes = mails.filter(|mail| mail.link().path() == "/pages/account-change");
    let keys = Keys {
        change: changes.next().unwrap().value("key"),
        reset: world.forget("carol@example.org").await,
        signup: world.sign_up("dave").await,
        invitation: invitation["key"].as_str().unwrap().to_owned(),
    };
    world.settled().await;
    (world, keys)
}

impl Keys {
    fn filled(&self, template: &str) -> String {
        template
            .replace("{reset}", &self.reset)
            .replace("{signup}", &self.signup)
            .replace("{invitation}", &self.invitation)
            .replace("{change}", &self.change)
    }
}

#[actix_web::test]
async fn opening_a_page_changes_nothing() {
    let (world, keys) = world_with_keys().await;
    let mut browser = Browser::of(&world, "carol").await;
    browser.get("/pages/invitations").await;
    let before = world.everything(COLLECTIONS).await;
    let mails = world.mailbox.mails().len();
    for (path, status, heading) in [
        (
            "/login?signupEmail=dave%40example.org&signupKey={signup}",
            200,
            "Verify your address",
        ),
        (
            "/confirm-password-reset?resetKey={reset}",
            200,
            "Choose a new password",
        ),
        (
            "/pages/account-change?key={change}",
            200,
            "Put your account back",
        ),
        ("/signup", 200, "Sign up"),
        (
            "/signup/personal?inviteEmail=new%40example.org",
            200,
            "Sign up",
        ),
        (
            "/signup/clinician?inviteEmail=new%40example.org",
            200,
            "Sign up",
        ),
        ("/pages/forgot-password", 200, "Forgot your password?"),
        ("/pages/invitations", 200, "Your invitations"),
        ("/pages/done/verified", 200, "Your address is verified"),
        ("/pages/done/nothing", 404, "There is no such page"),
        ("/pages/nothing", 404, "There is no such page"),
        ("/pages", 404, "There is no such page"),
    ] {
        let path = keys.filled(path);
        browser.get(&path).await.assert(status, heading);
        let head = browser.load(browser.request(Method::HEAD, &path)).await;
        assert_eq!((head.status, head.html.as_str()), (status, ""), "{path}");
    }
    assert_eq!(world.everything(COLLECTIONS).await, before);
    assert_eq!(world.mailbox.mails().len(), mails);
    assert_eq!(world.user_api.asked(user_api::Ask::Update), []);
}

#[actix_web::test]
async fn a_form_that_was_not_on_our_page_is_refused() {
    let (world, keys) = world_with_keys().await;
    let browser = Browser::of(&world, "carol").await;
    let before = world.everything(COLLECTIONS).await;
    let log_ins = world.user_api.asked(user_api::Ask::LogIn).len();
    let token = browser.cookies["__Host-tidegate-form"].clone();
    let same = Some("same-origin");
    for (path, fields) in FORMS {
        let filled: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| (*name, keys.filled(value)))
            .collect();
        let fields: Vec<(&str, &str)> = filled
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        for (site, origin, given, has_cookies) in [
            (same, Some("null"), None, true),
            (same, Some("null"), Some(""), true),
            (same, Some("null"), Some("another-token"), true),
            (same, Some("null"), Some(token.as_str()), false),
            (Some("cross-site"), Some("null"), Some(&token), true),
            (Some("same-site"), Some("null"), Some(&token), true),
            (Some("none"), None, Some(&token), true),
            (same, Some("https://evil.example"), Some(&token), true),
            (None, Some("https://evil.example"), Some(&token), true),
            (None, Some("null"), Some(&token), true),
            (None, None, Some(&token), true),
        ] {
            let mut sender = Browser::new(&world);
            if has_cookies {
                sender.cookies.clone_from(&browser.cookies);
            }
            let mut request = sender
                .request(Method::POST, path)
                .body(form(&fields, given));
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let refused = sender.load(request).await;
            refused.assert(403, "This form was not accepted");
            assert_eq!(sender.cookies.len(), if has_cookies { 2 } else { 0 });
        }
    }
    assert_eq!(world.everything(COLLECTIONS).await, before);
    for ask in [
        user_api::Ask::Update,
        user_api::Ask::Restore,
        user_api::Ask::SignUp,
        user_api::Ask::LogOut,
    ] {
        assert_eq!(world.user_api.asked(ask), [], "{ask:?}");
    }
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant), []);
    assert_eq!(world.user_api.asked(user_api::Ask::LogIn).len(), log_ins);
}

#[actix_web::test]
async fn a_browser_that_only_names_the_origin_is_believed() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    let mut browser = Browser::new(&world);
    browser.get("/login").await;
    let token = browser.cookies["__Host-tidegate-form"].clone();
    let fields = [("email", "carol@example.org"), ("password", PASSWORD)];
    let request = browser
        .request(Method::POST, "/login")
        .header("origin", ORIGIN)
        .body(form(&fields, Some(&token)));
    browser
        .load(request)
        .await
        .assert_sees("/pages/invitations");
}

#[actix_web::test]
async fn who_is_not_logged_in_sees_no_invitations() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    let mut browser = Browser::new(&world);
    browser
        .get("/pages/invitations")
        .await
        .assert_sees("/login");
    for session in ["nonsense", "a.b.c"] {
        let cookies = &mut browser.cookies;
        cookies.insert("__Host-tidegate-session".to_owned(), session.to_owned());
        browser
            .get("/pages/invitations")
            .await
            .assert_sees("/login");
        assert!(!browser.cookies.contains_key("__Host-tidegate-session"));
    }
    let mut browser = Browser::of(&world, "carol").await;
    browser
        .get("/login")
        .await
        .assert_sees("/pages/invitations");
    world.user_api.fail(user_api::Ask::Token, 500);
    let mut cookies = browser.cookies.clone();
    cookies.insert(
        "__Host-tidegate-session".to_owned(),
        World::unknown_token("carol"),
    );
    browser.cookies = cookies;
    let unchecked = browser.get("/pages/invitations").await;
    unchecked.assert(503, "Something went wrong here");
    assert_eq!(unchecked.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused_with_a_page() {
    let world = World::without_relay().await;
    let mut browser = Browser::new(&world);
    browser.get("/login").await;
    let token = browser.cookies["__Host-tidegate-form"].clone();
    for (body, status, heading) in [
        (
            format!("form_token={token}&answer=maybe"),
            400,
            "This did not work",
        ),
        (
            format!("form_token={token}&x={}", "x".repeat(2 << 20)),
            413,
            "This did not work",
        ),
        ("{}".to_owned(), 403, "This form was not accepted"),
    ] {
        let request = browser
            .request(Method::POST, "/pages/invitations")
            .header("sec-fetch-site", "same-origin")
            .body(body);
        browser.load(request).await.assert(status, heading);
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/login", "GET, POST"),
        (Method::GET, "/pages/verify", "POST"),
        (Method::POST, "/pages/style.css", "GET"),
    ] {
        let refused = browser.load(browser.request(method, path)).await;
        refused.assert(405, "This did not work");
        assert_eq!(refused.header("allow"), Some(allowed), "{path}");
    }
}

#[actix_web::test]
async fn style_and_icon_are_served() {
    let world = World::without_relay().await;
    let mut browser = Browser::new(&world);
    let page = browser.get("/login").await;
    for (path, content_type) in [
        ("/pages/style.css", "text/css; charset=utf-8"),
        ("/pages/icon.svg", "image/svg+xml"),
    ] {
        page.assert_says(&format!("href=\"{path}\""));
        let asset = browser.get(path).await;
        assert_eq!(
            (asset.status, asset.header("content-type")),
            (200, Some(content_type))
        );
        assert_eq!(asset.header("cache-control"), Some("public, max-age=600"));
        assert_eq!(asset.header("x-content-type-options"), Some("nosniff"));
        assert!(!asset.html.contains("url(") && !asset.html.contains("@import"));
    }
}

#[actix_web::test]
async fn with_a_web_application_there_are_no_other_pages() {
    let world = World::without_relay_with(|config| {
        config.web.web_url = Some("https://app.example.org".to_owned());
    })
    .await;
    for (path, fields) in FORMS.iter().chain(&[("/pages/nothing", [].as_slice())]) {
        // Two are what an account of that name would have in the API; one no application has.
        if path.starts_with("/signup/") || *path == "/pages/account-change" {
            continue;
        }
        let anonymous = world.anonymous();
        let sent = anonymous
            .request(Method::POST, path)
            .body(form(fields, Some("x")));
        for answer in [anonymous.get(path).await, send(sent).await] {
            assert_eq!(
                (answer.status, answer.text()),
                (404, "404 page not found"),
                "{path}"
            );
        }
    }
}

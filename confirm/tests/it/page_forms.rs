//! What people do on the pages, and how they are told what to correct.

use bson::doc;
use serde_json::{Value, json};
use stand_ins::{PASSWORD, user_api};

use crate::{
    browser::{Browser, Page},
    world::World,
};

const NEW_PASSWORD: &str = "battery-staple";
const BAD_PASSWORD: &str = "Choose a password of 8 to 72 characters, without spaces at the ends.";

/// Asserts that the field is marked and described by this sentence.
#[track_caller]
fn assert_corrects(page: &Page, field: &str, sentence: &str) {
    page.assert_says("<title>Error: ");
    page.assert_says(&format!(
        "id=\"{field}-error\"><span class=\"sr-only\">Error: </span>{sentence}</p>"
    ));
    let input = page
        .html
        .split('<')
        .find(|tag| tag.starts_with(&format!("input id=\"{field}\"")));
    let input = input.unwrap();
    assert!(input.contains("aria-invalid=\"true\" autofocus"), "{input}");
    assert!(input.contains(&format!("{field}-error\"")), "{input}");
}

#[actix_web::test]
async fn an_address_is_verified_by_a_button() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("dave", json!({ "emailVerified": false }));
    let key = world.sign_up("dave").await;
    let mut browser = Browser::new(&world);
    let link = format!("/login?signupEmail=somebody%40else.org&signupKey={key}");
    let page = browser.get(&link).await;
    page.assert(200, "Verify your address");
    page.assert_says("<strong>dave@example.org</strong>");
    let verified = browser.submit("/pages/verify", &[("key", &key)]).await;
    verified.assert_sees("/pages/done/verified");
    assert_eq!(world.status(&key).await, "completed");
    assert_eq!(world.user_api.account("dave")["emailVerified"], true);
    browser.get(&link).await.assert_sees("/pages/done/verified");
    let again = browser.submit("/pages/verify", &[("key", &key)]).await;
    again.assert_sees("/pages/done/verified");
}

#[actix_web::test]
async fn a_key_that_is_worth_nothing_leads_to_a_new_one() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .user_api
        .has_with("dave", json!({ "emailVerified": false }));
    let invitation = world
        .invite("alice", "dave@example.org", json!({ "view": {} }))
        .await;
    let key = world.sign_up("dave").await;
    let mut browser = Browser::new(&world);
    for wrong in ["", "nonsense", invitation["key"].as_str().unwrap()] {
        let link = format!("/login?signupEmail=%22%3E%3Cb%3E&signupKey={wrong}");
        let page = browser.get(&link).await;
        page.assert(404, "This link does not work");
        page.assert_says("type=\"email\" value=\"\"");
        let page = browser.submit("/pages/verify", &[("key", wrong)]).await;
        page.assert(404, "This link does not work");
    }
    world.expire(&key).await;
    let link = format!("/login?signupEmail=dave%40example.org&signupKey={key}");
    let page = browser.get(&link).await;
    page.assert(404, "This link is too old");
    page.assert_says("type=\"email\" value=\"dave@example.org\"");
    let sent = browser
        .submit(
            "/pages/verification-mail",
            &[("email", " dave@example.org ")],
        )
        .await;
    sent.assert_sees("/pages/done/mail-sent");
    browser
        .get(&link)
        .await
        .assert(404, "This link does not work");
    let sign_ups = doc! { "type": "signup_confirmation" };
    let newer = world.confirmations().find_one(sign_ups).await.unwrap();
    assert_ne!(newer.unwrap().get_str("_id").unwrap(), key);
}

#[actix_web::test]
async fn another_mail_is_promised_to_everybody_and_sent_to_whom_it_concerns() {
    let world = World::start().await;
    world.user_api.has("verified");
    world.user_api.has_child("child", "2010-02-03");
    world
        .user_api
        .has_with("dave", json!({ "emailVerified": false }));
    let mut browser = Browser::new(&world);
    browser.get("/signup").await;
    for name in ["verified", "child", "nobody", "dave", "dave"] {
        let email = format!("{name}@example.org");
        let sent = browser
            .submit("/pages/verification-mail", &[("email", &email)])
            .await;
        sent.assert_sees("/pages/done/mail-sent");
    }
    let sent = browser
        .submit("/pages/verification-mail", &[("email", "nonsense")])
        .await;
    sent.assert_sees("/pages/done/mail-sent");
    let mails = world.mails().await;
    assert!(
        mails.iter().all(|mail| mail.to == ["dave@example.org"]),
        "{mails:?}"
    );
    assert!(!mails.is_empty());
}

#[actix_web::test]
async fn a_claim_is_corrected_field_by_field() {
    let world = World::without_relay().await;
    world.user_api.has_child("child", "2010-02-03");
    let made = world
        .service()
        .post("/confirm/signup/child", &json!({}))
        .await;
    let key = made.json::<Value>()["key"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&world);
    let page = browser.get(&format!("/login?signupKey={key}")).await;
    page.assert(200, "Take over your account");
    assert!(
        !page.html.contains("Parent") && !page.html.contains("2010"),
        "{}",
        page.html
    );
    for (password, birthday, field, sentence) in [
        ("", "", "password", "Choose a password."),
        ("short", "2010-02-03", "password", BAD_PASSWORD),
        (NEW_PASSWORD, "", "birthday", "Enter the birthday."),
        (
            NEW_PASSWORD,
            "3.2.2010",
            "birthday",
            "This is no date. Write year, month and day, such as 2014-05-31.",
        ),
        (
            NEW_PASSWORD,
            "2010-02-04",
            "birthday",
            "The account has another birthday. Ask whoever made it for you.",
        ),
    ] {
        let fields = [
            ("key", key.as_str()),
            ("password", password),
            ("birthday", birthday),
        ];
        let page = browser.submit("/pages/verify", &fields).await;
        page.assert(409, "Take over your account");
        assert_corrects(&page, field, sentence);
        assert!(!page.html.contains(NEW_PASSWORD), "{}", page.html);
    }
    let fields = [
        ("key", key.as_str()),
        ("password", NEW_PASSWORD),
        ("birthday", "2010-02-03"),
    ];
    let claimed = browser.submit("/pages/verify", &fields).await;
    claimed.assert_sees("/pages/done/verified");
    assert_eq!(world.user_api.account("child")["password"], NEW_PASSWORD);
}

#[actix_web::test]
async fn guessing_ends_on_a_page_that_says_when_to_come_back() {
    let world = World::without_relay_with(|config| config.limits.claim_attempts_per_hour = 1).await;
    world.user_api.has_child("child", "2010-02-03");
    let made = world
        .service()
        .post("/confirm/signup/child", &json!({}))
        .await;
    let key = made.json::<Value>()["key"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&world);
    browser.get(&format!("/login?signupKey={key}")).await;
    let fields = [
        ("key", key.as_str()),
        ("password", NEW_PASSWORD),
        ("birthday", "2010-02-04"),
    ];
    let page = browser.submit("/pages/verify", &fields).await;
    page.assert(409, "Take over your account");
    let page = browser.submit("/pages/verify", &fields).await;
    page.assert(429, "Too many attempts");
    page.assert_says(" minutes. Then try again.");
    let seconds: u32 = page.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&seconds), "{seconds}");
}

#[actix_web::test]
async fn a_log_in_that_fails_says_why() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    world
        .user_api
        .has_with("dave", json!({ "emailVerified": false }));
    let mut browser = Browser::new(&world);
    let page = browser
        .get("/login?inviteEmail=carol%2Ba%40example.org")
        .await;
    page.assert(200, "Log in");
    page.assert_says("value=\"carol+a@example.org\"");
    for (email, password) in [
        ("carol@example.org", "wrong"),
        ("nobody@example.org", PASSWORD),
        ("", ""),
    ] {
        let page = browser
            .submit("/login", &[("email", email), ("password", password)])
            .await;
        page.assert(401, "Log in");
        page.assert_says("role=\"alert\">The address or the password is wrong.</p>");
    }
    let fields = [("email", "dave@example.org"), ("password", PASSWORD)];
    let page = browser.submit("/login", &fields).await;
    page.assert(403, "Verify your address first");
    page.assert_says("name=\"email\" value=\"dave@example.org\"");
    for (status, wanted, heading) in [
        (429, 429, "Too many attempts"),
        (500, 500, "Something went wrong here"),
    ] {
        world.user_api.fail(user_api::Ask::LogIn, status);
        let page = browser.submit("/login", &fields).await;
        page.assert(wanted, heading);
        let wait = (status == 429).then_some("90");
        assert_eq!(page.header("retry-after"), wait);
    }
    assert!(!browser.cookies.contains_key("__Host-tidegate-session"));
}

#[actix_web::test]
async fn whoever_signs_up_gets_the_mail_that_verifies_the_address() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);
    for (path, email, role) in [
        ("/signup", "ann@example.org", "patient"),
        ("/signup/personal", "ben@example.org", "patient"),
        ("/signup/clinician", "cat@example.org", "clinician"),
    ] {
        browser
            .get(path)
            .await
            .assert_says(&format!("action=\"{}\"", path.replace('/', "&#x2f;")));
        let made = browser
            .submit(path, &[("email", email), ("password", PASSWORD)])
            .await;
        made.assert_sees("/pages/done/signed-up");
        let (_, body) = world.user_api.asked(user_api::Ask::SignUp).pop().unwrap();
        let wanted =
            json!({"username": email, "emails": [email], "password": PASSWORD, "roles": [role]});
        assert_eq!(body, wanted);
        assert_eq!(world.mails().await.pop().unwrap().to, [email]);
    }
    assert_eq!(world.user_api.asked(user_api::Ask::LogOut).len(), 3);
    assert!(!browser.cookies.contains_key("__Host-tidegate-session"));
}

#[actix_web::test]
async fn a_sign_up_is_corrected_field_by_field() {
    let world =
        World::without_relay_with(|config| config.limits.mails_per_recipient_per_hour = 1).await;
    world.user_api.has("taken");
    let mut browser = Browser::new(&world);
    browser.get("/signup").await;
    for (email, password, status, field, sentence) in [
        (
            "nonsense",
            PASSWORD,
            400,
            "email",
            "This is no address. It has the form name@example.org.",
        ),
        ("new@example.org", "short", 400, "password", BAD_PASSWORD),
        (
            "taken@example.org",
            PASSWORD,
            409,
            "email",
            "There is an account with this address already.",
        ),
    ] {
        let page = browser
            .submit("/signup", &[("email", email), ("password", password)])
            .await;
        page.assert(status, "Sign up");
        assert_corrects(&page, field, sentence);
    }
    world.user_api.fail(user_api::Ask::SignUp, 400);
    let fields = [("email", "new@example.org"), ("password", PASSWORD)];
    let page = browser.submit("/signup", &fields).await;
    page.assert(400, "Sign up");
    assert_corrects(&page, "email", "This address is not accepted.");
    world.user_api.mend(user_api::Ask::SignUp);
    // The account is made, but its mail is not.
    world.user_api.fail(user_api::Ask::People, 500);
    let other = [("email", "other@example.org"), ("password", PASSWORD)];
    let page = browser.submit("/signup", &other).await;
    page.assert(404, "Verify your address first");
    world.user_api.mend(user_api::Ask::People);
    // Nobody keeps it away by sending mails to the address.
    world.invite("taken", "new@example.org", json!({})).await;
    browser.get("/signup").await;
    let page = browser.submit("/signup", &fields).await;
    page.assert_sees("/pages/done/signed-up");
}

#[actix_web::test]
async fn a_new_password_is_chosen_once() {
    let world = World::start().await;
    world.user_api.has("carol");
    let mut browser = Browser::new(&world);
    browser
        .get("/pages/forgot-password")
        .await
        .assert(200, "Forgot your password?");
    for email in ["carol@example.org", "nobody@example.org"] {
        let sent = browser
            .submit("/pages/forgot-password", &[("email", email)])
            .await;
        sent.assert_sees("/pages/done/reset-sent");
    }
    let page = browser
        .submit("/pages/forgot-password", &[("email", "nonsense")])
        .await;
    page.assert(400, "Forgot your password?");
    let mails = world.mails().await;
    let mail = mails
        .iter()
        .find(|mail| mail.to == ["carol@example.org"])
        .unwrap();
    let (key, link) = (mail.value("resetKey"), mail.link());
    let link = format!("{}?{}", link.path(), link.query().unwrap());
    let page = browser.get(&link).await;
    page.assert(200, "Choose a new password");
    assert!(!page.html.contains("carol"), "{}", page.html);
    for (email, password, status, field, sentence) in [
        (
            "mallory@example.org",
            NEW_PASSWORD,
            404,
            "email",
            "The link was sent to another address.",
        ),
        ("carol@example.org", "short", 400, "password", BAD_PASSWORD),
    ] {
        let fields = [
            ("key", key.as_str()),
            ("email", email),
            ("password", password),
        ];
        let page = browser.submit("/confirm-password-reset", &fields).await;
        page.assert(status, "Choose a new password");
        assert_corrects(&page, field, sentence);
    }
    let fields = [
        ("key", key.as_str()),
        ("email", "Carol@example.org"),
        ("password", NEW_PASSWORD),
    ];
    let changed = browser.submit("/confirm-password-reset", &fields).await;
    changed.assert_sees("/pages/done/password-changed");
    assert_eq!(world.user_api.account("carol")["password"], NEW_PASSWORD);
    browser
        .get(&link)
        .await
        .assert(404, "This link does not work");
    let again = browser.submit("/confirm-password-reset", &fields).await;
    again.assert(404, "This link does not work");
    let key = world.forget("carol@example.org").await;
    world.expire(&key).await;
    let page = browser
        .get(&format!("/confirm-password-reset?resetKey={key}"))
        .await;
    page.assert(404, "This link is too old");
    browser
        .get("/confirm-password-reset")
        .await
        .assert_sees("/pages/forgot-password");
}

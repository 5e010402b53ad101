//! The cookies of the pages.

use reqwest::Method;
use stand_ins::{PASSWORD, user_api};

use crate::{
    browser::{Browser, form},
    world::World,
};

#[actix_web::test]
async fn cookies_are_for_this_host_and_for_no_script() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    let mut browser = Browser::new(&world);
    let fields = [("email", "carol@example.org"), ("password", PASSWORD)];
    let first = browser.get("/login").await;
    let form_token = browser.cookies["__Host-tidegate-form"].clone();
    let attributes = "Path=/; HttpOnly; SameSite=Lax; Secure";
    let wanted = format!("__Host-tidegate-form={form_token}; {attributes}");
    assert_eq!(first.set_cookies(), [wanted]);
    first.assert_says(&format!("name=\"form_token\" value=\"{form_token}\""));
    assert_eq!(browser.get("/signup").await.set_cookies(), [""; 0]);

    let entered = browser.submit("/login", &fields).await;
    let session = browser.cookies["__Host-tidegate-session"].clone();
    let wanted = [
        format!("__Host-tidegate-session={session}; {attributes}"),
        format!(
            "__Host-tidegate-form={}; {attributes}",
            browser.cookies["__Host-tidegate-form"]
        ),
    ];
    assert_eq!(entered.set_cookies(), wanted);
    assert_ne!(browser.cookies["__Host-tidegate-form"], form_token);

    // Logging in again ends the old session; logging out ends the last one.
    browser.submit("/login", &fields).await;
    let newer = browser.cookies["__Host-tidegate-session"].clone();
    assert_ne!(newer, session);
    let left = browser.submit("/pages/log-out", &[]).await;
    left.assert_sees("/pages/done/logged-out");
    let ended: Vec<String> = world
        .user_api
        .asked(user_api::Ask::LogOut)
        .into_iter()
        .map(|(token, _)| token)
        .collect();
    assert_eq!(ended, [session, newer]);
    assert!(!browser.cookies.contains_key("__Host-tidegate-session"));
}

#[actix_web::test]
async fn without_https_cookies_have_no_attribute_that_wants_it() {
    let world = World::without_relay_with(|config| {
        config.web.public_url = "http://192.0.2.1:8080/".to_owned();
    })
    .await;
    world.user_api.has("carol");
    let mut browser = Browser::new(&world);
    let page = browser.get("/login").await;
    let token = browser.cookies["tidegate-form"].clone();
    let wanted = format!("tidegate-form={token}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(page.set_cookies(), [wanted]);
    // Browsers say nothing about themselves there but this.
    let fields = [("email", "carol@example.org"), ("password", PASSWORD)];
    let request = browser
        .request(Method::POST, "/login")
        .header("origin", "null")
        .body(form(&fields, Some(&token)));
    browser
        .load(request)
        .await
        .assert_sees("/pages/invitations");
    browser
        .get("/pages/invitations")
        .await
        .assert(200, "Your invitations");
}

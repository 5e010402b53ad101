//! Invitations on their page: what it shows, and what its buttons do.

use bson::doc;
use serde_json::{Value, json};
use stand_ins::gatekeeper;

use crate::{browser::Browser, world::World};

/// Alice invites Carol, who is logged in.
async fn world_with(permissions: Value) -> (World, Browser, String) {
    let world = World::without_relay().await;
    for id in ["alice", "carol", "dave"] {
        world.user_api.has(id);
    }
    let made = world
        .invite("alice", "carol@example.org", permissions)
        .await;
    let browser = Browser::of(&world, "carol").await;
    (world, browser, made["key"].as_str().unwrap().to_owned())
}

fn reply<'a>(key: &'a str, answer: &'a str) -> [(&'a str, &'a str); 3] {
    [("key", key), ("sharer", "alice"), ("answer", answer)]
}

#[actix_web::test]
async fn an_invitation_is_shown_in_plain_words() {
    let offered = json!({"custodian": {}, "edit": {}, "note": {}, "view": {}});
    let (world, mut browser, key) = world_with(offered).await;
    // As an invitation of former times may have it.
    let other = doc! { "context.permissions.banana": {} };
    world.set(&key, other).await;
    let name = "<script>alert(1)</script> & \"Co\"";
    world
        .user_api
        .profile("alice", json!({ "fullName": name, "patient": null }));
    let page = browser.get("/pages/invitations").await;
    page.assert(200, "Your invitations");
    let escaped = "&lt;script&gt;alert(1)&lt;&#x2f;script&gt; &amp; &quot;Co&quot;";
    page.assert_says(&format!("<bdi>{escaped}</bdi> invites you</h2>"));
    page.assert_says(&format!(
        "Into the care team of <strong><bdi>{escaped}</bdi></strong>."
    ));
    let offers: Vec<&str> = page
        .html
        .split("<li>")
        .skip(1)
        .map(|item| item.split("</li>").next().unwrap())
        .collect();
    assert_eq!(
        offers,
        [
            "see all data and the profile",
            "read and write notes",
            "change data and the profile",
            "run the account for the person it is about",
        ]
    );
    page.assert_says(&format!("name=\"key\" value=\"{key}\""));
    page.assert_says("Logged in as <strong>carol@example.org</strong>");
}

#[actix_web::test]
async fn somebody_elses_data_have_a_name_of_their_own() {
    let (world, mut browser, key) = world_with(json!({ "view": {} })).await;
    let patient = json!({ "fullName": "Finn", "isOtherPerson": true });
    world
        .user_api
        .profile("alice", json!({ "fullName": "Bob", "patient": patient }));
    world.set(&key, doc! { "senderId": "dave" }).await;
    let page = browser.get("/pages/invitations").await;
    page.assert_says("<bdi>dave of Tide</bdi> invites you</h2>");
    page.assert_says("<strong><bdi>Finn</bdi></strong>");
    for id in ["alice", "dave"] {
        world.user_api.profile(id, Value::Null);
    }
    let page = browser.get("/pages/invitations").await;
    page.assert_says("<bdi>Somebody</bdi> invites you</h2>");
    page.assert_says("<p>Into a care team.</p>");
}

#[actix_web::test]
async fn an_invitation_is_accepted() {
    let (world, mut browser, key) = world_with(json!({ "view": {} })).await;
    let accepted = browser
        .submit("/pages/invitations", &reply(&key, "accept"))
        .await;
    accepted.assert_sees("/pages/done/accepted");
    assert_eq!(world.status(&key).await, "completed");
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({ "view": {} }))
    );
    let page = browser.get("/pages/invitations").await;
    page.assert(200, "Your invitations");
    page.assert_says("Nobody is waiting for an answer of yours.");
    for answer in ["accept", "decline"] {
        let page = browser
            .submit("/pages/invitations", &reply(&key, answer))
            .await;
        page.assert(403, "This invitation is not open any more");
    }
}

#[actix_web::test]
async fn an_invitation_is_declined() {
    let (world, mut browser, key) = world_with(json!({ "view": {} })).await;
    let declined = browser
        .submit("/pages/invitations", &reply(&key, "decline"))
        .await;
    declined.assert_sees("/pages/done/declined");
    assert_eq!(world.status(&key).await, "declined");
    assert_eq!(world.gatekeeper.permissions("alice", "carol"), None);
}

#[actix_web::test]
async fn only_the_addressee_answers_and_only_in_time() {
    let (world, mut carol, key) = world_with(json!({ "view": {} })).await;
    let mut dave = Browser::of(&world, "dave").await;
    let mut nobody = Browser::new(&world);
    nobody.get("/signup").await;
    for answer in ["accept", "decline"] {
        let page = dave
            .submit("/pages/invitations", &reply(&key, answer))
            .await;
        page.assert(403, "This invitation is not open any more");
        let page = dave
            .submit("/pages/invitations", &reply("nonsense", answer))
            .await;
        page.assert(404, "This invitation is not open any more");
        let sent = nobody
            .submit("/pages/invitations", &reply(&key, answer))
            .await;
        sent.assert_sees("/login");
    }
    world.expire(&key).await;
    let page = carol.get("/pages/invitations").await;
    page.assert_says("Nobody is waiting for an answer of yours.");
    let page = carol
        .submit("/pages/invitations", &reply(&key, "accept"))
        .await;
    page.assert(403, "This invitation is not open any more");
    assert_eq!(world.status(&key).await, "pending");
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant), []);
}

#[actix_web::test]
async fn a_session_that_was_ended_answers_nothing_from_that_moment_on() {
    let (world, mut browser, key) = world_with(json!({ "view": {} })).await;
    let page = browser.get("/pages/invitations").await;
    page.assert(200, "Your invitations");
    world.user_api.forget_tokens();
    for answer in ["accept", "decline"] {
        let sent = browser
            .submit("/pages/invitations", &reply(&key, answer))
            .await;
        sent.assert_sees("/login");
    }
    assert_eq!(world.status(&key).await, "pending");
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant), []);
}

#[actix_web::test]
async fn a_failure_of_ours_is_a_page_of_its_own() {
    let (world, mut browser, key) = world_with(json!({ "view": {} })).await;
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 500);
    let page = browser
        .submit("/pages/invitations", &reply(&key, "accept"))
        .await;
    page.assert(500, "Something went wrong here");
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    let accepted = browser
        .submit("/pages/invitations", &reply(&key, "accept"))
        .await;
    accepted.assert_sees("/pages/done/accepted");
}

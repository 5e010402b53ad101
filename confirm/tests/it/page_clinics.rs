//! Invitations of clinics on the page of all invitations.

use serde_json::{Value, json};
use stand_ins::clinic::Ask;

use crate::{
    browser::Browser,
    oak::{MEMBER, OAK, oak},
    world::World,
};

const PAGE: &str = "/pages/invitations";

/// Dave, whom the clinic invites, at a browser; and the key.
async fn invited() -> (World, Browser, String) {
    let world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    let browser = Browser::of(&world, "dave").await;
    (world, browser, key)
}

fn reply<'a>(key: &'a str, answer: &'a str) -> [(&'a str, &'a str); 2] {
    [("key", key), ("answer", answer)]
}

#[actix_web::test]
async fn an_invitation_is_shown_and_accepted() {
    let (world, mut browser, key) = invited().await;
    let page = browser.get(PAGE).await;
    page.assert(200, "Your invitations");
    page.assert_says("<bdi>Oak Clinic</bdi> invites you</h2>");
    page.assert_says("<bdi>carol of Tide</bdi> asks you to work with");
    page.assert_says("value=\"accept\"");
    let accepted = browser.submit(PAGE, &reply(&key, "accept")).await;
    accepted.assert_sees("/pages/done/joined");
    assert_eq!(world.status(&key).await, "completed");
    let joined = json!({"id": "dave", "email": "dave@example.org", "roles": MEMBER});
    assert!(world.clinic.clinicians(OAK).contains(&joined));
    let page = browser.get("/pages/done/joined").await;
    page.assert(200, "You joined the clinic");
    let page = browser.get(PAGE).await;
    page.assert_says("Nobody is waiting for an answer of yours.");
    let again = browser.submit(PAGE, &reply(&key, "accept")).await;
    again.assert(404, "This invitation is not open any more");
}

#[actix_web::test]
async fn an_invitation_is_declined() {
    let (world, mut browser, key) = invited().await;
    browser.get(PAGE).await;
    let declined = browser.submit(PAGE, &reply(&key, "decline")).await;
    declined.assert_sees("/pages/done/stayed-out");
    assert_eq!(world.status(&key).await, "declined");
    assert_eq!(world.clinic.clinicians(OAK).len(), 2);
}

#[actix_web::test]
async fn whom_the_clinic_does_not_admit_learns_why() {
    let (world, mut browser, key) = invited().await;
    let restrictions = json!([{"emailDomain": "example.org", "requiredIdp": "OakLogin"}]);
    world
        .clinic
        .has_clinic(OAK, json!({ "restrictions": restrictions }));
    let page = browser.get(PAGE).await;
    page.assert_says("through its own log-in (<bdi>OakLogin</bdi>)");
    assert!(!page.html.contains("value=\"accept\""));
    let refused = browser.submit(PAGE, &reply(&key, "accept")).await;
    refused.assert(403, "This clinic does not admit you here");
    assert_eq!(world.status(&key).await, "pending");
}

#[actix_web::test]
async fn the_others_are_shown_while_clinic_fails() {
    let (world, mut browser, key) = invited().await;
    world
        .invite("alice", "dave@example.org", json!({"view": {}}))
        .await;
    world.clinic.fail(Ask::Restrictions, 500);
    let page = browser.get(PAGE).await;
    page.assert(200, "Your invitations");
    page.assert_says("<bdi>alice of Tide</bdi> invites you</h2>");
    page.assert_says("Invitations of clinics cannot be shown at the moment.");
    let failed = browser.submit(PAGE, &reply(&key, "accept")).await;
    failed.assert(500, "Something went wrong here");
}

#[actix_web::test]
async fn others_answer_nothing() {
    let (world, _, key) = invited().await;
    let mut browser = Browser::of(&world, "nina").await;
    browser.get(PAGE).await;
    let page = browser.submit(PAGE, &reply(&key, "accept")).await;
    page.assert(404, "This invitation is not open any more");
    browser.submit(PAGE, &reply(&key, "decline")).await;
    assert_eq!(world.status(&key).await, "pending");
    assert_eq!(
        world.clinic.asked(Ask::Associate),
        Vec::<(String, Value)>::new()
    );
}

//! Mails that cannot leave: they wait, and nothing else does.

use bson::doc;
use confirm::config::{MailTransport, SmtpEncryption};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;
use stand_ins::user_api;
use std::fs;

use crate::world::{ORIGIN, World, assert_empty, assert_ok, eventually, post};

/// Waits until a mail was tried in vain, after all else was done.
async fn tried(world: &World, rows: u64) {
    eventually("a failed try", async || {
        let tried = doc! { "state": "pending", "lastError": { "$exists": true } };
        let outbox = &world.database.database;
        let outbox = outbox.collection::<bson::Document>("mail_outbox");
        outbox.count_documents(tried).await.unwrap() == rows
    })
    .await;
}

/// Waits until the metrics, which all tests of a process share, have a line that starts like this.
async fn metric(world: &World, line: &str) {
    eventually(line, async || {
        let metrics = world.anonymous().get("/metrics").await;
        let mut lines = metrics.text().lines();
        lines.any(|shown| shown.starts_with(line))
    })
    .await;
}

#[actix_web::test]
async fn a_folder_that_is_gone_delays_mails_and_stops_nothing() {
    let world = World::start().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    fs::remove_dir(world.mailbox.path()).unwrap();
    world.sign_up("alice").await;
    world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let later = world
        .invite("alice", "dave@example.org", json!({"view": {}}))
        .await;
    let forgot = "/confirm/send/forgot/alice@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    tried(&world, 4).await;
    metric(
        &world,
        r#"outbox_rows{outbox="mail_outbox",state="pending"} 4"#,
    )
    .await;
    metric(&world, r#"outbox_rows{outbox="outbox",state="pending"} 0"#).await;
    // Whoever does not need the mail goes on.
    let path = "/confirm/accept/invite/carol/alice";
    assert_ok(&world.user("carol").put(path, &json!({})).await);
    fs::create_dir(world.mailbox.path()).unwrap();
    world.hurry().await;
    let mails = world.mails().await;
    let mut to: Vec<&str> = mails.iter().map(|mail| mail.to[0].as_str()).collect();
    to.sort_unstable();
    // What Carol has answered needs no mail any more.
    assert_eq!(
        to,
        ["alice@example.org", "alice@example.org", "dave@example.org"]
    );
    assert_eq!(
        world.status(later["key"].as_str().unwrap()).await,
        "pending"
    );
    metric(
        &world,
        r#"outbox_rows{outbox="mail_outbox",state="pending"} 0"#,
    )
    .await;
}

#[actix_web::test]
async fn a_mail_server_that_is_not_there() {
    let world = World::start_with(|config| {
        config.mail.transport = MailTransport::Smtp;
        config.mail.smtp.host = Some("127.0.0.1".to_owned());
        config.mail.smtp.port = 9;
        config.mail.smtp.encryption = SmtpEncryption::None;
        config.mail.smtp.timeout_s = 1;
    })
    .await;
    world.user_api.has("alice");
    let key = world.sign_up("alice").await;
    tried(&world, 1).await;
    let resend = "/confirm/resend/signup/alice@example.org";
    assert_empty(&post(&world.anonymous(), resend).await, 200);
    assert_eq!(world.document(&key).await, None);
    assert_eq!(world.rows("mail_outbox", "dead").await, 0);
}

#[actix_web::test]
async fn what_was_tried_too_often_is_set_aside_until_somebody_revives_it() {
    let world = World::start_with(|config| config.outbox.max_attempts = 1).await;
    world.user_api.has("alice");
    fs::remove_dir(world.mailbox.path()).unwrap();
    let key = world.sign_up("alice").await;
    metric(
        &world,
        r#"outbox_rows{outbox="mail_outbox",state="dead"} 1"#,
    )
    .await;
    let operator = world.service_called("operator");
    fs::create_dir(world.mailbox.path()).unwrap();
    let revived = post(&operator, "/internal/outbox/revive").await;
    assert_eq!((revived.status, revived.text()), (200, r#"{"revived":1}"#));
    assert_eq!(world.mail().await.value("signupKey"), key);
    let revived = post(&operator, "/internal/outbox/revive").await;
    assert_eq!((revived.status, revived.text()), (200, r#"{"revived":0}"#));
}

#[actix_web::test]
async fn a_mail_that_nobody_can_get_is_given_up_and_holds_nothing_up() {
    let mut world = World::without_relay().await;
    world
        .user_api
        .has_with("alice", json!({"emails": ["no address"]}));
    // lettre takes it for an address and then for no mailbox.
    world
        .user_api
        .has_with("dan", json!({"emails": ["x@[127.0.0.1]"]}));
    for id in ["bob", "carol"] {
        world.user_api.has(id);
    }
    for id in ["alice", "dan"] {
        world.sign_up(id).await;
    }
    let unknown = world.sign_up("bob").await;
    let template = doc! { "templateName": "no_such_mail" };
    world.set(&unknown, template).await;
    world.sign_up("carol").await;
    world.start_relay();
    assert_eq!(world.mail().await.to, ["carol@example.org"]);
    let refused = r#"mails_refused_total{template="signup_confirmation"} 2"#;
    metric(&world, refused).await;
    // What only we can mend is set aside.
    let rows = world.everything(&["mail_outbox"]).await;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(row.get_str("state").unwrap(), "dead");
    let payload = row.get_document("payload").unwrap();
    assert_eq!(payload.get_str("key").unwrap(), unknown);
}

#[actix_web::test]
async fn who_profiles_people_may_be_away_for_a_while() {
    let world = World::start().await;
    world.user_api.has("alice");
    let body = json!({"email": "carol@example.org", "permissions": {}});
    let alice = world.user("alice");
    let sent = alice.post("/confirm/send/invite/alice", &body).await;
    assert_eq!(sent.status, 200);
    world.settled().await;
    world.user_api.fail(user_api::Ask::People, 500);
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    let resend = format!("/confirm/resend/invite/{key}");
    let again = crate::world::patch(&world.user("alice"), &resend).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let creator = &again.json::<Value>()["creator"];
    assert_eq!(creator, &json!({"profile": null, "userid": ""}));
    tried(&world, 1).await;
    world.user_api.mend(user_api::Ask::People);
    world.hurry().await;
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert!(mails[1].subject.contains("alice of Tide"));
}

#[actix_web::test]
async fn links_come_from_the_settings_and_never_from_a_request() {
    let world = World::start().await;
    for id in ["alice", "bob"] {
        world.user_api.has(id);
    }
    let evil = "evil.example.com";
    for (method, path) in [
        (Method::POST, "/confirm/send/signup/alice"),
        (Method::POST, "/confirm/resend/signup/alice@example.org"),
        (Method::POST, "/confirm/send/forgot/bob@example.org"),
        (Method::POST, "/confirm/send/forgot/nobody@example.org"),
        (Method::POST, "/confirm/send/invite/alice"),
    ] {
        let request = world
            .user("alice")
            .request(method, path)
            .header("host", evil)
            .header("x-forwarded-host", evil)
            .header("x-forwarded-proto", "gopher")
            .header("forwarded", "host=evil.example.com;proto=gopher")
            .header("origin", "https://evil.example.com")
            .header("referer", "https://evil.example.com/")
            .json(&json!({"email": "carol@example.org", "permissions": {}}));
        assert_eq!(send(request).await.status, 200, "{path}");
        world.settled().await;
    }
    let mails = world.mails().await;
    assert_eq!(mails.len(), 5);
    for mail in mails {
        assert!(
            !mail.raw.contains("evil") && !mail.raw.contains("gopher"),
            "{}",
            mail.raw
        );
        assert!(mail.link().as_str().starts_with(ORIGIN));
    }
}

#[actix_web::test]
async fn links_open_the_web_application_where_there_is_one() {
    let application = "https://app.example.com/web";
    let world = World::start_with(|config| {
        config.web.web_url = Some(application.to_owned());
    })
    .await;
    world.user_api.has("alice");
    world.sign_up("alice").await;
    let link = world.mail().await.link();
    assert!(link.as_str().starts_with(application), "{link}");
}

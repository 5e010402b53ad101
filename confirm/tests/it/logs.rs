//! What the logs must not hold.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use stand_ins::{gatekeeper, user_api};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::world::{World, patch, post, put};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn nothing_about_people_and_no_secret_is_logged() {
    let log = Log::default();
    // More than what is logged in production, of what we write ourselves.
    let filter = "info,confirm=trace,shared_runtime=trace";
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(log.clone())
        .init();
    let world = World::start_with(|config| config.outbox.max_attempts = 1).await;
    let secrets = play(&world).await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for seen in [
        "outbox row delivered",
        "outbox row is dead",
        "a mail is given up",
        "request failed",
        "request answered",
    ] {
        assert!(logged.contains(seen), "{seen} is not in the log");
    }
    for secret in secrets {
        assert!(secret.len() > 5, "{secret}");
        let line = logged.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}

/// Everything that can happen, with what must not be seen of it.
async fn play(world: &World) -> Vec<String> {
    let mut secrets: Vec<String> = [
        "@example.org",
        "of Tide",
        "Parent",
        "2010-02-03",
        "2010-02-04",
        "battery-staple",
        "trustno1",
        "Aunt Carol",
    ]
    .map(str::to_owned)
    .into();
    for id in ["alice", "carol", "dave"] {
        world.user_api.has(id);
    }
    world.user_api.has_child("child", "2010-02-03");
    let (alice, anonymous) = (world.user("alice"), world.anonymous());
    // A sign-up, verified, and a claim with a wrong birthday and a right one.
    let key = world.sign_up("alice").await;
    assert_eq!(
        put(&anonymous, &format!("/confirm/accept/signup/{key}"))
            .await
            .status,
        200
    );
    secrets.push(key);
    let body = json!({});
    assert_eq!(
        world
            .service()
            .post("/confirm/send/signup/child", &body)
            .await
            .status,
        200
    );
    let shown: Value = world.service().get("/confirm/signup/child").await.json();
    let key = shown["key"].as_str().unwrap().to_owned();
    for birthday in ["2010-02-04", "2010-02-03"] {
        let claim = json!({"password": "battery-staple", "birthday": birthday});
        anonymous
            .put(&format!("/confirm/accept/signup/{key}"), &claim)
            .await;
    }
    secrets.push(key);
    // Invitations, accepted with a failing peer and then without.
    let invitation = json!({
        "email": "carol@example.org", "permissions": {"view": {}}, "nickname": "Aunt Carol",
    });
    let sent = alice.post("/confirm/send/invite/alice", &invitation).await;
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    patch(&alice, &format!("/confirm/resend/invite/{key}")).await;
    // A mail that is tried in vain is dead in this world.
    world.settled().await;
    let path = "/confirm/accept/invite/carol/alice";
    let of_gatekeeper = [gatekeeper::Ask::Grant, gatekeeper::Ask::Pair];
    world.gatekeeper.fail_each(&of_gatekeeper, 500);
    world.user_api.fail(user_api::Ask::People, 500);
    world.user("carol").put(path, &json!({"key": key})).await;
    world.user("dave").get("/confirm/invitations/carol").await;
    world.user("carol").get("/confirm/invitations/carol").await;
    alice.post("/confirm/send/invite/alice", &invitation).await;
    world.gatekeeper.mend_all();
    world.user_api.mend_all();
    world.user("carol").put(path, &json!({"key": key})).await;
    // Resets, right and wrong.
    let key = world.forget("dave@example.org").await;
    for password in ["trustno1", "battery-staple"] {
        let body = json!({"key": key, "email": "dave@example.org", "password": password});
        anonymous.put("/confirm/accept/forgot", &body).await;
    }
    secrets.push(key);
    post(&anonymous, "/confirm/send/forgot/nobody@example.org").await;
    put(&alice, "/confirm/alice/invited/nobody@example.org").await;
    put(&alice, "/confirm/nothing/here/nobody@example.org").await;
    // Mails that cannot leave.
    world.settled().await;
    std::fs::remove_dir_all(world.mailbox.path()).unwrap();
    world.invite("alice", "erin@example.org", json!({})).await;
    world
        .user_api
        .change("alice", json!({"emails": ["no address@example.org"]}));
    world.sign_up("alice").await;
    world.settled().await;
    assert_eq!(world.rows("mail_outbox", "dead").await, 1);
    // The database refuses a document that holds all of this.
    let rule = bson::doc! { "collMod": "confirmations", "validator": { "status": "nothing" } };
    world.database.database.run_command(rule).await.unwrap();
    let body = json!({"email": "fay@example.org", "permissions": {}});
    let failed = alice.post("/confirm/send/invite/alice", &body).await;
    assert_eq!(failed.status, 500);
    secrets
}

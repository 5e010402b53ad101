//! Mails that anybody may ask for: how many an address gets and a source asks for, and that no stranger
//! keeps them from the owner of the mailbox.

use serde_json::{Value, json};

use crate::mailbox::Mail;
use crate::quotas::{STORED, assert_too_many, let_the_while_pass, limited};
use crate::world::{World, assert_empty, assert_refused, post};

fn to(email: &str, mails: &[Mail]) -> usize {
    mails.iter().filter(|mail| mail.to == [email]).count()
}

/// Another account of Alice's, whose address leads to the same mailbox.
fn has_tagged(world: &World) {
    let email = "alice+own@example.org";
    let members = json!({"username": email, "emails": [email]});
    world.user_api.has_with("tagged", members);
}

#[actix_web::test]
async fn a_mail_that_anybody_may_ask_for_stands_for_the_next_ones() {
    let mut world = limited(|limits| limits.asked_mails_per_recipient_per_10_minutes = 2).await;
    world.start_relay();
    world.sign_up("alice").await;
    world.settled().await;
    // Nobody sees whether there is an account, nor which request has sent a mail.
    for email in ["alice@example.org", "nobody@example.org"] {
        for round in 0..6 {
            let person = world.anonymous().at_place(&format!("192.0.2.{round}"));
            let tagged = email.replace('@', &format!("+{round}@"));
            let email = if round == 1 {
                email.to_uppercase()
            } else {
                email.to_owned()
            };
            let email = if round == 4 { tagged } else { email };
            let forgot = format!("/confirm/send/forgot/{email}");
            assert_empty(&post(&person, &forgot).await, 200);
        }
    }
    let mails = world.mails().await;
    assert_eq!(to("alice@example.org", &mails), 1 + 2);
    // Another address of the mailbox has no account, and what was sent to Alice does not say so.
    assert_eq!(to("alice+4@example.org", &mails), 1);
    assert_eq!(
        to("nobody@example.org", &mails) + to("NOBODY@EXAMPLE.ORG", &mails),
        2
    );
    assert_eq!(to("nobody+4@example.org", &mails), 0);
    assert_eq!(mails.len(), 1 + 2 + 1 + 2);
    // Sign-ups that are sent again are apart from these.
    for round in 0..4 {
        let person = world.anonymous().at_place(&format!("192.0.2.{round}"));
        let known = post(&person, "/confirm/resend/signup/alice@example.org").await;
        assert_empty(&known, 200);
        let unknown = post(&person, "/confirm/resend/signup/nobody@example.org").await;
        assert_refused(&unknown, 404, "No matching signup confirmation was found");
    }
    let mails = world.mails().await;
    assert_eq!(to("alice@example.org", &mails), 1 + 2 + 2);
    // Its key is the one of the last mail.
    let shown: Value = world.service().get("/confirm/signup/alice").await.json();
    let keys = mails.iter().filter(|mail| mail.link().path() == "/login");
    assert!(
        keys.into_iter()
            .any(|mail| shown["key"] == mail.value("signupKey"))
    );
    let_the_while_pass(&world).await;
    let forgot = "/confirm/send/forgot/alice@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    assert_eq!(to("alice@example.org", &world.mails().await), 1 + 2 + 2 + 1);
}

#[actix_web::test]
async fn mails_to_other_tags_of_a_mailbox_keep_no_reset_away() {
    let mut world = limited(|_| {}).await;
    world.start_relay();
    has_tagged(&world);
    // Three strangers' mails that there is no account is what the mailbox gets in ten minutes.
    for tag in 1..=6 {
        let forgot = format!("/confirm/send/forgot/alice+{tag}@example.org");
        assert_empty(&post(&world.anonymous(), &forgot).await, 200);
        let count = world.mails().await.len();
        assert_eq!(count, tag.min(3), "{tag}");
    }
    // Each account gets its key: the one without a tag, and the one with.
    for email in ["alice@example.org", "alice+own@example.org"] {
        assert_ne!(world.forget(email).await, "");
        let last = world.mails().await.pop().unwrap();
        assert_eq!(last.to, [email]);
    }
    let_the_while_pass(&world).await;
    let forgot = "/confirm/send/forgot/alice+9@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    assert_eq!(to("alice+9@example.org", &world.mails().await), 1);
}

#[actix_web::test]
async fn mails_to_other_tags_of_a_mailbox_keep_no_sign_up_away() {
    let world = limited(|limits| limits.asked_mails_per_recipient_per_10_minutes = 1).await;
    let resend = |name: &str| format!("/confirm/resend/signup/{name}@example.org");
    has_tagged(&world);
    world.sign_up("tagged").await;
    // What is not there yet sends nothing that could stand for a mail.
    for name in ["alice", "alice", "alice+1"] {
        let answer = post(&world.anonymous(), &resend(name)).await;
        assert_refused(&answer, 404, "No matching signup confirmation was found");
    }
    let key = world.sign_up("alice").await;
    assert_eq!(world.rows("mail_outbox", "pending").await, 2);
    for name in ["alice+own", "alice+own", "alice", "alice"] {
        assert_empty(&post(&world.anonymous(), &resend(name)).await, 200);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 2 + 2);
    let shown: Value = world.service().get("/confirm/signup/alice").await.json();
    assert_ne!(shown["key"], key);
}

#[actix_web::test]
async fn requests_that_send_no_mail_count_for_their_source() {
    let world = limited(|limits| {
        limits.asked_mails_per_recipient_per_10_minutes = 1;
        limits.asked_mails_per_source_per_hour = 6;
    })
    .await;
    world.sign_up("alice").await;
    let forgot = "/confirm/send/forgot/alice@example.org";
    let resend = "/confirm/resend/signup/alice@example.org";
    for path in [forgot, resend].repeat(3) {
        assert_empty(&post(&world.anonymous(), path).await, 200);
    }
    let before = world.everything(&STORED).await;
    for path in [forgot, resend] {
        assert_too_many(&post(&world.anonymous(), path).await);
    }
    assert_eq!(world.everything(&STORED).await, before);
}

#[actix_web::test]
async fn who_has_a_new_password_may_forget_it_at_once() {
    let mut world = limited(|limits| limits.asked_mails_per_recipient_per_10_minutes = 1).await;
    world.start_relay();
    let key = world.forget("alice@example.org").await;
    let body = json!({"key": key, "email": "alice@example.org", "password": "battery-staple"});
    let reset = world.anonymous().put("/confirm/accept/forgot", &body).await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    assert_ne!(world.forget("alice@example.org").await, key);
}

#[actix_web::test]
async fn the_owner_has_the_mail_sent_again_whatever_strangers_asked_for() {
    let world = limited(|limits| {
        limits.asked_mails_per_recipient_per_10_minutes = 1;
        // What strangers ask for below; the owner's own is not among it.
        limits.asked_mails_per_source_per_hour = 3 + 2;
        limits.mails_per_sender_and_recipient_per_hour = 3;
    })
    .await;
    world.sign_up("alice").await;
    let resend = "/confirm/resend/signup/alice@example.org";
    for _ in 0..3 {
        assert_empty(&post(&world.anonymous(), resend).await, 200);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 1 + 1);
    // The first was the one that the account asked for itself.
    for _ in 0..2 {
        assert_empty(&post(&world.user("alice"), resend).await, 200);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 1 + 1 + 2);
    assert_too_many(&post(&world.user("alice"), resend).await);
    // Somebody else's token, or one that is worth nothing, is no token.
    for person in [world.user("bob"), world.app.bearer("nonsense")] {
        assert_empty(&post(&person, resend).await, 200);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 1 + 1 + 2);
}

#[actix_web::test]
async fn a_source_asks_for_so_many_mails() {
    let world = limited(|limits| limits.asked_mails_per_source_per_hour = 3).await;
    world.sign_up("alice").await;
    let here = world.anonymous().at_place("2001:db8:1:2::1");
    let neighbor = world.anonymous().at_place("2001:db8:1:2:ffff::9");
    let elsewhere = world.anonymous().at_place("192.0.2.1");
    let forgot = |name: &str| format!("/confirm/send/forgot/{name}@example.org");
    assert_empty(&post(&here, &forgot("alice")).await, 200);
    assert_empty(&post(&neighbor, &forgot("nobody")).await, 200);
    let resend = "/confirm/resend/signup/alice@example.org";
    assert_empty(&post(&here, resend).await, 200);
    let before = world.everything(&STORED).await;
    for path in [&forgot("bob"), &forgot("no.one"), resend, &forgot("alice")] {
        assert_too_many(&post(&here, path).await);
        assert_too_many(&post(&neighbor, path).await);
    }
    let unknown = "/confirm/resend/signup/nobody@example.org";
    assert_too_many(&post(&here, unknown).await);
    assert_eq!(world.everything(&STORED).await, before);
    for path in [&forgot("bob"), &forgot("no.one"), resend, &forgot("alice")] {
        assert_empty(&post(&elsewhere, path).await, 200);
        let_the_while_pass(&world).await;
    }
    assert_empty(&post(&here, &forgot("bob")).await, 200);
}

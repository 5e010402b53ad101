//! Somebody signs up with another's address, gives rights on that account away, and waits.

use std::time::Duration;

use bson::{Document, doc};
use e2e::{Platform, Program};
use serde_json::{Value, json};

use crate::{
    confirmations::{
        answer_to, answered, eventually, invite, mailed_key, permissions, reset_mails, status,
    },
    people::{Member, PASSWORD, log_in_with, sign_up, sign_up_at},
};

const NEW: &str = "nobody-else-knows-it";

/// `giver` lets `grantee` do `set` on its account.
async fn give(giver: &Member, grantee: &Member, set: &Value) {
    let path = format!("/access/{}/{}", giver.id, grantee.id);
    let answer = giver.at_origin.post(&path, set).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Whoever reads the mails to the address of `account` sets the password of it.
async fn take_over(platform: &Platform, account: &Member) {
    let nobody = platform.person(None);
    let known = reset_mails(platform, &account.address);
    let path = format!("/confirm/send/forgot/{}", account.address);
    assert_eq!(nobody.post(&path, &json!({})).await.status, 200);
    let key = mailed_key(platform, &account.address, &known).await;
    let body = json!({ "key": key, "email": account.address, "password": NEW });
    let answer = nobody.put("/confirm/accept/forgot", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sessions = account.at_origin.get("/auth/user").await;
    assert_eq!(sessions.status, 401);
    assert_eq!(log_in_with(platform, &account.address, PASSWORD).await, 401);
}

/// Has what is owed to other services done at once.
async fn hurry(platform: &Platform) {
    let rows = platform
        .database(Program::UserApi)
        .collection::<Document>("outbox");
    let due = doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } };
    rows.update_many(doc! {}, due).await.unwrap();
    eventually("nothing is owed", async || {
        rows.count_documents(doc! {}).await.unwrap() == 0
    })
    .await;
}

#[actix_web::test]
async fn whoever_takes_an_account_over_is_alone_in_it() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let account = sign_up_at(&platform, "victim@example.org").await;
    let accomplice = sign_up(&platform, "accomplice").await;
    let carol = sign_up(&platform, "carol").await;
    let all = json!({ "admin": {}, "view": {} });
    give(&account, &accomplice, &all).await;
    give(&carol, &account, &json!({ "view": {} })).await;
    let key = invite(&account, &carol).await;

    take_over(&platform, &account).await;
    assert_eq!(permissions(&server, &account, &accomplice).await, None);
    let members = format!("/access/{}", account.id);
    assert_eq!(accomplice.at_origin.get(&members).await.status, 401);
    assert_eq!(status(&platform, &key).await, "canceled");
    let accepted = answered(&answer_to("accept", &key, &account, &carol)).await;
    assert_eq!(accepted.status, 403, "{}", accepted.text());
    assert_eq!(permissions(&server, &account, &carol).await, None);
    // What others gave to the account stays.
    let given = permissions(&server, &carol, &account).await;
    assert_eq!(given, Some(json!({ "view": {} })));

    // What the new owner gives stays as well, whatever is done once more.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let path = format!("/access/{}/{}", account.id, carol.id);
    assert_eq!(server.post(&path, &all).await.status, 200);
    hurry(&platform).await;
    assert_eq!(permissions(&server, &account, &carol).await, Some(all));
}

#[actix_web::test]
async fn what_the_maker_gave_away_ends_though_gatekeeper_was_down() {
    let mut platform = Platform::start().await;
    let server = platform.server().await;
    let account = sign_up_at(&platform, "victim@example.org").await;
    let accomplice = sign_up(&platform, "accomplice").await;
    give(&account, &accomplice, &json!({ "admin": {} })).await;
    platform.kill(Program::Gatekeeper);
    take_over(&platform, &account).await;
    platform.kill(Program::UserApi);
    platform.restart(Program::UserApi).await;
    platform.restart(Program::Gatekeeper).await;
    hurry(&platform).await;
    assert_eq!(permissions(&server, &account, &accomplice).await, None);
}

//! An account that nobody can log into keeps somebody who runs it, whatever two services decide
//! about it at the same moment, and while one of them is down.

use std::time::Duration;

use e2e::{Platform, Program, rounds};
use futures_util::future::join3;
use rand::RngExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, try_send};
use tokio::join;

use crate::people::{Member, delete_account, sign_up};

/// As many as `E2E_ROUNDS` says, or this many.
const ROUNDS: usize = 16;

/// A custodial account of `parent`, with an address; its id.
async fn custodial(parent: &Member, name: &str) -> String {
    let path = format!("/auth/user/{}/user", parent.id);
    let body = json!({ "emails": [format!("{name}@example.org")] });
    let answer = parent.at_origin.post(&path, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A child of `parent`, without an address; its id.
async fn child(parent: &Member) -> String {
    let path = format!("/auth/user/createChild/{}", parent.id);
    let answer = parent
        .at_origin
        .post(&path, &json!({ "fullName": "Ann" }))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn removal() -> Value {
    json!({ "updates": { "emails": [] } })
}

/// Somewhat later, so that each of two calls at once is the first at times.
async fn remove_address(server: &Person, account: &str) -> Answer {
    let later = Duration::from_millis(rand::rng().random_range(0..30));
    tokio::time::sleep(later).await;
    server
        .put(&format!("/auth/user/{account}"), &removal())
        .await
}

async fn give_up(member: &Member, account: &str) -> Answer {
    let path = format!("/access/{account}/{}", member.id);
    member.at_origin.post(&path, &json!({})).await
}

/// Whether `account` has an address, or one of `members` exists and runs it.
async fn is_reachable(server: &Person, account: &str, members: &[&Member]) -> bool {
    let user: Value = server.get(&format!("/auth/user/{account}")).await.json();
    if user.get("emails").is_some() {
        return true;
    }
    let sets: Value = server.get(&format!("/access/{account}")).await.json();
    for member in members {
        let set = &sets[&member.id];
        let path = format!("/auth/user/{}", member.id);
        if (set.get("admin").is_some() || set.get("custodian").is_some())
            && server.get(&path).await.status == 200
        {
            return true;
        }
    }
    false
}

#[actix_web::test]
async fn an_address_that_goes_and_the_last_admin_who_leaves_exclude_each_other() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    let bob = sign_up(&platform, "bob").await;
    for round in 0..rounds(ROUNDS) {
        let account = custodial(&bob, &format!("kid{round}")).await;
        let (removed, left) = join!(remove_address(&server, &account), give_up(&bob, &account));
        let statuses = (removed.status, left.status);
        assert!(
            matches!(statuses, (200, 403) | (400, 200)),
            "round {round}: {statuses:?}"
        );
        assert!(is_reachable(&server, &account, &[&bob]).await);
    }
}

#[actix_web::test]
async fn an_address_that_goes_and_the_last_admin_who_is_deleted_exclude_each_other() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    for round in 0..rounds(ROUNDS) / 2 {
        let bob = sign_up(&platform, &format!("bob{round}")).await;
        let account = custodial(&bob, &format!("kid{round}")).await;
        let (removed, deleted) = join!(remove_address(&server, &account), delete_account(&bob));
        let statuses = (removed.status, deleted);
        assert!(
            matches!(statuses, (200, 403) | (400, 204)),
            "round {round}: {statuses:?}"
        );
        assert!(is_reachable(&server, &account, &[&bob]).await);
    }
}

#[actix_web::test]
async fn whoever_comes_and_goes_while_an_address_goes_somebody_stays() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    for round in 0..rounds(ROUNDS) / 2 {
        let bob = sign_up(&platform, &format!("bob{round}")).await;
        let carol = sign_up(&platform, &format!("carol{round}")).await;
        let account = custodial(&bob, &format!("kid{round}")).await;
        let appoint = async {
            let path = format!("/access/{account}/{}", carol.id);
            let answer = bob.at_origin.post(&path, &json!({ "admin": {} })).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        let address = remove_address(&server, &account);
        if round % 2 == 0 {
            let (removed, (), deleted) = join3(
                address,
                async {
                    appoint.await;
                    assert!(matches!(give_up(&bob, &account).await.status, 200 | 403));
                },
                delete_account(&carol),
            )
            .await;
            assert!(matches!(removed.status, 200 | 400), "{}", removed.text());
            assert!(matches!(deleted, 204 | 403), "{deleted}");
        } else {
            appoint.await;
            let (removed, left, deleted) =
                join3(address, give_up(&carol, &account), delete_account(&bob)).await;
            assert!(matches!(removed.status, 200 | 400), "{}", removed.text());
            assert!(matches!(left.status, 200 | 403), "{}", left.text());
            assert!(matches!(deleted, 204 | 403), "{deleted}");
        }
        assert!(
            is_reachable(&server, &account, &[&bob, &carol]).await,
            "round {round}"
        );
    }
}

#[actix_web::test]
async fn no_account_is_left_alone_wherever_a_program_dies() {
    let mut platform = Platform::start().await;
    let bob = sign_up(&platform, "bob").await;
    for round in 0..8 {
        let account = custodial(&bob, &format!("kid{round}")).await;
        let server = platform.server().await;
        let victim = [Program::UserApi, Program::Gatekeeper][round % 2];
        let path = format!("/auth/user/{account}");
        let removal = server.request(Method::PUT, &path).json(&removal());
        let path = format!("/access/{account}/{}", bob.id);
        let leave = bob.at_origin.request(Method::POST, &path).json(&json!({}));
        let patience = Duration::from_millis(rand::rng().random_range(0..40));
        let calls = [removal, leave].map(|call| actix_web::rt::spawn(try_send(call)));
        tokio::time::sleep(patience).await;
        platform.kill(victim);
        for call in calls {
            // Whatever is answered, if anything is.
            drop(call.await.unwrap());
        }
        platform.restart(victim).await;
        let server = platform.server().await;
        assert!(
            is_reachable(&server, &account, &[&bob]).await,
            "round {round}"
        );
    }
}

#[actix_web::test]
async fn while_gatekeeper_is_down_only_those_wait_whom_an_account_may_need() {
    let mut platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    let bob = sign_up(&platform, "bob").await;
    let carol = sign_up(&platform, "carol").await;
    let kid = child(&alice).await;
    let path = format!("/access/{kid}/{}", bob.id);
    let appointed = alice.at_origin.post(&path, &json!({ "admin": {} })).await;
    assert_eq!(appointed.status, 200);
    assert_eq!(give_up(&alice, &kid).await.status, 200);

    platform.kill(Program::Gatekeeper);
    assert_eq!(delete_account(&bob).await, 500);
    assert_eq!(bob.at_origin.get("/auth/user").await.status, 200);
    // Alice has left, and Carol runs nothing.
    assert_eq!(delete_account(&alice).await, 204);
    assert_eq!(delete_account(&carol).await, 204);

    platform.restart(Program::Gatekeeper).await;
    assert_eq!(delete_account(&bob).await, 403);
    let server = platform.server().await;
    assert!(is_reachable(&server, &kid, &[&bob]).await);
}

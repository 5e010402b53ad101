//! Decisions of two services at the same moment: a child account keeps somebody who runs it.

use e2e::{Platform, rounds};
use futures_util::future::join;
use serde_json::{Value, json};
use shared_runtime::testing::Person;

use crate::people::{Member, delete_account, sign_up};

/// As many as `E2E_ROUNDS` says, or this many.
const ROUNDS: usize = 12;

/// A child that `parent` made and `other` runs as well; its id.
async fn child(parent: &Member, other: &Member) -> String {
    let path = format!("/auth/user/createChild/{}", parent.id);
    let body = json!({ "fullName": "Ann" });
    let answer = parent.at_origin.post(&path, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let child = answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/access/{child}/{}", other.id);
    let body = json!({ "admin": {}, "view": {} });
    assert_eq!(parent.at_origin.post(&path, &body).await.status, 200);
    child
}

/// How many of `members` exist and run `child`.
async fn admins(server: &Person, child: &str, members: &[&Member]) -> usize {
    let sets: Value = server.get(&format!("/access/{child}")).await.json();
    let mut admins = 0;
    for member in members {
        let path = format!("/auth/user/{}", member.id);
        let exists = server.get(&path).await.status == 200;
        admins += usize::from(exists && sets[&member.id].get("admin").is_some());
    }
    admins
}

#[actix_web::test]
async fn an_admin_who_is_deleted_and_one_who_withdraws_never_leave_a_child_alone() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    for round in 0..rounds(ROUNDS) {
        let bob = sign_up(&platform, &format!("bob{round}")).await;
        let carol = sign_up(&platform, &format!("carol{round}")).await;
        let (leaves, withdraws) = if round % 2 == 0 {
            (&bob, &carol)
        } else {
            (&carol, &bob)
        };
        let child = child(&bob, &carol).await;
        let own = format!("/access/{child}/{}", withdraws.id);
        let nothing = json!({});
        let (deleted, withdrawn) = join(
            delete_account(leaves),
            withdraws.at_origin.post(&own, &nothing),
        )
        .await;
        let statuses = (deleted, withdrawn.status);
        assert!(
            matches!(statuses, (204, 403) | (403, 200)),
            "round {round}: {statuses:?}"
        );
        assert_eq!(admins(&server, &child, &[&bob, &carol]).await, 1);
    }
}

#[actix_web::test]
async fn two_admins_who_are_deleted_never_leave_a_child_alone() {
    let platform = Platform::start().await;
    let server = platform.server().await;
    for round in 0..rounds(ROUNDS) / 2 {
        let bob = sign_up(&platform, &format!("bob{round}")).await;
        let carol = sign_up(&platform, &format!("carol{round}")).await;
        let child = child(&bob, &carol).await;
        let (first, second) = join(delete_account(&bob), delete_account(&carol)).await;
        let mut statuses = [first, second];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 403], "round {round}");
        assert_eq!(admins(&server, &child, &[&bob, &carol]).await, 1);
    }
}

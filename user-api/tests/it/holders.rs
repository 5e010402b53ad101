//! Accounts without login keep somebody who runs them: what gatekeeper tells about that, and what
//! follows from it.

use bson::{Document, doc};
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send};
use stand_ins::gatekeeper::Ask;

use crate::world::{A_SECOND, PASSWORD, User, World, assert_empty, assert_refused, eventually};

const INVALID: &str = "Invalid user details were given";

async fn delete_own(user: &User) -> Answer {
    let request = user
        .person
        .request(Method::DELETE, &format!("/user/{}", user.id))
        .json(&json!({ "password": PASSWORD }));
    send(request).await
}

/// An account without password that `parent` makes, with these `emails`; its id.
async fn custodial(parent: &User, emails: &[&str]) -> String {
    let path = format!("/user/{}/user", parent.id);
    let body = json!({ "emails": emails });
    let answer = parent.person.post(&path, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let account: Value = answer.json();
    account["userid"].as_str().unwrap().to_owned()
}

/// Tells that `holders` run `account`.
async fn tell(world: &World, account: &str, version: i64, holders: &[&str]) -> Answer {
    let path = format!("/internal/users/{account}/holders");
    let notice = json!({ "version": version, "holders": holders });
    world.service().await.put(&path, &notice).await
}

#[track_caller]
fn assert_needed(answer: &Answer, existing: &[&str]) {
    let need = json!({ "needsHolder": true, "existing": existing });
    assert_eq!((answer.status, answer.json::<Value>()), (200, need));
}

#[track_caller]
fn assert_not_needed(answer: &Answer) {
    let need = json!({ "needsHolder": false, "existing": [] });
    assert_eq!((answer.status, answer.json::<Value>()), (200, need));
}

async fn known_holders(world: &World, account: &str) -> Option<Document> {
    let stored = world.document(account).await.unwrap();
    stored.get_document("holders").ok().cloned()
}

async fn remove_address(world: &World, account: &str) -> Answer {
    let removal = json!({ "updates": { "emails": [] } });
    let service = world.service().await;
    service.put(&format!("/user/{account}"), &removal).await
}

#[actix_web::test]
async fn only_what_is_a_notice_is_taken() {
    let world = World::start().await;
    let service = world.service().await;
    let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "version": 1 }),
        json!({ "version": "1", "holders": [] }),
        json!({ "version": 1, "holders": { "$ne": null } }),
        json!({ "version": 1, "holders": [1] }),
        json!({ "version": 1, "holders": many }),
        json!({ "version": 1, "holders": [], "other": 1 }),
    ] {
        let answer = service.put("/internal/users/kid/holders", &body).await;
        assert_refused(&answer, 400, INVALID);
    }
}

#[actix_web::test]
async fn an_account_that_somebody_can_reach_needs_nobody() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    let kid = custodial(&bob, &["kid@example.org"]).await;
    for account in [kid.as_str(), bob.id.as_str()] {
        let before = world.document(account).await;
        assert_not_needed(&tell(&world, account, 1, &[&bob.id]).await);
        assert_eq!(world.document(account).await, before);
    }
    assert_not_needed(&tell(&world, "unknown", 1, &[&bob.id]).await);
}

#[actix_web::test]
async fn who_runs_an_account_that_nobody_can_reach_is_kept() {
    let world = World::start().await;
    let (bob, carol) = (world.user("bob").await, world.user("carol").await);
    let kid = custodial(&bob, &[]).await;
    assert_eq!(
        known_holders(&world, &kid).await,
        Some(doc! { "version": 0_i64, "ids": [&bob.id] })
    );
    // Who does not exist, or is written otherwise, is no holder.
    let upper = carol.id.to_uppercase();
    let both = [bob.id.as_str(), &carol.id, "unknown", &upper];
    for version in [3, 3, 2] {
        let answer = tell(&world, &kid, version, &both).await;
        let mut existing: Vec<String> =
            serde_json::from_value(answer.json::<Value>()["existing"].clone()).unwrap();
        existing.sort_unstable();
        let mut expected = [bob.id.clone(), carol.id.clone()];
        expected.sort_unstable();
        assert_eq!(existing, expected);
    }
    // A later notice takes away, another one adds.
    assert_needed(&tell(&world, &kid, 4, &[&carol.id]).await, &[&carol.id]);
    assert_eq!(
        known_holders(&world, &kid).await,
        Some(doc! { "version": 4_i64, "ids": [&carol.id] })
    );
    assert_needed(&tell(&world, &kid, 3, &[&bob.id]).await, &[&bob.id]);
    assert_eq!(
        known_holders(&world, &kid).await,
        Some(doc! { "version": 4_i64, "ids": [&carol.id, &bob.id] })
    );
}

#[actix_web::test]
async fn without_gatekeeper_an_appointed_admin_waits_until_it_is_not_needed() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    let kid = custodial(&alice, &[]).await;
    let answer = tell(&world, &kid, 1, &[&alice.id, &bob.id]).await;
    assert_eq!(answer.status, 200);
    world.gatekeeper.fail_each(&Ask::READS, 500);
    for holder in [&alice, &bob] {
        let before = world.document(&holder.id).await;
        assert_empty(&delete_own(holder).await, 500);
        assert_eq!(world.document(&holder.id).await, before);
        assert_eq!(holder.person.get("/user").await.status, 200);
    }
    // Who runs nothing goes.
    assert_empty(&delete_own(&carol).await, 204);
    // Bob has given up his right.
    assert_needed(&tell(&world, &kid, 2, &[&alice.id]).await, &[&alice.id]);
    assert_empty(&delete_own(&bob).await, 204);
    assert_empty(&delete_own(&alice).await, 500);
    // The account is claimed.
    let claim = json!({ "updates": { "password": PASSWORD } });
    let service = world.service().await;
    let path = format!("/user/{kid}");
    assert_eq!(service.put(&path, &claim).await.status, 200);
    assert_empty(&delete_own(&alice).await, 204);
}

#[actix_web::test]
async fn without_gatekeeper_an_account_of_the_reference_waits() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let mark = doc! { "$unset": { "holdersNameIt": "" } };
    let account = doc! { "userid": &alice.id };
    world.users().update_one(account, mark).await.unwrap();
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_empty(&delete_own(&alice).await, 500);
    world.gatekeeper.mend_all();
    assert_empty(&delete_own(&alice).await, 204);
}

#[actix_web::test]
async fn the_last_address_stays_where_nobody_runs_the_account() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    let gone = world.user("gone").await;
    assert_empty(&delete_own(&gone).await, 204);
    let kid = custodial(&bob, &["kid@example.org"]).await;
    let before = world.service().await.get(&format!("/user/{kid}")).await;
    let remains = async || {
        let now = world.service().await.get(&format!("/user/{kid}")).await;
        assert_eq!(now.json::<Value>(), before.json::<Value>());
    };
    // Nobody knows.
    world.gatekeeper.fail(Ask::Lock, 500);
    assert_refused(
        &remove_address(&world, &kid).await,
        500,
        "Error updating user",
    );
    remains().await;
    world.gatekeeper.mend_all();
    // Nobody does, or nobody who exists.
    for grants in [vec![], vec![gone.id.as_str()]] {
        world.gatekeeper.grant(&kid, &bob.id, json!({ "view": {} }));
        for holder in grants {
            world.gatekeeper.grant(&kid, holder, json!({ "admin": {} }));
        }
        for updates in [
            json!({ "emails": [] }),
            json!({ "username": "" }),
            json!({ "username": "", "emails": null }),
            json!({ "emails": ["unclaimed-custodial-automation+1@tidepool.org"] }),
        ] {
            let service = world.service().await;
            let body = json!({ "updates": updates });
            let answer = service.put(&format!("/user/{kid}"), &body).await;
            assert_refused(&answer, 400, INVALID);
            remains().await;
        }
    }
    // A clinic does.
    world.gatekeeper.let_clinic_run(&kid);
    assert_eq!(remove_address(&world, &kid).await.status, 200);
}

#[actix_web::test]
async fn whoever_runs_an_account_that_loses_its_address_is_kept() {
    let world = World::start().await;
    let (bob, carol) = (world.user("bob").await, world.user("carol").await);
    let kid = custodial(&bob, &["kid@example.org"]).await;
    world
        .gatekeeper
        .grant(&kid, &carol.id, json!({ "admin": {} }));
    world.gatekeeper.grant(&kid, &bob.id, json!({ "view": {} }));
    assert_eq!(remove_address(&world, &kid).await.status, 200);
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_empty(&delete_own(&carol).await, 500);
    assert_empty(&delete_own(&bob).await, 204);
}

#[actix_web::test]
async fn an_account_that_is_about_to_lose_its_address_needs_somebody() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    let kid = custodial(&bob, &["kid@example.org"]).await;
    world.gatekeeper.slow(Ask::Lock, A_SECOND);
    let (removed, ()) = join(remove_address(&world, &kid), async {
        eventually("the question", async || {
            world.gatekeeper.was_asked(Ask::Lock)
        })
        .await;
        assert_needed(&tell(&world, &kid, 1, &[&bob.id]).await, &[&bob.id]);
        // Nobody deletes Bob, who relies on an address that is about to go.
        assert_refused(
            &delete_own(&bob).await,
            403,
            "Cannot delete the last admin of an account that has no login or recovery capability",
        );
    })
    .await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    let stored = world.document(&kid).await.unwrap();
    assert!(!stored.contains_key("emails"));
}

#[actix_web::test]
async fn a_deletion_sees_that_somebody_relies_on_the_account_meanwhile() {
    let world = World::start().await;
    let (bob, carol) = (world.user("bob").await, world.user("carol").await);
    let kid = custodial(&carol, &[]).await;
    world.gatekeeper.slow(Ask::Administered, A_SECOND);
    let (deleted, ()) = join(delete_own(&bob), async {
        eventually("the question", async || {
            world.gatekeeper.was_asked(Ask::Administered)
        })
        .await;
        // Carol makes Bob an admin, and leaves.
        world
            .gatekeeper
            .grant(&kid, &bob.id, json!({ "admin": {} }));
        world
            .gatekeeper
            .grant(&kid, &carol.id, json!({ "view": {} }));
        assert_needed(&tell(&world, &kid, 1, &[&bob.id]).await, &[&bob.id]);
    })
    .await;
    assert_refused(
        &deleted,
        403,
        "Cannot delete the last admin of an account that has no login or recovery capability",
    );
}

//! The deletion of accounts on which others depend.

use bson::doc;
use futures_util::future::join;
use serde_json::{Value, json};
use stand_ins::gatekeeper::Ask;

use crate::{
    deletions::delete_own,
    world::{A_SECOND, PASSWORD, User, World, assert_empty, assert_refused, eventually},
};

const LAST_ADMIN: &str =
    "Cannot delete the last admin of an account that has no login or recovery capability";

/// A child of `parent` with `body` besides its name; its id.
async fn child(
    world: &World,
    parent: &User,
    mut body: Value,
    others: &[&str],
    clinic: bool,
) -> String {
    body["fullName"] = json!("Ann");
    let answer = parent
        .person
        .post(&format!("/user/createChild/{}", parent.id), &body)
        .await;
    assert_eq!(answer.status, 201);
    let id = answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned();
    for other in others {
        world.gatekeeper.grant(&id, other, json!({ "admin": {} }));
    }
    if clinic {
        world.gatekeeper.let_clinic_run(&id);
    }
    id
}

#[actix_web::test]
async fn the_last_admin_of_an_unreachable_account_stays() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    let carol = world.user("carol").await;
    let gone = world.user("gone").await;
    child(&world, &bob, json!({}), &[&gone.id], false).await;
    assert_empty(&delete_own(&gone).await, 204);
    assert_refused(&delete_own(&bob).await, 403, LAST_ADMIN);
    assert_eq!(bob.person.get("/user").await.status, 200);
    // Whoever runs bob's account is bound by the rule as well.
    world
        .gatekeeper
        .grant(&bob.id, &carol.id, json!({ "custodian": {} }));
    let path = format!("/user/{}", bob.id);
    assert_refused(&carol.person.delete(&path).await, 403, LAST_ADMIN);
    // Services are not.
    assert_empty(&world.service().await.delete(&path).await, 204);
}

#[actix_web::test]
async fn an_admin_who_is_not_needed_may_leave() {
    let world = World::start().await;
    let carol = world.user("carol").await;
    for (index, (body, others, clinic)) in [
        (json!({}), vec![carol.id.as_str()], false),
        (json!({}), vec![], true),
        (
            json!({ "username": "kid1", "password": PASSWORD }),
            vec![],
            false,
        ),
        (json!({ "emails": ["kid@example.org"] }), vec![], false),
    ]
    .into_iter()
    .enumerate()
    {
        let bob = world.user(&format!("bob{index}")).await;
        child(&world, &bob, body, &others, clinic).await;
        assert_empty(&delete_own(&bob).await, 204);
    }
}

#[actix_web::test]
async fn two_admins_who_leave_at_once_never_leave_a_child_alone() {
    let world = World::start().await;
    for round in 0..20 {
        let bob = world.user(&format!("bob{round}")).await;
        let carol = world.user(&format!("carol{round}")).await;
        child(&world, &bob, json!({}), &[&carol.id], false).await;
        let (first, second) = join(delete_own(&bob), delete_own(&carol)).await;
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 403], "round {round}");
    }
}

#[actix_web::test]
async fn gatekeeper_decides_whether_an_admin_may_leave() {
    let world = World::start().await;
    let (bob, carol) = (world.user("bob").await, world.user("carol").await);
    let kid = child(&world, &bob, json!({}), &[&carol.id], false).await;
    // The answer of the locked rule counts, and where there is none, nothing is deleted.
    world.gatekeeper.fail(Ask::Replace, 500);
    assert_empty(&delete_own(&bob).await, 500);
    assert_eq!(bob.person.get("/user").await.status, 200);
    // The rights are given up before the account goes, not when gatekeeper hears of it.
    world.gatekeeper.mend_all();
    world.gatekeeper.fail_each(&Ask::REMOVALS, 500);
    assert_empty(&delete_own(&bob).await, 204);
    assert!(!world.gatekeeper.has_forgotten(&bob.id));
    assert_eq!(world.gatekeeper.permissions(&kid, &bob.id), None);
    assert_refused(&delete_own(&carol).await, 403, LAST_ADMIN);
}

#[actix_web::test]
async fn a_refused_deletion_takes_no_right_away() {
    let world = World::start().await;
    let (bob, carol) = (world.user("bob").await, world.user("carol").await);
    let mut kids = Vec::new();
    for others in [&[carol.id.as_str()][..], &[], &[carol.id.as_str()]] {
        kids.push(child(&world, &bob, json!({}), others, false).await);
    }
    assert_refused(&delete_own(&bob).await, 403, LAST_ADMIN);
    for kid in &kids {
        assert!(world.gatekeeper.permissions(kid, &bob.id).is_some());
    }
}

#[actix_web::test]
async fn no_child_is_created_for_a_parent_who_is_gone_by_then() {
    for path in ["createChild/{}", "{}/user"] {
        let world = World::start().await;
        let bob = world.user("bob").await;
        let service = world.service().await;
        world.gatekeeper.slow(Ask::Replace, A_SECOND);
        let path = format!("/user/{}", path.replace("{}", &bob.id));
        let body = json!({ "fullName": "Ann" });
        let (created, ()) = join(bob.person.post(&path, &body), async {
            eventually("the grant", async || world.gatekeeper.len() == 1).await;
            let path = format!("/user/{}", bob.id);
            assert_empty(&service.delete(&path).await, 204);
        })
        .await;
        assert_refused(&created, 401, "Not authorized for requested operation");
        assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 0);
    }
}

#[actix_web::test]
async fn a_child_that_is_created_during_the_deletion_keeps_its_parent() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    world.gatekeeper.slow(Ask::Administered, A_SECOND);
    let (deleted, _) = join(delete_own(&bob), async {
        eventually("the question", async || {
            world.gatekeeper.was_asked(Ask::Administered)
        })
        .await;
        child(&world, &bob, json!({}), &[], false).await
    })
    .await;
    assert_refused(&deleted, 403, LAST_ADMIN);
    assert_eq!(bob.person.get("/user").await.status, 200);
}

#[actix_web::test]
async fn who_made_a_child_account_waits_while_gatekeeper_cannot_say_who_depends_on_it() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let path = format!("/user/createChild/{}", alice.id);
    let child = alice
        .person
        .post(&path, &json!({ "fullName": "Ann" }))
        .await;
    assert_eq!(child.status, 201);
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_empty(&delete_own(&alice).await, 500);
    assert_eq!(alice.person.get("/user").await.status, 200);
    assert_empty(&delete_own(&bob).await, 204);
    assert_eq!(bob.person.get("/user").await.status, 401);
}

//! What must hold when two come at the same moment.

use bson::{Document, doc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::join;

use crate::world::World;

const ROUNDS: usize = 80;
const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// A child account that Bob and Carol run, as it is stored.
async fn child_of_bob_and_carol(world: &World, child: &str) {
    world.user_api.has_unreachable(child);
    let perms = world.database().collection::<Document>("perms");
    perms
        .insert_many(["bob", "carol"].map(|admin| {
            doc! {"sharerId": child, "userId": admin, "permissions": {"admin": {}, "view": {}}}
        }))
        .await
        .unwrap();
}

async fn admins(world: &World, child: &str) -> Vec<String> {
    let members: Value = world
        .service()
        .get(&format!("/access/{child}"))
        .await
        .json();
    let members = members.as_object().unwrap().iter();
    members
        .filter(|(_, set)| set.get("admin").is_some())
        .map(|(id, _)| id.clone())
        .collect()
}

#[actix_web::test]
async fn two_admins_who_leave_at_once_never_leave_a_child_alone() {
    let world = World::start().await;
    for adult in ["bob", "carol"] {
        world.user_api.has(adult);
    }
    let (bob, carol) = (world.user("bob"), world.user("carol"));
    let mut contested = 0;
    for round in 0..ROUNDS {
        let child = format!("child{round}");
        child_of_bob_and_carol(&world, &child).await;
        let (bobs, carols) = (
            format!("/access/{child}/bob"),
            format!("/access/{child}/carol"),
        );
        // Each themselves, each the other, by halves or wholly.
        let (first, second) = if round % 2 == 0 {
            (&bobs, &carols)
        } else {
            (&carols, &bobs)
        };
        let body = if round % 4 < 2 {
            json!({})
        } else {
            json!({"view": {}})
        };
        let (one, other) = join!(bob.post(first, &body), carol.post(second, &body));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert!(
            matches!(statuses, [200, 401 | 403]),
            "round {round}: {statuses:?}"
        );
        contested += usize::from(statuses[1] == 403);
        assert_eq!(admins(&world, &child).await.len(), 1, "round {round}");
    }
    assert!(contested > 0);
}

#[actix_web::test]
async fn an_admin_and_a_clinic_that_leave_at_once_leave_at_most_what_the_rule_allows() {
    let world = World::start().await;
    world.user_api.has("bob");
    for round in 0..ROUNDS / 4 {
        let child = format!("child{round}");
        world.user_api.has_unreachable(&child);
        world.grant(&child, "bob", json!({"admin": {}})).await;
        world.treat(CLINIC, &child, json!({"custodian": {}})).await;
        let service = world.service();
        let gone = format!("/internal/clinics/{CLINIC}/patients/{child}?revision=2");
        let (own, bob) = (format!("/access/{child}/bob"), world.user("bob"));
        let (own, clinic) = join!(bob.post(&own, &Value::Null), service.delete(&gone));
        assert_eq!(clinic.status, 204);
        // The clinic always leaves. Bob goes only if he was first.
        let left = admins(&world, &child).await;
        assert_eq!(
            (own.status, left.len()),
            if left.is_empty() { (200, 0) } else { (403, 1) }
        );
    }
}

#[actix_web::test]
async fn two_replacements_of_one_pair_leave_one_of_the_two() {
    let world = World::start().await;
    let (alice, service) = (world.user("alice"), world.service());
    let sets = [
        json!({"view": {"a": 1}, "note": {}}),
        json!({"upload": {}}),
        json!({"admin": {}, "view": {}}),
        json!({"custodian": {}}),
    ];
    for round in 0..ROUNDS {
        let path = format!("/access/alice/bob{round}");
        let (one, other) = (&sets[round % 4], &sets[(round / 4) % 4]);
        let (first, second) = join!(alice.post(&path, one), service.post(&path, other));
        assert_eq!((first.status, second.status), (200, 200), "round {round}");
        let left: Value = service.get(&path).await.json();
        assert!(left == *one || left == *other, "round {round}: {left}");
        // The same over a set that is there.
        join!(alice.post(&path, other), service.post(&path, one));
        let left: Value = service.get(&path).await.json();
        assert!(left == *one || left == *other, "round {round}: {left}");
    }
    let documents = world.everything().await.len();
    assert_eq!(documents, ROUNDS);
}

#[actix_web::test]
async fn grants_and_removals_at_once_all_succeed() {
    let world = World::start().await;
    let alice = world.user("alice");
    for round in 0..20 {
        let bodies = [
            json!({"view": {}}),
            json!({}),
            json!({"admin": {}}),
            json!({"note": {}}),
            Value::Null,
            json!({"custodian": {}}),
        ];
        let answers = join_all(
            bodies
                .iter()
                .map(|body| alice.post("/access/alice/bob", body)),
        )
        .await;
        assert!(
            answers.iter().all(|answer| answer.status == 200),
            "round {round}"
        );
        assert!(world.everything().await.len() <= 1);
    }
}

#[actix_web::test]
async fn who_gives_up_a_part_gets_nothing_back_that_was_revoked() {
    let world = World::start().await;
    let (alice, carol) = (world.user("alice"), world.user("carol"));
    for round in 0..ROUNDS / 2 {
        world
            .grant(
                "alice",
                "carol",
                json!({"view": {}, "note": {}, "admin": {}}),
            )
            .await;
        let (revoked, kept) = if round % 2 == 0 {
            (json!({}), None)
        } else {
            (json!({"note": {}}), Some(json!({"note": {}})))
        };
        let part = if round % 4 < 2 {
            json!({"view": {}})
        } else {
            json!({"view": {}, "admin": {}})
        };
        let (by_alice, by_carol) = join!(
            alice.post("/access/alice/carol", &revoked),
            carol.post("/access/alice/carol", &part),
        );
        assert_eq!(by_alice.status, 200);
        assert!(matches!(by_carol.status, 200 | 401), "round {round}");
        let answer = alice.get("/access/alice/carol").await;
        match kept {
            None => assert_eq!(answer.status, 404, "round {round}: {}", answer.text()),
            Some(kept) => assert_eq!(answer.json::<Value>(), kept, "round {round}"),
        }
    }
}

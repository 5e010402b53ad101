//! Lists of received invitations that are asked for at the same moment.

use bson::{Document, doc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::world::{World, assert_refused};

/// An invitation by `host`; `guest` is the account, or empty.
fn invitation(key: &str, host: &str, guest: &str, email: &str) -> Document {
    doc! {
        "_id": key, "type": "careteam_invitation", "status": "pending", "userId": guest,
        "email": email, "creatorId": host, "context": { "view": {} },
        "created": bson::DateTime::now(),
    }
}

/// The keys that each of `guests` gets, sorted; a list that is not answered 200 has none.
async fn keys(world: &World, guests: &[String]) -> Vec<Vec<String>> {
    let service = world.service();
    let list = async |guest: &String| {
        let path = format!("/confirm/invitations/{guest}");
        let answer = service.get(&path).await;
        if answer.status != 200 {
            return Vec::new();
        }
        let listed: Vec<Value> = answer.json();
        let key = |one: &Value| {
            assert_eq!(one["creator"]["userid"], one["creatorId"]);
            one["key"].as_str().unwrap().to_owned()
        };
        let mut keys: Vec<String> = listed.iter().map(key).collect();
        keys.sort();
        keys
    };
    join_all(guests.iter().map(list)).await
}

#[actix_web::test]
async fn each_gets_its_own_however_many_invite() {
    const GUESTS: usize = 30;
    const HOSTS: usize = 15;
    let world = World::without_relay().await;
    let mut invitations = Vec::new();
    let mut guests = Vec::new();
    let mut wanted = Vec::new();
    for guest in 0..GUESTS {
        let id = format!("guest{guest}");
        world.user_api.has(&id);
        let mut keys = Vec::new();
        for host in 0..HOSTS {
            let host = format!("host{guest}-{host}");
            world.user_api.has(&host);
            let key = format!("{host}-invites");
            invitations.push(invitation(&key, &host, &id, &format!("{id}@example.org")));
            keys.push(key);
        }
        keys.sort();
        // Each asks twice at the same moment.
        guests.extend([id.clone(), id]);
        wanted.extend([keys.clone(), keys]);
    }
    world
        .confirmations()
        .insert_many(invitations)
        .await
        .unwrap();
    assert_eq!(keys(&world, &guests).await, wanted);
    assert!(world.user_api.asked(user_api::Ask::People).len() < GUESTS);
}

#[actix_web::test]
async fn what_is_wrong_with_one_is_not_the_fault_of_the_others() {
    let world = World::without_relay().await;
    let mut guests = Vec::new();
    let mut invitations = Vec::new();
    for guest in 0..40 {
        let id = format!("guest{guest}");
        let is_unreadable = guest % 8 == 3;
        world.user_api.has(&id);
        if is_unreadable {
            world.user_api.make_unreadable(&id);
        }
        let email = format!("{id}@example.org");
        invitations.push(invitation(&format!("key{guest}"), "host", &id, &email));
        guests.push(id);
    }
    world.user_api.has("host");
    world
        .confirmations()
        .insert_many(invitations)
        .await
        .unwrap();
    for (guest, keys) in keys(&world, &guests).await.into_iter().enumerate() {
        let wanted = if guest % 8 == 3 {
            vec![]
        } else {
            vec![format!("key{guest}")]
        };
        assert_eq!(keys, wanted, "{guest}");
    }
    // Together first, then alone.
    let asked = world.user_api.asked(user_api::Ask::People);
    let is_about_third =
        |(query, _): &&(String, Value)| query.contains("guest3,") || query.contains("guest3&");
    assert_eq!(asked.iter().filter(is_about_third).count(), 2, "{asked:?}");
    let alone = world.service().get("/confirm/invitations/guest3").await;
    assert_refused(&alone, 500, "Error finding the user");
}

#[actix_web::test]
async fn of_old_accounts_that_share_an_address_one_gets_what_waits_there() {
    let world = World::without_relay().await;
    world.user_api.has("host");
    let guests: Vec<String> = (0..20).map(|guest| format!("guest{guest}")).collect();
    for guest in &guests {
        world
            .user_api
            .has_with(guest, json!({ "emails": ["shared@example.org"] }));
    }
    let waiting = invitation("key", "host", "", "Shared@example.org");
    world.confirmations().insert_one(waiting).await.unwrap();
    keys(&world, &guests).await;
    let lists = keys(&world, &guests).await;
    let listed: Vec<_> = lists.iter().filter(|keys| !keys.is_empty()).collect();
    assert_eq!(listed, [&["key"]]);
}

//! What shares a round trip to the database, and nothing else.

use bson::{Document, doc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::{Profile, assert_indexed};

use crate::world::World;

const AT_ONCE: usize = 120;
/// Documents and keys that one command may look at: a pair and its mark for each of those at once.
const ENOUGH: i64 = 500;
const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

async fn insert(world: &World, sharer: &str, grantee: &str, set: Document) {
    let perms = world.database().collection::<Document>("perms");
    let grant = doc! {"sharerId": sharer, "userId": grantee, "permissions": set};
    perms.insert_one(grant).await.unwrap();
}

#[actix_web::test]
async fn checks_at_the_same_moment_get_their_own_answers() {
    let world = World::start().await;
    world.work_for(CLINIC, "doctor").await;
    let mut asked = Vec::new();
    for number in 0..AT_ONCE {
        let sharer = format!("sharer{number}");
        // Bob may do something else on each third account, the doctor through the clinic as well;
        // nobody may do anything on the others.
        let answer = match number % 3 {
            0 => {
                let stored = i32::try_from(number).unwrap();
                insert(&world, &sharer, "bob", doc! {"view": {"n": stored}}).await;
                ("bob", 200, json!({"view": {"n": number}}))
            }
            1 => {
                insert(&world, &sharer, "doctor", doc! {"view": {}}).await;
                world.treat(CLINIC, &sharer, json!({"note": {}})).await;
                ("doctor", 200, json!({"note": {}, "view": {}}))
            }
            _ => ("bob", 404, json!({"code": "NotFound", "message": ""})),
        };
        asked.push((sharer, answer));
    }
    let profile = Profile::start(world.database()).await;
    world.commands.take();
    let service = world.service();
    let checks = asked.iter().map(|(sharer, (grantee, status, body))| {
        let service = &service;
        async move {
            let answer = service.get(&format!("/access/{sharer}/{grantee}")).await;
            assert_eq!(
                (answer.status, answer.json::<Value>()),
                (*status, body.clone())
            );
        }
    });
    join_all(checks).await;
    let sent = world.commands.take();
    let lookups = sent.iter().filter(|command| command.contains_key("find"));
    assert!(
        lookups.count() <= AT_ONCE / 2,
        "most checks took its own round trip"
    );
    assert_indexed(&profile.end().await, ENOUGH);
}

#[actix_web::test]
async fn replacements_at_the_same_moment_come_to_their_own() {
    let world = World::start().await;
    let refusing =
        doc! {"collMod": "perms", "validator": {"permissions.follow": {"$exists": false}}};
    world.database().run_command(refusing).await.unwrap();
    let mut replacements = Vec::new();
    for number in 0..AT_ONCE {
        let account = format!("account{number}");
        replacements.push(match number % 4 {
            // Nothing is stored yet.
            0 => (account, json!({"view": {}}), 200, json!({"view": {}})),
            // Something is.
            1 => {
                insert(&world, &account, "bob", doc! {"upload": {}}).await;
                (account, json!({"note": {}}), 200, json!({"note": {}}))
            }
            // Bob is the last who runs it.
            2 => {
                world.user_api.has_unreachable(&account);
                world.user_api.has("bob");
                insert(&world, &account, "bob", doc! {"admin": {}}).await;
                (account, json!({"view": {}}), 403, json!({"admin": {}}))
            }
            // The database takes no such document.
            _ => {
                insert(&world, &account, "bob", doc! {"upload": {}}).await;
                (account, json!({"follow": {}}), 500, json!({"upload": {}}))
            }
        });
    }
    world.commands.take();
    let service = world.service();
    let writes = replacements.iter().map(|(account, set, status, _)| {
        let service = &service;
        async move {
            let answer = service.post(&format!("/access/{account}/bob"), set).await;
            assert_eq!(answer.status, *status, "{account}: {}", answer.text());
        }
    });
    join_all(writes).await;
    let sent = world.commands.take();
    assert!(
        sent.iter().any(|command| {
            command
                .get_array("updates")
                .is_ok_and(|updates| updates.len() > 1)
        }),
        "every replacement took its own round trip"
    );
    for (account, _, _, stored) in replacements {
        let answer = service.get(&format!("/access/{account}/bob")).await;
        assert_eq!(answer.json::<Value>(), stored, "{account}");
    }
}

#[actix_web::test]
async fn what_holds_up_one_replacement_holds_up_no_other() {
    let world = World::start().await;
    insert(&world, "held", "bob", doc! {"upload": {}}).await;
    let database = world.database();
    let mut session = database.client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    database
        .collection::<Document>("perms")
        .update_one(
            doc! {"sharerId": "held", "userId": "bob"},
            doc! {"$set": {"permissions": {"note": {}}}},
        )
        .session(&mut session)
        .await
        .unwrap();
    let service = world.service();
    let wanted = json!({"view": {}});
    let replace = async |account: String| {
        let path = format!("/access/{account}/bob");
        assert_eq!(service.post(&path, &wanted).await.status, 200);
    };
    let others = async {
        join_all((0..AT_ONCE).map(|number| replace(format!("account{number}")))).await;
        // Nobody has waited until the transaction was given up.
        session.commit_transaction().await.unwrap();
    };
    tokio::join!(replace("held".to_owned()), others);
    let answer = service.get("/access/held/bob").await;
    assert_eq!(answer.json::<Value>(), wanted);
}

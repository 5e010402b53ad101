//! `kill -9` at bad moments: nothing acknowledged is lost and nothing is left half done.

use std::time::Duration;

use e2e::{OwnMongod, Platform, Program, rounds};
use futures_util::future::join_all;
use rand::RngExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::try_send;

use crate::{
    confirmations::{answered, eventually},
    people::{delete_account, log_in, sign_up},
};

/// Grants under way at the same moment, which take longer than the moment at which mongod dies.
const AT_ONCE: usize = 200;
const DEATH_WITHIN_MS: u64 = 150;

async fn members(platform: &Platform, account: &str) -> Option<Value> {
    let server = platform.server().await;
    let answer = server.try_get(&format!("/access/{account}")).await?;
    (answer.status == 200).then(|| answer.json())
}

#[actix_web::test]
async fn a_deletion_arrives_though_gatekeeper_was_down_and_user_api_died_after_answering() {
    let mut platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    let bob = sign_up(&platform, "bob").await;
    let path = format!("/access/{}/{}", alice.id, bob.id);
    let granted = alice.at_origin.post(&path, &json!({ "view": {} })).await;
    assert_eq!(granted.status, 200);

    platform.kill(Program::Gatekeeper);
    assert_eq!(delete_account(&bob).await, 204);
    platform.kill(Program::UserApi);
    platform.restart(Program::UserApi).await;
    assert_eq!(log_in(&platform, &bob.address).await, 401);
    platform.restart(Program::Gatekeeper).await;

    eventually("Bob is gone from Alice's list", async || {
        members(&platform, &alice.id)
            .await
            .is_some_and(|members| members.get(&bob.id).is_none())
    })
    .await;
    assert_eq!(
        bob.at_origin
            .get(&format!("/access/groups/{}", bob.id))
            .await
            .status,
        401
    );
}

#[actix_web::test]
async fn a_child_account_exists_whole_or_not_at_all_wherever_a_program_dies() {
    let mut platform = Platform::start().await;
    let bob = sign_up(&platform, "bob").await;
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let request = bob
            .at_origin
            .request(Method::POST, &format!("/auth/user/createChild/{}", bob.id))
            .json(&json!({ "fullName": format!("child {round}") }));
        let victim = [Program::UserApi, Program::Gatekeeper][round % 2];
        let patience = Duration::from_millis(rand::rng().random_range(0..40));
        let call = actix_web::rt::spawn(try_send(request));
        tokio::time::sleep(patience).await;
        platform.kill(victim);
        if let Ok(answer) = call.await.unwrap()
            && answer.status == 201
        {
            acknowledged.push(
                answer.json::<Value>()["userid"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        platform.restart(victim).await;
    }

    // Every acknowledged child is whole.
    let server = platform.server().await;
    for child in &acknowledged {
        assert_eq!(server.get(&format!("/auth/user/{child}")).await.status, 200);
        let profile = server.get(&format!("/metadata/{child}/profile")).await;
        assert_eq!(profile.json::<Value>()["isDataAccount"], json!(true));
        let pair = server.get(&format!("/access/{child}/{}", bob.id)).await;
        assert!(
            pair.json::<Value>().get("admin").is_some(),
            "{}",
            pair.text()
        );
    }

    // What was not acknowledged is whole as well, or its grant is taken back once the creation
    // can no longer be under way.
    let rows = platform
        .database(Program::UserApi)
        .collection::<bson::Document>("outbox");
    rows.update_many(
        bson::doc! {},
        bson::doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } },
    )
    .await
    .unwrap();
    eventually("every account that Bob reaches exists", async || {
        let Some(groups) = server.try_get(&format!("/access/groups/{}", bob.id)).await else {
            return false;
        };
        let groups: serde_json::Map<String, Value> = groups.json();
        for child in groups.keys() {
            if server.get(&format!("/auth/user/{child}")).await.status != 200 {
                return false;
            }
        }
        acknowledged.iter().all(|child| groups.contains_key(child))
    })
    .await;
}

#[actix_web::test]
async fn acknowledged_permissions_survive_the_death_of_gatekeeper() {
    let mut platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    for round in 0..5 {
        let path = format!("/access/{}/friend{round}", alice.id);
        assert_eq!(
            alice
                .at_origin
                .post(&path, &json!({ "view": {} }))
                .await
                .status,
            200
        );
        platform.kill(Program::Gatekeeper);
        platform.restart(Program::Gatekeeper).await;
    }
    let members = members(&platform, &alice.id).await.unwrap();
    assert_eq!(members.as_object().unwrap().len(), 6);
}

/// Many replacements at once share their writes; each is acknowledged for itself.
#[actix_web::test]
async fn acknowledged_permissions_survive_the_death_of_mongod() {
    let mut mongod = match OwnMongod::start().await {
        Ok(mongod) => mongod,
        Err(why) => {
            eprintln!("skipped: no MongoDB on this machine that may be killed: {why:#}");
            return;
        }
    };
    let platform = Platform::start_on(mongod.uri()).await;
    let server = platform.server().await;
    let mut acknowledgements = 0;
    for round in 0..rounds(4) {
        let account = format!("account{round}");
        let granted = join_all((0..AT_ONCE).map(|friend| {
            let path = format!("/access/{account}/friend{friend}");
            let grant = server
                .request(Method::POST, &path)
                .json(&json!({"view": {}}));
            async move {
                try_send(grant)
                    .await
                    .is_ok_and(|answer| answer.status == 200)
            }
        }));
        let death = async {
            let moment = rand::rng().random_range(0..DEATH_WITHIN_MS);
            tokio::time::sleep(Duration::from_millis(moment)).await;
            mongod.kill();
            mongod.restart().await;
        };
        let (granted, ()) = tokio::join!(granted, death);
        let members = server.request(Method::GET, &format!("/access/{account}"));
        let members: Value = answered(&members).await.json();
        for (friend, acknowledged) in granted.into_iter().enumerate() {
            acknowledgements += usize::from(acknowledged);
            assert!(
                !acknowledged || members.get(format!("friend{friend}")).is_some(),
                "round {round}: what friend{friend} was granted is lost"
            );
        }
    }
    assert!(acknowledgements > 0);
}

#[actix_web::test]
async fn without_user_api_nobody_gets_in() {
    let mut platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    platform.kill(Program::UserApi);
    let answer = alice.at_origin.get(&format!("/access/{}", alice.id)).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(platform.person(None).get("/status").await.status, 503);
    platform.restart(Program::UserApi).await;
    // gatekeeper remembers for a moment that user-api could not be asked.
    eventually("Alice gets in", async || {
        let path = format!("/access/{}", alice.id);
        alice.at_origin.get(&path).await.status == 200
    })
    .await;
}

//! `kill -9` while somebody answers: after a restart and a repeat of the request nothing is half
//! done, whoever died and when.

use std::time::Duration;

use bson::doc;
use e2e::{Platform, Program, rounds};
use rand::RngExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, try_send};

use crate::{
    confirmations::{
        answer_to, answered, cancellation, custodial_account, eventually, invite, keys, offer,
        pending_key, permissions, status,
    },
    people::{Member, PASSWORD, delete_account, log_in_with, sign_up},
};

/// As many as `E2E_ROUNDS` says, or this many: each kind of answer meets each victim once.
const ROUNDS: usize = 15;
/// The victims, each of which every kind of answer meets.
const VICTIMS: [Program; 3] = [Program::Confirm, Program::Gatekeeper, Program::UserApi];
/// A program dies within this time after a request was sent; most are answered sooner.
const PATIENCE_MS: u64 = 60;
const BIRTHDAY: &str = "2019-08-30";
const NEW_PASSWORD: &str = "a-new-long-password";

/// A platform with somebody who invites and cares.
struct Stage {
    platform: Platform,
    server: Person,
    alice: Member,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::start().await;
        Self {
            server: platform.server().await,
            alice: sign_up(&platform, "alice").await,
            platform,
        }
    }

    /// Sends `requests` at once, kills `victim` at some moment, starts it again and repeats the
    /// first request. The answer to the repetition.
    async fn survive<const N: usize>(
        &mut self,
        victim: Program,
        requests: [RequestBuilder; N],
    ) -> Answer {
        let repetition = requests[0].try_clone().unwrap();
        let calls = requests.map(|request| actix_web::rt::spawn(try_send(request)));
        let moment = Duration::from_millis(rand::rng().random_range(0..PATIENCE_MS));
        tokio::time::sleep(moment).await;
        self.platform.kill(victim);
        for call in calls {
            // An answer may have come, or a failure, or nothing.
            drop(call.await.unwrap());
        }
        self.platform.restart(victim).await;
        answered(&repetition).await
    }

    async fn accept(&mut self, victim: Program, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let request = answer_to("accept", &key, &self.alice, carol);

        let repeated = self.survive(victim, [request]).await;

        // It may have been done without an answer.
        assert!(matches!(repeated.status, 200 | 403), "{}", repeated.text());
        eventually("the acceptance is whole", async || {
            status(&self.platform, &key).await == "completed"
                && permissions(&self.server, &self.alice, carol).await == Some(offer())
        })
        .await;
    }

    async fn cancel(&mut self, victim: Program, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let request = cancellation(&self.alice, carol);

        let repeated = self.survive(victim, [request]).await;

        assert!(matches!(repeated.status, 200 | 404), "{}", repeated.text());
        let late = answered(&answer_to("accept", &key, &self.alice, carol)).await;
        assert_eq!(late.status, 403, "{}", late.text());
        assert_eq!(status(&self.platform, &key).await, "canceled");
        assert_eq!(permissions(&self.server, &self.alice, carol).await, None);
    }

    async fn accept_and_cancel(&mut self, victim: Program, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let accept = answer_to("accept", &key, &self.alice, carol);
        let requests = [accept, cancellation(&self.alice, carol)];

        let repeated = self.survive(victim, requests).await;

        assert!(matches!(repeated.status, 200 | 403), "{}", repeated.text());
        eventually("one of the two is whole", async || {
            let permissions = permissions(&self.server, &self.alice, carol).await;
            match status(&self.platform, &key).await.as_str() {
                "completed" => permissions == Some(offer()),
                "canceled" => permissions.is_none(),
                _ => false,
            }
        })
        .await;
    }

    async fn claim(&mut self, victim: Program, address: &str) {
        let id = custodial_account(&self.alice, address, BIRTHDAY).await;
        let key = pending_key(&self.platform, "signup_confirmation", address).await;
        let claim = json!({ "password": PASSWORD, "birthday": BIRTHDAY });
        let path = format!("/confirm/accept/signup/{key}");
        let nobody = self.platform.person(None);

        let request = nobody.request(Method::PUT, &path).json(&claim);
        let repeated = self.survive(victim, [request]).await;

        assert_eq!(repeated.status, 200, "{}", repeated.text());
        assert_eq!(status(&self.platform, &key).await, "completed");
        eventually("Greta logs in and Alice is no custodian", async || {
            let members =
                answered(&self.server.request(Method::GET, &format!("/access/{id}"))).await;
            log_in_with(&self.platform, address, PASSWORD).await == 200
                && members.json::<Value>()[&self.alice.id] == json!({ "view": {}, "upload": {} })
        })
        .await;
    }

    async fn reset(&mut self, victim: Program, carol: &Member) {
        let path = format!("/confirm/send/forgot/{}", carol.address);
        let nobody = self.platform.person(None);
        assert_eq!(
            answered(&nobody.request(Method::POST, &path)).await.status,
            200
        );
        let key = pending_key(&self.platform, "password_reset", &carol.address).await;
        let reset = json!({ "key": key, "email": carol.address, "password": NEW_PASSWORD });
        let request = nobody
            .request(Method::PUT, "/confirm/accept/forgot")
            .json(&reset);

        let mut repeated = self.survive(victim, [request.try_clone().unwrap()]).await;

        // By contract 400 also says that the password could not be set just now.
        eventually("the reset is answered", async || {
            if repeated.status == 400 {
                repeated = answered(&request).await;
            }
            repeated.status != 400
        })
        .await;
        assert!(matches!(repeated.status, 200 | 404), "{}", repeated.text());
        assert_eq!(status(&self.platform, &key).await, "completed");
        eventually("only the new password opens the account", async || {
            log_in_with(&self.platform, &carol.address, NEW_PASSWORD).await == 200
        })
        .await;
        assert_eq!(
            log_in_with(&self.platform, &carol.address, PASSWORD).await,
            401
        );
    }
}

fn address(round: usize) -> String {
    format!("greta{round}@example.org")
}

#[actix_web::test]
async fn no_answer_is_half_done_wherever_a_program_dies() {
    let mut stage = Stage::set().await;
    let rounds = rounds(ROUNDS);
    for round in 0..rounds {
        let kind = round % 5;
        let victim = VICTIMS[round / 5 % VICTIMS.len()];
        println!("round {round} of {rounds}: kind {kind}, {}", victim.name());
        let carol = sign_up(&stage.platform, &format!("carol{round}")).await;
        match kind {
            0 => stage.accept(victim, &carol).await,
            1 => stage.cancel(victim, &carol).await,
            2 => stage.accept_and_cancel(victim, &carol).await,
            3 => stage.claim(victim, &address(round)).await,
            _ => stage.reset(victim, &carol).await,
        }
    }
}

#[actix_web::test]
async fn a_deleted_user_leaves_no_confirmations_though_confirm_was_down() {
    let mut platform = Platform::start().await;
    let [alice, bob, carol] =
        ["alice", "bob", "carol"].map(async |name| sign_up(&platform, name).await);
    let (alice, bob, carol) = (alice.await, bob.await, carol.await);
    let to_bob = invite(&alice, &bob).await;
    let from_bob = invite(&bob, &carol).await;
    let to_carol = invite(&alice, &carol).await;
    let path = format!("/confirm/send/forgot/{}", bob.address);
    let nobody = platform.person(None);
    assert_eq!(
        answered(&nobody.request(Method::POST, &path)).await.status,
        200
    );
    let reset = pending_key(&platform, "password_reset", &bob.address).await;
    // What a clinic and Bob asked each other.
    let clinic = "5f2f0c6b2a1d4e0011223344";
    let confirmation = |key: &str, creator: &str, user: &str| {
        doc! {
            "_id": key, "type": "careteam_invitation", "status": "pending", "email": "",
            "clinicId": clinic, "creatorId": creator, "creator": {}, "userId": user,
            "created": bson::DateTime::now(), "modified": bson::DateTime::now(),
            "templateName": "patient_clinic_invitation",
        }
    };
    let confirmations = platform
        .confirm_database()
        .collection::<bson::Document>("confirmations");
    let theirs = [
        confirmation("from-bob-to-a-clinic", &bob.id, ""),
        confirmation("from-a-clinic-to-bob", "", &bob.id),
    ];
    confirmations.insert_many(theirs).await.unwrap();

    platform.kill(Program::Confirm);
    assert_eq!(delete_account(&bob).await, 204);
    platform.kill(Program::UserApi);
    platform.restart(Program::UserApi).await;
    assert_eq!(keys(&platform, doc! {}).await.len(), 6);
    platform.restart(Program::Confirm).await;

    eventually("what concerned Bob is gone", async || {
        keys(&platform, doc! {}).await.len() == 2
    })
    .await;
    let mut left = keys(&platform, doc! {}).await;
    left.sort();
    let mut expected = vec!["from-bob-to-a-clinic".to_owned(), to_carol];
    expected.sort();
    assert_eq!(left, expected);
    for gone in [to_bob, from_bob, reset] {
        assert!(!left.contains(&gone));
    }
}

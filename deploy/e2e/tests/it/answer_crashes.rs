//! `kill -9` while somebody answers: what was acknowledged holds, and after a repeat of the request
//! nothing is half done, whoever died and when.

use bson::{Document, doc};
use e2e::{OwnMongod, Platform, Program, rounds};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person};

use crate::{
    confirmations::{
        answer_to, answered, cancellation, custodial_account, eventually, invite, keys, mailed_key,
        offer, pending_key, permissions, reset_mails, status,
    },
    disturbance::{assert_answer, disturb, told},
    people::{Member, PASSWORD, delete_account, log_in_request, sign_up},
};

/// Kinds of answers that are disturbed.
const KINDS: usize = 5;
/// The programs that die.
const PROGRAMS: [Victim; 3] = [
    Victim::Program(Program::Confirm),
    Victim::Program(Program::Gatekeeper),
    Victim::Program(Program::UserApi),
];
const BIRTHDAY: &str = "2019-08-30";
const NEW_PASSWORD: &str = "a-new-long-password";

/// Who dies.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Program(Program),
    /// That of the stage. The programs live on.
    Mongod,
}

/// The status of an invitation, and what the invitee may do.
type End = (String, Option<Value>);

fn completed() -> End {
    ("completed".to_owned(), Some(offer()))
}

fn canceled() -> End {
    ("canceled".to_owned(), None)
}

/// A platform with somebody who invites and cares.
struct Stage {
    platform: Platform,
    server: Person,
    alice: Member,
    /// Where it is there to be killed.
    mongod: Option<OwnMongod>,
}

impl Stage {
    async fn set(platform: Platform, mongod: Option<OwnMongod>) -> Self {
        Self {
            server: platform.server().await,
            alice: sign_up(&platform, "alice").await,
            platform,
            mongod,
        }
    }

    /// As many rounds as `E2E_ROUNDS` says, or as many that each kind of answer meets each of the
    /// victims once.
    async fn play(&mut self, victims: &[Victim]) {
        let rounds = rounds(KINDS * victims.len());
        for round in 0..rounds {
            let kind = round % KINDS;
            let victim = victims[round / KINDS % victims.len()];
            println!("round {round} of {rounds}: kind {kind}, {victim:?}");
            let carol = sign_up(&self.platform, &format!("carol{round}")).await;
            match kind {
                0 => self.accept(victim, &carol).await,
                1 => self.cancel(victim, &carol).await,
                2 => self.accept_and_cancel(victim, &carol).await,
                3 => self.claim(victim, &address(round)).await,
                _ => self.reset(victim, &carol).await,
            }
        }
    }

    /// Sends `requests` one soon after the other, kills `victim` at some moment and starts it again.
    /// The answers, which may have come before that, meanwhile, or not at all.
    async fn disturb<const N: usize>(
        &mut self,
        victim: Victim,
        requests: [&RequestBuilder; N],
    ) -> [Option<Answer>; N] {
        let kill = async || match victim {
            Victim::Program(program) => {
                self.platform.kill(program);
                self.platform.restart(program).await;
            }
            Victim::Mongod => {
                let mongod = self.mongod.as_mut().unwrap();
                mongod.kill();
                mongod.restart().await;
            }
        };
        disturb(requests, kill).await
    }

    async fn accept(&mut self, victim: Victim, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let request = answer_to("accept", &key, &self.alice, carol);

        let [answer] = self.disturb(victim, [&request]).await;

        let is_done = told(answer, 200, &[]) == Some(200);
        if is_done {
            assert_eq!(self.seen(&key, carol).await, completed());
        }
        let repeated = answered(&request).await;
        // It may have been done without an answer.
        assert_answer(&repeated, if is_done { &[403] } else { &[200, 403] });
        assert_eq!(self.end(&key, carol).await, completed());
    }

    async fn cancel(&mut self, victim: Victim, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let request = cancellation(&self.alice, carol);

        let [answer] = self.disturb(victim, [&request]).await;

        let is_done = told(answer, 200, &[]) == Some(200);
        if is_done {
            assert_eq!(self.seen(&key, carol).await, canceled());
        }
        let repeated = answered(&request).await;
        assert_answer(&repeated, if is_done { &[404] } else { &[200, 404] });
        let late = answered(&answer_to("accept", &key, &self.alice, carol)).await;
        assert_answer(&late, &[403]);
        assert_eq!(self.end(&key, carol).await, canceled());
    }

    async fn accept_and_cancel(&mut self, victim: Victim, carol: &Member) {
        let key = invite(&self.alice, carol).await;
        let accept = answer_to("accept", &key, &self.alice, carol);
        let cancel = cancellation(&self.alice, carol);

        let [acceptance, cancellation] = self.disturb(victim, [&accept, &cancel]).await;

        let (acceptance, cancellation) = (
            told(acceptance, 200, &[403]),
            told(cancellation, 200, &[404]),
        );
        if acceptance == Some(200) {
            assert_eq!(self.seen(&key, carol).await, completed());
        }
        if cancellation == Some(200) {
            assert_eq!(self.seen(&key, carol).await, canceled());
        }
        let repeated = answered(&accept).await;
        assert_answer(&repeated, &[200, 403]);
        let end = self.end(&key, carol).await;
        assert!(end == completed() || end == canceled(), "{end:?}");
        // Whoever was told something, be it that the other one was faster, was told the truth.
        for (told, status, wanted) in [
            (acceptance, 200, completed()),
            (acceptance, 403, canceled()),
            (cancellation, 200, canceled()),
            (cancellation, 404, completed()),
            (Some(repeated.status), 200, completed()),
        ] {
            assert!(told != Some(status) || end == wanted, "{told:?}, {end:?}");
        }
    }

    async fn claim(&mut self, victim: Victim, address: &str) {
        let id = custodial_account(&self.alice, address, BIRTHDAY).await;
        let key = pending_key(&self.platform, "signup_confirmation", address).await;
        let claim = json!({ "password": PASSWORD, "birthday": BIRTHDAY });
        let path = format!("/confirm/accept/signup/{key}");
        let nobody = self.platform.person(None);
        let request = nobody.request(Method::PUT, &path).json(&claim);

        let [answer] = self.disturb(victim, [&request]).await;

        if told(answer, 200, &[]) == Some(200) {
            assert_eq!(self.log_in(address, PASSWORD).await, 200);
            assert_eq!(status(&self.platform, &key).await, "completed");
        }
        let repeated = answered(&request).await;
        assert_answer(&repeated, &[200]);
        assert_eq!(self.log_in(address, PASSWORD).await, 200);
        assert_eq!(status(&self.platform, &key).await, "completed");
        let members = self.server.request(Method::GET, &format!("/access/{id}"));
        eventually("Alice is no custodian", async || {
            let members: Value = answered(&members).await.json();
            members[&self.alice.id] == json!({ "view": {}, "upload": {} })
        })
        .await;
    }

    async fn reset(&mut self, victim: Victim, carol: &Member) {
        let path = format!("/confirm/send/forgot/{}", carol.address);
        let nobody = self.platform.person(None);
        let known = reset_mails(&self.platform, &carol.address);
        assert_eq!(
            answered(&nobody.request(Method::POST, &path)).await.status,
            200
        );
        let id = pending_key(&self.platform, "password_reset", &carol.address).await;
        let key = mailed_key(&self.platform, &carol.address, &known).await;
        let reset = json!({ "key": key, "email": carol.address, "password": NEW_PASSWORD });
        let request = nobody
            .request(Method::PUT, "/confirm/accept/forgot")
            .json(&reset);

        let [answer] = self.disturb(victim, [&request]).await;

        // By contract 400 also says that the password could not be set just now.
        let is_done = told(answer, 200, &[400]) == Some(200);
        if is_done {
            self.assert_is_reset(&id, carol).await;
        }
        let mut repeated = answered(&request).await;
        eventually("the reset is answered", async || {
            if repeated.status == 400 {
                repeated = answered(&request).await;
            }
            repeated.status != 400
        })
        .await;
        assert_answer(&repeated, if is_done { &[404] } else { &[200, 404] });
        self.assert_is_reset(&id, carol).await;
    }

    /// Asserts that the new password opens the account, and it alone.
    async fn assert_is_reset(&self, id: &str, carol: &Member) {
        assert_eq!(self.log_in(&carol.address, NEW_PASSWORD).await, 200);
        assert_eq!(self.log_in(&carol.address, PASSWORD).await, 401);
        assert_eq!(status(&self.platform, id).await, "completed");
    }

    /// The first answer to a log-in by somebody who could.
    async fn log_in(&self, address: &str, password: &str) -> u16 {
        let request = log_in_request(&self.platform, address, password);
        answered(&request).await.status
    }

    /// What everybody can see of the invitation `key` of `carol` at this moment.
    async fn seen(&self, key: &str, carol: &Member) -> End {
        (
            status(&self.platform, key).await,
            permissions(&self.server, &self.alice, carol).await,
        )
    }

    /// The same when no row is left that could still change it.
    async fn end(&self, key: &str, carol: &Member) -> End {
        let rows = self.platform.database(Program::Confirm);
        let rows = rows.collection::<Document>("outbox");
        let of_it = doc! { "key": format!("invitation:{key}") };
        eventually("nothing is under way", async || {
            rows.count_documents(of_it.clone()).await.unwrap() == 0
        })
        .await;
        self.seen(key, carol).await
    }
}

fn address(round: usize) -> String {
    format!("greta{round}@example.org")
}

#[actix_web::test]
async fn no_answer_is_half_done_wherever_a_program_dies() {
    let mut stage = Stage::set(Platform::start().await, None).await;
    stage.play(&PROGRAMS).await;
}

#[actix_web::test]
async fn no_answer_is_half_done_when_mongod_dies() {
    let mongod = match OwnMongod::start().await {
        Ok(mongod) => mongod,
        Err(why) => {
            eprintln!("skipped: no MongoDB on this machine that may be killed: {why:#}");
            return;
        }
    };
    let platform = Platform::start_on(mongod.uri()).await;
    let mut stage = Stage::set(platform, Some(mongod)).await;
    stage.play(&[Victim::Mongod]).await;
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
        .database(Program::Confirm)
        .collection::<Document>("confirmations");
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

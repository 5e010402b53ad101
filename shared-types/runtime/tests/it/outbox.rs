//! The durable outbox.

use std::{
    cell::RefCell,
    collections::HashSet,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::rt;
use anyhow::bail;
use bson::{Document, doc};
use mongodb::Collection;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    config::OutboxSettings,
    mongo::{Aborted, transaction},
    outbox::{Effect, Effects, Hopeless, Outbox},
    testing::TestDatabase,
};
use tokio_util::sync::CancellationToken;

/// A receiver that notes what it got and refuses what it is told to refuse.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    pub(crate) got: Rc<RefCell<Vec<String>>>,
    pub(crate) refused: Rc<RefCell<HashSet<String>>>,
}

/// A row with a name of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) key: String,
    #[serde(skip)]
    pub(crate) delay: Duration,
}

impl Effect for Named {
    const TOPIC: &'static str = "test";

    fn key(&self) -> String {
        self.key.clone()
    }

    fn delay(&self) -> Duration {
        self.delay
    }
}

async fn receive(receiver: &Receiver, row: &Named) -> anyhow::Result<()> {
    if receiver.refused.borrow().contains(&row.name) {
        bail!("refused");
    }
    if row.name == "hopeless" {
        return Err(Hopeless("nobody has that address".to_owned()).into());
    }
    receiver.got.borrow_mut().push(row.name.clone());
    if row.name == "slow" {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) outbox: Outbox,
    pub(crate) receiver: Receiver,
    stop: CancellationToken,
}

impl Stage {
    pub(crate) async fn new(max_attempts: u32) -> Self {
        let database = TestDatabase::create().await;
        let settings = OutboxSettings {
            max_attempts,
            max_backoff_s: 0,
            lease_s: 30,
        };
        let outbox = Outbox::open(&database.database, &settings).await.unwrap();
        Self {
            database,
            outbox,
            receiver: Receiver::default(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) fn start_relay(&self) {
        self.start_relay_until(self.stop.clone());
    }

    fn start_relay_until(&self, stop: CancellationToken) -> rt::task::JoinHandle<()> {
        let outbox = self.outbox.clone();
        let effects = Effects::of(self.receiver.clone()).on(receive);
        rt::spawn(async move { outbox.relay(&effects, &stop).await })
    }

    pub(crate) async fn enqueue(&self, key: &str, name: &str) {
        self.outbox.enqueue_alone(&named(key, name)).await.unwrap();
    }

    async fn states(&self) -> Vec<String> {
        let rows: Collection<Document> = self.database.database.collection("outbox");
        let mut states = Vec::new();
        let mut cursor = rows.find(doc! {}).await.unwrap();
        while cursor.advance().await.unwrap() {
            let row = cursor.deserialize_current().unwrap();
            states.push(row.get_str("state").unwrap().to_owned());
        }
        states
    }

    /// Waits until nothing is left but one dead row: the receiver has a row a moment before its
    /// delivery is noted.
    async fn left_dead(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.states().await != ["dead"] {
            assert!(Instant::now() < deadline, "{:?}", self.states().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the receiver has got `count` rows.
    pub(crate) async fn got(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.receiver.got.borrow().len() < count {
            assert!(
                Instant::now() < deadline,
                "only {:?} came",
                self.receiver.got.borrow()
            );
            self.outbox.wake();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.receiver.got.borrow().clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn named(key: &str, name: &str) -> Named {
    Named {
        name: name.to_owned(),
        key: key.to_owned(),
        delay: Duration::ZERO,
    }
}

#[actix_web::test]
async fn rows_of_one_key_arrive_in_order_and_a_failing_one_holds_back_only_its_key() {
    let stage = Stage::new(1_000_000).await;
    stage.receiver.refused.borrow_mut().insert("a1".to_owned());
    for name in ["a1", "a2", "a3"] {
        stage.enqueue("a", name).await;
    }
    stage.enqueue("b", "b1").await;
    stage.start_relay();
    assert_eq!(stage.got(1).await, ["b1"]);
    stage.receiver.refused.borrow_mut().clear();
    assert_eq!(stage.got(4).await, ["b1", "a1", "a2", "a3"]);
}

#[actix_web::test]
async fn a_row_that_keeps_failing_is_set_aside_and_can_be_revived() {
    let stage = Stage::new(3).await;
    stage.receiver.refused.borrow_mut().insert("bad".to_owned());
    stage.enqueue("a", "bad").await;
    stage.enqueue("a", "good").await;
    stage.start_relay();
    assert_eq!(stage.got(1).await, ["good"]);
    stage.left_dead().await;
    stage.receiver.refused.borrow_mut().clear();
    assert_eq!(stage.outbox.revive().await.unwrap(), 1);
    assert_eq!(stage.got(2).await, ["good", "bad"]);
}

#[actix_web::test]
async fn a_row_of_a_transaction_that_is_refused_does_not_exist() {
    let stage = Stage::new(3).await;
    let outcome: Result<(), Aborted<&str>> =
        transaction(stage.database.database.client(), async |session| {
            stage.outbox.enqueue(session, &named("a", "never")).await?;
            Err(Aborted::Refused("no"))
        })
        .await;
    assert!(matches!(outcome, Err(Aborted::Refused("no"))));
    assert!(stage.states().await.is_empty());
}

#[actix_web::test]
async fn a_delayed_row_waits_and_can_be_withdrawn_once() {
    let stage = Stage::new(3).await;
    let undo = Named {
        delay: Duration::from_hours(1),
        ..named("a", "undo")
    };
    let id = stage.outbox.enqueue_alone(&undo).await.unwrap();
    stage.enqueue("b", "other").await;
    stage.start_relay();
    assert_eq!(stage.got(1).await, ["other"]);
    let withdraw = async || -> Result<bool, Aborted<()>> {
        transaction(stage.database.database.client(), async |session| {
            Ok(stage.outbox.withdraw(session, id).await?)
        })
        .await
    };
    assert!(withdraw().await.unwrap());
    assert!(!withdraw().await.unwrap());
}

#[actix_web::test]
async fn two_relays_do_not_deliver_one_row_twice() {
    let stage = Stage::new(3).await;
    for number in 0..50 {
        stage
            .enqueue(&format!("key {}", number % 10), &number.to_string())
            .await;
    }
    stage.start_relay();
    stage.start_relay();
    let mut got = stage.got(50).await;
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 50);
    assert_eq!(stage.receiver.got.borrow().len(), 50);
}

#[actix_web::test]
async fn a_relay_that_stops_in_order_hands_over_to_one_that_runs_already() {
    let stage = Stage::new(3).await;
    let first = CancellationToken::new();
    let stopped = stage.start_relay_until(first.clone());
    stage.enqueue("a", "a1").await;
    assert_eq!(stage.got(1).await, ["a1"]);
    stage.start_relay();
    first.cancel();
    stopped.await.unwrap();
    stage.enqueue("a", "a2").await;
    assert_eq!(stage.got(2).await, ["a1", "a2"]);
}

#[actix_web::test]
async fn a_relay_that_stops_in_order_finishes_what_is_under_way_and_begins_nothing() {
    let stage = Stage::new(3).await;
    stage.enqueue("a", "slow").await;
    stage.enqueue("a", "next").await;
    let stop = CancellationToken::new();
    let stopped = stage.start_relay_until(stop.clone());
    assert_eq!(stage.got(1).await, ["slow"]);
    stop.cancel();
    stopped.await.unwrap();
    assert_eq!(stage.states().await, ["pending"]);
    stage.start_relay();
    assert_eq!(stage.got(2).await, ["slow", "next"]);
}

#[actix_web::test]
async fn what_no_repeat_can_mend_is_dead_at_once_and_holds_nothing_back() {
    let stage = Stage::new(100).await;
    stage.enqueue("a", "hopeless").await;
    stage.enqueue("a", "next").await;
    stage.start_relay();
    assert_eq!(stage.got(1).await, ["next"]);
    stage.left_dead().await;
}

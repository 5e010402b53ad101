//! The outbox under a backlog: what a look costs, who waits for whom, and who does not.

use std::{
    cell::Cell,
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::rt;
use bson::{DateTime, Document, Timestamp, doc, oid::ObjectId};
use chrono::Utc;
use futures_util::future::join_all;
use mongodb::Collection;
use rand::RngExt as _;
use shared_runtime::{
    mongo::{Aborted, transaction},
    outbox::RowId,
    testing::{Profile, Work, assert_indexed},
};

use crate::outbox::{Named, Stage, named};

/// Rows that wait.
const BACKLOG: u32 = 20_000;

/// Documents or index keys that one command of the relay may look at: a batch, each row with its
/// place in an index, and the end of the scan.
const ENOUGH: i64 = 410;

/// Marks what the test asks the database itself.
const OURS: &str = "test";

/// A row as every release has written it.
fn row(key: &str, number: u32, next_attempt_at: DateTime) -> Document {
    doc! {
        "_id": ObjectId::new(), "key": key, "topic": "test",
        "payload": { "name": format!("{key} {number}") },
        "sequence": Timestamp { time: 1_700_000_000, increment: number },
        "state": "pending", "attempts": 0, "nextAttemptAt": next_attempt_at,
        "enqueuedAt": DateTime::from_millis(1_700_000_000_000),
    }
}

fn in_an_hour() -> DateTime {
    DateTime::from_chrono(Utc::now() + chrono::Duration::hours(1))
}

fn an_hour_ago() -> DateTime {
    DateTime::from_chrono(Utc::now() - chrono::Duration::hours(1))
}

/// The first row of `key`, which waits, and `followers` that would be due.
fn blocked(key: &str, followers: u32) -> Vec<Document> {
    let due = an_hour_ago();
    let followers = (1..=followers).map(|number| row(key, number, due));
    [row(key, 0, in_an_hour())]
        .into_iter()
        .chain(followers)
        .collect()
}

impl Stage {
    fn rows(&self) -> Collection<Document> {
        self.database.database.collection("outbox")
    }

    async fn fill(&self, rows: Vec<Document>) {
        self.rows().insert_many(rows).await.unwrap();
    }

    async fn make_due(&self, filter: Document) {
        let due = doc! { "$set": { "nextAttemptAt": an_hour_ago() } };
        let made = self.rows().update_many(filter, due).await.unwrap();
        assert!(made.matched_count > 0);
    }

    /// Notes from here on what the database does.
    async fn observe(&self) -> Profile<'_> {
        Profile::start(&self.database.database).await
    }

    async fn withdraw(&self, id: RowId) -> bool {
        let withdrawn: Result<bool, Aborted<()>> =
            transaction(self.database.database.client(), async |session| {
                Ok(self.outbox.withdraw(session, id).await?)
            })
            .await;
        withdrawn.unwrap()
    }

    async fn due_rows(&self) -> u64 {
        let due = doc! { "state": "pending", "nextAttemptAt": { "$lte": DateTime::now() } };
        let rows = self.rows();
        rows.count_documents(due).comment(OURS).await.unwrap()
    }

    /// Waits until no row is among those that are due.
    async fn nothing_is_due(&self) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while self.due_rows().await > 0 {
            assert!(Instant::now() < deadline, "rows stay due");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no row is left.
    async fn gone(&self) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while self.rows().count_documents(doc! {}).await.unwrap() > 0 {
            let left = self.rows().find_one(doc! {}).await.unwrap();
            assert!(Instant::now() < deadline, "left: {left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the relay had the database do with its rows.
async fn observed(profile: Profile<'_>) -> Vec<Work> {
    let mut work = profile.end().await;
    work.retain(|work| {
        let is_ours = work.command().get_str("comment").is_ok_and(|by| by == OURS);
        work.collection() == "outbox" && work.operation() != "insert" && !is_ours
    });
    work
}

/// The counts for the metrics, which come every few seconds and look at an index only.
fn is_count(work: &Work) -> bool {
    work.command().to_string().contains("$sum")
}

fn assert_bounded(work: &[Work]) {
    let (counts, looks): (Vec<_>, Vec<_>) = work.iter().partition(|work| is_count(work));
    assert_indexed(looks, ENOUGH);
    assert_indexed(counts.iter().copied(), i64::MAX);
    for count in &counts {
        assert_eq!(count.documents(), 0, "{count:?}");
    }
    // Two states, every few seconds.
    let at = |work: Option<&Work>| work.unwrap().0.get_datetime("ts").unwrap().to_chrono();
    let lasted = at(work.last()) - at(work.first());
    let counts = i64::try_from(counts.len()).unwrap();
    assert!(
        counts <= 2 * (lasted.num_seconds() / 5 + 1),
        "{counts} counts in {lasted}"
    );
}

#[actix_web::test]
async fn a_look_does_not_see_the_rows_that_are_not_due() {
    let stage = Stage::new(3).await;
    let later = in_an_hour();
    let waiting = (0..BACKLOG).map(|number| row(&format!("key {number}"), number, later));
    stage.fill(waiting.collect()).await;
    let profile = stage.observe().await;
    stage.start_relay();
    for number in 0..20 {
        stage.enqueue("now", &number.to_string()).await;
        stage.got(number + 1).await;
    }
    let work = observed(profile).await;
    assert!(work.len() > 60, "{} commands", work.len());
    assert_bounded(&work);
}

#[actix_web::test]
async fn a_blocked_key_with_many_due_rows_neither_costs_nor_delays_the_others() {
    let stage = Stage::new(1_000_000).await;
    stage.fill(blocked("a", BACKLOG)).await;
    let profile = stage.observe().await;
    stage.enqueue("b", "b1").await;
    stage.start_relay();
    assert_eq!(stage.got(1).await, ["b1"]);
    // It has not waited until the others are out of the way.
    assert!(stage.due_rows().await > u64::from(BACKLOG / 2));
    stage.nothing_is_due().await;
    assert_bounded(&observed(profile).await);
    // Once they are out of the way, they cost nothing at all.
    let profile = stage.observe().await;
    for number in 0..5 {
        stage.enqueue("b", "more").await;
        stage.got(number + 2).await;
    }
    let work = observed(profile).await;
    assert_bounded(&work);
    let looked_at = work.iter().filter(|work| !is_count(work));
    let looked_at: i64 = looked_at.map(Work::documents).sum();
    assert!(looked_at < 100, "{looked_at} rows");
    // Their turn comes with the first.
    stage.make_due(doc! { "payload.name": "a 0" }).await;
    let got = stage.got(100).await;
    let expected: Vec<String> = (0..94).map(|number| format!("a {number}")).collect();
    assert_eq!(got[6..100], expected);
}

#[actix_web::test]
async fn a_backlog_drains_at_a_cost_that_grows_with_its_rows_only() {
    const ROWS: u32 = 600;
    let stage = Stage::new(3).await;
    let due = an_hour_ago();
    let own_keys = (0..ROWS / 3).map(|number| row(&format!("key {number}"), number, due));
    let shared_keys = (0..ROWS / 3).map(|number| row(["x", "y"][number as usize % 2], number, due));
    let one_key = (0..ROWS / 3).map(|number| row("z", number, due));
    stage
        .fill(own_keys.chain(shared_keys).chain(one_key).collect())
        .await;
    let profile = stage.observe().await;
    stage.start_relay();
    let got = stage.got(ROWS as usize).await;
    assert_eq!(got.len(), ROWS as usize);
    for key in ["x ", "y ", "z "] {
        let of_key = got.iter().filter_map(|name| name.strip_prefix(key));
        assert!(
            of_key
                .map(|number| number.parse::<u32>().unwrap())
                .is_sorted()
        );
    }
    let work = observed(profile).await;
    assert_bounded(&work);
    let looked_at: i64 = work.iter().map(Work::documents).sum();
    assert!(looked_at < 15 * i64::from(ROWS), "{looked_at} rows");
}

#[actix_web::test]
async fn the_next_row_of_a_key_goes_when_the_first_is_delivered_withdrawn_or_dead() {
    let stage = Stage::new(1).await;
    stage
        .receiver
        .refused
        .borrow_mut()
        .insert("dies 0".to_owned());
    for key in ["arrives", "is withdrawn", "dies"] {
        stage.fill(blocked(key, 2)).await;
    }
    stage.start_relay();
    stage.nothing_is_due().await;
    assert!(stage.receiver.got.borrow().is_empty());
    stage.make_due(doc! { "payload.name": "arrives 0" }).await;
    assert_eq!(stage.got(3).await, ["arrives 0", "arrives 1", "arrives 2"]);
    let first = doc! { "payload.name": "is withdrawn 0" };
    let first = stage.rows().find_one(first).await.unwrap().unwrap();
    assert!(
        stage
            .withdraw(first.get_object_id("_id").unwrap().bytes().into())
            .await
    );
    let got = stage.got(5).await;
    assert_eq!(got[3..], ["is withdrawn 1", "is withdrawn 2"]);
    stage.make_due(doc! { "payload.name": "dies 0" }).await;
    let got = stage.got(7).await;
    assert_eq!(got[5..], ["dies 1", "dies 2"]);
    stage.receiver.refused.borrow_mut().clear();
    assert_eq!(stage.outbox.revive().await.unwrap(), 1);
    assert_eq!(stage.got(8).await[7], "dies 0");
}

#[actix_web::test]
async fn a_row_keeps_its_own_time_when_the_one_before_it_goes() {
    let stage = Stage::new(3).await;
    stage.fill(blocked("a", 1)).await;
    let own_time = Named {
        delay: Duration::from_mins(30),
        ..named("a", "later")
    };
    stage.outbox.enqueue_alone(&own_time).await.unwrap();
    stage.enqueue("a", "last").await;
    stage.start_relay();
    stage.nothing_is_due().await;
    stage.make_due(doc! { "payload.name": "a 0" }).await;
    stage.enqueue("b", "other").await;
    let mut got = stage.got(3).await;
    got.sort();
    assert_eq!(got, ["a 0", "a 1", "other"]);
    stage.nothing_is_due().await;
    assert_eq!(stage.got(3).await.len(), 3);
    stage.make_due(doc! { "payload.name": "later" }).await;
    let got = stage.got(5).await;
    assert_eq!(got[3..], ["later", "last"]);
}

/// Rows of a few keys are enqueued, withdrawn and refused at the same time, while two relays run:
/// what was not withdrawn arrives, each key in order.
#[actix_web::test]
async fn rows_stay_in_order_and_none_is_forgotten_whatever_happens_at_once() {
    const KEYS: usize = 6;
    const ROUNDS: usize = 60;
    let stage = Rc::new(Stage::new(1_000_000).await);
    stage.start_relay();
    stage.start_relay();
    let at_work = Rc::new(Cell::new(true));
    // Every row is refused for a while now and then.
    let (refusing, busy) = (Rc::clone(&stage), Rc::clone(&at_work));
    rt::spawn(async move {
        while busy.get() {
            let round = rand::rng().random_range(0..ROUNDS);
            let names = (0..KEYS).map(|key| format!("{key} {round}"));
            refusing.receiver.refused.borrow_mut().extend(names);
            tokio::time::sleep(Duration::from_millis(20)).await;
            if rand::rng().random_bool(0.3) {
                refusing.receiver.refused.borrow_mut().clear();
            }
        }
        refusing.receiver.refused.borrow_mut().clear();
    });
    let enqueuers = (0..KEYS).map(|key| {
        let stage = Rc::clone(&stage);
        async move {
            let mut withdrawn = 0;
            let mut earlier = Vec::new();
            for round in 0..ROUNDS {
                let is_late = rand::rng().random_bool(0.3);
                let row = Named {
                    delay: Duration::from_millis(if is_late { 200 } else { 0 }),
                    ..named(&key.to_string(), &format!("{key} {round}"))
                };
                let id: Result<RowId, Aborted<()>> =
                    transaction(stage.database.database.client(), async |session| {
                        Ok(stage.outbox.enqueue(session, &row).await?)
                    })
                    .await;
                stage.outbox.wake();
                earlier.push(id.unwrap());
                if round % 3 == 0 {
                    let chosen =
                        rand::rng().random_range(earlier.len().saturating_sub(8)..earlier.len());
                    withdrawn += usize::from(stage.withdraw(earlier.swap_remove(chosen)).await);
                }
            }
            withdrawn
        }
    });
    let withdrawn: usize = join_all(enqueuers).await.into_iter().sum();
    at_work.set(false);
    stage.gone().await;
    let got = stage.receiver.got.borrow().clone();
    let mut by_key: HashMap<&str, Vec<usize>> = HashMap::new();
    for name in &got {
        let (key, round) = name.split_once(' ').unwrap();
        by_key.entry(key).or_default().push(round.parse().unwrap());
    }
    assert_eq!(by_key.len(), KEYS);
    for (key, rounds) in by_key {
        assert!(rounds.is_sorted(), "{key}: {rounds:?}");
    }
    // A row may arrive and be withdrawn before its delivery is noted.
    assert!(
        got.len() + withdrawn >= KEYS * ROUNDS,
        "{}, {withdrawn}",
        got.len()
    );
}

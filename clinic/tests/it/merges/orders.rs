//! Hospitals order while two clinics become one.

use bson::{DateTime, doc};
use clinic::State;
use serde_json::{Value, json};
use shared_runtime::testing::{beside, eventually};
use stand_ins::Xealth;

use super::{
    Pair, count,
    meanwhile::{MERGING, finish},
};
use crate::{
    hospital::{self, ordered, reports, store},
    world::{assert_empty, assert_refused},
    xealth::{self, DEPLOYMENT},
    xealth_cancellations::active,
    xealth_orders::{notification, order, report},
};

const DAY: &str = "2001-02-03";

fn ana() -> Value {
    json!({ "fullName": "Ana Elm", "birthDate": DAY, "mrn": "MRN-1" })
}

/// Keeps every worker from the merge until then.
async fn hold_merge(pair: &Pair, until: DateTime) {
    let held = doc! { "$set": { "owner": "somebody", "leasedUntil": until } };
    let merges = pair.world.collection("merges");
    merges.update_one(doc! {}, held).await.unwrap();
}

#[actix_web::test]
async fn an_order_of_redox_waits_for_the_end_of_the_merge() {
    let gone = "no clinic is connected to where the message comes from";
    for (is_of_target, outcome, reason) in [
        (true, "enabled", Value::Null),
        (false, "refused", json!(gone)),
    ] {
        let mut pair = Pair::start_as(0, |config| {
            config.redox.verification_token = Some(hospital::TOKEN.into());
            config.redox.worker = true;
        })
        .await;
        let connected = if is_of_target {
            &pair.target
        } else {
            &pair.source
        };
        hospital::connect(&pair.world, connected, &hospital::settings()).await;
        let ana = pair.enrol(&pair.source, &ana()).await;
        pair.world.settled().await;
        pair.world.rest();
        assert_empty(&pair.merge().await, 200);
        hold_merge(&pair, DateTime::MAX).await;
        let message = hospital::order(1, "ENABLE-1", ("Ana", "Elm"), DAY, "MRN-1");
        store(&pair.world, &message).await;

        let state = State::connect(&pair.world.config).await.unwrap();
        let worker = beside(async move |stop| state.relay(&stop).await);
        let (tried, done) = (doc! { "attempts": { "$gt": 0 } }, doc! {});
        eventually("a try of the order", async || {
            count(&pair.world, "redox_feeds", tried.clone()).await > 0
                || count(&pair.world, "redox_orders", done.clone()).await > 0
        })
        .await;
        assert_eq!(reports(&pair.world).await, [Value::Null; 0]);
        assert_eq!(ordered(&pair.world, &ana).await, None);
        hold_merge(&pair, DateTime::MIN).await;
        hospital::worked_off(&pair.world).await;
        let reports = reports(&pair.world).await;
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert_eq!(reports[0]["outcome"], outcome, "{reports:?}");
        assert_eq!(reports[0]["reason"], reason);
        let on = ordered(&pair.world, &ana).await;
        let is_active = on.map(|on| on.get_bool("active").unwrap());
        assert_eq!(is_active, is_of_target.then_some(true));
        assert_eq!(
            count(&pair.world, "merges", doc! { "doneTime": null }).await,
            0
        );
        drop(worker);
    }
}

#[actix_web::test]
async fn xealth_is_told_to_come_again_until_the_merge_is_done() {
    let stand_in = Xealth::start();
    let mut pair = Pair::start_as(0, |config| xealth::enable(config, &stand_in.url())).await;
    let settings = xealth::settings_of(DEPLOYMENT);
    hospital::connect(&pair.world, &pair.target, &settings).await;
    pair.enrol(&pair.source, &ana()).await;
    for id in ["o-1", "o-2"] {
        stand_in.has(DEPLOYMENT, id, &order(None, DAY));
    }
    pair.world.settled().await;
    pair.world.rest();
    assert_empty(&pair.merge().await, 200);
    let canceled = notification("e-1", "cancel", "o-1");
    let new = notification("e-2", "new", "o-2");
    for _ in 0..2 {
        for notification in [&canceled, &new] {
            assert_refused(&report(&pair.world, notification).await, 409, MERGING);
        }
    }
    assert!(active(&pair.world).await.iter().all(Option::is_none));
    finish(&pair).await;
    for (notification, is_active) in [(&canceled, false), (&new, true), (&canceled, true)] {
        assert_empty(&report(&pair.world, notification).await, 200);
        assert!(active(&pair.world).await.contains(&Some(is_active)));
    }
}

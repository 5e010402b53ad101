//! Xealth repeats what failed, and a repeat may come after the order was canceled.

use bson::Document;
use futures_util::future::join;
use serde_json::{Value, json};
use shared_runtime::testing::eventually;
use stand_ins::{user_api::Ask as Account, xealth::Ask};

use crate::{
    hospital::patient,
    world::{World, assert_empty},
    xealth::{DAY, DEPLOYMENT, keep},
    xealth_orders::{MRN, connected, documents, later, notification, order, report},
};

fn without_time(event: &str, context: &str) -> Value {
    let mut without = notification(event, context, "o-1");
    without["eventTimeStamp"].take();
    without
}

/// Whether reports are ordered for each patient; `None`: nothing ever was.
pub(crate) async fn active(world: &World) -> Vec<Option<bool>> {
    let patients = documents(world, "patients").await;
    let is_active = |patient: &Document| {
        let ordered = patient.get_document("ehrSubscriptions").ok()?;
        let ordered = ordered.get_document("xealthReports").ok()?;
        ordered.get_bool("active").ok()
    };
    patients.iter().map(is_active).collect()
}

#[actix_web::test]
async fn what_was_canceled_for_nobody_makes_nobody_when_it_is_repeated() {
    let none: [Option<bool>; 0] = [];
    for (new, canceled) in [
        (
            notification("e-1", "new", "o-1"),
            later("e-2", "cancel", "o-1"),
        ),
        (
            notification("e-1", "new", "o-1"),
            notification("e-2", "cancel", "o-1"),
        ),
        (
            without_time("e-1", "new"),
            notification("e-2", "cancel", "o-1"),
        ),
        (later("e-1", "new", "o-1"), without_time("e-2", "cancel")),
    ] {
        let (xealth, world, _) = connected().await;
        keep(&world, "t-1", &json!({}), DAY).await;
        xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
        // Before it is kept, or after.
        xealth.fail(Ask::Order, 503);
        assert_eq!(report(&world, &new).await.status, 500);
        xealth.mend_all();
        let mut other = new.clone();
        other["eventId"] = json!("e-0");
        world.user_api.fail(Account::Create, 500);
        assert_eq!(report(&world, &other).await.status, 500);
        world.user_api.mend_all();
        assert_empty(&report(&world, &canceled).await, 200);
        for repeat in [&new, &new, &other] {
            assert_empty(&report(&world, repeat).await, 200);
            assert_eq!(active(&world).await, none, "{new} {canceled}");
        }
        // What is ordered under other numbers, or later, is not meant.
        if canceled["eventTimeStamp"].is_string() {
            let mut again = new.clone();
            again["eventId"] = json!("e-3");
            again["eventTimeStamp"] = json!("2030-02-03T23:22:30.000Z");
            assert_empty(&report(&world, &again).await, 200);
            assert_eq!(active(&world).await, [Some(true)]);
        }
    }
}

#[actix_web::test]
async fn what_was_canceled_for_a_patient_does_not_stand_again_when_it_is_repeated() {
    let (xealth, world, clinic) = connected().await;
    patient(&world, &clinic, "Ana Elm", DAY, MRN).await;
    for order_id in ["o-1", "o-2"] {
        xealth.has(DEPLOYMENT, order_id, &order(None, DAY));
    }
    let new = notification("e-1", "new", "o-1");
    xealth.fail(Ask::Order, 503);
    assert_eq!(report(&world, &new).await.status, 500);
    xealth.mend_all();
    for notification in [&later("e-2", "cancel", "o-1"), &new] {
        assert_empty(&report(&world, notification).await, 200);
        assert_eq!(active(&world).await, [Some(false)]);
    }
    let other = notification("e-3", "new", "o-2");
    assert_empty(&report(&world, &other).await, 200);
    assert_eq!(active(&world).await, [Some(true)]);
}

#[actix_web::test]
async fn an_order_that_is_canceled_at_the_same_moment_does_not_stand() {
    let (xealth, world, clinic) = connected().await;
    for number in 0..12 {
        let (id, tracking_id) = (format!("o-{number}"), format!("t-{number}"));
        xealth.has(DEPLOYMENT, &id, &order(Some(&tracking_id), DAY));
        if active(&world).await.is_empty() {
            // At first the order makes an account, and later it is for somebody who is there.
            if number < 6 {
                keep(&world, &tracking_id, &json!({}), DAY).await;
            } else {
                patient(&world, &clinic, "Ana Elm", DAY, MRN).await;
            }
        }
        let new = notification("e-1", "new", &id);
        let canceled = later("e-2", "cancel", &id);
        eventually("the end of both", async || {
            let (new, canceled) = join(report(&world, &new), report(&world, &canceled)).await;
            (new.status, canceled.status) == (200, 200)
        })
        .await;
        let reports = active(&world).await;
        assert!(!reports.contains(&Some(true)), "{number}: {reports:?}");
    }
}

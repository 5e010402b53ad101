//! What is entered before something is ordered: what is taken, and how long it stays.

use bson::{DateTime, doc};
use chrono::{TimeDelta, Utc};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use crate::xealth::{DAY, ask, connected_clinic, enabled, keep, kept, paragraphs, subsequent};

#[actix_web::test]
async fn an_address_that_is_none_or_somebody_elses_is_not_kept() {
    let world = enabled().await;
    connected_clinic(&world).await;
    world.user_api.has_with(
        "a000000009",
        json!({ "username": "taken@example.org", "emails": ["taken@example.org"] }),
    );
    for (email, problem) in [
        ("no address", "The email address is not valid."),
        (
            "Taken@example.org",
            "Somebody else has an account with this email address.",
        ),
    ] {
        let input = json!({ "patient": { "email": email } });
        let answer = ask(&world, &subsequent("t-1", &input, DAY)).await;
        assert_eq!(paragraphs(&answer)[0], problem, "{email}");
        let form: Value = answer.json();
        assert_eq!(form["dataTrackingId"], "t-1");
        assert_eq!(form["preorderFormInfo"]["formData"], input);
    }
    assert_eq!(kept(&world).await.len(), 0);
}

#[actix_web::test]
async fn an_address_that_several_old_accounts_share_is_not_kept() {
    let world = enabled().await;
    connected_clinic(&world).await;
    for id in ["a000000008", "a000000009"] {
        let shared = json!({ "username": id, "emails": ["shared@example.org"] });
        world.user_api.has_with(id, shared);
    }
    let input = json!({ "patient": { "email": "shared@example.org" } });
    let answer = ask(&world, &subsequent("t-1", &input, DAY)).await;
    let taken = "Somebody else has an account with this email address.";
    assert_eq!(paragraphs(&answer)[0], taken);
    assert_eq!(kept(&world).await.len(), 0);
}

#[actix_web::test]
async fn what_is_entered_goes_unless_an_order_comes() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let before = Utc::now();
    keep(&world, "t-1", &json!({}), DAY).await;
    let after = Utc::now();
    let stored = kept(&world).await;
    let end = stored[0].get_datetime("_expireTime").unwrap().to_chrono();
    let days = TimeDelta::days(90);
    let exact = TimeDelta::milliseconds(1);
    assert!(before + days - exact <= end && end <= after + days, "{end}");
    let mut indexes = world
        .collection("xealth_preorder")
        .list_indexes()
        .await
        .unwrap();
    let mut by_end = None;
    while let Some(index) = indexes.try_next().await.unwrap() {
        if index.keys == doc! { "_expireTime": 1 } {
            by_end = index.options.and_then(|options| options.expire_after);
        }
    }
    assert_eq!(by_end.map(|after| after.as_secs()), Some(0));
    // One of the reference has no end, and is still known.
    let entries = world.collection("xealth_preorder");
    let of_reference = doc! {
        "dataTrackingId": "t-2", "patient": { "email": "b@example.org", "connectDexcom": false },
    };
    entries.insert_one(of_reference).await.unwrap();
    let input = json!({ "patient": { "email": "b@example.org" } });
    keep(&world, "t-2", &input, DAY).await;
    let stored = kept(&world).await;
    let ends: Vec<Option<&DateTime>> = stored
        .iter()
        .map(|entry| entry.get_datetime("_expireTime").ok())
        .collect();
    assert!(matches!(ends[..], [Some(_), None]), "{stored:#?}");
}

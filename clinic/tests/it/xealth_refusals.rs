//! What Xealth reports and is refused, or left alone.

use serde_json::{Value, json};

use crate::{
    hospital::{connect, patient},
    world::{assert_empty, assert_refused},
    xealth::{DAY, DEPLOYMENT, keep, settings_of},
    xealth_orders::{MRN, PATH, connected, documents, notification, order, report, report_raw},
};

const NO_ENTRY: &str = "bad request: preorder data is missing";

#[actix_web::test]
async fn an_order_that_lacks_something_makes_nobody() {
    let (xealth, world, clinic) = connected().await;
    keep(&world, "t-1", &json!({}), DAY).await;
    let whole = order(Some("t-1"), DAY);
    let without = |pointer: &str| {
        let mut order = whole.clone();
        *order.pointer_mut(pointer).unwrap() = Value::Null;
        order
    };
    let lacks =
        |what: &str| format!("unable to process notification: bad request: {what} is missing");
    let mut events = 0..;
    let mut refused = async |order: &Value, status: u16, message: String| {
        let name = format!("o-{}", events.next().unwrap());
        xealth.has(DEPLOYMENT, &name, order);
        let answer = report(&world, &notification(&name, "new", &name)).await;
        assert_refused(&answer, status, &message);
        assert_eq!(documents(&world, "patients").await.len(), 0);
    };
    for (order, what) in [
        (without("/patientIdentity"), "mrn"),
        (
            without("/datasets/demographicsV1/birthDate"),
            "date of birth",
        ),
        (without("/datasets/demographicsV1/name"), "full name"),
        (json!([]), "mrn"),
    ] {
        refused(&order, 400, lacks(what)).await;
    }
    for entered in [None, Some("unknown")] {
        refused(&order(entered, DAY), 400, NO_ENTRY.to_owned()).await;
    }
    // Somebody whose birth date is another has the number.
    let settings = json!({ "required": true, "unique": true });
    let path = format!("/v1/clinics/{clinic}/settings/mrn");
    assert_eq!(world.service().put(&path, &settings).await.status, 200);
    patient(&world, &clinic, "Ana Oak", "2001-02-04", MRN).await;
    xealth.has(DEPLOYMENT, "o-9", &whole);
    let answer = report(&world, &notification("e-9", "new", "o-9")).await;
    assert_refused(&answer, 400, "bad request: mrn must be unique");
    assert_eq!(world.totals(&clinic).await, (1, 1));
    // What is no order.
    let long = format!("\"{}\"", "x".repeat(10 << 20));
    for (name, text) in [("o-10", "{"), ("o-11", long.as_str())] {
        xealth.has_text(DEPLOYMENT, name, text);
        let answer = report(&world, &notification(name, "new", name)).await;
        assert_refused(&answer, 500, "Internal Server Error");
    }
}

#[actix_web::test]
async fn what_is_of_no_interest_is_left_alone() {
    let (xealth, world, clinic) = connected().await;
    let other = |member: &str, value: Value| {
        let mut message = notification("e-1", "new", "o-1");
        message[member] = value;
        message
    };
    for message in [
        other("eventType", json!("preorder")),
        other("eventContext", json!("update")),
        other("deployment", json!("elsewhere")),
        other("deployment", json!(1)),
        other("programId", json!("other")),
        other("programId", json!(null)),
        json!({}),
        json!([]),
        json!(null),
    ] {
        assert_empty(&report(&world, &message).await, 200);
    }
    let nameless = other("orderId", json!(""));
    assert_refused(
        &report(&world, &nameless).await,
        400,
        "bad request: orderId is missing",
    );
    // What JSON can say and the database cannot keep.
    let long = "x".repeat(5 << 20);
    for member in [
        r#""x": 18446744073709551615"#.to_owned(),
        r#""x\u0000": 1"#.to_owned(),
        format!(r#""x": "{long}""#),
    ] {
        let message = notification("e-1", "new", "o-1").to_string();
        let body = message.replacen('{', &format!("{{{member}, "), 1);
        let answer = report_raw(&world, "application/json", body).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    // A clinic that knows no program takes none that has no name.
    let mut without = settings_of(DEPLOYMENT);
    without["procedureCodes"] = json!({});
    connect(&world, &clinic, &without).await;
    assert_empty(&report(&world, &other("programId", json!(null))).await, 200);
    for body in ["", "{", "[".repeat(100_000).as_str()] {
        let answer = report_raw(&world, "application/json", body.to_owned()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let body = notification("e-1", "new", "o-1").to_string();
    let answer = report_raw(&world, "text/plain", body).await;
    assert_refused(&answer, 415, "Unsupported Media Type");
    let answer = world.anonymous().post(PATH, &json!({})).await;
    assert_refused(&answer, 401, "unauthorized: bearer token is required");
    assert_eq!(xealth.log(), []);
    assert_eq!(documents(&world, "xealth_order").await, []);

    let second = world.clinic_of("c000000009").await;
    connect(&world, &clinic, &settings_of(DEPLOYMENT)).await;
    connect(&world, &second, &settings_of(DEPLOYMENT)).await;
    let several = "duplicate: multiple matching clinics found";
    let message = notification("e-1", "new", "o-1");
    assert_refused(&report(&world, &message).await, 409, several);
}

//! Xealth reports orders.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Profile, assert_indexed, send};
use shared_types::ClinicEvent;
use stand_ins::{Xealth, confirm::Ask as Mail, user_api::Ask as Account, xealth::Ask};

use crate::{
    hospital::patient,
    tags,
    world::{CAROL, World, assert_empty, assert_refused},
    xealth::{DAY, DEPLOYMENT, TOKEN, connected_clinic, enabled_at, initial, keep},
};

pub(crate) const PATH: &str = "/v1/xealth/notification";
/// What is ordered.
pub(crate) const PROGRAM: &str = "CREATE-2";
pub(crate) const MRN: &str = "MRN-1";

/// A world beside a Xealth, with a clinic that is connected to it.
pub(crate) async fn connected() -> (Xealth, World, String) {
    let xealth = Xealth::start();
    let world = enabled_at(&xealth.url()).await;
    let clinic = connected_clinic(&world).await;
    (xealth, world, clinic)
}

/// The notification `event` about an order.
pub(crate) fn notification(event: &str, context: &str, order: &str) -> Value {
    json!({
        "eventId": event, "eventTimeStamp": "2030-02-03T23:20:30.000Z", "eventType": "order",
        "eventContext": context, "orderId": order, "deployment": DEPLOYMENT, "partnerId": "p",
        "programId": PROGRAM,
        "patientIdentity": { "ids": [{ "id": "E-1", "type": "enterprise", "origin": "epic" }] },
    })
}

/// The same a minute later.
pub(crate) fn later(event: &str, context: &str, order: &str) -> Value {
    let mut later = notification(event, context, order);
    later["eventTimeStamp"] = json!("2030-02-03T23:21:30.000Z");
    later
}

/// An order for Ana, after what was entered under the id.
pub(crate) fn order(tracking_id: Option<&str>, day: &str) -> Value {
    let asked = initial(day);
    let mut order = json!({
        "patientIdentity": asked["patientIdentity"], "datasets": asked["datasets"],
        "orderInfo": { "deployment": DEPLOYMENT, "orderState": "ordered", "programId": PROGRAM },
    });
    if let Some(id) = tracking_id {
        order["preorder"] = json!({ "dataTrackingId": id });
    }
    order
}

pub(crate) async fn report(world: &World, notification: &Value) -> Answer {
    report_raw(world, "application/json", notification.to_string()).await
}

pub(crate) async fn report_raw(world: &World, kind: &str, body: String) -> Answer {
    let request = world.anonymous().request(Method::POST, PATH);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    send(request.header("content-type", kind).body(body)).await
}

pub(crate) async fn documents(world: &World, name: &str) -> Vec<Document> {
    world.dump().await.remove(name).unwrap_or_default()
}

/// What is stored of what Xealth ordered for the only patient.
async fn subscription(world: &World) -> Document {
    let patients = documents(world, "patients").await;
    let [patient] = &patients[..] else {
        panic!("{patients:#?}");
    };
    let ordered = patient.get_document("ehrSubscriptions").unwrap();
    ordered.get_document("xealthReports").unwrap().clone()
}

fn orders_of(subscription: &Document) -> Vec<(&str, &str)> {
    let orders = subscription.get_array("matchedMessages").unwrap();
    let orders = orders.iter().filter_map(Bson::as_document);
    orders.map(kinds).collect()
}

fn kinds(order: &Document) -> (&str, &str) {
    (
        order.get_str("dataModel").unwrap(),
        order.get_str("eventType").unwrap(),
    )
}

#[actix_web::test]
async fn an_order_makes_an_account_once_and_asks_to_connect_what_was_chosen() {
    let (xealth, world, clinic) = connected().await;
    let tag = tags::create(&world, &clinic, "North").await;
    let about = json!({ "email": "ana@example.org", "connectAbbott": true, "connectDexcom": true });
    let tags = json!({ "ids": [tag, ObjectId::new().to_hex()] });
    keep(
        &world,
        "t-1",
        &json!({ "patient": about, "tags": tags }),
        DAY,
    )
    .await;
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
    let new = notification("e-1", "new", "o-1");
    for answer in join_all((0..4).map(|_| report(&world, &new))).await {
        assert_empty(&answer, 200);
    }
    assert_empty(&report(&world, &new).await, 200);

    let path = format!("/v1/clinics/{clinic}/patients");
    let list: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(list["meta"]["count"], 1, "{list}");
    let ana = &list["data"][0];
    assert_eq!(
        (&ana["fullName"], &ana["birthDate"], &ana["mrn"]),
        (&json!("Ana Elm"), &json!(DAY), &json!(MRN))
    );
    assert_eq!(ana["email"], "ana@example.org");
    assert_eq!(ana["tags"], json!([tag]));
    let custodial = json!({ "custodian": {}, "view": {}, "upload": {}, "note": {} });
    assert_eq!(ana["permissions"], custodial);
    for (provider, source) in ["abbott", "dexcom"].iter().zip(0..) {
        let source = &ana["dataSources"][source];
        assert_eq!(source["providerName"], *provider);
        assert_eq!(source["state"], "pending");
        assert!(source["expirationTime"].is_string(), "{source}");
        let requests = ana["connectionRequests"][provider].as_array().unwrap();
        assert_eq!(requests.len(), 1, "{ana}");
        assert_eq!(requests[0]["providerName"], *provider);
    }
    assert_eq!(ana["connectionRequests"]["twiist"], json!([]));
    assert_eq!(world.totals(&clinic).await, (1, 1));

    // What is kept is as the reference keeps it.
    let orders = documents(&world, "xealth_order").await;
    assert_eq!(orders.len(), 1);
    let event = orders[0].get_document("eventNotification").unwrap();
    assert_eq!(event.get_str("programId").unwrap(), PROGRAM);
    let time = DateTime::parse_rfc3339_str("2030-02-03T23:20:30Z").unwrap();
    assert_eq!(event.get_datetime("eventTimeStamp").unwrap(), &time);
    let data = orders[0].get_document("orderData").unwrap();
    assert!(data.contains_key("patientIdentity"));
    let subscription = subscription(&world).await;
    assert!(subscription.get_bool("active").unwrap());
    assert_eq!(subscription.get_str("provider").unwrap(), "xealth");
    assert_eq!(orders_of(&subscription), [("order", "new")]);
    let matched = subscription.get_array("matchedMessages").unwrap()[0].as_document();
    let matched = matched.unwrap().get_object_id("id").unwrap();
    assert_eq!(matched, orders[0].get_object_id("_id").unwrap());
    // The entry belongs to the order and stays.
    let entries = documents(&world, "xealth_preorder").await;
    assert!(!entries[0].contains_key("_expireTime"));

    // One mail asks to claim the account, and one to connect, whatever was chosen.
    world.settled().await;
    assert_eq!(world.confirm.asked(Mail::Claim).len(), 1);
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::ConnectionRequest);
    assert_eq!(told.len(), 1);
    assert_eq!(xealth.asked(Ask::AccessToken).len(), 1);
}

#[actix_web::test]
async fn who_cares_for_a_child_gets_the_mails() {
    let (xealth, world, clinic) = connected().await;
    let day = "2099-02-03";
    let guardian = json!({
        "firstName": "Bo", "lastName": "Elm", "email": "Bo@example.org", "connectDexcom": true,
    });
    keep(&world, "t-1", &json!({ "guardian": guardian }), day).await;
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), day));
    assert_empty(
        &report(&world, &notification("e-1", "new", "o-1")).await,
        200,
    );
    let patients = documents(&world, "patients").await;
    let [child] = &patients[..] else {
        panic!("{patients:#?}");
    };
    assert_eq!(child.get_str("fullName").unwrap(), "Ana Elm");
    assert_eq!(child.get_str("email").unwrap(), "bo@example.org");
    let requests = child.get_document("providerConnectionRequests").unwrap();
    let providers: Vec<&String> = requests.keys().collect();
    assert_eq!(providers, ["dexcom"]);
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn a_patient_who_is_there_has_reports_until_the_order_is_canceled() {
    let (xealth, world, clinic) = connected().await;
    patient(&world, &clinic, "Somebody Else", DAY, "mrn-1").await;
    xealth.has(DEPLOYMENT, "o-1", &order(None, DAY));
    for (event, context, is_active, orders) in [
        ("e-1", "new", true, 1),
        ("e-1", "new", true, 1),
        ("e-2", "cancel", false, 2),
        ("e-1", "new", false, 2),
        ("e-2", "cancel", false, 2),
        ("e-3", "new", true, 3),
    ] {
        let notification = match event {
            "e-3" => later(event, context, "o-1"),
            _ => notification(event, context, "o-1"),
        };
        assert_empty(&report(&world, &notification).await, 200);
        let subscription = subscription(&world).await;
        assert_eq!(
            subscription.get_bool("active").unwrap(),
            is_active,
            "{event}"
        );
        assert_eq!(orders_of(&subscription).len(), orders, "{event}");
    }
    let all = [("order", "new"), ("order", "cancel"), ("order", "new")];
    assert_eq!(orders_of(&subscription(&world).await), all);
    // Nobody who is there is asked to connect anything, nor made another account for.
    let patients = documents(&world, "patients").await;
    assert!(!patients[0].contains_key("providerConnectionRequests"));
    assert_eq!(world.totals(&clinic).await, (1, 1));
    // What is kept is not fetched again.
    assert_eq!(xealth.asked(Ask::Order).len(), 3);
    patient(&world, &clinic, "Ana Elm", DAY, MRN).await;
    let several = "constraint violation: multiple matching patients found";
    let again = later("e-4", "new", "o-1");
    assert_refused(&report(&world, &again).await, 422, several);
}

#[actix_web::test]
async fn what_is_canceled_for_nobody_makes_no_account() {
    let (xealth, world, _) = connected().await;
    keep(&world, "t-1", &json!({}), DAY).await;
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
    let canceled = notification("e-2", "cancel", "o-1");
    assert_empty(&report(&world, &canceled).await, 200);
    assert_eq!(documents(&world, "patients").await, []);
    // What was canceled before has no effect on who is ordered for later.
    assert_empty(&report(&world, &later("e-3", "new", "o-1")).await, 200);
    assert_empty(&report(&world, &canceled).await, 200);
    assert!(subscription(&world).await.get_bool("active").unwrap());
}

#[actix_web::test]
async fn who_was_deleted_is_not_made_again_by_a_repeat() {
    let (xealth, world, clinic) = connected().await;
    keep(&world, "t-1", &json!({}), DAY).await;
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
    let new = notification("e-1", "new", "o-1");
    assert_empty(&report(&world, &new).await, 200);
    let patients = documents(&world, "patients").await;
    let user = patients[0].get_str("userId").unwrap();
    let path = format!("/v1/clinics/{clinic}/patients/{user}");
    assert_eq!(world.user(CAROL).delete(&path).await.status, 204);
    assert_empty(&report(&world, &new).await, 200);
    assert_eq!(documents(&world, "patients").await, []);
    // A new order makes somebody again.
    keep(&world, "t-2", &json!({}), DAY).await;
    xealth.has(DEPLOYMENT, "o-2", &order(Some("t-2"), DAY));
    assert_empty(
        &report(&world, &notification("e-2", "new", "o-2")).await,
        200,
    );
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn what_is_cut_off_goes_on_with_the_repeat() {
    let (xealth, world, clinic) = connected().await;
    let input = json!({ "patient": { "email": "ana@example.org", "connectDexcom": true } });
    keep(&world, "t-1", &input, DAY).await;
    let new = notification("e-1", "new", "o-1");
    // Before it is fetched.
    assert_eq!(report(&world, &new).await.status, 500);
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
    xealth.fail(Ask::Order, 503);
    assert_eq!(report(&world, &new).await.status, 500);
    assert_eq!(documents(&world, "xealth_order").await, []);
    xealth.mend_all();
    xealth.take_asked(Ask::Order);
    // After it is kept, and before anything is made.
    world.user_api.fail(Account::Create, 500);
    for _ in 0..2 {
        assert_eq!(report(&world, &new).await.status, 500);
        assert_eq!(documents(&world, "xealth_order").await.len(), 1);
    }
    assert_eq!(documents(&world, "patients").await, []);
    world.user_api.mend_all();
    // After it is done, and before anybody was told so.
    for _ in 0..2 {
        assert_empty(&report(&world, &new).await, 200);
    }
    world.settled().await;
    assert_eq!(world.totals(&clinic).await, (1, 1));
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::ConnectionRequest);
    assert_eq!(told.len(), 1);
    assert_eq!(xealth.asked(Ask::Order).len(), 1);
}

#[actix_web::test]
async fn an_order_is_found_among_many() {
    let (xealth, world, _) = connected().await;
    let kept = |number: i32| {
        let key = doc! { "deployment": DEPLOYMENT, "orderId": format!("x-{number}") };
        doc! { "_key": key, "orderData": {} }
    };
    let orders = world.collection("xealth_order");
    orders.insert_many((0..500).map(kept)).await.unwrap();
    // Orders of other hospitals have the same number.
    let same_number = |number: i32| {
        let key = doc! {
            "deployment": format!("d-{number}"), "orderId": "o-1", "eventContext": "cancel",
        };
        doc! { "_key": key, "orderData": {} }
    };
    orders.insert_many((0..500).map(same_number)).await.unwrap();
    // The reference's have no key.
    let of_reference = (0..500).map(|_| doc! { "orderData": {} });
    orders.insert_many(of_reference).await.unwrap();
    keep(&world, "t-1", &json!({}), DAY).await;
    xealth.has(DEPLOYMENT, "o-1", &order(Some("t-1"), DAY));
    let new = notification("e-1", "new", "o-1");
    let profile = Profile::start(&world.database.database).await;
    let canceled = notification("e-2", "cancel", "o-1");
    for notification in [&new, &new, &canceled] {
        assert_empty(&report(&world, notification).await, 200);
    }
    let shapes = assert_indexed(&profile.end().await, 20);
    assert!(shapes.len() >= 4, "{shapes:#?}");
}

//! Whom orders mean.

use bson::{Bson, doc, oid::ObjectId};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::{
    hospital::{connect, connected_clinic, order, ordered, patient, receiving, settings, store},
    world::{CAROL, World, assert_refused},
};

const DAY: &str = "2001-02-03";

pub(crate) fn request(id: &str, criteria: &[&str], then: Option<&str>) -> Value {
    let mut body = json!({
        "messageRef": { "dataModel": "Order", "eventType": "New", "documentId": id },
    });
    if !criteria.is_empty() {
        body["patients"] = json!({ "criteria": criteria });
        if let Some(then) = then {
            body["patients"]["onUniqueMatch"] = json!(then);
        }
    }
    body
}

async fn ask(world: &World, body: &Value) -> Answer {
    world.service().post("/v1/redox/match", body).await
}

pub(crate) async fn found(world: &World, body: &Value) -> Vec<String> {
    let answer = ask(world, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let matched: Value = answer.json();
    let patients = matched["patients"].as_array().into_iter().flatten();
    patients
        .map(|patient| patient["id"].as_str().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn an_order_means_a_clinic_and_those_who_are_alike() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ána ELM", DAY, "MRN-É1").await;
    let twin = patient(&world, &clinic, "Ana Elm", DAY, "MRN-2").await;
    let other = patient(&world, &clinic, "Zoe Elm", "2002-02-03", "mrn-e1").await;
    let id = store(&world, &order(1, "X", ("ana", "elm"), DAY, "mrn-e1")).await;
    let answer = ask(&world, &request(&id, &[], None)).await;
    let matched: Value = answer.json();
    let shown: Value = world
        .service()
        .get(&format!("/v1/clinics/{clinic}"))
        .await
        .json();
    assert_eq!(matched["clinic"], shown);
    let path = format!("/v1/clinics/{clinic}/settings/ehr");
    assert_eq!(
        matched["settings"],
        world.service().get(&path).await.json::<Value>()
    );
    assert!(matched.get("patients").is_none() && matched.get("explanation").is_none());

    for (criteria, who) in [
        (&["MRN"][..], &[&ana, &other][..]),
        (&["MRN_DOB"], &[&ana]),
        (&["DOB_FULLNAME"], &[&ana, &twin]),
        (&["MRN_DOB", "DOB_FULLNAME", "MRN"], &[&ana, &twin, &other]),
    ] {
        let ids = found(&world, &request(&id, criteria, None)).await;
        assert_eq!(ids.iter().collect::<Vec<_>>(), who, "{criteria:?}");
    }
    let matched: Value = ask(&world, &request(&id, &["MRN_DOB"], None)).await.json();
    let path = format!("/v1/clinics/{clinic}/patients/{ana}");
    assert_eq!(
        matched["patients"],
        json!([world.user(CAROL).get(&path).await.json::<Value>()])
    );
    // Several are none for whom anything is done.
    found(&world, &request(&id, &["MRN"], Some("ENABLE_REPORTS"))).await;
    assert_eq!(ordered(&world, &ana).await, None);
}

#[actix_web::test]
async fn reports_are_ordered_once_by_each_order() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let message = |number| order(number, "X", ("Ana", "Elm"), DAY, "MRN-1");
    let ids = [
        store(&world, &message(1)).await,
        store(&world, &message(2)).await,
    ];
    let enable = request(&ids[0], &["MRN_DOB"], Some("ENABLE_REPORTS"));
    let updated = async || {
        let path = format!("/v1/clinics/{clinic}/patients/{ana}");
        world.user(CAROL).get(&path).await.json::<Value>()["updatedTime"].take()
    };
    let before = updated().await;
    let all = join_all((0..8).map(async |_| found(&world, &enable).await)).await;
    assert!(all.iter().all(|found| *found == [ana.clone()]));
    assert_ne!(updated().await, before);
    let order = |id: &str| {
        let id = ObjectId::parse_str(id).unwrap();
        Bson::from(doc! { "id": id, "dataModel": "Order", "eventType": "New" })
    };
    let on = ordered(&world, &ana).await.unwrap();
    assert_eq!(on.get_bool("active").ok(), Some(true));
    assert_eq!(on.get_str("provider").ok(), Some("redox"));
    assert_eq!(*on.get_array("matchedMessages").unwrap(), [order(&ids[0])]);
    assert_eq!(
        on.get_datetime("createdAt").ok(),
        on.get_datetime("updatedAt").ok()
    );
    // The same order says nothing new.
    found(&world, &request(&ids[0], &["MRN"], Some("DISABLE_REPORTS"))).await;
    assert_eq!(ordered(&world, &ana).await.unwrap(), on);
    found(&world, &request(&ids[1], &["MRN"], Some("DISABLE_REPORTS"))).await;
    let off = ordered(&world, &ana).await.unwrap();
    assert_eq!(off.get_bool("active").ok(), Some(false));
    let orders = [order(&ids[0]), order(&ids[1])];
    assert_eq!(*off.get_array("matchedMessages").unwrap(), orders);
    assert_eq!(
        off.get_datetime("createdAt").ok(),
        on.get_datetime("createdAt").ok()
    );
    found(&world, &enable).await;
    assert_eq!(ordered(&world, &ana).await.unwrap(), off);
    // What was ordered does not hold under another number.
    let third = store(&world, &message(3)).await;
    found(&world, &request(&third, &["MRN"], Some("ENABLE_REPORTS"))).await;
    let path = format!("/v1/clinics/{clinic}/patients/{ana}");
    let body = json!({ "fullName": "Ana Elm", "birthDate": DAY, "mrn": "MRN-9" });
    assert_eq!(world.user(CAROL).put(&path, &body).await.status, 200);
    let off = ordered(&world, &ana).await.unwrap();
    assert_eq!(off.get_bool("active").ok(), Some(false));
    assert_eq!(off.get_array("matchedMessages").unwrap().len(), 3);
}

#[actix_web::test]
async fn a_test_finds_whom_it_means_and_changes_nobody_unless_a_setting_says_so() {
    let mut world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let mut test = order(1, "X", ("Ana", "Elm"), DAY, "MRN-1");
    test["Meta"]["Test"] = json!(true);
    let id = store(&world, &test).await;
    let enable = request(&id, &["MRN_DOB"], Some("ENABLE_REPORTS"));
    assert_eq!(found(&world, &enable).await, [ana.as_str()]);
    assert_eq!(ordered(&world, &ana).await, None);
    world.config.redox.test_messages = true;
    let replica = world.replica().await;
    let service = world.service_at(&replica);
    let answer = service.post("/v1/redox/match", &enable).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let on = ordered(&world, &ana).await.unwrap();
    assert_eq!(on.get_bool("active").ok(), Some(true));
}

#[actix_web::test]
async fn what_keeps_an_order_from_meaning_somebody_is_told() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let all = ["MRN", "MRN_DOB", "DOB_FULLNAME"];
    for (body, status, message) in [
        (json!({}), 400, "bad request: messageRef is required"),
        (
            request("x", &all, None),
            400,
            "bad request: invalid documentId",
        ),
        (
            request(&"0".repeat(24), &all, None),
            404,
            "message not found",
        ),
    ] {
        assert_refused(&ask(&world, &body).await, status, message);
    }
    let mut number = 0;
    let mut changed = async |path: &str, value: Value| {
        number += 1;
        let mut message = order(number, "X", ("Ana", "Elm"), DAY, "MRN-1");
        *message.pointer_mut(path).unwrap() = value;
        store(&world, &message).await
    };
    let results = changed("/Meta/DataModel", json!("Results")).await;
    let answer = ask(&world, &request(&results, &all, None)).await;
    assert_refused(&answer, 404, "message not found");
    for (path, value, status, message) in [
        (
            "/Meta/Source/ID",
            json!(""),
            400,
            "bad request: source id is required",
        ),
        (
            "/Meta/Source/ID",
            Value::Null,
            400,
            "bad request: source id is required",
        ),
        (
            "/Meta/Source/ID",
            json!("unknown"),
            404,
            "not found: couldn't find a matching clinic",
        ),
        (
            "/Patient/Demographics/DOB",
            json!(""),
            400,
            "bad request: date of birth is missing",
        ),
        (
            "/Patient/Demographics",
            json!({ "DOB": DAY, "MiddleName": "Q" }),
            400,
            "bad request: full name is missing",
        ),
    ] {
        let id = changed(path, value).await;
        assert_refused(
            &ask(&world, &request(&id, &[], None)).await,
            status,
            message,
        );
        let wanted = request(&id, &all, Some("ENABLE_REPORTS"));
        assert_refused(&ask(&world, &wanted).await, status, message);
    }
    // Without a number there is nobody, and that is no error.
    let nobody = changed(
        "/Patient/Identifiers",
        json!([{ "ID": "1", "IDType": "EHRID" }]),
    )
    .await;
    assert_eq!(found(&world, &request(&nobody, &all, None)).await, [""; 0]);
    let id = changed("/Order/ID", json!("1")).await;
    let mut off = settings();
    off["enabled"] = json!(false);
    connect(&world, &clinic, &off).await;
    let missing = "not found: couldn't find a matching clinic";
    assert_refused(&ask(&world, &request(&id, &all, None)).await, 404, missing);
    connect(&world, &clinic, &settings()).await;
    let other = connected_clinic(&world).await;
    let several = "duplicate: multiple matching clinics found";
    assert_refused(&ask(&world, &request(&id, &all, None)).await, 409, several);
    off["provider"] = json!("xealth");
    off["enabled"] = json!(true);
    connect(&world, &other, &off).await;
    assert_eq!(found(&world, &request(&id, &all, None)).await.len(), 1);
}

#[actix_web::test]
async fn a_match_explains_itself_and_changes_nothing() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let mut off = settings();
    off["enabled"] = json!(false);
    let other = world.clinic().await;
    connect(&world, &other, &off).await;
    let explain = async |id: &str| {
        let mut body = request(id, &["MRN_DOB", "DOB_FULLNAME"], Some("ENABLE_REPORTS"));
        body["explain"] = json!(true);
        let answer = ask(&world, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()
    };
    let id = store(&world, &order(1, "X", ("Ana", "Elm"), DAY, "MRN-1")).await;
    let explained = explain(&id).await;
    assert_eq!(explained["clinic"]["id"], *clinic);
    assert_eq!(explained["patients"][0]["id"], *ana);
    let explanation = &explained["explanation"];
    assert_eq!(explanation["identifierTypes"], json!(["MR", "EHRID"]));
    let mut clinics = explanation["clinics"].as_array().unwrap().clone();
    clinics.sort_by_key(|clinic| clinic.get("reason").is_some());
    assert_eq!(
        json!(clinics),
        json!([
            { "id": clinic, "name": "Oak Clinic" },
            { "id": other, "name": "Oak Clinic", "reason": "its connection is off" },
        ])
    );
    assert_eq!(
        explanation["criteria"],
        json!([
            { "criterion": "MRN_DOB", "patients": [ana], "near": [] },
            { "criterion": "DOB_FULLNAME", "patients": [ana], "near": [] },
        ])
    );
    assert_eq!(explanation["isKnownAtPatient"], false);
    assert_eq!(ordered(&world, &ana).await, None);
    found(&world, &request(&id, &["MRN"], Some("ENABLE_REPORTS"))).await;
    assert_eq!(explain(&id).await["explanation"]["isKnownAtPatient"], true);

    let near = store(
        &world,
        &order(2, "X", ("Ana", "Elm"), "2001-02-04", "MRN-1"),
    )
    .await;
    let explained = explain(&near).await;
    assert!(explained.get("patients").is_none());
    assert_eq!(
        explained["explanation"]["criteria"],
        json!([
            {
                "criterion": "MRN_DOB", "patients": [],
                "near": [{ "id": ana, "differs": ["birthDate"] }],
            },
            {
                "criterion": "DOB_FULLNAME", "patients": [],
                "near": [{ "id": ana, "differs": ["birthDate"] }],
            },
        ])
    );
    let mut message = order(3, "X", ("Ana", "Elm"), DAY, "MRN-1");
    message["Patient"]["Identifiers"] = json!([]);
    let nobody = store(&world, &message).await;
    let problem = explain(&nobody).await["explanation"]["problem"].take();
    assert!(
        problem
            .as_str()
            .unwrap()
            .contains("no identifier of the kind"),
        "{problem}"
    );
    message["Meta"]["Message"]["ID"] = json!(4);
    message["Meta"]["Source"]["ID"] = json!("unknown");
    let unknown = explain(&store(&world, &message).await).await;
    assert!(unknown.get("clinic").is_none());
    let problem = unknown["explanation"]["problem"].as_str().unwrap();
    assert!(problem.starts_with("no clinic is connected"), "{problem}");
    connect(&world, &other, &settings()).await;
    let several = explain(&id).await;
    let problem = several["explanation"]["problem"].as_str().unwrap();
    assert!(
        problem.starts_with("several clinics are connected"),
        "{problem}"
    );
}

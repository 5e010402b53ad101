//! Orders of hospital records are worked off.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{eventually, send};
use stand_ins::{confirm::Ask::Claim, user_api::Ask};

use crate::{
    hospital::{
        TOKEN, connect, connected_clinic, order, ordered, patient, patients, reports, settings,
        store, worked_off, working, working_in,
    },
    tags,
    world::{CAROL, World, assert_refused},
};

const DAY: &str = "2001-02-03";
const ANA: (&str, &str) = ("Ana", "Elm");

/// What was done, as the outcome with the reason.
fn outcomes(reports: &[Value]) -> Vec<(&str, &str)> {
    let each = reports.iter().map(|report| {
        let outcome = report["outcome"].as_str().unwrap();
        (outcome, report["reason"].as_str().unwrap_or_default())
    });
    each.collect()
}

async fn is_active(world: &World, user: &str) -> Option<bool> {
    let ordered = ordered(world, user).await?;
    Some(ordered.get_bool("active").unwrap())
}

#[actix_web::test]
async fn the_codes_of_a_clinic_switch_reports() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let tag = tags::create(&world, &clinic, "Old").await;
    let path = format!("/v1/clinics/{clinic}/patients/{ana}");
    let mut known = json!({ "fullName": "Ana Elm", "birthDate": DAY, "mrn": "MRN-1" });
    known["tags"] = json!([tag]);
    assert_eq!(world.user(CAROL).put(&path, &known).await.status, 200);

    let mut first = order(1, "ENABLE-1", ANA, DAY, "mrn-1");
    first["Order"]["ClinicalInfo"] = json!([
        { "Code": "PATIENT_TAGS", "Value": "North, Type 1,a.b,north" },
        { "Code": "OTHER", "Value": "West" },
    ]);
    let id = store(&world, &first).await;
    worked_off(&world).await;
    assert_eq!(is_active(&world, &ana).await, Some(true));
    let shown: Value = world.user(CAROL).get(&path).await.json();
    let of_clinic: Value = world
        .user(CAROL)
        .get(&format!("/v1/clinics/{clinic}"))
        .await
        .json();
    let named = |name: &str| {
        let tags = of_clinic["patientTags"].as_array().unwrap();
        let tag = tags.iter().find(|tag| tag["name"] == name).unwrap();
        (tag["id"].clone(), tag.get("numPatients").cloned())
    };
    let ((north, of_north), (one, _)) = (named("North"), named("Type 1"));
    assert_eq!(shown["tags"], json!([north, one]));
    assert_eq!(of_north, Some(json!(1)));
    assert_eq!(named("Old").1, None);
    let report = &reports(&world).await[0];
    assert_eq!(report["id"], *id);
    assert_eq!(report["sequence"], 1);
    assert_eq!(
        (&report["action"], &report["outcome"]),
        (&json!("enableReports"), &json!("enabled"))
    );
    assert_eq!(
        (&report["clinicId"], &report["userId"]),
        (&json!(clinic), &json!(ana))
    );

    // Without such a part the tags stay.
    store(&world, &order(2, "DISABLE-1", ANA, DAY, "MRN-1")).await;
    store(&world, &order(3, "ENABLE-1", ANA, DAY, "MRN-1")).await;
    store(&world, &order(4, "DISABLE-1", ANA, DAY, "MRN-1")).await;
    worked_off(&world).await;
    assert_eq!(is_active(&world, &ana).await, Some(false));
    let orders = ordered(&world, &ana).await.unwrap();
    assert_eq!(orders.get_array("matchedMessages").unwrap().len(), 4);
    let shown: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(shown["tags"], json!([north, one]));
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn an_order_makes_an_account_which_the_patient_is_asked_to_claim() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    let mut ben = order(1, "CREATE-1", ("Ben", "Sample"), "1988-12-01", "MRN-43");
    ben["Patient"]["Demographics"]["EmailAddresses"] = json!(["Ben@Example.org"]);
    ben["Order"]["ClinicalInfo"] = json!([{ "Code": "PATIENT_TAGS", "Value": "North,Pump" }]);
    store(&world, &ben).await;
    let mut kid = order(2, "CREATE-2", ("Kid", "Sample"), "2099-12-01", "MRN-44");
    kid["Patient"]["Demographics"]["EmailAddresses"] = json!(["kid@example.org"]);
    kid["Visit"] = json!({ "Guarantor": { "EmailAddresses": ["parent@example.org"] } });
    store(&world, &kid).await;
    store(
        &world,
        &order(3, "CREATE-2", ("Zoe", "Sample"), "1990-01-01", "MRN-45"),
    )
    .await;
    worked_off(&world).await;
    let all = patients(&world, &clinic).await;
    let [ben, kid, zoe] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(
        (&ben["fullName"], &ben["birthDate"]),
        (&json!("Ben Sample"), &json!("1988-12-01"))
    );
    assert_eq!(
        (&ben["mrn"], &ben["email"]),
        (&json!("MRN-43"), &json!("ben@example.org"))
    );
    let custodial = json!({ "custodian": {}, "view": {}, "upload": {}, "note": {} });
    assert_eq!(ben["permissions"], custodial);
    assert_eq!(ben["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&kid["email"], zoe.get("email")),
        (&json!("parent@example.org"), None)
    );
    let id = |patient: &Value| patient["id"].as_str().unwrap().to_owned();
    assert_eq!(is_active(&world, &id(ben)).await, None);
    assert_eq!(is_active(&world, &id(kid)).await, Some(true));
    assert_eq!(is_active(&world, &id(zoe)).await, Some(true));
    let done = reports(&world).await;
    assert_eq!(
        outcomes(&done),
        [
            ("created", ""),
            ("createdAndEnabled", ""),
            ("createdAndEnabled", "")
        ]
    );
    assert_eq!(done[2]["userId"], zoe["id"]);
    world.settled().await;
    assert_eq!(world.confirm.asked(Claim).len(), 2);
    assert_eq!(world.totals(&clinic).await, (3, 3));

    // Who is there gets no second account, and reports all the same.
    store(
        &world,
        &order(4, "CREATE-1", ("Ben", "Sample"), "1988-12-01", "MRN-99"),
    )
    .await;
    store(
        &world,
        &order(5, "CREATE-2", ("Ben", "Sample"), "1988-12-01", "MRN-43"),
    )
    .await;
    store(
        &world,
        &order(6, "CREATE-2", ("Ben", "Sampel"), "1988-12-02", "mrn-43"),
    )
    .await;
    let mut sibling = order(7, "CREATE-1", ("Ida", "Sample"), "2099-12-01", "MRN-46");
    sibling["Visit"] = json!({ "Guarantor": { "EmailAddresses": ["parent@example.org"] } });
    store(&world, &sibling).await;
    worked_off(&world).await;
    let done = reports(&world).await;
    let alike = "a patient of the clinic has the number, or the birth date and the name";
    assert_eq!(
        outcomes(&done)[3..],
        [
            ("refused", alike),
            ("enabled", ""),
            ("refused", alike),
            ("refused", "another account has the address"),
        ]
    );
    assert_eq!(is_active(&world, &id(ben)).await, Some(true));
    assert_eq!(world.totals(&clinic).await, (3, 3));
}

#[actix_web::test]
async fn what_an_order_cannot_do_is_noted_with_the_reason_and_tried_again_if_an_operator_says_so() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let mut nowhere = order(1, "ENABLE-1", ANA, DAY, "MRN-1");
    nowhere["Meta"]["Source"]["ID"] = json!("unknown");
    let nowhere = store(&world, &nowhere).await;
    let mut test = order(2, "ENABLE-1", ANA, DAY, "MRN-1");
    test["Meta"]["Test"] = json!(true);
    store(&world, &test).await;
    store(&world, &order(3, "OTHER", ANA, DAY, "MRN-1")).await;
    store(&world, &order(4, "ENABLE-1", ANA, "2001-02-04", "MRN-1")).await;
    let mut nobody = order(5, "CREATE-1", ANA, DAY, "MRN-1");
    nobody["Patient"]["Identifiers"] = json!([]);
    store(&world, &nobody).await;
    store(&world, &order(6, "CREATE-1", ("Bob", ""), DAY, "MRN-2")).await;
    store(
        &world,
        &order(7, "CREATE-1", ("Bob", "Elm"), "soon", "MRN-2"),
    )
    .await;
    let mut odd = order(8, "CREATE-1", ("Bob", "Elm"), DAY, "MRN-2");
    odd["Patient"]["Demographics"]["EmailAddresses"] = json!(["no address"]);
    store(&world, &odd).await;
    let mut results = order(9, "ENABLE-1", ANA, DAY, "MRN-1");
    results["Meta"]["DataModel"] = json!("Results");
    store(&world, &results).await;
    worked_off(&world).await;
    assert_eq!(ordered(&world, &ana).await, None);
    assert_eq!(world.totals(&clinic).await, (1, 1));
    let done = reports(&world).await;
    let mut outcomes = outcomes(&done);
    outcomes.sort_unstable();
    let no_name = "the message does not say what the patient is called";
    let no_day = "the message does not say when the patient was born";
    assert_eq!(
        outcomes,
        [
            ("ignored", "it is a test"),
            (
                "ignored",
                "the clinic does not know the code of the procedure"
            ),
            (
                "refused",
                "no clinic is connected to where the message comes from"
            ),
            (
                "refused",
                "no patient of the clinic has the number and the birth date"
            ),
            ("refused", "the address is none"),
            ("refused", no_name),
            ("refused", no_day),
            (
                "refused",
                "the order has no medical record number of the kind that the clinic says"
            ),
        ]
    );
    assert_eq!(done.len(), 8);
    let list = async |query: &str| {
        let answer = world
            .service()
            .get(&format!("/v1/redox/orders?{query}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Vec<Value>>().len()
    };
    assert_eq!(list("outcome=ignored").await, 2);
    assert_eq!(list(&format!("clinicId={clinic}&limit=100")).await, 6);
    assert_eq!(list(&format!("clinicId={clinic}&outcome=ignored")).await, 1);
    assert_eq!(list("limit=3&offset=7").await, 1);

    // The order comes from elsewhere once a clinic is connected there.
    let mut elsewhere = settings();
    elsewhere["sourceId"] = json!("unknown");
    connect(&world, &clinic, &elsewhere).await;
    let operator = world.service_called("operator");
    let retry = |id: &str| format!("/internal/redox/orders/{id}/retry");
    let answer = operator.post(&retry(&nowhere), &Value::Null).await;
    assert_eq!(
        answer.json::<Value>()["outcome"],
        "enabled",
        "{}",
        answer.text()
    );
    assert_eq!(is_active(&world, &ana).await, Some(true));
    // What was done is not done again.
    let answer = operator.post(&retry(&nowhere), &Value::Null).await;
    assert_eq!(answer.json::<Value>()["outcome"], "enabled");
    let answer = operator.post(&retry(&"0".repeat(24)), &Value::Null).await;
    assert_refused(&answer, 404, "message not found");
    assert_eq!(
        world
            .service()
            .post(&retry(&nowhere), &Value::Null)
            .await
            .status,
        403
    );
    assert_eq!(reports(&world).await.len(), 8);
}

#[actix_web::test]
async fn a_setting_has_tests_done_as_well() {
    let world = World::start_with(|config| {
        config.redox.verification_token = Some(TOKEN.into());
        config.redox.worker = true;
        config.redox.test_messages = true;
    })
    .await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let mut test = order(1, "ENABLE-1", ANA, DAY, "MRN-1");
    test["Meta"]["Test"] = json!(true);
    store(&world, &test).await;
    worked_off(&world).await;
    assert_eq!(is_active(&world, &ana).await, Some(true));
}

#[actix_web::test]
async fn without_the_setting_orders_wait_for_another_program() {
    let world = World::start_with(|config| {
        config.redox.verification_token = Some(TOKEN.into());
    })
    .await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let id = store(&world, &order(1, "ENABLE-1", ANA, DAY, "MRN-1")).await;
    store(&world, &order(2, "CREATE-1", ("Bob", "Elm"), DAY, "MRN-2")).await;
    let matched = json!({
        "messageRef": { "dataModel": "Order", "eventType": "New", "documentId": id },
        "patients": { "criteria": ["MRN_DOB"], "onUniqueMatch": "ENABLE_REPORTS" },
    });
    let answer = world.service().post("/v1/redox/match", &matched).await;
    assert_eq!(answer.status, 200);
    assert_eq!(reports(&world).await, [Value::Null; 0]);
    let before = ordered(&world, &ana).await;
    let World { database, .. } = world;

    // What the other program has done is not done again when the setting changes.
    let world = working_in(database).await;
    worked_off(&world).await;
    let done = reports(&world).await;
    assert_eq!(outcomes(&done), [("unchanged", ""), ("created", "")]);
    assert_eq!(ordered(&world, &ana).await, before);
}

#[actix_web::test]
async fn what_fails_is_tried_again_before_what_came_after_it() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    world.user_api.fail(Ask::Create, 500);
    store(&world, &order(1, "CREATE-1", ANA, DAY, "MRN-1")).await;
    store(&world, &order(2, "ENABLE-1", ANA, DAY, "MRN-1")).await;
    store(&world, &order(3, "DISABLE-1", ANA, DAY, "MRN-1")).await;
    eventually("a try in vain", async || {
        let tried = doc! { "attempts": { "$gt": 0 } };
        let feeds = world.collection("redox_feeds");
        feeds.count_documents(tried).await.unwrap() == 1
    })
    .await;
    assert_eq!(reports(&world).await, [Value::Null; 0]);
    world.user_api.mend(Ask::Create);
    worked_off(&world).await;
    let done = reports(&world).await;
    assert_eq!(
        outcomes(&done),
        [("created", ""), ("enabled", ""), ("disabled", "")]
    );
    let all = patients(&world, &clinic).await;
    assert_eq!(all.len(), 1);
    assert_eq!(
        is_active(&world, all[0]["id"].as_str().unwrap()).await,
        Some(false)
    );
}

#[actix_web::test]
async fn the_limit_of_a_clinic_holds_for_orders() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    let limit = doc! { "patientCountSettings": { "hardLimit": { "plan": 1 } } };
    world.set_clinic(&clinic, limit).await;
    for number in 1..=3 {
        let mrn = format!("MRN-{number}");
        let day = format!("2001-02-0{number}");
        store(&world, &order(number, "CREATE-1", ANA, &day, &mrn)).await;
    }
    worked_off(&world).await;
    let full = ("refused", "the clinic has as many patients as it may have");
    let done = reports(&world).await;
    assert_eq!(outcomes(&done), [("created", ""), full, full]);
    assert_eq!(world.totals(&clinic).await, (1, 1));
    let wrong = world
        .service()
        .request(Method::GET, "/v1/redox/orders?outcome=x");
    assert_eq!(send(wrong).await.status, 400);
}

//! Xealth asks what is to be entered before something is ordered, and brings what was.

use bson::{Document, doc};
use clinic::Config;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Profile, assert_indexed, send};
use stand_ins::xealth::{CLIENT_ID, CLIENT_SECRET};

use crate::{
    hospital::{connect, patient, settings},
    tags,
    world::{CAROL, World, assert_answer, assert_refused},
};

pub(crate) const TOKEN: &str = "the-token-of-xealth";
pub(crate) const DEPLOYMENT: &str = "a-health-system";
const PATH: &str = "/v1/xealth/preorder";
pub(crate) const DAY: &str = "2001-02-03";
/// Where the application is.
pub(crate) const APPLICATION: &str = "https://app.example.org";
/// How each refusal of what is asked before an order begins.
const ASKED: &str = "unable to process preorder: ";

/// A world beside a Xealth that is not there.
pub(crate) async fn enabled() -> World {
    enabled_at("http://127.0.0.1:9").await
}

/// A world beside the Xealth at `url`.
pub(crate) async fn enabled_at(url: &str) -> World {
    World::start_with(|config| enable(config, url)).await
}

/// Enables the Xealth at `url`.
pub(crate) fn enable(config: &mut Config, url: &str) {
    let xealth = &mut config.xealth;
    xealth.enabled = true;
    xealth.bearer_token = Some(TOKEN.into());
    xealth.previous_bearer_token = Some("the-old-token".into());
    xealth.client_id = Some(CLIENT_ID.to_owned());
    xealth.client_secret = Some(CLIENT_SECRET.into());
    xealth.token_url = format!("{url}/oauth2/token");
    xealth.server_url = format!("{url}/v2");
    xealth.application_url = Some(APPLICATION.to_owned());
    xealth.restricted_token_url = Some(url.to_owned());
}

/// Keeps what was entered before an order.
pub(crate) async fn keep(world: &World, tracking_id: &str, input: &Value, day: &str) {
    let message = subsequent(tracking_id, input, day);
    assert_answer(&ask(world, &message).await, 200, &json!({}));
}

pub(crate) async fn connected_clinic(world: &World) -> String {
    let clinic = world.clinic().await;
    connect(world, &clinic, &settings_of(DEPLOYMENT)).await;
    clinic
}

pub(crate) fn settings_of(deployment: &str) -> Value {
    let mut settings = settings();
    settings["provider"] = json!("xealth");
    settings["sourceId"] = json!(deployment);
    settings["mrnIdType"] = json!("mrn");
    settings
}

/// What is asked about Ana.
pub(crate) fn initial(day: &str) -> Value {
    json!({
        "eventType": "preorder", "eventContext": "initial", "deployment": DEPLOYMENT,
        "programId": "program-1",
        "patientIdentity": { "ids": [
            { "id": "e-1", "type": "enterprise", "origin": "epic" },
            { "id": "MRN-1", "type": "MRN", "origin": "epic" },
        ] },
        "datasets": { "demographicsV1": {
            "name": { "use": "usual", "given": ["Ana"], "family": ["Elm"] },
            "birthDate": day,
            "telecom": [
                { "system": "phone", "value": "888-555-0100" },
                { "system": "email", "value": "ana@example.org", "use": "home" },
            ],
        } },
    })
}

/// What was entered about her.
pub(crate) fn subsequent(tracking_id: &str, input: &Value, day: &str) -> Value {
    let mut message = initial(day);
    message["eventContext"] = json!("subsequent");
    message["formData"] = json!({ "dataTrackingId": tracking_id, "userInput": input });
    message
}

pub(crate) async fn ask(world: &World, body: &Value) -> Answer {
    ask_raw(world, TOKEN, body.to_string()).await
}

async fn ask_raw(world: &World, token: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = world.anonymous().request(Method::POST, PATH);
    let request = request.header("authorization", format!("Bearer {token}"));
    send(request.body(body)).await
}

pub(crate) async fn kept(world: &World) -> Vec<Document> {
    world
        .dump()
        .await
        .remove("xealth_preorder")
        .unwrap_or_default()
}

/// The paragraphs of an error form.
pub(crate) fn paragraphs(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let form: Value = answer.json();
    assert_eq!(form["notOrderable"], true, "{form}");
    let form = &form["preorderFormInfo"];
    assert_eq!(form["formId"], "error_form");
    let names = form["uiSchema"]["ui:order"].as_array().unwrap();
    let properties = &form["formSchema"]["properties"];
    let text = |name: &Value| {
        let property = &properties[name.as_str().unwrap()];
        assert_eq!(property["type"], "null");
        property["description"].as_str().unwrap().to_owned()
    };
    names.iter().map(text).collect()
}

#[actix_web::test]
async fn a_patient_is_asked_about_and_what_is_entered_is_kept_once() {
    let world = enabled().await;
    let clinic = connected_clinic(&world).await;
    let tag = tags::create(&world, &clinic, "North").await;
    let answer = ask(&world, &initial(DAY)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let form: Value = answer.json();
    assert_eq!(form["notOrderable"], false);
    let id = form["dataTrackingId"].as_str().unwrap();
    let shown = &form["preorderFormInfo"];
    assert_eq!(shown["formId"], "patient_enrollment_form");
    assert_eq!(shown["formSchema"]["title"], "Add Ana Elm to Tidepool");
    assert_eq!(
        shown["formData"],
        json!({ "patient": { "email": "ana@example.org" } })
    );
    let definition = &shown["formSchema"]["definitions"]["tags"];
    assert_eq!(
        (&definition["enum"], &definition["enumNames"]),
        (&json!([tag]), &json!(["North"]))
    );
    let other: Value = ask(&world, &initial(DAY)).await.json();
    assert_ne!(other["dataTrackingId"], form["dataTrackingId"]);
    assert_eq!(kept(&world).await.len(), 0);

    let about = json!({ "email": "Ana@Example.org", "connectDexcom": true });
    let input = json!({ "patient": about, "tags": { "ids": [tag] } });
    let message = subsequent(id, &input, DAY);
    let at_once = (0..4).map(|_| ask(&world, &message));
    for answer in join_all(at_once).await {
        assert_answer(&answer, 200, &json!({}));
    }
    let mut stored = kept(&world).await;
    assert_eq!(stored.len(), 1);
    stored[0].remove("_id");
    assert!(stored[0].remove("_expireTime").is_some());
    assert_eq!(
        stored[0],
        doc! {
            "dataTrackingId": id,
            "patient": {
                "email": "ana@example.org", "connectAbbott": false, "connectDexcom": true,
            },
            "tags": { "ids": [&tag] },
        }
    );
    // Something else under the same id.
    let message = subsequent(id, &json!({}), DAY);
    let used = "duplicate: dataTrackingId has been used already";
    assert_refused(&ask(&world, &message).await, 409, used);
    assert_eq!(kept(&world).await.len(), 1);
    assert_eq!(world.totals(&clinic).await, (0, 0));
}

#[actix_web::test]
async fn who_cares_for_a_child_is_asked_for() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let day = "2099-02-03";
    let form: Value = ask(&world, &initial(day)).await.json();
    let shown = &form["preorderFormInfo"];
    assert_eq!(shown["formId"], "guardian_enrollment_form");
    assert_eq!(shown["formData"], json!({}));
    let nobody = ask(&world, &subsequent("t-1", &json!({}), day)).await;
    assert_eq!(paragraphs(&nobody).len(), 3);
    let guardian = json!({ "firstName": " ", "lastName": "Elm", "email": "bo@example.org" });
    let message = subsequent("t-1", &json!({ "guardian": guardian }), day);
    assert_eq!(paragraphs(&ask(&world, &message).await).len(), 2);
    assert_eq!(kept(&world).await.len(), 0);
    let guardian = json!({ "firstName": "Bo", "lastName": "Elm", "email": "bo@example.org" });
    let message = subsequent("t-1", &json!({ "guardian": guardian }), day);
    assert_answer(&ask(&world, &message).await, 200, &json!({}));
    let stored = kept(&world).await;
    let guardian = stored[0].get_document("guardian").unwrap();
    assert_eq!(guardian.get_str("firstName").unwrap(), "Bo");
    assert!(!stored[0].contains_key("patient") && !stored[0].contains_key("tags"));
}

#[actix_web::test]
async fn a_patient_who_is_known_is_not_asked_about() {
    let world = enabled().await;
    let clinic = connected_clinic(&world).await;
    patient(&world, &clinic, "Somebody Else", DAY, "mrn-1").await;
    assert_answer(&ask(&world, &initial(DAY)).await, 200, &json!({}));
    let answer = ask(&world, &initial("2001-02-04")).await;
    assert_eq!(paragraphs(&answer).len(), 2);
    let message = subsequent("t-1", &json!({}), DAY);
    let known = "duplicate: patient already exists";
    assert_refused(&ask(&world, &message).await, 409, known);
    patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let several = "constraint violation: multiple matching patients found";
    assert_refused(&ask(&world, &initial(DAY)).await, 422, several);
    assert_eq!(kept(&world).await.len(), 0);
}

#[actix_web::test]
async fn exactly_one_clinic_is_connected() {
    let world = enabled().await;
    let none = &format!("{ASKED}not found: couldn't find matching clinic");
    assert_refused(&ask(&world, &initial(DAY)).await, 404, none);
    let clinic = connected_clinic(&world).await;
    for (name, value) in [("enabled", json!(false)), ("provider", json!("redox"))] {
        let mut off = settings_of(DEPLOYMENT);
        off[name] = value;
        connect(&world, &clinic, &off).await;
        assert_refused(&ask(&world, &initial(DAY)).await, 404, none);
    }
    connect(&world, &clinic, &settings_of(DEPLOYMENT)).await;
    let other = world.clinic_of("c000000009").await;
    connect(&world, &other, &settings_of("elsewhere")).await;
    assert_eq!(ask(&world, &initial(DAY)).await.status, 200);
    connect(&world, &other, &settings_of(DEPLOYMENT)).await;
    let several = "duplicate: multiple matching clinics found";
    assert_refused(&ask(&world, &initial(DAY)).await, 409, several);
    let mut nowhere = initial(DAY);
    nowhere["deployment"] = json!("");
    connect(&world, &other, &settings_of("")).await;
    assert_refused(&ask(&world, &nowhere).await, 404, none);
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let deep = "[".repeat(100_000);
    for body in ["", "{", "\"\\ud800\"", deep.as_str()] {
        let answer = ask_raw(&world, TOKEN, body.to_owned()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let bad = |what: &str| format!("bad request: {what}");
    let event = bad("eventType must be preorder");
    for body in [json!([]), json!(null), json!({}), json!({ "eventType": 1 })] {
        assert_refused(&ask(&world, &body).await, 400, &event);
    }
    let refused = async |pointer: &str, value: Value, problem: &str| {
        let mut message = initial(DAY);
        *message.pointer_mut(pointer).unwrap() = value;
        assert_refused(&ask(&world, &message).await, 400, problem);
    };
    for (pointer, value, problem) in [
        ("/eventType", json!("order"), "eventType must be preorder"),
        (
            "/eventContext",
            json!("later"),
            "eventContext must be initial or subsequent",
        ),
        ("/datasets", json!(null), "datasets are missing"),
    ] {
        refused(pointer, value, &bad(problem)).await;
    }
    for (pointer, value, problem) in [
        ("/patientIdentity", json!({}), "mrn is missing"),
        ("/patientIdentity/ids/1/type", json!("x"), "mrn is missing"),
        (
            "/datasets/demographicsV1/birthDate",
            json!("3.2.2001"),
            "date of birth is missing",
        ),
        (
            "/datasets/demographicsV1/name",
            json!({ "given": [], "family": "" }),
            "full name is missing",
        ),
    ] {
        refused(pointer, value, &format!("{ASKED}{}", bad(problem))).await;
    }
    for id in ["", " ", "x".repeat(201).as_str()] {
        let message = subsequent(id, &json!({}), DAY);
        let missing = bad("dataTrackingId is missing");
        assert_refused(&ask(&world, &message).await, 400, &missing);
    }
    let long = format!("\"{}\"", "x".repeat(10 << 20));
    let answer = ask_raw(&world, TOKEN, long).await;
    assert_refused(&answer, 413, "request body is too large");
    assert_eq!(kept(&world).await.len(), 0);
}

#[actix_web::test]
async fn xealth_is_who_shows_its_token() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let body = initial(DAY).to_string();
    for token in [TOKEN, "the-old-token"] {
        assert_eq!(ask_raw(&world, token, body.clone()).await.status, 200);
    }
    let answer = ask_raw(&world, "x", body.clone()).await;
    assert_refused(&answer, 401, "unauthorized: bearer token is invalid");
    let required = "unauthorized: bearer token is required";
    for (name, value) in [("authorization", TOKEN), ("verification-token", TOKEN)] {
        let request = world.anonymous().request(Method::POST, PATH);
        let answer = send(request.header(name, value).body(body.clone())).await;
        assert_refused(&answer, 401, required);
    }
    for person in [world.service(), world.user(CAROL), world.anonymous()] {
        assert_refused(&person.post(PATH, &initial(DAY)).await, 401, required);
    }
    let answer = world.anonymous().get(PATH).await;
    assert_refused(&answer, 404, "method not allowed");
    let closed = World::start_with(|config| config.xealth.bearer_token = Some(TOKEN.into())).await;
    let answer = ask_raw(&closed, TOKEN, body).await;
    let disabled = "internal server error: the Xealth integration is not enabled";
    assert_refused(&answer, 500, disabled);
}

#[actix_web::test]
async fn nobody_is_looked_for_among_all() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let clinics = world.collection("clinics");
    let other = |number: usize| {
        let connection =
            doc! { "provider": "xealth", "enabled": true, "sourceId": number.to_string() };
        doc! {
            "shareCodes": [format!("code-{number}")], "canonicalShareCode": format!("code-{number}"),
            "ehrSettings": connection,
        }
    };
    clinics.insert_many((0..500).map(other)).await.unwrap();
    let entry = |number: usize| doc! { "dataTrackingId": format!("other-{number}") };
    let entries = world.collection("xealth_preorder");
    entries.insert_many((0..500).map(entry)).await.unwrap();
    let profile = Profile::start(&world.database.database).await;
    assert_eq!(ask(&world, &initial(DAY)).await.status, 200);
    // The second one finds what the first one has kept.
    let message = subsequent("t-1", &json!({}), DAY);
    for _ in 0..2 {
        assert_answer(&ask(&world, &message).await, 200, &json!({}));
    }
    let shapes = assert_indexed(&profile.end().await, 20);
    assert!(shapes.len() >= 3, "{shapes:#?}");
}

//! Somebody in a hospital looks at the report of a patient.

use bson::{DateTime, Document, doc, oid::ObjectId};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send};
use stand_ins::{Xealth, xealth::Ask};

use crate::{
    hospital::{connect, patient},
    world::{World, assert_empty, assert_refused},
    xealth::{APPLICATION, DAY, DEPLOYMENT, TOKEN, initial, settings_of},
    xealth_orders::{PROGRAM, connected, later, notification, order, report},
};

const PATH: &str = "/v1/xealth/program";
const PAGE: &str = "/v1/xealth/report/web/viewer.html";
const VIEWER: &str = "User_1";
const WRONG: &str = "unauthorized: invalid or expired token";

fn question() -> Value {
    let mut message = initial(DAY);
    message["eventType"] = json!("getProgramUrl");
    message["programId"] = json!(PROGRAM);
    message["datasets"]["ehrUserV1"] = json!({ "userId": VIEWER, "systemLogin": "u_1" });
    message
}

async fn ask(world: &World, body: &Value) -> Answer {
    ask_raw(world, PATH, "application/json", body.to_string()).await
}

async fn ask_raw(world: &World, path: &str, kind: &str, body: String) -> Answer {
    let request = world.anonymous().request(Method::PUT, path);
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    send(request.header("content-type", kind).body(body)).await
}

/// Where the report is seen, below the application.
async fn url(world: &World) -> String {
    let answer = ask(world, &question()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url: Value = answer.json();
    let url = url["url"].as_str().unwrap();
    url.strip_prefix(APPLICATION).unwrap().to_owned()
}

async fn views(world: &World) -> Vec<Document> {
    world
        .dump()
        .await
        .remove("xealth_report_view")
        .unwrap_or_default()
}

/// A patient for whom something is ordered; its account.
async fn ordered() -> (Xealth, World, String, String) {
    let (xealth, world, clinic) = connected().await;
    let ana = patient(&world, &clinic, "Ana & Elm", DAY, "MRN-1").await;
    xealth.has(DEPLOYMENT, "o-1", &order(None, DAY));
    assert_empty(
        &report(&world, &notification("e-1", "new", "o-1")).await,
        200,
    );
    (xealth, world, clinic, ana)
}

#[actix_web::test]
async fn a_hospital_sees_the_report_of_a_patient() {
    let (xealth, world, clinic, ana) = ordered().await;
    let url = url(&world).await;
    let expected =
        format!("{PAGE}?clinicId={clinic}&patientId={ana}&restricted_token=restricted-0");
    assert_eq!(url, expected);
    assert_eq!(xealth.asked(Ask::CreateToken).len(), 1);
    let views = views(&world).await;
    let [view] = &views[..] else {
        panic!("{views:#?}");
    };
    let mut view = view.clone();
    view.remove("_id");
    let time = view.remove("createdTime").unwrap();
    let time = time.as_datetime().unwrap().to_chrono();
    let looked = doc! {
        "userId": VIEWER, "deployment": DEPLOYMENT, "programId": PROGRAM,
        "clinicId": ObjectId::parse_str(&clinic).unwrap(), "patientUserId": &ana,
        "systemLogin": "u_1",
    };
    assert_eq!(view, looked);
    // What was looked at is known when it is asked for the programs.
    let programs = ask_raw(
        &world,
        "/v1/xealth/programs",
        "application/json",
        question().to_string(),
    );
    let programs = programs.await;
    let today = format!("Last Viewed by You: {}", time.date_naive());
    assert!(programs.text().contains(&today), "{}", programs.text());

    let last = DateTime::parse_rfc3339_str("2030-02-15T10:00:00.500Z").unwrap();
    let stats =
        doc! { "id": ObjectId::new(), "dates": { "lastData": last }, "config": {}, "periods": {} };
    let set = doc! { "$set": { "summary": { "cgmStats": stats } } };
    let patients = world.collection("patients");
    patients
        .update_one(doc! { "userId": &ana }, set)
        .await
        .unwrap();
    world
        .set_clinic(&clinic, doc! { "timezone": "Europe/Berlin" })
        .await;
    let page = world.anonymous().get(&url).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=UTF-8")
    );
    let shown = format!(
        "src=\"{APPLICATION}/export/report/{ana}?reports=all&amp;inline=true&amp;userId={ana}&amp;dob={DAY}\
         &amp;mrn=MRN-1&amp;fullName=Ana+%26+Elm&amp;tzName=Europe%2FBerlin&amp;bgUnits=mg%2FdL\
         &amp;startDate=2030-02-01T10%3A00%3A00Z&amp;endDate=2030-02-15T10%3A00%3A00Z\
         &amp;restricted_token=restricted-0\""
    );
    assert!(page.text().contains(&shown), "{}", page.text());
    assert!(!page.text().contains("<script"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(
        policy.contains(&format!("frame-src {APPLICATION};")),
        "{policy}"
    );
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
}

#[actix_web::test]
async fn nobody_sees_the_report_of_somebody_else() {
    let (xealth, world, clinic, ana) = ordered().await;
    let other = patient(&world, &clinic, "Bo Elm", DAY, "MRN-2").await;
    let hour = TimeDelta::hours(1);
    xealth.has_token("of-ana", &ana, Utc::now() + hour);
    xealth.has_token("of-other", &other, Utc::now() + hour);
    xealth.has_token("late", &ana, Utc::now() - hour);
    let see = async |clinic: &str, user: &str, token: &str| {
        let path = format!("{PAGE}?clinicId={clinic}&patientId={user}&restricted_token={token}");
        world.anonymous().get(&path).await
    };
    assert_eq!(see(&clinic, &ana, "of-ana").await.status, 200);
    let elsewhere = world.clinic_of("c000000009").await;
    for (clinic, user, token) in [
        (&clinic, &ana, "of-other"),
        (&clinic, &ana, "late"),
        (&clinic, &ana, "unknown"),
        (&clinic, &ana, "..%2F..%2Fv1"),
        // Nothing is ordered.
        (&clinic, &other, "of-other"),
        (&elsewhere, &ana, "of-ana"),
        (&"0".repeat(24), &ana, "of-ana"),
    ] {
        assert_refused(&see(clinic, user, token).await, 401, WRONG);
    }
    let canceled = notification("e-2", "cancel", "o-1");
    assert_empty(&report(&world, &canceled).await, 200);
    assert_refused(&see(&clinic, &ana, "of-ana").await, 401, WRONG);
    assert_empty(&report(&world, &later("e-3", "new", "o-1")).await, 200);
    assert_eq!(see(&clinic, &ana, "of-ana").await.status, 200);
    for (name, value) in [("enabled", json!(false)), ("provider", json!("redox"))] {
        let mut off = settings_of(DEPLOYMENT);
        off[name] = value;
        connect(&world, &clinic, &off).await;
        assert_refused(&see(&clinic, &ana, "of-ana").await, 401, WRONG);
    }
    xealth.fail(Ask::Token, 500);
    let failed = see(&clinic, &ana, "of-ana").await;
    assert_refused(&failed, 500, "Internal Server Error");
}

#[actix_web::test]
async fn every_parameter_of_the_page_must_be_there() {
    let (xealth, world, clinic, ana) = ordered().await;
    let all = [
        ("clinicId", clinic.as_str()),
        ("patientId", ana.as_str()),
        ("restricted_token", "t"),
    ];
    for (missing, _) in all {
        for wrong in [None, Some(""), Some("%00")] {
            let text = |(name, value): &(&str, &str)| match wrong {
                _ if *name != missing => Some(format!("{name}={value}")),
                Some(wrong) => Some(format!("{name}={wrong}")),
                None => None,
            };
            let query: Vec<String> = all.iter().filter_map(text).collect();
            let path = format!("{PAGE}?{}", query.join("&"));
            let answer = world.anonymous().get(&path).await;
            if (missing, wrong) == ("restricted_token", Some("%00")) {
                assert_refused(&answer, 401, WRONG);
                continue;
            }
            assert_eq!(answer.status, 400, "{path}: {}", answer.text());
            let message = format!("parameter \\\"{missing}\\\" in query has an error");
            assert!(answer.text().contains(&message), "{}", answer.text());
        }
    }
    let answer = world.anonymous().post(PAGE, &json!({})).await;
    assert_refused(&answer, 404, "method not allowed");
    assert_eq!(xealth.asked(Ask::CreateToken).len(), 0);
}

#[actix_web::test]
async fn whom_the_clinic_has_not_nobody_looks_at() {
    let (xealth, world, clinic) = connected().await;
    let text = |what: &str| format!("unable to get program url: {what}");
    let nobody = text("not found: couldn't find matching patient");
    assert_refused(&ask(&world, &question()).await, 404, &nobody);
    let mut other = question();
    other["deployment"] = json!("elsewhere");
    let nowhere = text("not found: couldn't find matching clinic");
    assert_refused(&ask(&world, &other).await, 404, &nowhere);
    let mut nameless = question();
    nameless["datasets"]["demographicsV1"]["name"] = json!({});
    let missing = text("bad request: full name is missing");
    assert_refused(&ask(&world, &nameless).await, 400, &missing);
    for body in ["", "{", "[".repeat(100_000).as_str()] {
        let answer = ask_raw(&world, PATH, "application/json", body.to_owned()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let body = question().to_string();
    let answer = ask_raw(&world, PATH, "text/plain", body).await;
    assert_refused(&answer, 415, "Unsupported Media Type");
    let answer = world.anonymous().put(PATH, &question()).await;
    assert_refused(&answer, 401, "unauthorized: bearer token is required");
    assert_eq!(xealth.log(), []);

    // Who does not say who they are is not noted.
    patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    let mut unknown = question();
    unknown["datasets"]["ehrUserV1"] = json!({});
    assert_eq!(ask(&world, &unknown).await.status, 200);
    xealth.fail(Ask::CreateToken, 500);
    let failed = ask(&world, &question()).await;
    assert_refused(&failed, 500, "Internal Server Error");
    assert_eq!(views(&world).await, []);
}

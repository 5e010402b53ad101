//! Whatever comes in is answered as documented, never with a failure, and changes nothing.

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use shared_runtime::testing::{send, send_raw};

use crate::{
    settings, sites, tags,
    world::{CAROL, NINA, World, assert_refused},
};

/// Every operation with a body that must be there, with a valid one.
fn operations(clinic: &str, patient: &str) -> Vec<(Method, String, Value)> {
    let profile = json!({ "name": "Elm", "preferredBgUnits": "mg/dL" });
    let clinician = json!({ "email": "x@example.org", "roles": ["CLINIC_MEMBER"] });
    let details = json!({ "fullName": "Finn", "birthDate": "2001-02-03" });
    let of_clinic = format!("/v1/clinics/{clinic}");
    vec![
        (Method::PUT, of_clinic.clone(), profile),
        (
            Method::POST,
            format!("{of_clinic}/clinicians"),
            clinician.clone(),
        ),
        (
            Method::PUT,
            format!("{of_clinic}/clinicians/{NINA}"),
            clinician,
        ),
        (
            Method::PATCH,
            format!("{of_clinic}/invites/clinicians/x/clinician"),
            json!({ "userId": NINA }),
        ),
        (
            Method::POST,
            format!("{of_clinic}/patients"),
            details.clone(),
        ),
        (
            Method::PUT,
            format!("{of_clinic}/patients/{patient}"),
            details,
        ),
    ]
    .into_iter()
    .chain(settings::operations(&of_clinic))
    .chain(tags::operations(&of_clinic))
    .chain(sites::operations(&of_clinic))
    .collect()
}

#[actix_web::test]
async fn a_body_that_breaks_a_rule_changes_nothing() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let patient = "a000000001";
    world.share(&clinic, patient, json!({ "view": {} })).await;
    world.settled().await;
    let before = world.everything().await;
    let (service, admin) = (world.service(), world.user(CAROL));
    for (method, path, valid) in operations(&clinic, patient) {
        // Services may not choose what mails an administrator gets.
        let caller = if path.ends_with("/suppressed_notifications") {
            &admin
        } else {
            &service
        };
        let what = format!("{method} {path}");
        let bodies = [
            "", " ", "{", "[]", "null", "1", "\"x\"", "{}", "{\"a\":}", "\u{0}",
        ];
        for body in bodies {
            let request = caller.request(method.clone(), &path);
            let answer = send(request.header(CONTENT_TYPE, "application/json").body(body)).await;
            assert_eq!(answer.status, 400, "{what} {body:?}: {}", answer.text());
            let refusal: Value = answer.json();
            let message = refusal["message"].as_str().unwrap();
            assert!(
                message.starts_with("request body has an error: "),
                "{what}: {message}"
            );
        }
        for name in valid.as_object().unwrap().keys() {
            let mut without = valid.clone();
            without.as_object_mut().unwrap().remove(name);
            for wrong in [Some(Value::Null), Some(json!({})), Some(json!([{}])), None] {
                if wrong.as_ref() == Some(&valid[name]) {
                    continue;
                }
                let mut body = without.clone();
                if let Some(wrong) = wrong {
                    body[name] = wrong;
                }
                let answer = send(caller.request(method.clone(), &path).json(&body)).await;
                assert_eq!(answer.status, 400, "{what} {body}: {}", answer.text());
            }
        }
        let untyped = send_raw(caller, method, &path, valid.to_string()).await;
        let message = "request body has an error: header Content-Type has unexpected value \"\"";
        assert_refused(&untyped, 400, message);
        assert_eq!(world.everything().await, before, "{what}");
    }
}

#[actix_web::test]
async fn a_charset_may_be_named() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let body = json!({ "name": "Elm", "preferredBgUnits": "mg/dL" }).to_string();
    let request = world
        .user(CAROL)
        .request(Method::PUT, &format!("/v1/clinics/{clinic}"));
    let request = request.header(CONTENT_TYPE, "Application/JSON; charset=utf-8");
    assert_eq!(send(request.body(body)).await.status, 200);
}

#[actix_web::test]
async fn an_id_that_is_none_is_refused() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let service = world.service();
    for path in [
        "/v1/clinics/x".to_owned(),
        "/v1/clinics/5F8F8F8F8F8F8F8F8F8F8F8F".to_owned(),
        format!("/v1/clinics/{clinic}/clinicians/x"),
        format!("/v1/clinics/{clinic}/clinicians/ABCDEF0123"),
        format!("/v1/clinics/{clinic}/patients/x"),
        "/v1/clinicians/x/clinics".to_owned(),
        "/v1/patients/x/clinics".to_owned(),
        format!("/v1/clinics/{clinic}/clinicians?limit=x"),
        format!("/v1/clinicians/{NINA}/clinics?offset=-1"),
    ] {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let refusal: Value = answer.json();
        let message = refusal["message"].as_str().unwrap();
        assert!(message.starts_with("parameter "), "{path}: {message}");
    }
}

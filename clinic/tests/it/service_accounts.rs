//! Programs that work for a clinic, whose credentials a token endpoint looks at.

use bson::doc;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string, body_string_contains, header, method, path},
};

use crate::{
    many_patients::object_id,
    world::{CAROL, World, assert_refused, details, id_of},
};

const PROGRAM: &str = "9999999999";
const FORM: &str = "grant_type=client_credentials&scope=openid";
/// `{"alg":"none"}.{"sub":"9999999999"}.signature`
const ID_TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI5OTk5OTk5OTk5In0.c2lnbmF0dXJl";
const NO_TOKEN: &str = "internal server error: unable to obtain a token for the service account";

/// The service whose settings name this endpoint.
async fn world_with(endpoint: &MockServer) -> World {
    let url = format!("{}/realm/token", endpoint.uri());
    World::start_with(|config| config.service_accounts.token_url = Some(url)).await
}

fn account() -> Value {
    json!({ "name": "Lab", "client_id": "lab:1", "client_secret": "s3/cr t" })
}

fn token() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "id_token": ID_TOKEN, "access_token": "a" }))
}

#[actix_web::test]
async fn a_program_works_for_a_clinic_as_a_member() {
    let endpoint = MockServer::start().await;
    // The pair "lab%3A1:s3%2Fcr+t".
    Mock::given(method("POST"))
        .and(path("/realm/token"))
        .and(header("authorization", "Basic bGFiJTNBMTpzMyUyRmNyK3Q="))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string(FORM))
        .respond_with(token())
        .expect(2)
        .mount(&endpoint)
        .await;
    let world = world_with(&endpoint).await;
    let clinic = world.clinic().await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let added = world.service().post(&accounts, &account()).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let shown: Value = added.json();
    assert_eq!(id_of(&shown), PROGRAM);
    assert_eq!(shown["email"], "");
    assert_eq!(shown["name"], "Lab");
    assert_eq!(shown["roles"], json!(["CLINIC_MEMBER"]));

    let stored = doc! { "clinicId": object_id(&clinic), "userId": PROGRAM };
    let stored = world.collection("clinicians").find_one(stored).await;
    let stored = stored.unwrap().unwrap();
    assert!(stored.get_bool("isServiceAccount").unwrap());
    assert!(!stored.contains_key("email") && !stored.contains_key("inviteId"));
    assert!(!format!("{:?}", world.dump().await).contains("s3/cr t"));
    let of_clinic = world.clinic_document(&clinic).await.unwrap();
    let admins = of_clinic.get_array("admins").unwrap();
    assert_eq!(admins, &vec![CAROL.into()]);

    world.enrol(&clinic, &details("Ann")).await;
    let program = world.user(PROGRAM);
    let patients = program.get(&format!("/v1/clinics/{clinic}/patients")).await;
    assert_eq!(patients.json::<Value>()["meta"]["count"], 1);
    let clinicians = format!("/v1/clinics/{clinic}/clinicians");
    let listed: Value = program.get(&clinicians).await.json();
    assert!(listed.as_array().unwrap().contains(&shown), "{listed}");
    let found = program.get(&format!("{clinicians}?search=lab")).await;
    assert_eq!(found.json::<Value>(), json!([shown]));
    let own = program
        .get(&format!("/v1/clinicians/{PROGRAM}/clinics"))
        .await;
    assert_eq!(own.json::<Value>()[0]["clinician"], shown);
    // A member runs nothing.
    let settings = program.delete(&format!("/v1/clinics/{clinic}")).await;
    assert_eq!(settings.status, 403);

    let again = world.service().post(&accounts, &account()).await;
    let message = "duplicate: clinician is already a member of the clinic";
    assert_refused(&again, 409, message);
    world.settled().await;
    let body = json!({ "email": "", "name": "Labs", "roles": ["CLINIC_MEMBER"] });
    let renamed = world
        .service()
        .put(&format!("{clinicians}/{PROGRAM}"), &body)
        .await;
    assert_eq!(renamed.json::<Value>()["name"], "Labs");
    let gone = world
        .service()
        .delete(&format!("{clinicians}/{PROGRAM}"))
        .await;
    assert_eq!(gone.status, 200);
    world.settled().await;
    let listed = program.get(&clinicians).await;
    assert_eq!(listed.status, 403);
}

#[actix_web::test]
async fn an_endpoint_may_take_credentials_in_the_form_alone() {
    let endpoint = MockServer::start().await;
    Mock::given(method("POST"))
        .and(|request: &Request| request.headers.contains_key("authorization"))
        .respond_with(ResponseTemplate::new(401))
        .expect(1)
        .mount(&endpoint)
        .await;
    Mock::given(method("POST"))
        .and(|request: &Request| !request.headers.contains_key("authorization"))
        .and(body_string_contains(FORM))
        .and(body_string_contains(
            "&client_id=lab%3A1&client_secret=s3%2Fcr+t",
        ))
        .respond_with(token())
        .expect(1)
        .mount(&endpoint)
        .await;
    let world = world_with(&endpoint).await;
    let clinic = world.clinic().await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let added = world.service().post(&accounts, &account()).await;
    assert_eq!(id_of(&added.json()), PROGRAM);
}

#[actix_web::test]
async fn without_a_token_nothing_changes() {
    let endpoint = MockServer::start().await;
    let mut world = world_with(&endpoint).await;
    let clinic = world.clinic().await;
    world.settled().await;
    world.rest();
    let before = world.dump().await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let body = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let unsigned = |claims: &str| body(json!({ "id_token": format!("e30.{claims}.") }));
    let long = format!(
        "{{\"id_token\":\"{ID_TOKEN}\",\"x\":\"{}\"}}",
        "x".repeat(100_000)
    );
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "/realm/token");
    for (answer, times) in [
        // Refused in the header and in the form.
        (ResponseTemplate::new(401), 2),
        (
            ResponseTemplate::new(400).set_body_json(json!({ "id_token": ID_TOKEN })),
            2,
        ),
        (ResponseTemplate::new(500), 1),
        (ResponseTemplate::new(503), 1),
        (elsewhere, 1),
        (ResponseTemplate::new(200), 1),
        (ResponseTemplate::new(200).set_body_string("<html>"), 1),
        (ResponseTemplate::new(200).set_body_string(long), 1),
        (body(json!([])), 1),
        (body(json!({ "access_token": ID_TOKEN })), 1),
        (body(json!({ "id_token": "x" })), 1),
        (body(json!({ "id_token": "a.b.c" })), 1),
        // {}, {"sub":""}, {"sub":1}, {"sub":"x"}
        (unsigned("e30"), 1),
        (unsigned("eyJzdWIiOiIifQ"), 1),
        (unsigned("eyJzdWIiOjF9"), 1),
        (unsigned("eyJzdWIiOiJ4In0"), 1),
    ] {
        endpoint.reset().await;
        Mock::given(method("POST"))
            .respond_with(answer)
            .mount(&endpoint)
            .await;
        let refused = world.service().post(&accounts, &account()).await;
        assert_refused(&refused, 500, NO_TOKEN);
        assert_eq!(endpoint.received_requests().await.unwrap().len(), times);
        assert_eq!(world.dump().await, before);
    }

    endpoint.reset().await;
    let nowhere = "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/service_accounts";
    let unknown = world.service().post(nowhere, &account()).await;
    assert_refused(&unknown, 404, "clinic not found");
    world
        .set_clinic(&clinic, doc! { "isMigrated": false })
        .await;
    let legacy = world.service().post(&accounts, &account()).await;
    let message = "constraint violation: clinic is not migrated";
    assert_refused(&legacy, 422, message);
    // Nobody was shown the credentials.
    assert_eq!(endpoint.received_requests().await.unwrap().len(), 0);
}

#[actix_web::test]
async fn an_endpoint_that_is_not_there_is_a_failure_with_a_message() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let refused = world.service().post(&accounts, &account()).await;
    let message = "internal server error: service accounts are not configured";
    assert_refused(&refused, 500, message);

    let url = "http://127.0.0.1:9/token".to_owned();
    let world = World::start_with(|config| config.service_accounts.token_url = Some(url)).await;
    let clinic = world.clinic().await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let refused = world.service().post(&accounts, &account()).await;
    assert_refused(&refused, 500, NO_TOKEN);
}

#[actix_web::test]
async fn a_clinic_without_an_administrator_takes_no_program() {
    let endpoint = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(token())
        .mount(&endpoint)
        .await;
    let world = world_with(&endpoint).await;
    let clinic = world.clinic().await;
    world.set_clinic(&clinic, doc! { "admins": [] }).await;
    let accounts = format!("/v1/clinics/{clinic}/service_accounts");
    let refused = world.service().post(&accounts, &account()).await;
    let message = "constraint violation: the clinic must have at least one admin";
    assert_refused(&refused, 422, message);
}

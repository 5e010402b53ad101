//! What clinic is asked, and its stand-in.

use serde_json::{Value, json};

use super::side::{At, Side};

/// A path of a clinic.
const INVITED: &str = "/invites/clinicians/first/clinician";
/// So many of the questions about a clinic are not for services alone; they come first.
const OF_MEMBERS: usize = 6;

/// Comes last of all: clinic tells the others of its patients in its own time.
pub(super) async fn play(side: &mut Side<'_>) {
    let session = side.log_in("alice@example.org", Some("battery-staple"));
    let session = session.await.expect("a session");
    side.open_clinic(&session).await;
    ask_each(side, &of_clinic("nowhere")).await;
    for token in ["", "nonsense", &session] {
        let services_alone = of_clinic("oak").into_iter().skip(OF_MEMBERS);
        for (what, body) in services_alone.chain(of_users()) {
            side.ask_with(token, At::Clinic, &what, body).await;
        }
    }
    for path in ["{oak}", "share_code/{code}"] {
        let what = format!("GET /v1/clinics/{path}");
        side.ask_with(&session, At::Clinic, &what, Value::Null)
            .await;
    }
    clinicians(side).await;
    restrictions(side).await;
    patients(side).await;
    departures(side).await;
}

async fn ask_each(side: &mut Side<'_>, questions: &[(String, Value)]) {
    for (what, body) in questions {
        side.ask(At::Clinic, what, body.clone()).await;
    }
}

/// Each question about a clinic.
fn of_clinic(name: &str) -> Vec<(String, Value)> {
    let questions = [
        ("GET", "", Value::Null),
        ("GET", "/clinicians", Value::Null),
        ("GET", "/clinicians/{bob}", Value::Null),
        ("GET", "/membership_restrictions", Value::Null),
        ("GET", "/settings/mrn", Value::Null),
        ("GET", "/patients/{alice}", Value::Null),
        ("POST", "/clinicians", invited("first", "erin@example.org")),
        ("GET", INVITED, Value::Null),
        ("PATCH", INVITED, json!({ "userId": "{bob}" })),
        ("DELETE", INVITED, Value::Null),
        ("POST", "/patients/{bob}", json!({})),
        (
            "DELETE",
            "/patients/{bob}/permissions/custodian",
            Value::Null,
        ),
    ];
    questions
        .map(|(method, path, body)| (format!("{method} /v1/clinics/{{{name}}}{path}"), body))
        .into()
}

/// Each question about a user, who is not Alice.
fn of_users() -> Vec<(String, Value)> {
    let clinics = "/v1/users/{bob}/clinics";
    vec![
        ("GET /v1/patients/{bob}/clinics".to_owned(), Value::Null),
        (format!("DELETE {clinics}"), Value::Null),
        (format!("POST {clinics}"), json!({})),
    ]
}

/// Somebody who is invited to be a member.
fn invited(key: &str, email: &str) -> Value {
    json!({ "inviteId": key, "email": email, "roles": ["CLINIC_MEMBER"] })
}

async fn clinicians(side: &mut Side<'_>) {
    let add = "POST /v1/clinics/{oak}/clinicians";
    let alice = json!({ "id": "{alice}", "email": "else@example.org", "roles": ["PRESCRIBER"] });
    let frank = json!({
        "inviteId": "second", "email": "frank@example.org", "roles": ["CLINIC_ADMIN", "PRESCRIBER"],
    });
    for body in [
        invited("first", "erin@example.org"),
        invited("first", "erin@example.org"),
        invited("first", "else@example.org"),
        invited("third", "ERIN@example.org"),
        alice,
        frank,
    ] {
        side.ask(At::Clinic, add, body).await;
    }
    for rest in [
        "clinicians",
        "clinicians?role=CLINIC_ADMIN",
        "clinicians?role=PRESCRIBER&limit=100",
        "clinicians/{alice}",
        "clinicians/{carol}",
        "invites/clinicians/second/clinician",
    ] {
        let what = format!("GET /v1/clinics/{{oak}}/{rest}");
        side.ask(At::Clinic, &what, Value::Null).await;
    }
    let carol = json!({ "userId": "{carol}" });
    for (method, key, body) in [
        ("PATCH", "first", carol.clone()),
        ("PATCH", "first", carol.clone()),
        ("PATCH", "second", carol),
        ("GET", "first", Value::Null),
        ("DELETE", "second", Value::Null),
        ("DELETE", "second", Value::Null),
    ] {
        let what = format!("{method} /v1/clinics/{{oak}}/invites/clinicians/{key}/clinician");
        side.ask(At::Clinic, &what, body).await;
        let list = "GET /v1/clinics/{oak}/clinicians";
        side.ask(At::Clinic, list, Value::Null).await;
    }
}

async fn restrictions(side: &mut Side<'_>) {
    let settings = [
        "GET /v1/clinics/{oak}/membership_restrictions",
        "GET /v1/clinics/{oak}/settings/mrn",
        "GET /v1/clinics/{oak}",
    ];
    for what in settings {
        side.ask(At::Clinic, what, Value::Null).await;
    }
    let domains = json!([
        { "emailDomain": "oak.example" },
        { "emailDomain": "elm.example", "requiredIdp": "elm" },
    ]);
    side.restrict(&domains).await;
    let unique = json!({ "required": true, "unique": true });
    side.ask_for_numbers(&unique).await;
    for what in settings {
        side.ask(At::Clinic, what, Value::Null).await;
    }
}

/// The accounts have neither an address nor a profile, of which clinic would tell.
async fn patients(side: &mut Side<'_>) {
    for name in ["finn", "sam"] {
        let what = "POST /v1/clinics/{oak}/users";
        let account = side.ask(At::UserApi, what, json!({})).await;
        side.call(name, &account);
    }
    let all = json!({ "custodian": {}, "view": {}, "note": {} });
    let details = |mrn: &str, permissions: &Value| {
        json!({
            "fullName": "Somebody", "birthDate": "2019-08-30", "mrn": mrn,
            "permissions": permissions,
        })
    };
    let mut without = details("", &all);
    without.as_object_mut().unwrap().remove("mrn");
    for (name, body) in [
        ("finn", without),
        ("finn", details("oak-1", &all)),
        ("finn", details("oak-2", &all)),
        ("sam", details("oak-1", &all)),
        ("sam", details("OAK-1", &all)),
        ("sam", details("oak-2", &json!({ "custodian": {} }))),
    ] {
        let what = format!("POST /v1/clinics/{{oak}}/patients/{{{name}}}");
        side.ask(At::Clinic, &what, body).await;
        look_at_patient(side, name).await;
    }
    look_at_patient(side, "nobody").await;
    for name in ["finn", "finn", "sam", "nobody"] {
        let what = format!("DELETE /v1/clinics/{{oak}}/patients/{{{name}}}/permissions/custodian");
        side.ask(At::Clinic, &what, Value::Null).await;
        look_at_patient(side, name).await;
    }
}

async fn look_at_patient(side: &mut Side<'_>, name: &str) {
    for what in [
        format!("GET /v1/clinics/{{oak}}/patients/{{{name}}}"),
        format!("GET /v1/patients/{{{name}}}/clinics?limit=1000"),
    ] {
        side.ask(At::Clinic, &what, Value::Null).await;
    }
}

/// Accounts get other addresses, and are deleted.
async fn departures(side: &mut Side<'_>) {
    for body in [json!({ "email": "bob@example.org" }), json!({})] {
        let what = "POST /v1/users/{bob}/clinics";
        side.ask(At::Clinic, what, body).await;
    }
    for name in ["finn", "finn", "carol", "nobody"] {
        let what = format!("DELETE /v1/users/{{{name}}}/clinics");
        side.ask(At::Clinic, &what, Value::Null).await;
        look_at_patient(side, name).await;
        let list = "GET /v1/clinics/{oak}/clinicians";
        side.ask(At::Clinic, list, Value::Null).await;
    }
}

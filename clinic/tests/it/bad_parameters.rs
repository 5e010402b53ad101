//! Whatever path and query come in are answered as documented, never with a failure, and change
//! nothing.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::bad_input::{Caller, Stage, assert_envelope, rows};

/// What ids and words in paths are not.
const BAD_IDS: [&str; 12] = [
    "x",
    "5F8F8F8F8F8F8F8F8F8F8F8F",
    "5f8f8f8f8f8f8f8f8f8f8f8f0",
    "ABCDEF0123",
    "c00000000",
    "c000000001%20",
    "%00",
    "%FF",
    "$ne",
    "%7B%22$ne%22:1%7D",
    "%F0%9F%8C%B3",
    ".*",
];

/// Operations in whose paths ids are not looked at before they are looked for.
const ANY_TEXT: [&str; 3] = [
    "GET /v1/clinics/{clinicId}/migrations",
    "POST /v1/clinics/{clinicId}/migrations",
    "POST /v1/clinicians/{userId}/migrate",
];

#[actix_web::test]
async fn a_path_that_breaks_a_rule_changes_nothing() {
    let stage = Stage::set().await;
    let before = stage.world.dump().await;
    let bodies = stage.bodies();
    let mut asked = 0;
    for (operation, (row, caller)) in rows() {
        let person = stage.person(caller);
        let body = bodies.iter().find(|body| body.operation == operation);
        let names = row.pattern().split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some(name.to_owned())
        });
        for name in names {
            // The id of a summary may be short.
            let bad_ids = BAD_IDS.into_iter();
            for bad in bad_ids.filter(|bad| (name.as_str(), *bad) != ("summaryId", "c00000000")) {
                let path = stage.path(&row, &[(&name, bad)]);
                let request = person.request(row.method(), &path);
                let answer = match body {
                    Some(body) => send(request.json(&body.whole)).await,
                    None => send(request).await,
                };
                // Who is nobody there is told so first; what may be any text leads nowhere, unless what
                // the body names is refused before.
                let statuses: &[u16] = match (caller, name.as_str()) {
                    (_, "inviteId" | "shareCode") => &[400, 404, 409],
                    // Of migrations, clinics and accounts may be any text, which leads nowhere.
                    (Caller::Service, "clinicId" | "userId")
                        if ANY_TEXT.contains(&operation.as_str()) =>
                    {
                        &[200, 400, 404]
                    }
                    (Caller::Admin, "clinicId")
                    | (Caller::Patient, "patientId")
                    | (Caller::Service, "permission") => &[403],
                    _ => &[400],
                };
                let what = format!("{} {path}", row.method());
                asked += 1;
                if answer.status == 200 && statuses.contains(&200) {
                    assert_eq!(answer.json::<Value>(), json!([]), "{what}");
                    continue;
                }
                let message = assert_envelope(&answer, statuses, &what);
                assert!(
                    answer.status != 400 || message.starts_with("parameter "),
                    "{what}: {message}"
                );
            }
        }
        assert_eq!(stage.world.dump().await, before, "{operation}");
    }
    assert!(asked > 500, "{asked}");
}

#[actix_web::test]
async fn a_query_that_breaks_a_rule_is_refused() {
    let stage = Stage::set().await;
    let before = stage.world.dump().await;
    let document = serde_json::to_value(clinic::openapi()).unwrap();
    let mut asked = 0;
    for (operation, (row, caller)) in rows() {
        let method = row.method().as_str().to_lowercase();
        let parameters = &document["paths"][row.pattern()][&method]["parameters"];
        let parameters = parameters.as_array().into_iter().flatten();
        let parameters = parameters.filter(|parameter| parameter["in"] == "query");
        let (person, path) = (stage.person(caller), stage.path(&row, &[]));
        for parameter in parameters {
            assert_eq!(row.method(), Method::GET, "{operation}");
            let name = parameter["name"].as_str().unwrap();
            for bad in bad_queries(name, &parameter["schema"]) {
                let path = format!("{path}?{bad}");
                let message = assert_envelope(&person.get(&path).await, &[400], &path);
                assert!(
                    message.starts_with(&format!("parameter \"{name}\" in query ")),
                    "{path}: {message}"
                );
                asked += 1;
            }
            for odd in ["%00", "%FF", "$ne", "(", "%5C", "%F0%9F%8C%B3", "*", "%2B"] {
                let answer = person.get(&format!("{path}?{name}={odd}")).await;
                if answer.status != 200 {
                    assert_envelope(&answer, &[400], &format!("{path}?{name}={odd}"));
                }
                asked += 1;
            }
        }
        if row.method() == Method::GET {
            let plain = person.get(&path).await;
            let unknown = person.get(&format!("{path}?unknown=&unknown=1&$ne")).await;
            assert_eq!(unknown.status, plain.status, "{path}");
            assert_eq!(unknown.text(), plain.text(), "{path}");
        }
    }
    assert!(asked > 1_000, "{asked}");
    assert_eq!(stage.world.dump().await, before);
}

/// Queries in which the parameter `name` breaks a rule of its schema.
fn bad_queries(name: &str, schema: &Value) -> Vec<String> {
    let schema = schema.to_string();
    let mut values = vec![""];
    if schema.contains("integer") {
        values.extend(["x", "-1", "1.5", "99999999999999999999"]);
    }
    if name == "limit" {
        values.push("0");
    }
    if schema.contains("boolean") {
        values.extend(["yes", "1"]);
    }
    if schema.contains("date-time") {
        values.extend(["yesterday", "2001-02-30T00:00:00Z", "2001-02-03"]);
    }
    if schema.contains("enum") || schema.contains("pattern") {
        values.extend(["x", "%00"]);
    }
    let mut queries: Vec<String> = values
        .into_iter()
        .map(|value| format!("{name}={value}"))
        .collect();
    queries.push(name.to_owned());
    queries
}

//! Whatever comes in is answered as documented, never with a failure, and changes nothing.

use std::collections::BTreeMap;

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use shared_runtime::testing::{
    Answer, Person,
    matrix::{Gets, Row},
    send, send_raw, server_settings,
};

use crate::{
    auth::{self, KINDS},
    bodies::{ALICE, Bodies, Body},
    sites, tags,
    world::{CAROL, NINA, World, assert_refused},
};

const BROKEN: &str = "request body has an error: ";

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

/// A clinic with somebody of each kind, which nothing but requests changes.
struct Stage {
    world: World,
    clinic: String,
    tag: String,
    site: String,
    other_site: String,
}

/// Who calls an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Caller {
    Service,
    Admin,
    Patient,
    Operator,
}

impl Caller {
    /// Somebody whom an operation admits; `None` where it admits nobody.
    fn of(row: &Row<KINDS>) -> Option<Self> {
        [
            (10, Self::Service),
            (4, Self::Admin),
            (8, Self::Patient),
            (11, Self::Operator),
        ]
        .into_iter()
        .find(|(kind, _)| matches!(row.gets[*kind], Gets::Status(_)))
        .map(|(_, caller)| caller)
    }
}

impl Stage {
    async fn set() -> Self {
        let mut world = World::start().await;
        let clinic = world.clinic().await;
        world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
        world.share(&clinic, ALICE, json!({ "view": {} })).await;
        let tag = tags::create(&world, &clinic, "Type 1").await;
        let site = sites::create(&world, &clinic, "North").await;
        let other_site = sites::create(&world, &clinic, "West").await;
        world.settled().await;
        world.rest();
        Self {
            world,
            clinic,
            tag,
            site,
            other_site,
        }
    }

    /// The path of an operation, with `parameters` before those that lead to something.
    fn path(&self, row: &Row<KINDS>, parameters: &[(&str, &str)]) -> String {
        let usual = [
            ("clinicId", self.clinic.as_str()),
            ("clinicianId", NINA),
            ("userId", NINA),
            ("patientId", ALICE),
            ("patientTagId", &self.tag),
            ("siteId", &self.site),
            ("inviteId", "unknown"),
            ("shareCode", "AAAA-AAAA-AAAA"),
            ("permission", "view"),
        ];
        let parameters = parameters.iter().chain(&usual);
        parameters.fold(row.pattern().to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    fn person(&self, caller: Caller) -> Person {
        match caller {
            Caller::Service => self.world.service(),
            Caller::Admin => self.world.user(CAROL),
            Caller::Patient => self.world.user(ALICE),
            Caller::Operator => self.world.service_called("operator"),
        }
    }

    fn bodies(&self) -> Vec<Body> {
        let (tag, site, other_site) = (&self.tag, &self.site, &self.other_site);
        Bodies {
            tag,
            site,
            other_site,
        }
        .all()
    }
}

/// Every operation that admits somebody.
fn rows() -> BTreeMap<String, (Row<KINDS>, Caller)> {
    let rows = auth::matrix().into_iter();
    rows.filter_map(|row| {
        let caller = Caller::of(&row)?;
        Some((row.operation.clone(), (row, caller)))
    })
    .collect()
}

/// Asserts a refusal in the form of every refusal; its message.
#[track_caller]
fn assert_envelope(answer: &Answer, statuses: &[u16], what: &str) -> String {
    let text = answer.text();
    assert!(
        statuses.contains(&answer.status),
        "{what}: {} {text}",
        answer.status
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{what}"
    );
    let body: Value = answer.json();
    let members = body.as_object().unwrap();
    assert_eq!(members.len(), 1, "{what}: {text}");
    members["message"].as_str().unwrap().to_owned()
}

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
            for bad in BAD_IDS {
                let path = stage.path(&row, &[(&name, bad)]);
                let request = person.request(row.method(), &path);
                let answer = match body {
                    Some(body) => send(request.json(&body.whole)).await,
                    None => send(request).await,
                };
                // Who is nobody there is told so first; what may be any text leads nowhere.
                let statuses: &[u16] = match (caller, name.as_str()) {
                    (_, "inviteId" | "shareCode") => &[400, 404],
                    (Caller::Admin, "clinicId") | (Caller::Patient, "patientId") => &[403],
                    _ => &[400],
                };
                let what = format!("{} {path}", row.method());
                let message = assert_envelope(&answer, statuses, &what);
                assert!(
                    answer.status != 400 || message.starts_with("parameter "),
                    "{what}: {message}"
                );
                asked += 1;
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
    queries.push(format!("{name}"));
    queries
}

#[actix_web::test]
async fn a_body_that_breaks_a_rule_changes_nothing() {
    let stage = Stage::set().await;
    let before = stage.world.dump().await;
    let rows = rows();
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let texts = [
        " ",
        "{",
        "[",
        "1",
        "\"x\"",
        "true",
        "{\"a\":}",
        "{}{}",
        "\0",
        "\u{feff}{}",
        &deep,
    ];
    let large = "x".repeat(server_settings().body_limit_bytes + 1);
    for body in stage.bodies() {
        let (row, caller) = &rows[body.operation];
        let (person, path) = (stage.person(*caller), stage.path(row, &[]));
        let request = || person.request(row.method(), &path);
        let what = body.operation;
        let json = || request().header(CONTENT_TYPE, "application/json");
        let mut broken: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).into();
        broken.extend(body.broken().iter().map(|body| body.to_string().into()));
        broken.push(b"{\"\xff\":1}".to_vec());
        if !body.is_optional {
            broken.extend(["", "null", "{}", "[]"].map(|text| text.as_bytes().to_vec()));
        }
        for bytes in broken {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
            let what = format!("{what} {shown}");
            let answer = send(json().body(bytes)).await;
            let message = assert_envelope(&answer, &[400], &what);
            assert!(message.starts_with(BROKEN), "{what}: {message}");
        }
        for name in ["text/plain", "application/x-www-form-urlencoded", "json"] {
            let untyped = request().header(CONTENT_TYPE, name);
            let answer = send(untyped.body(body.whole.to_string())).await;
            let problem = format!("header Content-Type has unexpected value \"{name}\"");
            assert_refused(&answer, 400, &format!("{BROKEN}{problem}"));
        }
        let untyped = send_raw(&person, row.method(), &path, body.whole.to_string()).await;
        let problem = "header Content-Type has unexpected value \"\"";
        assert_refused(&untyped, 400, &format!("{BROKEN}{problem}"));
        let encoded = json().header("content-encoding", "gzip");
        let answer = send(encoded.body(body.whole.to_string())).await;
        assert_refused(&answer, 415, "the content encoding is not supported");
        let answer = send(json().body(large.clone())).await;
        assert_refused(&answer, 413, "request body is too large");
        assert_eq!(stage.world.dump().await, before, "{what}");
    }
}

#[actix_web::test]
async fn the_bodies_that_are_broken_above_are_right_otherwise() {
    let stage = Stage::set().await;
    let rows = rows();
    for body in stage.bodies() {
        let (row, caller) = &rows[body.operation];
        let path = stage.path(row, &[]);
        let request = stage.person(*caller).request(row.method(), &path);
        let answer = send(request.json(&body.whole)).await;
        let (status, text) = (answer.status, answer.text());
        assert!(
            matches!(status, 200 | 204 | 404 | 409),
            "{}: {status} {text}",
            body.operation
        );
    }
}

#[actix_web::test]
async fn every_operation_with_a_body_is_broken_above() {
    let document = serde_json::to_value(clinic::openapi()).unwrap();
    let mut documented = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation.get("requestBody").is_some() {
                documented.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    documented.sort();
    let bodies = Bodies {
        tag: "",
        site: "",
        other_site: "",
    };
    let mut broken: Vec<_> = bodies.all().iter().map(|body| body.operation).collect();
    broken.sort_unstable();
    assert_eq!(broken, documented);
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

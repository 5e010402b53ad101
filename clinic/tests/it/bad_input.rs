//! Whatever body comes in is answered as documented, never with a failure, and changes nothing.

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
    bodies::{ALICE, Bodies},
    sites, tags,
    world::{CAROL, NINA, World, assert_refused},
    wrong_body::Body,
};

const BROKEN: &str = "request body has an error: ";
/// What is said of bodies that can be read and make no sense.
const SENSELESS: [&str; 5] = [
    "bad request",
    "bad request: messageRef is required",
    "bad request: invalid documentId",
    "email: failed to pass regex validation",
    "can't merge a site into itself: bad request",
];

/// A clinic with somebody of each kind, which nothing but requests changes.
pub(crate) struct Stage {
    pub(crate) world: World,
    clinic: String,
    tag: String,
    site: String,
    other_site: String,
}

/// Who calls an operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Caller {
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
    pub(crate) async fn set() -> Self {
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
    pub(crate) fn path(&self, row: &Row<KINDS>, parameters: &[(&str, &str)]) -> String {
        let usual = [
            ("clinicId", self.clinic.as_str()),
            ("clinicianId", NINA),
            ("userId", NINA),
            ("patientId", ALICE),
            ("patientTagId", &self.tag),
            ("siteId", &self.site),
            ("inviteId", "unknown"),
            ("shareCode", "AAAA-AAAA-AAAA"),
            ("permission", "custodian"),
            ("messageId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
            ("summaryId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
            ("providerId", "dexcom"),
        ];
        let parameters = parameters.iter().chain(&usual);
        parameters.fold(row.pattern().to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    pub(crate) fn person(&self, caller: Caller) -> Person {
        match caller {
            Caller::Service => self.world.service(),
            Caller::Admin => self.world.user(CAROL),
            Caller::Patient => self.world.user(ALICE),
            Caller::Operator => self.world.service_called("operator"),
        }
    }

    pub(crate) fn bodies(&self) -> Vec<Body> {
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
pub(crate) fn rows() -> BTreeMap<String, (Row<KINDS>, Caller)> {
    let rows = auth::matrix().into_iter();
    rows.filter_map(|row| {
        let caller = Caller::of(&row)?;
        Some((row.operation.clone(), (row, caller)))
    })
    .collect()
}

/// Asserts a refusal in the form of every refusal; its message.
#[track_caller]
pub(crate) fn assert_envelope(answer: &Answer, statuses: &[u16], what: &str) -> String {
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
        broken.extend(
            body.broken()
                .iter()
                .map(|body| body.to_string().into_bytes()),
        );
        broken.push(b"{\"\xff\":1}".to_vec());
        if !body.is_optional {
            broken.extend(["", "null", "{}", "[]"].map(|text| text.as_bytes().to_vec()));
        }
        for bytes in broken {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
            let what = format!("{what} {shown}");
            let answer = send(json().body(bytes)).await;
            let message = assert_envelope(&answer, &[400], &what);
            assert!(
                message.starts_with(BROKEN) || SENSELESS.contains(&message.as_str()),
                "{what}: {message}"
            );
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
        // No endpoint looks at the credentials here.
        let is_unconfigured = text.contains("service accounts are not configured");
        assert!(
            matches!(status, 200 | 204 | 404 | 409 | 422) || is_unconfigured,
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
    // Those of hospital records, which nobody here may send (`redox.rs`, `xealth.rs`, `xealth_*.rs`).
    broken.extend(["POST /v1/redox", "POST /v1/redox/verify"]);
    broken.extend(["POST /v1/xealth/preorder", "PUT /v1/xealth/programs"]);
    broken.extend(["POST /v1/xealth/notification", "PUT /v1/xealth/program"]);
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

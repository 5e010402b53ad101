//! The bodies of all operations that take one.

use serde_json::{Value, json};

use crate::{
    data_sources, summaries,
    world::{NINA, details},
    wrong_body::Body,
};

/// The account of a patient.
pub(crate) const ALICE: &str = "a000000001";

/// What stands for high and low.
fn ranges() -> Value {
    json!({
        "type": "custom", "preset": "adaStandard",
        "custom": { "name": "Own", "thresholds": [{
            "name": "low", "upperBound": { "value": 70.5, "units": "mg/dL" }, "inclusive": true,
        }] },
    })
}

/// What the bodies name.
pub(crate) struct Bodies<'a> {
    pub(crate) tag: &'a str,
    pub(crate) site: &'a str,
    pub(crate) other_site: &'a str,
}

impl Bodies<'_> {
    /// One for each operation that takes a body.
    pub(crate) fn all(&self) -> Vec<Body> {
        [
            clinics(),
            clinicians(),
            self.patients(),
            vec![summaries::body(), data_sources::body()],
            settings(),
            self.labels(),
            self.merges(),
            migrations(),
            matches(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn merges(&self) -> Vec<Body> {
        let whole = json!({ "sourceId": self.tag, "planHash": "0123" });
        let report = json!({ "sourceId": self.tag });
        vec![
            Body::new("POST /v1/clinics/{clinicId}/merge", whole)
                .required(&["/sourceId"])
                .wrong([("/sourceId", json!("x")), ("/planHash", json!(""))]),
            Body::new("POST /v1/clinics/{clinicId}/reports/merge", report)
                .required(&["/sourceId"])
                .wrong([("/sourceId", json!("x"))]),
        ]
    }

    fn patients(&self) -> Vec<Body> {
        let site = json!({ "id": self.site, "name": "North" });
        let mut known = details("Mia");
        for (name, value) in [
            ("email", json!("mia@example.org")),
            ("mrn", json!("1")),
            ("targetDevices", json!(["pump"])),
            ("tags", json!([self.tag])),
            ("sites", json!([site])),
            (
                "dataSources",
                json!([{
                    "state": "connected", "providerName": "twiist", "dataSourceId": self.tag,
                    "modifiedTime": "2020-01-02T03:04:05Z",
                    "expirationTime": "2020-01-02T03:04:05Z",
                    "latestDataTime": "2020-01-02T03:04:05Z",
                }]),
            ),
            (
                "reviews",
                json!([{ "clinicianId": NINA, "time": "2020-01-02T03:04:05Z" }]),
            ),
            ("glycemicRanges", ranges()),
            ("diagnosisType", json!("type1")),
        ] {
            known[name] = value;
        }
        let rules = || {
            [
                ("/fullName", json!("")),
                ("/birthDate", json!("2001-02-30")),
                ("/birthDate", json!("2001-2-3")),
                ("/mrn", json!("")),
                ("/tags", json!([self.tag, self.tag])),
                ("/tags/0", json!("x")),
                ("/sites/0/id", json!("x")),
                ("/glycemicRanges/type", json!("x")),
                ("/glycemicRanges/preset", json!("x")),
                ("/diagnosisType", json!("x")),
            ]
        };
        let patient = |operation| {
            let mut body = Body::new(operation, known.clone())
                .required(&[
                    "/fullName",
                    "/birthDate",
                    "/sites/0/id",
                    "/sites/0/name",
                    "/dataSources/0/state",
                    "/dataSources/0/providerName",
                    "/reviews/0/clinicianId",
                    "/reviews/0/time",
                ])
                .nullable(&["/tags", "/dataSources", "/reviews"])
                .wrong(rules());
            body.wrong.extend([
                ("/dataSources/0/state", json!("x")),
                ("/dataSources/0/providerName", json!("")),
                ("/dataSources/0/modifiedTime", json!("yesterday")),
                ("/reviews/0/time", json!("2020-01-02")),
            ]);
            body
        };
        let mut shared = details("Alice");
        for (name, value) in [
            ("permissions", granted()),
            ("isMigrated", json!(true)),
            ("legacyClinicianId", json!(NINA)),
            ("mrn", json!("2")),
            ("tags", json!([self.tag])),
            ("sites", json!([site])),
            ("glycemicRanges", ranges()),
            ("diagnosisType", json!("type1")),
        ] {
            shared[name] = value;
        }
        vec![
            patient("POST /v1/clinics/{clinicId}/patients"),
            patient("PUT /v1/clinics/{clinicId}/patients/{patientId}"),
            Body::new("POST /v1/clinics/{clinicId}/patients/{patientId}", shared)
                .required(&["/sites/0/id", "/sites/0/name"])
                .nullable(&["/tags"])
                .wrong(rules())
                .optional(),
            Body::new(
                "PUT /v1/clinics/{clinicId}/patients/{patientId}/permissions",
                granted(),
            )
            .optional(),
            Body::new(
                "POST /v1/users/{userId}/clinics",
                json!({ "email": "nina@example.org" }),
            )
            .wrong([("/email", json!("")), ("/email", json!("nobody"))])
            .optional(),
        ]
    }

    fn labels(&self) -> Vec<Body> {
        let named = |operation, whole: Value| {
            Body::new(operation, whole)
                .required(&["/name"])
                .wrong([("/name", json!("")), ("/name", json!("x".repeat(1_000)))])
        };
        let listed = |operation| {
            let many: Vec<String> = (0..1_001).map(|number| format!("{number:010}")).collect();
            Body::new(operation, json!([ALICE]))
                .wrong([
                    ("", json!([])),
                    ("", json!([ALICE, ALICE])),
                    ("", json!(["x"])),
                    ("", json!(many)),
                ])
                .optional()
        };
        let in_full = json!({ "id": self.site, "name": "South" });
        let mut site = named("PUT /v1/clinics/{clinicId}/sites/{siteId}", in_full);
        site.required = &["/id", "/name"];
        let tags = "POST /v1/clinics/{clinicId}/patient_tags";
        let tag = "PUT /v1/clinics/{clinicId}/patient_tags/{patientTagId}";
        let merge = "POST /v1/clinics/{clinicId}/sites/{siteId}/merge";
        vec![
            named(tags, json!({ "name": "Type 2" })),
            named(tag, json!({ "name": "Type 3" })),
            listed("POST /v1/clinics/{clinicId}/patients/assign_tag/{patientTagId}"),
            listed("POST /v1/clinics/{clinicId}/patients/delete_tag/{patientTagId}"),
            named(
                "POST /v1/clinics/{clinicId}/sites",
                json!({ "name": "East" }),
            ),
            site,
            Body::new(merge, json!({ "id": self.other_site }))
                .required(&["/id"])
                .wrong([("/id", json!("x")), ("/id", json!(self.site))]),
        ]
    }
}

fn granted() -> Value {
    json!({ "custodian": {}, "view": {}, "upload": {}, "note": {} })
}

fn clinics() -> Vec<Body> {
    let profile = json!({
        "name": "Elm Clinic", "preferredBgUnits": "mg/dL", "address": "1 Elm Street",
        "city": "Elm", "country": "US", "postalCode": "12345", "state": "CA",
        "clinicType": "other", "clinicSize": "0-249", "website": "https://elm.example",
        "phoneNumbers": [{ "type": "Office", "number": "1" }], "timezone": "Europe/Berlin",
    });
    ["POST /v1/clinics", "PUT /v1/clinics/{clinicId}"]
        .map(|operation| {
            Body::new(operation, profile.clone())
                .required(&["/name", "/preferredBgUnits", "/phoneNumbers/0/number"])
                .wrong([
                    ("/preferredBgUnits", json!("mg")),
                    ("/address", json!("")),
                    ("/clinicType", json!("x")),
                    ("/clinicSize", json!("1")),
                    ("/phoneNumbers", json!([])),
                    (
                        "/phoneNumbers",
                        json!([{ "number": "1" }, { "number": "1" }]),
                    ),
                    ("/phoneNumbers/0/number", json!("")),
                    ("/timezone", json!("Mars/Olympus")),
                ])
        })
        .into()
}

fn migrations() -> Vec<Body> {
    let status = json!({ "status": "RUNNING" });
    let wrong = [("/status", json!("running")), ("/status", json!(""))];
    vec![
        Body::new(
            "POST /v1/clinics/{clinicId}/migrate",
            json!({ "attestationSubmitted": true }),
        )
        .optional(),
        Body::new(
            "POST /v1/clinics/{clinicId}/migrations",
            json!({ "userId": NINA, "status": "PENDING" }),
        )
        .required(&["/userId"])
        .wrong([("/userId", json!("")), ("/status", json!("pending"))]),
        Body::new("PATCH /v1/clinics/{clinicId}/migrations/{userId}", status)
            .required(&["/status"])
            .wrong(wrong),
    ]
}

fn clinicians() -> Vec<Body> {
    let clinician = json!({
        "id": NINA, "inviteId": "another", "email": "x@example.org", "name": "Nina",
        "roles": ["CLINIC_MEMBER"],
    });
    let associated = "PATCH /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician";
    let mut bodies: Vec<Body> = [
        "POST /v1/clinics/{clinicId}/clinicians",
        "PUT /v1/clinics/{clinicId}/clinicians/{clinicianId}",
    ]
    .map(|operation| {
        Body::new(operation, clinician.clone())
            .required(&["/email", "/roles"])
            .wrong([
                ("/id", json!("x")),
                ("/name", json!("")),
                ("/roles", json!([])),
                ("/roles", json!(["CLINIC_MEMBER", "CLINIC_MEMBER"])),
                ("/roles/0", json!("clinic_admin")),
            ])
    })
    .into();
    let program = json!({ "name": "Lab", "client_id": "lab", "client_secret": "s3cr3t" });
    bodies.push(
        Body::new("POST /v1/clinics/{clinicId}/service_accounts", program)
            .required(&["/name", "/client_id", "/client_secret"])
            .wrong([
                ("/name", json!("")),
                ("/client_id", json!("")),
                ("/client_secret", json!("")),
            ]),
    );
    bodies.push(Body::new(associated, json!({ "userId": NINA })).required(&["/userId"]));
    bodies
}

fn settings() -> Vec<Body> {
    let limit = json!({ "plan": 5, "startDate": "2020-01-02T03:04:05Z", "endDate": "2020-01-02T03:04:05Z" });
    let limits = json!({ "hardLimit": limit, "softLimit": limit });
    let ehr = json!({
        "enabled": true, "provider": "redox", "sourceId": "s", "mrnIdType": "EPI",
        "destinationIds": { "flowsheet": "f", "notes": "n", "results": "r" },
        "procedureCodes": {
            "enableSummaryReports": "e", "disableSummaryReports": "d", "createAccount": "c",
            "createAccountAndEnableReports": "b",
        },
        "scheduledReports": {
            "cadence": "7d", "onUploadEnabled": false, "onUploadNoteEventType": "New",
        },
        "tags": { "codes": ["t"], "separator": "," }, "flowsheets": { "icode": false },
        "notes": { "includeGMI": true },
    });
    vec![
        Body::new(
            "PUT /v1/clinics/{clinicId}/membership_restrictions",
            json!({ "restrictions": [{ "emailDomain": "oak.example", "requiredIdp": "oak" }] }),
        )
        .required(&["/restrictions/0/emailDomain"])
        .optional(),
        Body::new("PUT /v1/clinics/{clinicId}/settings/ehr", ehr)
            .required(&[
                "/enabled",
                "/provider",
                "/sourceId",
                "/mrnIdType",
                "/destinationIds/flowsheet",
                "/destinationIds/notes",
                "/destinationIds/results",
                "/procedureCodes",
                "/scheduledReports",
                "/scheduledReports/cadence",
                "/scheduledReports/onUploadEnabled",
                "/tags",
                "/flowsheets",
                "/flowsheets/icode",
            ])
            .wrong([
                ("/provider", json!("x")),
                ("/mrnIdType", json!("")),
                ("/scheduledReports/cadence", json!("2d")),
                ("/scheduledReports/onUploadNoteEventType", json!("new")),
            ]),
        Body::new(
            "PUT /v1/clinics/{clinicId}/settings/mrn",
            json!({ "required": false, "unique": false }),
        )
        .required(&["/required", "/unique"]),
        Body::new("PUT /v1/clinics/{clinicId}/settings/patient_count", limits)
            .required(&["/hardLimit/plan", "/softLimit/plan"])
            .wrong([
                ("/hardLimit/plan", json!(-1)),
                ("/hardLimit/plan", json!(1.5)),
                ("/hardLimit/plan", json!(1_u64 << 40)),
                ("/hardLimit/startDate", json!("yesterday")),
                ("/hardLimit/endDate", json!("2020-01-02T03:04:04Z")),
            ])
            .optional(),
        Body::new(
            "POST /v1/clinics/{clinicId}/tier",
            json!({ "tier": "tier0300" }),
        )
        .required(&["/tier"])
        .wrong([("/tier", json!("tier0500")), ("/tier", json!(""))]),
        Body::new(
            "POST /v1/clinics/{clinicId}/suppressed_notifications",
            json!({ "suppressedNotifications": { "patientClinicInvitation": true } }),
        )
        .required(&["/suppressedNotifications"])
        .wrong([("/suppressedNotifications", json!({ "x": true }))]),
    ]
}

fn matches() -> Vec<Body> {
    let whole = json!({
        "messageRef": {
            "dataModel": "Order", "eventType": "New", "documentId": "5f8f8f8f8f8f8f8f8f8f8f8f",
        },
        "patients": { "criteria": ["MRN_DOB"], "onUniqueMatch": "ENABLE_REPORTS" },
        "explain": true,
    });
    let required = &[
        "/messageRef",
        "/messageRef/dataModel",
        "/messageRef/eventType",
        "/messageRef/documentId",
        "/patients/criteria",
    ];
    let body = Body::new("POST /v1/redox/match", whole).required(required);
    vec![body.wrong([
        ("/messageRef/dataModel", json!("Results")),
        ("/messageRef/eventType", json!("Update")),
        ("/messageRef/documentId", json!("x")),
        ("/patients/criteria", json!([])),
        ("/patients/criteria/0", json!("DOB")),
        ("/patients/onUniqueMatch", json!("DELETE")),
    ])]
}

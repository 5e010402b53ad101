//! The rows of what hospital records send, and of what becomes of it.

use serde_json::json;
use shared_runtime::testing::matrix::{Gets, Row};

use super::{KINDS, Whom, row};

/// What Xealth asks, which no setting of the world enables.
fn disabled(operation: &str) -> Row<KINDS> {
    let message = "internal server error: the Xealth integration is not enabled";
    let refused = Gets::Refusal(500, json!({ "message": message }));
    Row::new(operation, refused.by_all()).with(json!({}))
}

/// Whoever calls shows no token of hospital records, and what it shows instead does not count.
pub(super) fn rows() -> Vec<Row<KINDS>> {
    let refused = |message: &str| {
        let message = format!("unauthorized: {message}");
        Gets::Refusal(401, json!({ "message": message })).by_all()
    };
    vec![
        Row::new("POST /v1/redox", refused("verification token is required")),
        Row::new(
            "POST /v1/redox/verify",
            refused("invalid verification token"),
        )
        .with(json!({})),
        Row::new(
            "GET /v1/redox/verify",
            refused("invalid verification token"),
        ),
        disabled("POST /v1/xealth/preorder"),
        disabled("PUT /v1/xealth/programs"),
        disabled("PUT /v1/xealth/program"),
        disabled("POST /v1/xealth/notification"),
        disabled("GET /v1/xealth/report/web/viewer.html"),
        row("POST /v1/redox/match", Whom::Services, 400).with(json!({ "messageRef": 1 })),
        row("POST /v1/clinics/{clinicId}/ehr/sync", Whom::Services, 404),
        row(
            "POST /v1/patients/{patientId}/ehr/sync",
            Whom::Services,
            202,
        ),
        row("GET /v1/redox/orders", Whom::Services, 200),
        row("GET /internal/redox/quarantine", Whom::Operators, 200),
        row(
            "GET /internal/redox/quarantine/{messageId}",
            Whom::Operators,
            404,
        ),
        row(
            "POST /internal/redox/quarantine/{messageId}/replay",
            Whom::Operators,
            404,
        ),
        row(
            "POST /internal/redox/orders/{messageId}/retry",
            Whom::Operators,
            404,
        ),
    ]
}

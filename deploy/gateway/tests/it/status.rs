//! `GET /status` of the origin.

use serde_json::json;

use crate::Platform;

#[actix_web::test]
async fn all_ready_is_200() {
    let platform = Platform::start();

    let answer = platform.get("/status").await;

    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "status": "ok" }))
    );
}

#[actix_web::test]
async fn whoever_is_not_ready_is_named() {
    let running = Platform::start();
    // A gateway answers /ready with 404, which is not ready either.
    let gateway = format!("http://{}", running.gateway);
    let platform = Platform::in_front_of(&gateway, "http://127.0.0.1:1", "http://127.0.0.1:1");

    let answer = platform.get("/status").await;

    let all = ["gatekeeper", "user-api", "confirm", "clinic"];
    let body = json!({ "status": "error", "notReady": all });
    assert_eq!((answer.status, answer.json()), (503, body));
}

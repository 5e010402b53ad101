//! Operations that clinic does not serve yet.

use reqwest::Method;
use shared_runtime::testing::send;

use crate::world::{World, assert_refused};

#[actix_web::test]
async fn what_is_not_served_yet_is_not_found() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let (service, anonymous) = (world.service(), world.anonymous());
    for (method, path) in [
    ] {
        let method: Method = method.parse().unwrap();
        let answer = send(service.request(method.clone(), &path)).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        let unknown = send(anonymous.request(method, &path)).await;
        assert_refused(&unknown, 400, "session token is missing");
    }
    // Their callers have no session.
    for (method, path) in [
        ("PUT", "/v1/xealth/program"),
        ("POST", "/v1/xealth/notification"),
        ("GET", "/v1/xealth/report/web/viewer.html"),
    ] {
        let method: Method = method.parse().unwrap();
        let answer = send(anonymous.request(method.clone(), path)).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
    }
}

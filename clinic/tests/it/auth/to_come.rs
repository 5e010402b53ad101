//! Operations that clinic does not serve yet.

use reqwest::Method;
use shared_runtime::testing::send;

use crate::world::World;

#[actix_web::test]
async fn what_is_not_served_yet_is_not_found() {
    let world = World::start().await;
    let anonymous = world.anonymous();
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

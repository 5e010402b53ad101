//! The OpenAPI document.

use serde_json::Value;

use crate::world::World;

#[actix_web::test]
async fn the_service_shows_its_document() {
    let world = World::start().await;
    let document: Value = world.anonymous().get("/openapi.json").await.json();
    assert_eq!(document["info"]["title"], "gatekeeper");
    assert_eq!(
        document["paths"]["/access/{sharer_id}"]["get"]["security"][0]["session_token"],
        serde_json::json!([])
    );
    assert_eq!(
        document["components"]["securitySchemes"]["session_token"]["in"],
        "header"
    );
    assert_eq!(world.anonymous().get("/docs/").await.status, 200);
}

//! The OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;
use shared_runtime::openapi::undocumented;

use crate::world::World;

#[test]
fn the_document_has_every_route_and_no_other() {
    let document = gatekeeper::openapi();
    assert_eq!(
        undocumented(&document, &gatekeeper::table()),
        Vec::<String>::new()
    );
    let table = gatekeeper::table();
    let served: BTreeSet<&str> = table
        .entries()
        .iter()
        .flat_map(|entry| entry.paths)
        .copied()
        .collect();
    let documented: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(documented, served);
}

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

//! The OpenAPI document.

use serde_json::Value;

use crate::world::World;

#[actix_web::test]
async fn the_service_shows_its_document() {
    let world = World::start().await;
    let document: Value = world.anonymous().get("/openapi.json").await.json();
    assert_eq!(document["info"]["title"], "clinic");
    let create = &document["paths"]["/v1/clinics"]["post"];
    assert_eq!(
        create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/ClinicProfile"
    );
    let profile = &document["components"]["schemas"]["ClinicProfile"];
    assert_eq!(
        profile["required"],
        serde_json::json!(["name", "preferredBgUnits"])
    );
    assert_eq!(world.anonymous().get("/docs/").await.status, 200);
}

//! The documentation that a service serves: its OpenAPI document, and the pages that show it.

use actix_web::{
    HttpResponse, guard,
    http::header::ContentType,
    web::{self, Bytes, ServiceConfig},
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// `/openapi.json` and `/docs/`, which the public origin never routes.
pub(super) fn documentation(config: &mut ServiceConfig, openapi: Option<Bytes>) {
    const PATH: &str = "/openapi.json";
    let Some(openapi) = openapi else {
        return;
    };
    let document = web::resource(PATH).guard(guard::Get()).to(move || {
        let openapi = openapi.clone();
        async move {
            HttpResponse::Ok()
                .content_type(ContentType::json())
                .body(openapi)
        }
    });
    let pages = SwaggerUi::new("/docs/{_:.*}").config(Config::new([PATH]));
    config.service(document).service(pages);
}

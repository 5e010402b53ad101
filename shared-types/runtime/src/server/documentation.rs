//! The documentation that a service serves: its OpenAPI document, and the pages that show it.

use std::sync::{Arc, OnceLock};

use actix_web::{
    HttpResponse,
    error::ErrorInternalServerError,
    guard,
    http::header::ContentType,
    web::{self, Bytes, ServiceConfig},
};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The OpenAPI document of a service, as text. It is written when it is asked for first, once for all
/// worker threads: that takes time and memory which a service that nobody asks for it never needs.
#[derive(Clone)]
pub(super) struct Documents {
    document: fn() -> OpenApi,
    written: Arc<OnceLock<Bytes>>,
}

impl Documents {
    pub(super) fn of(document: fn() -> OpenApi) -> Self {
        let written = Arc::default();
        Self { document, written }
    }

    fn text(&self) -> serde_json::Result<Bytes> {
        if let Some(text) = self.written.get() {
            return Ok(text.clone());
        }
        let text = Bytes::from((self.document)().to_json()?);
        Ok(self.written.get_or_init(|| text).clone())
    }
}

/// `/openapi.json` and `/docs/`, which the public origin never routes.
pub(super) fn documentation(config: &mut ServiceConfig, documents: Option<&Documents>) {
    const PATH: &str = "/openapi.json";
    let Some(documents) = documents.cloned() else {
        return;
    };
    let document = web::resource(PATH).guard(guard::Get()).to(move || {
        let text = documents.text();
        async move {
            let text = text.map_err(ErrorInternalServerError)?;
            Ok::<_, actix_web::Error>(
                HttpResponse::Ok()
                    .content_type(ContentType::json())
                    .body(text),
            )
        }
    });
    let pages = SwaggerUi::new("/docs/{_:.*}").config(Config::new([PATH]));
    config.service(document).service(pages);
}

//! The small pages that the links in mails open while no web application is configured, and the one
//! that no web application has ([`account_change`]).
//!
//! Plain HTML, rendered here and complete without scripts. The pages call what the API calls; what
//! they add is the browser's side of it: a session in a cookie, forms that other sites cannot send
//! ([`posted`]), and headers that leave a browser no way to load or leak anything ([`dress`]).

mod account_change;
mod claim;
mod dress;
mod invitations;
mod log_in;
mod outcome;
mod passwords;
mod posted;
mod sign_up;
mod templates;
mod verify;
mod visit;

use std::sync::Arc;

use actix_web::{
    HttpResponse, Resource, Route,
    dev::HttpServiceFactory,
    guard,
    http::{StatusCode, Uri, header},
    middleware::from_fn,
    web::{self, Data, ServiceConfig},
};
use anyhow::Context;
use shared_runtime::error::ApiError;

use crate::{State, config::WebSettings};
use templates::Templates;

/// What the pages share.
pub(crate) struct Pages {
    templates: Templates,
    /// Where they are, as browsers write it: scheme, host, and a port that is not the usual one.
    origin: String,
    /// The web application that has all other pages; `None`: they are served here.
    application: Option<String>,
}

impl Pages {
    /// The pages at the public origin, of what is called `product`.
    pub(crate) fn new(settings: &WebSettings, product: &str) -> anyhow::Result<Arc<Self>> {
        let application = settings.web_url.as_deref();
        Ok(Arc::new(Self {
            templates: Templates::load(product)?,
            origin: origin(&settings.public_url)?,
            application: application.map(|url| url.trim_end_matches('/').to_owned()),
        }))
    }

    /// Where people log in.
    fn log_in(&self) -> String {
        format!("{}/login", self.application.as_deref().unwrap_or_default())
    }

    /// Whether browsers keep what passes between them and the pages from others.
    fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

fn origin(public_url: &str) -> anyhow::Result<String> {
    let unusable = || format!("web.public_url: {public_url} is not the URL of a host");
    let url: Uri = public_url.parse().with_context(unusable)?;
    let (scheme, host) = url.scheme_str().zip(url.host()).with_context(unusable)?;
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = url.port_u16().filter(|port| *port != usual);
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Ok(format!("{scheme}://{}{port}", host.to_lowercase()))
}

/// A page, or several with the same handlers, at these paths.
struct Page {
    paths: &'static [&'static str],
    resource: Resource,
    /// It is served beside a web application as well.
    is_own: bool,
}

fn at(paths: &'static [&'static str]) -> Page {
    let resource = web::resource(paths.to_vec());
    Page {
        paths,
        resource,
        is_own: false,
    }
}

/// The same for what no web application has.
fn own_at(paths: &'static [&'static str]) -> Page {
    Page {
        is_own: true,
        ..at(paths)
    }
}

impl Page {
    fn route(self, route: Route) -> Self {
        let resource = self.resource.route(route);
        Self { resource, ..self }
    }
}

impl State {
    /// Method and path of every page, for the tests that look for gaps.
    pub fn page_routes() -> Vec<(&'static str, &'static str)> {
        let mut routes = Vec::new();
        for (page, allowed) in table() {
            for method in allowed.split(", ").filter(|method| !method.is_empty()) {
                routes.extend(page.paths.iter().map(|path| (method, *path)));
            }
        }
        routes
    }
}

/// Registers the pages. They come before the API, whose `/signup/{userid}` has room for theirs; no
/// account has such an id.
pub(crate) fn configure(config: &mut ServiceConfig, pages: &Arc<Pages>) {
    config.app_data(Data::from(pages.clone()));
    for (page, allowed) in table() {
        if pages.application.is_some() && !page.is_own {
            continue;
        }
        config.service(dressed(page.resource, allowed));
    }
}

/// Every page with its methods.
fn table() -> Vec<(Page, &'static str)> {
    let mut table = Vec::new();
    let get = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let mut serve = |page: Page, allowed| table.push((page, allowed));
    serve(
        at(&["/login"])
            .route(get().to(log_in::show_log_in))
            .route(web::post().to(log_in::log_in)),
        "GET, POST",
    );
    serve(
        at(&["/signup", "/signup/personal", sign_up::CLINICIAN])
            .route(get().to(sign_up::show_sign_up))
            .route(web::post().to(sign_up::sign_up)),
        "GET, POST",
    );
    serve(
        at(&["/confirm-password-reset"])
            .route(get().to(passwords::show_reset))
            .route(web::post().to(passwords::reset_password)),
        "GET, POST",
    );
    serve(
        at(&["/pages/forgot-password"])
            .route(get().to(passwords::show_forgotten))
            .route(web::post().to(passwords::request_reset)),
        "GET, POST",
    );
    serve(
        at(&[invitations::PATH])
            .route(get().to(invitations::list_invitations))
            .route(web::post().to(invitations::answer_invitation)),
        "GET, POST",
    );
    serve(
        at(&["/pages/verify"]).route(web::post().to(verify::verify)),
        "POST",
    );
    serve(
        at(&["/pages/verification-mail"]).route(web::post().to(verify::send_again)),
        "POST",
    );
    serve(
        at(&["/pages/log-out"]).route(web::post().to(log_in::log_out)),
        "POST",
    );
    serve(
        own_at(&[account_change::PATH])
            .route(get().to(account_change::show_change))
            .route(web::post().to(account_change::undo_change)),
        "GET, POST",
    );
    serve(
        own_at(&["/pages/done/{outcome}"]).route(get().to(outcome::show_outcome)),
        "GET",
    );
    serve(
        own_at(&["/pages/style.css"]).route(get().to(async || {
            asset(
                "text/css; charset=utf-8",
                include_str!("../../templates/pages/style.css"),
            )
        })),
        "GET",
    );
    serve(
        own_at(&["/pages/icon.svg"]).route(get().to(async || {
            asset(
                "image/svg+xml",
                include_str!("../../templates/pages/icon.svg"),
            )
        })),
        "GET",
    );
    serve(
        at(&["/pages", "/pages/{rest:.*}"]).route(web::to(async || not_found())),
        "",
    );
    table
}

/// `resource` with the headers of pages, and with pages for its errors.
fn dressed(resource: Resource, allowed: &'static str) -> impl HttpServiceFactory + 'static {
    resource
        .default_service(web::to(move || async move {
            let error = ApiError::empty(StatusCode::METHOD_NOT_ALLOWED);
            let mut response = HttpResponse::from_error(error);
            let allowed = header::HeaderValue::from_static(allowed);
            response.headers_mut().insert(header::ALLOW, allowed);
            response
        }))
        .wrap(from_fn(dress::dress))
}

fn asset(content_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=600"))
        .body(content)
}

fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::empty(StatusCode::NOT_FOUND))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_origin_is_written_as_browsers_do() {
        for (public_url, wanted) in [
            ("https://api.example.org", "https://api.example.org"),
            ("https://API.example.org:443/", "https://api.example.org"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://example.org:80/x", "https://example.org:80"),
        ] {
            assert_eq!(origin(public_url).unwrap(), wanted);
        }
        assert!(origin("/nowhere").is_err());
    }
}

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
    FromRequest, Handler, HttpResponse, Resource, Responder, Route,
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
    methods: Vec<&'static str>,
    /// It is served beside a web application as well.
    is_own: bool,
}

impl Page {
    fn at(paths: &'static [&'static str]) -> Self {
        Self {
            paths,
            resource: web::resource(paths.to_vec()),
            methods: Vec::new(),
            is_own: false,
        }
    }

    /// The same for what no web application has.
    fn own_at(paths: &'static [&'static str]) -> Self {
        Self {
            is_own: true,
            ..Self::at(paths)
        }
    }

    fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let shows = guard::Any(guard::Get()).or(guard::Head());
        self.route("GET", web::route().guard(shows).to(handler))
    }

    fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route("POST", web::post().to(handler))
    }

    fn route(mut self, method: &'static str, route: Route) -> Self {
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }

    /// With the headers of pages, and with pages for its errors.
    fn dressed(self) -> impl HttpServiceFactory + 'static {
        let allowed = self.methods.join(", ");
        self.resource
            .default_service(web::to(move || {
                let allowed = header::HeaderValue::from_str(&allowed);
                async move {
                    let error = ApiError::empty(StatusCode::METHOD_NOT_ALLOWED);
                    let mut response = HttpResponse::from_error(error);
                    if let Ok(allowed) = allowed {
                        response.headers_mut().insert(header::ALLOW, allowed);
                    }
                    response
                }
            }))
            .wrap(from_fn(dress::dress))
    }
}

impl State {
    /// Method and path of every page, for the tests that look for gaps.
    pub fn page_routes() -> Vec<(&'static str, &'static str)> {
        let mut routes = Vec::new();
        for page in table() {
            for method in page.methods {
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
    for page in table() {
        if page.is_own || pages.application.is_none() {
            config.service(page.dressed());
        }
    }
}

/// Every page.
fn table() -> Vec<Page> {
    vec![
        Page::at(&["/login"])
            .get(log_in::show_log_in)
            .post(log_in::log_in),
        Page::at(&["/signup", "/signup/personal", sign_up::CLINICIAN])
            .get(sign_up::show_sign_up)
            .post(sign_up::sign_up),
        Page::at(&["/confirm-password-reset"])
            .get(passwords::show_reset)
            .post(passwords::reset_password),
        Page::at(&["/pages/forgot-password"])
            .get(passwords::show_forgotten)
            .post(passwords::request_reset),
        Page::at(&[invitations::PATH])
            .get(invitations::list_invitations)
            .post(invitations::answer_invitation),
        Page::at(&["/pages/verify"]).post(verify::verify),
        Page::at(&["/pages/verification-mail"]).post(verify::send_again),
        Page::at(&["/pages/log-out"]).post(log_in::log_out),
        Page::own_at(&[account_change::PATH])
            .get(account_change::show_change)
            .post(account_change::undo_change),
        Page::own_at(&["/pages/done/{outcome}"]).get(outcome::show_outcome),
        Page::own_at(&["/pages/style.css"]).get(async || {
            asset(
                "text/css; charset=utf-8",
                include_str!("../../templates/pages/style.css"),
            )
        }),
        Page::own_at(&["/pages/icon.svg"]).get(async || {
            asset(
                "image/svg+xml",
                include_str!("../../templates/pages/icon.svg"),
            )
        }),
        nowhere(),
    ]
}

/// What is nowhere else below `/pages`, whatever the method.
fn nowhere() -> Page {
    let page = Page::at(&["/pages", "/pages/{rest:.*}"]);
    Page {
        resource: page.resource.route(web::to(async || not_found())),
        ..page
    }
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

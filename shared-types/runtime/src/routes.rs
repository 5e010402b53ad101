//! The route table of a service: one list from which the server, the OpenAPI document and the
//! completeness tests are made.

use actix_web::{
    FromRequest, Handler, HttpRequest, Responder, Route,
    http::{Method, header},
    web::{self, PathConfig, ServiceConfig},
};

use crate::error::{ApiError, Envelope, Rejection};

/// One operation: its method and the paths that serve it, the documented one first.
pub struct RouteEntry {
    /// The method.
    pub method: Method,
    /// The paths, as actix patterns; aliases after the first.
    pub paths: &'static [&'static str],
    route: Box<dyn Fn() -> Route>,
}

/// The routes of a service, in the order in which they are matched.
///
/// A path that is in the table but not with the request's method is answered with 405 and `Allow`,
/// any other path with 404, both in the service's words.
pub struct RouteTable {
    envelope: Envelope,
    entries: Vec<RouteEntry>,
    takes_trailing_slash: bool,
}

impl RouteTable {
    /// An empty table; `envelope` words the rejections of the plumbing.
    pub fn new(envelope: fn(Rejection) -> ApiError) -> Self {
        Self {
            envelope: Envelope(envelope),
            entries: Vec::new(),
            takes_trailing_slash: false,
        }
    }

    /// The same, where a path may end with one slash more.
    #[must_use]
    pub fn taking_trailing_slash(self) -> Self {
        Self {
            takes_trailing_slash: true,
            ..self
        }
    }

    /// Serves `GET` on `paths`.
    #[must_use]
    pub fn get<F, Args>(self, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::GET, paths, handler)
    }

    /// Serves `POST` on `paths`.
    #[must_use]
    pub fn post<F, Args>(self, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::POST, paths, handler)
    }

    /// Serves `PUT` on `paths`.
    #[must_use]
    pub fn put<F, Args>(self, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PUT, paths, handler)
    }

    /// Serves `PATCH` on `paths`.
    #[must_use]
    pub fn patch<F, Args>(self, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PATCH, paths, handler)
    }

    /// Serves `DELETE` on `paths`.
    #[must_use]
    pub fn delete<F, Args>(self, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::DELETE, paths, handler)
    }

    fn route<F, Args>(mut self, method: Method, paths: &'static [&'static str], handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route_method = method.clone();
        let route = Box::new(move || {
            web::route()
                .method(route_method.clone())
                .to(handler.clone())
        });
        self.entries.push(RouteEntry {
            method,
            paths,
            route,
        });
        self
    }

    /// Every operation, for the tests that look for gaps.
    pub fn entries(&self) -> &[RouteEntry] {
        &self.entries
    }

    /// Registers the routes, the 404 and 405 answers and the envelope.
    pub fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.envelope);
        config.app_data(PathConfig::default().error_handler(|_, request| {
            Envelope::render(request, Rejection::NoSuchPath(request.path().to_owned())).into()
        }));
        for path in self.paths_in_order() {
            let mut patterns = vec![path.to_owned()];
            if self.takes_trailing_slash {
                patterns.push(format!("{path}/"));
            }
            let mut resource = web::resource(patterns);
            let mut allowed = Vec::new();
            for entry in self
                .entries
                .iter()
                .filter(|entry| entry.paths.contains(&path))
            {
                resource = resource.route((entry.route)());
                allowed.push(entry.method.as_str());
            }
            let allowed = allowed.join(", ");
            config.service(
                resource.default_service(web::to(move |request: HttpRequest| {
                    let allowed = allowed.clone();
                    async move { method_not_allowed(&request, &allowed) }
                })),
            );
        }
        config.default_service(web::to(async |request: HttpRequest| {
            Err::<&str, ApiError>(Envelope::render(
                &request,
                Rejection::NoSuchPath(request.path().to_owned()),
            ))
        }));
    }

    fn paths_in_order(&self) -> Vec<&'static str> {
        let mut paths = Vec::new();
        for path in self.entries.iter().flat_map(|entry| entry.paths) {
            if !paths.contains(path) {
                paths.push(*path);
            }
        }
        paths
    }
}

/// The 405 answer, with `allowed` in `Allow`.
pub(crate) fn method_not_allowed(request: &HttpRequest, allowed: &str) -> impl Responder + use<> {
    let rejection = Rejection::MethodNotAllowed(request.method().to_string());
    let mut response = actix_web::HttpResponse::from_error(Envelope::render(request, rejection));
    if let Ok(value) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

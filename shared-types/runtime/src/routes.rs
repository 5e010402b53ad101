//! The route table of a service: one list from which the server, the OpenAPI document and the
//! completeness tests are made.

use std::rc::Rc;

use actix_web::{
    FromRequest, Handler, HttpRequest, Resource, Responder, Route,
    body::BoxBody,
    dev::ServiceRequest,
    http::{Method, header},
    middleware::{Next, from_fn},
    web::{self, PathConfig, PayloadConfig, ServiceConfig},
};
use futures_util::future::LocalBoxFuture;
use utoipa::openapi::{HttpMethod, OpenApi};

use crate::error::{ApiError, Envelope, Rejection, Wordings};

/// An operation as the table takes it: `operation!(access::list_groups)` is the handler
/// `access::list_groups` with the method, the path and the description in its `#[utoipa::path]`.
#[macro_export]
macro_rules! operation {
    (@in [$($module:ident)*] $handler:ident) => {{
        #[derive(::utoipa::OpenApi)]
        #[openapi(paths($($module::)* $handler))]
        struct Annotated;
        $crate::routes::pastey::paste! {
            $crate::routes::Operation::new::<$($module::)* [<__path_ $handler>], _, _>(
                <Annotated as ::utoipa::OpenApi>::openapi,
                $($module::)* $handler,
            )
        }
    }};
    (@in [$($module:ident)*] $next:ident :: $($rest:ident)::+) => {
        $crate::operation!(@in [$($module)* $next] $($rest)::+)
    };
    ($($handler:ident)::+) => {
        $crate::operation!(@in [] $($handler)::+)
    };
}

#[doc(hidden)]
pub use pastey;

/// Says whether a request may be made, before anything but its head and its path is looked at.
pub type Guard = Rc<dyn Fn(HttpRequest) -> LocalBoxFuture<'static, Result<(), ApiError>>>;

/// One operation: a method and the paths that serve it, with its handler and its description.
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The paths, as actix patterns: the documented one, then its aliases.
    pub paths: Vec<String>,
    /// How it words the rejections of the plumbing; `None`: as the service does.
    envelope: Option<Envelope>,
    /// The longest body taken at its paths, in bytes; `None`: as the service takes it.
    body_limit: Option<usize>,
    document: Option<fn() -> OpenApi>,
    route: Box<dyn Fn() -> Route>,
}

impl Operation {
    /// What [`operation!`](crate::operation) makes: `handler`, its annotation, and what writes the
    /// document that describes it alone, which takes far longer than to find its method and path.
    ///
    /// # Panics
    ///
    /// Where the annotation does not name one method of those that services serve.
    pub fn new<P, F, Args>(document: fn() -> OpenApi, handler: F) -> Self
    where
        P: utoipa::Path,
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let method = match P::methods()[..] {
            [HttpMethod::Get] => Method::GET,
            [HttpMethod::Post] => Method::POST,
            [HttpMethod::Put] => Method::PUT,
            [HttpMethod::Patch] => Method::PATCH,
            [HttpMethod::Delete] => Method::DELETE,
            _ => panic!("{} has one method", P::path()),
        };
        Self {
            document: Some(document),
            ..Self::undocumented(method, &P::path(), handler)
        }
    }

    /// `handler` for `method` on `path`, of which the OpenAPI document says nothing.
    pub fn undocumented<F, Args>(method: Method, path: &str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route_method = method.clone();
        Self {
            method,
            paths: vec![path.to_owned()],
            envelope: None,
            body_limit: None,
            document: None,
            route: Box::new(move || {
                let route = web::route().method(route_method.clone());
                route.to(handler.clone())
            }),
        }
    }

    /// The same, served at `path` as well.
    #[must_use]
    pub fn also_at(mut self, path: &str) -> Self {
        self.paths.push(path.to_owned());
        self
    }

    /// The same with bodies of up to `bytes`, whatever the settings say. It holds for every operation at
    /// its paths.
    #[must_use]
    pub fn taking(self, bytes: usize) -> Self {
        Self {
            body_limit: Some(bytes),
            ..self
        }
    }

    /// The same, behind `guard`: whom that refuses learns nothing about parameters and body.
    #[must_use]
    pub fn behind(mut self, guard: Guard) -> Self {
        let route = self.route;
        self.route = Box::new(move || {
            let guard = guard.clone();
            route().wrap(from_fn(
                move |request: ServiceRequest, next: Next<BoxBody>| {
                    let admitted = guard(request.request().clone());
                    async move {
                        match admitted.await {
                            Ok(()) => next.call(request).await,
                            // As an error it would pass by what logs, counts and marks responses.
                            Err(refused) => Ok(request.error_response(refused)),
                        }
                    }
                },
            ))
        });
        self
    }

    /// What its annotation says.
    pub(crate) fn document(&self) -> Option<OpenApi> {
        self.document.map(|document| document())
    }
}

/// The routes of a service, in the order in which they are matched.
///
/// A path that is in the table but not with the request's method is 405 with `Allow`,
/// any other path with 404, both in the service's words.
pub struct RouteTable {
    envelope: Envelope,
    operations: Vec<Operation>,
    takes_trailing_slash: bool,
    /// Who hears that there is no such operation; `None`: everybody.
    guard: Option<Guard>,
}

impl RouteTable {
    /// An empty table; `envelope` words the rejections of the plumbing.
    pub fn new(envelope: fn(Rejection) -> ApiError) -> Self {
        Self {
            envelope: Envelope(envelope),
            operations: Vec::new(),
            takes_trailing_slash: false,
            guard: None,
        }
    }

    /// The same, which says only to whom `guard` admits that there is no such operation.
    #[must_use]
    pub fn revealed_by(self, guard: Guard) -> Self {
        Self {
            guard: Some(guard),
            ..self
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

    /// Serves `operation`, unless one that was added before takes the request.
    #[must_use]
    pub fn serve(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// Serves what is in the table by now without `prefix` as well, where a path has it.
    #[must_use]
    pub fn also_without(mut self, prefix: &str) -> Self {
        for operation in &mut self.operations {
            for path in operation.paths.clone() {
                let alias = path.strip_prefix(prefix).map(str::to_owned);
                operation
                    .paths
                    .extend(alias.filter(|alias| !operation.paths.contains(alias)));
            }
        }
        self
    }

    /// Serves what is in the table by now below `prefix` as well.
    #[must_use]
    pub fn also_with(mut self, prefix: &str) -> Self {
        for operation in &mut self.operations {
            let aliases = operation.paths.iter().map(|path| format!("{prefix}{path}"));
            let aliases: Vec<String> = aliases.collect();
            operation.paths.extend(aliases);
        }
        self
    }

    /// Serves what is in `other` after what is in the table by now. It keeps the words of `other`
    /// where its operations are refused.
    #[must_use]
    pub fn merge(mut self, other: RouteTable) -> Self {
        let envelope = other.envelope;
        self.operations
            .extend(other.operations.into_iter().map(|operation| Operation {
                envelope: operation.envelope.or(Some(envelope)),
                ..operation
            }));
        self
    }

    /// Every operation, for the OpenAPI document and the tests that look for gaps.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Registers the routes, the responses 404 and 405, and the envelopes.
    pub fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.envelope);
        config.app_data(PathConfig::default().error_handler(|error, request| {
            let rejection = Rejection::InvalidPath {
                path: request.path().to_owned(),
                problem: error.to_string(),
            };
            Envelope::render(request, rejection).into()
        }));
        for path in self.paths_in_order() {
            config.service(self.resource(path));
        }
        let guard = self.guard.clone();
        config.default_service(web::to(move |request: HttpRequest| {
            let admitted = admitted(guard.as_ref(), &request);
            async move {
                admitted.await?;
                let rejection = Rejection::NoSuchPath(request.path().to_owned());
                Err::<&str, ApiError>(Envelope::render(&request, rejection))
            }
        }));
    }

    /// The operations at `path`.
    fn resource(&self, path: &str) -> Resource {
        let mut patterns = vec![path.to_owned()];
        if self.takes_trailing_slash {
            patterns.push(format!("{path}/"));
        }
        let mut resource = web::resource(patterns);
        let (mut allowed, mut wordings) = (Vec::new(), Vec::new());
        let operations = self.operations.iter();
        for operation in operations.filter(|operation| operation.paths.iter().any(|at| at == path))
        {
            resource = resource.route((operation.route)());
            allowed.push(operation.method.as_str());
            if let Some(bytes) = operation.body_limit {
                resource = resource.app_data(PayloadConfig::new(bytes));
            }
            if let Some(envelope) = operation.envelope {
                wordings.push((operation.method.clone(), envelope));
            }
        }
        let (allowed, guard) = (allowed.join(", "), self.guard.clone());
        resource
            .app_data(Wordings(wordings))
            .default_service(web::to(move |request: HttpRequest| {
                let (allowed, admitted) = (allowed.clone(), admitted(guard.as_ref(), &request));
                async move {
                    admitted.await?;
                    Ok::<_, ApiError>(method_not_allowed(&request, &allowed))
                }
            }))
    }

    fn paths_in_order(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for path in self
            .operations
            .iter()
            .flat_map(|operation| &operation.paths)
        {
            if !paths.contains(&path.as_str()) {
                paths.push(path);
            }
        }
        paths
    }
}

/// Whether `guard`, if there is one, admits `request`.
fn admitted(
    guard: Option<&Guard>,
    request: &HttpRequest,
) -> LocalBoxFuture<'static, Result<(), ApiError>> {
    match guard {
        Some(guard) => guard(request.clone()),
        None => Box::pin(async { Ok(()) }),
    }
}

/// The response 405, with `allowed` in `Allow`.
pub(crate) fn method_not_allowed(request: &HttpRequest, allowed: &str) -> impl Responder + use<> {
    let rejection = Rejection::MethodNotAllowed(request.method().to_string());
    let mut response = actix_web::HttpResponse::from_error(Envelope::render(request, rejection));
    if let Ok(value) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

//! The routing table: read, checked, and asked.

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::path::{self, Reading};

/// The name under which the gateway itself stands in the table.
pub(crate) const GATEWAY: &str = "gateway";

/// The segment of a template that may hold an encoded slash.
const ADDRESS: &str = "{address}";

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The routes, in the order in which they are tried.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "route")]
    routes: Vec<Route>,
}

/// One line of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Who answers; `gateway` is the gateway itself.
    pub service: String,
    /// This path and everything below it.
    pub prefix: Option<String>,
    /// Exactly this path; `{name}` stands for one segment, `{address}` for one that may hold an
    /// encoded slash.
    pub path: Option<String>,
    /// Only these methods; `None` lets all pass.
    pub methods: Option<Vec<String>>,
    /// What is there.
    pub comment: String,
}

/// What the table says about a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<'a> {
    /// This service answers.
    Service(&'a str),
    /// The path is public for these methods only.
    MethodNotAllowed(Vec<&'a str>),
    /// The path is not public.
    NotFound,
}

impl Table {
    /// Reads a table, and refuses one that does not say what it means.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let table: Self = toml::from_str(text)?;
        for route in &table.routes {
            route.check().with_context(|| {
                format!("the route to {} for \"{}\"", route.service, route.comment)
            })?;
        }
        Ok(table)
    }

    /// The routes, in the order in which they are tried.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Who answers a request with this method and this path, as it came over the wire.
    pub fn decide(&self, method: &str, path: &str) -> Decision<'_> {
        let reading = path::read(path);
        if reading == Reading::Ambiguous {
            return Decision::NotFound;
        }
        let mut allowed = Vec::new();
        for route in self
            .routes
            .iter()
            .filter(|route| route.covers(path, reading))
        {
            if route.lets_pass(method) {
                return Decision::Service(&route.service);
            }
            let methods: Vec<&str> = match &route.methods {
                Some(methods) => methods.iter().map(String::as_str).collect(),
                None => METHODS.to_vec(),
            };
            for method in methods {
                if !allowed.contains(&method) {
                    allowed.push(method);
                }
            }
        }
        if allowed.is_empty() {
            Decision::NotFound
        } else {
            Decision::MethodNotAllowed(allowed)
        }
    }
}

impl Route {
    fn check(&self) -> anyhow::Result<()> {
        let pattern = match (&self.prefix, &self.path) {
            (Some(prefix), None)
                if prefix.len() > 1 && !prefix.ends_with('/') && !prefix.contains('{') =>
            {
                prefix
            }
            (None, Some(path)) => &path.replace(['{', '}'], ""),
            (Some(_), None) => {
                bail!("a prefix is a path of plain segments, without a slash at its end")
            }
            _ => bail!("it needs a prefix or a path, and not both"),
        };
        if path::read(pattern) != Reading::Plain {
            bail!("{pattern} is not a path");
        }
        if self.methods.as_ref().is_some_and(Vec::is_empty) {
            bail!("it lets no method pass; leave the methods out to let all pass");
        }
        for method in self.methods.iter().flatten() {
            if !METHODS.contains(&method.as_str()) {
                bail!("{method} is not one of {METHODS:?}");
            }
        }
        Ok(())
    }

    fn covers(&self, path: &str, reading: Reading) -> bool {
        match (&self.prefix, &self.path) {
            (Some(prefix), _) => {
                reading == Reading::Plain
                    && path
                        .strip_prefix(prefix.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (None, Some(template)) => matches(template, path),
            (None, None) => false,
        }
    }

    fn lets_pass(&self, method: &str) -> bool {
        let listed = |method: &str| match &self.methods {
            Some(methods) => methods.iter().any(|listed| listed == method),
            None => METHODS.contains(&method),
        };
        method == "OPTIONS" || listed(method) || (method == "HEAD" && listed("GET"))
    }
}

fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|expected| match segments.next() {
        Some(segment) if expected == ADDRESS => !segment.is_empty(),
        Some(segment) if expected.starts_with('{') => {
            !segment.is_empty() && path::read_segment(segment) == Reading::Plain
        }
        Some(segment) => segment == expected,
        None => false,
    });
    all && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::parse(include_str!("../../routes.toml")).unwrap()
    }

    #[test]
    fn every_public_path_finds_its_service() {
        for (method, path, service) in [
            ("GET", "/status", "gateway"),
            ("GET", "/access/status", "gatekeeper"),
            ("POST", "/access/0123456789/9876543210", "gatekeeper"),
            ("OPTIONS", "/access/groups/0123456789", "gatekeeper"),
            ("POST", "/auth/login", "user-api"),
            ("GET", "/auth", "user-api"),
            ("HEAD", "/auth/user", "user-api"),
            ("POST", "/user/createChild/0123456789", "user-api"),
            ("PUT", "/metadata/0123456789/profile", "user-api"),
            ("POST", "/serverlogin", "user-api"),
            ("DELETE", "/v1/users/0123456789", "user-api"),
            ("OPTIONS", "/v1/users/0123456789", "user-api"),
            ("HEAD", "/.well-known/jwks.json", "user-api"),
            ("GET", "/confirm/status", "confirm"),
            ("PUT", "/confirm/0123456789/invited/a+b@x.org", "confirm"),
            ("PATCH", "/confirm/resend/invite/AbC-_9", "confirm"),
            ("DELETE", "/confirm/0123456789/invited/a@x.org", "confirm"),
            ("OPTIONS", "/confirm/send/forgot/a+b@x.org", "confirm"),
            ("GET", "/login", "confirm"),
            ("POST", "/login", "confirm"),
            ("GET", "/signup", "confirm"),
            ("POST", "/signup/personal", "confirm"),
            ("GET", "/signup/clinician", "confirm"),
            ("GET", "/confirm-password-reset", "confirm"),
            ("GET", "/v1/clinics", "clinic"),
            (
                "PATCH",
                "/v1/clinics/a/invites/clinicians/b/clinician",
                "clinic",
            ),
            ("GET", "/v1/clinicians/0123456789/clinics", "clinic"),
            ("GET", "/v1/patients/0123456789/clinics", "clinic"),
            ("DELETE", "/v1/users/0123456789/clinics", "clinic"),
            ("POST", "/v1/users/0123456789/clinics", "clinic"),
            ("GET", "/pages/style.css", "confirm"),
            ("POST", "/pages/answer", "confirm"),
        ] {
            assert_eq!(
                table().decide(method, path),
                Decision::Service(service),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_not_public() {
        for path in [
            "/",
            "/internal",
            "/internal/users/0123456789/administered",
            "/metrics",
            "/live",
            "/ready",
            "/docs",
            "/docs/",
            "/openapi.json",
            "/accessory",
            "/Access/0123456789",
            "/users",
            "/login/longtermkey",
            "/logout",
            "/signup/0123456789",
            "/send/forgot/a@x.org",
            "/accept/signup/x",
            "/invitations/0123456789",
            "/confirm-password-resets",
            "/confirmation",
            "/pagesx",
            "/token/x",
            "/serverlogin/x",
            "/serverlogin/",
            "/status/",
            "/v1/users",
            "/v1/users/",
            "/v1/users/0123456789/sessions",
            "/.well-known/openid-configuration",
        ] {
            assert_eq!(table().decide("GET", path), Decision::NotFound, "{path}");
        }
    }

    #[test]
    fn no_detour_leads_out_of_a_prefix() {
        for detour in [
            "/..", "/%2e%2e", "/.%2E", "/%2e.", "//..", "/..%2f..", "/..%5c", "/x/../..", "/;/..",
        ] {
            for target in ["/internal/x", "/metrics", "/ready", "/openapi.json"] {
                for prefix in ["/access", "/confirm", "/pages"] {
                    let path = format!("{prefix}{detour}{target}");
                    assert_eq!(table().decide("GET", &path), Decision::NotFound, "{path}");
                }
            }
        }
    }

    #[test]
    fn a_slash_passes_only_in_an_address() {
        let address = "a%2Fb@example.org";
        for (method, path, service) in [
            ("POST", "/confirm/send/forgot/{}", "confirm"),
            ("POST", "/confirm/forgot/{}", "confirm"),
            ("POST", "/confirm/resend/signup/{}", "confirm"),
            ("PUT", "/confirm/0123456789/invited/{}", "confirm"),
            ("DELETE", "/confirm/0123456789/invited/{}", "confirm"),
            ("GET", "/auth/user/{}", "user-api"),
            ("GET", "/user/{}", "user-api"),
            ("GET", "/v1/users/{}", "user-api"),
        ] {
            let path = path.replace("{}", address);
            assert_eq!(
                table().decide(method, &path),
                Decision::Service(service),
                "{method} {path}"
            );
        }
        for path in [
            "/access/{}",
            "/access/groups/{}",
            "/auth/{}",
            "/metadata/{}/profile",
            "/user/{}/user",
            "/confirm/{}",
            "/confirm/{}/invited/a@example.org",
            "/confirm/send/invite/{}",
            "/confirm/signup/{}",
            "/pages/{}",
            "/{}",
        ] {
            let path = path.replace("{}", address);
            assert_eq!(table().decide("GET", &path), Decision::NotFound, "{path}");
        }
    }

    #[test]
    fn other_methods_of_a_public_path_are_not_allowed() {
        assert_eq!(
            table().decide("PUT", "/v1/users/0123456789"),
            Decision::MethodNotAllowed(vec!["GET", "DELETE"])
        );
        assert_eq!(
            table().decide("GET", "/serverlogin"),
            Decision::MethodNotAllowed(vec!["POST"])
        );
        assert_eq!(
            table().decide("PUT", "/login"),
            Decision::MethodNotAllowed(vec!["GET", "POST"])
        );
        assert_eq!(
            table().decide("TRACE", "/access/0123456789"),
            Decision::MethodNotAllowed(METHODS.to_vec())
        );
        assert_eq!(
            table().decide("CONNECT", "/access/0123456789"),
            Decision::MethodNotAllowed(METHODS.to_vec())
        );
    }

    #[test]
    fn a_table_that_does_not_say_what_it_means_is_refused() {
        for (text, complaint) in [
            ("service = 'a'\ncomment = 'c'", "a prefix or a path"),
            (
                "service = 'a'\ncomment = 'c'\nprefix = '/a'\npath = '/a'",
                "a prefix or a path",
            ),
            (
                "service = 'a'\ncomment = 'c'\nprefix = '/'",
                "plain segments",
            ),
            (
                "service = 'a'\ncomment = 'c'\nprefix = '/a/'",
                "plain segments",
            ),
            ("service = 'a'\ncomment = 'c'\npath = 'a'", "is not a path"),
            (
                "service = 'a'\ncomment = 'c'\npath = '/a/../b'",
                "is not a path",
            ),
            (
                "service = 'a'\ncomment = 'c'\npath = '/a'\nmethods = ['get']",
                "is not one of",
            ),
            (
                "service = 'a'\ncomment = 'c'\npath = '/a'\nmethods = []",
                "lets no method pass",
            ),
            (
                "service = 'a'\ncomment = 'c'\npath = '/a'\nmethod = 'GET'",
                "unknown field",
            ),
        ] {
            let error = Table::parse(&format!("[[route]]\n{text}\n")).unwrap_err();
            assert!(
                format!("{error:#}").contains(complaint),
                "{text}: {error:#}"
            );
        }
    }
}

//! The authorization matrix of a service: every operation against every kind of caller.

use std::{array, collections::BTreeSet};

use reqwest::Method;
use serde_json::Value;

use super::{Answer, Person, send};
use crate::{
    auth::TOKEN_HEADER,
    routes::{Operation, RouteTable},
};

/// An operation as it is asked for, and what each kind of caller gets.
#[derive(Debug, Clone)]
pub struct Row<const KINDS: usize> {
    /// Method and path, such as `GET /access/{sharer_id}`.
    pub operation: String,
    /// What is asked for instead of the path; without it the path, its parameters filled in.
    path: Option<&'static str>,
    /// `Null`: none.
    body: Value,
    /// In the order of the kinds.
    pub gets: [Gets; KINDS],
}

/// What a caller gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Gets {
    /// This status.
    Status(u16),
    /// This status and this body; `Null`: an empty one.
    Refusal(u16, Value),
}

impl From<u16> for Gets {
    fn from(status: u16) -> Self {
        Self::Status(status)
    }
}

impl Gets {
    /// What everybody gets.
    pub fn by_all<const KINDS: usize>(self) -> [Self; KINDS] {
        array::from_fn(|_| self.clone())
    }

    fn assert(&self, answer: &Answer, what: &str) {
        let (Self::Status(status) | Self::Refusal(status, _)) = self;
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        match self {
            Self::Status(_) => {}
            Self::Refusal(_, Value::Null) => assert_eq!(answer.text(), "", "{what}"),
            Self::Refusal(_, body) => assert_eq!(answer.json::<Value>(), *body, "{what}"),
        }
    }
}

impl<const KINDS: usize> Row<KINDS> {
    /// `operation` without a body: `METHOD /path/{parameter}`.
    pub fn new(operation: impl Into<String>, gets: [Gets; KINDS]) -> Self {
        Self {
            operation: operation.into(),
            path: None,
            body: Value::Null,
            gets,
        }
    }

    /// The same, asked for at `path`, which may have parameters as well.
    #[must_use]
    pub fn at(mut self, path: &'static str) -> Self {
        self.path = Some(path);
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// The method.
    pub fn method(&self) -> Method {
        let (method, _) = self.parts();
        Method::from_bytes(method.as_bytes()).expect("a method")
    }

    /// The path in the table.
    pub fn pattern(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        let parts = self.operation.split_once(' ');
        parts.expect("a method and a path")
    }

    /// What `caller` gets, each of `parameters` filled into the path.
    pub async fn ask(&self, caller: &Person, parameters: &[(&str, &str)]) -> Answer {
        let path = self.path.unwrap_or_else(|| self.pattern());
        let path = parameters
            .iter()
            .fold(path.to_owned(), |path, (name, value)| {
                path.replace(&format!("{{{name}}}"), value)
            });
        let request = caller.request(self.method(), &path);
        if self.body.is_null() {
            send(request).await
        } else {
            send(request.json(&self.body)).await
        }
    }

    /// Asserts what each of `callers` gets, one after the other.
    pub async fn check(&self, callers: [(&str, &Person); KINDS], parameters: &[(&str, &str)]) {
        for ((kind, caller), gets) in callers.into_iter().zip(&self.gets) {
            let answer = self.ask(caller, parameters).await;
            let what = format!("{} by {kind}", self.operation);
            gets.assert(&answer, &what);
            // What is refused passes through what logs, counts and marks responses as well.
            let mark = answer.header("x-content-type-options");
            assert_eq!(mark, Some("nosniff"), "{what}");
        }
    }
}

/// The service that asks for `path`: below `/internal` the one that is admitted, which is an operator or
/// `peer`; elsewhere one that is not.
pub fn service_for<'a>(path: &str, peer: &'a str) -> &'a str {
    match path {
        "/internal/outbox/revive" => "operator",
        _ if path.starts_with("/internal") => peer,
        _ => "scripts",
    }
}

/// Asserts that `services`, each with the name by which it logged in, get `refusal` of each of `rows`, but for
/// the one that [`service_for`] says.
pub async fn assert_closed<const KINDS: usize>(
    rows: &[Row<KINDS>],
    peer: &str,
    services: &[(&str, Person)],
    refusal: &Gets,
    parameters: &[(&str, &str)],
) {
    for row in rows {
        let admitted = service_for(row.pattern(), peer);
        for (name, service) in services.iter().filter(|(name, _)| *name != admitted) {
            let answer = row.ask(service, parameters).await;
            let what = format!("{} by {name}", row.operation);
            refusal.assert(&answer, &what);
            assert_eq!(answer.header(TOKEN_HEADER), None, "{what}");
        }
    }
}

/// `rows`, each followed by the same for those aliases in `table` that have no row.
pub fn with_aliases<const KINDS: usize>(
    rows: &[Row<KINDS>],
    table: &RouteTable,
) -> Vec<Row<KINDS>> {
    let names: Vec<Vec<String>> = table.operations().iter().map(names).collect();
    let has_row = |name: &&String| rows.iter().any(|row| row.operation == **name);
    let of_alias = |row: &Row<KINDS>, alias: &String| Row {
        operation: alias.clone(),
        ..row.clone()
    };
    let mut all = Vec::new();
    for row in rows {
        all.push(row.clone());
        let served = names.iter().filter(|names| names[0] == row.operation);
        let aliases = served.flatten().filter(|name| !has_row(name));
        all.extend(aliases.map(|alias| of_alias(row, alias)));
    }
    all
}

/// Asserts that every operation of `table` has a row, at one of its paths at least, and that no row
/// is left of one that is gone.
pub fn assert_complete<const KINDS: usize>(rows: &[Row<KINDS>], table: &RouteTable) {
    let mut stale: BTreeSet<&str> = rows.iter().map(|row| row.operation.as_str()).collect();
    let mut missing = Vec::new();
    for operation in table.operations() {
        let names = names(operation);
        if !names.iter().any(|name| stale.contains(name.as_str())) {
            missing.push(names[0].clone());
        }
        stale.retain(|row| names.iter().all(|name| name != row));
    }
    assert_eq!(missing, [""; 0], "operations without a row");
    assert!(stale.is_empty(), "rows without an operation: {stale:?}");
}

/// The operation at each of its paths, the documented one first.
fn names(operation: &Operation) -> Vec<String> {
    let paths = operation.paths.iter();
    paths
        .map(|path| format!("{} {path}", operation.method))
        .collect()
}

//! The OpenAPI document of a service.

use utoipa::openapi::{
    OpenApi, PathItem, RefOr,
    path::{Operation, ParameterIn},
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use crate::{auth::TOKEN_HEADER, routes::RouteTable};

/// The document of a service: its operations under all their paths, and how callers show who they
/// are. An operation that says nothing about that takes a session token.
pub fn document(annotated: OpenApi, table: &RouteTable) -> OpenApi {
    let mut document = with_aliases(annotated, table);
    let token = ApiKey::Header(ApiKeyValue::new(TOKEN_HEADER));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("session_token", SecurityScheme::ApiKey(token));
    let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    components.add_security_scheme("basic", basic);
    document.security = Some(vec![SecurityRequirement::new("session_token", [""; 0])]);
    document
}

/// `document` with every alias of the route table beside the path that it stands for.
///
/// Handlers carry the annotation of their first path only.
fn with_aliases(mut document: OpenApi, table: &RouteTable) -> OpenApi {
    for entry in table.entries() {
        let [primary, aliases @ ..] = entry.paths else {
            continue;
        };
        let Some(operation) = document
            .paths
            .paths
            .get(*primary)
            .and_then(|item| slot(item, entry.method.as_str()))
        else {
            continue;
        };
        let operation = operation.clone();
        for alias in aliases {
            let mut copy = operation.clone();
            copy.operation_id = copy
                .operation_id
                .map(|id| format!("{id}{}", alias.replace(['/', '{', '}', '.'], "_")));
            copy.description = Some(format!("Alias of `{primary}`."));
            // An alias may spell out what is a parameter of the first path.
            if let Some(parameters) = &mut copy.parameters {
                parameters.retain(|parameter| match parameter {
                    RefOr::T(parameter) => {
                        !matches!(parameter.parameter_in, ParameterIn::Path)
                            || alias.contains(&format!("{{{}}}", parameter.name))
                    }
                    RefOr::Ref(_) => true,
                });
            }
            let item = document.paths.paths.entry((*alias).to_owned()).or_default();
            if let Some(slot) = slot_mut(item, entry.method.as_str()) {
                *slot = Some(copy);
            }
        }
    }
    document
}

/// Which operations of the table the document lacks, as `METHOD path`.
pub fn undocumented(document: &OpenApi, table: &RouteTable) -> Vec<String> {
    let mut missing = Vec::new();
    for entry in table.entries() {
        for path in entry.paths {
            let documented = document
                .paths
                .paths
                .get(*path)
                .is_some_and(|item| slot(item, entry.method.as_str()).is_some());
            if !documented {
                missing.push(format!("{} {path}", entry.method));
            }
        }
    }
    missing
}

fn slot<'a>(item: &'a PathItem, method: &str) -> Option<&'a Operation> {
    match method {
        "GET" => item.get.as_ref(),
        "POST" => item.post.as_ref(),
        "PUT" => item.put.as_ref(),
        "PATCH" => item.patch.as_ref(),
        "DELETE" => item.delete.as_ref(),
        _ => None,
    }
}

fn slot_mut<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Option<Operation>> {
    match method {
        "GET" => Some(&mut item.get),
        "POST" => Some(&mut item.post),
        "PUT" => Some(&mut item.put),
        "PATCH" => Some(&mut item.patch),
        "DELETE" => Some(&mut item.delete),
        _ => None,
    }
}

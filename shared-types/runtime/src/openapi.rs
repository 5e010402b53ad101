//! The OpenAPI document of a service.

use actix_web::http::Method;
use utoipa::openapi::{
    OpenApi, PathItem, RefOr,
    path::{self, ParameterIn},
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
};

use crate::{
    auth::TOKEN_HEADER,
    routes::{Operation, RouteTable},
};

/// The document of a service, of which `about` says what it is: the operations of `table` under all
/// their paths, and how callers show who they are. An operation that says nothing about that takes
/// a session token.
pub fn document(about: OpenApi, table: &RouteTable) -> OpenApi {
    let mut document = about;
    for annotated in table.operations().iter().filter_map(Operation::document) {
        document.merge(annotated);
    }
    add_aliases(&mut document, table);
    let token = ApiKey::Header(ApiKeyValue::new(TOKEN_HEADER));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("session_token", SecurityScheme::ApiKey(token));
    let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    components.add_security_scheme("basic", basic);
    document.security = Some(vec![SecurityRequirement::new("session_token", [""; 0])]);
    document
}

/// Adds every alias of the route table beside the path that it stands for.
///
/// Handlers carry the annotation of their first path only.
fn add_aliases(document: &mut OpenApi, table: &RouteTable) {
    for operation in table.operations() {
        let [primary, aliases @ ..] = operation.paths.as_slice() else {
            continue;
        };
        let items = &mut document.paths.paths;
        let item = items.get(primary);
        let Some(described) = item.and_then(|item| slot(item, &operation.method)).cloned() else {
            continue;
        };
        for alias in aliases {
            let mut copy = described.clone();
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
            let item = items.entry(alias.clone()).or_default();
            if let Some(slot) = slot_mut(item, &operation.method) {
                *slot = Some(copy);
            }
        }
    }
}

fn slot<'a>(item: &'a PathItem, method: &Method) -> Option<&'a path::Operation> {
    match *method {
        Method::GET => item.get.as_ref(),
        Method::POST => item.post.as_ref(),
        Method::PUT => item.put.as_ref(),
        Method::PATCH => item.patch.as_ref(),
        Method::DELETE => item.delete.as_ref(),
        _ => None,
    }
}

fn slot_mut<'a>(
    item: &'a mut PathItem,
    method: &Method,
) -> Option<&'a mut Option<path::Operation>> {
    match *method {
        Method::GET => Some(&mut item.get),
        Method::POST => Some(&mut item.post),
        Method::PUT => Some(&mut item.put),
        Method::PATCH => Some(&mut item.patch),
        Method::DELETE => Some(&mut item.delete),
        _ => None,
    }
}

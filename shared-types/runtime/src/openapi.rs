//! The OpenAPI document of a service.

use actix_web::http::Method;
use serde::Serialize;
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{
        Content, OpenApi, PathItem, Ref, RefOr,
        path::{self, ParameterIn},
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        },
    },
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

/// A refusal of user-api and of confirm.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"code": 404, "reason": "User not found"}))]
struct Refusal {
    /// The status.
    code: u16,
    /// Why, for people.
    reason: String,
}

/// What the description says of a response that is sent without a body, or with one of several.
const OTHERWISE: [&str; 2] = ["no body", "other forms"];

/// The document with a body, `{"code", "reason"}`, for every refusal and failure that describes none and
/// does not say that it has none, or other forms as well.
#[must_use]
pub fn with_reasons(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    let name = Refusal::name();
    components
        .schemas
        .insert(name.to_string(), Refusal::schema());
    let content = RefOr::T(Content::new(Some(Ref::from_schema_name(name))));
    for item in document.paths.paths.values_mut() {
        for method in METHODS {
            let Some(Some(operation)) = slot_mut(item, &method) else {
                continue;
            };
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else {
                    continue;
                };
                let is_refusal = status.starts_with(['4', '5']);
                let says = |words: &&str| response.description.contains(words);
                let is_alike = response.content.is_empty() && !OTHERWISE.iter().any(says);
                if is_refusal && is_alike {
                    let json = "application/json".to_owned();
                    response.content.insert(json, content.clone());
                }
            }
        }
    }
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

const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

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

#[cfg(test)]
mod tests {
    use utoipa::openapi::{
        HttpMethod, Info, PathsBuilder, Response, ResponsesBuilder,
        path::{Operation, OperationBuilder},
    };

    use super::*;

    fn operation() -> Operation {
        let text = Response::builder()
            .content("text/plain", Content::default())
            .build();
        let responses = ResponsesBuilder::new()
            .response("204", Response::new("Done"))
            .response("400", Response::new("The database failed; no body"))
            .response("404", Response::new("User not found"))
            .response("409", Response::new("Two; in other forms: three"))
            .response("500", text);
        OperationBuilder::new().responses(responses.build()).build()
    }

    #[test]
    fn what_is_refused_has_the_body_that_is_sent() {
        let item = PathItem::new(HttpMethod::Get, operation());
        let paths = PathsBuilder::new().path("/user", item).build();
        let document = with_reasons(OpenApi::new(Info::new("A service", "1"), paths));
        let described = serde_json::to_value(&document).unwrap();
        let types = |status: &str| -> Vec<&str> {
            let response = &described["paths"]["/user"]["get"]["responses"][status];
            let content = response["content"].as_object();
            let names = content.into_iter().flat_map(|content| content.keys());
            names.map(String::as_str).collect()
        };
        assert_eq!(types("404"), ["application/json"]);
        assert_eq!(types("500"), ["text/plain"]);
        for status in ["204", "400", "409"] {
            assert!(types(status).is_empty(), "{status}");
        }
        let members = &described["components"]["schemas"]["Refusal"]["required"];
        assert_eq!(*members, serde_json::json!(["code", "reason"]));
    }
}

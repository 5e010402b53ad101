//! Responses with entity tags, and the preconditions of requests.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, CacheControl, CacheDirective, ContentType, HeaderName, HeaderValue},
    },
};
use serde::Serialize;
use shared_runtime::error::ApiError;
use utoipa::{IntoParams, IntoResponses, openapi::Object};

use crate::domain::{
    Refusal,
    permissions::Held,
    precondition::{Preconditions, Tag, Unmet},
};

/// The headers that [`preconditions`] reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documents the headers")]
pub(crate) struct Conditions {
    /// `*`, or the `ETag`s of which the caller expects one.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// `*`, or the `ETag`s of which the caller expects none.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// What a read comes to for its conditions, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum ConditionalRead {
    /// `If-None-Match` has the `ETag`; no body.
    #[response(
        status = 304,
        headers(("ETag" = String, description = "Changes with the content.")),
    )]
    NotModified,
    /// `If-Match` or `If-None-Match` is no list of entity tags.
    #[response(
        status = 400,
        example = json!({"code": "InvalidContent", "message": "Invalid If-Match or If-None-Match: expected * or a list of entity tags"}),
    )]
    Invalid(Object),
    /// `If-Match` does not hold.
    #[response(
        status = 412,
        headers(("ETag" = String, description = "Of what is there.")),
        example = json!({"code": "PreconditionFailed", "message": "The permissions are not those that the request expects"}),
    )]
    PreconditionFailed(Object),
}

/// The preconditions of `request`.
pub(super) fn preconditions(request: &HttpRequest) -> Result<Preconditions, Refusal> {
    let (if_match, if_none_match) = (
        value(request, &header::IF_MATCH),
        value(request, &header::IF_NONE_MATCH),
    );
    Ok(Preconditions::read(
        if_match.as_deref(),
        if_none_match.as_deref(),
    )?)
}

/// The response to a look at a pair: its set, or that it is the one that the caller knows.
pub(super) fn show_pair(
    held: Held,
    preconditions: &Preconditions,
) -> Result<HttpResponse, ApiError> {
    let tag = Tag::of_pair(&held).ok_or(Refusal::NoPermissions)?;
    let content = json(&held.effective())?;
    show(content, tag, preconditions)
}

/// The same of a list.
pub(super) fn show_list(
    list: &impl Serialize,
    preconditions: &Preconditions,
) -> Result<HttpResponse, ApiError> {
    let content = json(list)?;
    let tag = Tag::of_content(&content);
    show(content, tag, preconditions)
}

/// The response to a replacement: the set that is there since, or `null`.
pub(super) fn show_replaced(held: Held) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    if let Some(tag) = Tag::of_pair(&held) {
        answer.insert_header((header::ETAG, tag.to_string()));
    }
    let set = held.effective();
    answer.json(Some(set).filter(|set| !set.is_empty()))
}

fn show(
    content: Vec<u8>,
    tag: Tag,
    preconditions: &Preconditions,
) -> Result<HttpResponse, ApiError> {
    match preconditions.check(Some(&tag)) {
        Ok(()) => Ok(with_tag(HttpResponse::Ok(), &tag)
            .content_type(ContentType::json())
            .body(content)),
        Err(Unmet::IfNoneMatch) => Ok(with_tag(HttpResponse::NotModified(), &tag).finish()),
        Err(Unmet::IfMatch) => Err(Refusal::PreconditionFailed(Some(tag)).into()),
    }
}

/// What has a tag invites caches. None but the caller's own may keep permissions, and it asks each
/// time, since they end at once.
fn with_tag(mut answer: HttpResponseBuilder, tag: &Tag) -> HttpResponseBuilder {
    let kept = [CacheDirective::Private, CacheDirective::NoCache];
    answer
        .insert_header((header::ETAG, tag.to_string()))
        .insert_header(CacheControl(kept.into()));
    answer
}

fn json(content: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(content)
        .map_err(|error| ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR).caused_by(error))
}

/// The value of a header, whose lines are one list; `None`: there is none.
fn value(request: &HttpRequest, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = request.headers().get_all(name).map(HeaderValue::as_bytes);
    let mut value = lines.next()?.to_vec();
    for line in lines {
        value.extend_from_slice(b", ");
        value.extend_from_slice(line);
    }
    Some(value)
}

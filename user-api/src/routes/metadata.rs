//! `/metadata`: profiles and the other collections that users keep about themselves.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared_runtime::{
    auth::{Caller, Service},
    body::Body,
    error::{ApiError, OrFail as _},
};
use shared_types::UserId;
use utoipa::ToSchema;

use super::refusals;
use crate::{
    State,
    domain::{
        metadata::{Collection, MetadataRefusal},
        password::hex,
        private_pair::{is_pair_name, keep_pair},
    },
    error::Failure,
    rights::{check_writer, reader_of},
    use_cases::change_metadata::change_metadata,
};

/// The collections that the reference names; it serves `preferences` and `settings` as well.
const COLLECTION_NAMES: [&str; 3] = ["profile", "groups", "private"];

/// The user in the path; the collection is the last segment, for the aliases spell it out.
#[derive(Deserialize)]
pub(crate) struct UserPath {
    pub(super) user_id: UserId,
}

/// The path of an anonymous pair.
#[derive(Deserialize)]
pub(crate) struct PairPath {
    user_id: UserId,
    name: String,
}

/// An id and a hash that stand for a user without telling who it is.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct PrivatePair {
    /// 10 hexadecimal digits.
    #[schema(example = "1f3870be27")]
    id: String,
    /// 24 hexadecimal digits.
    #[schema(example = "4f6c616e64206f66206f6e65")]
    hash: String,
}

/// `GET /metadata/collections`: the names of the collections. Public.
///
/// Body: none. Response: 200, a JSON array of names.
/// Errors: none.
/// Source: Metadata API, `GET /metadata/collections`.
#[utoipa::path(
    get, path = "/metadata/collections", tag = "metadata",
    security(()),
    responses((status = 200, description = "The names", body = [String])),
)]
pub(crate) async fn list_collections() -> HttpResponse {
    HttpResponse::Ok().json(COLLECTION_NAMES)
}

/// `GET /metadata/:userid/:collection`: one collection of a user.
///
/// Services read everything. The user and everybody with a permission on the user read all but
/// `private`, which holds the hashes that anonymize the user and is for services alone. A caller
/// who holds `note` and `follow` alone, or has given the user a permission, which the user
/// accepted, and holds none, reads the `fullName` of `profile`.
///
/// Body: none. Response: 200, the collection, a JSON object.
/// Errors: 401 `"Unauthorized"` no valid token, or none of the above; 404 (empty) no such
/// collection, or the user has none; 500 the permissions or the collection cannot be read.
/// Source: Metadata API, `GET /metadata/:userid/:collection`.
#[utoipa::path(
    get, path = "/metadata/{user_id}/{collection}", tag = "metadata",
    params(
        ("user_id" = String, Path, description = "The user"),
        ("collection" = String, Path, description = "`profile`, `preferences`, `settings`, `private` or `groups`"),
    ),
    responses(
        (status = 200, description = "The collection", body = Object),
        refusals::Metadata,
        (status = 404, description = "No such collection; no body"),
        (status = 500, description = "The permissions or the collection cannot be read"),
    ),
)]
pub(crate) async fn find_collection(
    caller: Caller,
    path: Path<UserPath>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let collection = collection_of(&request)?;
    let reader = reader_of(&state, &caller, &path.user_id, collection).await?;
    let view = collection.view_for(reader)?;
    let mut collections = state
        .metadata
        .find(&path.user_id)
        .await
        .or_fail(Failure::FindingUser)?
        .ok_or(MetadataRefusal::Missing)?;
    let content = collection
        .show(view, &mut collections)
        .ok_or(MetadataRefusal::Missing)?;
    Ok(HttpResponse::Ok().json(content))
}

/// `PUT /metadata/:userid/:collection`: changes members of a collection.
///
/// Members of the body replace those of the same name, `null` removes one, all others stay. The
/// collection is created if it is missing. For services, the user, and holders of `custodian`,
/// `admin` or `edit` on the user; `private` is for services alone.
///
/// Body: a JSON object of at most 32 levels. In `profile`, `fullName` is a non-blank text,
/// `isDataAccount` a boolean, `patient` an object, its `birthday` a date (`YYYY-MM-DD`, empty, or
/// what it was before) and its `diagnosisDate` a text; other members are kept as they are.
/// Response: 200, the whole collection.
/// Errors: 400 not such a body; 401 `"Unauthorized"` no valid token, or not allowed; 404 (empty) no
/// such collection, or the account is gone; 413 the user's metadata would exceed 512 KiB; 500 the
/// permissions cannot be read or the collection cannot be written.
/// Source: Metadata API, `PUT /metadata/:userid/:collection`; Sharing document, "edit".
#[utoipa::path(
    put, path = "/metadata/{user_id}/{collection}", tag = "metadata",
    params(
        ("user_id" = String, Path, description = "The user"),
        ("collection" = String, Path, description = "`profile`, `preferences`, `settings`, `private` or `groups`"),
    ),
    request_body = Object,
    responses(
        (status = 200, description = "The whole collection", body = Object),
        (status = 400, description = "Not an object, nested too deeply, or a known member that is not as it has to be"),
        refusals::Metadata,
        (status = 404, description = "No such collection; no body"),
        (status = 413, description = "The metadata would grow too large"),
        (status = 500, description = "The permissions cannot be read or the collection cannot be written"),
    ),
)]
pub(crate) async fn update_collection(
    caller: Caller,
    path: Path<UserPath>,
    request: HttpRequest,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let collection = collection_of(&request)?;
    check_writer(&state, &caller, &path.user_id, collection).await?;
    let members = collection.read_patch(&body.0)?;
    let mut collections = change_metadata(&state, &caller, &path.user_id, |collections| {
        collection.merge(members.clone(), collections)
    })
    .await?;
    Ok(HttpResponse::Ok().json(collections.remove(collection.name())))
}

/// `POST /metadata/:userid/:collection`: the same as [`update_collection`].
///
/// Body, response, errors: the same.
/// Source: Metadata API, `POST /metadata/:userid/:collection`.
#[utoipa::path(
    post, path = "/metadata/{user_id}/{collection}", tag = "metadata",
    params(
        ("user_id" = String, Path, description = "The user"),
        ("collection" = String, Path, description = "`profile`, `preferences`, `settings`, `private` or `groups`"),
    ),
    request_body = Object,
    responses(
        (status = 200, description = "The whole collection", body = Object),
        (status = 400, description = "Not an object, nested too deeply, or a known member that is not as it has to be"),
        refusals::Metadata,
        (status = 404, description = "No such collection; no body"),
        (status = 413, description = "The metadata would grow too large"),
        (status = 500, description = "The permissions cannot be read or the collection cannot be written"),
    ),
)]
pub(crate) async fn post_collection(
    caller: Caller,
    path: Path<UserPath>,
    request: HttpRequest,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    update_collection(caller, path, request, body, state).await
}

/// `GET /metadata/:userid/private/:name`: the anonymous pair of a user for one purpose, made when
/// it is first asked for and the same ever after. For services.
///
/// Body: none. Response: 200 `{"id","hash"}`.
/// Errors: 401 `"Unauthorized"` not a service; 404 (empty) the name is longer than 128 characters
/// or has control characters; 413 the user's metadata would exceed 512 KiB; 500 the pair cannot be
/// read or written.
/// Source: Metadata API, `GET /metadata/:userid/private/:name`.
#[utoipa::path(
    get, path = "/metadata/{user_id}/private/{name}", tag = "metadata",
    params(
        ("user_id" = String, Path, description = "The user"),
        ("name" = String, Path, description = "What the pair is for"),
    ),
    responses(
        (status = 200, description = "The pair", body = PrivatePair),
        refusals::Metadata,
        (status = 404, description = "Not a name; no body"),
        (status = 413, description = "The metadata would grow too large"),
        (status = 500, description = "The pair cannot be read or written"),
    ),
)]
pub(crate) async fn find_private_pair(
    service: Service,
    path: Path<PairPath>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let PairPath { user_id, name } = path.into_inner();
    if !is_pair_name(&name) {
        return Err(MetadataRefusal::Missing.into());
    }
    let (id, hash): ([u8; 5], [u8; 12]) = rand::rng().random();
    let pair = json!({ "id": hex(&id), "hash": hex(&hash) });
    let service = Caller::Service(service);
    let collections = change_metadata(&state, &service, &user_id, |collections| {
        keep_pair(&name, pair.clone(), collections)
    })
    .await?;
    let stored = &collections[Collection::Private.name()][&name];
    let pair = PrivatePair::deserialize(stored).or_fail(Failure::FindingUser)?;
    Ok(HttpResponse::Ok().json(pair))
}

fn collection_of(request: &HttpRequest) -> Result<Collection, MetadataRefusal> {
    let name = request.path().rsplit('/').next().unwrap_or_default();
    Collection::named(name).ok_or(MetadataRefusal::Missing)
}

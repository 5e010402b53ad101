//! Ids as the database keeps them.

use bson::oid::ObjectId;
use shared_types::{ClinicId, SiteId, TagId};

/// The id of a clinic in documents.
pub(super) fn clinic(id: ClinicId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

/// The id of a tag in documents.
pub(super) fn tag(id: TagId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

/// The id of a site in documents.
pub(super) fn site(id: SiteId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

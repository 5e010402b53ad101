//! Ids as the database keeps them.

use bson::oid::ObjectId;
use shared_types::ClinicId;

/// The id of a clinic in documents.
pub(super) fn clinic(id: ClinicId) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

//! Ids as the database keeps them, and filters by several of them.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Document, doc, oid::ObjectId};
use shared_types::{ClinicId, SiteId, TagId, UserId};

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

/// The clinics with these ids, as a filter.
pub(super) fn with_ids(clinics: impl Iterator<Item = ClinicId>) -> Document {
    let ids: BTreeSet<ObjectId> = clinics.map(clinic).collect();
    doc! { "_id": { "$in": ids.into_iter().collect::<Vec<_>>() } }
}

/// The document of an account in a clinic, as a filter.
pub(super) fn of_user(clinic_id: ClinicId, user: &UserId) -> Document {
    doc! { "clinicId": clinic(clinic_id), "userId": user.as_str() }
}

/// The documents of these accounts in these clinics, as a filter.
pub(super) fn of_users<'a>(pairs: impl IntoIterator<Item = (ClinicId, &'a str)>) -> Document {
    let mut users: BTreeMap<ClinicId, BTreeSet<&str>> = BTreeMap::new();
    for (id, user) in pairs {
        users.entry(id).or_default().insert(user);
    }
    let of_clinic = |(id, users): (ClinicId, BTreeSet<&str>)| {
        let users: Vec<&str> = users.into_iter().collect();
        doc! { "clinicId": clinic(id), "userId": { "$in": users } }
    };
    let mut any: Vec<Document> = users.into_iter().map(of_clinic).collect();
    match any.pop() {
        Some(one) if any.is_empty() => one,
        last => doc! { "$or": any.into_iter().chain(last).collect::<Vec<_>>() },
    }
}

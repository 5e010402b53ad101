//! Tags and sites as the operations that change them show them.

use serde::Serialize;
use shared_types::{SiteId, TagId};
use utoipa::ToSchema;

use crate::domain::{clinic::Tag, labels::CountedSite};

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PatientTag)]
pub(crate) struct TagView {
    id: TagId,
    name: String,
}

impl From<Tag> for TagView {
    fn from(Tag { id, name }: Tag) -> Self {
        Self { id, name }
    }
}

/// A site with how many patients it has, under both of the names that clients know; absent where it
/// has none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangedSite)]
pub(crate) struct ChangedSiteView {
    id: SiteId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    patients: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_patients: Option<i64>,
}

impl From<CountedSite> for ChangedSiteView {
    fn from(CountedSite { site, patients }: CountedSite) -> Self {
        let patients = (patients > 0).then_some(patients);
        Self {
            id: site.id,
            name: site.name,
            patients,
            num_patients: patients,
        }
    }
}

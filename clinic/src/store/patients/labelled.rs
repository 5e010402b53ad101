//! Filters of patients by tags and sites, as lists show them: after the jobs of the clinic, also those
//! that have yet to reach every document.

use bson::{Document, doc, oid::ObjectId};
use shared_types::{SiteId, TagId};

use super::{Job, ids};
use crate::domain::bulk_change::BulkChange;

/// Patients with all of `tags`, or without any tag where it is empty.
pub(super) fn with_tags(tags: &[TagId], jobs: &[Job]) -> Document {
    if tags.is_empty() {
        return without_tags(jobs);
    }
    let all: Vec<Document> = tags.iter().map(|tag| has_tag(*tag, jobs)).collect();
    doc! { "$and": all }
}

/// Patients of any of `sites`, or of none at all where it is empty.
pub(super) fn of_sites(sites: &[SiteId], jobs: &[Job]) -> Document {
    if sites.is_empty() {
        return without_sites(jobs);
    }
    if jobs.is_empty() {
        let sites: Vec<ObjectId> = sites.iter().copied().map(ids::site).collect();
        return doc! { "sites.id": { "$in": sites } };
    }
    let any: Vec<Document> = sites.iter().map(|site| is_of_site(*site, jobs)).collect();
    doc! { "$or": any }
}

fn has_tag(tag: TagId, jobs: &[Job]) -> Document {
    let mut has = doc! { "tags": ids::tag(tag) };
    for job in jobs {
        match &job.change {
            BulkChange::AssignTag { tag: given } if *given == tag => {
                has = doc! { "$or": [has, job.scope()] };
            }
            BulkChange::RemoveTag { tag: taken } | BulkChange::ConvertTag { tag: taken, .. }
                if *taken == tag =>
            {
                has = doc! { "$and": [has], "$nor": [job.scope()] };
            }
            _ => {}
        }
    }
    has
}

fn is_of_site(site: SiteId, jobs: &[Job]) -> Document {
    let mut is_of = doc! { "sites.id": ids::site(site) };
    for (place, job) in jobs.iter().enumerate() {
        let before = &jobs[..place];
        // Who comes to the site with the job.
        let moved = match &job.change {
            BulkChange::ConvertTag { tag, site: to } if to.id == site => has_tag(*tag, before),
            BulkChange::MergeSite { site: from, into } if into.id == site => {
                is_of_site(*from, before)
            }
            BulkChange::RemoveSite { site: left } | BulkChange::MergeSite { site: left, .. }
                if *left == site =>
            {
                is_of = doc! { "$and": [is_of], "$nor": [job.scope()] };
                continue;
            }
            _ => continue,
        };
        is_of = doc! { "$or": [is_of, { "$and": [moved, job.scope()] }] };
    }
    is_of
}

fn without_tags(jobs: &[Job]) -> Document {
    let touched = jobs.iter().filter_map(|job| job.change.tag());
    let touched = touched.map(|tag| (ids::tag(tag), has_tag(tag, jobs)));
    without("tags", touched.unzip(), |id| id)
}

fn without_sites(jobs: &[Job]) -> Document {
    let touched = jobs.iter().flat_map(|job| match &job.change {
        BulkChange::ConvertTag { site, .. } => vec![site.id],
        BulkChange::RemoveSite { site } => vec![*site],
        BulkChange::MergeSite { site, into } => vec![*site, into.id],
        BulkChange::RenameSite { .. }
        | BulkChange::AssignTag { .. }
        | BulkChange::RemoveTag { .. } => Vec::new(),
    });
    let touched = touched.map(|site| (ids::site(site), is_of_site(site, jobs)));
    without("sites", touched.unzip(), |id| doc! { "id": id })
}

/// Patients without tags or without sites, whichever `member` holds: their documents have no other
/// ids there than those that jobs have `touched`, and after the jobs they have none of these (`has`
/// is the filter of each). `entry` makes the condition on an entry from the one on its id.
fn without(
    member: &str,
    (touched, has): (Vec<ObjectId>, Vec<Document>),
    entry: impl FnOnce(Document) -> Document,
) -> Document {
    if touched.is_empty() {
        return doc! { "$or": [{ member: { "$exists": false } }, { member: { "$size": 0 } }] };
    }
    let other = entry(doc! { "$nin": touched });
    doc! { member: { "$not": { "$elemMatch": other } }, "$nor": has }
}

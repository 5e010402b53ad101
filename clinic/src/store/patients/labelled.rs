//! Filters of patients by tags and sites, as lists show them: after the jobs of the clinic, also those
//! that have yet to reach every document.

use bson::{Document, doc, oid::ObjectId};
use shared_types::{SiteId, TagId};

use super::Job;
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
        let sites: Vec<ObjectId> = sites.iter().map(|site| site.bytes().into()).collect();
        return doc! { "sites.id": { "$in": sites } };
    }
    let any: Vec<Document> = sites.iter().map(|site| is_of_site(*site, jobs)).collect();
    doc! { "$or": any }
}

fn has_tag(tag: TagId, jobs: &[Job]) -> Document {
    let mut has = doc! { "tags": ObjectId::from(tag.bytes()) };
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
    let mut is_of = doc! { "sites.id": ObjectId::from(site.bytes()) };
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

/// Whoever has nothing but tags that a job may have taken, and none of these.
fn without_tags(jobs: &[Job]) -> Document {
    let touched = jobs.iter().filter_map(|job| match &job.change {
        BulkChange::AssignTag { tag }
        | BulkChange::RemoveTag { tag }
        | BulkChange::ConvertTag { tag, .. } => Some(*tag),
        BulkChange::RenameSite { .. }
        | BulkChange::RemoveSite { .. }
        | BulkChange::MergeSite { .. } => None,
    });
    let touched: Vec<TagId> = touched.collect();
    if touched.is_empty() {
        return without_any("tags");
    }
    let ids: Vec<ObjectId> = touched.iter().map(|tag| tag.bytes().into()).collect();
    let has: Vec<Document> = touched.iter().map(|tag| has_tag(*tag, jobs)).collect();
    doc! { "tags": { "$not": { "$elemMatch": { "$nin": ids } } }, "$nor": has }
}

/// The same of sites.
fn without_sites(jobs: &[Job]) -> Document {
    let touched = jobs.iter().flat_map(|job| match &job.change {
        BulkChange::ConvertTag { site, .. } => vec![site.id],
        BulkChange::RemoveSite { site } => vec![*site],
        BulkChange::MergeSite { site, into } => vec![*site, into.id],
        BulkChange::RenameSite { .. }
        | BulkChange::AssignTag { .. }
        | BulkChange::RemoveTag { .. } => Vec::new(),
    });
    let touched: Vec<SiteId> = touched.collect();
    if touched.is_empty() {
        return without_any("sites");
    }
    let ids: Vec<ObjectId> = touched.iter().map(|site| site.bytes().into()).collect();
    let is_of: Vec<Document> = touched.iter().map(|site| is_of_site(*site, jobs)).collect();
    doc! { "sites": { "$not": { "$elemMatch": { "id": { "$nin": ids } } } }, "$nor": is_of }
}

fn without_any(name: &str) -> Document {
    doc! { "$or": [{ name: { "$exists": false } }, { name: { "$size": 0 } }] }
}

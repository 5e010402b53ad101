//! Lists of patients.

use std::{collections::HashMap, sync::Arc};

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use futures_util::{
    TryStreamExt,
    future::{try_join, try_join3},
};
use mongodb::{Collection, action::Action as _, error::Result, options::Collation};
use serde::Deserialize;
use shared_runtime::{mongo::ONE_BATCH, query::Direction};
use shared_types::ClinicId;

use super::{
    Job, Patients, Stored, ids, labelled, loosely, patient_document::PatientDocument,
    search::SEARCHED,
};
use crate::domain::{
    measured_list::MeasuredList,
    patient::Patient,
    patient_list::{
        Amount, Bound, NumberFilter, OrderKey, PatientFilter, PatientOrder, Side, Span,
    },
    summary::{Kind, Period},
};

/// From here on the patients before a page cost the database more than a directory does.
const DEEP: u32 = 500;

/// Some of a clinic's patients.
#[derive(Debug)]
pub(crate) struct PatientPage {
    pub(crate) patients: Vec<Patient>,
    /// How many the filter admits.
    pub(crate) count: u64,
    /// How many the clinic has.
    pub(crate) total: u64,
}

/// What patients are looked for by, in whatever case and with whatever accents.
#[derive(Debug, Default)]
pub(crate) struct PatientIdentity {
    pub(crate) mrn: Option<String>,
    pub(crate) birth_date: Option<String>,
}

/// The id of a document, in its place in a list.
#[derive(Deserialize)]
struct Place {
    #[serde(rename = "_id")]
    id: ObjectId,
}

impl Patients {
    /// Some of the patients of a clinic that `filter` admits.
    pub(crate) async fn list(
        &self,
        clinic: ClinicId,
        filter: &PatientFilter,
        order: PatientOrder,
        offset: u32,
        limit: u32,
    ) -> Result<PatientPage> {
        let (text, is_deep) = (filter.search_alone(), offset >= DEEP && filter.is_empty());
        if order == PatientOrder::DEFAULT
            && (text.is_some() || is_deep)
            && let Some(page) = self.search(clinic, text, offset, limit).await?
        {
            return Ok(page);
        }
        if let Some(list) = MeasuredList::of(filter, order)
            && let Some(page) = self.measured(clinic, &list, offset, limit).await?
        {
            return Ok(page);
        }
        // What a job that begins after this look is to write is not shown yet.
        let jobs = if filter.is_by_label() {
            self.together.list_jobs(clinic).await?
        } else {
            Arc::default()
        };
        let query = query(clinic, filter, &jobs);
        let page = self.page(clinic, &query, order, offset, limit);
        let total = self.total(clinic);
        if filter.is_empty() {
            let (patients, total) = try_join(page, total).await?;
            let count = total;
            return Ok(PatientPage {
                patients,
                count,
                total,
            });
        }
        let count = self.documents.count_documents(query.clone());
        let count = count.optional(collation(order), |count, collation| {
            count.collation(collation)
        });
        let count = async { count.await };
        let (patients, count, total) = try_join3(page, count, total).await?;
        Ok(PatientPage {
            patients,
            count,
            total,
        })
    }

    /// How many patients a clinic has: those that are counted, and those that are not yet.
    async fn total(&self, clinic: ClinicId) -> Result<u64> {
        if let Some(standing) = self.together.find_standing(clinic).await? {
            return Ok(standing.total);
        }
        let counts = self.count(clinic).await?;
        Ok(u64::try_from(counts.total).unwrap_or_default())
    }

    /// Patients of a clinic, after the jobs of it that hold for them.
    async fn page(
        &self,
        clinic: ClinicId,
        query: &Document,
        order: PatientOrder,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Patient>> {
        let found = if order == PatientOrder::DEFAULT {
            self.page_by_name(query, offset, limit).await?
        } else {
            let places = self.places(query, order, offset, limit).await?;
            self.find_all(&places).await?
        };
        // After the patients: whatever job was done in between is known a minute longer.
        let jobs = self.together.list_jobs(clinic).await?;
        Ok(found
            .into_iter()
            .map(|stored| stored.after(&jobs))
            .collect())
    }

    async fn page_by_name(&self, query: &Document, offset: u32, limit: u32) -> Result<Vec<Stored>> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(query.clone()).collation(loosely());
        let found = found.sort(doc! { "fullName": 1, "_id": 1 });
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.allow_disk_use(true);
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// Who stands in a part of an order that no index has. What is sorted are the keys alone, since
    /// summaries are large.
    async fn places(
        &self,
        query: &Document,
        order: PatientOrder,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<ObjectId>> {
        let (key, has_its_end) = key(order.by);
        let mut keys = doc! { "key": key.clone() };
        let mut sort = Document::new();
        if has_its_end {
            // Nothing is less than or equal to null but what is missing.
            keys.insert("isMissing", doc! { "$lte": [key, Bson::Null] });
            sort.insert("isMissing", 1);
        }
        let direction = match order.direction {
            Direction::Ascending => 1,
            Direction::Descending => -1,
        };
        sort.extend(doc! { "key": direction, "_id": 1 });
        let pipeline = [
            doc! { "$match": query },
            doc! { "$project": keys },
            doc! { "$sort": sort },
            doc! { "$skip": i64::from(offset) },
            doc! { "$limit": i64::from(limit) },
            doc! { "$project": { "_id": 1 } },
        ];
        let places = self.documents.aggregate(pipeline).with_type::<Place>();
        let places = places.optional(collation(order), |places, collation| {
            places.collation(collation)
        });
        let places = places
            .allow_disk_use(true)
            .batch_size(limit.min(ONE_BATCH))
            .await?;
        places.map_ok(|place| place.id).try_collect().await
    }

    /// The patients with these ids, in their order; those that are gone are missing.
    pub(super) async fn find_all(&self, ids: &[ObjectId]) -> Result<Vec<Stored>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let patients: Collection<PatientDocument> = self.documents.clone_with_type();
        let found = patients.find(doc! { "_id": { "$in": ids } });
        let found = found.batch_size(ONE_BATCH).await?;
        let found = found.map_ok(|patient| (patient.id, Stored::from(patient)));
        let mut found: HashMap<ObjectId, Stored> = found.try_collect().await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Some of the patients of `clinics` who are called so, by name.
    pub(crate) async fn list_called(
        &self,
        clinics: &[ClinicId],
        identity: &PatientIdentity,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Patient>> {
        let ids: Vec<ObjectId> = clinics.iter().copied().map(ids::clinic).collect();
        let mut query = doc! { "clinicId": { "$in": ids } };
        for (name, value) in [("mrn", &identity.mrn), ("birthDate", &identity.birth_date)] {
            if let Some(value) = value {
                query.insert(name, value);
            }
        }
        let found = self.page_by_name(&query, offset, limit).await?;
        // As with one clinic.
        let jobs = self.jobs.list_all(clinics).await?;
        Ok(found
            .into_iter()
            .map(|stored| stored.after(&jobs))
            .collect())
    }
}

/// In lists by name all texts are compared without regard to upper and lower case and to accents.
fn collation(order: PatientOrder) -> Option<Collation> {
    (order.by == OrderKey::FullName).then(loosely)
}

/// The key of an order, and whether those who lack it come last.
fn key(by: OrderKey) -> (Bson, bool) {
    match by {
        OrderKey::FullName => ("$fullName".into(), false),
        OrderKey::BirthDate => ("$birthDate".into(), false),
        OrderKey::LastReviewed => (doc! { "$first": "$reviews.time" }.into(), true),
        OrderKey::Time(kind, name) => (format!("${}.dates.{name}", stats(kind)).into(), true),
        OrderKey::Number(kind, period, name) => {
            let path = format!("${}.periods.{}.{name}", stats(kind), period.name());
            (path.into(), true)
        }
    }
}

fn stats(kind: Kind) -> String {
    format!("summary.{}Stats", kind.name())
}

fn query(clinic: ClinicId, filter: &PatientFilter, jobs: &[Job]) -> Document {
    let mut all = Vec::new();
    all.extend(filter.search.as_ref().map(|text| search(text.as_str())));
    let tags = filter.tags.as_deref();
    all.extend(tags.map(|tags| labelled::with_tags(tags, jobs)));
    let sites = filter.sites.as_deref();
    all.extend(sites.map(|sites| labelled::of_sites(sites, jobs)));
    if filter.omits_other_ranges {
        let usual = doc! { "glycemicRanges.preset": "adaStandard" };
        all.push(doc! { "$or": [usual, { "glycemicRanges": null }] });
    }
    if let Some(until) = filter.reviewed_until {
        all.push(doc! { "reviews.0.time": { "$lte": DateTime::from_chrono(until) } });
    }
    all.extend(filter.last_data.iter().map(last_data));
    let numbers = filter.numbers.iter();
    all.extend(numbers.map(|number| within(number, filter.period)));
    let mut query = doc! { "clinicId": ids::clinic(clinic) };
    if !all.is_empty() {
        query.insert("$and", all);
    }
    query
}

/// Patients of whom `text` is a part.
fn search(text: &str) -> Document {
    // A pattern must not have this character as such, and a text may.
    let pattern = regex_lite::escape(text).replace('\0', "\\x00");
    let part = doc! { "$regex": pattern, "$options": "i" };
    doc! { "$or": SEARCHED.map(|name| doc! { name: &part }).to_vec() }
}

fn last_data((kind, span): &(Kind, Span)) -> Document {
    let bounds = [("$gte", span.from), ("$lt", span.to)];
    let bound = |(side, time): (&str, Option<chrono::DateTime<chrono::Utc>>)| {
        Some((side.to_owned(), DateTime::from_chrono(time?).into()))
    };
    let bounds: Document = bounds.into_iter().filter_map(bound).collect();
    doc! { format!("{}.dates.lastData", stats(*kind)): bounds }
}

fn within(number: &NumberFilter, period: Period) -> Document {
    let (stats, name) = (stats(number.kind), &number.field.name);
    let path = format!("{stats}.periods.{}.{name}", period.name());
    let Bound { side, amount } = number.bound;
    let side = match side {
        Side::Above => "$gt",
        Side::AtLeast => "$gte",
        Side::Below => "$lt",
        Side::AtMost => "$lte",
    };
    let amount = match amount {
        Amount::Whole(whole) => Bson::Int64(whole),
        Amount::Float(float) => Bson::Double(float),
    };
    doc! { path: { side: amount } }
}

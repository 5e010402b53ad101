//! Patients of a clinic that become another one's. Each batch is one transaction, so nobody sees a
//! patient in both clinics who was in one, or in neither.

use std::collections::{BTreeMap, HashMap};

use bson::{Bson, DateTime, Document, deserialize_from_document, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::Hint,
};
use shared_types::{ClinicId, UserId};

use super::{
    Job, Lane, Merge, Patients, Stored,
    ids::{self, of_user},
    merge_plans::patient as plan_item,
    now,
    patient_document::{self, OWN_MRN, PatientDocument},
};
use crate::domain::{
    counts::Counts,
    merge::{MergeOrder, PatientAction, merged},
    patient::Patient,
};

/// What a batch did.
#[derive(Debug, Default)]
pub(crate) struct MovedBatch {
    /// Whom, in the order of accounts; patients of both clinics as well.
    pub(crate) users: Vec<UserId>,
    /// How many of them were patients of both.
    pub(crate) merged: usize,
    /// What was planned for each, for the collection of plans.
    pub(crate) items: Vec<Document>,
}

/// A patient as its document has it, and the document.
struct Read {
    stored: Stored,
    document: Document,
}

/// Who is written, by lane of a clinic, with by how much the lane changes.
#[derive(Default)]
struct Lanes(BTreeMap<Lane, (Counts, Vec<Document>)>);

impl Lanes {
    /// `update`: what is done to the patient, which gets the version of the lane where it is one.
    fn add(&mut self, lane: Lane, difference: &Counts, update: Option<Document>) {
        let (counts, updates) = self.0.entry(lane).or_default();
        counts.add(difference);
        updates.extend(update);
    }
}

impl Patients {
    /// What was planned for some of the patients of the target, by account those after `after`; and the
    /// last of them, or `None` where there are no others.
    pub(crate) async fn list_kept(
        &self,
        session: &mut ClientSession,
        order: &MergeOrder,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<(Vec<Document>, Option<UserId>)> {
        let kept = self.read_after(session, order.target, after, limit).await?;
        let of_source = self.read_same(session, order.source, &kept).await?;
        let clinics = (order.source, order.target);
        let item = |kept: &Read| match of_source.get(&kept.stored.patient.user_id) {
            Some(same) => {
                let both = (Some(&same.document), Some(&kept.document));
                plan_item(PatientAction::MergeInto, clinics, both)
            }
            None => plan_item(PatientAction::Retain, clinics, (None, Some(&kept.document))),
        };
        let last = kept.last().map(|last| last.stored.patient.user_id.clone());
        Ok((kept.iter().map(item).collect(), last))
    }

    /// Lets some of the patients of the source become the target's, by account those after `after`.
    /// Whoever is a patient of both stays one of the target, with the tags and sites of both.
    pub(crate) async fn move_some(
        &self,
        session: &mut ClientSession,
        merge: &Merge,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<MovedBatch> {
        let order = &merge.order;
        let (source, target) = (order.source, order.target);
        let moved = self.read_after(session, source, after, limit).await?;
        let known = self.read_same(session, target, &moved).await?;
        let jobs = self.jobs.list_in(session, source).await?;
        let jobs_of_target = self.jobs.list_in(session, target).await?;
        let (mut lanes, mut lanes_of_target) = (Lanes::default(), Lanes::default());
        let (mut batch, mut gone) = (MovedBatch::default(), Vec::new());
        for Read { stored, document } in &moved {
            let before = stored.lane.map(|_| self.contribution(&stored.patient));
            let less = Counts::default().since(&before.unwrap_or_default());
            lanes.add(stored.lane.unwrap_or_else(Lane::random), &less, None);
            let patient = stored.since(&jobs);
            let user = &patient.user_id;
            batch.users.push(user.clone());
            let same = known.get(user);
            let (lane, difference, update) = match same {
                Some(same) => {
                    gone.push(document.get("_id").cloned().unwrap_or(Bson::Null));
                    batch.merged += 1;
                    self.merge_into(&same.stored, &patient, order, &jobs_of_target)?
                }
                None => self.moved(&stored.patient, &patient, order),
            };
            lanes_of_target.add(lane, &difference, Some(update));
            let action = if same.is_some() {
                PatientAction::Merge
            } else {
                PatientAction::Move
            };
            let documents = (Some(document), same.map(|same| &same.document));
            batch
                .items
                .push(plan_item(action, (source, target), documents));
        }
        self.count_lanes(session, source, lanes).await?;
        let updates = self.count_lanes(session, target, lanes_of_target).await?;
        // Before the others come, who may have the numbers of those who go.
        if !gone.is_empty() {
            let gone = doc! { "_id": { "$in": gone } };
            self.documents
                .delete_many(gone)
                .session(&mut *session)
                .await?;
        }
        self.write(session, updates).await?;
        Ok(batch)
    }

    /// What happens to a patient of the target whose account is one of the source as well.
    fn merge_into(
        &self,
        kept: &Stored,
        source: &Patient,
        order: &MergeOrder,
        jobs: &[Job],
    ) -> Result<(Lane, Counts, Document)> {
        let (tags, sites) = (order.tags_of(&source.tags), order.sites_of(&source.sites));
        let change = merged(&kept.since(jobs), source, tags, sites, now());
        let written = self.written(kept, &change, jobs)?;
        let patient = of_user(order.target, &source.user_id);
        let update = doc! { "q": patient, "u": { "$set": written.members } };
        let lane = kept.lane.unwrap_or_else(Lane::random);
        Ok((lane, written.difference, update))
    }

    /// What happens to a patient who is the source's alone: `stored` as its document has it.
    fn moved(
        &self,
        stored: &Patient,
        patient: &Patient,
        order: &MergeOrder,
    ) -> (Lane, Counts, Document) {
        let after = Patient {
            clinic_id: order.target,
            tags: order.tags_of(&patient.tags),
            sites: order.sites_of(&patient.sites),
            requires_unique_mrn: order.unique_mrns,
            updated_time: now(),
            ..patient.clone()
        };
        let has_mrn = after.mrn.as_ref().is_some_and(|mrn| !mrn.is_empty());
        let mut members = patient_document::changed_labels(stored, &after);
        members.extend(doc! {
            "clinicId": ids::clinic(order.target),
            "requireUniqueMrn": after.requires_unique_mrn,
            OWN_MRN: after.requires_unique_mrn && has_mrn,
            "updatedTime": DateTime::from_chrono(after.updated_time),
        });
        let patient = of_user(order.source, &after.user_id);
        let update = doc! { "q": patient, "u": { "$set": members } };
        (Lane::random(), self.contribution(&after), update)
    }

    /// Counts the lanes of a clinic; returns the updates of its patients, with their lane and its
    /// version.
    async fn count_lanes(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        lanes: Lanes,
    ) -> Result<Vec<Document>> {
        let mut all = Vec::new();
        for (lane, (difference, updates)) in lanes.0 {
            let version = self.tallies.add(session, clinic, lane, &difference).await?;
            let Lane(number) = lane;
            all.extend(updates.into_iter().map(|mut update| {
                if let Ok(update) = update.get_document_mut("u")
                    && let Ok(members) = update.get_document_mut("$set")
                {
                    members.extend(doc! { "_lane": number, "_version": version });
                }
                update
            }));
        }
        Ok(all)
    }

    /// Some of the patients of a clinic, by account those after `after`, the one to try things with
    /// left out.
    async fn read_after(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        after: Option<&UserId>,
        limit: u32,
    ) -> Result<Vec<Read>> {
        let mut users = Document::new();
        if let Some(after) = after {
            users.insert("$gt", after.as_str());
        }
        if let Some(demo) = self.demo_patient() {
            users.insert("$ne", demo.as_str());
        }
        let mut filter = doc! { "clinicId": ids::clinic(clinic) };
        if !users.is_empty() {
            filter.insert("userId", users);
        }
        self.read_all(session, filter, limit).await
    }

    /// The patients of a clinic with the accounts of `others`.
    async fn read_same(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        others: &[Read],
    ) -> Result<HashMap<UserId, Read>> {
        let users = others
            .iter()
            .map(|read| read.stored.patient.user_id.as_str());
        let users: Vec<&str> = users.collect();
        let limit = u32::try_from(users.len()).unwrap_or(u32::MAX);
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let filter = doc! { "clinicId": ids::clinic(clinic), "userId": { "$in": users } };
        let found = self.read_all(session, filter, limit).await?;
        let by_user = |read: Read| (read.stored.patient.user_id.clone(), read);
        Ok(found.into_iter().map(by_user).collect())
    }

    async fn read_all(
        &self,
        session: &mut ClientSession,
        filter: Document,
        limit: u32,
    ) -> Result<Vec<Read>> {
        let found = self.documents.find(filter).sort(doc! { "userId": 1 });
        let found = found.hint(Hint::Name("UniquePatient".to_owned()));
        let found = found.limit(limit.into()).batch_size(limit);
        let mut found = found.session(&mut *session).await?;
        let mut all = Vec::new();
        while let Some(document) = found.next(session).await {
            let document = document?;
            let read: PatientDocument =
                deserialize_from_document(document.clone()).map_err(Error::custom)?;
            let stored = read.into();
            all.push(Read { stored, document });
        }
        Ok(all)
    }
}

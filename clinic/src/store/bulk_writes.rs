//! Writes of many patients of a clinic at once: those of one lane are counted in one change of its
//! tally and get the same version.

use std::collections::BTreeMap;

use bson::{Document, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
};
use shared_types::{ClinicId, SiteId, UserId};

use super::{
    Job, Lane, Patients, Stored,
    ids::{self, of_user},
    jobs::Position,
    patient_document::PatientDocument,
    patients::{BY_SITE, BY_TAG, BY_VERSION, Written},
};
use crate::domain::{
    bulk_change::BulkChange,
    counts::Counts,
    patient::{Patient, PatientChange},
};

/// Some of the patients for whom a job is to be done.
pub(crate) struct JobBatch {
    pub(crate) patients: Vec<Stored>,
    /// Where the job goes on; `None`: nobody is left.
    pub(crate) next: Option<Position>,
}

impl Patients {
    /// Makes a change of every patient of a clinic in the transaction of `session`: it shows at once,
    /// and the job, which is leased to `owner`, writes it.
    pub(crate) async fn begin_job(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        change: &BulkChange,
        owner: &str,
    ) -> Result<Job> {
        let up_to = self.tallies.move_on(session, clinic).await?;
        let jobs = &self.jobs;
        jobs.insert(session, clinic, change, up_to, owner).await
    }

    /// Up to `limit` patients whom a job would change, in the transaction of `session`.
    pub(crate) async fn list_of_job(
        &self,
        session: &mut ClientSession,
        job: &Job,
        limit: usize,
    ) -> Result<JobBatch> {
        match &job.change {
            BulkChange::RemoveTag { tag } | BulkChange::ConvertTag { tag, .. } => {
                let has = doc! { "tags": ids::tag(*tag) };
                self.list_having(session, job, has, BY_TAG, limit).await
            }
            BulkChange::RemoveSite { site } | BulkChange::MergeSite { site, .. } => {
                let has = doc! { "sites.id": ids::site(*site) };
                self.list_having(session, job, has, BY_SITE, limit).await
            }
            BulkChange::AssignTag { tag } => {
                let lacks = doc! { "tags": { "$ne": ids::tag(*tag) } };
                self.list_from_position(session, job, &lacks, limit).await
            }
            BulkChange::RenameSite { site } => {
                let other = doc! { "id": ids::site(site.id), "name": { "$ne": &site.name } };
                let has = doc! { "sites": { "$elemMatch": other } };
                self.list_from_position(session, job, &has, limit).await
            }
        }
    }

    /// By an index from which those go that are changed: the job begins anew each time.
    async fn list_having(
        &self,
        session: &mut ClientSession,
        job: &Job,
        having: Document,
        index: &str,
        limit: usize,
    ) -> Result<JobBatch> {
        let mut filter = doc! { "clinicId": ids::clinic(job.clinic) };
        filter.extend(having);
        filter.extend(job.scope());
        let patients = self
            .find_many_in(session, filter, None, index, limit)
            .await?;
        let next = (patients.len() >= limit).then_some(job.at);
        Ok(JobBatch { patients, next })
    }

    /// By version, lane after lane. Those that are changed get a version beyond the job.
    async fn list_from_position(
        &self,
        session: &mut ClientSession,
        job: &Job,
        having: &Document,
        limit: usize,
    ) -> Result<JobBatch> {
        let (mut patients, mut at) = (Vec::new(), job.at);
        loop {
            let mut filter = doc! { "clinicId": ids::clinic(job.clinic) };
            match at.lane {
                None => filter.extend(doc! { "_lane": null }),
                Some(Lane(lane)) => filter.extend(doc! {
                    "_lane": lane,
                    "_version": { "$gte": at.version, "$lte": job.up_to(Lane(lane)) },
                }),
            }
            filter.extend(having.clone());
            let order = doc! { "_lane": 1, "_version": 1 };
            let wanted = limit - patients.len();
            let found = self
                .find_many_in(session, filter, Some(order), BY_VERSION, wanted)
                .await?;
            let is_full = found.len() >= wanted;
            if let Some(last) = found.last() {
                at.version = last.version;
            }
            patients.extend(found);
            if is_full {
                let next = Some(at);
                return Ok(JobBatch { patients, next });
            }
            let Some(lane) = Lane::after(at.lane) else {
                let next = None;
                return Ok(JobBatch { patients, next });
            };
            at = Position {
                lane: Some(lane),
                version: 0,
            };
        }
    }

    /// How many patients of a clinic are of one of `sites`.
    pub(crate) async fn count_of_sites(&self, clinic: ClinicId, sites: [SiteId; 2]) -> Result<u64> {
        let sites = sites.map(ids::site).to_vec();
        let of_sites = doc! { "clinicId": ids::clinic(clinic), "sites.id": { "$in": sites } };
        self.documents.count_documents(of_sites).await
    }

    /// Those of `users` who are patients of the clinic, in the transaction of `session`.
    pub(crate) async fn list_listed_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        users: &[UserId],
    ) -> Result<Vec<Stored>> {
        let listed: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let filter = doc! { "clinicId": ids::clinic(clinic), "userId": { "$in": listed } };
        let limit = users.len();
        self.find_many_in(session, filter, None, "UniquePatient", limit)
            .await
    }

    async fn find_many_in(
        &self,
        session: &mut ClientSession,
        filter: Document,
        order: Option<Document>,
        index: &str,
        limit: usize,
    ) -> Result<Vec<Stored>> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(filter).limit(limit.into()).batch_size(limit);
        let found = found.hint(mongodb::options::Hint::Name(index.to_owned()));
        let found = match order {
            Some(order) => found.sort(order),
            None => found,
        };
        let mut found = found.session(&mut *session).await?;
        let mut all = Vec::new();
        while let Some(patient) = found.next(session).await {
            all.push(patient?.into());
        }
        Ok(all)
    }

    /// Makes `change` of each of `patients`, all of one clinic; `None` leaves it as it is. Returns how
    /// many were changed. The jobs of the clinic are done to them as well.
    pub(crate) async fn update_all(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        patients: &[Stored],
        change: impl Fn(&Patient) -> Option<PatientChange>,
    ) -> Result<i64> {
        let jobs = self.jobs.list_in(session, clinic).await?;
        let mut by_lane: BTreeMap<Lane, Vec<(&Stored, Written)>> = BTreeMap::new();
        for stored in patients {
            if let Some(change) = change(&stored.since(&jobs)) {
                let lane = stored.lane.unwrap_or_else(Lane::random);
                let written = self.written(stored, &change, &jobs)?;
                by_lane.entry(lane).or_default().push((stored, written));
            }
        }
        let mut updates = Vec::new();
        for (lane, writes) in by_lane {
            let mut difference = Counts::default();
            for (_, written) in &writes {
                difference.add(&written.difference);
            }
            let version = self.tallies.add(session, clinic, lane, &difference).await?;
            updates.extend(writes.into_iter().map(|(stored, written)| {
                let mut members = written.members;
                members.extend(doc! { "_lane": lane.0, "_version": version });
                let patient = of_user(clinic, &stored.patient.user_id);
                doc! { "q": patient, "u": { "$set": members } }
            }));
        }
        self.write(session, updates).await
    }

    /// One command, since a round trip for each patient would take longer than a batch should.
    pub(super) async fn write(
        &self,
        session: &mut ClientSession,
        updates: Vec<Document>,
    ) -> Result<i64> {
        if updates.is_empty() {
            return Ok(0);
        }
        let wanted = i64::try_from(updates.len()).unwrap_or(i64::MAX);
        let command = doc! { "update": self.documents.name(), "updates": updates };
        let written = self.database.run_command(command).session(session).await?;
        let matched = written.get_i32("n").map(i64::from).unwrap_or_default();
        if written.contains_key("writeErrors") || matched != wanted {
            return Err(Error::custom("patients could not be written"));
        }
        Ok(matched)
    }
}

//! Reports of those of a clinic's patients at whose data somebody should look first.
//!
//! What decides is kept in memory ([`Pulse`](super::pulse::Pulse)). A clinic of which it is not is looked
//! through in the database.

use std::collections::HashMap;

use bson::{doc, oid::ObjectId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::error::Result;
use shared_runtime::mongo::ONE_BATCH;
use shared_types::{ClinicId, TagId};

use super::{Patients, Stored, ids, labelled, patient_document::PatientDocument, pulse::numbers};
use crate::domain::{
    best::Key,
    patient::Patient,
    tide::{Measure, Selected, Selection, TideRequest, Vitals},
};

impl Patients {
    /// The patients that `request` asks for, with those of their numbers that are called `shown`.
    pub(crate) async fn report(
        &self,
        clinic: ClinicId,
        request: &TideRequest,
        shown: &[&str],
        now: DateTime<Utc>,
    ) -> Result<Selected<Patient>> {
        let selected = match self.select_in_memory(clinic, request, now).await? {
            Some(selected) => selected,
            None => self.select(clinic, request, now).await?,
        };
        self.filled(clinic, request, shown, selected, now).await
    }

    /// Whom a report lists, without a look into the database; `None`: it takes one.
    async fn select_in_memory(
        &self,
        clinic: ClinicId,
        request: &TideRequest,
        now: DateTime<Utc>,
    ) -> Result<Option<Selected<Key>>> {
        let is_asked_for = |tag: &TagId| request.tags.contains(tag);
        let Some(pulse) = self.pulse(clinic, is_asked_for).await? else {
            return Ok(None);
        };
        let mut selection = Selection::new(request, now);
        for (key, vitals) in pulse.kept().beats() {
            selection.see(*key, vitals);
        }
        Ok(Some(selection.finish()))
    }

    /// Whom a report lists, by a look at every patient with the tags.
    async fn select(
        &self,
        clinic: ClinicId,
        request: &TideRequest,
        now: DateTime<Utc>,
    ) -> Result<Selected<Key>> {
        // What a job that begins after this look is to write is not shown yet.
        let jobs = self.together.list_jobs(clinic).await?;
        let mut query = doc! { "clinicId": ids::clinic(clinic) };
        query.insert("$and", [labelled::with_tags(&request.tags, &jobs)].to_vec());
        let mut members = doc! {
            "clinicId": 1, "userId": 1, "tags": 1, "dataSources": 1, "_lane": 1, "_version": 1,
            "summary.cgmStats.dates.lastData": 1,
        };
        let measures = Measure::ALL.map(Measure::name);
        members.extend(numbers(request.period, measures));
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(query).projection(members);
        let mut found = found.batch_size(ONE_BATCH).await?;
        let mut selection = Selection::new(request, now);
        while let Some(patient) = found.try_next().await? {
            let id = patient.id;
            let patient = Stored::from(patient).after(&jobs);
            selection.see(id.bytes(), &Vitals::of(&patient));
        }
        Ok(selection.finish())
    }

    /// What is shown of those who are listed. Whoever has changed in this moment, so that the list is no
    /// more theirs, is left out.
    async fn filled(
        &self,
        clinic: ClinicId,
        request: &TideRequest,
        shown: &[&str],
        selected: Selected<Key>,
        now: DateTime<Utc>,
    ) -> Result<Selected<Patient>> {
        let lists = selected.categories.iter().map(|(_, keys)| keys);
        let keys = lists.chain(&selected.without_data).flatten();
        let keys: Vec<ObjectId> = keys.copied().map(ObjectId::from_bytes).collect();
        let known = self.find_shown(clinic, request, shown, &keys).await?;
        let known = |keys: Vec<Key>, is_listed: &dyn Fn(&Vitals) -> bool| {
            let patients = keys.iter().filter_map(|key| known.get(key));
            let patients = patients.filter(|patient| is_listed(&Vitals::of(patient)));
            patients.cloned().collect::<Vec<Patient>>()
        };
        let categories = selected.categories.into_iter().map(|(category, keys)| {
            let is_listed = |vitals: &Vitals| request.rank(category, vitals).is_some();
            (category, known(keys, &is_listed))
        });
        let categories = categories.collect();
        let is_without = |vitals: &Vitals| request.rank_without_data(vitals, now).is_some();
        let without_data = selected.without_data;
        Ok(Selected {
            categories,
            without_data: without_data.map(|keys| known(keys, &is_without)),
        })
    }

    /// Some patients of a clinic, with what a report shows of them.
    async fn find_shown(
        &self,
        clinic: ClinicId,
        request: &TideRequest,
        shown: &[&str],
        keys: &[ObjectId],
    ) -> Result<HashMap<Key, Patient>> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut members = doc! {
            "clinicId": 1, "userId": 1, "fullName": 1, "email": 1, "tags": 1, "reviews": 1,
            "dataSources": 1, "_lane": 1, "_version": 1, "summary.cgmStats.dates.lastData": 1,
        };
        members.extend(numbers(request.period, shown.iter().copied()));
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(doc! { "_id": { "$in": keys } });
        let found = found.projection(members).batch_size(ONE_BATCH).await?;
        let found = found.map_ok(|patient| (patient.id.bytes(), Stored::from(patient)));
        let found: Vec<(Key, Stored)> = found.try_collect().await?;
        let jobs = self.together.list_jobs(clinic).await?;
        let of_clinic = |(_, stored): &&(Key, Stored)| stored.patient.clinic_id == clinic;
        let found = found.iter().filter(of_clinic);
        Ok(found
            .map(|(key, stored)| (*key, stored.since(&jobs)))
            .collect())
    }
}

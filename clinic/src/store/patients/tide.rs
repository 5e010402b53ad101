//! Reports of those of a clinic's patients at whose data somebody should look first.
//!
//! No index has what decides, which is a number of a period, tags and times at once, so that is kept in
//! memory for the clinics that were reported on last ([`Pulse`]). A clinic that has no room there, has
//! patients that are not counted yet, or gives or takes the tags that are asked for at the moment, is
//! looked through in the database.

use std::{collections::HashMap, sync::Arc, time::Instant};

use bson::{Document, RawDocument, deserialize_from_slice, doc, oid::ObjectId};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::error::{Error, Result};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::ClinicId;

use super::{
    Patients, Stored, ids, labelled,
    mirror::{Mirrored, Mirrors},
    patient_document::PatientDocument,
};
use crate::domain::{
    patient::Patient,
    summary::Period,
    tide::{Key, Measure, Selected, Selection, TideRequest, Vitals},
};

/// What decides on reports, of the clinics that were reported on last.
pub(crate) type Pulses = Mirrors<Pulse>;

/// What decides on reports, of the patients of a clinic.
#[derive(Clone, Default)]
pub(crate) struct Pulse {
    patients: HashMap<ObjectId, Arc<Vitals>>,
    bytes: usize,
}

/// What decides, of one patient.
pub(crate) type Beat = (ObjectId, Arc<Vitals>);

/// What a patient takes beside it, about, in bytes.
const OF_PLACE: usize = 64;

impl Mirrored for Pulse {
    type Entry = Beat;

    const OF_ONE: usize = 450;
    const BY_NAME: bool = false;
    const HAS_SUMMARIES: bool = true;

    fn members() -> Document {
        let mut members = doc! {
            "clinicId": 1, "userId": 1, "tags": 1, "dataSources": 1,
            "summary.cgmStats.dates.lastData": 1,
        };
        for period in Period::ALL {
            members.extend(numbers(period, Measure::ALL.map(Measure::name)));
        }
        members
    }

    fn entry(patient: &RawDocument) -> Result<Beat> {
        let patient: PatientDocument =
            deserialize_from_slice(patient.as_bytes()).map_err(Error::custom)?;
        let id = patient.id;
        Ok((id, Arc::new(Vitals::of(&patient.into()))))
    }

    fn append(&mut self, beats: Vec<Beat>) {
        for (id, vitals) in beats {
            self.bytes += vitals.bytes() + OF_PLACE;
            if let Some(before) = self.patients.insert(id, vitals) {
                self.bytes -= before.bytes() + OF_PLACE;
            }
        }
    }

    fn since(&self, changed: Vec<Beat>, gone: Vec<ObjectId>) -> Self {
        let mut next = self.clone();
        next.append(changed);
        for id in gone {
            if let Some(before) = next.patients.remove(&id) {
                next.bytes -= before.bytes() + OF_PLACE;
            }
        }
        next
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// These numbers of a period, as a projection.
fn numbers<'a>(
    period: Period,
    names: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = (String, bson::Bson)> {
    let names = names.into_iter();
    names.map(move |name| {
        let path = format!("summary.cgmStats.periods.{}.{name}", period.name());
        (path, 1.into())
    })
}

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
        let asked = Instant::now();
        let Some(standing) = self.together.find_standing(clinic).await? else {
            return Ok(None);
        };
        if !self.pulses.have_room_for(standing.total) {
            return Ok(None);
        }
        let pulse = self.mirror(&self.pulses, clinic, standing, asked).await?;
        // After the patients: whatever job was done in between is known a minute longer.
        let jobs = self.together.list_jobs(clinic).await?;
        let mut touched = jobs.iter().filter_map(|job| job.change.tag());
        if touched.any(|tag| request.tags.contains(&tag)) {
            return Ok(None);
        }
        let mut selection = Selection::new(request, now);
        for (id, vitals) in &pulse.kept().patients {
            selection.see(id.bytes(), vitals);
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

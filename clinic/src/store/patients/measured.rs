//! Lists of patients that are made from memory ([`Pulse`](super::pulse::Pulse)).

use bson::oid::ObjectId;
use mongodb::error::Result;
use shared_types::{ClinicId, TagId};

use super::{PatientPage, Patients};
use crate::domain::{best::Best, measured_list::MeasuredList};

/// Lists that go further are made by the database.
const MAX_PLACES: u32 = 1_000;

impl Patients {
    /// Some of the patients of a list; `None`: it is made by the database.
    pub(super) async fn measured(
        &self,
        clinic: ClinicId,
        list: &MeasuredList<'_>,
        offset: u32,
        limit: u32,
    ) -> Result<Option<PatientPage>> {
        let places = offset.saturating_add(limit);
        if places > MAX_PLACES {
            return Ok(None);
        }
        let is_asked_for = |tag: &TagId| {
            let tags = list.tags;
            tags.is_some_and(|tags| tags.is_empty() || tags.contains(tag))
        };
        let Some(pulse) = self.pulse(clinic, is_asked_for).await? else {
            return Ok(None);
        };
        let (mut first, mut count) = (Best::of(places as usize), 0);
        for (key, vitals) in pulse.kept().beats() {
            if let Some(rank) = list.rank(vitals) {
                count += 1;
                first.add(rank, *key);
            }
        }
        let ids = first.finish().into_iter().skip(offset as usize);
        let ids: Vec<ObjectId> = ids.map(ObjectId::from_bytes).collect();
        let mut stored = self.find_all(&ids).await?;
        // Whoever has become another clinic's in this moment.
        stored.retain(|stored| stored.patient.clinic_id == clinic);
        let jobs = self.together.list_jobs(clinic).await?;
        let patients = stored.into_iter().map(|stored| stored.after(&jobs));
        Ok(Some(PatientPage {
            patients: patients.collect(),
            count,
            total: pulse.kept().len() as u64,
        }))
    }
}

//! What decides on reports, and on lists by the numbers that reports look at. No index has it, since it
//! is a number of a period, tags and times at once, so it is kept in memory for the clinics that were
//! asked about last.

use std::{collections::HashMap, sync::Arc, time::Instant};

use bson::{Document, RawDocument, deserialize_from_slice, doc, oid::ObjectId};
use mongodb::error::{Error, Result};
use shared_types::{ClinicId, TagId};

use super::{
    Patients,
    mirror::{Current, Mirrored, Mirrors},
    patient_document::PatientDocument,
};
use crate::domain::{
    best::Key,
    summary::Period,
    tide::{Measure, Vitals},
};

/// That of the clinics that were asked about last.
pub(crate) type Pulses = Mirrors<Pulse>;

/// What decides, of the patients of a clinic.
#[derive(Clone, Default)]
pub(crate) struct Pulse {
    /// As many patients in each, so that a change copies one alone.
    rows: Vec<Arc<Vec<Beat>>>,
    places: HashMap<Key, usize>,
    bytes: usize,
}

/// What decides, of one patient.
pub(crate) type Beat = (Key, Vitals);

/// As many patients are in a row.
const ROW: usize = 256;
/// What a patient takes beside it, about, in bytes.
const OF_PLACE: usize = 32;

impl Pulse {
    /// Everybody, in no order.
    pub(super) fn beats(&self) -> impl Iterator<Item = &Beat> {
        self.rows.iter().flat_map(|row| row.iter())
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    fn put(&mut self, beat: Beat) {
        self.bytes += bytes(&beat);
        if let Some(place) = self.places.get(&beat.0) {
            let row = Arc::make_mut(&mut self.rows[place / ROW]);
            let before = std::mem::replace(&mut row[place % ROW], beat);
            self.bytes -= bytes(&before);
            return;
        }
        let place = self.places.len();
        self.places.insert(beat.0, place);
        if place.is_multiple_of(ROW) {
            self.rows.push(Arc::default());
        }
        Arc::make_mut(&mut self.rows[place / ROW]).push(beat);
    }

    /// The last one gets the place of whoever goes.
    fn remove(&mut self, key: &Key) {
        let (Some(place), Some(row)) = (self.places.remove(key), self.rows.last_mut()) else {
            return;
        };
        let row = Arc::make_mut(row);
        let last = row.pop();
        if row.is_empty() {
            self.rows.pop();
        }
        let Some(last) = last else {
            return;
        };
        let gone = if last.0 == *key {
            last
        } else {
            self.places.insert(last.0, place);
            let row = Arc::make_mut(&mut self.rows[place / ROW]);
            std::mem::replace(&mut row[place % ROW], last)
        };
        self.bytes -= bytes(&gone);
    }
}

fn bytes((_, vitals): &Beat) -> usize {
    vitals.bytes() + OF_PLACE
}

impl Mirrored for Pulse {
    type Entry = Beat;

    const OF_ONE: usize = 380;
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
        Ok((patient.id.bytes(), Vitals::of(&patient.into())))
    }

    fn append(&mut self, beats: Vec<Beat>) {
        for beat in beats {
            self.put(beat);
        }
    }

    fn since(&self, changed: Vec<Beat>, gone: Vec<ObjectId>) -> Self {
        let mut next = self.clone();
        next.append(changed);
        for id in gone {
            next.remove(&id.bytes());
        }
        next
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// These numbers of a period, as a projection.
pub(super) fn numbers<'a>(
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
    /// What decides, of a clinic as it is at this moment; `None`: it is not kept, since the clinic has far
    /// too many patients, has some that are not counted yet, or gives or takes a tag that `is_asked_for`.
    pub(super) async fn pulse(
        &self,
        clinic: ClinicId,
        is_asked_for: impl Fn(&TagId) -> bool,
    ) -> Result<Option<Arc<Current<Pulse>>>> {
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
        Ok((!touched.any(|tag| is_asked_for(&tag))).then_some(pulse))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
    use shared_types::TagId;

    use super::{Beat, Mirrored as _, Pulse};
    use crate::domain::{patient::Patient, tide::Vitals};

    fn beat(number: u16, tags: usize) -> Beat {
        let mut key = [0; 12];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let mut patient = Patient::new([0; 12].into(), "p".into(), chrono::DateTime::default());
        patient.tags = vec![TagId::from([1; 12]); tags];
        (key, Vitals::of(&patient))
    }

    #[test]
    fn whoever_comes_changes_and_goes_everybody_is_there_once() {
        let mut random = StdRng::seed_from_u64(7);
        let (mut pulse, mut model) = (Pulse::default(), BTreeMap::new());
        for _ in 0..300 {
            let changed: Vec<(u16, usize)> = (0..random.random_range(0..12))
                .map(|_| (random.random_range(0..900), random.random_range(0..5)))
                .collect();
            let gone: Vec<u16> = (0..random.random_range(0..6))
                .map(|_| random.random_range(0..900))
                .collect();
            let beats = changed.iter().map(|(number, tags)| beat(*number, *tags));
            let before = pulse.clone();
            let count = before.beats().count();
            let ids = gone.iter().map(|number| beat(*number, 0).0);
            pulse = pulse.since(beats.collect(), ids.map(Into::into).collect());
            assert_eq!(
                before.beats().count(),
                count,
                "it changed under its readers"
            );
            model.extend(changed);
            model.retain(|number, _| !gone.contains(number));
            let mut expected: Vec<_> = model
                .iter()
                .map(|one| (beat(*one.0, 0).0, *one.1))
                .collect();
            let mut kept: Vec<_> = pulse
                .beats()
                .map(|(key, vitals)| (*key, vitals.bytes()))
                .collect();
            kept.sort_unstable();
            expected.sort_unstable();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, tags)| (key, beat(0, tags).1.bytes()))
                .collect();
            assert_eq!(kept, expected);
            assert_eq!(pulse.len(), expected.len());
            let bytes: usize = pulse.beats().map(super::bytes).sum();
            assert_eq!(pulse.bytes(), bytes);
        }
    }
}

//! Lists of the patients of whom a text is a part. No index of the database finds parts of texts and
//! counts them, so the texts of the clinics that are searched in are kept in memory ([`Directory`]). Pages far
//! down a list by name come from there as well: the database would go through all that are before them.

use std::time::Instant;

use bson::{Document, RawArray, RawBsonRef, RawDocument, doc, oid::ObjectId};
use mongodb::error::{Error, Result};
use shared_types::ClinicId;

use super::{
    PatientPage, Patients,
    directory::{Directory, Entry},
    mirror::{Mirrored, Mirrors},
};
use crate::domain::patient_list::SearchText;

/// The members that are searched in.
pub(super) const SEARCHED: [&str; 4] = ["fullName", "email", "mrn", "birthDate"];

/// The directories of the clinics that were searched in last.
pub(crate) type Directories = Mirrors<Directory>;

impl Mirrored for Directory {
    type Entry = Entry;

    const OF_ONE: usize = 150;
    const BY_NAME: bool = true;
    const HAS_SUMMARIES: bool = false;

    fn members() -> Document {
        let mut members = doc! {};
        members.extend(SEARCHED.map(|name| (name.to_owned(), 1.into())));
        members.insert("key", doc! { "$meta": "sortKey" });
        members
    }

    fn entry(patient: &RawDocument) -> Result<Entry> {
        let id = patient.get_object_id("_id").map_err(Error::custom)?;
        let key = sort_key(patient.get_array("key").map_err(Error::custom)?);
        let texts = SEARCHED.iter().filter_map(|name| match patient.get(name) {
            Ok(Some(RawBsonRef::String(text))) => Some(text),
            _ => None,
        });
        Ok(Entry::new(id, key, texts))
    }

    fn append(&mut self, entries: Vec<Entry>) {
        self.add_shelves(&entries);
    }

    fn since(&self, changed: Vec<Entry>, gone: Vec<ObjectId>) -> Self {
        self.after(changed, gone)
    }

    fn bytes(&self) -> usize {
        self.memory()
    }
}

impl Patients {
    /// Some of the patients of a clinic of whom `text` is a part, or of all where there is none, by name.
    /// `None`: the clinic has no directory, since it has patients that are not counted yet or far too many.
    pub(super) async fn search(
        &self,
        clinic: ClinicId,
        text: Option<&SearchText>,
        offset: u32,
        limit: u32,
    ) -> Result<Option<PatientPage>> {
        let asked = Instant::now();
        let Some(standing) = self.together.find_standing(clinic).await? else {
            return Ok(None);
        };
        if !self.directories.have_room_for(standing.total) {
            return Ok(None);
        }
        let current = self.mirror(&self.directories, clinic, standing, asked);
        let current = current.await?;
        let (offset, limit) = (offset as usize, limit as usize);
        let directory = current.kept();
        let found = match text {
            Some(text) => directory.search(text.as_str(), offset, limit),
            None => directory.page(offset, limit),
        };
        let mut stored = self.find_all(&found.ids).await?;
        // Whoever has become another clinic's in this moment.
        stored.retain(|stored| stored.patient.clinic_id == clinic);
        let jobs = self.together.list_jobs(clinic).await?;
        Ok(Some(PatientPage {
            patients: stored
                .into_iter()
                .map(|stored| stored.after(&jobs))
                .collect(),
            count: found.count as u64,
            total: directory.len() as u64,
        }))
    }
}

/// By what the database orders a name, the first of `keys`: less than any text where there is none. It
/// is not text, though the database calls it so.
pub(in crate::store) fn sort_key(keys: &RawArray) -> Vec<u8> {
    const TEXT: u8 = 2;
    // Length of the array, kind, name "0" with its end, length of the text with its end.
    let (kind, length, text) = (4, 7..11, 11);
    let bytes = keys.as_bytes();
    let length = bytes.get(length).and_then(|length| length.try_into().ok());
    let length = length.map(u32::from_le_bytes).unwrap_or_default() as usize;
    match (bytes.get(kind), bytes.get(text..(text + length).max(1) - 1)) {
        (Some(&TEXT), Some(key)) => [&[TEXT], key].concat(),
        _ => Vec::new(),
    }
}

//! Lists of the patients of whom a text is a part. No index of the database finds parts of texts and
//! counts them, so the texts of the clinics that are searched in are kept in memory ([`Directory`]).
//!
//! What is kept is never trusted: each search reads the versions of the clinic's lanes, and where they
//! are beyond those of the directory, who was changed or removed since then is read before. So a
//! search sees everything that was committed before it, whichever replica did it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use bson::{Document, RawArray, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures_util::{
    Stream, TryStreamExt,
    future::{ready, try_join},
};
use moka::{future::Cache, policy::EvictionPolicy};
use mongodb::{
    error::{Error, Result},
    options::FindOptions,
};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::ClinicId;
use tokio::sync::Mutex;

use super::{
    PatientPage, Patients,
    directory::{Directory, Entry, FILLED},
    ids, loosely,
};
use crate::{
    domain::patient_list::SearchText,
    store::{
        Lane,
        tallies::{Standing, Versions},
    },
};

/// The members that are searched in.
pub(super) const SEARCHED: [&str; 4] = ["fullName", "email", "mrn", "birthDate"];

/// What a patient takes in a directory, about, in bytes.
const OF_ONE: usize = 150;

/// The directories of the clinics that were searched in last, for all worker threads.
#[derive(Clone)]
pub(crate) struct Directories {
    kept: Cache<ClinicId, Arc<Kept>>,
    max_bytes: usize,
}

#[derive(Default)]
struct Kept {
    directory: Mutex<Option<Arc<Current>>>,
    bytes: AtomicUsize,
}

/// A directory that holds every change up to these versions, and later ones perhaps.
struct Current {
    versions: Versions,
    /// When they had been read.
    read: Instant,
    directory: Directory,
}

impl Current {
    /// Whether it holds every change up to `versions`, which were read after `asked`. They are behind
    /// its own where these were read later, and never else but in a database that was put back.
    fn holds(&self, versions: &Versions, asked: Instant) -> bool {
        self.versions == *versions || self.read > asked && is_beyond(&self.versions, versions)
    }
}

impl Directories {
    /// Those that take `max_bytes` together, about.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let weight = |_: &ClinicId, kept: &Arc<Kept>| {
            let bytes = kept.bytes.load(Ordering::Relaxed);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder()
            .max_capacity(u64::try_from(max_bytes).unwrap_or(u64::MAX))
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { kept, max_bytes }
    }

    /// Whether there is room for a clinic of so many patients.
    fn have_room_for(&self, patients: u64) -> bool {
        usize::try_from(patients).is_ok_and(|patients| patients < self.max_bytes / OF_ONE)
    }
}

impl fmt::Debug for Directories {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = formatter.debug_struct("Directories");
        all.field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl Patients {
    /// Some of the patients of a clinic of whom `text` is a part, by name. `None`: the clinic has no
    /// directory, since it has patients that are not counted yet or far too many.
    pub(super) async fn search(
        &self,
        clinic: ClinicId,
        text: &SearchText,
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
        let current = self.directory(clinic, standing, asked).await?;
        let (offset, limit) = (offset as usize, limit as usize);
        let found = current.directory.search(text.as_str(), offset, limit);
        let mut stored = self.find_all(&found.ids).await?;
        // Whoever has become another clinic's in this moment.
        stored.retain(|stored| stored.patient.clinic_id == clinic);
        let jobs = self.together.list_jobs(clinic).await?;
        Ok(Some(PatientPage {
            patients: stored.iter().map(|stored| stored.since(&jobs)).collect(),
            count: found.count as u64,
            total: current.directory.len() as u64,
        }))
    }

    /// The directory of a clinic that holds every change up to `standing`, which was read after `asked`.
    async fn directory(
        &self,
        clinic: ClinicId,
        standing: Standing,
        asked: Instant,
    ) -> Result<Arc<Current>> {
        let kept = self
            .directories
            .kept
            .get_with(clinic, async { Arc::default() });
        let kept = kept.await;
        if let Some(current) = &*kept.directory.lock().await
            && current.holds(&standing.versions, asked)
        {
            return Ok(current.clone());
        }
        // Others wait for it, so it goes on if whoever asked is gone.
        let patients = self.clone();
        let refreshed = async move { patients.refresh(clinic, kept, standing, asked).await };
        tokio::spawn(refreshed).await.map_err(Error::custom)?
    }

    async fn refresh(
        &self,
        clinic: ClinicId,
        kept: Arc<Kept>,
        standing: Standing,
        asked: Instant,
    ) -> Result<Arc<Current>> {
        let mut directory = kept.directory.lock().await;
        let known = directory.clone();
        let current = match known {
            Some(known) if known.holds(&standing.versions, asked) => return Ok(known),
            known => {
                let known = match known {
                    Some(known) => known,
                    None => self.load(clinic).await?,
                };
                self.caught_up(clinic, known).await?
            }
        };
        *directory = Some(current.clone());
        drop(directory);
        let bytes = current.directory.bytes();
        kept.bytes.store(bytes, Ordering::Relaxed);
        // Put back to be weighed again.
        self.directories.kept.insert(clinic, kept).await;
        Ok(current)
    }

    /// All patients of a clinic. Who is moved in the index meanwhile may be missing or there twice, and
    /// has a version beyond those of the directory.
    async fn load(&self, clinic: ClinicId) -> Result<Arc<Current>> {
        let versions = self.tallies.find_standing(clinic).await?.versions;
        let read = Instant::now();
        let of_clinic = doc! { "clinicId": ids::clinic(clinic) };
        let mut directory = Directory::default();
        let mut shelves = self.entries(of_clinic).await?.try_chunks(FILLED);
        while let Some(entries) = shelves.try_next().await.map_err(|chunk| chunk.1)? {
            directory.append(&entries);
        }
        Ok(Arc::new(Current {
            versions,
            read,
            directory,
        }))
    }

    /// The directory with whoever was changed or removed since; a new one where the database is not as
    /// far as it was, having been put back.
    async fn caught_up(&self, clinic: ClinicId, known: Arc<Current>) -> Result<Arc<Current>> {
        let versions = self.tallies.find_standing(clinic).await?.versions;
        let read = Instant::now();
        if versions == known.versions {
            return Ok(known);
        }
        if !is_beyond(&versions, &known.versions) {
            return self.load(clinic).await;
        }
        let since = |prefix: &str| {
            let lanes = Lane::all().zip(known.versions).zip(versions);
            let lanes = lanes.filter(|((_, known), version)| version > known);
            let ahead = lanes.map(|((Lane(lane), known), _)| {
                let (name, version) = (format!("{prefix}_lane"), format!("{prefix}_version"));
                doc! { name: lane, version: { "$gt": known } }
            });
            let clinic_id = format!("{prefix}clinicId");
            doc! { clinic_id: ids::clinic(clinic), "$or": ahead.collect::<Vec<_>>() }
        };
        let changed = async { self.entries(since("")).await?.try_collect().await };
        let gone = self.archives.list_patients(since("patient."));
        let (changed, gone) = try_join(changed, gone).await?;
        Ok(Arc::new(Current {
            versions,
            read,
            directory: known.directory.since(changed, gone),
        }))
    }

    /// The patients that `filter` admits, in the order of names.
    async fn entries(&self, filter: Document) -> Result<impl Stream<Item = Result<Entry>>> {
        let mut members = doc! {};
        members.extend(SEARCHED.map(|name| (name.to_owned(), 1.into())));
        members.insert("key", doc! { "$meta": "sortKey" });
        let options = FindOptions::builder()
            .projection(members)
            .sort(doc! { "fullName": 1, "_id": 1 })
            .collation(loosely())
            .allow_disk_use(true)
            .batch_size(ONE_BATCH)
            .build();
        let patients = self.documents.clone_with_type::<RawDocumentBuf>();
        let found = patients.find(filter).with_options(options).await?;
        Ok(found.and_then(|patient| ready(entry(&patient))))
    }
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

fn is_beyond(versions: &Versions, known: &Versions) -> bool {
    versions
        .iter()
        .zip(known)
        .all(|(version, known)| version >= known)
}

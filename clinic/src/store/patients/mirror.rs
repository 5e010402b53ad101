//! What is kept in memory of the patients of a clinic, for what no index of the database does.
//!
//! What is kept is never trusted: each look reads the versions of the clinic's lanes, and where they are
//! beyond those of the mirror, who was changed or removed since then is read before. Summaries change
//! without a version of a lane; they have a mark of their own ([`MARK`]). So a look sees everything that
//! was committed before it, whichever replica did it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use bson::{Document, RawDocument, RawDocumentBuf, Timestamp, doc, oid::ObjectId};
use futures_util::{
    Stream, TryStreamExt,
    future::{ready, try_join},
};
use moka::{future::Cache, policy::EvictionPolicy};
use mongodb::{
    error::{Error, Result},
    options::{FindOptions, Hint},
};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::ClinicId;
use tokio::sync::Mutex;

use super::{BY_VERSION, Patients, directory::FILLED, ids, loosely, summaries::MARK};
use crate::store::{
    Lane,
    tallies::{Standing, Versions},
};

/// Who takes a mark first may be seen last, but not by so many seconds.
const MARK_MARGIN_S: u32 = 10;

/// What is kept of the patients of one clinic.
pub(crate) trait Mirrored: Clone + Default + Send + Sync + 'static {
    /// What is kept of one patient.
    type Entry: Send + 'static;
    /// What a patient takes, about, in bytes.
    const OF_ONE: usize;
    /// Whether they are kept in the order of names.
    const BY_NAME: bool;
    /// Whether summaries are kept as well.
    const HAS_SUMMARIES: bool;

    /// The members of a patient's document that are read.
    fn members() -> Document;

    /// What is kept of a patient whose document has these members.
    fn entry(patient: &RawDocument) -> Result<Self::Entry>;

    /// Adds patients; by name they come in this order, and after all others.
    fn append(&mut self, entries: Vec<Self::Entry>);

    /// The same after the patients in `changed` came or changed and those in `gone` went.
    #[must_use]
    fn since(&self, changed: Vec<Self::Entry>, gone: Vec<ObjectId>) -> Self;

    /// How much memory it takes, about.
    fn bytes(&self) -> usize;
}

/// What is kept of the clinics that were looked at last, for all worker threads.
#[derive(Clone)]
pub(crate) struct Mirrors<M> {
    kept: Cache<ClinicId, Arc<Kept<M>>>,
    max_bytes: usize,
}

struct Kept<M> {
    mirror: Mutex<Option<Arc<Current<M>>>>,
    bytes: AtomicUsize,
}

/// A mirror that holds every change up to these versions, and later ones perhaps.
pub(super) struct Current<M> {
    versions: Versions,
    /// When they had been read.
    read: Instant,
    /// The last mark of a summary at that time; zero: none.
    mark: Timestamp,
    /// Since when it is known.
    mark_known: Instant,
    mirror: Arc<M>,
}

impl<M: Mirrored> Current<M> {
    pub(super) fn kept(&self) -> &M {
        &self.mirror
    }

    /// Whether it holds every change up to `versions`, which were read after `asked`. The
    /// mirror's own are beyond `versions` where they were read later, and else in a database that was put
    /// back alone.
    fn holds(&self, versions: &Versions, asked: Instant) -> bool {
        let is_younger = self.read > asked && is_beyond(&self.versions, versions);
        is_younger || !M::HAS_SUMMARIES && self.versions == *versions
    }
}

impl<M> Current<M> {
    /// Whether it holds all that was marked up to `mark`, also by those whose marks were seen last.
    fn holds_all_up_to(&self, mark: Timestamp) -> bool {
        let known_for = self.read.duration_since(self.mark_known);
        mark == self.mark && known_for.as_secs() > MARK_MARGIN_S.into()
    }
}

impl<M> Default for Kept<M> {
    fn default() -> Self {
        Self {
            mirror: Mutex::default(),
            bytes: AtomicUsize::default(),
        }
    }
}

impl<M: Mirrored> Mirrors<M> {
    /// Those that take `max_bytes` together, about.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let weight = |_: &ClinicId, kept: &Arc<Kept<M>>| {
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
    pub(super) fn have_room_for(&self, patients: u64) -> bool {
        usize::try_from(patients).is_ok_and(|patients| patients < self.max_bytes / M::OF_ONE)
    }
}

impl<M> fmt::Debug for Mirrors<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = formatter.debug_struct("Mirrors");
        all.field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl Patients {
    /// What is kept of a clinic, with every change up to `standing`, which was read after `asked`.
    pub(super) async fn mirror<M: Mirrored>(
        &self,
        mirrors: &Mirrors<M>,
        clinic: ClinicId,
        standing: Standing,
        asked: Instant,
    ) -> Result<Arc<Current<M>>> {
        let kept = mirrors.kept.get_with(clinic, async { Arc::default() });
        let kept = kept.await;
        if let Some(current) = &*kept.mirror.lock().await
            && current.holds(&standing.versions, asked)
        {
            return Ok(current.clone());
        }
        // Others wait for it, so it goes on if whoever asked is gone.
        let (patients, mirrors) = (self.clone(), mirrors.clone());
        let refreshed = async move {
            let refreshed = patients.refresh(&mirrors, clinic, kept, standing, asked);
            refreshed.await
        };
        tokio::spawn(refreshed).await.map_err(Error::custom)?
    }

    async fn refresh<M: Mirrored>(
        &self,
        mirrors: &Mirrors<M>,
        clinic: ClinicId,
        kept: Arc<Kept<M>>,
        standing: Standing,
        asked: Instant,
    ) -> Result<Arc<Current<M>>> {
        let mut mirror = kept.mirror.lock().await;
        let known = mirror.clone();
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
        *mirror = Some(current.clone());
        drop(mirror);
        let bytes = current.mirror.bytes();
        kept.bytes.store(bytes, Ordering::Relaxed);
        // Put back to be weighed again.
        mirrors.kept.insert(clinic, kept).await;
        Ok(current)
    }

    /// All patients of a clinic. Who is moved in the index meanwhile may be missing or there twice, and
    /// has a version beyond those of the mirror.
    async fn load<M: Mirrored>(&self, clinic: ClinicId) -> Result<Arc<Current<M>>> {
        let versions = self.tallies.find_standing(clinic).await?.versions;
        let read = Instant::now();
        let mark = self.last_mark::<M>(clinic).await?;
        let of_clinic = doc! { "clinicId": ids::clinic(clinic) };
        let mut mirror = M::default();
        let mut shelves = self.entries::<M>(of_clinic).await?.try_chunks(FILLED);
        while let Some(entries) = shelves.try_next().await.map_err(|chunk| chunk.1)? {
            mirror.append(entries);
        }
        Ok(Arc::new(Current {
            versions,
            read,
            mark,
            mark_known: read,
            mirror: Arc::new(mirror),
        }))
    }

    /// The mirror with whoever was changed or removed since; a new one where the database is not as
    /// far as it was, having been put back.
    async fn caught_up<M: Mirrored>(
        &self,
        clinic: ClinicId,
        known: Arc<Current<M>>,
    ) -> Result<Arc<Current<M>>> {
        let versions = self.tallies.find_standing(clinic).await?.versions;
        let read = Instant::now();
        let is_ahead = versions != known.versions;
        if !is_ahead && !M::HAS_SUMMARIES {
            return Ok(known);
        }
        if !is_beyond(&versions, &known.versions) {
            return self.load(clinic).await;
        }
        let mark = self.last_mark::<M>(clinic).await?;
        if mark < known.mark {
            // Whoever had the last one has gone, or summaries were put back, which moves no lane.
            return self.load(clinic).await;
        }
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        if is_ahead {
            (changed, gone) = self.since::<M>(clinic, &known.versions, &versions).await?;
        }
        if M::HAS_SUMMARIES && !known.holds_all_up_to(mark) {
            changed.extend(self.summarized_since::<M>(clinic, known.mark).await?);
        }
        let mirror = if changed.is_empty() && gone.is_empty() {
            known.mirror.clone()
        } else {
            Arc::new(known.mirror.since(changed, gone))
        };
        Ok(Arc::new(Current {
            versions,
            read,
            mark,
            mark_known: if mark == known.mark {
                known.mark_known
            } else {
                read
            },
            mirror,
        }))
    }

    /// Who was changed in a clinic after `known` and up to `versions`, and who was removed.
    async fn since<M: Mirrored>(
        &self,
        clinic: ClinicId,
        known: &Versions,
        versions: &Versions,
    ) -> Result<(Vec<M::Entry>, Vec<ObjectId>)> {
        let since = |prefix: &str| {
            let lanes = Lane::all().zip(known).zip(versions);
            let lanes = lanes.filter(|((_, known), version)| version > known);
            let ahead = lanes.map(|((Lane(lane), known), _)| {
                let (name, version) = (format!("{prefix}_lane"), format!("{prefix}_version"));
                doc! { name: lane, version: { "$gt": known } }
            });
            let clinic_id = format!("{prefix}clinicId");
            doc! { clinic_id: ids::clinic(clinic), "$or": ahead.collect::<Vec<_>>() }
        };
        let changed = async { self.entries::<M>(since("")).await?.try_collect().await };
        let gone = self.archives.list_patients(since("patient."));
        try_join(changed, gone).await
    }

    /// The last mark of a summary in a clinic; zero: there is none, or `M` has no summaries.
    async fn last_mark<M: Mirrored>(&self, clinic: ClinicId) -> Result<Timestamp> {
        let none = Timestamp {
            time: 0,
            increment: 0,
        };
        if !M::HAS_SUMMARIES {
            return Ok(none);
        }
        let marked = doc! { "clinicId": ids::clinic(clinic), MARK: { "$gt": none } };
        let patients = self.documents.clone_with_type::<RawDocumentBuf>();
        let last = patients
            .find_one(marked)
            .sort(doc! { MARK: -1 })
            .projection(doc! { MARK: 1, "_id": 0 });
        let Some(last) = last.await? else {
            return Ok(none);
        };
        last.get_timestamp(MARK).map_err(Error::custom)
    }

    /// The patients of a clinic whose summaries changed after `mark`, and some before it.
    async fn summarized_since<M: Mirrored>(
        &self,
        clinic: ClinicId,
        mark: Timestamp,
    ) -> Result<Vec<M::Entry>> {
        let since = Timestamp {
            time: mark.time.saturating_sub(MARK_MARGIN_S),
            increment: 0,
        };
        let marked = doc! { "clinicId": ids::clinic(clinic), MARK: { "$gt": since } };
        let patients = self.documents.clone_with_type::<RawDocumentBuf>();
        let found = patients.find(marked).projection(M::members());
        let found = found.batch_size(ONE_BATCH).await?;
        found
            .and_then(|patient| ready(M::entry(&patient)))
            .try_collect()
            .await
    }

    /// What is kept of the patients of a clinic that `filter` admits, in its order.
    async fn entries<M: Mirrored>(
        &self,
        filter: Document,
    ) -> Result<impl Stream<Item = Result<M::Entry>>> {
        let mut options = FindOptions::builder()
            .projection(M::members())
            .allow_disk_use(true)
            .batch_size(ONE_BATCH)
            .build();
        if M::BY_NAME {
            options.sort = Some(doc! { "fullName": 1, "_id": 1 });
            options.collation = Some(loosely());
        } else {
            options.hint = Some(Hint::Name(BY_VERSION.to_owned()));
        }
        let patients = self.documents.clone_with_type::<RawDocumentBuf>();
        let found = patients.find(filter).with_options(options).await?;
        Ok(found.and_then(|patient| ready(M::entry(&patient))))
    }
}

fn is_beyond(versions: &Versions, known: &Versions) -> bool {
    versions
        .iter()
        .zip(known)
        .all(|(version, known)| version >= known)
}

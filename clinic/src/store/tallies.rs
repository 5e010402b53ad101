//! Collection `tallies`: how many patients each clinic has, kept in the transactions that change
//! them. A clinic's numbers are the sum over its lanes; each patient is counted in one of them, which
//! its document names, so that changes of different patients seldom wait for each other.
//!
//! Document: `{_id: {clinic, lane}, version, total, demo, plan, providers: {<name>: {<state>: n}},
//! tags: {<id>: n}, sites: {<id>: n}, leaving?: true}`. `version` grows with each change of a patient
//! of the lane, and the patient's document notes it. `leaving`: the patients become another clinic's,
//! of which no version tells.

use std::{collections::BTreeMap, str::FromStr};

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, Collection, Database, error::Result, options::ReturnDocument};
use rand::RngExt as _;
use serde::Deserialize;
use shared_runtime::mongo::ONE_BATCH;
use shared_types::ClinicId;

use super::ids;
use crate::domain::counts::Counts;

/// A part of a clinic's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lane(pub(super) i32);

impl Lane {
    /// Lanes of a clinic. More of them let more patients change at once, and make reads longer.
    pub(super) const ALL: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    /// The one in which patients are counted whose number is limited, one after the other.
    pub(crate) const LIMITED: Self = Self(0);

    /// Any.
    pub(crate) fn random() -> Self {
        Self::ALL[rand::rng().random_range(0..Self::ALL.len())]
    }

    /// All of them, in their order.
    pub(crate) fn all() -> impl Iterator<Item = Self> + Clone {
        Self::ALL.into_iter()
    }

    /// Which of all it is, from 0.
    pub(super) fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or_default()
    }

    /// The next one after `lane`; after `None` the first.
    pub(crate) fn after(lane: Option<Self>) -> Option<Self> {
        let next = lane.map_or(0, |Self(lane)| lane + 1);
        Self::ALL.into_iter().find(|Self(lane)| *lane == next)
    }
}

/// The numbers of all clinics.
#[derive(Debug, Clone)]
pub(crate) struct Tallies {
    tallies: Collection<Document>,
}

#[derive(Deserialize)]
struct Tally {
    #[serde(default)]
    total: i64,
    #[serde(default)]
    demo: i64,
    #[serde(default)]
    plan: i64,
    #[serde(default)]
    providers: BTreeMap<String, BTreeMap<String, i64>>,
    #[serde(default)]
    tags: BTreeMap<String, i64>,
    #[serde(default)]
    sites: BTreeMap<String, i64>,
}

/// A tally with whose it is.
#[derive(Deserialize)]
struct OfClinic {
    #[serde(rename = "_id")]
    id: TallyId,
    #[serde(flatten)]
    tally: Tally,
}

#[derive(Deserialize)]
struct TallyId {
    clinic: ObjectId,
}

/// How far the lanes of a clinic are, in their order.
pub(super) type Versions = [i64; Lane::ALL.len()];

/// How far a clinic is, and how many counted patients it has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    pub(super) versions: Versions,
    pub(super) total: u64,
    /// Whether its patients become another clinic's.
    pub(super) is_leaving: bool,
}

/// What a lane adds to it.
#[derive(Deserialize)]
struct OfLane {
    #[serde(rename = "_id")]
    id: LaneId,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    total: i64,
    #[serde(default)]
    leaving: bool,
}

#[derive(Deserialize)]
struct LaneId {
    clinic: ObjectId,
    lane: usize,
}

impl Tallies {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            tallies: database.collection("tallies"),
        }
    }

    /// Adds `change` to a lane of a clinic; returns the version of the lane from the commit on. Until
    /// then other changes in the lane wait.
    pub(crate) async fn add(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        lane: Lane,
        change: &Counts,
    ) -> Result<i64> {
        let increments = doc! { "$inc": increments(change) };
        let after = self
            .tallies
            .find_one_and_update(doc! { "_id": id(clinic, lane.0) }, increments)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .projection(doc! { "_id": 0, "version": 1 })
            .session(session)
            .await?;
        Ok(after
            .and_then(|tally| tally.get_i64("version").ok())
            .unwrap_or_default())
    }

    /// Moves every lane of a clinic on, as a change of all of its patients does; returns the version
    /// of each. Until the commit other changes of its patients wait.
    pub(crate) async fn move_on(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<i64>> {
        let mut versions = Vec::new();
        for lane in Lane::all() {
            versions.push(self.add(session, clinic, lane, &Counts::default()).await?);
        }
        Ok(versions)
    }

    /// Notes that the patients of a clinic become another one's; as [`Self::move_on`], others wait.
    pub(super) async fn leave(&self, session: &mut ClientSession, clinic: ClinicId) -> Result<()> {
        self.move_on(session, clinic).await?;
        let leaving = doc! { "$set": { "leaving": true } };
        self.tallies
            .update_many(of_clinic(clinic), leaving)
            .session(session)
            .await?;
        Ok(())
    }

    /// How many counted patients a clinic has.
    pub(crate) async fn find(&self, clinic: ClinicId) -> Result<Counts> {
        let tallies = self.tallies.clone_with_type::<Tally>();
        let mut found = tallies.find(of_clinic(clinic)).await?;
        let mut counts = Counts::default();
        while let Some(tally) = found.try_next().await? {
            counts.add(&tally.into());
        }
        Ok(counts)
    }

    /// How far each of some clinics is; those without a counted patient are missing.
    pub(super) async fn find_standings(
        &self,
        clinics: &[ClinicId],
    ) -> Result<BTreeMap<ClinicId, Standing>> {
        let lanes: Vec<Document> = clinics.iter().copied().flat_map(lanes_of).collect();
        let tallies = self.tallies.clone_with_type::<OfLane>();
        let found = tallies
            .find(doc! { "_id": { "$in": lanes } })
            .projection(doc! { "version": 1, "total": 1, "leaving": 1 });
        let mut found = found.batch_size(ONE_BATCH).await?;
        let mut all: BTreeMap<ClinicId, Standing> = BTreeMap::new();
        while let Some(lane) = found.try_next().await? {
            let OfLane { id, version, .. } = lane;
            let standing = all.entry(id.clinic.bytes().into()).or_default();
            if let Some(known) = standing.versions.get_mut(id.lane) {
                *known = version;
            }
            standing.total = standing.total.saturating_add_signed(lane.total);
            standing.is_leaving |= lane.leaving;
        }
        Ok(all)
    }

    /// How far a clinic is.
    pub(super) async fn find_standing(&self, clinic: ClinicId) -> Result<Standing> {
        let standings = self.find_standings(&[clinic]).await?;
        Ok(standings.get(&clinic).copied().unwrap_or_default())
    }

    /// The same as [`Self::find`] in the transaction of `session`.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Counts> {
        let tallies = self.tallies.clone_with_type::<Tally>();
        let mut found = tallies
            .find(of_clinic(clinic))
            .session(&mut *session)
            .await?;
        let mut counts = Counts::default();
        while let Some(tally) = found.next(session).await {
            counts.add(&tally?.into());
        }
        Ok(counts)
    }

    /// The same of several clinics; those without a counted patient are missing.
    pub(crate) async fn find_all(
        &self,
        clinics: &[ClinicId],
    ) -> Result<BTreeMap<ClinicId, Counts>> {
        let tallies = self.tallies.clone_with_type::<OfClinic>();
        let lanes: Vec<Document> = clinics.iter().copied().flat_map(lanes_of).collect();
        let found = tallies.find(doc! { "_id": { "$in": lanes } });
        let mut found = found.batch_size(ONE_BATCH).await?;
        let mut all: BTreeMap<ClinicId, Counts> = BTreeMap::new();
        while let Some(OfClinic { id, tally }) = found.try_next().await? {
            let counts = all.entry(id.clinic.bytes().into()).or_default();
            counts.add(&tally.into());
        }
        Ok(all)
    }

    /// How many patients of all clinics are counted.
    pub(super) async fn total(&self) -> Result<i64> {
        let sum = doc! { "$group": { "_id": null, "total": { "$sum": "$total" } } };
        let mut summed = self.tallies.aggregate([sum]).await?;
        let total = summed.try_next().await?;
        Ok(total.map_or(0, |sum| match sum.get("total") {
            Some(Bson::Int64(total)) => *total,
            Some(Bson::Int32(total)) => (*total).into(),
            _ => 0,
        }))
    }

    /// Forgets a clinic that is gone.
    pub(crate) async fn delete(&self, session: &mut ClientSession, clinic: ClinicId) -> Result<()> {
        self.tallies
            .delete_many(of_clinic(clinic))
            .session(session)
            .await?;
        Ok(())
    }
}

fn id(clinic: ClinicId, lane: i32) -> Document {
    doc! { "clinic": ids::clinic(clinic), "lane": lane }
}

fn lanes_of(clinic: ClinicId) -> impl Iterator<Item = Document> {
    Lane::all().map(move |Lane(lane)| id(clinic, lane))
}

fn of_clinic(clinic: ClinicId) -> Document {
    let lanes: Vec<Document> = lanes_of(clinic).collect();
    doc! { "_id": { "$in": lanes } }
}

fn increments(change: &Counts) -> Document {
    let mut increments = doc! { "version": 1_i64 };
    let numbers = [
        ("total", change.total),
        ("demo", change.demo),
        ("plan", change.plan),
    ];
    let named = numbers.map(|(name, count)| (name.to_owned(), count));
    let tags = change
        .tags
        .iter()
        .map(|(tag, count)| (format!("tags.{tag}"), *count));
    let sites = change
        .sites
        .iter()
        .map(|(site, count)| (format!("sites.{site}"), *count));
    let providers = change.providers.iter().flat_map(|(provider, states)| {
        states.iter().map(move |(state, count)| {
            (
                format!("providers.{}.{}", escaped(provider), escaped(state)),
                *count,
            )
        })
    });
    for (name, count) in named.into_iter().chain(tags).chain(sites).chain(providers) {
        if count != 0 {
            increments.insert(name, Bson::Int64(count));
        }
    }
    increments
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        let providers = tally.providers.into_iter().map(|(provider, states)| {
            let states = states.into_iter();
            let states = states.map(|(state, count)| (unescaped(&state), count));
            (unescaped(&provider), states.collect())
        });
        Self {
            total: tally.total,
            demo: tally.demo,
            plan: tally.plan,
            providers: providers.collect(),
            tags: by_id(tally.tags),
            sites: by_id(tally.sites),
        }
    }
}

fn by_id<K: FromStr + Ord>(counts: BTreeMap<String, i64>) -> BTreeMap<K, i64> {
    let known = counts.into_iter().filter(|(_, count)| *count != 0);
    known
        .filter_map(|(id, count)| Some((id.parse().ok()?, count)))
        .collect()
}

/// A text as the name of a member: without what has a meaning in paths, and not empty.
fn escaped(text: &str) -> String {
    let mut name = String::from("=");
    for character in text.chars() {
        match character {
            '%' => name.push_str("%25"),
            '.' => name.push_str("%2E"),
            '\0' => name.push_str("%00"),
            character => name.push(character),
        }
    }
    name
}

fn unescaped(name: &str) -> String {
    let text = name.strip_prefix('=').unwrap_or(name);
    text.replace("%00", "\0")
        .replace("%2E", ".")
        .replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::{escaped, unescaped};

    #[test]
    fn every_text_is_the_name_of_a_member_and_comes_back() {
        for text in [
            "", "dexcom", "a.b", "$set", "%2E", "50%", "%252E.", "a\0b", "=",
        ] {
            let name = escaped(text);
            assert!(
                !name.contains(['.', '\0']) && !name.starts_with('$'),
                "{name}"
            );
            assert_eq!(unescaped(&name), text);
        }
    }
}

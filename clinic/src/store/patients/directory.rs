//! The texts by which a clinic's patients are looked for, in memory and in the order of names.
//!
//! Patients stand on shelves of some hundreds, and a directory is a list of shelves. Nothing on a
//! shelf changes: who changes gets another shelf, and whoever searches the old one is not disturbed.

use std::{cmp::Ordering, iter, sync::Arc};

use bson::oid::ObjectId;
use memchr::memmem::Finder;

use crate::domain::text::folded;

/// As many patients stand on a shelf at most.
const FULL: usize = 1_024;
/// As many stand on one at first: those who come fill it after a while only.
pub(super) const FILLED: usize = 768;
/// Ends each text of a patient. No text holds this byte.
const END: u8 = 0xFF;

/// A patient, as it is put into a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    id: ObjectId,
    /// The name as the database orders it.
    key: Vec<u8>,
    text: Vec<u8>,
}

impl Entry {
    /// A patient of whom `texts` are known.
    pub(super) fn new<'a>(
        id: ObjectId,
        key: Vec<u8>,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut text = Vec::new();
        for known in texts {
            text.extend(folded(known).into_bytes());
            text.push(END);
        }
        Self { id, key, text }
    }

    fn row(&self) -> Row<'_> {
        Row {
            id: self.id,
            key: &self.key,
            text: &self.text,
        }
    }
}

/// A patient in a directory.
#[derive(Clone, Copy)]
struct Row<'a> {
    id: ObjectId,
    key: &'a [u8],
    text: &'a [u8],
}

impl Row<'_> {
    fn order(&self, other: &Row<'_>) -> Ordering {
        (self.key, self.id).cmp(&(other.key, other.id))
    }
}

/// The patients of a clinic.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    shelves: Vec<Arc<Shelf>>,
}

/// Who was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Some of them, in their order.
    pub(super) ids: Vec<ObjectId>,
    /// How many there are.
    pub(super) count: usize,
}

impl Directory {
    /// Adds a shelf of patients, who come in their order and after all others.
    pub(super) fn add_shelves(&mut self, entries: &[Entry]) {
        let shelves = shelved(entries.iter().map(Entry::row));
        self.shelves.extend(shelves.map(Arc::new));
    }

    /// How many patients there are.
    pub(super) fn len(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.ids.len()).sum()
    }

    /// How much memory it takes, about.
    pub(super) fn memory(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.bytes()).sum()
    }

    /// Patients of whom `text` is a part, in whatever case: `limit` of them after `offset`.
    pub(super) fn search(&self, text: &str, offset: usize, limit: usize) -> Found {
        let text = folded(text);
        let finder = Finder::new(&text);
        let (mut ids, mut count) = (Vec::new(), 0);
        for shelf in &self.shelves {
            for row in shelf.search(&finder) {
                if count >= offset && ids.len() < limit {
                    ids.push(shelf.ids[row]);
                }
                count += 1;
            }
        }
        Found { ids, count }
    }

    /// Some of all patients: `limit` of them after `offset`.
    pub(super) fn page(&self, offset: usize, limit: usize) -> Found {
        let ids = self.shelves.iter().flat_map(|shelf| shelf.ids.iter());
        Found {
            ids: ids.skip(offset).take(limit).copied().collect(),
            count: self.len(),
        }
    }

    /// The directory after the patients in `changed` came or changed and those in `gone` went.
    #[must_use]
    pub(super) fn after(&self, mut changed: Vec<Entry>, mut gone: Vec<ObjectId>) -> Self {
        gone.sort_unstable();
        changed.retain(|entry| gone.binary_search(&entry.id).is_err());
        changed.sort_by(|one, other| one.row().order(&other.row()));
        gone.extend(changed.iter().map(|entry| entry.id));
        gone.sort_unstable();
        let mut changed = changed.as_slice();
        let mut next = Self::default();
        for (place, shelf) in self.shelves.iter().enumerate() {
            let is_last = place + 1 == self.shelves.len();
            let here = if is_last {
                changed.len()
            } else {
                shelf.places_of(changed)
            };
            let (here, behind) = changed.split_at(here);
            changed = behind;
            let is_moved = |id: &ObjectId| gone.binary_search(id).is_ok();
            if here.is_empty() && !shelf.ids.iter().any(is_moved) {
                next.shelves.push(shelf.clone());
            } else {
                let stay = shelf.rows().filter(|row| !is_moved(&row.id));
                let rows = merged(stay, here.iter().map(Entry::row));
                next.shelves.extend(shelved(rows).map(Arc::new));
            }
        }
        // Where there was no shelf.
        next.add_shelves(changed);
        next
    }
}

/// Rows on as many shelves as it takes, each with about the same number of them.
fn shelved<'a>(rows: impl Iterator<Item = Row<'a>>) -> impl Iterator<Item = Shelf> {
    let rows: Vec<Row<'a>> = rows.collect();
    let size = rows.len().div_ceil(rows.len().div_ceil(FULL).max(1)).max(1);
    let shelves: Vec<Shelf> = rows.chunks(size).map(Shelf::of).collect();
    shelves.into_iter()
}

/// The rows of both, which have their order, in one.
fn merged<'a>(
    some: impl Iterator<Item = Row<'a>>,
    others: impl Iterator<Item = Row<'a>>,
) -> impl Iterator<Item = Row<'a>> {
    let (mut some, mut others) = (some.peekable(), others.peekable());
    iter::from_fn(move || match (some.peek(), others.peek()) {
        (Some(one), Some(other)) if other.order(one).is_lt() => others.next(),
        (Some(_), _) => some.next(),
        (None, _) => others.next(),
    })
}

/// Neighbours in the order of names.
struct Shelf {
    ids: Vec<ObjectId>,
    keys: Texts,
    texts: Texts,
}

impl Shelf {
    fn of(rows: &[Row<'_>]) -> Self {
        Self {
            ids: rows.iter().map(|row| row.id).collect(),
            keys: Texts::of(rows.iter().map(|row| row.key)),
            texts: Texts::of(rows.iter().map(|row| row.text)),
        }
    }

    fn bytes(&self) -> usize {
        self.ids.capacity() * size_of::<ObjectId>() + self.keys.bytes() + self.texts.bytes()
    }

    fn row(&self, place: usize) -> Row<'_> {
        Row {
            id: self.ids[place],
            key: self.keys.get(place),
            text: self.texts.get(place),
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.ids.len()).map(|place| self.row(place))
    }

    /// How many of `entries`, which have their order, do not come after the last row.
    fn places_of(&self, entries: &[Entry]) -> usize {
        let last = self.ids.len().checked_sub(1).map(|last| self.row(last));
        entries.partition_point(|entry| last.is_some_and(|last| entry.row().order(&last).is_le()))
    }

    /// The places of the rows of whose text a part is what `finder` looks for.
    fn search(&self, finder: &Finder<'_>) -> impl Iterator<Item = usize> {
        let mut from = 0;
        iter::from_fn(move || {
            let at = from + finder.find(self.texts.bytes.get(from..)?)?;
            let place = self.texts.place_of(at);
            from = self.texts.end_of(place);
            Some(place)
        })
    }
}

/// Texts in one buffer.
struct Texts {
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Texts {
    fn of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        let ends = texts.map(|text| {
            bytes.extend_from_slice(text);
            u32::try_from(bytes.len()).unwrap_or(u32::MAX)
        });
        let ends = ends.collect();
        Self {
            bytes: bytes.into(),
            ends,
        }
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.ends)
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.end_of(before));
        &self.bytes[start..self.end_of(place)]
    }

    fn end_of(&self, place: usize) -> usize {
        self.ends[place] as usize
    }

    /// The text that holds the byte at this place of the buffer.
    fn place_of(&self, at: usize) -> usize {
        self.ends.partition_point(|end| *end as usize <= at)
    }
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use rand::{RngExt as _, SeedableRng, rngs::StdRng};

    use super::{Directory, Entry, FULL, Found};

    fn entry(number: u32, name: &str) -> Entry {
        let mut id = [0; 12];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let key = name.to_lowercase().into_bytes();
        Entry::new(ObjectId::from_bytes(id), key, [name, "a@example.org"])
    }

    #[test]
    fn a_part_of_any_text_is_found_in_whatever_case() {
        let names = ["ÉMILE", "Straße", "x\0y", "Ödön", "odon"];
        let entries = names.map(|name| entry(0, name));
        let mut directory = Directory::default();
        directory.add_shelves(&entries);
        for (text, count) in [
            ("émi", 1),
            ("emi", 0),
            ("AẞE", 1),
            ("asse", 0),
            ("X\0Y", 1),
            ("ödö", 1),
            ("odo", 1),
            ("@EXAMPLE", 5),
            // Not from one text to the next one.
            ("ea", 0),
            ("ga", 0),
        ] {
            assert_eq!(directory.search(text, 0, 9).count, count, "{text}");
        }
    }

    #[test]
    fn what_changes_leaves_what_a_plain_list_would() {
        let seed = rand::rng().random::<u64>();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut plain: Vec<Entry> = Vec::new();
        let mut directory = Directory::default();
        for round in 0..60 {
            let many = if round % 20 == 0 { 2 * FULL } else { 30 };
            let changed: Vec<Entry> = (0..rng.random_range(0..many))
                .map(|_| {
                    let name = format!("{} {}", rng.random_range(0..50), rng.random_range(0..90));
                    entry(rng.random_range(0..9_000), &name)
                })
                .collect();
            let mut changed = changed;
            changed.sort_by_key(|entry| entry.id);
            changed.dedup_by_key(|entry| entry.id);
            let gone = plain.iter().map(|entry| entry.id);
            let gone: Vec<ObjectId> = gone.filter(|_| rng.random_bool(0.01)).collect();
            plain.retain(|entry| !changed.iter().any(|changed| changed.id == entry.id));
            plain.extend(changed.iter().cloned());
            plain.retain(|entry| !gone.contains(&entry.id));
            plain.sort_by(|one, other| one.row().order(&other.row()));
            directory = directory.after(changed, gone);

            assert_eq!(directory.len(), plain.len(), "seed {seed}");
            let wide = directory.shelves.iter().map(|shelf| shelf.ids.len());
            assert!(wide.max() <= Some(FULL), "seed {seed}");
            for text in ["1", "12", "7 1", "a@", "3"] {
                let found = plain
                    .iter()
                    .filter(|entry| String::from_utf8_lossy(&entry.text).contains(text));
                let ids: Vec<ObjectId> = found.map(|entry| entry.id).collect();
                let count = ids.len();
                let ids = ids.into_iter().skip(10).take(50).collect();
                let wanted = Found { ids, count };
                assert_eq!(directory.search(text, 10, 50), wanted, "seed {seed}");
            }
            let ids = plain.iter().map(|entry| entry.id);
            let ids = ids.skip(10).take(50).collect();
            let count = plain.len();
            assert_eq!(directory.page(10, 50), Found { ids, count }, "seed {seed}");
        }
    }
}

//! The first of many, who are seen in any order and not kept.

use std::cmp::Ordering;

/// By what patients are told apart; of those who are equal the least comes first.
pub(crate) type Key = [u8; 12];

/// Those of the least rank.
pub(crate) struct Best {
    limit: usize,
    /// More than the limit, until they are sorted.
    ranks: Vec<(f64, Key)>,
    /// Whoever comes after has no place.
    last: Option<(f64, Key)>,
}

impl Best {
    pub(crate) fn of(limit: usize) -> Self {
        Self {
            limit,
            ranks: Vec::new(),
            last: None,
        }
    }

    pub(crate) fn add(&mut self, rank: f64, key: Key) {
        // Both zeros are one.
        let one = (rank + 0.0, key);
        if self.last.is_some_and(|last| order(&last, &one).is_lt()) {
            return;
        }
        self.ranks.push(one);
        if self.ranks.len() == 4 * self.limit {
            self.cut();
            self.last = self.ranks.last().copied();
        }
    }

    fn cut(&mut self) {
        self.ranks.sort_unstable_by(order);
        // Who was moved while patients were read may have been seen twice.
        self.ranks.dedup_by_key(|(_, key)| *key);
        self.ranks.truncate(self.limit);
    }

    pub(crate) fn finish(mut self) -> Vec<Key> {
        self.cut();
        self.ranks.into_iter().map(|(_, key)| key).collect()
    }
}

fn order((one, key): &(f64, Key), (other, other_key): &(f64, Key)) -> Ordering {
    one.total_cmp(other).then_with(|| key.cmp(other_key))
}

//! Rate limits per key, in this process: a bucket that refills steadily (GCRA).
//!
//! Keys come from strangers, so only their hashes are kept, and of so many keys those used last.
//! Two keys with one hash, which nobody can provoke, would share a bucket.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    time::{Duration, Instant},
};

use moka::{Entry, ops::compute::Op, policy::EvictionPolicy, sync::Cache};
use serde::Deserialize;

/// So many keys take some megabytes.
const MAX_KEYS: u64 = 50_000;

/// A key is remembered for so long after its last use, or until its bucket is full again.
const KEPT: Duration = Duration::from_hours(1);

/// How often something may happen, to one key; a zero for either number switches the limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// In a row.
    pub burst: u32,
    /// A minute, in the long run.
    pub per_minute: u32,
}

impl Limit {
    /// Limits nothing.
    pub const OFF: Self = Self {
        burst: 0,
        per_minute: 0,
    };
}

/// Counts uses of keys and refuses those above the [`Limit`]. Each replica counts for itself.
///
/// What is limited itself is taken ([`Self::take`]). Where only failures are, a use is taken for
/// the time being ([`Self::charge`]). To check first ([`Self::check`]) and count afterwards
/// ([`Self::count`]) refuses nobody for what others have under way: that may then go beyond the
/// burst, but is paid back before the next use is free.
pub struct KeyedLimiter {
    /// `None`: nothing is limited.
    pace: Option<Pace>,
    /// By hash of the key: when its bucket is full again.
    full_at: Cache<u64, Instant>,
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Pace {
    /// How long one use takes to come back.
    interval: Duration,
    /// How far ahead a bucket may be full at the most, so that one more use is free.
    tolerance: Duration,
}

impl Pace {
    fn of(limit: Limit) -> Option<Self> {
        if limit.burst == 0 || limit.per_minute == 0 {
            return None;
        }
        let interval = Duration::from_mins(1) / limit.per_minute;
        Some(Self {
            interval,
            tolerance: interval.saturating_mul(limit.burst - 1),
        })
    }

    /// After how long the next use is free; zero: it is.
    fn wait(self, full_at: Option<Instant>, now: Instant) -> Duration {
        full_at.map_or(Duration::ZERO, |full_at| {
            full_at.saturating_duration_since(now + self.tolerance)
        })
    }

    /// When the bucket is full again after one more use.
    fn after_use(self, full_at: Option<Instant>, now: Instant) -> Instant {
        full_at.map_or(now, |full_at| full_at.max(now)) + self.interval
    }
}

impl KeyedLimiter {
    /// Limits each key to `limit`.
    pub fn new(limit: Limit) -> Self {
        let pace = Pace::of(limit);
        let refill = pace.map_or(Duration::ZERO, |pace| pace.tolerance + pace.interval);
        Self {
            pace,
            full_at: Cache::builder()
                .max_capacity(MAX_KEYS)
                // The default policy would not take note of new keys while there are many.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(refill.max(KEPT))
                .build(),
            hasher: RandomState::new(),
        }
    }

    /// Whether `key` has a use free, else after how long it has. Takes none.
    pub fn check(&self, key: impl Hash) -> Result<(), Duration> {
        let Some(pace) = self.pace else {
            return Ok(());
        };
        let full_at = self.full_at.get(&self.hasher.hash_one(key));
        free_or(pace.wait(full_at, Instant::now()))
    }

    /// Counts a use of `key`, whether it had one free or not.
    pub fn count(&self, key: impl Hash) {
        if let Some(pace) = self.pace {
            let now = Instant::now();
            self.full_at
                .entry(self.hasher.hash_one(key))
                .and_upsert_with(|entry| pace.after_use(entry.map(Entry::into_value), now));
        }
    }

    /// What `answer` comes to, if `key` has a use free, else after how long it has. The use is
    /// taken before, so that many at once come no further than one after the other, and given back
    /// after an answer that does not count. A response that nobody waits for any more counts.
    pub async fn charge<T>(
        &self,
        key: impl Hash,
        answer: impl Future<Output = T>,
        counts: impl FnOnce(&T) -> bool,
    ) -> Result<T, Duration> {
        let key = self.hasher.hash_one(key);
        self.take_hashed(key)?;
        let answer = answer.await;
        if !counts(&answer) {
            self.give_back(key);
        }
        Ok(answer)
    }

    /// Counts a use of `key` if it has one free, else says after how long it has.
    pub fn take(&self, key: impl Hash) -> Result<(), Duration> {
        self.take_hashed(self.hasher.hash_one(key))
    }

    fn take_hashed(&self, key: u64) -> Result<(), Duration> {
        let Some(pace) = self.pace else {
            return Ok(());
        };
        let now = Instant::now();
        let mut wait = Duration::ZERO;
        self.full_at.entry(key).and_compute_with(|entry| {
            let full_at = entry.map(Entry::into_value);
            wait = pace.wait(full_at, now);
            if wait.is_zero() {
                Op::Put(pace.after_use(full_at, now))
            } else {
                Op::Nop
            }
        });
        free_or(wait)
    }

    fn give_back(&self, key: u64) {
        let Some(pace) = self.pace else {
            return;
        };
        self.full_at.entry(key).and_compute_with(|entry| {
            let earlier = entry.and_then(|entry| entry.into_value().checked_sub(pace.interval));
            match earlier.filter(|full_at| *full_at > Instant::now()) {
                Some(full_at) => Op::Put(full_at),
                None => Op::Remove,
            }
        });
    }

    /// Whether a use of `key` was counted within the last hour, and it was not forgotten since.
    pub fn remembers(&self, key: impl Hash) -> bool {
        self.full_at.contains_key(&self.hasher.hash_one(key))
    }

    /// Forgets all uses of `key`.
    pub fn forget(&self, key: impl Hash) {
        self.full_at.invalidate(&self.hasher.hash_one(key));
    }
}

fn free_or(wait: Duration) -> Result<(), Duration> {
    if wait.is_zero() { Ok(()) } else { Err(wait) }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        pin::pin,
        time::{Duration, Instant},
    };

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::{KeyedLimiter, Limit, Pace};

    fn limiter(burst: u32, per_minute: u32) -> KeyedLimiter {
        KeyedLimiter::new(Limit { burst, per_minute })
    }

    #[test]
    fn a_key_is_refused_past_its_burst_and_others_are_not() {
        let limiter = limiter(2, 1);
        assert!(limiter.take("a").is_ok());
        assert!(limiter.take("a").is_ok());
        let wait = limiter.take("a").unwrap_err();
        assert!(wait <= Duration::from_mins(1), "{wait:?}");
        assert_eq!(limiter.take("b"), Ok(()));
        assert_eq!(limiter.check(("a", "of another kind")), Ok(()));
    }

    #[test]
    fn zero_switches_the_limit_off() {
        for limiter in [limiter(0, 0), limiter(0, 1), limiter(1, 0)] {
            assert!((0..100).all(|_| limiter.take("a").is_ok()));
            assert!(!limiter.remembers("a"));
        }
    }

    #[test]
    fn a_check_takes_nothing_and_what_is_counted_beyond_the_burst_is_paid_back() {
        let limiter = limiter(2, 1);
        assert!((0..100).all(|_| limiter.check("a").is_ok()));
        assert!(!limiter.remembers("a"));
        for _ in 0..5 {
            limiter.count("a");
        }
        let wait = limiter.check("a").unwrap_err();
        assert!(wait > Duration::from_mins(3), "{wait:?}");
        assert!(limiter.remembers("a"));
        limiter.forget("a");
        assert_eq!(limiter.check("a"), Ok(()));
        assert!(!limiter.remembers("a"));
    }

    #[test]
    fn what_is_under_way_has_a_place_until_it_does_not_count() {
        let limiter = limiter(2, 1);
        let charge = |answer: bool| {
            let charged = limiter.charge("a", ready(answer), |counts| *counts);
            charged.now_or_never().unwrap()
        };
        assert!((0..100).all(|_| charge(false) == Ok(false)));
        assert!(!limiter.remembers("a"));
        let (tell, told) = oneshot::channel();
        let mut under_way = pin!(limiter.charge("a", told, |told| *told == Ok(true)));
        assert!(under_way.as_mut().now_or_never().is_none());
        assert_eq!(charge(true), Ok(true));
        assert!(charge(false).is_err());
        tell.send(false).unwrap();
        assert_eq!(under_way.now_or_never(), Some(Ok(Ok(false))));
        assert_eq!(charge(false), Ok(false));
        assert_eq!(charge(true), Ok(true));
        assert!(charge(false).is_err());
    }

    #[test]
    fn uses_come_back_one_by_one() {
        let pace = Pace::of(Limit {
            burst: 2,
            per_minute: 6,
        })
        .unwrap();
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let once = pace.after_use(None, start);
        assert_eq!(pace.wait(Some(once), start), Duration::ZERO);
        let twice = pace.after_use(Some(once), start);
        assert_eq!(pace.wait(Some(twice), start), 10 * second);
        assert_eq!(pace.wait(Some(twice), start + 4 * second), 6 * second);
        assert_eq!(pace.wait(Some(twice), start + 10 * second), Duration::ZERO);
        let much_later = start + 100 * second;
        assert_eq!(
            pace.after_use(Some(twice), much_later),
            much_later + 10 * second
        );
    }
}

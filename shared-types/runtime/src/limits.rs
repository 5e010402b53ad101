//! Rate limits per key, in this process: a bucket that refills steadily.
//!
//! Keys come from strangers, so only their hashes are kept. Two keys with one hash, which nobody
//! can provoke, would share a bucket.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

/// Idle keys are dropped once in so many uses.
const USES_PER_PURGE: u32 = 4096;

/// At most `burst` uses of a key at once, refilled at `per_minute`. Each replica counts for itself.
pub struct KeyedLimiter {
    limiter: Option<DefaultKeyedRateLimiter<u64>>,
    hasher: RandomState,
    uses: AtomicU32,
}

impl KeyedLimiter {
    /// A limiter; a zero for either number switches it off.
    pub fn new(burst: u32, per_minute: u32) -> Self {
        let limiter =
            NonZeroU32::new(burst)
                .zip(NonZeroU32::new(per_minute))
                .map(|(burst, per_minute)| {
                    RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))
                });
        Self {
            limiter,
            hasher: RandomState::new(),
            uses: AtomicU32::new(0),
        }
    }

    /// Takes one use of `key`, or says after how long the next one is free.
    pub fn check(&self, key: &str) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if self.uses.fetch_add(1, Ordering::Relaxed) % USES_PER_PURGE == USES_PER_PURGE - 1 {
            limiter.retain_recent();
        }
        limiter
            .check_key(&self.hasher.hash_one(key))
            .map_err(|refused| refused.wait_time_from(limiter.clock().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::KeyedLimiter;

    #[test]
    fn a_key_is_refused_past_its_burst_and_others_are_not() {
        let limiter = KeyedLimiter::new(2, 1);
        assert!(limiter.check("a").is_ok());
        assert!(limiter.check("a").is_ok());
        assert!(limiter.check("a").is_err());
        assert!(limiter.check("b").is_ok());
    }

    #[test]
    fn zero_switches_the_limit_off() {
        let limiter = KeyedLimiter::new(0, 0);
        assert!((0..100).all(|_| limiter.check("a").is_ok()));
    }
}

//! Pauses between the tries of a delivery.

use std::time::Duration;

use rand::RngExt as _;

/// The pause before the next try: doubling from a second, at most `longest`, with a random half so
/// that rows that failed together do not come back together.
pub(super) fn backoff(attempts: u32, longest: Duration) -> Duration {
    let doubled = Duration::from_secs(1 << attempts.saturating_sub(1).min(20));
    let ceiling = doubled.min(longest);
    ceiling.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::backoff;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let longest = Duration::from_mins(15);
        for (attempts, ceiling) in [(1, 1), (2, 2), (5, 16), (40, 900)] {
            let pause = backoff(attempts, longest);
            assert!(
                pause <= Duration::from_secs(ceiling),
                "{attempts}: {pause:?}"
            );
            assert!(
                pause >= Duration::from_secs(ceiling) / 2,
                "{attempts}: {pause:?}"
            );
        }
    }
}

//! Share codes: what a clinic tells its patients so that they can share with it.

use rand::{Rng, RngExt as _};

/// Without letters and digits that look alike (I and 1, O and 0).
const SYMBOLS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const GROUPS: usize = 3;
const GROUP_LENGTH: usize = 4;

/// A code such as `A2B3-C4D5-E6F7`.
pub(crate) fn generate(random: &mut impl Rng) -> String {
    let mut code = String::with_capacity(GROUPS * (GROUP_LENGTH + 1));
    for group in 0..GROUPS {
        if group > 0 {
            code.push('-');
        }
        for _ in 0..GROUP_LENGTH {
            code.push(char::from(SYMBOLS[random.random_range(0..SYMBOLS.len())]));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{SYMBOLS, generate};

    #[test]
    fn a_code_has_three_groups_of_four_symbols() {
        let mut random = rand::rng();
        let codes: HashSet<String> = (0..100).map(|_| generate(&mut random)).collect();
        assert_eq!(codes.len(), 100);
        for code in codes {
            let groups: Vec<&str> = code.split('-').collect();
            assert_eq!(groups.len(), 3, "{code}");
            for group in groups {
                assert_eq!(group.len(), 4, "{code}");
                assert!(group.bytes().all(|byte| SYMBOLS.contains(&byte)), "{code}");
            }
        }
    }
}

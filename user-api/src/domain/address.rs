//! When two e-mail addresses are the same one.

/// Whether `one` and `other` are the same address. Case does not count, but accents do, and so does
/// what merely folds to a letter (`K`, the sign for kelvin): mail to such a look-alike reaches
/// somebody else, who must not pass for the owner of the account.
pub(crate) fn is_same_address(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// `address` in lower case, apart from what would become a letter of ASCII by that.
fn folded(address: &str) -> String {
    let mut folded = String::with_capacity(address.len());
    for character in address.chars() {
        let mut lower = character.to_lowercase();
        if !character.is_ascii() && lower.any(|part| part.is_ascii()) {
            folded.push(character);
        } else {
            folded.extend(character.to_lowercase());
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::is_same_address;

    #[test]
    fn case_does_not_count_and_look_alikes_do() {
        for (one, other, same) in [
            ("a@z.co", "a@z.co", true),
            ("a@z.co", "A@Z.CO", true),
            ("é@z.co", "É@z.co", true),
            ("a@z.co", "á@z.co", false),
            ("mike@z.co", "mi\u{212A}e@z.co", false),
            ("mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
            ("i@z.co", "\u{130}@z.co", false),
            ("s@z.co", "\u{17F}@z.co", false),
            ("a@z.co", "a@z.com", false),
            ("a@z.co", " a@z.co", false),
            ("", "", true),
            ("a@z.co", "", false),
        ] {
            assert_eq!(is_same_address(one, other), same, "{one} {other}");
            assert_eq!(is_same_address(other, one), same, "{one} {other}");
        }
    }
}

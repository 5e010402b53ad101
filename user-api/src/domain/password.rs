//! Password hashes: Argon2id for ours, salted SHA-1 for those imported from the reference.

use std::borrow::Cow;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use sha1::{Digest, Sha1};
use shared_types::{UserId, password::normalized};
use subtle::ConstantTimeEq;

/// Length of a SHA-1 hash in hexadecimal.
const LEGACY_LENGTH: usize = 40;

/// How a password matches the stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// The hash is the one that we would make of it.
    Current,
    /// It is a hash of the reference, or of a password that was not normalized.
    Outdated,
}

/// The hash to store for `password`, normalized: Argon2id with 19 MiB, two passes, one lane (the
/// crate's defaults, which are OWASP's), as a PHC string with a random salt.
pub(crate) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(normalized(password).as_bytes())?
        .to_string())
}

/// Whether `password` is the one that `stored` was made from, normalized or as it is. The empty
/// password never is.
pub(crate) fn matches(
    stored: &str,
    password: &str,
    userid: &UserId,
    legacy_salt: Option<&str>,
) -> Option<Match> {
    if password.is_empty() {
        return None;
    }
    let mut readings = readings(password);
    if is_legacy(stored) {
        let is_its_hash = |password: &str| {
            legacy_hash(password, userid, legacy_salt)
                .is_some_and(|hash| bool::from(hash.as_bytes().ct_eq(stored.as_bytes())))
        };
        return readings
            .any(|password| is_its_hash(&password))
            .then_some(Match::Outdated);
    }
    let parsed = PasswordHash::new(stored).ok()?;
    let is_its_hash = |password: &str| {
        Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok()
    };
    if readings
        .next()
        .is_some_and(|password| is_its_hash(&password))
    {
        return Some(Match::Current);
    }
    readings
        .any(|password| is_its_hash(&password))
        .then_some(Match::Outdated)
}

/// What `password` may have been hashed as: normalized, and before that was done as it is.
fn readings(password: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let normalized = normalized(password);
    let as_it_is = (normalized != password).then_some(Cow::Borrowed(password));
    std::iter::once(Cow::Owned(normalized)).chain(as_it_is)
}

/// Whether `stored` is a hash of the reference, to be replaced at the next log-in.
pub(crate) fn is_legacy(stored: &str) -> bool {
    stored.len() == LEGACY_LENGTH && stored.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Spends the time of a verification that fails, for names that have no hash to verify.
pub(crate) fn spend_time(password: &str) {
    for password in readings(password) {
        let mut output = [0; 32];
        // The result is of no interest; the parameters are constants, so it cannot fail.
        let _ = Argon2::default().hash_password_into(
            password.as_bytes(),
            b"0123456789abcdef",
            &mut output,
        );
    }
}

/// `None` when there is no salt or no id: such a hash would be worthless.
fn legacy_hash(password: &str, userid: &UserId, salt: Option<&str>) -> Option<String> {
    let salt = salt.filter(|salt| !salt.is_empty())?;
    if userid.as_str().is_empty() {
        return None;
    }
    let mut hasher = Sha1::new();
    for part in [password, salt, userid.as_str()] {
        hasher.update(part.as_bytes());
    }
    Some(hex(&hasher.finalize()))
}

/// `bytes` in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use shared_types::UserId;

    use argon2::{Argon2, PasswordHasher};

    use super::{Match, hash, is_legacy};

    fn matches(stored: &str, password: &str, id: &UserId, salt: Option<&str>) -> bool {
        super::matches(stored, password, id, salt).is_some()
    }

    const SALT: &str = "a mineral substance composed primarily of sodium chloride";
    const LEGACY: &str = "d1fef52139b0d120100726bcb43d5cc13d41e4b5";

    fn id() -> UserId {
        UserId::from("1111111111")
    }

    #[test]
    fn the_hash_of_the_reference_matches_its_password_alone() {
        assert!(is_legacy(LEGACY));
        assert!(matches(LEGACY, "password", &id(), Some(SALT)));
        for (password, id, salt) in [
            ("Password", id(), Some(SALT)),
            ("password ", id(), Some(SALT)),
            ("", id(), Some(SALT)),
            ("password", UserId::from("2222222222"), Some(SALT)),
            ("password", UserId::from(""), Some(SALT)),
            ("password", id(), Some("")),
            ("password", id(), None),
        ] {
            assert!(
                !matches(LEGACY, password, &id, salt),
                "{password:?} {id} {salt:?}"
            );
        }
    }

    #[test]
    fn our_hashes_match_the_whole_password_with_its_case() {
        let stored = hash("Correct-horse").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(!is_legacy(&stored));
        assert!(matches(&stored, "Correct-horse", &id(), None));
        for other in ["correct-horse", "Correct-hors", "Correct-horse1", ""] {
            assert!(!matches(&stored, other, &id(), None), "{other:?}");
        }
    }

    #[test]
    fn long_passwords_are_compared_to_their_last_character() {
        let long = "x".repeat(80);
        let stored = hash(&format!("{long}a")).unwrap();
        assert!(matches(&stored, &format!("{long}a"), &id(), None));
        assert!(!matches(&stored, &format!("{long}b"), &id(), None));
    }

    #[test]
    fn one_password_has_many_spellings() {
        let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
        let how = |stored: &str, password| super::matches(stored, password, &id(), None);
        for stored in [hash(composed).unwrap(), hash(decomposed).unwrap()] {
            for password in [composed, decomposed, "ｃafé au lait"] {
                assert_eq!(how(&stored, password), Some(Match::Current), "{password}");
            }
            assert_eq!(how(&stored, "cafe au lait"), None);
        }
    }

    #[test]
    fn what_was_hashed_as_it_was_matches_and_is_outdated() {
        let as_it_was = |password: &str| {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.unwrap().to_string()
        };
        let decomposed = "cafe\u{301} au lait";
        let stored = as_it_was(decomposed);
        let how = |stored: &str, password| super::matches(stored, password, &id(), None);
        assert_eq!(how(&stored, decomposed), Some(Match::Outdated));
        assert_eq!(how(&stored, "caf\u{e9} au lait"), None);
        // Where both are the same there is nothing to do.
        assert_eq!(
            how(&as_it_was("12345678"), "12345678"),
            Some(Match::Current)
        );
        assert_eq!(
            super::matches(LEGACY, "password", &id(), Some(SALT)),
            Some(Match::Outdated)
        );
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        assert_ne!(hash("password").unwrap(), hash("password").unwrap());
    }

    #[test]
    fn what_is_no_hash_never_matches() {
        for stored in ["", "x", "$argon2id$broken", &"g".repeat(40)] {
            assert!(
                !matches(stored, "password", &id(), Some(SALT)),
                "{stored:?}"
            );
        }
    }
}

//! The keys of a confirmation: its id and, in mails, its secret.
//!
//! Whoever has the key of a password reset has the account. So the id of a reset is no key: the
//! key is made while its mail is, and only its digest is kept. (The key of a sign-up is also shown
//! to services, long after its mail, so it is kept as it is.)

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt as _;
use sha2::{Digest, Sha256};

const BYTES: usize = 24;

/// Begins an id that is no key. No key holds a dot.
const KEYLESS: &str = "keyless.";

/// A new key: 24 random bytes as 32 characters that need no encoding in a link.
pub(crate) fn generate() -> String {
    // A cryptographic generator, seeded by the operating system.
    let bytes: [u8; BYTES] = rand::rng().random();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// An id, made of a random text, of a confirmation whose keys are in mails only.
pub(crate) fn keyless_id(random: &str) -> String {
    format!("{KEYLESS}{random}")
}

/// Whether an id is no key. Those of the reference and of older versions are keys.
pub(crate) fn is_keyless(id: &str) -> bool {
    id.starts_with(KEYLESS)
}

/// A name for what goes with a key that does not tell the key: it is random enough to need no salt.
pub(crate) fn digest(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(key)[..BYTES])
}

#[cfg(test)]
mod tests {
    use super::{generate, is_keyless, keyless_id};

    #[test]
    fn keys_are_32_url_safe_characters_and_differ() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        for key in [one, other] {
            assert_eq!(key.len(), 32);
            assert!(
                key.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            );
            assert!(!is_keyless(&key) && is_keyless(&keyless_id(&key)));
        }
    }
}

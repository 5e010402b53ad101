//! The key of a confirmation: its id and, in mails, its secret.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt as _;
use sha2::{Digest, Sha256};

const BYTES: usize = 24;

/// A new key: 24 random bytes as 32 characters that need no encoding in a link.
pub(crate) fn generate() -> String {
    // A cryptographic generator, seeded by the operating system.
    let bytes: [u8; BYTES] = rand::rng().random();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A name for what goes with a key that does not tell the key.
pub(crate) fn digest(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(key)[..BYTES])
}

#[cfg(test)]
mod tests {
    use super::generate;

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
        }
    }
}

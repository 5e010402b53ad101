//! Messages of hospital records, as Redox sends them: what they are, what orders among them ask for, and
//! whom they mean.

pub(crate) mod match_request;
pub(crate) mod meta;
pub(crate) mod order;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The one kind of message that means a patient.
pub(crate) const ORDER: (&str, &str) = ("Order", "New");

/// The hash of a body, in hexadecimal digits.
pub(crate) fn fingerprint(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().fold(String::new(), |mut text, byte| {
        // A text takes whatever is written.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn a_fingerprint_has_64_digits() {
        assert_eq!(
            fingerprint(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

//! Name and password as they arrive in an `Authorization` header.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `User-Agent` prefixes of the platform's app clients, whose sessions live long.
const LONG_LIVED_CLIENTS: [&str; 4] = ["Tidepool/", "axios/", "okhttp/", "Loop/"];

/// What a user logs in with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// User id, user name or address, without blanks around it.
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Reads `Basic base64(name:password)`; `None` when it is anything else or both parts are empty.
pub(crate) fn from_basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = text_of(BASE64.decode(encoded.trim()).ok()?);
    let (name, password) = decoded.split_once(':')?;
    if name.is_empty() && password.is_empty() {
        return None;
    }
    Some(Credentials {
        name: name.trim().to_owned(),
        password: password.to_owned(),
    })
}

/// Clients that do not send UTF-8 send Latin-1, as older standards had it (RFC 7617, section 2).
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let bytes = error.into_bytes();
        bytes.into_iter().map(char::from).collect()
    })
}

/// Whether the client is one whose sessions live long.
pub(crate) fn is_long_lived_client(user_agent: &str) -> bool {
    LONG_LIVED_CLIENTS
        .iter()
        .any(|prefix| user_agent.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};

    use super::{from_basic, is_long_lived_client};

    #[test]
    fn name_and_password_are_split_at_the_first_colon() {
        let read = |text: &str| {
            from_basic(&format!("Basic {}", BASE64_STANDARD.encode(text)))
                .map(|found| (found.name, found.password))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read("a@z.co:secret"), pair("a@z.co", "secret"));
        assert_eq!(read("a@z.co:se:cr:et"), pair("a@z.co", "se:cr:et"));
        assert_eq!(read("a@z.co:"), pair("a@z.co", ""));
        assert_eq!(read(" a@z.co\t: secret "), pair("a@z.co", " secret "));
        assert_eq!(read(":secret"), pair("", "secret"));
        assert_eq!(read(":"), None);
        assert_eq!(read("a@z.co"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn what_is_no_utf_8_is_latin_1() {
        let read = |bytes: &[u8]| from_basic(&format!("Basic {}", BASE64_STANDARD.encode(bytes)));
        let latin_1 = read(b"a@z.co:p\xe4ssw\xf6rter").unwrap();
        assert_eq!(latin_1.password, "pässwörter");
        assert_eq!(Some(latin_1), read("a@z.co:pässwörter".as_bytes()));
    }

    #[test]
    fn other_headers_carry_no_credentials() {
        for header in [
            "",
            " ",
            "Basic",
            "Basic ",
            "Basic=",
            "YTpi",
            "Basic %%%",
            "Bearer YTpi",
            "Basic /w==",
        ] {
            assert_eq!(from_basic(header), None, "{header:?}");
        }
        assert!(from_basic("basic YTpi").is_some());
        assert!(
            from_basic("Basic YWE6Yg").is_some(),
            "padding may be missing"
        );
    }

    #[test]
    fn app_clients_are_known_by_their_agent() {
        assert!(is_long_lived_client("okhttp/4.9"));
        assert!(!is_long_lived_client("Mozilla/5.0 okhttp/4.9"));
    }
}

//! E-mail addresses: their form, and when two are the same.

/// Longer ones do not exist (RFC 5321).
const MAX_LENGTH: usize = 254;

/// Whether two addresses are the same but for their case.
///
/// The database compares more loosely (it takes `ß` for `ss`), so whatever it finds by an address
/// is looked at again: another spelling may be another mailbox.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether `text` has the form of an address, without quotes, to which a mail can be sent.
pub(crate) fn has_form(text: &str) -> bool {
    text.len() <= MAX_LENGTH && !text.contains('"') && text.parse::<lettre::Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{has_form, same};

    #[test]
    fn case_does_not_count_and_everything_else_does() {
        assert!(same("Carol+a@Example.org", "carol+A@example.ORG"));
        assert!(same("ÄB@example.org", "äb@example.org"));
        for other in [
            "carol@example.org",
            "cárol+a@example.org",
            "carol+a@example.org ",
        ] {
            assert!(!same("carol+a@example.org", other), "{other}");
        }
        assert!(!same("straße@example.org", "strasse@example.org"));
    }

    #[test]
    fn the_form_is_something_at_something() {
        for address in ["a@b", "a.b+c@example.org", "ü@example.org"] {
            assert!(has_form(address), "{address}");
        }
        let long = format!("{}@example.org", "a".repeat(260));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "<a@b>",
            "a@b,c@d",
            &long,
        ] {
            assert!(!has_form(text), "{text}");
        }
    }
}

//! E-mail addresses: what is one, and when two are the same. The only definition of both.
//!
//! An address is checked where a person or a service enters it, and stored as it was entered
//! ([`parse`]). Stored ones, among which there are odd ones of earlier times, are only compared
//! ([`is_same`]). A database compares more loosely than we do and knows nothing of internationalized
//! domains: it is asked for all [`spellings`], what it finds is compared again, and what must be
//! unique or counted is keyed by the [`identity`].

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection};

/// Longest address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const MAX_BYTES: usize = 254;

/// Longest part before the @, in bytes, as it is sent (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// What may stand in an address beside ASCII: one script, or Latin with a script that nobody takes
/// for Latin (the profile for addresses of UTS 39, section 3.3).
const LOOSEST: RestrictionLevel = RestrictionLevel::ModeratelyRestrictive;

/// An address as mail servers exchange it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireAddress {
    /// What stands before the @, quoted where it must be.
    pub local: String,
    /// The domain in ASCII.
    pub domain: String,
}

/// The address that `text` is, apart from blanks around it, as it is stored: as entered, in
/// Unicode's composed form (NFC). `None`: it is none to which a mail could be sent, or it holds what
/// nobody can see or what passes for another character.
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return None;
    }
    let (local, domain) = text.rsplit_once('@')?;
    let domain_in_ascii = ascii_domain(domain).filter(|domain| is_public_domain(domain))?;
    let shown_domain = unicode_domain(&domain_in_ascii);
    let is_clear = is_local(local)
        && domain.chars().all(is_plain)
        && is_unmixed(local)
        && shown_domain.split('.').all(is_unmixed)
        && shown_domain.chars().all(is_plain);
    if !is_clear {
        return None;
    }
    let local: String = local.nfc().collect();
    let sent = quoted(&local);
    if sent.len() > MAX_LOCAL_BYTES || sent.len() + 1 + domain_in_ascii.len() > MAX_BYTES {
        return None;
    }
    Some(format!("{local}@{}", domain.nfc()))
}

/// Whether `text` is an address that may be entered.
pub fn is_valid(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether `text` was meant as an address, valid or not. It tells the addresses of earlier times
/// from names of other kinds.
pub fn has_shape(text: &str) -> bool {
    let is_dotted = |domain: &str| {
        let mut labels = domain.split('.');
        labels.clone().count() > 1 && labels.all(|label| !label.is_empty())
    };
    let text = text.trim();
    !text.contains(char::is_whitespace)
        && text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && is_dotted(domain))
}

/// Whether `one` and `other` are the same address or, of accounts without, the same name.
///
/// Case does not count, nor do blanks around it, nor how an internationalized domain is written.
/// Accents count, and so does what merely folds to a letter of ASCII (the sign for kelvin, to `k`):
/// mail to such a look-alike reaches somebody else.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || identity(one) == identity(other)
}

/// What two spellings of one address, or name, have in common, and no other address has. For keys
/// of what is unique or counted; it is not for people.
pub fn identity(text: &str) -> String {
    let text = text.trim();
    let Some((local, domain)) = text.rsplit_once('@') else {
        return folded(text);
    };
    let domain = Some(domain)
        .filter(|domain| domain.chars().all(is_plain))
        .and_then(ascii_domain)
        .unwrap_or_else(|| folded(domain));
    format!("{}@{domain}", folded(local))
}

/// How the address, or name, `text` may be written in a database that takes no notice of case: as it
/// is, and with either form of its domain.
pub fn spellings(text: &str) -> Vec<String> {
    let text = text.trim();
    let composed: String = text.nfc().collect();
    let mut spellings = vec![text.to_owned()];
    if let Some((local, domain)) = composed.rsplit_once('@')
        && has_two_forms(domain)
        && domain.chars().all(is_plain)
        && let Some(ascii) = ascii_domain(domain)
    {
        spellings.push(format!("{local}@{}", unicode_domain(&ascii)));
        spellings.push(format!("{local}@{ascii}"));
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// The address `text` as it is sent: with its domain in ASCII, and quoted where the standards ask
/// for quotes that people leave out (`a..b@example.org`). `None`: no mail can be sent there. Some of
/// what is no address to be entered any more can be sent to.
pub fn on_the_wire(text: &str) -> Option<WireAddress> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_sendable = |part: char| (is_atom(part) || part == '.') && !part.is_control();
    if local.is_empty() || !(is_quoted || local.chars().all(is_sendable)) {
        return None;
    }
    let local: String = local.nfc().collect();
    let domain_in_ascii = ascii_domain(domain)?;
    Some(WireAddress {
        local: if is_quoted { local } else { quoted(&local) },
        domain: if domain.is_ascii() {
            domain.to_owned()
        } else {
            domain_in_ascii
        },
    })
}

/// Whether `local` may be entered before the @: anything that needs no quotes, or needs them for
/// nothing but dots in a row or at the end, which providers gave away.
fn is_local(local: &str) -> bool {
    let is_allowed = |character: char| is_atom(character) || character == '.';
    !local.is_empty()
        && !local.starts_with('.')
        && local
            .chars()
            .all(|character| is_allowed(character) && is_plain(character))
}

/// What an unquoted part of an address consists of, dots apart (`atext` of RFC 5322 and RFC 6532).
fn is_atom(character: char) -> bool {
    !character.is_ascii()
        || character.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(character)
}

/// `local`, which consists of atoms and dots, with quotes around it if it needs them.
fn quoted(local: &str) -> String {
    let is_dot_atom = local.split('.').all(|atom| !atom.is_empty());
    if is_dot_atom {
        local.to_owned()
    } else {
        format!("\"{local}\"")
    }
}

/// Whether a host of the public internet can have the name `domain`: in it are two labels at least,
/// and the last one is no number.
fn is_public_domain(domain: &str) -> bool {
    domain.rsplit_once('.').is_some_and(|(_, last)| {
        last.starts_with("xn--")
            || (last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()))
    })
}

/// The domain as the domain name system knows it, in lower case (UTS 46).
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    ascii.ok().map(Cow::into_owned)
}

/// The other form of what [`ascii_domain`] returned.
fn unicode_domain(ascii: &str) -> Cow<'_, str> {
    let (unicode, _) = Uts46::new().to_unicode(
        ascii.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
    );
    unicode
}

/// Whether a domain can be written with ASCII only as well as with other letters.
fn has_two_forms(domain: &str) -> bool {
    !domain.is_ascii() || domain.to_ascii_lowercase().contains("xn--")
}

/// Whether a character of an address is what it seems. Of those beside ASCII, letters, marks and
/// digits of living scripts are: nothing that cannot be seen, changes the direction of what follows,
/// or is another form of something else.
fn is_plain(character: char) -> bool {
    character.is_ascii()
        || (character.identifier_allowed()
            && !matches!(character, '\u{200C}' | '\u{200D}')
            && !is_look_alike(character))
}

/// Whether `character` becomes a letter of ASCII, or another of its characters, once it is
/// normalized or its case is changed.
fn is_look_alike(character: char) -> bool {
    !character.is_ascii()
        && (character.nfkc().any(|part| part.is_ascii())
            || character.to_lowercase().any(|part| part.is_ascii()))
}

/// Whether the letters of `text` are of scripts that go together.
fn is_unmixed(text: &str) -> bool {
    let is_telling = |character: &char| !character.is_ascii() || character.is_ascii_alphanumeric();
    let telling: String = text.chars().filter(is_telling).collect();
    text.is_ascii() || telling.as_str().detect_restriction_level() <= LOOSEST
}

/// `text` in lower case and composed, apart from what would become ASCII by that.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    if text.chars().any(is_look_alike) {
        let fold = |character: char| {
            let kept = is_look_alike(character).then_some(character);
            let lower = kept.is_none().then(|| character.to_lowercase());
            kept.into_iter().chain(lower.into_iter().flatten())
        };
        return text.chars().flat_map(fold).collect();
    }
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::{
        MAX_BYTES, WireAddress, has_shape, identity, is_same, on_the_wire, parse, spellings,
    };

    #[test]
    fn what_real_mailboxes_have_is_an_address() {
        let longest_local = format!("{}@example.org", "a".repeat(64));
        let longest = format!(
            "a@{0}.{0}.{0}.{1}.org",
            "b".repeat(62),
            "b".repeat(MAX_BYTES - 2 - 3 * 63 - 4)
        );
        assert_eq!(longest.len(), MAX_BYTES);
        for valid in [
            "a@z.com",
            "a-b@z.com",
            "a$b@z.com",
            "a#b@z.com",
            "a@stuvwxyz.co",
            "a@z.company",
            "A@Z.CO",
            "a+b@sub.z.co",
            "a/b@example.org",
            "o'neil@example.org",
            "!#$%&'*+-/=?^_`{|}~@example.org",
            "a..b@example.org",
            "a.@example.org",
            "ü@example.org",
            "佐藤@example.org",
            "иван@example.org",
            "a@bücher.example",
            "a@xn--bcher-kva.example",
            "a@BÜCHER.example",
            "a@faß.example",
            "a@пример.рф",
            "a@例え.テスト",
            "a@a--b.example.org",
            "a@1.example.org",
            &longest_local,
            &longest,
        ] {
            assert_eq!(parse(valid).as_deref(), Some(valid));
        }
    }

    #[test]
    fn what_no_mail_reaches_or_nobody_can_see_is_no_address() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long_wide_local = format!("{}@example.org", "é".repeat(33));
        let long_quoted_local = format!("a..{}@example.org", "b".repeat(60));
        let long = format!("a@{0}.{0}.{0}.{0}.org", "b".repeat(62));
        let long_label = format!("a@{}.org", "b".repeat(64));
        for invalid in [
            "",
            " ",
            "a",
            "@",
            "a@",
            "a@z",
            "a@z.",
            "a@z.c",
            ".co",
            "z.co",
            "@z.co",
            "a@b@z.co",
            "a b@z.co",
            "a@z$z.co",
            "a@x#z.co",
            "a@x_z.co",
            ".a@example.org",
            "a,b@example.org",
            "a;b@example.org",
            "a:b@example.org",
            "a(b)@example.org",
            "<a@example.org>",
            "\"a\"@example.org",
            "a\\b@example.org",
            "a@-x.org",
            "a@x-.org",
            "a@x..org",
            "a@.org",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@example.org\r\nBcc: b@example.org",
            "a\nb@example.org",
            "a\u{0}b@example.org",
            "a\u{7F}b@example.org",
            "a\u{85}b@example.org",
            "a\u{AD}b@example.org",
            "a\u{200B}b@example.org",
            "a\u{200D}b@example.org",
            "a\u{202E}b@example.org",
            "a\u{2066}b@example.org",
            "a\u{FE0F}b@example.org",
            "a@exam\u{200B}ple.org",
            "a@exam\u{AD}ple.org",
            "a@exam\u{202E}ple.org",
            "a@exam\u{200D}ple.org",
            "a\u{A0}b@example.org",
            // What passes for another character.
            "mi\u{212A}e@example.org",
            "\u{17F}am@example.org",
            "\u{130}da@example.org",
            "\u{FF41}@example.org",
            "o\u{FB03}ce@example.org",
            "a@mi\u{212A}e.example",
            "a@\u{FF45}xample.org",
            "a\u{FF20}example.org",
            "mik\u{435}@example.org",
            "a@ex\u{430}mple.org",
            "a@xn--exmple-4nf.org",
            "a@xn--a.org",
            &long_local,
            &long_wide_local,
            &long_quoted_local,
            &long,
            &long_label,
        ] {
            assert_eq!(parse(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn an_address_is_stored_as_it_was_entered() {
        for (entered, stored) in [
            (" Ann@Example.org\t", "Ann@Example.org"),
            ("a@BÜCHER.example", "a@BÜCHER.example"),
            ("a@XN--BCHER-KVA.example", "a@XN--BCHER-KVA.example"),
            (
                "e\u{301}@bu\u{308}cher.example",
                "\u{E9}@b\u{FC}cher.example",
            ),
        ] {
            assert_eq!(parse(entered).as_deref(), Some(stored));
        }
    }

    #[test]
    fn only_other_spellings_are_the_same() {
        for (one, other, same) in [
            ("a@z.co", "a@z.co", true),
            ("a@z.co", "A@Z.CO", true),
            ("a@z.co", " a@z.co\n", true),
            ("Carol+a@Example.org", "carol+A@example.ORG", true),
            ("é@z.co", "É@z.co", true),
            ("\u{E9}@z.co", "e\u{301}@z.co", true),
            ("a@bücher.example", "a@xn--bcher-kva.example", true),
            ("a@bücher.example", "A@XN--BCHER-KVA.Example", true),
            ("a@bu\u{308}cher.example", "a@BÜCHER.example", true),
            ("a@пример.рф", "a@xn--e1afmkfd.xn--p1ai", true),
            ("kid", "Kid", true),
            (".a@z.co", ".A@z.co", true),
            ("a@[127.0.0.1]", "A@[127.0.0.1]", true),
            ("a@z.co", "á@z.co", false),
            ("a@bücher.example", "a@bucher.example", false),
            ("straße@z.co", "strasse@z.co", false),
            ("a@faß.example", "a@fass.example", false),
            ("mike@z.co", "mi\u{212A}e@z.co", false),
            ("mike@z.co", "Mi\u{212A}e@z.co", false),
            ("a@mike.example", "a@mi\u{212A}e.example", false),
            ("a@example.org", "a@exam\u{200B}ple.org", false),
            ("mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
            ("Mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
            ("i@z.co", "\u{130}@z.co", false),
            ("s@z.co", "\u{17F}@z.co", false),
            ("mike", "mi\u{212A}e", false),
            ("a@z.co", "a@z.com", false),
            ("a@z.co", "a+b@z.co", false),
            ("", "", true),
            ("a@z.co", "", false),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
            assert_eq!(is_same(other, one), same, "{one} {other}");
            assert_eq!(identity(one) == identity(other), same, "{one} {other}");
        }
    }

    #[test]
    fn either_form_of_a_domain_is_looked_for() {
        for (text, expected) in [
            ("a@z.co", &["a@z.co"][..]),
            (" A@Z.co ", &["A@Z.co"]),
            ("kid", &["kid"]),
            (
                "a@bücher.example",
                &["a@bücher.example", "a@xn--bcher-kva.example"],
            ),
            (
                "a@xn--bcher-kva.example",
                &["a@bücher.example", "a@xn--bcher-kva.example"],
            ),
            (
                "a@BÜCHER.example",
                &[
                    "a@BÜCHER.example",
                    "a@bücher.example",
                    "a@xn--bcher-kva.example",
                ],
            ),
            ("a@mi\u{212A}e.example", &["a@mi\u{212A}e.example"]),
            ("a@xn--a.org", &["a@xn--a.org"]),
        ] {
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(spellings(text), expected, "{text}");
        }
    }

    #[test]
    fn mail_servers_get_quotes_and_ascii() {
        for (text, local, domain) in [
            ("Ann@Example.org", "Ann", "Example.org"),
            ("a..b@example.org", "\"a..b\"", "example.org"),
            ("a.@example.org", "\"a.\"", "example.org"),
            ("a@bücher.example", "a", "xn--bcher-kva.example"),
            ("ü@bücher.example", "ü", "xn--bcher-kva.example"),
            // Of earlier times.
            (".a@example.org", "\".a\"", "example.org"),
            ("\"a..b\"@example.org", "\"a..b\"", "example.org"),
            ("a@localhost", "a", "localhost"),
        ] {
            let expected = WireAddress {
                local: local.to_owned(),
                domain: domain.to_owned(),
            };
            assert_eq!(on_the_wire(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "a",
            "@example.org",
            "a@",
            "a\nb@example.org",
            "a\u{85}b@example.org",
            "a b@example.org",
            "a,b@example.org",
            "a\"b@example.org",
            "a@[127.0.0.1]",
            "a@-x.org",
        ] {
            assert_eq!(on_the_wire(text), None, "{text:?}");
        }
    }

    #[test]
    fn addresses_of_earlier_times_are_told_from_names() {
        for text in ["a@z.co", ".a@z.co", "a,b@z.co", "a@[127.0.0.1]"] {
            assert!(has_shape(text), "{text}");
        }
        for text in ["", "kid", "kid@home", "a b@z.co", "@z.co", "a@z."] {
            assert!(!has_shape(text), "{text}");
        }
    }
}

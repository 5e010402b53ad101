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
    format!("{}@{}", folded(local), domain_identity(domain))
}

/// Whether `one` and `other` are the same domain, in whatever form and case.
pub fn is_same_domain(one: &str, other: &str) -> bool {
    domain_identity(one) == domain_identity(other)
}

fn domain_identity(domain: &str) -> String {
    let plain = Some(domain).filter(|domain| domain.chars().all(is_plain));
    let ascii = plain.and_then(ascii_domain);
    ascii.unwrap_or_else(|| folded(domain))
}

/// The address, or name, `text` in lower case and without blanks around it, as a database keeps it
/// that is asked for it byte by byte. What merely folds to a letter of ASCII stays as it is.
pub fn lower_case(text: &str) -> String {
    folded(text.trim())
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
mod tests;

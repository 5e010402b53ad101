//! Names that people give themselves and others, as mails and pages show them to strangers.
//!
//! Whoever signs up must not be able to have us send somebody else a link or a message. So what a
//! mail program or a browser would decode, turn or hide is no part of a name.

/// In characters. A longer name would be no name.
const LONGEST: usize = 100;

/// Begins a word that mail programs decode (RFC 2047), in headers and, some of them, elsewhere.
pub(crate) const ENCODED_WORD: &str = "=?";

/// Entities that a name may hold by an honest mistake: they decode to no letter.
const HARMLESS_ENTITIES: [&str; 5] = ["amp", "lt", "gt", "quot", "apos"];

/// A name as it is shown, or `None` where it is something else.
pub(crate) fn shown(given: &str) -> Option<String> {
    let name: String = one_line(given).chars().take(LONGEST).collect();
    let is_other = name.contains(ENCODED_WORD) || has_entity(&name) || has_link(&name);
    (!name.is_empty() && !is_other).then(|| without_domains(&name))
}

/// With a blank after each dot that could be one of a domain: mail programs make a link of
/// `evil.example` as well, and `St.John` stays a name.
fn without_domains(name: &str) -> String {
    // What browsers take for a dot of a domain.
    let is_dot = |c: char| matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}');
    let letters: Vec<char> = name.chars().collect();
    let mut apart = String::with_capacity(name.len());
    for (place, &letter) in letters.iter().enumerate() {
        apart.push(letter);
        let joins = place
            .checked_sub(1)
            .is_some_and(|before| letters[before].is_alphanumeric());
        let next = letters.get(place + 1..place + 3).unwrap_or_default();
        if is_dot(letter) && joins && next.len() == 2 && next.iter().all(|c| c.is_alphabetic()) {
            apart.push(' ');
        }
    }
    apart
}

/// Without what could begin a line of its own, turn the direction of the text around it, or not
/// be seen.
pub(crate) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.replace(is_invisible, "")
        .replace(breaks, " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Controls of direction, joiners, and everything else that Unicode lets programs leave out
/// (`Default_Ignorable_Code_Point`, and the format controls beside it).
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn has_link(name: &str) -> bool {
    let lower_case = name.to_lowercase();
    lower_case.contains("://") || lower_case.contains("www.")
}

/// Whether a program that takes text for HTML would read another letter somewhere.
fn has_entity(name: &str) -> bool {
    name.split('&').skip(1).any(|rest| {
        if let Some(number) = rest.strip_prefix('#') {
            let digits = number.strip_prefix(['x', 'X']).unwrap_or(number);
            // Browsers do without the semicolon.
            return digits.starts_with(|c: char| c.is_ascii_hexdigit());
        }
        let entity = rest.split_once(';').map(|(entity, _)| entity);
        entity.is_some_and(|entity| {
            !entity.is_empty()
                && entity.chars().all(|c| c.is_ascii_alphanumeric())
                && !HARMLESS_ENTITIES.contains(&entity.to_ascii_lowercase().as_str())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_name_is_shown_as_it_is() {
        for name in [
            "J. R. O'Neill-\u{c5}s",
            "Dr. Ren\u{e9}e M\u{fc}ller & Sons",
            "Tom &amp; Jerry",
            "R & D; Team #4",
            "\u{30a2}\u{30ea}\u{30b9}",
            "\u{645}\u{631}\u{6cc}\u{645}",
            "50 = 50? yes",
        ] {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
        assert_eq!(shown(&"\u{e9}".repeat(101)), Some("\u{e9}".repeat(100)));
        assert_eq!(shown("  "), None);
        assert_eq!(shown("\u{200b}\u{2060}\u{3164}"), None);
    }

    #[test]
    fn what_turns_hides_or_breaks_the_text_is_left_out() {
        for (given, wanted) in [
            ("Ali\u{200b}ce", "Alice"),
            ("\u{202e}ecilA\u{202c} B", "ecilA B"),
            ("\u{2067}A\u{2069} \u{200f}B\u{61c}", "A B"),
            ("A\u{ad}l\u{34f}i\u{fe0f}ce\u{e0041}", "Alice"),
            (
                "Alice\r\nBcc: eve\u{2028}x\u{0}\u{85}y",
                "Alice Bcc: eve x y",
            ),
        ] {
            assert_eq!(shown(given).as_deref(), Some(wanted), "{given:?}");
        }
    }

    #[test]
    fn no_domain_is_left_of_which_a_link_could_be_made() {
        for (given, wanted) in [
            ("St.John", "St. John"),
            ("J.R.Smith, M.D.", "J.R. Smith, M.D."),
            ("evil.example.com", "evil. example. com"),
            ("mail eve@evil.example now", "mail eve@evil. example now"),
            ("evil\u{3002}example/x", "evil\u{3002} example/x"),
            ("e.xn--p1ai", "e. xn--p1ai"),
            ("1.2 and 0.5a", "1.2 and 0.5a"),
            ("...and .net", "...and .net"),
        ] {
            assert_eq!(shown(given).as_deref(), Some(wanted), "{given:?}");
        }
    }

    #[test]
    fn what_reads_as_a_link_once_it_is_decoded_is_no_name() {
        for given in [
            "Win now: HTTPS://evil.example/",
            "see Www.evil.example",
            "http:\u{200b}/\u{2060}/evil.example",
            "w\u{ad}ww.evil.example",
            "=?utf-8?q?Pay_now_at_http=3A=2F=2Fevil=2Eexample=2Ecom?=",
            "=?UTF-8?B?aHR0cDovL2V2aWwuZXhhbXBsZQ==?=",
            "Alice =?iso-8859-1*en?Q?x?= B",
            "=\u{200b}?utf-8?q?x?=",
            "=?utf-8?q?half",
            "&#104;ttp&#58;//evil.example",
            "&#x68ttp:&#47/evil.example",
            "&colon;&sol;&sol;evil.example",
            "ww&#119.evil.example",
        ] {
            assert_eq!(shown(given), None, "{given:?}");
        }
    }
}

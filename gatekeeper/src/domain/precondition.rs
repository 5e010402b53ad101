//! Tags of what is shown, and what a request may depend on: `If-Match` and `If-None-Match`
//! (RFC 9110, 8.8.3 and 13.1).

use std::fmt;

use sha2::{Digest, Sha256};

use super::{content::InvalidContent, permissions::Held};

/// Bytes of the hash that a tag shows. Nobody finds two contents that share so many.
const TAG_BYTES: usize = 16;

/// A strong entity tag, without its quotes.
///
/// It is made of the content, not of a count of the changes: a set is all that there is to know
/// about a pair, so who saw it decides rightly when it is there again, and documents that others
/// wrote need nothing that they lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// The tag of what a pair's set adds up from; `None` where there is nothing to show.
    ///
    /// What was granted directly and through clinics counts apart: the sum is what is shown, and
    /// the former what is replaced, so a change of either makes another tag.
    pub(crate) fn of_pair(held: &Held) -> Option<Self> {
        if held.direct.is_empty() && held.by_clinics.is_empty() {
            return None;
        }
        let both = (&held.direct, &held.by_clinics);
        let content = serde_json::to_vec(&both).expect("permissions are JSON");
        Some(Self::of_content(&content))
    }

    /// The tag of a response with this body.
    pub(crate) fn of_content(content: &[u8]) -> Self {
        let hash = Sha256::digest(content);
        let mut shown = [0; TAG_BYTES];
        shown.copy_from_slice(&hash[..TAG_BYTES]);
        Self(format!("{:032x}", u128::from_be_bytes(shown)))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0)
    }
}

/// What must hold for a request to have its effect; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The precondition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    IfMatch,
    IfNoneMatch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever is there.
    Any,
    Listed(Vec<Listed>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    is_weak: bool,
    opaque: Vec<u8>,
}

impl Preconditions {
    /// Reads the values of the two headers; `None` where there is none.
    pub(crate) fn read(
        if_match: Option<&[u8]>,
        if_none_match: Option<&[u8]>,
    ) -> Result<Self, InvalidContent> {
        let read = |value: Option<&[u8]>| value.map(Tags::read).transpose();
        Ok(Self {
            if_match: read(if_match)?,
            if_none_match: read(if_none_match)?,
        })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether they hold while `current` is the tag of what is there; `None`: nothing is.
    pub(crate) fn check(&self, current: Option<&Tag>) -> Result<(), Unmet> {
        if let Some(wanted) = &self.if_match
            && !wanted.contain_strongly(current)
        {
            return Err(Unmet::IfMatch);
        }
        match &self.if_none_match {
            Some(unwanted) if unwanted.contain_weakly(current) => Err(Unmet::IfNoneMatch),
            _ => Ok(()),
        }
    }
}

impl Tags {
    /// Reads `*` or a list of entity tags, in which commas may stand inside of the quotes.
    fn read(value: &[u8]) -> Result<Self, InvalidContent> {
        let mut rest = value.trim_ascii();
        if rest == b"*" {
            return Ok(Self::Any);
        }
        let mut listed = Vec::new();
        while !rest.is_empty() {
            let (tag, behind) = Listed::read(rest).ok_or(InvalidContent::Precondition)?;
            listed.push(tag);
            rest = match behind.trim_ascii_start() {
                [] => break,
                // A list goes on behind its comma.
                [b',', more @ ..] if !more.trim_ascii_start().is_empty() => more.trim_ascii_start(),
                _ => return Err(InvalidContent::Precondition),
            };
        }
        if listed.is_empty() {
            return Err(InvalidContent::Precondition);
        }
        Ok(Self::Listed(listed))
    }

    /// A weak tag says only that contents mean the same, so it is not enough to write upon.
    fn contain_strongly(&self, current: Option<&Tag>) -> bool {
        self.contain(current, |listed| !listed.is_weak)
    }

    fn contain_weakly(&self, current: Option<&Tag>) -> bool {
        self.contain(current, |_| true)
    }

    fn contain(&self, current: Option<&Tag>, counts: impl Fn(&Listed) -> bool) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Listed(listed), Some(tag)) => listed
                .iter()
                .any(|listed| counts(listed) && listed.opaque == tag.0.as_bytes()),
        }
    }
}

impl Listed {
    /// The entity tag with which `text` begins, and what is behind it.
    fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let (is_weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let (opaque, behind) = inner.split_at(end);
        let is_plain = |byte: &u8| matches!(byte, 0x21..=0x7e | 0x80..);
        opaque.iter().all(is_plain).then(|| {
            let opaque = opaque.to_vec();
            (Self { is_weak, opaque }, &behind[1..])
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use shared_types::PermissionSet;

    use super::{InvalidContent, Preconditions, Tag, Unmet};
    use crate::domain::permissions::Held;

    fn held(direct: serde_json::Value, by_clinics: serde_json::Value) -> Held {
        let set = |value| -> PermissionSet { serde_json::from_value(value).unwrap() };
        Held {
            direct: set(direct),
            by_clinics: set(by_clinics),
        }
    }

    fn check(
        if_match: Option<&str>,
        if_none_match: Option<&str>,
        current: Option<&Tag>,
    ) -> Result<(), Unmet> {
        Preconditions::read(
            if_match.map(str::as_bytes),
            if_none_match.map(str::as_bytes),
        )
        .unwrap()
        .check(current)
    }

    #[test]
    fn every_difference_in_what_is_held_makes_another_tag() {
        let different = [
            held(json!({"view": {}}), json!({})),
            held(json!({}), json!({"view": {}})),
            held(json!({"view": {}}), json!({"view": {}})),
            held(json!({"view": {}, "note": {}}), json!({})),
            held(json!({"view": {}}), json!({"note": {}})),
            held(json!({"view": {"a": 1}}), json!({})),
            held(json!({"view": {"a": "1"}}), json!({})),
            held(json!({"view": {"a": 1.5}}), json!({})),
            held(json!({"view": null}), json!({})),
        ];
        let tags: Vec<Tag> = different
            .iter()
            .map(|held| Tag::of_pair(held).unwrap())
            .collect();
        for (index, tag) in tags.iter().enumerate() {
            assert!(!tags[..index].contains(tag), "{:?}", different[index]);
            assert_eq!(tag.to_string().len(), 34);
        }
        assert_eq!(Tag::of_pair(&Held::default()), None);
        let turned = held(json!({"note": {}, "view": {}}), json!({}));
        assert_eq!(Tag::of_pair(&turned).as_ref(), Some(&tags[3]));
    }

    #[test]
    fn what_holds() {
        let tag = Tag("t".to_owned());
        let there = Some(&tag);
        let (no, again) = (Err(Unmet::IfMatch), Err(Unmet::IfNoneMatch));
        for (if_match, if_none_match, current, wanted) in [
            (None, None, there, Ok(())),
            (None, None, None, Ok(())),
            (Some("*"), None, there, Ok(())),
            (Some("*"), None, None, no),
            (Some("\"t\""), None, there, Ok(())),
            (Some("\"t\""), None, None, no),
            (Some("\"T\""), None, there, no),
            (Some("\"*\""), None, there, no),
            (Some("W/\"t\""), None, there, no),
            (Some("\"a\", W/\"t\" , \"t\""), None, there, Ok(())),
            (Some("\"a,\",\"t\""), None, there, Ok(())),
            (Some("\"a\",\"b\""), None, there, no),
            (None, Some("*"), there, again),
            (None, Some(" * "), None, Ok(())),
            (None, Some("\"t\""), there, again),
            (None, Some("W/\"t\""), there, again),
            (None, Some("\"a\""), there, Ok(())),
            (None, Some("\"t\""), None, Ok(())),
            (Some("\"t\""), Some("\"t\""), there, again),
            (Some("\"a\""), Some("\"t\""), there, no),
            (Some("\"t\""), Some("\"a\""), there, Ok(())),
        ] {
            assert_eq!(
                check(if_match, if_none_match, current),
                wanted,
                "{if_match:?} {if_none_match:?} {current:?}"
            );
        }
    }

    #[test]
    fn what_is_no_condition() {
        for value in [
            "",
            " ",
            ",",
            "t",
            "\"t",
            "t\"",
            "\"t\" \"u\"",
            "\"t\"u",
            "\"t\",",
            "\"t\",,\"u\"",
            ",\"t\"",
            "*, \"t\"",
            "\"t\", *",
            "**",
            "w/\"t\"",
            "W/t",
            "W/ \"t\"",
            "\"a b\"",
            "\"a\tb\"",
            "'t'",
        ] {
            for (if_match, if_none_match) in [(Some(value), None), (None, Some(value))] {
                let read = Preconditions::read(
                    if_match.map(str::as_bytes),
                    if_none_match.map(str::as_bytes),
                );
                assert_eq!(read, Err(InvalidContent::Precondition), "{value:?}");
            }
        }
        // Not ours, but a tag.
        assert!(Preconditions::read(Some(b"\"\xe9\", \"\""), None).is_ok());
    }

    proptest! {
        #[test]
        fn no_value_makes_the_parser_panic_and_every_list_is_read(value in ".{0,40}", opaques in prop::collection::vec("[!#-~]{0,5}", 1..5)) {
            let _ = Preconditions::read(Some(value.as_bytes()), None);
            let list: Vec<String> = opaques.iter().map(|opaque| format!("\"{opaque}\"")).collect();
            let read = Preconditions::read(Some(list.join(" ,\t").as_bytes()), None).unwrap();
            for opaque in opaques {
                prop_assert_eq!(read.check(Some(&Tag(opaque))), Ok(()));
            }
            prop_assert_eq!(read.check(Some(&Tag("another".to_owned()))), Err(Unmet::IfMatch));
        }
    }
}

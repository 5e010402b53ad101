//! Tags and sites, by which a clinic sorts its patients: how they are called, and how many there are.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;
use serde::Deserialize;
use shared_runtime::body::not_null;
use shared_types::{SiteId, TagId, UserId};
use utoipa::ToSchema;

use super::{
    Refusal,
    clinic::{Clinic, Site, Tag},
    clinician::AccountId,
    site_name::SiteName,
};

/// Tags of a clinic.
const MAX_TAGS: usize = 50;
/// Sites of a clinic.
const MAX_SITES: usize = 50;
/// Patients whom one request may name.
const MAX_LISTED: usize = 1_000;

/// White space is that of ASCII.
static TAG_FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\p{L}\p{N}_+><-][\p{L}\p{N}\t\n\f\r _+><-]*$")
        .expect("the pattern is a constant")
});

const MAX_TAG_LENGTH: usize = 20;

/// Body of `CreatePatientTag` and `UpdatePatientTag`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct TagDetails {
    /// Ignored.
    #[serde(rename = "id", default, deserialize_with = "not_null")]
    _id: Option<TagId>,
    pub(crate) name: TagName,
}

/// A name of 1 to 20 characters, blanks at its end among them, which are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(
    value_type = String, min_length = 1, max_length = 20,
    pattern = r"^[\p{L}\p{N}_+><-][\p{L}\p{N}\s_+><-]*$"
)]
pub(crate) struct TagName(String);

impl TagName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TagName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() > MAX_TAG_LENGTH {
            return Err("must have 20 characters at most");
        }
        if TAG_FORM.is_match(&text) {
            Ok(Self(text.trim().to_owned()))
        } else {
            Err("is no name of a tag")
        }
    }
}

/// Body of `CreateSite`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct NewSite {
    pub(crate) name: SiteName,
}

/// Body of `UpdateSite`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct SiteDetails {
    /// Ignored: the path says which.
    #[serde(rename = "id")]
    _id: SiteId,
    pub(crate) name: SiteName,
}

/// Body of `MergeSite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct SiteById {
    /// The site that goes.
    pub(crate) id: SiteId,
}

/// Body of `AssignPatientTagToClinicPatients` and `DeletePatientTagFromClinicPatients`: 1 to 1000 patients,
/// none of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Vec<AccountId>")]
#[schema(value_type = Vec<AccountId>, min_items = 1, max_items = 1000)]
pub(crate) struct ListedPatients(pub(crate) Vec<UserId>);

impl TryFrom<Vec<AccountId>> for ListedPatients {
    type Error = &'static str;

    fn try_from(accounts: Vec<AccountId>) -> Result<Self, Self::Error> {
        let different: BTreeSet<&AccountId> = accounts.iter().collect();
        if different.len() != accounts.len() {
            return Err("must not have the same item twice");
        }
        match accounts.len() {
            1..=MAX_LISTED => Ok(Self(accounts.into_iter().map(|id| id.0).collect())),
            _ => Err("must have 1 to 1000 items"),
        }
    }
}

impl Clinic {
    /// Refuses a tag more than it may have, and one that it has.
    pub(crate) fn may_add_tag(&self, name: &TagName) -> Result<(), Refusal> {
        self.may_have_tag(name.as_str())
    }

    /// The same of a name that a clinic has already.
    pub(super) fn may_have_tag(&self, name: &str) -> Result<(), Refusal> {
        if self.tags.iter().flatten().count() >= MAX_TAGS {
            return Err(Refusal::TooManyTags);
        }
        self.has_no_tag_like(name, None)
    }

    /// Refuses a name that another tag has.
    pub(crate) fn may_rename_tag(&self, tag: TagId, name: &TagName) -> Result<(), Refusal> {
        self.tag(tag).ok_or(Refusal::TagNotFound)?;
        self.has_no_tag_like(name.as_str(), Some(tag))
    }

    fn has_no_tag_like(&self, name: &str, except: Option<TagId>) -> Result<(), Refusal> {
        let mut others = self
            .tags
            .iter()
            .flatten()
            .filter(|tag| Some(tag.id) != except);
        if others.any(|tag| tag_key(&tag.name) == tag_key(name)) {
            return Err(Refusal::DuplicateTag);
        }
        Ok(())
    }

    /// Its tag with this id.
    pub(crate) fn tag(&self, id: TagId) -> Option<&Tag> {
        self.tags.iter().flatten().find(|tag| tag.id == id)
    }

    /// Its tag that no other may be called like.
    pub(crate) fn tag_called(&self, name: &TagName) -> Option<&Tag> {
        let mut tags = self.tags.iter().flatten();
        tags.find(|tag| tag_key(&tag.name) == tag_key(name.as_str()))
    }

    /// Refuses a site more than it may have, and one that it has.
    pub(crate) fn may_add_site(&self, name: &str) -> Result<(), Refusal> {
        if is_taken(&self.sites, name, None) {
            return Err(Refusal::DuplicateSite);
        }
        if self.sites.len() >= MAX_SITES {
            return Err(Refusal::TooManySites);
        }
        Ok(())
    }

    /// Refuses a name that another site has.
    pub(crate) fn may_rename_site(&self, site: SiteId, name: &str) -> Result<(), Refusal> {
        self.site(site).ok_or(Refusal::UnknownSite)?;
        if is_taken(&self.sites, name, Some(site)) {
            return Err(Refusal::DuplicateSiteOnUpdate);
        }
        Ok(())
    }

    /// Its site with this id.
    pub(crate) fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// The name of the site that its tag becomes.
    pub(crate) fn site_name_of(&self, tag: &Tag) -> Result<String, Refusal> {
        if self.sites.len() >= MAX_SITES {
            return Err(Refusal::NoRoomForSite);
        }
        Ok(free_name(&tag.name, &self.sites))
    }
}

/// By what tags are compared: without regard to blanks and to upper and lower case.
fn tag_key(name: &str) -> String {
    name.replace(' ', "").to_lowercase()
}

/// Whether another site than `except` has the name, in whatever case.
pub(super) fn is_taken(sites: &[Site], name: &str, except: Option<SiteId>) -> bool {
    let mut others = sites.iter().filter(|site| Some(site.id) != except);
    others.any(|site| site.name.chars().map(folded).eq(name.chars().map(folded)))
}

/// A character without regard to upper and lower case (simple case folding: one for one).
fn folded(character: char) -> char {
    let upper = single(character.to_uppercase()).unwrap_or(character);
    single(upper.to_lowercase()).unwrap_or(upper)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

/// `name`, with the first number behind it with which no site has it.
pub(super) fn free_name(name: &str, sites: &[Site]) -> String {
    let mut name = name.to_owned();
    while is_taken(sites, &name, None) {
        name = match numbered(&name) {
            Some((base, number)) => format!("{base} ({})", number + 1),
            None => format!("{name} (2)"),
        };
    }
    name
}

/// A name that ends with a number in parentheses, taken apart.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (base, number) = name.strip_suffix(')')?.rsplit_once(" (")?;
    let number = number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(number)?;
    let number = number.parse().ok().filter(|number| *number < u32::MAX)?;
    Some((base, number))
}

/// `sites` under the names that `of_clinic` gives them; `None`: the clinic has not all of them.
pub(crate) fn renamed(sites: &[Site], of_clinic: &[Site]) -> Option<Vec<Site>> {
    let current = |site: &Site| of_clinic.iter().find(|known| known.id == site.id).cloned();
    sites.iter().map(current).collect()
}

/// A site with how many patients it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountedSite {
    pub(crate) site: Site,
    pub(crate) patients: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;
    use shared_types::{SiteId, TagId};

    use super::{ListedPatients, TagDetails, TagName, free_name, is_taken, tag_key};
    use crate::domain::{
        Refusal,
        clinic::{Site, Tag, tests::legacy},
    };

    fn named(text: &str) -> Result<TagName, &'static str> {
        text.to_owned().try_into()
    }

    fn site(number: u8, name: &str) -> Site {
        let (id, name) = (SiteId::from([number; 12]), name.to_owned());
        Site { id, name }
    }

    fn tag(number: u8, name: &str) -> Tag {
        let (id, name) = (TagId::from([number; 12]), name.to_owned());
        Tag { id, name }
    }

    #[test]
    fn a_tag_has_letters_digits_and_blanks_in_between() {
        for (text, kept) in [
            ("Type 1", "Type 1"),
            ("x   ", "x"),
            (">10<", ">10<"),
            ("größer", "größer"),
        ] {
            assert_eq!(named(text).unwrap().as_str(), kept);
        }
        for text in [
            "",
            " x",
            "a.b",
            "a\u{a0}b",
            "$x",
            "123456789012345678901",
            "x                    ",
        ] {
            assert!(named(text).is_err(), "{text:?}");
        }
        let read = |body: Value| parse_object::<TagDetails>(body.to_string().as_bytes());
        assert!(read(json!({"name": "a", "id": "5f8f8f8f8f8f8f8f8f8f8f8f"})).is_ok());
        assert_eq!(
            read(json!({"name": "a", "id": null})).unwrap_err().pointer,
            "/id"
        );
        assert_eq!(read(json!({"name": null})).unwrap_err().pointer, "/name");
        assert_eq!(tag_key("Type 1"), tag_key("t y p e1"));
    }

    #[test]
    fn a_clinic_has_so_many_tags_none_of_them_twice() {
        let mut clinic = legacy();
        let name = |text: &str| named(text).unwrap();
        assert_eq!(clinic.may_add_tag(&name("A")), Ok(()));
        clinic.tags = Some(
            (0..49)
                .map(|number| tag(number, &format!("A {number}")))
                .collect(),
        );
        assert_eq!(clinic.may_add_tag(&name("a1")), Err(Refusal::DuplicateTag));
        assert_eq!(clinic.may_add_tag(&name("B")), Ok(()));
        let (first, none) = (TagId::from([1; 12]), TagId::from([99; 12]));
        assert_eq!(clinic.may_rename_tag(first, &name("a1")), Ok(()));
        assert_eq!(
            clinic.may_rename_tag(first, &name("a2")),
            Err(Refusal::DuplicateTag)
        );
        assert_eq!(
            clinic.may_rename_tag(none, &name("B")),
            Err(Refusal::TagNotFound)
        );
        clinic.tags.as_mut().unwrap().push(tag(49, "last"));
        assert_eq!(clinic.may_add_tag(&name("a1")), Err(Refusal::TooManyTags));
    }

    #[test]
    fn a_clinic_has_so_many_sites_none_of_them_twice() {
        let mut clinic = legacy();
        clinic.sites = (0..49)
            .map(|number| site(number, &format!("Größe {number}")))
            .collect();
        assert_eq!(clinic.may_add_site("GRÖßE 1"), Err(Refusal::DuplicateSite));
        assert_eq!(clinic.may_add_site("Größe1"), Ok(()));
        let (first, none) = (SiteId::from([1; 12]), SiteId::from([99; 12]));
        assert_eq!(clinic.may_rename_site(first, "größe 1"), Ok(()));
        assert_eq!(
            clinic.may_rename_site(first, "größe 2"),
            Err(Refusal::DuplicateSiteOnUpdate)
        );
        assert_eq!(clinic.may_rename_site(none, "B"), Err(Refusal::UnknownSite));
        let of_tag = clinic.site_name_of(&tag(1, "größe 1"));
        assert_eq!(of_tag, Ok("größe 1 (2)".to_owned()));
        clinic.sites.push(site(49, "last"));
        assert_eq!(clinic.may_add_site("LAST"), Err(Refusal::DuplicateSite));
        assert_eq!(clinic.may_add_site("other"), Err(Refusal::TooManySites));
        assert_eq!(
            clinic.site_name_of(&tag(1, "x")),
            Err(Refusal::NoRoomForSite)
        );
    }

    #[test]
    fn a_name_that_is_taken_gets_the_next_number() {
        let sites = [
            "North",
            "north (2)",
            "East (9)",
            "East (10)",
            "x (4294967295)",
        ];
        let sites = sites.map(|name| site(1, name));
        for (name, free) in [
            ("South", "South"),
            ("North", "North (3)"),
            ("East (9)", "East (11)"),
            ("North (2)", "North (3)"),
            ("x (4294967295)", "x (4294967295) (2)"),
        ] {
            assert_eq!(free_name(name, &sites), free);
        }
        assert!(is_taken(&[site(1, "\u{212a}m")], "KM", None));
        assert!(!is_taken(&[site(1, "ß")], "ss", None));
    }

    #[test]
    fn patients_are_listed_once() {
        let read = |ids: Vec<String>| serde_json::from_value::<ListedPatients>(json!(ids));
        let ids = |count: u32| (0..count).map(|number| format!("a{number:09}")).collect();
        assert!(read(ids(1)).is_ok() && read(ids(1_000)).is_ok());
        assert!(read(ids(0)).is_err() && read(ids(1_001)).is_err());
        assert!(read(vec!["a000000001".to_owned(); 2]).is_err());
        assert!(read(vec!["A000000001".to_owned()]).is_err());
    }
}

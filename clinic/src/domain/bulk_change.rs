//! Changes of tags and sites that touch every patient of a clinic who has them.
//!
//! Such a change is made at one moment, though it takes a while until every patient's document says
//! so. It holds for what patients had at that moment and not for what they are given later: a patient
//! who is given a tag again after all were to lose it keeps it, as does one who is given the id of a
//! tag that the clinic has no more, which nobody checks.

use serde::{Deserialize, Serialize};
use shared_types::{SiteId, TagId};

use super::{clinic::Site, patient::Patient};

/// What happens to every patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum BulkChange {
    /// All get the tag.
    AssignTag { tag: TagId },
    /// Nobody has the tag.
    RemoveTag { tag: TagId },
    /// Whoever has the tag is of the site instead.
    ConvertTag { tag: TagId, site: Site },
    /// The site is called otherwise.
    RenameSite { site: Site },
    /// Nobody is of the site.
    RemoveSite { site: SiteId },
    /// Whoever is of the site is of another instead.
    MergeSite { site: SiteId, into: Site },
}

impl BulkChange {
    /// The tag that patients get or lose.
    pub(crate) fn tag(&self) -> Option<TagId> {
        match self {
            Self::AssignTag { tag } | Self::RemoveTag { tag } | Self::ConvertTag { tag, .. } => {
                Some(*tag)
            }
            Self::RenameSite { .. } | Self::RemoveSite { .. } | Self::MergeSite { .. } => None,
        }
    }

    /// Makes the change to a patient; the second time it does nothing.
    pub(crate) fn apply(&self, patient: &mut Patient) {
        match self {
            Self::AssignTag { tag } => {
                if !patient.tags.contains(tag) {
                    patient.tags.push(*tag);
                }
            }
            Self::RemoveTag { tag } => {
                remove_tag(patient, *tag);
            }
            Self::ConvertTag { tag, site } => {
                if remove_tag(patient, *tag) {
                    add_site(patient, site);
                }
            }
            Self::RenameSite { site } => {
                let of_name = patient.sites.iter_mut().filter(|of| of.id == site.id);
                of_name.for_each(|of| of.name.clone_from(&site.name));
            }
            Self::RemoveSite { site } => {
                remove_site(patient, *site);
            }
            Self::MergeSite { site, into } => {
                if remove_site(patient, *site) {
                    add_site(patient, into);
                }
            }
        }
    }
}

/// Whether the patient had it.
fn remove_tag(patient: &mut Patient, tag: TagId) -> bool {
    let before = patient.tags.len();
    patient.tags.retain(|of| *of != tag);
    patient.tags.len() < before
}

/// Whether the patient was of it.
fn remove_site(patient: &mut Patient, site: SiteId) -> bool {
    let before = patient.sites.len();
    patient.sites.retain(|of| of.id != site);
    patient.sites.len() < before
}

fn add_site(patient: &mut Patient, site: &Site) {
    if !patient.sites.iter().any(|of| of.id == site.id) {
        patient.sites.push(site.clone());
    }
}

#[cfg(test)]
mod tests {
    use shared_types::{SiteId, TagId};

    use super::BulkChange;
    use crate::domain::{clinic::Site, patient::tests::patient};

    fn site(number: u8, name: &str) -> Site {
        let (id, name) = (SiteId::from([number; 12]), name.to_owned());
        Site { id, name }
    }

    #[test]
    fn a_change_is_made_once() {
        let [a, b] = [1, 2].map(|number| TagId::from([number; 12]));
        let [north, south] = [site(1, "North"), site(2, "South")];
        let both = vec![north.clone(), south.clone()];
        let renamed = site(1, "N");
        for (change, tags, sites) in [
            (BulkChange::AssignTag { tag: b }, vec![a, b], both.clone()),
            (BulkChange::AssignTag { tag: a }, vec![a], both.clone()),
            (BulkChange::RemoveTag { tag: a }, vec![], both.clone()),
            (BulkChange::RemoveTag { tag: b }, vec![a], both.clone()),
            (
                BulkChange::ConvertTag {
                    tag: a,
                    site: site(3, "A"),
                },
                vec![],
                vec![north.clone(), south.clone(), site(3, "A")],
            ),
            (
                BulkChange::ConvertTag {
                    tag: b,
                    site: site(3, "B"),
                },
                vec![a],
                both.clone(),
            ),
            (
                BulkChange::RenameSite {
                    site: renamed.clone(),
                },
                vec![a],
                vec![renamed, south.clone()],
            ),
            (
                BulkChange::RemoveSite { site: north.id },
                vec![a],
                vec![south.clone()],
            ),
            (
                BulkChange::MergeSite {
                    site: north.id,
                    into: south.clone(),
                },
                vec![a],
                vec![south.clone()],
            ),
            (
                BulkChange::MergeSite {
                    site: north.id,
                    into: site(3, "C"),
                },
                vec![a],
                vec![south.clone(), site(3, "C")],
            ),
            (
                BulkChange::MergeSite {
                    site: SiteId::from([9; 12]),
                    into: site(3, "C"),
                },
                vec![a],
                both.clone(),
            ),
        ] {
            let mut alice = patient("alice");
            alice.tags = vec![a];
            alice.sites.clone_from(&both);
            for _ in 0..2 {
                change.apply(&mut alice);
                assert_eq!((&alice.tags, &alice.sites), (&tags, &sites), "{change:?}");
            }
        }
    }
}

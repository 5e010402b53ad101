//! What gatekeeper should know of patients and clinicians, compared with what it knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared_types::{ClinicId, KnownRelation, UserId};

/// Whom relations are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    Patients,
    Clinicians,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Patients, Self::Clinicians];

    /// The name, as it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Patients => "patients",
            Self::Clinicians => "clinicians",
        }
    }
}

/// Records of whole accounts, by account.
pub(crate) struct Accounts {
    pub(crate) relations: Vec<KnownRelation>,
    /// The last account; `None`: there are no others.
    pub(crate) until: Option<UserId>,
}

impl Accounts {
    /// What of `found`, which ends after more than `limit` records, are all of an account; `None`: not
    /// even those of the first one.
    pub(crate) fn whole(mut found: Vec<KnownRelation>, limit: usize) -> Option<Self> {
        if found.len() <= limit {
            return Some(Self {
                relations: found,
                until: None,
            });
        }
        let cut = found.pop()?.user_id;
        found.retain(|each| each.user_id != cut);
        let until = Some(found.last()?.user_id.clone());
        Some(Self {
            relations: found,
            until,
        })
    }

    /// The accounts up to `until` alone.
    pub(crate) fn limited(mut self, until: Option<UserId>) -> Self {
        if let Some(until) = until {
            self.relations.retain(|each| each.user_id <= until);
            self.until = Some(until);
        }
        self
    }
}

/// The relations of which gatekeeper knows something else than it should.
pub(crate) fn differing(
    should: &[KnownRelation],
    known: &[KnownRelation],
) -> BTreeSet<(UserId, ClinicId)> {
    let (should, known) = (by_relation(should), by_relation(known));
    let all = should.keys().chain(known.keys());
    let differ = |relation: &&(UserId, ClinicId)| should.get(*relation) != known.get(*relation);
    all.filter(differ).cloned().collect()
}

/// The names of the permissions alone: nothing else counts.
fn by_relation(relations: &[KnownRelation]) -> BTreeMap<(UserId, ClinicId), Vec<&str>> {
    let entry = |each: &KnownRelation| (each.user_id.clone(), each.clinic_id);
    relations
        .iter()
        .map(|each| (entry(each), each.permissions.names().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use shared_types::{ClinicId, KnownRelation, PermissionSet, UserId};

    use super::{Accounts, differing};

    fn relation(user: &str, clinic: u8, names: &[&str]) -> KnownRelation {
        KnownRelation {
            clinic_id: ClinicId::from([clinic; 12]),
            user_id: user.into(),
            permissions: PermissionSet::of(names),
        }
    }

    #[test]
    fn what_is_missing_too_much_or_other_differs() {
        let should = [
            relation("a", 1, &["view"]),
            relation("b", 1, &["view"]),
            relation("b", 2, &["view", "note"]),
        ];
        let known = [
            relation("a", 1, &["view"]),
            relation("b", 2, &["view"]),
            relation("c", 1, &["view"]),
        ];
        let pair = |user: &str, clinic: u8| (UserId::from(user), ClinicId::from([clinic; 12]));
        let expected = [pair("b", 1), pair("b", 2), pair("c", 1)];
        assert_eq!(differing(&should, &known), expected.into());
        assert!(differing(&should, &should).is_empty());
    }

    #[test]
    fn an_account_is_never_cut() {
        let found = |users: &[&str]| -> Vec<KnownRelation> {
            let relation =
                |(index, user): (usize, &&str)| relation(user, u8::try_from(index).unwrap(), &[]);
            users.iter().enumerate().map(relation).collect()
        };
        for (users, limit, expected) in [
            (&["a", "b"][..], 2, Some((2, None))),
            (&["a", "b", "c"], 2, Some((2, Some("b")))),
            (&["a", "b", "b"], 2, Some((1, Some("a")))),
            (&["a", "a", "a"], 2, None),
            (&[], 2, Some((0, None))),
        ] {
            let whole = Accounts::whole(found(users), limit);
            let whole = whole.map(|whole| (whole.relations.len(), whole.until));
            let expected =
                expected.map(|(len, until): (_, Option<&str>)| (len, until.map(UserId::from)));
            assert_eq!(whole, expected, "{users:?}");
        }
    }
}

//! Patients who may be the same person: those who have an account, a name, a medical record number or
//! a birth date in common. They are counted by what they have in common and never compared in pairs,
//! since a clinic may have thousands of the same name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use shared_types::UserId;

use super::{PatientRow, loose};

/// Other patients who may be the same person, by how much speaks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// Whether the same account is a patient of the other clinic. It is in none of the numbers.
    pub(crate) is_duplicate: bool,
    /// Two at least of name, number and birth date are the same.
    pub(crate) likely: u32,
    /// The number alone is.
    pub(crate) mrn_only: u32,
    /// The name alone is.
    pub(crate) name_only: u32,
}

impl Matches {
    /// Whether there are any.
    pub(crate) fn are_there(self) -> bool {
        self != Self::default()
    }

    /// What they are called, each with how many there are.
    pub(crate) fn named(self) -> impl Iterator<Item = (&'static str, u32)> {
        let all = [
            ("Duplicate Accounts", u32::from(self.is_duplicate)),
            ("Likely Duplicate Accounts", self.likely),
            ("MRN Only Match", self.mrn_only),
            ("Name Only Match", self.name_only),
        ];
        all.into_iter().filter(|(_, number)| *number > 0)
    }
}

/// Patients who are linked by names and numbers.
pub(crate) type Cluster = Vec<Clustered>;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clustered {
    /// Whether the source has it.
    pub(crate) is_of_source: bool,
    pub(crate) row: Arc<PatientRow>,
    pub(crate) matches: Matches,
}

/// What patients are compared by: numbers that stand for texts; `None`: there is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Traits {
    name: Option<u32>,
    mrn: Option<u32>,
    birth_date: Option<u32>,
}

impl Traits {
    /// Name, number and birth date, those that are asked for; `None`: one of them is missing.
    fn only(self, [name, mrn, birth_date]: [bool; 3]) -> Option<Self> {
        let is_there = (!name || self.name.is_some())
            && (!mrn || self.mrn.is_some())
            && (!birth_date || self.birth_date.is_some());
        is_there.then_some(Self {
            name: self.name.filter(|_| name),
            mrn: self.mrn.filter(|_| mrn),
            birth_date: self.birth_date.filter(|_| birth_date),
        })
    }
}

const NAME: [bool; 3] = [true, false, false];
const MRN: [bool; 3] = [false, true, false];
const NAME_AND_MRN: [bool; 3] = [true, true, false];
const NAME_AND_BIRTH: [bool; 3] = [true, false, true];
const MRN_AND_BIRTH: [bool; 3] = [false, true, true];
const ALL: [bool; 3] = [true, true, true];

/// Texts by the numbers that stand for them.
#[derive(Default)]
struct Texts(HashMap<String, u32>);

impl Texts {
    fn number(&mut self, text: Option<String>) -> Option<u32> {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        Some(*self.0.entry(text?).or_insert(next))
    }
}

/// The traits of rows, comparable among all that were read by the same reader.
#[derive(Default)]
struct Reader {
    names: Texts,
    mrns: Texts,
    birth_dates: Texts,
}

impl Reader {
    fn read(&mut self, rows: &[Arc<PatientRow>]) -> Vec<Traits> {
        let traits = |row: &Arc<PatientRow>| {
            if row.is_demo {
                return Traits {
                    name: None,
                    mrn: None,
                    birth_date: None,
                };
            }
            Traits {
                name: self.names.number(loose(row.name.as_deref())),
                mrn: self.mrns.number(loose(row.mrn.as_deref())),
                birth_date: self.birth_dates.number(loose(row.birth_date.as_deref())),
            }
        };
        rows.iter().map(traits).collect()
    }
}

/// How many patients have each combination of traits.
struct Crowd(HashMap<Traits, u32>);

impl Crowd {
    fn of(traits: &[Traits]) -> Self {
        let mut crowd = HashMap::new();
        for one in traits {
            for which in [NAME, MRN, NAME_AND_MRN, NAME_AND_BIRTH, MRN_AND_BIRTH, ALL] {
                if let Some(key) = one.only(which) {
                    *crowd.entry(key).or_default() += 1;
                }
            }
        }
        Self(crowd)
    }

    /// Those that match `one`, without one of them, who has the traits `except`.
    fn matches(&self, one: Traits, except: Option<Traits>) -> Matches {
        let count = |which| {
            let Some(key) = one.only(which) else { return 0 };
            let all = self.0.get(&key).copied().unwrap_or_default();
            let is_one_of_them = except.and_then(|except| except.only(which)) == Some(key);
            all - u32::from(is_one_of_them)
        };
        let all = count(ALL);
        let (name_mrn, name_birth) = (count(NAME_AND_MRN), count(NAME_AND_BIRTH));
        let mrn_birth = count(MRN_AND_BIRTH);
        Matches {
            is_duplicate: false,
            // Whoever has all three in common is counted three times.
            likely: name_mrn + name_birth + mrn_birth - 2 * all,
            mrn_only: count(MRN) + all - name_mrn - mrn_birth,
            name_only: count(NAME) + all - name_mrn - name_birth,
        }
    }
}

/// The matches of each row of either clinic in the other one.
pub(super) fn matches(
    source: &[Arc<PatientRow>],
    target: &[Arc<PatientRow>],
) -> (Vec<Matches>, Vec<Matches>) {
    let mut reader = Reader::default();
    let (of_source, of_target) = (reader.read(source), reader.read(target));
    (
        matches_in((source, &of_source), (target, &of_target)),
        matches_in((target, &of_target), (source, &of_source)),
    )
}

fn matches_in(
    (rows, traits): (&[Arc<PatientRow>], &[Traits]),
    (others, traits_of_others): (&[Arc<PatientRow>], &[Traits]),
) -> Vec<Matches> {
    let crowd = Crowd::of(traits_of_others);
    let others = others.iter().zip(traits_of_others);
    let others = others.filter(|(row, _)| !row.is_demo);
    let by_user: HashMap<&UserId, Traits> =
        others.map(|(row, traits)| (&row.user, *traits)).collect();
    let matches = |(row, one): (&Arc<PatientRow>, &Traits)| {
        if row.is_demo {
            return Matches::default();
        }
        let duplicate = by_user.get(&row.user).copied();
        Matches {
            is_duplicate: duplicate.is_some(),
            ..crowd.matches(*one, duplicate)
        }
    };
    rows.iter().zip(traits).map(matches).collect()
}

/// Patients of one clinic who may be the same person.
pub(super) fn within(rows: &[Arc<PatientRow>], is_of_source: bool) -> Vec<Cluster> {
    let traits = Reader::default().read(rows);
    let crowd = Crowd::of(&traits);
    let clustered = rows.iter().zip(&traits).map(|(row, one)| Clustered {
        is_of_source,
        row: row.clone(),
        matches: crowd.matches(*one, Some(*one)),
    });
    gathered(clustered.zip(traits.iter().copied()), |_| None)
}

/// The same of patients of both clinics. Those who have no match in the other clinic are left out.
pub(super) fn across(source: &[Arc<PatientRow>], target: &[Arc<PatientRow>]) -> Vec<Cluster> {
    let mut reader = Reader::default();
    let mut traits = reader.read(source);
    traits.extend(reader.read(target));
    let (of_source, of_target) = matches(source, target);
    let clustered = |is_of_source| {
        move |(row, matches): (&Arc<PatientRow>, Matches)| Clustered {
            is_of_source,
            row: row.clone(),
            matches,
        }
    };
    let of_source = source.iter().zip(of_source).map(clustered(true));
    let of_target = target.iter().zip(of_target).map(clustered(false));
    let all = of_source.chain(of_target);
    gathered(all.zip(traits), |one| Some(one.row.user.clone()))
}

/// Those who have matches, gathered by name, number, and what else `account` says that they have in
/// common.
fn gathered(
    all: impl Iterator<Item = (Clustered, Traits)>,
    account: impl Fn(&Clustered) -> Option<UserId>,
) -> Vec<Cluster> {
    let linked: Vec<(Clustered, Traits)> = all.filter(|(one, _)| one.matches.are_there()).collect();
    let mut roots: Vec<usize> = (0..linked.len()).collect();
    let (mut names, mut mrns, mut accounts) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (place, (one, traits)) in linked.iter().enumerate() {
        let same = [
            traits.name.map(|name| *names.entry(name).or_insert(place)),
            traits.mrn.map(|mrn| *mrns.entry(mrn).or_insert(place)),
            account(one).map(|user| *accounts.entry(user).or_insert(place)),
        ];
        for other in same.into_iter().flatten() {
            let (one, other) = (root(&mut roots, place), root(&mut roots, other));
            // The earlier one, so that clusters come in the order of rows.
            roots[one.max(other)] = one.min(other);
        }
    }
    let mut clusters: BTreeMap<usize, Cluster> = BTreeMap::new();
    for (place, (one, _)) in linked.into_iter().enumerate() {
        let root = root(&mut roots, place);
        clusters.entry(root).or_default().push(one);
    }
    clusters.into_values().collect()
}

fn root(roots: &mut [usize], mut place: usize) -> usize {
    while roots[place] != place {
        roots[place] = roots[roots[place]];
        place = roots[place];
    }
    place
}

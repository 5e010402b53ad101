//! Who may be the same person, against a comparison of each with each; and who is.

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use shared_types::{PermissionSet, SiteId, TagId};

use super::{MergePlan, PatientRow, changed, row, rows, site};
use crate::domain::{
    merge::{loose, merged},
    patient::tests::patient,
};

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    let (one, other) = (loose(one), loose(other));
    one.is_some() && one == other
}

/// How many of `others` match `row`, by category.
fn plain(row: &PatientRow, others: &[Arc<PatientRow>]) -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for other in others.iter().filter(|other| !other.is_demo) {
        let name = same(row.name.as_deref(), other.name.as_deref());
        let mrn = same(row.mrn.as_deref(), other.mrn.as_deref());
        let birth = same(row.birth_date.as_deref(), other.birth_date.as_deref());
        let category = match (row.user == other.user, name, mrn, birth) {
            (true, ..) => "Duplicate Accounts",
            (_, true, true, _) | (_, true, _, true) | (_, _, true, true) => {
                "Likely Duplicate Accounts"
            }
            (_, _, true, _) => "MRN Only Match",
            (_, true, ..) => "Name Only Match",
            _ => continue,
        };
        *counts.entry(category).or_default() += 1;
    }
    counts
}

fn crowd(rng: &mut StdRng, prefix: &'static str) -> Vec<Arc<PatientRow>> {
    let mut text = |texts: &[&'static str]| texts[rng.random_range(0..texts.len())];
    let people = (0..60).map(|number| {
        let user = format!("{}{number}", text(&[prefix, "both"]));
        let name = text(&["", "Ana", "ana ", "Ben", "Cem", "Dot", "Eli"]);
        let birth_date = text(&["", "2000-01-02", "2001-02-03", "2002-03-04"]);
        let mrn = text(&["", "1", "2", " 3", "3", "x", "X", "7", "8", "9"]);
        let row = row(&user, name, birth_date, mrn);
        let is_demo = number == 0;
        PatientRow { is_demo, ..row }
    });
    people.map(Arc::new).collect()
}

#[test]
fn matches_are_those_of_a_comparison_of_each_with_each() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..20 {
        let (source, target) = (crowd(&mut rng, "s"), crowd(&mut rng, "t"));
        let (plan, _) = changed(|from, to| {
            from.patients.clone_from(&source);
            to.patients.clone_from(&target);
        });
        for one in &plan.patients {
            let others = if one.is_of_source { &target } else { &source };
            let counts: BTreeMap<_, _> = one.matches.named().collect();
            assert_eq!(counts, plain(&one.row, others), "seed {seed}");
        }
        for (clusters, all) in [
            (&plan.source_clusters, &source),
            (&plan.target_clusters, &target),
        ] {
            let mut clustered = 0;
            for one in clusters.iter().flatten() {
                let others = all.iter().filter(|other| other.user != one.row.user);
                let others: Vec<_> = others.cloned().collect();
                let counts: BTreeMap<_, _> = one.matches.named().collect();
                assert_eq!(counts, plain(&one.row, &others), "seed {seed}");
                clustered += 1;
            }
            let with_matches = all.iter().filter(|one| {
                let others = all.iter().filter(|other| other.user != one.user);
                let others: Vec<_> = others.cloned().collect();
                !one.is_demo && !plain(one, &others).is_empty()
            });
            assert_eq!(clustered, with_matches.count(), "seed {seed}");
        }
        assert_merged_clusters(&plan, seed);
    }
}

/// Whoever has a match in the other clinic is in a cluster with somebody of it.
fn assert_merged_clusters(plan: &MergePlan, seed: u64) {
    let mut clustered = 0;
    for cluster in &plan.merged_clusters {
        assert!(cluster.iter().any(|one| one.is_of_source), "seed {seed}");
        assert!(cluster.iter().any(|one| !one.is_of_source), "seed {seed}");
        clustered += cluster.len();
    }
    let with_matches = plan.patients.iter().filter(|one| one.matches.are_there());
    assert_eq!(clustered, with_matches.count(), "seed {seed}");
}

#[test]
fn thousands_of_the_same_name_are_counted_without_pairs() {
    let many = |prefix: &str| -> Vec<Arc<PatientRow>> {
        let people = (0..20_000).map(|number| {
            let user = format!("{prefix}{number}");
            Arc::new(row(&user, "Ana", "2000-01-02", ""))
        });
        people.collect()
    };
    let (plan, _) = changed(|source, target| {
        source.patients = many("s");
        target.patients = many("t");
    });
    assert!(plan.patients.iter().all(|one| one.matches.likely == 20_000));
    assert_eq!(plan.merged_clusters.len(), 1);
    let likely = plan.source_clusters[0].iter().map(|one| one.matches.likely);
    assert!(likely.clone().all(|number| number == 19_999) && likely.count() == 20_000);
}

#[test]
fn nobody_matches_the_patient_to_try_things_with() {
    let demo = PatientRow {
        is_demo: true,
        ..row("demo", "Demo", "2000-01-02", "1")
    };
    let (plan, _) = changed(|source, target| {
        source.patients = rows([demo.clone(), row("a", "Demo", "2000-01-02", "1")]);
        target.patients = rows([demo]);
    });
    assert_eq!(plan.patients.len(), 1);
    assert!(!plan.patients[0].matches.are_there());
    assert!(plan.merged_clusters.is_empty());
    assert_eq!(plan.order().patients, 1);
}

#[test]
fn of_two_records_one_stays_with_the_tags_and_sites_of_both() {
    let tags = |numbers: &[u8]| -> Vec<TagId> {
        let ids = numbers.iter().map(|number| TagId::from([*number; 12]));
        ids.collect()
    };
    let (mut kept, mut other) = (patient("alice"), patient("alice"));
    kept.tags = tags(&[1, 2]);
    kept.sites = vec![site(1, "North")];
    kept.permissions = Some(PermissionSet::of(&["view", "note"]));
    other.permissions = Some(PermissionSet::of(&["view", "upload"]));
    let sites = vec![site(2, "South"), site(1, "North")];
    let (now, of_source) = (DateTime::UNIX_EPOCH, tags(&[3, 1]));
    let change = merged(&kept, &other, of_source.clone(), sites.clone(), now);
    let after = kept.clone().with(&change);
    assert_eq!(after.tags, tags(&[1, 2, 3]));
    let ids = after.sites.iter().map(|site| site.id);
    let wanted = [1, 2].map(|number| SiteId::from([number; 12]));
    assert_eq!(ids.collect::<Vec<_>>(), wanted);
    assert_eq!(after.permissions, kept.permissions);
    // An account that only the source ran is run by the target.
    other.permissions = Some(PermissionSet::of(&["custodian", "view", "upload"]));
    let change = merged(&kept, &other, of_source, sites, now);
    let after = kept.with(&change);
    let all = PermissionSet::of(&["custodian", "note", "upload", "view"]);
    assert_eq!(after.permissions, Some(all));
}

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use shared_types::TagId;

use super::{Category, Key, MAX_LISTED, Selection, TideRequest, Vitals};
use crate::domain::{
    patient::{DataSource, tests::patient},
    patient_summary::{Dates, Numbers, Stats, Summary, Thresholds, Value},
    summary::{Form, Kind, Period},
};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn ago(hours: i64) -> DateTime<Utc> {
    NOW - TimeDelta::hours(hours)
}

/// What a week of the sensor says.
fn vitals(last_data: Option<DateTime<Utc>>, numbers: &[(&str, f64)]) -> Vitals {
    let mut week = Numbers::new(Kind::Cgm);
    for (name, number) in numbers {
        week.note(name, |form| {
            assert_eq!(form, Form::Float);
            Some(Value::Float(*number))
        });
    }
    let cgm = Stats {
        id: None,
        thresholds: Thresholds::default(),
        dates: Dates {
            last_data,
            ..Dates::default()
        },
        periods: [("7d".to_owned(), week)].into(),
    };
    let mut patient = patient("alice");
    patient.summary = Some(Summary {
        cgm: Some(cgm),
        bgm: None,
    });
    Vitals::of(&patient)
}

fn request(categories: &[Category]) -> TideRequest {
    TideRequest {
        period: Period::Week,
        tags: Vec::new(),
        last_data_cutoff: NOW - TimeDelta::hours(24),
        categories: categories.to_vec(),
        excludes_no_data: false,
    }
}

fn key(number: usize) -> Key {
    let mut key = [0; 12];
    key[4..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Whether a category lists whoever has these numbers.
fn is_in(category: Category, numbers: &[(&str, f64)]) -> bool {
    let request = request(&[category]);
    let vitals = vitals(Some(ago(1)), numbers);
    request.rank(category, &vitals).is_some()
}

#[test]
fn what_is_exactly_on_a_threshold_is_on_the_side_that_the_table_says() {
    for (category, number, amount, at, above, below) in [
        (
            Category::TimeInVeryLowPercent,
            "timeInVeryLowPercent",
            0.01,
            false,
            true,
            false,
        ),
        (
            Category::TimeInAnyLowPercent,
            "timeInAnyLowPercent",
            0.04,
            false,
            true,
            false,
        ),
        (
            Category::DropInTimeInTargetPercent,
            "timeInTargetPercentDelta",
            -0.15,
            false,
            false,
            true,
        ),
        (
            Category::TimeCgmUsePercent,
            "timeCGMUsePercent",
            0.7,
            false,
            false,
            true,
        ),
        (
            Category::TimeInTargetPercent,
            "timeInTargetPercent",
            0.7,
            false,
            false,
            true,
        ),
        (
            Category::TimeInExtremeHighPercent,
            "timeInExtremeHighPercent",
            0.01,
            true,
            true,
            false,
        ),
        (
            Category::TimeInVeryHighPercent,
            "timeInVeryHighPercent",
            0.05,
            false,
            true,
            false,
        ),
        (
            Category::TimeInAnyHighPercent,
            "timeInAnyHighPercent",
            0.25,
            false,
            true,
            false,
        ),
    ] {
        assert!(!is_in(category, &[]), "{category:?}");
        for (amount, is_listed) in [(amount, at), (amount + 1e-9, above), (amount - 1e-9, below)] {
            assert_eq!(
                is_in(category, &[(number, amount)]),
                is_listed,
                "{category:?} {amount}"
            );
        }
    }
}

#[test]
fn targets_are_met_by_whoever_is_in_no_other_danger() {
    let targets = [("timeInTargetPercent", 0.7), ("timeCGMUsePercent", 0.7)];
    assert!(is_in(Category::MeetingTargets, &targets));
    assert!(!is_in(Category::MeetingTargets, &targets[..1]));
    assert!(!is_in(Category::MeetingTargets, &targets[1..]));
    for (number, amount, is_listed) in [
        ("timeInAnyLowPercent", 0.04, true),
        ("timeInAnyLowPercent", 0.041, false),
        ("timeInVeryLowPercent", 0.01, true),
        ("timeInVeryLowPercent", 0.011, false),
        ("timeInAnyHighPercent", 0.25, true),
        ("timeInAnyHighPercent", 0.251, false),
        ("timeInVeryHighPercent", 0.05, true),
        ("timeInVeryHighPercent", 0.051, false),
        ("timeInExtremeHighPercent", 0.009, true),
        ("timeInExtremeHighPercent", 0.01, false),
    ] {
        let [target, used] = targets;
        let numbers = [target, used, (number, amount)];
        assert_eq!(
            is_in(Category::MeetingTargets, &numbers),
            is_listed,
            "{number} {amount}"
        );
    }
}

#[test]
fn data_is_missed_after_eight_hours_if_it_should_be_there() {
    let request = request(&[]);
    let is_missed = |last_data, state: Option<&str>| {
        let mut patient = patient("alice");
        let source = |state: &str| DataSource {
            provider_name: "dexcom".to_owned(),
            state: state.to_owned(),
            id: None,
            modified_time: None,
            expiration_time: None,
            latest_data_time: None,
        };
        patient.data_sources = state.map(|state| vec![source("connected"), source(state)]);
        let known = Vitals::of(&patient);
        let vitals = Vitals {
            is_disconnected: known.is_disconnected,
            ..vitals(last_data, &[])
        };
        request.rank_without_data(&vitals, NOW).is_some()
    };
    for (last_data, state, is_listed) in [
        (None, None, true),
        (Some(ago(1)), Some("error"), false),
        (Some(ago(8)), Some("error"), false),
        (Some(ago(9)), Some("error"), true),
        (Some(ago(9)), Some("connected"), false),
        (Some(ago(9)), None, false),
        (Some(ago(24)), None, false),
        (Some(ago(25)), None, true),
    ] {
        assert_eq!(
            is_missed(last_data, state),
            is_listed,
            "{last_data:?} {state:?}"
        );
    }
}

#[test]
fn a_category_asks_for_all_tags_and_for_data_since_the_cutoff() {
    let [a, b] = [1, 2].map(|number| TagId::from([number; 12]));
    let category = Category::TimeInVeryLowPercent;
    let numbers = [("timeInVeryLowPercent", 0.5)];
    let is_in = |tags: &[TagId], last_data| {
        let request = TideRequest {
            tags: vec![a, b],
            ..request(&[category])
        };
        let vitals = Vitals {
            tags: tags.into(),
            ..vitals(last_data, &numbers)
        };
        request.rank(category, &vitals).is_some()
    };
    assert!(is_in(&[b, a], Some(ago(24))));
    assert!(!is_in(&[b, a], Some(ago(25))));
    assert!(!is_in(&[b, a], None));
    assert!(!is_in(&[a], Some(ago(1))));
    assert!(!is_in(&[], Some(ago(1))));
}

#[test]
fn however_many_are_seen_the_first_hundred_are_listed_once() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    let categories = [
        Category::TimeInVeryLowPercent,
        Category::TimeInTargetPercent,
        Category::TimeInVeryLowPercent,
        Category::TimeInAnyHighPercent,
    ];
    for patients in [30, 250, 3_000] {
        let request = request(&categories);
        let mut selection = Selection::new(&request, NOW);
        let mut numbers = Vec::new();
        for number in 0..patients {
            let low = f64::from(rng.random_range(0..50)) / 100.0;
            let low = if rng.random_bool(0.01) { low } else { 0.0 };
            let target = f64::from(rng.random_range(60..100)) / 100.0;
            numbers.push((low, target, number));
            let said = [
                ("timeInVeryLowPercent", low),
                ("timeInTargetPercent", target),
            ];
            selection.see(key(number), &vitals(Some(ago(1)), &said));
        }
        let selected = selection.finish();
        let mut wanted: Vec<usize> = Vec::new();
        numbers.sort_by(|(one, _, a), (other, _, b)| other.total_cmp(one).then(a.cmp(b)));
        let low = numbers.iter().filter(|(low, _, _)| *low > 0.01);
        let low: Vec<usize> = low.map(|it| it.2).take(MAX_LISTED).collect();
        numbers.sort_by(|(_, one, a), (_, other, b)| one.total_cmp(other).then(a.cmp(b)));
        let off = numbers
            .iter()
            .filter(|it| it.1 < 0.7 && !low.contains(&it.2));
        wanted.extend(off.map(|it| it.2).take(MAX_LISTED - low.len()));
        let keys = |numbers: Vec<usize>| numbers.into_iter().map(key).collect::<Vec<Key>>();
        let is_full = low.len() + wanted.len() == MAX_LISTED;
        let mut lists = vec![
            (Category::TimeInVeryLowPercent, keys(low)),
            (Category::TimeInTargetPercent, keys(wanted)),
        ];
        if !is_full {
            lists.push((Category::TimeInAnyHighPercent, Vec::new()));
        }
        assert_eq!(selected.categories, lists, "seed {seed}");
        assert_eq!(selected.without_data, Some(Vec::new()), "seed {seed}");
    }
}

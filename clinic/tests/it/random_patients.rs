//! Random patients, as the reference stored them.

use bson::{DateTime, Document, doc, oid::ObjectId};
use rand::{Rng, RngExt as _};

use crate::world::CAROL;

pub(crate) const PERIODS: [&str; 4] = ["1d", "7d", "14d", "30d"];
/// Each with its place in the order of names.
pub(crate) const NAMES: [(&str, usize); 14] = [
    ("Ana", 0),
    ("ANA", 0),
    ("ána", 0),
    ("Ana Elm", 1),
    ("Anders", 2),
    ("bob", 3),
    ("Bób", 3),
    ("BOB", 3),
    ("Émile", 4),
    ("emile", 4),
    ("ömar (a.b)", 5),
    ("Omar (a.b)", 5),
    ("Zoë", 6),
    ("zoe", 6),
];
/// In which glucose may be.
pub(crate) const RANGES: [&str; 8] = [
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
];

/// Numbers of the sensor's data that lists are made from memory by.
pub(crate) const KEPT: [&str; 4] = [
    "timeInVeryLowPercent",
    "timeInTargetPercent",
    "timeInTargetPercentDelta",
    "timeCGMUsePercent",
];

/// The numbers of a kind of data by which lists are sorted, without their changes; those of whole
/// numbers first.
pub(crate) fn numbers(kind: &str) -> (Vec<String>, Vec<String>) {
    let of_ranges = |form: &str| RANGES.map(|range| format!("timeIn{range}{form}"));
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let mut whole = named(&["totalRecords"]);
    whole.extend(of_ranges("Records"));
    let mut floats = named(&[
        "averageGlucoseMmol",
        "standardDeviation",
        "coefficientOfVariation",
        "averageDailyRecords",
        "min",
        "max",
    ]);
    floats.extend(of_ranges("Percent"));
    if kind == "cgm" {
        whole.extend(named(&["hoursWithData", "daysWithData"]));
        whole.extend(of_ranges("Minutes"));
        floats.extend(named(&["timeCGMUsePercent", "glucoseManagementIndicator"]));
    }
    (whole, floats)
}

/// One of `items`.
pub(crate) fn one<'a, T>(rng: &mut impl Rng, items: &'a [T]) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

/// One of a few times.
pub(crate) fn time(rng: &mut impl Rng) -> DateTime {
    DateTime::from_millis(1_700_000_000_000 + 3_600_000 * rng.random_range(0..20))
}

/// Some of `ids`.
pub(crate) fn some_of(rng: &mut impl Rng, ids: &[ObjectId]) -> Vec<ObjectId> {
    let ids = ids.iter().copied();
    ids.filter(|_| rng.random_bool(0.4)).collect()
}

fn stats(rng: &mut impl Rng, kind: &str) -> Document {
    let mut dates = Document::new();
    for name in ["lastUploadDate", "lastData", "firstData", "outdatedSince"] {
        if rng.random_bool(0.7) {
            dates.insert(name, time(rng));
        }
    }
    let (whole, floats) = numbers(kind);
    let mut periods = Document::new();
    for period in PERIODS {
        let mut numbers = Document::new();
        for name in whole
            .iter()
            .flat_map(|name| [name.clone(), format!("{name}Delta")])
        {
            if rng.random_bool(0.6) {
                numbers.insert(name, rng.random_range(-3..12));
            }
        }
        for name in floats
            .iter()
            .flat_map(|name| [name.clone(), format!("{name}Delta")])
        {
            if rng.random_bool(0.6) {
                numbers.insert(name, f64::from(rng.random_range(-4..40)) / 4.0);
            }
        }
        if rng.random_bool(0.9) {
            periods.insert(period, numbers);
        }
    }
    doc! { "dates": dates, "periods": periods }
}

/// A patient without a clinic.
pub(crate) fn patient(
    rng: &mut impl Rng,
    number: usize,
    tags: &[ObjectId],
    sites: &[ObjectId],
) -> Document {
    let mut patient = doc! { "userId": format!("a{number:09}") };
    patient.insert("fullName", one(rng, &NAMES).0);
    let birth_dates = ["2001-02-03", "1999-12-31", "2001-01-01", ""];
    patient.insert("birthDate", *one(rng, &birth_dates));
    patient.insert(
        "mrn",
        rng.random_bool(0.6).then(|| format!("m-{}", number % 7)),
    );
    let address = rng
        .random_bool(0.5)
        .then(|| format!("p{number}@example.org"));
    patient.insert("email", address);
    if rng.random_bool(0.7) {
        patient.insert("tags", some_of(rng, tags));
    }
    if rng.random_bool(0.7) {
        let of_site = |id: ObjectId| doc! { "id": id, "name": "a site" };
        let sites: Vec<Document> = some_of(rng, sites).into_iter().map(of_site).collect();
        patient.insert("sites", sites);
    }
    let ranges = [
        doc! { "type": "preset", "preset": "adaStandard" },
        doc! { "type": "preset", "preset": "adaHighRisk" },
        doc! { "type": "custom" },
    ];
    if rng.random_bool(0.6) {
        patient.insert("glycemicRanges", one(rng, &ranges).clone());
    }
    if rng.random_bool(0.6) {
        let review = doc! { "clinicianId": CAROL, "time": time(rng) };
        let older = doc! { "clinicianId": CAROL, "time": DateTime::from_millis(0) };
        patient.insert("reviews", vec![review, older]);
    }
    let mut summary = Document::new();
    for kind in ["cgm", "bgm"] {
        if rng.random_bool(0.8) {
            summary.insert(format!("{kind}Stats"), stats(rng, kind));
        }
    }
    if !summary.is_empty() {
        patient.insert("summary", summary);
    }
    patient
}

//! What is measured of patients whose data says something: summaries that are written, lists that are
//! sorted by them, and the report of who needs attention.

use serde_json::{Map, Value, json};

use super::operations::{Operation, Person, clinic_id};

/// The clinics whose patients have summaries, with their place among those that are stored, how many
/// patients they have.
const CLINICS: [(u32, u32, &str); 2] = [(203, 10_000, "10,000"), (204, 100_000, "100,000")];
/// The clinic that the report is about.
const OF_REPORT: (u32, &str) = (203, "10,000");
/// Tags of each clinic.
const TAGS: u32 = 8;
/// Addresses among which the load is spread.
const URLS: u32 = 50_000;
/// Different summaries that are written.
const BODIES: u32 = 100;
/// About half of the patients have later data.
const CUTOFF: &str = "2025-06-01T00:00:00Z";
const PERIODS: [&str; 4] = ["1d", "7d", "14d", "30d"];
const RANGES: [&str; 8] = [
    "VeryLow",
    "Low",
    "AnyLow",
    "Target",
    "High",
    "VeryHigh",
    "ExtremeHigh",
    "AnyHigh",
];

/// The operations: summaries are written with the token of a service, the rest is asked by a clinician.
pub(super) fn operations(clinic: &str, clinician: &Person, service: &str) -> Vec<Operation> {
    let of_size = |name, size, token: &str, urls| Operation {
        size: Some(size),
        is_compared: true,
        ..Operation::get(name, token, urls)
    };
    let updates = CLINICS.map(|(place, patients, size)| {
        let patient = |number: u32| {
            let number = number * 7_919 % patients;
            format!("{clinic}/v1/patients/{place:04x}{number:06x}/summary")
        };
        let urls = (0..URLS).map(patient).collect();
        Operation {
            method: "POST",
            bodies: (0..BODIES).map(|number| body(number).to_string()).collect(),
            ..of_size("clinic summary update", size, service, urls)
        }
    });
    let lists = CLINICS.map(|(place, _, size)| {
        let query = "sort=-timeInVeryLowPercent&sortType=cgm&period=14d\
            &cgm.timeCGMUsePercent=%3E%3D0.7";
        let url = |tag| {
            let clinic = format!("{clinic}/v1/clinics/{}", clinic_id(place));
            format!("{clinic}/patients?{query}&tags={}", tag_id(place, tag))
        };
        let urls = (0..TAGS).map(url).collect();
        of_size("clinic summary list", size, &clinician.token, urls)
    });
    let (place, size) = OF_REPORT;
    let report = |tag| {
        let clinic = format!("{clinic}/v1/clinics/{}", clinic_id(place));
        let tag = tag_id(place, tag);
        format!("{clinic}/tide_report?period=14d&tags={tag}&lastDataCutoff={CUTOFF}")
    };
    let urls = (0..TAGS).map(report).collect();
    let report = of_size("clinic tide report", size, &clinician.token, urls);
    lists.into_iter().chain([report]).chain(updates).collect()
}

/// Whether `operation` needs the clinics whose patients have summaries.
pub(super) fn needs_summaries(operation: &Operation) -> bool {
    [
        "clinic summary update",
        "clinic summary list",
        "clinic tide report",
    ]
    .contains(&operation.name)
}

/// Where the person who asks works.
pub(super) fn places() -> impl Iterator<Item = u32> {
    CLINICS.into_iter().map(|(place, ..)| place)
}

/// A tag that `seed_clinics` gives the clinic in this place.
fn tag_id(place: u32, tag: u32) -> String {
    format!("01{:014}{:08x}", 0, place * 100 + tag)
}

/// A summary with everything that one has.
fn body(number: u32) -> Value {
    let time = "2025-06-14T00:00:00Z";
    let part = |kind: &str, is_cgm| {
        let periods = (0..).zip(PERIODS).map(|(place, name)| {
            let period = period(number + 1_000 * place, is_cgm);
            (name.to_owned(), period)
        });
        json!({
            "id": format!("{kind}{number:022x}"),
            "config": {
                "schemaVersion": 5, "highGlucoseThreshold": 10, "veryHighGlucoseThreshold": 13.9,
                "lowGlucoseThreshold": 3.9, "veryLowGlucoseThreshold": 3,
            },
            "dates": {
                "hasFirstData": true, "hasLastData": true, "hasLastUploadDate": true,
                "hasOutdatedSince": false, "firstData": "2020-01-01T00:00:00Z", "lastData": time,
                "lastUploadDate": time, "lastUpdatedDate": time,
                "lastUpdatedReason": ["UPLOAD_COMPLETED"],
            },
            "periods": periods.collect::<Map<String, Value>>(),
        })
    };
    json!({ "cgmStats": part("0d", true), "bgmStats": part("0e", false) })
}

fn period(seed: u32, is_cgm: bool) -> Value {
    let mut period = Map::new();
    let mut state = seed;
    let mut add = |name: &str, whole: u32, is_flagged: bool| {
        for name in [name.to_owned(), format!("{name}Delta")] {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = if whole > 0 {
                json!((state >> 8) % whole)
            } else {
                json!(f64::from(state >> 8) / f64::from(1 << 24))
            };
            period.insert(name, number);
        }
        if is_flagged {
            let (first, rest) = name.split_at(1);
            let flag = format!("has{}{rest}", first.to_uppercase());
            period.insert(flag, json!(true));
        }
    };
    let units: &[(&str, u32)] = if is_cgm {
        &[("Percent", 0), ("Records", 4_000), ("Minutes", 20_000)]
    } else {
        &[("Percent", 0), ("Records", 100)]
    };
    for (unit, whole) in units {
        for range in RANGES {
            add(&format!("timeIn{range}{unit}"), *whole, true);
        }
        if is_cgm {
            add(&format!("timeCGMUse{unit}"), *whole, true);
        }
    }
    for (name, whole, is_flagged) in [
        ("averageGlucoseMmol", 0, true),
        ("averageDailyRecords", 0, true),
        ("totalRecords", 4_000, true),
        ("min", 0, false),
        ("max", 0, false),
        ("daysWithData", 14, false),
        ("standardDeviation", 0, false),
        ("coefficientOfVariation", 0, false),
    ] {
        add(name, whole, is_flagged);
    }
    if is_cgm {
        add("glucoseManagementIndicator", 0, true);
        add("hoursWithData", 336, false);
    }
    Value::Object(period)
}

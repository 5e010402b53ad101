//! Bodies are read as a plain model reads them, which knows the families of the contract alone.

use std::collections::BTreeMap;

use rand::{Rng, RngExt as _, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Map, Value as Json, json};
use shared_runtime::body::parse_object;

use super::SummaryDetails;
use crate::domain::patient_summary::{Summary, Value};

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

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Float,
    Int,
    Bool,
}

/// The members of a period, each with its type and whether it is required, as the contract lists them.
fn model(is_cgm: bool) -> BTreeMap<String, (Type, bool)> {
    let mut members = BTreeMap::new();
    let mut flagged = |name: String, kind: Type| {
        let (first, rest) = name.split_at(1);
        members.insert(
            format!("has{}{rest}", first.to_uppercase()),
            (Type::Bool, true),
        );
        members.insert(format!("{name}Delta"), (kind, false));
        members.insert(name, (kind, false));
    };
    for range in RANGES {
        flagged(format!("timeIn{range}Percent"), Type::Float);
        flagged(format!("timeIn{range}Records"), Type::Int);
        if is_cgm {
            flagged(format!("timeIn{range}Minutes"), Type::Int);
        }
    }
    if is_cgm {
        flagged("timeCGMUsePercent".to_owned(), Type::Float);
        flagged("timeCGMUseMinutes".to_owned(), Type::Int);
        flagged("timeCGMUseRecords".to_owned(), Type::Int);
        flagged("glucoseManagementIndicator".to_owned(), Type::Float);
    }
    flagged("averageGlucoseMmol".to_owned(), Type::Float);
    flagged("averageDailyRecords".to_owned(), Type::Float);
    flagged("totalRecords".to_owned(), Type::Int);
    let mut plain = |name: &str, kind, is_required| {
        members.insert(format!("{name}Delta"), (kind, is_required));
        members.insert(name.to_owned(), (kind, is_required));
    };
    plain("min", Type::Float, true);
    plain("max", Type::Float, true);
    plain("daysWithData", Type::Int, true);
    if is_cgm {
        plain("hoursWithData", Type::Int, true);
    }
    plain("standardDeviation", Type::Float, is_cgm);
    plain("coefficientOfVariation", Type::Float, is_cgm);
    members
}

/// Whether the model takes `period`, and what is left of it.
fn kept(is_cgm: bool, period: &Map<String, Json>) -> Option<Map<String, Json>> {
    let members = model(is_cgm);
    let mut kept = Map::new();
    for (name, (kind, is_required)) in &members {
        let Some(value) = period.get(name) else {
            if *is_required {
                return None;
            }
            continue;
        };
        let value = match kind {
            Type::Float => json!(value.as_f64()?),
            Type::Int => json!(value.as_i64()?),
            Type::Bool => json!(value.as_bool()?),
        };
        kept.insert(name.clone(), value);
    }
    Some(kept)
}

/// A value that may be of any type.
fn anything(rng: &mut impl Rng) -> Json {
    let all = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-7),
        json!(0.5),
        json!(3.0),
        json!(u64::MAX),
        json!("1"),
        json!([]),
        json!({}),
    ];
    all.choose(rng).unwrap().clone()
}

fn period(rng: &mut impl Rng, is_cgm: bool) -> Map<String, Json> {
    let mut period = Map::new();
    for (name, (kind, is_required)) in model(is_cgm) {
        if is_required || rng.random_bool(0.7) {
            let value = match kind {
                Type::Float if rng.random_bool(0.3) => json!(rng.random_range(-9..9)),
                Type::Float => json!(f64::from(rng.random_range(-900..900)) / 7.0),
                Type::Int => json!(rng.random_range(-900..900)),
                Type::Bool => json!(rng.random_bool(0.5)),
            };
            period.insert(name, value);
        }
    }
    for unknown in [
        "offsetPeriods",
        "totalHours",
        "hasMin",
        "timeIn*Percent",
        "",
    ] {
        if rng.random_bool(0.2) {
            period.insert(unknown.to_owned(), anything(rng));
        }
    }
    period
}

fn read(body: &Json) -> Result<Summary, String> {
    let details = parse_object::<SummaryDetails>(body.to_string().as_bytes());
    details
        .map(Into::into)
        .map_err(|invalid| invalid.to_string())
}

#[test]
fn periods_are_read_as_the_contract_lists_them() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let is_cgm = rng.random_bool(0.5);
        let mut period = period(&mut rng, is_cgm);
        if rng.random_bool(0.5) {
            let names: Vec<String> = model(is_cgm).into_keys().collect();
            let name = names.choose(&mut rng).unwrap();
            if rng.random_bool(0.3) {
                period.remove(name);
            } else {
                period.insert(name.clone(), anything(&mut rng));
            }
        }
        let stats = if is_cgm { "cgmStats" } else { "bgmStats" };
        let body = json!({ stats: { "id": "a1", "periods": { "14d": &period } } });
        let Some(kept) = kept(is_cgm, &period) else {
            let problem = read(&body).unwrap_err();
            assert!(
                problem.contains(&format!("/{stats}/periods/14d")),
                "{problem} {seed}"
            );
            refused += 1;
            continue;
        };
        let summary = read(&body).unwrap();
        let stats = if is_cgm { summary.cgm } else { summary.bgm };
        let stats = stats.unwrap();
        let named = stats.periods["14d"].named().map(|(name, value)| {
            let value = match value {
                Value::Float(number) => json!(number),
                Value::Whole(number) => json!(number),
                Value::Flag(flag) => json!(flag),
            };
            (name.to_owned(), value)
        });
        assert_eq!(named.collect::<Map<String, Json>>(), kept, "{seed}");
        taken += 1;
    }
    assert!(taken > 500 && refused > 200, "{taken} {refused} {seed}");
}

#[test]
fn a_part_without_an_id_is_ignored_and_the_rest_may_be_absent() {
    for nothing in [
        json!({}),
        json!({ "cgmStats": {}, "bgmStats": { "periods": {} }, "other": 1 }),
    ] {
        assert_eq!(read(&nothing), Ok(Summary::default()));
    }
    let summary = read(&json!({ "cgmStats": { "id": "" }, "bgmStats": {} })).unwrap();
    let stats = summary.cgm.unwrap();
    assert_eq!((stats.id.as_deref(), stats.periods.len()), (Some(""), 0));
    assert_eq!(summary.bgm, None);
}

#[test]
fn what_is_wrong_is_named() {
    let dates = |members: Json| {
        let mut dates = json!({
            "hasFirstData": true, "hasLastData": true, "hasLastUploadDate": false,
            "hasOutdatedSince": false,
        });
        let object = dates.as_object_mut().unwrap();
        object.extend(members.as_object().unwrap().clone());
        json!({ "cgmStats": { "dates": dates } })
    };
    assert!(read(&dates(json!({ "lastData": "2030-01-02T03:04:05Z" }))).is_ok());
    let name = "the name of a period must not be empty, begin with $ or have a dot or a NUL";
    let id = "expected at most 24 hexadecimal digits in lower case";
    let time = "expected a time such as 2030-01-02T03:04:05Z";
    for (body, problem) in [
        (
            json!({ "cgmStats": null }),
            "/cgmStats: expected an object".to_owned(),
        ),
        (
            json!({ "bgmStats": { "id": "A1" } }),
            format!("/bgmStats/id: {id}"),
        ),
        (
            json!({ "bgmStats": { "id": "0".repeat(25) } }),
            format!("/bgmStats/id: {id}"),
        ),
        (
            json!({ "cgmStats": { "config": {} } }),
            "/cgmStats/config: missing field `schemaVersion`".to_owned(),
        ),
        (
            json!({ "cgmStats": { "dates": {} } }),
            "/cgmStats/dates: missing field `hasFirstData`".to_owned(),
        ),
        (
            dates(json!({ "lastData": "2030-01-02" })),
            format!("/cgmStats/dates/lastData: {time}"),
        ),
        (
            dates(json!({ "outdatedReason": ["UPLOAD", 1] })),
            "/cgmStats/dates/outdatedReason/1: invalid type: integer `1`, expected a string"
                .to_owned(),
        ),
        (
            json!({ "cgmStats": { "periods": { "$a": {} } } }),
            format!("/cgmStats/periods: {name}"),
        ),
        (
            json!({ "cgmStats": { "periods": { "": {} } } }),
            format!("/cgmStats/periods: {name}"),
        ),
        (
            json!({ "cgmStats": { "periods": { "1.d": {} } } }),
            format!("/cgmStats/periods: {name}"),
        ),
        (
            json!({ "cgmStats": { "periods": { "1d": [] } } }),
            "/cgmStats/periods/1d: expected an object".to_owned(),
        ),
        (
            json!({ "cgmStats": { "periods": { "1d": { "totalRecords": 1.5 } } } }),
            "/cgmStats/periods/1d/totalRecords: invalid type: floating point `1.5`, expected i64"
                .to_owned(),
        ),
    ] {
        assert_eq!(read(&body), Err(problem), "{body}");
    }
}

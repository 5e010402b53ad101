//! Whom a report should list, without a database.

use std::collections::BTreeSet;

use bson::{Bson, DateTime, Document, oid::ObjectId};
use rand::{Rng, RngExt as _};
use serde_json::{Value, json};

use crate::random_patients::{PERIODS, one, some_of};

const HOUR: i64 = 3_600_000;
const DEFAULT: [&str; 7] = [
    "timeInVeryLowPercent",
    "timeInAnyLowPercent",
    "timeInVeryHighPercent",
    "timeInAnyHighPercent",
    "dropInTimeInTargetPercent",
    "timeCGMUsePercent",
    "meetingTargets",
];
const CATEGORIES: [&str; 9] = [
    "timeInVeryLowPercent",
    "timeInAnyLowPercent",
    "dropInTimeInTargetPercent",
    "timeCGMUsePercent",
    "timeInTargetPercent",
    "meetingTargets",
    "timeInExtremeHighPercent",
    "timeInVeryHighPercent",
    "timeInAnyHighPercent",
];

pub(super) fn hours_ago(hours: i64) -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() - hours * HOUR)
}

/// A report that is asked for.
pub(super) struct Report<'a> {
    period: &'static str,
    tags: Vec<ObjectId>,
    cutoff: DateTime,
    categories: Option<Vec<&'a str>>,
    excludes_no_data: bool,
}

impl Report<'_> {
    pub(super) fn random(rng: &mut impl Rng, tags: &[ObjectId]) -> Self {
        let tag = *one(rng, tags);
        let categories = (0..rng.random_range(1..12)).map(|_| *one(rng, &CATEGORIES));
        let categories: Vec<&str> = categories.collect();
        Self {
            period: PERIODS[rng.random_range(0..PERIODS.len())],
            tags: [some_of(rng, tags), vec![tag]].concat(),
            cutoff: hours_ago(*one(rng, &[1, 15, 30, 4_000])),
            categories: rng.random_bool(0.7).then_some(categories),
            excludes_no_data: rng.random_bool(0.3),
        }
    }

    /// One that lists as many as it may.
    pub(super) fn broad(tag: ObjectId) -> Self {
        Self {
            period: "14d",
            tags: vec![tag],
            cutoff: hours_ago(4_000),
            categories: None,
            excludes_no_data: false,
        }
    }

    pub(super) fn path(&self, clinic: &str) -> String {
        let tags: Vec<String> = self.tags.iter().map(|tag| tag.to_hex()).collect();
        let cutoff = self.cutoff.try_to_rfc3339_string().unwrap();
        let mut path = format!(
            "/v1/clinics/{clinic}/tide_report?period={}&tags={}&lastDataCutoff={cutoff}",
            self.period,
            tags.join(",")
        );
        if let Some(categories) = &self.categories {
            path = format!("{path}&categories={}", categories.join(","));
        }
        if self.excludes_no_data {
            path.push_str("&excludeNoData=true");
        }
        path
    }

    fn last_data(patient: &Document) -> Option<i64> {
        let dates = below(patient, &["summary", "cgmStats", "dates"])?;
        Some(dates.get_datetime("lastData").ok()?.timestamp_millis())
    }

    fn is_tagged(&self, patient: &Document) -> bool {
        let tags = patient.get_array("tags").map(Vec::as_slice);
        let tags = tags.unwrap_or_default();
        self.tags.iter().all(|tag| tags.contains(&Bson::from(*tag)))
    }

    /// Where a patient stands in a category, the least first.
    fn place(&self, category: &str, patient: &Document) -> Option<f64> {
        let numbers = below(patient, &["summary", "cgmStats", "periods", self.period])?;
        let number = |name: &str| match numbers.get(name) {
            Some(Bson::Double(number)) => Some(*number),
            Some(Bson::Int32(number)) => Some(f64::from(*number)),
            _ => None,
        };
        let above = |name: &str, bound: f64| number(name).filter(|number| *number > bound);
        let below = |name: &str, bound: f64| number(name).filter(|number| *number < bound);
        match category {
            "timeInVeryLowPercent" => above(category, 0.01).map(|it| -it),
            "timeInAnyLowPercent" => above(category, 0.04).map(|it| -it),
            "dropInTimeInTargetPercent" => below("timeInTargetPercentDelta", -0.15),
            "timeCGMUsePercent" | "timeInTargetPercent" => below(category, 0.7),
            "timeInVeryHighPercent" => above(category, 0.05).map(|it| -it),
            "timeInAnyHighPercent" => above(category, 0.25).map(|it| -it),
            "timeInExtremeHighPercent" => number(category).filter(|it| *it >= 0.01).map(|it| -it),
            _ => {
                let target = number("timeInTargetPercent").filter(|it| *it >= 0.7)?;
                number("timeCGMUsePercent").filter(|it| *it >= 0.7)?;
                let is_off = above("timeInAnyLowPercent", 0.04).is_some()
                    || above("timeInVeryLowPercent", 0.01).is_some()
                    || above("timeInAnyHighPercent", 0.25).is_some()
                    || above("timeInVeryHighPercent", 0.05).is_some()
                    || number("timeInExtremeHighPercent").is_some_and(|it| it >= 0.01);
                (!is_off).then_some(-target)
            }
        }
    }

    /// The accounts that the report should list.
    pub(super) fn wanted(&self, patients: &[Document]) -> Value {
        let tagged: Vec<&Document> = patients.iter().filter(|it| self.is_tagged(it)).collect();
        let cutoff = self.cutoff.timestamp_millis();
        let mut listed: BTreeSet<String> = BTreeSet::new();
        let mut results = json!({});
        let asked = self.categories.clone().unwrap_or(DEFAULT.to_vec());
        for category in asked {
            if listed.len() == 100 || results.get(category).is_some() {
                continue;
            }
            let recent = tagged.iter().filter(|patient| {
                Self::last_data(patient).is_some_and(|last_data| last_data >= cutoff)
            });
            let mut places: Vec<(f64, ObjectId, String)> = recent
                .filter_map(|patient| {
                    let place = self.place(category, patient)?;
                    Some((place, patient.get_object_id("_id").unwrap(), user(patient)))
                })
                .filter(|(_, _, user)| !listed.contains(user))
                .collect();
            places.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            let users = places.into_iter().map(|(_, _, user)| user);
            let users: Vec<String> = users.take(100 - listed.len()).collect();
            listed.extend(users.iter().cloned());
            results[category] = json!(users);
        }
        if !self.excludes_no_data {
            let eight_hours_ago = hours_ago(8).timestamp_millis();
            let mut missed: Vec<(Option<i64>, ObjectId, String)> = tagged
                .iter()
                .filter(|patient| {
                    let mut sources = patient.get_array("dataSources").into_iter().flatten();
                    let is_off = sources.any(|source| {
                        let source = source.as_document().unwrap();
                        source.get_str("providerName").unwrap() == "dexcom"
                            && source.get_str("state").unwrap() != "connected"
                    });
                    Self::last_data(patient).is_none_or(|last_data| {
                        last_data < eight_hours_ago && (last_data < cutoff || is_off)
                    })
                })
                .map(|patient| {
                    let id = patient.get_object_id("_id").unwrap();
                    (Self::last_data(patient), id, user(patient))
                })
                .collect();
            missed.sort();
            let users = missed.into_iter().map(|(_, _, user)| user).take(50);
            results["noData"] = json!(users.collect::<Vec<String>>());
        }
        results
    }
}

fn user(patient: &Document) -> String {
    patient.get_str("userId").unwrap().to_owned()
}

fn below<'a>(document: &'a Document, path: &[&str]) -> Option<&'a Document> {
    path.iter()
        .try_fold(document, |document, name| document.get_document(name).ok())
}

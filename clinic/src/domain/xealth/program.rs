//! What a hospital sees of a patient for whom something is ordered.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::domain::{
    patient::{DataSource, Patient},
    patient_summary::Dates,
};

/// An order, as far as it is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ordered {
    /// What is ordered.
    pub(crate) program_id: Option<String>,
    /// When it was.
    pub(crate) time: Option<DateTime<Utc>>,
}

/// Nothing is ordered for the patient.
pub(crate) fn none() -> Value {
    json!({ "present": false })
}

/// What is ordered for `patient`, whom the caller looked at `last` time.
pub(crate) fn one(patient: &Patient, ordered: &Ordered, last: Option<DateTime<Utc>>) -> Value {
    let updated = latest(patient, |dates| dates.last_updated_date);
    let has_data = latest(patient, |dates| dates.last_upload_date).is_some();
    let mut program = json!({
        "title": "Tidepool",
        "description": description(patient, updated, last),
        "hasStatusView": has_data,
        "has_alert": updated > last,
    });
    if let Some(id) = &ordered.program_id {
        program["programId"] = json!(id);
    }
    if let Some(time) = ordered.time {
        program["enrolledDate"] = json!(day(time));
    }
    json!({ "present": true, "programs": [program] })
}

/// The latest of the dates of a kind, whatever the data was measured by.
pub(super) fn latest(
    patient: &Patient,
    date: impl Fn(&Dates) -> Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let summary = patient.summary.as_ref()?;
    let both = [&summary.cgm, &summary.bgm].into_iter().flatten();
    both.filter_map(|stats| date(&stats.dates)).max()
}

fn day(time: DateTime<Utc>) -> NaiveDate {
    time.date_naive()
}

fn description(
    patient: &Patient,
    updated: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
) -> String {
    let date = |time: Option<DateTime<Utc>>| match time {
        Some(time) => day(time).to_string(),
        None => "N/A".to_owned(),
    };
    let claimed = if patient.is_custodial() { "No" } else { "Yes" };
    [
        format!("Last Upload: {}", date(updated)),
        format!("Last Viewed by You: {}", date(last)),
        format!("Claimed Account?: {claimed}"),
        format!("Cloud Connections: {}", connections(patient)),
    ]
    .join(" | ")
}

/// Where data of the patient comes from, one for each provider.
fn connections(patient: &Patient) -> String {
    let mut sources: BTreeMap<&str, &DataSource> = BTreeMap::new();
    for source in patient.data_sources.iter().flatten() {
        let known = sources.get(source.provider_name.as_str());
        let is_older = |known: &&DataSource| {
            known.modified_time.is_none() || known.modified_time < source.modified_time
        };
        if known.is_none_or(is_older) {
            sources.insert(&source.provider_name, source);
        }
    }
    let shown = |source: &DataSource| {
        let state = match source.state.as_str() {
            "pendingReconnect" => "pending reconnect",
            state => state,
        };
        format!("{} ({state})", provider(&source.provider_name))
    };
    let mut shown: Vec<String> = sources.into_values().map(shown).collect();
    shown.sort();
    if shown.is_empty() {
        return "None".to_owned();
    }
    shown.join(", ")
}

/// The provider, as it writes itself.
fn provider(name: &str) -> String {
    if name == "twiist" {
        return name.to_owned();
    }
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Days, Utc};
    use serde_json::json;
    use shared_types::{ClinicId, PermissionSet};

    use super::{Ordered, one};
    use crate::domain::{
        patient::{CUSTODIAL_PERMISSIONS, DataSource, Patient},
        patient_summary::{Dates, Stats, Summary, Thresholds},
    };

    const FIRST: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn ana() -> Patient {
        let clinic = ClinicId::from([1; 12]);
        Patient {
            permissions: Some(PermissionSet::of(&CUSTODIAL_PERMISSIONS)),
            ..Patient::new(clinic, "a000000001".into(), FIRST)
        }
    }

    fn ordered() -> Ordered {
        Ordered {
            program_id: Some("p".to_owned()),
            time: Some(FIRST),
        }
    }

    fn source(name: &str, state: &str, modified: Option<DateTime<Utc>>) -> DataSource {
        DataSource {
            provider_name: name.to_owned(),
            state: state.to_owned(),
            modified_time: modified,
            ..DataSource::default()
        }
    }

    #[test]
    fn without_data_there_is_nothing_to_look_at() {
        let shown = one(&ana(), &ordered(), None);
        let description = "Last Upload: N/A | Last Viewed by You: N/A | Claimed Account?: No | \
                           Cloud Connections: None";
        let program = json!({
            "title": "Tidepool", "programId": "p", "enrolledDate": "1970-01-01",
            "hasStatusView": false, "has_alert": false, "description": description,
        });
        assert_eq!(shown, json!({ "present": true, "programs": [program] }));
    }

    #[test]
    fn what_came_after_the_last_look_is_an_alert() {
        let then = FIRST + Days::new(2);
        let dates = Dates {
            last_upload_date: Some(FIRST),
            last_updated_date: Some(then),
            ..Dates::default()
        };
        let stats = Stats {
            id: None,
            thresholds: Thresholds::default(),
            dates,
            periods: BTreeMap::new(),
        };
        let mut ana = Patient {
            summary: Some(Summary {
                cgm: None,
                bgm: Some(stats),
            }),
            permissions: None,
            ..ana()
        };
        ana.data_sources = Some(vec![
            source("twiist", "connected", None),
            source("dexcom", "error", Some(FIRST)),
            source("dexcom", "pendingReconnect", Some(then)),
            source("abbott", "pending", None),
        ]);
        let program = |last| one(&ana, &ordered(), last)["programs"][0].take();
        let shown = program(None);
        assert_eq!(
            (&shown["hasStatusView"], &shown["has_alert"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(
            shown["description"],
            "Last Upload: 1970-01-03 | Last Viewed by You: N/A | Claimed Account?: Yes | \
             Cloud Connections: Abbott (pending), Dexcom (pending reconnect), twiist (connected)"
        );
        assert_eq!(program(Some(FIRST))["has_alert"], true);
        assert_eq!(program(Some(then))["has_alert"], false);
    }
}

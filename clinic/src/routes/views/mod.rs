//! What clients see.

mod clinic;
mod clinician;
mod ehr_match;
mod labels;
mod limits;
mod merge;
mod migration;
mod patient;
mod summary;
mod tide;

use chrono::{DateTime, SecondsFormat, Utc};

use self::summary::SummaryView;
pub(crate) use self::{
    clinic::{ClinicView, SiteView},
    clinician::{ClinicianRelation, ClinicianView},
    ehr_match::MatchView,
    labels::{ChangedSiteView, TagView},
    limits::LimitsView,
    merge::{MergePlanView, MergeView},
    migration::{MigrationView, PlanView},
    patient::{PatientRelation, PatientView, PatientsView, ReviewView, permission_set},
    tide::{SHOWN_NUMBERS, TideReportView},
};

/// A time in UTC, to the millisecond, without zeros at the end of the fraction.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let text = text.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_has_no_zeros_at_its_end() {
        for (written, shown) in [
            ("2030-01-02T03:04:52.660Z", "2030-01-02T03:04:52.66Z"),
            ("2030-01-02T03:04:08Z", "2030-01-02T03:04:08Z"),
            ("2030-01-02T03:04:10Z", "2030-01-02T03:04:10Z"),
            ("2030-01-02T03:04:08.001Z", "2030-01-02T03:04:08.001Z"),
        ] {
            assert_eq!(time(written.parse().unwrap()), shown);
        }
    }
}

//! The page on which somebody in a hospital sees the report of a patient, and the addresses that lead there.

use chrono::{DateTime, Days, SecondsFormat, Utc};
use form_urlencoded::Serializer;
use shared_types::{ClinicId, UserId};

use super::program::latest;
use crate::domain::{clinic::Clinic, patient::Patient};

/// How many days of data a report is about.
const REPORTED: Days = Days::new(14);
/// How the page looks.
const STYLE: &str = "html,body,iframe{width:100%;height:100%;margin:0;border:0}";
/// The hash of it, by which the policy of the page knows it.
const STYLE_HASH: &str = "sha256-PBwANh1tnT5l6BxWw+vFazwJcgIGVXCZoXCvex8DN6s=";

/// Where the page is that shows reports of the patient to whoever has `token`; `application`: where the
/// application is.
pub(crate) fn url(application: &str, clinic: ClinicId, patient: &UserId, token: &str) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("clinicId", &clinic.to_string());
    query.append_pair("patientId", patient.as_str());
    query.append_pair("restricted_token", token);
    let application = application.trim_end_matches('/');
    let query = query.finish();
    format!("{application}/v1/xealth/report/web/viewer.html?{query}")
}

/// Where the application makes the report, to be seen with `token`.
pub(crate) fn report_url(
    application: &str,
    clinic: &Clinic,
    patient: &Patient,
    token: &str,
) -> String {
    let user = patient.user_id.as_str();
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut query = Serializer::new(String::new());
    query.append_pair("reports", "all");
    query.append_pair("inline", "true");
    query.append_pair("userId", user);
    query.append_pair("dob", &known(&patient.birth_date));
    query.append_pair("mrn", &known(&patient.mrn));
    query.append_pair("fullName", &known(&patient.full_name));
    for (name, text) in [("tzName", &clinic.timezone), ("bgUnits", &clinic.bg_units)] {
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            query.append_pair(name, text);
        }
    }
    if let Some(end) = latest(patient, |dates| dates.last_data) {
        let start = end.checked_sub_days(REPORTED).unwrap_or(end);
        query.append_pair("startDate", &written(start));
        query.append_pair("endDate", &written(end));
    }
    query.append_pair("restricted_token", token);
    // An id has no letter that would lead elsewhere.
    let user: String = form_urlencoded::byte_serialize(user.as_bytes()).collect();
    let application = application.trim_end_matches('/');
    let query = query.finish();
    format!("{application}/export/report/{user}?{query}")
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The page that shows what is at `report`. It has no script.
pub(crate) fn page(report: &str) -> String {
    let report = escaped(report);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"UTF-8\">\n<title>Report</title>\n         <style>{STYLE}</style>\n</head>\n<body><iframe src=\"{report}\" title=\"Report\"></iframe></body>\n         </html>\n"
    )
}

/// What the page may do: look as it does, and show what comes from `origin`, where the application is.
/// Which page may show it in a frame is the hospital's affair.
pub(crate) fn policy(origin: &str) -> String {
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; frame-src {origin}; base-uri 'none'; form-action 'none'"
    )
}

/// The text, so that it ends neither an attribute nor an element.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use chrono::DateTime;
    use sha2::{Digest as _, Sha256};

    use super::{STYLE, STYLE_HASH, page, policy, report_url, url};
    use crate::domain::{
        clinic::tests::legacy,
        patient::tests::patient,
        patient_summary::{Dates, Stats, Summary, Thresholds},
    };

    #[test]
    fn the_address_of_the_page_names_whom_it_is_about() {
        for application in ["https://app.example.org", "https://app.example.org/"] {
            let url = url(application, [1; 12].into(), &"a000000001".into(), "t &1");
            let expected = "https://app.example.org/v1/xealth/report/web/viewer.html?clinicId=\
            010101010101010101010101&patientId=a000000001&restricted_token=t+%261";
            assert_eq!(url, expected);
        }
    }

    #[test]
    fn a_report_is_about_the_last_days_with_data() {
        let mut clinic = legacy();
        clinic.timezone = Some("Europe/Berlin".to_owned());
        clinic.bg_units = Some("mg/dL".to_owned());
        let mut ana = patient("a000000001");
        ana.full_name = Some("Ana & Bo".to_owned());
        ana.birth_date = Some("2001-02-03".to_owned());
        ana.mrn = Some("MRN-1".to_owned());
        let without = report_url("https://app/", &clinic, &ana, "t");
        let about = "https://app/export/report/a000000001?reports=all&inline=true&userId=a000000001\
            &dob=2001-02-03&mrn=MRN-1&fullName=Ana+%26+Bo&tzName=Europe%2FBerlin&bgUnits=mg%2FdL";
        assert_eq!(without, format!("{about}&restricted_token=t"));
        let stats = |seconds| {
            Some(Stats {
                id: None,
                thresholds: Thresholds::default(),
                dates: Dates {
                    last_data: DateTime::from_timestamp(seconds, 5_000_000),
                    ..Dates::default()
                },
                periods: BTreeMap::new(),
            })
        };
        ana.summary = Some(Summary {
            cgm: stats(86_400 * 20),
            bgm: stats(86_400 * 15),
        });
        let with = report_url("https://app", &clinic, &ana, "t");
        let dates = "&startDate=1970-01-07T00%3A00%3A00Z&endDate=1970-01-21T00%3A00%3A00Z";
        assert_eq!(with, format!("{about}{dates}&restricted_token=t"));
    }

    #[test]
    fn an_address_cannot_leave_its_attribute() {
        let page = page("https://app/?a='1'&b=\"><script>");
        assert!(page.contains("\"https://app/?a=&#39;1&#39;&amp;b=&quot;&gt;&lt;script&gt;\""));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn the_policy_knows_how_the_page_looks() {
        let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)));
        assert_eq!(hash, STYLE_HASH);
        assert!(page("https://app/").contains(&format!("<style>{STYLE}</style>")));
        let policy = policy("https://app");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-src https://app;"), "{policy}");
    }
}

//! What a merge would do, as JSON and as a workbook.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{ALICE, Pair, count, numbered, site, tag};
use crate::{
    many_patients::object_id,
    world::{CAROL, details},
};

/// A name that a spreadsheet program would take for a formula.
const FORMULA: &str = "=HYPERLINK(\"http://example.org\")";

/// Two clinics with somebody of each kind.
async fn stage() -> (Pair, [String; 3]) {
    let pair = Pair::start().await;
    let (source, target) = (&pair.source, &pair.target);
    let mut ana = numbered(FORMULA, "1");
    ana["tags"] = json!([tag(&pair, source, "A").await]);
    ana["sites"] = json!([{ "id": site(&pair, source, "North").await, "name": "x" }]);
    let ana = pair.enrol(source, &ana).await;
    site(&pair, target, "North").await;
    let ben = pair.enrol(source, &numbered("Ben", "2")).await;
    let likely = pair.enrol(target, &numbered(" BEN", "2 ")).await;
    for clinic in [source, target] {
        pair.world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    let set = bson::doc! { "$set": { "summary.cgmStats.dates.lastUploadDate":
    bson::DateTime::from_millis(1_000), "summary.bgmStats.dates.lastUploadDate":
    bson::DateTime::from_millis(2_000) } };
    let of_ana = bson::doc! { "clinicId": object_id(source), "userId": &ana };
    let patients = pair.world.collection("patients");
    patients.update_one(of_ana, set).await.unwrap();
    (pair, [ana, ben, likely])
}

#[actix_web::test]
async fn the_plan_is_shown_as_json() {
    let (pair, [ana, ben, likely]) = stage().await;
    let before = pair.world.everything().await;
    let plan = pair.plan().await;
    assert_eq!(pair.world.everything().await, before);
    assert_eq!(count(&pair.world, "merge_plans", bson::doc! {}).await, 0);
    let mut members: Vec<&str> = plan
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    members.sort_unstable();
    let wanted = [
        "ClinicianPlans",
        "CreatedTime",
        "MembershipRestrictionsMergePlan",
        "PatientPlans",
        "SettingsPlans",
        "SitesPlans",
        "Source",
        "SourcePatientClusters",
        "TagsPlans",
        "Target",
        "TargetPatientClusters",
        "canExecute",
        "planHash",
        "reasons",
    ];
    assert_eq!(members, wanted);
    assert_eq!(
        plan["Source"],
        json!({ "Id": pair.source, "Name": "Oak Clinic" })
    );
    assert_eq!(plan["canExecute"], json!(true));
    assert_eq!(plan["planHash"].as_str().unwrap().len(), 64);
    let created: DateTime<Utc> = plan["CreatedTime"].as_str().unwrap().parse().unwrap();
    assert!(created <= Utc::now());
    let patients = plan["PatientPlans"].as_array().unwrap().iter();
    let mut patients: Vec<Value> = patients
        .map(|one| {
            let members = ["UserId", "ClinicId", "PatientAction", "Conflicts"];
            members.map(|name| one[name].clone()).into_iter().collect()
        })
        .collect();
    patients.sort_by_key(|one| (one[1] != json!(pair.source), one[0].to_string()));
    let same = json!({ "Likely Duplicate Accounts": 1 });
    let duplicate = json!({ "Duplicate Accounts": 1 });
    let mut wanted = vec![
        json!([ana, pair.source, "MOVE", {}]),
        json!([ben, pair.source, "MOVE", same]),
        json!([ALICE, pair.source, "MERGE", duplicate]),
        json!([likely, pair.target, "RETAIN", same]),
        json!([ALICE, pair.target, "MERGE_INTO", duplicate]),
    ];
    wanted.sort_by_key(|one| (one[1] != json!(pair.source), one[0].to_string()));
    assert_eq!(patients, wanted);
    let sites = plan["SitesPlans"].as_array().unwrap();
    assert_eq!(
        (&sites[0]["Action"], &sites[0]["TargetName"]),
        (&json!("RENAME"), &json!("North (2)"))
    );
    assert_eq!(plan["TagsPlans"][0]["Action"], "CREATE");
    let mut staff = plan["ClinicianPlans"].as_array().unwrap().iter();
    assert!(staff.any(|one| one["UserId"] == CAROL && one["ClinicianAction"] == "MOVE"));
}

/// The cells of a row that hold something, as text; a formula would be missing.
fn cells(row: &[Data]) -> Vec<String> {
    let filled = row.iter().filter(|cell| !matches!(cell, Data::Empty));
    filled.map(ToString::to_string).collect()
}

#[actix_web::test]
async fn the_plan_is_shown_as_a_workbook() {
    let (pair, [ana, ben, likely]) = stage().await;
    let path = format!("/v1/clinics/{}/reports/merge", pair.target);
    let body = json!({ "sourceId": pair.source });
    let answer = pair.world.service().post(&path, &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/vnd.ms-excel")
    );
    let disposition = answer.header("content-disposition").unwrap();
    let name = disposition
        .strip_prefix("attachment; filename=merge-report-")
        .unwrap();
    let seconds: i64 = name.strip_suffix(".xlsx").unwrap().parse().unwrap();
    assert!(seconds <= Utc::now().timestamp());

    let file = Cursor::new(answer.body.clone());
    let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(file).unwrap();
    let wanted = [
        "Summary",
        "Patients in Source Clinic",
        "Patients in Target Clinic",
        "Duplicates in Source Clinic",
        "Duplicates in Target Clinic",
        "Duplicates in Merged Workspace",
    ];
    assert_eq!(workbook.sheet_names(), wanted);
    let mut sheet = |name: &str| -> Vec<Vec<String>> {
        assert!(
            workbook.worksheet_formula(name).unwrap().is_empty(),
            "{name}"
        );
        let sheet = workbook.worksheet_range(name).unwrap();
        sheet.rows().map(cells).collect()
    };
    let summary = sheet("Summary");
    for line in [
        vec!["Source clinic", "Oak Clinic", &pair.source],
        vec!["Can execute", "Yes"],
        vec!["Members and admins", "1", "1"],
        vec!["Patients", "3", "2"],
        vec!["Duplicate Accounts", "1"],
        vec!["Likely Duplicate Accounts", "1"],
        vec!["Renamed sites", "1"],
        vec!["North", "RENAME", "North (2)"],
        vec!["A", "CREATE"],
    ] {
        let line: Vec<String> = line.into_iter().map(ToOwned::to_owned).collect();
        assert!(summary.contains(&line), "{line:?} {summary:?}");
    }
    let of_source = sheet("Patients in Source Clinic");
    assert_eq!(of_source.len(), 4);
    let wanted = [
        FORMULA,
        "-",
        &ana,
        "2001-02-03",
        "1",
        "A",
        "North",
        "1970-01-01T00:00:02Z",
        "MOVE",
    ];
    assert!(of_source.iter().any(|row| *row == wanted), "{of_source:?}");
    let merged = sheet("Duplicates in Merged Workspace");
    let users = merged
        .iter()
        .flatten()
        .filter(|cell| [&ben, &likely].contains(cell));
    assert_eq!(users.count(), 2);
    assert_eq!(sheet("Duplicates in Source Clinic").len(), 1);
    let claimed = sheet("Patients in Target Clinic");
    assert!(
        claimed
            .iter()
            .any(|row| row.contains(&ALICE.to_owned()) && row[1] == "Y")
    );
}

#[actix_web::test]
async fn the_report_says_why_it_may_not_be_carried_out() {
    let pair = Pair::start().await;
    pair.enrol(&pair.source, &details("Ana")).await;
    pair.ask_for_mrns(true, false).await;
    let plan = pair.plan().await;
    let patient = &plan["PatientPlans"][0];
    assert_eq!(patient["PreventsMerge"], json!(true));
    assert_eq!(patient["Problem"], "the target requires an MRN");
    let ranges = plan["SettingsPlans"].as_array().unwrap();
    assert!(
        ranges
            .iter()
            .all(|setting| setting["ValuesMatch"] == json!(true))
    );
}

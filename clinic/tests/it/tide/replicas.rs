//! Reports through two replicas: each sees what was written through the other before it was asked.

use bson::{Document, doc};
use mongodb::options::ReturnDocument;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, TestApp, eventually};

use super::model::hours_ago;
use crate::{
    many_patients::object_id,
    summaries, tags,
    world::{CAROL, World, assert_empty, details},
};

const CGM: &str = "5f8f8f8f8f8f8f8f8f8f8f01";
const OTHER_CGM: &str = "5f8f8f8f8f8f8f8f8f8f8f02";
/// More than a report is asked to list.
const LOW: f64 = 0.5;

/// A clinic with a tag, and two replicas.
struct Stage {
    world: World,
    clinic: String,
    tag: String,
    other: Person,
    _replica: TestApp,
}

/// The accounts that a report lists for their time in very low ranges, and those without data.
type Listed = (Vec<String>, Vec<String>);

fn listed(report: &Value, category: &str) -> Vec<String> {
    let list = report["results"][category].as_array().unwrap().iter();
    let ids = list.map(|it| it["patient"]["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

fn sorted(users: &[&str]) -> Vec<String> {
    let mut users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
    users.sort();
    users
}

impl Stage {
    async fn set() -> Self {
        let world = World::start().await;
        let clinic = world.clinic().await;
        let tag = tags::create(&world, &clinic, "A").await;
        let replica = world.replica().await;
        let other = world.user_at(&replica, CAROL);
        Self {
            world,
            clinic,
            tag,
            other,
            _replica: replica,
        }
    }

    /// A patient of `clinic` with a tag.
    async fn enrol(&self, clinic: &str, name: &str, tag: &str) -> String {
        let mut patient = details(name);
        patient["tags"] = json!([tag]);
        self.world.enrol(clinic, &patient).await
    }

    /// Writes a summary of this minute.
    async fn summarize(&self, user: &str, id: &str, very_low: f64) {
        let mut stats = summaries::cgm(id, very_low);
        stats["dates"] = json!({
            "hasFirstData": false, "hasLastData": true, "hasLastUploadDate": false,
            "hasOutdatedSince": false,
            "lastData": hours_ago(9).try_to_rfc3339_string().unwrap(),
        });
        summaries::write(&self.world, user, &json!({ "cgmStats": stats })).await;
    }

    async fn report(&self, person: &Person) -> Listed {
        let since = hours_ago(48).try_to_rfc3339_string().unwrap();
        let path = format!(
            "/v1/clinics/{}/tide_report?period=14d&tags={}&lastDataCutoff={since}\
             &categories=timeInVeryLowPercent",
            self.clinic, self.tag
        );
        let answer = person.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report: Value = answer.json();
        let lists = ["timeInVeryLowPercent", "noData"].map(|name| listed(&report, name));
        let [low, without_data] = lists;
        (low, without_data)
    }

    /// Asserts whom a report lists, asked for at both replicas.
    async fn assert_listed(&self, low: &[&str], without_data: &[&str]) {
        let wanted = (sorted(low), sorted(without_data));
        assert_eq!(self.report(&self.other).await, wanted);
        assert_eq!(self.report(&self.world.user(CAROL)).await, wanted);
    }

    async fn stored(&self, user: &str) -> Document {
        let patients = self.world.collection("patients");
        let of_clinic = doc! { "clinicId": object_id(&self.clinic), "userId": user };
        patients.find_one(of_clinic).await.unwrap().unwrap()
    }
}

#[actix_web::test]
async fn whose_summary_was_deleted_is_without_data() {
    let stage = Stage::set().await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    let ben = stage.enrol(&stage.clinic, "Ben", &stage.tag).await;
    stage.assert_listed(&[], &[&ann, &ben]).await;
    stage.summarize(&ann, CGM, LOW).await;
    stage.summarize(&ben, OTHER_CGM, LOW).await;
    stage.assert_listed(&[&ann, &ben], &[]).await;
    let path = format!("/v1/summaries/{CGM}/clinics");
    assert_empty(&stage.world.service().delete(&path).await, 200);
    stage.assert_listed(&[&ben], &[&ann]).await;
    assert_eq!(summaries::remove(&stage.world, &ben).await, 200);
    stage.assert_listed(&[], &[&ann, &ben]).await;
}

#[actix_web::test]
async fn whose_connection_breaks_is_without_data() {
    let stage = Stage::set().await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    stage.summarize(&ann, CGM, 0.0).await;
    stage.assert_listed(&[], &[]).await;
    for (state, without_data) in [
        ("error", vec![ann.as_str()]),
        ("connected", vec![]),
        ("disconnected", vec![ann.as_str()]),
    ] {
        let path = format!("/v1/patients/{ann}/data_sources");
        let sources = json!([{ "providerName": "dexcom", "state": state }]);
        assert_empty(&stage.world.service().put(&path, &sources).await, 200);
        stage.assert_listed(&[], &without_data).await;
    }
}

#[actix_web::test]
async fn patients_of_a_clinic_that_was_merged_are_in_the_reports_of_the_other() {
    let stage = Stage::set().await;
    let source = stage.world.clinic().await;
    // Tags of the same name become one.
    let tag = tags::create(&stage.world, &source, "A").await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    let ben = stage.enrol(&source, "Ben", &tag).await;
    let cat = stage.enrol(&source, "Cat", &tag).await;
    stage.summarize(&ann, CGM, LOW).await;
    stage.assert_listed(&[&ann], &[]).await;
    // The marks of those who come are older than the last one that is known.
    stage.summarize(&ben, OTHER_CGM, LOW).await;
    stage.summarize(&ann, CGM, LOW).await;
    stage.assert_listed(&[&ann], &[]).await;
    let path = format!("/v1/clinics/{}/merge", stage.clinic);
    let merged = stage.world.service();
    let merged = merged.post(&path, &json!({ "sourceId": source })).await;
    assert_empty(&merged, 200);
    eventually("the end of the merge", async || {
        let going_on = doc! { "doneTime": null };
        let merges = stage.world.collection("merges");
        merges.count_documents(going_on).await.unwrap() == 0
    })
    .await;
    stage.assert_listed(&[&ann, &ben], &[&cat]).await;
    stage.summarize(&cat, "5f8f8f8f8f8f8f8f8f8f8f03", LOW).await;
    stage.assert_listed(&[&ann, &ben, &cat], &[]).await;
}

#[actix_web::test]
async fn a_mark_that_is_seen_after_later_ones_is_not_missed() {
    let stage = Stage::set().await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    let ben = stage.enrol(&stage.clinic, "Ben", &stage.tag).await;
    stage.summarize(&ann, CGM, 0.0).await;
    stage.assert_listed(&[], &[&ben]).await;

    // Whoever writes Ann's summary has its mark, and is not seen yet.
    let patients = stage.world.collection("patients");
    let mut session = patients.client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let very_low = "summary.cgmStats.periods.14d.timeInVeryLowPercent";
    let update = doc! {
        "$set": { very_low: LOW },
        "$currentDate": { "_summarized": { "$type": "timestamp" } },
    };
    let mark = |patient: &Document| patient.get_timestamp("_summarized").unwrap();
    let written = patients.find_one_and_update(doc! { "userId": &ann }, update);
    let written = written.return_document(ReturnDocument::After);
    let of_ann = mark(&written.session(&mut session).await.unwrap().unwrap());
    eventually("a mark of a later second", async || {
        stage.summarize(&ben, OTHER_CGM, LOW).await;
        mark(&stage.stored(&ben).await).time > of_ann.time
    })
    .await;
    stage.assert_listed(&[&ben], &[]).await;
    session.commit_transaction().await.unwrap();
    assert_eq!(mark(&stage.stored(&ann).await), of_ann);
    stage.assert_listed(&[&ann, &ben], &[]).await;
}

#[actix_web::test]
async fn summaries_of_a_database_that_was_put_back_are_read_anew() {
    let stage = Stage::set().await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    let ben = stage.enrol(&stage.clinic, "Ben", &stage.tag).await;
    stage.assert_listed(&[], &[&ann, &ben]).await;
    let backup = [stage.stored(&ann).await, stage.stored(&ben).await];
    stage.summarize(&ann, CGM, LOW).await;
    stage.summarize(&ben, OTHER_CGM, LOW).await;
    stage.assert_listed(&[&ann, &ben], &[]).await;
    let patients = stage.world.collection("patients");
    for patient in backup {
        let same = doc! { "_id": patient.get_object_id("_id").unwrap() };
        patients.replace_one(same, patient).await.unwrap();
    }
    stage.assert_listed(&[], &[&ann, &ben]).await;
}

#[actix_web::test]
async fn a_patient_with_the_last_mark_leaves_the_others_as_they_were() {
    let stage = Stage::set().await;
    let ann = stage.enrol(&stage.clinic, "Ann", &stage.tag).await;
    let ben = stage.enrol(&stage.clinic, "Ben", &stage.tag).await;
    stage.summarize(&ann, CGM, LOW).await;
    stage.summarize(&ben, OTHER_CGM, LOW).await;
    stage.assert_listed(&[&ann, &ben], &[]).await;
    let path = format!("/v1/clinics/{}/patients/{ben}", stage.clinic);
    assert_empty(&stage.world.user(CAROL).delete(&path).await, 204);
    stage.assert_listed(&[&ann], &[]).await;
    stage.summarize(&ann, CGM, 0.0).await;
    stage.assert_listed(&[], &[]).await;
}

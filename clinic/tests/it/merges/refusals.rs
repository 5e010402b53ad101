//! Merges that are refused, and change nothing.

use bson::{doc, oid::ObjectId};
use serde_json::json;

use super::{ALICE, NO_CLINIC, Pair, count, numbered, tag};
use crate::{
    many_patients::assert_counted,
    world::{assert_empty, assert_refused, details, patch},
};

#[actix_web::test]
async fn a_plan_that_does_not_hold_any_more_is_not_carried_out() {
    let pair = Pair::start().await;
    let plan = pair.plan().await;
    pair.world
        .share(&pair.source, ALICE, json!({ "view": {} }))
        .await;
    let before = pair.world.everything().await;
    let body = json!({ "sourceId": pair.source, "planHash": plan["planHash"] });
    let refused = pair.merge_by(&body).await;
    assert_refused(&refused, 409, "conflict: the merge plan no longer holds");
    assert_eq!(pair.world.everything().await, before);
    let body = json!({ "sourceId": pair.source, "planHash": pair.plan().await["planHash"] });
    assert_empty(&pair.merge_by(&body).await, 200);
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused_without_a_plan() {
    let pair = Pair::start().await;
    let (service, target) = (pair.world.service(), &pair.target);
    for operation in ["merge", "reports/merge"] {
        let path = format!("/v1/clinics/{target}/{operation}");
        let itself = service.post(&path, &json!({ "sourceId": target })).await;
        let message = "bad request: a clinic cannot be merged into itself";
        assert_refused(&itself, 400, message);
        let unknown = json!({ "sourceId": NO_CLINIC });
        assert_refused(
            &service.post(&path, &unknown).await,
            404,
            "clinic not found",
        );
        let nowhere = format!("/v1/clinics/{NO_CLINIC}/{operation}");
        let body = json!({ "sourceId": pair.source });
        assert_refused(
            &service.post(&nowhere, &body).await,
            404,
            "clinic not found",
        );
        let nothing = service.post(&path, &json!({})).await;
        assert_eq!(nothing.status, 400, "{}", nothing.text());
        pair.world
            .set_clinic(&pair.source, doc! { "name": "" })
            .await;
        let nameless = service.post(&path, &body).await;
        let message = "constraint violation: both clinics must have a name";
        assert_refused(&nameless, 422, message);
        pair.world
            .set_clinic(&pair.source, doc! { "name": "Oak" })
            .await;
    }
}

#[actix_web::test]
async fn settings_restrictions_and_staff_may_forbid_it() {
    let pair = Pair::start().await;
    let world = &pair.world;
    let (source, target) = (&pair.source, &pair.target);
    world
        .set_clinic(source, doc! { "timezone": "Europe/Berlin" })
        .await;
    pair.assert_refused_for("Settings mismatch").await;
    world
        .set_clinic(target, doc! { "timezone": "Europe/Berlin" })
        .await;
    let restrictions = |clinic: &str| format!("/v1/clinics/{clinic}/membership_restrictions");
    let oak = json!({ "restrictions": [{ "emailDomain": "oak.example" }] });
    pair.put(&restrictions(source), &oak).await;
    pair.assert_refused_for("Membership restrictions mismatch")
        .await;
    pair.put(&restrictions(target), &oak).await;
    let reason = "Clinicians would move into a workspace with membership restrictions (1)";
    pair.assert_refused_for(reason).await;
    for clinic in [source, target] {
        pair.put(&restrictions(clinic), &json!({})).await;
    }
    let invited = json!({ "email": "i@example.org", "inviteId": "i", "roles": ["CLINIC_MEMBER"] });
    let path = format!("/v1/clinics/{source}/clinicians");
    assert_eq!(world.service().post(&path, &invited).await.status, 200);
    pair.assert_refused_for("Pending invites in source workspace (1)")
        .await;
    let path = format!("/v1/clinics/{source}/invites/clinicians/i/clinician");
    assert_eq!(world.service().delete(&path).await.status, 200);
    tag(&pair, source, "Type 1").await;
    tag(&pair, target, "type1").await;
    let reason = "Tag \"Type 1\" cannot be created in target workspace";
    pair.assert_refused_for(reason).await;
}

#[actix_web::test]
async fn a_clinic_that_patients_are_still_to_come_to_does_not_go() {
    let pair = Pair::start().await;
    let migrations = pair.world.database.database.collection("migrations");
    let migration = |clinic: &str, user: &str, status: &str| {
        let clinic = ObjectId::parse_str(clinic).unwrap();
        doc! { "clinicId": clinic, "userId": user, "status": status }
    };
    // Those who come to the target come to it afterwards as well.
    let documents = [
        migration(&pair.source, "d000000001", "RUNNING"),
        migration(&pair.target, "d000000002", "RUNNING"),
    ];
    migrations.insert_many(documents).await.unwrap();
    pair.assert_refused_for("Unfinished migration into source workspace")
        .await;
    let path = format!("/v1/clinics/{}/migrations/d000000001", pair.source);
    let completed = json!({ "status": "COMPLETED" });
    let patched = patch(&pair.world.service(), &path, &completed).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    assert_empty(&pair.merge().await, 200);
}

#[actix_web::test]
async fn record_numbers_may_forbid_it_and_hold_afterwards() {
    let pair = Pair::start().await;
    let (source, target) = (&pair.source, &pair.target);
    let ana = pair.enrol(source, &numbered("Ana", "é1")).await;
    pair.enrol(target, &numbered("Ben", "E1")).await;
    let cem = pair.enrol(source, &details("Cem")).await;
    pair.ask_for_mrns(true, false).await;
    let reason = "Patients without the MRN that target workspace requires (1)";
    pair.assert_refused_for(reason).await;
    pair.ask_for_mrns(true, true).await;
    let path = |user: &str| format!("/v1/clinics/{source}/patients/{user}");
    pair.put(&path(&cem), &numbered("Cem", "3")).await;
    let reason = "Patients whose MRN would not be unique in target workspace (1)";
    pair.assert_refused_for(reason).await;
    pair.put(&path(&ana), &numbered("Ana", "2")).await;
    assert_empty(&pair.merge().await, 200);
    // Those who came have numbers of their own as well.
    let taken = format!("/v1/clinics/{target}/patients");
    for mrn in ["2", "3"] {
        let refused = pair
            .world
            .service()
            .post(&taken, &numbered("Dot", mrn))
            .await;
        assert_refused(&refused, 400, "bad request: mrn must be unique");
    }
    let own = doc! { "_ownMrn": true, "requireUniqueMrn": true };
    assert_eq!(count(&pair.world, "patients", own).await, 2);
    assert_counted(&pair.world).await;
}

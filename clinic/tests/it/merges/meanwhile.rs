//! What two clinics refuse, and what goes on, while they become one.

use bson::{Document, doc, oid::ObjectId};
use clinic::State;
use futures_util::future::join3;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{eventually, send};
use tokio_util::sync::CancellationToken;

use super::{ALICE, BOB, Pair, count, numbered};
use crate::{
    many_patients::assert_counted,
    world::{CAROL, NINA, assert_empty, assert_refused, details, id_of, patch},
};

pub(super) const MERGING: &str = "conflict: the clinic is being merged with another one";

/// Two clinics in the middle of a merge, with Alice in both and somebody else in each.
async fn amidst() -> (Pair, [String; 2]) {
    let mut pair = Pair::start_with(0).await;
    let ana = pair.enrol(&pair.source, &numbered("Ana", "1")).await;
    let ben = pair.enrol(&pair.target, &numbered("Ben", "2")).await;
    for clinic in [&pair.source, &pair.target] {
        pair.world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    pair.world.settled().await;
    pair.world.rest();
    assert_empty(&pair.merge().await, 200);
    (pair, [ana, ben])
}

/// Lets a worker finish.
pub(super) async fn finish(pair: &Pair) {
    let state = State::connect(&pair.world.config).await.unwrap();
    let worker = actix_web::rt::spawn(async move { state.relay(&CancellationToken::new()).await });
    let going_on = doc! { "doneTime": null };
    eventually("the end of the merge", async || {
        count(&pair.world, "merges", going_on.clone()).await == 0
    })
    .await;
    pair.world.settled().await;
    worker.abort();
}

#[actix_web::test]
async fn what_would_break_the_plan_is_refused_until_it_is_done() {
    let (pair, [ana, ben]) = amidst().await;
    let service = pair.world.service();
    let migrations = pair.world.database.database.collection("migrations");
    for (clinic, user) in [(&pair.source, "d000000001"), (&pair.target, "d000000002")] {
        let clinic = ObjectId::parse_str(clinic).unwrap();
        let completed = doc! { "clinicId": clinic, "userId": user, "status": "COMPLETED" };
        migrations.insert_one(completed).await.unwrap();
    }
    let before = pair.world.everything().await;
    for (clinic, user) in [(&pair.source, "d000000001"), (&pair.target, "d000000002")] {
        let path = format!("/v1/clinics/{clinic}/migrations/{user}");
        let answer = patch(&service, &path, &json!({ "status": "PENDING" })).await;
        assert_refused(&answer, 409, MERGING);
        let again = service.post(&format!("{path}/retry"), &json!({})).await;
        assert_refused(&again, 409, MERGING);
    }
    for (clinic, user) in [(&pair.source, &ana), (&pair.target, &ben)] {
        let of_clinic = format!("/v1/clinics/{clinic}");
        let employed = json!({
            "id": NINA, "email": "n@example.org", "roles": ["CLINIC_MEMBER"],
        });
        let patients = format!("{of_clinic}/patients");
        pair.world.user_api.has(BOB);
        for (method, path, body) in [
            (Method::POST, patients.clone(), details("Dot")),
            (Method::POST, format!("{patients}/{BOB}"), json!({})),
            (
                Method::PUT,
                format!("{patients}/{user}"),
                numbered("Ana", "7"),
            ),
            (
                Method::POST,
                format!("{of_clinic}/patient_tags"),
                json!({ "name": "A" }),
            ),
            (
                Method::POST,
                format!("{of_clinic}/sites"),
                json!({ "name": "A" }),
            ),
            (Method::POST, format!("{of_clinic}/clinicians"), employed),
            (Method::DELETE, of_clinic.clone(), json!({})),
        ] {
            let answer = send(service.request(method.clone(), &path).json(&body)).await;
            assert_refused(&answer, 409, MERGING);
        }
    }
    // Alice's two records are about to become one.
    let path = format!("/v1/clinics/{}/patients/{ALICE}", pair.target);
    assert_refused(&pair.world.user(ALICE).delete(&path).await, 409, MERGING);
    let other = pair.world.clinic().await;
    let merge = |clinic: &str| format!("/v1/clinics/{clinic}/merge");
    for (target, source) in [(&other, &pair.target), (&pair.source, &other)] {
        let body = json!({ "sourceId": source });
        let refused = service.post(&merge(target), &body).await;
        assert_refused(&refused, 409, MERGING);
    }
    let outdated = json!({ "sourceId": pair.source, "planHash": "0" });
    let message = "conflict: the merge plan no longer holds";
    assert_refused(&pair.merge_by(&outdated).await, 409, message);
    // A repeat goes on with the same one.
    assert_empty(&pair.merge().await, 200);
    assert_eq!(count(&pair.world, "merges", doc! {}).await, 1);
    let path = format!("/v1/clinics/{other}");
    assert_empty(&pair.world.user(CAROL).delete(&path).await, 204);
    let after = pair.world.everything().await;
    let of_both = |documents: &[Document]| {
        let documents = documents.iter().filter(|one| {
            let text = one.to_string();
            text.contains(&pair.source) || text.contains(&pair.target)
        });
        documents.cloned().collect::<Vec<_>>()
    };
    assert_eq!(of_both(&after), of_both(&before));

    finish(&pair).await;
    let created = json!({ "name": "A" });
    let path = format!("/v1/clinics/{}/patient_tags", pair.target);
    id_of(&service.post(&path, &created).await.json());
    pair.enrol(&pair.target, &numbered("Dot", "9")).await;
    assert_counted(&pair.world).await;
}

#[actix_web::test]
async fn what_does_not_break_the_plan_goes_on() {
    let (pair, [ana, ben]) = amidst().await;
    let world = &pair.world;
    for (clinic, user, mrn) in [(&pair.source, &ana, "1"), (&pair.target, &ben, "2")] {
        let path = format!("/v1/clinics/{clinic}/patients/{user}");
        pair.put(&path, &numbered("Other", mrn)).await;
    }
    let permissions = format!("/v1/clinics/{}/patients/{ALICE}/permissions", pair.target);
    let noted = world
        .user(ALICE)
        .put(&permissions, &json!({ "view": {}, "note": {} }))
        .await;
    assert_eq!(noted.status, 200, "{}", noted.text());
    let path = format!("/v1/clinics/{}/patients/{ALICE}", pair.source);
    assert_empty(&world.user(ALICE).delete(&path).await, 204);
    finish(&pair).await;
    for user in [&ana, &ben] {
        assert_eq!(pair.patient(&pair.target, user).await["fullName"], "Other");
    }
    let alice = pair.patient(&pair.target, ALICE).await;
    assert_eq!(alice["permissions"], json!({ "view": {}, "note": {} }));
    assert_eq!(world.totals(&pair.target).await, (4, 4));
    assert_counted(world).await;
}

#[actix_web::test]
async fn whoever_is_deleted_meanwhile_is_in_neither() {
    let (pair, _) = amidst().await;
    let path = format!("/v1/users/{ALICE}/clinics");
    let forgotten = pair.world.service().delete(&path).await;
    assert!(
        matches!(forgotten.status, 200 | 204),
        "{}",
        forgotten.text()
    );
    finish(&pair).await;
    let of_alice = doc! { "userId": ALICE };
    assert_eq!(count(&pair.world, "patients", of_alice).await, 0);
    assert_eq!(pair.world.totals(&pair.target).await, (3, 3));
    assert_counted(&pair.world).await;
}

#[actix_web::test]
async fn operators_see_how_far_it_is() {
    let (pair, _) = amidst().await;
    let operator = pair.world.service_called("operator");
    let path = |clinic: &str| format!("/internal/merges/{clinic}");
    let merges: Value = operator.get(&path(&pair.source)).await.json();
    let shown = &merges.as_array().unwrap()[0];
    assert_eq!(shown["sourceId"], json!(pair.source));
    assert_eq!(shown["targetId"], json!(pair.target));
    let numbers = ["patients", "kept", "moved", "merged"].map(|name| shown[name].clone());
    assert_eq!(numbers, [4, 0, 0, 0].map(|number| json!(number)));
    assert_eq!(shown.get("finishedTime"), None);
    finish(&pair).await;
    let merges: Value = operator.get(&path(&pair.target)).await.json();
    let shown = &merges.as_array().unwrap()[0];
    let numbers = ["patients", "kept", "moved", "merged"].map(|name| shown[name].clone());
    assert_eq!(numbers, [4, 2, 1, 1].map(|number| json!(number)));
    assert!(shown["finishedTime"].is_string());
}

#[actix_web::test]
async fn of_several_requests_at_once_one_merges() {
    let pair = Pair::start().await;
    for clinic in [&pair.source, &pair.target] {
        pair.world.share(clinic, ALICE, json!({ "view": {} })).await;
        pair.enrol(clinic, &details("Somebody")).await;
    }
    let service = pair.world.service();
    let back = format!("/v1/clinics/{}/merge", pair.source);
    let body = json!({ "sourceId": pair.target });
    let (one, other, back) = join3(pair.merge(), pair.merge(), service.post(&back, &body)).await;
    let is_done = [&one, &other, &back].map(|answer| answer.status == 200);
    assert!(is_done.contains(&true));
    for answer in [&one, &other, &back] {
        assert!(
            matches!(answer.status, 200 | 404 | 409),
            "{}",
            answer.text()
        );
    }
    // Either way round, and not both.
    assert_ne!(one.status == 200 || other.status == 200, back.status == 200);
    finish(&pair).await;
    let left = count(&pair.world, "clinics", doc! {}).await;
    assert_eq!(left, 1);
    let clinic = if back.status == 200 {
        &pair.source
    } else {
        &pair.target
    };
    assert_eq!(pair.world.totals(clinic).await, (4, 4));
    assert_counted(&pair.world).await;
}

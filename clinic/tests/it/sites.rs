//! Sites of a clinic and of its patients.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::matrix::Row;
use stand_ins::user_api::Ask;

use crate::{
    auth::{KINDS, Whom, row},
    world::{CAROL, World, assert_answer, assert_empty, assert_refused, details, id_of},
};

/// A site that no clinic has.
const NO_SITE: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    let invalid = |operation: &str, whom| row(operation, whom, 400).with(json!({ "name": 1 }));
    let of_site = "/v1/clinics/{clinicId}/sites/{siteId}";
    vec![
        invalid("POST /v1/clinics/{clinicId}/sites", Whom::AdminsAndServices),
        invalid(&format!("PUT {of_site}"), Whom::AdminsAndServices),
        row(&format!("DELETE {of_site}"), Whom::AdminsAndServices, 404),
        invalid(&format!("POST {of_site}/merge"), Whom::Services),
    ]
}

/// A site of a clinic.
pub(crate) async fn create(world: &World, clinic: &str, name: &str) -> String {
    let path = format!("/v1/clinics/{clinic}/sites");
    let answer = world
        .user(CAROL)
        .post(&path, &json!({ "name": name }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id_of(&answer.json())
}

async fn of_sites(world: &World, clinic: &str, name: &str, sites: &[&str]) -> String {
    let mut patient = details(name);
    let sites = sites.iter().map(|site| json!({ "id": site, "name": "x" }));
    patient["sites"] = sites.collect();
    world.enrol(clinic, &patient).await
}

/// The names of the sites of a patient as they are shown.
async fn sites_of(world: &World, clinic: &str, patient: &str) -> Vec<String> {
    let path = format!("/v1/clinics/{clinic}/patients/{patient}");
    let patient: Value = world.user(CAROL).get(&path).await.json();
    let sites = patient["sites"].as_array().unwrap().iter();
    sites
        .map(|site| site["name"].as_str().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn a_site_is_made_renamed_and_removed() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/sites");
    let carol = world.user(CAROL);
    let created: Value = carol.post(&path, &json!({ "name": "North" })).await.json();
    let north = id_of(&created);
    assert_eq!(created, json!({ "id": north, "name": "North" }));
    let south = create(&world, &clinic, "South").await;
    let finn = of_sites(&world, &clinic, "Finn", &[&north, &south]).await;

    let of_north = format!("{path}/{north}");
    for name in ["NORTH", "N", "N"] {
        let body = json!({ "id": NO_SITE, "name": name });
        let wanted = json!({ "id": north, "name": name, "patients": 1, "numPatients": 1 });
        assert_answer(&carol.put(&of_north, &body).await, 200, &wanted);
        assert_eq!(sites_of(&world, &clinic, &finn).await, [name, "South"]);
    }
    let shown: Value = carol.get(&format!("/v1/clinics/{clinic}")).await.json();
    let sites = json!([
        { "id": north, "name": "N", "numPatients": 1 },
        { "id": south, "name": "South", "numPatients": 1 },
    ]);
    assert_eq!(shown["sites"], sites);

    assert_empty(&carol.delete(&of_north).await, 204);
    assert_eq!(sites_of(&world, &clinic, &finn).await, ["South"]);
    assert_refused(&carol.delete(&of_north).await, 404, "clinic not found");
    assert_empty(&carol.delete(&format!("{path}/{south}")).await, 204);
    let shown: Value = carol.get(&format!("/v1/clinics/{clinic}")).await.json();
    assert!(shown.get("sites").is_none());
}

#[actix_web::test]
async fn a_site_that_cannot_be_is_refused() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/sites");
    let carol = world.user(CAROL);
    create(&world, &clinic, "Größe").await;
    let other = create(&world, &clinic, "$other").await;
    let body = json!({ "id": other, "name": "GRÖßE" });
    assert_refused(&carol.post(&path, &body).await, 409, "duplicate site name");
    let renamed = carol.put(&format!("{path}/{other}"), &body).await;
    assert_refused(
        &renamed,
        409,
        "checking site constraints: duplicate site name",
    );
    let new = json!({ "id": NO_SITE, "name": "New" });
    let unknown = carol.put(&format!("{path}/{NO_SITE}"), &new).await;
    let message = "constraint violation: the clinic has no site with that name";
    assert_refused(&unknown, 422, message);
    let service = world.service();
    let none = format!("/v1/clinics/{NO_SITE}/sites");
    let of_none = format!("{none}/{other}");
    for answer in [
        service.post(&none, &body).await,
        service.put(&of_none, &body).await,
        service.delete(&of_none).await,
        service.post(&format!("{of_none}/merge"), &body).await,
    ] {
        assert_refused(&answer, 404, "clinic not found");
    }
}

#[actix_web::test]
async fn of_equal_sites_at_once_one_is_made_and_never_more_than_fifty() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/sites");
    let carol = world.user(CAROL);
    let post = async |name: String| carol.post(&path, &json!({ "name": name })).await.status;
    let mut statuses = join_all(["North", "NORTH"].map(|name| post(name.to_owned()))).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let statuses = join_all((0..60).map(|number| post(format!("Site {number}")))).await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([(200, 49), (422, 11)]));
}

#[actix_web::test]
async fn two_sites_become_one() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/sites");
    let north = create(&world, &clinic, "North").await;
    let south = create(&world, &clinic, "South").await;
    let both = of_sites(&world, &clinic, "Finn", &[&south, &north]).await;
    let one = of_sites(&world, &clinic, "Mia", &[&south]).await;
    of_sites(&world, &clinic, "Ada", &[&north]).await;
    of_sites(&world, &clinic, "Ben", &[]).await;
    let service = world.service();
    let merge = format!("{path}/{north}/merge");
    let itself = service.post(&merge, &json!({ "id": north })).await;
    assert_refused(&itself, 400, "can't merge a site into itself: bad request");
    let unknown = service.post(&merge, &json!({ "id": NO_SITE })).await;
    assert_refused(&unknown, 404, "clinic not found");
    let body = json!({ "id": south });
    let unknown = service
        .post(&format!("{path}/{NO_SITE}/merge"), &body)
        .await;
    assert_refused(&unknown, 404, "not found");

    let wanted = json!({ "id": north, "name": "North", "patients": 3, "numPatients": 3 });
    assert_answer(&service.post(&merge, &body).await, 200, &wanted);
    for patient in [&both, &one] {
        assert_eq!(sites_of(&world, &clinic, patient).await, ["North"]);
    }
    let shown: Value = service.get(&format!("/v1/clinics/{clinic}")).await.json();
    let sites = json!([{ "id": north, "name": "North", "numPatients": 3 }]);
    assert_eq!(shown["sites"], sites);
    let mut patient = details("Eve");
    patient["sites"] = json!([{ "id": south, "name": "South" }]);
    let path = format!("/v1/clinics/{clinic}/patients");
    let gone = service.post(&path, &patient).await;
    let message = "constraint violation: the clinic has no site with that name";
    assert_refused(&gone, 422, message);
}

#[actix_web::test]
async fn an_unknown_site_of_a_patient_is_looked_at_last_and_changes_no_account() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let patient = world.enrol(&clinic, &details("Eve")).await;
    let settings = format!("/v1/clinics/{clinic}/settings/mrn");
    let required = json!({ "required": true, "unique": false });
    let set = world.service().put(&settings, &required).await;
    assert_eq!(set.status, 200);
    let path = format!("/v1/clinics/{clinic}/patients/{patient}");
    let mut change = details("Eve");
    change["sites"] = json!([{ "id": NO_SITE, "name": "Nowhere" }]);
    change["email"] = json!("eve@example.org");
    let carol = world.user(CAROL);
    let refused = carol.put(&path, &change).await;
    assert_refused(&refused, 400, "bad request: mrn is required");
    change["mrn"] = json!("m");
    let refused = carol.put(&path, &change).await;
    let message = "constraint violation: the clinic has no site with that name";
    assert_refused(&refused, 422, message);
    assert!(world.user_api.asked(Ask::Update).is_empty());
}

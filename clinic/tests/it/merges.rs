//! Clinics that become one: what the plan says, what is refused, and what is left of both.

mod large;
mod meanwhile;
mod orders;
mod refusals;
mod reports;

use bson::{Document, doc};
use clinic::Config;
use futures_util::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, matrix::Row, send};
use stand_ins::KEYS;

use crate::{
    auth::{KINDS, Whom, row},
    many_patients::{assert_counted, object_id},
    world::{CAROL, NINA, World, assert_empty, assert_refused, details, id_of},
};

/// Who runs the target.
const TARA: &str = "c000000007";
const ALICE: &str = "a000000001";
const BOB: &str = "a000000002";
/// The account of the patient to try things with.
const DEMO: &str = "d000000001";
/// A clinic that is not there.
const NO_CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const REFUSED: &str = "bad request: the merge plan does not allow execution";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    let invalid =
        |operation: &str| row(operation, Whom::Services, 400).with(json!({ "sourceId": 1 }));
    vec![
        invalid("POST /v1/clinics/{clinicId}/reports/merge"),
        invalid("POST /v1/clinics/{clinicId}/merge"),
        row("GET /internal/merges/{clinicId}", Whom::Operators, 200),
    ]
}

/// Two clinics.
struct Pair {
    world: World,
    /// Of [`CAROL`].
    source: String,
    /// Of [`TARA`].
    target: String,
}

impl Pair {
    async fn start() -> Self {
        Self::start_with(50).await
    }

    /// Of which a request works off so many batches.
    async fn start_with(batches: u32) -> Self {
        Self::start_as(batches, |_| {}).await
    }

    /// The same with other settings.
    async fn start_as(batches: u32, change: impl FnOnce(&mut Config)) -> Self {
        let world = World::start_with(|config| {
            config.clinics.demo_patient = Some(DEMO.into());
            config.merges.prompt_batches = batches;
            config.jobs.lease_s = 1;
            change(config);
        });
        let world = world.await;
        world.user_api.has(DEMO);
        let (source, target) = (world.clinic_of(CAROL).await, world.clinic_of(TARA).await);
        for clinic in [&source, &target] {
            // The free tier has a limit otherwise.
            let limits = format!("/v1/clinics/{clinic}/settings/patient_count");
            let unlimited = world.service().put(&limits, &json!({})).await;
            assert_eq!(unlimited.status, 200);
        }
        Self {
            world,
            source,
            target,
        }
    }

    async fn merge(&self) -> Answer {
        self.merge_by(&json!({ "sourceId": self.source })).await
    }

    async fn merge_by(&self, body: &Value) -> Answer {
        let path = format!("/v1/clinics/{}/merge", self.target);
        self.world.service().post(&path, body).await
    }

    /// The plan as it is shown.
    async fn plan(&self) -> Value {
        let path = format!("/v1/clinics/{}/reports/merge", self.target);
        let request = self.world.service().request(Method::POST, &path);
        let request = request.header("accept", "application/json");
        let body = json!({ "sourceId": self.source });
        let answer = send(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Asserts that the plan says why it may not be carried out, and that it is not.
    async fn assert_refused_for(&self, reason: &str) {
        let plan = self.plan().await;
        assert_eq!(plan["canExecute"], false);
        assert_eq!(plan["reasons"], json!([reason]));
        let before = self.world.everything().await;
        assert_refused(&self.merge().await, 400, REFUSED);
        assert_eq!(self.world.everything().await, before);
        assert_eq!(count(&self.world, "merges", doc! {}).await, 0);
        assert_eq!(count(&self.world, "merge_plans", doc! {}).await, 0);
    }

    /// Somebody whom a clinic enrols; the account.
    async fn enrol(&self, clinic: &str, details: &Value) -> String {
        let path = format!("/v1/clinics/{clinic}/patients");
        let answer = self.world.service().post(&path, details).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        id_of(&answer.json())
    }

    async fn patient(&self, clinic: &str, user: &str) -> Value {
        let path = format!("/v1/clinics/{clinic}/patients/{user}");
        let answer = self.world.service().get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn put(&self, path: &str, body: &Value) {
        let answer = self.world.service().put(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// What is asked of record numbers in both clinics.
    async fn ask_for_mrns(&self, required: bool, unique: bool) {
        for clinic in [&self.source, &self.target] {
            let path = format!("/v1/clinics/{clinic}/settings/mrn");
            let settings = json!({ "required": required, "unique": unique });
            self.put(&path, &settings).await;
        }
    }
}

async fn count(world: &World, collection: &str, filter: Document) -> u64 {
    let documents = world.collection(collection);
    documents.count_documents(filter).await.unwrap()
}

async fn stored(world: &World, collection: &str, filter: Document) -> Vec<Document> {
    let found = world.collection(collection).find(filter).await.unwrap();
    found.try_collect().await.unwrap()
}

fn numbered(name: &str, mrn: &str) -> Value {
    let mut patient = details(name);
    patient["mrn"] = json!(mrn);
    patient
}

/// What gatekeeper lets a clinician do on a patient's account.
async fn sees(world: &World, clinician: &str, patient: &str) -> Option<Value> {
    let path = format!("{}/access/{patient}/{clinician}", world.gatekeeper.url());
    let service = Person::at("", Some(&KEYS.server_token("user-api")));
    let answer = service.get(&path).await;
    (answer.status == 200).then(|| answer.json())
}

async fn tag(pair: &Pair, clinic: &str, name: &str) -> String {
    let path = format!("/v1/clinics/{clinic}/patient_tags");
    let (service, body) = (pair.world.service(), json!({ "name": name }));
    id_of(&service.post(&path, &body).await.json())
}

async fn site(pair: &Pair, clinic: &str, name: &str) -> String {
    let path = format!("/v1/clinics/{clinic}/sites");
    let (service, body) = (pair.world.service(), json!({ "name": name }));
    id_of(&service.post(&path, &body).await.json())
}

#[actix_web::test]
async fn everything_of_the_source_is_the_targets_afterwards() {
    let pair = Pair::start().await;
    let (world, source, target) = (&pair.world, &pair.source, &pair.target);
    let (a, b) = (tag(&pair, source, "A").await, tag(&pair, source, "B").await);
    let (a_of_target, c) = (tag(&pair, target, "A").await, tag(&pair, target, "C").await);
    let (north, south) = (
        site(&pair, source, "North").await,
        site(&pair, source, "South").await,
    );
    let (north_of_target, east) = (
        site(&pair, target, "north").await,
        site(&pair, target, "East").await,
    );
    let mut finn = details("Finn");
    finn["tags"] = json!([a, b]);
    finn["sites"] = json!([{ "id": north, "name": "x" }, { "id": south, "name": "x" }]);
    let finn = pair.enrol(source, &finn).await;
    world.share(source, ALICE, json!({ "view": {} })).await;
    world
        .share(target, ALICE, json!({ "view": {}, "note": {} }))
        .await;
    world.share(target, BOB, json!({ "view": {} })).await;
    let mut alice = details("Alice");
    alice["tags"] = json!([a, b]);
    alice["sites"] = json!([{ "id": south, "name": "x" }]);
    pair.put(&format!("/v1/clinics/{source}/patients/{ALICE}"), &alice)
        .await;
    alice["tags"] = json!([c, a_of_target]);
    alice["sites"] = json!([{ "id": east, "name": "x" }]);
    pair.put(&format!("/v1/clinics/{target}/patients/{ALICE}"), &alice)
        .await;
    world.employ(source, NINA, &["CLINIC_MEMBER"]).await;
    world.employ(source, TARA, &["CLINIC_MEMBER"]).await;
    let mut codes = Vec::new();
    for clinic in [source, target] {
        let clinic = world.clinic_document(clinic).await.unwrap();
        codes.push(clinic.get_str("canonicalShareCode").unwrap().to_owned());
    }

    let plan = pair.plan().await;
    assert_eq!(
        (&plan["canExecute"], &plan["reasons"]),
        (&json!(true), &json!([]))
    );
    let body = json!({ "sourceId": source, "planHash": plan["planHash"] });
    assert_empty(&pair.merge_by(&body).await, 200);
    world.settled().await;

    let merged: Value = world
        .service()
        .get(&format!("/v1/clinics/{target}"))
        .await
        .json();
    let tags = json!([
        { "id": a_of_target, "name": "A", "numPatients": 2 },
        { "id": c, "name": "C", "numPatients": 1 },
        { "id": b, "name": "B", "numPatients": 2 },
    ]);
    assert_eq!(merged["patientTags"], tags);
    let of_target = json!([
        { "id": north_of_target, "name": "north" },
        { "id": east, "name": "East", "numPatients": 1 },
        { "id": north, "name": "North (2)", "numPatients": 1 },
        { "id": south, "name": "South", "numPatients": 2 },
    ]);
    assert_eq!(merged["sites"], of_target);
    let moved = pair.patient(target, &finn).await;
    assert_eq!(moved["tags"], json!([a_of_target, b]));
    let sites = json!([
        { "id": north, "name": "North (2)" }, { "id": south, "name": "South" },
    ]);
    assert_eq!(moved["sites"], sites);
    let kept = pair.patient(target, ALICE).await;
    assert_eq!(kept["tags"], json!([c, a_of_target, b]));
    let sites = json!([{ "id": east, "name": "East" }, { "id": south, "name": "South" }]);
    assert_eq!(kept["sites"], sites);
    assert_eq!(kept["permissions"], json!({ "view": {}, "note": {} }));
    // Finn, Alice, Bob and the one to try things with.
    assert_eq!(world.totals(target).await, (4, 4));
    assert_counted(world).await;
    assert_gone(&pair).await;
    for code in codes {
        let path = format!("/v1/clinics/share_code/{code}");
        let found: Value = world.service().get(&path).await.json();
        assert_eq!(&found["id"], target, "{code}");
    }
    assert_staff(&pair).await;
    for (clinician, patient) in [(NINA, &*finn), (CAROL, BOB), (TARA, &*finn), (NINA, ALICE)] {
        assert!(
            sees(world, clinician, patient).await.is_some(),
            "{clinician} {patient}"
        );
    }
    let again = pair.merge().await;
    assert_refused(&again, 404, "clinic not found");
    assert_items(&pair).await;
}

/// Nothing of the source is there but in the archive.
async fn assert_gone(pair: &Pair) {
    let (world, source) = (&pair.world, &pair.source);
    let of_source = doc! { "clinicId": object_id(source) };
    for name in ["patients", "clinicians", "jobs"] {
        assert_eq!(count(world, name, of_source.clone()).await, 0, "{name}");
    }
    let lanes = doc! { "_id.clinic": object_id(source) };
    assert_eq!(count(world, "tallies", lanes).await, 0);
    assert!(world.clinic_document(source).await.is_none());
    let archived = doc! { "clinic._id": object_id(source) };
    assert_eq!(count(world, "clinic_deletions", archived).await, 1);
    // No patient was deleted but the one to try things with.
    let deleted = stored(world, "patient_deletions", doc! {}).await;
    assert_eq!(deleted.len(), 1);
    let demo = deleted[0].get_document("patient").unwrap();
    assert_eq!(demo.get_str("userId").unwrap(), DEMO);
}

/// Nina and Carol came, Tara keeps her role, and who was a member only runs nothing.
async fn assert_staff(pair: &Pair) {
    let target = pair.world.clinic_document(&pair.target).await.unwrap();
    let admins = target.get_array("admins").unwrap();
    let admins: Vec<&str> = admins.iter().map(|admin| admin.as_str().unwrap()).collect();
    assert_eq!(admins, [TARA, CAROL]);
    let of_target = doc! { "clinicId": object_id(&pair.target) };
    let staff = stored(&pair.world, "clinicians", of_target).await;
    let mut staff: Vec<(&str, &str)> = staff
        .iter()
        .map(|one| {
            let roles = one.get_array("roles").unwrap();
            (one.get_str("userId").unwrap(), roles[0].as_str().unwrap())
        })
        .collect();
    staff.sort_unstable();
    let wanted = [
        (CAROL, "CLINIC_ADMIN"),
        (NINA, "CLINIC_MEMBER"),
        (TARA, "CLINIC_ADMIN"),
    ];
    assert_eq!(staff, wanted);
}

/// What was planned is kept, item by item, without what data says.
async fn assert_items(pair: &Pair) {
    let items = stored(&pair.world, "merge_plans", doc! {}).await;
    let mut actions: Vec<String> = items
        .iter()
        .map(|item| {
            assert_eq!(item.get("planId"), items[0].get("planId"));
            let action = item.get_document("plan").unwrap().get_str("action");
            format!(
                "{} {}",
                item.get_str("type").unwrap(),
                action.unwrap_or("-")
            )
        })
        .collect();
    actions.sort_unstable();
    let wanted = [
        "clinic -",
        "clinician MERGE",
        "clinician MERGE_INTO",
        "clinician MOVE",
        "clinician MOVE",
        "patient MERGE",
        "patient MERGE_INTO",
        "patient MOVE",
        "patient RETAIN",
        "site MOVE",
        "site RENAME",
        "site RETAIN",
        "site RETAIN",
        "tag CREATE",
        "tag RETAIN",
        "tag RETAIN",
        "tag SKIP",
    ];
    assert_eq!(actions, wanted);
    let with_summary = doc! { "plan.sourcePatient.summary": { "$exists": true } };
    assert_eq!(count(&pair.world, "merge_plans", with_summary).await, 0);
}

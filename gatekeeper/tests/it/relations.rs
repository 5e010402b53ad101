//! The operations with which the clinic service maintains clinic relations.

use serde_json::{Value, json};

use crate::world::{World, assert_answer, post_raw};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// What the doctor can do on the patient's account; `null` for nothing.
async fn access(world: &World) -> Value {
    let answer = world.service().get("/access/patient/doctor").await;
    match answer.status {
        404 => Value::Null,
        _ => answer.json(),
    }
}

async fn relate_patient(world: &World, revision: i64, permissions: Option<Value>) {
    let path = format!("/internal/clinics/{CLINIC}/patients/patient");
    let answer = match permissions {
        Some(permissions) => {
            world
                .service()
                .put(
                    &path,
                    &json!({"revision": revision, "permissions": permissions}),
                )
                .await
        }
        None => {
            world
                .service()
                .delete(&format!("{path}?revision={revision}"))
                .await
        }
    };
    assert_eq!((answer.status, answer.text()), (204, ""));
}

async fn relate_clinician(world: &World, revision: i64, works: bool) {
    let path = format!("/internal/clinics/{CLINIC}/clinicians/doctor");
    let answer = if works {
        world
            .service()
            .put(&path, &json!({"revision": revision}))
            .await
    } else {
        world
            .service()
            .delete(&format!("{path}?revision={revision}"))
            .await
    };
    assert_eq!((answer.status, answer.text()), (204, ""));
}

#[actix_web::test]
async fn an_older_change_of_a_patient_never_overwrites_a_newer_one() {
    let world = World::start().await;
    world.work_for(CLINIC, "doctor").await;
    relate_patient(&world, 5, Some(json!({"view": {}}))).await;
    assert_eq!(access(&world).await, json!({"view": {}}));
    for late in [1, 4, 5] {
        relate_patient(&world, late, Some(json!({"upload": {}}))).await;
        relate_patient(&world, late, None).await;
        assert_eq!(access(&world).await, json!({"view": {}}));
    }
    relate_patient(&world, 6, None).await;
    assert_eq!(access(&world).await, Value::Null);
    for late in [5, 6] {
        relate_patient(&world, late, Some(json!({"view": {}}))).await;
        assert_eq!(access(&world).await, Value::Null);
    }
    relate_patient(&world, 7, Some(json!({"note": {}}))).await;
    assert_eq!(access(&world).await, json!({"note": {}}));
}

#[actix_web::test]
async fn an_older_change_of_a_clinician_never_overwrites_a_newer_one() {
    let world = World::start().await;
    relate_patient(&world, 1, Some(json!({"view": {}}))).await;
    relate_clinician(&world, 3, true).await;
    relate_clinician(&world, 2, false).await;
    relate_clinician(&world, 3, false).await;
    assert_eq!(access(&world).await, json!({"view": {}}));
    relate_clinician(&world, 4, false).await;
    relate_clinician(&world, 3, true).await;
    relate_clinician(&world, 4, true).await;
    assert_eq!(access(&world).await, Value::Null);
    relate_clinician(&world, 5, true).await;
    assert_eq!(access(&world).await, json!({"view": {}}));
}

#[actix_web::test]
async fn a_deletion_that_overtakes_its_creation_stays() {
    let world = World::start().await;
    relate_patient(&world, 2, None).await;
    relate_clinician(&world, 2, false).await;
    relate_patient(&world, 1, Some(json!({"view": {}}))).await;
    relate_clinician(&world, 1, true).await;
    assert_eq!(access(&world).await, Value::Null);
    relate_patient(&world, 3, Some(json!({"view": {}}))).await;
    assert_eq!(access(&world).await, Value::Null);
    relate_clinician(&world, 3, true).await;
    assert_eq!(access(&world).await, json!({"view": {}}));
}

#[actix_web::test]
async fn repeating_a_change_changes_nothing() {
    let world = World::start().await;
    relate_patient(&world, 1, Some(json!({"view": {"a": 1}}))).await;
    relate_clinician(&world, 1, true).await;
    let once = world.everything().await;
    relate_patient(&world, 1, Some(json!({"view": {"a": 1}}))).await;
    relate_clinician(&world, 1, true).await;
    assert_eq!(world.everything().await, once);
}

#[actix_web::test]
async fn changes_that_arrive_at_once_leave_the_latest() {
    let world = World::start().await;
    relate_clinician(&world, 1, true).await;
    for round in 0..20 {
        let first = round * 8 + 1;
        let changes = (0..8).map(|i| {
            relate_patient(
                &world,
                first + i,
                Some(json!({"view": {"revision": first + i}})),
            )
        });
        futures_util::future::join_all(changes).await;
        assert_eq!(
            access(&world).await,
            json!({"view": {"revision": first + 7}})
        );
        let changes = (0..8).map(|i| relate_clinician(&world, first + 1 + i, (i + round) % 2 == 0));
        futures_util::future::join_all(changes).await;
        assert_eq!(access(&world).await != Value::Null, (7 + round) % 2 == 0);
        relate_clinician(&world, first + 8 + 1, true).await;
    }
}

#[actix_web::test]
async fn a_relation_that_is_none_is_refused() {
    let world = World::start().await;
    let service = world.service();
    for clinic in [
        "1",
        "5f8f8f8f8f8f8f8f8f8f8f8",
        "5f8f8f8f8f8f8f8f8f8f8f8g",
        "5F8F8F8F8F8F8F8F8F8F8F8F",
        "5f8f8f8f8f8f8f8f8f8f8f8f5f",
        "%20",
        "$ne",
    ] {
        for (path, body) in [
            (
                format!("/internal/clinics/{clinic}/patients/p"),
                json!({"revision": 1, "permissions": {}}),
            ),
            (
                format!("/internal/clinics/{clinic}/clinicians/p"),
                json!({"revision": 1}),
            ),
        ] {
            let refused = json!({"code": "InvalidContent", "message": "Invalid clinic id: expected 24 hexadecimal digits"});
            assert_answer(&service.put(&path, &body).await, 400, &refused);
            assert_answer(
                &service.delete(&format!("{path}?revision=1")).await,
                400,
                &refused,
            );
        }
    }
    for kind in ["patients", "clinicians"] {
        let path = format!("/internal/clinics/{CLINIC}/{kind}/p");
        for query in [
            "",
            "?",
            "?revision",
            "?revision=",
            "?revision=x",
            "?revision=0",
            "?revision=-1",
            "?revision=1.5",
            "?revision=99999999999999999999",
            "?revision[$gt]=0",
            "?revision=1&revision=2",
            "?other=1",
        ] {
            let refused = json!({"code": "InvalidContent", "message": "Invalid revision: expected an integer, at least 1"});
            assert_answer(
                &service.delete(&format!("{path}{query}")).await,
                400,
                &refused,
            );
        }
        for body in [
            "",
            "null",
            "[]",
            "1",
            "{}",
            "{",
            r#"{"revision":"1"}"#,
            r#"{"revision":null,"permissions":{}}"#,
            r#"{"revision":{"$gt":0},"permissions":{}}"#,
            r#"{"revision":0,"permissions":{}}"#,
            r#"{"revision":0}"#,
            r#"{"revision":-1}"#,
            r#"{"revision":1,"permissions":[]}"#,
            r#"{"revision":1,"permissions":{"view":1}}"#,
            r#"{"revision":1,"permissions":{"$set":{}}}"#,
            r#"{"revision":1,"permissions":{"a.b":{}}}"#,
            r#"{"revision":1,"permissions":{},"deleted":true}"#,
            r#"{"revision":1,"userId":"x"}"#,
            r#"{"revision":1,"permissions":{"veiw":{}}}"#,
        ] {
            let request = service.request(reqwest::Method::PUT, &path).body(body);
            let answer = shared_runtime::testing::send(request).await;
            assert_eq!(answer.status, 400, "{kind} {body}");
            assert_eq!(answer.json::<Value>()["code"], "InvalidContent");
        }
    }
    assert!(world.everything().await.is_empty());
    assert_eq!(
        post_raw(
            &service,
            &format!("/internal/clinics/{CLINIC}/patients/p"),
            "{}"
        )
        .await
        .status,
        405
    );
}

#[actix_web::test]
async fn a_member_of_the_clinic_that_has_no_permissions_has_none() {
    let world = World::start().await;
    relate_clinician(&world, 1, true).await;
    relate_patient(&world, 1, Some(json!({}))).await;
    assert_eq!(access(&world).await, Value::Null);
    relate_patient(&world, 2, Some(json!({"notes": {}, "root": {}}))).await;
    assert_eq!(access(&world).await, json!({"note": {}}));
}

/// The relations of a kind that `query` asks for: their clinics and accounts, and how far they go.
async fn listed(world: &World, kind: &str, query: &str) -> (Vec<(String, String)>, Value) {
    let answer = world
        .service()
        .get(&format!("/internal/clinics/{kind}?{query}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let relations = body["relations"].as_array().unwrap().iter();
    let relations = relations.map(|each| (text(&each["userId"]), text(&each["clinicId"])));
    (relations.collect(), body["until"].clone())
}

#[actix_web::test]
async fn relations_are_listed_by_account_in_parts() {
    const OTHER: &str = "6a6a6a6a6a6a6a6a6a6a6a6a";
    let world = World::start().await;
    for user in ["a", "b", "c", "d"] {
        world.treat(CLINIC, user, json!({"view": {}})).await;
        world.work_for(CLINIC, user).await;
    }
    world.treat(OTHER, "b", json!({"note": {}})).await;
    let gone = format!("/internal/clinics/{CLINIC}/patients/c?revision=2");
    assert_eq!(world.service().delete(&gone).await.status, 204);
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(user, clinic): &(&str, &str)| ((*user).to_owned(), (*clinic).to_owned());
        pairs.iter().map(owned).collect()
    };
    let all = pairs(&[("a", CLINIC), ("b", CLINIC), ("b", OTHER), ("d", CLINIC)]);
    assert_eq!(
        listed(&world, "patients", "").await,
        (all.clone(), Value::Null)
    );
    // An account is whole, however little is asked for.
    for (query, expected, until) in [
        ("limit=1", &all[..1], json!("a")),
        ("limit=2", &all[..1], json!("a")),
        ("limit=3", &all[..3], json!("b")),
        ("after=a&limit=1", &all[1..3], json!("b")),
        ("after=b&limit=1", &[], json!("c")),
        ("after=c&limit=1", &all[3..], Value::Null),
        ("after=d", &[], Value::Null),
        ("after=a&until=b", &all[1..3], Value::Null),
        ("until=a", &all[..1], Value::Null),
    ] {
        let found = listed(&world, "patients", query).await;
        assert_eq!(found, (expected.to_vec(), until), "{query}");
    }
    let (clinicians, until) = listed(&world, "clinicians", "after=b").await;
    assert_eq!((clinicians.len(), until), (2, Value::Null));
    let answer = world
        .service()
        .get("/internal/clinics/patients?until=a")
        .await;
    let alone = json!({"clinicId": CLINIC, "userId": "a", "permissions": {"view": {}}});
    assert_answer(&answer, 200, &json!({"relations": [alone]}));
    for query in ["limit=0", "limit=x", "limit=70000", "after=", "other=1"] {
        let path = format!("/internal/clinics/patients?{query}");
        assert_eq!(world.service().get(&path).await.status, 400, "{query}");
    }
}

//! Lists of patients.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use serde_json::{Value, json};

use crate::world::{CAROL, NINA, STRANGER, World, assert_answer, assert_refused, details};

const NO_CLINIC: &str = "000000000000000000000000";

/// Stores patients of a clinic, called by their ids unless they say otherwise.
async fn store(world: &World, clinic: &str, patients: &[(&str, Document)]) {
    let clinic = ObjectId::parse_str(clinic).unwrap();
    let stored = patients.iter().map(|(id, members)| {
        let mut patient = doc! { "clinicId": clinic, "userId": *id, "fullName": *id };
        patient.extend(members.clone());
        patient
    });
    let patients = world.collection("patients");
    patients.insert_many(stored).await.unwrap();
}

fn cgm(period: &str, numbers: Document) -> Document {
    doc! { "summary": { "cgmStats": { "periods": { period: numbers } } } }
}

/// Whom the list with this query shows, of as many as it has.
async fn shown(world: &World, clinic: &str, query: &str) -> Vec<String> {
    let path = format!("/v1/clinics/{clinic}/patients?limit=100&{query}");
    let answer = world.user(CAROL).get(&path).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let list: Value = answer.json();
    let ids = list["data"].as_array().unwrap().iter();
    let ids: Vec<String> = ids
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(list["meta"]["count"], ids.len(), "{query}");
    ids
}

#[actix_web::test]
async fn a_clinic_without_patients_has_an_empty_list() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let empty = json!({ "data": [], "meta": { "count": 0, "totalCount": 0 } });
    for clinic in [&clinic, NO_CLINIC] {
        let path = format!("/v1/clinics/{clinic}/patients");
        assert_answer(&world.service().get(&path).await, 200, &empty);
        let searched = format!("{path}?search=x&sort=-lastData&sortType=cgm");
        assert_answer(&world.service().get(&searched).await, 200, &empty);
    }
}

#[actix_web::test]
async fn the_list_is_by_name_and_shows_what_each_patient_is() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients");
    for name in ["zoe", "Émile", "Ana", "émile"] {
        world.enrol(&clinic, &details(name)).await;
    }
    let list: Value = world.user(CAROL).get(&path).await.json();
    let names: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["fullName"])
        .collect();
    assert_eq!(names, ["Ana", "Émile", "émile", "zoe"]);
    assert_eq!(list["meta"], json!({ "count": 4, "totalCount": 4 }));
    for patient in list["data"].as_array().unwrap() {
        let of_patient = format!("{path}/{}", patient["id"].as_str().unwrap());
        let alone: Value = world.user(CAROL).get(&of_patient).await.json();
        assert_eq!(alone, *patient);
    }
    let page: Value = world
        .user(CAROL)
        .get(&format!("{path}?offset=1&limit=2"))
        .await
        .json();
    assert_eq!(page["data"], json!(list["data"].as_array().unwrap()[1..3]));
    let beyond = world.user(CAROL).get(&format!("{path}?offset=4")).await;
    let counts = json!({ "data": [], "meta": { "count": 4, "totalCount": 4 } });
    assert_answer(&beyond, 200, &counts);
    let found: Value = world
        .user(CAROL)
        .get(&format!("{path}?search=MILE&limit=1"))
        .await
        .json();
    assert_eq!(found["meta"], json!({ "count": 2, "totalCount": 4 }));
}

#[actix_web::test]
async fn a_search_finds_parts_of_texts_as_they_are_written() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    store(
        &world,
        &clinic,
        &[
            (
                "a000000001",
                doc! { "fullName": "Zoë O'Neil (jr.)", "birthDate": "1990-01-02" },
            ),
            (
                "a000000002",
                doc! { "mrn": "M.7", "email": "Zoe@example.org" },
            ),
            (
                "a000000003",
                doc! { "mrn": "MX7", "fullName": "nul\0here", "email": null },
            ),
        ],
    )
    .await;
    for (search, found) in [
        ("zo%C3%8B", vec!["a000000001"]),
        ("ZOE", vec!["a000000002"]),
        ("(JR.)", vec!["a000000001"]),
        ("m.7", vec!["a000000002"]),
        ("0-01-0", vec!["a000000001"]),
        ("L%00H", vec!["a000000003"]),
        ("a00000000", vec!["a000000002"]),
        ("%5E", vec![]),
        (".*", vec![]),
        ("%5C", vec![]),
        ("null", vec![]),
    ] {
        let shown = shown(&world, &clinic, &format!("search={search}")).await;
        assert_eq!(shown, found, "{search}");
    }
}

#[actix_web::test]
async fn tags_must_all_be_there_and_one_site() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let [one, two] = [ObjectId::new(), ObjectId::new()];
    let site = |id: ObjectId| doc! { "id": id, "name": "a site" };
    store(
        &world,
        &clinic,
        &[
            ("a", doc! { "tags": [one, two], "sites": [site(one)] }),
            ("b", doc! { "tags": [two], "sites": [site(one), site(two)] }),
            ("c", doc! { "tags": [], "sites": [] }),
            ("d", doc! {}),
            ("e", doc! { "tags": null, "sites": null }),
        ],
    )
    .await;
    let (one, two) = (one.to_hex(), two.to_hex());
    for (query, found) in [
        (format!("tags={two}"), vec!["a", "b"]),
        (format!("tags={two},none,{}", one.to_uppercase()), vec!["a"]),
        (format!("tags={NO_CLINIC}"), vec![]),
        ("tags=none".to_owned(), vec!["c", "d"]),
        (format!("sites={one}"), vec!["a", "b"]),
        (format!("sites={two},{NO_CLINIC}"), vec!["b"]),
        (format!("sites={one},{two}&tags={one}"), vec!["a"]),
        ("sites=,&tags=,".to_owned(), vec!["c", "d"]),
    ] {
        assert_eq!(shown(&world, &clinic, &query).await, found, "{query}");
    }
}

#[actix_web::test]
async fn ranges_and_reviews_are_filters() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let preset = |preset: &str| doc! { "glycemicRanges": { "type": "preset", "preset": preset } };
    let reviewed = |times: &[i64]| {
        let time = |time: &i64| doc! { "clinicianId": CAROL, "time": DateTime::from_millis(*time) };
        doc! { "reviews": times.iter().map(time).collect::<Vec<_>>() }
    };
    let mut c = reviewed(&[2_000, 500]);
    c.extend(preset("adaStandard"));
    let mut d = reviewed(&[1_000]);
    d.insert("glycemicRanges", doc! { "type": "custom" });
    let patients = [
        ("a", preset("adaHighRisk")),
        ("b", reviewed(&[])),
        ("c", c),
        ("d", d),
    ];
    store(&world, &clinic, &patients).await;
    for (query, found) in [
        ("omitNonStandardRanges=true", vec!["b", "c"]),
        ("omitNonStandardRanges=false", vec!["a", "b", "c", "d"]),
        ("lastReviewed=1970-01-01T00:00:01Z", vec!["d"]),
        ("lastReviewed=1970-01-01T01:00:02%2B01:00", vec!["c", "d"]),
        ("lastReviewed=1970-01-01T00:00:00.999Z", vec![]),
        (
            "sort=%2BlastReviewed&sortType=cgm",
            vec!["d", "c", "a", "b"],
        ),
        ("sort=-lastReviewed&sortType=bgm", vec!["c", "d", "a", "b"]),
    ] {
        assert_eq!(shown(&world, &clinic, query).await, found, "{query}");
    }
}

#[actix_web::test]
async fn numbers_of_the_period_are_filters_and_orders() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let dated = |time: i64| {
        let dates = doc! { "lastData": DateTime::from_millis(time) };
        doc! { "summary": { "bgmStats": { "dates": dates } } }
    };
    store(
        &world,
        &clinic,
        &[
            (
                "a",
                cgm(
                    "14d",
                    doc! { "max": 22.25, "totalRecords": 12, "timeInLowPercentDelta": -0.5 },
                ),
            ),
            (
                "b",
                cgm(
                    "14d",
                    doc! { "max": 3.5, "totalRecords": 7_i64, "timeInVeryHighRecords": 9 },
                ),
            ),
            (
                "c",
                cgm("7d", doc! { "max": 5.0, "timeInLowPercentDelta": 0.25 }),
            ),
            ("d", dated(0)),
            ("e", dated(2_000)),
        ],
    )
    .await;
    for (query, found) in [
        ("cgm.max=%3E5.0", vec!["a"]),
        ("cgm.max=%3E=3.5&cgm.totalRecords=%3C12", vec!["b"]),
        ("cgm.max=%3C=22.25", vec!["a", "b"]),
        ("cgm.max=%3E=5&period=7d", vec!["c"]),
        ("bgm.max=%3E0", vec![]),
        ("cgm.timeInLowPercentDelta=%3C-.25", vec!["a"]),
        ("cgm.timeInVeryHighRecords=%3E8", vec!["b"]),
        ("sort=%2Bmax&sortType=cgm", vec!["b", "a", "c", "d", "e"]),
        ("sort=-max&sortType=cgm", vec!["a", "b", "c", "d", "e"]),
        (
            "sort=%2BtimeInLowPercentDelta&sortType=cgm&period=7d",
            vec!["c", "a", "b", "d", "e"],
        ),
        ("sort=-lastData&sortType=bgm", vec!["e", "d", "a", "b", "c"]),
        (
            "sort=%2BlastData&sortType=bgm",
            vec!["d", "e", "a", "b", "c"],
        ),
        ("sort=-fullName&sortType=bgm", vec!["e", "d", "c", "b", "a"]),
        ("bgm.lastDataFrom=1970-01-01T00:00:00Z", vec!["d", "e"]),
        (
            "bgm.lastDataFrom=1970-01-01T00:00:00Z&bgm.lastDataTo=1970-01-01T00:00:02Z",
            vec!["d"],
        ),
        (
            "bgm.lastDataTo=0001-01-01T00:00:00Z",
            vec!["a", "b", "c", "d", "e"],
        ),
    ] {
        assert_eq!(shown(&world, &clinic, query).await, found, "{query}");
    }
}

#[actix_web::test]
async fn a_query_that_breaks_a_rule_is_refused() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients");
    let carol = world.user(CAROL);
    let long = format!("search={}", "x".repeat(1_001));
    for (query, name) in [
        ("search=", "search"),
        (long.as_str(), "search"),
        ("tags=", "tags"),
        ("sites", "sites"),
        ("tags=a&tags=b", "tags"),
        ("omitNonStandardRanges=yes", "omitNonStandardRanges"),
        ("lastReviewed=yesterday", "lastReviewed"),
        ("period=2d", "period"),
        ("sortType=smbg&sort=-max", "sortType"),
        ("sort=fullName&sortType=cgm", "sort"),
        ("limit=0", "limit"),
        ("offset=-1", "offset"),
        ("cgm.lastDataTo=2020", "cgm.lastDataTo"),
        ("bgm.lastDataFrom=", "bgm.lastDataFrom"),
        ("cgm.max=5", "cgm.max"),
        ("cgm.max=%3E", "cgm.max"),
        ("bgm.totalRecords=%3E1.5", "bgm.totalRecords"),
        ("cgm.min=%3E1&cgm.min=%3E2", "cgm.min"),
    ] {
        let answer = carol.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        let refusal: Value = answer.json();
        let message = refusal["message"].as_str().unwrap();
        let start = format!("parameter \"{name}\" in query has an error: ");
        assert!(message.starts_with(&start), "{query}: {message}");
    }
    let answer = carol.get(&format!("{path}?sort=%2BfullName")).await;
    let message = "bad request: invalid sort parameter, missing type";
    assert_refused(&answer, 400, message);
    for (attribute, kind) in [("email", "cgm"), ("hoursWithData", "bgm")] {
        let query = format!("sort=-{attribute}&sortType={kind}");
        let answer = carol.get(&format!("{path}?{query}")).await;
        let message = "bad request: invalid sort parameter, invalid sort attribute";
        assert_refused(&answer, 400, message);
    }
    // What is not known is ignored.
    assert_eq!(carol.get(&format!("{path}?x=&cgm.x=1")).await.status, 200);
}

#[actix_web::test]
async fn somebody_is_found_in_all_clinics_of_the_caller() {
    let world = World::start().await;
    let [oak, elm, other] = [
        world.clinic().await,
        world.clinic_of(NINA).await,
        world.clinic_of(STRANGER).await,
    ];
    world.employ(&elm, CAROL, &["PRESCRIBER"]).await;
    let source = doc! { "$set": { "ehrSettings": { "sourceId": "a-source" } } };
    let id = ObjectId::parse_str(&elm).unwrap();
    let clinics = world.collection("clinics");
    let updated = clinics.update_one(doc! { "_id": id }, source).await;
    assert_eq!(updated.unwrap().modified_count, 1);
    for (clinic, id) in [
        (&oak, "a000000002"),
        (&elm, "a000000001"),
        (&other, "a000000003"),
    ] {
        let members = doc! { "mrn": "Ä7", "birthDate": "2001-02-03" };
        store(&world, clinic, &[(id, members)]).await;
    }
    let without = [(
        "a000000004",
        doc! { "mrn": Bson::Null, "birthDate": "2002-02-03" },
    )];
    store(&world, &oak, &without).await;
    let carol = world.user(CAROL);
    let of_clinic = format!("workspaceId={oak}&workspaceIdType=clinicId");
    for (query, found) in [
        ("mrn=a7", vec!["a000000001", "a000000002"]),
        (
            "mrn=%C3%A47&birthDate=2001-02-03",
            vec!["a000000001", "a000000002"],
        ),
        ("birthDate=2002-02-03", vec!["a000000004"]),
        ("limit=1&offset=1", vec!["a000000002"]),
        ("", vec!["a000000001", "a000000002", "a000000004"]),
        ("mrn=a8", vec![]),
        (&of_clinic, vec!["a000000002", "a000000004"]),
        (
            "workspaceId=a-source&workspaceIdType=ehrSourceId",
            vec!["a000000001"],
        ),
        ("workspaceId=no-source&workspaceIdType=ehrSourceId", vec![]),
        ("workspaceId=no-id&workspaceIdType=clinicId", vec![]),
        (
            &format!("workspaceId={other}&workspaceIdType=clinicId"),
            vec![],
        ),
        ("workspaceIdType=clinicId&limit=1", vec!["a000000001"]),
    ] {
        let answer = carol.get(&format!("/v1/patients?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let list: Value = answer.json();
        let relations = list.as_array().unwrap().iter();
        let ids: Vec<&Value> = relations.map(|it| &it["patient"]["id"]).collect();
        assert_eq!(ids, found, "{query}");
    }
    let list: Value = carol.get("/v1/patients?mrn=A7&limit=1").await.json();
    assert_eq!(list[0]["clinic"]["id"], elm);
    let nobody = world.user("0000000098").get("/v1/patients").await;
    assert_answer(&nobody, 200, &json!([]));
    let answer = carol.get("/v1/patients?workspaceId=x").await;
    assert_refused(&answer, 400, "bad request: workspace id type is required");
    for query in ["mrn=", "workspaceId=x&workspaceIdType=other", "limit=0"] {
        let answer = carol.get(&format!("/v1/patients?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

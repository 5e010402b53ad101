//! What orders of hospitals reach in the database.

use bson::{DateTime, doc, oid::ObjectId};
use serde_json::{Value, json};
use shared_runtime::testing::{Profile, assert_indexed};

use super::{ALICE, ENOUGH, fill, work_of};
use crate::{
    hospital::{SOURCE, connected_clinic, deliver, order, stored, worked_off, working},
    world::World,
};

/// Messages of many sources, what was done with them, and clinics that are connected to others.
async fn fill_with_messages(world: &World, clinic: &str) {
    let oak = ObjectId::parse_str(clinic).unwrap();
    let time = |number: i64| DateTime::from_millis(number * 1_000);
    let (mut messages, mut reports, mut scheduled) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..2_000_i64 {
        let source = if number % 2 == 0 { SOURCE } else { "another" };
        let (id, log) = (ObjectId::new(), format!("l{number}"));
        messages.push(doc! {
            "_id": id, "_source": source, "_key": format!("message {number}"), "_sequence": number,
            "meta": {
                "DataModel": "Order", "EventType": "New", "Logs": [{ "ID": &log }],
                "Source": { "ID": source },
            },
            "message": { "Meta": { "Source": { "ID": source } } },
        });
        let outcome = if number % 50 == 0 {
            "refused"
        } else {
            "enabled"
        };
        reports.push(doc! {
            "_id": id, "source": source, "sequence": number, "outcome": outcome,
            "clinicId": if number % 50 == 1 { oak } else { ObjectId::new() },
            "processedTime": time(number),
        });
        scheduled.push(doc! {
            "lastMatchedOrder": { "_id": id }, "createdTime": DateTime::now(),
        });
    }
    let clinics = (0..2_000).map(|number| {
        let code = format!("AAAA-BBBB-{number:04}");
        let settings = doc! {
            "enabled": true, "provider": "redox", "sourceId": format!("s{number}"),
        };
        doc! { "shareCodes": [&code], "canonicalShareCode": &code, "ehrSettings": settings }
    });
    for (name, documents) in [
        ("redox", messages),
        ("redox_orders", reports),
        ("scheduledSummaryAndReportsOrders", scheduled),
        ("clinics", clinics.collect()),
    ] {
        let collection = world.collection(name);
        collection.insert_many(documents).await.unwrap();
    }
    let feed = doc! {
        "_id": SOURCE, "stored": 1_998_i64, "done": 1_998_i64, "isBehind": false, "attempts": 0,
        "owner": "", "leasedUntil": DateTime::MIN, "notBefore": DateTime::MIN,
    };
    world
        .collection("redox_feeds")
        .insert_one(feed)
        .await
        .unwrap();
}

#[actix_web::test]
async fn no_message_of_hospital_records_is_looked_for_among_all() {
    let world = working().await;
    let clinic = connected_clinic(&world).await;
    fill(&world, &clinic, (ObjectId::new(), ObjectId::new())).await;
    fill_with_messages(&world, &clinic).await;
    let merges = (0..500).map(|_| {
        let clinics = [ObjectId::new(), ObjectId::new()];
        let order = doc! { "source": clinics[0].to_hex(), "target": clinics[1].to_hex() };
        doc! { "clinics": clinics.to_vec(), "order": order, "doneTime": DateTime::now() }
    });
    world
        .collection("merges")
        .insert_many(merges)
        .await
        .unwrap();
    let database = &world.database.database;
    let profile = Profile::start(database).await;
    let message = order(5_000, "ENABLE-1", ("Patient", "x"), "2001-02-03", "mrn");
    assert_eq!(deliver(&world, &message).await.status, 200);
    worked_off(&world).await;
    assert_indexed(&profile.end().await, ENOUGH + 40);
    let id = stored(&world, 5_000)
        .await
        .get_object_id("_id")
        .unwrap()
        .to_hex();

    // All of those who have the number are found, and no more are looked at.
    let mut body = json!({
        "messageRef": { "dataModel": "Order", "eventType": "New", "documentId": id },
        "patients": { "criteria": ["MRN", "MRN_DOB", "DOB_FULLNAME"] },
    });
    for explain in [false, true] {
        body["explain"] = json!(explain);
        let profile = Profile::start(database).await;
        let answer = world.service().post("/v1/redox/match", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let found: Value = answer.json();
        assert_eq!(found["patients"].as_array().unwrap().len(), 20);
        assert_indexed(&profile.end().await, 20 + ENOUGH);
    }
    let one = doc! { "userId": "p000000000" };
    let renamed = doc! { "$set": { "userId": ALICE } };
    let patients = world.collection("patients");
    patients.update_one(one, renamed).await.unwrap();
    let one = doc! { "userId": ALICE };
    let orders = vec![doc! { "id": ObjectId::parse_str(&id).unwrap() }];
    let reports = doc! { "summaryAndReports": { "active": true, "matchedMessages": orders } };
    let ordered = doc! { "$set": { "ehrSubscriptions": reports } };
    patients.update_one(one, ordered).await.unwrap();
    for path in [
        format!("/v1/clinics/{clinic}/ehr/sync"),
        format!("/v1/patients/{ALICE}/ehr/sync"),
    ] {
        let profile = Profile::start(database).await;
        let answer = world.service().post(&path, &Value::Null).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_indexed(&profile.end().await, ENOUGH);
    }
    for (query, count) in [
        ("limit=10".to_owned(), 10),
        ("outcome=refused&limit=10".to_owned(), 10),
        (format!("clinicId={clinic}&limit=10"), 10),
        (format!("clinicId={clinic}&outcome=enabled&limit=10"), 10),
    ] {
        let path = format!("/v1/redox/orders?{query}");
        let (list, work) = work_of(&world, &world.service(), &path).await;
        assert_eq!(list.as_array().unwrap().len(), count, "{path}");
        assert_indexed(&work, 10 + ENOUGH);
    }
}

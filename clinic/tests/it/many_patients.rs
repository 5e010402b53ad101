//! A clinic with more patients than one request works off, and how they are counted.

use std::collections::BTreeMap;

use bson::{DateTime, Document, doc, oid::ObjectId};
use mongodb::{
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
    options::ReadConcern,
};

use crate::world::World;

/// More than one request works off.
pub(crate) const MANY: i64 = 1_300;
const LANES: i64 = 4;

pub(crate) fn object_id(text: &str) -> ObjectId {
    ObjectId::parse_str(text).unwrap()
}

/// The account of a patient of [`populate`].
pub(crate) fn account(number: i64) -> String {
    format!("a{number:09}")
}

/// Stores [`MANY`] patients with these labels, every fifth as the reference does it.
pub(crate) async fn populate(world: &World, clinic: &str, labels: &Document) {
    let now = DateTime::now();
    let mut tallies: BTreeMap<i64, i64> = BTreeMap::new();
    let patients = (0..MANY).map(|number| {
        let mut patient = doc! {
            "clinicId": object_id(clinic), "userId": account(number),
            "fullName": format!("Patient {number}"), "birthDate": "2001-02-03",
            "requireUniqueMrn": false, "createdTime": now, "updatedTime": now,
        };
        patient.extend(labels.clone());
        if number % 5 > 0 {
            let lane = number % LANES;
            let version = tallies.entry(lane).or_default();
            *version += 1;
            patient.extend(doc! { "_lane": i32::try_from(lane).unwrap(), "_version": *version });
        }
        patient
    });
    let patients: Vec<Document> = patients.collect();
    world
        .collection("patients")
        .insert_many(patients)
        .await
        .unwrap();
    for (lane, count) in tallies {
        let id = doc! {
            "clinic": object_id(clinic), "lane": i32::try_from(lane).unwrap(),
        };
        let mut counts = doc! { "version": count, "total": count, "plan": count };
        for tag in labels.get_array("tags").into_iter().flatten() {
            counts.insert(format!("tags.{}", tag.as_object_id().unwrap()), count);
        }
        for site in labels.get_array("sites").into_iter().flatten() {
            let site = site.as_document().unwrap().get_object_id("id").unwrap();
            counts.insert(format!("sites.{site}"), count);
        }
        let tallies = world.collection("tallies");
        let add = tallies.update_one(doc! { "_id": id }, doc! { "$inc": counts });
        add.upsert(true).await.unwrap();
    }
}

/// Numbers of patients by what they have, those that are none left out.
type Numbers = BTreeMap<String, i64>;

/// What the tallies say and what the documents say, at one moment.
async fn counted_and_recounted(world: &World) -> (Numbers, Numbers) {
    loop {
        match look(world).await {
            // There is no snapshot yet that has what was just made: a collection, an index.
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
            seen => return seen.unwrap(),
        }
    }
}

async fn look(world: &World) -> Result<(Numbers, Numbers), Error> {
    let client = world.database.database.client();
    let mut session = client.start_session().await?;
    let started = session.start_transaction();
    started.read_concern(ReadConcern::snapshot()).await?;
    let (mut counted, mut recounted) = (Numbers::new(), Numbers::new());
    let patients = world.collection("patients");
    let found = patients.find(doc! { "_lane": { "$ne": null } });
    let found = found.projection(doc! { "tags": 1, "sites.id": 1 });
    let mut found = found.session(&mut session).await?;
    while let Some(patient) = found.next(&mut session).await {
        let patient = patient?;
        *recounted.entry("total".to_owned()).or_default() += 1;
        for tag in patient.get_array("tags").into_iter().flatten() {
            let tag = tag.as_object_id().unwrap();
            *recounted.entry(format!("tags.{tag}")).or_default() += 1;
        }
        for site in patient.get_array("sites").into_iter().flatten() {
            let site = site.as_document().unwrap().get_object_id("id").unwrap();
            *recounted.entry(format!("sites.{site}")).or_default() += 1;
        }
    }
    let tallies = world.collection("tallies");
    let mut found = tallies.find(doc! {}).session(&mut session).await?;
    while let Some(tally) = found.next(&mut session).await {
        let tally = tally?;
        let total = tally.get_i64("total").unwrap_or_default();
        *counted.entry("total".to_owned()).or_default() += total;
        for kind in ["tags", "sites"] {
            for (id, count) in tally.get_document(kind).into_iter().flatten() {
                *counted.entry(format!("{kind}.{id}")).or_default() += count.as_i64().unwrap();
            }
        }
    }
    session.abort_transaction().await?;
    counted.retain(|_, count| *count != 0);
    Ok((counted, recounted))
}

/// The tallies say what the documents say.
pub(crate) async fn assert_counted(world: &World) {
    let (counted, recounted) = counted_and_recounted(world).await;
    assert_eq!(counted, recounted);
}

//! Filters by tags and sites, while their changes have yet to reach every patient.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use super::{finish, resting, stored};
use crate::{
    many_patients::{MANY, object_id, populate},
    sites, tags,
    world::{CAROL, World, assert_empty, id_of},
};

/// How many patients a list has with this filter.
async fn count(world: &World, clinic: &str, filter: &str) -> i64 {
    let path = format!("/v1/clinics/{clinic}/patients?limit=1&{filter}");
    let list: Value = world.user(CAROL).get(&path).await.json();
    let shown = list["data"].as_array().unwrap().len();
    let count = list["meta"]["count"].as_i64().unwrap();
    assert_eq!(shown, usize::from(count > 0), "{filter}");
    count
}

#[actix_web::test]
async fn filters_know_what_is_yet_to_be_written() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let gone = tags::create(&world, &clinic, "Gone").await;
    let kept = tags::create(&world, &clinic, "Kept").await;
    let south = sites::create(&world, &clinic, "South").await;
    let labels = doc! { "tags": [object_id(&kept), object_id(&gone)] };
    populate(&world, &clinic, &labels).await;
    let (carol, service) = (world.user(CAROL), world.service());
    let of_clinic = format!("/v1/clinics/{clinic}");
    let assert_counts = async |wanted: &[(String, i64)]| {
        for (filter, wanted) in wanted {
            assert_eq!(count(&world, &clinic, filter).await, *wanted, "{filter}");
        }
    };

    let of_tag = |tag: &str| format!("tags={tag}");
    let of_site = |site: &str| format!("sites={site}");
    let (untagged, nowhere) = (of_tag("none"), of_site("none"));
    let of_gone = format!("{of_clinic}/patient_tags/{gone}");
    assert_empty(&carol.delete(&of_gone).await, 204);
    assert!(stored(&world, doc! { "tags": object_id(&gone) }).await > 0);
    assert_counts(&[
        (of_tag(&gone), 0),
        (of_tag(&kept), MANY),
        (format!("tags={kept},{gone}"), 0),
        (untagged.clone(), 0),
    ])
    .await;

    let converted = format!("{of_clinic}/patient_tags/{kept}/site");
    let converted = send(service.request(Method::POST, &converted)).await;
    let north = id_of(&converted.json());
    assert!(stored(&world, doc! { "tags": object_id(&kept) }).await > 0);
    assert_counts(&[
        (of_tag(&kept), 0),
        (untagged.clone(), MANY),
        (of_site(&north), MANY),
        (format!("sites={south},{north}"), MANY),
        (of_site(&south), 0),
        (nowhere.clone(), 0),
    ])
    .await;

    let merge = format!("{of_clinic}/sites/{south}/merge");
    let merged = service.post(&merge, &json!({ "id": north })).await;
    assert_eq!(merged.status, 200, "{}", merged.text());
    assert_counts(&[
        (of_site(&north), 0),
        (of_site(&south), MANY),
        (nowhere.clone(), 0),
    ])
    .await;

    let of_south = format!("{of_clinic}/sites/{south}");
    assert_empty(&carol.delete(&of_south).await, 204);
    assert!(stored(&world, doc! { "tags": { "$ne": [] } }).await > 0);
    let assigned = format!("{of_clinic}/patients/assign_tag/{kept}");
    assert_counts(&[(of_site(&south), 0), (nowhere.clone(), MANY)]).await;
    assert_empty(&send(service.request(Method::POST, &assigned)).await, 200);
    let after = [
        (of_tag(&kept), MANY),
        (untagged, 0),
        (of_tag(&gone), 0),
        (nowhere, MANY),
    ];
    assert_counts(&after).await;
    finish(&world).await;
    assert_counts(&after).await;
}

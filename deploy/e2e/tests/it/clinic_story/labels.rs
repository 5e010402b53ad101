//! Tags and a site: made, assigned, searched, renamed, removed.

use serde_json::{Value, json};
use shared_runtime::testing::assert_empty;

use super::{Oak, patients::Enrolled, text};
use crate::people::Member;

pub(super) async fn tags_and_a_site_come_and_go(
    oak: &Oak<'_>,
    nina: &Member,
    alice: &Member,
    enrolled: &Enrolled,
) {
    let carol = &oak.carol;
    let Enrolled { finn, mia, .. } = enrolled;
    let pumps = make(oak, nina, "patient_tags", "Pumps").await;
    let young = make(oak, nina, "patient_tags", "Young").await;
    let north = make(oak, carol, "sites", "North").await;

    // To several at once by who runs the clinic, to one by a member.
    let assign = oak.path(format!("/patients/assign_tag/{pumps}"));
    let both = json!([alice.id, finn]);
    assert_empty(&carol.at_origin.post(&assign, &both).await, 200);
    let change = json!({
        "fullName": "Finn", "birthDate": "2001-02-03", "tags": [pumps, young],
        "sites": [{ "id": north, "name": "North" }],
    });
    let changed = nina.at_origin.put(&oak.patient(finn), &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let patient = oak.seen(nina, finn).await;
    assert_eq!(patient["tags"], change["tags"]);
    assert_eq!(patient["sites"], change["sites"]);

    let everybody = oak
        .found(nina, "sort=%2BfullName&sortType=cgm&limit=50")
        .await;
    assert_eq!(everybody.len(), 4);
    let tagged = format!("sort=%2BfullName&sortType=cgm&tags={pumps}");
    assert_eq!(oak.found(nina, &tagged).await, [alice.id.as_str(), finn]);
    let tagged = oak.found(nina, &format!("tags={pumps},{young}")).await;
    assert_eq!(tagged, [finn.as_str()]);
    let there = oak.found(nina, &format!("sites={north}")).await;
    assert_eq!(there, [finn.as_str()]);
    let named = oak.found(nina, &format!("search=ali&tags={pumps}")).await;
    assert_eq!(named, [alice.id.as_str()]);
    assert!(
        oak.found(nina, "search=ali&sites=000000000000000000000000")
            .await
            .is_empty()
    );
    assert_eq!(
        oak.found(nina, "search=mia%40example").await,
        [mia.as_str()]
    );

    rename(oak, nina, "patient_tags", &pumps, "Pump users").await;
    rename(oak, carol, "sites", &north, "Northern").await;
    let clinic: Value = nina.at_origin.get(&oak.path("")).await.json();
    let tags = json!([
        { "id": pumps, "name": "Pump users", "numPatients": 2 },
        { "id": young, "name": "Young", "numPatients": 1 },
    ]);
    assert_eq!(clinic["patientTags"], tags);
    let sites = json!([{ "id": north, "name": "Northern", "numPatients": 1 }]);
    assert_eq!(clinic["sites"], sites);
    let sites = json!([{ "id": north, "name": "Northern" }]);
    assert_eq!(oak.seen(nina, finn).await["sites"], sites);

    let of_pumps = oak.path(format!("/patient_tags/{pumps}"));
    assert_eq!(nina.at_origin.delete(&of_pumps).await.status, 403);
    assert_empty(&carol.at_origin.delete(&of_pumps).await, 204);
    let of_north = oak.path(format!("/sites/{north}"));
    assert_empty(&carol.at_origin.delete(&of_north).await, 204);
    let clinic: Value = nina.at_origin.get(&oak.path("")).await.json();
    let rest = json!([{ "id": young, "name": "Young", "numPatients": 1 }]);
    assert_eq!(clinic["patientTags"], rest);
    assert_eq!(clinic.get("sites"), None);
    assert_eq!(oak.seen(nina, &alice.id).await["tags"], Value::Null);
    let patient = oak.seen(nina, finn).await;
    assert_eq!(patient["tags"], json!([young]));
    assert_eq!(patient["sites"], json!([]));
    assert!(oak.found(nina, &format!("tags={pumps}")).await.is_empty());
    assert!(oak.found(nina, &format!("sites={north}")).await.is_empty());
}

/// `by` makes a tag or a site; its id.
async fn make(oak: &Oak<'_>, by: &Member, kind: &str, name: &str) -> String {
    let path = oak.path(format!("/{kind}"));
    let answer = by.at_origin.post(&path, &json!({ "name": name })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let made: Value = answer.json();
    assert_eq!(made["name"], name);
    text(&made["id"])
}

async fn rename(oak: &Oak<'_>, by: &Member, kind: &str, id: &str, name: &str) {
    let path = oak.path(format!("/{kind}/{id}"));
    let body = json!({ "id": id, "name": name });
    let answer = by.at_origin.put(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<Value>()["name"], name);
}

//! What gatekeeper is asked, and its stand-in.

use serde_json::{Value, json};

use super::{
    CLINIC,
    side::{At, Side},
};

pub(super) async fn play(side: &mut Side<'_>) {
    pairs(side).await;
    grants(side).await;
    holders(side).await;
    relations(side).await;
    locks(side).await;
    removals(side).await;
}

/// What is granted, as both lists and the pair show it.
async fn look(side: &mut Side<'_>, sharer: &str, grantee: &str) {
    for what in [
        format!("GET /access/{{{sharer}}}/{{{grantee}}}"),
        format!("GET /access/{{{sharer}}}"),
        format!("GET /access/groups/{{{grantee}}}"),
    ] {
        side.ask(At::Gatekeeper, &what, Value::Null).await;
    }
}

async fn replace(side: &mut Side<'_>, pair: &str, set: Value) {
    side.ask(At::Gatekeeper, &format!("POST /access/{pair}"), set)
        .await;
}

async fn pairs(side: &mut Side<'_>) {
    look(side, "alice", "bob").await;
    for set in [
        json!({ "view": {}, "notes": {} }),
        json!({ "root": {}, "upload": {} }),
        Value::Null,
    ] {
        replace(side, "{alice}/{bob}", set).await;
        look(side, "alice", "bob").await;
    }
    replace(side, "{alice}/{alice}", json!({ "view": {} })).await;
    look(side, "alice", "alice").await;
    replace(side, "{alice}/{bob}", json!(["view"])).await;
    for what in [
        "GET /access/{alice}/{bob}",
        "GET /internal/users/{alice}/administered",
    ] {
        side.ask_with("nonsense", At::Gatekeeper, what, Value::Null)
            .await;
        side.ask_with("", At::Gatekeeper, what, Value::Null).await;
    }
}

async fn grants(side: &mut Side<'_>) {
    let offer = json!({
        "sharerId": "{alice}", "granteeId": "{bob}", "permissions": { "view": {}, "unknown": {} },
    });
    let mut on_behalf = offer.clone();
    on_behalf["grantedBy"] = json!("{carol}");
    on_behalf["permissions"] = json!({ "note": {} });
    let put = "PUT /internal/grants/first";
    side.ask(At::Gatekeeper, put, offer.clone()).await;
    look(side, "alice", "bob").await;
    replace(side, "{alice}/{bob}", json!({})).await;
    side.ask(At::Gatekeeper, put, offer).await;
    look(side, "alice", "bob").await;
    let put = "PUT /internal/grants/second";
    side.ask(At::Gatekeeper, put, on_behalf.clone()).await;
    replace(side, "{alice}/{carol}", json!({ "admin": {} })).await;
    side.ask(At::Gatekeeper, put, on_behalf).await;
    look(side, "alice", "bob").await;
}

async fn holders(side: &mut Side<'_>) {
    for (grantee, set) in [
        ("bob", json!({ "admin": {}, "view": {} })),
        ("bob", json!({ "view": {} })),
        ("nobody", json!({ "admin": {} })),
        ("bob", json!({})),
        ("carol", json!({ "custodian": {} })),
        ("bob", json!({})),
        ("carol", json!({})),
    ] {
        replace(side, &format!("{{child}}/{{{grantee}}}"), set).await;
    }
    look(side, "child", "carol").await;
    for (account, version) in [("child", 9), ("alice", 9), ("nobody", 9)] {
        let what = format!("PUT /internal/users/{{{account}}}/holders");
        let body = json!({ "version": version, "holders": ["{carol}", "{nobody}"] });
        side.ask(At::UserApi, &what, body).await;
    }
    let what = "PUT /internal/users/{child}/holders";
    side.ask(At::UserApi, what, json!({ "holders": [] })).await;
}

async fn relations(side: &mut Side<'_>) {
    let patient = format!("/internal/clinics/{CLINIC}/patients/{{alice}}");
    let clinician = format!("/internal/clinics/{CLINIC}/clinicians/{{dave}}");
    let set =
        |revision: i64, name: &str| json!({ "revision": revision, "permissions": { name: {} } });
    for (what, body) in [
        (format!("PUT {patient}"), set(2, "view")),
        (format!("PUT {clinician}"), json!({ "revision": 2 })),
        (format!("PUT {patient}"), set(1, "upload")),
        (format!("PUT {patient}"), set(2, "upload")),
        (format!("PUT {patient}"), set(3, "custodian")),
        (format!("DELETE {clinician}?revision=1"), Value::Null),
        (format!("DELETE {clinician}?revision=3"), Value::Null),
        (format!("PUT {clinician}"), json!({ "revision": 2 })),
        (format!("PUT {clinician}"), json!({ "revision": 4 })),
        (format!("DELETE {patient}?revision=4"), Value::Null),
        (format!("PUT {patient}"), set(0, "view")),
        (format!("DELETE {patient}"), Value::Null),
        (
            "PUT /internal/clinics/c/patients/{alice}".to_owned(),
            set(5, "view"),
        ),
    ] {
        side.ask(At::Gatekeeper, &what, body).await;
        look(side, "alice", "dave").await;
    }
    // A clinic that runs the child lets its last holder go.
    let child = format!("PUT /internal/clinics/{CLINIC}/patients/{{child}}");
    side.ask(At::Gatekeeper, &child, set(1, "custodian")).await;
    administered(side).await;
    replace(side, "{child}/{carol}", json!({})).await;
    administered(side).await;
}

async fn administered(side: &mut Side<'_>) {
    for name in ["bob", "carol", "nobody"] {
        let what = format!("GET /internal/users/{{{name}}}/administered");
        side.ask(At::Gatekeeper, &what, Value::Null).await;
    }
}

async fn locks(side: &mut Side<'_>) {
    for account in ["alice", "child", "child", "dave"] {
        let what = format!("PUT /internal/users/{{{account}}}/lock");
        side.ask(At::Gatekeeper, &what, Value::Null).await;
    }
}

async fn removals(side: &mut Side<'_>) {
    replace(side, "{kid}/{bob}", json!({ "custodian": {} })).await;
    replace(
        side,
        "{kid}/{carol}",
        json!({ "custodian": {}, "view": {} }),
    )
    .await;
    let grantees = "GET /internal/users/{kid}/grantees";
    side.ask(At::Gatekeeper, grantees, Value::Null).await;
    let custodians = "DELETE /internal/users/{kid}/custodians";
    side.ask(At::Gatekeeper, custodians, Value::Null).await;
    look(side, "kid", "carol").await;
    for query in ["", "?until=soon", "?until=1000", "?until=4102444800000"] {
        let what = format!("DELETE /internal/users/{{kid}}/grantees{query}");
        side.ask(At::Gatekeeper, &what, Value::Null).await;
        side.ask(At::Gatekeeper, grantees, Value::Null).await;
    }
    let forget = "DELETE /internal/users/{alice}";
    side.ask(At::Gatekeeper, forget, Value::Null).await;
    look(side, "alice", "carol").await;
    let lock = "PUT /internal/users/{alice}/lock";
    side.ask(At::Gatekeeper, lock, Value::Null).await;
}

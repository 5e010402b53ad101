//! Invitations as the sharing side makes them.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use stand_ins::{gatekeeper, user_api};

use crate::world::{ORIGIN, World, assert_empty, assert_refused, send_raw, timeless};

const PATH: &str = "/confirm/send/invite/alice";
const UNREADABLE: &str = "Error decoding the confirmation";

/// What the sender is answered, apart from key and times.
fn answered(email: &str, context: &Value) -> Value {
    json!({
        "type": "careteam_invitation", "email": email, "creatorId": "alice",
        "creator": {
            "userid": "alice",
            "profile": {"fullName": "alice of Tide", "patient": {
                "birthday": "", "diagnosisDate": "", "isOtherPerson": false, "fullName": "",
            }},
        },
        "context": context, "modified": "0001-01-01T00:00:00Z", "status": "pending",
        "restrictions": null, "invitedBy": "alice", "permissions": context["permissions"],
    })
}

#[actix_web::test]
async fn an_invitation_to_a_stranger() {
    let world = World::start().await;
    world.user_api.has("alice");
    let body = json!({"email": "Carol+x@Example.org", "permissions": {"view": {}, "note": {}}});
    let answer = world.user("alice").post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Value = answer.json();
    let context = json!({"permissions": {"view": {}, "note": {}}});
    assert_eq!(
        timeless(sent.clone(), 7),
        answered("Carol+x@Example.org", &context)
    );
    let key = sent["key"].as_str().unwrap();
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "");
    assert_eq!(stored.get_str("creatorId").unwrap(), "alice");
    assert_eq!(
        stored.get_str("templateName").unwrap(),
        "careteam_invitation"
    );
    assert!(!stored.contains_key("senderId"));
    let mail = world.mail().await;
    assert_eq!(mail.to, ["Carol+x@Example.org"]);
    assert!(mail.subject.contains("alice of Tide"), "{}", mail.subject);
    let link = format!("{ORIGIN}/signup/personal?inviteEmail=Carol%2Bx%40Example.org");
    assert_eq!(mail.link().as_str(), link);
    // Who has an account is found by it; the mail's key would be no use to anybody.
    assert!(!mail.raw.contains(key));
}

#[actix_web::test]
async fn an_invitation_to_somebody_with_an_account() {
    let world = World::start().await;
    world.user_api.has("alice");
    world.user_api.has("carol");
    let sent = world
        .invite("alice", "CAROL@example.org", json!({"view": {}}))
        .await;
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "carol");
    assert!(!sent.to_string().contains("\"carol\""));
    let mail = world.mail().await;
    let link = format!("{ORIGIN}/login?inviteEmail=CAROL%40example.org");
    assert_eq!(mail.link().as_str(), link);
}

#[actix_web::test]
async fn an_account_whose_address_is_not_verified_is_not_given_the_invitation() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .user_api
        .has_with("carol", json!({"emailVerified": false}));
    world.user_api.has_with(
        "dave",
        json!({"emails": ["dave@example.org", "second@example.org"]}),
    );
    for email in ["carol@example.org", "second@example.org"] {
        let sent = world.invite("alice", email, json!({"view": {}})).await;
        let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
        assert_eq!(stored.get_str("userId").unwrap(), "", "{email}");
    }
}

#[actix_web::test]
async fn permissions_come_in_every_form() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let wanted = json!({"view": {}, "note": {}});
    for (index, (permissions, wanted)) in [
        (json!({"view": {}, "note": {}}), wanted.clone()),
        (json!(["view", "note"]), wanted.clone()),
        (json!([{"view": {}}, {"note": {}}]), wanted.clone()),
        (json!({"view": {}, "notes": {}}), wanted.clone()),
        (json!(["view", "notes"]), wanted.clone()),
        (json!([{"view": {}}, "notes"]), wanted),
        (json!({}), json!({})),
        (json!([]), json!({})),
        (
            json!({"edit": {"since": 1}, "root": {}}),
            json!({"edit": {"since": 1}, "root": {}}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("carol{index}@example.org");
        let sent = world.invite("alice", &email, permissions).await;
        assert_eq!(sent["permissions"], wanted);
        assert_eq!(sent["context"], json!({ "permissions": wanted }));
    }
}

#[actix_web::test]
async fn permissions_that_there_are_not_cannot_be_offered() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    for (permissions, reason) in [
        (json!({"veiw": {}}), "Unknown permissions: veiw"),
        (json!(["x", "view"]), "Unknown permissions: x"),
        (
            json!([{"view": {}}, {"banana": {}}, "Note"]),
            "Unknown permissions: Note, banana",
        ),
        (json!({"view": {"n": 1.0}}), UNREADABLE),
        (json!({"view": {"n": u64::MAX}}), UNREADABLE),
    ] {
        let body = json!({"email": "carol@example.org", "permissions": permissions});
        let answer = world.user("alice").post(PATH, &body).await;
        assert_refused(&answer, 400, reason);
    }
    assert_eq!(
        world
            .confirmations()
            .count_documents(doc! {})
            .await
            .unwrap(),
        0
    );
    let numbers = json!({"view": {"n": [9_007_199_254_740_993_i64, i64::MIN, 1.5]}});
    let sent = world
        .invite("alice", "carol@example.org", numbers.clone())
        .await;
    let listed: Vec<Value> = world
        .user("alice")
        .get("/confirm/invite/alice")
        .await
        .json();
    for shown in [&sent, &listed[0]] {
        assert_eq!(shown["permissions"], numbers);
    }
}

#[actix_web::test]
async fn a_nickname_and_alerts_go_with_the_invitation() {
    let world = World::start().await;
    world.user_api.has("alice");
    let alerts = json!({
        "uploadId": "u1", "low": {"enabled": true, "repeat": 5, "delay": 10,
        "threshold": {"units": "mg/dL", "value": 70.5}}, "noCommunication": {"enabled": false},
    });
    let body = json!({
        "email": "carol@example.org", "permissions": {"view": {}, "follow": {}},
        "nickname": "Aunt Carol", "alertsConfig": alerts,
    });
    let answer = world.user("alice").post(PATH, &body).await;
    let context = json!({
        "permissions": {"view": {}, "follow": {}}, "nickname": "Aunt Carol",
        "alertsConfig": alerts,
    });
    let sent: Value = answer.json();
    assert_eq!(
        timeless(sent.clone(), 7),
        answered("carol@example.org", &context)
    );
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    let template = stored.get_str("templateName").unwrap();
    assert_eq!(template, "careteam_invitation_with_alerting");
    assert!(world.mail().await.text.contains("Aunt Carol"));
    // Nothing is the same as absent.
    let body = json!({
        "email": "dave@example.org", "permissions": {}, "nickname": "", "alertsConfig": null,
    });
    let answer = world.user("alice").post(PATH, &body).await;
    assert_eq!(
        answer.json::<Value>()["context"],
        json!({"permissions": {}})
    );
}

#[actix_web::test]
async fn what_must_be_given_is_given() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    for body in [
        json!({}),
        json!({"email": "carol@example.org"}),
        json!({"email": "carol@example.org", "permissions": null}),
        json!({"permissions": {"view": {}}}),
        json!({"email": "", "permissions": {"view": {}}}),
        json!({"email": "carol", "permissions": {"view": {}}}),
        json!({"email": "carol@", "permissions": {"view": {}}}),
        json!({"email": "c a@example.org", "permissions": {"view": {}}}),
        json!({"email": "c@e.org\r\nBcc: eve@e.org", "permissions": {"view": {}}}),
        json!({"email": "c@e.org,d@e.org", "permissions": {"view": {}}}),
    ] {
        assert_empty(&alice.post(PATH, &body).await, 400);
    }
    for body in [
        json!({"email": "carol@example.org", "permissions": "view"}),
        json!({"email": "carol@example.org", "permissions": 1}),
        json!({"email": "carol@example.org", "permissions": [1]}),
        json!({"email": "carol@example.org", "permissions": [{"view": {}, "note": {}}]}),
        json!({"email": "carol@example.org", "permissions": {"view": true}}),
        json!({"email": "carol@example.org", "permissions": {}, "nickname": 1}),
        json!({"email": "carol@example.org", "permissions": {}, "alertsConfig": "yes"}),
        json!({"email": "carol@example.org", "permissions": {"follow": {}},
               "alertsConfig": {"low": {"enabled": true, "threshold": {"units": "x", "value": 1}}}}),
    ] {
        assert_refused(&alice.post(PATH, &body).await, 400, UNREADABLE);
    }
    for body in ["", "{", "[]x", "null"] {
        let answer = send_raw(&alice, Method::POST, PATH, body).await;
        assert_refused(&answer, 400, UNREADABLE);
    }
    assert!(
        world
            .everything(&["confirmations", "mail_outbox", "quotas"])
            .await
            .is_empty()
    );
}

#[actix_web::test]
async fn alerts_without_the_right_to_follow_are_refused_when_they_are_accepted() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.user_api.has("carol");
    let body = json!({
        "email": "carol@example.org", "permissions": {"view": {}},
        "alertsConfig": {"uploadId": "u1"},
    });
    let answer = world.user("alice").post(PATH, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let path = "/confirm/accept/invite/carol/alice";
    let answer = world.user("carol").put(path, &Value::Null).await;
    assert_refused(&answer, 400, "Error validating the confirmation context");
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
}

#[actix_web::test]
async fn who_invites_on_behalf_of_another_is_noted() {
    let world = World::without_relay().await;
    for id in ["alice", "bob"] {
        world.user_api.has(id);
    }
    world
        .gatekeeper
        .grant("alice", "bob", json!({"custodian": {}}));
    for (caller, email, sender) in [
        (world.user("bob"), "c@example.org", Some("bob")),
        (world.user("alice"), "d@example.org", None),
        (world.service(), "e@example.org", None),
    ] {
        let body = json!({"email": email, "permissions": {"view": {}}});
        let sent: Value = caller.post(PATH, &body).await.json();
        assert_eq!(sent["creatorId"], "alice");
        let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
        assert_eq!(stored.get_str("senderId").ok(), sender);
    }
}

#[actix_web::test]
async fn an_invitation_without_profile_of_its_creator_is_still_one_answer() {
    let world = World::start().await;
    world.user_api.has("alice");
    world.user_api.profile("alice", Value::Null);
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    assert_eq!(sent["creator"], json!({"profile": null, "userid": ""}));
    assert!(world.mail().await.subject.contains("Tidegate user"));
    // A service may invite for an account that user-api does not know.
    let body = json!({"email": "dave@example.org", "permissions": {}});
    let answer = world
        .service()
        .post("/confirm/send/invite/ghost", &body)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json::<Value>()["creator"],
        json!({"profile": null, "userid": ""})
    );
}

#[actix_web::test]
async fn a_parents_mail_names_the_child() {
    let world = World::start().await;
    world.user_api.has_child("alice", "2010-01-02");
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    let patient = json!({
        "birthday": "2010-01-02", "diagnosisDate": "2020-02-02", "isOtherPerson": true,
        "fullName": "alice",
    });
    let creator =
        json!({"profile": {"fullName": "A Parent", "patient": patient}, "userid": "alice"});
    assert_eq!(sent["creator"], creator);
    let mail = world.mail().await;
    assert_eq!(mail.subject, "Invitation to the care team of alice");
    for secret in ["2010-01-02", "2020-02-02", "A Parent"] {
        assert!(!mail.raw.contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn a_peer_that_fails_stops_the_invitation() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.user_api.has("carol");
    let body = json!({"email": "carol@example.org", "permissions": {"view": {}}});
    let assert_fails = async |text: &str| {
        assert_refused(&world.user("alice").post(PATH, &body).await, 500, text);
    };
    world.user_api.fail(user_api::Ask::People, 500);
    assert_fails("Error finding the user").await;
    world.user_api.mend_all();
    world.gatekeeper.fail(gatekeeper::Ask::Pair, 500);
    assert_fails("Internal Server Error").await;
    world.gatekeeper.mend_all();
    assert!(
        world
            .everything(&["confirmations", "mail_outbox"])
            .await
            .is_empty()
    );
    assert_eq!(world.user("alice").post(PATH, &body).await.status, 200);
}

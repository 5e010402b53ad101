//! `POST /access/{sharer_id}/{user_id}`, apart from the last-admin rule.

use bson::doc;
use serde_json::{Value, json};

use crate::world::{World, assert_answer, assert_unauthorized, post_raw};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

#[actix_web::test]
async fn whoever_runs_the_account_replaces_the_whole_set() {
    let world = World::start().await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    world
        .grant("alice", "custodian", json!({"custodian": {}}))
        .await;
    let writers = [
        world.user("alice"),
        world.user("admin"),
        world.user("custodian"),
        world.service(),
    ];
    for writer in writers {
        for set in [
            json!({"view": {}, "note": {}}),
            json!({"upload": {"sources": ["carelink"]}}),
            json!({"view": {"messages": false}}),
            json!({"follow": {"n": 1.5}}),
        ] {
            assert_answer(&writer.post("/access/alice/bob", &set).await, 200, &set);
            assert_answer(&world.user("bob").get("/access/alice/bob").await, 200, &set);
        }
    }
}

#[actix_web::test]
async fn numbers_come_back_as_they_were_sent() {
    let world = World::start().await;
    let alice = world.user("alice");
    let body = r#"{"view":{"a":[0,-1,2147483648,9007199254740993,-9223372036854775808,1.5,0.30000000000000004,5e-324]}}"#;
    let answer = post_raw(&alice, "/access/alice/bob", body).await;
    assert_eq!((answer.status, answer.text()), (200, body));
    assert_eq!(alice.get("/access/alice/bob").await.text(), body);
}

#[actix_web::test]
async fn nothing_removes_the_pair() {
    let world = World::start().await;
    let alice = world.user("alice");
    for body in ["", "{}", "null", " \n", r#"{"root":{}}"#] {
        world.grant("alice", "bob", json!({"view": {}})).await;
        let answer = post_raw(&alice, "/access/alice/bob", body).await;
        assert_answer(&answer, 200, &Value::Null);
        assert_eq!(answer.text(), "null");
        assert_eq!(alice.get("/access/alice/bob").await.status, 404);
        assert!(world.everything().await.is_empty());
        // A second removal finds nothing and says the same.
        assert_eq!(
            post_raw(&alice, "/access/alice/bob", body).await.text(),
            "null"
        );
    }
}

#[actix_web::test]
async fn root_is_never_stored_and_notes_is_note() {
    let world = World::start().await;
    let answer = world
        .user("alice")
        .post("/access/alice/bob", &json!({"root": {}, "notes": {}}))
        .await;
    assert_answer(&answer, 200, &json!({"note": {}}));
    let stored = world.everything().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(
        stored[0].get_document("permissions").unwrap(),
        &doc! {"note": {}}
    );
}

#[actix_web::test]
async fn of_an_account_on_itself_nothing_is_written() {
    let world = World::start().await;
    for body in [json!({"view": {}}), json!({}), Value::Null] {
        let answer = world.user("alice").post("/access/alice/alice", &body).await;
        assert_answer(&answer, 200, &json!({"root": {}}));
    }
    assert_unauthorized(
        &world
            .user("bob")
            .post("/access/alice/alice", &json!({}))
            .await,
    );
    assert!(world.everything().await.is_empty());
}

#[actix_web::test]
async fn others_change_nothing() {
    let world = World::start().await;
    world.grant("alice", "viewer", json!({"view": {}})).await;
    world
        .grant(
            "alice",
            "uploader",
            json!({"upload": {}, "edit": {}, "note": {}}),
        )
        .await;
    world.grant("alice", "victim", json!({"view": {}})).await;
    let before = world.everything().await;
    for caller in ["viewer", "uploader", "stranger"] {
        for body in [
            json!({"view": {}}),
            json!({}),
            Value::Null,
            json!({"admin": {}}),
        ] {
            for grantee in ["victim", "newcomer", "alice"] {
                let answer = world
                    .user(caller)
                    .post(&format!("/access/alice/{grantee}"), &body)
                    .await;
                assert_unauthorized(&answer);
            }
        }
    }
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn a_grantee_gives_up_what_it_has_and_takes_nothing() {
    let world = World::start().await;
    let carol = world.user("carol");
    let all = json!({"view": {}, "upload": {"sources": ["carelink"]}, "note": {}});
    world.grant("alice", "carol", all.clone()).await;
    for refused in [
        json!({"edit": {}}),
        json!({"view": {}, "upload": {"sources": ["carelink"]}, "note": {}, "edit": {}}),
        json!({"view": {"more": 1}}),
        json!({"upload": {}}),
        json!({"admin": {}}),
        json!({"custodian": {}, "view": {}}),
    ] {
        assert_unauthorized(&carol.post("/access/alice/carol", &refused).await);
        assert_answer(&carol.get("/access/alice/carol").await, 200, &all);
    }
    for allowed in [
        all.clone(),
        json!({"view": {}, "upload": {"sources": ["carelink"]}}),
        json!({"root": {}, "view": {}}),
    ] {
        let mut left = allowed.clone();
        left.as_object_mut().unwrap().remove("root");
        assert_answer(
            &carol.post("/access/alice/carol", &allowed).await,
            200,
            &left,
        );
    }
    assert_answer(
        &carol.post("/access/alice/carol", &json!({})).await,
        200,
        &Value::Null,
    );
    // Nothing is left to give up, so the caller is a stranger.
    assert_unauthorized(&carol.post("/access/alice/carol", &json!({})).await);
    assert_unauthorized(
        &carol
            .post("/access/alice/carol", &json!({"view": {}}))
            .await,
    );
}

#[actix_web::test]
async fn an_admin_changes_its_own_set_freely() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"admin": {}})).await;
    let bob = world.user("bob");
    let more = json!({"admin": {}, "view": {}, "follow": {}});
    assert_answer(&bob.post("/access/alice/bob", &more).await, 200, &more);
    // The account is unknown to user-api, so nobody has to run it.
    assert_answer(
        &bob.post("/access/alice/bob", &json!({"view": {}})).await,
        200,
        &json!({"view": {}}),
    );
    assert_unauthorized(&bob.post("/access/alice/bob", &more).await);
}

#[actix_web::test]
async fn what_clinics_gave_stays() {
    let world = World::start().await;
    world
        .treat(CLINIC, "patient", json!({"view": {}, "note": {}}))
        .await;
    world.work_for(CLINIC, "doctor").await;
    let doctor = world.user("doctor");
    let by_clinic = json!({"view": {}, "note": {}});
    // Without a direct grant there is nothing to give up, which is no offence.
    assert_answer(
        &doctor.post("/access/patient/doctor", &json!({})).await,
        200,
        &by_clinic,
    );
    // Nor does access through a clinic become a direct grant.
    assert_unauthorized(
        &doctor
            .post("/access/patient/doctor", &json!({"view": {}}))
            .await,
    );

    world
        .grant("patient", "doctor", json!({"upload": {}}))
        .await;
    let both = json!({"view": {}, "note": {}, "upload": {}});
    assert_answer(&doctor.get("/access/patient/doctor").await, 200, &both);
    assert_answer(
        &doctor.post("/access/patient/doctor", &json!({})).await,
        200,
        &by_clinic,
    );
    // The same by the patient: the answer is what the doctor can still do.
    world
        .grant("patient", "doctor", json!({"upload": {}}))
        .await;
    let answer = world
        .user("patient")
        .post("/access/patient/doctor", &json!({}))
        .await;
    assert_answer(&answer, 200, &by_clinic);
}

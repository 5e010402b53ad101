//! The reads: the two lists and the pair.

use serde_json::{Value, json};
use shared_runtime::{
    server::{Readiness, Service},
    testing::TestApp,
};

use crate::world::{World, assert_answer, assert_unauthorized};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const OTHER_CLINIC: &str = "6a6a6a6a6a6a6a6a6a6a6a6a";

#[actix_web::test]
async fn the_family_of_the_sharing_document() {
    let world = World::start().await;
    let alice = world.user("alice");
    for (grantee, set) in [
        (
            "bob",
            json!({"view": {}, "upload": {}, "note": {}, "edit": {}, "admin": {}}),
        ),
        ("carol", json!({"view": {}, "upload": {}, "note": {}})),
        ("dave", json!({"note": {}})),
        ("ellen", json!({"upload": {}, "note": {}})),
    ] {
        let answer = alice.post(&format!("/access/alice/{grantee}"), &set).await;
        assert_answer(&answer, 200, &set);
    }
    let everybody = json!({
        "alice": {"root": {}},
        "bob": {"view": {}, "upload": {}, "note": {}, "edit": {}, "admin": {}},
        "carol": {"view": {}, "upload": {}, "note": {}},
        "dave": {"note": {}},
        "ellen": {"upload": {}, "note": {}},
    });
    for reader in [alice, world.user("bob"), world.service()] {
        assert_answer(&reader.get("/access/alice").await, 200, &everybody);
    }
    for reader in ["carol", "dave", "ellen", "stranger"] {
        assert_unauthorized(&world.user(reader).get("/access/alice").await);
    }
    assert_answer(
        &world.user("bob").get("/access/groups/bob").await,
        200,
        &json!({
            "bob": {"root": {}},
            "alice": {"view": {}, "upload": {}, "note": {}, "edit": {}, "admin": {}},
        }),
    );
}

#[actix_web::test]
async fn a_list_names_the_account_first_and_the_others_in_order() {
    let world = World::start().await;
    for other in ["b", "z", "a", "é", "B"] {
        world.grant("m", other, json!({"view": {}})).await;
        world.grant(other, "m", json!({"view": {}})).await;
    }
    for path in ["/access/m", "/access/groups/m"] {
        let answer = world.user("m").get(path).await;
        assert_eq!(
            answer.text(),
            r#"{"m":{"root":{}},"B":{"view":{}},"a":{"view":{}},"b":{"view":{}},"z":{"view":{}},"é":{"view":{}}}"#
        );
    }
}

#[actix_web::test]
async fn lists_are_for_services_the_user_and_whoever_runs_the_account() {
    let world = World::start().await;
    world
        .grant("managed", "custodian", json!({"custodian": {}}))
        .await;
    world.grant("managed", "admin", json!({"admin": {}})).await;
    world
        .grant(
            "managed",
            "member",
            json!({"view": {}, "edit": {}, "upload": {}, "note": {}}),
        )
        .await;
    world
        .treat(CLINIC, "managed", json!({"custodian": {}}))
        .await;
    world
        .treat(OTHER_CLINIC, "managed", json!({"view": {}}))
        .await;
    world.work_for(CLINIC, "clinician").await;
    world.work_for(OTHER_CLINIC, "visitor").await;
    for path in ["/access/managed", "/access/groups/managed"] {
        for reader in ["managed", "custodian", "admin", "clinician"] {
            let answer = world.user(reader).get(path).await;
            assert_eq!(answer.status, 200, "{reader} {path}");
            assert_eq!(answer.json::<Value>()["managed"], json!({"root": {}}));
        }
        assert_eq!(world.service().get(path).await.status, 200);
        for reader in ["member", "visitor", "stranger"] {
            assert_unauthorized(&world.user(reader).get(path).await);
        }
    }
}

#[actix_web::test]
async fn an_unknown_account_has_only_itself() {
    let world = World::start().await;
    for path in ["/access/nobody", "/access/groups/nobody"] {
        assert_answer(
            &world.service().get(path).await,
            200,
            &json!({"nobody": {"root": {}}}),
        );
        assert_answer(
            &world.user("nobody").get(path).await,
            200,
            &json!({"nobody": {"root": {}}}),
        );
        assert_unauthorized(&world.user("alice").get(path).await);
    }
}

#[actix_web::test]
async fn the_pair_is_for_both_ends_and_whoever_runs_the_account() {
    let world = World::start().await;
    world.grant("group", "member", json!({"view": {}})).await;
    world
        .grant("group", "uploader", json!({"upload": {}}))
        .await;
    world.grant("group", "admin", json!({"admin": {}})).await;
    world
        .grant("group", "custodian", json!({"custodian": {}}))
        .await;
    for reader in ["member", "group", "admin", "custodian"] {
        let answer = world.user(reader).get("/access/group/member").await;
        assert_answer(&answer, 200, &json!({"view": {}}));
    }
    assert_answer(
        &world.service().get("/access/group/member").await,
        200,
        &json!({"view": {}}),
    );
    let nothing = json!({"code": "NotFound", "message": ""});
    for reader in ["group", "admin", "custodian"] {
        assert_answer(
            &world.user(reader).get("/access/group/nobody").await,
            404,
            &nothing,
        );
    }
    for reader in ["uploader", "stranger"] {
        assert_unauthorized(&world.user(reader).get("/access/group/member").await);
        assert_unauthorized(&world.user(reader).get("/access/group/nobody").await);
    }
    // Whoever asks about itself learns only about itself.
    for group in ["group", "no-such-group"] {
        let answer = world
            .user("stranger")
            .get(&format!("/access/{group}/stranger"))
            .await;
        assert_answer(&answer, 404, &nothing);
    }
}

#[actix_web::test]
async fn an_account_has_root_on_itself_and_nowhere_else() {
    let world = World::start().await;
    assert_answer(
        &world.service().get("/access/x/x").await,
        200,
        &json!({"root": {}}),
    );
    assert_answer(
        &world.user("x").get("/access/x/x").await,
        200,
        &json!({"root": {}}),
    );
    assert_unauthorized(&world.user("y").get("/access/x/x").await);
}

#[actix_web::test]
async fn clinics_give_their_clinicians_what_they_have() {
    let world = World::start().await;
    world
        .treat(CLINIC, "patient", json!({"view": {"from": 1}, "note": {}}))
        .await;
    world
        .treat(
            OTHER_CLINIC,
            "patient",
            json!({"view": {"to": 2}, "upload": {}}),
        )
        .await;
    world.work_for(CLINIC, "doctor").await;
    let doctor = world.user("doctor");
    let by_one = json!({"view": {"from": 1}, "note": {}});
    assert_answer(&doctor.get("/access/patient/doctor").await, 200, &by_one);

    world.work_for(OTHER_CLINIC, "doctor").await;
    let by_both = json!({"view": {"from": 1, "to": 2}, "note": {}, "upload": {}});
    assert_answer(&doctor.get("/access/patient/doctor").await, 200, &by_both);

    world
        .grant(
            "patient",
            "doctor",
            json!({"follow": {}, "view": {"messages": false}}),
        )
        .await;
    let with_direct = json!({
        "follow": {}, "view": {"messages": false, "from": 1, "to": 2}, "note": {}, "upload": {},
    });
    assert_answer(
        &doctor.get("/access/patient/doctor").await,
        200,
        &with_direct,
    );

    // The lists show what was granted directly, and no mark of a clinician.
    let direct = json!({"follow": {}, "view": {"messages": false}});
    let groups = json!({"doctor": {"root": {}}, "patient": direct});
    assert_answer(&doctor.get("/access/groups/doctor").await, 200, &groups);
    let members = json!({"patient": {"root": {}}, "doctor": direct});
    assert_answer(
        &world.user("patient").get("/access/patient").await,
        200,
        &members,
    );
    // A patient of another account is none of the doctor's.
    assert_eq!(doctor.get("/access/somebody/doctor").await.status, 404);
}

#[actix_web::test]
async fn a_clinic_with_custodian_makes_its_clinicians_run_the_account() {
    let world = World::start().await;
    world
        .treat(CLINIC, "patient", json!({"custodian": {}, "view": {}}))
        .await;
    world.work_for(CLINIC, "doctor").await;
    let doctor = world.user("doctor");
    assert_eq!(doctor.get("/access/patient").await.status, 200);
    assert_eq!(doctor.get("/access/patient/parent").await.status, 404);
    let answer = doctor
        .post("/access/patient/parent", &json!({"view": {}}))
        .await;
    assert_answer(&answer, 200, &json!({"view": {}}));
}

#[actix_web::test]
async fn fixed_paths_are_no_accounts() {
    let world = World::start().await;
    for path in ["/access/status", "/status"] {
        assert_answer(
            &world.anonymous().get(path).await,
            200,
            &json!({"status": "ok"}),
        );
    }
    let answer = world.service().get("/access/groups").await;
    assert_answer(&answer, 200, &json!({"groups": {"root": {}}}));
    assert_unauthorized(&world.user("alice").get("/access/groups").await);
}

#[actix_web::test]
async fn without_a_database_the_health_is_503() {
    let world = World::start().await;
    let app = TestApp::start(Service {
        readiness: Readiness::default(),
        ..world.state.service()
    });
    for path in ["/access/status", "/status"] {
        assert_answer(
            &app.anonymous().get(path).await,
            503,
            &json!({"status": "error"}),
        );
    }
}

#[actix_web::test]
async fn other_paths_and_methods() {
    let world = World::start().await;
    for path in [
        "/",
        "/nothing/here",
        "/access",
        "/access/",
        "/access/a/b/c",
        "/access//b",
        "/access/a/",
    ] {
        let answer = world.anonymous().get(path).await;
        let message = format!("{path} does not exist");
        assert_answer(
            &answer,
            404,
            &json!({"code": "ResourceNotFound", "message": message}),
        );
    }
    for (path, allowed) in [
        ("/access/a/b", "GET, POST"),
        ("/access/a", "GET"),
        ("/status", "GET"),
        ("/internal/users/a", "DELETE"),
    ] {
        let answer =
            shared_runtime::testing::send(world.anonymous().request(reqwest::Method::PATCH, path))
                .await;
        let body = json!({"code": "MethodNotAllowed", "message": "PATCH is not allowed"});
        assert_answer(&answer, 405, &body);
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

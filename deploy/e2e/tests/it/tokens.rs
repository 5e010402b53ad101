//! Tokens that end, and tokens of services, with every service on its own.

use e2e::{Platform, Program};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, send};

use crate::people::sign_up;

#[actix_web::test]
async fn after_a_log_out_a_token_changes_nothing_anywhere() {
    let platform = Platform::start().await;
    let (alice, bob) = (
        sign_up(&platform, "alice").await,
        sign_up(&platform, "bob").await,
    );
    let server = platform.server().await;
    let members = format!("/access/{}", alice.id);
    let invitations = format!("/confirm/invite/{}", alice.id);
    let mut about = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
    let opened = alice.at_origin.post("/v1/clinics", &about).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    let opened: Value = opened.json();
    let clinic = format!("/v1/clinics/{}", opened["id"].as_str().unwrap());
    // gatekeeper, confirm and clinic have just heard that the session is open.
    assert_eq!(alice.at_origin.get(&members).await.status, 200);
    assert_eq!(alice.at_origin.get(&invitations).await.status, 404);
    assert_eq!(alice.at_origin.get(&clinic).await.status, 200);

    let ended = alice.at_origin.post("/auth/logout", &Value::Null).await;
    assert_eq!(ended.status, 200);

    let pair = format!("/access/{}/{}", alice.id, bob.id);
    let granted = alice.at_origin.post(&pair, &json!({ "view": {} })).await;
    assert_eq!(
        (granted.status, granted.json::<Value>()),
        (401, json!("Invalid Token"))
    );
    let invitation = json!({ "email": "carol@example.org", "permissions": { "view": {} } });
    let path = format!("/confirm/send/invite/{}", alice.id);
    let invited = alice.at_origin.post(&path, &invitation).await;
    assert_eq!(invited.status, 403, "{}", invited.text());
    let profile = format!("/metadata/{}/profile", alice.id);
    let changed = alice
        .at_origin
        .put(&profile, &json!({ "fullName": "A" }))
        .await;
    assert_eq!(changed.status, 401, "{}", changed.text());
    about["name"] = json!("Elm Clinic");
    let renamed = alice.at_origin.put(&clinic, &about).await;
    assert_eq!(renamed.status, 401, "{}", renamed.text());

    assert_eq!(server.get(&pair).await.status, 404);
    assert_eq!(server.get(&invitations).await.status, 404);
    assert_eq!(server.get(&profile).await.status, 404);
    let shown: Value = server.get(&clinic).await.json();
    assert_eq!(shown["name"], "Oak Clinic");
}

#[actix_web::test]
async fn the_secret_of_scripts_opens_no_internal_route_and_that_of_operators_one() {
    let platform = Platform::start().await;
    let revive = "/internal/outbox/revive";
    for name in ["scripts", "operator", "gatekeeper", "confirm"] {
        let token = platform.server_token(name).await;
        for (program, method, path, admitted) in [
            (
                Program::UserApi,
                Method::GET,
                "/internal/people?ids=a",
                &["gatekeeper", "confirm"][..],
            ),
            (Program::UserApi, Method::POST, revive, &["operator"]),
            (
                Program::Gatekeeper,
                Method::GET,
                "/internal/users/a/administered",
                &["confirm"],
            ),
            (
                Program::Gatekeeper,
                Method::DELETE,
                "/internal/users/a",
                &["confirm"],
            ),
            (Program::Confirm, Method::DELETE, "/internal/users/a", &[]),
            (Program::Confirm, Method::POST, revive, &["operator"]),
            (Program::Clinic, Method::POST, revive, &["operator"]),
            (
                Program::Clinic,
                Method::POST,
                "/internal/relations/reconcile",
                &["operator"],
            ),
            (
                Program::Clinic,
                Method::GET,
                "/internal/relations",
                &["operator"],
            ),
        ] {
            // The status of the contract of each.
            let refused = if program == Program::Clinic { 403 } else { 401 };
            let caller = Person::at(&platform.url(program), Some(&token));
            let status = send(caller.request(method, path)).await.status;
            let shown = format!("{path} of {} by {name}: {status}", program.name());
            if admitted.contains(&name) {
                assert!(matches!(status, 200 | 204), "{shown}");
            } else {
                assert_eq!(status, refused, "{shown}");
            }
        }
    }
}

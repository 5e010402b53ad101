//! The clients of peers: what they send, and what they make of the responses.

mod claims;
mod systems;

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared_runtime::{
    auth::{ServiceToken, TOKEN_HEADER},
    http::PeerClient,
    peers::{
        PeerError,
        confirm::Confirm,
        gatekeeper::Gatekeeper,
        user_api::{Login, SignUp, UserApi},
    },
    source::Source,
};
use shared_types::{
    AccountChanges, AccountCondition, AccountUpdate, Grant, HolderNeed, HolderNotice,
    LockedAccount, People, PermissionSet, UserId,
};
use wiremock::{
    Mock, MockBuilder, MockServer, ResponseTemplate,
    matchers::{any, body_json, header, method, path, query_param},
};

/// A service whose token is always the same.
struct Own;

impl ServiceToken for Own {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        async { Ok(Arc::new("own-token".into())) }.boxed()
    }

    fn refused<'a>(&'a self, _: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        async {}.boxed()
    }
}

pub(crate) fn client(server: &MockServer) -> PeerClient {
    PeerClient::new(&server.uri(), Arc::new(Own)).unwrap()
}

fn by_service(verb: &str, at: &str) -> MockBuilder {
    Mock::given(method(verb))
        .and(path(at))
        .and(header(TOKEN_HEADER, "own-token"))
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

#[actix_web::test]
async fn a_grant_is_put_under_its_id_and_403_is_an_answer() {
    let offer = json!({
        "sharerId": "alice", "granteeId": "bob", "permissions": {"view": {}},
    });
    let grant: Grant = serde_json::from_value(offer.clone()).unwrap();
    let server = MockServer::start().await;
    by_service("PUT", "/internal/grants/key-1")
        .and(body_json(&offer))
        .respond_with(answer(200, &json!({"note": {}, "view": {}})))
        .mount(&server)
        .await;
    let granted = Gatekeeper::new(client(&server))
        .grant("key-1", &grant)
        .await;
    assert_eq!(granted.unwrap(), Some(PermissionSet::of(&["note", "view"])));

    let server = answering(answer(403, &json!({"code": 403, "reason": "No"}))).await;
    let refused = Gatekeeper::new(client(&server))
        .grant("key-1", &grant)
        .await;
    assert_eq!(refused.unwrap(), None);
    for (status, is_refusal) in [(400, true), (500, false)] {
        let server = answering(ResponseTemplate::new(status)).await;
        let failed = Gatekeeper::new(client(&server))
            .grant("key-1", &grant)
            .await;
        assert_eq!(matches!(failed, Err(PeerError::Refused { .. })), is_refusal);
        assert!(failed.is_err());
    }
}

#[actix_web::test]
async fn user_api_and_gatekeeper_tell_each_other_who_runs_an_account() {
    let server = MockServer::start().await;
    by_service("PUT", "/internal/users/kid/holders")
        .and(body_json(
            json!({"version": 3, "holders": ["alice", "bob"]}),
        ))
        .respond_with(answer(
            200,
            &json!({"needsHolder": true, "existing": ["bob"]}),
        ))
        .mount(&server)
        .await;
    by_service("PUT", "/internal/users/kid/lock")
        .respond_with(answer(
            200,
            &json!({"version": 4, "holders": ["bob"], "clinicCustodian": true}),
        ))
        .mount(&server)
        .await;
    let kid = UserId::from("kid");
    let notice = HolderNotice {
        version: 3,
        holders: vec!["alice".into(), "bob".into()],
    };
    let need = UserApi::new(client(&server))
        .note_holders(&kid, &notice)
        .await;
    let expected = HolderNeed {
        needs_holder: true,
        existing: vec!["bob".into()],
    };
    assert_eq!(need.unwrap(), expected);
    let locked = Gatekeeper::new(client(&server)).lock_account(&kid).await;
    let expected = LockedAccount {
        version: 4,
        holders: vec!["bob".into()],
        clinic_custodian: true,
    };
    assert_eq!(locked.unwrap(), expected);
}

#[actix_web::test]
async fn people_are_asked_for_by_id_and_by_address() {
    let alice = json!({
        "user": {"userid": "alice", "emails": ["a+b@example.org"]},
        "profile": {"fullName": "Alice", "patient": {"fullName": "Kim", "isOtherPerson": true}},
    });
    let bob = json!({"user": {"userid": "bob"}, "profile": null});
    let server = MockServer::start().await;
    for (name, value, people) in [
        ("ids", "alice,nobody,bob", json!([alice, bob])),
        ("ids", "alice", json!([alice])),
        ("ids", "a/b", json!([])),
        ("email", "a+b@example.org", json!([alice])),
        ("email", "shared@example.org", json!([alice, bob])),
    ] {
        by_service("GET", "/internal/people")
            .and(query_param(name, value))
            .respond_with(answer(200, &json!({"people": people, "profiles": {}})))
            .mount(&server)
            .await;
    }
    let user_api = UserApi::new(client(&server));
    let ids = ["alice", "nobody", "c,d", "bob"].map(UserId::from);
    let people = user_api.people(&ids, &[]).await.unwrap().people;
    assert_eq!(people.len(), 2);
    let profile = people[0].profile.as_ref().unwrap();
    assert_eq!(profile.full_name.as_deref(), Some("Alice"));
    assert!(profile.patient.as_ref().unwrap().is_other_person);
    assert_eq!(people[1].profile, None);
    let person = user_api.person(&ids[0]).await.unwrap();
    assert_eq!(person.as_ref(), Some(&people[0]));
    for nobody in ["a/b", "a,b", ""] {
        assert_eq!(user_api.person(&nobody.into()).await.unwrap(), None);
    }
    let person = user_api.person_by_email("a+b@example.org").await.unwrap();
    assert_eq!(person.as_ref(), Some(&people[0]));
    let ambiguous = user_api.person_by_email("shared@example.org").await;
    assert_eq!(ambiguous.unwrap(), None);
    let sharing = user_api.people_by_email("shared@example.org").await;
    assert_eq!(sharing.unwrap().len(), 2);
}

#[actix_web::test]
async fn profiles_are_asked_for_by_id() {
    let found = json!({"people": [], "profiles": {"alice": {"fullName": "Alice"}}});
    let server = MockServer::start().await;
    by_service("GET", "/internal/people")
        .and(query_param("ids", "carol"))
        .and(query_param("profiles", "alice,bob"))
        .respond_with(answer(200, &found))
        .mount(&server)
        .await;
    let others = ["alice", "bob"].map(UserId::from);
    let user_api = UserApi::new(client(&server));
    let found = user_api.people(&["carol".into()], &others).await.unwrap();
    assert_eq!(found.profiles.len(), 1);
    let alice = &found.profiles[&others[0]];
    assert_eq!(alice.full_name.as_deref(), Some("Alice"));
    // Nobody is asked about nobody.
    let nobody = user_api.people(&[], &[]).await.unwrap();
    assert_eq!(nobody, People::default());
}

#[actix_web::test]
async fn an_update_is_done_or_refused() {
    let update = AccountUpdate {
        updates: AccountChanges {
            email_verified: Some(true),
            ..AccountChanges::default()
        },
        only_if: AccountCondition {
            email: "a@example.org".to_owned(),
            password_exists: None,
        },
        idempotency_key: "key".to_owned(),
    };
    let body = json!({
        "updates": {"emailVerified": true}, "onlyIf": {"email": "a@example.org"},
        "idempotencyKey": "key",
    });
    let server = MockServer::start().await;
    by_service("PUT", "/user/alice")
        .and(body_json(&body))
        .respond_with(answer(200, &json!({"userid": "alice"})))
        .mount(&server)
        .await;
    let alice = UserId::from("alice");
    UserApi::new(client(&server))
        .update_user(&alice, &update)
        .await
        .unwrap();
    let server = answering(ResponseTemplate::new(409)).await;
    let refused = UserApi::new(client(&server))
        .update_user(&alice, &update)
        .await;
    assert!(matches!(refused, Err(PeerError::Refused { status: 409 })));
}

/// Where the person is who logs in or signs up.
fn place() -> Source {
    let address: IpAddr = [203, 0, 113, 7].into();
    Source::from(address)
}

#[actix_web::test]
async fn a_log_in_says_what_became_of_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/auth/login"))
        .and(header("x-forwarded-for", "203.0.113.7"))
        // alice@example.org:correct-horse
        .and(header(
            "authorization",
            "Basic YWxpY2VAZXhhbXBsZS5vcmc6Y29ycmVjdC1ob3JzZQ==",
        ))
        .respond_with(
            answer(200, &json!({"userid": "alice"})).insert_header(TOKEN_HEADER, "a-token"),
        )
        .mount(&server)
        .await;
    let password = SecretString::from("correct-horse");
    let login = |server: &MockServer| {
        let user_api = UserApi::new(client(server));
        let password = password.clone();
        async move {
            user_api
                .log_in(&place(), "alice@example.org", &password)
                .await
        }
    };
    let Ok(Login::Opened(session)) = login(&server).await else {
        panic!("no session")
    };
    assert_eq!(session.user_id.as_str(), "alice");
    assert_eq!(session.token.expose_secret(), "a-token");
    let requests = server.received_requests().await.unwrap();
    assert!(!requests[0].headers.contains_key(TOKEN_HEADER));

    for status in [400, 401] {
        let server = answering(ResponseTemplate::new(status)).await;
        assert!(matches!(login(&server).await, Ok(Login::WrongCredentials)));
    }
    let server = answering(ResponseTemplate::new(403)).await;
    assert!(matches!(login(&server).await, Ok(Login::Unverified)));
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;
    let Ok(Login::TooMany { retry_after }) = login(&server).await else {
        panic!("the limit is not told")
    };
    assert_eq!(retry_after, Duration::from_secs(7));
    let without_token = answer(200, &json!({"userid": "alice"}));
    for unusable in [ResponseTemplate::new(503), without_token] {
        let server = answering(unusable).await;
        assert!(matches!(
            login(&server).await,
            Err(PeerError::Unavailable(_))
        ));
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[actix_web::test]
async fn a_sign_up_says_what_became_of_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/auth/user"))
        .and(header("x-forwarded-for", "203.0.113.7"))
        .and(body_json(json!({
            "username": "a@example.org", "emails": ["a@example.org"],
            "password": "correct-horse", "roles": ["patient"],
        })))
        .respond_with(
            answer(201, &json!({"userid": "alice"})).insert_header(TOKEN_HEADER, "a-token"),
        )
        .mount(&server)
        .await;
    let password = SecretString::from("correct-horse");
    let sign_up = |server: &MockServer| {
        let user_api = UserApi::new(client(server));
        let password = password.clone();
        async move {
            user_api
                .sign_up(&place(), "a@example.org", &password, &["patient"])
                .await
        }
    };
    let Ok(SignUp::Created(session)) = sign_up(&server).await else {
        panic!("no account")
    };
    assert_eq!(session.user_id.as_str(), "alice");
    assert_eq!(session.token.expose_secret(), "a-token");
    let server = answering(ResponseTemplate::new(409)).await;
    assert!(matches!(sign_up(&server).await, Ok(SignUp::Taken)));
    let server = answering(ResponseTemplate::new(400)).await;
    assert!(matches!(sign_up(&server).await, Ok(SignUp::Invalid)));
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;
    let Ok(SignUp::TooMany { retry_after }) = sign_up(&server).await else {
        panic!("the limit is not told")
    };
    assert_eq!(retry_after, Duration::from_secs(7));
    let server = answering(ResponseTemplate::new(503)).await;
    assert!(matches!(
        sign_up(&server).await,
        Err(PeerError::Unavailable(_))
    ));
    // A repeat could find the account that the first try created.
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[actix_web::test]
async fn a_log_out_shows_the_session_that_ends() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/auth/logout"))
        .and(header(TOKEN_HEADER, "a-token"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let user_api = UserApi::new(client(&server));
    user_api.log_out(&"a-token".into()).await.unwrap();
}

#[actix_web::test]
async fn confirm_is_told_to_forget_somebody() {
    let server = MockServer::start().await;
    by_service("DELETE", "/internal/users/alice")
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let alice = UserId::from("alice");
    Confirm::new(client(&server))
        .forget_user(&alice)
        .await
        .unwrap();
    let server = answering(ResponseTemplate::new(404)).await;
    let refused = Confirm::new(client(&server)).forget_user(&alice).await;
    assert!(matches!(refused, Err(PeerError::Refused { status: 404 })));
}

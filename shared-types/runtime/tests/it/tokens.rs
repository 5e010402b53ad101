//! The token check of services that do not own tokens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::rt;
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::JwkSet};
use serde_json::json;
use shared_runtime::{
    auth::{AuthFailure, Freshness, RemoteTokens, ServerLogin, TOKEN_HEADER, TokenCheck},
    config::UserApiSettings,
    http::PeerClient,
    peers::user_api::UserApi,
    testing::{SigningKeys, claims},
};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{header, method, path, path_regex},
};

async fn user_api(keys: &SigningKeys) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/serverlogin"))
        .and(header("x-tidepool-server-name", "tester"))
        .and(header("x-tidepool-server-secret", "secret"))
        .respond_with(ResponseTemplate::new(200).insert_header(TOKEN_HEADER, "own-token"))
        .mount(&server)
        .await;
    let set = JwkSet {
        keys: vec![keys.key.public().clone()],
    };
    Mock::given(method("GET"))
        .and(path("/.well-known/jwks.json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(set))
        .mount(&server)
        .await;
    server
}

/// The session of Alice, until it is ended. A response says what holds when the question comes in.
#[derive(Clone, Default)]
struct Session {
    is_over: Arc<AtomicBool>,
    delay: Duration,
}

impl Session {
    async fn open(server: &MockServer, delay: Duration) -> Self {
        let session = Self {
            delay,
            ..Self::default()
        };
        Mock::given(method("GET"))
            .and(path_regex("^/token/.+"))
            .and(header(TOKEN_HEADER, "own-token"))
            .respond_with(session.clone())
            .mount(server)
            .await;
        session
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl Respond for Session {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let answer = if self.is_over.load(Ordering::SeqCst) {
            ResponseTemplate::new(401)
        } else {
            let alice = json!({ "isserver": false, "userid": "alice", "expires_at": 1 });
            ResponseTemplate::new(200).set_body_json(alice)
        };
        answer.set_delay(self.delay)
    }
}

async fn knows_tokens(server: &MockServer, delay: Duration) {
    Mock::given(method("GET"))
        .and(path_regex("^/token/.+"))
        .and(header(TOKEN_HEADER, "own-token"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({ "isserver": false, "userid": "alice", "expires_at": 1 }))
                .set_delay(delay),
        )
        .mount(server)
        .await;
}

fn check(url: &str, cache_ms: u64) -> RemoteTokens {
    let settings = UserApiSettings {
        url: url.to_owned(),
        server_name: "tester".to_owned(),
        server_secret: "secret".into(),
        token_cache_ms: cache_ms,
    };
    let login = ServerLogin::new(&settings).unwrap();
    let client = PeerClient::new(url, Arc::new(login)).unwrap();
    RemoteTokens::new(UserApi::new(client), cache_ms).unwrap()
}

async fn questions(server: &MockServer) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path().starts_with("/token/"))
        .count()
}

#[actix_web::test]
async fn concurrent_questions_share_one_call_and_the_answer_is_kept() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    knows_tokens(&server, Duration::from_millis(100)).await;
    let check = check(&server.uri(), 2000);
    let token = keys.user_token("alice");
    let answers = join_all((0..20).map(|_| check.check(&token, Freshness::Recent))).await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref().unwrap().userid == "alice")
    );
    check.check(&token, Freshness::Recent).await.unwrap();
    assert_eq!(questions(&server).await, 1);
}

#[actix_web::test]
async fn what_changes_something_asks_each_time_and_reads_learn_of_it() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    let session = Session::open(&server, Duration::ZERO).await;
    let check = check(&server.uri(), 2000);
    let token = keys.user_token("alice");
    for (freshness, asked) in [
        (Freshness::Recent, 1),
        (Freshness::Recent, 1),
        (Freshness::Now, 2),
        (Freshness::Now, 3),
        (Freshness::Recent, 3),
    ] {
        assert!(check.check(&token, freshness).await.is_ok());
        assert_eq!(questions(&server).await, asked);
    }
    session.end();
    for _ in 0..2 {
        let answer = check.check(&token, Freshness::Now).await;
        assert_eq!(answer, Err(AuthFailure::Invalid));
    }
    assert_eq!(questions(&server).await, 5);
    let answer = check.check(&token, Freshness::Recent).await;
    assert_eq!(answer, Err(AuthFailure::Invalid));
    assert_eq!(questions(&server).await, 5);
}

#[actix_web::test]
async fn a_call_that_began_earlier_admits_nobody_who_changes_something() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    let session = Session::open(&server, Duration::from_millis(200)).await;
    let check = Arc::new(check(&server.uri(), 2000));
    let token = keys.user_token("alice");
    let first = {
        let (check, token) = (check.clone(), token.clone());
        rt::spawn(async move { check.check(&token, Freshness::Now).await })
    };
    while questions(&server).await == 0 {
        rt::task::yield_now().await;
    }
    session.end();
    let later = join_all((0..20).map(|_| check.check(&token, Freshness::Now))).await;
    assert!(first.await.unwrap().is_ok());
    assert!(
        later
            .iter()
            .all(|answer| *answer == Err(AuthFailure::Invalid))
    );
    // They shared one call, which began after the session had ended.
    assert_eq!(questions(&server).await, 2);
    let answer = check.check(&token, Freshness::Recent).await;
    assert_eq!(answer, Err(AuthFailure::Invalid));
    assert_eq!(questions(&server).await, 2);
}

#[actix_web::test]
async fn a_caller_who_gives_up_holds_up_nobody() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    Session::open(&server, Duration::from_millis(100)).await;
    let check = check(&server.uri(), 2000);
    let token = keys.user_token("alice");
    let hurried = check.check(&token, Freshness::Now);
    let gave_up = tokio::time::timeout(Duration::from_millis(50), hurried).await;
    assert!(gave_up.is_err());
    assert!(check.check(&token, Freshness::Now).await.is_ok());
    assert!(check.check(&token, Freshness::Recent).await.is_ok());
}

#[actix_web::test]
async fn without_a_cache_every_check_asks() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    knows_tokens(&server, Duration::ZERO).await;
    let check = check(&server.uri(), 0);
    let token = keys.user_token("alice");
    for _ in 0..3 {
        check.check(&token, Freshness::Recent).await.unwrap();
    }
    assert_eq!(questions(&server).await, 3);
}

#[actix_web::test]
async fn a_revoked_token_is_invalid_and_an_unanswered_question_is_no_access() {
    let keys = SigningKeys::generate();
    let token = keys.user_token("alice");
    for (status, expected_invalid) in [(401, true), (500, false), (503, false)] {
        let server = user_api(&keys).await;
        Mock::given(method("GET"))
            .and(path_regex("^/token/.+"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let answer = check(&server.uri(), 2000)
            .check(&token, Freshness::Recent)
            .await;
        assert_eq!(
            answer == Err(AuthFailure::Invalid),
            expected_invalid,
            "{status}"
        );
        assert!(answer.is_err());
    }
    // Nobody listens on a port that was given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let check = check(&format!("http://127.0.0.1:{port}"), 2000);
    assert!(matches!(
        check.check(&token, Freshness::Recent).await,
        Err(AuthFailure::Unavailable(_))
    ));
}

#[actix_web::test]
async fn forged_tokens_are_refused_without_asking() {
    let keys = SigningKeys::generate();
    let foreign = SigningKeys::generate();
    let server = user_api(&keys).await;
    knows_tokens(&server, Duration::ZERO).await;
    let check = check(&server.uri(), 2000);

    let mut expired = claims("alice", "no");
    expired.exp -= 7200;
    let mut strange = claims("alice", "no");
    strange.svr = "maybe".to_owned();
    let good = keys.user_token("alice");
    let parts: Vec<&str> = good.split('.').collect();
    let elevated = keys.server_token("alice");
    let elevated_payload = elevated.split('.').nth(1).unwrap();
    let mut swapped = Header::new(Algorithm::HS256);
    swapped.kid.clone_from(&keys.key.public().common.key_id);
    let secret = EncodingKey::from_secret(keys.public_pem.as_bytes());
    let hmac = encode(&swapped, &claims("alice", "yes"), &secret).unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
    let long = format!("{}.{}.{}", parts[0], "A".repeat(5000), parts[2]);
    let forged = [
        ("foreign key", foreign.user_token("alice")),
        ("expired", keys.key.sign(&expired).unwrap()),
        ("unknown svr", keys.key.sign(&strange).unwrap()),
        (
            "swapped payload",
            format!("{}.{elevated_payload}.{}", parts[0], parts[2]),
        ),
        ("HS256 with the public key", hmac),
        ("alg none", none),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("no dots", "abc".to_owned()),
        ("empty parts", "..".to_owned()),
        ("very long", long),
    ];
    for (name, token) in forged {
        assert_eq!(
            check.check(&token, Freshness::Recent).await,
            Err(AuthFailure::Invalid),
            "{name}"
        );
    }
    assert_eq!(questions(&server).await, 0);
    assert!(check.check(&good, Freshness::Recent).await.is_ok());
}

#[actix_web::test]
async fn what_user_api_says_must_agree_with_the_token() {
    let keys = SigningKeys::generate();
    let server = user_api(&keys).await;
    knows_tokens(&server, Duration::ZERO).await;
    let answer = check(&server.uri(), 2000)
        .check(&keys.user_token("bob"), Freshness::Recent)
        .await;
    assert_eq!(answer, Err(AuthFailure::Invalid));
}

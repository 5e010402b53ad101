//! The clients of systems that are no peers: Xealth, and the service that makes restricted tokens.

use std::sync::Arc;

use serde_json::json;
use shared_runtime::{
    http::PeerClient,
    oauth::{ClientCredentials, TokenEndpoint},
    peers::{PeerError, restricted_tokens::RestrictedTokens, xealth::Xealth},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, body_string, header, method, path},
};

use super::{answer, by_service, client};

/// As many bytes of an order are read.
const MAX_ORDER: usize = 100;

fn xealth(server: &MockServer) -> Xealth {
    let endpoint = TokenEndpoint::new(&format!("{}/oauth2/token", server.uri())).unwrap();
    let credentials = ClientCredentials::new(endpoint, "clinic".to_owned(), "secret".into());
    let base = format!("{}/v2", server.uri());
    let client = PeerClient::bearing(&base, Arc::new(credentials), MAX_ORDER);
    Xealth::new(client.unwrap())
}

async fn giving_tokens(server: &MockServer, times: u64) {
    Mock::given(method("POST"))
        .and(path("/oauth2/token"))
        // "clinic:secret"
        .and(header("authorization", "Basic Y2xpbmljOnNlY3JldA=="))
        .and(body_string("grant_type=client_credentials"))
        .respond_with(answer(
            200,
            &json!({ "access_token": "access", "token_type": "Bearer", "expires_in": 3600 }),
        ))
        .expect(times)
        .mount(server)
        .await;
}

#[actix_web::test]
async fn orders_are_read_with_one_access_token() {
    let server = MockServer::start().await;
    giving_tokens(&server, 1).await;
    Mock::given(method("GET"))
        .and(path("/v2/partner/read/order/here/o%2F1"))
        .and(header("authorization", "Bearer access"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{\"a\":  1}"))
        .expect(2)
        .mount(&server)
        .await;
    let xealth = xealth(&server);
    for _ in 0..2 {
        let order = xealth.order("here", "o/1").await.unwrap();
        assert_eq!(order, b"{\"a\":  1}");
    }
    let unknown = xealth.order("here", "o-2").await;
    assert!(matches!(unknown, Err(PeerError::Refused { status: 404 })));
}

#[actix_web::test]
async fn what_is_too_long_or_without_a_token_is_a_failure() {
    let server = MockServer::start().await;
    giving_tokens(&server, 1).await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("x".repeat(MAX_ORDER + 1)))
        .mount(&server)
        .await;
    let long = xealth(&server).order("here", "o-1").await;
    assert!(matches!(long, Err(PeerError::Unavailable(_))));
    for (status, tokens) in [
        (401, json!({ "error": "invalid_client" })),
        (500, json!({})),
        (200, json!({ "token_type": "Bearer" })),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(answer(status, &tokens))
            .mount(&server)
            .await;
        let failed = xealth(&server).order("here", "o-1").await;
        assert!(matches!(failed, Err(PeerError::Unavailable(_))), "{status}");
    }
}

#[actix_web::test]
async fn restricted_tokens_are_made_and_found() {
    let token = json!({
        "id": "t-1", "userId": "alice", "expirationTime": "2030-01-02T03:04:05Z",
        "createdTime": "2030-01-02T02:04:05Z",
    });
    let server = MockServer::start().await;
    by_service("POST", "/v1/users/alice/restricted_tokens")
        .and(body_json(json!({})))
        .respond_with(answer(201, &token))
        .mount(&server)
        .await;
    by_service("GET", "/v1/restricted_tokens/t-1")
        .respond_with(answer(200, &token))
        .mount(&server)
        .await;
    by_service("GET", "/v1/restricted_tokens/t-3")
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    let tokens = RestrictedTokens::new(client(&server));
    let made = tokens.create(&"alice".into()).await.unwrap();
    assert_eq!((made.id.as_str(), made.user_id.as_str()), ("t-1", "alice"));
    assert_eq!(made.expiration_time.timestamp(), 1_893_553_445);
    assert!(tokens.find("t-1").await.unwrap() == Some(made));
    assert!(tokens.find("t-2").await.unwrap().is_none());
    assert!(tokens.find("t-3").await.is_err());
}

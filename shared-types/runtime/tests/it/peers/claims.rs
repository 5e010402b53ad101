//! Claims that confirm is asked for, also with a token that has been revoked.

use std::sync::{Arc, Mutex};

use futures_util::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared_runtime::{
    auth::{ServiceToken, TOKEN_HEADER},
    http::PeerClient,
    peers::{PeerError, confirm::Confirm},
};
use shared_types::UserId;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, header},
};

use super::{answer, answering, by_service, client};

#[actix_web::test]
async fn a_claim_is_asked_for_once() {
    let server = MockServer::start().await;
    let body = json!({ "clinicId": "5f85fbce0a81e4b0a3c2e4b1", "invitedBy": "carol" });
    by_service("POST", "/confirm/send/signup/mia")
        .and(body_json(body))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let asked = async |server: &MockServer| {
        let clinic = "5f85fbce0a81e4b0a3c2e4b1".parse().unwrap();
        let (mia, carol) = (UserId::from("mia"), UserId::from("carol"));
        let confirm = Confirm::new(client(server));
        confirm.ask_to_claim(&mia, clinic, Some(&carol)).await
    };
    asked(&server).await.unwrap();

    let refusal = |status, reason| answer(status, &json!({"code": status, "reason": reason}));
    let before = "User already has an existing valid signup confirmation";
    for (status, reason, is_done) in [
        (403, before, true),
        (404, "Error finding the user", true),
        (403, "The x-tidepool-session-token was invalid", false),
        (429, "Too many requests", false),
    ] {
        let server = answering(refusal(status, reason)).await;
        assert_eq!(asked(&server).await.is_ok(), is_done, "{status} {reason}");
    }
}

/// A service whose first token has been revoked.
#[derive(Default)]
struct Revoked(Mutex<Option<Arc<SecretString>>>);

impl ServiceToken for Revoked {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        let mut current = self.0.lock().unwrap();
        let token = current.get_or_insert_with(|| Arc::new("revoked".into()));
        std::future::ready(Ok(token.clone())).boxed()
    }

    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        assert_eq!(token.expose_secret(), "revoked");
        *self.0.lock().unwrap() = Some(Arc::new("own-token".into()));
        std::future::ready(()).boxed()
    }
}

#[actix_web::test]
async fn a_token_that_is_refused_is_renewed() {
    for status in [401, 403] {
        let server = MockServer::start().await;
        by_service("POST", "/confirm/send/signup/mia")
            .respond_with(ResponseTemplate::new(200))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(header(TOKEN_HEADER, "revoked"))
            .respond_with(ResponseTemplate::new(status))
            .expect(1)
            .mount(&server)
            .await;
        let client = PeerClient::new(&server.uri(), Arc::new(Revoked::default())).unwrap();
        let clinic = "5f85fbce0a81e4b0a3c2e4b1".parse().unwrap();
        let (confirm, mia) = (Confirm::new(client), UserId::from("mia"));
        confirm.ask_to_claim(&mia, clinic, None).await.unwrap();
    }
}

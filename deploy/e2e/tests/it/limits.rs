//! What is limited by source, as seen behind the gateway.

use e2e::Platform;
use reqwest::Method;
use shared_runtime::testing::{Answer, send};

use crate::people::{Member, PASSWORD, sign_up};

async fn log_in(platform: &Platform, place: &str, member: &Member, password: &str) -> Answer {
    let request = platform
        .person(None)
        .at_place(place)
        .request(Method::POST, "/auth/login")
        .basic_auth(&member.address, Some(password));
    send(request).await
}

#[actix_web::test]
async fn who_guesses_behind_the_gateway_keeps_nobody_else_out() {
    let platform = Platform::start().await;
    let alice = sign_up(&platform, "alice").await;
    for _ in 0..10 {
        let guess = log_in(&platform, "198.51.100.9", &alice, "wrong-password").await;
        assert_eq!(guess.status, 401);
    }
    // What the guesser says of itself before the proxy does is not believed.
    for place in ["198.51.100.9", "203.0.113.7, 198.51.100.9"] {
        let refused = log_in(&platform, place, &alice, PASSWORD).await;
        assert_eq!(refused.status, 429, "{place}");
        assert!(refused.header("retry-after").is_some());
    }
    let owner = log_in(&platform, "203.0.113.7", &alice, PASSWORD).await;
    assert_eq!(owner.status, 200, "{}", owner.text());
}

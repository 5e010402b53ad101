//! People of the journeys and what they do often.

use e2e::{Platform, VERIFIED_TAG};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::{Person, send};

pub(crate) const PASSWORD: &str = "a-long-password";

/// Somebody who has signed up.
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) at_origin: Person,
}

pub(crate) async fn sign_up(platform: &Platform, name: &str) -> Member {
    sign_up_at(platform, &format!("{name}{VERIFIED_TAG}@example.org")).await
}

/// Signs somebody up with an address that may not count as verified.
pub(crate) async fn sign_up_at(platform: &Platform, address: &str) -> Member {
    sign_up_as("patient", platform, address).await
}

/// The same with a role, as the page does on which somebody signs up.
pub(crate) async fn sign_up_as(role: &str, platform: &Platform, address: &str) -> Member {
    let address = address.to_owned();
    let account = json!({
        "username": address, "emails": [address], "password": PASSWORD, "roles": [role],
    });
    let answer = platform.person(None).post("/auth/user", &account).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let token = answer
        .header("x-tidepool-session-token")
        .unwrap()
        .to_owned();
    Member {
        id: answer.json::<Value>()["userid"]
            .as_str()
            .unwrap()
            .to_owned(),
        address,
        at_origin: platform.person(Some(&token)),
    }
}

pub(crate) async fn log_in(platform: &Platform, address: &str) -> u16 {
    log_in_with(platform, address, PASSWORD).await
}

pub(crate) async fn log_in_with(platform: &Platform, address: &str, password: &str) -> u16 {
    send(log_in_request(platform, address, password))
        .await
        .status
}

pub(crate) fn log_in_request(platform: &Platform, address: &str, password: &str) -> RequestBuilder {
    let nobody = platform.person(None);
    let request = nobody.request(Method::POST, "/auth/login");
    request.basic_auth(address, Some(password))
}

pub(crate) async fn delete_account(member: &Member) -> u16 {
    let request = member
        .at_origin
        .request(Method::DELETE, &format!("/auth/user/{}", member.id))
        .json(&json!({ "password": PASSWORD }));
    send(request).await.status
}

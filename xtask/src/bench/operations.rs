//! What is measured: requests over what `bare_driver` and `seed` have stored.

use anyhow::ensure;
use serde_json::json;

use super::PAIR_CHECK;
use crate::{
    http,
    tokens::{TOKEN_HEADER, token_in},
};

/// Addresses among which the load is spread.
const URLS: u32 = 50_000;
const ACCOUNTS: u32 = 100_000;
const GRANTEES: u32 = 10;
/// Pairs of accounts with an invitation that can be accepted, once.
const ACCEPTABLE: u32 = 200_000;

/// What is asked, again and again.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    /// One of them is taken at random each time.
    pub(super) urls: Vec<String>,
    pub(super) headers: Vec<String>,
    /// As with the addresses; empty where nothing is sent.
    pub(super) bodies: Vec<String>,
    /// The least share of responses that must be 200. Some requests can be made only once, and
    /// chance repeats a few.
    pub(super) share: f64,
}

impl Operation {
    fn get(name: &'static str, token: &str, urls: Vec<String>) -> Self {
        Self {
            name,
            method: "GET",
            urls,
            headers: vec![format!("{TOKEN_HEADER}: {token}")],
            bodies: Vec::new(),
            share: 0.999,
        }
    }
}

/// The operations of gatekeeper.
pub(super) fn permissions(gatekeeper: &str, token: &str) -> Vec<Operation> {
    let urls = |path: &dyn Fn(&str, &str) -> String| -> Vec<String> {
        let url = |number: u32| {
            let (sharer, grantee) = granted(number * 7_919 % (ACCOUNTS * GRANTEES));
            format!("{gatekeeper}{}", path(&sharer, &grantee))
        };
        (0..URLS).map(url).collect()
    };
    let pairs = || urls(&|sharer, grantee| format!("/access/{sharer}/{grantee}"));
    vec![
        Operation::get(PAIR_CHECK, token, pairs()),
        Operation::get(
            "member list",
            token,
            urls(&|sharer, _| format!("/access/{sharer}")),
        ),
        Operation::get(
            "groups",
            token,
            urls(&|_, grantee| format!("/access/groups/{grantee}")),
        ),
        Operation {
            method: "POST",
            bodies: vec![r#"{"view":{},"upload":{}}"#.to_owned()],
            ..Operation::get("replace", token, pairs())
        },
    ]
}

/// The operations of confirm. Those that use invitations up come last.
pub(super) fn confirmations(confirm: &str, token: &str) -> Vec<Operation> {
    let accounts = |path: &str| -> Vec<String> {
        let url = |number: u32| format!("{confirm}{path}/{}", id(number * 7_919 % ACCOUNTS));
        (0..URLS).map(url).collect()
    };
    let invitation = |number: u32| {
        let body = json!({
            "email": format!("{}@example.org", id(number * 6_007 % ACCOUNTS)),
            "permissions": { "view": {}, "note": {} },
        });
        body.to_string()
    };
    let acceptance = |number: u32| {
        let (creator, invitee) = invited(number);
        format!("{confirm}/confirm/accept/invite/{invitee}/{creator}")
    };
    vec![
        Operation::get("received list", token, accounts("/confirm/invitations")),
        Operation::get("sent list", token, accounts("/confirm/invite")),
        Operation::get("sign-up look-up", token, accounts("/confirm/signup")),
        Operation {
            method: "PUT",
            share: 0.95,
            ..Operation::get(
                "accept invitation",
                token,
                (0..ACCEPTABLE).map(acceptance).collect(),
            )
        },
        Operation {
            method: "POST",
            bodies: (0..URLS).map(invitation).collect(),
            share: 0.99,
            ..Operation::get("send invitation", token, accounts("/confirm/send/invite"))
        },
    ]
}

/// The operations of user-api.
pub(super) async fn sessions(user_api: &str, token: &str) -> anyhow::Result<Vec<Operation>> {
    let (user_token, credentials) = person(user_api).await?;
    Ok(vec![
        Operation::get(
            "token check",
            token,
            vec![format!("{user_api}/token/{user_token}")],
        ),
        Operation {
            method: "POST",
            headers: vec![format!("authorization: {credentials}")],
            ..Operation::get("login", token, vec![format!("{user_api}/login")])
        },
    ])
}

/// Somebody with an account: a token, and what to log in with.
async fn person(user_api: &str) -> anyhow::Result<(String, String)> {
    let (address, password) = ("bench+verified@example.org", "a-long-password");
    let account = json!({ "username": address, "emails": [address], "password": password });
    let client = http::client()?;
    let response = client
        .post(format!("{user_api}/user"))
        .json(&account)
        .send()
        .await?;
    ensure!(
        response.status() == 201,
        "the sign-up was answered {}",
        response.status()
    );
    let token = token_in(&response)?;
    let request = client
        .get(user_api)
        .basic_auth(address, Some(password))
        .build()?;
    let credentials = request.headers()["authorization"].to_str()?.to_owned();
    Ok((token, credentials))
}

fn id(account: u32) -> String {
    format!("{account:010x}")
}

/// Sharer and grantee of the pairs that `bare_driver` stores.
fn granted(number: u32) -> (String, String) {
    let (account, place) = (number / GRANTEES, number % GRANTEES);
    let grantee = (account + 1 + place * 9_973) % ACCOUNTS;
    (id(account), id(grantee))
}

/// Inviter and invitee of the pending invitations that `seed` stores.
fn invited(number: u32) -> (String, String) {
    let (account, place) = (number % ACCOUNTS, number / ACCOUNTS);
    let other = (account + 1 + place * 9_973) % ACCOUNTS;
    (id(account), id(other))
}

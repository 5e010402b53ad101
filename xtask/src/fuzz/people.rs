//! People and an invitation for generated requests to be about, so that more of them than those that
//! find nothing reach the rules.

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value, json};
use stack::{Program, VERIFIED_TAG};

use crate::{
    http,
    services::Wiring,
    tokens::{TOKEN_HEADER, token_in},
};

const PASSWORD: &str = "a-long-password";
/// Some are deleted on the way.
const PEOPLE: usize = 24;
/// How often a parameter is one of theirs instead of something made up.
const PROBABILITY: f64 = 0.6;
/// Parameters that name an account, an address and an invitation.
const IDS: [&str; 5] = [
    "path.userid",
    "path.user_id",
    "path.sharer_id",
    "path.invitedby",
    "query.ids",
];
const ADDRESSES: [&str; 4] = [
    "path.useremail",
    "path.invited_address",
    "query.email",
    "body.email",
];
const KEYS: [&str; 3] = ["path.inviteid", "path.confirmationid", "body.key"];

/// Who the requests are about.
pub(super) struct People {
    ids: Vec<String>,
    addresses: Vec<String>,
    invitations: Vec<String>,
    token: String,
}

impl People {
    /// Signs them up. The first one shares with the second one and invites a few.
    pub(super) async fn sign_up(wiring: &Wiring) -> anyhow::Result<Self> {
        let client = http::client()?;
        let mut people = Self {
            ids: Vec::new(),
            addresses: Vec::new(),
            invitations: Vec::new(),
            token: String::new(),
        };
        for number in 0..PEOPLE {
            people.add(&client, wiring, number).await?;
        }
        let [sharer, grantee, ..] = &people.ids[..] else {
            anyhow::bail!("there are people");
        };
        let gatekeeper = wiring.url(Program::Gatekeeper);
        let share = client
            .post(format!("{gatekeeper}/access/{sharer}/{grantee}"))
            .json(&json!({ "view": {}, "note": {} }));
        send(share.header(TOKEN_HEADER, &people.token)).await?;
        let confirm = wiring.url(Program::Confirm);
        for address in &people.addresses[2..6] {
            let invite = client
                .post(format!("{confirm}/confirm/send/invite/{sharer}"))
                .json(&json!({ "email": address, "permissions": { "view": {} } }));
            let invitation: Value = send(invite.header(TOKEN_HEADER, &people.token))
                .await?
                .json()
                .await?;
            let key = invitation["key"].as_str().context("it has a key")?;
            people.invitations.push(key.to_owned());
        }
        Ok(people)
    }

    async fn add(&mut self, client: &Client, wiring: &Wiring, number: usize) -> anyhow::Result<()> {
        let address = format!("person{number}{VERIFIED_TAG}@example.org");
        let request = client
            .post(format!("{}/auth/user", wiring.url(Program::UserApi)))
            .json(&json!({ "username": address, "emails": [address], "password": PASSWORD }));
        let response = send(request).await?;
        if self.token.is_empty() {
            self.token = token_in(&response)?;
        }
        let account: Value = response.json().await?;
        let id = account["userid"].as_str().context("it has an id")?;
        self.ids.push(id.to_owned());
        self.addresses.push(address);
        Ok(())
    }

    /// The session of the first one.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The settings of the generator (TOML) for requests with `token`.
    pub(super) fn config(&self, token: &str) -> anyhow::Result<String> {
        let bindings = [
            ("ids", &IDS[..]),
            ("addresses", &ADDRESSES[..]),
            ("keys", &KEYS[..]),
        ];
        let mut parameters = Map::new();
        for (dictionary, names) in bindings {
            for name in names {
                let binding = json!({ "dictionary": dictionary, "probability": PROBABILITY });
                parameters.insert((*name).to_owned(), binding);
            }
        }
        let config = json!({
            "headers": { TOKEN_HEADER: token },
            "dictionaries": {
                "ids": { "values": self.ids },
                "addresses": { "values": self.addresses },
                "keys": { "values": self.invitations },
            },
            "parameters": parameters,
        });
        Ok(toml::to_string(&config)?)
    }
}

async fn send(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await?;
    let status = response.status();
    ensure!(
        status == StatusCode::OK || status == StatusCode::CREATED,
        "{} answers {status}",
        response.url().path()
    );
    Ok(response)
}

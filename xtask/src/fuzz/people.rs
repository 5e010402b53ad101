//! People, invitations and clinics for generated requests to be about, so that more of them than those
//! that find nothing reach the rules.

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value, json};
use stack::{Program, VERIFIED_TAG};

use crate::{
    http,
    services::Wiring,
    tokens::{TOKEN_HEADER, server_token, token_in},
};

const PASSWORD: &str = "a-long-password";
/// Some are deleted on the way.
const PEOPLE: usize = 24;
/// How often a parameter is one of theirs instead of something made up.
const PROBABILITY: f64 = 0.6;
/// Parameters that name an account, an address, an invitation, a clinic and a patient.
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
const CLINICS: [&str; 2] = ["path.clinicid", "path.clinicId"];
const PATIENTS: [&str; 1] = ["path.patientId"];

/// Who the requests are about.
#[derive(Default)]
pub(super) struct People {
    ids: Vec<String>,
    addresses: Vec<String>,
    invitations: Vec<String>,
    clinics: Vec<String>,
    patients: Vec<String>,
    token: String,
}

impl People {
    /// Signs them up, all called `name`. The first one shares with the second one, invites a few, and
    /// runs clinics.
    pub(super) async fn sign_up(wiring: &Wiring, name: &str) -> anyhow::Result<Self> {
        let client = http::client()?;
        let mut people = Self::default();
        for number in 0..PEOPLE {
            let address = format!("{name}{number}{VERIFIED_TAG}@example.org");
            let (id, token) = join(&client, wiring, "patient", &address).await?;
            if people.token.is_empty() {
                people.token = token;
            }
            people.ids.push(id);
            people.addresses.push(address);
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
        people.open_clinics(&client, wiring, name).await?;
        Ok(people)
    }

    /// A clinician opens clinics who is none of them, so that the clinics stay when people are
    /// deleted. All are patients, and each clinic makes an account for one more.
    async fn open_clinics(
        &mut self,
        client: &Client,
        wiring: &Wiring,
        name: &str,
    ) -> anyhow::Result<()> {
        let address = format!("{name}-clinician{VERIFIED_TAG}@example.org");
        let (_, clinician) = join(client, wiring, "clinician", &address).await?;
        let service = server_token(wiring, "scripts").await?;
        let url = format!("{}/v1/clinics", wiring.url(Program::Clinic));
        let admin = json!({
            "id": self.ids[0], "email": self.addresses[0], "roles": ["CLINIC_ADMIN"],
        });
        let shared = json!({ "permissions": { "view": {}, "note": {} } });
        let details = json!({ "fullName": "Finn", "birthDate": "2019-08-30" });
        self.patients.clone_from(&self.ids);
        for name in ["Oak Clinic", "Elm Clinic"] {
            let profile = json!({ "name": name, "preferredBgUnits": "mg/dL" });
            let clinic = make(client.post(&url).json(&profile), &clinician).await?;
            let below = |rest: &str| client.post(format!("{url}/{clinic}/{rest}"));
            make(below("clinicians").json(&admin), &service).await?;
            for person in &self.ids {
                let share = below(&format!("patients/{person}")).json(&shared);
                make(share, &service).await?;
            }
            let enrolled = make(below("patients").json(&details), &clinician).await?;
            self.patients.push(enrolled);
            self.clinics.push(clinic);
        }
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
            ("clinics", &CLINICS[..]),
            ("patients", &PATIENTS[..]),
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
                "clinics": { "values": self.clinics },
                "patients": { "values": self.patients },
            },
            "parameters": parameters,
        });
        Ok(toml::to_string(&config)?)
    }
}

/// Signs somebody up; the id and the session.
async fn join(
    client: &Client,
    wiring: &Wiring,
    role: &str,
    address: &str,
) -> anyhow::Result<(String, String)> {
    let account = json!({
        "username": address, "emails": [address], "password": PASSWORD, "roles": [role],
    });
    let url = format!("{}/auth/user", wiring.url(Program::UserApi));
    let response = send(client.post(url).json(&account)).await?;
    let token = token_in(&response)?;
    let account: Value = response.json().await?;
    let id = account["userid"].as_str().context("it has an id")?;
    Ok((id.to_owned(), token))
}

/// Sends `request` with `token`; the id of what it makes.
async fn make(request: RequestBuilder, token: &str) -> anyhow::Result<String> {
    let response = send(request.header(TOKEN_HEADER, token)).await?;
    let made: Value = response.json().await?;
    let id = made["id"].as_str().context("it has an id")?;
    Ok(id.to_owned())
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

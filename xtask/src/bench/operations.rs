//! What is measured: requests over what `bare_driver`, `seed` and `seed_clinics` have stored.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

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

/// The clinics that are measured, with how many patients they have.
const CLINICS: [(u32, &str); 2] = [(10_000, "10,000"), (100_000, "100,000")];
/// Of each, one patient in a hundred is called so.
const SURNAMES: [&str; 8] = [
    "smith", "garcia", "miller", "nguyen", "rivera", "hughes", "murphy", "patel",
];
/// Patients that can be created, once in each clinic.
const CREATABLE: u32 = 400_000;

/// What is asked, again and again.
pub(super) struct Operation {
    /// Those of the same name take turns.
    pub(super) name: &'static str,
    /// Of what it is asked, where that makes a difference.
    pub(super) size: Option<&'static str>,
    /// Whether it takes turns with the bare driver.
    pub(super) is_compared: bool,
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
    pub(super) fn get(name: &'static str, token: &str, urls: Vec<String>) -> Self {
        Self {
            name,
            size: None,
            is_compared: false,
            method: "GET",
            urls,
            headers: vec![format!("{TOKEN_HEADER}: {token}")],
            bodies: Vec::new(),
            share: 0.999,
        }
    }

    /// Its name, and of what size it is.
    pub(super) fn title(&self) -> String {
        let size = self.size.map(|size| format!(", {size}"));
        format!("{}{}", self.name, size.unwrap_or_default())
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
        Operation {
            is_compared: true,
            ..Operation::get("pair check", token, pairs())
        },
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
pub(super) fn sessions(user_api: &str, token: &str, person: &Person) -> Vec<Operation> {
    vec![
        Operation::get(
            "token check",
            token,
            vec![format!("{user_api}/token/{}", person.token)],
        ),
        Operation {
            method: "POST",
            headers: vec![format!("authorization: {}", person.credentials)],
            ..Operation::get("login", token, vec![format!("{user_api}/login")])
        },
    ]
}

/// The operations of clinic, as `clinician` asks for them. Those that make patients come last.
pub(super) fn clinics(clinic: &str, clinician: &Person) -> Vec<Operation> {
    let url = |place| format!("{clinic}/v1/clinics/{}", clinic_id(place));
    let get = |name, urls: &dyn Fn(u32, u32) -> Vec<String>| {
        let of_clinic = |(place, (patients, size))| Operation {
            size: Some(size),
            is_compared: true,
            ..Operation::get(name, &clinician.token, urls(place, patients))
        };
        (1..).zip(CLINICS).map(of_clinic).collect::<Vec<_>>()
    };
    let creation = |number: u32| {
        let patient = json!({
            "fullName": format!("New Patient {number}"), "birthDate": "2010-05-04",
            "mrn": format!("N{number:07}"),
        });
        patient.to_string()
    };
    let creations = get("clinic creation", &|place, _| {
        vec![format!("{}/patients", url(place))]
    });
    let creations = creations.into_iter().map(|operation| Operation {
        method: "POST",
        bodies: (0..CREATABLE).map(creation).collect(),
        share: 0.95,
        ..operation
    });
    let others = [
        get("clinic restrictions", &|place, _| {
            vec![format!("{}/membership_restrictions", url(place))]
        }),
        get("clinic patient", &|place, patients| {
            let patient = |number: u32| {
                let number = number * 7_919 % patients;
                format!("{}/patients/{place:04x}{number:06x}", url(place))
            };
            (0..URLS).map(patient).collect()
        }),
        get("clinic page", &|place, _| {
            vec![format!("{}/patients?limit=50", url(place))]
        }),
        get("clinic search", &|place, _| {
            let search = |name| format!("{}/patients?limit=50&search={name}", url(place));
            SURNAMES.map(search).to_vec()
        }),
    ];
    others.into_iter().flatten().chain(creations).collect()
}

/// Somebody with an account.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) token: String,
    /// What to log in with.
    credentials: String,
}

impl Person {
    /// Signs somebody up.
    pub(super) async fn new(user_api: &str) -> anyhow::Result<Self> {
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
        let account: Value = response.json().await?;
        let id = account["userid"].as_str().context("an account has an id")?;
        let request = client
            .get(user_api)
            .basic_auth(address, Some(password))
            .build()?;
        Ok(Self {
            id: id.to_owned(),
            token,
            credentials: request.headers()["authorization"].to_str()?.to_owned(),
        })
    }

    /// Has the person run the clinics that are measured, and those in `other_places`; `token` is a
    /// service's.
    pub(super) async fn run_clinics(
        &self,
        clinic: &str,
        token: &str,
        other_places: impl Iterator<Item = u32>,
    ) -> anyhow::Result<()> {
        let client = http::client()?;
        let clinician = json!({
            "id": self.id, "email": "bench+verified@example.org", "roles": ["CLINIC_ADMIN"],
        });
        let measured = (1..).zip(CLINICS).map(|(place, _)| place);
        for place in measured.chain(other_places) {
            let url = format!("{clinic}/v1/clinics/{}/clinicians", clinic_id(place));
            let request = client.post(url).header(TOKEN_HEADER, token);
            let response = request.json(&clinician).send().await?;
            ensure!(
                response.status().is_success(),
                "the clinician was answered {}",
                response.status()
            );
        }
        Ok(())
    }
}

/// The clinic in this place of those that `seed_clinics` stores, from 1 on.
pub(super) fn clinic_id(place: u32) -> String {
    format!("{place:024x}")
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

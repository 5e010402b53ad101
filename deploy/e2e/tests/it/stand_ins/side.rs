//! One of the two sides that are asked the same: the real services, or the played ones.

use std::collections::BTreeMap;

use ::stand_ins::{Clinic, Confirm, Gatekeeper, UserApi};
use e2e::{Platform, Program};
use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use shared_runtime::testing::{Answer, Person, send};

const TOKEN_HEADER: &str = "x-tidepool-session-token";
/// Oak Clinic and its share code, where it is played.
const OAK: (&str, &str) = ("5f8f8f8f8f8f8f8f8f8f8f8e", "ABCD-EFGH-JKLM");
/// What clinic shows and no other service reads, so that its stand-in does not play it.
const UNREAD: [&str; 11] = [
    "canMigrate",
    "connectionRequests",
    "createdTime",
    "dataSources",
    "preferredBgUnits",
    "reviews",
    "sites",
    "tags",
    "tier",
    "tierDescription",
    "updatedTime",
];

/// Whom a question goes to.
#[derive(Clone, Copy)]
pub(super) enum At {
    UserApi,
    Gatekeeper,
    Confirm,
    Clinic,
}

/// What was said to a question: it, the status, and the body with names in place of ids.
pub(super) type Said = (String, u16, Value);

pub(super) struct Side<'a> {
    /// In the order of [`At`], nobody logged in.
    services: [Person; 4],
    /// Those that a test tells what they know; `None`: the real services are asked.
    played: Option<(&'a UserApi, &'a Clinic)>,
    /// Of confirm.
    token: String,
    /// The ids of accounts and of the clinic by their names here, and its share code.
    ids: BTreeMap<String, String>,
    pub(super) said: Vec<Said>,
}

impl<'a> Side<'a> {
    pub(super) async fn of_platform(platform: &Platform) -> Self {
        let urls = [
            Program::UserApi,
            Program::Gatekeeper,
            Program::Confirm,
            Program::Clinic,
        ];
        let secret = e2e::server_secret("confirm");
        Self::start(urls.map(|program| platform.url(program)), &secret, None).await
    }

    pub(super) async fn of_stand_ins(
        user_api: &'a UserApi,
        gatekeeper: &Gatekeeper,
        confirm: &Confirm,
        clinic: &'a Clinic,
    ) -> Self {
        let urls = [
            user_api.url(),
            gatekeeper.url(),
            confirm.url(),
            clinic.url(),
        ];
        let secret = ::stand_ins::server_secret("confirm");
        Self::start(urls, &secret, Some((user_api, clinic))).await
    }

    async fn start(
        urls: [String; 4],
        secret: &str,
        played: Option<(&'a UserApi, &'a Clinic)>,
    ) -> Self {
        let nobody = "00000000-0000-4000-8000-000000000000".to_owned();
        let nowhere = "000000000000000000000000".to_owned();
        let mut side = Self {
            services: urls.map(|url| Person::at(&url, None)),
            played,
            token: String::new(),
            ids: [
                ("nobody".to_owned(), nobody),
                ("nowhere".to_owned(), nowhere),
            ]
            .into(),
            said: Vec::new(),
        };
        let answer = side.log_in_server("confirm", secret).await;
        // The secrets of the two differ.
        "POST /serverlogin".clone_into(&mut side.said[0].0);
        answer
            .header(TOKEN_HEADER)
            .unwrap()
            .clone_into(&mut side.token);
        side
    }

    /// Names the account that was answered.
    pub(super) fn call(&mut self, name: &str, account: &Answer) {
        let account: Value = account.json();
        let id = account["userid"].as_str().expect("an account");
        self.ids.insert(name.to_owned(), id.to_owned());
        let (.., body) = self.said.last_mut().unwrap();
        *body = named(body, &self.ids);
    }

    /// Asks as confirm. `{name}` stands for the id that has this name.
    pub(super) async fn ask(&mut self, at: At, what: &str, body: Value) -> Answer {
        let token = self.token.clone();
        self.ask_with(&token, at, what, body).await
    }

    /// Asks user-api as nobody.
    pub(super) async fn ask_anonymously(&mut self, what: &str, body: Value) -> Answer {
        self.ask_with("", At::UserApi, what, body).await
    }

    /// Asks with a token; empty: with none.
    pub(super) async fn ask_with(
        &mut self,
        token: &str,
        at: At,
        what: &str,
        body: Value,
    ) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = self.request(at, method, &self.with_ids(path));
        if !token.is_empty() {
            request = request.header(TOKEN_HEADER, token);
        }
        let shown = format!("{what} {body}");
        if !body.is_null() {
            let body: Value = serde_json::from_str(&self.with_ids(&body.to_string())).unwrap();
            request = request.json(&body);
        }
        let answer = self.send(shown, request).await;
        if matches!(at, At::Clinic) && !answer.body.is_empty() {
            let shown = named(&read(answer.json()), &self.ids);
            let (.., body) = self.said.last_mut().unwrap();
            *body = shown;
        }
        answer
    }

    pub(super) async fn log_in_server(&mut self, name: &str, secret: &str) -> Answer {
        let request = self.request(At::UserApi, "POST", "/serverlogin");
        let request = request
            .header("x-tidepool-server-name", name)
            .header("x-tidepool-server-secret", secret);
        self.send(format!("server {name} {secret}"), request).await
    }

    /// The token of the session; `None`: none was opened. Without a password nothing is shown.
    pub(super) async fn log_in(&mut self, email: &str, password: Option<&str>) -> Option<String> {
        let mut request = self.request(At::UserApi, "POST", "/auth/login");
        if password.is_some() {
            request = request.basic_auth(email, password);
        }
        let answer = self.send(format!("{email} {password:?}"), request).await;
        answer.header(TOKEN_HEADER).map(str::to_owned)
    }

    /// Has a token checked.
    pub(super) async fn check(&mut self, token: &str) {
        let request = self.request(At::UserApi, "GET", &format!("/token/{token}"));
        let request = request.header(TOKEN_HEADER, &self.token);
        self.send("GET /token".to_owned(), request).await;
    }

    /// What somebody wrote into the profile of an account; how is no part of the comparison.
    pub(super) async fn set_profile(&mut self, name: &str, profile: Value) {
        let id = &self.ids[name];
        if let Some((user_api, _)) = self.played {
            user_api.profile(id, profile);
            return;
        }
        let path = format!("/metadata/{id}/profile");
        self.tell(At::UserApi, &format!("PUT {path}"), &self.token, &profile)
            .await;
    }

    /// Alice, who shows `token`, opens Oak Clinic; how is no part of the comparison. `{oak}` stands
    /// for its id from then on, and `{code}` for its share code.
    pub(super) async fn open_clinic(&mut self, token: &str) {
        let (id, code) = if let Some((_, clinic)) = self.played {
            let (id, code) = OAK;
            clinic.has_clinic(id, json!({ "shareCode": code }));
            let alice = json!({
                "id": self.ids["alice"], "email": "alice@example.org", "name": "Alice Lee",
                "roles": ["CLINIC_ADMIN"],
            });
            let add = format!("POST /v1/clinics/{id}/clinicians");
            self.tell(At::Clinic, &add, &self.token, &alice).await;
            (id.to_owned(), code.to_owned())
        } else {
            let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
            let open = "POST /v1/clinics";
            let opened = self.tell(At::Clinic, open, token, &profile).await;
            let opened: Value = opened.json();
            let text = |name: &str| opened[name].as_str().expect("a text").to_owned();
            (text("id"), text("shareCode"))
        };
        self.ids.insert("oak".to_owned(), id);
        self.ids.insert("code".to_owned(), code);
    }

    /// From where those must come who work for the clinic.
    pub(super) async fn restrict(&self, restrictions: &Value) {
        let restrictions = json!({ "restrictions": restrictions });
        self.set("membership_restrictions", &restrictions, &restrictions)
            .await;
    }

    /// What the clinic asks of medical record numbers.
    pub(super) async fn ask_for_numbers(&self, settings: &Value) {
        let members = json!({ "mrnSettings": settings });
        self.set("settings/mrn", settings, &members).await;
    }

    /// Sets something of the clinic; how is no part of the comparison. `members` are those of the
    /// stand-in.
    async fn set(&self, path: &str, body: &Value, members: &Value) {
        let id = &self.ids["oak"];
        if let Some((_, clinic)) = self.played {
            clinic.has_clinic(id, members.clone());
            return;
        }
        let what = format!("PUT /v1/clinics/{id}/{path}");
        self.tell(At::Clinic, &what, &self.token, body).await;
    }

    /// Says what is no part of the comparison.
    async fn tell(&self, at: At, what: &str, token: &str, body: &Value) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let request = self.request(at, method, path).json(body);
        let answer = send(request.header(TOKEN_HEADER, token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    fn request(&self, at: At, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.services[at as usize].request(method, path)
    }

    fn with_ids(&self, text: &str) -> String {
        let ids = self.ids.iter();
        ids.fold(text.to_owned(), |text, (name, id)| {
            text.replace(&format!("{{{name}}}"), id)
        })
    }

    async fn send(&mut self, what: String, request: RequestBuilder) -> Answer {
        let answer = send(request).await;
        let body = if answer.body.is_empty() {
            json!("no body")
        } else {
            named(&answer.json(), &self.ids)
        };
        self.said.push((what, answer.status, body));
        answer
    }
}

/// What other services read of what clinic shows.
fn read(shown: Value) -> Value {
    match shown {
        Value::Array(items) => items.into_iter().map(read).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            let members = members.filter(|(name, _)| !UNREAD.contains(&name.as_str()));
            members.map(|(name, value)| (name, read(value))).collect()
        }
        other => other,
    }
}

/// `value` with the names of accounts in place of their ids, and nothing that depends on the time.
/// Lists are in the order of what is in them then.
fn named(value: &Value, ids: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => json!(name_of(text, ids)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| named(item, ids)).collect();
            items.sort_by_key(Value::to_string);
            json!(items)
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| match &**name {
                "expires_at" => (name.clone(), json!("a time")),
                _ => (name_of(name, ids), named(value, ids)),
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn name_of(text: &str, ids: &BTreeMap<String, String>) -> String {
    let found = ids.iter().find(|(_, id)| *id == text);
    found.map_or(text, |(name, _)| name).to_owned()
}

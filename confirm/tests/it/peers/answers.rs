//! What the stub answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value, json};
use shared_runtime::auth::TOKEN_HEADER;
use shared_types::address;
use wiremock::{Request, Respond, ResponseTemplate};

use super::{Ask, Known, SECRET};
use crate::world::KEYS;

const SERVICE_TOKEN: &str = "the token of confirm itself";

pub(super) struct Stub(pub(super) Arc<Mutex<Known>>);

impl Respond for Stub {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| {
            request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let path = request.url.path();
        let segments = path.trim_start_matches('/').split('/');
        let segments: Vec<String> = segments.map(percent_decoded).collect();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts[..] {
            [".well-known", "jwks.json"] => return ok(&json!({"keys": [KEYS.key.public()]})),
            ["serverlogin"] => {
                let is_confirm = header("x-tidepool-server-name") == Some("confirm")
                    && header("x-tidepool-server-secret") == Some(SECRET);
                return if is_confirm {
                    ResponseTemplate::new(200).insert_header(TOKEN_HEADER, SERVICE_TOKEN)
                } else {
                    ResponseTemplate::new(401)
                };
            }
            _ => {}
        }
        if let Some(answer) = self.0.lock().unwrap().session(request) {
            return answer;
        }
        if header(TOKEN_HEADER) != Some(SERVICE_TOKEN) {
            return ResponseTemplate::new(401);
        }
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let mut known = self.0.lock().unwrap();
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["token", token]) => known.answer(Ask::Token, token, &body),
            ("GET", ["internal", "people"]) => {
                known.answer(Ask::People, request.url.query().unwrap_or_default(), &body)
            }
            ("PUT", ["internal", "users", id, "restoration"]) => {
                known.answer(Ask::Restore, id, &body)
            }
            ("PUT", ["user", id]) => known.answer(Ask::Update, id, &body),
            ("GET", ["access", sharer, grantee]) => {
                known.answer(Ask::Pair, &format!("{sharer}/{grantee}"), &body)
            }
            ("PUT", ["internal", "grants", id]) => known.answer(Ask::Grant, id, &body),
            ("POST", ["v1", "users", ..]) => {
                known.answer(Ask::Alerts, &percent_decoded(path), &body)
            }
            _ => ResponseTemplate::new(404),
        }
    }
}

fn percent_decoded(path: &str) -> String {
    let text = format!("x={}", path.replace('+', "%2B"));
    let url: reqwest::Url = format!("http://x/?{text}").parse().unwrap();
    url.query_pairs().next().unwrap().1.into_owned()
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// All spellings of an address alike, and as loosely as the database of user-api compares.
fn folded(email: &str) -> String {
    address::identity(email).to_lowercase().replace('ß', "ss")
}

impl Known {
    pub(super) fn answer(&mut self, ask: Ask, name: &str, body: &Value) -> ResponseTemplate {
        self.asked.push((ask, name.to_owned(), body.clone()));
        if let Some(status) = self.failing.get(&ask) {
            return ResponseTemplate::new(*status);
        }
        match ask {
            Ask::Token => match self.tokens.get(name) {
                Some(data) => ok(data),
                None => ResponseTemplate::new(404),
            },
            Ask::People => self.people(name),
            Ask::LogIn | Ask::SignUp | Ask::LogOut => ResponseTemplate::new(200),
            Ask::Update => self.update(name, body),
            Ask::Restore if body["password"].as_str().unwrap().contains("refused") => {
                ResponseTemplate::new(400)
            }
            Ask::Restore => ok(&json!({ "void": self.void })),
            Ask::Pair => self.pair(name),
            Ask::Grant => self.grant(name, body),
            Ask::Alerts => {
                self.alerts.push((name.to_owned(), body.clone()));
                ResponseTemplate::new(204)
            }
        }
    }

    fn people(&self, query: &str) -> ResponseTemplate {
        let url: reqwest::Url = format!("http://x/?{query}").parse().unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        let ids = |name: &str| -> Vec<&str> {
            let ids = query.get(name).map(|ids| ids.split(','));
            ids.into_iter().flatten().collect()
        };
        let (mut accounts, profiles) = (ids("ids"), ids("profiles"));
        if accounts.len() > 200 || profiles.len() > 200 || query.is_empty() {
            return ResponseTemplate::new(400);
        }
        if let Some(email) = query.get("email") {
            let has = |account: &Value| {
                let mut emails = account["emails"].as_array().into_iter().flatten();
                emails.any(|known| folded(known.as_str().unwrap()) == folded(email))
            };
            let found = self.accounts.iter().filter(|(_, account)| has(account));
            accounts = found.map(|(id, _)| id.as_str()).collect();
        }
        if accounts
            .iter()
            .filter_map(|id| self.accounts.get(*id))
            .any(|account| account["isUnreadable"] == true)
        {
            return ResponseTemplate::new(500);
        }
        let people: Vec<Value> = accounts
            .into_iter()
            .filter_map(|id| self.person(id))
            .collect();
        let profile = |id: &str| {
            let profile = self.profiles.get(id).filter(|profile| !profile.is_null())?;
            Some((id.to_owned(), profile.clone()))
        };
        let profiles: Value = profiles.into_iter().filter_map(profile).collect();
        ok(&json!({ "people": people, "profiles": profiles }))
    }

    fn person(&self, id: &str) -> Option<Value> {
        let user = self.accounts.get(id)?;
        let profile = self.profiles.get(id).unwrap_or(&Value::Null);
        // As if the addresses never changed, unless a test says what was proven.
        let proven = match user.get("provenEmail") {
            Some(proven) => proven,
            None if user["emailVerified"] == true => &user["emails"][0],
            None => &Value::Null,
        };
        Some(json!({ "user": user, "profile": profile, "provenEmail": proven }))
    }

    fn update(&mut self, id: &str, body: &Value) -> ResponseTemplate {
        let Some(account) = self.accounts.get_mut(id) else {
            return ResponseTemplate::new(401);
        };
        let wanted = folded(body["onlyIf"]["email"].as_str().unwrap());
        let mut emails = account["emails"].as_array().into_iter().flatten();
        if !emails.any(|known| folded(known.as_str().unwrap()) == wanted) {
            return ResponseTemplate::new(409);
        }
        let updates = &body["updates"];
        if let Some(password) = updates["password"].as_str() {
            if password.contains("refused") {
                return ResponseTemplate::new(400);
            }
            let mark = &body["idempotencyKey"];
            let is_repeat = account.get("mark") == Some(mark);
            let is_first = body["onlyIf"]["passwordExists"] == false;
            let keeps_out = if is_repeat {
                account["password"] != password
            } else {
                is_first && account["passwordExists"] == true
            };
            if keeps_out {
                return ResponseTemplate::new(409);
            }
            account["mark"] = mark.clone();
            account["passwordExists"] = true.into();
            account["password"] = password.into();
        }
        if updates["emailVerified"] == true {
            account["emailVerified"] = true.into();
        }
        ok(account)
    }

    fn pair(&self, pair: &str) -> ResponseTemplate {
        let (sharer, grantee) = pair.split_once('/').unwrap();
        if sharer == grantee {
            return ok(&json!({"root": {}}));
        }
        let pair = (sharer.to_owned(), grantee.to_owned());
        match self.permissions.get(&pair) {
            Some(set) => ok(&Value::Object(set.clone())),
            None => ResponseTemplate::new(404),
        }
    }

    fn grant(&mut self, id: &str, grant: &Value) -> ResponseTemplate {
        let name = |member: &str| grant[member].as_str().unwrap().to_owned();
        let (sharer, grantee) = (name("sharerId"), name("granteeId"));
        let offered = grant["permissions"].as_object().unwrap().clone();
        if self.applied.iter().any(|applied| applied == id) {
            return ok(&Value::Object(offered));
        }
        if let Some(sender) = grant.get("grantedBy").and_then(Value::as_str)
            && sender != sharer
        {
            let held = self.permissions.get(&(sharer.clone(), sender.to_owned()));
            let runs = |set: &Map<String, Value>| {
                set.contains_key("admin") || set.contains_key("custodian")
            };
            if !held.is_some_and(runs) {
                return ResponseTemplate::new(403);
            }
        }
        self.applied.push(id.to_owned());
        let held = self.permissions.entry((sharer, grantee)).or_default();
        for (name, value) in offered {
            held.entry(name).or_insert(value);
        }
        ok(&Value::Object(held.clone()))
    }
}

//! Plays gatekeeper: remembers permissions, and fails when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

type Pair = (String, String);

/// A gatekeeper that knows the pairs it was given.
#[derive(Clone, Default)]
pub(crate) struct Gatekeeper {
    permissions: Arc<Mutex<BTreeMap<Pair, Value>>>,
    /// Pairs whose grantee did not agree.
    unaccepted: Arc<Mutex<Vec<Pair>>>,
    /// Accounts that keep somebody who runs them.
    protected: Arc<Mutex<Vec<String>>>,
    /// Accounts that a clinic runs.
    run_by_clinics: Arc<Mutex<Vec<String>>>,
    forgotten: Arc<Mutex<Vec<String>>>,
    /// Methods that are answered with 500.
    broken: Arc<Mutex<Vec<String>>>,
    /// A method that is answered after a while; its effect is there at once.
    slow: Arc<Mutex<Option<&'static str>>>,
    /// Every call so far, method and path.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Gatekeeper {
    pub(crate) async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(self.clone())
            .mount(&server)
            .await;
        server
    }

    /// What `grantee` may do on the account of `sharer`.
    pub(crate) fn grant(&self, sharer: &str, grantee: &str, permissions: Value) {
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.permissions.lock().unwrap().insert(pair, permissions);
    }

    /// The same, to which `grantee` did not agree.
    pub(crate) fn grant_unaccepted(&self, sharer: &str, grantee: &str, permissions: Value) {
        self.grant(sharer, grantee, permissions);
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.unaccepted.lock().unwrap().push(pair);
    }

    pub(crate) fn permissions(&self, sharer: &str, grantee: &str) -> Option<Value> {
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.permissions.lock().unwrap().get(&pair).cloned()
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.permissions.lock().unwrap().len()
    }

    /// From now on, the last-admin rule holds for `account`.
    pub(crate) fn protect(&self, account: &str) {
        self.protected.lock().unwrap().push(account.to_owned());
    }

    /// From now on, a clinic runs `account`.
    pub(crate) fn let_clinic_run(&self, account: &str) {
        self.run_by_clinics.lock().unwrap().push(account.to_owned());
    }

    pub(crate) fn has_forgotten(&self, user: &str) -> bool {
        self.forgotten
            .lock()
            .unwrap()
            .iter()
            .any(|forgotten| forgotten == user)
    }

    /// From now on, calls with these methods fail.
    pub(crate) fn break_methods(&self, methods: &[&str]) {
        *self.broken.lock().unwrap() = methods.iter().map(|method| (*method).to_owned()).collect();
    }

    /// From now on, calls with this method take a second.
    pub(crate) fn slow_down(&self, method: &'static str) {
        *self.slow.lock().unwrap() = Some(method);
    }

    /// Whether a call came in whose method and path end with `call`.
    pub(crate) fn was_called(&self, call: &str) -> bool {
        let calls = self.calls.lock().unwrap();
        calls.iter().any(|made| made.ends_with(call))
    }

    fn members(&self, sharer: &str) -> Value {
        let mut members = json!({ sharer: { "root": {} } });
        for ((of, grantee), permissions) in self.permissions.lock().unwrap().iter() {
            if of == sharer {
                members[grantee] = permissions.clone();
            }
        }
        members
    }

    fn groups(&self, user: &str) -> Value {
        let mut groups = json!({ user: { "root": {} } });
        for ((sharer, grantee), permissions) in self.permissions.lock().unwrap().iter() {
            if grantee == user {
                groups[sharer] = permissions.clone();
            }
        }
        groups
    }

    fn grantees(&self, user: &str) -> Value {
        let unaccepted = self.unaccepted.lock().unwrap();
        let stored = self.permissions.lock().unwrap();
        let of_user = stored.keys().filter(|(sharer, _)| sharer == user);
        of_user
            .map(|pair| (pair.1.clone(), json!(!unaccepted.contains(pair))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn remove_custodians(&self, sharer: &str) {
        let mut stored = self.permissions.lock().unwrap();
        for ((of, _), permissions) in stored.iter_mut() {
            if of == sharer {
                permissions.as_object_mut().unwrap().remove("custodian");
            }
        }
        stored.retain(|_, permissions| *permissions != json!({}));
    }

    fn administered(&self, user: &str) -> Value {
        let stored = self.permissions.lock().unwrap();
        stored
            .iter()
            .filter(|((_, grantee), set)| grantee == user && administers(set))
            .map(|((sharer, _), _)| {
                json!({
                    "userid": sharer,
                    "otherAdmins": admins(&stored, sharer, user),
                    "clinicCustodian": self.run_by_clinics.lock().unwrap().contains(sharer),
                })
            })
            .collect()
    }

    fn lock(&self, user: &str) -> Value {
        let version = self.calls.lock().unwrap().len();
        let stored = self.permissions.lock().unwrap();
        json!({
            "version": version,
            "holders": admins(&stored, user, ""),
            "clinicCustodian": self.run_by_clinics.lock().unwrap().contains(&user.to_owned()),
        })
    }

    fn replace(&self, sharer: &str, grantee: &str, body: &[u8]) -> ResponseTemplate {
        let permissions: Value = serde_json::from_slice(body).unwrap();
        let pair = (sharer.to_owned(), grantee.to_owned());
        let mut stored = self.permissions.lock().unwrap();
        let takes_admin = stored.get(&pair).is_some_and(administers) && !administers(&permissions);
        if takes_admin
            && self.protected.lock().unwrap().contains(&pair.0)
            && !self.run_by_clinics.lock().unwrap().contains(&pair.0)
            && admins(&stored, sharer, grantee).is_empty()
        {
            return ResponseTemplate::new(403).set_body_json(json!({ "code": 403, "reason": "" }));
        }
        let answer = ResponseTemplate::new(200);
        if permissions == json!({}) {
            stored.remove(&pair);
            return answer.set_body_json(Value::Null);
        }
        stored.insert(pair, permissions.clone());
        answer.set_body_json(permissions)
    }
}

fn administers(set: &Value) -> bool {
    set.get("admin").is_some() || set.get("custodian").is_some()
}

/// Who but `user` runs the account of `sharer`.
fn admins<'a>(stored: &'a BTreeMap<Pair, Value>, sharer: &str, user: &str) -> Vec<&'a str> {
    stored
        .iter()
        .filter(|((of, grantee), set)| of == sharer && grantee != user && administers(set))
        .map(|((_, grantee), _)| grantee.as_str())
        .collect()
}

impl Respond for Gatekeeper {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let answer = self.answer(request);
        self.calls
            .lock()
            .unwrap()
            .push(format!("{} {}", request.method, request.url.path()));
        if *self.slow.lock().unwrap() == Some(request.method.as_str()) {
            return answer.set_delay(Duration::from_secs(1));
        }
        answer
    }
}

impl Gatekeeper {
    fn answer(&self, request: &Request) -> ResponseTemplate {
        assert!(
            request.headers.contains_key("x-tidepool-session-token"),
            "user-api calls without a token"
        );
        let method = request.method.as_str();
        if self
            .broken
            .lock()
            .unwrap()
            .iter()
            .any(|broken| broken == method)
        {
            return ResponseTemplate::new(500);
        }
        let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        let path: Vec<&str> = request.url.path().split('/').skip(1).collect();
        match (method, path.as_slice()) {
            ("GET", ["access", "groups", user]) => answer(self.groups(user)),
            ("GET", ["access", sharer]) => answer(self.members(sharer)),
            ("GET", ["access", sharer, grantee]) => match self.permissions(sharer, grantee) {
                Some(permissions) => answer(permissions),
                None => ResponseTemplate::new(404)
                    .set_body_json(json!({ "code": "NotFound", "message": "" })),
            },
            ("POST", ["access", sharer, grantee]) => self.replace(sharer, grantee, &request.body),
            ("GET", ["internal", "users", user, "administered"]) => answer(self.administered(user)),
            ("GET", ["internal", "users", user, "grantees"]) => answer(self.grantees(user)),
            ("PUT", ["internal", "users", user, "lock"]) => answer(self.lock(user)),
            ("DELETE", ["internal", "users", user, "custodians"]) => {
                self.remove_custodians(user);
                ResponseTemplate::new(204)
            }
            ("DELETE", ["internal", "users", user, "grantees"]) => {
                let mut stored = self.permissions.lock().unwrap();
                stored.retain(|(sharer, _), _| sharer != user);
                ResponseTemplate::new(204)
            }
            ("DELETE", ["internal", "users", user]) => {
                self.forgotten.lock().unwrap().push((*user).to_owned());
                self.permissions
                    .lock()
                    .unwrap()
                    .retain(|(sharer, grantee), _| sharer != user && grantee != user);
                ResponseTemplate::new(204)
            }
            _ => ResponseTemplate::new(404),
        }
    }
}

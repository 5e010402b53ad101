//! Plays gatekeeper: remembers permissions, and fails when told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

type Pair = (String, String);

/// A gatekeeper that knows the pairs it was given.
#[derive(Clone, Default)]
pub(crate) struct Gatekeeper {
    permissions: Arc<Mutex<BTreeMap<Pair, Value>>>,
    administered: Arc<Mutex<BTreeMap<String, Value>>>,
    forgotten: Arc<Mutex<Vec<String>>>,
    /// Methods that are answered with 500.
    broken: Arc<Mutex<Vec<String>>>,
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

    pub(crate) fn permissions(&self, sharer: &str, grantee: &str) -> Option<Value> {
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.permissions.lock().unwrap().get(&pair).cloned()
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.permissions.lock().unwrap().len()
    }

    /// What `GET /internal/users/:userid/administered` answers.
    pub(crate) fn administers(&self, user: &str, accounts: Value) {
        self.administered
            .lock()
            .unwrap()
            .insert(user.to_owned(), accounts);
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

    fn remove_custodians(&self, sharer: &str) {
        let mut stored = self.permissions.lock().unwrap();
        for ((of, _), permissions) in stored.iter_mut() {
            if of == sharer {
                permissions.as_object_mut().unwrap().remove("custodian");
            }
        }
        stored.retain(|_, permissions| *permissions != json!({}));
    }

    fn replace(&self, sharer: &str, grantee: &str, body: &[u8]) -> Value {
        let permissions: Value = serde_json::from_slice(body).unwrap();
        let pair = (sharer.to_owned(), grantee.to_owned());
        let mut stored = self.permissions.lock().unwrap();
        if permissions == json!({}) {
            stored.remove(&pair);
            return Value::Null;
        }
        stored.insert(pair, permissions.clone());
        permissions
    }
}

impl Respond for Gatekeeper {
    fn respond(&self, request: &Request) -> ResponseTemplate {
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
            ("POST", ["access", sharer, grantee]) => {
                answer(self.replace(sharer, grantee, &request.body))
            }
            ("GET", ["internal", "users", user, "administered"]) => {
                let known = self.administered.lock().unwrap().get(*user).cloned();
                answer(known.unwrap_or_else(|| json!([])))
            }
            ("DELETE", ["internal", "users", user, "custodians"]) => {
                self.remove_custodians(user);
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

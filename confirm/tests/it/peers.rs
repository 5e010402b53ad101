//! user-api, gatekeeper and the data service as far as confirm asks them, in one stub: accounts,
//! permissions and alerts are kept, so that what was done can be seen, and each can be made to fail.

mod answers;
pub(crate) mod sessions;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Map, Value, json};
use shared_runtime::auth::SessionClaims;
use wiremock::{Mock, MockServer, matchers::any};

use self::answers::Stub;

/// The secret with which confirm logs in.
pub(crate) const SECRET: &str = "the secret of confirm";

pub(crate) struct Peers {
    server: MockServer,
    known: Arc<Mutex<Known>>,
}

/// What can be asked of peers, and so made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    People,
    Update,
    Restore,
    Pair,
    Grant,
    Alerts,
    Token,
    LogIn,
    SignUp,
    LogOut,
}

#[derive(Default)]
struct Known {
    tokens: HashMap<String, Value>,
    accounts: BTreeMap<String, Value>,
    profiles: BTreeMap<String, Value>,
    permissions: BTreeMap<(String, String), Map<String, Value>>,
    /// What was asked, the failed ones included, the oldest first.
    asked: Vec<(Ask, String, Value)>,
    applied: Vec<String>,
    alerts: Vec<(String, Value)>,
    /// The changes that can be undone no more once one is undone.
    void: Vec<String>,
    failing: HashMap<Ask, u16>,
}

impl Peers {
    pub(crate) async fn start() -> Self {
        let peers = Self {
            server: MockServer::start().await,
            known: Arc::default(),
        };
        Mock::given(any())
            .respond_with(Stub(peers.known.clone()))
            .mount(&peers.server)
            .await;
        peers
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// On whose behalf `path` was asked for.
    pub(crate) async fn asked_for_whom(&self, path: &str) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let asked = requests.iter().filter(|asked| asked.url.path() == path);
        let whom = asked.filter_map(|asked| asked.headers.get("x-forwarded-for"));
        whom.map(|whom| whom.to_str().unwrap().to_owned()).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    pub(crate) fn know(&self, token: &str, claims: &SessionClaims) {
        let data =
            json!({"isserver": claims.is_server(), "userid": claims.usr, "expires_at": claims.exp});
        self.known().tokens.insert(token.to_owned(), data);
    }

    pub(crate) fn forget_tokens(&self) {
        self.known().tokens.clear();
    }

    /// An account with a password, a verified address and a name made of `id`.
    pub(crate) fn has(&self, id: &str) {
        self.has_with(id, json!({}));
    }

    /// As [`Self::has`], with other members; `null` takes one away.
    pub(crate) fn has_with(&self, id: &str, members: Value) {
        let email = format!("{id}@example.org");
        let mut account = json!({
            "userid": id, "username": email, "emails": [email], "roles": ["patient"],
            "emailVerified": true, "passwordExists": true,
        });
        merge(&mut account, members);
        let mut known = self.known();
        known.accounts.insert(id.to_owned(), account);
        let profile = json!({ "fullName": format!("{id} of Tide"), "patient": null });
        known.profiles.insert(id.to_owned(), profile);
    }

    /// A child's account that others made, with an address and a birthday.
    pub(crate) fn has_child(&self, id: &str, birthday: &str) {
        self.has_with(id, json!({"passwordExists": false, "emailVerified": false}));
        let patient = json!({
            "fullName": id, "birthday": birthday, "diagnosisDate": "2020-02-02",
            "isOtherPerson": true,
        });
        self.profile(id, json!({ "fullName": "A Parent", "patient": patient }));
    }

    pub(crate) fn change(&self, id: &str, members: Value) {
        merge(self.known().accounts.get_mut(id).unwrap(), members);
    }

    /// `null`: none.
    pub(crate) fn profile(&self, id: &str, profile: Value) {
        self.known().profiles.insert(id.to_owned(), profile);
    }

    pub(crate) fn remove(&self, id: &str) {
        let mut known = self.known();
        known.accounts.remove(id);
        known.profiles.remove(id);
    }

    pub(crate) fn account(&self, id: &str) -> Value {
        self.known().accounts[id].clone()
    }

    /// What `grantee` may do on the account of `sharer` from here on.
    pub(crate) fn allow(&self, sharer: &str, grantee: &str, permissions: Value) {
        let Value::Object(permissions) = permissions else {
            panic!("permissions are an object");
        };
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.known().permissions.insert(pair, permissions);
    }

    pub(crate) fn revoke(&self, sharer: &str, grantee: &str) {
        let pair = (sharer.to_owned(), grantee.to_owned());
        self.known().permissions.remove(&pair);
    }

    /// `null`: nothing.
    pub(crate) fn permissions(&self, sharer: &str, grantee: &str) -> Value {
        let pair = (sharer.to_owned(), grantee.to_owned());
        let known = self.known();
        let found = known.permissions.get(&pair);
        found.map_or(Value::Null, |set| Value::Object(set.clone()))
    }

    /// The bodies that came with `ask`, with what they were about.
    pub(crate) fn asked(&self, ask: Ask) -> Vec<(String, Value)> {
        let known = self.known();
        let asked = known.asked.iter().filter(|(what, ..)| *what == ask);
        asked
            .map(|(_, name, body)| (name.clone(), body.clone()))
            .collect()
    }

    /// The grants that had their effect.
    pub(crate) fn applied(&self) -> Vec<String> {
        self.known().applied.clone()
    }

    /// The stored alert configurations, each with its path.
    pub(crate) fn alerts(&self) -> Vec<(String, Value)> {
        self.known().alerts.clone()
    }

    /// Which changes can be undone no more once one is undone.
    pub(crate) fn voids(&self, changes: &[&str]) {
        self.known().void = changes.iter().map(|&change| change.to_owned()).collect();
    }

    /// Answers `ask` with `status` from here on.
    pub(crate) fn fail(&self, ask: Ask, status: u16) {
        self.known().failing.insert(ask, status);
    }

    pub(crate) fn mend(&self, ask: Ask) {
        self.known().failing.remove(&ask);
    }
}

fn merge(into: &mut Value, members: Value) {
    let Value::Object(members) = members else {
        panic!("members are an object");
    };
    for (name, value) in members {
        let into = into.as_object_mut().unwrap();
        if value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}

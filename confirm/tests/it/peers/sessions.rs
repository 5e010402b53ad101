//! What user-api says to people who log in, sign up and log out.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use shared_runtime::{auth::TOKEN_HEADER, testing::claims};
use wiremock::{Request, ResponseTemplate};

use super::{Ask, Known};
use crate::world::KEYS;

/// The password of everybody who chose no other one.
pub(crate) const PASSWORD: &str = "correct-horse";

impl Known {
    /// `None`: the request is about something else.
    pub(super) fn session(&mut self, request: &Request) -> Option<ResponseTemplate> {
        let header = |name: &str| request.headers.get(name)?.to_str().ok();
        match request.url.path() {
            "/auth/login" => Some(self.log_in(header("authorization").unwrap())),
            "/auth/user" => Some(self.sign_up(&serde_json::from_slice(&request.body).unwrap())),
            "/auth/logout" => Some(self.log_out(header(TOKEN_HEADER).unwrap())),
            _ => None,
        }
    }

    fn log_in(&mut self, authorization: &str) -> ResponseTemplate {
        let credentials = authorization.strip_prefix("Basic ").unwrap();
        let credentials = BASE64_STANDARD.decode(credentials).unwrap();
        let credentials = String::from_utf8(credentials).unwrap();
        let (email, password) = credentials.split_once(':').unwrap();
        let failed = self.answer(Ask::LogIn, email, &Value::Null);
        if self.failing.contains_key(&Ask::LogIn) {
            return failed.insert_header("retry-after", "90");
        }
        let account = self.accounts.iter().find(|(_, account)| {
            let has = account["password"].as_str().unwrap_or(PASSWORD);
            account["username"] == *email && account["passwordExists"] == true && has == password
        });
        match account {
            None => ResponseTemplate::new(401),
            Some((_, account)) if account["emailVerified"] != true => ResponseTemplate::new(403),
            Some((id, account)) => {
                let (id, account) = (id.clone(), account.clone());
                self.open(200, &id, &account)
            }
        }
    }

    fn sign_up(&mut self, body: &Value) -> ResponseTemplate {
        let email = body["username"].as_str().unwrap();
        let failed = self.answer(Ask::SignUp, email, body);
        if self.failing.contains_key(&Ask::SignUp) {
            return failed;
        }
        let is_taken = |account: &Value| account["username"] == *email;
        if self.accounts.values().any(is_taken) {
            return ResponseTemplate::new(409);
        }
        let id = email.split('@').next().unwrap();
        let account = json!({
            "userid": id, "username": email, "emails": [email], "roles": body["roles"],
            "emailVerified": false, "passwordExists": true, "password": body["password"],
        });
        self.accounts.insert(id.to_owned(), account.clone());
        self.open(201, id, &account)
    }

    fn open(&mut self, status: u16, id: &str, account: &Value) -> ResponseTemplate {
        let claims = claims(id, "no");
        let token = KEYS.key.sign(&claims).unwrap();
        let data = json!({ "isserver": false, "userid": id, "expires_at": claims.exp });
        self.tokens.insert(token.clone(), data);
        ResponseTemplate::new(status)
            .insert_header(TOKEN_HEADER, token.as_str())
            .set_body_json(account)
    }

    fn log_out(&mut self, token: &str) -> ResponseTemplate {
        self.tokens.remove(token);
        self.answer(Ask::LogOut, token, &Value::Null)
    }
}

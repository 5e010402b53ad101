//! user-api, played: accounts with their profiles, tokens and sessions.

mod accounts;
mod known;
mod sessions;

use std::sync::{Mutex, MutexGuard};

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Value, json};
use shared_runtime::{auth::SessionClaims, error::ApiError};

use self::known::Known;
use crate::{KEYS, Part, Request, StandIn, tokens::Caller};

/// user-api, played. A service logs in with its [`crate::server_secret`].
pub type UserApi = StandIn<Accounts>;

/// The password of everybody who chose no other one.
pub const PASSWORD: &str = "correct-horse";

/// The services that may ask what is below `/internal`.
const ADMITTED: [&str; 3] = ["gatekeeper", "confirm", "clinic"];

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `GET /.well-known/jwks.json`.
    Keys,
    /// `POST /serverlogin`.
    ServerLogin,
    /// `GET /token/{token}`.
    Token,
    /// `POST /login`.
    LogIn,
    /// `POST /user`.
    SignUp,
    /// `POST /logout`.
    LogOut,
    /// `GET /user/{userid}`.
    User,
    /// `PUT /user/{userid}`.
    Update,
    /// `POST /v1/clinics/{clinicid}/users`.
    Create,
    /// `GET /internal/people`.
    People,
    /// `PUT /internal/users/{userid}/holders`.
    Holders,
    /// `PUT /internal/users/{userid}/restoration`.
    Restore,
    /// `GET /metadata/{userid}/profile`.
    Profile,
    /// `PUT /metadata/{userid}/profile`.
    Describe,
}

impl Ask {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Keys,
        Self::ServerLogin,
        Self::Token,
        Self::LogIn,
        Self::SignUp,
        Self::LogOut,
        Self::User,
        Self::Update,
        Self::Create,
        Self::People,
        Self::Holders,
        Self::Restore,
        Self::Profile,
        Self::Describe,
    ];
}

/// What it keeps.
#[derive(Default)]
pub struct Accounts(Mutex<Known>);

impl UserApi {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.part().known()
    }

    /// A token with these claims that it knows.
    pub fn token(&self, claims: &SessionClaims) -> String {
        let token = KEYS.key.sign(claims).expect("a key that signs");
        self.know(&token, claims);
        token
    }

    /// Lets a check of `token` answer what its `claims` say.
    pub fn know(&self, token: &str, claims: &SessionClaims) {
        self.know_as(token, json!(claims.token_data()));
    }

    /// What a check of `token` answers.
    pub fn know_as(&self, token: &str, data: Value) {
        self.known().tokens.insert(token.to_owned(), data);
    }

    /// Ends all sessions.
    pub fn forget_tokens(&self) {
        self.known().tokens.clear();
    }

    /// An account with [`PASSWORD`], a verified address and a name made of `id`.
    pub fn has(&self, id: &str) {
        self.has_with(id, json!({}));
    }

    /// As [`Self::has`], with other `members`; `null` takes one away. Besides those of the record
    /// there are `password`, and `provenEmail`, which without one is the first address of a verified
    /// account.
    pub fn has_with(&self, id: &str, members: Value) {
        let email = format!("{id}@example.org");
        let account = json!({
            "userid": id, "username": email, "emails": [email], "roles": ["patient"],
            "emailVerified": true, "passwordExists": true,
            "profile": { "fullName": format!("{id} of Tide") },
        });
        self.known().put(id, account, members);
    }

    /// A child's account that others made, with an address and a birthday.
    pub fn has_child(&self, id: &str, birthday: &str) {
        let patient = json!({
            "fullName": id, "birthday": birthday, "diagnosisDate": "2020-02-02",
            "isOtherPerson": true,
        });
        let profile = json!({ "fullName": "A Parent", "patient": patient });
        let members =
            json!({ "passwordExists": false, "emailVerified": false, "profile": profile });
        self.has_with(id, members);
    }

    /// An account that nobody can log into or recover.
    pub fn has_unreachable(&self, id: &str) {
        let members = json!({ "username": "child", "emails": null, "passwordExists": false });
        self.has_with(id, members);
    }

    /// Changes members of an account, as [`Self::has_with`] has them.
    pub fn change(&self, id: &str, members: Value) {
        let mut known = self.known();
        let account = json!(known.accounts[id]);
        known.put(id, account, members);
    }

    /// `null`: none.
    pub fn profile(&self, id: &str, profile: Value) {
        let profile = [("profile".to_owned(), profile)];
        self.change(id, Value::Object(profile.into_iter().collect()));
    }

    /// The profile of `id` cannot be read.
    pub fn make_unreadable(&self, id: &str) {
        self.known().unreadable.insert(id.to_owned());
    }

    /// Deletes an account.
    pub fn remove(&self, id: &str) {
        self.known().accounts.remove(id);
    }

    /// The account with its members.
    pub fn account(&self, id: &str) -> Value {
        json!(self.known().accounts[id])
    }

    /// Which changes can be undone no more once one is undone.
    pub fn voids(&self, changes: &[&str]) {
        self.known().void = changes.iter().map(|&change| change.to_owned()).collect();
    }
}

impl Part for Accounts {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        let (method, mut path) = request.operation();
        if path[0] == "auth" {
            path.remove(0);
        }
        let (ask, about) = match (method, &path[..]) {
            ("GET", [".well-known", "jwks.json"]) => (Ask::Keys, String::new()),
            ("POST", ["serverlogin"]) => (Ask::ServerLogin, sessions::server_name(request)),
            ("GET", ["token", token]) => (Ask::Token, (*token).to_owned()),
            ("POST", ["login"]) => (Ask::LogIn, sessions::login_name(request)),
            ("POST", ["user"]) => (Ask::SignUp, sessions::username(request)),
            ("POST", ["logout"]) => (Ask::LogOut, sessions::token(request)),
            ("GET", ["user", id]) => (Ask::User, (*id).to_owned()),
            ("PUT", ["user", id]) => (Ask::Update, (*id).to_owned()),
            ("POST", ["v1", "clinics", id, "users"]) => (Ask::Create, (*id).to_owned()),
            ("GET", ["internal", "people"]) => (Ask::People, request.query.clone()),
            ("PUT", ["internal", "users", id, "holders"]) => (Ask::Holders, (*id).to_owned()),
            ("PUT", ["internal", "users", id, "restoration"]) => (Ask::Restore, (*id).to_owned()),
            ("GET", ["metadata", id, "profile"]) => (Ask::Profile, (*id).to_owned()),
            ("PUT", ["metadata", id, "profile"]) => (Ask::Describe, (*id).to_owned()),
            _ => return None,
        };
        Some((ask, about))
    }

    fn admit(ask: Ask, request: &Request) -> Result<(), ApiError> {
        let caller = Caller::of(request);
        let is_service = matches!(caller, Caller::Service(_));
        match ask {
            Ask::Keys | Ask::ServerLogin | Ask::LogIn | Ask::SignUp | Ask::LogOut => Ok(()),
            Ask::User | Ask::Update | Ask::Create | Ask::Token | Ask::Profile | Ask::Describe
                if is_service =>
            {
                Ok(())
            }
            Ask::User | Ask::Update | Ask::Create => Err(not_authorized()),
            Ask::People | Ask::Holders | Ask::Restore if caller.is_one_of(&ADMITTED) => Ok(()),
            _ if is_service => Err(not_authorized()),
            _ => Err(no_token()),
        }
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let mut known = self.known();
        let id = |place: usize| request.segments[place].as_str();
        let named = |place: &str| {
            let mut segments = request.segments.iter().skip_while(|each| *each != place);
            segments.nth(1).map(String::as_str).unwrap_or_default()
        };
        match ask {
            Ask::Keys => Ok(sessions::keys()),
            Ask::ServerLogin => known.log_in_server(request),
            Ask::Token => known.check_token(named("token")),
            Ask::LogIn => known.log_in(request),
            Ask::SignUp => known.sign_up(request),
            Ask::LogOut => Ok(known.log_out(request)),
            Ask::User => known.find(named("user")),
            Ask::Update => known.update(named("user"), request),
            Ask::Create => known.create(request),
            Ask::People => known.people(request),
            Ask::Holders => known.note_holders(id(2), request),
            Ask::Restore => known.restore(id(2), request),
            Ask::Profile => known.profile(id(1)),
            Ask::Describe => known.describe(id(1), request),
        }
    }
}

impl Accounts {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap()
    }
}

fn refused(status: StatusCode, reason: &'static str) -> ApiError {
    ApiError::reason(status, reason)
}

/// Who asks may not, or is nobody.
fn not_authorized() -> ApiError {
    refused(
        StatusCode::UNAUTHORIZED,
        "Not authorized for requested operation",
    )
}

fn no_token() -> ApiError {
    refused(
        StatusCode::UNAUTHORIZED,
        "No x-tidepool-session-token was found",
    )
}

fn invalid_details() -> ApiError {
    refused(StatusCode::BAD_REQUEST, "Invalid user details were given")
}

fn user_exists() -> ApiError {
    refused(StatusCode::CONFLICT, "User already exists")
}

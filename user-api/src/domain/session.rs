//! Session tokens: what a token says, and how it is stored.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shared_runtime::auth::SessionClaims;
use shared_types::UserId;
use uuid::Uuid;

use crate::domain::password::hex;

/// Lifetime of the token with which user-api itself calls others: 4 hours, in seconds.
pub(crate) const OWN_TOKEN_TTL_S: i64 = 14_400;

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    User(UserId),
    /// A service, by its name.
    Service(String),
}

impl Subject {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Service(name) => name,
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Service(_))
    }

    /// Whose session `claims` describe.
    pub(crate) fn of(claims: &SessionClaims) -> Self {
        if claims.is_server() {
            Self::Service(claims.usr.clone())
        } else {
            Self::User(UserId::from(claims.usr.as_str()))
        }
    }
}

/// A session of `duration_s` seconds that starts `now`; `api_host` is issuer and audience.
pub(crate) fn claims(
    subject: &Subject,
    duration_s: i64,
    api_host: &str,
    now: DateTime<Utc>,
    id: Uuid,
) -> SessionClaims {
    let iat = now.timestamp();
    SessionClaims {
        svr: if subject.is_server() { "yes" } else { "no" }.to_owned(),
        usr: subject.as_str().to_owned(),
        sub: subject.as_str().to_owned(),
        dur: duration_s,
        exp: iat + duration_s,
        iat,
        iss: api_host.to_owned(),
        aud: api_host.to_owned(),
        jti: Some(id.to_string()),
        idp: None,
    }
}

/// How long the session was made for, in seconds; older tokens may not say.
pub(crate) fn duration_s(claims: &SessionClaims) -> i64 {
    if claims.dur > 0 {
        claims.dur
    } else {
        (claims.exp - claims.iat).max(1)
    }
}

/// The id under which a token is stored: its SHA-256, so that the database holds no usable token.
pub(crate) fn stored_id(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shared_types::UserId;
    use uuid::Uuid;

    use super::{Subject, claims, duration_s, stored_id};

    #[test]
    fn a_token_says_who_how_long_and_for_which_host() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let user = Subject::User(UserId::from("0123456789"));
        let made = claims(&user, 60, "api.example.org", now, Uuid::nil());
        assert_eq!(
            (made.svr.as_str(), made.usr.as_str(), made.sub.as_str()),
            ("no", "0123456789", "0123456789")
        );
        assert_eq!((made.iat, made.dur, made.exp), (1_000, 60, 1_060));
        assert_eq!(
            (made.iss.as_str(), made.aud.as_str()),
            ("api.example.org", "api.example.org")
        );
        assert_eq!(Subject::of(&made), user);

        let service = Subject::Service("gatekeeper".into());
        let made = claims(&service, 60, "h", now, Uuid::nil());
        assert_eq!(made.svr, "yes");
        assert_eq!(Subject::of(&made), service);
    }

    #[test]
    fn a_token_without_duration_has_the_one_between_its_dates() {
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let mut made = claims(&Subject::Service("s".into()), 60, "h", now, Uuid::nil());
        assert_eq!(duration_s(&made), 60);
        made.dur = 0;
        assert_eq!(duration_s(&made), 60);
    }

    #[test]
    fn tokens_are_stored_by_digest() {
        assert_eq!(
            stored_id("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

//! Session tokens: what a token says, and how it is stored.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shared_runtime::auth::SessionClaims;
use shared_types::UserId;
use uuid::Uuid;

use crate::domain::password::hex;

/// Lifetime of the token with which user-api itself calls others: 4 hours, in seconds.
pub(crate) const OWN_TOKEN_TTL_S: i64 = 14_400;

pub(crate) const DAY_S: i64 = 86_400;

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

/// The tokens that come of one log-in, one by refreshing another. They end together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// The [`stored_id`] of the first one.
    pub(crate) id: String,
    /// When that was made.
    pub(crate) since: DateTime<Utc>,
}

impl Family {
    /// That of a token that was not made from another one, or of which this is not known.
    pub(crate) fn of_first(token: &str, claims: &SessionClaims) -> Self {
        Self {
            id: stored_id(token),
            since: DateTime::from_timestamp(claims.iat, 0).unwrap_or_default(),
        }
    }
}

/// `claims` that expire at the latest when so many days have passed `since` the log-in; `None` when
/// they have. 0 days mean no end.
pub(crate) fn cut(claims: SessionClaims, since: DateTime<Utc>, days: u32) -> Option<SessionClaims> {
    if days == 0 {
        return Some(claims);
    }
    let exp = claims.exp.min(since.timestamp() + i64::from(days) * DAY_S);
    (claims.iat < exp).then_some(SessionClaims { exp, ..claims })
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

    use super::{DAY_S, Family, Subject, claims, cut, duration_s, stored_id};

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
    fn a_session_ends_so_many_days_after_its_log_in() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let user = Subject::User(UserId::from("0123456789"));
        let made = |now| claims(&user, 10, "h", at(now), Uuid::nil());
        for (now, days, exp) in [
            (0, 1, Some(10)),
            (DAY_S - 10, 1, Some(DAY_S)),
            (DAY_S - 9, 1, Some(DAY_S)),
            (DAY_S - 1, 1, Some(DAY_S)),
            (DAY_S, 1, None),
            (2 * DAY_S, 1, None),
            (2 * DAY_S, 0, Some(2 * DAY_S + 10)),
        ] {
            let cut = cut(made(now), at(0), days);
            assert_eq!(cut.as_ref().map(|claims| claims.exp), exp, "{now} {days}");
            assert!(cut.is_none_or(|claims| duration_s(&claims) == 10));
        }
    }

    #[test]
    fn a_first_token_begins_a_family() {
        let made = claims(
            &Subject::Service("s".into()),
            60,
            "h",
            DateTime::from_timestamp(1_000, 0).unwrap(),
            Uuid::nil(),
        );
        let family = Family::of_first("abc", &made);
        assert_eq!(
            (family.id, family.since.timestamp()),
            (stored_id("abc"), 1_000)
        );
    }

    #[test]
    fn tokens_are_stored_by_digest() {
        assert_eq!(
            stored_id("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

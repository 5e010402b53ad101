//! Hospital records call with a token of their own, which no session has anything to do with.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConstantTimeEq as _};

use crate::{config::RedoxSettings, domain::Refusal};

/// The header that carries the token.
const TOKEN_HEADER: &str = "verification-token";

/// How messages of hospital records are taken.
#[derive(Clone)]
pub(crate) struct RedoxRules {
    /// Whom they come from; none: nobody is admitted.
    tokens: Tokens,
    /// Whether what cannot be understood is refused, as the reference does, instead of kept apart.
    pub(crate) refuses_unreadable: bool,
    /// Whether orders are worked off here.
    pub(crate) works: bool,
    /// Whether orders that say that they are tests are done as well.
    pub(crate) takes_tests: bool,
}

impl RedoxRules {
    pub(crate) fn new(settings: &RedoxSettings) -> Self {
        Self {
            tokens: Tokens::of([
                &settings.verification_token,
                &settings.previous_verification_token,
            ]),
            refuses_unreadable: settings.refuse_unreadable,
            works: settings.worker,
            takes_tests: settings.test_messages,
        }
    }

    /// Refuses whoever shows no token, or any that is wrong. How long it takes says nothing about the
    /// tokens but their length.
    pub(crate) fn admit<'a>(
        &self,
        shown: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Refusal> {
        match self.tokens.know_all(shown) {
            None => Err(Refusal::NoHospitalToken),
            Some(false) => Err(Refusal::WrongHospitalToken),
            Some(true) => Ok(()),
        }
    }
}

/// Tokens, each of which is right.
#[derive(Clone)]
pub(crate) struct Tokens(Vec<SecretString>);

impl Tokens {
    pub(crate) fn of<const N: usize>(settings: [&Option<SecretString>; N]) -> Self {
        let tokens = settings.into_iter().flatten();
        // An empty one would admit everybody who shows nothing.
        let tokens = tokens.filter(|token| !token.expose_secret().trim().is_empty());
        Self(tokens.cloned().collect())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all that are shown are right; `None`: none is shown.
    pub(crate) fn know_all<'a>(&self, shown: impl IntoIterator<Item = &'a [u8]>) -> Option<bool> {
        let each = shown.into_iter().map(|token| self.knows(token));
        each.reduce(|all, is_right| all & is_right)
    }

    fn knows(&self, shown: &[u8]) -> bool {
        let each = self.0.iter();
        let each = each.map(|token| token.expose_secret().as_bytes().ct_eq(shown));
        each.fold(Choice::from(0), |known, is_this| known | is_this)
            .into()
    }
}

/// The tokens that a request shows in its headers. One that is there and empty is none.
pub(crate) fn shown(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let alone = headers.get_all(TOKEN_HEADER).map(HeaderValue::as_bytes);
    let alone = alone.map(<[u8]>::trim_ascii);
    alone
        .filter(|token| !token.is_empty())
        .chain(bearers(headers))
}

/// Those that it shows as a bearer.
pub(crate) fn bearers(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let bearers = headers.get_all(AUTHORIZATION);
    let bearers = bearers.filter_map(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
    });
    let bearers = bearers.map(<[u8]>::trim_ascii);
    bearers.filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{RedoxRules, shown};
    use crate::{config::RedoxSettings, domain::Refusal};

    fn redox(current: Option<&str>, previous: Option<&str>) -> RedoxRules {
        RedoxRules::new(&RedoxSettings {
            verification_token: current.map(Into::into),
            previous_verification_token: previous.map(Into::into),
            refuse_unreadable: false,
            worker: false,
            test_messages: false,
        })
    }

    fn admit(redox: &RedoxRules, headers: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            map.append(name, HeaderValue::from_static(value));
        }
        redox.admit(shown(&map))
    }

    #[test]
    fn either_of_two_tokens_is_taken_in_either_header() {
        let redox = redox(Some("new-token"), Some("old-token"));
        for headers in [
            &[("verification-token", "new-token")][..],
            &[("verification-token", "old-token")],
            &[("authorization", "Bearer new-token")],
            &[("authorization", "bearer  new-token ")],
            &[
                ("verification-token", "new-token"),
                ("authorization", "Bearer old-token"),
            ],
            &[
                ("verification-token", "new-token"),
                ("authorization", "Basic x"),
            ],
        ] {
            assert_eq!(admit(&redox, headers), Ok(()), "{headers:?}");
        }
        for headers in [
            &[][..],
            &[("verification-token", "")],
            &[("authorization", "new-token")],
            &[("authorization", "Bearer ")],
        ] {
            let refused = Err(Refusal::NoHospitalToken);
            assert_eq!(admit(&redox, headers), refused, "{headers:?}");
        }
        for headers in [
            &[("verification-token", "new-toke")][..],
            &[("verification-token", "new-tokens")],
            &[("authorization", "Bearer x")],
            &[
                ("verification-token", "new-token"),
                ("authorization", "Bearer x"),
            ],
            &[
                ("verification-token", "new-token"),
                ("verification-token", "x"),
            ],
        ] {
            let refused = Err(Refusal::WrongHospitalToken);
            assert_eq!(admit(&redox, headers), refused, "{headers:?}");
        }
    }

    #[test]
    fn without_a_token_nobody_is_admitted() {
        for redox in [redox(None, None), redox(Some(""), Some(" "))] {
            for headers in [
                &[("verification-token", "")][..],
                &[("verification-token", " ")],
                &[("verification-token", "x")],
            ] {
                assert!(admit(&redox, headers).is_err());
            }
        }
    }
}

//! The keys of session tokens: compact JWTs, RS256 only.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Deserializer, Serialize};
use shared_types::TokenData;

/// Longer tokens are refused before anything is decoded; ours have about 700 bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 4096;

/// What a session token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionClaims {
    /// `yes` for a service, `no` for a user.
    pub svr: String,
    /// The account id, or the name of the service.
    pub usr: String,
    /// The same as `usr`.
    #[serde(default)]
    pub sub: String,
    /// Lifetime, in seconds.
    #[serde(default, deserialize_with = "whole_seconds")]
    pub dur: i64,
    /// Expiry, in Unix seconds.
    #[serde(deserialize_with = "whole_seconds")]
    pub exp: i64,
    /// When the token was made, in Unix seconds.
    #[serde(default, deserialize_with = "whole_seconds")]
    pub iat: i64,
    /// The API host that made it.
    #[serde(default)]
    pub iss: String,
    /// The API host it is meant for.
    #[serde(default)]
    pub aud: String,
    /// Makes two tokens of one second differ; `None` in tokens of older systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The identity provider that vouched for the bearer; `None` for a password login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<String>,
}

impl SessionClaims {
    /// Whether the bearer is a service.
    pub fn is_server(&self) -> bool {
        self.svr == "yes"
    }

    /// The claims as the response of a token check.
    pub fn token_data(&self) -> TokenData {
        TokenData {
            isserver: self.is_server(),
            userid: self.usr.clone(),
            expires_at: self.exp,
            identity_provider: self.idp.clone(),
        }
    }
}

/// Older systems wrote instants as floating-point numbers.
fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Whole(i64),
        Fractional(f64),
    }
    Ok(match Seconds::deserialize(deserializer)? {
        Seconds::Whole(seconds) => seconds,
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        Seconds::Fractional(seconds) => seconds as i64,
    })
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{what} is not a usable RSA key in PEM form: {source}")]
pub struct KeyError {
    what: &'static str,
    source: jsonwebtoken::errors::Error,
}

/// The key that signs tokens.
pub struct SigningKey {
    key: EncodingKey,
    header: Header,
    jwk: Jwk,
}

impl SigningKey {
    /// The RSA private key `pem` (PKCS#8 or PKCS#1).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let error = |source| KeyError {
            what: "the private key",
            source,
        };
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(error)?;
        let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(error)?;
        let jwk = identified(jwk).map_err(error)?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&jwk.common.key_id);
        Ok(Self { key, header, jwk })
    }

    /// A token that says `claims`.
    pub fn sign(&self, claims: &SessionClaims) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&self.header, claims, &self.key)
    }

    /// The public half.
    pub fn public(&self) -> &Jwk {
        &self.jwk
    }
}

/// The keys that verify tokens: the one that signs now and those that signed before.
pub struct VerifyingKeys {
    keys: Vec<(Option<String>, DecodingKey)>,
    validation: Validation,
}

impl VerifyingKeys {
    /// The keys of a published set; keys of other kinds are left out.
    pub fn from_jwks(set: &JwkSet) -> Self {
        let keys = set
            .keys
            .iter()
            .filter(|jwk| {
                matches!(
                    jwk.algorithm,
                    jsonwebtoken::jwk::AlgorithmParameters::RSA(_)
                )
            })
            .filter_map(|jwk| Some((jwk.common.key_id.clone(), DecodingKey::from_jwk(jwk).ok()?)))
            .collect();
        // The algorithm is ours to say, never the token's. A token says when it expires; clocks
        // in one installation agree well enough to need no leeway.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        Self { keys, validation }
    }

    /// The claims of `token` when one of the keys signed it and it has not expired.
    ///
    /// Issuer and audience are for the service that made the token to judge (see
    /// [`Self::issued_by`]).
    pub fn verify(&self, token: &str) -> Option<SessionClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let kid = decode_header(token).ok()?.kid;
        self.keys
            .iter()
            .filter(|(id, _)| kid.is_none() || kid == *id)
            .find_map(|(_, key)| decode::<SessionClaims>(token, key, &self.validation).ok())
            .map(|token| token.claims)
            .filter(|claims| matches!(claims.svr.as_str(), "yes" | "no") && !claims.usr.is_empty())
    }

    /// Whether a key that could have signed `token` is among these, so that a refusal is final.
    pub(crate) fn may_know(&self, token: &str) -> bool {
        match decode_header(token) {
            Ok(header) => header.kid.is_none() || self.keys.iter().any(|(id, _)| *id == header.kid),
            Err(_) => true,
        }
    }

    /// Takes only tokens whose issuer and audience are among `hosts`.
    #[must_use]
    pub fn issued_by(mut self, hosts: &[String]) -> Self {
        self.validation.validate_aud = true;
        self.validation.set_audience(hosts);
        self.validation.set_issuer(hosts);
        self.validation
            .set_required_spec_claims(&["exp", "iss", "aud"]);
        self
    }

    /// The public RSA keys in `pem`, which may hold several blocks.
    pub fn public_jwks(pem: &str) -> Result<Vec<Jwk>, KeyError> {
        let error = |source| KeyError {
            what: "a previous public key",
            source,
        };
        pem.split_inclusive("-----END PUBLIC KEY-----")
            .map(str::trim)
            .filter(|block| block.contains("-----BEGIN"))
            .map(|block| {
                let key = DecodingKey::from_rsa_pem(block.as_bytes()).map_err(error)?;
                Jwk::from_decoding_key(&key, Some(Algorithm::RS256))
                    .and_then(identified)
                    .map_err(error)
            })
            .collect()
    }
}

/// The key with its id, which is its RFC 7638 thumbprint.
fn identified(mut jwk: Jwk) -> Result<Jwk, jsonwebtoken::errors::Error> {
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

//! Keys and session tokens.

use std::{fs, path::Path};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use uuid::Uuid;

use crate::auth::{SessionClaims, SigningKey};

/// Between both keys in their file.
const SEPARATOR: &str = "and\n";

/// A key pair for session tokens.
pub struct SigningKeys {
    /// The private key, PKCS#8 in PEM.
    pub private_pem: String,
    /// The public key, SPKI in PEM.
    pub public_pem: String,
    /// The signing half, ready to use.
    pub key: SigningKey,
}

impl SigningKeys {
    /// A new pair of 2048 bits.
    pub fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a private key in DER");
        let public =
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("a public key in DER");
        let private_pem = pem("PRIVATE KEY", private.as_ref());
        let public_pem = pem("PUBLIC KEY", public.as_ref());
        Self::of(private_pem, public_pem).expect("a usable key")
    }

    /// The pair that the tests of this checkout share. To generate one takes longer than most tests, each
    /// of which runs in a process of its own.
    pub fn shared() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp");
        let file = folder.join("signing-keys.pem");
        let kept = fs::read_to_string(&file).ok().and_then(|both| {
            let (private, public) = both.split_once(SEPARATOR)?;
            Self::of(private.to_owned(), public.to_owned())
        });
        kept.unwrap_or_else(|| {
            let keys = Self::generate();
            let both = [keys.private_pem.as_str(), SEPARATOR, &keys.public_pem].concat();
            fs::create_dir_all(&folder).expect("a folder for the keys");
            // Whole at once, for others read it at the same moment.
            let new = folder.join(format!("{}.pem", Uuid::new_v4()));
            fs::write(&new, both).expect("a file for the keys");
            fs::rename(&new, &file).expect("a file for the keys");
            keys
        })
    }

    fn of(private_pem: String, public_pem: String) -> Option<Self> {
        let key = SigningKey::from_pem(&private_pem).ok()?;
        Some(Self {
            private_pem,
            public_pem,
            key,
        })
    }

    /// A token of `user` that is valid for an hour.
    pub fn user_token(&self, user: &str) -> String {
        self.key.sign(&claims(user, "no")).expect("a token")
    }

    /// A token of the service `name` that is valid for an hour.
    pub fn server_token(&self, name: &str) -> String {
        self.key.sign(&claims(name, "yes")).expect("a token")
    }
}

/// Claims of `name` that are valid for an hour, for the API host `localhost`.
pub fn claims(name: &str, svr: &str) -> SessionClaims {
    let now = Utc::now().timestamp();
    SessionClaims {
        svr: svr.to_owned(),
        usr: name.to_owned(),
        sub: name.to_owned(),
        dur: 3600,
        exp: now + 3600,
        iat: now,
        iss: "localhost".to_owned(),
        aud: "localhost".to_owned(),
        jti: Some(Uuid::new_v4().to_string()),
        idp: None,
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

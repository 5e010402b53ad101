//! Accounts of programs that work for a clinic as clinicians do.

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::text::Filled;

/// Body of `AddServiceAccount`: what the program is called, and the credentials by which it is known.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewServiceAccount {
    pub(crate) name: Filled,
    pub(crate) client_id: Filled,
    pub(crate) client_secret: Secret,
}

/// A secret of at least one character, which no log shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(from = "Filled")]
#[schema(value_type = String, min_length = 1)]
pub(crate) struct Secret(pub(crate) SecretString);

impl From<Filled> for Secret {
    fn from(text: Filled) -> Self {
        Self(String::from(text).into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_runtime::body::parse_object;

    use super::NewServiceAccount;

    #[test]
    fn a_secret_is_not_shown() {
        let body = json!({ "name": "Lab", "client_id": "lab", "client_secret": "s3cr3t" });
        let account: NewServiceAccount = parse_object(body.to_string().as_bytes()).unwrap();
        assert!(!format!("{account:?}").contains("s3cr3t"));
        for member in ["name", "client_id", "client_secret"] {
            let mut body = body.clone();
            body[member] = json!("");
            let invalid = parse_object::<NewServiceAccount>(body.to_string().as_bytes());
            assert_eq!(invalid.unwrap_err().pointer, format!("/{member}"));
        }
    }
}

//! What clinics hear of an account that somebody of theirs has.

use serde::Deserialize;
use shared_runtime::body::not_null;
use shared_types::address;
use utoipa::ToSchema;

use super::{Refusal, text::Filled};

/// Body of `UpdateClinicUserDetails`.
#[derive(Debug, Default, PartialEq, Deserialize, ToSchema)]
pub(crate) struct UserDetails {
    /// The address of the account, stored as it is but for blanks around it; absent where it has none.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) email: Option<Filled>,
}

impl UserDetails {
    /// The address, which is one.
    pub(crate) fn email(&self) -> Result<Option<&str>, Refusal> {
        let email = self.email.as_ref().map(|email| email.as_str().trim());
        if email.is_none_or(is_address) {
            Ok(email)
        } else {
            Err(Refusal::InvalidEmail)
        }
    }
}

/// Whether a mail can be sent to `text`. Accounts of earlier times have addresses that could not be
/// entered any more, and these are heard of as well.
fn is_address(text: &str) -> bool {
    address::has_shape(text) && address::on_the_wire(text).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_runtime::body::parse_object;

    use super::{Refusal, UserDetails};

    #[test]
    fn an_address_has_a_domain_with_a_dot() {
        let read = |email: &str| -> UserDetails {
            parse_object(json!({ "email": email }).to_string().as_bytes()).unwrap()
        };
        for email in [
            "a@z.co",
            "A.B+c@Sub.Example.ORG",
            "a..b@example.org",
            "zoë@bücher.example",
        ] {
            assert_eq!(read(email).email(), Ok(Some(email)));
        }
        for text in [
            "a",
            "@",
            "a@",
            "@z.co",
            "a@z",
            "a@z.",
            "a@.co",
            "a@z..co",
            "a b@z.co",
            "a@b@z.co",
            "a@z co.org",
            "a,b@z.co",
        ] {
            assert_eq!(read(text).email(), Err(Refusal::InvalidEmail), "{text:?}");
        }
        assert_eq!(read(" a@z.co ").email(), Ok(Some("a@z.co")));
        assert_eq!(UserDetails::default().email(), Ok(None));
    }
}

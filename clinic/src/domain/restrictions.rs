//! From where clinicians of a clinic must come.

use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use utoipa::ToSchema;

/// Whoever joins the clinic satisfies one of them; without any, everybody may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct MembershipRestrictions {
    /// Absent where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) restrictions: Vec<MembershipRestriction>,
}

/// From where somebody must come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MembershipRestriction {
    /// What stands behind the `@` of the address. Kept as it is written; may be empty.
    pub(crate) email_domain: String,
    /// Who must have let them log in; absent: whoever.
    #[serde(
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) required_idp: Option<String>,
}

impl MembershipRestrictions {
    /// The same where an empty name of who must have let somebody log in is none.
    #[must_use]
    pub(crate) fn normalized(mut self) -> Self {
        for restriction in &mut self.restrictions {
            restriction.required_idp.take_if(|name| name.is_empty());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;

    use super::MembershipRestrictions;

    fn read(body: &Value) -> Result<MembershipRestrictions, String> {
        let read = parse_object::<MembershipRestrictions>(body.to_string().as_bytes());
        read.map(MembershipRestrictions::normalized)
            .map_err(|invalid| invalid.pointer)
    }

    #[test]
    fn no_restriction_is_none() {
        for body in [json!({}), json!({"restrictions": []})] {
            let read = read(&body).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), json!({}));
        }
        let body = json!({"restrictions": [
            {"emailDomain": "Oak.example", "requiredIdp": ""},
            {"emailDomain": "", "requiredIdp": "oak"},
        ]});
        let shown = json!({"restrictions": [
            {"emailDomain": "Oak.example"}, {"emailDomain": "", "requiredIdp": "oak"},
        ]});
        assert_eq!(serde_json::to_value(read(&body).unwrap()).unwrap(), shown);
    }

    #[test]
    fn restrictions_say_what_is_wrong_with_them() {
        for (body, pointer) in [
            (json!({"restrictions": null}), "/restrictions"),
            (json!({"restrictions": [{}]}), "/restrictions/0"),
            (
                json!({"restrictions": [{"emailDomain": 1}]}),
                "/restrictions/0/emailDomain",
            ),
            (
                json!({"restrictions": [{"emailDomain": "", "requiredIdp": null}]}),
                "/restrictions/0/requiredIdp",
            ),
        ] {
            assert_eq!(read(&body), Err(pointer.to_owned()));
        }
    }
}

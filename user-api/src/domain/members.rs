//! The members of a body about an account, by their types.

use serde_json::{Map, Value};
use shared_types::address;

use crate::domain::user::is_role;

/// Addresses or roles of one account. Without a bound, one sign-up could take any number of
/// addresses from their owners.
const MAX_ITEMS: usize = 20;

/// The body cannot be read or breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid details")]
pub(crate) struct InvalidDetails;

/// The members of the JSON object `body`.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, InvalidDetails> {
    serde_json::from_slice(body).map_err(|_| InvalidDetails)
}

/// A string member; `None` when it is absent.
pub(crate) fn string(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<String>, InvalidDetails> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(InvalidDetails),
    }
}

/// A boolean member; `None` when it is absent.
pub(crate) fn boolean(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<bool>, InvalidDetails> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(InvalidDetails),
    }
}

/// The member `emails`, all of them addresses; `None` when it is absent, empty when it is null.
pub(crate) fn emails(members: &Map<String, Value>) -> Result<Option<Vec<String>>, InvalidDetails> {
    strings(members, "emails", address::parse)
}

/// The member `roles`, all of them roles; `None` when it is absent, empty when it is null.
pub(crate) fn roles(members: &Map<String, Value>) -> Result<Option<Vec<String>>, InvalidDetails> {
    let role = |text: &str| is_role(text).then(|| text.to_owned());
    strings(members, "roles", role)
}

fn strings(
    members: &Map<String, Value>,
    name: &str,
    read: fn(&str) -> Option<String>,
) -> Result<Option<Vec<String>>, InvalidDetails> {
    let items = match members.get(name) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(Vec::new())),
        Some(Value::Array(items)) if items.len() <= MAX_ITEMS => items,
        Some(_) => return Err(InvalidDetails),
    };
    items
        .iter()
        .map(|item| match item {
            Value::String(text) => read(text).ok_or(InvalidDetails),
            _ => Err(InvalidDetails),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::{InvalidDetails, boolean, object, roles, string};

    #[test]
    fn a_member_is_absent_or_of_its_type_or_invalid() {
        let members =
            object(br#"{"s":"x","b":true,"n":null,"a":["patient"],"o":{"$ne":null}}"#).unwrap();
        assert_eq!(string(&members, "s"), Ok(Some("x".into())));
        assert_eq!(string(&members, "missing"), Ok(None));
        assert_eq!(boolean(&members, "b"), Ok(Some(true)));
        assert_eq!(boolean(&members, "missing"), Ok(None));
        for name in ["b", "n", "a", "o"] {
            assert_eq!(string(&members, name), Err(InvalidDetails), "{name}");
        }
        for name in ["s", "n", "a", "o"] {
            assert_eq!(boolean(&members, name), Err(InvalidDetails), "{name}");
        }
        assert_eq!(
            roles(&object(br#"{"roles":null}"#).unwrap()),
            Ok(Some(vec![]))
        );
        assert_eq!(roles(&object(br"{}").unwrap()), Ok(None));
        for wrong in ["\"patient\"", "[1]", "[null]", "{}", "true", "[\"other\"]"] {
            let body = format!("{{\"roles\":{wrong}}}");
            assert_eq!(
                roles(&object(body.as_bytes()).unwrap()),
                Err(InvalidDetails),
                "{wrong}"
            );
        }
    }
}

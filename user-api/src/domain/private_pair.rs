//! Anonymous pairs, which services keep about users in the collection `private`.

use serde_json::Value;

use crate::domain::metadata::{Collection, Collections, MetadataRefusal};

/// How long the name of an anonymous pair may be.
const MAX_PAIR_NAME_CHARS: usize = 128;

/// Whether `name` can name an anonymous pair.
pub(crate) fn is_pair_name(name: &str) -> bool {
    (1..=MAX_PAIR_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// Puts `pair` under `name` among the anonymous pairs, unless there is one.
pub(crate) fn keep_pair(
    name: &str,
    pair: Value,
    collections: &mut Collections,
) -> Result<(), MetadataRefusal> {
    let pairs = collections.get(Collection::Private.name());
    if pairs
        .and_then(|pairs| pairs.get(name))
        .is_some_and(|pair| !pair.is_null())
    {
        return Ok(());
    }
    Collection::Private.merge([(name.to_owned(), pair)].into_iter().collect(), collections)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_pair_name, keep_pair};
    use crate::domain::metadata::tests::object;

    #[test]
    fn an_anonymous_pair_is_kept_once_made() {
        let mut collections = object(json!({"private": {"old": {"id": "a", "hash": "b"}}}));
        keep_pair("old", json!({"id": "x", "hash": "y"}), &mut collections).unwrap();
        keep_pair("new", json!({"id": "c", "hash": "d"}), &mut collections).unwrap();
        assert_eq!(
            Value::Object(collections),
            json!({"private": {"old": {"id": "a", "hash": "b"}, "new": {"id": "c", "hash": "d"}}})
        );
    }

    #[test]
    fn pair_names_are_short_and_printable() {
        assert!(is_pair_name("uploads"));
        assert!(is_pair_name(&"n".repeat(128)));
        for name in ["", "a\nb", "\u{0}", &"n".repeat(129)] {
            assert!(!is_pair_name(name), "{name:?}");
        }
    }
}

//! Permission sets in documents and in JSON.

use bson::{Bson, Document, RawBsonRef, RawDocument};
use chrono::SecondsFormat;
use mongodb::error::Result;
use serde_json::{Map, Value};
use shared_types::PermissionSet;

use crate::domain::permissions::number_from_double;

/// The permissions that `document` holds in its member `permissions`.
///
/// The reference stored any JSON it was sent; a list, a text, a missing member and names that nobody
/// can be granted grant nothing and are not shown. Neither is `root`, whatever is stored.
pub(crate) fn permissions_in(document: &RawDocument) -> Result<PermissionSet> {
    let Some(RawBsonRef::Document(names)) = document.get("permissions")? else {
        return Ok(PermissionSet::default());
    };
    Ok(PermissionSet(object(names)?).grantable())
}

/// `set` as it is stored.
pub(crate) fn document_of(set: &PermissionSet) -> Document {
    set.0
        .iter()
        .map(|(name, value)| (name.clone(), bson_of(value)))
        .collect()
}

fn object(document: &RawDocument) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    for member in document {
        let (name, value) = member?;
        members.insert(name.as_str().to_owned(), json_of(value)?);
    }
    Ok(members)
}

/// A stored value as plain JSON, the way the reference's driver and `JSON.stringify` show it:
/// every number is a number, an instant is text.
fn json_of(value: RawBsonRef<'_>) -> Result<Value> {
    Ok(match value {
        RawBsonRef::Document(document) => Value::Object(object(document)?),
        RawBsonRef::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| json_of(item?))
                .collect::<Result<_>>()?,
        ),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => {
            Value::from(text)
        }
        RawBsonRef::Boolean(truth) => Value::from(truth),
        RawBsonRef::Int32(number) => Value::from(number),
        RawBsonRef::Int64(number) => Value::from(number),
        RawBsonRef::Double(number) => number_from_double(number).map_or(Value::Null, Value::Number),
        RawBsonRef::Decimal128(number) => Value::from(number.to_string()),
        RawBsonRef::ObjectId(id) => Value::from(id.to_hex()),
        RawBsonRef::DateTime(instant) => Value::from(
            instant
                .to_chrono()
                .to_rfc3339_opts(SecondsFormat::Millis, true),
        ),
        RawBsonRef::Null | RawBsonRef::Undefined => Value::Null,
        // Regular expressions, binary data and the like have no plain form.
        other => serde_json::to_value(other).unwrap_or(Value::Null),
    })
}

fn bson_of(value: &Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(truth) => Bson::Boolean(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => i32::try_from(integer).map_or(Bson::Int64(integer), Bson::Int32),
            None => number.as_f64().map_or(Bson::Null, Bson::Double),
        },
        Value::String(text) => Bson::String(text.clone()),
        Value::Array(items) => Bson::Array(items.iter().map(bson_of).collect()),
        Value::Object(members) => Bson::Document(
            members
                .iter()
                .map(|(name, value)| (name.clone(), bson_of(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, RawDocumentBuf, doc, oid::ObjectId};
    use serde_json::json;
    use shared_types::PermissionSet;

    use super::{document_of, permissions_in};
    use crate::domain::permissions::requested;

    fn read(document: &bson::Document) -> serde_json::Value {
        let raw = RawDocumentBuf::try_from(document).unwrap();
        serde_json::to_value(permissions_in(&raw).unwrap()).unwrap()
    }

    #[test]
    fn stored_values_come_back_as_plain_json() {
        let instant = DateTime::from_millis(1_700_000_000_123);
        let id = ObjectId::from_bytes([7; 12]);
        for (stored, wanted) in [
            (Bson::Int32(7), json!(7)),
            (
                Bson::Int64(9_007_199_254_740_993),
                json!(9_007_199_254_740_993_i64),
            ),
            (Bson::Double(4_294_967_296.0), json!(4_294_967_296_i64)),
            (Bson::Double(1.5), json!(1.5)),
            (Bson::Double(1e300), json!(1e300)),
            (Bson::Double(f64::NAN), json!(null)),
            (Bson::Null, json!(null)),
            (Bson::DateTime(instant), json!("2023-11-14T22:13:20.123Z")),
            (Bson::ObjectId(id), json!("070707070707070707070707")),
            (
                Bson::Array(vec![Bson::Boolean(true), doc! {"b": "c"}.into()]),
                json!([true, {"b": "c"}]),
            ),
        ] {
            let document = doc! {"permissions": {"view": {"a": stored}}};
            assert_eq!(read(&document), json!({"view": {"a": wanted}}));
        }
    }

    #[test]
    fn what_is_no_set_and_names_that_nobody_is_granted_grant_nothing() {
        for document in [
            doc! {},
            doc! {"permissions": ["view"]},
            doc! {"permissions": "view"},
            doc! {"permissions": Bson::Null},
            doc! {"permissions": {"root": {}}},
            doc! {"permissions": {"banana": {}, "veiw": {}}},
        ] {
            assert_eq!(read(&document), json!({}));
        }
        let mixed = doc! {"permissions": {"banana": {}, "notes": {"a": 1}, "root": {}}};
        assert_eq!(read(&mixed), json!({"note": {"a": 1}}));
    }

    #[test]
    fn a_requested_set_survives_the_store() {
        let body = br#"{"view":{"a":[1,1.5,5e-324,-9223372036854775808,9007199254740993,null,true,"x",{"b":{}}]}}"#;
        let set = requested(body).unwrap();
        let document = RawDocumentBuf::try_from(&doc! {"permissions": document_of(&set)}).unwrap();
        assert_eq!(permissions_in(&document).unwrap(), set);
        assert!(document_of(&PermissionSet::default()).is_empty());
    }
}

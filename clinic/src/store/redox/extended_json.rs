//! JSON as the database keeps it: numbers are whole where they can be, and what is written as extended JSON
//! (`{"$oid": …}`, `{"$date": …}`) is what it stands for.

use bson::{Bson, Document};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// Members by which an object is something else.
const EXTENDED: [&str; 16] = [
    "$oid",
    "$symbol",
    "$regularExpression",
    "$numberInt",
    "$numberLong",
    "$numberDouble",
    "$numberDecimal",
    "$binary",
    "$uuid",
    "$code",
    "$timestamp",
    "$date",
    "$minKey",
    "$maxKey",
    "$dbPointer",
    "$undefined",
];

/// The members of an object; otherwise why the database cannot keep them.
pub(super) fn document(members: &Map<String, Value>) -> Result<Document, String> {
    let member = |(name, value): (&String, &Value)| {
        if name.contains('\0') {
            return Err("the name of a member has a zero character".to_owned());
        }
        Ok((name.clone(), bson(value)?))
    };
    members.iter().map(member).collect()
}

fn bson(value: &Value) -> Result<Bson, String> {
    match value {
        Value::Null => Ok(Bson::Null),
        Value::Bool(flag) => Ok(Bson::Boolean(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(i32::try_from(whole).map_or(Bson::Int64(whole), Bson::Int32)),
            (None, Some(float)) if number.is_f64() => Ok(Bson::Double(float)),
            _ => Err("a number is too large".to_owned()),
        },
        Value::String(text) => Ok(Bson::String(text.clone())),
        Value::Array(items) => Ok(Bson::Array(
            items.iter().map(bson).collect::<Result<_, _>>()?,
        )),
        Value::Object(members) => {
            if EXTENDED.iter().any(|name| members.contains_key(*name)) {
                return Bson::deserialize(value)
                    .map_err(|_| "a value of extended JSON cannot be read".to_owned());
            }
            document(members).map(Bson::Document)
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, doc, oid::ObjectId};
    use serde_json::{Value, json};

    use super::document;

    fn read(value: &Value) -> Result<Bson, String> {
        let members = json!({ "a": [value] });
        let document = document(members.as_object().unwrap())?;
        Ok(document.get_array("a").unwrap()[0].clone())
    }

    #[test]
    fn numbers_keep_their_kind() {
        for (value, kept) in [
            (json!(1), Bson::Int32(1)),
            (json!(-1), Bson::Int32(-1)),
            (json!(2_147_483_647), Bson::Int32(i32::MAX)),
            (json!(2_147_483_648_i64), Bson::Int64(2_147_483_648)),
            (json!(-2_147_483_649_i64), Bson::Int64(-2_147_483_649)),
            (json!(i64::MIN), Bson::Int64(i64::MIN)),
            (json!(1.0), Bson::Double(1.0)),
            (json!(-0.5), Bson::Double(-0.5)),
        ] {
            assert_eq!(read(&value), Ok(kept));
        }
        assert!(read(&json!(u64::MAX)).is_err());
    }

    #[test]
    fn extended_json_is_what_it_stands_for() {
        let id = ObjectId::from_bytes([7; 12]);
        for (value, kept) in [
            (json!({ "$oid": id.to_hex() }), Bson::ObjectId(id)),
            (
                json!({ "$date": { "$numberLong": "1000" } }),
                DateTime::from_millis(1_000).into(),
            ),
            (
                json!({ "$date": "1970-01-01T00:00:01Z" }),
                DateTime::from_millis(1_000).into(),
            ),
            (json!({ "$numberLong": "5" }), Bson::Int64(5)),
            (json!({ "$numberInt": "5" }), Bson::Int32(5)),
            (json!({ "$numberDouble": "5" }), Bson::Double(5.0)),
            (
                json!({ "$price": 5, "a.b": null }),
                doc! { "$price": 5, "a.b": null }.into(),
            ),
        ] {
            assert_eq!(read(&value), Ok(kept), "{value}");
        }
        for value in [
            json!({ "$oid": "x" }),
            json!({ "$date": "noon" }),
            json!({ "$numberLong": "x" }),
            json!({ "$oid": id.to_hex(), "more": 1 }),
            json!({ "a\u{0}b": 1 }),
        ] {
            assert!(read(&value).is_err(), "{value}");
        }
    }
}

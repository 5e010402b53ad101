//! JSON that is read within limits: a body of ten megabytes can hold millions of values, and each takes
//! many times the room of its text.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Levels of arrays and objects. The database takes a hundred, with those in which it keeps a message.
const MAX_NESTING: usize = 64;
/// Values of one message. Records of a patient with a long history have some thousands.
const MAX_VALUES: usize = 200_000;

/// `json` as a value; otherwise why not, for people, without a part of it.
pub(crate) fn read(json: &[u8]) -> Result<Value, String> {
    let count = Cell::new(0);
    let whole = Limited {
        nesting: 0,
        count: &count,
    };
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = whole.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if count.get() > MAX_VALUES {
            format!("it has more than {MAX_VALUES} values")
        } else if error.is_data() {
            format!("it nests more than {MAX_NESTING} levels (line {line}, column {column})")
        } else {
            format!("it is not JSON (line {line}, column {column})")
        }
    })
}

#[derive(Clone, Copy)]
struct Limited<'a> {
    /// Levels around it.
    nesting: usize,
    count: &'a Cell<usize>,
}

impl Limited<'_> {
    /// The same one level deeper.
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.nesting == MAX_NESTING {
            return Err(E::custom("too deep"));
        }
        Ok(Self {
            nesting: self.nesting + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Limited<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MAX_VALUES {
            return Err(D::Error::custom("too many"));
        }
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Limited<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            object.insert(name, members.next_value_seed(inside)?);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MAX_NESTING, MAX_VALUES, read};

    #[test]
    fn json_is_read_as_it_stands() {
        let whole = json!({ "a": [1, -2, 3.5, null, true, "x\u{e9}", {}], "b": { "c": u64::MAX } });
        assert_eq!(read(whole.to_string().as_bytes()), Ok(whole));
        assert_eq!(read(b"{\"a\":1,\"a\":2}"), Ok(json!({ "a": 2 })));
    }

    #[test]
    fn what_is_no_json_or_too_much_is_refused_without_a_part_of_it() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let many = |values: usize| json!(vec![Value::Null; values]).to_string();
        assert!(read(deep(MAX_NESTING).as_bytes()).is_ok());
        assert!(read(many(MAX_VALUES - 1).as_bytes()).is_ok());
        for (text, problem) in [
            (deep(MAX_NESTING + 1), "it nests more than"),
            (deep(100_000), "it nests more than"),
            (many(MAX_VALUES), "it has more than"),
            (String::new(), "it is not JSON"),
            ("secret".to_owned(), "it is not JSON"),
            ("{} {}".to_owned(), "it is not JSON"),
            ("1e999".to_owned(), "it is not JSON"),
        ] {
            let refused = read(text.as_bytes()).unwrap_err();
            assert!(refused.starts_with(problem), "{refused}");
            assert!(!refused.contains("secret"));
        }
        assert!(read(b"\"\xff\"").is_err());
    }
}

//! The value of a parameter for serde: a text, or what is written in it.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor},
    forward_to_deserialize_any,
};

use super::InvalidParameter;

/// The value of a parameter.
pub(super) struct Value<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) may_be_empty: bool,
}

impl<'a> Value<'a> {
    /// The text, if there is one.
    fn text(self) -> Result<Cow<'a, str>, InvalidParameter> {
        if self.text.is_empty() && !self.may_be_empty {
            return Err(de::Error::custom("must not be empty"));
        }
        Ok(self.text)
    }

    fn parse<N: FromStr<Err: fmt::Display>>(self) -> Result<N, InvalidParameter> {
        self.text()?.parse().map_err(de::Error::custom)
    }
}

/// Methods that parse the text and have a visitor take what it says.
macro_rules! parse {
    ($($method:ident $type:ty => $visit:ident,)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
                visitor.$visit(self.parse::<$type>()?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = InvalidParameter;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
        visitor.visit_string(self.text()?.into_owned())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_unit()
    }

    parse! {
        deserialize_bool bool => visit_bool,
        deserialize_i8 i64 => visit_i64,
        deserialize_i16 i64 => visit_i64,
        deserialize_i32 i64 => visit_i64,
        deserialize_i64 i64 => visit_i64,
        deserialize_u8 u64 => visit_u64,
        deserialize_u16 u64 => visit_u64,
        deserialize_u32 u64 => visit_u64,
        deserialize_u64 u64 => visit_u64,
        deserialize_f32 f64 => visit_f64,
        deserialize_f64 f64 => visit_f64,
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier
    }
}

/// The parameters that are not read yet.
pub(super) struct Pairs<'a, I> {
    rest: I,
    current: Option<(Cow<'a, str>, Value<'a>)>,
}

impl<'a, I: Iterator<Item = (Cow<'a, str>, Value<'a>)>> Pairs<'a, I> {
    pub(super) fn new(pairs: I) -> Self {
        Self {
            rest: pairs,
            current: None,
        }
    }
}

impl<'de, I: Iterator<Item = (Cow<'de, str>, Value<'de>)>> MapAccess<'de> for Pairs<'de, I> {
    type Error = InvalidParameter;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, InvalidParameter> {
        self.current = self.rest.next();
        let name = self.current.as_ref().map(|(name, _)| name.as_ref());
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, InvalidParameter> {
        let Some((name, value)) = self.current.take() else {
            return Err(de::Error::custom("a value without a name"));
        };
        // Whatever is wrong with it is the fault of this parameter.
        seed.deserialize(value).map_err(|invalid| InvalidParameter {
            name: name.into_owned(),
            ..invalid
        })
    }
}

impl InvalidParameter {
    fn new(name: &str, problem: &str) -> Self {
        Self {
            name: name.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

impl de::Error for InvalidParameter {
    /// Of a value whose parameter `Pairs` names.
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new("", &problem.to_string())
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self::new(name, "is not known")
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(name, "is missing")
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(name, "is there more than once")
    }
}

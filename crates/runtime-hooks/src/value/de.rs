//! From values to our types.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not wanted is told in the same words, whatever it is"
)]

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{JSON, Value, ValueError};

/// A value as a type of ours. Where numbers are wanted, whole ones in any form are taken; where a
/// list is wanted, so is an empty object, since some languages have one kind of empty table; where
/// a struct is wanted, names in `camelCase` are too.
///
/// # Errors
/// What is missing or wrong, by name.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ValueError> {
    T::deserialize(Reader(value))
}

struct Reader(Value);

impl Reader {
    fn wrong<'de, V: Visitor<'de>>(self, visitor: &V) -> ValueError {
        let unexpected = match &self.0 {
            Value::Null => de::Unexpected::Unit,
            Value::Bool(yes) => de::Unexpected::Bool(*yes),
            Value::Int(n) => de::Unexpected::Signed(*n),
            Value::Float(n) => de::Unexpected::Float(*n),
            Value::Text(_) => de::Unexpected::Other("a string"),
            Value::Bytes(_) => de::Unexpected::Other("bytes"),
            Value::List(_) => de::Unexpected::Seq,
            Value::Map(_) | Value::Record(_) => de::Unexpected::Map,
        };
        ValueError::invalid_type(unexpected, visitor)
    }
}

/// The names and values of an object, whoever named them.
fn entries(value: Value) -> Result<Vec<(String, Value)>, Value> {
    match value {
        Value::Map(entries) => Ok(entries),
        Value::Record(fields) => Ok(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        other => Err(other),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
fn whole(n: f64) -> Option<i64> {
    // 2^63 is exact, and the first that does not fit.
    const END: f64 = 9_223_372_036_854_775_808.0;
    (n.fract() == 0.0 && (-END..END).contains(&n)).then_some(n as i64)
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.0 {
                Value::Int(n) => visitor.visit_i64(n),
                Value::Float(n) => match whole(n) {
                    Some(n) => visitor.visit_i64(n),
                    None => Err(ValueError::invalid_value(de::Unexpected::Float(n), &visitor)),
                },
                other => Err(Reader(other).wrong(&visitor)),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(yes),
            Value::Int(n) => visitor.visit_i64(n),
            Value::Float(n) => visitor.visit_f64(n),
            Value::Text(text) => visitor.visit_string(text),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::List(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Map(entries) => visitor.visit_map(Entries::of(entries, None)),
            Value::Record(_) => match entries(self.0) {
                Ok(entries) => visitor.visit_map(Entries::of(entries, None)),
                Err(other) => Err(Self(other).wrong(&visitor)),
            },
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    #[expect(clippy::cast_precision_loss, reason = "what asks for a float gets one")]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Int(n) => visitor.visit_f64(n as f64),
            other => Self(other).deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Self(other)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::List(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Map(entries) if entries.is_empty() => {
                visitor.visit_seq(Items(Vec::new().into_iter()))
            }
            other => Err(Self(other).wrong(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match entries(self.0) {
            Ok(entries) => visitor.visit_map(Entries::of(entries, None)),
            Err(Value::List(items)) if items.is_empty() => {
                visitor.visit_map(Entries::of(Vec::new(), None))
            }
            Err(other) => Err(Self(other).wrong(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match entries(self.0) {
            Ok(entries) => visitor.visit_map(Entries::of(entries, Some(fields))),
            Err(Value::List(items)) if items.is_empty() => {
                visitor.visit_map(Entries::of(Vec::new(), None))
            }
            Err(other) => Err(Self(other).wrong(&visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match name {
            JSON => visitor.visit_string(self.0.to_json()),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Text(text) => visitor.visit_enum(Variant(text, Value::Null)),
            other => match entries(other) {
                Ok(mut entries) if entries.len() == 1 => match entries.pop() {
                    Some((name, value)) => visitor.visit_enum(Variant(name, value)),
                    None => Err(ValueError::custom("nothing is no variant")),
                },
                Ok(_) => Err(ValueError::custom("a variant has one name")),
                Err(other) => Err(Self(other).wrong(&visitor)),
            },
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// The items of a list.
struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = ValueError;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        self.0.next().map(|item| seed.deserialize(Reader(item))).transpose()
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of an object; with the names that are wanted, if it is to be a struct.
struct Entries {
    left: std::vec::IntoIter<(String, Value)>,
    fields: Option<&'static [&'static str]>,
    value: Option<(String, Value)>,
}

impl Entries {
    fn of(entries: Vec<(String, Value)>, fields: Option<&'static [&'static str]>) -> Self {
        Self { left: entries.into_iter(), fields, value: None }
    }

    /// The name as a struct has it.
    fn name(&self, given: &str) -> String {
        match self.fields {
            Some(fields) if !fields.contains(&given) => {
                let snake = snake(given);
                if fields.contains(&&*snake) { snake } else { given.to_owned() }
            }
            Some(_) | None => given.to_owned(),
        }
    }
}

/// `userId` as `user_id`.
fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ValueError> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        let name = self.name(&name);
        let key: StrDeserializer<'_, ValueError> = name.as_str().into_deserializer();
        let key = seed.deserialize(key)?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ValueError> {
        let Some((name, value)) = self.value.take() else {
            return Err(ValueError::custom("a value without a name"));
        };
        seed.deserialize(Reader(value)).map_err(|error| ValueError(format!("{name}: {error}")))
    }
}

/// A variant's name and what it holds.
struct Variant(String, Value);

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = ValueError;
    type Variant = Reader;
    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Reader), ValueError> {
        let name: StrDeserializer<'_, ValueError> = self.0.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, Reader(self.1)))
    }
}

impl<'de> VariantAccess<'de> for Reader {
    type Error = ValueError;
    fn unit_variant(self) -> Result<(), ValueError> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ValueError> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        de::Deserializer::deserialize_seq(self, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        de::Deserializer::deserialize_struct(self, "", fields, visitor)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

#[expect(clippy::cast_precision_loss, reason = "beyond 64 bits a number is inexact anyway")]
impl<'de> Visitor<'de> for Anything {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Int(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(i64::try_from(v).map_or(Value::Float(v as f64), Value::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Float(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::Text(v))
    }
    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(v))
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

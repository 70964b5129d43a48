//! Values between server code and the server, whatever the language.
//!
//! Host functions take and answer types of their own, by serde; engines translate [`Value`] and
//! nothing else.
//!
//! Names are of two kinds. Those of a struct's fields are ours: a [`Value::Record`] has them in
//! `snake_case`, and an engine shows them in its language's habit. Those of a map are the
//! studio's and stay as they are. Where a struct is wanted, `camelCase` names are understood too.

mod de;
mod ser;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use de::from_value;
pub use ser::to_value;

/// How deep values may be nested. JSON of clients is bounded the same way.
pub const DEEPEST: usize = 64;

/// What server code gives or gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes; in some languages a text may be these.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// What the studio named, in its order.
    Map(Vec<(String, Value)>),
    /// What we named, in `snake_case`.
    Record(Vec<(&'static str, Value)>),
}

/// Why a value is not what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(crate) String);

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

impl Value {
    /// A field of a record or map; [`Value::Null`] where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &Self {
        const NULL: &Value = &Value::Null;
        match self {
            Self::Record(fields) => {
                fields.iter().find(|(key, _)| *key == name).map_or(NULL, |(_, value)| value)
            }
            Self::Map(entries) => {
                entries.iter().find(|(key, _)| key == name).map_or(NULL, |(_, value)| value)
            }
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_) => NULL,
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What it is, for error messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Record(_) => "an object",
        }
    }

    /// As JSON text. Bytes that are no text become replacement characters, as they do in the
    /// original; numbers that JSON does not know become `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&AsJson(self)).expect("a value is JSON")
    }

    /// From JSON text.
    ///
    /// # Errors
    /// When it is none, or nested deeper than [`DEEPEST`].
    pub fn from_json(text: &str) -> Result<Self, ValueError> {
        let value: Self = serde_json::from_str(text).map_err(|e| ValueError(e.to_string()))?;
        if value.is_deeper_than(DEEPEST) {
            return Err(ValueError("nested too deep".into()));
        }
        Ok(value)
    }

    fn is_deeper_than(&self, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else { return true };
        match self {
            Self::List(items) => items.iter().any(|item| item.is_deeper_than(left)),
            Self::Map(entries) => entries.iter().any(|(_, item)| item.is_deeper_than(left)),
            Self::Record(fields) => fields.iter().any(|(_, item)| item.is_deeper_than(left)),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Bytes(_) => false,
        }
    }
}

/// A value, written as JSON has it.
struct AsJson<'a>(&'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(yes) => serializer.serialize_bool(*yes),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_str(&String::from_utf8_lossy(bytes)),
            Value::List(items) => serializer.collect_seq(items.iter().map(AsJson)),
            Value::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, item)| (key, AsJson(item))))
            }
            Value::Record(fields) => {
                serializer.collect_map(fields.iter().map(|(key, item)| (key, AsJson(item))))
            }
        }
    }
}

/// The name by which [`Json`] is recognised on its way into and out of a [`Value`].
const JSON: &str = "$tavern::json";

/// The text of a JSON value. Server code sees the value, the server keeps the text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Json(pub String);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(JSON, &self.0)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Json;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value")
            }
            fn visit_string<E>(self, text: String) -> Result<Json, E> {
                Ok(Json(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(JSON, Text)
    }
}

/// Bytes. A text is taken for its own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Blob;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
            fn visit_string<E>(self, text: String) -> Result<Blob, E> {
                Ok(Blob(text.into_bytes()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Blob, E> {
                Ok(Blob(text.as_bytes().to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests;

//! What the fields of a message are called and what they hold, for code that handles messages
//! without their types: script engines, documents.

/// A message.
#[derive(Debug)]
pub struct MessageShape {
    /// Its full name in the definitions, as in `nakama.api.Group`.
    pub name: &'static str,
    /// Its fields, in the order of the definitions.
    pub fields: &'static [FieldShape],
}

/// A field of a message.
#[derive(Debug)]
pub struct FieldShape {
    /// Its `snake_case` name: the one in JSON.
    pub name: &'static str,
    /// Its `camelCase` name, which JSON accepts too.
    pub camel: &'static str,
    /// How many values it has.
    pub arity: FieldArity,
    /// What a value is.
    pub kind: FieldKind,
}

/// How many values a field has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldArity {
    /// One; unset is zero or empty.
    Plain,
    /// One or none.
    Optional,
    /// Any number.
    List,
    /// Any number, by text keys.
    Map,
    /// One or none, and at most one of the fields of its group is set.
    Member,
}

/// What a value of a field is.
#[derive(Clone, Copy, Debug)]
pub enum FieldKind {
    /// Yes or no.
    Bool,
    /// A whole number that JSON has as a number: 32 bits, or an enum.
    Int,
    /// A whole number of 64 bits, which JSON has as text.
    Long,
    /// Any number.
    Double,
    /// Text.
    Text,
    /// Bytes, which JSON has as base64.
    Bytes,
    /// A time, which JSON has as RFC 3339.
    Time,
    /// A message.
    Message(&'static MessageShape),
}

impl MessageShape {
    /// The field of this name, in either habit.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldShape> {
        self.fields.iter().find(|field| field.name == name || field.camel == name)
    }
}

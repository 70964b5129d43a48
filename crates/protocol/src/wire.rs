//! What every message can do.

use crate::json::{Context, Fields, JsonError, Object, Unknown, read_message};
use crate::rest::ParamError;
use crate::shape::MessageShape;

/// A message of the public protocol: protobuf by [`prost::Message`], JSON by its own methods.
///
/// Only this crate implements it.
pub trait Wire:
    prost::Message + Default + Clone + PartialEq + std::fmt::Debug + Fields + 'static
{
    /// What its fields are called and what they hold.
    #[must_use]
    fn shape() -> &'static MessageShape {
        Self::SHAPE
    }

    /// Appends the JSON form.
    fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        self.write_fields(&mut object);
        object.close();
    }

    /// The JSON form.
    #[must_use]
    fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.write_json(&mut out);
        out
    }

    /// Reads the JSON form, which must be one object with nothing after it.
    ///
    /// # Errors
    /// Text that is no JSON, too deep, or of the wrong shape; with [`Unknown::Reject`] also a
    /// field or an enum word that the message does not have.
    fn read_json(bytes: &[u8], unknown: Unknown) -> Result<Self, JsonError> {
        read_message(bytes, Context::new(unknown))
    }

    /// Sets a field by a path or query parameter, by its `snake_case` or `camelCase` name. A
    /// repeated field gets one more value, another one is overwritten; that a name is given only
    /// once is looked after by [`decode_rest`](crate::decode_rest).
    ///
    /// Answers whether there is such a field. Messages, maps and members of a oneof cannot be set
    /// in this way and count as unknown.
    ///
    /// # Errors
    /// A value that the field cannot hold.
    fn set_param(&mut self, name: &str, value: &str) -> Result<bool, ParamError> {
        let Some(index) = Self::find(name) else { return Ok(false) };
        let arity = self.set(index, value).map_err(|bad| bad.of(name))?;
        Ok(arity.is_param())
    }
}

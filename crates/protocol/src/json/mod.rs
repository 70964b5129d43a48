//! The JSON form of messages: the helpers that the generated mapping is made of.
//!
//! The generated part says for each message how it is written, what its fields are called, how
//! each is read and how it is set by a parameter; see [`Fields`].

mod error;
pub(crate) mod leaf;
mod number;
pub(crate) mod param;
pub(crate) mod read;
mod write;

use serde::Deserializer;

pub use error::JsonError;
pub(crate) use param::{Arity, BadParam};
pub(crate) use read::{Context, read_field, read_message};
pub(crate) use write::Object;

use crate::shape::{FieldArity, FieldKind, FieldShape, MessageShape};
use crate::wire::Wire;

/// How deep objects and lists may be nested, in messages and in what is not looked at.
pub const MAX_DEPTH: u8 = 64;

/// What happens to what a message does not have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unknown {
    /// Fields and enum words are passed over: the way of HTTP.
    Ignore,
    /// They are errors: the way of sockets.
    Reject,
}

/// The generated part of a message.
///
/// Out of reach for other crates, so that nobody else can implement [`Wire`].
pub trait Fields: Sized {
    /// What the fields are called and what they hold.
    const SHAPE: &'static MessageShape;

    /// Writes every field that is not empty.
    fn write_fields(&self, o: &mut Object<'_>);

    /// The index of a field, by its `snake_case` or `camelCase` name. Below 64.
    fn find(name: &str) -> Option<u8>;

    /// Reads the value of a field.
    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        index: u8,
        de: D,
        cx: Context,
    ) -> Result<(), D::Error> {
        read::no_such_field(index, de, cx)
    }

    /// Sets a field by a parameter.
    fn set(&mut self, index: u8, text: &str) -> Result<Arity, BadParam> {
        let _none_can_be_set = (index, text);
        Ok(Arity::NotAParam)
    }
}

include!(concat!(env!("OUT_DIR"), "/json.rs"));

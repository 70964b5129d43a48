//! Messages whose type is not known where they pass through.

use std::any::Any;

use tavern_protocol::Wire;

/// A wire message of some type.
pub trait AnyMessage: Send + Sync {
    /// Itself, to be downcast.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync>;
    /// Itself, to be looked at.
    fn as_any(&self) -> &dyn Any;
    /// Its JSON form, as clients see it.
    fn write_json(&self, out: &mut Vec<u8>);
}

/// An owned message of some type.
pub type MessageBox = Box<dyn AnyMessage>;

impl<M: Wire> AnyMessage for M {
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        Wire::write_json(self, out);
    }
}

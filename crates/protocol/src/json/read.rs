//! Reading: messages, lists and maps. What their items accept is in [`leaf`](super::leaf).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::clipped;
use super::leaf::{Got, Leaf};
use super::{Fields, JsonError, MAX_DEPTH, Unknown};

/// Refuses what is no object and no list without repeating it, as serde would: it may be long, or
/// nobody's business.
macro_rules! refuse_scalars {
    () => {
        refuse_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    };
    ($($visit:ident: $of:ty),*) => {
        $(fn $visit<E: de::Error>(self, _: $of) -> Result<Self::Value, E> {
            Err(E::invalid_type(de::Unexpected::Other("another value"), &self))
        })*
    };
}

/// How to read, and how much deeper it may go.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub(crate) unknown: Unknown,
    left: u8,
}

impl Context {
    pub(crate) const fn new(unknown: Unknown) -> Self {
        Self { unknown, left: MAX_DEPTH }
    }

    pub(crate) fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

/// Reads a text that is one object.
pub(crate) fn read_message<M: Fields + Default>(bytes: &[u8], cx: Context) -> Result<M, JsonError> {
    let mut de = serde_json::Deserializer::from_slice(bytes);
    let read = |de: &mut serde_json::Deserializer<_>| {
        let visitor = MessageVisitor { cx: cx.deeper()?, or_null: false, of: PhantomData };
        let message = de.deserialize_any(visitor)?;
        de.end()?;
        Ok(message.unwrap_or_default())
    };
    read(&mut de).map_err(JsonError::new)
}

/// Reads a text that is the value of one field; here `null` is no value.
pub(crate) fn read_field<M: Fields>(
    message: &mut M,
    index: u8,
    bytes: &[u8],
    cx: Context,
) -> Result<(), JsonError> {
    if bytes.trim_ascii() == b"null" {
        return Err(JsonError::new(de::Error::custom("expected a value, found null")));
    }
    let mut de = serde_json::Deserializer::from_slice(bytes);
    message.read(index, &mut de, cx).and_then(|()| de.end()).map_err(JsonError::new)
}

// === the shapes of fields, called by the generated code ===

pub(crate) fn plain<'de, L: Leaf, D: Deserializer<'de>>(
    field: &mut L::Out,
    de: D,
    cx: Context,
) -> Result<(), D::Error> {
    if let Got::Value(value) = L::read(de, cx)? {
        *field = value;
    }
    Ok(())
}

pub(crate) fn optional<'de, L: Leaf, D: Deserializer<'de>>(
    field: &mut Option<L::Out>,
    de: D,
    cx: Context,
) -> Result<(), D::Error> {
    if let Got::Value(value) = L::read(de, cx)? {
        *field = Some(value);
    }
    Ok(())
}

pub(crate) fn member<'de, L: Leaf, O, D: Deserializer<'de>>(
    field: &mut Option<O>,
    wrap: fn(L::Out) -> O,
    de: D,
    cx: Context,
) -> Result<(), D::Error> {
    if let Got::Value(value) = L::read(de, cx)? {
        if field.is_some() {
            return Err(de::Error::custom("more than one of the fields that exclude each other"));
        }
        *field = Some(wrap(value));
    }
    Ok(())
}

pub(crate) fn list<'de, L: Leaf, D: Deserializer<'de>>(
    field: &mut Vec<L::Out>,
    de: D,
    cx: Context,
) -> Result<(), D::Error> {
    de.deserialize_any(ListVisitor::<L> { field, cx: cx.deeper()? })
}

pub(crate) fn map<'de, L: Leaf, D: Deserializer<'de>>(
    field: &mut BTreeMap<String, L::Out>,
    de: D,
    cx: Context,
) -> Result<(), D::Error> {
    de.deserialize_any(TableVisitor::<L> { field, cx: cx.deeper()? })
}

/// Indexes come from `find`, so this is never reached; if it were, the value would be passed over.
pub(crate) fn no_such_field<'de, D: Deserializer<'de>>(
    index: u8,
    de: D,
    _: Context,
) -> Result<(), D::Error> {
    debug_assert!(false, "no field has the index {index}");
    de.deserialize_ignored_any(IgnoredAny).map(|_| ())
}

// === messages ===

/// Answers `None` for `null`, where that is allowed.
pub(crate) struct MessageVisitor<M> {
    pub(crate) cx: Context,
    pub(crate) or_null: bool,
    pub(crate) of: PhantomData<M>,
}

impl<'de, M: Fields + Default> Visitor<'de> for MessageVisitor<M> {
    type Value = Option<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    refuse_scalars!();

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        if self.or_null { Ok(None) } else { Err(E::custom("expected an object, found null")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = M::default();
        let mut seen = 0_u64;
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let Some(index) = M::find(&name) else {
                if self.cx.unknown == Unknown::Reject {
                    let name = clipped(&name);
                    return Err(de::Error::custom(format_args!("unknown field `{name}`")));
                }
                map.next_value_seed(Skip(self.cx))?;
                continue;
            };
            let bit = 1 << index;
            if seen & bit != 0 {
                let name = clipped(&name);
                return Err(de::Error::custom(format_args!("field `{name}` is given twice")));
            }
            seen |= bit;
            map.next_value_seed(FieldSeed { message: &mut message, index, cx: self.cx })?;
        }
        Ok(Some(message))
    }
}

struct FieldSeed<'m, M> {
    message: &'m mut M,
    index: u8,
    cx: Context,
}

impl<'de, M: Fields> DeserializeSeed<'de> for FieldSeed<'_, M> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<(), D::Error> {
        self.message.read(self.index, de, self.cx)
    }
}

/// The name of a field, borrowed from the input unless it has escapes.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<Self::Value, D::Error> {
        de.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(v))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

// === lists and maps ===

struct ItemSeed<L> {
    cx: Context,
    of: PhantomData<L>,
}

impl<'de, L: Leaf> DeserializeSeed<'de> for ItemSeed<L> {
    /// `None` for what was passed over.
    type Value = Option<L::Out>;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<Self::Value, D::Error> {
        match L::read(de, self.cx)? {
            Got::Value(value) => Ok(Some(value)),
            Got::Skipped => Ok(None),
            // Unlike a field, an item cannot be unset.
            Got::Null => Err(de::Error::custom("null among the items")),
        }
    }
}

struct ListVisitor<'f, L: Leaf> {
    field: &'f mut Vec<L::Out>,
    cx: Context,
}

impl<'de, L: Leaf> Visitor<'de> for ListVisitor<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    refuse_scalars!();

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let seed = || ItemSeed::<L> { cx: self.cx, of: PhantomData };
        while let Some(item) = items.next_element_seed(seed())? {
            self.field.extend(item);
        }
        Ok(())
    }
}

struct TableVisitor<'f, L: Leaf> {
    field: &'f mut BTreeMap<String, L::Out>,
    cx: Context,
}

impl<'de, L: Leaf> Visitor<'de> for TableVisitor<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    refuse_scalars!();

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let seed = ItemSeed::<L> { cx: self.cx, of: PhantomData };
            let Some(item) = map.next_value_seed(seed)? else { continue };
            let name = name.into_owned();
            if self.field.contains_key(&name) {
                let name = clipped(&name);
                return Err(de::Error::custom(format_args!("key `{name}` is given twice")));
            }
            self.field.insert(name, item);
        }
        Ok(())
    }
}

// === what nobody asked for ===

/// Passes over a value of any shape, but not of any depth.
struct Skip(Context);

impl<'de> DeserializeSeed<'de> for Skip {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<(), D::Error> {
        de.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let cx = self.0.deeper()?;
        while items.next_element_seed(Skip(cx))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let cx = self.0.deeper()?;
        while map.next_key_seed(NameSeed)?.is_some() {
            map.next_value_seed(Skip(cx))?;
        }
        Ok(())
    }
}

//! What a field can hold, and what it accepts in JSON.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::{self, Deserializer, Visitor};

use super::error::clipped;
use super::read::{Context, MessageVisitor};
use super::{Fields, Unknown, number};
use crate::wkt::Timestamp;

/// What was read.
pub(crate) enum Got<T> {
    /// A value.
    Value(T),
    /// `null`: for most fields the same as not being there.
    Null,
    /// An enum word that nobody knows, passed over.
    Skipped,
}

/// A kind of value.
pub(crate) trait Leaf {
    type Out;

    fn read<'de, D: Deserializer<'de>>(de: D, cx: Context) -> Result<Got<Self::Out>, D::Error>;
}

/// A value that is no object. What it is not given a way to accept is an error.
pub(crate) trait Scalar {
    type Out;
    const WANTED: &'static str;

    fn bool(_: bool) -> Option<Self::Out> {
        None
    }
    fn integer(_: i128) -> Option<Self::Out> {
        None
    }
    fn double(_: f64) -> Option<Self::Out> {
        None
    }
    fn text(_: &str) -> Option<Self::Out> {
        None
    }
}

struct ScalarVisitor<S>(PhantomData<S>);

impl<'de, S: Scalar> Visitor<'de> for ScalarVisitor<S> {
    type Value = Got<S::Out>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(S::WANTED)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Got::Null)
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Self::Value, E> {
        got(S::bool(v), S::WANTED)
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Self::Value, E> {
        got(S::integer(v.into()), S::WANTED)
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Self::Value, E> {
        got(S::integer(v.into()), S::WANTED)
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Self::Value, E> {
        got(S::double(v), S::WANTED)
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
        got(S::text(v), S::WANTED)
    }
}

/// The value is not repeated: it may be long, or nobody's business.
fn got<T, E: de::Error>(value: Option<T>, wanted: &str) -> Result<Got<T>, E> {
    value.map(Got::Value).ok_or_else(|| E::custom(format_args!("expected {wanted}")))
}

macro_rules! scalar {
    ($name:ident) => {
        impl Leaf for $name {
            type Out = <Self as Scalar>::Out;

            fn read<'de, D: Deserializer<'de>>(
                de: D,
                _: Context,
            ) -> Result<Got<Self::Out>, D::Error> {
                de.deserialize_any(ScalarVisitor::<Self>(PhantomData))
            }
        }
    };
}

pub(crate) struct Bool;
scalar!(Bool);

impl Scalar for Bool {
    type Out = bool;
    const WANTED: &'static str = "true or false";

    fn bool(v: bool) -> Option<bool> {
        Some(v)
    }
}

pub(crate) struct Text;
scalar!(Text);

impl Scalar for Text {
    type Out = String;
    const WANTED: &'static str = "a string";

    fn text(v: &str) -> Option<String> {
        Some(v.to_owned())
    }
}

macro_rules! integer {
    ($name:ident, $of:ty, $wanted:literal) => {
        pub(crate) struct $name;
        scalar!($name);

        impl Scalar for $name {
            type Out = $of;
            const WANTED: &'static str = $wanted;

            fn integer(v: i128) -> Option<$of> {
                v.try_into().ok()
            }

            fn double(v: f64) -> Option<$of> {
                whole(v)?.try_into().ok()
            }

            fn text(v: &str) -> Option<$of> {
                number::integer(v)?.try_into().ok()
            }
        }
    };
}

integer!(Int32, i32, "a 32-bit integer");
integer!(Int64, i64, "a 64-bit integer");
integer!(Uint32, u32, "an unsigned 32-bit integer");

/// `5.0` and `1e3`, but not `5.5`. A number literal with a fraction or an exponent is rounded to 53
/// bits before it comes here; text is exact, see [`number::integer`].
#[expect(clippy::cast_possible_truncation, reason = "its range and its fraction were looked at")]
fn whole(v: f64) -> Option<i128> {
    (v.fract() == 0.0 && v.abs() <= 2_f64.powi(64)).then_some(v as i128)
}

pub(crate) struct Double;
scalar!(Double);

impl Scalar for Double {
    type Out = f64;
    const WANTED: &'static str = "a number";

    #[expect(clippy::cast_precision_loss, reason = "the nearest number is what is wanted")]
    fn integer(v: i128) -> Option<f64> {
        Some(v as f64)
    }

    fn double(v: f64) -> Option<f64> {
        Some(v)
    }

    fn text(v: &str) -> Option<f64> {
        number::double(v)
    }
}

/// Standard or URL-safe alphabet, padded or not.
pub(crate) struct Base64;
scalar!(Base64);

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

impl Scalar for Base64 {
    type Out = Bytes;
    const WANTED: &'static str = "base64";

    fn text(v: &str) -> Option<Bytes> {
        let url_safe = v.bytes().any(|b| matches!(b, b'-' | b'_'));
        let engine = if url_safe { &URL_SAFE } else { &STANDARD };
        engine.decode(v).ok().map(Bytes::from)
    }
}

pub(crate) struct Time;
scalar!(Time);

impl Scalar for Time {
    type Out = Timestamp;
    const WANTED: &'static str = "a time in RFC 3339";

    fn text(v: &str) -> Option<Timestamp> {
        Timestamp::parse(v)
    }
}

/// The words of an enum.
pub(crate) trait Words {
    fn number(word: &str) -> Option<i32>;
}

/// A number, known or not, or a word.
pub(crate) struct Enum<E>(PhantomData<E>);

impl<E: Words> Leaf for Enum<E> {
    type Out = i32;

    fn read<'de, D: Deserializer<'de>>(de: D, cx: Context) -> Result<Got<i32>, D::Error> {
        let got = de.deserialize_any(ScalarVisitor::<EnumScalar<E>>(PhantomData))?;
        Ok(match got {
            Got::Value(Ok(number)) => Got::Value(number),
            Got::Value(Err(word)) => match cx.unknown {
                Unknown::Ignore => Got::Skipped,
                Unknown::Reject => {
                    return Err(de::Error::custom(format_args!("unknown word `{word}`")));
                }
            },
            Got::Null => Got::Null,
            Got::Skipped => Got::Skipped,
        })
    }
}

struct EnumScalar<E>(PhantomData<E>);

impl<E: Words> Scalar for EnumScalar<E> {
    /// The number, or the word that is not known.
    type Out = Result<i32, String>;
    const WANTED: &'static str = "a number or a word";

    fn integer(v: i128) -> Option<Self::Out> {
        v.try_into().ok().map(Ok)
    }

    fn double(v: f64) -> Option<Self::Out> {
        whole(v)?.try_into().ok().map(Ok)
    }

    fn text(v: &str) -> Option<Self::Out> {
        Some(E::number(v).ok_or_else(|| clipped(v).to_owned()))
    }
}

/// An object.
pub(crate) struct Message<M>(PhantomData<M>);

impl<M: Fields + Default> Leaf for Message<M> {
    type Out = M;

    fn read<'de, D: Deserializer<'de>>(de: D, cx: Context) -> Result<Got<M>, D::Error> {
        let visitor = MessageVisitor { cx: cx.deeper()?, or_null: true, of: PhantomData };
        Ok(de.deserialize_any(visitor)?.map_or(Got::Null, Got::Value))
    }
}

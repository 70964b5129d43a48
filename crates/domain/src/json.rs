//! Texts that hold a JSON object: checked once, kept as text.
//!
//! Message contents, metadata and wallets travel as JSON text inside a string. What comes from
//! outside is checked here, without building a tree, so that no store ever has to refuse it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{Classify, ErrorCode};

/// Deepest nesting of arrays and objects that [`check_json_object`] lets pass, the object itself
/// included. Below the limit of the parser (127), so that the answer is ours.
pub const MAX_JSON_DEPTH: usize = 100;

/// Why a text is not taken for a JSON object.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonObjectError {
    /// Longer than the caller allows.
    #[error("a JSON object of at most {limit} bytes is expected")]
    TooLong {
        /// Most bytes.
        limit: usize,
    },
    /// Not JSON, not an object, nested too deeply, or with something in it that no store keeps: a
    /// NUL character, half a surrogate pair, a number beyond the range of doubles.
    #[error("a JSON object is expected")]
    NotAnObject,
}

impl Classify for JsonObjectError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong { .. } | Self::NotAnObject => ErrorCode::InvalidArgument,
        }
    }
}

/// Checks that a text is one JSON object that can be kept: at most `limit` bytes, nested at most
/// [`MAX_JSON_DEPTH`] deep, blanks around it allowed.
///
/// Takes time in proportion to the text and builds nothing.
///
/// # Errors
/// [`JsonObjectError`] says which rule was broken.
pub fn check_json_object(text: &str, limit: usize) -> Result<(), JsonObjectError> {
    if text.len() > limit {
        return Err(JsonObjectError::TooLong { limit });
    }
    // The first byte tells objects from everything else; the parser alone would take any value.
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Err(JsonObjectError::NotAnObject);
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    Check { depth: MAX_JSON_DEPTH }
        .deserialize(&mut parser)
        .and_then(|()| parser.end())
        .map_err(|_| JsonObjectError::NotAnObject)
}

/// Walks over one value; `depth` is how many levels may still open.
#[derive(Clone, Copy)]
struct Check {
    depth: usize,
}

impl Check {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        self.depth
            .checked_sub(1)
            .map(|depth| Self { depth })
            .ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Check {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        // PostgreSQL has no NUL character in texts, nor in jsonb.
        if text.contains('\0') { Err(E::custom("a NUL character")) } else { Ok(()) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper::<A::Error>()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper::<A::Error>()?;
        while entries.next_key_seed(inner)?.is_some() {
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Result<(), JsonObjectError> {
        check_json_object(text, 10_000)
    }

    #[test]
    fn objects_pass() {
        for text in
            ["{}", " {\"a\":1} \n", r#"{"a":[1,2.5,-3e4,true,null,{"b":"\ud83d\ude42 é"}],"a":""}"#]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " ",
            "not json",
            "[1,2]",
            "\"text\"",
            "null",
            "7",
            "{",
            "{}x",
            "{} {}",
            "{1:2}",
            "{'a':1}",
            r#"{"a":01}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e400}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\u0000"}"#,
            r#"{"\u0000":1}"#,
            "{\"a\":\"\n\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(check(text), Err(JsonObjectError::NotAnObject), "{text:?}");
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |levels: usize| {
            format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
        };
        assert_eq!(check(&nested(MAX_JSON_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_JSON_DEPTH + 1)), Err(JsonObjectError::NotAnObject));
        assert_eq!(check_json_object(&nested(4_000), 1 << 20), Err(JsonObjectError::NotAnObject));
        assert_eq!(check_json_object("{}", 2), Ok(()));
        assert_eq!(check_json_object("{ }", 2), Err(JsonObjectError::TooLong { limit: 2 }));
    }

    proptest! {
        #[test]
        fn agrees_with_the_parser(text in r#"[\{\}\[\],:"a1 ]{0,12}"#) {
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            let object = parsed.is_ok_and(|value| value.is_object());
            prop_assert_eq!(check(&text).is_ok(), object);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let outcome = check_json_object(&text, 64);
            prop_assert!(text.len() <= 64 || outcome.is_err());
        }
    }
}

//! What to add to a wallet.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::EconomyError;

/// Most currencies in one changeset.
pub const MAX_CURRENCIES: usize = 256;
/// Most bytes of a currency's name; it has at least one.
pub const MAX_CURRENCY_BYTES: usize = 128;
/// Longest JSON text of a changeset: every name written with escapes, and room for blanks.
const MAX_JSON_BYTES: usize = MAX_CURRENCIES * (MAX_CURRENCY_BYTES * 6 + 64);
/// The largest number up to which every whole number is a double of its own (2^53 - 1).
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// What to add to each currency of a wallet; negative amounts take away. May be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changeset(BTreeMap<String, i64>);

impl Changeset {
    /// Checks amounts by currency.
    ///
    /// # Errors
    /// [`EconomyError::TooManyCurrencies`] beyond [`MAX_CURRENCIES`];
    /// [`EconomyError::CurrencyName`] unless each has 1 to [`MAX_CURRENCY_BYTES`] bytes and no
    /// control characters.
    pub fn new(amounts: BTreeMap<String, i64>) -> Result<Self, EconomyError> {
        if amounts.len() > MAX_CURRENCIES {
            return Err(EconomyError::TooManyCurrencies);
        }
        for name in amounts.keys() {
            let fine = (1..=MAX_CURRENCY_BYTES).contains(&name.len())
                && !name.chars().any(char::is_control);
            if !fine {
                return Err(EconomyError::CurrencyName);
            }
        }
        Ok(Self(amounts))
    }

    /// Reads a JSON object of whole numbers, as server code in any language writes it: `5.0` is
    /// taken for 5. Of a name given twice the last amount counts.
    ///
    /// # Errors
    /// [`EconomyError::Changeset`] for anything but an object of numbers,
    /// [`EconomyError::NotWhole`] for fractions and numbers that a double or 64 bits do not hold
    /// exactly, and what [`Self::new`] refuses.
    pub fn from_json(text: &str) -> Result<Self, EconomyError> {
        if text.len() > MAX_JSON_BYTES {
            return Err(EconomyError::TooManyCurrencies);
        }
        let amounts: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|_| EconomyError::Changeset)?;
        let whole = amounts.into_iter().map(|(currency, amount)| {
            let Value::Number(number) = amount else { return Err(EconomyError::Changeset) };
            match whole_number(&number) {
                Some(amount) => Ok((currency, amount)),
                None => Err(EconomyError::NotWhole { currency }),
            }
        });
        Self::new(whole.collect::<Result<_, _>>()?)
    }

    /// The amounts by currency.
    #[must_use]
    pub const fn amounts(&self) -> &BTreeMap<String, i64> {
        &self.0
    }

    /// The amounts by currency.
    #[must_use]
    pub fn into_amounts(self) -> BTreeMap<String, i64> {
        self.0
    }
}

fn whole_number(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    // A whole number beyond 64 bits is no double, and beyond 2^53 a double may stand for several.
    let float = number.as_f64().filter(|_| number.is_f64())?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    (float.fract() == 0.0 && float.abs() <= LARGEST_EXACT).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::{Classify as _, ErrorCode};

    use super::*;

    #[test]
    fn whole_numbers_are_taken_however_they_are_spelt() {
        let text = r#"{"a":1,"b":-2,"c":5.0,"d":1e3,"e":-0.0,"f":9223372036854775807,"é":0}"#;
        let read = Changeset::from_json(text).unwrap();
        let amounts: Vec<_> =
            read.amounts().iter().map(|(name, amount)| (name.as_str(), *amount)).collect();
        let expected =
            [("a", 1), ("b", -2), ("c", 5), ("d", 1_000), ("e", 0), ("f", i64::MAX), ("é", 0)];
        assert_eq!(amounts, expected);
        assert_eq!(Changeset::from_json("{}").unwrap(), Changeset::default());
        let twice = Changeset::from_json(r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(twice.into_amounts()["a"], 2);
    }

    #[test]
    fn other_numbers_are_refused_with_their_currency() {
        for bad in
            ["0.5", "1e300", "9223372036854775808", "-9223372036854775809", "9007199254740993.0"]
        {
            let refused = Changeset::from_json(&format!("{{\"gold\":{bad}}}")).unwrap_err();
            assert!(
                matches!(&refused, EconomyError::NotWhole { currency } if currency == "gold"),
                "{bad}: {refused}"
            );
            assert_eq!(refused.code(), ErrorCode::InvalidArgument);
        }
    }

    #[test]
    fn anything_but_an_object_of_numbers_is_refused() {
        for bad in [
            "",
            "[]",
            "null",
            "1",
            "{",
            r#"{"a":"1"}"#,
            r#"{"a":null}"#,
            r#"{"a":{}}"#,
            r#"{"a":1e999}"#,
        ] {
            let refused = Changeset::from_json(bad).unwrap_err();
            assert!(matches!(refused, EconomyError::Changeset), "{bad}: {refused}");
        }
    }

    #[test]
    fn currencies_are_bounded() {
        let named = |name: String| Changeset::new(BTreeMap::from([(name, 1)]));
        assert!(named("é".repeat(64)).is_ok());
        for bad in ["x".repeat(129), "é".repeat(65), String::new(), "a\nb".into(), "\0".into()] {
            assert!(matches!(named(bad.clone()), Err(EconomyError::CurrencyName)), "{bad:?}");
        }
        let many = |count: usize| (0..count).map(|i| (i.to_string(), 1)).collect();
        assert!(Changeset::new(many(MAX_CURRENCIES)).is_ok());
        let refused = Changeset::new(many(MAX_CURRENCIES + 1));
        assert!(matches!(refused, Err(EconomyError::TooManyCurrencies)));
        let blanks = format!("{{{}}}", " ".repeat(1 << 20));
        assert!(matches!(Changeset::from_json(&blanks), Err(EconomyError::TooManyCurrencies)));
    }

    proptest! {
        #[test]
        fn amounts_round_trip(amounts in prop::collection::btree_map("[a-z é\"\\\\]{1,9}", any::<i64>(), 0..20)) {
            let text = serde_json::to_string(&amounts).unwrap();
            prop_assert_eq!(Changeset::from_json(&text).unwrap().into_amounts(), amounts);
        }

        #[test]
        fn reading_never_panics(text in any::<String>(), number in any::<f64>()) {
            drop(Changeset::from_json(&text));
            if let Ok(read) = Changeset::from_json(&format!("{{\"a\":{number:?}}}")) {
                #[expect(clippy::cast_precision_loss, reason = "that none is lost is the point")]
                let back = read.amounts()["a"] as f64;
                prop_assert_eq!(back, number);
            }
        }
    }
}

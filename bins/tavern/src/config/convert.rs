//! From what a source says to a value of an option's kind.

use figment::value::Value;

use super::place::Place;
use super::table::{Item, Kind, OptionRow};

/// A single value as it stands in a source.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Quoted in YAML, and so a text whatever it looks like.
    pub(crate) quoted: bool,
    pub(crate) place: Place,
}

/// What a source says for one option.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Said {
    One(Scalar),
    Many(Vec<Scalar>),
}

/// One option as one source gives it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) row: &'static OptionRow,
    pub(crate) said: Said,
    pub(crate) place: Place,
}

impl Given {
    /// The value, or what is wrong with it and where.
    pub(crate) fn value(&self) -> Result<Value, (Place, String)> {
        let here = |text: String| (self.place.clone(), text);
        match (self.row.kind, &self.said) {
            (Kind::List(item), Said::Many(items)) => {
                let items: Result<Vec<_>, _> = items
                    .iter()
                    .map(|one| element(item, one).map_err(|e| (one.place.clone(), e)))
                    .collect();
                Ok(Value::from(items?))
            }
            (Kind::List(_), Said::One(_)) => Err(here("must be a list".to_owned())),
            (kind, Said::Many(_)) => Err(here(format!("must be {}, not a list", describe(kind)))),
            (kind, Said::One(one)) => scalar(kind, one).map_err(here),
        }
    }
}

/// What a kind of value is called.
pub(crate) fn describe(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min: i64::MIN, max: i64::MAX } => "a whole number".to_owned(),
        Kind::Int { min, max: i64::MAX } => format!("a whole number of at least {min}"),
        Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Float { min, max } => format!("a number from {min} to {max}"),
        Kind::Text | Kind::Secret => "a text".to_owned(),
        Kind::Choice(words) => one_of(words),
        Kind::List(_) => "a list".to_owned(),
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

fn scalar(kind: Kind, one: &Scalar) -> Result<Value, String> {
    let text = one.text.as_str();
    let wrong = || format!("must be {}, not {}", describe(kind), shown(text));
    match kind {
        Kind::Text | Kind::Secret => Ok(Value::from(text)),
        Kind::Choice(words) => choice(words, text).ok_or_else(wrong),
        Kind::Bool | Kind::Int { .. } | Kind::Float { .. } if one.quoted => {
            Err(format!("must be {}, not a text in quotes", describe(kind)))
        }
        Kind::Bool => boolean(text).map(Value::from).ok_or_else(wrong),
        Kind::Int { min, max } => {
            whole(text).filter(|n| (min..=max).contains(n)).map(Value::from).ok_or_else(wrong)
        }
        Kind::Float { min, max } => text
            .parse::<f64>()
            .ok()
            .filter(|n| (min..=max).contains(n))
            .map(Value::from)
            .ok_or_else(wrong),
        Kind::List(_) => Err("must be a list".to_owned()),
    }
}

/// A wrong value as an error text may quote it: short, printable.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    format!("{short:?}")
}

fn choice(words: &[&str], text: &str) -> Option<Value> {
    let lower = text.to_ascii_lowercase();
    words.iter().find(|word| **word == lower).map(|word| Value::from(*word))
}

/// The words for true and false of YAML 1.1 and of Nakama's flags.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "on" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, or hexadecimal, octal or binary behind `0x`, `0o`, `0b`; underscores
/// between digits are for the eye.
fn whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let value = i128::from_str_radix(&plain, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

fn element(item: Item, one: &Scalar) -> Result<Value, String> {
    let text = one.text.as_str();
    match item {
        Item::Text | Item::Secret => {}
        Item::Pair => {
            if text.split_once('=').is_none_or(|(name, _)| name.is_empty()) {
                return Err("every entry must be of the form name=value".to_owned());
            }
        }
        Item::DatabaseAddress => {
            // The text may hold a password; this error never quotes it.
            text.parse::<tavern_storage_postgres::Address>().map_err(|error| error.to_string())?;
        }
        Item::Choice(words) => {
            return choice(words, text).ok_or_else(|| {
                format!("every entry must be {}, not {}", one_of(words), shown(text))
            });
        }
        Item::Limit => {
            text.parse::<tavern_limits::Rule>().map_err(|error| error.to_string())?;
        }
        Item::Net => {
            if text.parse::<ipnet::IpNet>().is_err() && text.parse::<std::net::IpAddr>().is_err() {
                return Err(format!("{} is no IP address or network", shown(text)));
            }
        }
    }
    Ok(Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Scalar {
        Scalar { text: text.into(), quoted: false, place: Place::Default }
    }

    #[test]
    fn whole_numbers_are_read_in_all_their_spellings() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("+7", Some(7)),
            ("1_000", Some(1000)),
            ("0x1F", Some(31)),
            ("0o17", Some(15)),
            ("0b101", Some(5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("0x", None),
            ("1.5", None),
            ("_1", None),
            ("0x-1", None),
        ] {
            assert_eq!(whole(text), value, "{text}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_what_would_be_right() {
        let told = |kind, text| scalar(kind, &one(text)).unwrap_err();
        assert_eq!(
            told(Kind::Int { min: 1, max: 9 }, "ten"),
            "must be a whole number from 1 to 9, not \"ten\""
        );
        assert_eq!(told(Kind::Choice(&["a", "b", "c"]), "d"), "must be a, b or c, not \"d\"");
        let quoted = Scalar { quoted: true, ..one("7350") };
        assert!(scalar(Kind::Int { min: 0, max: 9999 }, &quoted).is_err());
        assert!(scalar(Kind::Bool, &one("maybe")).is_err());
        assert_eq!(scalar(Kind::Bool, &one("On")), Ok(Value::from(true)));
        assert_eq!(scalar(Kind::Choice(&["debug"]), &one("DEBUG")), Ok(Value::from("debug")));
    }

    #[test]
    fn a_wrong_database_address_is_not_quoted() {
        let item = |text| element(Item::DatabaseAddress, &one(text));
        assert!(item("root:secret@db.internal:5432/game").is_ok());
        let text = item("root:hush@db:hush/x").unwrap_err();
        assert!(!text.contains("hush"), "{text}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", quoted: bool) {
            let one = Scalar { quoted, ..one(&text) };
            for row in crate::config::options() {
                drop(scalar(row.kind, &one));
                if let Kind::List(item) = row.kind {
                    drop(element(item, &one));
                }
            }
        }
    }
}

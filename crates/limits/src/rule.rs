//! Limits of single calls, messages and functions, as texts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Rate;

/// What a rule is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Name {
    /// A call of the client API, such as `WriteStorageObjects`.
    Call(String),
    /// A message of the realtime API, such as `channel_message_send`: `message:NAME`.
    Message(String),
    /// A function of the studio's server code, whichever way it is called: `rpc:ID`. Kept in lower
    /// case, for ids are compared without case.
    Function(String),
    /// A route of the studio's server code, by its pattern: `http:PATTERN`.
    Route(String),
}

/// A limit for one call, message, function or route, per caller: `NAME=TIMES/SECONDS`.
///
/// `rpc:daily_reward=5/60` lets a caller call the function five times at once and then once every
/// twelve seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Of what.
    pub name: Name,
    /// How many at once, and again after [`per_sec`](Self::per_sec).
    pub times: u32,
    /// In how many seconds all of them come back.
    pub per_sec: u32,
}

/// Why a text is no [`Rule`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a rule is NAME=TIMES/SECONDS, such as WriteStorageObjects=100/10, message:status_update=5/1, rpc:some_function=5/60 or http:/some/route=5/60, with numbers from 1 to 86400"
)]
pub struct ParseRuleError;

impl Rule {
    pub(crate) const fn rate(&self) -> Rate {
        Rate { times: self.times, per_sec: self.per_sec }
    }
}

impl FromStr for Rule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, rate) = text.rsplit_once('=').ok_or(ParseRuleError)?;
        let (times, per_sec) = rate.split_once('/').ok_or(ParseRuleError)?;
        let number = |text: &str| match text.trim().parse() {
            Ok(number @ 1..=86_400) => Ok(number),
            Ok(_) | Err(_) => Err(ParseRuleError),
        };
        let name = name.trim();
        let name = match name.split_once(':') {
            Some(("rpc", id)) if !id.is_empty() => Name::Function(id.to_lowercase()),
            Some(("http", pattern)) if pattern.starts_with('/') => Name::Route(pattern.to_owned()),
            Some(("message", id)) if !id.is_empty() => Name::Message(id.to_owned()),
            None if !name.is_empty() => Name::Call(name.to_owned()),
            None | Some(_) => return Err(ParseRuleError),
        };
        Ok(Self { name, times: number(times)?, per_sec: number(per_sec)? })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match &self.name {
            Name::Call(name) => ("", name),
            Name::Message(name) => ("message:", name),
            Name::Function(name) => ("rpc:", name),
            Name::Route(pattern) => ("http:", pattern),
        };
        write!(f, "{kind}{name}={}/{}", self.times, self.per_sec)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_say_what_and_how_often() {
        let rule: Rule = "rpc:Daily=Reward=5/60".parse().unwrap();
        assert_eq!(rule.name, Name::Function("daily=reward".into()));
        assert_eq!((rule.times, rule.per_sec), (5, 60));
        let rule: Rule = " WriteStorageObjects = 100 / 10 ".parse().unwrap();
        assert_eq!(rule.name, Name::Call("WriteStorageObjects".into()));
        let rule: Rule = "message:status_update=1/1".parse().unwrap();
        assert_eq!(rule.name, Name::Message("status_update".into()));
        let rule: Rule = "http:/shop/{item}=9/60".parse().unwrap();
        assert_eq!(rule.name, Name::Route("/shop/{item}".into()));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "x",
            "x=5",
            "x=0/1",
            "x=1/0",
            "x=1/86401",
            "=1/1",
            "rpc:=1/1",
            "a:b=1/1",
            "http:a=1/1",
        ] {
            assert_eq!(bad.parse::<Rule>(), Err(ParseRuleError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rules_round_trip(name in "(rpc:|message:|http:/)?[a-z_]{1,20}", times in 1..86_400u32, per in 1..86_400u32) {
            let rule: Rule = format!("{name}={times}/{per}").parse().unwrap();
            prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
        }

        #[test]
        fn reading_never_panics(text in any::<String>()) {
            drop(text.parse::<Rule>());
        }
    }
}

//! The methods of requests.

use std::fmt;

use tavern_domain::ErrorCode;

use crate::error::HookError;
use crate::value::Value;

/// A method that routes can be registered for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are those of HTTP")]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl HttpMethod {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Its name in HTTP, upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// The method of this name; case matters, as in HTTP.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct HttpMethods(u8);

impl HttpMethods {
    /// Every one.
    pub const ALL: Self = Self((1 << HttpMethod::ALL.len()) - 1);

    /// These; all of them when there are none.
    #[must_use]
    pub fn of(methods: &[HttpMethod]) -> Self {
        if methods.is_empty() {
            return Self::ALL;
        }
        Self(methods.iter().fold(0, |bits, method| bits | method.bit()))
    }

    /// What a script names: a method or a list of them, in any case; all of them when it names
    /// none.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for what is no method.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else it is, it is looked at")]
    pub fn of_script(named: Value) -> Result<Self, HookError> {
        let refused = |text| Err(HookError::new(ErrorCode::InvalidArgument, text));
        let names = match named {
            Value::Null => Vec::new(),
            // What an empty table of Lua looks like.
            Value::Map(none) if none.is_empty() => Vec::new(),
            Value::List(names) => names,
            name => vec![name],
        };
        let mut methods = Vec::with_capacity(names.len());
        for name in names {
            let Value::Text(name) = name else {
                return refused(format!("a method of a route is a string, not {}", name.kind()));
            };
            match HttpMethod::from_name(&name.to_ascii_uppercase()) {
                Some(method) => methods.push(method),
                None => return refused(format!("{name:?} is no method that a route can have")),
            }
        }
        Ok(Self::of(&methods))
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn has(self, method: HttpMethod) -> bool {
        self.0 & method.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What a client may ask with where these are registered: GET answers HEAD, and OPTIONS is
    /// always answered.
    #[must_use]
    pub const fn allowed(self) -> Self {
        let head = if self.has(HttpMethod::Get) { HttpMethod::Head.bit() } else { 0 };
        Self(self.0 | head | HttpMethod::Options.bit())
    }

    pub(super) const fn meet(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    pub(super) const fn with_all(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// As in the header `Allow`.
impl fmt::Display for HttpMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = HttpMethod::ALL.into_iter().filter(|method| self.has(*method));
        if let Some(first) = names.next() {
            f.write_str(first.name())?;
        }
        names.try_for_each(|method| write!(f, ", {}", method.name()))
    }
}

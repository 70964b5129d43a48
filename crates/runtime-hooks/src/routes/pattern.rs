//! Patterns of paths.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use tavern_domain::ErrorCode;
use tavern_protocol::routes::{decode_text, is_own};

use crate::error::HookError;

/// Most bytes of a pattern.
const MAX_BYTES: usize = 512;
/// Most parts of a pattern.
const MAX_PARTS: usize = 32;

/// A path with parameters: `/shop/{item}/price` or `/files/{path...}`.
///
/// `{item}` is one part of a path, not empty; `{path...}`, at the end, is all that is left, slashes
/// included, maybe nothing. Any other part is text, compared with what a path's part is when its
/// escapes are decoded. A slash at the end is a path of its own. Where several patterns fit, text
/// goes before `{item}` and `{item}` before `{path...}`, looked at from the left.
///
/// The first part must be text and none of the product's own (`v2` among them), so that a route can
/// never stand in the way of a call, one of later versions included.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoutePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Part {
    Text(String),
    One(String),
    Rest(String),
}

impl Part {
    fn parse(text: &str, last: bool) -> Result<Self, &'static str> {
        let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
            if text.is_empty() && !last {
                return Err("has an empty part");
            }
            if text.chars().any(|c| c.is_control() || c.is_whitespace() || "{}?#%".contains(c)) {
                return Err("has a character that a part cannot have");
            }
            return Ok(Self::Text(text.to_owned()));
        };
        if name.contains(':') {
            return Err("has a regular expression, which patterns do not know");
        }
        let (name, rest) = name.strip_suffix("...").map_or((name, false), |name| (name, true));
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if name.is_empty() || name.len() > 64 || !letters {
            return Err("has a parameter whose name is not 1 to 64 of A-Z, a-z, 0-9 and _");
        }
        match (rest, last) {
            (false, _) => Ok(Self::One(name.to_owned())),
            (true, true) => Ok(Self::Rest(name.to_owned())),
            (true, false) => Err("goes on after a parameter that takes all the rest"),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::One(name) | Self::Rest(name) => Some(name),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::One(_) => 1,
            Self::Rest(_) => 2,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (one, other) => one.rank() == other.rank(),
        }
    }
}

impl RoutePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`]; the text says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, HookError> {
        Self::read(text).map_err(|why| {
            let shown: String = text.chars().take(100).collect();
            HookError::new(ErrorCode::InvalidArgument, format!("the route {shown:?} {why}"))
        })
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("is longer than 512 bytes");
        }
        let path = text.strip_prefix('/').ok_or("does not begin with a slash")?;
        let mut parts: Vec<Part> = Vec::new();
        let mut left = path.split('/').peekable();
        while let Some(part) = left.next() {
            let part = Part::parse(part, left.peek().is_none())?;
            if part.name().is_some() && parts.iter().any(|other| other.name() == part.name()) {
                return Err("has two parameters of one name");
            }
            parts.push(part);
        }
        if parts.len() > MAX_PARTS {
            return Err("has more than 32 parts");
        }
        match parts.first() {
            Some(Part::Text(first)) if is_own(first) => Err("is in the way of the server's own"),
            Some(Part::Text(_)) => Ok(Self { text: text.to_owned(), parts }),
            _ => Err("does not begin with text, and so would be in the way of the server's own"),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn first(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(first)) => first,
            _ => "",
        }
    }

    /// Whether it fits the same paths, whatever its parameters are called.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(one, other)| one.is_like(other))
    }

    /// Whether it is tried before another.
    pub(super) fn goes_before(&self, other: &Self) -> bool {
        let ranks = |pattern: &'_ Self| pattern.parts.iter().map(Part::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other)) != Ordering::Greater
    }

    /// What a path has at the parameters; `None` if the pattern does not fit it.
    pub(super) fn params(&self, path: &Segments<'_>) -> Option<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        let mut left = path.0.as_slice();
        for part in &self.parts {
            let (segment, more) = left.split_first()?;
            match part {
                Part::Text(text) if text == segment => {}
                Part::One(name) if !segment.is_empty() => {
                    found.insert(name.clone(), segment.clone().into_owned());
                }
                Part::Rest(name) => {
                    found.insert(name.clone(), left.join("/"));
                    return Some(found);
                }
                Part::Text(_) | Part::One(_) => return None,
            }
            left = more;
        }
        left.is_empty().then_some(found)
    }
}

/// The parts of a path, their escapes decoded one by one: an escaped slash does not separate.
#[derive(Debug)]
pub(super) struct Segments<'p>(Vec<Cow<'p, str>>);

impl<'p> Segments<'p> {
    /// Takes a path apart; `None` if it does not begin with a slash, or cannot be decoded to text.
    pub(super) fn of(path: &'p str) -> Option<Self> {
        path.strip_prefix('/')?.split('/').map(decode_text).collect::<Option<_>>().map(Self)
    }

    pub(super) fn first(&self) -> &str {
        self.0.first().map_or("", |first| first)
    }
}

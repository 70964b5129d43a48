//! From a verb and a path to a call.

use std::borrow::Cow;

use crate::CallId;

/// The verbs that calls are bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are those of HTTP")]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Get, Self::Post, Self::Put, Self::Delete];

    /// Its name in HTTP, upper case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The verb of this name; case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.name() == name)
    }
}

/// A part of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment {
    /// Exactly this text.
    Fixed(&'static str),
    /// Any text without a slash, the empty one included: the field of this name.
    Param(&'static str),
    /// All that follows, slashes included: the field of this name.
    Rest(&'static str),
}

/// What the body of a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyRule {
    /// Nothing: it is not looked at.
    None,
    /// The whole request message; query parameters are not looked at.
    All,
    /// The field of this name; the others may come as query parameters.
    Field(&'static str),
}

/// One way to reach a call by REST.
#[derive(PartialEq, Eq, Debug)]
pub struct Binding {
    /// The verb.
    pub verb: Verb,
    /// The path with its parameters in braces, as in `/v2/group/{group_id}/join`. Fit for a metric
    /// label.
    pub path: &'static str,
    /// The path's parts.
    pub segments: &'static [Segment],
    /// What the body is.
    pub body: BodyRule,
}

impl Binding {
    /// The names of the path's parameters, in order.
    pub fn param_names(&self) -> impl Iterator<Item = &'static str> {
        self.segments.iter().filter_map(|s| match s {
            Segment::Fixed(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(*name),
        })
    }
}

/// What [`find`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'p> {
    /// A call.
    Route(Match<'p>),
    /// The path is that of a call, but the verb is not (HTTP 501, code 12).
    WrongMethod,
    /// No call has this path (HTTP 404, code 5).
    Nothing,
    /// A parameter in the path is not UTF-8 (HTTP 500, code 13).
    NotText(CallId),
    /// The path has a percent sign that is followed by no two hex digits (HTTP 400).
    Malformed,
}

/// A call that was found by its path.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'p> {
    /// Which call.
    pub call: CallId,
    /// Which of its bindings.
    pub binding: &'static Binding,
    /// The path's parameters.
    pub params: Params<'p>,
}

/// The parameters in a path, decoded, in order.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Params<'p> {
    items: [(&'static str, Cow<'p, str>); MAX_PARAMS],
    len: usize,
}

impl<'p> std::ops::Deref for Params<'p> {
    type Target = [(&'static str, Cow<'p, str>)];

    fn deref(&self) -> &Self::Target {
        &self.items[..self.len]
    }
}

/// Finds the call of a path, which is given without its query and as it came, escapes included.
///
/// Escapes are decoded before the path is split, so `%2F` separates like a slash: this is how the
/// public protocol has it. Case matters, and a slash at the end is a path of its own.
#[must_use]
pub fn find<'p>(method: &str, path: &'p str) -> Found<'p> {
    let decoded;
    let (bytes, plain) = if path.contains('%') {
        let Some(bytes) = percent_decode(path) else { return Found::Malformed };
        decoded = bytes;
        (decoded.as_slice(), None)
    } else {
        (path.as_bytes(), Some(path))
    };
    if bytes.first() != Some(&b'/') {
        return Found::Nothing;
    }
    let verb = Verb::from_name(method);
    let mut places = Places::default();
    let Some(end) = verb.and_then(|v| walk(root(v), bytes, 1, &mut places)) else {
        let elsewhere = Verb::ALL
            .into_iter()
            .filter(|v| Some(*v) != verb)
            .any(|v| walk(root(v), bytes, 1, &mut Places::default()).is_some());
        return if elsewhere { Found::WrongMethod } else { Found::Nothing };
    };
    let mut params = Params::default();
    for &(name, from, to) in &places.items[..places.len] {
        let value = match plain {
            // Parameters begin and end at slashes, so the text can be cut there.
            Some(path) => Cow::Borrowed(&path[from..to]),
            None => match std::str::from_utf8(&bytes[from..to]) {
                Ok(text) => Cow::Owned(text.to_owned()),
                Err(_) => return Found::NotText(end.call),
            },
        };
        params.items[params.len] = (name, value);
        params.len += 1;
    }
    let binding = &end.call.info().bindings[end.binding];
    Found::Route(Match { call: end.call, binding, params })
}

/// A place in the trie of a verb.
struct Node {
    fixed: &'static [(&'static str, Node)],
    param: Option<(&'static str, &'static Node)>,
    rest: Option<(&'static str, End)>,
    end: Option<End>,
}

#[derive(Clone, Copy)]
struct End {
    call: CallId,
    binding: usize,
}

include!(concat!(env!("OUT_DIR"), "/routes.rs"));

/// Where in the path the parameters are.
#[derive(Default)]
struct Places {
    items: [(&'static str, usize, usize); MAX_PARAMS],
    len: usize,
}

impl Places {
    fn push(&mut self, name: &'static str, from: usize, to: usize) {
        self.items[self.len] = (name, from, to);
        self.len += 1;
    }
}

/// Fixed text goes before parameters; a way that leads nowhere is taken back.
fn walk(node: &'static Node, path: &[u8], from: usize, places: &mut Places) -> Option<End> {
    let to = path[from..].iter().position(|b| *b == b'/').map_or(path.len(), |n| from + n);
    let segment = &path[from..to];
    let step = |next: &'static Node, places: &mut Places| {
        if to == path.len() { next.end } else { walk(next, path, to + 1, places) }
    };
    if let Some((_, next)) = node.fixed.iter().find(|(text, _)| text.as_bytes() == segment)
        && let Some(end) = step(next, places)
    {
        return Some(end);
    }
    if let Some((name, next)) = node.param {
        let before = places.len;
        places.push(name, from, to);
        if let Some(end) = step(next, places) {
            return Some(end);
        }
        places.len = before;
    }
    let (name, end) = node.rest?;
    places.push(name, from, path.len());
    Some(end)
}

/// The path of sockets.
pub const SOCKET: &str = "/ws";
/// The path of the document about the REST API.
pub const OPENAPI: &str = "/openapi.json";
/// The path of the document about the realtime API.
pub const ASYNCAPI: &str = "/asyncapi.json";
/// Where the calls are over gRPC.
const GRPC: &str = "/nakama.api.Nakama";

/// Whether the paths that begin with this part, decoded, belong to the server itself: there are
/// calls below it, or documents, or sockets. Paths of others begin with something else.
#[must_use]
pub fn is_own(first: &str) -> bool {
    let begins = |path: &str| path.split('/').nth(1) == Some(first);
    first.is_empty()
        || [SOCKET, OPENAPI, ASYNCAPI, GRPC].into_iter().any(begins)
        || CallId::ALL
            .into_iter()
            .flat_map(|call| call.info().bindings)
            .any(|binding| begins(binding.path))
}

/// Decodes a part of a path; `None` if an escape is broken, or what comes out is not UTF-8.
#[must_use]
pub fn decode_text(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(Cow::Borrowed(part));
    }
    String::from_utf8(percent_decode(part)?).ok().map(Cow::Owned)
}

/// Decodes `%XX`; `None` if a percent sign stands alone.
pub(crate) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'%' {
            out.push(hex(*bytes.get(at + 1)?)? << 4 | hex(*bytes.get(at + 2)?)?);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Some(out)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

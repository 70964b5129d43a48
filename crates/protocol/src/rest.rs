//! From the parts of an HTTP request to a request message.

use std::borrow::Cow;

use tavern_domain::{Classify, ErrorCode};

use crate::json::{Arity, Context, JsonError, Unknown, read_field};
use crate::routes::{Binding, BodyRule, percent_decode};
use crate::wire::Wire;

/// Why a parameter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// The field cannot hold the value.
    #[error("parameter `{name}` must be {wanted}")]
    BadValue {
        /// Its name, as it was given, cut to a bearable length.
        name: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The field holds one value only.
    #[error("parameter `{name}` is given twice")]
    Twice {
        /// Its name, as it was given, cut to a bearable length.
        name: String,
    },
}

impl Classify for ParamError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Why a request cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The body.
    #[error(transparent)]
    Body(#[from] JsonError),
    /// A path or query parameter.
    #[error(transparent)]
    Param(#[from] ParamError),
}

impl Classify for RestError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Makes the request message of a call from what came by HTTP.
///
/// `params` are the path's parameters in the order of the path, as [`find`](crate::routes::find)
/// gives them, followed by the query's, all decoded. The body fills what the binding says; an
/// empty one fills nothing. Query parameters fill what is neither in the path nor in the body, by
/// `snake_case` or `camelCase` name; unknown names are passed over. The path has the last word.
///
/// # Errors
/// A body that is no JSON or does not fit, a parameter that does not fit its field, a second value
/// for a field that holds one.
pub fn decode_rest<M: Wire>(
    binding: &Binding,
    params: &[(impl AsRef<str>, impl AsRef<str>)],
    body: &[u8],
) -> Result<M, RestError> {
    let (path, query) = params.split_at(binding.param_names().count().min(params.len()));
    let blank = body.iter().all(u8::is_ascii_whitespace);
    let mut message = match binding.body {
        BodyRule::All if !blank => M::read_json(body, Unknown::Ignore)?,
        BodyRule::All | BodyRule::None | BodyRule::Field(_) => M::default(),
    };
    // Fields that no query parameter may touch any more, as bits.
    let mut taken = 0_u64;
    for (name, _) in path {
        taken |= M::find(name.as_ref()).map_or(0, |index| 1 << index);
    }
    if let BodyRule::Field(name) = binding.body
        && let Some(index) = M::find(name)
    {
        taken |= 1 << index;
        if !blank {
            read_field(&mut message, index, body, Context::new(Unknown::Ignore))?;
        }
    }
    if binding.body != BodyRule::All {
        set_query(&mut message, taken, query)?;
    }
    for (name, value) in path {
        message.set_param(name.as_ref(), value.as_ref())?;
    }
    Ok(message)
}

fn set_query<M: Wire>(
    message: &mut M,
    taken: u64,
    query: &[(impl AsRef<str>, impl AsRef<str>)],
) -> Result<(), ParamError> {
    let mut seen = 0_u64;
    for (name, value) in query {
        let name = name.as_ref();
        let Some(index) = M::find(name) else { continue };
        let bit = 1 << index;
        if taken & bit != 0 {
            continue;
        }
        let arity = message.set(index, value.as_ref()).map_err(|bad| bad.of(name))?;
        if arity == Arity::One && seen & bit != 0 {
            return Err(ParamError::Twice { name: name.to_owned() });
        }
        seen |= bit;
    }
    Ok(())
}

/// A query string that cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A percent sign that is followed by no two hex digits.
    #[error("broken escape in the query")]
    Escape,
    /// Escapes that do not make UTF-8.
    #[error("the query is not UTF-8")]
    NotText,
}

impl Classify for QueryError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Names and values, decoded, in the order of the query.
pub type QueryPairs<'q> = Vec<(Cow<'q, str>, Cow<'q, str>)>;

/// Takes a query string apart, as it came and without its question mark. A plus is a blank, a name
/// without `=` has an empty value, empty parts are passed over.
///
/// # Errors
/// Escapes that cannot be decoded.
pub fn query_pairs(query: &str) -> Result<QueryPairs<'_>, QueryError> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode_query(name)?, decode_query(value)?))
        })
        .collect()
}

fn decode_query(text: &str) -> Result<Cow<'_, str>, QueryError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = percent_decode(&text.replace('+', " ")).ok_or(QueryError::Escape)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| QueryError::NotText)
}

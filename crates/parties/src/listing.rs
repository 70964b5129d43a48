//! Listing parties by what their labels say.

use std::borrow::Cow;

use serde_json::Value;
use tavern_domain::Timestamp;
use tavern_search::{Document, Query};
use uuid::Uuid;

use crate::error::PartyError;
use crate::id::PartyId;
use crate::party::Party;

/// Which parties are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Listing<'a> {
    /// On a page, 1 to 100; 10 when not said.
    pub limit: Option<i64>,
    /// Only open ones, or only closed ones.
    pub open: Option<bool>,
    /// Hidden ones, too: for server code.
    pub hidden: bool,
    /// On their labels, as `label.name`, and on `open`, `hidden` and `max_size`; empty takes all.
    pub query: &'a str,
    /// Where to go on; empty begins with the newest.
    pub cursor: &'a str,
}

/// A party as a listing shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct Listed {
    pub id: PartyId,
    pub open: bool,
    pub hidden: bool,
    pub max_size: u32,
    /// The text of a JSON object.
    pub label: String,
}

/// A part of a listing, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The parties.
    pub parties: Vec<Listed>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

/// A listing that was understood.
pub(crate) struct Wanted {
    pub(crate) limit: usize,
    open: Option<bool>,
    hidden: bool,
    query: Option<Query>,
    /// Behind this one.
    after: Option<Key>,
}

/// What parties are sorted by: the newest first.
pub(crate) type Key = (Timestamp, Uuid);

impl Wanted {
    pub(crate) fn new(listing: &Listing<'_>) -> Result<Self, PartyError> {
        let limit = usize::try_from(listing.limit.unwrap_or(10)).map_err(|_| PartyError::Limit)?;
        if !(1..=100).contains(&limit) {
            return Err(PartyError::Limit);
        }
        let query = match listing.query {
            "" | "*" => None,
            text => Some(Query::parse(text).map_err(PartyError::Query)?),
        };
        let after = match listing.cursor {
            "" => None,
            text => Some(read_cursor(text).ok_or(PartyError::Cursor)?),
        };
        Ok(Self { limit, open: listing.open, hidden: listing.hidden, query, after })
    }

    pub(crate) fn takes(&self, key: Key, party: &Party) -> bool {
        let terms = &party.terms;
        !party.is_over()
            && (self.hidden || !terms.hidden)
            && self.open.is_none_or(|open| open == terms.open)
            && self.after.is_none_or(|after| key < after)
            && self.query.as_ref().is_none_or(|query| query.matches(&document(party)))
    }
}

pub(crate) fn cursor((at, id): Key) -> String {
    format!("{}-{}", at.nanos(), id.as_simple())
}

fn read_cursor(text: &str) -> Option<Key> {
    let (at, id) = text.rsplit_once('-')?;
    Some((Timestamp::from_nanos(at.parse().ok()?), Uuid::try_parse(id).ok()?))
}

/// What queries look at.
fn document(party: &Party) -> Document<'_> {
    let terms = &party.terms;
    let mut document = Document::new()
        .truth("open", terms.open)
        .truth("hidden", terms.hidden)
        .number("max_size", party.max_size.into())
        .text("label_string", terms.label.as_str());
    if let Ok(label) = serde_json::from_str::<Value>(&terms.label) {
        document = with(document, "label".into(), &label);
    }
    document
}

fn with<'a>(document: Document<'a>, path: Cow<'static, str>, value: &Value) -> Document<'a> {
    match value {
        Value::Null => document,
        Value::Bool(yes) => document.truth(path.into_owned(), *yes),
        Value::Number(n) => match n.as_f64() {
            Some(n) => document.number(path.into_owned(), n),
            None => document,
        },
        Value::String(text) => document.text(path.into_owned(), text.clone()),
        Value::Array(items) => {
            items.iter().fold(document, |document, item| with(document, path.clone(), item))
        }
        Value::Object(fields) => fields.iter().fold(document, |document, (name, field)| {
            with(document, format!("{path}.{name}").into(), field)
        }),
    }
}

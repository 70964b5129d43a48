//! In which order a list is.

use std::cmp::Ordering;
use std::sync::Arc;

use tavern_domain::UserId;
use tavern_runtime_hooks::IndexDefinition;

use crate::document::SortValue;
use crate::error::IndexError;
use crate::shelf::Entry;

/// Most fields that one list is ordered by.
pub const MAX_ORDER: usize = 4;

/// What a list is ordered by first, second and so on; the keys of objects, and then their owners,
/// decide what is equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Order(Vec<Term>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Term {
    by: By,
    descending: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum By {
    Score,
    CreateTime,
    UpdateTime,
    /// A sortable field, by its number.
    Field(usize),
}

/// Where in a list an object stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Position {
    /// One for each term of the order.
    pub(crate) values: Vec<SortValue>,
    pub(crate) key: Arc<str>,
    pub(crate) user: UserId,
}

impl Order {
    /// Reads an order; without one, what matches best is first.
    pub(crate) fn read(definition: &IndexDefinition, order: &[String]) -> Result<Self, IndexError> {
        if order.is_empty() {
            return Ok(Self(vec![Term { by: By::Score, descending: true }]));
        }
        if order.len() > MAX_ORDER {
            return Err(IndexError::LongOrder);
        }
        let terms = order.iter().map(|given| {
            let (name, descending) = match given.strip_prefix('-') {
                Some(name) => (name, true),
                None => (given.strip_prefix('+').unwrap_or(given), false),
            };
            let field = || {
                let field = name.strip_prefix("value.")?;
                definition.sortable_fields.iter().position(|sortable| sortable == field)
            };
            let by = match name {
                "_score" => By::Score,
                "create_time" => By::CreateTime,
                "update_time" => By::UpdateTime,
                _ => By::Field(field().ok_or_else(|| IndexError::Order { given: given.clone() })?),
            };
            Ok(Term { by, descending })
        });
        Ok(Self(terms.collect::<Result<_, IndexError>>()?))
    }

    /// How many terms there are, 1 to [`MAX_ORDER`].
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it takes to know how well an object matches.
    pub(crate) fn by_score(&self) -> bool {
        self.0.iter().any(|term| term.by == By::Score)
    }

    /// Where an entry stands.
    pub(crate) fn position(&self, entry: &Entry, score: f64) -> Position {
        let value = |term: &Term| match term.by {
            By::Score => SortValue::number(score),
            By::CreateTime => SortValue::time(entry.create_time),
            By::UpdateTime => SortValue::time(entry.update_time),
            By::Field(at) => entry.sort.get(at).cloned().unwrap_or_default(),
        };
        Position {
            values: self.0.iter().map(value).collect(),
            key: Arc::clone(&entry.key),
            user: entry.user,
        }
    }

    pub(crate) fn compare(&self, a: &Position, b: &Position) -> Ordering {
        let values = a.values.iter().zip(&b.values).zip(&self.0);
        values
            .map(|((a, b), term)| a.compare(b, term.descending))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.key.cmp(&b.key))
            .then_with(|| a.user.cmp(&b.user))
    }
}

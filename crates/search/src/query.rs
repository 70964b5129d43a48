//! What a query says, as a tree.

use std::fmt;

use crate::pattern::Pattern;

/// A query that has been read: a tree with bounded size. Comes from [`Query::parse`].
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    pub(crate) root: Group,
    pub(crate) text: Box<str>,
}

impl Query {
    /// The query that every document matches: what `*` and the empty text are read as.
    #[must_use]
    pub fn all() -> Self {
        let every = Clause { boost: 1.0, node: Node::All };
        Self { root: Group { must: vec![every], ..Group::default() }, text: "*".into() }
    }

    /// The tree.
    #[must_use]
    pub const fn root(&self) -> &Group {
        &self.root
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Clauses that belong together.
///
/// A document matches when it matches all of `must`, none of `must_not`, and, where `must` is empty
/// and `should` is not, at least one of `should`. Next to a `must`, what should be only adds to
/// the score.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Group {
    /// Clauses with a plus.
    pub must: Vec<Clause>,
    /// Clauses without a sign.
    pub should: Vec<Clause>,
    /// Clauses with a minus.
    pub must_not: Vec<Clause>,
}

/// One part of a group.
#[derive(Clone, PartialEq, Debug)]
pub struct Clause {
    /// How much it adds to the score where it matches: 1 unless the query says otherwise. Never
    /// negative, never more than 1,000,000.
    pub boost: f64,
    /// What is asked.
    pub node: Node,
}

/// What a clause asks.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// Nothing: every document matches.
    All,
    /// The impossible: a term without a field where there is no default field.
    Nothing,
    /// A group of clauses.
    Group(Group),
    /// A test of one field.
    Field {
        /// The field's name.
        field: Box<str>,
        /// The test.
        test: Test,
    },
}

/// A test of the values of one field. Where a field has several, one that passes is enough.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// The text is this, exactly.
    Term(Box<str>),
    /// The text is this, or the number is.
    Number {
        /// As it was written.
        text: Box<str>,
        /// As a number.
        value: f64,
    },
    /// The number is within.
    Range(NumberRange),
    /// The text fits a pattern.
    Pattern(Pattern),
    /// The field has a value, text or number.
    Exists,
}

/// A range of numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NumberRange {
    /// The lower end; negative infinity when there is none.
    pub low: f64,
    /// The upper end; infinity when there is none.
    pub high: f64,
    /// Whether the lower end itself is within.
    pub low_included: bool,
    /// Whether the upper end itself is within.
    pub high_included: bool,
}

impl NumberRange {
    /// Every number.
    pub const ALL: Self = Self {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
        low_included: true,
        high_included: true,
    };

    /// Whether a number is within. NaN never is.
    #[must_use]
    #[inline]
    pub fn contains(&self, value: f64) -> bool {
        (value > self.low || (self.low_included && value == self.low))
            && (value < self.high || (self.high_included && value == self.high))
    }

    /// What is within both.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        let mut both = self;
        if other.low > self.low || (other.low == self.low && !other.low_included) {
            (both.low, both.low_included) = (other.low, other.low_included);
        }
        if other.high < self.high || (other.high == self.high && !other.high_included) {
            (both.high, both.high_included) = (other.high, other.high_included);
        }
        both
    }
}

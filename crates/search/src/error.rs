//! Why a text is no query.

/// Why a text is no query, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at byte {at}: {problem}")]
pub struct QueryError {
    /// The byte of the text at which the trouble begins, 0 to its length; always the start of a
    /// character.
    pub at: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a query.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is longer than allowed.
    #[error("the query is longer than {limit} bytes")]
    TooLong {
        /// Most bytes.
        limit: usize,
    },
    /// There are more clauses than allowed.
    #[error("the query has more than {limit} clauses")]
    TooManyClauses {
        /// Most clauses, those in groups included.
        limit: usize,
    },
    /// There are more expressions, wildcards and fuzzy terms than allowed.
    #[error("the query has more than {limit} expressions, wildcards, fuzzy terms and dates")]
    TooManyPatterns {
        /// Most of them.
        limit: usize,
    },
    /// Groups are nested deeper than allowed.
    #[error("groups are nested deeper than {limit}")]
    TooDeep {
        /// Most levels.
        limit: usize,
    },
    /// A group that is never closed.
    #[error("this group is never closed")]
    UnclosedGroup,
    /// A group with nothing in it.
    #[error("this group is empty")]
    EmptyGroup,
    /// A quote that is never closed.
    #[error("this quote is never closed")]
    UnclosedQuote,
    /// A character where it means nothing.
    #[error("'{found}' makes no sense here")]
    Unexpected {
        /// The character.
        found: char,
    },
    /// The text ends where something must follow.
    #[error("something is missing at the end")]
    UnexpectedEnd,
    /// After a comparison there is no number.
    #[error("a number or a date in quotes is expected here")]
    NotANumber,
    /// The number is too large.
    #[error("this number is too large")]
    NumberTooLarge,
    /// A date that is none.
    #[error("a date such as 2006-01-02T15:04:05Z is expected here")]
    NotADate,
    /// A distance that is none.
    #[error("a distance of 0 to 2 is expected here")]
    NotADistance,
    /// A boost that is none.
    #[error("a boost of 0 to 1000000 is expected here")]
    NotABoost,
    /// A regular expression that does not compile.
    #[error("this is no regular expression: {why}")]
    BadRegex {
        /// The reason.
        why: String,
    },
    /// A regular expression that would take too much memory.
    #[error("this regular expression is too large")]
    RegexTooLarge,
}

//! Tests of texts that need more than a comparison: wildcards, expressions, near misses, dates.

use regex::{Regex, RegexBuilder};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Problem;

/// Most bytes that a compiled expression may take.
const REGEX_SIZE: usize = 256 * 1024;
/// How deep an expression may be nested.
const REGEX_NESTING: u32 = 32;

/// A test of a whole text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Pattern {
    /// With `*` for any characters and `?` for one.
    Wildcard(Glob),
    /// A regular expression that the whole text must fit.
    Regex(Box<str>),
    /// At most so many insertions, deletions and replacements of characters away.
    Fuzzy {
        /// The text meant.
        text: Box<str>,
        /// 0 to 2.
        distance: u8,
    },
    /// The text is a date (RFC 3339) within a range.
    Dates(DateRange),
}

/// A text with wildcards.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Glob(pub Box<[GlobPart]>);

/// One part of a text with wildcards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GlobPart {
    /// This character.
    Char(char),
    /// Any one character.
    One,
    /// Any characters, also none.
    Any,
}

/// A range of times, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DateRange {
    /// The first instant within.
    pub first: i64,
    /// The last instant within.
    pub last: i64,
}

impl Pattern {
    /// Whether a text fits. Expressions are compiled for the occasion.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        Matcher::of(self).matches(text, read_date(text))
    }
}

/// A pattern made ready for many texts.
pub(crate) enum Matcher {
    Glob(Glob),
    Regex(Regex),
    Fuzzy {
        text: Vec<char>,
        distance: u8,
    },
    Dates(DateRange),
    /// An expression that does not compile: only a tree that was not parsed here can hold one.
    Never,
}

impl Matcher {
    pub(crate) fn of(pattern: &Pattern) -> Self {
        match pattern {
            Pattern::Wildcard(glob) => Self::Glob(glob.clone()),
            Pattern::Regex(text) => compile(text).map_or(Self::Never, Self::Regex),
            Pattern::Fuzzy { text, distance } => {
                Self::Fuzzy { text: text.chars().collect(), distance: *distance }
            }
            Pattern::Dates(range) => Self::Dates(*range),
        }
    }

    /// Whether a text fits; `date` is what [`read_date`] says of it.
    pub(crate) fn matches(&self, text: &str, date: Option<i64>) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.is_match(text),
            Self::Fuzzy { text: wanted, distance } => within(wanted, text, *distance),
            Self::Dates(range) => date.is_some_and(|at| range.first <= at && at <= range.last),
            Self::Never => false,
        }
    }
}

impl Glob {
    /// Greedy with one point of return: at most the product of both lengths.
    fn matches(&self, text: &str) -> bool {
        let parts = &self.0;
        let (mut at, mut rest) = (0, text.chars());
        let mut back: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            match (parts.get(at), rest.next()) {
                (Some(GlobPart::Any), _) => {
                    back = Some((at + 1, before.clone()));
                    (at, rest) = (at + 1, before);
                }
                (Some(GlobPart::One), Some(_)) => at += 1,
                (Some(GlobPart::Char(wanted)), Some(found)) if *wanted == found => at += 1,
                (None, None) => return true,
                (_, None) => return false,
                (_, Some(_)) => {
                    let Some((after, from)) = &mut back else { return false };
                    from.next();
                    (at, rest) = (*after, from.clone());
                }
            }
        }
    }
}

/// Whether `text` is at most `distance` edits away from `wanted`, by the usual table, one row at a
/// time. Texts whose lengths differ too much are refused at once.
fn within(wanted: &[char], text: &str, distance: u8) -> bool {
    let distance = usize::from(distance);
    let length = text.chars().count();
    if length.abs_diff(wanted.len()) > distance {
        return false;
    }
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (i, found) in text.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, want) in wanted.iter().enumerate() {
            let replaced = diagonal + usize::from(*want != found);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
            least = least.min(row[j + 1]);
        }
        if least > distance {
            return false;
        }
    }
    row[wanted.len()] <= distance
}

/// The instant that a text names, if it is a date and lies within the years 1677 to 2262.
pub(crate) fn read_date(text: &str) -> Option<i64> {
    // Most texts are no dates: look before parsing.
    if text.len() < 20 || text.len() > 64 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(date.unix_timestamp_nanos()).ok()
}

/// Refuses expressions that do not compile, by themselves and as a whole text.
pub(crate) fn check_regex(text: &str) -> Result<(), Problem> {
    regex_syntax::ParserBuilder::new()
        .nest_limit(REGEX_NESTING)
        .build()
        .parse(text)
        .map_err(|error| Problem::BadRegex { why: why(&error) })?;
    match build(text) {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err(Problem::RegexTooLarge),
        Err(error) => Err(Problem::BadRegex { why: error.to_string() }),
    }
}

fn why(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

fn compile(text: &str) -> Option<Regex> {
    build(text).ok()
}

fn build(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!(r"\A(?:{text})\z"))
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .nest_limit(REGEX_NESTING + 2)
        .build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        let part = |c| match c {
            '*' => GlobPart::Any,
            '?' => GlobPart::One,
            c => GlobPart::Char(c),
        };
        Glob(text.chars().map(part).collect())
    }

    /// The definition of the distance, by recursion.
    fn distance(a: &[char], b: &[char]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a1 @ ..], [y, b1 @ ..]) => (distance(a1, b1) + usize::from(x != y))
                .min(distance(a1, b) + 1)
                .min(distance(a, b1) + 1),
        }
    }

    #[test]
    fn expressions_fit_the_whole_text() {
        let fits = |e: &str, text| Pattern::Regex(e.into()).matches(text);
        assert!(fits("a|ab", "ab"));
        assert!(!fits("a", "ab"));
        assert!(fits("", ""));
        assert!(check_regex("a)(b").is_err(), "must not escape from its own brackets");
        assert!(check_regex("(?x)a # comment").is_err());
        assert_eq!(check_regex(r"(\w{200}){200}"), Err(Problem::RegexTooLarge));
        assert!(check_regex(&"(".repeat(100)).is_err());
        assert!(check_regex(&format!("{}a{}", "(".repeat(100), ")".repeat(100))).is_err());
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let hard = glob(&format!("{}b", "a*".repeat(200)));
        assert!(!hard.matches(&"a".repeat(2_000)));
    }

    #[test]
    fn dates_have_zones() {
        assert_eq!(read_date("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(read_date("1970-01-01T00:00:00.5Z"), Some(500_000_000));
        for none in ["", "1970-01-01", "2026-13-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(read_date(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn wildcards_mean_what_their_expression_means(p in "[ab*?é]{0,8}", text in "[abé]{0,8}") {
            let expression = p.replace('*', ".*").replace('?', ".");
            let slow = Pattern::Regex(expression.into()).matches(&text);
            prop_assert_eq!(glob(&p).matches(&text), slow);
        }

        #[test]
        fn distances_are_counted_right(a in "[abé]{0,5}", b in "[abé]{0,5}", most in 0_u8..3) {
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            prop_assert_eq!(within(&x, &b, most), distance(&x, &y) <= usize::from(most));
        }
    }
}

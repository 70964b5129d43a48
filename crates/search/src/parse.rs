//! From text to tree.
//!
//! A hand-written descent: one character of lookahead, no backtracking beyond one word, depth
//! bounded by [`Limits::depth`]. The rules are those of query strings as such servers know them:
//!
//! - A word ends at a blank, `:`, `^` or `~`; inside it, `+ - > < = " ( )` are plain characters.
//! - A backslash makes one of ``+-=&|><!(){}[]^"~*?:\/`` and blanks plain; before anything else
//!   it is a plain character itself.
//! - What begins with digits and is a number also matches the number.
//! - `(` opens a group only where a clause may begin, and then `)` closes it; elsewhere both are
//!   plain. Groups are an addition: words that begin with a bracket had no use before.

use crate::error::{Problem, QueryError};
use crate::pattern::{DateRange, Glob, GlobPart, Pattern, check_regex, read_date};
use crate::query::{Clause, Group, Node, NumberRange, Query, Test};

/// How large a query may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Clauses, those in groups included.
    pub clauses: usize,
    /// Groups within groups.
    pub depth: usize,
    /// Expressions, wildcards, fuzzy terms and dates together: what cannot be looked up.
    pub patterns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4096, clauses: 128, depth: 8, patterns: 16 }
    }
}

/// How a text is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The field that a term without a field is looked for in. Without one such a term matches
    /// nothing, which is also what labels and properties have always done.
    pub default_field: Option<String>,
    /// The bounds.
    pub limits: Limits,
}

impl Query {
    /// Reads a query with the default options.
    ///
    /// # Errors
    /// [`QueryError`], with the place of the trouble.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Self::parse_with(text, &Options::default())
    }

    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError`], with the place of the trouble.
    pub fn parse_with(text: &str, options: &Options) -> Result<Self, QueryError> {
        let limit = options.limits.bytes;
        if text.len() > limit {
            return Err(QueryError { at: 0, problem: Problem::TooLong { limit } });
        }
        let mut parser = Parser { text, at: 0, depth: 0, clauses: 0, patterns: 0, options };
        parser.skip_blanks();
        if parser.peek().is_none() {
            return Ok(Self::all());
        }
        let root = parser.group()?;
        Ok(Self { root, text: text.into() })
    }
}

/// What can be made plain by a backslash.
const SPECIAL: &str = "+-=&|><!(){}[]^\"~*?:\\/";

struct Parser<'a> {
    text: &'a str,
    /// A byte, always the start of a character.
    at: usize,
    depth: usize,
    clauses: usize,
    patterns: usize,
    options: &'a Options,
}

/// A word as it was written: its characters, and for each whether a backslash made it plain.
struct Word {
    characters: Vec<(char, bool)>,
}

impl Word {
    fn text(&self) -> Box<str> {
        self.characters.iter().map(|(c, _)| *c).collect::<String>().into()
    }

    fn has_wildcards(&self) -> bool {
        self.characters.iter().any(|(c, plain)| !plain && matches!(c, '*' | '?'))
    }

    fn is_star(&self) -> bool {
        matches!(self.characters[..], [('*', false)])
    }

    /// Digits with at most one dot, beginning with a digit.
    fn is_number(&self) -> bool {
        let digits =
            self.characters.iter().all(|(c, plain)| !plain && (c.is_ascii_digit() || *c == '.'));
        digits
            && self.characters.first().is_some_and(|(c, _)| c.is_ascii_digit())
            && self.characters.iter().filter(|(c, _)| *c == '.').count() < 2
    }

    fn glob(&self) -> Glob {
        let part = |&(c, plain): &(char, bool)| match c {
            '*' if !plain => GlobPart::Any,
            '?' if !plain => GlobPart::One,
            c => GlobPart::Char(c),
        };
        Glob(self.characters.iter().map(part).collect())
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bump(&mut self) {
        if let Some(c) = self.peek() {
            self.at += c.len_utf8();
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
    }

    fn fail<T>(&self, at: usize, problem: Problem) -> Result<T, QueryError> {
        Err(QueryError { at, problem })
    }

    fn unexpected<T>(&self) -> Result<T, QueryError> {
        match self.peek() {
            Some(found) => self.fail(self.at, Problem::Unexpected { found }),
            None => self.fail(self.at, Problem::UnexpectedEnd),
        }
    }

    /// Clauses up to the end, or up to the bracket that closes this group.
    fn group(&mut self) -> Result<Group, QueryError> {
        let mut group = Group::default();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Ok(group),
                Some(')') if self.depth > 0 => return Ok(group),
                Some('+') => {
                    self.bump();
                    group.must.push(self.clause()?);
                }
                Some('-') => {
                    self.bump();
                    group.must_not.push(self.clause()?);
                }
                Some(_) => group.should.push(self.clause()?),
            }
        }
    }

    fn clause(&mut self) -> Result<Clause, QueryError> {
        self.skip_blanks();
        self.clauses += 1;
        let limit = self.options.limits.clauses;
        if self.clauses > limit {
            return self.fail(self.at, Problem::TooManyClauses { limit });
        }
        let node = match self.peek() {
            Some('(') => Node::Group(self.brackets()?),
            Some(_) => self.field_or_value()?,
            None => return self.unexpected(),
        };
        self.skip_blanks();
        let boost = if self.eat('^') { self.boost()? } else { 1.0 };
        Ok(Clause { boost, node })
    }

    fn brackets(&mut self) -> Result<Group, QueryError> {
        let open = self.at;
        self.bump();
        self.depth += 1;
        let limit = self.options.limits.depth;
        if self.depth > limit {
            return self.fail(open, Problem::TooDeep { limit });
        }
        let group = self.group()?;
        if !self.eat(')') {
            return self.fail(open, Problem::UnclosedGroup);
        }
        self.depth -= 1;
        if group == Group::default() {
            return self.fail(open, Problem::EmptyGroup);
        }
        Ok(group)
    }

    fn field_or_value(&mut self) -> Result<Node, QueryError> {
        match self.peek() {
            Some('"') => {
                let test = self.quoted_test()?;
                return Ok(self.without_field(test));
            }
            Some('/') => {
                if let Some(test) = self.regex()? {
                    return Ok(self.without_field(test));
                }
            }
            Some(':' | '>' | '<' | '=' | '^' | '~' | '+' | '-') => return self.unexpected(),
            Some(')') if self.depth > 0 => return self.unexpected(),
            Some(_) | None => {}
        }
        let start = self.at;
        let word = self.word()?;
        self.skip_blanks();
        if self.eat(':') {
            let field = word.text();
            let test = self.value()?;
            return Ok(Node::Field { field, test });
        }
        if word.is_star() {
            return Ok(Node::All);
        }
        let test = self.word_test(start, &word)?;
        Ok(self.without_field(test))
    }

    fn without_field(&self, test: Test) -> Node {
        match &self.options.default_field {
            Some(field) => Node::Field { field: field.as_str().into(), test },
            None => Node::Nothing,
        }
    }

    /// What stands behind a colon.
    fn value(&mut self) -> Result<Test, QueryError> {
        self.skip_blanks();
        match self.peek() {
            Some('>') => self.comparison(true),
            Some('<') => self.comparison(false),
            Some('"') => self.quoted_test(),
            Some('-') => {
                self.bump();
                let value = -self.number()?;
                let text = format!("{value}").into();
                Ok(Test::Number { text, value })
            }
            Some('/') => match self.regex()? {
                Some(test) => Ok(test),
                None => self.plain_value(),
            },
            Some(':' | '=' | '^' | '~' | '+') | None => self.unexpected(),
            Some(')') if self.depth > 0 => self.unexpected(),
            Some(_) => self.plain_value(),
        }
    }

    fn plain_value(&mut self) -> Result<Test, QueryError> {
        let start = self.at;
        let word = self.word()?;
        if word.is_star() {
            return Ok(Test::Exists);
        }
        self.word_test(start, &word)
    }

    /// A word is a number, a wildcard, a near miss or just itself.
    fn word_test(&mut self, start: usize, word: &Word) -> Result<Test, QueryError> {
        self.skip_blanks();
        if self.peek() == Some('~') {
            return self.fuzzy(word.text());
        }
        if word.has_wildcards() {
            self.count_pattern(start)?;
            return Ok(Test::Pattern(Pattern::Wildcard(word.glob())));
        }
        let text = word.text();
        if word.is_number() {
            return match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Test::Number { text, value }),
                Ok(_) | Err(_) => self.fail(start, Problem::NumberTooLarge),
            };
        }
        Ok(Test::Term(text))
    }

    fn quoted_test(&mut self) -> Result<Test, QueryError> {
        let text = self.quoted()?;
        self.skip_blanks();
        if self.peek() == Some('~') { self.fuzzy(text) } else { Ok(Test::Term(text)) }
    }

    /// The distance behind a `~`: 1 when there is none.
    fn fuzzy(&mut self, text: Box<str>) -> Result<Test, QueryError> {
        let at = self.at;
        self.bump();
        let distance = match self.until_blank() {
            "" | "1" => 1,
            "0" => return Ok(Test::Term(text)),
            "2" => 2,
            _ => return self.fail(at, Problem::NotADistance),
        };
        self.count_pattern(at)?;
        Ok(Test::Pattern(Pattern::Fuzzy { text, distance }))
    }

    fn boost(&mut self) -> Result<f64, QueryError> {
        let at = self.at;
        match self.until_blank() {
            "" => Ok(1.0),
            digits => match digits.parse::<f64>() {
                Ok(boost) if (0.0..=1_000_000.0).contains(&boost) => Ok(boost),
                Ok(_) | Err(_) => self.fail(at, Problem::NotABoost),
            },
        }
    }

    /// The characters up to a blank, a `^` or the bracket that closes the group.
    fn until_blank(&mut self) -> &str {
        let start = self.at;
        let inside = self.depth > 0;
        while self.peek().is_some_and(|c| !c.is_whitespace() && c != '^' && !(inside && c == ')')) {
            self.bump();
        }
        &self.text[start..self.at]
    }

    /// `>`, `>=`, `<` or `<=` and a number or a date in quotes.
    fn comparison(&mut self, above: bool) -> Result<Test, QueryError> {
        self.bump();
        self.skip_blanks();
        let included = self.eat('=');
        self.skip_blanks();
        if self.peek() == Some('"') {
            let at = self.at;
            let text = self.quoted()?;
            self.count_pattern(at)?;
            let Some(when) = read_date(&text) else { return self.fail(at, Problem::NotADate) };
            let range = match (above, included) {
                (true, true) => DateRange { first: when, last: i64::MAX },
                (true, false) => DateRange { first: when.saturating_add(1), last: i64::MAX },
                (false, true) => DateRange { first: i64::MIN, last: when },
                (false, false) => DateRange { first: i64::MIN, last: when.saturating_sub(1) },
            };
            return Ok(Test::Pattern(Pattern::Dates(range)));
        }
        let negative = self.eat('-');
        let number = self.number()?;
        let number = if negative { -number } else { number };
        let mut range = NumberRange::ALL;
        if above {
            (range.low, range.low_included) = (number, included);
        } else {
            (range.high, range.high_included) = (number, included);
        }
        Ok(Test::Range(range))
    }

    fn number(&mut self) -> Result<f64, QueryError> {
        self.skip_blanks();
        let start = self.at;
        let word = self.word()?;
        if !word.is_number() {
            return self.fail(start, Problem::NotANumber);
        }
        match word.text().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) | Err(_) => self.fail(start, Problem::NumberTooLarge),
        }
    }

    /// Everything up to a blank, a colon, `^`, `~` or the bracket that closes the group. Empty only
    /// where one of these stands.
    fn word(&mut self) -> Result<Word, QueryError> {
        let mut characters = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                ':' | '^' | '~' => break,
                ')' if self.depth > 0 => break,
                c if c.is_whitespace() => break,
                '\\' => {
                    self.bump();
                    match self.peek() {
                        Some(c) if SPECIAL.contains(c) || c.is_whitespace() => {
                            characters.push((c, true));
                            self.bump();
                        }
                        Some(_) => characters.push(('\\', true)),
                        None => {}
                    }
                }
                c => {
                    characters.push((c, false));
                    self.bump();
                }
            }
        }
        Ok(Word { characters })
    }

    /// A text in quotes.
    fn quoted(&mut self) -> Result<Box<str>, QueryError> {
        let open = self.at;
        self.bump();
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return self.fail(open, Problem::UnclosedQuote),
                Some('"') => {
                    self.bump();
                    return Ok(text.into());
                }
                Some('\\') => {
                    self.bump();
                    match self.peek() {
                        Some(c) if SPECIAL.contains(c) || c.is_whitespace() => {
                            text.push(c);
                            self.bump();
                        }
                        Some(_) => text.push('\\'),
                        None => {}
                    }
                }
                Some(c) => {
                    text.push(c);
                    self.bump();
                }
            }
        }
    }

    /// An expression between slashes, if there is a closing one before the next blank; else the
    /// slash is a plain character and nothing is eaten.
    fn regex(&mut self) -> Result<Option<Test>, QueryError> {
        let open = self.at;
        let inside = self.depth > 0;
        let mut text = String::new();
        let mut rest = self.text[open + 1..].char_indices().peekable();
        while let Some((offset, c)) = rest.next() {
            match c {
                '\\' => match rest.next() {
                    Some((_, c)) if c == '/' || c.is_whitespace() => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                '/' => {
                    let ends = rest.peek().is_none_or(|&(_, next)| {
                        next.is_whitespace() || next == '^' || (inside && next == ')')
                    });
                    if ends {
                        self.at = open + 1 + offset + 1;
                        self.count_pattern(open)?;
                        if let Err(problem) = check_regex(&text) {
                            return self.fail(open, problem);
                        }
                        return Ok(Some(Test::Pattern(Pattern::Regex(text.into()))));
                    }
                    text.push('/');
                }
                c if c.is_whitespace() => break,
                c => text.push(c),
            }
        }
        Ok(None)
    }

    fn count_pattern(&mut self, at: usize) -> Result<(), QueryError> {
        self.patterns += 1;
        let limit = self.options.limits.patterns;
        if self.patterns > limit {
            return self.fail(at, Problem::TooManyPatterns { limit });
        }
        Ok(())
    }
}

//! One document, and the obviously right answer to whether it matches.

use std::borrow::Cow;

use crate::query::{Clause, Group, Node, Query, Test};

/// Texts and numbers under names. A name may carry several values.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Document<'a> {
    pub(crate) texts: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) numbers: Vec<(Cow<'a, str>, f64)>,
}

impl<'a> Document<'a> {
    /// A document with nothing in it. Only queries that exclude or ask nothing match it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, field: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.texts.push((field.into(), value.into()));
        self
    }

    /// Adds a number. NaN is no value and is left out.
    #[must_use]
    pub fn number(mut self, field: impl Into<Cow<'a, str>>, value: f64) -> Self {
        if !value.is_nan() {
            self.numbers.push((field.into(), value));
        }
        self
    }

    /// Adds a truth value, which queries see as the text `T` or `F`.
    #[must_use]
    pub fn truth(self, field: impl Into<Cow<'a, str>>, value: bool) -> Self {
        self.text(field, if value { "T" } else { "F" })
    }

    fn texts_of<'d>(&'d self, field: &'d str) -> impl Iterator<Item = &'d str> {
        self.texts.iter().filter(move |(name, _)| name == field).map(|(_, value)| &**value)
    }

    fn numbers_of<'d>(&'d self, field: &'d str) -> impl Iterator<Item = f64> {
        self.numbers.iter().filter(move |(name, _)| name == field).map(|(_, value)| *value)
    }

    fn passes(&self, field: &str, test: &Test) -> bool {
        match test {
            Test::Term(term) => self.texts_of(field).any(|text| text == &**term),
            Test::Number { text, value } => {
                self.texts_of(field).any(|own| own == &**text)
                    || self.numbers_of(field).any(|own| own == *value)
            }
            Test::Range(range) => self.numbers_of(field).any(|own| range.contains(own)),
            Test::Pattern(pattern) => self.texts_of(field).any(|own| pattern.matches(own)),
            Test::Exists => {
                self.texts_of(field).next().is_some() || self.numbers_of(field).next().is_some()
            }
        }
    }
}

impl Query {
    /// Whether a document matches. Slow: compiles expressions each time; use an index for many.
    #[must_use]
    pub fn matches(&self, document: &Document<'_>) -> bool {
        self.score(document).is_some()
    }

    /// How well a document matches: the sum of the boosts of all clauses that are met; `None` when
    /// it does not match.
    #[must_use]
    pub fn score(&self, document: &Document<'_>) -> Option<f64> {
        group(&self.root, document)
    }
}

fn group(group: &Group, document: &Document<'_>) -> Option<f64> {
    let mut score = 0.0;
    for required in &group.must {
        score += clause(required, document)?;
    }
    let mut any = !group.must.is_empty() || group.should.is_empty();
    for wanted in &group.should {
        if let Some(more) = clause(wanted, document) {
            any = true;
            score += more;
        }
    }
    (any && !group.must_not.iter().any(|excluded| clause(excluded, document).is_some()))
        .then_some(score)
}

fn clause(clause: &Clause, document: &Document<'_>) -> Option<f64> {
    match &clause.node {
        Node::All => Some(clause.boost),
        Node::Nothing => None,
        Node::Group(inner) => group(inner, document).map(|score| score * clause.boost),
        Node::Field { field, test } => document.passes(field, test).then_some(clause.boost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, document: &Document<'_>) -> bool {
        Query::parse(query).unwrap().matches(document)
    }

    #[test]
    fn what_must_should_and_must_not_mean() {
        let d = Document::new().text("mode", "duel").text("map", "west").number("skill", 12.5);
        for yes in [
            "*",
            "",
            "+mode:duel",
            "mode:duel map:nowhere",
            "-mode:team",
            "+mode:duel -map:east",
            "+mode:duel map:nowhere",
            "skill:>=12.5 -mode:team",
            "+skill:>12 +skill:<13",
            "skill:12.5",
            "map:w?st",
            "map:w*",
            "map:/w..t/",
            "map:wost~1",
            "map:\"west\"",
            "map:*",
            "+skill:*",
            "-other:*",
            "+(mode:team map:west)",
            "* -mode:team",
        ] {
            assert!(matches(yes, &d), "{yes}");
        }
        for no in [
            "mode:team",
            "-mode:duel",
            "+mode:duel -map:west",
            "mode:Duel",
            "skill:<=12",
            "map:/es/",
            "map:woost~1",
            "west",
            "+mode:duel +map:nowhere",
            "other:*",
            "+(mode:team map:east)",
            "-(+mode:duel +map:west)",
            "map:>=1",
            "duel*",
        ] {
            assert!(!matches(no, &d), "{no}");
        }
    }

    #[test]
    fn scores_are_sums_of_boosts() {
        let d = Document::new().text("a", "x").text("b", "y");
        let score = |q: &str| Query::parse(q).unwrap().score(&d);
        assert_eq!(score("+a:x b:y^3 c:z^9"), Some(4.0));
        assert_eq!(score("a:x^2 b:y"), Some(3.0));
        assert_eq!(score("+(a:x b:y)^2"), Some(4.0));
        assert_eq!(score("c:z"), None);
    }

    #[test]
    fn truths_and_dates() {
        let d = Document::new().truth("open", true).text("at", "2026-03-01T12:00:00Z");
        assert!(matches("+open:T -open:F", &d));
        assert!(matches("+at:>\"2026-02-28T00:00:00Z\" +at:<=\"2026-03-01T13:00:00+01:00\"", &d));
        assert!(!matches("at:>\"2026-03-01T12:00:00Z\"", &d));
    }

    #[test]
    fn one_of_several_values_is_enough() {
        let d = Document::new().text("tag", "a").text("tag", "b").number("n", 1.0).number("n", 9.0);
        assert!(matches("+tag:a +tag:b +n:<2 +n:>8", &d));
        assert!(!matches("tag:c", &d));
    }
}

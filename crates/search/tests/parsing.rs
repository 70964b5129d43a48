//! Reading queries: what they become, what is refused and where.

use proptest::prelude::*;
use tavern_search::{Clause, Limits, Node, Options, Pattern, Problem, Query, Test};

fn only(text: &str) -> Clause {
    let query = Query::parse(text).expect("well formed");
    let root = query.root().clone();
    let mut all: Vec<Clause> =
        root.must.into_iter().chain(root.should).chain(root.must_not).collect();
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn field(text: &str) -> (String, Test) {
    let Node::Field { field, test } = only(text).node else { panic!("{text} names no field") };
    (field.into(), test)
}

fn error(text: &str) -> (usize, Problem) {
    let error = Query::parse(text).expect_err(text);
    assert!(text.is_char_boundary(error.at), "{text}");
    (error.at, error.problem)
}

#[test]
fn words_end_where_they_should() {
    let term = |text: &str| Test::Term(text.into());
    for (text, name, test) in [
        ("a:b", "a", term("b")),
        ("a :  b", "a", term("b")),
        ("label.a:b-c+d=e>f<g!(h)", "label.a", term("b-c+d=e>f<g!(h)")),
        (r"a\:b:c\ d\^e", "a:b", term("c d^e")),
        (r"a:b\qc", "a", term(r"b\qc")),
        (r#"a:"x \"y\" z""#, "a", term(r#"x "y" z"#)),
        (r"a:\*", "a", term("*")),
        ("a:2024-01-01", "a", term("2024-01-01")),
        ("a:1.2.3", "a", term("1.2.3")),
        ("a:/path/to", "a", term("/path/to")),
        ("a:(b)", "a", term("(b)")),
        ("a:T", "a", term("T")),
        ("a:\"\"", "a", term("")),
        ("a:b~0", "a", term("b")),
    ] {
        assert_eq!(field(text), (name.to_owned(), test), "{text}");
    }
}

#[test]
fn kinds_of_tests() {
    assert!(matches!(field("a:5").1, Test::Number { value, .. } if value == 5.0));
    assert!(matches!(field("a:-5.5").1, Test::Number { value, .. } if value == -5.5));
    assert!(matches!(field("a:>= -5").1, Test::Range(r) if r.low == -5.0 && r.low_included));
    assert!(matches!(field("a:<5").1, Test::Range(r) if r.high == 5.0 && !r.high_included));
    assert!(matches!(field("a:*").1, Test::Exists));
    assert!(matches!(field("a:b*").1, Test::Pattern(Pattern::Wildcard(_))));
    assert_eq!(field(r"a:/b\d\/c:d^e/").1, Test::Pattern(Pattern::Regex(r"b\d/c:d^e".into())));
    let fuzzy =
        |text: &str, distance| Test::Pattern(Pattern::Fuzzy { text: text.into(), distance });
    assert_eq!(field("a:bcd~").1, fuzzy("bcd", 1));
    assert_eq!(field("a:\"two words\"~2").1, fuzzy("two words", 2));
    assert!(matches!(only("lonely").node, Node::Nothing));
    assert!(matches!(only("*").node, Node::All));
    assert!((only("a:b^2.5").boost - 2.5).abs() < 1e-9);
    assert!((only("a:b~1^3").boost - 3.0).abs() < 1e-9);
}

#[test]
fn groups_nest_and_brackets_elsewhere_are_plain() {
    let query = Query::parse("+(a:b (c:d +e:f)^2) -(g:h) i:j)").unwrap();
    assert_eq!(query.root().must.len(), 1);
    assert_eq!(query.root().must_not.len(), 1);
    let Node::Field { test, .. } = &query.root().should[0].node else { panic!() };
    assert_eq!(*test, Test::Term("j)".into()));
    let Node::Group(group) = &query.root().must[0].node else { panic!() };
    assert_eq!(group.should.len(), 2);
}

#[test]
fn a_default_field_takes_lonely_terms() {
    let options = Options { default_field: Some("text".into()), ..Options::default() };
    let query = Query::parse_with("hello", &options).unwrap();
    let document = tavern_search::Document::new().text("text", "hello");
    assert!(query.matches(&document));
    assert!(!Query::parse("hello").unwrap().matches(&document));
}

#[test]
fn what_is_refused() {
    let found = |found| Problem::Unexpected { found };
    for (text, at, problem) in [
        ("+", 1, Problem::UnexpectedEnd),
        ("a:", 2, Problem::UnexpectedEnd),
        ("a:b:c", 3, found(':')),
        ("++a:b", 1, found('+')),
        ("a:=5", 2, found('=')),
        ("é:>x", 4, Problem::NotANumber),
        ("a:>", 3, Problem::NotANumber),
        ("a:-b", 3, Problem::NotANumber),
        ("a:b +c:\"d", 7, Problem::UnclosedQuote),
        ("a:b +(c:d", 5, Problem::UnclosedGroup),
        ("a:b +( )", 5, Problem::EmptyGroup),
        ("(a:b +)", 6, found(')')),
        ("a:b~3", 3, Problem::NotADistance),
        ("a:b^x", 4, Problem::NotABoost),
        ("a:b^-1", 4, Problem::NotABoost),
        ("a:>\"yesterday\"", 3, Problem::NotADate),
        (&format!("a:{}", "9".repeat(400)), 2, Problem::NumberTooLarge),
        (r"a:/(\w{200}){200}/", 2, Problem::RegexTooLarge),
    ] {
        assert_eq!(error(text), (at, problem), "{text}");
    }
    assert!(matches!(error("a:b c:/(/"), (6, Problem::BadRegex { .. })));
    assert_eq!(
        Query::parse("a:b c:>x").unwrap_err().to_string(),
        "at byte 7: a number or a date in quotes is expected here"
    );
}

#[test]
fn size_is_bounded() {
    let limits = Limits { bytes: 40, clauses: 3, depth: 2, patterns: 1 };
    let options = Options { limits, ..Options::default() };
    let problem = |text: &str| Query::parse_with(text, &options).unwrap_err().problem;
    assert_eq!(problem(&"a".repeat(41)), Problem::TooLong { limit: 40 });
    assert_eq!(problem("a b c d"), Problem::TooManyClauses { limit: 3 });
    assert_eq!(problem("(((a)))"), Problem::TooDeep { limit: 2 });
    assert_eq!(problem("a:b* a:/c/"), Problem::TooManyPatterns { limit: 1 });
    assert!(Query::parse_with("((a:b)) c:d*", &options).is_err(), "four clauses with the groups");
    assert!(Query::parse_with("(a:b) c:d*", &options).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = Query::parse(&text) {
            prop_assert!(text.is_char_boundary(error.at));
        }
    }

    #[test]
    fn no_mess_of_special_characters_makes_it_panic(text in r#"[-+:<>=^~*?/\\"(). a1é\t]{0,40}"#) {
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(query.text() == "*" || query.text() == text, true),
            Err(error) => prop_assert!(text.is_char_boundary(error.at)),
        }
    }

    #[test]
    fn any_text_can_be_asked_for_by_escaping(value in any::<String>()) {
        let mut escaped = String::from("f:\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped.push('"');
        prop_assert_eq!(field(&escaped).1, Test::Term(value.into()));
    }
}

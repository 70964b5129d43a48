//! Reading a YAML file into options, with the line of each.
//!
//! Works on parser events instead of a ready-made tree, because only events know lines, and
//! because a number that stands for a text option (`server_key: 0123`) must keep its spelling.

use std::collections::HashMap;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::convert::{Given, Said, Scalar};
use super::place::{Place, Problem};
use super::suggest::nearest;
use super::table::{Kind, find, is_section, options};

/// Deepest nesting that is read; the deepest option has three levels and a list.
const DEEPEST: usize = 16;
/// Most values that are read, aliases counted each time they are used.
const MOST_NODES: usize = 20_000;

#[derive(Clone, Debug)]
struct Node {
    line: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Scalar { text: String, quoted: bool },
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Reads a file's text. What is understood is returned even when something else is wrong.
///
/// # Errors
/// When the file is no YAML or no set of sections at all, so that nothing of it is known.
pub(crate) fn read(
    path: &Path,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Given>, Problem> {
    let at = |line| Place::File { path: path.to_owned(), line };
    let root = match parse(text) {
        Ok(None) => return Ok(Vec::new()),
        Ok(Some(root)) => root,
        Err((line, what)) => return Err(Problem::at(&at(line), what)),
    };
    let mut reader = Reader { at: &at, problems, given: Vec::new() };
    match &root.what {
        What::Map(entries) => reader.section("", entries),
        What::Scalar { text, quoted: false } if is_null(text) => {}
        What::Scalar { .. } | What::List(_) => {
            return Err(Problem::at(&at(root.line), "a configuration is made of sections"));
        }
    }
    Ok(reader.given)
}

struct Reader<'a> {
    at: &'a dyn Fn(usize) -> Place,
    problems: &'a mut Vec<Problem>,
    given: Vec<Given>,
}

impl Reader<'_> {
    fn complain(&mut self, line: usize, text: String) {
        self.problems.push(Problem::at(&(self.at)(line), text));
    }

    fn section(&mut self, path: &str, entries: &[(String, Node)]) {
        for (name, node) in entries {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            // A dot inside a name would be a second way of writing a path.
            let row = if name.contains('.') { None } else { find(&key) };
            if let Some(row) = row {
                self.option(row, node);
            } else if !name.contains('.') && is_section(&key) {
                match &node.what {
                    What::Map(entries) => self.section(&key, entries),
                    // A section with everything in it commented out.
                    What::Scalar { text, quoted: false } if is_null(text) => {}
                    What::Scalar { .. } | What::List(_) => {
                        self.complain(node.line, format!("{key}: is a section, not a value"));
                    }
                }
            } else {
                self.unknown(&key, node.line);
            }
        }
    }

    fn unknown(&mut self, key: &str, line: usize) {
        let shown: String = key.chars().take(80).collect();
        let hint = if find(key).is_some() || is_section(key) {
            let nested: Vec<_> = key.split('.').collect();
            format!(", write it nested: {}", nested.join(": "))
        } else {
            nearest(key, options().map(|row| row.key))
                .map_or_else(String::new, |near| format!(", did you mean {near}?"))
        };
        self.complain(line, format!("{shown}: unknown option{hint}"));
    }

    fn option(&mut self, row: &'static super::OptionRow, node: &Node) {
        let place = (self.at)(node.line);
        let one = |node: &Node| match &node.what {
            What::Scalar { text, quoted } => {
                Some(Scalar { text: text.clone(), quoted: *quoted, place: (self.at)(node.line) })
            }
            What::List(_) | What::Map(_) => None,
        };
        let said = match &node.what {
            // `key:` without a value leaves the option as it is.
            What::Scalar { text, quoted: false } if is_null(text) => return,
            What::Scalar { .. } => one(node).map(Said::One),
            What::List(items) => items.iter().map(one).collect::<Option<_>>().map(Said::Many),
            What::Map(_) => None,
        };
        match said {
            Some(said) => self.given.push(Given { row, said, place }),
            None => {
                let kind = super::convert::describe(row.kind);
                let kind =
                    if matches!(row.kind, Kind::List(_)) { "a list of values" } else { &kind };
                self.complain(node.line, format!("{}: must be {kind}", row.key));
            }
        }
    }
}

fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

/// Something being built: a list, or a map with the key that waits for its value.
enum Open {
    List { line: usize, anchor: usize, items: Vec<Node> },
    Map { line: usize, anchor: usize, entries: Vec<(String, Node)>, key: Option<(String, usize)> },
}

type Broken = (usize, String);

/// The first document, or nothing when there is none.
fn parse(text: &str) -> Result<Option<Node>, Broken> {
    // Some editors put a byte order mark before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|e| (e.marker().line(), format!("this is no YAML: {}", e.info())))?;
        tree.take(event, span.start.line())?;
    }
    Ok(tree.root)
}

#[derive(Default)]
struct Tree {
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Broken> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((line, "a configuration file holds one document".to_owned()));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let quoted = style != ScalarStyle::Plain;
                let what = What::Scalar { text: text.into_owned(), quoted };
                self.done(Node { line, what }, anchor)?;
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err((
                        line,
                        "this alias stands for nothing that is complete".to_owned(),
                    ));
                };
                self.count(&node, line)?;
                self.done(Node { line, ..node }, 0)?;
            }
            Event::SequenceStart(anchor, _) => {
                self.open(Open::List { line, anchor, items: Vec::new() }, line)?;
            }
            Event::MappingStart(anchor, _) => {
                self.open(Open::Map { line, anchor, entries: Vec::new(), key: None }, line)?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List { line, anchor, items }) => {
                    self.done(Node { line, what: What::List(items) }, anchor)?;
                }
                Some(Open::Map { line, anchor, entries, .. }) => {
                    self.done(Node { line, what: What::Map(entries) }, anchor)?;
                }
                None => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open, line: usize) -> Result<(), Broken> {
        if self.stack.len() >= DEEPEST {
            return Err((line, "this is nested too deeply".to_owned()));
        }
        if let Some(Open::Map { key: None, .. }) = self.stack.last() {
            return Err((line, "the name of an option must be a word".to_owned()));
        }
        self.stack.push(open);
        Ok(())
    }

    /// Counts the values of an alias, so that a small file cannot stand for a huge tree.
    fn count(&mut self, node: &Node, line: usize) -> Result<(), Broken> {
        fn size(node: &Node) -> usize {
            1 + match &node.what {
                What::Scalar { .. } => 0,
                What::List(items) => items.iter().map(size).sum(),
                What::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
            }
        }
        self.nodes += size(node);
        if self.nodes > MOST_NODES {
            Err((line, "this file is too large".to_owned()))
        } else {
            Ok(())
        }
    }

    /// A value is complete: it becomes a key, a key's value, an item, or the whole.
    fn done(&mut self, node: Node, anchor: usize) -> Result<(), Broken> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err((node.line, "this file is too large".to_owned()));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                None => match node.what {
                    What::Scalar { text, .. } => *key = Some((text, node.line)),
                    What::List(_) | What::Map(_) => {
                        return Err((node.line, "the name of an option must be a word".to_owned()));
                    }
                },
                Some((name, line)) if name == "<<" => merge(entries, node, line)?,
                Some((name, line)) => {
                    if entries.iter().any(|(other, _)| *other == name) {
                        let name: String = name.chars().take(80).collect();
                        return Err((line, format!("{name} is given twice")));
                    }
                    entries.push((name, node));
                }
            },
        }
        Ok(())
    }
}

/// `<<: *other` takes over what the map itself does not say.
fn merge(entries: &mut Vec<(String, Node)>, node: Node, line: usize) -> Result<(), Broken> {
    match node.what {
        What::Map(more) => {
            for (name, node) in more {
                if !entries.iter().any(|(other, _)| *other == name) {
                    entries.push((name, node));
                }
            }
            Ok(())
        }
        What::Scalar { .. } | What::List(_) => {
            Err((line, "<< must be followed by an alias of a section".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn given(text: &str) -> (Vec<(String, String, usize)>, Vec<String>) {
        let mut problems = Vec::new();
        let given = match read(Path::new("a.yaml"), text, &mut problems) {
            Ok(given) => given,
            Err(problem) => return (Vec::new(), vec![problem.to_string()]),
        };
        let given = given
            .into_iter()
            .map(|g| {
                let text = match g.said {
                    Said::One(one) => one.text,
                    Said::Many(all) => {
                        all.into_iter().map(|o| o.text).collect::<Vec<_>>().join("|")
                    }
                };
                let Place::File { line, .. } = g.place else { panic!("from a file") };
                (g.row.key.to_owned(), text, line)
            })
            .collect();
        (given, problems.iter().map(ToString::to_string).collect())
    }

    fn entry(key: &str, text: &str, line: usize) -> (String, String, usize) {
        (key.into(), text.into(), line)
    }

    #[test]
    fn options_come_with_their_lines_and_spelling() {
        let (given, problems) = given(
            "name: n1\nsocket:\n  server_key: 0123\n  port: 7350 # fine\n  response_headers:\n    - a=b\n    - 'c=d'\nlogger:\nmatch: {relayed: {max_members: 5}}\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            given,
            [
                entry("name", "n1", 1),
                entry("socket.server_key", "0123", 3),
                entry("socket.port", "7350", 4),
                entry("socket.response_headers", "a=b|c=d", 6),
                entry("match.relayed.max_members", "5", 9),
            ]
        );
    }

    #[test]
    fn every_problem_of_a_file_is_told_with_its_line() {
        let (given, problems) = given(
            "nam: x\nsocket:\n  prot: 1\n  port: {a: b}\n  response_headers: [[1]]\nlogger: 5\nsocket.port: 3\nname: ok\nname.x: 1\n",
        );
        assert_eq!(given, [entry("name", "ok", 8)]);
        assert_eq!(
            problems,
            [
                "a.yaml:1: nam: unknown option, did you mean name?",
                "a.yaml:3: socket.prot: unknown option, did you mean socket.port?",
                "a.yaml:4: socket.port: must be a whole number from 0 to 65535",
                "a.yaml:5: socket.response_headers: must be a list of values",
                "a.yaml:6: logger: is a section, not a value",
                "a.yaml:7: socket.port: unknown option, write it nested: socket: port",
                "a.yaml:9: name.x: unknown option",
            ]
        );
    }

    #[test]
    fn broken_files_are_told_once() {
        for (text, line) in [
            ("a: b: c\n", 1),
            ("name: x\nname: y\n", 2),
            ("- a\n", 1),
            ("just text\n", 1),
            ("name: a\n---\nname: b\n", 2),
            ("? [a]\n: b\n", 1),
            ("{{{{{{{{{{{{{{{{{{{{", 1),
            ("a: *nowhere\n", 1),
        ] {
            let (_, problems) = given(text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].starts_with(&format!("a.yaml:{line}: ")), "{text}: {problems:?}");
        }
    }

    #[test]
    fn empty_files_say_nothing() {
        for text in ["", "\n", "# nothing\n", "---\n", "null\n", "~", "{}", "\u{feff}"] {
            assert_eq!(given(text), (Vec::new(), Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn anchors_and_merges_work_and_cannot_explode() {
        let (got, problems) = given("socket: &s\n  port: 1\nconsole:\n  <<: *s\n  username: me\n");
        assert_eq!(problems, Vec::<String>::new());
        assert!(got.contains(&entry("console.port", "1", 2)));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..12 {
            let last = format!("*a{}", n - 1);
            bomb += &format!("a{n}: &a{n} [{}]\n", [last.as_str(); 10].join(","));
        }
        let (_, problems) = given(&bomb);
        assert!(problems[0].contains("too large"), "{problems:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            given(&text);
        }

        #[test]
        fn arbitrary_yaml_never_panics(parts in proptest::collection::vec(
            prop::sample::select(vec![
                "socket", "port", "name", ": ", ":\n", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&a ", "*a",
                "'", "\"", "|\n", ">\n", "? ", "!!int ", "!", "%", "---\n", "...\n", "<<", "#", "\t", "\r", "~",
                "7350", "true", "\\x", "\u{0}", "\u{85}", "\u{feff}", "@", "`",
            ]), 0..60)) {
            given(&parts.concat());
        }
    }
}

//! One trie of path segments per verb, as static data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{Call, Segment};

#[derive(Default)]
struct Node {
    fixed: BTreeMap<String, Node>,
    param: Option<Box<(String, Node)>>,
    rest: Option<(String, End)>,
    end: Option<End>,
}

/// The call and which of its bindings.
type End = (String, usize);

pub(crate) fn generate(calls: &[Call]) -> String {
    let mut verbs: BTreeMap<&str, Node> = BTreeMap::new();
    let mut most = 0;
    for call in calls {
        for (index, binding) in call.bindings.iter().enumerate() {
            let params = binding.segments.iter().filter(|s| !matches!(s, Segment::Fixed(_)));
            most = most.max(params.count());
            let root = verbs.entry(binding.verb).or_default();
            insert(root, &binding.segments, (call.name.clone(), index));
        }
    }
    let mut out = String::new();
    _ = writeln!(
        out,
        "/// The most parameters that a path has.\nconst MAX_PARAMS: usize = {most};"
    );
    out.push_str("fn root(verb: Verb) -> &'static Node {\nmatch verb {\n");
    for (verb, node) in &verbs {
        _ = write!(out, "Verb::{verb} => {{ static ROOT: Node = ");
        write_node(&mut out, node);
        out.push_str("; &ROOT }\n");
    }
    out.push_str("}\n}\n");
    out
}

fn insert(node: &mut Node, segments: &[Segment], end: End) {
    let Some((first, others)) = segments.split_first() else {
        assert!(node.end.replace(end.clone()).is_none(), "{end:?} has the path of another call");
        return;
    };
    match first {
        Segment::Fixed(text) => insert(node.fixed.entry(text.clone()).or_default(), others, end),
        Segment::Param(name) => {
            let next = node.param.get_or_insert_with(|| Box::new((name.clone(), Node::default())));
            assert_eq!(next.0, *name, "two names for one parameter of the same path");
            insert(&mut next.1, others, end);
        }
        Segment::Rest(name) => {
            assert!(others.is_empty(), "nothing can follow the rest of a path");
            assert!(node.rest.replace((name.clone(), end)).is_none(), "two rests of one path");
        }
    }
}

fn write_node(out: &mut String, node: &Node) {
    out.push_str("Node { fixed: &[");
    for (text, next) in &node.fixed {
        _ = write!(out, "({text:?}, ");
        write_node(out, next);
        out.push_str("),");
    }
    out.push_str("], param: ");
    match &node.param {
        None => out.push_str("None"),
        Some(next) => {
            _ = write!(out, "Some(({:?}, &", next.0);
            write_node(out, &next.1);
            out.push_str("))");
        }
    }
    out.push_str(", rest: ");
    match &node.rest {
        None => out.push_str("None"),
        Some((name, (call, index))) => {
            _ = write!(out, "Some(({name:?}, End {{ call: CallId::{call}, binding: {index} }}))");
        }
    }
    out.push_str(", end: ");
    match &node.end {
        None => out.push_str("None"),
        Some((call, index)) => {
            _ = write!(out, "Some(End {{ call: CallId::{call}, binding: {index} }})");
        }
    }
    out.push('}');
}

//! Writing the text form that Prometheus reads, for what the exporter crate does not keep.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// What kind of series a family holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

struct Family {
    kind: Kind,
    help: String,
    lines: String,
}

/// Families of series, each written in one piece whoever contributes to it.
pub(crate) struct Exposition {
    /// `name="value"` pairs that every series carries.
    common: String,
    families: BTreeMap<String, Family>,
}

impl Exposition {
    pub(crate) fn new(common: &[(String, String)]) -> Self {
        let mut text = String::new();
        for (name, value) in common {
            push_label(&mut text, name, value);
        }
        Self { common: text, families: BTreeMap::new() }
    }

    /// Adds one line to the family `name`. `suffix` is what a histogram or summary puts after the
    /// name (`_bucket`, `_sum`, `_count`).
    pub(crate) fn sample(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) {
        let family = match self.families.get_mut(name) {
            Some(family) => family,
            None => self.families.entry(name.to_owned()).or_insert_with(|| Family {
                kind,
                help: help.to_owned(),
                lines: String::new(),
            }),
        };
        if family.kind != kind {
            // Only a metric of server code whose name equals one of ours can do this, when both
            // prefixes are empty. A family of two kinds would spoil the whole export.
            return;
        }
        let lines = &mut family.lines;
        lines.push_str(name);
        lines.push_str(suffix);
        if !labels.is_empty() || !self.common.is_empty() {
            let mut inside = self.common.clone();
            for (label, value) in labels {
                push_label(&mut inside, label, value);
            }
            write!(lines, "{{{inside}}}").expect("writing to a string cannot fail");
        }
        writeln!(lines, " {value}").expect("writing to a string cannot fail");
    }

    /// Everything as text, families in the order of their names.
    pub(crate) fn finish(self, out: &mut String) {
        for (name, family) in self.families {
            if !family.help.is_empty() {
                writeln!(
                    out,
                    "# HELP {name} {}",
                    family.help.replace('\\', "\\\\").replace('\n', " ")
                )
                .expect("writing to a string cannot fail");
            }
            writeln!(out, "# TYPE {name} {}", family.kind.word())
                .expect("writing to a string cannot fail");
            out.push_str(&family.lines);
        }
    }
}

fn push_label(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(name);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A metric or label name with everything that Prometheus does not allow turned into `_`.
pub(crate) fn clean_name(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_in_one_piece() {
        let mut e = Exposition::new(&[("node_name".into(), "a\"b".into())]);
        e.sample("z", Kind::Counter, "last", "", &[], 1);
        e.sample("a", Kind::Gauge, "first", "", &[("k", "x\\\ny")], 2.5);
        e.sample("z", Kind::Counter, "last", "", &[("k", "v")], 3);
        let mut text = String::new();
        e.finish(&mut text);
        assert_eq!(
            text,
            "# HELP a first\n# TYPE a gauge\na{node_name=\"a\\\"b\",k=\"x\\\\\\ny\"} 2.5\n\
             # HELP z last\n# TYPE z counter\nz{node_name=\"a\\\"b\"} 1\nz{node_name=\"a\\\"b\",k=\"v\"} 3\n"
        );
    }

    #[test]
    fn names_keep_only_what_is_allowed() {
        assert_eq!(clean_name("a.b-c d_e"), "a_b_c_d_e");
        assert_eq!(clean_name("9lives"), "_9lives");
    }
}

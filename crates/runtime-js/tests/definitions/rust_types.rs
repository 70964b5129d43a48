//! What the types of host functions are, read from their source.

use std::collections::BTreeMap;

/// A field of a struct.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) of: String,
    pub(crate) doc: String,
}

/// The structs of the host table by name.
pub(crate) type Structs = BTreeMap<String, (String, Vec<Field>)>;

/// Reads every struct with named fields in the files of the host table.
pub(crate) fn structs() -> Structs {
    let folder = crate::root().join("crates/runtime-hooks/src/host");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the table is there")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let mut found = Structs::new();
    for file in files.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = std::fs::read_to_string(file).expect("a file of the table can be read");
        // Beyond are the functions, whose arguments the table has itself.
        read(text.split("host_area! {").next().unwrap_or_default(), &mut found);
    }
    found
}

fn read(text: &str, found: &mut Structs) {
    let mut doc = String::new();
    let mut current: Option<(String, String, Vec<Field>)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc.push_str(words.trim());
            doc.push(' ');
            continue;
        }
        match &mut current {
            None => {
                let name = line.strip_prefix("pub struct ").and_then(|l| l.strip_suffix(" {"));
                if let Some(name) = name {
                    current = Some((name.to_owned(), std::mem::take(&mut doc), Vec::new()));
                }
            }
            Some((name, about, fields)) => {
                if line == "}" {
                    found.insert(
                        std::mem::take(name),
                        (about.trim().to_owned(), std::mem::take(fields)),
                    );
                    current = None;
                } else if let Some((name, of)) =
                    line.strip_prefix("pub ").and_then(|l| l.split_once(": "))
                {
                    fields.push(Field {
                        name: name.trim_start_matches("r#").to_owned(),
                        of: of.trim_end_matches(',').to_owned(),
                        doc: std::mem::take(&mut doc).trim().to_owned(),
                    });
                }
            }
        }
        if !line.starts_with("#[") {
            doc.clear();
        }
    }
}

/// The inside of `Outer<Inside>`.
pub(crate) fn inside<'a>(of: &'a str, outer: &str) -> Option<&'a str> {
    of.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>')
}

/// `user_id` as `userId`.
pub(crate) fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.extend(chars);
    }
    out
}

//! Reading the environment into options.
//!
//! `TAVERN_SOCKET__SERVER_KEY` sets `socket.server_key`; `TAVERN_SOCKET__SERVER_KEY_FILE` names a
//! file that holds the value. Lists are separated by commas, or given one by one with a number
//! behind: `TAVERN_DATABASE__ADDRESS__0`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::convert::{Given, Said, Scalar};
use super::place::{Place, Problem};
use super::suggest::nearest;
use super::table::{Kind, OptionRow, find, options};

pub(crate) const PREFIX: &str = "TAVERN_";

/// Variables that are none of ours although they begin like ours: an orchestrator that has a
/// service named `tavern` puts these into every container, and tests and chores have their own.
const NOT_OURS: &[&str] = &["TAVERN_PORT", "TAVERN_SERVICE_", "TAVERN_TEST_", "TAVERN_BENCH_"];

/// A variable that begins like ours, with the text of the file it names if it names one.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// `None` when the value is no Unicode text.
    pub(crate) value: Option<String>,
    /// For `..._FILE`: the file, and its text or why it cannot be read.
    pub(crate) file: Option<(PathBuf, Result<String, String>)>,
}

/// What a variable's name means.
enum Meaning {
    Whole(&'static OptionRow),
    Item(&'static OptionRow, usize),
    File(&'static OptionRow),
    Unknown,
}

fn meaning(name: &str) -> Meaning {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Meaning::Unknown };
    // In capitals only, so that no option can be set by two variables.
    if rest.chars().any(char::is_lowercase) {
        return Meaning::Unknown;
    }
    let key = rest.replace("__", ".").to_ascii_lowercase();
    if let Some(row) = find(&key) {
        return Meaning::Whole(row);
    }
    if let Some(row) = key.strip_suffix("_file").and_then(find) {
        return Meaning::File(row);
    }
    if let Some((list, number)) = key.rsplit_once('.') {
        let row = find(list).filter(|row| matches!(row.kind, Kind::List(_)));
        let number = number.parse().ok().filter(|n| *n < 1000);
        if let Some((row, number)) = row.zip(number) {
            return Meaning::Item(row, number);
        }
    }
    Meaning::Unknown
}

/// Whether a variable's value is the path of a file to read.
pub(crate) fn names_a_file(name: &str) -> bool {
    matches!(meaning(name), Meaning::File(_))
}

/// Whether a variable is none of ours although it begins like ours.
pub(crate) fn is_foreign(name: &str) -> bool {
    // An option of the top level has no double underscore, and neither has anything foreign.
    !name.contains("__") && NOT_OURS.iter().any(|start| name.starts_with(start))
}

/// Reads the variables. What is understood is returned even when something else is wrong.
pub(crate) fn read(variables: &[Variable], problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    let mut items: BTreeMap<&str, (&'static OptionRow, BTreeMap<usize, Scalar>)> = BTreeMap::new();
    for variable in variables {
        let place = Place::Env { name: variable.name.clone() };
        let Some(value) = &variable.value else {
            problems.push(Problem::at(&place, "the value is no Unicode text"));
            continue;
        };
        let scalar = |text: &str, place: &Place| Scalar {
            text: text.to_owned(),
            quoted: false,
            place: place.clone(),
        };
        match meaning(&variable.name) {
            Meaning::Whole(row) => {
                given.push(Given { row, said: whole(row, value, &place), place });
            }
            Meaning::Item(row, number) => {
                items
                    .entry(row.key)
                    .or_insert((row, BTreeMap::new()))
                    .1
                    .insert(number, scalar(value, &place));
            }
            Meaning::File(row) => match &variable.file {
                Some((path, Ok(text))) => {
                    let place = Place::EnvFile { name: variable.name.clone(), path: path.clone() };
                    // Editors and `echo` end a file with a line end that is not part of a secret.
                    let text = text.trim_end_matches(['\n', '\r']);
                    given.push(Given { row, said: whole(row, text, &place), place });
                }
                Some((path, Err(why))) => {
                    problems.push(Problem::at(
                        &place,
                        format!("cannot read {}: {why}", path.display()),
                    ));
                }
                None => problems.push(Problem::at(&place, "names no file")),
            },
            Meaning::Unknown => {
                let names: Vec<String> = options().map(OptionRow::env_name).collect();
                let hint = nearest(&variable.name, names.iter().map(String::as_str))
                    .map_or_else(String::new, |near| format!(", did you mean {near}?"));
                problems.push(Problem::at(&place, format!("unknown option{hint}")));
            }
        }
    }
    for (row, items) in items.into_values() {
        let first = items.values().next().map_or(Place::Default, |one| one.place.clone());
        let all = items.into_values().collect();
        given.push(Given { row, said: Said::Many(all), place: first });
    }
    complain_about_twins(&given, problems);
    given
}

fn whole(row: &OptionRow, text: &str, place: &Place) -> Said {
    let one = |text: &str| Scalar { text: text.to_owned(), quoted: false, place: place.clone() };
    if matches!(row.kind, Kind::List(_)) {
        let parts = text.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
        Said::Many(parts.map(one).collect())
    } else {
        Said::One(one(text))
    }
}

/// One option by two variables: no order between them would be obvious.
fn complain_about_twins(given: &[Given], problems: &mut Vec<Problem>) {
    for (n, one) in given.iter().enumerate() {
        if let Some(other) = given[..n].iter().find(|other| other.row.key == one.row.key) {
            let text = format!("{}: is set by {} as well", one.row.key, other.place);
            problems.push(Problem::at(&one.place, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> Variable {
        Variable { name: name.into(), value: Some(value.into()), file: None }
    }

    fn read_all(variables: &[Variable]) -> (Vec<(&'static str, Vec<String>)>, Vec<String>) {
        let mut problems = Vec::new();
        let given = read(variables, &mut problems)
            .into_iter()
            .map(|g| {
                let texts = match g.said {
                    Said::One(one) => vec![one.text],
                    Said::Many(all) => all.into_iter().map(|one| one.text).collect(),
                };
                (g.row.key, texts)
            })
            .collect();
        (given, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn double_underscores_are_sections() {
        let (given, problems) = read_all(&[
            variable("TAVERN_SOCKET__PORT", "1"),
            variable("TAVERN_DATA_DIR", "/x"),
            variable("TAVERN_CONSOLE__MFA__ADMIN_ACCOUNT_ENABLED", "true"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            given,
            [
                ("socket.port", vec!["1".to_owned()]),
                ("data_dir", vec!["/x".to_owned()]),
                ("console.mfa.admin_account_enabled", vec!["true".to_owned()]),
            ]
        );
    }

    #[test]
    fn lists_are_separated_by_commas_or_numbered() {
        let both = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let (given, _) = read_all(&[variable("TAVERN_DATABASE__ADDRESS", "u@a, u@b,")]);
        assert_eq!(given, [("database.address", both("u@a", "u@b"))]);
        let (given, problems) = read_all(&[
            variable("TAVERN_DATABASE__ADDRESS__1", "u:b,c@b"),
            variable("TAVERN_DATABASE__ADDRESS__0", "u@a"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(given, [("database.address", both("u@a", "u:b,c@b"))]);
    }

    #[test]
    fn a_file_holds_the_value_without_its_line_end() {
        let file = |result: Result<&str, &str>| Variable {
            file: Some(("/run/key".into(), result.map(str::to_owned).map_err(str::to_owned))),
            ..variable("TAVERN_SOCKET__SERVER_KEY_FILE", "/run/key")
        };
        let (given, _) = read_all(&[file(Ok(" key \r\n"))]);
        assert_eq!(given, [("socket.server_key", vec![" key ".to_owned()])]);
        let (_, problems) = read_all(&[file(Err("no such file"))]);
        assert_eq!(
            problems,
            [
                "environment variable TAVERN_SOCKET__SERVER_KEY_FILE: cannot read /run/key: no such file"
            ]
        );
    }

    #[test]
    fn a_misspelt_variable_and_twins_are_refused() {
        let (_, problems) = read_all(&[
            variable("TAVERN_SOCKET__PROT", "1"),
            variable("TAVERN_socket__port", "1"),
            variable("TAVERN_NAME", "a"),
            Variable {
                file: Some(("/n".into(), Ok("b".into()))),
                ..variable("TAVERN_NAME_FILE", "/n")
            },
        ]);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].ends_with("unknown option, did you mean TAVERN_SOCKET__PORT?"));
        assert!(problems[2].contains("name: is set by environment variable TAVERN_NAME as well"));
    }

    #[test]
    fn what_an_orchestrator_puts_there_is_left_alone() {
        for name in ["TAVERN_PORT", "TAVERN_PORT_7350_TCP", "TAVERN_SERVICE_HOST", "TAVERN_TEST_X"]
        {
            assert!(is_foreign(name), "{name}");
        }
        for name in ["TAVERN_NAME", "TAVERN_SOCKET__PORT", "TAVERN_PORTS__X", "TAVERN_DEV"] {
            assert!(!is_foreign(name), "{name}");
        }
    }
}

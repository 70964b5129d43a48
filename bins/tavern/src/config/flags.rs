//! Reading the command line into options.
//!
//! Every option is a flag of its name behind one dash or two: `--socket.port 7350`,
//! `-socket.port=7350`; a switch may stand alone; a list is a flag given several times.

use super::convert::{Given, Said, Scalar};
use super::foreign::MEANINGLESS_FLAGS;
use super::place::{Place, Problem};
use super::suggest::nearest;
use super::table::{Kind, OptionRow, find, options};

/// A flag that belongs to a command and is no option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandFlag {
    /// Its name, without dashes.
    pub name: &'static str,
    /// Whether a value follows.
    pub takes_value: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct OptionFlag {
    pub(crate) row: &'static OptionRow,
    pub(crate) typed: String,
    pub(crate) value: String,
}

/// A command line, taken apart.
#[derive(Clone, PartialEq, Default)]
pub struct Flags {
    pub(crate) options: Vec<OptionFlag>,
    /// Flags that are none of the options, with their values.
    pub commands: Vec<(&'static str, Option<String>)>,
    /// What is no flag, in order.
    pub words: Vec<String>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<String>,
}

impl std::fmt::Debug for Flags {
    /// Without values, since they may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let options: Vec<_> = self.options.iter().map(|flag| &flag.typed).collect();
        f.debug_struct("Flags")
            .field("options", &options)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

impl Flags {
    /// Whether a command's flag is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.commands.iter().any(|(flag, _)| *flag == name)
    }

    /// What is wrong with the flags themselves.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The value of a command's flag; the last one wins.
    #[must_use]
    pub fn value_of(&self, name: &str) -> Option<&str> {
        self.commands.iter().rev().find(|(flag, _)| *flag == name)?.1.as_deref()
    }

    /// All values of a command's flag that can be given several times, in order.
    pub fn values_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.commands.iter().filter(move |(flag, _)| *flag == name);
        of_name.filter_map(|(_, value)| value.as_deref())
    }

    /// The configuration files named, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        self.options.iter().filter(|f| f.row.key == "config").map(|f| f.value.clone()).collect()
    }
}

/// Takes a command line apart. Problems are kept in the result, to be reported with all others.
/// `known` are the flags of the command; everything after `--` is a word.
#[must_use]
pub fn parse_flags(args: &[String], known: &[CommandFlag]) -> Flags {
    let mut flags = Flags::default();
    let args = args.iter();
    // Peeked at, because what follows an unknown flag is probably its value.
    let mut args = args.peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            flags.words.extend(args.cloned());
            break;
        }
        let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            flags.words.push(arg.clone());
            continue;
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let dashes = if arg.starts_with("--") { "--" } else { "-" };
        let typed = format!("{dashes}{name}");
        let alone = value.is_some();
        let known_flag = flags.one(name, typed, value, known, &mut || args.next().cloned());
        if !known_flag && !alone {
            args.next_if(|next| !next.starts_with('-'));
        }
    }
    flags
}

impl Flags {
    /// Takes one flag; answers whether there is such a flag.
    fn one(
        &mut self,
        name: &str,
        typed: String,
        value: Option<String>,
        known: &[CommandFlag],
        next: &mut dyn FnMut() -> Option<String>,
    ) -> bool {
        let place = Place::Flag { name: typed.clone() };
        if let Some(flag) = known.iter().find(|flag| flag.name == name) {
            let value = if flag.takes_value { value.or_else(&mut *next) } else { value };
            if flag.takes_value != value.is_some() {
                let text = if flag.takes_value { "needs a value" } else { "takes no value" };
                self.problems.push(Problem::at(&place, text));
            }
            self.commands.push((flag.name, value));
        } else if let Some(row) = find(name) {
            let value = match (row.kind, value) {
                (_, Some(value)) => Some(value),
                (Kind::Bool, None) => Some("true".to_owned()),
                (_, None) => next(),
            };
            match value {
                Some(value) => self.options.push(OptionFlag { row, typed, value }),
                None => self.problems.push(Problem::at(&place, "needs a value")),
            }
        } else if MEANINGLESS_FLAGS.contains(&name) {
            if value.is_none() {
                drop(next());
            }
            self.notices.push(format!("{place} never had a meaning and is ignored"));
        } else {
            let names = options().map(|row| row.key).chain(known.iter().map(|flag| flag.name));
            let hint = nearest(name, names)
                .map_or_else(String::new, |near| format!(", did you mean --{near}?"));
            self.problems.push(Problem::at(&place, format!("unknown flag{hint}")));
            return false;
        }
        true
    }

    /// The options, with several flags of one list gathered.
    pub(crate) fn read(&self) -> Vec<Given> {
        let mut given: Vec<Given> = Vec::new();
        for flag in &self.options {
            let place = Place::Flag { name: flag.typed.clone() };
            let one = Scalar { text: flag.value.clone(), quoted: false, place: place.clone() };
            let list = matches!(flag.row.kind, Kind::List(_));
            match given.iter_mut().find(|given| given.row.key == flag.row.key) {
                Some(Given { said: Said::Many(all), .. }) => all.push(one),
                // The last flag wins.
                Some(earlier) => {
                    earlier.said = Said::One(one);
                    earlier.place = place;
                }
                None => {
                    let said = if list { Said::Many(vec![one]) } else { Said::One(one) };
                    given.push(Given { row: flag.row, said, place });
                }
            }
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Flags {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let out = CommandFlag { name: "out", takes_value: true };
        let effective = CommandFlag { name: "effective", takes_value: false };
        parse_flags(&args, &[out, effective])
    }

    fn texts(flags: &Flags) -> Vec<(&'static str, String)> {
        flags
            .read()
            .into_iter()
            .map(|g| match g.said {
                Said::One(one) => (g.row.key, one.text),
                Said::Many(all) => {
                    let all: Vec<_> = all.into_iter().map(|one| one.text).collect();
                    (g.row.key, all.join("|"))
                }
            })
            .collect()
    }

    #[test]
    fn one_dash_or_two_an_equals_sign_or_not() {
        let flags =
            parse(&["-name", "a", "--socket.port=1", "--limit", "-1", "--logger.stdout=false"]);
        let expected =
            [("name", "a"), ("socket.port", "1"), ("limit", "-1"), ("logger.stdout", "false")];
        assert_eq!(texts(&flags), expected.map(|(k, v)| (k, v.to_owned())));
        assert_eq!(flags.problems, []);
    }

    #[test]
    fn switches_stand_alone_lists_repeat_and_the_last_value_wins() {
        let flags = parse(&[
            "--dev",
            "--database.address",
            "u@a",
            "--name=x",
            "--database.address=u@b",
            "--name=y",
            "check",
        ]);
        assert_eq!(
            texts(&flags),
            [
                ("dev", "true".to_owned()),
                ("database.address", "u@a|u@b".to_owned()),
                ("name", "y".to_owned())
            ]
        );
        assert_eq!(flags.words, ["check"]);
    }

    #[test]
    fn commands_have_flags_of_their_own() {
        let flags = parse(&["--effective", "--out", "file", "--", "--name"]);
        assert!(flags.has("effective"));
        assert_eq!(flags.value_of("out"), Some("file"));
        assert_eq!(flags.words, ["--name"]);
    }

    #[test]
    fn wrong_flags_are_all_told_and_no_value_is_quoted() {
        let flags = parse(&["--socket.server_kye", "hush", "--effective=1", "--out"]);
        let told: Vec<_> = flags.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "flag --socket.server_kye: unknown flag, did you mean --socket.server_key?",
                "flag --effective: takes no value",
                "flag --out: needs a value",
            ]
        );
        assert!(flags.words.is_empty(), "what follows an unknown flag is its value");
        assert!(parse(&["--name"]).problems[0].to_string().contains("needs a value"));
        assert!(!format!("{:?}", parse(&["--socket.server_key=hush"])).contains("hush"));
    }

    #[test]
    fn every_option_is_a_flag() {
        for row in options() {
            let flags = parse(&[&format!("--{}=x", row.key)]);
            assert_eq!(flags.options.len(), 1, "{}", row.key);
        }
        for name in MEANINGLESS_FLAGS {
            let flags = parse(&[&format!("--{name}"), "x"]);
            assert_eq!((flags.problems.len(), flags.words.len(), flags.notices.len()), (0, 0, 1));
        }
    }
}

//! From sources to settings, with the origin of every value.

use std::collections::BTreeMap;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::convert::Given;
use super::place::{Place, Problem, Problems};
use super::settings::{Settings, Values, kept};
use super::sources::Sources;
use super::table::{OptionRow, Standing, find};
use super::{dev, env, secrets, yaml};

/// What the configuration is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Running a server: secrets must be good.
    Serve,
    /// Anything else, such as migrating: secrets are not looked at.
    Tool,
}

/// A value and where it came from.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// All values with their places, right or wrong. Holds secrets, so it does not print itself;
/// [`effective`](super::effective) shows it.
#[derive(Clone, PartialEq, Default)]
pub struct Resolved {
    pub(crate) entries: BTreeMap<&'static str, Entry>,
    /// What the files alone say, whatever overrides it.
    pub(crate) in_files: BTreeMap<&'static str, Entry>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is worth knowing: deprecated, ignored and not yet effective options, and what
    /// development mode did.
    pub notices: Vec<String>,
}

impl Resolved {
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(crate) fn place(&self, key: &str) -> Place {
        self.entries.get(key).map_or(Place::Default, |entry| entry.place.clone())
    }
}

/// A configuration that a server can start with.
#[derive(Clone)]
pub struct Loaded {
    /// The values.
    pub settings: Settings,
    /// The values with their places.
    pub resolved: Resolved,
    /// What is worth knowing about it; not shown to anybody yet.
    pub notices: Vec<String>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Loads a configuration.
///
/// # Errors
/// Everything that is wrong, together.
pub fn load(sources: &Sources, mode: Mode) -> Result<Loaded, Problems> {
    let (resolved, settings) = resolve(sources, mode);
    match settings {
        Some(settings) if resolved.problems.is_empty() => {
            let notices = resolved.notices.clone();
            Ok(Loaded { settings, resolved, notices })
        }
        _ => Err(Problems(resolved.problems)),
    }
}

/// Finds every value and every problem. The settings are missing when some value is such that
/// none can be made; with problems left they must not be used to start a server.
#[must_use]
pub fn resolve(sources: &Sources, mode: Mode) -> (Resolved, Option<Settings>) {
    let mut resolved = Resolved::default();
    resolved.problems.extend(sources.flags.problems.iter().cloned());
    resolved.notices.extend(sources.flags.notices.iter().cloned());
    let mut stack = Stack::new();

    // Secrets may be in a file that is not understood; that they are missing is then not known.
    let mut blind = false;
    for file in &sources.files {
        let read = match &file.text {
            Ok(text) => yaml::read(&file.path, text, &mut resolved.problems),
            Err(why) => {
                let place = Place::File { path: file.path.clone(), line: 0 };
                Err(Problem::at(&place, format!("cannot be read: {why}")))
            }
        };
        match read {
            Ok(given) => {
                let values = understand(given, &mut resolved);
                resolved.in_files.extend(values.clone());
                stack.push(values);
            }
            Err(problem) => {
                blind = true;
                resolved.problems.push(problem);
            }
        }
    }
    let given = env::read(&sources.variables, &mut resolved.problems);
    stack.push(understand(given, &mut resolved));
    stack.push(understand(sources.flags.read(), &mut resolved));
    rename(&mut stack);
    resolved.entries = stack.entries();

    let dev_mode = resolved.value("dev").and_then(Value::to_bool) == Some(true);
    if dev_mode {
        stack.push(from_dev(dev::fill(&resolved)));
        let mut notices = Vec::new();
        let forced = dev::force(&resolved, &mut notices);
        stack.push(from_dev(forced));
        resolved.notices.extend(notices);
        resolved.notices.push(
            "development mode: keys that everybody knows may be in use, and only this machine can \
             connect; never use it for players"
                .to_owned(),
        );
        resolved.entries = stack.entries();
    }
    let settings = settings(&stack, &mut resolved.problems);
    if let Some(settings) = &settings {
        let secrets_matter = mode == Mode::Serve && !dev_mode && !blind;
        judge(settings, secrets_matter, &mut resolved);
    }
    (resolved, settings)
}

fn from_dev(values: Values) -> BTreeMap<&'static str, Entry> {
    values.into_iter().map(|(key, value)| (key, Entry { value, place: Place::Dev })).collect()
}

/// Checks what only all values together can tell.
fn judge(settings: &Settings, secrets_matter: bool, resolved: &mut Resolved) {
    let mut told = Vec::new();
    settings.validate(&mut told);
    let bad_secrets = if secrets_matter { secrets::problems(settings) } else { Vec::new() };
    let remedy = (!bad_secrets.is_empty()).then_some(secrets::REMEDY);
    for text in told.into_iter().chain(bad_secrets) {
        let key = text.split([':', ' ', '[']).next().unwrap_or_default();
        let place = resolved.place(key);
        resolved.problems.push(Problem::new((place != Place::Default).then_some(place), text));
    }
    resolved.problems.extend(remedy.map(Problem::advice));
}

/// Turns what a source says into values; what is wrong becomes a problem.
fn understand(given: Vec<Given>, resolved: &mut Resolved) -> BTreeMap<&'static str, Entry> {
    let mut values = BTreeMap::new();
    for one in given {
        let row = one.row;
        match one.value() {
            Err((place, text)) => {
                resolved.problems.push(Problem::at(&place, format!("{}: {text}", row.key)));
            }
            Ok(value) => {
                note(row, &one.place, &mut resolved.notices);
                let elsewhere = row.key == "config" && matches!(one.place, Place::File { .. });
                if row.is_kept() && !elsewhere {
                    values.insert(row.key, Entry { value, place: one.place });
                }
            }
        }
    }
    values
}

fn note(row: &OptionRow, place: &Place, notices: &mut Vec<String>) {
    let key = row.key;
    match row.standing {
        Standing::Used if key == "config" && matches!(place, Place::File { .. }) => {
            notices.push(format!("{key} ({place}) is ignored: a file cannot name further files"));
        }
        Standing::Used => {}
        Standing::Later(part) => {
            notices.push(format!("{key} ({place}) has no effect yet: it belongs to {part}"));
        }
        Standing::Deprecated(instead) => {
            notices.push(format!("{key} ({place}) is deprecated, use {instead}"));
        }
        Standing::Ignored(why) => {
            notices.push(format!("{key} ({place}) is accepted and ignored: {why}"));
        }
    }
}

/// Former names that still count where the present name is not used.
const RENAMED: &[(&str, &str)] = &[
    ("runtime.call_stack_size", "runtime.lua_call_stack_size"),
    ("runtime.max_count", "runtime.lua_max_count"),
    ("runtime.min_count", "runtime.lua_min_count"),
    ("runtime.read_only_globals", "runtime.lua_read_only_globals"),
    ("runtime.registry_size", "runtime.lua_registry_size"),
];

fn rename(stack: &mut Stack) {
    let entries = stack.entries();
    let defaults = Settings::default().all_values();
    let mut values = BTreeMap::new();
    for (old, new) in RENAMED {
        let (Some(given), Some(row)) = (entries.get(old), find(new)) else { continue };
        let untouched = defaults.get(old).is_some_and(|default| *default == given.value);
        let free = entries.get(new).is_none_or(|entry| entry.place == Place::Default);
        if !untouched && free {
            // Written anew, the value belongs to the layer it goes to, not to the one it is from.
            if let Ok(value) = Value::serialize(&given.value) {
                values.insert(row.key, Entry { value, place: given.place.clone() });
            }
        }
    }
    stack.push(values);
}

/// Layers of values, the first with the defaults; figment merges them and remembers which layer
/// a value came from.
struct Stack {
    figment: Figment,
    places: Vec<BTreeMap<&'static str, Place>>,
}

struct Layer {
    number: usize,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.number.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Stack {
    fn new() -> Self {
        let values = Settings::default().all_values().into_iter();
        let mut stack = Self { figment: Figment::new(), places: Vec::new() };
        stack.push(
            values
                .filter(|(key, _)| find(key).is_some_and(OptionRow::is_kept))
                .map(|(key, value)| (key, Entry { value, place: Place::Default }))
                .collect(),
        );
        stack
    }

    fn push(&mut self, values: BTreeMap<&'static str, Entry>) {
        let mut dict = Dict::new();
        let mut places = BTreeMap::new();
        for (key, entry) in values {
            insert(&mut dict, key, entry.value);
            places.insert(key, entry.place);
        }
        let layer = Layer { number: self.places.len(), values: dict };
        self.figment = std::mem::take(&mut self.figment).merge(layer);
        self.places.push(places);
    }

    fn entries(&self) -> BTreeMap<&'static str, Entry> {
        let mut entries = BTreeMap::new();
        // One merged tree for all keys: asking for each by itself would merge all of it each time.
        let mut merged = self.figment.data().unwrap_or_default();
        let merged = Value::from(merged.remove(&Profile::Default).unwrap_or_default());
        for row in kept() {
            let Some(value) = merged.find_ref(row.key).cloned() else { continue };
            let metadata = self.figment.get_metadata(value.tag());
            let layer = metadata.and_then(|m| m.name.parse::<usize>().ok()).unwrap_or(0);
            let place = self.places.get(layer).and_then(|places| places.get(row.key));
            let place = place.cloned().unwrap_or(Place::Default);
            entries.insert(row.key, Entry { value, place });
        }
        entries
    }
}

fn insert(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            dict.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = dict.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The settings with these values, each of which was valid in some configuration.
pub(crate) fn settings_of(values: Values) -> Option<Settings> {
    let mut dict = Dict::new();
    for (key, value) in values {
        insert(&mut dict, key, value);
    }
    Value::from(dict).deserialize().ok()
}

fn settings(stack: &Stack, problems: &mut Vec<Problem>) -> Option<Settings> {
    match stack.figment.extract() {
        Ok(settings) => Some(settings),
        Err(errors) => {
            // The table has checked every value, so this is a value that only the section's own
            // type can refuse.
            for error in errors {
                let key = error.path.join(".");
                let place = stack.entries().get(key.as_str()).map(|entry| entry.place.clone());
                let secret = find(&key).is_some_and(OptionRow::is_secret);
                let why = if secret { "is refused".to_owned() } else { error.kind.to_string() };
                problems.push(Problem::new(place, format!("{key}: {why}")));
            }
            None
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

//! From files to a program: the entry and everything that it imports, read at once, so that every
//! machine runs the same code whatever happens to the files meanwhile.

mod positions;
mod resolve;
mod typescript;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;

use positions::Positions;
use resolve::Root;

/// The most files of a program.
const MOST_FILES: usize = 2_000;
/// The largest file, in bytes.
const LARGEST_FILE: u64 = 16 << 20;
/// All files together, in bytes.
const LARGEST_PROGRAM: usize = 64 << 20;

/// Files that are looked for when none is configured, in this order.
const ENTRIES: [&str; 2] = ["index.js", "index.ts"];

/// A place in a file that has no code for the engine.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text is wrong.
    #[error("{file}:{line}:{column}: {message}")]
    Syntax {
        /// The file, relative to the folder of modules.
        file: String,
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An import leads nowhere.
    #[error("{importer} imports {specifier:?}: {problem}")]
    Import {
        /// The file with the import.
        importer: String,
        /// What it asks for.
        specifier: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Too much code.
    #[error("{what} is more than {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
}

/// The code of a folder of modules.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of the entry.
    pub(crate) entry: Arc<str>,
    /// Whether the entry is a module, or a script whose functions are global.
    pub(crate) entry_is_module: bool,
    files: HashMap<Arc<str>, File>,
    /// The files on disk, for whoever watches them.
    pub(crate) paths: Vec<PathBuf>,
}

/// A file as the engine gets it.
#[derive(Debug)]
struct File {
    code: String,
    positions: Option<Positions>,
    /// What its imports mean: specifier to name.
    imports: HashMap<String, Arc<str>>,
}

impl Program {
    /// Reads the program in `root`. `entry` is relative to it; without one it is `index.js`, else
    /// `index.ts`, and `None` when there is neither.
    pub(crate) fn load(root: &Path, entry: Option<&Path>) -> Result<Option<Self>, SourceError> {
        let entry = match entry {
            Some(entry) => entry.to_path_buf(),
            None => match ENTRIES.iter().find(|name| root.join(name).is_file()) {
                Some(name) => PathBuf::from(name),
                None => return Ok(None),
            },
        };
        let root = Root::new(root)?;
        let first = root.entry(&entry)?;
        let mut program = Self {
            entry: Arc::clone(&first.name),
            entry_is_module: false,
            files: HashMap::new(),
            paths: Vec::new(),
        };
        let mut total = 0;
        let mut next = vec![first];
        while let Some(file) = next.pop() {
            if program.files.contains_key(&file.name) {
                continue;
            }
            if program.files.len() == MOST_FILES {
                let what = "the number of files".to_owned();
                return Err(SourceError::TooLarge { what, limit: MOST_FILES.to_string() });
            }
            let text = read(&file.name, &file.path)?;
            total += text.len();
            if total > LARGEST_PROGRAM {
                let what = "the program".to_owned();
                return Err(SourceError::TooLarge { what, limit: "64 MiB".to_owned() });
            }
            let is_entry = file.name == program.entry;
            let made = typescript::compile(&file.name, &file.path, text)?;
            if is_entry {
                program.entry_is_module = made.is_module;
            }
            let mut imports = HashMap::new();
            for specifier in made.imports {
                let found = root.import(&file, &specifier)?;
                imports.insert(specifier, Arc::clone(&found.name));
                next.push(found);
            }
            program.paths.push(file.path);
            let kept = File { code: made.code, positions: made.positions, imports };
            program.files.insert(file.name, kept);
        }
        program.paths.sort();
        Ok(Some(program))
    }

    /// The code of a file.
    pub(crate) fn code(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|file| file.code.as_str())
    }

    /// What an import in a file means.
    pub(crate) fn import(&self, importer: &str, specifier: &str) -> Option<&Arc<str>> {
        self.files.get(importer)?.imports.get(specifier)
    }

    /// Whether any file was written in other lines than the engine sees.
    pub(crate) fn has_positions(&self) -> bool {
        self.files.values().any(|file| file.positions.is_some())
    }

    /// The place as its author knows it: file, line and column from 1.
    pub(crate) fn place(&self, name: &str, line: u32, column: u32) -> (String, u32, u32) {
        self.files
            .get(name)
            .and_then(|file| file.positions.as_ref())
            .and_then(|positions| positions.find(line, column))
            .map_or_else(
                || (name.to_owned(), line, column),
                |(file, line, column)| (file.unwrap_or(name).to_owned(), line, column),
            )
    }

    /// The number of files.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }
}

fn read(name: &str, path: &Path) -> Result<String, SourceError> {
    let failed = |source| SourceError::Read { file: name.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > LARGEST_FILE {
        return Err(SourceError::TooLarge { what: name.to_owned(), limit: "16 MiB".to_owned() });
    }
    std::fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests;

//! Where a value came from, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Built in.
    Default,
    /// Development mode filled it in or forced it.
    Dev,
    /// A YAML file.
    File {
        /// As given.
        path: PathBuf,
        /// Counted from 1; 0 when the problem is the file as a whole.
        line: usize,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// A file that an environment variable names.
    EnvFile {
        /// The variable's name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A flag.
    Flag {
        /// As typed, without a value.
        name: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Dev => f.write_str("--dev"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { name } => write!(f, "environment variable {name}"),
            Self::EnvFile { name, path } => {
                write!(f, "file {} named by {name}", path.display())
            }
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where; `None` when a combination of values is wrong or something is missing.
    pub place: Option<Place>,
    /// What, beginning with the option's name where there is one.
    pub text: String,
    /// Whether this only says what to do about the problems before it.
    pub advice: bool,
}

impl Problem {
    pub(crate) fn new(place: Option<Place>, text: impl Into<String>) -> Self {
        Self { place, text: text.into(), advice: false }
    }

    pub(crate) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self::new(Some(place.clone()), text)
    }

    pub(crate) fn advice(text: impl Into<String>) -> Self {
        Self { advice: true, ..Self::new(None, text) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Everything that is wrong, in the order found. Never empty when returned as an error.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.iter().filter(|problem| !problem.advice).count();
        write!(f, "{n} problem{} in the configuration", if n == 1 { "" } else { "s" })?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

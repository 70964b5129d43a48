//! Everything that a configuration is made of, read but not yet understood.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::env::{PREFIX, Variable, is_foreign, names_a_file};
use super::flags::Flags;

/// Largest configuration or secret file.
const LARGEST_FILE: usize = 1024 * 1024;

/// One configuration file.
#[derive(Clone, PartialEq)]
pub struct ConfigFile {
    /// As given.
    pub path: PathBuf,
    /// Its text, or why it could not be read.
    pub text: Result<String, String>,
}

/// Reads a file. An argument, so that tests need no files.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// What a configuration is loaded from. Keeps secrets, so it does not print itself.
#[derive(Clone, PartialEq, Default)]
pub struct Sources {
    pub(crate) files: Vec<ConfigFile>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) flags: Flags,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: Vec<_> = self.files.iter().map(|file| &file.path).collect();
        let variables: Vec<_> = self.variables.iter().map(|variable| &variable.name).collect();
        f.debug_struct("Sources")
            .field("files", &files)
            .field("variables", &variables)
            .field("flags", &self.flags)
            .finish()
    }
}

impl Sources {
    /// Gathers the flags, the variables of the environment that begin with `TAVERN_`, and the
    /// files that either names. Files that cannot be read become problems when loading.
    pub fn gather(
        flags: Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        read: ReadFile<'_>,
    ) -> Self {
        let mut variables: Vec<Variable> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX) && !is_foreign(name))
            .map(|(name, value)| Variable { name, value: value.into_string().ok(), file: None })
            .collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        let files = Vec::new();
        let mut sources = Self { files, variables, flags };
        sources.read_files(read);
        sources
    }

    /// The same sources with all files read anew, for a reload.
    #[must_use]
    pub fn again(&self, read: ReadFile<'_>) -> Self {
        let mut sources = self.clone();
        sources.read_files(read);
        sources
    }

    fn read_files(&mut self, read: ReadFile<'_>) {
        for variable in &mut self.variables {
            if let Some(path) = variable.value.clone().filter(|_| names_a_file(&variable.name)) {
                let path = PathBuf::from(path);
                let text = text_of(&path, read);
                variable.file = Some((path, text));
            }
        }
        self.files = self
            .file_names()
            .into_iter()
            .map(PathBuf::from)
            .map(|path| ConfigFile { text: text_of(&path, read), path })
            .collect();
    }

    /// The files to read: those that flags name, or else those that the environment names.
    fn file_names(&self) -> Vec<String> {
        let named = self.flags.files();
        if !named.is_empty() {
            return named;
        }
        let named = self.variables.iter().find(|variable| variable.name == "TAVERN_CONFIG");
        let text = named.and_then(|variable| variable.value.as_deref()).unwrap_or_default();
        text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect()
    }
}

/// Reads a file of the machine, at most a little more than is allowed.
///
/// # Errors
/// Whatever the file system says.
pub fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text_of(path: &Path, read: ReadFile<'_>) -> Result<String, String> {
    let bytes = read(path).map_err(|error| error.to_string())?;
    if bytes.len() > LARGEST_FILE {
        return Err(format!("it is larger than {LARGEST_FILE} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_flags;

    fn read(path: &Path) -> std::io::Result<Vec<u8>> {
        match path.to_str() {
            Some("big") => Ok(vec![b'#'; LARGEST_FILE + 1]),
            Some("bytes") => Ok(vec![0xff]),
            Some(name) if name.ends_with(".yaml") => Ok(name.as_bytes().to_vec()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn gather(args: &[&str], env: &[(&str, &str)]) -> Sources {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let env = env.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
        Sources::gather(parse_flags(&args, &[]), env, &read)
    }

    fn names(sources: &Sources) -> Vec<&str> {
        sources.files.iter().filter_map(|file| file.path.to_str()).collect()
    }

    #[test]
    fn files_are_named_by_flags_or_else_by_the_environment() {
        let env =
            [("TAVERN_CONFIG", "e.yaml, f.yaml"), ("PATH", "/bin"), ("TAVERN_PORT", "tcp://")];
        assert_eq!(names(&gather(&[], &env)), ["e.yaml", "f.yaml"]);
        let sources = gather(&["--config", "a.yaml", "--config=b.yaml"], &env);
        assert_eq!(names(&sources), ["a.yaml", "b.yaml"]);
        assert_eq!(sources.variables.len(), 1, "only ours");
    }

    #[test]
    fn unreadable_files_are_kept_with_the_reason() {
        let sources = gather(&["--config=gone", "--config=big", "--config=bytes"], &[]);
        assert!(sources.files.iter().all(|file| file.text.is_err()));
    }
}

//! The files of a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most files, and most bytes of one.
const MOST_FILES: usize = 4_096;
const MOST_BYTES: u64 = 4 << 20;
/// How deep folders may be nested.
const DEEPEST: usize = 16;

/// Why the files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than 4 MiB.
    #[error("{}: larger than {MOST_BYTES} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// More than 4,096 files.
    #[error("more than {MOST_FILES} Lua files")]
    TooMany,
    /// A file is no text.
    #[error("{}: not UTF-8", path.display())]
    NoText {
        /// Which.
        path: PathBuf,
    },
}

/// A file of Lua.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What others require it by: its path without the ending, folders joined with dots.
    pub(crate) name: String,
    /// Its path below the folder, for error messages.
    pub(crate) shown: String,
    pub(crate) text: String,
}

/// All Lua files of a folder, in the order of their paths; none when there is no folder.
pub(crate) fn read(folder: &Path) -> Result<Arc<[Source]>, SourceError> {
    let mut paths = Vec::new();
    if folder.is_dir() {
        walk(folder, 0, &mut paths)?;
    }
    paths.sort();
    paths.iter().map(|path| read_one(folder, path)).collect()
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            if depth < DEEPEST {
                walk(&path, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "lua") {
            if found.len() == MOST_FILES {
                return Err(SourceError::TooMany);
            }
            found.push(path);
        }
    }
    Ok(())
}

fn read_one(folder: &Path, path: &Path) -> Result<Source, SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > MOST_BYTES {
        return Err(SourceError::TooLarge { path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text =
        String::from_utf8(bytes).map_err(|_| SourceError::NoText { path: path.to_owned() })?;
    let below = path.strip_prefix(folder).unwrap_or(path);
    let name: Vec<_> =
        below.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    Ok(Source { name: name.join("."), shown: below.display().to_string(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_paths_under_dotted_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("lib/deep")).unwrap();
        for path in ["b.lua", "a.lua", "lib/deep/x.lua", "readme.txt"] {
            std::fs::write(folder.path().join(path), "return 1").unwrap();
        }
        let names: Vec<_> = read(folder.path()).unwrap().iter().map(|s| s.name.clone()).collect();
        assert_eq!(names, ["a", "b", "lib.deep.x"]);
        assert!(read(&folder.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bad.lua"), [0xff, 0xfe]).unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().ends_with("bad.lua: not UTF-8"));
    }
}

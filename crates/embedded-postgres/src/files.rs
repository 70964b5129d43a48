//! Small things done to files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use crate::Error;
use crate::error::io_error;

/// An account to run a program as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Opens a file to lock, without touching what it holds. Rust opens files so that no child
/// inherits them: the lock dies with this process.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Makes a folder that nobody else may enter. Its parents, where they are missing, get the usual
/// permissions: another account that the folder may be given to has to get through them.
pub(crate) fn make_private(dir: &Path) -> Result<(), Error> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io_error("create", dir)(e));
        }
        Ok(()) | Err(_) => {}
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(io_error("set the permissions of", dir))
}

/// Removes a folder with all that is in it; a missing one is fine.
pub(crate) fn remove_dir(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a file; a missing one is fine.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes an account the owner of a folder and of all in it. Walks it only when the folder itself
/// belongs to somebody else.
pub(crate) fn give_to(path: &Path, account: Account) -> Result<(), Error> {
    let about = fs::symlink_metadata(path).map_err(io_error("look at", path))?;
    if about.uid() == account.uid {
        return Ok(());
    }
    if about.is_dir() {
        for entry in fs::read_dir(path).map_err(io_error("list", path))? {
            give_to(&entry.map_err(io_error("list", path))?.path(), account)?;
        }
    }
    // Last, so that an interrupted walk is taken up again.
    lchown(path, Some(account.uid), Some(account.gid))
        .map_err(io_error("change the owner of", path))
}

/// The last lines of a file, for an error message; empty when it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_what_is_not_there_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        remove_dir(&dir.path().join("nothing")).unwrap();
        remove_file(&dir.path().join("nothing")).unwrap();
        assert!(matches!(remove_file(dir.path()), Err(Error::Io { action: "remove", .. })));
    }

    #[test]
    fn a_tail_is_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        fs::write(&file, (0..100).map(|n| format!("{n}\n")).collect::<String>()).unwrap();
        assert!(tail(&file).starts_with("88; ") && tail(&file).ends_with("; 99"));
        assert_eq!(tail(&dir.path().join("nothing")), "");
    }

    #[test]
    fn a_private_folder_is_closed_to_others_even_if_it_was_open() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&deep).unwrap();
        assert_eq!(fs::metadata(&deep).unwrap().mode() & 0o777, 0o700);
    }
}

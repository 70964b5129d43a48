//! The folder of the unix socket.
//!
//! The address of a unix socket holds about 100 bytes, fewer than many a project's path, so the
//! socket does not lie beside the data but in the folder for temporary files. Whoever can connect
//! is let in without a password; that is safe because nobody else can enter the folder.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::io_error;
use crate::files::Account;

/// The port is part of the socket's name only.
pub(crate) const PORT: u16 = 5432;

/// The longest address that every platform takes, without its closing zero.
const LONGEST: usize = 103;

/// The files PostgreSQL makes in the folder.
pub(crate) fn files(dir: &Path) -> [PathBuf; 2] {
    [dir.join(format!(".s.PGSQL.{PORT}")), dir.join(format!(".s.PGSQL.{PORT}.lock"))]
}

/// Makes the folder of the socket for a database folder, closed to everybody but `owner`, or
/// checks that it is that when it exists.
pub(crate) fn prepare(database: &Path, owner: Account) -> Result<PathBuf, Error> {
    prepare_in(&[&std::env::temp_dir(), Path::new("/tmp")], database, owner)
}

fn prepare_in(places: &[&Path], database: &Path, owner: Account) -> Result<PathBuf, Error> {
    let name = format!("tavern-pg-{}-{:016x}", owner.uid, hash(database.as_os_str().as_bytes()));
    let dir = places
        .iter()
        .map(|place| place.join(&name))
        .find(|dir| files(dir)[0].as_os_str().len() <= LONGEST)
        .ok_or_else(|| Error::NotOurs { path: name.into(), why: "its path is too long" })?;
    match fs::DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(io_error("create", &dir)(e)),
    }
    // Only root can have to hand it over; what root finds as its own it made itself, here or in an
    // earlier life that was cut short.
    let made_by = rustix::process::geteuid().as_raw();
    let about = fs::symlink_metadata(&dir).map_err(io_error("look at", &dir))?;
    if !about.is_dir() {
        return Err(Error::NotOurs { path: dir, why: "it is no folder" });
    }
    if about.uid() != owner.uid && about.uid() != made_by {
        return Err(Error::NotOurs { path: dir, why: "it belongs to another user" });
    }
    if about.mode() & 0o777 != 0o700 {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
            .map_err(io_error("set the permissions of", &dir))?;
    }
    if about.uid() != owner.uid {
        lchown(&dir, Some(owner.uid), Some(owner.gid))
            .map_err(io_error("change the owner of", &dir))?;
    }
    Ok(dir)
}

/// FNV-1a, 64 bits: the same in every build, which the standard library's hashes are not.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Account {
        Account {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }

    #[test]
    fn the_hash_is_fixed() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn the_folder_is_closed_and_stays_the_same() {
        let tmp = tempfile::tempdir().unwrap();
        let made = prepare_in(&[tmp.path()], Path::new("/some/database"), me()).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&made, fs::Permissions::from_mode(0o777)).unwrap();
        let again = prepare_in(&[tmp.path()], Path::new("/some/database"), me()).unwrap();
        assert_eq!(made, again);
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        let other = prepare_in(&[tmp.path()], Path::new("/other/database"), me()).unwrap();
        assert_ne!(made, other);
    }

    #[test]
    fn a_folder_that_is_not_ours_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let database = Path::new("/some/database");
        let made = prepare_in(&[tmp.path()], database, me()).unwrap();
        // A link that somebody put there beforehand, to a folder of ours.
        fs::remove_dir(&made).unwrap();
        std::os::unix::fs::symlink(tmp.path(), &made).unwrap();
        let error = prepare_in(&[tmp.path()], database, me()).unwrap_err();
        assert!(matches!(error, Error::NotOurs { why: "it is no folder", .. }), "{error}");
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        // A name for a user who is not us: the folder we make is then not that user's, and being
        // somebody else we must not use it. Root may hand it over instead, so root looks at one
        // that belongs to a third.
        let tmp = tempfile::tempdir().unwrap();
        let database = Path::new("/some/database");
        let owner = Account { uid: me().uid + 1, gid: me().gid };
        let made = tmp.path().join(format!(
            "tavern-pg-{}-{:016x}",
            owner.uid,
            hash(database.as_os_str().as_bytes())
        ));
        fs::create_dir(&made).unwrap();
        let third = lchown(&made, Some(me().uid + 2), None);
        let outcome = prepare_in(&[tmp.path()], database, owner);
        if third.is_ok() {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::NotOurs { why: "it belongs to another user", .. }));
        } else {
            // Not root: handing it over is refused.
            assert!(matches!(outcome, Err(Error::Io { action: "change the owner of", .. })));
        }
    }

    #[test]
    fn a_long_folder_for_temporary_files_is_passed_over() {
        let tmp = tempfile::tempdir().unwrap();
        let long = tmp.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        let database = Path::new("/some/database");
        let made = prepare_in(&[&long, tmp.path()], database, me()).unwrap();
        assert_eq!(made.parent(), Some(tmp.path()));
        let error = prepare_in(&[&long], database, me()).unwrap_err();
        assert!(matches!(error, Error::NotOurs { why: "its path is too long", .. }), "{error}");
    }
}

//! The PostgreSQL that this library carries.

#[cfg(bundled_postgres)]
pub(crate) use carried::{ID, install};

/// The name of what is carried; `None` when nothing is.
#[cfg(not(bundled_postgres))]
pub(crate) const ID: Option<&str> = None;

/// Nothing is carried for this target.
#[cfg(not(bundled_postgres))]
pub(crate) fn install(
    _cache: &std::path::Path,
    _again: bool,
) -> Result<std::path::PathBuf, crate::Error> {
    Err(crate::Error::NoPostgres { tried: "none is bundled for this platform".to_owned() })
}

#[cfg(bundled_postgres)]
mod carried {
    use std::fs;
    use std::io;
    use std::path::{Path, PathBuf};

    use ruzstd::decoding::StreamingDecoder;

    use crate::Error;
    use crate::error::io_error;
    use crate::files;

    static ARCHIVE: &[u8] = include_bytes!(env!("BUNDLED_POSTGRES"));
    const NAME: &str = env!("BUNDLED_POSTGRES_ID");
    /// The name of what is carried; `None` when nothing is.
    pub(crate) const ID: Option<&str> = Some(NAME);

    const TEMPORARY: &str = ".unpack-";

    /// The folder of the unpacked programs; unpacks them first when they are not there yet, or
    /// `again`, when what is there does not run.
    ///
    /// Safe for any number of processes at once, and at any moment a process may be killed: one
    /// unpacks at a time, into a temporary folder that gets its name only when it is whole.
    pub(crate) fn install(cache: &Path, again: bool) -> Result<PathBuf, Error> {
        let home = cache.join(NAME);
        let programs = home.join("bin");
        if !again && programs.join("postgres").is_file() {
            return Ok(programs);
        }
        fs::create_dir_all(cache).map_err(io_error("create", cache))?;
        let lock = cache.join(".lock");
        let lock = files::open_lock(&lock).map_err(io_error("open", &lock))?;
        lock.lock().map_err(io_error("lock", cache))?;
        if again {
            files::remove_dir(&home)?;
        } else if programs.join("postgres").is_file() {
            // Somebody else unpacked it while this process waited for the lock.
            return Ok(programs);
        }
        remove_abandoned(cache)?;
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(cache)
            .map_err(io_error("create a folder in", cache))?;
        unpack(temporary.path()).map_err(io_error("unpack PostgreSQL into", temporary.path()))?;
        fs::rename(temporary.path(), &home).map_err(io_error("create", &home))?;
        Ok(programs)
    }

    fn unpack(into: &Path) -> io::Result<()> {
        let decoder = StreamingDecoder::new(ARCHIVE).map_err(io::Error::other)?;
        tar::Archive::new(decoder).unpack(into)
    }

    /// Temporary folders of processes that were killed; nobody else is unpacking, for we hold the
    /// lock.
    fn remove_abandoned(cache: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(cache).map_err(io_error("list", cache))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                files::remove_dir(&entry.path())?;
            }
        }
        Ok(())
    }
}

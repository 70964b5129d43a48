//! Fresh secrets.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tavern_domain::Entropy;

use super::{Exit, Failure, say};
use crate::config::keygen_file;

#[derive(Debug, thiserror::Error)]
enum KeygenError {
    /// Whoever uses the old secrets would be locked out.
    #[error("{} exists and is not overwritten", .0.display())]
    Exists(PathBuf),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// Writes fresh secrets to a new file that only its owner can read, or to `out`.
pub(crate) fn run(
    file: Option<&Path>,
    entropy: &dyn Entropy,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = keygen_file(entropy);
    let Some(path) = file else {
        say(out, &text);
        return Ok(());
    };
    write_new(path, &text).map_err(|source| {
        let path = path.to_owned();
        let exists = source.kind() == ErrorKind::AlreadyExists;
        let error =
            if exists { KeygenError::Exists(path) } else { KeygenError::Write { path, source } };
        Failure::new(Exit::Failed, error)
    })?;
    let path = path.display();
    say(out, &format!("wrote {path}; start with: tavern --config {path}\n"));
    Ok(())
}

pub(super) fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::SeededEntropy;

    #[test]
    fn the_file_is_for_its_owner_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.yaml");
        let mut out = Vec::new();
        run(Some(&path), &SeededEntropy::new(1), &mut out).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let failure = run(Some(&path), &SeededEntropy::new(2), &mut out).unwrap_err();
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.to_string().contains("not overwritten"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        let told = String::from_utf8(out).unwrap();
        assert!(told.starts_with("wrote ") && !told.contains("server_key"), "{told}");
    }

    #[test]
    fn every_run_makes_other_secrets() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        run(None, &SeededEntropy::new(1), &mut a).unwrap();
        run(None, &SeededEntropy::new(2), &mut b).unwrap();
        assert_ne!(a, b);
        assert!(String::from_utf8(a).unwrap().contains("encryption_key: "));
    }
}

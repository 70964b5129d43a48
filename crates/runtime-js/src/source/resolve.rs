//! Which file an import means. Nothing outside the folder of modules can be meant.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::SourceError;

/// The folder of modules.
pub(super) struct Root {
    path: PathBuf,
}

/// A file in it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its path relative to the folder, with slashes.
    pub(super) name: Arc<str>,
    pub(super) path: PathBuf,
}

/// Endings that an import may leave out, in the order in which they are tried.
const ENDINGS: [&str; 6] = [".ts", ".mts", ".js", ".mjs", "/index.ts", "/index.js"];

impl Root {
    pub(super) fn new(path: &Path) -> Result<Self, SourceError> {
        let path = path
            .canonicalize()
            .map_err(|source| SourceError::Read { file: path.display().to_string(), source })?;
        Ok(Self { path })
    }

    pub(super) fn entry(&self, entry: &Path) -> Result<Found, SourceError> {
        let name = entry.display().to_string();
        self.file(&entry.to_string_lossy()).ok_or_else(|| SourceError::Read {
            file: name,
            source: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "there is no such file in the folder of modules",
            ),
        })
    }

    pub(super) fn import(&self, importer: &Found, specifier: &str) -> Result<Found, SourceError> {
        let wrong = |problem| SourceError::Import {
            importer: importer.name.to_string(),
            specifier: specifier.to_owned(),
            problem,
        };
        let relative = specifier.starts_with("./") || specifier.starts_with("../");
        let folder = if relative {
            importer.name.rsplit_once('/').map_or("", |(folder, _)| folder)
        } else {
            ""
        };
        let joined =
            join(folder, specifier).ok_or_else(|| wrong("it is outside the folder of modules"))?;
        self.guess(&joined).ok_or_else(|| {
            wrong(if relative {
                "there is no such file"
            } else {
                "there is no such file in the folder of modules; packages must be bundled"
            })
        })
    }

    fn guess(&self, name: &str) -> Option<Found> {
        if let Some(found) = self.file(name) {
            return Some(found);
        }
        // TypeScript has imports name the file that the compiler would write.
        let written = name.strip_suffix(".js").or_else(|| name.strip_suffix(".mjs"));
        written
            .and_then(|stem| [".ts", ".mts"].iter().find_map(|e| self.file(&format!("{stem}{e}"))))
            .or_else(|| ENDINGS.iter().find_map(|e| self.file(&format!("{name}{e}"))))
    }

    fn file(&self, name: &str) -> Option<Found> {
        let name = join("", name)?;
        let path = self.path.join(&name).canonicalize().ok()?;
        // A link may lead out of the folder.
        (path.is_file() && path.starts_with(&self.path)).then(|| Found { name: name.into(), path })
    }
}

/// `folder` and `path` as one, without dots; `None` when it leads out.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(join("a/b", "../c.ts").as_deref(), Some("a/c.ts"));
        assert_eq!(join("a", "./b/../c").as_deref(), Some("a/c"));
        assert_eq!(join("a", "../../c"), None);
        assert_eq!(join("", "/etc/passwd"), None);
    }
}

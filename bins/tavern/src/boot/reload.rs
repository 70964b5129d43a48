//! In development, changed files of server code are loaded without a restart.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tavern_api::{Api, ServerHost, Services};
use tavern_runtime_hooks::{Hooks, Host, reload};

use super::changes::Changes;
use super::phases::{Core, MODULE_LIMIT};
use crate::scripts;

/// How long nothing must change before what has changed is loaded: editors write in steps.
const SETTLED: Duration = Duration::from_millis(500);
/// The most files that are looked at, and how deep.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 16;

/// Waits for a change in the folder of modules and loads it again when it has settled. What does
/// not load leaves the code before it running.
pub(super) fn watch(core: &Core, services: &Arc<Services>, api: &Arc<Api>, hooks: &Hooks) {
    let stop = core.life.drain().clone();
    let stopped = stop.clone();
    let (settings, metrics) = (core.settings.clone(), core.metrics.clone());
    let (services, api, hooks) = (Arc::clone(services), Arc::clone(api), hooks.clone());
    core.life.spawn_critical("server code", stop, async move {
        let folder = settings.modules_dir();
        let mut changes = Changes::new();
        let (mut loaded, folders) = look(folder.clone()).await;
        changes.watch(folders);
        let mut last = loaded;
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                () = changes.next(last != loaded) => {}
            }
            tokio::select! {
                () = stopped.cancelled() => return,
                () = tokio::time::sleep(SETTLED) => {}
            }
            let (now, folders) = look(folder.clone()).await;
            changes.watch(folders);
            if std::mem::replace(&mut last, now) != now || now == loaded {
                continue;
            }
            loaded = now;
            let modules = scripts::modules(&settings, &metrics);
            let host: Arc<dyn Host> = Arc::new(ServerHost::new(Arc::clone(&services)));
            match reload(&hooks, modules, host, MODULE_LIMIT).await {
                Ok(()) => {
                    tracing::info!("server code reloaded");
                    if let Err(error) = api.load_indexes().await {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "the storage indexes are those of the code before");
                    }
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "changed server code does not load; the old runs on");
                }
            }
        }
    });
}

/// A number that changes when a file does, and the folders that were looked at.
async fn look(folder: PathBuf) -> (u64, Vec<PathBuf>) {
    let looked = tokio::task::spawn_blocking(move || {
        let mut looked =
            Look { hasher: DefaultHasher::new(), left: MOST_FILES, folders: Vec::new() };
        looked.walk(&folder, DEEPEST);
        (looked.hasher.finish(), looked.folders)
    });
    looked.await.unwrap_or_default()
}

struct Look {
    hasher: DefaultHasher,
    left: usize,
    folders: Vec<PathBuf>,
}

impl Look {
    fn walk(&mut self, folder: &Path, deep: usize) {
        self.folders.push(folder.to_owned());
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.flatten().take(self.left).collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let Ok(about) = entry.metadata() else { continue };
            if hidden || self.left == 0 {
                continue;
            }
            self.left -= 1;
            if about.is_dir() {
                if deep > 0 && entry.file_name() != "node_modules" {
                    self.walk(&entry.path(), deep - 1);
                }
            } else {
                (entry.path(), about.len(), about.modified().ok()).hash(&mut self.hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_look_tells_when_a_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/index.ts");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let look = || async { super::look(folder.path().to_path_buf()).await.0 };
        let empty = look().await;
        std::fs::write(&path, "a").unwrap();
        let one = look().await;
        assert_ne!(empty, one);
        assert_eq!(one, look().await);
        std::fs::write(&path, "longer").unwrap();
        assert_ne!(one, look().await);
    }
}

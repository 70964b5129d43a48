//! In development, changed files of server code are loaded without a restart.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tavern_api::{ServerHost, Services};
use tavern_runtime_hooks::{Hooks, Host, reload};

use super::phases::{Core, MODULE_LIMIT};
use crate::scripts;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most files that are looked at, and how deep.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 16;

/// Looks at the folder of modules and loads it again when something in it has changed, and has
/// not changed again since the last look. What does not load leaves the code before it running.
pub(super) fn watch(core: &Core, services: &Arc<Services>, hooks: &Hooks) {
    let stop = core.life.drain().clone();
    let stopped = stop.clone();
    let (settings, metrics) = (core.settings.clone(), core.metrics.clone());
    let (services, hooks) = (Arc::clone(services), hooks.clone());
    core.life.spawn_critical("server code", stop, async move {
        let folder = settings.modules_dir();
        let mut loaded = look(folder.clone()).await;
        let mut last = loaded;
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let now = look(folder.clone()).await;
            if std::mem::replace(&mut last, now) != now || now == loaded {
                continue;
            }
            loaded = now;
            let modules = scripts::modules(&settings, &metrics);
            let host: Arc<dyn Host> = Arc::new(ServerHost::new(Arc::clone(&services)));
            match reload(&hooks, modules, host, MODULE_LIMIT).await {
                Ok(()) => tracing::info!("server code reloaded"),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "changed server code does not load; the old runs on");
                }
            }
        }
    });
}

/// A number that changes when a file does.
async fn look(folder: PathBuf) -> u64 {
    let looked = tokio::task::spawn_blocking(move || {
        let mut hasher = DefaultHasher::new();
        let mut left = MOST_FILES;
        walk(&folder, DEEPEST, &mut left, &mut hasher);
        hasher.finish()
    });
    looked.await.unwrap_or_default()
}

fn walk(folder: &Path, deep: usize, left: &mut usize, hasher: &mut DefaultHasher) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().take(*left).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let Ok(about) = entry.metadata() else { continue };
        if hidden || *left == 0 {
            continue;
        }
        *left -= 1;
        if about.is_dir() {
            if deep > 0 && entry.file_name() != "node_modules" {
                walk(&entry.path(), deep - 1, left, hasher);
            }
        } else {
            (entry.path(), about.len(), about.modified().ok()).hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_tells_when_a_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/index.ts");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let empty = look(folder.path().to_path_buf()).await;
        std::fs::write(&path, "a").unwrap();
        let one = look(folder.path().to_path_buf()).await;
        assert_ne!(empty, one);
        assert_eq!(one, look(folder.path().to_path_buf()).await);
        std::fs::write(&path, "longer").unwrap();
        assert_ne!(one, look(folder.path().to_path_buf()).await);
    }
}

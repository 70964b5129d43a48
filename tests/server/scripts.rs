//! Files of server code, and calls of it.

use std::path::Path;

use tavern::config::Settings;

use crate::harness::{HTTP_KEY, World};
use crate::http::{Answer, As, ask};

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Settings for modules in this folder.
pub(crate) fn with(path: &Path) -> impl FnOnce(&mut Settings) {
    let path = path.to_path_buf();
    move |settings| {
        settings.runtime.path = path;
        settings.runtime.js_min_count = 2;
        settings.runtime.js_max_count = 2;
        settings.runtime.script_call_cpu_ms = 300;
    }
}

/// Calls a function as the studio's servers do.
pub(crate) async fn rpc(world: &World, id: &str, payload: &str) -> Answer {
    let path = format!("/v2/rpc/{id}?unwrap&http_key={HTTP_KEY}");
    ask(world.at.game.http, As::Nobody, "POST", &path, payload).await
}

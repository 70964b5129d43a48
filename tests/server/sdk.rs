//! The public JavaScript SDK, from its registry, against a server that was started as a user
//! would. Needs Node.js 20 and npm; without them this fails rather than skips.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tavern_runtime_hooks::Module;
use tokio::process::Command;

use crate::boards::Boards;
use crate::envelopes::{Envelopes, update_parties};
use crate::harness::{SERVER_KEY, World};
use crate::scripts::with;

#[tokio::test]
async fn the_javascript_sdk_signs_in_chats_and_plays() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sdk");
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
        .current_dir(&folder);
    let installed = install.status().await.expect("npm is installed");
    assert!(installed.success(), "npm ci failed");
    let envelopes = Arc::new(Envelopes::default());
    let modules = [Arc::new(Boards::default()) as Arc<dyn Module>, Arc::clone(&envelopes) as _];
    let scripts = folder.join("modules");
    let mut world = World::with(modules.into(), |settings| {
        with(&scripts)(settings);
        settings.matchmaker.interval_sec = 1;
    })
    .await;
    let mut tests = Command::new("npm");
    tests
        .args(["test", "--silent"])
        .current_dir(&folder)
        .env("TAVERN_PORT", world.at.game.http.port().to_string())
        .env("TAVERN_SERVER_KEY", SERVER_KEY)
        .stdin(Stdio::null());
    let output = tests.output().await.expect("node is installed");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("fail 0"), "{report}");
    update_parties(world.at.game.http).await;
    world.stop().await;
    assert_eq!(envelopes.missing(), [""; 0], "no test sends these messages");
}

//! The server as a process.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{HTTP_KEY, PATIENCE, SERVER_KEY, program};

/// A running server process. Killed when it is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) http: std::net::SocketAddr,
}

/// A command with the settings of the tests.
pub(crate) fn command(package: &str, data: &Path) -> Command {
    let mut command = Command::new(program(package));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .env("TAVERN_SESSION__ENCRYPTION_KEY", "the-session-key-of-the-tests-0123456789")
        .env("TAVERN_SESSION__REFRESH_ENCRYPTION_KEY", "the-refresh-key-of-the-tests-0123456789")
        .env("TAVERN_SOCKET__SERVER_KEY", SERVER_KEY)
        .env("TAVERN_RUNTIME__HTTP_KEY", HTTP_KEY)
        .arg("--data_dir")
        .arg(data)
        .args(["--socket.address", "127.0.0.1", "--socket.port", "0"])
        .args(["--metrics.address", "127.0.0.1", "--metrics.prometheus_port", "-1"])
        .kill_on_drop(true);
    command
}

impl Process {
    /// Starts a server and waits until it says that it is ready.
    pub(crate) async fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(at) = value["http"].as_str() {
                    return at.parse().ok();
                }
            }
            None
        };
        let http = tokio::time::timeout(PATIENCE, ready).await.expect("ready in time");
        let http = http.expect("the server says where it is");
        // What it writes from now on must not fill the pipe.
        drop(tokio::task::spawn_blocking(move || drop(lines)));
        Self { child, http }
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

//! Being told when something in a folder changes.

use std::path::PathBuf;
use std::time::Duration;

/// How often to look where the system tells nobody.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits for changes in folders: by being told where the system does that, else by time.
pub(super) struct Changes {
    told: Option<told::Told>,
    /// The first folder is not there, so that nothing can tell when it comes.
    missing: bool,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self { told: told::Told::new(), missing: false }
    }

    /// Watches these folders too, the first before all; those that are watched already may be
    /// among them.
    pub(super) fn watch(&mut self, folders: Vec<PathBuf>) {
        self.missing = folders.first().is_none_or(|first| !first.is_dir());
        if self.told.as_ref().is_some_and(|told| !folders.iter().all(|folder| told.watch(folder))) {
            // More than the system watches for one user.
            self.told = None;
        }
    }

    /// Returns when something has changed, or may have; at once when told so.
    pub(super) async fn next(&mut self, at_once: bool) {
        match &mut self.told {
            _ if at_once => {}
            Some(told) if !self.missing => told.next().await,
            Some(_) | None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

#[cfg(target_os = "linux")]
mod told {
    use std::os::fd::AsFd as _;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use rustix::io::Errno;
    use tokio::net::unix::pipe::Receiver;

    /// Room for some events; those that do not fit are read next.
    const ROOM: usize = 4_096;

    /// What inotify tells. It is read like a pipe.
    pub(super) struct Told(Receiver);

    impl Told {
        pub(super) fn new() -> Option<Self> {
            let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            Receiver::from_owned_fd_unchecked(events).ok().map(Self)
        }

        /// `false` when it cannot be watched though it is there.
        pub(super) fn watch(&self, folder: &Path) -> bool {
            let what = WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::ATTRIB
                | WatchFlags::MODIFY;
            match inotify::add_watch(self.0.as_fd(), folder, what) {
                // What is gone was told of.
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => true,
                Err(_) => false,
            }
        }

        /// Waits for events and throws away what they are.
        pub(super) async fn next(&mut self) {
            let mut room = [0; ROOM];
            while self.0.readable().await.is_ok() {
                let mut any = false;
                while self.0.try_read(&mut room).is_ok() {
                    any = true;
                }
                if any {
                    return;
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod told {
    use std::path::Path;

    /// Nobody tells.
    pub(super) enum Told {}

    impl Told {
        pub(super) fn new() -> Option<Self> {
            None
        }

        pub(super) fn watch(&self, _: &Path) -> bool {
            match *self {}
        }

        pub(super) async fn next(&mut self) {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_ends_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::new();
        changes.watch(vec![folder.path().to_owned(), folder.path().join("missing")]);
        for text in ["a", "longer"] {
            std::fs::write(folder.path().join("index.ts"), text).unwrap();
            changes.next(false).await;
        }
        changes.next(true).await;
    }
}

//! The thread that owns the child process.
//!
//! It is a thread, and one for the whole life of the database, because the kernel ends the child
//! when the *thread* that forked it ends; a worker of an async runtime may end at any time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::cluster::{Folder, Runner};
use crate::error::io_error;
use crate::files::{self, Account};
use crate::programs::{self, Origin, Programs};
use crate::{Config, Ended, Error, processes, socket};

/// How often timers are woken. A time-out fires up to this much late.
const WAKE: Duration = Duration::from_millis(200);
/// The same until the self-check has passed, so that it does not slow the start down.
const WAKE_EARLY: Duration = Duration::from_millis(2);
/// How long an earlier postmaster gets to stop in order.
const GRACE: Duration = Duration::from_secs(10);

/// What the thread is told. Dropping the sender tells it to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// The self-check has passed.
    Checked,
    /// Stop.
    Stop,
}

/// What became of the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It runs, as far as is known.
    Running,
    /// It was stopped; in order or not.
    Stopped { clean: bool },
    /// It ended unasked.
    Ended(Ended),
}

/// What a database is like once it runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) root: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) origin: Origin,
    /// The account it runs as, if it is not our own.
    pub(crate) account: Option<Account>,
}

/// How the programs are found: a parameter, so that tests can have others.
pub(crate) type Find = fn(&Config, Option<u32>) -> Result<Programs, Error>;

/// The thread's whole life.
pub(crate) fn run(
    config: &Config,
    find: Find,
    ready: oneshot::Sender<Result<Running, Error>>,
    orders: &Receiver<Order>,
    state: &watch::Sender<State>,
) {
    let started = start(config, find, &ready);
    // Held, and with it the folder's lock, until the child is gone.
    let mut database = match started {
        Ok(database) => database,
        Err(error) => {
            // Nobody may be waiting any more, and then nobody wants to know.
            drop(ready.send(Err(error)));
            return;
        }
    };
    let last = if ready.send(Ok(database.about())).is_ok() {
        database.supervise(config, orders)
    } else {
        database.stop(config)
    };
    drop(database);
    state.send_replace(last);
}

/// A database that runs, and the lock on its folder.
struct Database {
    runner: Runner,
    socket: PathBuf,
    child: Child,
    _lock: File,
}

fn start(
    config: &Config,
    find: Find,
    ready: &oneshot::Sender<Result<Running, Error>>,
) -> Result<Database, Error> {
    files::make_private(&config.dir)?;
    let root = config.dir.canonicalize().map_err(io_error("look at", &config.dir))?;
    let folder = Folder { root };
    let lock = lock(&folder)?;
    let data = folder.data();
    let made = programs::cluster_version(&data).map_err(io_error("read", &data))?;
    let programs = find(config, made)?;
    let account = account_for(&programs);
    let runner = Runner { programs, folder, account };
    let owner = account.unwrap_or_else(own_account);
    let socket = socket::prepare(&runner.folder.root, owner)?;
    runner.folder.clear(&socket, GRACE)?;
    // An earlier life may have run as another user.
    files::give_to(&runner.folder.root, owner)?;
    if made.is_some() {
        files::give_to(&data, owner)?;
    }
    runner.make_cluster()?;
    let child = runner.start_server(&socket, config, || ready.is_closed())?;
    Ok(Database { runner, socket, child, _lock: lock })
}

impl Database {
    fn about(&self) -> Running {
        Running {
            root: self.runner.folder.root.clone(),
            socket: self.socket.clone(),
            origin: self.runner.programs.origin,
            account: self.runner.account,
        }
    }

    fn supervise(&mut self, config: &Config, orders: &Receiver<Order>) -> State {
        let mut pause = WAKE_EARLY;
        loop {
            match orders.recv_timeout(pause) {
                Ok(Order::Checked) => pause = WAKE,
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return self.stop(config),
                Err(RecvTimeoutError::Timeout) => {}
            }
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    let ended = self.runner.ended(status);
                    tracing::error!(status = ended.status, "the embedded database has ended");
                    return State::Ended(ended);
                }
                Err(error) => tracing::error!(%error, "cannot watch the embedded database"),
            }
            if self.runner.programs.needs_waking {
                processes::wake_timers(self.child.id());
            }
        }
    }

    fn stop(&mut self, config: &Config) -> State {
        let clean = self.runner.stop_server(&mut self.child, config.stop_timeout);
        // Gone unless the database left something in it; then the next start clears up.
        drop(std::fs::remove_dir(&self.socket));
        State::Stopped { clean }
    }
}

/// Takes the folder for this process. The lock dies with its holder, however that dies, so it is
/// never stale.
fn lock(folder: &Folder) -> Result<File, Error> {
    let path = folder.lock();
    let mut file = files::open_lock(&path).map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(Error::InUse { dir: folder.root.clone(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    }
    sign(&mut file).map_err(io_error("write", &path))?;
    Ok(file)
}

/// For the message that the next one gets.
fn sign(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn own_account() -> Account {
    Account { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
}

/// Stock PostgreSQL refuses to run as root, so it runs as its usual user, or as nobody. The
/// bundled one does run as root.
fn account_for(programs: &Programs) -> Option<Account> {
    let root = rustix::process::geteuid().is_root();
    (root && programs.origin == Origin::System).then(|| {
        let users = std::fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
        account_named("postgres", &users).unwrap_or(Account { uid: 65_534, gid: 65_534 })
    })
}

fn account_named(name: &str, users: &str) -> Option<Account> {
    let mut fields = users
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_looked_up_by_their_whole_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\nxpostgres:x:1:1::/:\n\
                     postgres:x:105:113:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(account_named("postgres", users), Some(Account { uid: 105, gid: 113 }));
        assert_eq!(account_named("post", users), None);
    }
}

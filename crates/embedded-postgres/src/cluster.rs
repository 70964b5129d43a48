//! The cluster on the disk and the commands that work on it. Everything here blocks.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use tokio::time::Instant;

use crate::error::io_error;
use crate::files::{self, Account};
use crate::programs::Programs;
use crate::{Config, Ended, Error, processes, socket};

/// A database's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
}

impl Folder {
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// A cluster that is being made. It gets its name when it is whole.
    fn unfinished(&self) -> PathBuf {
        self.root.join("data.init")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What the present or last postmaster wrote about itself, line by line.
    fn about_postmaster(&self) -> Vec<String> {
        fs::read_to_string(self.data().join("postmaster.pid"))
            .map(|text| text.lines().map(|line| line.trim().to_owned()).collect())
            .unwrap_or_default()
    }

    /// The process id in the postmaster's own file; it may be long gone.
    pub(crate) fn postmaster(&self) -> Option<u32> {
        self.about_postmaster().first()?.parse().ok()
    }

    fn is_ready(&self, postmaster: u32) -> bool {
        let about = self.about_postmaster();
        about.first().is_some_and(|pid| *pid == postmaster.to_string())
            && about.get(7).is_some_and(|state| state == "ready")
    }

    /// Ends what an earlier life left running, and removes what it left lying about. The caller
    /// holds the lock.
    ///
    /// A stale pid file would block the start whenever its number belongs to some process again,
    /// which in a container is the rule.
    pub(crate) fn clear(&self, socket: &Path, grace: Duration) -> Result<(), Error> {
        for dir in [self.data(), self.unfinished(), self.root.clone()] {
            processes::end_orphans(&dir, self.postmaster(), grace);
        }
        files::remove_file(&self.data().join("postmaster.pid"))?;
        for file in socket::files(socket) {
            files::remove_file(&file)?;
        }
        files::remove_dir(&self.unfinished())
    }
}

/// How to run the programs of one database.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(crate) programs: Programs,
    pub(crate) folder: Folder,
    /// The account to run as, when it is not our own.
    pub(crate) account: Option<Account>,
}

impl Runner {
    /// A command that dies with the thread that starts it: that thread has to live as long as the
    /// database.
    fn command(&self, program: &str, dir: &Path) -> Command {
        let mut command = Command::new(self.programs.bin.join(program));
        command.current_dir(dir).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["PG", "LC_", "LANG"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(&*name);
            }
        }
        command.env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        // A group of its own: an interrupt typed at the terminal reaches us alone, and we decide in
        // which order things stop.
        command.process_group(0);
        let parent = getpid();
        #[expect(unsafe_code, reason = "the only way to have a child killed with its parent")]
        // SAFETY: between fork and exec only system calls are allowed; these two are nothing else,
        // and neither allocates nor locks.
        unsafe {
            // Runs after the change of account, which would clear the setting.
            command.pre_exec(move || {
                #[cfg(target_os = "linux")]
                set_parent_process_death_signal(Some(Signal::INT))?;
                // The parent may have died before the setting held.
                if getppid() == Some(parent) {
                    Ok(())
                } else {
                    Err(io::Error::from(io::ErrorKind::Interrupted))
                }
            });
        }
        command
    }

    fn start(&self, command: &mut Command) -> Result<Child, Error> {
        processes::start(command).map_err(|source| {
            if let (Some(account), io::ErrorKind::PermissionDenied) = (self.account, source.kind())
            {
                return Error::Unreachable {
                    dir: self.folder.root.clone(),
                    programs: self.programs.bin.clone(),
                    uid: account.uid,
                };
            }
            io_error("run", Path::new(command.get_program()))(source)
        })
    }

    /// Makes the cluster unless there is one. Interrupted at any point, it leaves none.
    pub(crate) fn make_cluster(&self) -> Result<(), Error> {
        let (data, unfinished) = (self.folder.data(), self.folder.unfinished());
        if data.join("PG_VERSION").is_file() {
            return Ok(());
        }
        let mut outcome = self.initdb(&unfinished, self.locale(true));
        if matches!(outcome, Err(Error::InitDb { .. })) {
            // The operating system may not know the locale.
            files::remove_dir(&unfinished)?;
            outcome = self.initdb(&unfinished, self.locale(false));
        }
        outcome?;
        // Without a cluster in it, it is rubbish.
        files::remove_dir(&data)?;
        fs::rename(&unfinished, &data).map_err(io_error("create", &data))?;
        let root = &self.folder.root;
        File::open(root).and_then(|dir| dir.sync_all()).map_err(io_error("sync", root))
    }

    /// Text sorts by code point, as everywhere where the same SQL must give the same order. From
    /// version 17 on PostgreSQL brings such a locale itself.
    fn locale(&self, good: bool) -> &'static [&'static str] {
        match (self.programs.major, good) {
            (17.., true) => {
                &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            }
            (_, true) => &["--locale=C", "--lc-ctype=C.UTF-8"],
            (_, false) => &["--locale=C"],
        }
    }

    fn initdb(&self, into: &Path, locale: &[&str]) -> Result<(), Error> {
        let mut command = self.command("initdb", &self.folder.root);
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--data-checksums"]);
        command.args(locale);
        if self.programs.major >= 14 {
            command.arg("--no-instructions");
        }
        command.arg("-D").arg(into).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = self
            .start(&mut command)?
            .wait_with_output()
            .map_err(io_error("wait for", Path::new("initdb")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::InitDb { output: said.trim().replace('\n', "; ") })
    }

    /// Starts the server and waits until it takes connections. `cancelled` is asked now and then.
    pub(crate) fn start_server(
        &self,
        socket: &Path,
        config: &Config,
        cancelled: impl Fn() -> bool,
    ) -> Result<Child, Error> {
        let log = self.folder.log();
        let output = File::create(&log).map_err(io_error("create", &log))?;
        let mut command = self.command("postgres", &self.folder.data());
        command.arg("-D").arg(self.folder.data()).arg("-k").arg(socket);
        for setting in settings(config) {
            command.args([OsStr::new("-c"), OsStr::new(&setting)]);
        }
        command.stdout(Stdio::null()).stderr(output);
        let mut child = self.start(&mut command)?;
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(Error::DidNotStart(self.ended(status)));
            }
            if self.folder.is_ready(child.id()) {
                return Ok(child);
            }
            if begun.elapsed() > config.start_timeout || cancelled() {
                self.stop_server(&mut child, Duration::ZERO);
                let seconds = config.start_timeout.as_secs();
                return Err(Error::NotReady { seconds, log: files::tail(&log) });
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// Stops the server: politely, then impolitely, then for certain. Answers whether it was done
    /// in order. Takes no longer than `grace` and 5 s.
    pub(crate) fn stop_server(&self, child: &mut Child, grace: Duration) -> bool {
        let steps = [
            // Roll back and disconnect everybody, write everything, end.
            (Signal::INT, grace),
            // End at once; the next start replays the log.
            (Signal::QUIT, Duration::from_secs(3)),
            (Signal::KILL, Duration::from_secs(2)),
        ];
        let mut clean = true;
        for (signal, patience) in steps {
            processes::signal(child.id(), signal);
            let begun = Instant::now();
            while begun.elapsed() <= patience {
                match child.try_wait() {
                    Ok(None) => sleep(Duration::from_millis(2)),
                    Ok(Some(status)) => {
                        clean &= status.success();
                        if !clean {
                            // Killed, it cannot have ended its children.
                            processes::end_orphans(&self.folder.data(), None, Duration::ZERO);
                        }
                        return clean;
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot wait for the database");
                        return false;
                    }
                }
            }
            clean = false;
        }
        clean
    }

    /// What to say about a server that ended by itself.
    pub(crate) fn ended(&self, status: std::process::ExitStatus) -> Ended {
        Ended { status: status.to_string(), log: files::tail(&self.folder.log()) }
    }
}

fn settings(config: &Config) -> Vec<String> {
    let connections = format!("max_connections={}", config.max_connections);
    [
        // Only the socket, in a folder that nobody else can enter.
        "listen_addresses=",
        "unix_socket_permissions=0700",
        &connections,
        // Left to itself initdb may settle for 400 kB.
        "shared_buffers=64MB",
        "max_wal_size=256MB",
        // No replicas.
        "wal_level=minimal",
        "max_wal_senders=0",
        // Small queries only: these two would cost more than they bring.
        "max_parallel_workers_per_gather=0",
        "jit=off",
        // Needs no /dev/shm, and leaves nothing behind there when it is killed.
        "dynamic_shared_memory_type=mmap",
        "deadlock_timeout=300ms",
        "timezone=UTC",
        "log_timezone=UTC",
    ]
    .map(str::to_owned)
    .to_vec()
}

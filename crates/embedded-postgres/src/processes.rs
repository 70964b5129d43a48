//! Other processes: who runs in a folder, whom to signal.
//!
//! The bundled build of PostgreSQL lacks two things that a stock one has, and both are made up for
//! here. Its interval timers are never armed, so nothing fires its time-outs; but its handler of
//! `SIGALRM` is whole and looks at the deadlines whenever it runs, so [`wake_timers`] sends that
//! signal. And it has no interlock against a second server beside a backend that a killed server
//! left behind; so [`end_orphans`] ends those first.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// What a database is told by signals. Whoever starts us may ignore some of them, as shells do for
/// what runs in the background, and a program begins with what its parent ignores.
const HEARD: [nix::sys::signal::Signal; 8] = [
    nix::sys::signal::SIGHUP,
    nix::sys::signal::SIGINT,
    nix::sys::signal::SIGQUIT,
    nix::sys::signal::SIGTERM,
    nix::sys::signal::SIGUSR1,
    nix::sys::signal::SIGUSR2,
    nix::sys::signal::SIGALRM,
    nix::sys::signal::SIGCHLD,
];

/// Starts a program that hears all signals, whatever we ignore. One that was written a moment ago can be busy: a child that another thread is
/// just forking holds the file open until its own program begins. That passes within milliseconds.
pub(crate) fn start(command: &mut Command) -> io::Result<Child> {
    #[expect(unsafe_code, reason = "the only way to change what a child ignores")]
    // SAFETY: between fork and exec only system calls are allowed; these are nothing else, and put
    // no handler in place.
    unsafe {
        command.pre_exec(|| {
            for signal in HEARD {
                nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigDfl)?;
            }
            Ok(())
        });
    }
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tries < 1000 => {
                tries += 1;
                sleep(Duration::from_millis(1));
            }
            outcome => return outcome,
        }
    }
}

/// Sends a signal; a process that is gone is fine.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(?pid, ?signal, %error, "cannot signal a database process");
    }
}

#[cfg(all(test, target_os = "linux"))]
pub(crate) use linux::alive_in;
#[cfg(target_os = "linux")]
pub(crate) use linux::{end_orphans, wake_timers};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::thread::sleep;
    use std::time::Duration;

    use rustix::process::Signal;
    use tokio::time::Instant;

    use super::signal;

    const SIGALRM: u32 = 14;

    /// Makes the database processes look at their deadlines: `SIGALRM` to each child of the
    /// postmaster that catches it. One that does not would die of it, so that is looked up anew
    /// every time; a process that is just being born does not catch it yet.
    pub(crate) fn wake_timers(postmaster: u32) {
        for child in children(postmaster) {
            if catches(child, SIGALRM) {
                signal(child, Signal::ALARM);
            }
        }
    }

    fn children(parent: u32) -> Vec<u32> {
        match fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")) {
            Ok(list) => list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
            // A kernel without that file: ask every process for its parent.
            Err(_) => processes().filter(|pid| parent_of(*pid) == Some(parent)).collect(),
        }
    }

    fn processes() -> impl Iterator<Item = u32> {
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    fn parent_of(pid: u32) -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in brackets, may hold anything, brackets included.
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    fn catches(pid: u32, signal: u32) -> bool {
        fs::read_to_string(format!("/proc/{pid}/status"))
            .is_ok_and(|status| caught(&status) & (1 << (signal - 1)) != 0)
    }

    fn caught(status: &str) -> u64 {
        status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    }

    /// The PostgreSQL processes whose working folder is this one. Nobody else's: a shell that
    /// somebody left in the folder is none.
    pub(crate) fn alive_in(dir: &Path) -> Vec<u32> {
        processes().filter(|pid| is_postgres(*pid) && works_in(*pid, dir)).collect()
    }

    fn works_in(pid: u32, dir: &Path) -> bool {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir)
    }

    fn is_postgres(pid: u32) -> bool {
        // After an upgrade the link reads `postgres (deleted)`.
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| {
            exe.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("postgres") || name.starts_with("initdb"))
        })
    }

    /// Ends every PostgreSQL process that an earlier life left in a folder. The caller holds the
    /// folder's lock, so whoever is there is such a leftover.
    ///
    /// A postmaster among them was told to stop when its parent died, and gets `grace` to do it in
    /// order; backends without one do not know that they should stop, and are killed at once.
    pub(crate) fn end_orphans(dir: &Path, postmaster: Option<u32>, grace: Duration) {
        let begun = Instant::now();
        let mut told = false;
        loop {
            let alive = alive_in(dir);
            let orderly = postmaster.is_some_and(|pid| alive.contains(&pid));
            if alive.is_empty() {
                return;
            }
            if let Some(postmaster) = postmaster.filter(|_| orderly && begun.elapsed() < grace) {
                if !told {
                    told = true;
                    tracing::info!(pid = postmaster, "waiting for an earlier database to stop");
                    signal(postmaster, Signal::INT);
                }
            } else {
                for pid in alive {
                    tracing::warn!(pid, "ending an orphaned database process");
                    signal(pid, Signal::KILL);
                }
            }
            sleep(Duration::from_millis(10));
        }
    }

    #[cfg(test)]
    mod tests {
        use std::io::{BufRead, BufReader, Write};
        use std::process::{Child, Command, Stdio};

        use super::*;
        use crate::processes::start;

        struct Ends(Child);

        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.kill().unwrap();
                self.0.wait().unwrap();
            }
        }

        fn shell(script: &str) -> (Ends, impl Iterator<Item = String> + use<>) {
            let mut child = Command::new("sh")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            (Ends(child), lines)
        }

        #[test]
        fn the_mask_of_caught_signals_is_read() {
            let status = "Name:\tpostgres\nSigIgn:\t0000000001301000\nSigCgt:\t0000000180006287\n";
            assert_eq!(caught(status), 0x1_8000_6287);
            assert_ne!(caught(status) & (1 << (SIGALRM - 1)), 0);
            assert_eq!(caught("Name:\tpostgres\n"), 0);
        }

        #[test]
        fn only_children_that_catch_the_alarm_get_it() {
            // Two children of one shell: the first catches the signal and says so, the second
            // would die of it.
            let script = "
                sh -c 'trap \"echo rang; exit\" ALRM; echo set; while :; do sleep 0.01; done' &
                sh -c 'echo bare; read line; echo lived' <&0 &
                wait";
            // The background jobs of a non-interactive shell read from nothing: hand stdin over.
            let script = format!("exec 3<&0; {}", script.replace("<&0", "<&3"));
            let (mut parent, mut lines) = shell(&script);
            let mut first: Vec<String> = lines.by_ref().take(2).collect();
            first.sort();
            assert_eq!(first, ["bare", "set"]);
            wake_timers(parent.0.id());
            assert_eq!(lines.next().as_deref(), Some("rang"));
            parent.0.stdin.take().unwrap().write_all(b"go on\n").unwrap();
            assert_eq!(lines.next().as_deref(), Some("lived"));
        }

        #[test]
        fn a_stranger_in_the_folder_is_left_alone() {
            let dir = tempfile::tempdir().unwrap();
            let script = format!("cd {} && echo in && exec sleep 1000", dir.path().display());
            let (mut stranger, mut lines) = shell(&script);
            assert_eq!(lines.next().as_deref(), Some("in"));
            assert!(alive_in(dir.path()).is_empty());
            end_orphans(dir.path(), None, Duration::ZERO);
            assert!(stranger.0.try_wait().unwrap().is_none());
        }

        #[test]
        fn an_orphan_in_the_folder_is_ended() {
            let dir = tempfile::tempdir().unwrap();
            let program = dir.path().join("postgres");
            fs::copy("/bin/sleep", &program).unwrap();
            let mut orphan =
                start(Command::new(&program).arg("1000").current_dir(dir.path())).unwrap();
            assert_eq!(alive_in(dir.path()), [orphan.id()]);
            end_orphans(dir.path(), None, Duration::ZERO);
            assert!(!orphan.wait().unwrap().success());
        }

        #[test]
        fn a_postmaster_is_told_to_stop_before_it_is_killed() {
            use std::os::unix::process::ExitStatusExt;
            let dir = tempfile::tempdir().unwrap();
            let program = dir.path().join("postgres");
            fs::copy("/bin/sleep", &program).unwrap();
            let mut old =
                start(Command::new(&program).arg("1000").current_dir(dir.path())).unwrap();
            // `sleep` dies of the polite signal at once; the grace is never used up.
            end_orphans(dir.path(), Some(old.id()), Duration::from_secs(1000));
            assert_eq!(old.wait().unwrap().signal(), Some(2));
        }

        #[test]
        fn a_program_hears_signals_that_we_ignore() {
            use nix::sys::signal::{SIGUSR2, SigHandler, signal};
            let ignored = |text: String| {
                let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
                u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (SIGUSR2 as u32 - 1)) != 0
            };
            #[expect(unsafe_code, reason = "no handler is put in place")]
            // SAFETY: ignoring a signal, which nobody sends to this process, runs no code.
            unsafe { signal(SIGUSR2, SigHandler::SigIgn) }.unwrap();
            assert!(ignored(fs::read_to_string("/proc/self/status").unwrap()));
            let mut status = Command::new("cat");
            let child = start(status.arg("/proc/self/status").stdout(Stdio::piped())).unwrap();
            let told = child.wait_with_output().unwrap().stdout;
            assert!(!ignored(String::from_utf8(told).unwrap()));
        }

        #[test]
        fn parents_are_found_without_the_list_of_children() {
            let (parent, mut lines) = shell("sleep 1000 & echo $!; wait");
            let child: u32 = lines.next().unwrap().parse().unwrap();
            assert_eq!(parent_of(child), Some(parent.0.id()));
            assert_eq!(children(parent.0.id()), [child]);
            signal(child, Signal::KILL);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::path::Path;
    use std::time::Duration;

    /// Only the bundled build needs it, and none is bundled here.
    pub(crate) fn wake_timers(_postmaster: u32) {}

    /// Stock PostgreSQL has an interlock of its own.
    pub(crate) fn end_orphans(_dir: &Path, _postmaster: Option<u32>, _grace: Duration) {}
}
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{end_orphans, wake_timers};

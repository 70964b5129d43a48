//! The processes behind a target: which they are, what CPU time they used, what memory they hold.
//!
//! CPU time comes from the process's own CPU clock, which counts nanoseconds and keeps the time
//! of threads that have ended; the tick counters of `/proc` round to 10 ms, too coarse for a few
//! hundred operations.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::procfs::{self, Resident, Stat, TcpEntry};

/// Ticks per second in `/proc`; fixed by the kernel's interface on every platform we run on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time used so far by one process, all threads, ended ones included.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let pid = i32::try_from(pid).context("not a process id")?;
    let clock = clock_getcpuclockid(Pid::from_raw(pid))
        .with_context(|| format!("process {pid} has no CPU clock: did it end?"))?;
    let time = clock_gettime(clock).with_context(|| format!("CPU clock of process {pid}"))?;
    Ok(Duration::from(time))
}

/// CPU time of this generator.
pub(crate) fn own_cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Resident memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Resident> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    procfs::rollup(&text).with_context(|| format!("{path} is not as expected"))
}

/// The process that listens on `addr`.
pub(crate) fn listener(addr: SocketAddr) -> Result<u32> {
    match listeners(addr.port(), Some(addr)).as_slice() {
        [] => bail!("found no process that listens on {addr}; name it with --server-pid"),
        [pid] => Ok(*pid),
        // A process and the children that inherited its listener: the eldest is the one meant.
        [pid, rest @ ..] => Ok(rest.iter().fold(*pid, |eldest, &other| {
            if stat(eldest).is_some_and(|s| s.parent == other) { other } else { eldest }
        })),
    }
}

/// A database server: its first process, which starts and reaps all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    roots: Vec<u32>,
}

impl Database {
    /// Takes the processes named by the user; each counts with its children.
    pub(crate) fn named(roots: Vec<u32>) -> Self {
        Self { roots }
    }

    /// Finds the PostgreSQL that `server` talks to: by its open connections, else among its own
    /// descendants, else the only one on the machine.
    pub(crate) fn of(server: u32) -> Option<Self> {
        let table = tcp_tables();
        let inodes: HashSet<u64> = socket_inodes(server).into_iter().collect();
        let ports: HashSet<u16> = table
            .iter()
            .filter(|entry| entry.state == procfs::ESTABLISHED && inodes.contains(&entry.inode))
            .map(|entry| entry.remote.port())
            .collect();
        let roots: HashSet<u32> = ports
            .into_iter()
            .flat_map(|port| listeners(port, None))
            .filter(|&pid| pid != server)
            .filter_map(postmaster)
            .collect();
        if !roots.is_empty() {
            return Some(Self { roots: roots.into_iter().collect() });
        }
        let all: HashSet<u32> = every_pid().into_iter().filter_map(postmaster).collect();
        let own: Vec<u32> = all.iter().copied().filter(|&pid| descends_from(pid, server)).collect();
        match (own.is_empty(), all.len()) {
            (false, _) => Some(Self { roots: own }),
            (true, 1) => Some(Self { roots: all.into_iter().collect() }),
            (true, _) => None,
        }
    }

    pub(crate) fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// CPU time of all its processes so far, those of ended backends included.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let mut total = Duration::ZERO;
        let family = every_pid();
        for &root in &self.roots {
            let reaped = stat(root).with_context(|| format!("process {root} ended"))?.reaped_ticks;
            total += cpu_time(root)? + ticks(reaped);
            for &pid in family.iter().filter(|&&pid| stat(pid).is_some_and(|s| s.parent == root)) {
                // A backend that ends right now is in the parent's counter next time.
                total += cpu_time(pid).unwrap_or(Duration::ZERO);
            }
        }
        Ok(total)
    }
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count * 1_000 / TICKS_PER_SECOND)
}

fn stat(pid: u32) -> Option<Stat> {
    procfs::stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The topmost `postgres` above and including `pid`.
fn postmaster(pid: u32) -> Option<u32> {
    let mut top = stat(pid).filter(|s| s.comm == "postgres").map(|s| (pid, s.parent))?;
    while let Some(parent) = stat(top.1).filter(|s| s.comm == "postgres") {
        top = (top.1, parent.parent);
    }
    Some(top.0)
}

fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    while let Some(s) = stat(at) {
        if s.parent == ancestor {
            return true;
        }
        at = s.parent;
    }
    false
}

fn tcp_tables() -> Vec<TcpEntry> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| procfs::tcp_table(&text))
        .collect()
}

/// Processes that hold a listener on the port, and on that address or the wildcard if one is given.
fn listeners(port: u16, addr: Option<SocketAddr>) -> Vec<u32> {
    let inodes: HashSet<u64> = tcp_tables()
        .into_iter()
        .filter(|entry| entry.state == procfs::LISTEN && entry.local.port() == port)
        .filter(|entry| {
            let ip = entry.local.ip();
            addr.is_none_or(|addr| ip == addr.ip() || ip.is_unspecified())
        })
        .map(|entry| entry.inode)
        .collect();
    if inodes.is_empty() {
        return Vec::new();
    }
    let holds = |pid: &u32| socket_inodes(*pid).iter().any(|inode| inodes.contains(inode));
    every_pid().into_iter().filter(holds).collect()
}

/// Sockets a process has open; empty when it may not be looked into.
fn socket_inodes(pid: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| procfs::socket_inode(link.to_str()?))
        .collect()
}

fn every_pid() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn finds_the_listener_of_a_port() {
        let listener_socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener_socket.local_addr().unwrap();
        assert_eq!(listener(addr).unwrap(), std::process::id());
        drop(listener_socket);
        assert!(listener(addr).is_err());
    }

    #[test]
    fn the_cpu_clock_moves_with_work_and_is_finer_than_a_tick() {
        let before = cpu_time(std::process::id()).unwrap();
        let mut spins = 0_u64;
        while cpu_time(std::process::id()).unwrap() == before {
            spins += 1;
            assert!(spins < 1_000_000, "the clock stands still");
        }
        let step = cpu_time(std::process::id()).unwrap() - before;
        assert!(step < ticks(1), "{step:?}");
    }

    #[test]
    fn memory_of_this_process() {
        let resident = memory(std::process::id()).unwrap();
        assert!(resident.pss_kib > 0 && resident.pss_kib <= resident.rss_kib);
    }

    #[test]
    fn an_ended_process_is_an_error() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(cpu_time(pid).is_err());
    }

    #[test]
    fn a_child_descends_from_this_process_and_not_the_other_way() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (own, pid) = (std::process::id(), child.id());
        assert!(descends_from(pid, own));
        assert!(!descends_from(own, pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

//! Parsers for what Linux tells about processes. Pure: text in, values out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The fields of `/proc/<pid>/stat` that accounting needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) comm: String,
    pub(crate) parent: u32,
    /// CPU time of children that have ended and were waited for, in clock ticks.
    pub(crate) reaped_ticks: u64,
}

/// Parses `/proc/<pid>/stat`. The name may hold blanks and brackets, so it ends at the *last*
/// closing bracket.
pub(crate) fn stat(text: &str) -> Option<Stat> {
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let comm = text.get(open + 1..close)?.to_owned();
    // Counted from the third field of proc(5): state, ppid, ... cutime 16, cstime 17.
    let fields: Vec<&str> = text.get(close + 1..)?.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        comm,
        parent: fields.get(1)?.parse().ok()?,
        reaped_ticks: number(16)? + number(17)?,
    })
}

/// Resident memory of a process in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    pub(crate) rss_kib: u64,
    /// Like `rss`, with each shared page divided by the number of its users.
    pub(crate) pss_kib: u64,
}

/// Parses `/proc/<pid>/smaps_rollup`.
pub(crate) fn rollup(text: &str) -> Option<Resident> {
    let field = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Resident { rss_kib: field("Rss:")?, pss_kib: field("Pss:")? })
}

/// TCP states as the kernel numbers them.
pub(crate) const ESTABLISHED: u8 = 1;
pub(crate) const LISTEN: u8 = 10;

/// A line of `/proc/net/tcp` or `/proc/net/tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpEntry {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) state: u8,
    pub(crate) inode: u64,
}

/// Parses either table; lines that make no sense are left out (the first one is a heading).
pub(crate) fn tcp_table(text: &str) -> Vec<TcpEntry> {
    text.lines().filter_map(tcp_line).collect()
}

fn tcp_line(line: &str) -> Option<TcpEntry> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    Some(TcpEntry {
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: the address as native-endian 32-bit words in hex, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::with_capacity(16);
    for word in host.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        octets.extend_from_slice(&word.to_ne_bytes());
    }
    let host = match octets.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(host, port))
}

/// The inode in the target of a `/proc/<pid>/fd` link, if it is a socket.
pub(crate) fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_survives_brackets_and_blanks_in_the_name() {
        let line = "2143 (post) gres: 15/m) S 1 2143 2143 0 -1 4194560 3117 55160 12 40 \
                    101 23 4005 706 20 0 1 0 1500 223027200 7671 18446744073709551615 1 1 0";
        let want = Stat { comm: "post) gres: 15/m".into(), parent: 1, reaped_ticks: 4_711 };
        assert_eq!(stat(line), Some(want));
    }

    #[test]
    fn a_truncated_stat_is_refused() {
        assert_eq!(stat("2143 (postgres) S 1 2143 2143 0 -1"), None);
        assert_eq!(stat(""), None);
    }

    #[test]
    fn rollup_takes_the_totals_and_not_their_parts() {
        let text = "5602adcb2000-7fff17c08000 ---p 00000000 00:00 0    [rollup]\n\
                    Rss:               30684 kB\nPss:               17169 kB\n\
                    Pss_Dirty:          2000 kB\nPss_Anon:           1500 kB\n";
        assert_eq!(rollup(text), Some(Resident { rss_kib: 30_684, pss_kib: 17_169 }));
        assert_eq!(rollup("Rss: 12 kB\n"), None);
    }

    #[test]
    fn tcp_tables_of_both_families() {
        let v4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 7788 1 0 100 0 0 10 0\n\
            \x20  1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000   107        0 7790 1 0 20 4 30 10 -1\n";
        let table = tcp_table(v4);
        assert_eq!(table.len(), 2);
        assert_eq!(table[0].local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((table[0].state, table[0].inode), (LISTEN, 7788));
        assert_eq!(table[1].remote, "127.0.0.1:54321".parse().unwrap());
        assert_eq!(table[1].state, ESTABLISHED);

        let v6 = "   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0\n\
                  \x20 1: 0000000000000000FFFF00000100007F:1538 0000000000000000FFFF00000100007F:1539 01 00000000:00000000 00:00000000 00000000     0        0 100 1 0 100 0 0 10 0\n";
        let table = tcp_table(v6);
        assert_eq!(table[0].local, "[::1]:5432".parse().unwrap());
        assert_eq!(table[1].remote, "127.0.0.1:5433".parse().unwrap(), "mapped addresses as IPv4");
    }

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode("socket:[4711]"), Some(4711));
        assert_eq!(socket_inode("pipe:[4711]"), None);
        assert_eq!(socket_inode("/dev/null"), None);
    }
}

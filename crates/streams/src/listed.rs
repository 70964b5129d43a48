//! Sessions that a caller lists, each once however often it is named.

use hashbrown::HashSet;
use tavern_domain::SessionId;

/// Up to here a scan of what came before beats a table.
const SCAN: usize = 32;

/// Calls `f` with each distinct session, in the order of its first mention. Clients write these
/// lists: naming somebody forty times must not multiply what is sent.
pub(crate) fn for_each_distinct(sessions: &[SessionId], mut f: impl FnMut(SessionId)) {
    if sessions.len() <= SCAN {
        for (i, session) in sessions.iter().enumerate() {
            if !sessions[..i].contains(session) {
                f(*session);
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(sessions.len());
        for session in sessions {
            if seen.insert(*session) {
                f(*session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn each_session_counts_once() {
        for len in [0, 1, 5, SCAN, SCAN + 1, 100] {
            let named: Vec<_> =
                (0..len).map(|n| SessionId(Uuid::from_u128((n % 7) as u128))).collect();
            let mut seen = Vec::new();
            for_each_distinct(&named, |s| seen.push(s));
            assert_eq!(seen, named[..len.min(7)], "{len}");
        }
    }
}

//! What being online costs: most users of a busy node show a status and do nothing else.

#![cfg(target_os = "linux")]

use std::sync::Arc;

use tavern_domain::{Presence, PresenceMeta, SessionId, Stream, UserId};
use tavern_presence::{LocalPresence, PresenceDiff, PresenceSink, Presences};
use uuid::Uuid;

struct Nobody;

impl PresenceSink for Nobody {
    fn on_diff(&self, _: &PresenceDiff<'_>) {}
}

/// Bytes of this process in memory. The page size of the supported targets is 4 KiB; a larger one
/// would only make the test lenient.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a mounted /proc");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second field counts pages") * 4096
}

#[test]
fn an_online_user_is_small() {
    const SESSIONS: u128 = 100_000;
    const BUDGET: usize = 450;
    let presences = LocalPresence::builder(Arc::new(Nobody)).build();
    let meta =
        PresenceMeta { username: "x".into(), hidden: false, persistence: false, status: None };
    let meta = Arc::new(meta);
    let before = resident();
    for n in 0..SESSIONS {
        // Spread like real ids, so that the tables fill as they would.
        let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let (session, user) = (SessionId(Uuid::from_u128(id)), UserId(Uuid::from_u128(!id)));
        let who = Presence { user, session, meta: Arc::clone(&meta) };
        assert!(presences.track(&who, &Stream::status(user)).unwrap().new);
    }
    let each = (resident() - before) / SESSIONS as usize;
    assert_eq!(presences.totals().presences, SESSIONS as usize);
    println!("{each} bytes per presence on a stream of its own");
    assert!(each < BUDGET, "{each} bytes per presence, {BUDGET} are allowed");
    // A number near zero would mean that the measurement is broken.
    assert!(each > 150, "{each} bytes per presence cannot be right");
}

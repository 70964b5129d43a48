//! What an idle session costs: most sessions of a busy node do nothing but be there.

#![cfg(target_os = "linux")]

use std::sync::Arc;

use tavern_domain::{SessionId, Stream, UserId};
use tavern_streams::{Class, CloseReason, Sink, Streams};
use uuid::Uuid;

struct Nowhere;

impl Sink<()> for Nowhere {
    fn push(&self, _: Arc<()>, _: Class) {}
    fn close(&self, _: CloseReason) {}
}

/// Bytes of this process in memory. The page size of the supported targets is 4 KiB; a larger one
/// would only make the test lenient.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a mounted /proc");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second field counts pages") * 4096
}

#[test]
fn an_idle_session_with_two_subscriptions_is_small() {
    const SESSIONS: u128 = 100_000;
    const BUDGET: usize = 600;
    let streams: Streams<()> = Streams::default();
    let sink: Arc<dyn Sink<()>> = Arc::new(Nowhere);
    let before = resident();
    for n in 0..SESSIONS {
        // Spread like real ids, so that the tables fill as they would.
        let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let (session, user) = (SessionId(Uuid::from_u128(id)), UserId(Uuid::from_u128(!id)));
        streams.open(session, user, Arc::clone(&sink)).unwrap();
        assert!(streams.subscribe(session, &Stream::notifications(user)).unwrap());
        assert!(streams.subscribe(session, &Stream::status(user)).unwrap());
    }
    let each = (resident() - before) / SESSIONS as usize;
    assert_eq!(streams.totals().subscriptions, 2 * SESSIONS as usize);
    println!("{each} bytes per session with two subscriptions");
    assert!(each < BUDGET, "{each} bytes per session, {BUDGET} are allowed");
    // A number near zero would mean that the measurement is broken.
    assert!(each > 200, "{each} bytes per session cannot be right");
}

//! The local register keeps the contract, and what is its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tavern_domain::{PresenceReason, SessionId, Stream};
use tavern_presence::conformance::{RecordingSink, run, somebody};
use tavern_presence::{
    Config, Include, LocalPresence, OpenSessions, PresenceError, Presences, Totals,
};

#[test]
fn the_local_register_keeps_the_contract() {
    run(|sink, config| LocalPresence::builder(sink).config(config).build());
}

#[test]
fn nothing_is_left_when_all_have_gone() {
    let presences = LocalPresence::builder(Arc::new(RecordingSink::default())).build();
    for n in 0..500 {
        let who = somebody(n, n % 2 == 0, None);
        presences.track(&who, &Stream::room("all")).unwrap();
        presences.track(&who, &Stream::status(who.user)).unwrap();
    }
    assert_eq!(presences.totals(), Totals { presences: 1000, streams: 501, sessions: 500 });
    for n in 0..500 {
        let who = somebody(n, false, None);
        if n % 2 == 0 {
            assert_eq!(presences.untrack_all(who.session, PresenceReason::Disconnect), 2);
        } else {
            assert!(presences.untrack(who.session, &Stream::room("all")));
            assert!(presences.untrack(who.session, &Stream::status(who.user)));
        }
    }
    assert_eq!(presences.totals(), Totals::default());
}

struct Gate(AtomicBool);

impl OpenSessions for Gate {
    fn is_open(&self, _: SessionId) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_session_that_is_gone_cannot_come_back() {
    let gate = Arc::new(Gate(AtomicBool::new(true)));
    let presences = LocalPresence::builder(Arc::new(RecordingSink::default()))
        .config(Config::default())
        .open_sessions(Arc::clone(&gate) as Arc<dyn OpenSessions>)
        .build();
    let (ann, room) = (somebody(1, false, None), Stream::room("a"));
    presences.track(&ann, &room).unwrap();
    gate.0.store(false, Ordering::SeqCst);
    presences.untrack_all(ann.session, PresenceReason::Disconnect);
    let late = presences.track(&ann, &room);
    assert_eq!(late, Err(PresenceError::SessionGone { session: ann.session }));
    assert_eq!(presences.list(&room, Include::ALL), []);
    assert_eq!(presences.totals(), Totals::default());
}

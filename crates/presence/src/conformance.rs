//! What every implementation of [`Presences`] must do, and a sink that checks and remembers.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tavern_domain::{
    Presence, PresenceMeta, PresenceReason, SessionId, Stream, StreamMode, UserId,
};
use uuid::Uuid;

use crate::config::Config;
use crate::error::PresenceError;
use crate::traits::{Count, Include, PresenceDiff, PresenceSink, Presences};

/// A diff, kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// See [`PresenceDiff::stream`].
    pub stream: Stream,
    /// See [`PresenceDiff::joins`].
    pub joins: Vec<Presence>,
    /// See [`PresenceDiff::leaves`].
    pub leaves: Vec<Presence>,
    /// See [`PresenceDiff::reason`].
    pub reason: PresenceReason,
    /// See [`PresenceDiff::version`].
    pub version: u64,
}

/// Remembers every diff, and fails on one that does not fit to those before it.
#[derive(Debug, Default)]
pub struct RecordingSink {
    inner: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    diffs: Vec<Recorded>,
    /// Who is visible where, by the diffs alone, in the order of joining, and the last version.
    shown: HashMap<Stream, (u64, Vec<Presence>)>,
}

impl RecordingSink {
    /// The diffs since the last call.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.inner.lock().diffs)
    }

    /// Who is on a stream by all diffs so far, in the order of joining.
    #[must_use]
    pub fn shown(&self, stream: &Stream) -> Vec<Presence> {
        self.inner.lock().shown.get(stream).map(|(_, shown)| shown.clone()).unwrap_or_default()
    }
}

impl PresenceSink for RecordingSink {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        assert!(!diff.joins.is_empty() || !diff.leaves.is_empty(), "an empty diff");
        assert!(diff.joins.iter().chain(diff.leaves).all(|p| !p.meta.hidden), "a hidden presence");
        let mut inner = self.inner.lock();
        let (version, shown) = inner.shown.entry(diff.stream.clone()).or_default();
        assert!(diff.version > *version, "versions of one stream grow");
        *version = diff.version;
        let mut joins = diff.joins.to_vec();
        for leave in diff.leaves {
            let at =
                shown.iter().position(|p| p == leave).expect("who leaves was there, like this");
            // One that is in both has changed, and keeps its place.
            match joins.iter().position(|p| p.session == leave.session) {
                Some(join) => shown[at] = joins.remove(join),
                None => drop(shown.remove(at)),
            }
        }
        for join in joins {
            assert!(shown.iter().all(|p| p.session != join.session), "joined twice");
            shown.push(join);
        }
        inner.diffs.push(Recorded {
            stream: diff.stream.clone(),
            joins: diff.joins.to_vec(),
            leaves: diff.leaves.to_vec(),
            reason: diff.reason,
            version: diff.version,
        });
    }
}

/// A presence for tests: user and session `n`.
#[must_use]
pub fn somebody(n: u64, hidden: bool, status: Option<&str>) -> Presence {
    let meta = PresenceMeta {
        username: format!("user-{n}").into(),
        hidden,
        persistence: false,
        status: status.map(Arc::from),
    };
    Presence {
        user: UserId(Uuid::from_u64_pair(1, n)),
        session: SessionId(Uuid::from_u64_pair(2, n)),
        meta: Arc::new(meta),
    }
}

/// Holds an implementation to the contract; `make` gives an empty one each time.
///
/// # Panics
/// When the implementation breaks it.
pub fn run<P: Presences>(make: impl Fn(Arc<RecordingSink>, Config) -> P) {
    let fresh = |config| {
        let sink = Arc::new(RecordingSink::default());
        (make(Arc::clone(&sink), config), sink)
    };
    for rule in [
        joining_twice_is_joining_once::<P>,
        a_joiner_is_told_of_those_before,
        an_update_is_one_diff,
        hidden_ones_are_announced_to_nobody,
        one_leave_per_stream,
        absent_ones_change_nothing,
        streams_can_be_found_by_mode,
        being_online_is_showing_a_status,
    ] {
        let (presences, sink) = fresh(Config::default());
        rule(&presences, &sink);
    }
    let config = Config { max_streams_per_session: 2, max_presences_per_stream: 3 };
    let (presences, sink) = fresh(config);
    bounds_are_errors(&presences, &sink);
}

fn joining_twice_is_joining_once<P: Presences>(presences: &P, sink: &RecordingSink) {
    let (room, ann) = (Stream::room("a"), somebody(1, false, None));
    let first = presences.track(&ann, &room).expect("there is room");
    assert!(first.new && first.before.is_empty());
    let diffs = sink.take();
    assert_eq!(diffs.len(), 1);
    assert_eq!((&diffs[0].stream, diffs[0].reason), (&room, PresenceReason::Join));
    assert_eq!((&*diffs[0].joins, &*diffs[0].leaves), (&[ann.clone()][..], &[][..]));
    assert_eq!(diffs[0].version, first.version);
    let other = Presence { meta: somebody(1, false, Some("x")).meta, ..ann.clone() };
    let again = presences.track(&other, &room).expect("it is there already");
    assert!(!again.new, "joining again is not new");
    assert_eq!((again.before, again.version), (vec![ann.clone()], first.version));
    assert_eq!(sink.take(), [], "joining again is not announced");
    assert_eq!(presences.get(ann.session, &room), Some(ann), "and changes nothing");
}

fn a_joiner_is_told_of_those_before<P: Presences>(presences: &P, sink: &RecordingSink) {
    let room = Stream::room("a");
    let mut before = Vec::new();
    for n in 0..40 {
        let who = somebody(n, n % 3 == 0, None);
        let tracked = presences.track(&who, &room).expect("there is room");
        assert_eq!(tracked.before, before, "in the order of joining, without hidden ones");
        assert_eq!(presences.list(&room, Include::VISIBLE), sink.shown(&room));
        if n % 3 != 0 {
            before.push(who);
        }
    }
    assert_eq!(presences.count(&room), Count { visible: 26, hidden: 14 });
    assert_eq!(presences.list(&room, Include::ALL).len(), 40);
    let hidden = presences.list(&room, Include { visible: false, hidden: true });
    assert!(hidden.len() == 14 && hidden.iter().all(|p| p.meta.hidden));
    for n in (0..40).rev().filter(|n| n % 2 == 0) {
        assert!(presences.untrack(somebody(n, false, None).session, &room));
        before.retain(|p| *p != somebody(n, n % 3 == 0, None));
        assert_eq!(presences.list(&room, Include::VISIBLE), before, "the order stays");
        assert_eq!(sink.shown(&room), before);
    }
}

fn an_update_is_one_diff<P: Presences>(presences: &P, sink: &RecordingSink) {
    let stream = Stream::status(somebody(1, false, None).user);
    let old = somebody(1, false, Some("old"));
    let new = somebody(1, false, Some("new"));
    presences.track(&old, &stream).expect("there is room");
    sink.take();
    for (from, to) in [(&old, &new), (&new, &new), (&new, &old)] {
        let was = presences.update(old.session, &stream, &to.meta);
        assert_eq!(was.as_ref(), Some(&from.meta), "what it was");
        let diffs = sink.take();
        assert_eq!(diffs.len(), 1);
        assert_eq!(diffs[0].joins, std::slice::from_ref(to));
        assert_eq!(diffs[0].leaves, std::slice::from_ref(from));
        assert_eq!(diffs[0].reason, PresenceReason::Update);
    }
    assert_eq!(presences.get(old.session, &stream), Some(old));
}

fn hidden_ones_are_announced_to_nobody<P: Presences>(presences: &P, sink: &RecordingSink) {
    let room = Stream::room("a");
    let (seen, unseen) = (somebody(1, false, None), somebody(1, true, None));
    assert!(presences.track(&unseen, &room).expect("there is room").new);
    presences.update(unseen.session, &room, &unseen.meta);
    assert!(presences.untrack(unseen.session, &room));
    presences.track(&unseen, &room).expect("there is room");
    assert!(presences.is_on(unseen.session, &room));
    assert_eq!(sink.take(), []);
    presences.update(unseen.session, &room, &seen.meta);
    presences.update(unseen.session, &room, &unseen.meta);
    let diffs = sink.take();
    assert_eq!(
        (diffs.len(), &*diffs[0].joins, &*diffs[0].leaves),
        (2, &[seen.clone()][..], &[][..])
    );
    assert_eq!((&*diffs[1].joins, &*diffs[1].leaves), (&[][..], &[seen][..]));
    assert_eq!(presences.count(&room), Count { visible: 0, hidden: 1 });
    assert_eq!(presences.untrack_all(unseen.session, PresenceReason::Disconnect), 1);
    assert_eq!(sink.take(), []);
}

fn one_leave_per_stream<P: Presences>(presences: &P, sink: &RecordingSink) {
    let (ann, bob) = (somebody(1, false, None), somebody(2, false, None));
    let rooms: Vec<_> = (0..30).map(|n| Stream::room(&n.to_string())).collect();
    for room in &rooms {
        presences.track(&bob, room).expect("there is room");
        presences.track(&ann, room).expect("there is room");
    }
    assert_eq!(presences.streams_of(ann.session), rooms);
    sink.take();
    assert!(presences.untrack(ann.session, &rooms[0]));
    assert_eq!(sink.take()[0].reason, PresenceReason::Leave);
    assert_eq!(presences.untrack_all(ann.session, PresenceReason::Disconnect), 29);
    let mut left: Vec<_> = sink.take();
    left.sort_by_key(|d| rooms.iter().position(|r| *r == d.stream));
    assert_eq!(left.len(), 29);
    for (diff, room) in left.iter().zip(&rooms[1..]) {
        assert_eq!((&diff.stream, &*diff.leaves), (room, &[ann.clone()][..]));
        assert_eq!((&*diff.joins, diff.reason), (&[][..], PresenceReason::Disconnect));
    }
    assert_eq!(presences.streams_of(ann.session), []);
    assert_eq!(presences.streams_of(bob.session), rooms, "others stay");
    assert_eq!(presences.list(&rooms[3], Include::ALL), [bob]);
}

fn absent_ones_change_nothing<P: Presences>(presences: &P, sink: &RecordingSink) {
    let (ann, bob) = (somebody(1, false, None), somebody(2, false, None));
    let (here, there) = (Stream::room("here"), Stream::room("there"));
    presences.track(&bob, &here).expect("there is room");
    presences.track(&ann, &there).expect("there is room");
    sink.take();
    assert!(!presences.untrack(ann.session, &here));
    assert_eq!(presences.update(ann.session, &here, &ann.meta), None);
    let unknown = somebody(3, false, None).session;
    assert!(!presences.untrack(unknown, &here));
    assert_eq!(presences.untrack_all(unknown, PresenceReason::Leave), 0);
    assert_eq!(presences.get(ann.session, &here), None);
    assert!(!presences.is_on(ann.session, &here) && presences.is_on(ann.session, &there));
    assert_eq!(presences.list(&Stream::room("nowhere"), Include::ALL), []);
    assert_eq!(presences.count(&Stream::room("nowhere")), Count::default());
    assert_eq!(sink.take(), []);
}

fn streams_can_be_found_by_mode<P: Presences>(presences: &P, _: &RecordingSink) {
    for n in 0..20u64 {
        let who = somebody(n, false, None);
        presences.track(&who, &Stream::relayed_match(Uuid::from_u128(n.into()))).expect("room");
        presences.track(&who, &Stream::room("a")).expect("there is room");
    }
    let mode = StreamMode::MATCH_RELAYED;
    let one = Stream::relayed_match(Uuid::from_u128(7));
    presences.track(&somebody(50, false, None), &one).expect("there is room");
    let found = presences.streams_of_mode(mode, 100, &mut |_, count| count.visible > 1);
    assert_eq!(found, [(one, Count { visible: 2, hidden: 0 })]);
    assert_eq!(presences.streams_of_mode(mode, 5, &mut |_, _| true).len(), 5);
    assert_eq!(presences.streams_of_mode(StreamMode::PARTY, 5, &mut |_, _| true), []);
    for n in 0..20 {
        presences.untrack_all(somebody(n, false, None).session, PresenceReason::Disconnect);
    }
    assert_eq!(presences.streams_of_mode(mode, 100, &mut |_, _| true).len(), 1);
}

fn being_online_is_showing_a_status<P: Presences>(presences: &P, _: &RecordingSink) {
    let (ann, bob, cat) =
        (somebody(1, false, None), somebody(2, true, None), somebody(3, false, None));
    for who in [&ann, &bob] {
        presences.track(who, &Stream::status(who.user)).expect("there is room");
    }
    presences.track(&cat, &Stream::notifications(cat.user)).expect("there is room");
    assert!(presences.is_online(ann.user));
    assert_eq!(presences.are_online(&[bob.user, ann.user, cat.user]), [false, true, false]);
}

fn bounds_are_errors<P: Presences>(presences: &P, sink: &RecordingSink) {
    let rooms: Vec<_> = (0..3).map(|n| Stream::room(&n.to_string())).collect();
    let ann = somebody(0, false, None);
    presences.track(&ann, &rooms[0]).expect("there is room");
    presences.track(&ann, &rooms[1]).expect("there is room");
    let refused = presences.track(&ann, &rooms[2]);
    assert_eq!(refused, Err(PresenceError::TooManyStreams { limit: 2 }));
    assert!(!presences.track(&ann, &rooms[1]).expect("it is there already").new);
    for n in 1..3 {
        presences.track(&somebody(n, n == 1, None), &rooms[0]).expect("there is room");
    }
    sink.take();
    let full = presences.track(&somebody(3, false, None), &rooms[0]);
    assert_eq!(full, Err(PresenceError::StreamFull { limit: 3 }), "hidden ones count");
    assert!(!presences.track(&ann, &rooms[0]).expect("it is there already").new);
    assert_eq!(sink.take(), [], "what is refused is not announced");
    assert_eq!(presences.streams_of(somebody(3, false, None).session), []);
    assert!(presences.untrack(ann.session, &rooms[0]));
    assert!(presences.track(&ann, &rooms[2]).expect("there is room again").new);
    assert!(presences.track(&somebody(3, false, None), &rooms[0]).expect("and here").new);
}

//! For tests: members kept in memory, and the contract every [`Members`] is held to.

use parking_lot::Mutex;
use tavern_domain::{CodedError, ErrorCode, Presence, SessionId, Stream, StreamMode, UserId};
use uuid::Uuid;

use crate::relayed::member;
use crate::traits::{Entered, Members};

/// Members in a list. For tests and examples: it walks all of it for everything.
#[derive(Debug, Default)]
pub struct FakeMembers {
    entries: Mutex<Vec<(Stream, Presence)>>,
    /// Who is refused.
    refused: Mutex<Vec<SessionId>>,
}

impl FakeMembers {
    /// Makes `enter` fail for a session.
    pub fn refuse(&self, session: SessionId) {
        self.refused.lock().push(session);
    }
}

impl Members for FakeMembers {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        if self.refused.lock().contains(&who.session) {
            return Err(CodedError::new(ErrorCode::ResourceExhausted, "too many streams"));
        }
        let mut entries = self.entries.lock();
        let on = entries.iter().filter(|(s, _)| s == stream);
        let before: Vec<_> = on.map(|(_, p)| p.clone()).collect();
        let new = before.iter().all(|p| p.session != who.session);
        if new {
            entries.push((stream.clone(), who.clone()));
        }
        Ok(Entered { new, before })
    }

    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        let mut entries = self.entries.lock();
        let before = entries.len();
        entries.retain(|(s, p)| s != stream || p.session != session);
        entries.len() < before
    }

    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        self.entries.lock().iter().any(|(s, p)| s == stream && p.session == session)
    }

    fn size(&self, stream: &Stream) -> usize {
        self.entries.lock().iter().filter(|(s, _)| s == stream).count()
    }

    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        let mut sizes: Vec<(Uuid, usize)> = Vec::new();
        for (stream, _) in self.entries.lock().iter() {
            if stream.mode == StreamMode::MATCH_RELAYED {
                match sizes.iter_mut().find(|(id, _)| *id == stream.subject) {
                    Some((_, size)) => *size += 1,
                    None => sizes.push((stream.subject, 1)),
                }
            }
        }
        sizes.retain(|(_, size)| keep(*size));
        sizes.truncate(limit);
        sizes
    }
}

/// A member for tests: user and session `n`.
#[must_use]
pub fn player(n: u64) -> Presence {
    let name = format!("player-{n}").into();
    member(UserId(Uuid::from_u64_pair(1, n)), SessionId(Uuid::from_u64_pair(2, n)), &name)
}

/// Holds a view of members to the contract. `make` gives an empty one each time, in which the
/// sessions of [`player`]s 0 to 9 are open.
///
/// # Panics
/// When the view breaks the contract.
pub fn members<M: Members>(make: impl Fn() -> M) {
    let enter = |members: &M, stream: &Stream, n| {
        members.enter(stream, &player(n)).expect("there is room for ten")
    };
    let (here, there) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let (room, other) = (Stream::relayed_match(here), Stream::relayed_match(there));
    let ids = |before: &[Presence]| before.iter().map(|p| p.session).collect::<Vec<_>>();

    let members = make();
    assert_eq!(members.size(&room), 0);
    assert!(!members.leave(&room, player(1).session));
    for n in 0..10 {
        let entered = enter(&members, &room, n);
        assert!(entered.new);
        assert_eq!(
            entered.before,
            (0..n).map(player).collect::<Vec<_>>(),
            "in the order of coming"
        );
    }
    let again = enter(&members, &room, 4);
    assert!(!again.new, "entering again changes nothing");
    assert_eq!(ids(&again.before), ids(&(0..10).map(player).collect::<Vec<_>>()));
    assert_eq!(members.size(&room), 10);
    enter(&members, &other, 3);
    assert!(members.is_member(&other, player(3).session));
    assert!(!members.is_member(&other, player(4).session));

    assert_eq!(members.matches(10, &mut |size| size > 1), [(here, 10)]);
    assert_eq!(members.matches(10, &mut |size| size == 1), [(there, 1)]);
    assert_eq!(members.matches(1, &mut |_| true).len(), 1);

    assert!(members.leave(&room, player(3).session));
    assert!(!members.leave(&room, player(3).session), "one leaves once");
    assert!(members.is_member(&other, player(3).session), "and only what one leaves");
    let back = enter(&members, &room, 3);
    assert!(back.new && back.before.len() == 9);
    assert_eq!(enter(&members, &room, 3).before.last(), Some(&player(3)), "who returns is last");
    for n in 0..10 {
        assert!(members.leave(&room, player(n).session));
    }
    assert_eq!(members.size(&room), 0);
    assert_eq!(members.matches(10, &mut |_| true), [(there, 1)], "an empty match is none");
}

//! What becomes of two players: pure functions of what there is between them.

use tavern_storage::FriendState::{Blocked, Friend, InviteReceived, InviteSent};
use tavern_storage::{FriendState, Pair};

use crate::NotificationCode;

/// What there is to be between two players, and what the other one is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) mine: Option<FriendState>,
    pub(super) theirs: Option<FriendState>,
    pub(super) tell: Option<NotificationCode>,
}

/// What is left of an edge when the other side does not want it: a block stays.
fn unless_blocked(edge: Option<FriendState>) -> Option<FriendState> {
    edge.filter(|state| *state == Blocked)
}

/// Asks, or agrees to what the other one has asked.
pub(super) fn add(pair: &Pair) -> Option<Verdict> {
    match (pair.mine, pair.theirs) {
        (Some(Blocked), _) | (_, Some(Blocked)) => None,
        (None, None) => Some(Verdict {
            mine: Some(InviteSent),
            theirs: Some(InviteReceived),
            tell: Some(NotificationCode::FRIEND_REQUEST),
        }),
        (Some(InviteReceived), _) | (None, Some(InviteSent)) => Some(Verdict {
            mine: Some(Friend),
            theirs: Some(Friend),
            tell: Some(NotificationCode::FRIEND_ACCEPTED),
        }),
        (Some(Friend | InviteSent), _) | (None, Some(Friend | InviteReceived)) => None,
    }
}

/// Ends whatever there is, but not a block by the other one.
pub(super) fn delete(pair: &Pair) -> Option<Verdict> {
    let theirs = unless_blocked(pair.theirs);
    if pair.mine.is_none() && theirs == pair.theirs {
        return None;
    }
    let both = pair.mine.is_some() && theirs != pair.theirs;
    let tell = both.then_some(NotificationCode::FRIEND_REMOVED);
    Some(Verdict { mine: None, theirs, tell })
}

/// Blocks the other one, who is not told.
pub(super) fn block(pair: &Pair) -> Option<Verdict> {
    let theirs = unless_blocked(pair.theirs);
    let verdict = Verdict { mine: Some(Blocked), theirs, tell: None };
    (pair.mine != verdict.mine || pair.theirs != theirs).then_some(verdict)
}

/// Makes friends of those who are friends elsewhere; with `reset` ends what there is with others.
pub(super) fn import(pair: &Pair, reset: bool) -> Option<Verdict> {
    let blocked = pair.mine == Some(Blocked) || pair.theirs == Some(Blocked);
    let friends = (pair.mine, pair.theirs) == (Some(Friend), Some(Friend));
    if pair.named && !blocked {
        let tell = Some(NotificationCode::FRIEND_JOINED_GAME);
        return (!friends).then_some(Verdict { mine: Some(Friend), theirs: Some(Friend), tell });
    }
    let (mine, theirs) = (unless_blocked(pair.mine), unless_blocked(pair.theirs));
    let changes = (mine, theirs) != (pair.mine, pair.theirs);
    (reset && changes).then_some(Verdict { mine, theirs, tell: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::UserId;

    use super::*;

    type Rule = fn(&Pair) -> Option<Verdict>;

    fn pair(mine: Option<FriendState>, theirs: Option<FriendState>) -> Pair {
        Pair { other: UserId::NIL, mine, theirs, named: true }
    }

    fn after(rule: Rule, mine: Option<FriendState>, theirs: Option<FriendState>) -> String {
        let show = |state: Option<FriendState>| {
            state.map_or("-".to_owned(), |state| state.number().to_string())
        };
        rule(&pair(mine, theirs)).map_or("".to_owned(), |verdict| {
            let told = verdict.tell.map_or(String::new(), |code| format!(" {}", code.0));
            format!("{}/{}{told}", show(verdict.mine), show(verdict.theirs))
        })
    }

    #[test]
    fn transitions_are_those_of_the_protocol() {
        let rules: [Rule; 3] = [add, delete, block];
        for (mine, theirs, expected) in [
            (None, None, ["1/2 -2", "", "3/-"]),
            (Some(InviteSent), Some(InviteReceived), ["", "-/- -9", "3/-"]),
            (Some(InviteReceived), Some(InviteSent), ["0/0 -3", "-/- -9", "3/-"]),
            (Some(Friend), Some(Friend), ["", "-/- -9", "3/-"]),
            (Some(Blocked), None, ["", "-/-", ""]),
            (None, Some(Blocked), ["", "", "3/3"]),
            (Some(Blocked), Some(Blocked), ["", "-/3", ""]),
        ] {
            assert_eq!(
                rules.map(|rule| after(rule, mine, theirs)),
                expected,
                "{mine:?} {theirs:?}"
            );
        }
    }

    #[test]
    fn imports_make_friends_and_spare_blocks() {
        let (with, without): (Rule, Rule) = (|p| import(p, true), |p| import(p, false));
        for (mine, theirs, expected) in [
            (None, None, "0/0 -6"),
            (Some(InviteSent), Some(InviteReceived), "0/0 -6"),
            (Some(Friend), Some(Friend), ""),
            (Some(Blocked), None, ""),
            (None, Some(Blocked), ""),
        ] {
            assert_eq!(after(with, mine, theirs), expected, "{mine:?} {theirs:?}");
            assert_eq!(after(without, mine, theirs), expected, "{mine:?} {theirs:?}");
        }
        let stranger = |mine, theirs| Pair { named: false, ..pair(mine, theirs) };
        let gone = Verdict { mine: None, theirs: None, tell: None };
        let friend = stranger(Some(Friend), Some(Friend));
        assert_eq!(import(&friend, true), Some(gone));
        assert_eq!(import(&friend, false), None);
        assert_eq!(import(&stranger(Some(Blocked), None), true), None);
    }

    /// What two players do, one after the other, in any order.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        Add,
        Delete,
        Block,
        Import,
    }

    proptest! {
        #[test]
        fn edges_are_mirrored_or_blocks(
            acts in prop::collection::vec(
                (any::<bool>(), prop_oneof![
                    Just(Act::Add), Just(Act::Delete), Just(Act::Block), Just(Act::Import),
                ]),
                0..40,
            ),
        ) {
            let (mut a, mut b) = (None, None);
            for (second, act) in acts {
                let (mine, theirs) = if second { (b, a) } else { (a, b) };
                let rule: Rule = match act {
                    Act::Add => add,
                    Act::Delete => delete,
                    Act::Block => block,
                    Act::Import => |pair| import(pair, false),
                };
                let verdict = rule(&pair(mine, theirs));
                let (mine, theirs) = verdict.map_or((mine, theirs), |v| (v.mine, v.theirs));
                (a, b) = if second { (theirs, mine) } else { (mine, theirs) };
                let fine = matches!(
                    (a, b),
                    (None, None)
                        | (Some(Friend), Some(Friend))
                        | (Some(InviteSent), Some(InviteReceived))
                        | (Some(InviteReceived), Some(InviteSent))
                        | (Some(Blocked), None)
                        | (None, Some(Blocked))
                        | (Some(Blocked), Some(Blocked))
                );
                prop_assert!(fine, "{a:?} {b:?}");
                if let Some(verdict) = verdict {
                    prop_assert!(rule(&pair(verdict.mine, verdict.theirs)).is_none()
                        || matches!(act, Act::Delete), "twice is like once");
                }
            }
        }
    }
}

//! Tickets come and go while passes run: nobody is lost, nobody is matched twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tavern_domain::{ManualClock, SeededEntropy, SessionId, Timestamp, UserId};
use tavern_matchmaker::{Config, Group, LocalMatchmaker, Owner, Player, TicketId, TicketSpec};
use uuid::Uuid;

fn lobby() -> LocalMatchmaker {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1)));
    LocalMatchmaker::new(Config::default(), clock, Arc::new(SeededEntropy::new(3)))
}

fn solo(n: u128) -> TicketSpec {
    let (user, session) = (UserId(Uuid::from_u128(n)), SessionId(Uuid::from_u128(n)));
    let mut spec = TicketSpec::solo(Player { user, session, username: "name".into(), node: None });
    spec.numbers.insert("skill".into(), (n % 50) as f64);
    spec.query = format!("+properties.skill:{}", n % 50);
    spec
}

#[test]
fn nobody_is_lost_and_nobody_is_matched_twice() {
    let lobby = lobby();
    let done = AtomicBool::new(false);
    let (matched, removed, added) = std::thread::scope(|threads| {
        let adders: Vec<_> = (0..2_u128)
            .map(|thread| {
                let lobby = &lobby;
                threads.spawn(move || {
                    let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
                    for n in 0..1_500 {
                        let spec = solo(1 + thread * 10_000 + n);
                        let owner = spec.owner.clone();
                        let id = lobby.add(spec).expect("a fine ticket").id;
                        added.insert(id);
                        // Whether it goes or is matched first is a matter of luck, never both.
                        if n % 7 == 0 && lobby.remove_of(&owner, id).is_ok() {
                            removed.insert(id);
                        }
                    }
                    (added, removed)
                })
            })
            .collect();
        let passer = threads.spawn(|| {
            let mut groups: Vec<Group> = Vec::new();
            while !done.load(Ordering::SeqCst) {
                lobby.pass(|group| groups.push(group));
            }
            lobby.pass(|group| groups.push(group));
            groups
        });
        let (mut added, mut removed) = (BTreeSet::new(), BTreeSet::new());
        for adder in adders {
            let (own, gone) = adder.join().expect("no thread panics");
            added.extend(own);
            removed.extend(gone);
        }
        done.store(true, Ordering::SeqCst);
        (passer.join().expect("no thread panics"), removed, added)
    });
    let mut seen: BTreeSet<TicketId> = removed;
    for group in &matched {
        assert_eq!(group.size(), 2);
        for ticket in &group.tickets {
            assert!(seen.insert(ticket.id), "{} went twice", ticket.id);
        }
    }
    let waiting = lobby.with(|core| core.tickets().map(|t| t.id).collect::<Vec<_>>());
    assert!(waiting.len() <= 50, "one of each skill at most is left");
    assert!(waiting.iter().all(|id| seen.insert(*id)), "a matched ticket waits no more");
    assert_eq!(seen, added);
}

#[test]
fn what_is_told_of_a_group_may_change_the_pool() {
    let lobby = lobby();
    for n in [1, 51, 101, 151] {
        lobby.add(solo(n)).unwrap();
    }
    let mut refused = 0;
    let report = lobby.pass(|group| {
        if refused == 0 {
            refused += 1;
            lobby.with(|core| core.give_back(group));
            lobby.add(solo(201)).unwrap();
        }
    });
    assert_eq!((report.groups, lobby.stats().tickets), (2, 3));
    assert_eq!(lobby.pass(drop).matched, 2);
    let left = lobby.with(|core| core.tickets().next().map(|t| t.spec.owner.clone()));
    assert_eq!(left, Some(Owner::Session(SessionId(Uuid::from_u128(201)))), "the newest");
    assert_eq!(lobby.remove_session(SessionId(Uuid::from_u128(201))).len(), 1);
    assert!(lobby.remove_all_of(&Owner::Server).is_empty());
}

#[test]
fn who_is_proposed_still_waits_and_is_proposed_again_until_taken() {
    let lobby = lobby();
    let specs: Vec<_> =
        (1..=2).map(solo).map(|spec| TicketSpec { query: "*".into(), ..spec }).collect();
    let ids: Vec<TicketId> =
        specs.iter().map(|spec| lobby.add(spec.clone()).expect("a fine ticket").id).collect();
    let proposed = || {
        let mut groups = Vec::new();
        lobby.propose(|group| groups.push(group));
        groups.iter().map(|group| group.tickets.len()).collect::<Vec<_>>()
    };
    assert_eq!(proposed(), [2]);
    assert_eq!(proposed(), [2], "nobody has taken it");
    assert_eq!(lobby.stats().completions, [], "and nobody was matched");
    let now = Timestamp::from_seconds(2);
    assert_eq!(lobby.remove_session(specs[0].players[0].session).len(), 1, "it can still go");
    assert!(lobby.with(|core| core.take_group(&ids, now)).is_err(), "the group is no more");
    assert_eq!(proposed(), [0_usize; 0]);
    assert_eq!(lobby.stats().tickets, 1);
    let again = lobby.add(specs[0].clone()).expect("a fine ticket").id;
    assert_eq!(proposed(), [2]);
    assert!(lobby.with(|core| core.take_group(&[again, ids[1]], now)).is_ok());
    assert_eq!(lobby.stats().completions.len(), 2, "each once");
}

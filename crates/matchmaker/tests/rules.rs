//! What tickets must be like, who may take them back, and what is told about them.

use std::sync::Arc;

use tavern_domain::{Classify, ErrorCode, SessionId, Timestamp, UserId};
use tavern_matchmaker::{
    Config, Group, MAX_PROPERTIES, MAX_WIDENINGS, Matchmaker, MatchmakerError as E, Owner, Player,
    Progress, TicketId, TicketSpec, Widening,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn id(n: u128) -> TicketId {
    TicketId(Uuid::from_u128(n))
}

fn session(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

fn player(n: u128) -> Player {
    let name = format!("player{n}").into();
    Player { user: UserId(Uuid::from_u128(n)), session: session(n), username: name, node: None }
}

fn solo(n: u128) -> TicketSpec {
    TicketSpec::solo(player(n))
}

fn counts(n: u128, min: i32, max: i32, multiple: i32) -> TicketSpec {
    TicketSpec { min_count: min, max_count: max, count_multiple: multiple, ..solo(n) }
}

fn party(name: &str, members: &[u128], min: i32, max: i32) -> TicketSpec {
    TicketSpec {
        owner: Owner::Party(name.into()),
        players: members.iter().map(|n| player(*n)).collect(),
        ..counts(0, min, max, 1)
    }
}

/// A matchmaker with these tickets, the first the oldest, named by their place from 1.
fn with(config: Config, specs: impl IntoIterator<Item = TicketSpec>) -> Matchmaker {
    let mut matchmaker = Matchmaker::new(config);
    for (n, spec) in (1_u32..).zip(specs) {
        let at = NOW.plus_seconds(i64::from(n));
        matchmaker.add(id(n.into()), spec, at).expect("a fine ticket");
    }
    matchmaker
}

/// The groups of one pass, as the numbers of their tickets.
fn pass(matchmaker: &mut Matchmaker) -> Vec<Vec<u128>> {
    numbers(&matchmaker.pass(NOW.plus_seconds(500)).0)
}

fn numbers(groups: &[Group]) -> Vec<Vec<u128>> {
    groups.iter().map(|g| g.tickets.iter().map(|t| t.id.0.as_u128()).collect()).collect()
}

#[test]
fn wrong_tickets_are_refused() {
    let mut matchmaker = Matchmaker::new(Config::default());
    let mut refuse = |spec: TicketSpec| matchmaker.add(id(1), spec, NOW).expect_err("wrong");
    assert_eq!(refuse(counts(1, 1, 2, 1)), E::MinCount);
    assert_eq!(refuse(counts(1, -3, 2, 1)), E::MinCount);
    assert_eq!(refuse(counts(1, 3, 2, 1)), E::MaxCount);
    assert_eq!(refuse(counts(1, 2, 4, 0)), E::CountMultiple);
    assert_eq!(refuse(counts(1, 3, 4, 2)), E::MinCountMultiple);
    assert_eq!(refuse(counts(1, 2, 5, 2)), E::MaxCountMultiple);
    assert_eq!(refuse(party("p", &[], 2, 2)), E::NoPlayers);
    assert_eq!(refuse(party("p", &[1, 2, 3], 2, 2)), E::TooManyPlayers { players: 3, max: 2 });
    assert_eq!(refuse(party("p", &[1, 1], 2, 2)), E::SessionTwice);
    let bad = TicketSpec { query: "a:b:c".into(), ..solo(1) };
    assert!(matches!(refuse(bad), E::Query(error) if error.at == 3));
    let later = Widening { after_passes: 1, query: "+".into() };
    assert!(matches!(refuse(TicketSpec { widening: vec![later], ..solo(1) }), E::Query(_)));
    let fine = Widening { after_passes: 1, query: "*".into() };
    let many = vec![fine; MAX_WIDENINGS + 1];
    assert_eq!(refuse(TicketSpec { widening: many, ..solo(1) }), E::TooManyWidenings);
    let mut crowded = solo(1);
    crowded.numbers = (0..=MAX_PROPERTIES).map(|n| (n.to_string(), 1.0)).collect();
    assert_eq!(refuse(crowded), E::TooManyProperties);
    assert!(matchmaker.is_empty());
    assert_eq!(matchmaker.stats().oldest, None);
}

#[test]
fn sessions_and_parties_have_limits_of_their_own() {
    let mut matchmaker = Matchmaker::new(Config { max_pool: 8, ..Config::default() });
    let mut add = |n: u128, spec: TicketSpec| matchmaker.add(id(n), spec, NOW).map(drop);
    for n in 1..=3 {
        add(n, solo(1)).unwrap();
        add(10 + n, party("p", &[1, 2], 4, 4)).unwrap();
    }
    let error = add(20, solo(1)).unwrap_err();
    assert_eq!(error, E::TooManyTickets { limit: 3 });
    assert_eq!(error.code(), ErrorCode::FailedPrecondition);
    assert!(add(20, party("p", &[5], 4, 4)).is_err());
    assert_eq!(add(1, solo(2)).unwrap_err(), E::IdTaken);
    for n in 30..32 {
        add(n, TicketSpec { owner: Owner::Server, ..solo(7) }).unwrap();
    }
    assert_eq!(add(40, solo(9)).unwrap_err(), E::PoolFull);
    matchmaker.remove(id(1)).unwrap();
    matchmaker.add(id(1), solo(1), NOW).unwrap();
}

#[test]
fn only_the_owner_takes_a_ticket_back() {
    let mut matchmaker = with(Config::default(), [solo(1), party("p", &[1, 2], 4, 4)]);
    let one = Owner::Session(session(1));
    assert_eq!(matchmaker.remove_of(&Owner::Session(session(2)), id(1)), Err(E::NotFound));
    assert_eq!(matchmaker.remove_of(&one, id(2)), Err(E::NotFound));
    assert_eq!(matchmaker.remove_of(&one, id(9)), Err(E::NotFound));
    assert_eq!(matchmaker.remove_of(&one, id(1)), Ok(()));
    assert_eq!(matchmaker.remove_of(&one, id(1)), Err(E::NotFound));
    assert_eq!(matchmaker.remove_of(&Owner::Party("p".into()), id(2)), Ok(()));
    assert!(matchmaker.is_empty());
}

#[test]
fn a_session_takes_its_tickets_along_and_those_of_its_party() {
    let specs = [solo(1), solo(1), party("p", &[2, 1], 4, 4), solo(2)];
    let mut matchmaker = with(Config::default(), specs);
    let gone: Vec<TicketId> = matchmaker.remove_session(session(1)).iter().map(|t| t.id).collect();
    assert_eq!(gone, [id(1), id(2), id(3)]);
    assert_eq!(matchmaker.len(), 1);
    assert!(matchmaker.remove_session(session(1)).is_empty());
    assert!(matchmaker.remove_all_of(&Owner::Party("p".into())).is_empty());
    assert_eq!(matchmaker.remove_all_of(&Owner::Session(session(2))).len(), 1);
    assert_eq!(pass(&mut matchmaker), Vec::<Vec<u128>>::new());
}

#[test]
fn one_session_is_never_matched_with_itself() {
    let mut matchmaker = with(Config::default(), [solo(1), solo(1), solo(2)]);
    assert_eq!(pass(&mut matchmaker), [[1, 3]]);
}

#[test]
fn the_oldest_are_matched_first() {
    let mut matchmaker = with(Config::default(), (1..=7).map(|n| counts(n, 3, 3, 1)));
    assert_eq!(pass(&mut matchmaker), [[1, 2, 3], [4, 5, 6]]);
    // The one left over waits for newer ones, and is their first choice.
    for n in 8..=11 {
        matchmaker.add(id(n), counts(n, 3, 3, 1), NOW.plus_seconds(100)).unwrap();
    }
    assert_eq!(pass(&mut matchmaker), [[7, 8, 9]]);
}

#[test]
fn a_preference_comes_before_age() {
    let from = |n: u128, region: &str| {
        let mut spec = solo(n);
        spec.texts.insert("region".into(), region.into());
        spec
    };
    let mut picky = from(1, "eu");
    picky.query = "properties.region:eu^2 properties.region:us".into();
    let specs = [picky, from(2, "asia"), from(3, "us"), from(4, "eu"), from(5, "eu")];
    assert_eq!(pass(&mut with(Config::default(), specs)), [vec![1, 4], vec![2, 3]]);
}

#[test]
fn minimum_is_accepted_after_the_intervals_in_steps() {
    let specs = (1..=5).map(|n| counts(n, 2, 8, 2));
    let mut matchmaker = with(Config::default(), specs);
    assert!(pass(&mut matchmaker).is_empty());
    assert!(pass(&mut matchmaker).is_empty());
    assert_eq!(pass(&mut matchmaker), [[1, 2, 3, 4]], "the largest multiple first");
    assert!(pass(&mut matchmaker).is_empty());
    // The fifth looks no more but is there, and wants what a newcomer still holds out against.
    matchmaker.add(id(6), counts(6, 2, 8, 2), NOW).unwrap();
    assert_eq!(pass(&mut matchmaker), [[5, 6]]);
}

#[test]
fn a_maximum_group_forms_at_once() {
    let mut matchmaker = with(Config::default(), (1..=4).map(|n| counts(n, 2, 4, 1)));
    assert_eq!(pass(&mut matchmaker), [[1, 2, 3, 4]]);
}

#[test]
fn parties_stay_together_and_fill_up_exactly() {
    let specs = [
        party("a", &[1, 2, 3], 6, 6),
        party("b", &[4, 5], 6, 6),
        party("c", &[6, 7], 6, 6),
        counts(8, 6, 6, 1),
        party("whole", &[11, 12, 13, 14, 15, 16], 6, 6),
    ];
    let mut matchmaker = with(Config::default(), specs);
    assert_eq!(pass(&mut matchmaker), [[1, 2, 4]], "3 + 2 + 1, never 3 + 2 + 2");
    assert_eq!(matchmaker.len(), 2, "who is complete already needs nobody");
}

#[test]
fn mutual_matching_asks_both_sides_and_one_way_the_one_who_looks() {
    let specs = || {
        let mut open = solo(1);
        open.numbers.insert("skill".into(), 5.0);
        let mut picky = solo(2);
        picky.numbers.insert("skill".into(), 9.0);
        picky.query = "+properties.skill:>=8".into();
        [open, picky]
    };
    assert!(pass(&mut with(Config::default(), specs())).is_empty());
    let one_way = Config { rev_precision: false, ..Config::default() };
    assert_eq!(pass(&mut with(one_way.clone(), specs())), [[1, 2]]);
    // One-way, an old ticket looks no more; the new one must want it.
    let [open, picky] = specs();
    let mut matchmaker = with(one_way, [open]);
    assert!(pass(&mut matchmaker).is_empty());
    matchmaker.add(id(2), picky, NOW).unwrap();
    assert!(pass(&mut matchmaker).is_empty());
}

#[test]
fn a_late_pass_goes_one_way_only_when_it_is_told_to() {
    let specs = || {
        let mut picky = solo(2);
        picky.query = "+properties.skill:>=8".into();
        picky.numbers.insert("skill".into(), 1.0);
        [solo(1), picky]
    };
    for (threshold, groups) in [(0, 0), (2, 1)] {
        let mut matchmaker =
            with(Config { rev_threshold: threshold, ..Config::default() }, specs());
        let mut pass = matchmaker.begin_pass(NOW);
        let mut formed = Vec::new();
        let late = NOW.plus_seconds(30);
        let progress = matchmaker.advance(&mut pass, late, u64::MAX, &mut formed);
        assert!(matches!(progress, Progress::Done(report) if report.groups == groups));
        assert_eq!(formed.len(), groups);
    }
}

#[test]
fn queries_widen() {
    let duellist = |n: u128, skill: f64| {
        let query =
            |d: f64| format!("+properties.skill:>={} +properties.skill:<={}", skill - d, skill + d);
        let mut spec = solo(n);
        spec.numbers.insert("skill".into(), skill);
        spec.query = query(1.0);
        spec.widening = vec![
            Widening { after_passes: 1, query: query(5.0) },
            Widening { after_passes: 3, query: query(50.0) },
        ];
        spec
    };
    let specs = [duellist(1, 10.0), duellist(2, 14.0), duellist(3, 40.0), duellist(4, 70.0)];
    let mut matchmaker = with(Config::default(), specs);
    assert!(pass(&mut matchmaker).is_empty());
    assert_eq!(pass(&mut matchmaker), [[1, 2]]);
    assert!(pass(&mut matchmaker).is_empty());
    assert_eq!(pass(&mut matchmaker), [[3, 4]]);
}

#[test]
fn a_pass_in_slices_sees_removals_and_leaves_newcomers_for_the_next() {
    let mut matchmaker = with(Config::default(), (1..=6).map(solo));
    let mut pass = matchmaker.begin_pass(NOW);
    let mut groups = Vec::new();
    assert_eq!(matchmaker.advance(&mut pass, NOW, 1, &mut groups), Progress::More);
    assert_eq!(numbers(&groups), [[1, 2]]);
    matchmaker.remove(id(3)).unwrap();
    matchmaker.add(id(7), solo(7), NOW).unwrap();
    while matchmaker.advance(&mut pass, NOW, 1, &mut groups) == Progress::More {}
    assert_eq!(numbers(&groups), [[1, 2], [4, 5]]);
    assert_eq!(numbers(&matchmaker.pass(NOW).0), [[6, 7]]);
    // An abandoned pass does nothing more.
    let report = matchmaker.advance(&mut pass, NOW, 1, &mut groups);
    assert!(matches!(report, Progress::Done(report) if report.groups == 2));
}

#[test]
fn an_abandoned_pass_loses_nobody() {
    let mut matchmaker = with(Config::default(), (1..=4).map(solo));
    let mut first = matchmaker.begin_pass(NOW);
    let mut groups = Vec::new();
    assert_eq!(matchmaker.advance(&mut first, NOW, 1, &mut groups), Progress::More);
    drop(first);
    assert_eq!(pass(&mut matchmaker), [[3, 4]]);
}

#[test]
fn what_waits_in_vain_costs_nothing() {
    let mut matchmaker = with(Config::default(), (1..=9).map(|n| counts(n, 10, 10, 1)));
    let (_, first) = matchmaker.pass(NOW);
    assert_eq!((first.tickets, first.active), (9, 9));
    let (_, second) = matchmaker.pass(NOW);
    assert_eq!((second.tickets, second.active, second.work), (9, 0, 0));
    matchmaker.add(id(10), counts(10, 10, 10, 1), NOW).unwrap();
    let (groups, third) = matchmaker.pass(NOW);
    assert_eq!((groups.len(), third.active, third.matched), (1, 1, 10));
}

#[test]
fn refused_groups_come_back_and_others_may_choose() {
    let mut matchmaker = with(Config::default(), (1..=4).map(solo));
    let (mut groups, _) = matchmaker.pass(NOW);
    assert_eq!(numbers(&groups), [[1, 2], [3, 4]]);
    let refused = groups.remove(0);
    assert_eq!(refused.tickets[0].passes, 1);
    matchmaker.give_back(refused.clone());
    matchmaker.give_back(refused);
    assert_eq!(matchmaker.len(), 2);
    assert_eq!(matchmaker.stats().oldest, Some(NOW.plus_seconds(1)));
    assert_eq!(pass(&mut matchmaker), [[1, 2]]);

    let mut matchmaker = with(Config::default(), (1..=4).map(solo));
    let all: Vec<TicketId> = matchmaker.tickets().map(|ticket| ticket.id).collect();
    assert_eq!(all, [id(1), id(2), id(3), id(4)]);
    assert_eq!(matchmaker.take_group(&[id(1), id(9)], NOW), Err(E::NotFound));
    assert_eq!(matchmaker.take_group(&[id(1), id(1)], NOW), Err(E::NotFound));
    assert_eq!(matchmaker.len(), 4);
    let group = matchmaker.take_group(&[id(4), id(1)], NOW).unwrap();
    assert_eq!(numbers(&[group]), [[1, 4]]);
    assert_eq!(pass(&mut matchmaker), [[2, 3]]);
}

#[test]
fn stats_tell_the_count_the_oldest_and_the_last_ten() {
    let mut matchmaker = with(Config::default(), (1..=25).map(solo));
    let before = matchmaker.stats();
    assert_eq!((before.tickets, before.oldest), (25, Some(NOW.plus_seconds(1))));
    assert_eq!(before.expected_wait_ms(), None);
    let (groups, _) = matchmaker.pass(NOW.plus_seconds(30));
    assert_eq!(groups.len(), 12);
    assert_eq!(groups[0].size(), 2);
    let after = matchmaker.stats();
    assert_eq!((after.tickets, after.oldest), (1, Some(NOW.plus_seconds(25))));
    assert_eq!(after.completions.len(), 10);
    assert_eq!(after.completions[9].created, NOW.plus_seconds(24));
    assert_eq!(after.completions[9].completed, NOW.plus_seconds(30));
    assert_eq!(after.expected_wait_ms(), Some(10_500));
    assert_eq!(Arc::strong_count(matchmaker.get(id(25)).unwrap()), 1);
}

/// Tickets of which any two go together unless their groups are neighbours, and no three do: the
/// search for a group of many is hopeless and long.
#[test]
fn a_hopeless_search_is_cut_short_and_tried_again() {
    let specs = (0..600_u32).map(|n| {
        let mut spec = counts(u128::from(n) + 1, 40, 40, 1);
        let class = n % 39;
        spec.texts.insert("class".into(), format!("c{class}"));
        spec.query = format!("-properties.class:c{class}");
        spec
    });
    let mut matchmaker = with(Config { search_budget: 1_000, ..Config::default() }, specs);
    let (groups, report) = matchmaker.pass(NOW);
    assert!(groups.is_empty(), "there are 39 classes and 40 places");
    assert_eq!(report.unfinished, 600);
    assert_eq!(matchmaker.pass(NOW).1.active, 600);
}

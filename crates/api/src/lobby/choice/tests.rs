use tavern_domain::{SessionId, Timestamp, UserId};
use tavern_matchmaker::{Config, Matchmaker, Player, TicketSpec};
use uuid::Uuid;

use super::*;

/// Tickets of these sessions, under the names `0`, `1` and so on.
fn offered(tickets: &[&[u128]]) -> BTreeMap<String, Arc<Ticket>> {
    let mut matchmaker = Matchmaker::new(Config::default());
    let player = |n: &u128| Player {
        user: UserId(Uuid::from_u128(*n)),
        session: SessionId(Uuid::from_u128(*n)),
        username: "a".into(),
        node: None,
    };
    let add = |(at, sessions): (usize, &&[u128])| {
        let players: Vec<Player> = sessions.iter().map(player).collect();
        let spec = TicketSpec { players: players.clone(), ..TicketSpec::solo(players[0].clone()) };
        let id = TicketId(Uuid::from_u128(at as u128));
        let ticket = matchmaker.add(id, spec, Timestamp::EPOCH).expect("a fine ticket");
        (at.to_string(), ticket)
    };
    tickets.iter().enumerate().map(add).collect()
}

fn chosen(groups: &[&[&str]]) -> ChosenGroups {
    groups.iter().map(|group| group.iter().map(|name| (*name).to_owned()).collect()).collect()
}

#[test]
fn a_ticket_may_come_once_for_each_of_its_players() {
    let offered = offered(&[&[1, 2], &[3], &[4]]);
    let groups = checked(&offered, &chosen(&[&["0", "1", "0"], &["2"], &["none", "2"], &[]]));
    let sizes: Vec<_> = groups.unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [2, 1]);
}

#[test]
fn a_ticket_in_two_groups_and_a_session_twice_in_one_are_refused() {
    let offered = offered(&[&[1], &[1], &[2], &[3]]);
    let told = |groups: &[&[&str]]| checked(&offered, &chosen(groups)).unwrap_err().to_string();
    assert!(told(&[&["0", "2"], &["2", "3"]]).contains("in two groups"));
    assert!(told(&[&["0", "1"]]).contains("twice in a group"));
    let apart = checked(&offered, &chosen(&[&["0", "2"], &["1", "3"]]));
    assert_eq!(apart.unwrap().len(), 2, "who waits twice may be in two groups");
}

//! A lobby: duellists of all strengths, a party looking for opponents, and somebody patient.

use std::io::Write as _;
use std::sync::Arc;

use tavern_domain::{Clock, ManualClock, SeededEntropy, SessionId, Timestamp, UserId};
use tavern_matchmaker::{Config, Group, LocalMatchmaker, Owner, Player, TicketSpec, Widening};
use uuid::Uuid;

fn player(name: &str, n: u128) -> Player {
    Player {
        user: UserId(Uuid::from_u128(n)),
        session: SessionId(Uuid::from_u128(1_000 + n)),
        username: name.into(),
        node: None,
    }
}

/// Somebody who wants an opponent not more than `distance` away, and twice that after one pass.
fn duellist(name: &str, n: u128, skill: f64, distance: f64) -> TicketSpec {
    let query = |distance: f64| {
        let (low, high) = (skill - distance, skill + distance);
        format!("+properties.mode:duel +properties.skill:>={low} +properties.skill:<={high}")
    };
    let mut spec = TicketSpec::solo(player(name, n));
    spec.texts.insert("mode".into(), "duel".into());
    spec.numbers.insert("skill".into(), skill);
    spec.query = query(distance);
    spec.widening = vec![Widening { after_passes: 1, query: query(distance * 2.0) }];
    spec
}

/// A ticket for a team match of four to six.
fn team(owner: Owner, players: Vec<Player>) -> TicketSpec {
    let mut spec = TicketSpec::solo(player("nobody", 0));
    spec.owner = owner;
    spec.players = players;
    spec.texts.insert("mode".into(), "team".into());
    spec.query = "+properties.mode:team".into();
    (spec.min_count, spec.max_count, spec.count_multiple) = (4, 6, 2);
    spec
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(0)));
    let shared: Arc<dyn Clock> = clock.clone();
    let lobby = LocalMatchmaker::new(Config::default(), shared, Arc::new(SeededEntropy::new(1)));

    lobby.add(duellist("ada", 1, 50.0, 10.0))?;
    lobby.add(duellist("bob", 2, 65.0, 10.0))?;
    lobby.add(duellist("cyd", 3, 57.0, 10.0))?;
    lobby.add(duellist("dee", 4, 80.0, 10.0))?;
    let party = Owner::Party("the three".into());
    let members = vec![player("eve", 5), player("fay", 6), player("gil", 7)];
    lobby.add(team(party, members))?;
    let hal = player("hal", 8);
    lobby.add(team(Owner::Session(hal.session), vec![hal]))?;

    let mut out = std::io::stdout().lock();
    for pass in 1..=3 {
        clock.advance_seconds(15);
        let mut formed: Vec<Group> = Vec::new();
        let report = lobby.pass(|group| formed.push(group));
        writeln!(out, "pass {pass}: {} of {} looked around", report.active, report.tickets)?;
        for group in formed {
            let names: Vec<&str> = group.players().map(|(_, player)| &*player.username).collect();
            writeln!(out, "  {} play", names.join(", "))?;
        }
    }
    let stats = lobby.stats();
    writeln!(out, "{} still wait; expect {:?} ms", stats.tickets, stats.expected_wait_ms())?;
    Ok(())
}

//! Two players and an outsider; the server looks at nothing they say.

use std::io::Write as _;
use std::sync::Arc;

use tavern_domain::{MatchId, SeededEntropy};
use tavern_matches::conformance::{FakeMembers, player};
use tavern_matches::{Admission, Config, Recipients, Relayed, parse_id, parse_listed};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    // A server takes `OsEntropy`, and `Members` over its presences.
    let chance = Arc::new(SeededEntropy::new(7));
    let matches =
        Relayed::builder(FakeMembers::default(), chance).config(Config::default()).build();

    let (ann, bob, eve) = (player(1), player(2), player(3));
    let created = matches.create(&ann, "")?;
    let text = created.id.to_string();
    writeln!(out, "{} created {text}", ann.meta.username)?;

    let id: MatchId = parse_id(&text)?;
    let joined = matches.join(&bob, &id, Admission::Id)?;
    writeln!(out, "{} finds {} there", bob.meta.username, joined.presences[0].meta.username)?;

    // To everybody else.
    let route = matches.route(ann.session, &id, &[]);
    assert!(matches!(route.map(|r| r.to), Some(Recipients::AllBut(s)) if s == ann.session));

    // To those the sender lists, as its client wrote them.
    let written = [bob.session.to_string()];
    let listed = parse_listed(written.iter().map(String::as_str), matches.config())?;
    let route = matches.route(ann.session, &id, &listed).ok_or("ann is a member")?;
    writeln!(out, "for {:?} on {}", route.to, route.stream)?;

    // An outsider's data goes nowhere.
    assert_eq!(matches.route(eve.session, &id, &[]), None);

    matches.leave(ann.session, &id);
    matches.leave(bob.session, &id);
    let gone = matches.join(&eve, &id, Admission::Id);
    writeln!(out, "after all have left: {}", gone.err().ok_or("the match is gone")?)?;
    Ok(())
}

//! The rules of parties, by what members are told.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::sync::Arc;

use parking_lot::Mutex;
use tavern_domain::{
    CodedError, ErrorCode, ManualClock, NodeName, SeededEntropy, SessionId, Timestamp, UserId,
};
use tavern_parties::{
    Config, Joining, Listing, Member, News, Parties, PartyError, PartyId, Snapshot, Voice,
};
use uuid::Uuid;

/// Remembers what was said, as short texts, and who is shown.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    said: Vec<String>,
    shown: BTreeSet<SessionId>,
    gone: BTreeSet<SessionId>,
}

fn name(session: SessionId) -> char {
    char::from(b'a' + u8::try_from(session.0.as_u128() - 1).expect("a few members"))
}

fn words(news: News<'_>) -> String {
    match news {
        News::Joined(party) => format!("in {}", party.members.len()),
        News::Request(who) => format!("{} asks", name(who.session)),
        News::Leader(who) => format!("{} leads", name(who.session)),
        News::Updated { open, label, .. } => format!("open {open} {label}"),
        News::Closed => "closed".into(),
    }
}

impl Voice for Ears {
    fn enter(&self, _: &PartyId, who: &Member) -> Result<(), CodedError> {
        let mut heard = self.0.lock();
        if heard.gone.contains(&who.session) {
            return Err(CodedError::new(ErrorCode::NotFound, "gone"));
        }
        heard.said.push(format!("+{}", name(who.session)));
        heard.shown.insert(who.session);
        Ok(())
    }
    fn leave(&self, _: &PartyId, session: SessionId) {
        let mut heard = self.0.lock();
        heard.said.push(format!("-{}", name(session)));
        heard.shown.remove(&session);
    }
    fn tell(&self, _: &PartyId, session: SessionId, news: News<'_>) {
        self.0.lock().said.push(format!("{}: {}", name(session), words(news)));
    }
    fn tell_all(&self, _: &PartyId, news: News<'_>) {
        self.0.lock().said.push(format!("all: {}", words(news)));
    }
    fn changed(&self, _: &PartyId) {
        self.0.lock().said.push("changed".into());
    }
}

struct World {
    parties: Parties<Ears>,
    ears: Ears,
    clock: Arc<ManualClock>,
}

impl World {
    fn new(config: Config) -> Self {
        let (ears, clock) =
            (Ears::default(), Arc::new(ManualClock::at(Timestamp::from_seconds(9))));
        let node = NodeName::new("node").expect("a good name");
        let chance = Arc::new(SeededEntropy::new(1));
        let parties = Parties::builder(node, ears.clone(), Arc::clone(&clock) as _, chance)
            .config(config)
            .build();
        Self { parties, ears, clock }
    }

    fn create(&self, who: &Member, open: bool, size: i32) -> PartyId {
        let created = self.parties.create(who, open, false, size, "").expect("it is created");
        self.heard();
        created.id
    }

    fn heard(&self) -> String {
        std::mem::take(&mut self.ears.0.lock().said).join(", ")
    }

    /// Nothing of anybody is left.
    fn is_clean(&self) -> bool {
        self.parties.is_empty() && self.ears.0.lock().shown.is_empty()
    }
}

fn world() -> World {
    World::new(Config::default())
}

fn member(n: u8) -> Member {
    Member {
        user: UserId(Uuid::from_u128(100 + u128::from(n))),
        session: SessionId(Uuid::from_u128(1 + u128::from(n))),
        username: format!("user-{n}").into(),
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, PartyError>) -> String {
    answer.expect_err("it is refused").to_string()
}

#[test]
fn an_open_party_lets_in_until_it_is_full() {
    let (w, a, b, c) = (world(), member(0), member(1), member(2));
    let created: Snapshot = w.parties.create(&a, true, false, 2, "").unwrap();
    assert_eq!((created.leader, created.members), (a.clone(), vec![a.clone()]));
    let id = created.id;
    assert_eq!(w.heard(), "+a");
    assert_eq!(w.parties.join(&b, &id).unwrap(), Joining::In);
    assert_eq!(w.heard(), "+b, b: in 2, changed");
    assert_eq!(refused(w.parties.join(&c, &id)), "party is full");
    assert_eq!(refused(w.parties.join(&b, &id)), "already a member of the party");
    w.parties.leave(b.session, &id);
    assert_eq!(w.heard(), "-b, changed");
    assert_eq!(w.parties.join(&c, &id).unwrap(), Joining::In);
    w.parties.leave(c.session, &id);
    w.parties.leave(a.session, &id);
    w.parties.leave(a.session, &id);
    assert!(w.is_clean());
    assert_eq!(refused(w.parties.join(&b, &id)), "party not found");
}

#[test]
fn a_closed_party_asks_its_leader() {
    let (w, a, b, c) = (world(), member(0), member(1), member(2));
    let id = w.create(&a, false, 3);
    assert_eq!(w.parties.join(&b, &id).unwrap(), Joining::Asked);
    assert_eq!(refused(w.parties.join(&b, &id)), "request to join was made already");
    w.parties.join(&c, &id).unwrap();
    assert_eq!(w.heard(), "a: b asks, a: c asks");
    assert_eq!(w.parties.requests(a.session, &id).unwrap(), [b.clone(), c.clone()]);
    assert!(matches!(w.parties.requests(b.session, &id), Err(PartyError::NotLeader)));
    w.parties.accept(a.session, &id, &b).unwrap();
    assert_eq!(w.heard(), "+b, b: in 2, changed");
    assert!(matches!(w.parties.accept(a.session, &id, &b), Err(PartyError::NotAsking)));
    let other = Member { username: "somebody else".into(), ..c.clone() };
    assert!(matches!(w.parties.accept(a.session, &id, &other), Err(PartyError::NotAsking)));
    w.parties.remove(a.session, &id, &c).unwrap();
    assert_eq!(w.heard(), "", "who is turned down hears nothing");
    assert_eq!(w.parties.requests(a.session, &id).unwrap(), []);
    w.parties.join(&c, &id).unwrap();
    w.parties.session_ended(c.session);
    assert_eq!(w.parties.requests(a.session, &id).unwrap(), [], "who is gone asks no more");
}

#[test]
fn the_oldest_leads_when_the_leader_goes() {
    let (w, a, b, c) = (world(), member(0), member(1), member(2));
    let id = w.create(&a, true, 3);
    w.parties.join(&b, &id).unwrap();
    w.parties.join(&c, &id).unwrap();
    w.heard();
    w.parties.session_ended(a.session);
    assert_eq!(w.heard(), "-a, all: b leads, changed");
    w.parties.promote(b.session, &id, &c).unwrap();
    assert_eq!(w.heard(), "all: c leads");
    assert!(matches!(w.parties.promote(b.session, &id, &c), Err(PartyError::NotLeader)));
    w.parties.leave(b.session, &id);
    assert_eq!(w.heard(), "-b, changed", "the leader stays");
    assert!(matches!(w.parties.promote(c.session, &id, &b), Err(PartyError::NotMember)));
}

#[test]
fn leaders_remove_and_close() {
    let (w, a, b, c) = (world(), member(0), member(1), member(2));
    let id = w.create(&a, true, 3);
    w.parties.join(&b, &id).unwrap();
    w.parties.join(&c, &id).unwrap();
    w.heard();
    assert!(matches!(w.parties.remove(b.session, &id, &c), Err(PartyError::NotLeader)));
    assert!(matches!(w.parties.remove(a.session, &id, &a), Err(PartyError::RemoveSelf)));
    w.parties.remove(a.session, &id, &b).unwrap();
    assert_eq!(w.heard(), "-b, changed, b: closed");
    assert!(matches!(w.parties.remove(a.session, &id, &b), Err(PartyError::NotMember)));
    assert!(w.parties.check_member(b.session, &id).is_err());
    assert!(w.parties.check_member(c.session, &id).is_ok());
    assert!(matches!(w.parties.close(c.session, &id), Err(PartyError::NotLeader)));
    w.parties.close(a.session, &id).unwrap();
    assert_eq!(w.heard(), "all: closed, -a, -c, changed");
    assert!(w.is_clean());
    assert!(matches!(w.parties.close(a.session, &id), Err(PartyError::NotFound)));
}

#[test]
fn labels_are_objects_and_are_found_by_them() {
    let (w, a) = (world(), member(0));
    let create = |open, hidden, label: &str| {
        w.clock.advance_seconds(1);
        w.parties.create(&a, open, hidden, 4, label)
    };
    for bad in ["not json", "[]", "1"] {
        assert!(matches!(create(true, false, bad), Err(PartyError::Label)), "{bad}");
    }
    assert!(matches!(create(true, true, r#"{"a":1}"#), Err(PartyError::HiddenLabel)));
    let duel = create(true, false, r#"{"mode":"duel","rank":{"low":3}}"#).unwrap().id;
    let team = create(false, false, r#"{"mode":"team","tags":["x","y"]}"#).unwrap().id;
    let hidden = create(true, true, "{}").unwrap().id;
    let found = |listing: Listing<'_>| -> Vec<PartyId> {
        w.parties.list(&listing).unwrap().parties.into_iter().map(|p| p.id).collect()
    };
    assert_eq!(found(Listing::default()), [team.clone(), duel.clone()]);
    assert_eq!(found(Listing { open: Some(true), ..Listing::default() }), from_ref(&duel));
    assert_eq!(found(Listing { query: "+label.mode:team", ..Listing::default() }), from_ref(&team));
    let query = "+label.rank.low:>=2 +open:T";
    assert_eq!(found(Listing { query, ..Listing::default() }), from_ref(&duel));
    assert_eq!(found(Listing { query: "+label.tags:y", ..Listing::default() }), from_ref(&team));
    let all = Listing { hidden: true, limit: Some(2), ..Listing::default() };
    let first = w.parties.list(&all).unwrap();
    assert_eq!(first.parties[0].id, hidden);
    let cursor = first.cursor.unwrap();
    let rest = w.parties.list(&Listing { cursor: &cursor, ..all }).unwrap();
    assert_eq!((rest.parties[0].id.clone(), rest.cursor), (duel.clone(), None));
    w.heard();
    w.parties.update(a.session, &duel, false, false, r#"{"mode":"team"}"#).unwrap();
    assert_eq!(w.heard(), r#"all: open false {"mode":"team"}"#);
    assert_eq!(found(Listing { query: "+label.mode:team", ..Listing::default() }), [team, duel]);
    for (listing, error) in [
        (Listing { limit: Some(0), ..Listing::default() }, "limit must be between 1 and 100"),
        (Listing { cursor: "x", ..Listing::default() }, "invalid cursor"),
        (Listing { query: "+", ..Listing::default() }, "the query does not parse"),
    ] {
        assert_eq!(refused(w.parties.list(&listing)), error);
    }
}

#[test]
fn sizes_counts_and_ids_are_bounded() {
    let config = Config { max_parties: 2, max_per_session: 2, ..Config::default() };
    let (w, a, b) = (World::new(config), member(0), member(1));
    for bad in [-1, 257] {
        assert!(matches!(w.parties.create(&a, true, false, bad, ""), Err(PartyError::Size)));
    }
    let alone = w.create(&a, true, 0);
    assert_eq!(refused(w.parties.join(&b, &alone)), "party is full");
    w.create(&a, true, 1);
    let third = w.parties.create(&a, true, false, 1, "");
    assert!(matches!(third, Err(PartyError::TooMany { limit: 2 })));
    assert!(matches!(w.parties.create(&b, true, false, 1, ""), Err(PartyError::NoRoom)));
    w.parties.session_ended(a.session);
    w.ears.0.lock().gone.insert(a.session);
    assert!(matches!(w.parties.create(&a, true, false, 1, ""), Err(PartyError::Entering(_))));
    assert!(w.is_clean());
    for bad in ["garbage", "", "x.node", "00000000-0000-0000-0000-000000000001"] {
        assert!(bad.parse::<PartyId>().is_err(), "{bad}");
    }
    let elsewhere: PartyId = format!("{}.other", alone.id).parse().unwrap();
    assert_eq!(refused(w.parties.join(&b, &elsewhere)), "party not found");
}

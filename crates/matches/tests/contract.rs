//! The rules over the parts they run on in a server: subscriptions and presences.

use std::sync::Arc;

use proptest::prelude::*;
use tavern_domain::{
    Classify, CodedError, ErrorCode, MatchId, Presence, PresenceReason, RealtimeCode,
    SeededEntropy, SessionId, Stream, StreamMode,
};
use tavern_matches::conformance::{FakeMembers, members, player};
use tavern_matches::{
    Admission, Config, Entered, Joined, Listing, MatchError, Members, Recipients, Relayed, parse_id,
};
use tavern_presence::{LocalPresence, PresenceDiff, PresenceSink, Presences};
use tavern_streams::conformance::RecordingSink;
use tavern_streams::{Class, Sink, Streams};
use uuid::Uuid;

/// What a player hears.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Heard {
    Joined(SessionId),
    Left(SessionId),
    Data(SessionId, u8),
}

type Server = Arc<Streams<Heard>>;

struct Diffs(Server);

impl PresenceSink for Diffs {
    fn on_diff(&self, diff: &PresenceDiff<'_>) {
        let joins = diff.joins.iter().map(|p| Heard::Joined(p.session));
        for heard in joins.chain(diff.leaves.iter().map(|p| Heard::Left(p.session))) {
            self.0.send(diff.stream, Arc::new(heard), Class::Reliable);
        }
    }
}

/// The adapter that a server has between its parts.
struct Wired {
    streams: Server,
    presences: LocalPresence,
}

impl Wired {
    fn new() -> Self {
        let streams = Server::default();
        let presences = LocalPresence::builder(Arc::new(Diffs(Arc::clone(&streams)))).build();
        Self { streams, presences }
    }
}

impl Members for Wired {
    fn enter(&self, stream: &Stream, who: &Presence) -> Result<Entered, CodedError> {
        let fresh = self.streams.subscribe(who.session, stream);
        let fresh = fresh.map_err(CodedError::from_classified)?;
        let tracked = self.presences.track(who, stream).inspect_err(|_| {
            if fresh {
                self.streams.unsubscribe(who.session, stream);
            }
        });
        let tracked = tracked.map_err(CodedError::from_classified)?;
        Ok(Entered { new: tracked.new, before: tracked.before })
    }
    fn leave(&self, stream: &Stream, session: SessionId) -> bool {
        self.streams.unsubscribe(session, stream);
        self.presences.untrack(session, stream)
    }
    fn is_member(&self, stream: &Stream, session: SessionId) -> bool {
        self.presences.is_on(session, stream)
    }
    fn size(&self, stream: &Stream) -> usize {
        self.presences.count(stream).visible
    }
    fn matches(&self, limit: usize, keep: &mut dyn FnMut(usize) -> bool) -> Vec<(Uuid, usize)> {
        let mode = StreamMode::MATCH_RELAYED;
        let found = self.presences.streams_of_mode(mode, limit, &mut |_, c| keep(c.visible));
        found.into_iter().map(|(stream, count)| (stream.subject, count.visible)).collect()
    }
}

/// A server with players, and what each has heard.
struct Game {
    matches: Relayed<Arc<Wired>>,
    parts: Arc<Wired>,
    ears: Vec<Arc<RecordingSink<Heard>>>,
}

impl Game {
    fn new(players: u64, config: Config) -> Self {
        let parts = Arc::new(Wired::new());
        let ears = (0..players)
            .map(|n| {
                let (who, sink) = (player(n), Arc::new(RecordingSink::default()));
                let streams = &parts.streams;
                streams
                    .open(who.session, who.user, Arc::clone(&sink) as Arc<dyn Sink<_>>)
                    .expect("new");
                sink
            })
            .collect();
        let chance = Arc::new(SeededEntropy::new(1));
        let matches = Relayed::builder(Arc::clone(&parts), chance).config(config).build();
        Self { matches, parts, ears }
    }

    fn join(&self, n: u64, id: &MatchId) -> Result<Joined, MatchError> {
        self.matches.join(&player(n), id, Admission::Id)
    }

    /// Sends, and returns how many got it.
    fn send(&self, n: u64, id: &MatchId, data: u8, listed: &[u64]) -> usize {
        let listed: Vec<_> = listed.iter().map(|n| player(*n).session).collect();
        let Some(route) = self.matches.route(player(n).session, id, &listed) else { return 0 };
        let (streams, class) = (&self.parts.streams, Class::Unreliable);
        let data = Arc::new(Heard::Data(player(n).session, data));
        match route.to {
            Recipients::AllBut(sender) => streams.send_except(&route.stream, sender, data, class),
            Recipients::Only(some) => streams.send_to_members(&route.stream, some, data, class),
        }
    }

    fn hears(&self, n: usize) -> Vec<Heard> {
        self.ears[n].take().into_iter().map(|(heard, _)| (*heard).clone()).collect()
    }
}

fn sessions(joined: &Joined) -> Vec<SessionId> {
    joined.presences.iter().map(|p| p.session).collect()
}

fn id(n: u64) -> SessionId {
    player(n).session
}

#[test]
fn both_views_of_members_keep_the_contract() {
    members(FakeMembers::default);
    members(|| {
        let wired = Wired::new();
        for n in 0..10 {
            let sink: Arc<RecordingSink<Heard>> = Arc::default();
            wired.streams.open(player(n).session, player(n).user, sink).unwrap();
        }
        wired
    });
}

#[test]
fn create_join_talk_and_leave() {
    let game = Game::new(2, Config::default());
    let created = game.matches.create(&player(0), "").unwrap();
    assert_eq!((created.size, created.presences.len(), created.new), (1, 0, true));
    assert!(created.id.to_string().ends_with('.'));
    assert_eq!(game.hears(0), [Heard::Joined(id(0))], "one sees oneself");
    let joined = game.join(1, &created.id).unwrap();
    assert_eq!((joined.size, sessions(&joined)), (1, vec![id(0)]), "those before");
    assert_eq!(game.hears(0), [Heard::Joined(id(1))]);
    assert_eq!(game.hears(1), [Heard::Joined(id(1))]);
    assert_eq!(game.send(0, &created.id, 7, &[]), 1);
    assert_eq!(game.hears(1), [Heard::Data(id(0), 7)]);
    assert_eq!(game.hears(0), [], "no echo");
    assert!(game.matches.leave(id(1), &created.id));
    assert_eq!(game.hears(0), [Heard::Left(id(1))]);
    assert_eq!(game.hears(1), [], "who leaves hears nothing more");
    assert!(!game.matches.leave(id(1), &created.id), "leaving twice is no error");
}

#[test]
fn data_for_chosen_players() {
    let game = Game::new(4, Config::default());
    let room = game.matches.create(&player(0), "").unwrap().id;
    game.join(1, &room).unwrap();
    game.join(2, &room).unwrap();
    (0..3).for_each(|n| drop(game.hears(n)));
    assert_eq!(game.send(0, &room, 1, &[1, 1, 1]), 1, "once, however often named");
    assert_eq!((game.hears(1), game.hears(2)), (vec![Heard::Data(id(0), 1)], vec![]));
    assert_eq!(game.send(0, &room, 2, &[0]), 1, "oneself when named");
    assert_eq!((game.hears(0), game.hears(1)), (vec![Heard::Data(id(0), 2)], vec![]));
    assert_eq!(game.send(0, &room, 3, &[3, 2]), 1, "3 is no member");
    assert_eq!((game.hears(2), game.hears(3)), (vec![Heard::Data(id(0), 3)], vec![]));
    assert_eq!(game.send(3, &room, 4, &[1]), 0, "nor may it send");
    assert_eq!(game.send(3, &room, 4, &[]), 0);
    assert_eq!(game.hears(1), []);
}

#[test]
fn matches_that_cannot_be_joined() {
    let game = Game::new(1, Config::default());
    let none = "00000000-0000-4000-8000-000000000001";
    for malformed in ["garbage", "not-uuid.", "", ".", none] {
        let error = parse_id(malformed).unwrap_err();
        assert_eq!(error.realtime_code(), RealtimeCode::BadInput, "{malformed}");
    }
    for unknown in [format!("{none}."), format!("{none}.nonode")] {
        let unknown = parse_id(&unknown).unwrap();
        let error = game.join(0, &unknown).unwrap_err();
        assert_eq!(error.realtime_code(), RealtimeCode::MatchNotFound);
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert!(!game.matches.leave(id(0), &unknown));
        assert_eq!(game.matches.route(id(0), &unknown, &[]), None);
    }
    assert_eq!(game.hears(0), []);
}

#[test]
fn a_token_opens_an_empty_match() {
    let game = Game::new(2, Config::default());
    let room = MatchId::relayed(Uuid::from_u128(77));
    let first = game.matches.join(&player(0), &room, Admission::Token).unwrap();
    assert_eq!((first.size, first.presences.len()), (0, 0));
    let second = game.matches.join(&player(1), &room, Admission::Token).unwrap();
    assert_eq!((second.size, sessions(&second)), (1, vec![id(0)]));
    let hosted = parse_id(&format!("{room}node")).unwrap();
    let hosted = game.matches.join(&player(0), &hosted, Admission::Token);
    assert!(matches!(hosted, Err(MatchError::NotFound)), "the server runs it, not the players");
}

#[test]
fn one_name_is_one_match() {
    let game = Game::new(3, Config { max_name_bytes: 5, max_members: 2, ..Config::default() });
    let first = game.matches.create(&player(0), "arena").unwrap();
    assert_eq!(first.id, MatchId::relayed_by_name("arena"));
    let second = game.matches.create(&player(1), "arena").unwrap();
    assert_eq!((second.id, second.size), (first.id.clone(), 2));
    assert_eq!(second.presences, [player(0)]);
    assert_eq!(game.send(1, &first.id, 3, &[]), 1);
    let again = game.matches.create(&player(0), "arena").unwrap();
    assert_eq!((again.new, again.size, again.presences), (false, 2, vec![player(1)]));
    let full = game.matches.create(&player(2), "arena").unwrap_err();
    assert!(matches!(full, MatchError::Full { limit: 2 }));
    assert!(matches!(game.join(2, &first.id), Err(MatchError::Full { limit: 2 })));
    let long = game.matches.create(&player(2), "arenas");
    assert!(matches!(long, Err(MatchError::NameTooLong { limit: 5 })));
    assert_ne!(game.matches.create(&player(2), "").unwrap().id, first.id);
}

#[test]
fn joining_again_lists_oneself_and_tells_nobody() {
    let game = Game::new(2, Config::default());
    let room = game.matches.create(&player(0), "").unwrap().id;
    game.join(1, &room).unwrap();
    (0..2).for_each(|n| drop(game.hears(n)));
    let again = game.join(1, &room).unwrap();
    assert_eq!((again.size, sessions(&again), again.new), (2, vec![id(0), id(1)], false));
    assert_eq!((game.hears(0), game.hears(1)), (vec![], vec![]));
    game.matches.leave(id(1), &room);
    let back = game.join(1, &room).unwrap();
    assert_eq!((back.size, sessions(&back), back.new), (1, vec![id(0)], true));
    assert_eq!(game.hears(0), [Heard::Left(id(1)), Heard::Joined(id(1))]);
}

#[test]
fn a_lost_connection_leaves_and_an_empty_match_ends() {
    let game = Game::new(2, Config::default());
    let room = game.matches.create(&player(0), "").unwrap().id;
    game.join(1, &room).unwrap();
    game.hears(1);
    game.parts.streams.close_session(id(0));
    game.parts.presences.untrack_all(id(0), PresenceReason::Disconnect);
    assert_eq!(game.hears(1), [Heard::Left(id(0))]);
    game.matches.leave(id(1), &room);
    assert!(matches!(game.join(1, &room), Err(MatchError::NotFound)));
    assert_eq!(game.parts.presences.totals().streams, 0);
}

#[test]
fn listings_show_sizes() {
    let game = Game::new(2, Config::default());
    let room = game.matches.create(&player(0), "").unwrap().id;
    game.join(1, &room).unwrap();
    let listed = |listing: Listing| game.matches.list(&listing.check().unwrap());
    let ask = Listing { authoritative: Some(false), ..Listing::default() };
    assert_eq!(listed(ask), [(room.clone(), 2)]);
    assert_eq!(listed(Listing { min_size: Some(2), ..ask }), [(room.clone(), 2)]);
    assert_eq!(listed(Listing { max_size: Some(1), ..ask }), []);
    assert_eq!(listed(Listing::default()), [(room, 2)]);
    assert_eq!(listed(Listing { authoritative: Some(true), ..ask }), []);
}

#[test]
fn who_is_refused_is_not_in() {
    let fake = FakeMembers::default();
    fake.refuse(id(1));
    let matches = Relayed::builder(fake, Arc::new(SeededEntropy::new(1))).build();
    let room = matches.create(&player(0), "").unwrap().id;
    let refused = matches.join(&player(1), &room, Admission::Id).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ResourceExhausted);
    assert_eq!(matches.route(id(1), &room, &[]), None);
    // A session that has ended meanwhile: the real parts refuse it.
    let game = Game::new(1, Config::default());
    let room = game.matches.create(&player(0), "").unwrap().id;
    assert!(matches!(game.join(5, &room), Err(MatchError::Refused(_))));
}

proptest! {
    /// Against a list of pairs and the sentence "data goes from members to members".
    #[test]
    fn data_goes_from_members_to_members(
        steps in prop::collection::vec(
            (0u8..4, 0u64..5, 0usize..3, prop::collection::vec(0u64..5, 0..4)), 1..80)
    ) {
        let game = Game::new(5, Config::default());
        let rooms: Vec<_> = ["a", "b", "c"].map(MatchId::relayed_by_name).into();
        let mut model: Vec<(usize, u64)> = Vec::new();
        for (data, (what, n, room, listed)) in (0u8..=255).cycle().zip(steps) {
            (0..5).for_each(|n| drop(game.hears(n)));
            let inside = model.contains(&(room, n));
            match what {
                0 => {
                    let joined = game.join(n, &rooms[room]);
                    if model.iter().any(|(r, _)| *r == room) {
                        prop_assert_eq!(joined.unwrap().new, !inside);
                        if !inside { model.push((room, n)); }
                    } else {
                        prop_assert!(matches!(joined, Err(MatchError::NotFound)));
                    }
                }
                1 => {
                    let name = ["a", "b", "c"][room];
                    let created = game.matches.create(&player(n), name).unwrap();
                    if !inside { model.push((room, n)); }
                    let size = model.iter().filter(|(r, _)| *r == room).count();
                    prop_assert_eq!(created.size, size);
                }
                2 => {
                    prop_assert_eq!(game.matches.leave(id(n), &rooms[room]), inside);
                    model.retain(|pair| *pair != (room, n));
                }
                _ => {
                    let got = game.send(n, &rooms[room], data, &listed);
                    let wants = |other: u64| inside && model.contains(&(room, other))
                        && if listed.is_empty() { other != n } else { listed.contains(&other) };
                    prop_assert_eq!(got, (0..5).filter(|other| wants(*other)).count());
                    for other in 0..5u64 {
                        let expect = if wants(other) { vec![Heard::Data(id(n), data)] } else { vec![] };
                        prop_assert_eq!(game.hears(usize::try_from(other).unwrap()), expect);
                    }
                }
            }
        }
    }
}

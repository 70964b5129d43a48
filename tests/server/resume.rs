//! A socket breaks, and the player goes on where they were: with another socket of the same log-in.

use serde_json::{Value, json};

use crate::harness::World;
use crate::http::{As, ask, token};
use crate::scripts::{folder, with};
use crate::socket::Socket;

/// A match in which everybody is told who left.
const MODULE: &str = r#"
local nk = require("nakama")
local M = {}
function M.match_init() return { left = 0 }, 10, "" end
function M.match_join_attempt(_, _, _, state) return state, true end
function M.match_join(_, _, _, state) return state end
function M.match_leave(_, dispatcher, _, state, presences)
  state.left = state.left + #presences
  return state
end
function M.match_loop(_, dispatcher, _, state, messages)
  for _, message in ipairs(messages) do
    dispatcher.broadcast_message(message.op_code, nk.json_encode({ left = state.left }))
  end
  return state
end
function M.match_terminate(_, _, _, state) return state end
function M.match_signal(_, _, _, state) return state end
return M
"#;

const RPC: &str = r#"
local nk = require("nakama")
nk.register_rpc(function() return nk.match_create("counts", {}) end, "create")
"#;

/// A player with a socket that may break.
struct Player {
    token: String,
    socket: Socket,
}

impl Player {
    async fn new(world: &World, device: &str) -> Self {
        let token = token(world.at.game.http, device).await;
        let socket = Socket::open(world.at.game.http, &token).await.expect("a socket");
        Self { token, socket }
    }

    async fn ask(&mut self, mut message: Value, member: &str) -> Value {
        message["cid"] = json!("1");
        self.socket.send(&message.to_string()).await;
        self.next(member).await
    }

    async fn next(&mut self, member: &str) -> Value {
        self.socket.next(member).await.unwrap_or_else(|| panic!("{member} before the end"))
    }

    /// The socket breaks. What was sent on it before has been handled.
    async fn breaks(&mut self) {
        self.ask(json!({ "ping": {} }), "pong").await;
        self.socket.breaks().await;
    }

    async fn comes_back(&mut self, world: &World) {
        self.socket = Socket::open(world.at.game.http, &self.token).await.expect("a socket");
    }
}

fn session(presence: &Value) -> &Value {
    &presence["session_id"]
}

fn joins(event: &Value) -> Vec<&Value> {
    event["joins"].as_array().into_iter().flatten().map(session).collect()
}

#[tokio::test]
async fn a_player_whose_socket_breaks_keeps_everything_and_nobody_sees_a_leave() {
    let mut world = World::new().await;
    let mut ann = Player::new(&world, "the-device-of-ann").await;
    let mut bob = Player::new(&world, "the-device-of-bob").await;

    let room = json!({ "channel_join": { "type": 1, "target": "lobby", "persistence": false } });
    let own = ann.ask(room.clone(), "channel").await["self"].clone();
    let channel = bob.ask(room, "channel").await["id"].clone();
    let party = json!({ "party_create": { "open": true, "max_size": 4 } });
    let party = ann.ask(party, "party").await["party_id"].clone();
    bob.ask(json!({ "party_join": { "party_id": party } }), "party").await;
    let game = ann.ask(json!({ "match_create": {} }), "match").await["match_id"].clone();
    let join = json!({ "match_join": { "match_id": game } });
    let theirs = bob.ask(join, "match").await["self"].clone();
    let add = json!({ "matchmaker_add": { "min_count": 2, "max_count": 2, "query": "*" } });
    let ticket = ann.ask(add, "matchmaker_ticket").await["ticket"].clone();
    let follow = json!({ "status_follow": { "user_ids": [theirs["user_id"]] } });
    ann.ask(follow, "status").await;

    ann.breaks().await;
    let said = json!({ "channel_message_send": { "channel_id": channel, "content": "{\"n\":1}" } });
    bob.ask(said, "channel_message_ack").await;
    let data = json!({ "match_data_send": { "match_id": game, "op_code": 7, "data": "AQ==" } });
    bob.socket.send(&data.to_string()).await;
    let data = json!({ "party_data_send": { "party_id": party, "op_code": 8, "data": "Ag==" } });
    bob.socket.send(&data.to_string()).await;
    bob.ask(json!({ "status_update": { "status": "busy" } }), "cid").await;
    ann.comes_back(&world).await;

    // First what she has missed ...
    assert_eq!(ann.next("channel_message").await["content"], "{\"n\":1}");
    assert_eq!(ann.next("match_data").await["op_code"], "7");
    assert_eq!(ann.next("party_data").await["op_code"], "8");
    assert_eq!(ann.next("status_presence_event").await["joins"][0]["status"], "busy");
    // ... then where she is, and who is there.
    let told = ann.next("party").await;
    assert_eq!((&told["party_id"], &told["leader"]), (&party, &told["self"]));
    assert_eq!(told["presences"].as_array().map(Vec::len), Some(2), "{told}");
    assert_eq!(session(&told["self"]), session(&own), "the session is the same");
    for member in ["channel_presence_event", "match_presence_event"] {
        let event = ann.next(member).await;
        assert_eq!(joins(&event), [session(&own), session(&theirs)], "{event}");
    }

    // She is in all of it, and has the ticket.
    let data = json!({ "match_data_send": { "match_id": game, "op_code": 9, "data": "Aw==" } });
    ann.socket.send(&data.to_string()).await;
    let heard = bob.next("match_data").await;
    assert_eq!(session(&heard["presence"]), session(&own));
    let remove = json!({ "matchmaker_remove": { "ticket": ticket } });
    assert!(ann.ask(remove, "cid").await.is_string());
    // Bob has heard nothing of it: what he hears of her is her real leave, which is the first.
    ann.ask(json!({ "match_leave": { "match_id": game } }), "cid").await;
    ann.ask(json!({ "channel_leave": { "channel_id": channel } }), "cid").await;
    ann.ask(json!({ "party_leave": { "party_id": party } }), "cid").await;
    for member in ["match_presence_event", "channel_presence_event", "party_presence_event"] {
        let event = bob.next(member).await;
        let own_arrival = joins(&event) == [session(&theirs)];
        let event = if own_arrival { bob.next(member).await } else { event };
        assert_eq!(session(&event["leaves"][0]), session(&own), "{member}: {event}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_match_that_the_server_runs_sees_no_leave() {
    let files = folder(&[("counts.lua", MODULE), ("main.lua", RPC)]);
    let mut world = World::with(Vec::new(), with(files.path())).await;
    let mut ann = Player::new(&world, "the-device-of-ann").await;
    let created = ann.ask(json!({ "rpc": { "id": "create" } }), "rpc").await;
    let join = json!({ "match_join": { "match_id": created["payload"] } });
    let game = ann.ask(join.clone(), "match").await["match_id"].clone();
    ann.breaks().await;
    ann.comes_back(&world).await;
    let told = ann.next("match_presence_event").await;
    assert_eq!(told["match_id"], game);
    // What a game does after each of its connects is fine, too.
    let again = ann.ask(join, "match").await;
    assert_eq!(again["presences"].as_array().map(Vec::len), Some(1), "{again}");
    let data = json!({ "match_data_send": { "match_id": game, "op_code": 1, "data": "AQ==" } });
    ann.socket.send(&data.to_string()).await;
    let heard = ann.next("match_data").await;
    assert_eq!(heard["data"], data_of("{\"left\":0}"), "{heard}");
    world.stop().await;
}

#[tokio::test]
async fn a_match_that_was_found_is_told_again_until_it_is_joined() {
    let mut world = World::with(Vec::new(), |settings| settings.matchmaker.interval_sec = 1).await;
    let mut ann = Player::new(&world, "the-device-of-ann").await;
    let mut bob = Player::new(&world, "the-device-of-bob").await;
    for player in [&mut ann, &mut bob] {
        let add = json!({ "matchmaker_add": { "min_count": 2, "max_count": 2, "query": "*" } });
        player.ask(add, "matchmaker_ticket").await;
    }
    let found = ann.next("matchmaker_matched").await;
    ann.socket.breaks().await;
    ann.comes_back(&world).await;
    assert_eq!(ann.next("matchmaker_matched").await, found);
    let join = json!({ "match_join": { "token": found["token"] } });
    let game = ann.ask(join, "match").await;
    ann.breaks().await;
    ann.comes_back(&world).await;
    // In the place of which this would be the first.
    let Some((member, event)) =
        ann.socket.first(&["matchmaker_matched", "match_presence_event"]).await
    else {
        panic!("nothing was told")
    };
    assert_eq!((member, &event["match_id"]), ("match_presence_event", &game["match_id"]));

    // What is found while there is no socket comes once.
    let found = bob.next("matchmaker_matched").await;
    bob.ask(json!({ "match_join": { "token": found["token"] } }), "match").await;
    let mut cid = Player::new(&world, "the-device-of-cid").await;
    let add = json!({ "matchmaker_add": { "min_count": 2, "max_count": 2, "query": "*" } });
    bob.ask(add.clone(), "matchmaker_ticket").await;
    bob.breaks().await;
    cid.ask(add, "matchmaker_ticket").await;
    cid.next("matchmaker_matched").await;
    bob.comes_back(&world).await;
    let found = bob.next("matchmaker_matched").await;
    bob.socket.send(r#"{"cid":"last","ping":{}}"#).await;
    let next = bob.socket.first(&["matchmaker_matched", "pong"]).await;
    assert_eq!(next.map(|(member, _)| member), Some("pong"), "{found} came twice");
    world.stop().await;
}

fn data_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn whoever_does_not_come_back_leaves_after_the_grace() {
    for (grace, goodbye) in [(50, false), (0, false), (60_000, true)] {
        let mut world =
            World::with(Vec::new(), |settings| settings.session.resume_grace_ms = grace).await;
        let mut ann = Player::new(&world, "the-device-of-ann").await;
        let mut bob = Player::new(&world, "the-device-of-bob").await;
        let room = json!({ "channel_join": { "type": 1, "target": "lobby" } });
        bob.ask(room.clone(), "channel").await;
        let own = ann.ask(room, "channel").await["self"].clone();
        bob.next("channel_presence_event").await;
        if goodbye {
            ann.socket.close().await;
        } else {
            ann.breaks().await;
        }
        let event = bob.next("channel_presence_event").await;
        assert_eq!(session(&event["leaves"][0]), session(&own), "{grace} ms: {event}");
        // The next socket is a session of its own.
        ann.comes_back(&world).await;
        let room = json!({ "channel_join": { "type": 1, "target": "lobby" } });
        let now = ann.ask(room, "channel").await["self"].clone();
        assert_ne!(session(&now), session(&own));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_logout_ends_what_waits_for_a_socket() {
    let mut world =
        World::with(Vec::new(), |settings| settings.session.resume_grace_ms = 60_000).await;
    let mut ann = Player::new(&world, "the-device-of-ann").await;
    let mut bob = Player::new(&world, "the-device-of-bob").await;
    let room = json!({ "channel_join": { "type": 1, "target": "lobby" } });
    bob.ask(room.clone(), "channel").await;
    ann.ask(room, "channel").await;
    bob.next("channel_presence_event").await;
    ann.breaks().await;
    let at = world.at.game.http;
    let answer = ask(at, As::Player(&ann.token), "POST", "/v2/session/logout", "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let event = bob.next("channel_presence_event").await;
    assert_eq!(event["leaves"].as_array().map(Vec::len), Some(1), "{event}");
    assert_eq!(Socket::open(world.at.game.http, &ann.token).await.err(), Some(401));
    world.stop().await;
}

#[tokio::test]
async fn a_session_of_another_log_in_is_not_taken_over() {
    let mut world =
        World::with(Vec::new(), |settings| settings.session.resume_grace_ms = 60_000).await;
    let mut ann = Player::new(&world, "the-device-of-ann").await;
    let room = json!({ "channel_join": { "type": 1, "target": "lobby" } });
    let own = ann.ask(room.clone(), "channel").await["self"].clone();
    ann.breaks().await;
    let mut other = Player::new(&world, "the-device-of-ann").await;
    let answer = other.ask(room, "channel").await;
    assert_ne!(session(&answer["self"]), session(&own));
    assert_eq!(session(&answer["presences"][0]), session(&own), "it is still there: {answer}");
    world.stop().await;
}

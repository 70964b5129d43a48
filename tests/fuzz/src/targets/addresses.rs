//! Addresses, ids and cursors as clients write them.

use std::cell::OnceCell;
use std::sync::Arc;

use futures_util::FutureExt;
use tavern_auth::validate;
use tavern_domain::{
    CursorScope, ManualClock, MatchId, NodeName, SeededEntropy, SessionId, Stream, Timestamp,
    UserId,
};
use tavern_social::{Author, Channel, Chat, History, HistoryQuery, Social, parse_message_id};
use tavern_storage_postgres::Address;

use super::first_line;

const ME: UserId = UserId(uuid::Uuid::from_u128(1));

/// Every kind of address and id, from one text: what is read is written as something that reads
/// the same.
pub fn addresses(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(stream) = text.parse::<Stream>() {
        assert_eq!(stream.to_string().parse().as_ref(), Ok(&stream));
        if let Some(channel) = Channel::of_stream(stream.clone()) {
            assert_eq!(channel.stream(), &stream);
        }
    }
    if let Ok(id) = text.parse::<MatchId>() {
        assert_eq!(id.to_string().parse().as_ref(), Ok(&id));
    }
    if let Ok(id) = tavern_matches::parse_id(text) {
        assert!(text.eq_ignore_ascii_case(&id.to_string()) || id.node.is_some());
    }
    if let Ok(channel) = Channel::parse(text) {
        let again = Channel::parse(channel.id()).expect("what we write, we can read");
        assert_eq!(again, channel);
        assert!(channel.id().eq_ignore_ascii_case(text), "one channel, one id");
    }
    for kind in -1..5 {
        if let Ok(channel) = Channel::target(ME, kind, text) {
            let again = Channel::parse(channel.id()).expect("what we write, we can read");
            assert_eq!(again, channel);
        }
    }
    if let Ok(name) = NodeName::new(text) {
        let id = MatchId { id: uuid::Uuid::from_u128(2), node: Some(name) };
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = parse_message_id(text) {
        assert!(id.to_string().eq_ignore_ascii_case(text));
    }
    if let Ok(session) = text.parse::<SessionId>() {
        assert!(session.to_string().eq_ignore_ascii_case(text));
    }
    let listed = tavern_matches::parse_listed(text.split(' '), &tavern_matches::Config::default());
    if let Ok(listed) = listed {
        assert!(listed.len() <= tavern_matches::Config::default().max_listed_presences);
    }
    let (_by_name, relayed) = (MatchId::relayed_by_name(text), Stream::room(text));
    assert_eq!(relayed.to_string().parse(), Ok(relayed));
    names(text);
    database(text);
}

/// The address of a database, which holds a password.
fn database(text: &str) {
    let _refused = text.parse::<Address>().is_err();
    let whole = format!("somebody:hushhush@host:5432/{text}");
    if !text.contains("hush")
        && let Ok(address) = whole.parse::<Address>()
    {
        assert!(!format!("{address} {address:?}").contains("hush"), "a password came out");
    }
}

fn names(text: &str) {
    let fine = [
        validate::username(text).is_ok(),
        validate::custom_id(text).is_ok(),
        validate::device_id(text).is_ok(),
        validate::password(text).is_ok(),
    ];
    assert!(text.len() <= 4096 || fine == [false; 4], "nothing unbounded is a name");
    if let Ok(address) = validate::email(text) {
        assert_eq!(validate::email(&address).as_ref(), Ok(&address), "tidied once is tidy");
    }
}

/// How positions in a channel's history are laid out: flags, microseconds, message id.
const LIST: &str = "channel messages 1";

struct Past {
    chat: Chat,
    channel: Channel,
}

impl Past {
    fn new() -> Self {
        let store = super::memory_storage();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_700_000_000)));
        let chat = Social::new(&store, clock, Arc::new(SeededEntropy::new(1)), Arc::new(())).chat;
        let channel = Channel::room("lobby").expect("a room");
        let author = Author { user: UserId::NIL, username: "system".into() };
        for n in 0..5 {
            let said = chat.send(&channel, &author, format!("{{\"n\":{n}}}"), true);
            said.now_or_never().expect("memory does not wait").expect("it can be kept");
        }
        Self { chat, channel }
    }

    fn page(&self, cursor: &str, limit: i32, forward: bool) -> Option<History> {
        let cursor = Some(cursor);
        let query = HistoryQuery { limit: Some(limit), forward: Some(forward), cursor };
        let page = self.chat.history(None, &self.channel, query);
        page.now_or_never().expect("memory does not wait").ok()
    }
}

thread_local! {
    static PAST: OnceCell<Past> = const { OnceCell::new() };
}

/// A byte for the way: a cursor as text, or a position that is made into a genuine cursor. Every
/// page that it leads to leads on.
pub fn cursor(data: &[u8]) {
    let Some((way, rest)) = data.split_first() else { return };
    PAST.with(|past| {
        let past = past.get_or_init(Past::new);
        let scope = CursorScope { list: LIST, about: past.channel.id().as_bytes() };
        let forward = way & 1 == 1;
        let text = if way & 2 == 2 {
            scope.encode(&rest[..rest.len().min(1024)])
        } else {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            first_line(text).0.to_owned()
        };
        if let Ok(position) = scope.decode(&text) {
            assert_eq!(scope.encode(&position), text, "one position, one spelling");
        }
        let Some(page) = past.page(&text, 2, forward) else { return };
        assert!(page.messages.len() <= 2);
        for (next, forward) in [
            (page.next_cursor, forward),
            (page.prev_cursor, forward),
            (page.cacheable_cursor, true),
        ] {
            let leads_on = next.is_none_or(|next| past.page(&next, 100, forward).is_some());
            assert!(leads_on, "a cursor of ours is refused");
        }
    });
}

//! The chat over the in-memory store.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::sync::Arc;

use async_trait::async_trait;
use proptest::prelude::*;
use tavern_domain::{Classify as _, ErrorCode, ManualClock, SeededEntropy, Timestamp, UserId};
use tavern_social::{
    Author, Channel, Chat, ChatError, ChatMessage, History, HistoryQuery, MAX_CONTENT_BYTES,
    MessageCode, Social,
};
use tavern_storage::{
    Changed, Created, FriendChanges, FriendState, GroupChange, GroupState, GroupView, Identity,
    MessagePage, Messages, NewAccount, NewGroup, NewMessage, Others, PageRequest, Pair, PairChange,
    Storage, StorageError, memory,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_nanos(1_754_000_000_123_456_789);

/// A chat with two players, Ada and Bob, who exist in its store.
struct World {
    storage: Storage,
    clock: Arc<ManualClock>,
    chat: Chat,
    ada: Author,
    bob: Author,
    lobby: Channel,
}

async fn author(storage: &Storage, id: u128, name: &str) -> Author {
    let user = UserId(Uuid::from_u128(id));
    let new = NewAccount {
        user,
        username: name,
        identity: Identity::Custom(name),
        password: None,
        now: NOW,
        obligation: None,
    };
    assert_eq!(storage.accounts.create(new).await.unwrap(), Created::Created);
    Author { user, username: name.into() }
}

impl World {
    async fn new() -> Self {
        let storage = memory::storage();
        let clock = Arc::new(ManualClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::new(7));
        let chat = Social::new(&storage, Arc::clone(&clock) as _, entropy, Arc::new(())).chat;
        let ada = author(&storage, 1, "ada").await;
        let bob = author(&storage, 2, "bob").await;
        let lobby = Channel::room("lobby").unwrap();
        Self { storage, clock, chat, ada, bob, lobby }
    }

    /// Ada says `{"n":n}` in the lobby.
    async fn say(&self, n: usize) -> ChatMessage {
        let content = format!("{{\"n\":{n}}}");
        self.chat.send(&self.lobby, &self.ada, content, true).await.unwrap()
    }

    async fn list(&self, query: HistoryQuery<'_>) -> Result<History, ChatError> {
        self.chat.history(Some(self.bob.user), &self.lobby, query).await
    }

    async fn page(&self, limit: i32, forward: bool, cursor: Option<&str>) -> History {
        let query = HistoryQuery { limit: Some(limit), forward: Some(forward), cursor };
        self.list(query).await.unwrap()
    }
}

/// The numbers that were said.
fn numbers(history: &History) -> Vec<usize> {
    let number = |m: &ChatMessage| {
        serde_json::from_str::<serde_json::Value>(&m.content).unwrap()["n"].as_u64().unwrap()
    };
    history.messages.iter().map(|m| usize::try_from(number(m)).unwrap()).collect()
}

/// Which of the cursors there are: next, prev, cacheable.
fn cursors(history: &History) -> (bool, bool, bool) {
    let History { next_cursor, prev_cursor, cacheable_cursor, .. } = history;
    (next_cursor.is_some(), prev_cursor.is_some(), cacheable_cursor.is_some())
}

#[tokio::test]
async fn a_message_is_built_and_kept() {
    let w = World::new().await;
    let said = w.chat.send(&w.lobby, &w.ada, r#"{"b":1,"a":2}"#.into(), true).await.unwrap();
    assert_eq!(said.channel, w.lobby);
    assert_eq!(said.code, MessageCode::CHAT);
    assert_eq!(said.author, w.ada);
    assert_eq!(said.content, r#"{"b":1,"a":2}"#, "live, as it was sent");
    assert_eq!((said.create_time, said.update_time), (NOW, NOW), "live, with nanoseconds");
    assert_eq!(said.id.get_version_num(), 4);
    assert!(said.persistent);
    let history = w.page(10, true, None).await;
    let kept = ChatMessage {
        content: r#"{"a": 2, "b": 1}"#.into(),
        create_time: NOW.whole_micros(),
        update_time: NOW.whole_micros(),
        ..said
    };
    assert_eq!(history.messages, [kept], "kept, as the store writes it");
    assert_eq!(cursors(&history), (false, false, true));
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not() {
    let w = World::new().await;
    let said = w.chat.send(&w.lobby, &w.ada, "{}".into(), false).await.unwrap();
    assert!(!said.persistent);
    assert_eq!(w.page(10, true, None).await, History::default());
    let changed = w.chat.update(&w.lobby, said.id, &w.ada, "{}".into(), false).await.unwrap();
    assert!(!changed.persistent);
    assert_eq!((changed.code, changed.create_time), (MessageCode::UPDATE, NOW));
    let removed = w.chat.remove(&w.lobby, said.id, &w.ada, false).await.unwrap();
    assert_eq!((removed.code, removed.id), (MessageCode::REMOVE, said.id));
}

#[tokio::test]
async fn the_server_speaks_too() {
    let w = World::new().await;
    let server = Author { user: UserId::NIL, username: "".into() };
    let code = MessageCode::GROUP_PROMOTE;
    let said = w.chat.post(&w.lobby, code, &server, "{}".into(), true).await.unwrap();
    assert_eq!(said.code, code);
    let history = w.page(10, true, None).await;
    assert_eq!((history.messages[0].code, &history.messages[0].author), (code, &server));
}

#[tokio::test]
async fn content_is_a_bounded_json_object() {
    let w = World::new().await;
    let said = w.say(1).await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_CONTENT_BYTES));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for bad in ["", "not json", "[1,2]", "\"text\"", "null", "{", r#"{"a":"\u0000"}"#, &long, &deep]
    {
        for persist in [true, false] {
            let send = w.chat.send(&w.lobby, &w.ada, bad.into(), persist).await;
            let update = w.chat.update(&w.lobby, said.id, &w.ada, bad.into(), persist).await;
            for refused in [send, update] {
                let refused = refused.unwrap_err();
                assert!(matches!(refused, ChatError::Content(_)), "{refused}");
                assert_eq!(refused.code(), ErrorCode::InvalidArgument);
            }
        }
    }
    assert_eq!(numbers(&w.page(10, true, None).await), [1], "nothing of it was kept");
}

#[tokio::test]
async fn ones_own_message_is_changed_and_removed() {
    let w = World::new().await;
    let said = w.say(1).await;
    w.clock.advance_seconds(5);
    let later = NOW.plus_seconds(5);

    let content = r#"{"n":2}"#;
    let changed = w.chat.update(&w.lobby, said.id, &w.ada, content.into(), true).await.unwrap();
    let expected = ChatMessage {
        code: MessageCode::UPDATE,
        content: content.into(),
        create_time: NOW.whole_micros(),
        update_time: later,
        ..said.clone()
    };
    assert_eq!(changed, expected, "the time of creation stays");
    let history = w.page(10, true, None).await;
    assert_eq!(numbers(&history), [2]);
    assert_eq!(history.messages[0].code, MessageCode::CHAT, "a chat message still");

    let removed = w.chat.remove(&w.lobby, said.id, &w.ada, true).await.unwrap();
    let expected = ChatMessage { code: MessageCode::REMOVE, content: "{}".into(), ..expected };
    assert_eq!(removed, expected, "nothing of the content is told");
    assert_eq!(w.page(10, true, None).await, History::default());
}

#[tokio::test]
async fn other_messages_cannot_be_changed_or_removed() {
    let w = World::new().await;
    let said = w.say(1).await;
    let elsewhere = Channel::room("elsewhere").unwrap();
    for (channel, id, author, what) in [
        (&w.lobby, said.id, &w.bob, "somebody else's"),
        (&w.lobby, Uuid::from_u128(9), &w.ada, "unknown"),
        (&elsewhere, said.id, &w.ada, "in another channel"),
    ] {
        let update = w.chat.update(channel, id, author, "{}".into(), true).await;
        let remove = w.chat.remove(channel, id, author, true).await;
        for refused in [update, remove] {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, ChatError::NoSuchMessage), "{what}: {refused}");
            assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{what}");
        }
    }
    assert_eq!(numbers(&w.page(10, true, None).await), [1], "it is as it was");
}

/// Makes ada and bob be this to each other.
async fn set(w: &World, mine: Option<FriendState>, theirs: Option<FriendState>) {
    let decide = |pairs: &[Pair]| FriendChanges {
        pairs: pairs
            .iter()
            .map(|pair| PairChange {
                pair: Pair { mine, theirs, ..*pair },
                metadata: None,
                their_metadata: None,
            })
            .collect(),
        notifications: Vec::new(),
    };
    let others = Others { ids: &[w.bob.user], ..Others::default() };
    w.storage.friends.change(w.ada.user, others, NOW, &decide).await.unwrap();
}

#[tokio::test]
async fn rooms_are_open_to_everybody() {
    let w = World::new().await;
    assert_eq!(w.chat.join(w.ada.user, 1, "lobby").await.unwrap(), w.lobby);
    assert!(w.chat.history(Some(w.bob.user), &w.lobby, HistoryQuery::default()).await.is_ok());
}

#[tokio::test]
async fn direct_chats_are_for_those_who_are_not_blocked() {
    let w = World::new().await;
    let direct = Channel::direct(w.ada.user, w.bob.user);
    let join = async |who: &Author, other: &Author| {
        w.chat.join(who.user, 2, &other.user.to_string()).await
    };
    assert_eq!(join(&w.ada, &w.bob).await.unwrap(), direct);
    assert_eq!(join(&w.bob, &w.ada).await.unwrap(), direct);
    assert!(join(&w.ada, &w.ada).await.is_ok(), "with oneself");
    set(&w, Some(FriendState::Blocked), None).await;
    assert!(join(&w.ada, &w.bob).await.is_ok(), "who blocks may still talk");
    assert!(matches!(join(&w.bob, &w.ada).await, Err(ChatError::NoSuchUser)), "blocked");
    let nobody = Author { user: UserId(Uuid::from_u128(9)), username: "nobody".into() };
    assert!(matches!(join(&w.ada, &nobody).await, Err(ChatError::NoSuchUser)), "not there");
    let query = HistoryQuery::default();
    for reader in [&w.ada, &w.bob] {
        assert!(w.chat.history(Some(reader.user), &direct, query).await.is_ok(), "their own");
    }
    let others = w.chat.history(Some(nobody.user), &direct, query).await;
    assert!(matches!(others, Err(ChatError::ChannelId)), "{others:?}");
    assert!(matches!(w.chat.admit(nobody.user, &direct).await, Err(ChatError::NoSuchUser)));
    assert!(w.chat.history(None, &direct, query).await.is_ok(), "server code may read it");
}

#[tokio::test]
async fn group_chats_are_for_members() {
    let w = World::new().await;
    let id = Uuid::from_u128(9);
    let group = NewGroup {
        id,
        superadmin: w.ada.user,
        creator: w.ada.user,
        name: "the group",
        description: None,
        avatar_url: None,
        lang_tag: "en",
        metadata: "{}",
        open: true,
        max_count: 9,
        now: NOW,
    };
    w.storage.groups.create(group).await.unwrap();
    let channel = Channel::group(id);
    for (state, may) in [
        (None, false),
        (Some(GroupState::JoinRequest), false),
        (Some(GroupState::Member), true),
        (Some(GroupState::Admin), true),
        (Some(GroupState::Banned), false),
    ] {
        let members = vec![(w.bob.user, state)];
        let change = GroupChange { members, ..GroupChange::default() };
        let decide = |_: &GroupView| Ok(change.clone());
        w.storage.groups.change(id, &[w.bob.user], NOW, &decide).await.unwrap().unwrap();
        let joined = w.chat.join(w.bob.user, 3, &id.to_string()).await;
        let read = w.chat.history(Some(w.bob.user), &channel, HistoryQuery::default()).await;
        assert_eq!((joined.is_ok(), read.is_ok()), (may, may), "{state:?}");
        if !may {
            assert!(matches!(joined, Err(ChatError::NoSuchGroup)), "{state:?}");
        }
    }
    assert_eq!(w.chat.join(w.ada.user, 3, &id.to_string()).await.unwrap(), channel);
    let unknown = w.chat.join(w.ada.user, 3, &w.bob.user.to_string()).await;
    assert!(matches!(unknown, Err(ChatError::NoSuchGroup)), "{unknown:?}");
    let query = HistoryQuery::default();
    assert_eq!(w.chat.history(None, &channel, query).await.unwrap(), History::default());
}

#[tokio::test]
async fn history_from_the_oldest_message() {
    let w = World::new().await;
    for n in 1..=5 {
        w.say(n).await;
    }
    let first = w.page(2, true, None).await;
    assert_eq!((numbers(&first), cursors(&first)), (vec![1, 2], (true, false, true)));
    let second = w.page(2, true, first.next_cursor.as_deref()).await;
    assert_eq!((numbers(&second), cursors(&second)), (vec![3, 4], (true, true, true)));
    let third = w.page(2, true, second.next_cursor.as_deref()).await;
    assert_eq!((numbers(&third), cursors(&third)), (vec![5], (false, true, true)));
    let back = w.page(2, true, second.prev_cursor.as_deref()).await;
    assert_eq!((numbers(&back), cursors(&back)), (vec![1, 2], (true, false, true)));

    let newer = w.page(10, true, third.cacheable_cursor.as_deref()).await;
    assert_eq!((numbers(&newer), cursors(&newer)), (vec![], (false, false, true)));
    w.say(6).await;
    for cursor in [&third.cacheable_cursor, &newer.cacheable_cursor] {
        let newer = w.page(10, true, cursor.as_deref()).await;
        assert_eq!((numbers(&newer), cursors(&newer)), (vec![6], (false, true, true)));
    }
}

#[tokio::test]
async fn history_from_the_newest_message() {
    let w = World::new().await;
    for n in 1..=4 {
        w.say(n).await;
    }
    let first = w.page(3, false, None).await;
    assert_eq!((numbers(&first), cursors(&first)), (vec![4, 3, 2], (true, false, true)));
    let second = w.page(3, false, first.next_cursor.as_deref()).await;
    assert_eq!((numbers(&second), cursors(&second)), (vec![1], (false, true, true)));
    let back = w.page(3, false, second.prev_cursor.as_deref()).await;
    assert_eq!((numbers(&back), cursors(&back)), (vec![4, 3, 2], (true, false, true)));

    let newer = w.page(10, true, first.cacheable_cursor.as_deref()).await;
    assert_eq!(numbers(&newer), [3, 4], "newer than the last one listed");
    let default = w.list(HistoryQuery::default()).await.unwrap();
    assert_eq!((numbers(&default), cursors(&default)), (vec![1], (true, false, true)));
}

#[tokio::test]
async fn cursors_are_bound_to_channel_and_direction() {
    let w = World::new().await;
    for n in 1..=3 {
        w.say(n).await;
    }
    let back = w.page(2, false, None).await;
    let other = Channel::room("other").unwrap();
    for (channel, forward, cursor, what) in [
        (&w.lobby, true, back.next_cursor.as_deref(), "of the other direction"),
        (&w.lobby, false, back.cacheable_cursor.as_deref(), "a cacheable one goes forward"),
        (&other, false, back.next_cursor.as_deref(), "of another channel"),
        (&w.lobby, true, Some("bad"), "nonsense"),
    ] {
        let query = HistoryQuery { limit: Some(2), forward: Some(forward), cursor };
        let refused = w.chat.history(None, channel, query).await.unwrap_err();
        assert!(matches!(refused, ChatError::Cursor(_)), "{what}: {refused}");
        assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{what}");
    }
}

#[tokio::test]
async fn the_history_has_the_order_of_sending() {
    let w = World::new().await;
    for n in 0..20 {
        let said = w.say(n).await;
        assert_eq!(said.create_time == NOW, n == 0, "only the first one can have the clock's time");
        if n == 10 {
            w.clock.advance_millis(-500);
        }
    }
    let history = w.page(100, true, None).await;
    assert_eq!(numbers(&history), (0..20).collect::<Vec<_>>(), "the clock stood, then went back");
    w.clock.advance_seconds(60);
    let said = w.say(20).await;
    assert_eq!(said.create_time.millis(), NOW.millis() + 59_500, "the clock is followed again");
    w.clock.advance_seconds(-3_600);
    let said = w.say(21).await;
    assert_eq!(said.create_time.millis(), NOW.millis() + 59_500 - 3_600_000, "it was wrong before");
}

/// Fails in the way it is told to.
struct Broken(fn() -> StorageError);

fn down() -> StorageError {
    StorageError::Unavailable("made up".into())
}

#[async_trait]
impl Messages for Broken {
    async fn insert(&self, _: NewMessage<'_>) -> Result<(), StorageError> {
        Err((self.0)())
    }

    async fn update(
        &self,
        _: &tavern_domain::Stream,
        _: Uuid,
        _: UserId,
        _: &str,
        _: &str,
        _: Timestamp,
    ) -> Result<Changed, StorageError> {
        Err((self.0)())
    }

    async fn remove(
        &self,
        _: &tavern_domain::Stream,
        _: Uuid,
        _: UserId,
    ) -> Result<Changed, StorageError> {
        Err((self.0)())
    }

    async fn list(
        &self,
        _: &tavern_domain::Stream,
        _: PageRequest,
    ) -> Result<MessagePage, StorageError> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn failures_of_the_store_keep_their_code() {
    let w = World::new().await;
    let chat = |failure| {
        let entropy = Arc::new(SeededEntropy::new(7));
        let messages = Arc::new(Broken(failure));
        let storage = Storage { messages, ..memory::storage() };
        Social::new(&storage, Arc::clone(&w.clock) as _, entropy, Arc::new(())).chat
    };
    let outcomes = async |chat: &Chat| {
        let id = Uuid::nil();
        [
            chat.send(&w.lobby, &w.ada, "{}".into(), true).await.err().map(|e| e.code()),
            chat.update(&w.lobby, id, &w.ada, "{}".into(), true).await.err().map(|e| e.code()),
            chat.remove(&w.lobby, id, &w.ada, true).await.err().map(|e| e.code()),
            chat.history(None, &w.lobby, HistoryQuery::default()).await.err().map(|e| e.code()),
        ]
    };
    assert_eq!(outcomes(&chat(down)).await, [Some(ErrorCode::Unavailable); 4]);
    let does_not_fit = outcomes(&chat(|| StorageError::DoesNotFit("made up".into()))).await;
    let expected = [Some(ErrorCode::InvalidArgument); 2];
    assert_eq!(does_not_fit[..2], expected, "what does not fit is the client's content");
    let live = chat(down).send(&w.lobby, &w.ada, "{}".into(), false).await;
    assert!(live.is_ok(), "what is not to be kept needs no store");
    drop(w.storage);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Walking to the end by next cursors and back by prev cursors shows everything once each way,
    /// whatever the page sizes.
    #[test]
    fn walks_have_no_gaps_or_repeats(
        count in 1_usize..25,
        forward in any::<bool>(),
        limits in prop::collection::vec(1_i32..8, 60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let w = World::new().await;
            for n in 0..count {
                w.say(n).await;
            }
            let mut expected: Vec<_> = (0..count).collect();
            if !forward {
                expected.reverse();
            }
            let mut limits = limits.into_iter();
            let mut limit = || limits.next().unwrap();

            let mut page = w.page(limit(), forward, None).await;
            let mut there = numbers(&page);
            while let Some(next) = page.next_cursor.take() {
                page = w.page(limit(), forward, Some(&next)).await;
                prop_assert!(!page.messages.is_empty(), "no page that is announced is empty");
                there.extend(numbers(&page));
            }
            prop_assert_eq!(&there, &expected);

            let mut back = numbers(&page);
            while let Some(prev) = page.prev_cursor.take() {
                page = w.page(limit(), forward, Some(&prev)).await;
                prop_assert!(page.next_cursor.is_some(), "one can turn round");
                back.splice(0..0, numbers(&page));
                if page.messages.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&back, &expected);
            Ok(())
        })?;
    }
}

//! Chat history.

use futures_util::future::join_all;
use tavern_domain::{Stream, Timestamp, UserId};
use uuid::Uuid;

use super::support::{
    MANY, NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, id, later, unique,
};
use crate::{
    Changed, Direction, Message, MessageKey, MessagePage, NewMessage, PageRequest, Storage,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_kept_message_comes_back,
            an_unknown_stream_has_no_history,
            every_kind_of_stream_keeps_messages_apart,
            content_is_kept_by_value,
            the_system_may_send,
            a_sender_without_account_is_an_error,
            a_message_id_is_never_used_twice,
            what_does_not_fit_is_refused,
            a_change_replaces_content_and_name_only,
            only_ones_own_messages_of_the_stream_change,
            a_removed_message_is_gone,
            only_ones_own_messages_of_the_stream_are_removed,
            pages_forward_have_no_gaps_or_repeats,
            pages_backward_have_no_gaps_or_repeats,
            a_full_last_page_says_there_is_no_more,
            a_position_outlives_its_message,
            new_messages_show_behind_a_position,
            parallel_messages_are_all_kept,
            parallel_removals_succeed_once,
        ]
    );
}

/// A room of its own and somebody in it.
struct Room<'a> {
    storage: &'a Storage,
    stream: Stream,
    player: Player,
}

impl<'a> Room<'a> {
    async fn new(storage: &'a Storage) -> Self {
        let stream = Stream::room(&unique("room"));
        Self { storage, stream, player: Player::create(storage).await }
    }

    fn message<'m>(&'m self, id: Uuid, content: &'m str, create_time: Timestamp) -> NewMessage<'m> {
        NewMessage {
            id,
            code: 0,
            sender: self.player.user,
            username: &self.player.username,
            stream: &self.stream,
            content,
            create_time,
        }
    }

    async fn say(&self, content: &str, create_time: Timestamp) -> Uuid {
        let id = id();
        let kept = self.storage.messages.insert(self.message(id, content, create_time)).await;
        kept.expect("insert");
        id
    }

    async fn page(
        &self,
        limit: u32,
        direction: Direction,
        after: Option<MessageKey>,
    ) -> MessagePage {
        let page = PageRequest { limit, direction, after };
        self.storage.messages.list(&self.stream, page).await.expect("list")
    }

    async fn all(&self) -> Vec<Message> {
        self.page(100, Direction::Forward, None).await.messages
    }

    /// The ids of everything, page by page.
    async fn walk(&self, limit: u32, direction: Direction) -> Vec<Uuid> {
        let (mut ids, mut after) = (Vec::new(), None);
        // No history here is longer; a store that turns in circles must not do so for ever.
        for _ in 0..100 {
            let page = self.page(limit, direction, after).await;
            assert!(page.messages.len() <= limit as usize, "at most as many as asked for");
            ids.extend(page.messages.iter().map(|message| message.id));
            after = page.messages.last().map(key);
            if !page.more {
                return ids;
            }
            assert_eq!(page.messages.len(), limit as usize, "only the last page is shorter");
        }
        panic!("{direction:?}, {limit} at a time: the pages never end");
    }

    /// Nine messages, some of the same microsecond, kept in no order; in the order of history.
    async fn nine(&self) -> Vec<Uuid> {
        let mut keys = Vec::new();
        for micros in [4, 2, 3, 3, 9, 3, 3, 8, 1] {
            let time = Timestamp::from_micros(NOW.micros() + micros);
            keys.push((time, self.say("{}", time).await));
        }
        keys.sort();
        keys.into_iter().map(|(_, id)| id).collect()
    }

    async fn change(&self, stream: &Stream, id: Uuid, sender: UserId) -> Changed {
        let messages = &self.storage.messages;
        let changed =
            messages.update(stream, id, sender, "new name", r#"{"v":2}"#, later(60)).await;
        changed.expect("update")
    }
}

fn key(message: &Message) -> MessageKey {
    MessageKey { create_time: message.create_time, id: message.id }
}

async fn a_kept_message_comes_back(storage: &Storage) {
    let room = Room::new(storage).await;
    let id = id();
    let time = Timestamp::from_nanos(NOW.nanos() + 999);
    let new = NewMessage { code: 7, ..room.message(id, r#"{"text":"hello"}"#, time) };
    storage.messages.insert(new).await.expect("insert");
    let page = room.page(10, Direction::Backward, None).await;
    assert!(!page.more, "there is one only");
    let [message] = &page.messages[..] else { panic!("one message, not {page:?}") };
    assert_eq!(message.id, id, "id");
    assert_eq!(message.code, 7, "code");
    assert_eq!(message.sender, room.player.user, "sender");
    assert_eq!(message.username, room.player.username, "name");
    assert_same_json(&message.content, r#"{"text":"hello"}"#, "content");
    assert_eq!(message.create_time, NOW, "creation time, in microseconds");
    assert_eq!(message.update_time, NOW, "update time, the same");
}

async fn an_unknown_stream_has_no_history(storage: &Storage) {
    let room = Room::new(storage).await;
    for direction in [Direction::Forward, Direction::Backward] {
        assert_eq!(room.page(10, direction, None).await, MessagePage::default(), "{direction:?}");
    }
}

async fn every_kind_of_stream_keeps_messages_apart(storage: &Storage) {
    let mut room = Room::new(storage).await;
    let (low, high, name) = (id(), id(), unique("room"));
    let streams = [
        Stream::room(&name),
        Stream::room(&format!("{name}.é 漢")),
        Stream::group(low),
        Stream::group(high),
        Stream::direct(UserId(low), UserId(high)),
        Stream::direct(UserId(low), UserId(low)),
    ];
    let mut said = Vec::new();
    for stream in &streams {
        room.stream = stream.clone();
        said.push(room.say("{}", NOW).await);
    }
    for (stream, said) in streams.into_iter().zip(said) {
        room.stream = stream;
        let ids: Vec<_> = room.all().await.iter().map(|message| message.id).collect();
        assert_eq!(ids, [said], "{}", room.stream);
    }
}

async fn content_is_kept_by_value(storage: &Storage) {
    let room = Room::new(storage).await;
    for content in [
        "{}",
        r#"{"z":1,"a":[1,-2,true,null,"é\n\"\\"],"deep":{"er":{"est":{}}},"":""}"#,
        r#" { "big" : 9007199254740993 } "#,
    ] {
        room.say(content, NOW).await;
        let kept = room.page(1, Direction::Backward, None).await;
        assert_same_json(&kept.messages[0].content, content, "content");
        let removed =
            storage.messages.remove(&room.stream, kept.messages[0].id, room.player.user).await;
        removed.expect("remove");
    }
}

async fn the_system_may_send(storage: &Storage) {
    let room = Room::new(storage).await;
    let new = NewMessage { sender: UserId::NIL, username: "", ..room.message(id(), "{}", NOW) };
    storage.messages.insert(new).await.expect("insert");
    let kept = room.all().await;
    assert_eq!((kept[0].sender, kept[0].username.as_str()), (UserId::NIL, ""), "as it was given");
}

async fn a_sender_without_account_is_an_error(storage: &Storage) {
    let room = Room::new(storage).await;
    let new = NewMessage { sender: UserId(id()), ..room.message(id(), "{}", NOW) };
    let outcome = storage.messages.insert(new).await;
    assert!(outcome.is_err(), "nobody could ever remove it");
    assert_eq!(room.all().await, [], "nothing was kept");
}

async fn a_message_id_is_never_used_twice(storage: &Storage) {
    let room = Room::new(storage).await;
    let id = room.say(r#"{"n":1}"#, NOW).await;
    let outcome = storage.messages.insert(room.message(id, r#"{"n":2}"#, later(1))).await;
    assert!(outcome.is_err(), "an id that exists is an error");
    let kept = room.all().await;
    assert_eq!(kept.len(), 1, "nothing was added");
    assert_same_json(&kept[0].content, r#"{"n":1}"#, "nothing was changed");
}

async fn what_does_not_fit_is_refused(storage: &Storage) {
    let room = Room::new(storage).await;
    let long = "x".repeat(129);
    let first = room.say("{}", NOW).await;
    for content in [r#"{"a":"\u0000"}"#, r#"{"a":"\ud800"}"#, "{"] {
        let outcome = storage.messages.insert(room.message(id(), content, NOW)).await;
        assert_does_not_fit(outcome, content);
        let outcome = storage
            .messages
            .update(&room.stream, first, room.player.user, "name", content, later(1))
            .await;
        assert_does_not_fit(outcome, content);
    }
    let new = NewMessage { username: &long, ..room.message(id(), "{}", NOW) };
    assert_does_not_fit(storage.messages.insert(new).await, "a name of 129 characters");
    let stream = Stream::room(&long);
    let new = NewMessage { stream: &stream, ..room.message(id(), "{}", NOW) };
    assert_does_not_fit(storage.messages.insert(new).await, "a label of 129 characters");
    let kept = room.all().await;
    assert_eq!(kept.len(), 1, "nothing was kept");
    assert_eq!(kept[0].update_time, NOW, "nothing was changed");
}

async fn a_change_replaces_content_and_name_only(storage: &Storage) {
    let room = Room::new(storage).await;
    let (first, second) = (room.say(r#"{"v":1}"#, NOW).await, room.say("{}", later(1)).await);
    let before = room.all().await;
    let changed = room.change(&room.stream, first, room.player.user).await;
    assert_eq!(changed, Changed::Changed { create_time: NOW }, "the creation time is told");
    let after = room.all().await;
    assert_eq!(after.len(), 2, "still two");
    assert_same_json(&after[0].content, r#"{"v":2}"#, "content");
    let expected = Message {
        username: "new name".into(),
        content: after[0].content.clone(),
        update_time: later(60),
        ..before[0].clone()
    };
    assert_eq!(after[0], expected, "name and update time, and nothing else");
    assert_eq!((after[1].id, &after[1]), (second, &before[1]), "the other one is as it was");
}

async fn only_ones_own_messages_of_the_stream_change(storage: &Storage) {
    let room = Room::new(storage).await;
    let id = room.say(r#"{"v":1}"#, NOW).await;
    let (own, other) = (room.player.user, Player::create(storage).await.user);
    let elsewhere = Stream::room(&unique("room"));
    let before = room.all().await;
    for (stream, id, sender, what) in [
        (&room.stream, id, other, "somebody else's"),
        (&room.stream, id, UserId::NIL, "the system is no exception"),
        (&elsewhere, id, own, "of another stream"),
        (&room.stream, Uuid::nil(), own, "unknown"),
    ] {
        assert_eq!(room.change(stream, id, sender).await, Changed::NotFound, "{what}");
    }
    assert_eq!(room.all().await, before, "nothing was changed");
}

async fn a_removed_message_is_gone(storage: &Storage) {
    let room = Room::new(storage).await;
    let (first, second) = (room.say("{}", NOW).await, room.say("{}", later(1)).await);
    let remove = async || storage.messages.remove(&room.stream, first, room.player.user).await;
    let removed = remove().await.expect("remove");
    assert_eq!(removed, Changed::Changed { create_time: NOW }, "the creation time is told");
    let ids: Vec<_> = room.all().await.iter().map(|message| message.id).collect();
    assert_eq!(ids, [second], "the other one stays");
    assert_eq!(remove().await.expect("remove"), Changed::NotFound, "gone already");
    let changed = room.change(&room.stream, first, room.player.user).await;
    assert_eq!(changed, Changed::NotFound, "nor can it be changed");
}

async fn only_ones_own_messages_of_the_stream_are_removed(storage: &Storage) {
    let room = Room::new(storage).await;
    let id = room.say("{}", NOW).await;
    let (own, other) = (room.player.user, Player::create(storage).await.user);
    let elsewhere = Stream::room(&unique("room"));
    for (stream, id, sender, what) in [
        (&room.stream, id, other, "somebody else's"),
        (&room.stream, id, UserId::NIL, "the system is no exception"),
        (&elsewhere, id, own, "of another stream"),
        (&room.stream, Uuid::nil(), own, "unknown"),
    ] {
        let removed = storage.messages.remove(stream, id, sender).await.expect("remove");
        assert_eq!(removed, Changed::NotFound, "{what}");
    }
    assert_eq!(room.all().await.len(), 1, "it stays");
}

async fn pages_forward_have_no_gaps_or_repeats(storage: &Storage) {
    let room = Room::new(storage).await;
    let expected = room.nine().await;
    for limit in [1, 2, 3, 4, 8, 9, 10, 100] {
        let walked = room.walk(limit, Direction::Forward).await;
        assert_eq!(walked, expected, "{limit} at a time, by time, then id");
    }
}

async fn pages_backward_have_no_gaps_or_repeats(storage: &Storage) {
    let room = Room::new(storage).await;
    let mut expected = room.nine().await;
    expected.reverse();
    for limit in [1, 2, 3, 4, 8, 9, 10, 100] {
        let walked = room.walk(limit, Direction::Backward).await;
        assert_eq!(walked, expected, "{limit} at a time, by time, then id, backwards");
    }
}

async fn a_full_last_page_says_there_is_no_more(storage: &Storage) {
    let room = Room::new(storage).await;
    room.nine().await;
    for direction in [Direction::Forward, Direction::Backward] {
        assert!(room.page(8, direction, None).await.more, "{direction:?}: one is left");
        let page = room.page(9, direction, None).await;
        assert!(!page.more, "{direction:?}: none is left");
        let last = page.messages.last().map(key);
        let behind = room.page(9, direction, last).await;
        assert_eq!(behind, MessagePage::default(), "{direction:?}: nothing behind the last");
    }
}

async fn a_position_outlives_its_message(storage: &Storage) {
    let room = Room::new(storage).await;
    let ids = room.nine().await;
    let fourth = key(&room.page(4, Direction::Forward, None).await.messages[3]);
    let removed = storage.messages.remove(&room.stream, fourth.id, room.player.user).await;
    removed.expect("remove");
    let list = async |direction| {
        let page = room.page(100, direction, Some(fourth)).await;
        page.messages.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Direction::Forward).await, ids[4..], "what comes after it");
    let mut before = ids[..3].to_vec();
    before.reverse();
    assert_eq!(list(Direction::Backward).await, before, "what came before it");
}

async fn new_messages_show_behind_a_position(storage: &Storage) {
    let room = Room::new(storage).await;
    room.nine().await;
    let last = room.page(1, Direction::Backward, None).await.messages.first().map(key);
    assert_eq!(room.page(10, Direction::Forward, last).await.messages, [], "nothing new");
    let new = room.say("{}", later(1)).await;
    let page = room.page(10, Direction::Forward, last).await;
    let ids: Vec<_> = page.messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [new], "the new one only");
}

async fn parallel_messages_are_all_kept(storage: &Storage) {
    let room = Room::new(storage).await;
    let mut said = join_all((0..MANY).map(|_| room.say("{}", NOW))).await;
    said.sort();
    let kept: Vec<_> = room.all().await.iter().map(|message| message.id).collect();
    assert_eq!(kept, said, "each once, those of one microsecond by id");
}

async fn parallel_removals_succeed_once(storage: &Storage) {
    let room = Room::new(storage).await;
    let id = room.say("{}", NOW).await;
    let outcomes =
        join_all((0..MANY).map(|_| storage.messages.remove(&room.stream, id, room.player.user)))
            .await;
    let won = outcomes
        .into_iter()
        .filter(|outcome| matches!(outcome, Ok(Changed::Changed { .. })))
        .count();
    assert_eq!(won, 1, "one has removed it");
}

//! Friends, from the call to the sockets of those it concerns.

use std::sync::Arc;

use tavern_api::Api;
use tavern_domain::ErrorCode;
use tavern_protocol::realtime::{ChannelJoin, ChannelMessageSend, envelope::Message};
use tavern_protocol::{api, calls};

use crate::world::{Socket, World, bearer, call, code, id_of, notified, sign_in};

async fn add(api: &Arc<Api>, who: &api::Session, ids: &[&str], usernames: &[&str]) -> Answer {
    let request = api::AddFriendsRequest {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        usernames: usernames.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    call::<calls::AddFriends>(api, bearer(who), request).await
}

type Answer = Result<tavern_protocol::Unit, tavern_domain::CodedError>;

async fn states(api: &Arc<Api>, who: &api::Session) -> Vec<(String, i32)> {
    let list = call::<calls::ListFriends>(api, bearer(who), Default::default()).await.unwrap();
    let state = |friend: api::Friend| (friend.user.unwrap().username, friend.state.unwrap());
    list.friends.into_iter().map(state).collect()
}

#[tokio::test]
async fn an_invitation_is_told_and_answered() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    add(&api, &ada.session, &[], &["bob-bob"]).await.unwrap();
    assert_eq!(states(&api, &ada.session).await, [("bob-bob".to_owned(), 1)]);
    assert_eq!(states(&api, &bob.session).await, [("ada-ada".to_owned(), 2)]);
    let told = notified(&bob);
    let content = r#"{"username":"ada-ada"}"#.to_owned();
    assert_eq!((told[0].code, &told[0].content, told[0].persistent), (-2, &content, true));
    add(&api, &bob.session, &[&id_of(&ada.session)], &[]).await.unwrap();
    assert_eq!(notified(&ada)[0].code, -3);
    assert_eq!(states(&api, &ada.session).await, [("bob-bob".to_owned(), 0)]);
    let account = call::<calls::GetAccount>(&api, bearer(&ada.session), Default::default()).await;
    assert_eq!(account.unwrap().user.unwrap().edge_count, 1);
    let request =
        api::DeleteFriendsRequest { ids: vec![id_of(&bob.session)], ..Default::default() };
    call::<calls::DeleteFriends>(&api, bearer(&ada.session), request).await.unwrap();
    assert_eq!(notified(&bob)[0].code, -9);
    assert_eq!(states(&api, &bob.session).await, []);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let own = id_of(&ada);
    let unknown = "00000000-0000-4000-8000-000000000001";
    let nil = "00000000-0000-0000-0000-000000000000";
    let names = vec!["somebody"; 1_001];
    for (ids, names) in [
        (&[own.as_str()][..], &[][..]),
        (&["nonsense"], &[]),
        (&[nil], &[]),
        (&[], &["ada-ada"]),
        (&[], &[""]),
        (&[], &["nobody-at-all"]),
        (&[], &names),
    ] {
        let refused = add(&api, &ada, ids, names).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument, "{ids:?} {names:?}");
    }
    add(&api, &ada, &[unknown], &[]).await.unwrap();
    add(&api, &ada, &[], &[]).await.unwrap();
    let metadata = api::AddFriendsRequest {
        ids: vec![unknown.to_owned()],
        metadata: "[]".to_owned(),
        ..Default::default()
    };
    let refused = call::<calls::AddFriends>(&api, bearer(&ada), metadata).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
    for request in [
        api::ListFriendsRequest { limit: Some(0), ..Default::default() },
        api::ListFriendsRequest { limit: Some(1_001), ..Default::default() },
        api::ListFriendsRequest { state: Some(4), ..Default::default() },
        api::ListFriendsRequest { state: Some(-1), ..Default::default() },
        api::ListFriendsRequest { cursor: "!!!".to_owned(), ..Default::default() },
    ] {
        let refused = call::<calls::ListFriends>(&api, bearer(&ada), request).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument);
    }
}

#[tokio::test]
async fn a_page_leads_to_the_next_of_the_same_list() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    for other in ["bob-bob", "eve-eve", "sue-sue"] {
        sign_in(&api, other).await.unwrap();
        add(&api, &ada, &[], &[other]).await.unwrap();
    }
    let list = async |cursor: &str, state| {
        let request = api::ListFriendsRequest { limit: Some(2), state, cursor: cursor.to_owned() };
        call::<calls::ListFriends>(&api, bearer(&ada), request).await
    };
    let first = list("", None).await.unwrap();
    let second = list(&first.cursor, None).await.unwrap();
    assert_eq!((first.friends.len(), second.friends.len(), second.cursor.as_str()), (2, 1, ""));
    let names = first.friends.into_iter().chain(second.friends);
    let names: Vec<_> = names.map(|friend| friend.user.unwrap().username).collect();
    assert_eq!(names, ["bob-bob", "eve-eve", "sue-sue"], "in the order they were asked");
    let refused = list(&first.cursor, Some(1)).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument, "another list's cursor");
}

#[tokio::test]
async fn a_block_closes_the_direct_chat() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let join = |other: &Socket| ChannelJoin {
        target: id_of(&other.session),
        r#type: 2,
        ..Default::default()
    };
    let Some(Message::Channel(chat)) = ada.ask(join(&bob)).await else { panic!("a channel") };
    assert_eq!(notified(&bob)[0].code, -1, "the one who is away is told");
    bob.ask(join(&ada)).await;
    assert!(notified(&ada).is_empty(), "the one who is there is not");
    let request = api::BlockFriendsRequest { ids: vec![id_of(&bob.session)], ..Default::default() };
    call::<calls::BlockFriends>(&api, bearer(&ada.session), request).await.unwrap();
    let send = ChannelMessageSend { channel_id: chat.id, content: "{}".to_owned() };
    for socket in [&ada, &bob] {
        socket.take();
        let refused = socket.ask(send.clone()).await;
        assert!(matches!(&refused, Some(Message::Error(e)) if e.code == 3), "{refused:?}");
    }
    assert!(matches!(bob.ask(join(&ada)).await, Some(Message::Error(e)) if e.code == 3));
    assert!(matches!(ada.ask(join(&bob)).await, Some(Message::Channel(_))));
    add(&api, &bob.session, &[&id_of(&ada.session)], &[]).await.unwrap();
    assert_eq!(states(&api, &bob.session).await, [], "silently passed over");
}

#[tokio::test]
async fn lists_tell_who_is_online() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    add(&api, &ada, &[], &["bob-bob"]).await.unwrap();
    let online = async || {
        let list = call::<calls::ListFriends>(&api, bearer(&ada), Default::default()).await;
        list.unwrap().friends.remove(0).user.unwrap().online
    };
    assert!(!online().await);
    let socket = Socket::with(&api, bob, true).await.unwrap();
    assert!(online().await);
    socket.connection.closed();
    assert!(!online().await);
}

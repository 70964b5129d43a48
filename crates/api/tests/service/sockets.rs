//! Realtime messages, from the socket to everybody they concern.

use crate::world::{Socket, World, bearer, call, code};
use tavern_api::{CloseReason, Flow};
use tavern_domain::ErrorCode;
use tavern_protocol::realtime::{
    ChannelJoin, ChannelMessageSend, MatchCreate, MatchDataSend, MatchJoin, Ping, StatusFollow,
    StatusUpdate, envelope::Message, match_join,
};
use tavern_protocol::{api, calls};

#[tokio::test]
async fn a_ping_is_answered() {
    let api = World::new().api();
    let ada = Socket::open(&api, "ada-ada").await;
    assert!(matches!(ada.ask(Ping {}).await, Some(Message::Pong(_))));
    assert!(ada.take().is_empty());
}

#[tokio::test]
async fn a_room_message_reaches_everybody_and_is_kept() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let join = || ChannelJoin { target: "lobby".to_owned(), r#type: 1, ..Default::default() };
    let Some(Message::Channel(channel)) = ada.ask(join()).await else { panic!("a channel") };
    assert!(channel.presences.is_empty());
    let Some(Message::Channel(seen)) = bob.ask(join()).await else { panic!("a channel") };
    assert_eq!(seen.presences.len(), 1);
    let events = ada.take();
    assert_eq!(events.len(), 2, "ada sees both arrive: {events:?}");
    bob.take();
    let content = r#"{"text":"hello"}"#.to_owned();
    let send = ChannelMessageSend { channel_id: channel.id.clone(), content: content.clone() };
    let Some(Message::ChannelMessageAck(ack)) = ada.ask(send).await else { panic!("an ack") };
    for heard in [ada.take(), bob.take()] {
        let [Message::ChannelMessage(message)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!((&message.message_id, &message.content), (&ack.message_id, &content));
    }
    let request = api::ListChannelMessagesRequest {
        channel_id: channel.id,
        limit: Some(10),
        ..Default::default()
    };
    let listed = call::<calls::ListChannelMessages>(&api, bearer(&bob.session), request).await;
    assert_eq!(listed.unwrap().messages.len(), 1);
    bob.connection.closed();
    assert!(matches!(&ada.take()[..], [Message::ChannelPresenceEvent(e)] if e.leaves.len() == 1));
}

#[tokio::test]
async fn match_data_reaches_the_others_only() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let created = ada.ask(MatchCreate::default()).await;
    let Some(Message::Match(created)) = created else { panic!("{created:?}") };
    let id = Some(match_join::Id::MatchId(created.match_id.clone()));
    let joined = bob.ask(MatchJoin { id, ..Default::default() }).await;
    assert!(matches!(joined, Some(Message::Match(m)) if m.presences.len() == 1));
    ada.take();
    bob.take();
    let data = MatchDataSend {
        match_id: created.match_id,
        op_code: 7,
        data: "move".into(),
        ..Default::default()
    };
    assert_eq!(ada.send(data.clone()).await, Flow::Continue);
    assert!(ada.take().is_empty(), "no echo and no answer");
    let heard = bob.take();
    assert!(matches!(&heard[..], [Message::MatchData(d)] if d.op_code == 7), "{heard:?}");
    let outsider = Socket::open(&api, "eve-eve").await;
    outsider.send(data).await;
    assert!(ada.take().is_empty() && bob.take().is_empty() && outsider.take().is_empty());
}

#[tokio::test]
async fn followers_see_every_change_of_status() {
    let api = World::new().api();
    let ada = Socket::open(&api, "ada-ada").await;
    let bob = Socket::open(&api, "bob-bob").await;
    let session = call::<calls::GetAccount>(&api, bearer(&bob.session), Default::default()).await;
    let id = session.unwrap().user.unwrap().id;
    let follow = StatusFollow { user_ids: vec![id], ..Default::default() };
    assert!(matches!(ada.ask(follow).await, Some(Message::Status(s)) if s.presences.is_empty()));
    for text in ["one", "two"] {
        bob.send(StatusUpdate { status: Some(text.to_owned()) }).await;
    }
    bob.send(StatusUpdate { status: None }).await;
    let counts: Vec<_> = ada
        .take()
        .iter()
        .map(|m| {
            let Message::StatusPresenceEvent(e) = m else { panic!("{m:?}") };
            (e.joins.len(), e.leaves.len())
        })
        .collect();
    assert_eq!(counts, [(1, 0), (1, 1), (0, 1)]);
}

#[tokio::test]
async fn what_only_the_server_may_send_ends_the_session() {
    let api = World::new().api();
    let ada = Socket::open(&api, "ada-ada").await;
    let flow = ada.send(Message::ChannelMessage(api::ChannelMessage::default())).await;
    assert!(matches!(flow, Flow::Close(_)));
}

#[tokio::test]
async fn a_logout_closes_the_sockets_of_its_log_in_only() {
    let api = World::new().api();
    let first = Socket::open(&api, "ada-ada").await;
    let second = Socket::open(&api, "ada-ada").await;
    let request =
        api::SessionLogoutRequest { token: first.session.token.clone(), ..Default::default() };
    call::<calls::SessionLogout>(&api, bearer(&second.session), request).await.unwrap();
    assert_eq!(first.closed(), Some(CloseReason::LoggedOut));
    assert_eq!(second.closed(), None);
    let refused = Socket::with(&api, first.session.clone(), false).await;
    assert!(refused.is_err(), "a revoked token opens no socket");
}

#[tokio::test]
async fn a_relayed_match_is_listed_while_somebody_is_in_it() {
    let api = World::new().api();
    let ada = Socket::open(&api, "ada-ada").await;
    let list =
        async |request| call::<calls::ListMatches>(&api, bearer(&ada.session), request).await;
    let all = api::ListMatchesRequest::default;
    assert!(list(all()).await.unwrap().matches.is_empty());
    ada.ask(MatchCreate::default()).await;
    let listed = list(all()).await.unwrap().matches;
    assert_eq!(listed.iter().map(|m| m.size).collect::<Vec<_>>(), [1]);
    let bigger = api::ListMatchesRequest { min_size: Some(2), ..all() };
    assert!(list(bigger).await.unwrap().matches.is_empty());
    let none = api::ListMatchesRequest { limit: Some(0), ..all() };
    assert_eq!(code(list(none).await), ErrorCode::InvalidArgument);
    ada.connection.closed();
    assert!(list(all()).await.unwrap().matches.is_empty());
}

//! Groups, from the call to the sockets of those it concerns.

use std::sync::Arc;

use tavern_api::Api;
use tavern_domain::ErrorCode;
use tavern_protocol::realtime::{ChannelJoin, ChannelMessageSend, envelope::Message};
use tavern_protocol::{api, calls};

use crate::world::{Socket, World, bearer, call, code, id_of, notified, sign_in};

async fn found(api: &Arc<Api>, who: &api::Session, open: bool) -> String {
    let request =
        api::CreateGroupRequest { name: "the group".to_owned(), open, ..Default::default() };
    call::<calls::CreateGroup>(api, bearer(who), request).await.unwrap().id
}

/// Calls that name a group, or a group and one player.
macro_rules! act {
    ($api:expr, $call:ident, $request:ident, $who:expr, $group:expr) => {{
        let request = api::$request { group_id: $group.clone() };
        call::<calls::$call>($api, bearer($who), request).await
    }};
    ($api:expr, $call:ident, $request:ident, $who:expr, $group:expr, $other:expr) => {{
        let user_ids = vec![id_of($other)];
        let request = api::$request { group_id: $group.clone(), user_ids };
        call::<calls::$call>($api, bearer($who), request).await
    }};
}

async fn members(api: &Arc<Api>, who: &api::Session, group: &str) -> Vec<(String, i32)> {
    let request = api::ListGroupUsersRequest { group_id: group.to_owned(), ..Default::default() };
    let list = call::<calls::ListGroupUsers>(api, bearer(who), request).await.unwrap();
    let state =
        |one: api::group_user_list::GroupUser| (one.user.unwrap().username, one.state.unwrap());
    list.group_users.into_iter().map(state).collect()
}

async fn enter(socket: &Socket, group: &str) -> Option<Message> {
    let join = ChannelJoin { target: group.to_owned(), r#type: 3, ..Default::default() };
    socket.ask(join).await
}

/// The codes of the messages that a socket was shown, and how many left.
fn heard(socket: &Socket) -> (Vec<i32>, usize) {
    let (mut codes, mut left) = (Vec::new(), 0);
    for message in socket.take() {
        if let Message::ChannelMessage(message) = &message {
            codes.push(message.code.unwrap());
        } else if let Message::ChannelPresenceEvent(event) = &message {
            left += event.leaves.len();
        } else {
            assert!(matches!(message, Message::Notifications(_)), "{message:?}");
        }
    }
    (codes, left)
}

#[tokio::test]
async fn whoever_is_kicked_or_banned_leaves_the_chat_at_once() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let group = found(&api, &ada.session, true).await;
    let Some(Message::Channel(chat)) = enter(&ada, &group).await else { panic!("a channel") };
    for ban in [false, true] {
        act!(&api, JoinGroup, JoinGroupRequest, &bob.session, group).unwrap();
        assert!(matches!(enter(&bob, &group).await, Some(Message::Channel(_))));
        assert_eq!(heard(&ada), (vec![3], 0), "they joined, and came in");
        bob.take();
        let expected = if ban {
            act!(&api, BanGroupUsers, BanGroupUsersRequest, &ada.session, group, &bob.session)
                .unwrap();
            8
        } else {
            act!(&api, KickGroupUsers, KickGroupUsersRequest, &ada.session, group, &bob.session)
                .unwrap();
            6
        };
        assert_eq!(heard(&ada), (vec![expected], 1), "it is said, and they are seen to leave");
        assert_eq!(heard(&bob), (vec![expected], 0), "they hear why, and nothing else");
        let send = ChannelMessageSend { channel_id: chat.id.clone(), content: "{}".to_owned() };
        assert!(matches!(bob.ask(send.clone()).await, Some(Message::Error(e)) if e.code == 3));
        ada.ask(send).await;
        assert_eq!(heard(&ada), (vec![0], 0));
        assert_eq!(heard(&bob), (vec![], 0), "they hear nothing more");
        assert!(matches!(enter(&bob, &group).await, Some(Message::Error(e)) if e.code == 3));
    }
    act!(&api, JoinGroup, JoinGroupRequest, &bob.session, group).unwrap();
    assert_eq!(members(&api, &ada.session, &group).await, [("ada-ada".to_owned(), 0)], "banned");
}

#[tokio::test]
async fn a_group_that_is_deleted_takes_its_chat_along() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let group = found(&api, &ada.session, true).await;
    act!(&api, JoinGroup, JoinGroupRequest, &bob.session, group).unwrap();
    let Some(Message::Channel(chat)) = enter(&ada, &group).await else { panic!("a channel") };
    enter(&bob, &group).await;
    let refused = act!(&api, DeleteGroup, DeleteGroupRequest, &bob.session, group);
    assert_eq!(code(refused), ErrorCode::InvalidArgument);
    act!(&api, DeleteGroup, DeleteGroupRequest, &ada.session, group).unwrap();
    for socket in [&ada, &bob] {
        socket.take();
        let send = ChannelMessageSend { channel_id: chat.id.clone(), content: "{}".to_owned() };
        assert!(matches!(socket.ask(send).await, Some(Message::Error(e)) if e.code == 3));
        assert!(matches!(enter(socket, &group).await, Some(Message::Error(e)) if e.code == 3));
    }
    assert_eq!(members(&api, &bob.session, &group).await, []);
}

#[tokio::test]
async fn a_closed_group_asks_its_admins() {
    let api = World::new().api();
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let group = found(&api, &ada.session, false).await;
    act!(&api, JoinGroup, JoinGroupRequest, &bob.session, group).unwrap();
    let told = notified(&ada);
    let content = format!(r#"{{"group_id":"{group}","username":"bob-bob"}}"#);
    assert_eq!((told[0].code, &told[0].content), (-5, &content));
    assert!(matches!(enter(&bob, &group).await, Some(Message::Error(e)) if e.code == 3));
    let expected = [("ada-ada".to_owned(), 0), ("bob-bob".to_owned(), 3)];
    assert_eq!(members(&api, &ada.session, &group).await, expected);
    act!(&api, AddGroupUsers, AddGroupUsersRequest, &ada.session, group, &bob.session).unwrap();
    let told = notified(&bob);
    let content = format!(r#"{{"group_id":"{group}","name":"the group"}}"#);
    assert_eq!((told[0].code, &told[0].content), (-4, &content));
    assert!(matches!(enter(&bob, &group).await, Some(Message::Channel(_))));
    // The history says how it came to be.
    let request = api::ListChannelMessagesRequest {
        channel_id: format!("3.{group}.."),
        limit: Some(10),
        ..Default::default()
    };
    let listed = call::<calls::ListChannelMessages>(&api, bearer(&bob.session), request).await;
    let listed = listed.unwrap().messages;
    assert_eq!(listed.len(), 1);
    let said = (listed[0].code, listed[0].username.as_str(), listed[0].content.as_str());
    assert_eq!(said, (Some(4), "bob-bob", "{}"));
}

#[tokio::test]
async fn errors_have_the_codes_of_the_protocol() {
    let api = World::new().api();
    let (ada, bob) =
        (sign_in(&api, "ada-ada").await.unwrap(), sign_in(&api, "bob-bob").await.unwrap());
    let group = found(&api, &ada, true).await;
    let nobody = "00000000-0000-4000-8000-000000000001".to_owned();
    let none = "nonsense".to_owned();
    let create = async |name: &str, max_count| {
        let request =
            api::CreateGroupRequest { name: name.to_owned(), max_count, ..Default::default() };
        call::<calls::CreateGroup>(&api, bearer(&bob), request).await
    };
    assert_eq!(code(create("", 0).await), ErrorCode::InvalidArgument);
    assert_eq!(code(create("other", -1).await), ErrorCode::InvalidArgument);
    assert_eq!(code(create(&"x".repeat(256), 0).await), ErrorCode::InvalidArgument);
    assert_eq!(code(create("the group", 0).await), ErrorCode::AlreadyExists);
    let other = create("other", 1).await.unwrap();
    let update = async |who, group: &String, name: Option<&str>| {
        let request = api::UpdateGroupRequest {
            group_id: group.clone(),
            name: name.map(str::to_owned),
            ..Default::default()
        };
        call::<calls::UpdateGroup>(&api, bearer(who), request).await
    };
    assert_eq!(code(update(&ada, &group, Some("other")).await), ErrorCode::InvalidArgument);
    assert_eq!(code(update(&ada, &group, Some("")).await), ErrorCode::InvalidArgument);
    assert_eq!(code(update(&ada, &group, None).await), ErrorCode::InvalidArgument);
    assert_eq!(code(update(&bob, &group, Some("x")).await), ErrorCode::NotFound);
    assert_eq!(code(update(&bob, &nobody, Some("x")).await), ErrorCode::NotFound);
    let full = act!(&api, JoinGroup, JoinGroupRequest, &ada, other.id);
    assert_eq!(code(full), ErrorCode::InvalidArgument);
    let unknown = act!(&api, JoinGroup, JoinGroupRequest, &ada, nobody);
    assert_eq!(code(unknown), ErrorCode::NotFound);
    let malformed = act!(&api, JoinGroup, JoinGroupRequest, &ada, none);
    assert_eq!(code(malformed), ErrorCode::InvalidArgument);
    act!(&api, LeaveGroup, LeaveGroupRequest, &bob, group).unwrap();
    act!(&api, LeaveGroup, LeaveGroupRequest, &bob, nobody).unwrap();
    act!(&api, JoinGroup, JoinGroupRequest, &bob, group).unwrap();
    let alone = act!(&api, LeaveGroup, LeaveGroupRequest, &ada, group);
    assert_eq!(code(alone), ErrorCode::InvalidArgument, "the last superadmin");
    let kick = act!(&api, KickGroupUsers, KickGroupUsersRequest, &bob, group, &ada);
    assert_eq!(code(kick), ErrorCode::NotFound);
    let request = api::DemoteGroupUsersRequest { group_id: group.clone(), ..Default::default() };
    let demoted = call::<calls::DemoteGroupUsers>(&api, bearer(&ada), request).await;
    assert_eq!(code(demoted), ErrorCode::InvalidArgument, "nobody is named");
    let request = api::PromoteGroupUsersRequest { group_id: group.clone(), ..Default::default() };
    call::<calls::PromoteGroupUsers>(&api, bearer(&ada), request).await.unwrap();
    let request =
        api::ListGroupsRequest { name: "x".to_owned(), open: Some(true), ..Default::default() };
    let listed = call::<calls::ListGroups>(&api, bearer(&ada), request).await;
    assert_eq!(code(listed), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_group_ends_with_its_last_member() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let group = found(&api, &ada, true).await;
    act!(&api, LeaveGroup, LeaveGroupRequest, &ada, group).unwrap();
    let request = api::ListGroupsRequest { name: "the%".to_owned(), ..Default::default() };
    let listed = call::<calls::ListGroups>(&api, bearer(&ada), request).await.unwrap();
    assert_eq!(listed.groups, []);
}

#[tokio::test]
async fn rights_go_up_and_down_by_steps() {
    let api = World::new().api();
    let (ada, bob) =
        (sign_in(&api, "ada-ada").await.unwrap(), sign_in(&api, "bob-bob").await.unwrap());
    let group = found(&api, &ada, true).await;
    act!(&api, JoinGroup, JoinGroupRequest, &bob, group).unwrap();
    let state = async |name: &str| {
        let all = members(&api, &ada, &group).await;
        all.into_iter().find(|(member, _)| member == name).map(|(_, state)| state)
    };
    for expected in [1, 0, 0] {
        act!(&api, PromoteGroupUsers, PromoteGroupUsersRequest, &ada, group, &bob).unwrap();
        assert_eq!(state("bob-bob").await, Some(expected));
    }
    for expected in [1, 2, 2] {
        act!(&api, DemoteGroupUsers, DemoteGroupUsersRequest, &bob, group, &ada).unwrap();
        assert_eq!(state("ada-ada").await, Some(expected));
    }
    act!(&api, LeaveGroup, LeaveGroupRequest, &ada, group).unwrap();
    let request = api::ListUserGroupsRequest { user_id: id_of(&bob), ..Default::default() };
    let groups = call::<calls::ListUserGroups>(&api, bearer(&ada), request).await.unwrap();
    let [own] = &groups.user_groups[..] else { panic!("{groups:?}") };
    assert_eq!((own.state, own.group.as_ref().unwrap().edge_count), (Some(0), 1));
}

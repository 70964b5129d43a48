//! Notifications: kept for those who are away, shown to those who are there.

use std::sync::Arc;

use tavern_api::{Api, CloseReason, ServerHost};
use tavern_domain::{ErrorCode, UserId};
use tavern_protocol::{api, calls};
use tavern_runtime_hooks::host::{
    AccountsHost as _, ChannelMessageSend, ChannelMessagesList, ChannelsHost as _,
    FriendsHost as _, FriendsList, GroupCreate, GroupUsersAdd, GroupsHost as _, NotificationSend,
    NotificationSendAll, NotificationsHost as _, NotificationsList, UsersBanId,
};
use tavern_runtime_hooks::{Hooks, Json};

use crate::world::{Socket, World, bearer, call, code, id_of, notified, sign_in, with_hooks};

async fn list(
    api: &Arc<Api>,
    who: &api::Session,
    limit: i32,
    cursor: &str,
) -> api::NotificationList {
    let request =
        api::ListNotificationsRequest { limit: Some(limit), cacheable_cursor: cursor.to_owned() };
    call::<calls::ListNotifications>(api, bearer(who), request).await.unwrap()
}

/// Somebody who asks to be a friend.
async fn ask(api: &Arc<Api>, name: &str, other: &api::Session) {
    let who = sign_in(api, name).await.unwrap();
    let request = api::AddFriendsRequest { ids: vec![id_of(other)], ..Default::default() };
    call::<calls::AddFriends>(api, bearer(&who), request).await.unwrap();
}

#[tokio::test]
async fn a_cursor_gives_what_is_newer_also_later() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    let empty = list(&api, &ada, 10, "").await;
    assert!(empty.notifications.is_empty() && !empty.cacheable_cursor.is_empty());
    // The clock stands still, and they keep their order.
    let names = ["bob-bob", "eve-eve", "sue-sue", "tom-tom"];
    for name in names {
        ask(&api, name, &ada).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), empty.cacheable_cursor);
    loop {
        let page = list(&api, &ada, 1, &cursor).await;
        cursor = page.cacheable_cursor;
        let Some(one) = page.notifications.into_iter().next() else { break };
        assert_eq!((one.code, one.persistent), (-2, true));
        seen.push(one.content);
    }
    let expected = names.map(|name| format!(r#"{{"username": "{name}"}}"#));
    assert_eq!(seen, expected);
    ask(&api, "zoe-zoe", &ada).await;
    let newer = list(&api, &ada, 10, &cursor).await;
    assert_eq!(newer.notifications.len(), 1, "the new one only");
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    let request =
        api::ListNotificationsRequest { limit: None, cacheable_cursor: newer.cacheable_cursor };
    let refused = call::<calls::ListNotifications>(&api, bearer(&bob), request).await;
    assert_eq!(code(refused), ErrorCode::InvalidArgument, "somebody else's cursor");
}

#[tokio::test]
async fn only_ones_own_notifications_are_deleted() {
    let api = World::new().api();
    let ada = sign_in(&api, "ada-ada").await.unwrap();
    ask(&api, "bob-bob", &ada).await;
    ask(&api, "eve-eve", &ada).await;
    let ids: Vec<_> =
        list(&api, &ada, 10, "").await.notifications.into_iter().map(|n| n.id).collect();
    let delete = async |who: &api::Session, ids: Vec<String>| {
        let request = api::DeleteNotificationsRequest { ids };
        call::<calls::DeleteNotifications>(&api, bearer(who), request).await
    };
    let bob = sign_in(&api, "bob-bob").await.unwrap();
    delete(&bob, vec![ids[0].clone()]).await.unwrap();
    assert_eq!(list(&api, &ada, 10, "").await.notifications.len(), 2);
    delete(&ada, vec![ids[0].clone()]).await.unwrap();
    delete(&ada, vec![ids[0].clone()]).await.unwrap();
    delete(&ada, vec![]).await.unwrap();
    let left = list(&api, &ada, 10, "").await.notifications;
    assert_eq!(left.iter().map(|n| &n.id).collect::<Vec<_>>(), [&ids[1]]);
    assert_eq!(code(delete(&ada, vec!["x".to_owned()]).await), ErrorCode::InvalidArgument);
    for limit in [0, 101] {
        let request = api::ListNotificationsRequest { limit: Some(limit), ..Default::default() };
        let refused = call::<calls::ListNotifications>(&api, bearer(&ada), request).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument);
    }
}

fn user(session: &api::Session) -> UserId {
    id_of(session).parse().unwrap()
}

#[tokio::test]
async fn server_code_tells_one_and_everybody() {
    let mut world = World::new();
    let services = world.services();
    let host = ServerHost::new(Arc::clone(&services));
    let api = with_hooks(services, Hooks::none());
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let send = async |code, persistent| {
        let args = NotificationSend {
            user_id: user(&ada.session),
            subject: "gold".to_owned(),
            content: Json(r#"{"n":1}"#.to_owned()),
            code,
            persistent: Some(persistent),
            ..Default::default()
        };
        host.notification_send(args).await
    };
    send(101, true).await.unwrap();
    send(102, false).await.unwrap();
    for taken in [0, -1, -999, -2_001] {
        assert_eq!(send(taken, true).await.unwrap_err().code, ErrorCode::InvalidArgument);
    }
    let told = notified(&ada);
    assert_eq!(
        told.iter().map(|n| (n.code, n.persistent)).collect::<Vec<_>>(),
        [(101, true), (102, false)]
    );
    assert_eq!(told[0].sender_id, UserId::NIL.to_string(), "live, the server is the nil id");
    let kept = list(&api, &ada.session, 10, "").await.notifications;
    assert_eq!(
        kept.iter().map(|n| (n.code, n.sender_id.as_str())).collect::<Vec<_>>(),
        [(101, "")]
    );
    for persistent in [true, false] {
        let args = NotificationSendAll {
            subject: "all".to_owned(),
            content: Json("{}".to_owned()),
            code: 7,
            persistent: Some(persistent),
        };
        host.notification_send_all(args).await.unwrap();
        assert_eq!((notified(&ada).len(), notified(&bob).len()), (1, 1));
    }
    let page = NotificationsList { user_id: user(&ada.session), limit: Some(1), cursor: None };
    let first = host.notifications_list(page.clone()).await.unwrap();
    assert_eq!(first.notifications[0].code, 101);
    let next = NotificationsList { cursor: first.cursor, ..page };
    let second = host.notifications_list(next).await.unwrap();
    assert_eq!((second.notifications[0].code, second.cursor), (7, None), "the last page");
}

#[tokio::test]
async fn server_code_leads_groups_and_speaks_in_their_chat() {
    let mut world = World::new();
    let services = world.services();
    let host = ServerHost::new(Arc::clone(&services));
    let api = with_hooks(services, Hooks::none());
    let (ada, bob) = (Socket::open(&api, "ada-ada").await, Socket::open(&api, "bob-bob").await);
    let create = GroupCreate {
        user_id: user(&ada.session),
        name: "made by the server".to_owned(),
        ..Default::default()
    };
    let group = host.group_create(create).await.unwrap();
    assert!(group.creator_id.is_nil() && !group.open && group.max_count == 100);
    let add = GroupUsersAdd {
        group_id: group.id.clone(),
        user_ids: vec![user(&bob.session)],
        ..Default::default()
    };
    host.group_users_add(add).await.unwrap();
    let told = notified(&bob);
    assert_eq!((told[0].code, told[0].sender_id.as_str()), (-4, &*UserId::NIL.to_string()));
    let channel_id = format!("3.{}..", group.id);
    let say = ChannelMessageSend {
        channel_id: channel_id.clone(),
        content: Some(Json(r#"{"a":1}"#.to_owned())),
        persist: Some(true),
        ..Default::default()
    };
    let ack = host.channel_message_send(say).await.unwrap();
    let read = ChannelMessagesList { channel_id, ..Default::default() };
    let history = host.channel_messages_list(read).await.unwrap();
    let codes: Vec<_> = history.messages.iter().map(|message| message.code).collect();
    assert_eq!(codes, [4, 0]);
    assert_eq!(history.messages[1].message_id, ack.message_id);
    let list = FriendsList { user_id: user(&ada.session), ..Default::default() };
    assert!(host.friends_list(list).await.unwrap().friends.is_empty());
}

#[tokio::test]
async fn a_ban_is_told_before_the_socket_closes() {
    let mut world = World::new();
    let services = world.services();
    let host = ServerHost::new(Arc::clone(&services));
    let api = with_hooks(services, Hooks::none());
    let ada = Socket::open(&api, "ada-ada").await;
    let ban = UsersBanId { user_ids: Some(vec![user(&ada.session)]) };
    host.users_ban_id(ban).await.unwrap();
    let told = notified(&ada);
    assert_eq!((told[0].code, told[0].subject.as_str(), told[0].persistent), (-8, "banned", false));
    assert_eq!(ada.closed(), Some(CloseReason::Banned));
}

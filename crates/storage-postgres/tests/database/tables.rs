//! What is kept has the meaning that Nakama gives it.

use tavern_domain::{Stream, Timestamp, UserId};
use tavern_storage::{Identity, NewAccount, NewMessage, Password, Storage};
use tavern_storage_postgres::storage;
use uuid::Uuid;

use crate::support::{pool, run, texts};

const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

async fn create(storage: &Storage, number: u128, identity: Identity<'_>) -> UserId {
    let new = NewAccount {
        user: user(number),
        username: &format!("player {number}"),
        identity,
        password: matches!(identity, Identity::Email(_)).then(|| Password(b"$2a$10$text".to_vec())),
        now: NOW,
        obligation: None,
    };
    storage.accounts.create(new).await.unwrap();
    user(number)
}

#[tokio::test]
async fn accounts_are_rows_as_nakama_writes_them() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    create(&storage, 1, Identity::Email("ada@example.com")).await;
    create(&storage, 2, Identity::Device("a device of hers")).await;
    create(&storage, 3, Identity::Custom("custom")).await;
    let rows = "SELECT username || ',' || coalesce(email, '-') || ',' \
                    || coalesce(convert_from(password, 'UTF8'), '-') || ',' \
                    || coalesce(custom_id, '-') || ',' || create_time || ',' || edge_count || ',' \
                    || extract(epoch FROM disable_time)::text || ',' || coalesce(display_name, '-') \
                FROM users WHERE username <> '' ORDER BY id";
    assert_eq!(
        texts(&database, rows).await,
        [
            "player 1,ada@example.com,$2a$10$text,-,2025-07-31 22:13:20.123456+00,0,0.000000,-",
            "player 2,-,-,-,2025-07-31 22:13:20.123456+00,0,0.000000,-",
            "player 3,-,-,custom,2025-07-31 22:13:20.123456+00,0,0.000000,-",
        ]
    );
    let devices =
        "SELECT id || ',' || user_id || ',' || preferences || push_token_ios FROM user_device";
    let expected = format!("a device of hers,{},{{}}", user(2));
    assert_eq!(texts(&database, devices).await, [expected]);
    storage.accounts.set_disabled(&[user(3)], Some(NOW)).await.unwrap();
    let banned = "SELECT username FROM users WHERE disable_time <> '1970-01-01 00:00:00 UTC'";
    assert_eq!(texts(&database, banned).await, ["player 3"]);
}

#[tokio::test]
async fn messages_are_rows_as_nakama_writes_them() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    let sender = create(&storage, 1, Identity::Custom("custom")).await;
    let stream = Stream::direct(user(7), user(6));
    let message = NewMessage {
        id: Uuid::from_u128(9),
        code: 0,
        sender,
        username: "player 1",
        stream: &stream,
        content: r#"{"bb":1,"a":"x"}"#,
        create_time: NOW,
    };
    storage.messages.insert(message).await.unwrap();
    let rows = "SELECT stream_mode || ',' || stream_subject || ',' || stream_descriptor || ',' \
                    || stream_label || ',' || content || ',' || code FROM message";
    let expected = format!("4,{},{},,{{\"a\": \"x\", \"bb\": 1}},0", user(6), user(7));
    assert_eq!(texts(&database, rows).await, [expected]);
}

#[tokio::test]
async fn only_a_recorded_deletion_leaves_a_tombstone() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    for (number, recorded) in [(1, true), (2, false)] {
        create(&storage, number, Identity::Custom(&format!("custom {number}"))).await;
        assert!(storage.accounts.delete(user(number), recorded, NOW).await.unwrap());
    }
    assert!(!storage.accounts.delete(user(3), true, NOW).await.unwrap());
    let stones = "SELECT user_id || ' ' || create_time FROM user_tombstone";
    let expected = format!("{} 2025-07-31 22:13:20.123456+00", user(1));
    assert_eq!(texts(&database, stones).await, [expected]);
}

#[tokio::test]
async fn the_deleted_are_no_longer_counted_among_friends() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    for number in 1..=4 {
        create(&storage, number, Identity::Custom(&format!("custom {number}"))).await;
    }
    // 1 and 2 are friends, 1 has invited 3, 4 has blocked 1; 2 and 3 are friends, too.
    let edge = |from: u128, to: u128, state: u8| {
        format!(
            "INSERT INTO user_edge (source_id, position, destination_id, state) \
             VALUES ('{}', {to}, '{}', {state});",
            user(from),
            user(to)
        )
    };
    let edges: String =
        [(1, 2, 0), (2, 1, 0), (1, 3, 1), (3, 1, 2), (4, 1, 3), (2, 3, 0), (3, 2, 0)]
            .map(|(from, to, state)| edge(from, to, state))
            .concat();
    let counts = format!(
        "UPDATE users SET edge_count = 2 WHERE id IN ('{}', '{}', '{}')",
        user(1),
        user(2),
        user(3)
    );
    run(&database, &format!("{edges} {counts}")).await;
    storage.accounts.delete(user(1), false, NOW).await.unwrap();
    let counts = "SELECT username || ' ' || edge_count FROM users WHERE username <> '' ORDER BY 1";
    assert_eq!(texts(&database, counts).await, ["player 2 1", "player 3 1", "player 4 0"]);
    assert_eq!(texts(&database, "SELECT 'x' FROM user_edge").await.len(), 2);
}

#[tokio::test]
async fn the_deleted_leave_their_groups_and_the_last_superadmin_ends_them() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    for number in 1..=3 {
        create(&storage, number, Identity::Custom(&format!("custom {number}"))).await;
    }
    // Group 11: 1 and 2 lead it, and 3 waits at the door. Group 12: 1 leads it, 2 is in it, and 3 is
    // at the door. Group 13: 2 alone, and 1 at the door. Group 14: 2 leads it and 1 is in it.
    let group = |id: u128, count: u8| {
        format!(
            "INSERT INTO groups (id, creator_id, name, edge_count) \
             VALUES ('{}', '{}', 'group {id}', {count});",
            user(id),
            user(1)
        )
    };
    let member = |group: u128, who: u128, state: u8| {
        [(group, who), (who, group)]
            .map(|(from, to)| {
                format!(
                    "INSERT INTO group_edge (source_id, position, destination_id, state) \
                     VALUES ('{}', {to}, '{}', {state});",
                    user(from),
                    user(to)
                )
            })
            .concat()
    };
    let sql = [
        group(11, 2),
        group(12, 2),
        group(13, 1),
        group(14, 2),
        member(11, 1, 0),
        member(11, 2, 0),
        member(11, 3, 3),
        member(12, 1, 0),
        member(12, 2, 2),
        member(12, 3, 3),
        member(13, 2, 0),
        member(13, 1, 3),
        member(14, 2, 0),
        member(14, 1, 2),
    ]
    .concat();
    run(&database, &sql).await;
    storage.accounts.delete(user(1), false, NOW).await.unwrap();
    let groups = "SELECT name || ' ' || edge_count FROM groups ORDER BY 1";
    assert_eq!(texts(&database, groups).await, ["group 11 1", "group 13 1", "group 14 1"]);
    let mine =
        format!("SELECT 'x' FROM group_edge WHERE '{}' IN (source_id, destination_id)", user(1));
    assert!(texts(&database, &mine).await.is_empty());
    let ended =
        format!("SELECT 'x' FROM group_edge WHERE '{}' IN (source_id, destination_id)", user(12));
    assert!(texts(&database, &ended).await.is_empty());
    assert_eq!(texts(&database, "SELECT 'x' FROM group_edge").await.len(), 8);
}

#[tokio::test]
async fn the_scores_of_the_deleted_go_and_their_purchases_stay() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    create(&storage, 1, Identity::Custom("custom")).await;
    let sql = format!(
        "INSERT INTO leaderboard (id) VALUES ('board');
         INSERT INTO leaderboard_record (leaderboard_id, owner_id) VALUES ('board', '{0}');
         INSERT INTO leaderboard_record (leaderboard_id, owner_id) VALUES ('board', '{1}');
         INSERT INTO purchase (product_id, transaction_id, user_id) VALUES ('p', 't', '{0}')",
        user(1),
        user(2)
    );
    run(&database, &sql).await;
    storage.accounts.delete(user(1), false, NOW).await.unwrap();
    let scores = texts(&database, "SELECT owner_id::text FROM leaderboard_record").await;
    assert_eq!(scores, [user(2).to_string()]);
    let purchases = texts(&database, "SELECT user_id::text FROM purchase").await;
    assert_eq!(purchases, [UserId::NIL.to_string()]);
}

#[tokio::test]
async fn an_identity_that_another_server_linked_counts_as_one() {
    let (database, pool) = pool().await;
    let storage = storage(&pool);
    let player = create(&storage, 1, Identity::Device("a device of hers")).await;
    let unlink = async || {
        let device = Identity::Device("a device of hers");
        storage.accounts.unlink(player, device, NOW).await.unwrap()
    };
    assert_eq!(unlink().await, tavern_storage::Unlinked::LastOrMissing);
    run(&database, "UPDATE users SET google_id = 'g' WHERE username = 'player 1'").await;
    assert_eq!(unlink().await, tavern_storage::Unlinked::Unlinked);
}

//! Friends, groups and notifications: what they cost, and how they lie in the public tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tavern_domain::{Entropy as _, OsEntropy, Timestamp, UserId};
use tavern_storage::{
    FriendChanges, FriendState, GroupChange, GroupCreated, GroupFilter, GroupMessage, GroupState,
    GroupView, Identity, NewAccount, NewGroup, Notification, Others, Pair, PairChange, Storage,
};
use tavern_storage_postgres::{storage, testkit};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::support::{self, database, texts};

const NOW: Timestamp = Timestamp::from_micros(1_754_000_000_123_456);

/// How often something was sent to the database after it had answered what was sent before.
#[derive(Clone, Default)]
struct Turns(Arc<AtomicU64>);

impl Turns {
    /// Stands between a pool and the server; answers the address to connect to.
    async fn before(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(u, r)| (Some(u), r));
        let (host, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (turns, server) = (self.clone(), host.replace("%2F", "/"));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A folder is that of a unix socket.
                if let Some((folder, port)) =
                    server.split_once(':').filter(|_| server.starts_with('/'))
                {
                    let socket = UnixStream::connect(format!("{folder}/.s.PGSQL.{port}"));
                    tokio::spawn(turns.clone().relay(client, socket.await.unwrap()));
                } else {
                    let server = TcpStream::connect(&server).await.unwrap();
                    tokio::spawn(turns.clone().relay(client, server));
                }
            }
        });
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        format!("{scheme}://{user}127.0.0.1:{port}/{path}")
    }

    async fn relay(self, mut client: TcpStream, mut server: impl AsyncRead + AsyncWrite + Unpin) {
        let (mut there, mut back) = (vec![0; 65_536], vec![0; 65_536]);
        let mut answered = true;
        loop {
            tokio::select! {
                Ok(read) = client.read(&mut there) => {
                    if read == 0 || server.write_all(&there[..read]).await.is_err() {
                        return;
                    }
                    if std::mem::take(&mut answered) {
                        self.0.fetch_add(1, Ordering::SeqCst);
                    }
                }
                Ok(read) = server.read(&mut back) => {
                    if read == 0 || client.write_all(&back[..read]).await.is_err() {
                        return;
                    }
                    answered = true;
                }
                else => return,
            }
        }
    }

    /// How many round trips some work takes, once its statements are prepared.
    async fn of<T>(&self, work: impl AsyncFn() -> T) -> u64 {
        work().await;
        let before = self.0.load(Ordering::SeqCst);
        work().await;
        self.0.load(Ordering::SeqCst) - before
    }
}

async fn player(storage: &Storage, name: &str) -> UserId {
    let user = UserId(OsEntropy.uuid_v4());
    let new = NewAccount {
        user,
        username: name,
        identity: Identity::Custom(name),
        password: None,
        now: NOW,
        obligation: None,
    };
    storage.accounts.create(new).await.unwrap();
    user
}

fn notification(user: UserId) -> Notification {
    Notification {
        id: OsEntropy.uuid_v4(),
        user,
        subject: "s".into(),
        content: "{}".into(),
        code: -2,
        sender: user,
        create_time: NOW,
    }
}

/// Makes two players be this to each other, and tells the other one.
async fn set(storage: &Storage, user: UserId, others: Others<'_>, states: States) {
    let (mine, theirs) = states;
    let decide = |pairs: &[Pair]| FriendChanges {
        pairs: pairs
            .iter()
            .map(|pair| PairChange {
                pair: Pair { mine, theirs, ..*pair },
                metadata: None,
                their_metadata: None,
            })
            .collect(),
        notifications: pairs.iter().map(|pair| notification(pair.other)).collect(),
    };
    storage.friends.change(user, others, NOW, &decide).await.unwrap();
}

type States = (Option<FriendState>, Option<FriendState>);
const INVITED: States = (Some(FriendState::InviteSent), Some(FriendState::InviteReceived));

async fn found(storage: &Storage, user: UserId, name: &str) -> uuid::Uuid {
    let id = OsEntropy.uuid_v4();
    let group = NewGroup {
        id,
        superadmin: user,
        creator: user,
        name,
        description: None,
        avatar_url: None,
        lang_tag: "en",
        metadata: "{}",
        open: true,
        max_count: 9,
        now: NOW,
    };
    assert!(matches!(storage.groups.create(group).await.unwrap(), GroupCreated::Created(_)));
    id
}

/// Changes a member, with a message and a notification.
async fn put(storage: &Storage, group: uuid::Uuid, user: UserId, state: Option<GroupState>) {
    let decide = |_: &GroupView| {
        Ok(GroupChange {
            members: vec![(user, state)],
            messages: vec![GroupMessage {
                id: OsEntropy.uuid_v4(),
                code: 3,
                sender: user,
                username: "n".into(),
                create_time: NOW,
            }],
            notifications: vec![notification(user)],
            ..GroupChange::default()
        })
    };
    storage.groups.change(group, &[user], NOW, &decide).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_take_as_few_round_trips_as_their_work_allows() {
    let database = database().await;
    let turns = Turns::default();
    let pool = testkit::pool(&turns.before(&database.url()).await);
    let s = &storage(&pool);
    let (ada, bob) = (player(s, "ada").await, player(s, "bob").await);
    let by_id = Others { ids: &[bob], ..Others::default() };
    let names = ["bob".to_owned()];
    let by_name = Others { usernames: &names, ..Others::default() };
    for others in [by_id, by_name] {
        assert_eq!(turns.of(async || set(s, ada, others, INVITED).await).await, 2, "look, write");
    }
    let nothing = |_: &[Pair]| FriendChanges::default();
    let look = async || drop(s.friends.change(ada, by_id, NOW, &nothing).await.unwrap());
    assert!(turns.of(look).await <= 2, "nothing is written, the end travels with what comes next");
    let group = found(s, ada, "g").await;
    let join = async || put(s, group, bob, Some(GroupState::Member)).await;
    assert_eq!(turns.of(join).await, 2, "look, write");
    let leave = async || put(s, group, bob, None).await;
    assert_eq!(turns.of(leave).await, 2, "look, write");
    let one = |what: u64, name: &str| assert_eq!(what, 1, "{name}");
    one(turns.of(async || s.friends.list(ada, None, None, 10).await.unwrap()).await, "friends");
    one(turns.of(async || s.friends.of_friends(ada, None, 10).await.unwrap()).await, "theirs");
    one(turns.of(async || s.friends.between(ada, bob).await.unwrap()).await, "between");
    one(turns.of(async || s.groups.state(group, ada).await.unwrap()).await, "state");
    one(turns.of(async || s.groups.members(group, None, None, 9).await.unwrap()).await, "members");
    one(turns.of(async || s.groups.of_user(ada, None, None, 9).await.unwrap()).await, "groups");
    let by_name = GroupFilter::Name("g%".into());
    one(turns.of(async || s.groups.list(&by_name, None, 9).await.unwrap()).await, "by name");
    one(
        turns.of(async || s.notifications.list(bob, None, 9).await.unwrap()).await,
        "notifications",
    );
    let tell = async || s.notifications.insert(&[notification(ada), notification(bob)]).await;
    one(turns.of(tell).await, "telling two");
    pool.close();
}

#[tokio::test]
async fn rows_are_those_of_a_nakama_database() {
    let (database, pool) = support::pool().await;
    let s = &storage(&pool);
    let (ada, bob) = (player(s, "ada").await, player(s, "bob").await);
    set(s, ada, Others { ids: &[bob], ..Others::default() }, INVITED).await;
    let edges = "SELECT (SELECT username FROM users WHERE id = source_id) || ' ' || \
         (SELECT username FROM users WHERE id = destination_id) || ' ' || state || ' ' || metadata \
         FROM user_edge ORDER BY 1";
    assert_eq!(texts(&database, edges).await, ["ada bob 1 {}", "bob ada 2 {}"]);
    set(s, ada, Others { ids: &[bob], ..Others::default() }, (Some(FriendState::Blocked), None))
        .await;
    assert_eq!(texts(&database, edges).await, ["ada bob 3 {}"], "a block is one row");
    let group = found(s, ada, "g").await;
    let members = "SELECT CASE WHEN source_id IN (SELECT id FROM groups) \
             THEN 'of ' || (SELECT username FROM users WHERE id = destination_id) \
             ELSE 'by ' || (SELECT username FROM users WHERE id = source_id) END || ' ' || state \
         FROM group_edge ORDER BY 1";
    put(s, group, bob, Some(GroupState::Member)).await;
    let expected = ["by ada 0", "by bob 2", "of ada 0", "of bob 2"];
    assert_eq!(texts(&database, members).await, expected, "two rows for each");
    put(s, group, bob, Some(GroupState::Banned)).await;
    let expected = ["by ada 0", "of ada 0", "of bob 4"];
    assert_eq!(texts(&database, members).await, expected, "the group's alone for the banned");
    let open = "SELECT state || ' ' || edge_count || ' ' || \
         (disable_time = '1970-01-01 00:00:00Z')::text FROM groups";
    assert_eq!(texts(&database, open).await, ["0 1 true"]);
    let said = "SELECT stream_mode || ' ' || (stream_subject = (SELECT id FROM groups))::text || \
         ' ' || stream_descriptor || ' ' || stream_label || '|' || code || ' ' || content \
         FROM message LIMIT 1";
    let nil = uuid::Uuid::nil();
    assert_eq!(texts(&database, said).await, [format!("3 true {nil} |3 {{}}")]);
    pool.close();
}

/// Whoever bans a group's member, or is asked by nobody, reads what Nakama has written.
#[tokio::test]
async fn rows_of_a_nakama_server_are_read_right() {
    let (database, pool) = support::pool().await;
    let s = &storage(&pool);
    let (ada, bob) = (player(s, "ada").await, player(s, "bob").await);
    let group = found(s, ada, "g").await;
    support::run(
        &database,
        &format!(
            "INSERT INTO user_edge (source_id, destination_id, state, position) VALUES \
                 ('{ada}', '{bob}', 1, 7), ('{bob}', '{ada}', 2, 7); \
             UPDATE users SET edge_count = 1 WHERE id IN ('{ada}', '{bob}'); \
             UPDATE groups SET description = '', avatar_url = '', state = 1; \
             INSERT INTO group_edge (source_id, destination_id, state, position) \
                 VALUES ('{group}', '{bob}', 4, 7)"
        ),
    )
    .await;
    let pair = s.friends.between(bob, ada).await.unwrap().unwrap();
    let states = (pair.mine, pair.theirs);
    assert_eq!(states, (Some(FriendState::InviteReceived), Some(FriendState::InviteSent)));
    assert_eq!(s.groups.state(group, bob).await.unwrap(), Some(GroupState::Banned));
    let kept = s.groups.get(&[group]).await.unwrap().remove(0);
    assert!(!kept.open && kept.description.as_deref() == Some(""));
    put(s, group, bob, None).await;
    assert_eq!(s.groups.state(group, bob).await.unwrap(), None, "the ban is lifted");
    pool.close();
}

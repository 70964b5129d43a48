//! Leaderboards, as clients see them.

use std::sync::Arc;

use crate::world::{World, bearer, call, code, sign_in, with_hooks};
use tavern_api::{Api, Services};
use tavern_domain::{CodedError, ErrorCode};
use tavern_leaderboards::{BoardOperator, NewLeaderboard, NewScore, SortOrder, Writer};
use tavern_protocol::api::write_leaderboard_record_request::LeaderboardRecordWrite;
use tavern_protocol::{Unit, api, calls};
use tavern_runtime_hooks::Hooks;

/// A leaderboard with ranks, best score first.
pub(crate) fn board(id: &str) -> NewLeaderboard<'_> {
    NewLeaderboard {
        id,
        authoritative: false,
        sort: SortOrder::Descending,
        operator: BoardOperator::Best,
        reset_schedule: "",
        metadata: "{}",
        ranks: true,
    }
}

/// A service, and players with names in the order of their letters.
pub(crate) struct Game {
    pub(crate) world: World,
    pub(crate) services: Arc<Services>,
    pub(crate) api: Arc<Api>,
}

impl Game {
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let services = world.services();
        let api = with_hooks(Arc::clone(&services), Hooks::none());
        Self { world, services, api }
    }

    pub(crate) async fn with_board(new: NewLeaderboard<'_>) -> Self {
        let game = Self::new();
        assert!(game.services.leaderboards().create_leaderboard(&new).await.unwrap());
        game
    }

    pub(crate) async fn player(&self, name: &str) -> Player {
        let session = sign_in(&self.api, name).await.unwrap();
        let account = call::<calls::GetAccount>(&self.api, bearer(&session), Unit {}).await;
        let id = account.unwrap().user.unwrap().id;
        Player { api: Arc::clone(&self.api), session, id, name: name.to_owned() }
    }

    pub(crate) async fn players<const N: usize>(&self, names: [&str; N]) -> Vec<Player> {
        let mut players = Vec::new();
        for name in names {
            players.push(self.player(name).await);
        }
        players
    }
}

pub(crate) struct Player {
    pub(crate) api: Arc<Api>,
    pub(crate) session: api::Session,
    pub(crate) id: String,
    pub(crate) name: String,
}

type Record = Result<api::LeaderboardRecord, CodedError>;
type List = Result<api::LeaderboardRecordList, CodedError>;

impl Player {
    async fn put(&self, board: &str, record: Option<LeaderboardRecordWrite>) -> Record {
        let request =
            api::WriteLeaderboardRecordRequest { leaderboard_id: board.to_owned(), record };
        call::<calls::WriteLeaderboardRecord>(&self.api, bearer(&self.session), request).await
    }

    async fn write(&self, record: LeaderboardRecordWrite) -> Record {
        self.put("board", Some(record)).await
    }

    async fn score(&self, score: i64) -> api::LeaderboardRecord {
        self.write(write(score)).await.unwrap()
    }

    async fn list_with(&self, request: api::ListLeaderboardRecordsRequest) -> List {
        call::<calls::ListLeaderboardRecords>(&self.api, bearer(&self.session), request).await
    }

    async fn list(&self, limit: impl Into<Option<i32>>, cursor: &str, owners: &[&Player]) -> List {
        self.list_with(api::ListLeaderboardRecordsRequest {
            leaderboard_id: "board".to_owned(),
            owner_ids: owners.iter().map(|owner| owner.id.clone()).collect(),
            limit: limit.into(),
            cursor: cursor.to_owned(),
            expiry: None,
        })
        .await
    }

    async fn around(&self, owner: &str, limit: impl Into<Option<u32>>, cursor: &str) -> List {
        let request = api::ListLeaderboardRecordsAroundOwnerRequest {
            leaderboard_id: "board".to_owned(),
            limit: limit.into(),
            owner_id: owner.to_owned(),
            expiry: None,
            cursor: cursor.to_owned(),
        };
        let credential = bearer(&self.session);
        call::<calls::ListLeaderboardRecordsAroundOwner>(&self.api, credential, request).await
    }

    async fn delete(&self) -> Result<Unit, CodedError> {
        let request = api::DeleteLeaderboardRecordRequest { leaderboard_id: "board".to_owned() };
        call::<calls::DeleteLeaderboardRecord>(&self.api, bearer(&self.session), request).await
    }
}

fn write(score: i64) -> LeaderboardRecordWrite {
    LeaderboardRecordWrite { score, ..Default::default() }
}

/// Owners by their names, scores and ranks.
pub(crate) fn shown(records: &[api::LeaderboardRecord]) -> Vec<(&str, i64, i64)> {
    records
        .iter()
        .map(|record| (record.username.as_deref().unwrap_or(""), record.score, record.rank))
        .collect()
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let game = Game::new();
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.write(write(5)).await), ErrorCode::NotFound);
    assert_eq!(code(ada.list(None, "", &[]).await), ErrorCode::NotFound);
    assert_eq!(code(ada.around(&ada.id, None, "").await), ErrorCode::NotFound);
    assert_eq!(code(ada.delete().await), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_record_is_shown_as_the_protocol_has_it() {
    let game = Game::with_board(board("board")).await;
    let ada = game.player("ada-ada").await;
    let first = write(50);
    let first =
        LeaderboardRecordWrite { subscore: 2, metadata: r#"{"level":9}"#.to_owned(), ..first };
    let record = ada.write(first).await.unwrap();
    let now = tavern_protocol::wkt::Timestamp { seconds: 1_800_000_000, nanos: 0 };
    let expected = api::LeaderboardRecord {
        leaderboard_id: "board".to_owned(),
        owner_id: ada.id.clone(),
        username: Some(ada.name.clone()),
        score: 50,
        subscore: 2,
        num_score: 1,
        metadata: r#"{"level": 9}"#.to_owned(),
        create_time: Some(now),
        update_time: Some(now),
        expiry_time: None,
        rank: 1,
        max_num_score: 1_000_000,
    };
    assert_eq!(record, expected);
    game.world.clock.advance_millis(1_500);
    assert_eq!(ada.write(write(40)).await.unwrap(), expected, "no better: nothing changes");
    let better = ada.write(write(60)).await.unwrap();
    assert_eq!((better.score, better.subscore, better.num_score), (60, 2, 2));
    assert_eq!(better.metadata, expected.metadata, "metadata stays");
    let moved = better.update_time.unwrap();
    assert_eq!((moved.seconds, moved.nanos), (now.seconds + 1, 0), "whole seconds");
}

#[tokio::test]
async fn a_write_may_name_its_own_operator() {
    let game = Game::with_board(board("board")).await;
    let ada = game.player("ada-ada").await;
    for (score, operator, becomes, writes) in
        [(50, 0, 50, 1), (10, 2, 10, 2), (5, 3, 15, 3), (4, 4, 11, 4), (7, 1, 11, 4), (40, 4, 0, 5)]
    {
        let record = LeaderboardRecordWrite { operator, ..write(score) };
        let record = ada.write(record).await.unwrap();
        assert_eq!((record.score, record.num_score), (becomes, writes), "{score} {operator}");
    }
    for operator in [5, 99, -1] {
        let record = LeaderboardRecordWrite { operator, ..write(1) };
        assert_eq!(code(ada.write(record).await), ErrorCode::InvalidArgument, "{operator}");
    }
    let sum = LeaderboardRecordWrite { operator: 3, ..write(i64::MAX) };
    ada.write(sum.clone()).await.unwrap();
    assert_eq!(code(ada.write(sum).await), ErrorCode::InvalidArgument, "beyond 64 bits");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let game = Game::with_board(board("board")).await;
    let ada = game.player("ada-ada").await;
    let metadata = |text: &str| LeaderboardRecordWrite { metadata: text.to_owned(), ..write(1) };
    let deep = "[".repeat(5_000);
    for bad in [
        metadata("nope"),
        metadata("[1]"),
        metadata(" "),
        metadata(&deep),
        write(-1),
        LeaderboardRecordWrite { subscore: -1, ..write(1) },
    ] {
        assert_eq!(code(ada.write(bad.clone()).await), ErrorCode::InvalidArgument, "{bad:?}");
    }
    assert_eq!(code(ada.put("board", None).await), ErrorCode::InvalidArgument, "no record");
    assert_eq!(code(ada.put("", Some(write(1))).await), ErrorCode::InvalidArgument, "no id");
    for id in ["a\0b", &"x".repeat(129), &"x".repeat(100_000)] {
        assert_eq!(code(ada.put(id, Some(write(1))).await), ErrorCode::NotFound, "{id}");
    }
    for limit in [0, -1, 1_001] {
        assert_eq!(code(ada.list(limit, "", &[]).await), ErrorCode::InvalidArgument, "{limit}");
    }
    for limit in [0, 101, u32::MAX] {
        let around = ada.around(&ada.id, limit, "").await;
        assert_eq!(code(around), ErrorCode::InvalidArgument, "{limit}");
    }
    for owner in ["", "bad"] {
        assert_eq!(code(ada.around(owner, 3, "").await), ErrorCode::InvalidArgument);
        let request = api::ListLeaderboardRecordsRequest {
            leaderboard_id: "board".to_owned(),
            owner_ids: vec![owner.to_owned()],
            ..Default::default()
        };
        assert_eq!(code(ada.list_with(request).await), ErrorCode::InvalidArgument);
    }
    assert_eq!(code(ada.list(5, "bad", &[]).await), ErrorCode::InvalidArgument);
    assert_eq!(code(ada.around(&ada.id, 5, "bad").await), ErrorCode::InvalidArgument);
    let request = api::ListLeaderboardRecordsRequest {
        leaderboard_id: "board".to_owned(),
        expiry: Some(-1),
        ..Default::default()
    };
    assert_eq!(code(ada.list_with(request).await), ErrorCode::InvalidArgument);
    let owners = vec![&ada; 1_001];
    assert_eq!(code(ada.list(None, "", &owners).await), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn pages_go_both_ways() {
    let game = Game::with_board(board("board")).await;
    let players = game.players(["ada-ada", "bob-bob", "cat-cat", "dan-dan"]).await;
    let [ada, bob, cat, dan] = &players[..] else { panic!("four players") };
    for (player, score, rank) in [(ada, 10, 1), (bob, 40, 1), (cat, 30, 2), (dan, 20, 3)] {
        assert_eq!(player.score(score).await.rank, rank, "{}", player.name);
    }
    let first = ada.list(2, "", &[]).await.unwrap();
    assert_eq!(shown(&first.records), [("bob-bob", 40, 1), ("cat-cat", 30, 2)]);
    assert_eq!((first.rank_count, first.prev_cursor.as_str()), (4, ""));
    let second = ada.list(2, &first.next_cursor, &[]).await.unwrap();
    assert_eq!(shown(&second.records), [("dan-dan", 20, 3), ("ada-ada", 10, 4)]);
    assert_eq!(second.next_cursor, "", "the last page");
    let back = ada.list(2, &second.prev_cursor, &[]).await.unwrap();
    assert_eq!(back.records, first.records);
    assert_eq!(back.prev_cursor, "", "the first page");
    assert_eq!(ada.list(2, &back.next_cursor, &[]).await.unwrap().records, second.records);
    let one = ada.list(1, &second.prev_cursor, &[]).await.unwrap();
    assert_eq!(shown(&one.records), [("cat-cat", 30, 2)]);
    assert_ne!(one.prev_cursor, "", "there is a better one");
    // Owners alone come without a page, with one if it is asked for.
    let owners = ada.list(None, "", &[ada, cat]).await.unwrap();
    assert!(owners.records.is_empty());
    assert_eq!(shown(&owners.owner_records), [("cat-cat", 30, 2), ("ada-ada", 10, 4)]);
    let both = ada.list(1, "", &[dan]).await.unwrap();
    assert_eq!(shown(&both.records), [("bob-bob", 40, 1)]);
    assert_eq!(shown(&both.owner_records), [("dan-dan", 20, 3)]);
    assert_eq!(ada.list(None, "", &[]).await.unwrap().records.len(), 1, "the default");
    // A cursor of another board is refused.
    game.services.leaderboards().create_leaderboard(&board("other")).await.unwrap();
    let request = api::ListLeaderboardRecordsRequest {
        leaderboard_id: "other".to_owned(),
        cursor: first.next_cursor,
        ..Default::default()
    };
    assert_eq!(code(ada.list_with(request).await), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn neighbours_are_listed() {
    let game = Game::with_board(board("board")).await;
    let players = game.players(["ada-ada", "bob-bob", "cat-cat", "dan-dan", "eve-eve"]).await;
    let [ada, bob, cat, dan, eve] = &players[..] else { panic!("five players") };
    for (player, score) in [(ada, 50), (bob, 40), (cat, 30), (dan, 20)] {
        player.score(score).await;
    }
    let middle = ada.around(&cat.id, 3, "").await.unwrap();
    assert_eq!(
        shown(&middle.records),
        [("bob-bob", 40, 2), ("cat-cat", 30, 3), ("dan-dan", 20, 4)]
    );
    assert_eq!((middle.rank_count, middle.next_cursor.as_str()), (4, ""));
    let before = ada.around(&cat.id, 3, &middle.prev_cursor).await.unwrap();
    assert_eq!(shown(&before.records), [("ada-ada", 50, 1)]);
    let top = ada.around(&ada.id, 3, "").await.unwrap();
    assert_eq!(shown(&top.records).len(), 3);
    assert_eq!((top.prev_cursor.as_str(), top.records[0].rank), ("", 1));
    let bottom = ada.around(&dan.id, 2, "").await.unwrap();
    assert_eq!(shown(&bottom.records), [("cat-cat", 30, 3), ("dan-dan", 20, 4)]);
    let none = ada.around(&eve.id, 3, "").await.unwrap();
    assert_eq!(none, api::LeaderboardRecordList::default(), "without a record");
    let own = ada.around(&bob.id, None, "").await.unwrap();
    assert_eq!(shown(&own.records), [("bob-bob", 40, 2)], "the default is one");
}

#[tokio::test]
async fn only_the_server_writes_on_authoritative_boards() {
    let game = Game::with_board(NewLeaderboard { authoritative: true, ..board("board") }).await;
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.write(write(5)).await), ErrorCode::PermissionDenied);
    let new = NewScore {
        board: "board",
        owner: ada.id.parse().unwrap(),
        username: &ada.name,
        score: 9,
        subscore: 0,
        metadata: "",
        operator: None,
    };
    let written = game.services.leaderboards().write(Writer::Server, new).await.unwrap();
    assert_eq!((written.record.score, written.rank), (9, 1));
    assert_eq!(code(ada.delete().await), ErrorCode::PermissionDenied);
    assert_eq!(shown(&ada.list(5, "", &[]).await.unwrap().records), [("ada-ada", 9, 1)]);
}

#[tokio::test]
async fn deleting_makes_room_in_the_ranks() {
    let game = Game::with_board(board("board")).await;
    let players = game.players(["ada-ada", "bob-bob"]).await;
    let [ada, bob] = &players[..] else { panic!("two players") };
    ada.score(5).await;
    assert_eq!(bob.score(3).await.rank, 2);
    ada.delete().await.unwrap();
    let list = ada.list(5, "", &[ada, bob]).await.unwrap();
    assert_eq!(shown(&list.records), [("bob-bob", 3, 1)]);
    assert_eq!(shown(&list.owner_records), [("bob-bob", 3, 1)]);
    assert_eq!(list.rank_count, 1);
    ada.delete().await.unwrap();
    let again = ada.score(1).await;
    assert_eq!((again.num_score, again.rank), (1, 2), "counted from one again");
    // So does a player who goes.
    call::<calls::DeleteAccount>(&bob.api, bearer(&bob.session), Unit {}).await.unwrap();
    let list = ada.list(5, "", &[ada]).await.unwrap();
    assert_eq!((shown(&list.owner_records)[0].2, list.rank_count), (1, 1));
}

#[tokio::test]
async fn a_board_that_is_created_anew_is_empty() {
    let game = Game::with_board(board("board")).await;
    let ada = game.player("ada-ada").await;
    ada.score(5).await;
    let leaderboards = game.services.leaderboards();
    assert!(leaderboards.delete_board("board").await.unwrap());
    assert_eq!(code(ada.write(write(5)).await), ErrorCode::NotFound);
    let lowest = NewLeaderboard { sort: SortOrder::Ascending, ..board("board") };
    assert!(leaderboards.create_leaderboard(&lowest).await.unwrap());
    assert!(!leaderboards.create_leaderboard(&board("board")).await.unwrap(), "it is there");
    assert_eq!(ada.list(5, "", &[]).await.unwrap(), api::LeaderboardRecordList::default());
    assert_eq!(ada.score(7).await.rank, 1);
    assert_eq!(ada.score(9).await.score, 7, "lower is better now");
}

#[tokio::test]
async fn records_expire_with_their_period() {
    let daily = NewLeaderboard { reset_schedule: "@daily", ..board("board") };
    let game = Game::with_board(daily).await;
    let ada = game.player("ada-ada").await;
    let first = ada.score(5).await;
    // 2027-01-15 08:00 is the time of the tests.
    let midnight = 1_800_000_000 + 16 * 3_600;
    assert_eq!(first.expiry_time.unwrap().seconds, midnight);
    let cursorless = ada.list(5, "", &[]).await.unwrap();
    assert_eq!(cursorless.records.len(), 1);
    game.world.clock.advance_seconds(16 * 3_600);
    let ada = game.player("ada-ada").await;
    assert_eq!(ada.list(5, "", &[&ada]).await.unwrap(), api::LeaderboardRecordList::default());
    let second = ada.score(3).await;
    assert_eq!((second.score, second.rank, second.num_score), (3, 1, 1));
    assert_eq!(second.expiry_time.unwrap().seconds, midnight + 24 * 3_600);
    let request = api::ListLeaderboardRecordsRequest {
        leaderboard_id: "board".to_owned(),
        owner_ids: vec![ada.id.clone()],
        limit: Some(5),
        expiry: Some(midnight),
        ..Default::default()
    };
    let past = ada.list_with(request).await.unwrap();
    assert_eq!(past.records, std::slice::from_ref(&first), "the last period is still there");
    assert_eq!((past.owner_records, past.rank_count), (vec![first], 1));
}

#[tokio::test]
async fn boards_without_ranks_answer_none() {
    let game = Game::with_board(NewLeaderboard { ranks: false, ..board("board") }).await;
    let players = game.players(["ada-ada", "bob-bob"]).await;
    let [ada, bob] = &players[..] else { panic!("two players") };
    assert_eq!(ada.score(5).await.rank, 0);
    bob.score(9).await;
    let list = ada.list(5, "", &[ada]).await.unwrap();
    assert_eq!(shown(&list.records), [("bob-bob", 9, 1), ("ada-ada", 5, 2)], "pages are numbered");
    assert_eq!((shown(&list.owner_records)[0].2, list.rank_count), (0, 0));
    game.services.leaderboards().create_leaderboard(&board("ranked")).await.unwrap();
    assert_eq!(ada.put("ranked", Some(write(1))).await.unwrap().rank, 1);
    game.services.leaderboards().disable_ranks("ranked", false).await.unwrap();
    assert_eq!(ada.put("ranked", Some(write(2))).await.unwrap().rank, 0);
}

/// Server code has a function of its own for each thing; here they meet the same rules.
#[tokio::test]
async fn server_code_does_it_all() {
    use tavern_api::ServerHost;
    use tavern_runtime_hooks::Json;
    use tavern_runtime_hooks::host::{
        CronNext, CronPrev, LeaderboardCreate, LeaderboardCursorFromRank, LeaderboardDelete,
        LeaderboardList, LeaderboardRanksDisable, LeaderboardRecordDelete,
        LeaderboardRecordWrite as Write, LeaderboardRecordsHaystack, LeaderboardRecordsList,
        LeaderboardsGetId, LeaderboardsHost as _,
    };
    let game = Game::new();
    let host = ServerHost::new(Arc::clone(&game.services));
    let text = |text: &str| Some(text.to_owned());
    let new = LeaderboardCreate {
        leaderboard_id: "board".to_owned(),
        authoritative: Some(true),
        sort_order: text("asc"),
        operator: text("incr"),
        reset_schedule: text("@hourly"),
        metadata: Some(Json("[]".to_owned())),
        enable_ranks: Some(true),
    };
    host.leaderboard_create(new.clone()).await.unwrap();
    host.leaderboard_create(new.clone()).await.unwrap();
    for bad in [
        LeaderboardCreate { sort_order: text("up"), ..new.clone() },
        LeaderboardCreate { operator: text("add"), ..new.clone() },
        LeaderboardCreate { reset_schedule: text("often"), ..new.clone() },
        LeaderboardCreate { reset_schedule: Some("0 ".repeat(40)), ..new.clone() },
        LeaderboardCreate { metadata: Some(Json("7".to_owned())), ..new.clone() },
        LeaderboardCreate { leaderboard_id: String::new(), ..new.clone() },
        LeaderboardCreate { leaderboard_id: "x".repeat(129), ..new },
    ] {
        let refused = host.leaderboard_create(bad.clone()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument, "{bad:?}");
    }
    let players = game.players(["ada-ada", "bob-bob", "cat-cat"]).await;
    for (player, score) in players.iter().zip([5, 3, 9]) {
        let write = Write {
            id: "board".to_owned(),
            owner_id: player.id.parse().unwrap(),
            username: Some(player.name.clone()),
            score: Some(score),
            metadata: Some(Json(r#"{"w":1}"#.to_owned())),
            ..Write::default()
        };
        host.leaderboard_record_write(write.clone()).await.unwrap();
        let again = host.leaderboard_record_write(write.clone()).await.unwrap();
        assert_eq!((again.score, again.num_score), (2 * score, 2), "added");
        assert_eq!(again.metadata.0, r#"{"w": 1}"#);
        let negative = host.leaderboard_record_write(Write { score: Some(-1), ..write }).await;
        assert_eq!(negative.unwrap_err().code, ErrorCode::InvalidArgument);
    }
    let list = LeaderboardRecordsList {
        id: "board".to_owned(),
        owner_ids: Some(vec![players[2].id.parse().unwrap()]),
        ..LeaderboardRecordsList::default()
    };
    let owners = host.leaderboard_records_list(list.clone()).await.unwrap();
    assert!(owners.records.is_empty(), "no limit, no page");
    assert_eq!((owners.owner_records[0].rank, owners.rank_count), (3, 3));
    let cursor = LeaderboardCursorFromRank {
        leaderboard_id: "board".to_owned(),
        rank: 2,
        expiry_override: None,
    };
    let second = host.leaderboard_records_list_cursor_from_rank(cursor.clone()).await.unwrap();
    let page = LeaderboardRecordsList { limit: Some(10_000), cursor: Some(second), ..list.clone() };
    let page = host.leaderboard_records_list(page).await.unwrap();
    let ranks: Vec<_> = page.records.iter().map(|r| (r.score, r.rank)).collect();
    assert_eq!(ranks, [(10, 2), (18, 3)]);
    let first = LeaderboardCursorFromRank { rank: 1, ..cursor.clone() };
    assert_eq!(host.leaderboard_records_list_cursor_from_rank(first).await.unwrap(), "");
    for rank in [0, -1, 5, i64::MAX] {
        let none = LeaderboardCursorFromRank { rank, ..cursor.clone() };
        let refused = host.leaderboard_records_list_cursor_from_rank(none).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument, "{rank}");
    }
    let beyond = LeaderboardRecordsList { limit: Some(10_001), ..list };
    assert!(host.leaderboard_records_list(beyond).await.is_err());
    let around = LeaderboardRecordsHaystack {
        id: "board".to_owned(),
        owner_id: players[0].id.parse().unwrap(),
        ..LeaderboardRecordsHaystack::default()
    };
    assert_eq!(host.leaderboard_records_haystack(around).await.unwrap().records.len(), 3);
    let gone = LeaderboardRecordDelete {
        id: "board".to_owned(),
        owner_id: players[1].id.parse().unwrap(),
    };
    host.leaderboard_record_delete(gone.clone()).await.unwrap();
    host.leaderboard_record_delete(gone).await.unwrap();
    let boards = host.leaderboard_list(LeaderboardList::default()).await.unwrap();
    let [board] = &boards.leaderboards[..] else { panic!("one board: {boards:?}") };
    assert_eq!(
        (board.operator.as_str(), board.sort_order, board.metadata.0.as_str()),
        ("increment", 0, "{}")
    );
    assert_eq!((board.prev_reset, board.next_reset), (1_799_996_400, 1_800_003_600));
    let ids = Some(vec!["none".to_owned(), "board".to_owned(), "board".to_owned()]);
    let got = host.leaderboards_get_id(LeaderboardsGetId { ids }).await.unwrap();
    assert_eq!(got, std::slice::from_ref(board));
    let named = || "board".to_owned();
    host.leaderboard_ranks_disable(LeaderboardRanksDisable { id: named() }).await.unwrap();
    host.leaderboard_delete(LeaderboardDelete { id: named() }).await.unwrap();
    host.leaderboard_delete(LeaderboardDelete { id: named() }).await.unwrap();
    let none = host.leaderboard_ranks_disable(LeaderboardRanksDisable { id: named() }).await;
    assert_eq!(none.unwrap_err().code, ErrorCode::NotFound);
    let expression = || "0 12 * * *".to_owned();
    let next = CronNext { expression: expression(), timestamp: 1_800_000_000 };
    assert_eq!(host.cron_next(next).await.unwrap(), 1_800_014_400);
    let last = CronPrev { expression: expression(), timestamp: 1_800_000_000 };
    assert_eq!(host.cron_prev(last).await.unwrap(), 1_799_928_000);
    let bad = CronNext { expression: "never".to_owned(), timestamp: 0 };
    assert_eq!(host.cron_next(bad).await.unwrap_err().code, ErrorCode::InvalidArgument);
}

//! Tournaments, as clients see them.

use crate::leaderboards::{Game, Player, board, shown};
use crate::world::{bearer, call, code};
use tavern_domain::{Classify as _, CodedError, ErrorCode};
use tavern_leaderboards::{NewLeaderboard, NewScore, NewTournament, Writer};
use tavern_protocol::api::write_tournament_record_request::TournamentRecordWrite;
use tavern_protocol::{Unit, api, calls};

const NOW: i64 = 1_800_000_000;
const HOUR: i64 = 3_600;

/// A tournament of an hour that begins now.
fn cup(id: &str) -> NewTournament<'_> {
    NewTournament {
        board: board(id),
        title: "Cup",
        description: "Big one",
        category: 17,
        duration: HOUR,
        start_time: 0,
        end_time: 0,
        join_required: false,
        max_size: 0,
        max_num_score: 0,
    }
}

async fn game(new: NewTournament<'_>) -> Game {
    let game = Game::new();
    assert!(game.services.leaderboards().create_tournament(&new).await.unwrap());
    game
}

type Record = Result<api::LeaderboardRecord, CodedError>;
type Records = Result<api::TournamentRecordList, CodedError>;

impl Player {
    async fn compete(&self, score: i64) -> Record {
        let record = TournamentRecordWrite { score, ..Default::default() };
        let request = api::WriteTournamentRecordRequest {
            tournament_id: "cup".to_owned(),
            record: Some(record),
        };
        call::<calls::WriteTournamentRecord>(&self.api, bearer(&self.session), request).await
    }

    async fn join(&self) -> Result<Unit, CodedError> {
        let request = api::JoinTournamentRequest { tournament_id: "cup".to_owned() };
        call::<calls::JoinTournament>(&self.api, bearer(&self.session), request).await
    }

    async fn leave(&self) -> Result<Unit, CodedError> {
        let request = api::DeleteTournamentRecordRequest { tournament_id: "cup".to_owned() };
        call::<calls::DeleteTournamentRecord>(&self.api, bearer(&self.session), request).await
    }

    async fn standings(&self, owners: &[&Player], expiry: Option<i64>) -> Records {
        let request = api::ListTournamentRecordsRequest {
            tournament_id: "cup".to_owned(),
            owner_ids: owners.iter().map(|owner| owner.id.clone()).collect(),
            limit: None,
            cursor: String::new(),
            expiry,
        };
        call::<calls::ListTournamentRecords>(&self.api, bearer(&self.session), request).await
    }

    async fn neighbours(&self, limit: Option<u32>) -> Records {
        let request = api::ListTournamentRecordsAroundOwnerRequest {
            tournament_id: "cup".to_owned(),
            limit,
            owner_id: self.id.clone(),
            expiry: None,
            cursor: String::new(),
        };
        let credential = bearer(&self.session);
        call::<calls::ListTournamentRecordsAroundOwner>(&self.api, credential, request).await
    }

    async fn tournaments(
        &self,
        request: api::ListTournamentsRequest,
    ) -> Result<api::TournamentList, CodedError> {
        call::<calls::ListTournaments>(&self.api, bearer(&self.session), request).await
    }

    async fn the_cup(&self) -> api::Tournament {
        let list = self.tournaments(api::ListTournamentsRequest::default()).await.unwrap();
        list.tournaments.into_iter().find(|t| t.id == "cup").expect("it is listed")
    }
}

fn categories(first: u32, last: u32) -> api::ListTournamentsRequest {
    api::ListTournamentsRequest {
        category_start: Some(first),
        category_end: Some(last),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let game = Game::with_board(NewLeaderboard { ..board("cup") }).await;
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.join().await), ErrorCode::NotFound, "a leaderboard is no tournament");
    assert_eq!(code(ada.compete(1).await), ErrorCode::NotFound);
    assert_eq!(code(ada.standings(&[], None).await), ErrorCode::NotFound);
    assert_eq!(code(ada.neighbours(None).await), ErrorCode::NotFound);
    assert_eq!(code(ada.leave().await), ErrorCode::NotFound);
    game.services.leaderboards().delete_board("cup").await.unwrap();
    assert_eq!(code(ada.compete(1).await), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_tournament_is_shown_as_the_protocol_has_it() {
    let game = game(NewTournament {
        board: NewLeaderboard { metadata: r#"{"prize":5}"#, ..board("cup") },
        max_size: 10,
        max_num_score: 3,
        ..cup("cup")
    })
    .await;
    let ada = game.player("ada-ada").await;
    let now = Some(tavern_protocol::wkt::Timestamp { seconds: NOW, nanos: 0 });
    let second = |at: i64| u32::try_from(at).unwrap();
    let expected = api::Tournament {
        id: "cup".to_owned(),
        title: "Cup".to_owned(),
        description: "Big one".to_owned(),
        category: 17,
        sort_order: 1,
        size: 0,
        max_size: 10,
        max_num_score: 3,
        can_enter: true,
        end_active: second(NOW + HOUR),
        next_reset: 0,
        metadata: r#"{"prize": 5}"#.to_owned(),
        create_time: now,
        start_time: now,
        end_time: None,
        duration: second(HOUR),
        start_active: second(NOW),
        prev_reset: 0,
        operator: 1,
        authoritative: false,
        join_required: false,
    };
    let list = ada.tournaments(categories(17, 17)).await.unwrap();
    assert_eq!(list.tournaments, [expected]);
    assert!(ada.tournaments(categories(18, 19)).await.unwrap().tournaments.is_empty());
    assert_eq!(ada.standings(&[], None).await.unwrap(), api::TournamentRecordList::default());
    game.services
        .leaderboards()
        .create_tournament(&NewTournament { category: 0, ..cup("second") })
        .await
        .unwrap();
    let unlimited = ada.tournaments(categories(0, 0)).await.unwrap().tournaments.remove(0);
    assert_eq!((unlimited.max_size, unlimited.max_num_score), (2_147_483_647, 1_000_000));
}

#[tokio::test]
async fn lists_are_paged_and_checked() {
    let game = game(cup("cup")).await;
    let ada = game.player("ada-ada").await;
    for id in ["a", "b", "c"] {
        game.services.leaderboards().create_tournament(&cup(id)).await.unwrap();
    }
    let page = |limit, cursor: &str| api::ListTournamentsRequest {
        limit: Some(limit),
        cursor: cursor.to_owned(),
        ..Default::default()
    };
    let ids = |list: &api::TournamentList| {
        list.tournaments.iter().map(|t| t.id.clone()).collect::<Vec<_>>()
    };
    let first = ada.tournaments(page(3, "")).await.unwrap();
    assert_eq!(ids(&first), ["a", "b", "c"]);
    let second = ada.tournaments(page(3, &first.cursor)).await.unwrap();
    assert_eq!((ids(&second), second.cursor.as_str()), (vec!["cup".to_owned()], ""));
    let window = |start, end| api::ListTournamentsRequest {
        start_time: Some(start),
        end_time: Some(end),
        ..Default::default()
    };
    for bad in [
        page(0, ""),
        page(101, ""),
        page(3, "bad"),
        categories(5, 4),
        categories(0, 128),
        window(2_000, 1_000),
    ] {
        let refused = code(ada.tournaments(bad.clone()).await);
        assert_eq!(refused, ErrorCode::InvalidArgument, "{bad:?}");
    }
    assert_eq!(ids(&ada.tournaments(window(0, 0)).await.unwrap()).len(), 4, "endless ones");
    assert!(ids(&ada.tournaments(window(0, 2_000_000_000)).await.unwrap()).is_empty());
    let future =
        api::ListTournamentsRequest { start_time: Some(1_900_000_000), ..Default::default() };
    assert!(ids(&ada.tournaments(future).await.unwrap()).is_empty());
}

#[tokio::test]
async fn every_write_counts() {
    let game = game(NewTournament { max_num_score: 2, ..cup("cup") }).await;
    let players = game.players(["ada-ada", "bob-bob"]).await;
    let [ada, bob] = &players[..] else { panic!("two players") };
    bob.compete(20).await.unwrap();
    let first = ada.compete(10).await.unwrap();
    assert_eq!((first.rank, first.num_score, first.max_num_score), (2, 1, 2));
    let second = ada.compete(5).await.unwrap();
    assert_eq!((second.score, second.num_score), (10, 2), "no better, but counted");
    assert_eq!(code(ada.compete(30).await), ErrorCode::FailedPrecondition, "no attempts left");
    let leaderboards = game.services.leaderboards();
    let owner = ada.id.parse().unwrap();
    leaderboards.add_attempts("cup", owner, 1).await.unwrap();
    let third = ada.compete(30).await.unwrap();
    assert_eq!((third.score, third.rank, third.max_num_score), (30, 1, 3));
    let list = ada.standings(&[ada], None).await.unwrap();
    assert_eq!(shown(&list.records), [("ada-ada", 30, 1), ("bob-bob", 20, 2)]);
    assert_eq!(
        shown(&list.owner_records),
        [("ada-ada", 30, 1)],
        "a page as well, without a cursor"
    );
    let around = ada.neighbours(None).await.unwrap();
    assert_eq!(shown(&around.records), shown(&list.records));
    // The way of the leaderboards leads around no rule.
    let new = NewScore {
        board: "cup",
        owner,
        username: "",
        score: 99,
        subscore: 0,
        metadata: "",
        operator: None,
    };
    let refused = leaderboards.write(Writer::Player, new).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::FailedPrecondition);
}

#[tokio::test]
async fn joining_comes_first_where_it_must() {
    let game =
        game(NewTournament { join_required: true, max_size: 1, max_num_score: 1, ..cup("cup") })
            .await;
    let players = game.players(["ada-ada", "bob-bob"]).await;
    let [ada, bob] = &players[..] else { panic!("two players") };
    assert_eq!(code(ada.compete(10).await), ErrorCode::FailedPrecondition, "not joined");
    ada.join().await.unwrap();
    ada.join().await.unwrap();
    assert_eq!(code(bob.join().await), ErrorCode::InvalidArgument, "full");
    let list = ada.standings(&[], None).await.unwrap();
    assert_eq!(shown(&list.records), [("ada-ada", 0, 1)]);
    assert_eq!((list.records[0].num_score, list.rank_count), (0, 1));
    assert_eq!(ada.compete(10).await.unwrap().num_score, 1);
    let again = ada.compete(20).await.unwrap();
    assert_eq!((again.score, again.num_score), (10, 1), "the record stays, without an error");
    let shown = ada.the_cup().await;
    assert_eq!((shown.size, shown.can_enter, shown.join_required), (1, false, true));
}

#[tokio::test]
async fn leaving_frees_the_place() {
    let game = game(NewTournament { max_size: 1, ..cup("cup") }).await;
    let players = game.players(["ada-ada", "bob-bob"]).await;
    let [ada, bob] = &players[..] else { panic!("two players") };
    ada.join().await.unwrap();
    assert_eq!(ada.the_cup().await.size, 0, "nobody must join");
    ada.compete(1).await.unwrap();
    assert_eq!(code(bob.compete(2).await), ErrorCode::FailedPrecondition, "full");
    assert_eq!(ada.the_cup().await.size, 1);
    ada.leave().await.unwrap();
    assert_eq!(ada.standings(&[], None).await.unwrap(), api::TournamentRecordList::default());
    bob.compete(2).await.unwrap();
    assert_eq!(ada.the_cup().await.size, 1);
}

#[tokio::test]
async fn scores_are_accepted_only_while_it_is_on() {
    let later = NewTournament { start_time: NOW + 5_000, end_time: NOW + 20_000, ..cup("cup") };
    let game = game(later).await;
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.compete(1).await), ErrorCode::FailedPrecondition, "not begun");
    ada.join().await.unwrap();
    assert!(!ada.the_cup().await.can_enter);
    game.world.clock.advance_seconds(5_000);
    let ada = game.player("ada-ada").await;
    let record = ada.compete(1).await.unwrap();
    assert_eq!(record.expiry_time.unwrap().seconds, NOW + 20_000);
    game.world.clock.advance_seconds(HOUR);
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.compete(2).await), ErrorCode::FailedPrecondition, "an hour is over");
    assert_eq!(ada.standings(&[], None).await.unwrap().records.len(), 1, "but not ended");
    game.world.clock.advance_seconds(20_000);
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.standings(&[], None).await), ErrorCode::NotFound, "ended");
    assert_eq!(code(ada.compete(2).await), ErrorCode::NotFound);
    let past = ada.standings(&[], Some(NOW + 20_000)).await.unwrap();
    assert_eq!(past.records.len(), 1, "the records of a period that is named stay");
    assert!(
        ada.tournaments(api::ListTournamentsRequest::default())
            .await
            .unwrap()
            .tournaments
            .is_empty()
    );
}

#[tokio::test]
async fn only_the_server_writes_in_authoritative_ones() {
    let new = NewTournament {
        board: NewLeaderboard { authoritative: true, ..board("cup") },
        ..cup("cup")
    };
    let game = game(new).await;
    let ada = game.player("ada-ada").await;
    assert_eq!(code(ada.compete(1).await), ErrorCode::PermissionDenied);
    let new = NewScore {
        board: "cup",
        owner: ada.id.parse().unwrap(),
        username: &ada.name,
        score: 12,
        subscore: 0,
        metadata: "",
        operator: None,
    };
    let written = game.services.leaderboards().write_tournament(Writer::Server, new).await;
    assert_eq!(written.unwrap().record.score, 12);
    assert_eq!(code(ada.leave().await), ErrorCode::PermissionDenied);
    assert_eq!(shown(&ada.standings(&[], None).await.unwrap().records), [("ada-ada", 12, 1)]);
}

#[tokio::test]
async fn server_code_does_it_all() {
    use std::sync::Arc;

    use tavern_api::ServerHost;
    use tavern_runtime_hooks::host::{
        TournamentAddAttempt, TournamentCreate, TournamentDelete, TournamentJoin, TournamentList,
        TournamentRanksDisable, TournamentRecordDelete, TournamentRecordWrite as Write,
        TournamentRecordsHaystack, TournamentRecordsList, TournamentsGetId, TournamentsHost as _,
    };
    let game = Game::new();
    let host = ServerHost::new(Arc::clone(&game.services));
    let ada = game.player("ada-ada").await;
    let owner = ada.id.parse().unwrap();
    let id = || "cup".to_owned();
    let new = TournamentCreate {
        id: id(),
        duration: Some(HOUR),
        join_required: Some(true),
        max_num_score: Some(1),
        enable_ranks: Some(true),
        ..TournamentCreate::default()
    };
    host.tournament_create(new.clone()).await.unwrap();
    for bad in [
        TournamentCreate { duration: None, ..new.clone() },
        TournamentCreate { duration: Some(-5), ..new.clone() },
        TournamentCreate { category: Some(128), ..new.clone() },
        TournamentCreate { category: Some(-1), ..new.clone() },
        TournamentCreate { start_time: Some(-1), ..new.clone() },
        TournamentCreate { end_time: Some(NOW - 1), ..new.clone() },
        TournamentCreate {
            end_time: Some(NOW + 5),
            reset_schedule: Some("@daily".to_owned()),
            ..new.clone()
        },
        TournamentCreate { max_size: Some(i64::MAX), ..new.clone() },
        TournamentCreate { max_num_score: Some(-1), ..new.clone() },
        TournamentCreate { title: Some("x".repeat(256)), ..new.clone() },
    ] {
        let refused = host.tournament_create(bad.clone()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument, "{bad:?}");
    }
    assert_eq!(code(ada.compete(1).await), ErrorCode::PermissionDenied, "authoritative by default");
    let join = TournamentJoin { id: id(), user_id: owner, username: "ada".to_owned() };
    host.tournament_join(join).await.unwrap();
    let write = Write { id: id(), owner_id: owner, score: Some(5), ..Write::default() };
    assert_eq!(host.tournament_record_write(write.clone()).await.unwrap().score, 5);
    let more = TournamentAddAttempt { id: id(), owner_id: owner, count: 2 };
    host.tournament_add_attempt(more.clone()).await.unwrap();
    let none = host.tournament_add_attempt(TournamentAddAttempt { count: 0, ..more }).await;
    assert_eq!(none.unwrap_err().code, ErrorCode::InvalidArgument);
    let write = Write { score: Some(9), operator: Some("set".to_owned()), ..write };
    let record = host.tournament_record_write(write).await.unwrap();
    assert_eq!((record.score, record.num_score, record.max_num_score, record.rank), (9, 2, 3, 1));
    let listed =
        TournamentRecordsList { tournament_id: id(), limit: Some(5), ..Default::default() };
    let listed = host.tournament_records_list(listed).await.unwrap().records;
    assert_eq!(listed, std::slice::from_ref(&record));
    let around = TournamentRecordsHaystack { id: id(), owner_id: owner, ..Default::default() };
    assert_eq!(host.tournament_records_haystack(around).await.unwrap().records, [record]);
    let list = host.tournament_list(TournamentList::default()).await.unwrap();
    let [cup] = &list.tournaments[..] else { panic!("one tournament: {list:?}") };
    assert_eq!((cup.join_required, cup.authoritative, cup.end_time), (true, true, 0));
    assert_eq!((cup.start_active, cup.end_active), (NOW, NOW + HOUR));
    let ids = Some(vec![id()]);
    let got = host.tournaments_get_id(TournamentsGetId { tournament_ids: ids }).await.unwrap();
    assert_eq!(got, list.tournaments);
    host.tournament_record_delete(TournamentRecordDelete { id: id(), owner_id: owner })
        .await
        .unwrap();
    host.tournament_ranks_disable(TournamentRanksDisable { id: id() }).await.unwrap();
    host.tournament_delete(TournamentDelete { id: id() }).await.unwrap();
    host.tournament_delete(TournamentDelete { id: id() }).await.unwrap();
    // A leaderboard of that name is left alone, and the name is taken.
    game.services.leaderboards().create_leaderboard(&board("cup")).await.unwrap();
    host.tournament_delete(TournamentDelete { id: id() }).await.unwrap();
    let taken = host.tournament_create(new).await.unwrap_err();
    assert_eq!(taken.code, ErrorCode::InvalidArgument);
}

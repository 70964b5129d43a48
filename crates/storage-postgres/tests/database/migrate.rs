//! Migrating: up, down, again, at once, and databases that somebody else has made.

use futures_util::future::join_all;
use tavern_embedded_postgres::testkit::{TestDatabase, TestServer};
use tavern_storage_postgres::{
    Address, Done, MigrateError, Migrator, PoolConfig, StepState, Verdict, storage, testkit,
};

use crate::support::{database, empty_database, migrator, run, texts};

const FIRST: &str = "0001_public_tables";
const OPTIONAL: &str = "0002_display_name_search";

/// A database as Nakama leaves it: its tables, and none of ours.
async fn nakamas() -> TestDatabase {
    let database = database().await;
    run(
        &database,
        "DROP TABLE tavern_leaderboard_schedule, tavern_obligation, tavern_revocation,
             tavern_token_revocation, tavern_migration, tavern_lock;
         INSERT INTO users (id, username) VALUES (gen_random_uuid(), 'ada')",
    )
    .await;
    database
}

async fn tables(database: &TestDatabase, like: &str) -> Vec<String> {
    let sql = format!(
        "SELECT tablename::text FROM pg_tables \
         WHERE schemaname = 'public' AND tablename LIKE '{like}' ORDER BY 1"
    );
    texts(database, &sql).await
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, MigrateError>) -> Verdict {
    match outcome {
        Err(MigrateError::Refused(verdict)) => verdict,
        other => panic!("not refused: {other:?}"),
    }
}

async fn states(migrator: &Migrator) -> Vec<StepState> {
    migrator.status().await.unwrap().into_iter().map(|step| step.state).collect()
}

#[tokio::test]
async fn all_steps_lead_up_and_none_is_left_to_do() {
    let database = empty_database().await;
    let mut migrator = migrator(&database).await;
    assert!(
        matches!(refused(migrator.verify().await), Verdict::Pending { steps } if steps[0] == FIRST)
    );
    assert!(
        states(&migrator)
            .await
            .iter()
            .all(|state| { matches!(state, StepState::Pending | StepState::Optional) })
    );
    let done = migrator.up(None).await.unwrap();
    assert_eq!(done[0], (FIRST, Done::Applied));
    assert_eq!(done.len(), migrator.status().await.unwrap().len());
    migrator.verify().await.unwrap();
    let again = migrator.up(None).await.unwrap();
    assert!(again.iter().all(|step| *step == (OPTIONAL, Done::LeftOut)), "{again:?}");
    assert_eq!(tables(&database, "%").await.len(), 26);
}

#[tokio::test]
async fn steps_can_be_taken_one_by_one() {
    let database = empty_database().await;
    let mut migrator = migrator(&database).await;
    assert_eq!(migrator.up(Some(1)).await.unwrap(), [(FIRST, Done::Applied)]);
    assert_eq!(tables(&database, "tavern\\_%").await, ["tavern_lock", "tavern_migration"]);
    assert!(matches!(refused(migrator.verify().await), Verdict::Pending { .. }));
    migrator.up(None).await.unwrap();
    let done = migrator.down(3).await.unwrap();
    let reverted = ["0006_token_revocations", "0005_leaderboard_schedules", "0004_revocations"];
    assert_eq!(done, reverted.map(|step| (step, Done::Reverted)));
    assert!(tables(&database, "tavern\\_revocation").await.is_empty());
    let done = migrator.redo().await.unwrap();
    let again = [("0003_obligations", Done::Reverted), ("0003_obligations", Done::Applied)];
    assert_eq!(done, again);
    migrator.up(None).await.unwrap();
    migrator.verify().await.unwrap();
}

#[tokio::test]
async fn what_nobody_uses_can_be_undone_whole_and_made_again() {
    let database = database().await;
    let mut migrator = migrator(&database).await;
    let done = migrator.down(usize::MAX).await.unwrap();
    assert_eq!(done.last(), Some(&(FIRST, Done::Reverted)));
    assert_eq!(tables(&database, "%").await, ["tavern_lock", "tavern_migration"]);
    assert_eq!(migrator.down(1).await.unwrap(), []);
    migrator.up(None).await.unwrap();
    migrator.verify().await.unwrap();
}

#[tokio::test]
async fn undoing_never_drops_what_players_own() {
    for (table, row) in [
        ("users", "INSERT INTO users (id, username) VALUES (gen_random_uuid(), 'ada')"),
        ("setting", "INSERT INTO setting (name) VALUES ('other')"),
        ("user_tombstone", "INSERT INTO user_tombstone (user_id) VALUES (gen_random_uuid())"),
    ] {
        let database = database().await;
        run(&database, row).await;
        let mut migrator = migrator(&database).await;
        assert_eq!(refused(migrator.down(usize::MAX).await), Verdict::InUse { table });
        // The steps before it were undone; what is left is whole.
        assert_eq!(tables(&database, "%").await.len(), 22);
        migrator.up(None).await.unwrap();
        migrator.verify().await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once_do_it_once() {
    let database = empty_database().await;
    let migrators = join_all((0..8).map(|_| migrator(&database))).await;
    let outcomes = join_all(migrators.into_iter().map(async |mut migrator| {
        let done = migrator.up(None).await.unwrap();
        migrator.verify().await.unwrap();
        done
    }))
    .await;
    let applied: Vec<_> =
        outcomes.into_iter().flatten().filter(|(_, done)| *done == Done::Applied).collect();
    let mut steps: Vec<_> = applied.iter().map(|(id, _)| *id).collect();
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(steps.len(), applied.len(), "no step twice: {applied:?}");
    assert_eq!(texts(&database, "SELECT id FROM migration_info").await.len(), 19);
}

#[tokio::test]
async fn a_database_of_nakamas_is_adopted_and_given_back() {
    let database = nakamas().await;
    let before = tables(&database, "%").await;
    let mut migrator = migrator(&database).await;
    let done = migrator.up(None).await.unwrap();
    assert_eq!(done[0], (FIRST, Done::Adopted));
    assert!(matches!(states(&migrator).await[0], StepState::Adopted(_)));
    migrator.verify().await.unwrap();
    let pool = testkit::pool(&database.url());
    let found = storage(&pool).accounts.find_by_username("ada", true).await.unwrap();
    assert_eq!(found.unwrap().username, "ada");
    pool.close();
    // Back: what is ours goes, what was theirs stays.
    let done = migrator.down(usize::MAX).await.unwrap();
    assert_eq!(done.last(), Some(&(FIRST, Done::Forgotten)));
    let mut left = tables(&database, "%").await;
    left.retain(|table| !["tavern_lock", "tavern_migration"].contains(&table.as_str()));
    assert_eq!(left, before);
    assert_eq!(texts(&database, "SELECT username FROM users ORDER BY 1").await, ["", "ada"]);
}

#[tokio::test]
async fn databases_that_are_not_as_they_should_be_are_refused_untouched() {
    for (damage, verdict) in [
        ("ALTER TABLE users DROP COLUMN wallet", Verdict::MissingColumn { column: "users.wallet" }),
        ("DROP TABLE user_device", Verdict::MissingColumn { column: "user_device.id" }),
        (
            "ALTER TABLE message ALTER COLUMN username TYPE text",
            Verdict::WrongType {
                column: "message.username",
                found: "text".to_owned(),
                expected: "character varying(128)",
            },
        ),
        (
            "INSERT INTO migration_info (id) VALUES ('20270101000000-new.sql')",
            Verdict::NewerNakama { row: "20270101000000-new.sql".to_owned() },
        ),
        (
            "DELETE FROM migration_info WHERE id LIKE '2026%'",
            Verdict::OlderNakama { row: "20260319134532-add-display-name-index.sql" },
        ),
    ] {
        let database = nakamas().await;
        run(&database, damage).await;
        let mut migrator = migrator(&database).await;
        assert_eq!(refused(migrator.up(None).await), verdict, "{damage}");
        assert_eq!(refused(migrator.verify().await), verdict, "{damage}");
        assert_eq!(refused(migrator.down(1).await), verdict, "{damage}");
        assert!(tables(&database, "tavern\\_%").await.is_empty(), "{damage}: nothing was made");
    }
}

#[tokio::test]
async fn a_schema_of_ours_that_is_newer_or_damaged_is_refused() {
    for (damage, verdict) in [
        (
            "INSERT INTO tavern_migration (id) VALUES ('9999_later')",
            Verdict::NewerTavern { row: "9999_later".to_owned() },
        ),
        (
            "DROP TABLE tavern_revocation",
            Verdict::MissingColumn { column: "tavern_revocation.user_id" },
        ),
        ("ALTER TABLE users DROP COLUMN wallet", Verdict::MissingColumn { column: "users.wallet" }),
    ] {
        let database = database().await;
        run(&database, damage).await;
        let mut migrator = migrator(&database).await;
        assert_eq!(refused(migrator.verify().await), verdict, "{damage}");
        assert_eq!(refused(migrator.up(None).await), verdict, "{damage}");
        assert!(!verdict.to_string().is_empty());
    }
}

#[tokio::test]
async fn tables_of_something_else_are_left_alone() {
    let database = empty_database().await;
    run(&database, "CREATE TABLE groups (id integer); CREATE TABLE other (id integer)").await;
    let mut migrator = migrator(&database).await;
    assert_eq!(refused(migrator.up(None).await), Verdict::InTheWay { table: "groups" });
    assert_eq!(tables(&database, "%").await, ["groups", "other"]);
}

#[tokio::test]
async fn foreign_tables_and_columns_beside_ours_do_not_matter() {
    let database = nakamas().await;
    run(&database, "CREATE TABLE other (id integer); ALTER TABLE users ADD COLUMN more text").await;
    let mut migrator = migrator(&database).await;
    migrator.up(None).await.unwrap();
    migrator.verify().await.unwrap();
}

#[tokio::test]
async fn a_database_that_does_not_exist_can_be_made() {
    let server = TestServer::shared().await;
    let gone = server.empty_database().await;
    let (name, url) = (gone.name().to_owned(), gone.url());
    drop(gone);
    let address: Address = url.parse().unwrap();
    let config = PoolConfig::new(vec![address]);
    assert!(matches!(Migrator::connect(&config).await, Err(MigrateError::Connect(_))));
    let (one, two) =
        tokio::join!(Migrator::connect_or_create(&config), Migrator::connect_or_create(&config));
    let mut one = one.unwrap();
    one.up(None).await.unwrap();
    two.unwrap().verify().await.unwrap();
    one.close().await;
    let drop_it = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
    crate::support::with(server.url(), async |c| c.batch_execute(&drop_it).await.unwrap()).await;
}

#[tokio::test]
async fn a_missing_extension_leaves_its_step_out() {
    let database = empty_database().await;
    let mut migrator = migrator(&database).await;
    let done = migrator.up(None).await.unwrap();
    let available = "SELECT name::text FROM pg_available_extensions WHERE name = 'pg_trgm'";
    let there = !texts(&database, available).await.is_empty();
    let expected = if there { Done::Applied } else { Done::LeftOut };
    assert!(done.contains(&(OPTIONAL, expected)), "{done:?}");
    let index = "SELECT 'x' FROM pg_indexes WHERE indexname = 'users_display_name_idx'";
    assert_eq!(texts(&database, index).await.len(), usize::from(there));
    migrator.verify().await.unwrap();
}

//! The catalogue of a freshly migrated database is the one that Nakama makes, and our own tables.

use crate::support;

/// The snapshot that the crate also checks foreign databases against.
const SNAPSHOT: &str = include_str!("../../src/migrate/schema.txt");

const CATALOGUE: &str = "
    SELECT line FROM (
        SELECT c.relname::text AS t, 1 AS k, a.attnum::integer AS n, '' AS m,
            c.relname || '.' || a.attname || ': ' || format_type(a.atttypid, a.atttypmod)
                || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
                || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.relname, 2, 0, k.conname,
            r.relname || ' constraint ' || k.conname || ': ' || pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid
        WHERE r.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'f', 'c')
        UNION ALL
        SELECT tablename, 3, 0, indexname,
            tablename || ' index ' || indexname || ': ' || indexdef
        FROM pg_indexes WHERE schemaname = 'public'
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
    ) lines ORDER BY t COLLATE \"C\", k, n, m COLLATE \"C\"";

#[tokio::test]
async fn a_migrated_database_is_as_the_snapshot_says() {
    let database = support::database().await;
    let available = "SELECT name::text FROM pg_available_extensions WHERE name = 'pg_trgm'";
    let with_trigrams = !support::texts(&database, available).await.is_empty();
    let expected: Vec<&str> =
        SNAPSHOT.lines().filter(|line| with_trigrams || !line.contains("gin_trgm_ops")).collect();
    let found = support::texts(&database, CATALOGUE).await;
    for line in &expected {
        assert!(found.iter().any(|found| found == line), "missing: {line}");
    }
    for line in &found {
        assert!(expected.contains(&line.as_str()), "unexpected: {line}");
    }
    assert_eq!(found, expected, "the order of the columns");
}

#[tokio::test]
async fn the_rows_that_nakama_expects_are_there() {
    let database = support::database().await;
    let users = "SELECT id || username || lang_tag || metadata || wallet FROM users";
    let users = support::texts(&database, users).await;
    assert_eq!(users, ["00000000-0000-0000-0000-000000000000en{}{}"]);
    let settings = "SELECT name || ' ' || value FROM setting";
    assert_eq!(support::texts(&database, settings).await, ["utc_toggle false"]);
    let noted = support::texts(&database, "SELECT id FROM migration_info ORDER BY id").await;
    assert_eq!(noted.len(), 19);
    assert_eq!(noted[0], "20180103142001_initial_schema.sql");
    assert_eq!(noted[18], "20260319134532-add-display-name-index.sql");
}

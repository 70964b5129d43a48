//! What is in a database, compared with what should be.

use std::collections::BTreeMap;

use tavern_domain::Timestamp;
use tokio_postgres::Client;

use super::error::{MigrateError, Verdict};
use super::steps::STEPS;
use crate::values::Time;

/// The catalogue of a migrated database, line by line: `table.column: type ...`,
/// `table constraint name: definition`, `table index name: definition`.
const SCHEMA: &str = include_str!("schema.txt");

/// The steps of Nakama 3.40, as it notes them.
const NAKAMA_STEPS: [&str; 19] = [
    "20180103142001_initial_schema.sql",
    "20180805174141-tournaments.sql",
    "20200116134800-facebook-instant-games.sql",
    "20200615102232-apple.sql",
    "20201005180855-console.sql",
    "20210416090601-purchase.sql",
    "20220426122825-subscription.sql",
    "20221027145900-subscription-raw-columns.sql",
    "20230222172540-purchases-not-null-uid-1.sql",
    "20230222172540-purchases-not-null-uid-2.sql",
    "20230706095800-leaderboard-list-index.sql",
    "20240715155039-leaderboard-rank-enable.sql",
    "20240725115145-purchase-index-change.sql",
    "20240801100859-add-console-user-mfa.sql",
    "20250113112512_add_user_edge_metadata.sql",
    "20250703094700-add-console-settings.sql",
    "20250926112031-console-fine-grained-acl.sql",
    "20251015150737-add-user-notes-audit-acl-templates.sql",
    "20260319134532-add-display-name-index.sql",
];

/// A column and its type.
struct Column {
    /// Table and column.
    name: &'static str,
    table: &'static str,
    kind: &'static str,
}

fn columns() -> impl Iterator<Item = Column> {
    SCHEMA.lines().filter_map(|line| {
        let (name, definition) = line.split_once(": ")?;
        let (table, _) = name.split_once('.').filter(|_| !name.contains(' '))?;
        let end = [" not null", " default "]
            .iter()
            .filter_map(|word| definition.find(word))
            .min()
            .unwrap_or(definition.len());
        Some(Column { name, table, kind: &definition[..end] })
    })
}

/// Whether a table is Nakama's, too.
fn is_public(table: &str) -> bool {
    !table.starts_with("tavern_")
}

/// The step that makes a table of our own.
fn maker(table: &str) -> Option<&'static str> {
    let making = format!("CREATE TABLE {table} (");
    STEPS.iter().find(|step| step.up.contains(&making)).map(|step| step.id)
}

/// Who has made the public tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Nobody: there are none.
    Empty,
    /// Nakama 3.40.
    MadeByNakama,
    /// We, or we have adopted them.
    Ours,
}

/// A note about an applied step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Applied {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) adopted: bool,
}

/// What is in a database.
#[derive(Debug)]
pub(super) struct Found {
    /// Types of columns by `table.column`.
    columns: BTreeMap<String, String>,
    display_name_index: bool,
    applied: Vec<Applied>,
    nakama: Vec<String>,
}

impl Found {
    pub(super) async fn read(client: &Client) -> Result<Self, MigrateError> {
        let rows = client
            .query(
                "SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) \
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') \
                     AND a.attnum > 0 AND NOT a.attisdropped",
                &[],
            )
            .await?;
        let mut found = Self {
            columns: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
            display_name_index: false,
            applied: Vec::new(),
            nakama: Vec::new(),
        };
        if found.has_books() {
            let rows = client
                .query("SELECT id, applied_at, adopted FROM tavern_migration ORDER BY id", &[])
                .await?;
            let applied = rows.iter().map(|row| Applied {
                id: row.get(0),
                at: row.get::<_, Time>(1).0,
                adopted: row.get(2),
            });
            found.applied = applied.collect();
        }
        if found.has_table("migration_info") {
            let rows = client.query("SELECT id FROM migration_info ORDER BY id", &[]).await?;
            found.nakama = rows.iter().map(|row| row.get(0)).collect();
        }
        let index = "SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() \
                     AND tablename = 'users' AND indexname = 'users_display_name_idx'";
        found.display_name_index = client.query_opt(index, &[]).await?.is_some();
        Ok(found)
    }

    fn has_table(&self, table: &str) -> bool {
        let first = format!("{table}.");
        self.columns.range(first.clone()..).next().is_some_and(|(name, _)| name.starts_with(&first))
    }

    /// Whether it was ever migrated by us.
    pub(super) fn has_books(&self) -> bool {
        self.has_table("tavern_migration") && self.has_table("tavern_lock")
    }

    pub(super) fn has_display_name_index(&self) -> bool {
        self.display_name_index
    }

    pub(super) fn applied(&self, id: &str) -> Option<&Applied> {
        self.applied.iter().find(|applied| applied.id == id)
    }

    /// Whether a step may be applied or undone, or a server started: everything that should be
    /// there is, and nothing is there that nobody here knows.
    pub(super) fn check(&self) -> Result<Standing, Verdict> {
        let known = |id: &str| STEPS.iter().any(|step| step.id == id);
        if let Some(unknown) = self.applied.iter().find(|applied| !known(&applied.id)) {
            return Err(Verdict::NewerTavern { row: unknown.id.clone() });
        }
        if let Some(unknown) = self.nakama.iter().find(|id| !NAKAMA_STEPS.contains(&id.as_str())) {
            return Err(Verdict::NewerNakama { row: unknown.clone() });
        }
        let ours = self.applied(STEPS[0].id).is_some();
        if !ours && self.nakama.is_empty() {
            let in_the_way = columns().find(|column| {
                self.has_table(column.table)
                    && ({ is_public(column.table) || maker(column.table).is_some() })
            });
            return match in_the_way {
                Some(column) => Err(Verdict::InTheWay { table: column.table }),
                None => Ok(Standing::Empty),
            };
        }
        let noted = |id: &&&str| !self.nakama.iter().any(|row| row == **id);
        if let Some(row) = NAKAMA_STEPS.iter().find(noted) {
            return Err(Verdict::OlderNakama { row });
        }
        for column in columns() {
            let expected = is_public(column.table)
                || maker(column.table).is_some_and(|step| self.applied(step).is_some());
            if expected {
                self.check_column(&column)?;
            }
        }
        Ok(if ours { Standing::Ours } else { Standing::MadeByNakama })
    }

    fn check_column(&self, column: &Column) -> Result<(), Verdict> {
        match self.columns.get(column.name) {
            None => Err(Verdict::MissingColumn { column: column.name }),
            Some(found) if found != column.kind => Err(Verdict::WrongType {
                column: column.name,
                found: found.clone(),
                expected: column.kind,
            }),
            Some(_) => Ok(()),
        }
    }
}

/// A public table with rows that no step has put there.
pub(super) async fn table_in_use(client: &Client) -> Result<Option<&'static str>, MigrateError> {
    let mut tables: Vec<&'static str> =
        columns().map(|column| column.table).filter(|table| is_public(table)).collect();
    tables.dedup();
    for table in tables {
        let ours = match table {
            "users" => "id = '00000000-0000-0000-0000-000000000000'",
            "setting" => "name = 'utc_toggle'",
            // Every row is known, or the database would have been refused.
            "migration_info" => "true",
            _ => "false",
        };
        let question = format!("SELECT 1 FROM {table} WHERE NOT ({ours}) LIMIT 1");
        if client.query_opt(&question, &[]).await?.is_some() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_from_the_snapshot() {
        let kinds: BTreeMap<_, _> = columns().map(|column| (column.name, column.kind)).collect();
        assert_eq!(kinds["users.username"], "character varying(128)");
        assert_eq!(kinds["users.create_time"], "timestamp with time zone");
        assert_eq!(kinds["user_edge.position"], "bigint");
        let tables: std::collections::BTreeSet<_> = columns().map(|column| column.table).collect();
        assert_eq!(tables.iter().filter(|table| is_public(table)).count(), 20);
    }

    #[test]
    fn every_table_of_our_own_has_a_step() {
        let kept = ["tavern_migration", "tavern_lock"];
        for column in columns().filter(|column| !is_public(column.table)) {
            assert_eq!(
                maker(column.table).is_none(),
                kept.contains(&column.table),
                "{}",
                column.name
            );
        }
    }

    #[test]
    fn the_first_step_notes_what_nakama_would() {
        for id in NAKAMA_STEPS {
            assert!(STEPS[0].up.contains(&format!("('{id}')")), "{id}");
        }
    }
}

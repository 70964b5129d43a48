//! Asking an index.

use std::sync::Arc;

use tavern_domain::UserId;
use tavern_search::Query;
use tavern_storage::{Object, ObjectRights};
use tokio::time::Instant;

use crate::cursor;
use crate::error::IndexError;
use crate::indexes::Indexes;
use crate::message::Change;
use crate::order::Order;
use crate::shelf::{Entry, Name, Search, Shelf};

/// Most objects on a page.
pub const MAX_LIMIT: u32 = 10_000;

/// What an index is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListQuery<'a> {
    /// The name of the index.
    pub index: &'a str,
    /// A query of `tavern-search`, up to 4,096 bytes; empty for everything.
    pub query: &'a str,
    /// What the list is ordered by, up to [`MAX_ORDER`](crate::MAX_ORDER): `create_time`,
    /// `update_time`, `_score` or `value.<sortable field>`, with `-` before it for descending
    /// order. Without, what matches best is first. Equals are in the order of keys and owners.
    pub order: &'a [String],
    /// Objects on a page, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// Whose rights decide what is seen; `None` for the server's.
    pub caller: Option<UserId>,
    /// Where to go on; empty begins at the first object.
    pub cursor: &'a str,
}

/// Some of what an index has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The objects, in order. In an index that answers itself their values have the fields of the
    /// index alone.
    pub objects: Vec<Object>,
    /// Where the next page begins; `None` on the last.
    pub cursor: Option<String>,
}

impl Indexes {
    /// Asks an index. What is written or deleted between two pages moves nothing else. Changes
    /// nothing; safe to drop half-way.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn list(&self, query: ListQuery<'_>) -> Result<Page, IndexError> {
        let shelf = self.named(query.index)?;
        let limit = u32::try_from(query.limit).ok().filter(|n| (1..=MAX_LIMIT).contains(n));
        let limit = limit.ok_or(IndexError::Limit)?;
        let order = Order::read(&shelf.definition, query.order)?;
        let about = cursor::about(&query);
        let after = match query.cursor {
            "" => None,
            text => Some(cursor::read(&about, order.len(), text).map_err(IndexError::Cursor)?),
        };
        let search = Search {
            query: Query::parse(query.query).map_err(IndexError::Query)?,
            order,
            after,
            limit: limit as usize,
            caller: query.caller,
        };
        let found = shelf.search(search).await?;
        let cursor = found.more.map(|last| cursor::write(&about, &last));
        let objects = if shelf.index_only {
            found.entries.iter().map(|entry| of_index(&shelf, entry)).collect()
        } else {
            self.of_store(&shelf, query.caller, &found.entries).await?
        };
        Ok(Page { objects, cursor })
    }

    /// The objects of entries as the database has them now, in one query.
    async fn of_store(
        &self,
        shelf: &Shelf,
        caller: Option<UserId>,
        entries: &[Arc<Entry>],
    ) -> Result<Vec<Object>, IndexError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let collection = &*shelf.definition.collection;
        let name = |entry: &Entry| Name {
            collection: collection.to_owned(),
            key: entry.key.to_string(),
            user: entry.user,
        };
        let names: Vec<Name> = entries.iter().map(|entry| name(entry)).collect();
        let keys: Vec<_> = names.iter().map(Name::at).collect();
        let rights = caller.map_or(ObjectRights::Server, ObjectRights::Player);
        let objects = self.store.read(rights, &keys).await?;
        // Something has changed an object and told nobody: another program, perhaps.
        let mut stale = Vec::new();
        let mut read = objects.iter().peekable();
        for entry in entries {
            let fresh = read
                .next_if(|object| object.key == *entry.key && object.user == entry.user)
                .is_some_and(|object| object.version == *entry.version);
            if !fresh {
                stale.push(Change::Object(name(entry)));
            }
        }
        self.debts.owe(stale, Instant::now());
        Ok(objects)
    }
}

/// An object as the index has it.
fn of_index(shelf: &Shelf, entry: &Entry) -> Object {
    Object {
        collection: shelf.definition.collection.clone(),
        key: entry.key.to_string(),
        user: entry.user,
        value: entry.value.as_deref().unwrap_or("{}").to_owned(),
        version: entry.version.to_string(),
        read: entry.read,
        write: entry.write,
        create_time: entry.create_time,
        update_time: entry.update_time,
    }
}

//! Indexes over stored objects that modules register, and the functions that choose what is in
//! them.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::HashMap;
use serde::Serialize;
use tavern_domain::{ErrorCode, UserId};

use crate::context::HookContext;
use crate::error::{HookError, LoadError};
use crate::hooks::{Hooks, guarded};
use crate::registrar::{Entry, Registrar, insert};
use crate::value::{Json, Value, to_value};

/// Most indexes of a server.
pub const MAX_INDEXES: usize = 100;
/// Most fields of an index, and most fields that it can be ordered by.
pub const MAX_INDEX_FIELDS: usize = 64;
/// Most entries that an index can be given room for.
pub const MAX_INDEX_ENTRIES: u32 = 10_000_000;
/// Most characters of the name of an index, a collection, a key or a field.
const MAX_NAME_CHARS: usize = 128;

/// What an index is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSpec {
    /// Its name, 1 to 128 characters, by which it is asked.
    pub name: String,
    /// Whose objects are in it: a collection, 1 to 128 characters.
    pub collection: String,
    /// Of these, only those with this key, up to 128 characters; empty for all keys.
    pub key: String,
    /// The fields at the top of values that can be asked about, as `value.<field>` with all that is
    /// in them; 1 to [`MAX_INDEX_FIELDS`]. An object without any of them is not in the index.
    pub fields: Vec<String>,
    /// The fields that lists can be ordered by, up to [`MAX_INDEX_FIELDS`]; a dot leads into an
    /// object.
    pub sortable_fields: Vec<String>,
    /// How many objects it holds, 1 to [`MAX_INDEX_ENTRIES`]. When there are more, those that have
    /// not been changed for the longest time leave it.
    pub max_entries: i64,
    /// Whether lists take values from the index, which has the fields of the index alone, and do
    /// not ask the database.
    pub index_only: bool,
}

/// What an index is, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    spec: IndexSpec,
    room: u32,
}

impl IndexDefinition {
    /// Checks what an index is to be.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`]; the text says which part is outside its range.
    pub fn new(spec: IndexSpec) -> Result<Self, HookError> {
        let refused = |text: String| Err(HookError::new(ErrorCode::InvalidArgument, text));
        for (what, name) in [("name", &spec.name), ("collection", &spec.collection)] {
            if !is_name(name) {
                return refused(format!(
                    "the {what} of a storage index must have 1 to {MAX_NAME_CHARS} characters"
                ));
            }
        }
        let name = &spec.name;
        if !spec.key.is_empty() && !is_name(&spec.key) {
            return refused(format!(
                "the key of the storage index {name:?} must have at most {MAX_NAME_CHARS} characters"
            ));
        }
        let (fields, sortable) = (&spec.fields, &spec.sortable_fields);
        if fields.is_empty() || fields.len() > MAX_INDEX_FIELDS {
            return refused(format!(
                "the storage index {name:?} must have 1 to {MAX_INDEX_FIELDS} fields"
            ));
        }
        if sortable.len() > MAX_INDEX_FIELDS {
            return refused(format!(
                "the storage index {name:?} must have at most {MAX_INDEX_FIELDS} sortable fields"
            ));
        }
        if !fields.iter().chain(sortable).all(|field| is_name(field)) {
            return refused(format!(
                "a field of the storage index {name:?} must have 1 to {MAX_NAME_CHARS} characters"
            ));
        }
        let room = u32::try_from(spec.max_entries).unwrap_or(0);
        if !(1..=MAX_INDEX_ENTRIES).contains(&room) {
            return refused(format!(
                "the storage index {name:?} must have room for 1 to {MAX_INDEX_ENTRIES} entries"
            ));
        }
        Ok(Self { spec, room })
    }

    /// Most entries, 1 to [`MAX_INDEX_ENTRIES`].
    #[must_use]
    pub const fn room(&self) -> u32 {
        self.room
    }

    /// Whether objects of this name can be in it.
    #[must_use]
    pub fn covers(&self, collection: &str, key: &str) -> bool {
        self.spec.collection == collection && (self.spec.key.is_empty() || self.spec.key == key)
    }
}

impl std::ops::Deref for IndexDefinition {
    type Target = IndexSpec;

    fn deref(&self) -> &IndexSpec {
        &self.spec
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && !name.contains('\0')
}

/// An object that could be in an index, as the function that chooses is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of the public protocol")]
pub struct IndexCandidate {
    pub collection: String,
    pub key: String,
    pub user_id: UserId,
    /// A JSON object.
    pub value: Json,
    pub version: String,
    pub permission_read: i32,
    pub permission_write: i32,
}

impl IndexCandidate {
    /// As scripts see it.
    ///
    /// # Errors
    /// When its value is nested too deep for scripts.
    pub fn to_script(&self) -> Result<Value, HookError> {
        to_value(self).map_err(HookError::internal)
    }
}

/// What a script has answered of a candidate.
///
/// # Errors
/// It is no boolean.
pub fn chosen_for_index(answer: &Value) -> Result<bool, HookError> {
    if let Value::Bool(yes) = answer {
        return Ok(*yes);
    }
    let text = format!("server code must answer true or false, not {}", answer.kind());
    Err(HookError::new(ErrorCode::Internal, text))
}

/// Context and candidate; answers whether it is in the index.
pub(crate) type IndexFilterFn = Arc<
    dyn Fn(HookContext, IndexCandidate) -> BoxFuture<'static, Result<bool, HookError>>
        + Send
        + Sync,
>;

/// What modules have registered, by the names of indexes.
#[derive(Clone, Default)]
pub(crate) struct Indexes {
    pub(crate) definitions: HashMap<String, Entry<IndexDefinition>>,
    pub(crate) filters: HashMap<String, Entry<IndexFilterFn>>,
}

impl Registrar {
    /// Keeps an index over stored objects. Its name must be free. It can be asked once all modules
    /// are loaded.
    pub fn storage_index(&mut self, definition: IndexDefinition) {
        let indexes = &mut self.all.indexes.definitions;
        if indexes.len() >= MAX_INDEXES {
            let module = self.owner.to_string();
            self.conflict.get_or_insert(LoadError::TooManyIndexes { module, most: MAX_INDEXES });
            return;
        }
        let name = definition.name.clone();
        insert(indexes, name.clone(), definition, &self.owner, &mut self.conflict, || {
            format!("the storage index {name}")
        });
    }

    /// Lets `filter` decide which of the objects that an index covers are in it. It runs at the
    /// start for every object of the collection, and after every change of one, on every node; an
    /// object for which it fails is not in the index. It must not write objects that an index
    /// covers.
    pub fn storage_index_filter<H, F>(&mut self, index: &str, filter: H)
    where
        H: Fn(HookContext, IndexCandidate) -> F + Send + Sync + 'static,
        F: Future<Output = Result<bool, HookError>> + Send + 'static,
    {
        let run: IndexFilterFn = Arc::new(move |context, object| filter(context, object).boxed());
        let filters = &mut self.all.indexes.filters;
        insert(filters, index.to_owned(), run, &self.owner, &mut self.conflict, || {
            format!("the filter of the storage index {index}")
        });
    }
}

impl Hooks {
    /// The indexes that modules have registered, by name.
    #[must_use]
    pub fn storage_indexes(&self) -> Vec<IndexDefinition> {
        let all = self.all().indexes.definitions.values();
        let mut all: Vec<_> = all.map(|entry| entry.run.clone()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The indexes that have a filter, whether they are registered or not.
    pub fn storage_index_filters(&self) -> impl Iterator<Item = &str> {
        self.all().indexes.filters.keys().map(String::as_str)
    }

    /// Whether an index has a filter.
    #[must_use]
    pub fn has_storage_index_filter(&self, index: &str) -> bool {
        self.all().indexes.filters.contains_key(index)
    }

    /// Asks the filter of an index whether an object is in it; without one, it is.
    ///
    /// # Errors
    /// What the filter said, or an internal error if it panicked.
    pub async fn storage_index_filter(
        &self,
        index: &str,
        context: HookContext,
        object: IndexCandidate,
    ) -> Result<bool, HookError> {
        let Some(filter) = self.all().indexes.filters.get(index) else { return Ok(true) };
        guarded((filter.run)(context, object), &filter.owner).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> IndexSpec {
        IndexSpec {
            name: "decks".into(),
            collection: "decks".into(),
            fields: vec!["rank".into()],
            max_entries: 10,
            ..IndexSpec::default()
        }
    }

    #[test]
    fn what_is_outside_its_range_is_refused() {
        assert!(IndexDefinition::new(spec()).is_ok());
        let long = || "é".repeat(129);
        let most = i64::from(MAX_INDEX_ENTRIES);
        let changes: Vec<fn(&mut IndexSpec, String, i64)> = vec![
            |spec, _, _| spec.name.clear(),
            |spec, long, _| spec.name = long,
            |spec, _, _| spec.collection.clear(),
            |spec, _, _| spec.collection.push('\0'),
            |spec, long, _| spec.key = long,
            |spec, _, _| spec.fields.clear(),
            |spec, _, _| spec.fields = vec!["f".into(); MAX_INDEX_FIELDS + 1],
            |spec, _, _| spec.fields.push(String::new()),
            |spec, long, _| spec.sortable_fields.push(long),
            |spec, _, _| spec.sortable_fields = vec!["f".into(); MAX_INDEX_FIELDS + 1],
            |spec, _, _| spec.max_entries = 0,
            |spec, _, _| spec.max_entries = i64::MIN,
            |spec, _, most| spec.max_entries = most + 1,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut bad = spec();
            change(&mut bad, long(), most);
            let refused = IndexDefinition::new(bad).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidArgument, "{at}: {refused}");
        }
        let largest = IndexSpec { max_entries: most, key: "é".repeat(128), ..spec() };
        assert_eq!(IndexDefinition::new(largest).unwrap().room(), MAX_INDEX_ENTRIES);
    }

    #[test]
    fn a_key_narrows_what_is_covered() {
        let all = IndexDefinition::new(spec()).unwrap();
        assert!(all.covers("decks", "one") && !all.covers("saves", "one"));
        let one = IndexDefinition::new(IndexSpec { key: "one".into(), ..spec() }).unwrap();
        assert!(one.covers("decks", "one") && !one.covers("decks", "two"));
    }

    #[test]
    fn scripts_answer_a_boolean() {
        assert!(chosen_for_index(&Value::Bool(true)).unwrap());
        assert!(!chosen_for_index(&Value::Bool(false)).unwrap());
        assert_eq!(chosen_for_index(&Value::Null).unwrap_err().code, ErrorCode::Internal);
    }
}

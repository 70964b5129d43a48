//! The storage indexes that server code has registered.

use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::{CodedError, NodeName};
use tavern_runtime_hooks::{HookContext, HookError, Hooks, IndexCandidate, Json};
use tavern_storage::Object;
use tavern_storage_index::Filter;

use crate::api::Api;
use crate::error;

/// Server code chooses what is in an index.
struct HookFilter {
    hooks: Hooks,
    node: NodeName,
}

#[async_trait]
impl Filter for HookFilter {
    fn filters(&self, index: &str) -> bool {
        self.hooks.has_storage_index_filter(index)
    }

    async fn keeps(&self, index: &str, object: &Object) -> Result<bool, HookError> {
        let candidate = IndexCandidate {
            collection: object.collection.clone(),
            key: object.key.clone(),
            user_id: object.user,
            value: Json(object.value.clone()),
            version: object.version.clone(),
            permission_read: object.read.number().into(),
            permission_write: object.write.number().into(),
        };
        let context = HookContext::of_server(self.node.clone());
        self.hooks.storage_index_filter(index, context, candidate).await
    }
}

impl Api {
    /// Loads the indexes that modules have registered, in the place of those before. Call it before
    /// any listener opens, and again when modules were loaded again.
    ///
    /// # Errors
    /// When storage fails; then the indexes before are still there.
    pub async fn load_indexes(&self) -> Result<(), CodedError> {
        let definitions = self.hooks.storage_indexes();
        for filtered in self.hooks.storage_index_filters() {
            if !definitions.iter().any(|definition| definition.name == filtered) {
                tracing::warn!(index = filtered, "a filter of a storage index that is not there");
            }
        }
        let filter = HookFilter { hooks: self.hooks.clone(), node: self.services.node.clone() };
        let loaded = self.services.indexes.define(definitions, Arc::new(filter)).await;
        loaded.map_err(error::storage)
    }
}

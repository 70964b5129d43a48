//! What leaderboards are configured with.

/// Bounds of leaderboards.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Boards that have no ranks, whatever they were created with; `*` means all.
    pub blacklist_rank_cache: Vec<String>,
    /// Records whose places are known one by one, over all boards; each costs about 40 bytes.
    pub rank_keys: usize,
    /// How long a board that was looked up is taken for known, in milliseconds. A change by another
    /// node is seen after that.
    pub board_ttl_ms: u64,
    /// Boards whose resets and ends are carried out at a time.
    pub callback_queue_workers: u32,
    /// Boards whose records are counted at a time at the start.
    pub rank_cache_workers: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            blacklist_rank_cache: Vec::new(),
            rank_keys: 2_000_000,
            board_ttl_ms: 5_000,
            callback_queue_workers: 8,
            rank_cache_workers: 1,
        }
    }
}

impl Config {
    /// Whether a board may have ranks.
    pub(crate) fn allows_ranks(&self, board: &str) -> bool {
        !self.blacklist_rank_cache.iter().any(|id| id == "*" || id == board)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_default() {
        let empty: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, Config::default());
        assert!(serde_json::from_str::<Config>(r#"{"rank_kyes": 1}"#).is_err());
    }

    #[test]
    fn the_star_means_all() {
        let config = |ids: &[&str]| Config {
            blacklist_rank_cache: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..Config::default()
        };
        assert!(config(&[]).allows_ranks("a"));
        assert!(!config(&["*"]).allows_ranks("a"));
        assert!(!config(&["b", "a"]).allows_ranks("a"));
        assert!(config(&["b"]).allows_ranks("a"));
    }
}

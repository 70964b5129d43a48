//! JSON inside texts: message contents, metadata, wallets.

use serde_json::Value;
use tavern_domain::{MAX_JSON_DEPTH, check_json_object};
use tavern_economy::Changeset;

const LIMIT: usize = 64 * 1024;

/// The check that builds nothing agrees with a parser that builds everything.
pub fn json_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let tree = serde_json::from_str::<Value>(text);
    if check_json_object(text, LIMIT).is_ok() {
        let tree = tree.expect("what the check lets pass is JSON");
        assert!(tree.is_object() && depth(&tree) <= MAX_JSON_DEPTH && text.len() <= LIMIT);
        assert!(!holds_nul(&tree), "no database keeps a NUL");
    }
    if let Ok(changes) = Changeset::from_json(text) {
        let tree = serde_json::from_str::<Value>(text).expect("JSON");
        assert!(tree.is_object());
        assert_eq!(
            format!("{changes:?}"),
            format!("{:?}", Changeset::from_json(text).expect("again"))
        );
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(entries) => {
            entries.iter().any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

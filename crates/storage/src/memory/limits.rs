//! What PostgreSQL would refuse, and how it rewrites JSON.

use serde_json::Value;

use crate::StorageError;

/// Refuses what does not fit into a `varchar(width)`: widths count characters, not bytes.
pub(super) fn fits(text: &str, width: usize) -> Result<(), StorageError> {
    if text.chars().count() > width {
        return Err(StorageError::DoesNotFit(format!("longer than {width} characters").into()));
    }
    if text.contains('\0') {
        return Err(StorageError::DoesNotFit("a NUL character in a text".into()));
    }
    Ok(())
}

/// Refuses a row that would break a constraint nobody foresaw: an id used twice, a missing user.
pub(super) fn broken(constraint: &'static str) -> StorageError {
    StorageError::Failed(constraint.into())
}

/// A JSON text as `jsonb` gives it back: keys sorted by length, then bytes, each once (the last
/// one counts), one blank after `:` and `,`. Numbers may be spelt differently than there.
pub(super) fn jsonb(text: &str) -> Result<String, StorageError> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| StorageError::DoesNotFit(error.into()))?;
    let mut out = String::with_capacity(text.len() + 8);
    write_value(&value, &mut out)?;
    Ok(out)
}

fn write_value(value: &Value, out: &mut String) -> Result<(), StorageError> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => write_text(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_value(item, out)?;
            }
            out.push(']');
        }
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_text(key, out)?;
                out.push_str(": ");
                write_value(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) -> Result<(), StorageError> {
    if text.contains('\0') {
        return Err(StorageError::DoesNotFit("a NUL character in a JSON text".into()));
    }
    out.push_str(&Value::from(text).to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_back_as_jsonb_prints_it() {
        for (given, kept) in [
            ("{}", "{}"),
            (r#"{"bb":1,"a":[1,2,{}],"b":"x"}"#, r#"{"a": [1, 2, {}], "b": "x", "bb": 1}"#),
            (r#" {"a":1,"a":{"c":true,"b":null}} "#, r#"{"a": {"b": null, "c": true}}"#),
            (r#"{"é":"\u00e9\n","zz":1,"z":-2}"#, r#"{"z": -2, "zz": 1, "é": "é\n"}"#),
        ] {
            assert_eq!(jsonb(given).unwrap(), kept, "{given}");
        }
    }

    #[test]
    fn what_jsonb_refuses_does_not_fit() {
        for bad in ["", "{", r#"{"a":"\u0000"}"#, r#"{"\u0000":1}"#, r#"{"a":"\ud800"}"#] {
            assert!(matches!(jsonb(bad), Err(StorageError::DoesNotFit(_))), "{bad}");
        }
    }

    #[test]
    fn widths_count_characters() {
        assert!(fits(&"é".repeat(18), 18).is_ok());
        assert!(fits(&"e".repeat(19), 18).is_err());
        assert!(fits("a\0b", 18).is_err());
    }
}

//! What an index keeps of an object.

use std::cmp::Ordering;

use serde_json::{Map, Value};
use tavern_domain::Timestamp;
use tavern_runtime_hooks::IndexDefinition;
use tavern_search::Document;
use tavern_storage::Object;

/// Most values of one object that are indexed.
pub(crate) const MAX_VALUES: usize = 1_000;
/// Most bytes of one object's indexed names and values, and of the value that an index keeps.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// Most bytes of a text that count when a list is ordered.
pub(crate) const SORTED_BYTES: usize = 96;

/// What an index keeps of an object.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What queries are asked of.
    pub(crate) document: Document<'static>,
    /// The values of the sortable fields, in their order.
    pub(crate) sort: Box<[SortValue]>,
    /// The value, as far as the index has it; only where lists take it from the index.
    pub(crate) value: Option<Box<str>>,
}

/// Why an index keeps nothing of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// It has none of the fields.
    NoField,
    /// It has too many values, or they are too large.
    TooLarge,
    /// Its value is no JSON object that can be read.
    Unreadable,
}

/// A value that lists are ordered by: numbers before texts, and what is missing last.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) enum SortValue {
    Number(f64),
    Text(Box<str>),
    #[default]
    Missing,
}

impl SortValue {
    pub(crate) fn time(at: Timestamp) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 2255")]
        Self::Number(at.micros() as f64)
    }

    /// A text, as far as it counts.
    pub(crate) fn text(text: &str) -> Self {
        let mut end = text.len().min(SORTED_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::Text(text[..end].into())
    }

    pub(crate) fn number(number: f64) -> Self {
        // Zero is zero, whatever its sign.
        Self::Number(if number == 0.0 { 0.0 } else { number })
    }

    /// In ascending or descending order; what is missing is last in both.
    pub(crate) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let ordering = match (self, other) {
            (Self::Missing, Self::Missing) => return Ordering::Equal,
            (Self::Missing, _) => return Ordering::Greater,
            (_, Self::Missing) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { ordering.reverse() } else { ordering }
    }
}

/// What an index keeps of an object.
pub(crate) fn kept(
    definition: &IndexDefinition,
    index_only: bool,
    object: &Object,
) -> Result<Kept, Left> {
    let mut value: Map<String, Value> =
        serde_json::from_str(&object.value).map_err(|_| Left::Unreadable)?;
    value.retain(|field, _| definition.fields.contains(field));
    if value.is_empty() {
        return Err(Left::NoField);
    }
    let stored = if index_only {
        let text = serde_json::to_string(&value).map_err(|_| Left::Unreadable)?;
        if text.len() > MAX_BYTES {
            return Err(Left::TooLarge);
        }
        Some(text.into_boxed_str())
    } else {
        None
    };
    let document = Document::new()
        .text("collection", object.collection.clone())
        .text("key", object.key.clone())
        .text("user_id", object.user.to_string())
        .text("version", object.version.clone())
        .number("read", f64::from(object.read.number()))
        .number("write", f64::from(object.write.number()))
        .number("create_time", seconds(object.create_time))
        .number("update_time", seconds(object.update_time))
        .text("create_time", rfc3339(object.create_time))
        .text("update_time", rfc3339(object.update_time));
    let mut walk = Walk {
        sortable: &definition.sortable_fields,
        sort: vec![SortValue::Missing; definition.sortable_fields.len()],
        values: 0,
        bytes: 0,
    };
    let mut document = document;
    for (field, value) in value {
        document = walk.add(document, &format!("value.{field}"), value).ok_or(Left::TooLarge)?;
    }
    Ok(Kept { document, sort: walk.sort.into(), value: stored })
}

#[expect(clippy::cast_precision_loss, reason = "times compare well enough")]
fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

/// As queries write dates.
fn rfc3339(at: Timestamp) -> String {
    let whole = at.seconds();
    let (days, second) = (whole.div_euclid(86_400), whole.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let micros = at.micros().rem_euclid(1_000_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from the first of March of the year 0, a year's leap day is its last day, and the
    // lengths of its months follow one formula.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

struct Walk<'a> {
    sortable: &'a [String],
    sort: Vec<SortValue>,
    values: usize,
    bytes: usize,
}

impl Walk<'_> {
    /// Adds a value and all that is in it; `None` when that is too much. A list adds each of its
    /// members under the list's name. Values are no deeper than the parser reads.
    fn add(
        &mut self,
        document: Document<'static>,
        name: &str,
        value: Value,
    ) -> Option<Document<'static>> {
        match value {
            Value::Null => Some(document),
            Value::Bool(yes) => {
                let text = if yes { "T" } else { "F" };
                self.count(name, text.len())?;
                self.sort_by(name, || SortValue::text(text));
                Some(document.truth(name.to_owned(), yes))
            }
            Value::Number(number) => {
                let number = number.as_f64()?;
                self.count(name, size_of::<f64>())?;
                self.sort_by(name, || SortValue::number(number));
                Some(document.number(name.to_owned(), number))
            }
            Value::String(text) => {
                self.count(name, text.len())?;
                self.sort_by(name, || SortValue::text(&text));
                Some(document.text(name.to_owned(), text))
            }
            Value::Array(values) => values
                .into_iter()
                .try_fold(document, |document, value| self.add(document, name, value)),
            Value::Object(fields) => {
                fields.into_iter().try_fold(document, |document, (field, value)| {
                    self.add(document, &format!("{name}.{field}"), value)
                })
            }
        }
    }

    fn count(&mut self, name: &str, bytes: usize) -> Option<()> {
        self.values += 1;
        self.bytes += name.len() + bytes;
        (self.values <= MAX_VALUES && self.bytes <= MAX_BYTES).then_some(())
    }

    /// The first value under a name is the one that counts.
    fn sort_by(&mut self, name: &str, value: impl FnOnce() -> SortValue) {
        let Some(field) = name.strip_prefix("value.") else { return };
        if let Some(at) = self.sortable.iter().position(|sortable| sortable == field)
            && self.sort[at] == SortValue::Missing
        {
            self.sort[at] = value();
        }
    }
}

#[cfg(test)]
mod tests {
    use tavern_domain::UserId;
    use tavern_runtime_hooks::IndexSpec;
    use tavern_search::Query;
    use tavern_storage::{ReadPermission, WritePermission};

    use super::*;

    fn definition(fields: &[&str], sortable: &[&str]) -> IndexDefinition {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        IndexDefinition::new(IndexSpec {
            name: "i".into(),
            collection: "c".into(),
            fields: texts(fields),
            sortable_fields: texts(sortable),
            max_entries: 1,
            ..IndexSpec::default()
        })
        .unwrap()
    }

    fn object(value: &str) -> Object {
        Object {
            collection: "c".into(),
            key: "k".into(),
            user: UserId::NIL,
            value: value.into(),
            version: "v1".into(),
            read: ReadPermission::Owner,
            write: WritePermission::Nobody,
            create_time: Timestamp::from_seconds(951_782_399),
            update_time: Timestamp::from_micros(1_754_000_000_123_456),
        }
    }

    fn is(query: &str, value: &str) -> bool {
        let kept = kept(&definition(&["a", "b"], &[]), false, &object(value)).unwrap();
        Query::parse(query).unwrap().matches(&kept.document)
    }

    #[test]
    fn fields_of_values_and_of_objects_are_found() {
        let value = r#"{"a": {"n": 3, "deep": [{"x": "one"}, {"x": "two"}], "yes": true}, "b": "B", "c": 1}"#;
        for yes in [
            "+value.a.n:3 +value.a.n:>=3 +value.b:B +value.a.yes:T",
            "+value.a.deep.x:one +value.a.deep.x:two",
            "+collection:c +key:k +version:v1 +read:1 +write:0",
            "+user_id:00000000-0000-0000-0000-000000000000",
            r#"+update_time:>"2025-07-31T22:13:20Z" +update_time:<"2025-07-31T22:13:21Z""#,
            r#"+create_time:<="2000-02-28T23:59:59Z" +create_time:>="2000-02-28T23:59:59Z""#,
            "+create_time:951782399",
        ] {
            assert!(is(yes, value), "{yes}");
        }
        for no in ["value.c:1", "value.a:3", "value.b:b", "value.a.yes:F"] {
            assert!(!is(no, value), "{no}");
        }
    }

    #[test]
    fn an_object_without_a_field_is_left_out() {
        let of = |value| kept(&definition(&["a"], &[]), true, &object(value));
        assert_eq!(of(r#"{"b": 1}"#).unwrap_err(), Left::NoField);
        assert_eq!(of("{}").unwrap_err(), Left::NoField);
        assert_eq!(of("[]").unwrap_err(), Left::Unreadable);
        assert_eq!(of(r#"{"a": 1, "b": 2}"#).unwrap().value.as_deref(), Some(r#"{"a":1}"#));
        // A field that is there and holds nothing is there.
        assert_eq!(of(r#"{"a": null}"#).unwrap().value.as_deref(), Some(r#"{"a":null}"#));
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let list = |n: usize| format!(r#"{{"a": [{}0]}}"#, "0,".repeat(n - 1));
        for index_only in [false, true] {
            let of = |value: &str| kept(&definition(&["a"], &[]), index_only, &object(value));
            assert!(of(&list(MAX_VALUES)).is_ok());
            assert_eq!(of(&list(MAX_VALUES + 1)).unwrap_err(), Left::TooLarge);
            let text = format!(r#"{{"a": "{}"}}"#, "x".repeat(MAX_BYTES));
            assert_eq!(of(&text).unwrap_err(), Left::TooLarge);
            // What is not indexed does not count.
            assert!(
                of(&text.replace("{", r#"{"a": 1, "#).replace(r#"1, "a""#, r#"1, "b""#)).is_ok()
            );
        }
        let nulls = format!(r#"{{"a": [{}null]}}"#, "null,".repeat(MAX_BYTES / 5));
        assert_eq!(
            kept(&definition(&["a"], &[]), true, &object(&nulls)).unwrap_err(),
            Left::TooLarge
        );
    }

    #[test]
    fn the_first_value_is_sorted_by_and_dots_lead_into_objects() {
        let definition = definition(&["a", "b"], &["a.n", "b", "c"]);
        let value = r#"{"a": {"n": -0.0}, "b": ["two", "one"], "c": 3}"#;
        let kept = kept(&definition, false, &object(value)).unwrap();
        assert_eq!(
            *kept.sort,
            [SortValue::Number(0.0), SortValue::Text("two".into()), SortValue::Missing]
        );
        let long = SortValue::text(&"é".repeat(100));
        assert_eq!(long, SortValue::Text("é".repeat(48).into()));
    }

    #[test]
    fn what_is_missing_is_last_in_both_directions() {
        let in_order = [
            SortValue::number(-1.0),
            SortValue::number(2.0),
            SortValue::text("a"),
            SortValue::text("b"),
        ];
        for pair in in_order.windows(2) {
            assert_eq!(pair[0].compare(&pair[1], false), Ordering::Less);
            assert_eq!(pair[0].compare(&pair[1], true), Ordering::Greater);
        }
        for descending in [false, true] {
            assert_eq!(in_order[3].compare(&SortValue::Missing, descending), Ordering::Less);
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_seconds(seconds)), date);
        }
    }
}

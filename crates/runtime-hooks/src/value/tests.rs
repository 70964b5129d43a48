use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Player {
    user_id: String,
    level: Option<i32>,
    score: f64,
    wallet: BTreeMap<String, i64>,
    metadata: Json,
    picture: Blob,
    friends: Vec<String>,
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
}

fn player() -> Player {
    Player {
        user_id: "ann".into(),
        level: Some(3),
        score: 1.5,
        wallet: [("gold_coins".to_owned(), 7)].into(),
        metadata: Json(r#"{"some_key": [1, null]}"#.into()),
        picture: Blob(vec![0xff, 0]),
        friends: vec!["bob".into()],
    }
}

#[test]
fn our_names_are_records_and_theirs_are_maps() {
    let value = to_value(&player()).unwrap();
    let Value::Record(fields) = &value else { panic!("{value:?}") };
    assert_eq!(fields[0], ("user_id", text("ann")));
    assert_eq!(value.get("wallet"), &map(&[("gold_coins", Value::Int(7))]));
    let list = Value::List(vec![Value::Int(1), Value::Null]);
    assert_eq!(value.get("metadata"), &map(&[("some_key", list)]));
    assert_eq!(value.get("picture"), &Value::Bytes(vec![0xff, 0]));
    assert_eq!(
        from_value::<Player>(value).unwrap(),
        Player { metadata: Json(r#"{"some_key":[1,null]}"#.into()), ..player() }
    );
}

#[test]
fn either_habit_is_understood_where_names_are_ours_and_kept_where_they_are_not() {
    let wallet = map(&[("goldCoins", Value::Int(7))]);
    let value = map(&[
        ("userId", text("ann")),
        ("score", Value::Int(2)),
        ("wallet", wallet),
        ("metadata", map(&[("someKey", Value::Bool(true))])),
        ("picture", text("abc")),
        // An empty table is a list as well as an object.
        ("friends", map(&[])),
        ("whatever", Value::Null),
    ]);
    let player: Player = from_value(value).unwrap();
    assert_eq!((player.user_id.as_str(), player.level, player.score), ("ann", None, 2.0));
    assert_eq!(player.wallet["goldCoins"], 7);
    assert_eq!(player.metadata.0, r#"{"someKey":true}"#);
    assert_eq!(player.picture.0, b"abc");
    assert!(player.friends.is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |level: Value| {
        #[derive(Deserialize, Debug)]
        struct Outer {
            #[serde(rename = "inner")]
            _inner: Vec<Inner>,
        }
        #[derive(Deserialize, Debug)]
        struct Inner {
            #[serde(rename = "level")]
            _level: i32,
        }
        let inner = map(&[("level", level)]);
        from_value::<Outer>(map(&[("inner", Value::List(vec![inner]))])).unwrap_err().to_string()
    };
    assert!(wrong(text("x")).starts_with("inner: level: invalid type: a string"));
    assert!(wrong(Value::Float(1.5)).starts_with("inner: level: invalid value"));
    assert!(wrong(Value::Int(1 << 40)).contains("inner: level: invalid value"));
}

#[test]
fn json_goes_in_and_out() {
    let value = Value::from_json(r#"{"a":[1,2.5,"x",null,true],"b":{}}"#).unwrap();
    assert_eq!(value.to_json(), r#"{"a":[1,2.5,"x",null,true],"b":{}}"#);
    assert_eq!(Value::Float(f64::NAN).to_json(), "null");
    let deep = "[".repeat(DEEPEST + 1) + &"]".repeat(DEEPEST + 1);
    assert!(Value::from_json(&deep).is_err());
    assert!(Value::from_json("{").is_err());
}

//! Every message against an independent implementation of the JSON mapping.
//!
//! Random messages are made from the descriptors, so a field that the generator forgot, or named
//! or encoded in its own way, shows here whatever message it is in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "random numbers may be cut"
)]
#![expect(clippy::wildcard_enum_match_arm, reason = "the definitions do not use every kind")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey,
    MessageDescriptor, SerializeOptions, Value,
};
use tavern_protocol::{Unknown, Wire};

include!(concat!(env!("OUT_DIR"), "/message_list.rs"));

fn pool() -> DescriptorPool {
    let files = [
        "nakama/api/service.proto",
        "nakama/console/accounts.proto",
        "nakama/realtime/envelope.proto",
    ];
    let set = protox::compile(files, ["../../proto"]).unwrap();
    DescriptorPool::from_file_descriptor_set(set).unwrap()
}

/// Texts that have to be escaped, cut or left alone.
const TEXTS: [&str; 8] = [
    "",
    "a",
    "{\"a\": 1}",
    "tab\tline\nquote\"back\\slash",
    "\u{1}\u{7f}",
    "grüße",
    "🦀",
    "</a&b>",
];

fn number(rng: &mut TestRng) -> i64 {
    match rng.random_range(0..6) {
        0 => 0,
        1 => i64::MIN,
        2 => i64::MAX,
        3 => -1,
        _ => rng.next_u64() as i64,
    }
}

fn value(kind: &Kind, rng: &mut TestRng, depth: u32) -> Value {
    match kind {
        Kind::Bool => Value::Bool(rng.random_range(0..2) == 1),
        Kind::Int32 => Value::I32(number(rng) as i32),
        Kind::Int64 => Value::I64(number(rng)),
        Kind::Uint32 => Value::U32(number(rng) as u32),
        Kind::Double => Value::F64(match rng.random_range(0..3) {
            0 => rng.random_range(0..1000) as f64 / 8.0,
            1 => 1e300,
            _ => Some(f64::from_bits(rng.next_u64())).filter(|n| n.is_finite()).unwrap_or(-0.5),
        }),
        Kind::String => Value::String(TEXTS[rng.random_range(0..TEXTS.len())].to_owned()),
        Kind::Bytes => {
            let mut bytes = vec![0; rng.random_range(0..9)];
            rng.fill_bytes(&mut bytes);
            Value::Bytes(bytes.into())
        }
        Kind::Enum(_) => Value::EnumNumber(rng.random_range(0..7)),
        Kind::Message(m) => Value::Message(message(m, rng, depth + 1)),
        other => panic!("the definitions have no {other:?}"),
    }
}

fn field(f: &FieldDescriptor, rng: &mut TestRng, depth: u32) -> Value {
    let count = rng.random_range(0..3);
    if f.is_map() {
        let Kind::Message(entry) = f.kind() else { unreachable!("maps are messages") };
        let of = entry.map_entry_value_field().kind();
        let key = |rng: &mut TestRng| {
            let text = TEXTS[rng.random_range(0..TEXTS.len())];
            MapKey::String(text.to_owned())
        };
        return Value::Map((0..count).map(|_| (key(rng), value(&of, rng, depth))).collect());
    }
    if f.is_list() {
        return Value::List((0..count).map(|_| value(&f.kind(), rng, depth)).collect());
    }
    value(&f.kind(), rng, depth)
}

fn message(of: &MessageDescriptor, rng: &mut TestRng, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    if of.full_name() == "google.protobuf.Timestamp" {
        message
            .set_field_by_name("seconds", Value::I64(rng.random_range(-62e9 as i64..253e9 as i64)));
        let nanos = [0, 500_000_000, 123_456_000, 999_999_999][rng.random_range(0..4)];
        message.set_field_by_name("nanos", Value::I32(nanos));
        return message;
    }
    for f in of.fields() {
        // The last member that is set wins, so that every one of an envelope gets its turn.
        if rng.random_range(0..3) > 0 && depth < 8 {
            message.set_field(&f, field(&f, rng, depth));
        }
    }
    message
}

/// The oracle's JSON, in the dialect of the public protocol.
fn oracle_json(message: &DynamicMessage) -> serde_json::Value {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .use_enum_numbers(true)
        .stringify_64_bit_integers(true)
        .skip_default_fields(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

/// `118` and `118.0` are the same number.
fn floats(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(n) => n.as_f64().into(),
        Json::Array(items) => items.into_iter().map(floats).collect(),
        Json::Object(map) => map.into_iter().map(|(k, v)| (k, floats(v))).collect(),
        Json::Null | Json::Bool(_) | Json::String(_) => value,
    }
}

fn check<M: Wire>(name: &str, pool: &DescriptorPool, rng: &mut TestRng) {
    let of = pool.get_message_by_name(name).unwrap();
    for _ in 0..48 {
        let expected = message(&of, rng, 0);
        let ours = M::decode(expected.encode_to_vec().as_slice()).unwrap();
        let json = ours.to_json();
        let parsed: serde_json::Value = serde_json::from_slice(&json)
            .unwrap_or_else(|e| panic!("{name}: {e}: {}", String::from_utf8_lossy(&json)));
        let (parsed, wanted) = (floats(parsed), floats(oracle_json(&expected)));
        assert_eq!(parsed, wanted, "{name}: written otherwise");

        let back = M::read_json(&json, Unknown::Reject).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(back, ours, "{name}: what was written reads back otherwise");
        let bytes = ours.encode_to_vec();
        assert_eq!(M::decode(bytes.as_slice()).unwrap(), ours, "{name}: protobuf");

        // Names in camelCase, words for enums and numbers for 64 bits: the other dialect.
        let other = serde_json::to_vec(&expected).unwrap();
        let read = M::read_json(&other, Unknown::Reject)
            .unwrap_or_else(|e| panic!("{name}: {e}: {}", String::from_utf8_lossy(&other)));
        assert_eq!(read, ours, "{name}: camelCase reads otherwise");

        let mut de = serde_json::Deserializer::from_slice(&json);
        let options = DeserializeOptions::new();
        let theirs =
            DynamicMessage::deserialize_with_options(of.clone(), &mut de, &options).unwrap();
        assert_eq!(theirs.encode_to_vec().len(), expected.encode_to_vec().len(), "{name}");
    }
}

#[test]
fn every_message_maps_as_the_oracle_says() {
    let pool = pool();
    let mut rng = TestRunner::deterministic().new_rng();
    let mut count = 0;
    macro_rules! run {
        ($name:literal, $of:ty) => {
            check::<$of>($name, &pool, &mut rng);
            count += 1;
        };
    }
    for_each_message!(run);
    assert_eq!(count, 176 + 4, "the public protocol, and messages of our own");
}

/// Names, numbers and types are fixed for good: `numbers.txt` may only grow.
#[test]
fn nothing_is_renumbered() {
    let mut lines = BTreeSet::new();
    let pool = pool();
    let ours = |package: &str| package.starts_with("nakama.");
    for m in pool.all_messages().filter(|m| ours(m.package_name())) {
        for f in m.fields() {
            let list = if f.is_list() { "repeated " } else { "" };
            let oneof = f.containing_oneof().map(|o| format!(" in {}", o.name()));
            let oneof = oneof.unwrap_or_default();
            lines.insert(format!(
                "{} = {}: {list}{:?}{oneof}",
                f.full_name(),
                f.number(),
                f.kind()
            ));
        }
    }
    for e in pool.all_enums().filter(|e| ours(e.package_name())) {
        lines.extend(e.values().map(|v| format!("{} = {}", v.full_name(), v.number())));
    }
    let kept: BTreeSet<String> = include_str!("numbers.txt").lines().map(str::to_owned).collect();
    let list = |lines: Vec<&String>| lines.into_iter().fold(String::new(), |s, l| s + l + "\n");
    let gone = list(kept.difference(&lines).collect());
    assert!(gone.is_empty(), "changed or gone, which breaks clients:\n{gone}");
    let new = list(lines.difference(&kept).collect());
    assert!(new.is_empty(), "not yet in numbers.txt:\n{new}");
}

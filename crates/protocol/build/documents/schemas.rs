//! JSON schemas of the messages, as they are in JSON.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::prose;
use crate::model::{Message, comment};

/// The schemas of all messages by their names.
pub(super) fn all(messages: &[Message]) -> Value {
    let schemas = messages.iter().map(|message| (name(&message.of), of_message(&message.of)));
    Value::Object(schemas.collect())
}

/// The name of a message's schema: `nakama.api.Group` is `api.Group`.
pub(super) fn name(message: &MessageDescriptor) -> String {
    message.full_name().trim_start_matches("nakama.").to_owned()
}

/// A message, wherever it is used.
pub(super) fn reference(message: &MessageDescriptor) -> Value {
    if message.full_name() == "google.protobuf.Empty" {
        return json!({ "type": "object", "maxProperties": 0 });
    }
    json!({ "$ref": format!("#/components/schemas/{}", name(message)) })
}

fn of_message(message: &MessageDescriptor) -> Value {
    let fields: Map<_, _> = message.fields().map(|f| (f.name().to_owned(), of_field(&f))).collect();
    let mut schema = json!({ "type": "object", "properties": fields });
    describe(&mut schema, &comment(message.parent_file().file_descriptor_proto(), message.path()));
    schema
}

/// A field of a message.
pub(super) fn of_field(field: &FieldDescriptor) -> Value {
    let mut schema = if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
        let value = entry.map_entry_value_field();
        json!({ "type": "object", "additionalProperties": of_value(&value) })
    } else if field.is_list() {
        json!({ "type": "array", "items": of_value(field) })
    } else {
        of_value(field)
    };
    let text = comment(field.parent_message().parent_file().file_descriptor_proto(), field.path());
    describe(&mut schema, &text);
    schema
}

/// Whether a path or a query can hold the field.
pub(super) fn is_param(field: &FieldDescriptor) -> bool {
    if field.is_map() {
        return false;
    }
    if let Kind::Message(message) = field.kind() {
        return message.full_name().ends_with("Value")
            && message.package_name() == "google.protobuf";
    }
    matches!(field.kind(), Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::String)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what the definitions do not use has no mapping, and says so"
)]
fn of_value(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Int32 => int32(),
        Kind::Uint32 => uint32(),
        Kind::Int64 => int64(),
        Kind::Double => json!({ "type": "number", "format": "double" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Enum(words) => of_enum(&words),
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.BoolValue" => json!({ "type": "boolean" }),
            "google.protobuf.Int32Value" => int32(),
            "google.protobuf.UInt32Value" => uint32(),
            "google.protobuf.Int64Value" => int64(),
            "google.protobuf.StringValue" => json!({ "type": "string" }),
            "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
            _ => reference(&message),
        },
        other => panic!("{}: no schema for {other:?}", field.full_name()),
    }
}

fn int32() -> Value {
    json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
}

fn uint32() -> Value {
    json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
}

/// Whole numbers of 64 bits are texts; those that a request holds may be numbers, too.
fn int64() -> Value {
    json!({
        "type": ["string", "integer"],
        "format": "int64",
        "pattern": "^-?[0-9]{1,18}$",
        "minimum": i64::MIN,
        "maximum": i64::MAX,
    })
}

/// Numbers in answers; requests may say the words as well.
fn of_enum(words: &EnumDescriptor) -> Value {
    let numbers = words.values().map(|value| Value::from(value.number()));
    let names = words.values().map(|value| Value::from(value.name()));
    let listed = words.values().map(|value| format!("{} {}", value.number(), value.name()));
    let listed: Vec<_> = listed.collect();
    let all: Vec<_> = numbers.chain(names).collect();
    json!({ "enum": all, "description": listed.join(", ") })
}

/// Adds a description; what a reference points to has one of its own beside it.
pub(super) fn describe(schema: &mut Value, text: &str) {
    let text = prose(text);
    if text.is_empty() {
        return;
    }
    let text = match schema.get("description").and_then(Value::as_str) {
        Some(before) => format!("{text} {before}"),
        None => text,
    };
    schema["description"] = text.into();
}

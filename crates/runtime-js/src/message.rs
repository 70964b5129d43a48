//! Messages of the public protocol as scripts see them: `camelCase` names, what is unset there as
//! zero or empty, 64-bit numbers and times as text.

use serde_json::Value as Json;
use tavern_domain::ErrorCode;
use tavern_protocol::{FieldArity, FieldKind, MessageShape, Unknown, Wire};
use tavern_runtime_hooks::HookError;

use tavern_runtime_hooks::Value;

/// A message for a script.
pub(crate) fn to_script<M: Wire>(message: &M) -> Value {
    let json = serde_json::from_slice(&message.to_json()).unwrap_or(Json::Null);
    object(M::shape(), json)
}

fn object(shape: &MessageShape, json: Json) -> Value {
    let Json::Object(mut set) = json else { return Value::Map(Vec::new()) };
    let mut out = Vec::with_capacity(shape.fields.len());
    for field in shape.fields {
        let value = match (set.remove(field.name), field.arity) {
            (None, FieldArity::Member) => continue,
            (None, FieldArity::Optional) => Value::Null,
            (None, FieldArity::List) => Value::List(Vec::new()),
            (None, FieldArity::Map) => Value::Map(Vec::new()),
            (None, FieldArity::Plain) => empty(field.kind),
            (Some(Json::Array(items)), FieldArity::List) => {
                Value::List(items.into_iter().map(|item| leaf(field.kind, item)).collect())
            }
            (Some(Json::Object(entries)), FieldArity::Map) => Value::Map(
                entries.into_iter().map(|(key, item)| (key, leaf(field.kind, item))).collect(),
            ),
            (Some(value), _) => leaf(field.kind, value),
        };
        out.push((field.camel.to_owned(), value));
    }
    Value::Map(out)
}

fn empty(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Bool => Value::Bool(false),
        FieldKind::Int | FieldKind::Double => Value::Int(0),
        FieldKind::Long => Value::Text("0".to_owned()),
        FieldKind::Text | FieldKind::Bytes => Value::Text(String::new()),
        FieldKind::Time | FieldKind::Message(_) => Value::Null,
    }
}

fn leaf(kind: FieldKind, json: Json) -> Value {
    match kind {
        FieldKind::Message(shape) => object(shape, json),
        FieldKind::Bool
        | FieldKind::Int
        | FieldKind::Long
        | FieldKind::Double
        | FieldKind::Text
        | FieldKind::Bytes
        | FieldKind::Time => plain(json),
    }
}

/// JSON as it is.
fn plain(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(n) => match n.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(n.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(plain).collect()),
        Json::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
    }
}

/// A message that a script has made or changed.
pub(crate) fn from_script<M: Wire>(value: &Value) -> Result<M, HookError> {
    M::read_json(value.to_json().as_bytes(), Unknown::Ignore).map_err(|error| {
        let text = format!("server code returned no {}: {error}", M::shape().name);
        HookError::new(ErrorCode::Internal, text)
    })
}

#[cfg(test)]
mod tests {
    use tavern_protocol::api::{AddFriendsRequest, AuthenticateDeviceRequest, Group};
    use tavern_protocol::realtime::{ChannelJoin, Envelope};

    use super::*;

    fn names(value: &Value) -> Vec<&str> {
        let Value::Map(entries) = value else { panic!("{value:?}") };
        entries.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn what_is_unset_is_there() {
        let value = to_script(&AddFriendsRequest::default());
        assert_eq!(names(&value), ["ids", "usernames", "metadata"]);
        let group = to_script(&Group { max_count: 3, ..Group::default() });
        let Value::Map(entries) = &group else { panic!() };
        let get = |name: &str| &entries.iter().find(|(key, _)| key == name).unwrap().1;
        assert_eq!(get("maxCount"), &Value::Int(3));
        assert_eq!(get("creatorId"), &Value::Text(String::new()));
        assert_eq!(get("open"), &Value::Null);
        assert_eq!(get("createTime"), &Value::Null);
    }

    #[test]
    fn an_envelope_has_the_one_message_that_it_has() {
        let envelope =
            Envelope::reply("1", ChannelJoin { target: "room".into(), ..ChannelJoin::default() });
        let value = to_script(&envelope);
        assert_eq!(names(&value), ["cid", "channelJoin"]);
        assert_eq!(from_script::<Envelope>(&value).unwrap(), envelope);
    }

    #[test]
    fn nested_and_listed_messages_come_back_as_they_went() {
        let mut request = AuthenticateDeviceRequest { username: "u".into(), ..Default::default() };
        request.create = Some(true);
        let back: AuthenticateDeviceRequest = from_script(&to_script(&request)).unwrap();
        assert_eq!(back, request);
        assert!(from_script::<Group>(&Value::Text("x".into())).is_err());
    }
}

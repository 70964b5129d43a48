//! Messages of the public protocol as scripts see them: `snake_case` names, what is unset is not
//! there, 64-bit numbers and times as text. That is their JSON.

use tavern_domain::ErrorCode;
use tavern_protocol::{FieldArity, FieldKind, MessageShape, Unknown, Wire};
use tavern_runtime_hooks::{HookError, Value};

/// A message for a script; nothing for a message without fields.
pub(crate) fn to_script<M: Wire>(message: &M) -> Value {
    if M::shape().fields.is_empty() {
        return Value::Null;
    }
    let json = String::from_utf8(message.to_json()).unwrap_or_default();
    Value::from_json(&json).unwrap_or_default()
}

/// A board for a script: its metadata is an object there.
pub(crate) fn board<M: Wire>(board: &M) -> Value {
    let Value::Map(mut fields) = to_script(board) else { return Value::Null };
    for (name, value) in &mut fields {
        if let (true, Value::Text(text)) = (name == "metadata", &*value) {
            *value = Value::from_json(text).unwrap_or_default();
        }
    }
    Value::Map(fields)
}

/// A message that a script has made or changed.
pub(crate) fn from_script<M: Wire>(value: Value) -> Result<M, HookError> {
    let json = fitted(value, M::shape()).to_json();
    M::read_json(json.as_bytes(), Unknown::Ignore).map_err(|error| {
        let text = format!("server code returned no {}: {error}", M::shape().name);
        HookError::new(ErrorCode::Internal, text)
    })
}

/// An empty table may be meant as an empty list: only the message knows.
fn fitted(value: Value, shape: &MessageShape) -> Value {
    let Value::Map(entries) = value else { return value };
    let fit = |(name, value): (String, Value)| {
        let value = match shape.field(&name) {
            None => value,
            Some(field) => match (field.arity, field.kind, value) {
                (FieldArity::List, _, Value::Map(none)) if none.is_empty() => {
                    Value::List(Vec::new())
                }
                (FieldArity::List, FieldKind::Message(inner), Value::List(items)) => {
                    Value::List(items.into_iter().map(|item| fitted(item, inner)).collect())
                }
                (FieldArity::Map, _, value) => value,
                (_, FieldKind::Message(inner), value) => fitted(value, inner),
                (_, _, value) => value,
            },
        };
        (name, value)
    };
    Value::Map(entries.into_iter().map(fit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_protocol::api::{AddFriendsRequest, Event};
    use tavern_protocol::realtime::{ChannelJoin, Envelope, Ping};

    #[test]
    fn an_empty_table_is_the_list_that_the_message_has_there() {
        let none = ("ids".to_owned(), Value::Map(Vec::new()));
        let request: AddFriendsRequest = from_script(Value::Map(vec![none])).unwrap();
        assert_eq!(request, AddFriendsRequest::default());
    }

    #[test]
    fn messages_come_back_as_they_went() {
        let join = ChannelJoin { target: "room".into(), ..ChannelJoin::default() };
        for envelope in [Envelope::reply("1", join), Envelope::reply("2", Ping {})] {
            let value = to_script(&envelope);
            assert_eq!(from_script::<Envelope>(value).unwrap(), envelope);
        }
        let event = Event { name: "n".into(), external: true, ..Event::default() };
        assert_eq!(from_script::<Event>(to_script(&event)).unwrap(), event);
        assert!(from_script::<Event>(Value::Text("x".into())).is_err());
    }
}

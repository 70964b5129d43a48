//! The messages on sockets.

use std::error::Error;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind};
use serde_json::{Map, Value, json};

use super::schemas::{all, reference};
use super::{VERSION, prose, words};
use crate::model::{Message, comment, enum_number, extension};

const ABOUT: &str = "The realtime API: envelopes on a WebSocket, one message in each. With format \
json they are text frames in JSON as described here; with format protobuf they are binary frames \
that hold a nakama.realtime.Envelope. The answer to a message carries the cid of the message; what \
the server sends unasked has none.";

/// What answers each message of a client; `None` when nothing does, `""` for an acknowledgement.
const ANSWERS: &[(&str, Option<&str>)] = &[
    ("channel_join", Some("channel")),
    ("channel_leave", Some("")),
    ("channel_message_send", Some("channel_message_ack")),
    ("channel_message_update", Some("channel_message_ack")),
    ("channel_message_remove", Some("channel_message_ack")),
    ("match_create", Some("match")),
    ("match_data_send", None),
    ("match_join", Some("match")),
    ("match_leave", Some("")),
    ("matchmaker_add", Some("matchmaker_ticket")),
    ("matchmaker_remove", Some("")),
    ("rpc", Some("rpc")),
    ("status_follow", Some("status")),
    ("status_unfollow", Some("")),
    ("status_update", Some("")),
    ("ping", Some("pong")),
    ("pong", None),
    ("party_create", Some("party")),
    ("party_join", Some("")),
    ("party_leave", Some("")),
    ("party_promote", Some("")),
    ("party_accept", Some("")),
    ("party_remove", Some("")),
    ("party_close", Some("")),
    ("party_join_request_list", Some("party_join_request")),
    ("party_matchmaker_add", Some("party_matchmaker_ticket")),
    ("party_matchmaker_remove", Some("")),
    ("party_data_send", Some("")),
    ("party_update", Some("")),
];

/// The name under which an acknowledgement is known; no member of the envelope has it.
const ACK: &str = "ack";

pub(crate) fn generate(
    pool: &DescriptorPool,
    messages: &[Message],
) -> Result<String, Box<dyn Error>> {
    let sender = extension(pool, "tavern.sender")?;
    let envelope = messages
        .iter()
        .find(|message| message.of.full_name() == "nakama.realtime.Envelope")
        .ok_or("no envelope")?;
    let (mut all_messages, mut on_channel, mut operations) = (Map::new(), Map::new(), Map::new());
    for field in envelope.of.fields().filter(|field| field.containing_oneof().is_some()) {
        let name = field.name().to_owned();
        let from = enum_number(&field.options().get_extension(&sender));
        if from != 0 {
            let answer = ANSWERS.iter().find(|(of, _)| *of == name);
            let (_, answer) = answer.ok_or_else(|| format!("what answers {name}?"))?;
            operations.insert(format!("receive_{name}"), received(&name, *answer));
        }
        if from != 1 {
            operations.insert(format!("send_{name}"), sent(&name));
        }
        all_messages.insert(name.clone(), message(&field)?);
        on_channel.insert(name.clone(), component("messages", &name));
    }
    all_messages.insert(ACK.into(), ack());
    on_channel.insert(ACK.into(), component("messages", ACK));
    operations.insert(format!("send_{ACK}"), sent(ACK));
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tavern realtime API",
            "version": VERSION,
            "description": ABOUT,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "node": {
            "host": "localhost:7350",
            "protocol": "ws",
            "description": "The game port; with a certificate the protocol is wss.",
        }},
        "channels": { "socket": {
            "address": "/ws",
            "messages": on_channel,
            "bindings": { "ws": { "method": "GET", "query": query(), "bindingVersion": "0.1.0" } },
        }},
        "operations": operations,
        "components": { "messages": all_messages, "schemas": all(messages) },
    });
    Ok(document.to_string())
}

fn component(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn on_channel(name: &str) -> Value {
    json!({ "$ref": format!("#/channels/socket/messages/{name}") })
}

fn sent(name: &str) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": "#/channels/socket" },
        "messages": [on_channel(name)],
    })
}

fn received(name: &str, answer: Option<&str>) -> Value {
    let mut operation = json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/socket" },
        "messages": [on_channel(name)],
    });
    if let Some(answer) = answer {
        let answer = if answer.is_empty() { ACK } else { answer };
        operation["reply"] = json!({
            "channel": { "$ref": "#/channels/socket" },
            "messages": [on_channel(answer), on_channel("error")],
        });
    }
    operation
}

fn message(field: &FieldDescriptor) -> Result<Value, Box<dyn Error>> {
    let Kind::Message(of) = field.kind() else { return Err("a member that is no message".into()) };
    let text = prose(&comment(of.parent_file().file_descriptor_proto(), of.path()));
    let mut message = json!({
        "name": field.name(),
        "title": words(field.name()),
        "payload": {
            "type": "object",
            "required": [field.name()],
            "properties": { "cid": cid(), field.name(): reference(&of) },
            "additionalProperties": false,
        },
    });
    if !text.is_empty() {
        message["summary"] = text.into();
    }
    Ok(message)
}

fn ack() -> Value {
    json!({
        "name": ACK,
        "title": "acknowledgement",
        "summary": "The message was carried out, and there is nothing else to say.",
        "payload": {
            "type": "object",
            "properties": { "cid": cid() },
            "additionalProperties": false,
        },
    })
}

fn cid() -> Value {
    json!({ "type": "string", "description": "Chosen by the client; the answer carries the same." })
}

fn query() -> Value {
    json!({ "type": "object", "properties": {
        "token": { "type": "string", "description": "The session token, unless an Authorization header holds it." },
        "status": { "type": "boolean", "description": "Whether to appear online at once." },
        "lang": { "type": "string", "default": "en", "description": "A language tag for server code." },
        "format": { "type": "string", "enum": ["json", "protobuf"], "default": "json" },
    }})
}

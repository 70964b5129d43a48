//! The calls, as REST offers them.

use prost_reflect::FieldDescriptor;
use serde_json::{Map, Value, json};

use super::schemas::{all, describe, is_param, of_field, reference};
use super::{VERSION, prose, words};
use crate::model::{Binding, Call, Message, Segment};

const ABOUT: &str = "The client API over REST. The same calls are offered over gRPC, as the \
service nakama.api.Nakama. Names are read in snake_case and camelCase and written in snake_case; \
zero and empty values are left out of answers; unknown fields and query parameters are passed over.";

/// Statuses of refusals that any call may answer, with their meaning.
const REFUSALS: [(&str, &str); 9] = [
    ("400", "The request cannot be understood, or asks for something that is not allowed."),
    ("403", "The caller may not do this."),
    ("404", "There is no such thing."),
    ("409", "It is there already, or somebody else was faster."),
    ("429", "Too many requests; the answer says when to try again."),
    ("500", "The server, or server code, failed."),
    ("501", "This server does not offer the call."),
    ("503", "Something the server needs cannot be reached at the moment."),
    ("504", "It took too long."),
];

pub(crate) fn generate(calls: &[Call], messages: &[Message]) -> String {
    let mut paths: Map<String, Value> = Map::new();
    for call in calls {
        for (at, binding) in call.bindings.iter().enumerate() {
            let path = binding.path.replace("...}", "}");
            let item = paths.entry(path).or_insert_with(|| json!({}));
            item[binding.verb.to_lowercase()] = operation(call, binding, at);
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tavern client API",
            "version": VERSION,
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(&paths),
        "paths": paths,
        "components": {
            "schemas": with_errors(all(messages)),
            "responses": responses(),
            "securitySchemes": security_schemes(),
        },
    });
    document.to_string()
}

fn operation(call: &Call, binding: &Binding, at: usize) -> Value {
    let id = if at == 0 { call.name.clone() } else { format!("{}{}", call.name, at + 1) };
    let function = call.name == "RpcFunc";
    let mut operation = json!({
        "operationId": id,
        "tags": [tag(&binding.path)],
        "summary": summary(call),
        "description": prose(&call.doc),
        "parameters": parameters(call, binding),
        "security": security(call.auth),
        "responses": answers(call, function),
    });
    if function {
        function_parts(&mut operation, binding);
    } else if let Some(body) = body(call, binding) {
        operation["requestBody"] = body;
    }
    operation
}

fn summary(call: &Call) -> String {
    let first = prose(&call.doc);
    let first = first.split(". ").next().unwrap_or_default().trim_end_matches('.');
    if first.is_empty() { words(&call.name) } else { first.to_owned() }
}

/// What a path is about: its first word behind the version.
fn tag(path: &str) -> &str {
    let mut parts = path.trim_start_matches('/').split('/').filter(|part| *part != "v2");
    parts.next().unwrap_or("server")
}

fn tags(paths: &Map<String, Value>) -> Vec<Value> {
    let mut names: Vec<_> = paths.keys().map(|path| tag(path)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn parameters(call: &Call, binding: &Binding) -> Vec<Value> {
    let in_path: Vec<_> = binding
        .segments
        .iter()
        .filter_map(|segment| match segment {
            Segment::Fixed(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(name.as_str()),
        })
        .collect();
    let parameter = |field: &FieldDescriptor, place: &str, required: bool| {
        let mut schema = of_field(field);
        let text = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // A path or query holds texts: what else a number may be in a body is of no use there.
        if schema["type"].is_array() {
            schema = json!({ "type": "integer", "format": "int64" });
        }
        if required {
            schema["minLength"] = 1.into();
        }
        let mut parameter =
            json!({ "name": field.name(), "in": place, "required": required, "schema": schema });
        describe(&mut parameter, text.as_ref().and_then(Value::as_str).unwrap_or_default());
        parameter
    };
    let of_path = in_path.iter().filter_map(|name| {
        call.request.get_field_by_name(name).map(|field| parameter(&field, "path", true))
    });
    let of_query = call.request.fields().filter(|field| {
        let name = field.name();
        binding.body != "*" && binding.body != name && !in_path.contains(&name) && is_param(field)
    });
    of_path.chain(of_query.map(|field| parameter(&field, "query", false))).collect()
}

fn body(call: &Call, binding: &Binding) -> Option<Value> {
    let schema = match binding.body.as_str() {
        "" => return None,
        "*" => reference(&call.request),
        name => of_field(&call.request.get_field_by_name(name)?),
    };
    Some(json!({ "required": false, "content": { "application/json": { "schema": schema } } }))
}

fn answers(call: &Call, function: bool) -> Value {
    let mut answers = json!({ "200": {
        "description": "It is done.",
        "content": { "application/json": { "schema": reference(&call.response) } },
    }});
    let prefix = if function { "Function" } else { "" };
    let mut refuse = |status: &str| {
        answers[status] = json!({ "$ref": format!("#/components/responses/{prefix}{status}") });
    };
    if call.auth != "None" {
        refuse("401");
    }
    for (status, _) in REFUSALS {
        refuse(status);
    }
    answers
}

/// Server functions have bodies and answers of their own.
fn function_parts(operation: &mut Value, binding: &Binding) {
    operation["parameters"] = json!([
        { "name": "id", "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 },
          "description": "Which function; case does not matter." },
        { "name": "unwrap", "in": "query", "required": false, "schema": { "type": "string" },
          "description": "When it is there, body and answer are the payload itself instead of JSON." },
    ]);
    operation["responses"]["200"] = json!({
        "description": "What the function answered.",
        "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/FunctionAnswer" } },
            "*/*": { "schema": { "type": "string", "description": "With `unwrap`." } },
        },
    });
    if !binding.body.is_empty() {
        operation["requestBody"] = json!({
            "required": false,
            "content": { "application/json": { "schema": {
                "type": "string",
                "description": "The payload, as a JSON string; with `unwrap` it is the body itself.",
            }}},
        });
    }
}

fn with_errors(mut schemas: Value) -> Value {
    let code = json!({
        "type": "integer", "minimum": 1, "maximum": 16, "description": "The number of a gRPC status.",
    });
    let message = json!({ "type": "string", "description": "For people." });
    schemas["Error"] = json!({
        "type": "object",
        "description": "Why a call was refused, or failed.",
        "required": ["code", "message"],
        "properties": { "code": code, "message": message },
        "additionalProperties": false,
    });
    schemas["FunctionError"] = json!({
        "type": "object",
        "description": "Why the call of a server function was refused, or failed.",
        "required": ["code", "message", "error"],
        "properties": {
            "code": code,
            "message": message,
            "error": { "type": ["string", "object"], "description": "The text again, or what server code says." },
        },
        "additionalProperties": false,
    });
    schemas["FunctionAnswer"] = json!({
        "type": "object",
        "required": ["payload"],
        "properties": { "payload": { "type": "string" } },
        "additionalProperties": false,
    });
    schemas
}

fn responses() -> Value {
    let mut responses = json!({});
    let known = [("401", "The credential is missing, wrong or no longer good.")];
    for (status, text) in REFUSALS.into_iter().chain(known) {
        for (prefix, schema) in [("", "Error"), ("Function", "FunctionError")] {
            let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
            let content = json!({ "application/json": { "schema": schema } });
            let mut response = json!({ "description": text, "content": content });
            if status == "429" {
                let seconds = json!({ "type": "integer", "minimum": 1 });
                response["headers"] = json!({ "Retry-After": {
                    "description": "In how many seconds to try again.", "schema": seconds,
                }});
            }
            responses[format!("{prefix}{status}")] = response;
        }
    }
    responses
}

fn security(auth: &str) -> Value {
    match auth {
        "ServerKey" => json!([{ "serverKey": [] }]),
        "Bearer" => json!([{ "session": [] }]),
        "BearerOrHttpKey" => json!([{ "session": [] }, { "httpKey": [] }, { "httpKeyBasic": [] }]),
        _ => json!([]),
    }
}

fn security_schemes() -> Value {
    json!({
        "serverKey": { "type": "http", "scheme": "basic",
            "description": "The server key as the user, with any password: what game clients have before they sign in." },
        "session": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The session token that a log-in answers." },
        "httpKey": { "type": "apiKey", "in": "query", "name": "http_key",
            "description": "The key of the studio's own servers." },
        "httpKeyBasic": { "type": "http", "scheme": "basic",
            "description": "The same key as the user, with any password." },
    })
}

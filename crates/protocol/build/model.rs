//! What the generators need to know of the definitions.

use std::error::Error;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, Value,
};

/// One RPC.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) grpc_path: String,
    pub(crate) doc: String,
    pub(crate) request: MessageDescriptor,
    pub(crate) response: MessageDescriptor,
    /// A variant of `Auth`.
    pub(crate) auth: &'static str,
    pub(crate) bindings: Vec<Binding>,
}

/// One way to reach it by REST.
pub(crate) struct Binding {
    /// A variant of `Verb`.
    pub(crate) verb: &'static str,
    pub(crate) path: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) body: String,
}

/// A part of a path.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Fixed(String),
    Param(String),
    Rest(String),
}

pub(crate) fn calls(pool: &DescriptorPool) -> Result<Vec<Call>, Box<dyn Error>> {
    let auth_option = extension(pool, "tavern.auth")?;
    let rest_option = extension(pool, "tavern.rest")?;
    let service = pool.get_service_by_name("nakama.api.Nakama").ok_or("no service")?;
    let mut calls = Vec::new();
    for method in service.methods() {
        let options = method.options();
        let auth = match options.get_extension(&auth_option).as_enum_number() {
            Some(1) => "None",
            Some(2) => "ServerKey",
            Some(3) => "Bearer",
            Some(4) => "BearerOrHttpKey",
            _ => return Err(format!("{} does not state its credential", method.name()).into()),
        };
        let mut bindings = Vec::new();
        for rest in options.get_extension(&rest_option).as_list().ok_or("rest is a list")? {
            let rest = rest.as_message().ok_or("rest is a message")?;
            let binding = binding(rest).map_err(|e| format!("{}: {e}", method.name()))?;
            check(&binding, &method.input()).map_err(|e| format!("{}: {e}", method.name()))?;
            bindings.push(binding);
        }
        calls.push(Call {
            name: method.name().to_owned(),
            grpc_path: format!("/{}/{}", service.full_name(), method.name()),
            doc: comment(method.parent_file().file_descriptor_proto(), method.path()),
            request: method.input(),
            response: method.output(),
            auth,
            bindings,
        });
    }
    Ok(calls)
}

fn binding(rest: &DynamicMessage) -> Result<Binding, String> {
    let text = |name: &str| {
        rest.get_field_by_name(name)
            .and_then(|v| v.as_str().map(str::to_owned))
            .ok_or_else(|| format!("no {name}"))
    };
    let verb = match text("method")?.as_str() {
        "GET" => "Get",
        "POST" => "Post",
        "PUT" => "Put",
        "DELETE" => "Delete",
        other => return Err(format!("unknown verb {other:?}")),
    };
    let path = text("path")?;
    let segments = path
        .strip_prefix('/')
        .ok_or("a path begins with a slash")?
        .split('/')
        .map(|s| match s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            None => Segment::Fixed(s.to_owned()),
            Some(name) => match name.strip_suffix("...") {
                None => Segment::Param(name.to_owned()),
                Some(name) => Segment::Rest(name.to_owned()),
            },
        })
        .collect();
    Ok(Binding { verb, path, segments, body: text("body")? })
}

/// Refuses a binding that names what the request does not have.
fn check(binding: &Binding, request: &MessageDescriptor) -> Result<(), String> {
    for segment in &binding.segments {
        let (Segment::Param(name) | Segment::Rest(name)) = segment else { continue };
        let field = request.get_field_by_name(name).ok_or_else(|| format!("no field {name}"))?;
        if field.kind() != Kind::String || field.is_list() {
            return Err(format!("{name} is in the path but is no text"));
        }
    }
    match binding.body.as_str() {
        "" | "*" => Ok(()),
        name if request.get_field_by_name(name).is_some() => Ok(()),
        name => Err(format!("the body is {name}, which is no field")),
    }
}

pub(crate) fn extension(
    pool: &DescriptorPool,
    name: &str,
) -> Result<ExtensionDescriptor, Box<dyn Error>> {
    Ok(pool.get_extension_by_name(name).ok_or_else(|| format!("no option {name}"))?)
}

/// The comment before a definition.
pub(crate) fn comment(file: &prost_types::FileDescriptorProto, path: &[i32]) -> String {
    file.source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .find(|l| l.path == path)
        .map(|l| l.leading_comments().trim().to_owned())
        .unwrap_or_default()
}

/// Every message that has a type of its own, nested ones included, map entries left out.
pub(crate) fn messages(pool: &DescriptorPool) -> Vec<Message> {
    pool.all_messages()
        .filter(|m| m.package_name().starts_with("nakama.") && !m.is_map_entry())
        .map(|m| Message { path: rust_path(&m), fields: m.fields().map(field).collect(), of: m })
        .collect()
}

/// A macro that calls another one with the name and the type of every message: for tests.
pub(crate) fn list(messages: &[Message]) -> String {
    let mut out = "macro_rules! for_each_message {\n($call:ident) => {\n".to_owned();
    for message in messages {
        let path = message.path.replacen("crate::", "tavern_protocol::", 1);
        out.push_str(&format!("$call!({:?}, {path});\n", message.of.full_name()));
    }
    out.push_str("};\n}\n");
    out
}

/// A message and its Rust type.
pub(crate) struct Message {
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) of: MessageDescriptor,
}

/// A field and its Rust name.
pub(crate) struct Field {
    /// As in the definition: the JSON name on output.
    pub(crate) name: String,
    /// Accepted on input, too.
    pub(crate) camel: String,
    /// The Rust identifier.
    pub(crate) ident: String,
    pub(crate) shape: Shape,
}

/// How a field is held.
pub(crate) enum Shape {
    /// A plain value with implicit presence.
    Plain(Leaf),
    /// `Option<T>` of a message, a wrapper or a timestamp.
    Optional(Leaf),
    /// `Vec<T>`.
    List(Leaf),
    /// `BTreeMap<String, T>`.
    Map(Leaf),
    /// A member of a oneof: name of the oneof's field, path of its enum, name of the variant.
    Member { oneof: String, path: String, variant: String, leaf: Leaf },
}

/// What a field holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Bool,
    Int32,
    Int64,
    Uint32,
    Double,
    Text,
    Bytes,
    Time,
    Enum(String),
    Message(String),
}

fn field(f: FieldDescriptor) -> Field {
    let leaf = leaf(&f);
    let shape = if let Some(oneof) = f.containing_oneof() {
        let parent = f.parent_message();
        Shape::Member {
            oneof: ident(oneof.name()),
            path: format!("{}::{}", module(parent), camel_type(oneof.name())),
            variant: camel_type(f.name()),
            leaf,
        }
    } else if f.is_map() {
        Shape::Map(leaf)
    } else if f.is_list() {
        Shape::List(leaf)
    } else if f.cardinality() == Cardinality::Optional && matches!(f.kind(), Kind::Message(_)) {
        Shape::Optional(leaf)
    } else {
        Shape::Plain(leaf)
    };
    Field {
        name: f.name().to_owned(),
        camel: f.json_name().to_owned(),
        ident: ident(f.name()),
        shape,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what the definitions do not use has no mapping, and says so"
)]
fn leaf(f: &FieldDescriptor) -> Leaf {
    let kind = match f.kind() {
        Kind::Message(entry) if f.is_map() => {
            assert_eq!(entry.map_entry_key_field().kind(), Kind::String, "maps have text keys");
            entry.map_entry_value_field().kind()
        }
        kind => kind,
    };
    match kind {
        Kind::Bool => Leaf::Bool,
        Kind::Int32 => Leaf::Int32,
        Kind::Int64 => Leaf::Int64,
        Kind::Uint32 => Leaf::Uint32,
        Kind::Double => Leaf::Double,
        Kind::String => Leaf::Text,
        Kind::Bytes => Leaf::Bytes,
        Kind::Enum(e) => Leaf::Enum(format!(
            "{}{}",
            e.parent_message().map_or_else(
                || format!("crate::{}::", short_package(e.package_name())),
                |m| format!("{}::", module(&m))
            ),
            e.name()
        )),
        Kind::Message(m) => match m.full_name() {
            "google.protobuf.BoolValue" => Leaf::Bool,
            "google.protobuf.Int32Value" => Leaf::Int32,
            "google.protobuf.Int64Value" => Leaf::Int64,
            "google.protobuf.UInt32Value" => Leaf::Uint32,
            "google.protobuf.StringValue" => Leaf::Text,
            "google.protobuf.Timestamp" => Leaf::Time,
            _ => Leaf::Message(rust_path(&m)),
        },
        other => panic!("{}: no mapping for {other:?}", f.full_name()),
    }
}

/// The Rust path of a message's type.
pub(crate) fn rust_path(m: &MessageDescriptor) -> String {
    if m.full_name() == "google.protobuf.Empty" {
        return "crate::wkt::Unit".to_owned();
    }
    match m.parent_message() {
        Some(parent) => format!("{}::{}", module(&parent), m.name()),
        None => format!("crate::{}::{}", short_package(m.package_name()), m.name()),
    }
}

/// The Rust module that holds what is nested in a message.
fn module(m: &MessageDescriptor) -> String {
    let (place, name) = match m.parent_message() {
        Some(parent) => (module(&parent), m.name()),
        None => (format!("crate::{}", short_package(m.package_name())), m.name()),
    };
    format!("{place}::{}", snake(name))
}

fn short_package(package: &str) -> &str {
    package.strip_prefix("nakama.").expect("only public packages have messages")
}

/// `ChannelJoin` -> `channel_join`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `channel_join` -> `ChannelJoin`.
pub(crate) fn camel_type(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut chars = word.chars();
            chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars)
        })
        .collect()
}

/// A field's Rust identifier, the way prost escapes keywords.
fn ident(name: &str) -> String {
    match name {
        "self" => "self_".to_owned(),
        "type" | "match" => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// The number of an enum value held by an option.
pub(crate) fn enum_number(value: &Value) -> i32 {
    value.as_enum_number().unwrap_or_default()
}

//! `docs/typescript/index.d.ts`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tavern_protocol::realtime::Envelope;
use tavern_protocol::{Call, CallId, CallVisitor, FieldArity, FieldKind, MessageShape, RtId, Wire};
use tavern_runtime_hooks::host::{Language, host_functions};

use crate::reference::sentences;
use crate::rust_types::{Structs, camel, inside, structs};

/// What is not in any table: the language's own part.
const HEAD: &str = include_str!("head.d.ts");

/// Calls without hooks.
const UNHOOKED: [CallId; 2] = [CallId::Healthcheck, CallId::RpcFunc];

pub(crate) fn generate() -> String {
    let mut out = HEAD.to_owned();
    let mut messages = BTreeMap::new();
    out.push_str("\n  /** Where `InitModule` registers functions. */\n  interface Initializer extends InitializerBase {\n");
    for call in CallId::ALL.into_iter().filter(|call| !UNHOOKED.contains(call)) {
        call.visit(Hooks { out: &mut out, messages: &mut messages });
    }
    out.push_str("  }\n");
    let names: Vec<_> = RtId::ALL.iter().map(|id| format!("{:?}", pascal(id.name()))).collect();
    _ = write!(
        out,
        "\n  /** A realtime message that a client may send. */\n  type RtMessage = {};\n",
        names.join(" | ")
    );
    collect(Envelope::shape(), &mut messages);
    functions(&mut out, &structs());
    for (name, shape) in &messages {
        message(&mut out, name, shape);
    }
    out.push_str("}\n");
    out
}

struct Hooks<'a> {
    out: &'a mut String,
    messages: &'a mut BTreeMap<String, &'static MessageShape>,
}

impl CallVisitor for Hooks<'_> {
    type Out = ();

    fn visit<C: Call>(self) {
        let (request, response) = (C::Request::shape(), C::Response::shape());
        collect(request, self.messages);
        collect(response, self.messages);
        let name = C::ID.name();
        let (request, response) = (type_of(request), type_of(response));
        _ = write!(
            self.out,
            "    registerBefore{name}(hook: BeforeHook<{request}>): void;\n    registerAfter{name}(hook: AfterHook<{response}, {request}>): void;\n"
        );
    }
}

fn collect(shape: &'static MessageShape, found: &mut BTreeMap<String, &'static MessageShape>) {
    if shape.fields.is_empty() || found.insert(message_name(shape), shape).is_some() {
        return;
    }
    for field in shape.fields {
        if let FieldKind::Message(inner) = field.kind {
            collect(inner, found);
        }
    }
}

/// A message's name: `Api` before those of the client API, `Rt` before realtime ones.
fn message_name(shape: &MessageShape) -> String {
    let (package, name) = match shape.name.strip_prefix("nakama.realtime.") {
        Some(name) => ("Rt", name),
        None => ("Api", shape.name.trim_start_matches("nakama.api.")),
    };
    format!("{package}{}", name.replace('.', ""))
}

fn type_of(shape: &MessageShape) -> String {
    if shape.fields.is_empty() { "void".to_owned() } else { message_name(shape) }
}

fn message(out: &mut String, name: &str, shape: &MessageShape) {
    _ = writeln!(out, "\n  /** `{}` */\n  interface {name} {{", shape.name);
    for field in shape.fields {
        let one = match field.kind {
            FieldKind::Bool => "boolean".to_owned(),
            FieldKind::Int | FieldKind::Double => "number".to_owned(),
            // 64 bits do not fit a number.
            FieldKind::Long | FieldKind::Text | FieldKind::Bytes | FieldKind::Time => {
                "string".to_owned()
            }
            FieldKind::Message(inner) if inner.fields.is_empty() => "{}".to_owned(),
            FieldKind::Message(inner) => message_name(inner),
        };
        let (mark, of) = match field.arity {
            FieldArity::Plain => ("", one),
            FieldArity::Optional => ("", format!("{one} | null")),
            FieldArity::Member => ("?", one),
            FieldArity::List => ("", format!("{one}[]")),
            FieldArity::Map => ("", format!("{{ [key: string]: {one} }}")),
        };
        _ = writeln!(out, "    {}{mark}: {of};", field.camel);
    }
    out.push_str("  }\n");
}

fn functions(out: &mut String, structs: &Structs) {
    let mut used = BTreeSet::new();
    out.push_str(
        "\n  /** The functions of the server. */\n  interface Nakama extends NakamaBase {\n",
    );
    let mut all: Vec<_> = host_functions().filter(|f| !f.js.is_empty()).collect();
    all.sort_by_key(|f| f.js);
    for f in all {
        let params: Vec<_> = f.params_in(Language::JavaScript).collect();
        let last_needed = params.iter().rposition(|p| !p.is_optional()).map_or(0, |at| at + 1);
        let list: Vec<_> = params
            .iter()
            .enumerate()
            .map(|(at, p)| {
                let of = rust(p.of, structs, &mut used);
                let name = camel(p.name);
                // What may be left out before something that may not is null there.
                if p.is_optional() && at < last_needed {
                    format!("{name}: {of} | null | undefined")
                } else if p.is_optional() {
                    format!("{name}?: {of} | null")
                } else {
                    format!("{name}: {of}")
                }
            })
            .collect();
        let result = if f.result == "()" {
            "void".to_owned()
        } else if let Some(of) = inside(f.result, "Option") {
            format!("{} | null", rust(of, structs, &mut used))
        } else {
            rust(f.result, structs, &mut used)
        };
        _ = writeln!(out, "    /** {} */", sentences(f.doc));
        _ = writeln!(out, "    {}({}): {result};", f.js, list.join(", "));
    }
    out.push_str("  }\n");
    let mut done = BTreeSet::new();
    while let Some(name) = used.pop_first() {
        if !done.insert(name.clone()) {
            continue;
        }
        let (doc, fields) = &structs[&name];
        _ = writeln!(out, "\n  /** {doc} */\n  interface {} {{", shown(&name));
        for field in fields {
            let optional = field.of.starts_with("Option") || field.of == "MaybeUser";
            let of = rust(&field.of, structs, &mut used);
            let (mark, or) = if optional { ("?", " | null") } else { ("", "") };
            if !field.doc.is_empty() {
                _ = writeln!(out, "    /** {} */", field.doc);
            }
            _ = writeln!(out, "    {}{mark}: {of}{or};", camel(&field.name));
        }
        out.push_str("  }\n");
        used.retain(|name| !done.contains(name));
    }
}

/// A Rust type of the table in TypeScript.
fn rust(of: &str, structs: &Structs, used: &mut BTreeSet<String>) -> String {
    if let Some(of) = inside(of, "Option").or_else(|| inside(of, "Box")) {
        return rust(of, structs, used);
    }
    if let Some(of) = inside(of, "Vec") {
        return format!("{}[]", rust(of, structs, used));
    }
    if let Some(of) = inside(of, "BTreeMap") {
        let value = of.split_once(", ").map_or("Json", |(_, value)| value);
        return format!("{{ [key: string]: {} }}", rust(value, structs, used));
    }
    match of {
        "bool" => "boolean".to_owned(),
        "String" | "UserId" | "SessionId" | "Uuid" | "MaybeUser" | "GroupId" => "string".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "f32" | "f64" | "usize"
        | "Timestamp" => "number".to_owned(),
        "Blob" => "ArrayBuffer".to_owned(),
        // It is text in JavaScript unless told otherwise.
        "TextOrBytes" => "string".to_owned(),
        "HeaderValues" => "string[]".to_owned(),
        name if structs.contains_key(name) => {
            used.insert(name.to_owned());
            shown(name)
        }
        // Any value of the studio's, and what has no closer type.
        _ => "any".to_owned(),
    }
}

/// A type's name for studios.
fn shown(name: &str) -> String {
    match name {
        // `Presence` is one of a match.
        "HostPresence" => "StreamPresence".to_owned(),
        "HostObject" => "StorageObject".to_owned(),
        "HostObjectId" => "StorageReadRequest".to_owned(),
        "HostObjectWrite" => "StorageWriteRequest".to_owned(),
        "HostObjectDelete" => "StorageDeleteRequest".to_owned(),
        "HostObjectAck" => "StorageWriteAck".to_owned(),
        "HostObjectPage" => "StorageObjectList".to_owned(),
        "HostRecord" => "LeaderboardRecord".to_owned(),
        "HostRecordPage" => "LeaderboardRecordList".to_owned(),
        "HostLeaderboardPage" => "LeaderboardList".to_owned(),
        "HostTournamentPage" => "TournamentList".to_owned(),
        "HostWalletUpdated" => "WalletUpdateResult".to_owned(),
        "HostLedgerEntry" => "WalletLedgerResult".to_owned(),
        "HostLedgerPage" => "WalletLedgerList".to_owned(),
        name => name.strip_prefix("Host").unwrap_or(name).to_owned(),
    }
}

fn pascal(snake: &str) -> String {
    let camel = camel(snake);
    camel[..1].to_uppercase() + &camel[1..]
}

//! The JSON mapping of every message, onto the helpers in `src/json`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;

use crate::model::{Field, Leaf, Message, Shape};

pub(crate) fn generate(messages: &[Message]) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    words(&mut out, messages);
    for message in messages {
        // Fields that were seen already are kept as bits.
        if message.fields.len() > 64 {
            return Err(format!("{} has more than 64 fields", message.of.full_name()).into());
        }
        _ = writeln!(out, "impl Fields for {} {{", message.path);
        shape(&mut out, message);
        write(&mut out, message)?;
        find(&mut out, message);
        read(&mut out, message);
        set(&mut out, message);
        out.push_str("}\n");
        _ = writeln!(out, "impl Wire for {} {{}}", message.path);
    }
    Ok(out)
}

/// The words of every enum that a field has.
fn words(out: &mut String, messages: &[Message]) {
    let mut enums = BTreeSet::new();
    for field in messages.iter().flat_map(|m| &m.fields) {
        let (Shape::Plain(leaf)
        | Shape::Optional(leaf)
        | Shape::List(leaf)
        | Shape::Map(leaf)
        | Shape::Member { leaf, .. }) = &field.shape;
        if let Leaf::Enum(path) = leaf {
            enums.insert(path);
        }
    }
    for path in enums {
        _ = write!(
            out,
            "impl leaf::Words for {path} {{\nfn number(word: &str) -> Option<i32> {{\n\
             Self::from_str_name(word).map(|e| e as i32)\n}}\n}}\n"
        );
    }
}

fn shape(out: &mut String, message: &Message) {
    _ = writeln!(
        out,
        "const SHAPE: &'static MessageShape = &MessageShape {{ name: {:?}, fields: &[",
        message.of.full_name()
    );
    for f in &message.fields {
        let (arity, leaf) = match &f.shape {
            Shape::Plain(leaf) => ("Plain", leaf),
            Shape::Optional(leaf) => ("Optional", leaf),
            Shape::List(leaf) => ("List", leaf),
            Shape::Map(leaf) => ("Map", leaf),
            Shape::Member { leaf, .. } => ("Member", leaf),
        };
        let kind = match leaf {
            Leaf::Bool => "Bool".to_owned(),
            Leaf::Int32 | Leaf::Uint32 | Leaf::Enum(_) => "Int".to_owned(),
            Leaf::Int64 => "Long".to_owned(),
            Leaf::Double => "Double".to_owned(),
            Leaf::Text => "Text".to_owned(),
            Leaf::Bytes => "Bytes".to_owned(),
            Leaf::Time => "Time".to_owned(),
            Leaf::Message(path) => format!("Message(<{path} as Fields>::SHAPE)"),
        };
        _ = writeln!(
            out,
            "FieldShape {{ name: {:?}, camel: {:?}, arity: FieldArity::{arity}, kind: FieldKind::{kind} }},",
            f.name, f.camel
        );
    }
    out.push_str("] };\n");
}

fn write(out: &mut String, message: &Message) -> Result<(), Box<dyn Error>> {
    out.push_str("fn write_fields(&self, o: &mut Object<'_>) {\n");
    let mut oneof = None;
    for f in &message.fields {
        // The quotes and the colon are part of the constant: one copy per field.
        let key = format!("{:?}", format!("\"{}\":", f.name));
        let Field { ident, .. } = f;
        if let Shape::Member { oneof: name, .. } = &f.shape {
            if oneof.as_ref() != Some(name) {
                write_oneof(out, message, name)?;
                oneof = Some(name.clone());
            }
            continue;
        }
        let unknown = || format!("{}.{}: no JSON form", message.of.full_name(), f.name);
        _ = match &f.shape {
            Shape::Plain(leaf) => match leaf {
                Leaf::Text => writeln!(out, "o.text({key}, &self.{ident});"),
                Leaf::Bytes => writeln!(out, "o.bytes({key}, &self.{ident});"),
                Leaf::Bool => writeln!(out, "o.bool({key}, self.{ident});"),
                Leaf::Int32 | Leaf::Enum(_) => writeln!(out, "o.int32({key}, self.{ident});"),
                Leaf::Uint32 => writeln!(out, "o.uint32({key}, self.{ident});"),
                Leaf::Int64 => writeln!(out, "o.int64({key}, self.{ident});"),
                Leaf::Double | Leaf::Time | Leaf::Message(_) => return Err(unknown().into()),
            },
            Shape::Optional(leaf) => match leaf {
                Leaf::Text => writeln!(out, "o.some_text({key}, self.{ident}.as_deref());"),
                Leaf::Bool => writeln!(out, "o.some_bool({key}, self.{ident});"),
                Leaf::Int32 => writeln!(out, "o.some_int32({key}, self.{ident});"),
                Leaf::Uint32 => writeln!(out, "o.some_uint32({key}, self.{ident});"),
                Leaf::Int64 => writeln!(out, "o.some_int64({key}, self.{ident});"),
                Leaf::Time => writeln!(out, "o.some_time({key}, self.{ident});"),
                Leaf::Message(_) => writeln!(out, "o.some_message({key}, self.{ident}.as_ref());"),
                Leaf::Bytes | Leaf::Double | Leaf::Enum(_) => return Err(unknown().into()),
            },
            Shape::List(Leaf::Text) => writeln!(out, "o.texts({key}, &self.{ident});"),
            Shape::List(Leaf::Message(_)) => writeln!(out, "o.messages({key}, &self.{ident});"),
            Shape::Map(Leaf::Text) => writeln!(out, "o.text_map({key}, &self.{ident});"),
            Shape::Map(Leaf::Double) => writeln!(out, "o.double_map({key}, &self.{ident});"),
            Shape::List(_) | Shape::Map(_) | Shape::Member { .. } => return Err(unknown().into()),
        };
    }
    out.push_str("_ = o;\n}\n");
    Ok(())
}

fn write_oneof(out: &mut String, message: &Message, name: &str) -> Result<(), Box<dyn Error>> {
    _ = writeln!(out, "match &self.{name} {{\nNone => {{}}");
    for f in &message.fields {
        let Shape::Member { oneof, path, variant, leaf } = &f.shape else { continue };
        if oneof != name {
            continue;
        }
        let key = format!("{:?}", format!("\"{}\":", f.name));
        _ = match leaf {
            // A member is there or not: unlike a plain field it is written even when empty.
            Leaf::Text => {
                writeln!(out, "Some({path}::{variant}(v)) => o.some_text({key}, Some(v)),")
            }
            Leaf::Message(_) => {
                writeln!(out, "Some({path}::{variant}(v)) => o.some_message({key}, Some(v)),")
            }
            Leaf::Bool
            | Leaf::Int32
            | Leaf::Int64
            | Leaf::Uint32
            | Leaf::Double
            | Leaf::Bytes
            | Leaf::Time
            | Leaf::Enum(_) => {
                return Err(format!("{}: no JSON form as a member", f.name).into());
            }
        };
    }
    out.push_str("}\n");
    Ok(())
}

fn find(out: &mut String, message: &Message) {
    out.push_str("fn find(name: &str) -> Option<u8> {\n");
    if message.fields.is_empty() {
        out.push_str("_ = name; None }\n");
        return;
    }
    out.push_str("Some(match name {\n");
    for (index, f) in message.fields.iter().enumerate() {
        if f.camel == f.name {
            _ = writeln!(out, "{:?} => {index},", f.name);
        } else {
            _ = writeln!(out, "{:?} | {:?} => {index},", f.name, f.camel);
        }
    }
    out.push_str("_ => return None,\n})\n}\n");
}

/// The type in `src/json/leaf.rs` that reads a leaf.
fn reader(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Bool => "leaf::Bool".to_owned(),
        Leaf::Int32 => "leaf::Int32".to_owned(),
        Leaf::Int64 => "leaf::Int64".to_owned(),
        Leaf::Uint32 => "leaf::Uint32".to_owned(),
        Leaf::Double => "leaf::Double".to_owned(),
        Leaf::Text => "leaf::Text".to_owned(),
        Leaf::Bytes => "leaf::Base64".to_owned(),
        Leaf::Time => "leaf::Time".to_owned(),
        Leaf::Enum(path) => format!("leaf::Enum<{path}>"),
        Leaf::Message(path) => format!("leaf::Message<{path}>"),
    }
}

fn read(out: &mut String, message: &Message) {
    if message.fields.is_empty() {
        return;
    }
    out.push_str(
        "fn read<'de, D: Deserializer<'de>>(&mut self, index: u8, de: D, cx: Context) -> \
         Result<(), D::Error> {\nmatch index {\n",
    );
    for (index, f) in message.fields.iter().enumerate() {
        let Field { ident, .. } = f;
        _ = match &f.shape {
            Shape::Plain(leaf) => {
                writeln!(
                    out,
                    "{index} => read::plain::<{}, D>(&mut self.{ident}, de, cx),",
                    reader(leaf)
                )
            }
            Shape::Optional(leaf) => {
                writeln!(
                    out,
                    "{index} => read::optional::<{}, D>(&mut self.{ident}, de, cx),",
                    reader(leaf)
                )
            }
            Shape::List(leaf) => {
                writeln!(
                    out,
                    "{index} => read::list::<{}, D>(&mut self.{ident}, de, cx),",
                    reader(leaf)
                )
            }
            Shape::Map(leaf) => {
                writeln!(
                    out,
                    "{index} => read::map::<{}, D>(&mut self.{ident}, de, cx),",
                    reader(leaf)
                )
            }
            Shape::Member { oneof, path, variant, leaf } => writeln!(
                out,
                "{index} => read::member::<{}, _, D>(&mut self.{oneof}, {path}::{variant}, de, cx),",
                reader(leaf)
            ),
        };
    }
    out.push_str("_ => read::no_such_field(index, de, cx),\n}\n}\n");
}

fn set(out: &mut String, message: &Message) {
    let mut arms = String::new();
    for (index, f) in message.fields.iter().enumerate() {
        let (how, leaf) = match &f.shape {
            Shape::Plain(leaf) => ("plain", leaf),
            Shape::Optional(leaf) => ("optional", leaf),
            Shape::List(leaf) => ("append", leaf),
            Shape::Map(_) | Shape::Member { .. } => continue,
        };
        if let Some(parse) = param(leaf) {
            let ident = &f.ident;
            _ = writeln!(arms, "{index} => param::{how}(&mut self.{ident}, {parse}(text)),");
        }
    }
    if !arms.is_empty() {
        _ = write!(
            out,
            "fn set(&mut self, index: u8, text: &str) -> Result<Arity, BadParam> {{\n\
             match index {{\n{arms}_ => Ok(Arity::NotAParam),\n}}\n}}\n"
        );
    }
}

/// The function in `src/json/param.rs` that reads a leaf; no call has others beside its body.
fn param(leaf: &Leaf) -> Option<&'static str> {
    match leaf {
        Leaf::Bool => Some("param::bool"),
        Leaf::Int32 | Leaf::Int64 | Leaf::Uint32 => Some("param::integer"),
        Leaf::Text => Some("param::text"),
        Leaf::Double | Leaf::Bytes | Leaf::Time | Leaf::Enum(_) | Leaf::Message(_) => None,
    }
}

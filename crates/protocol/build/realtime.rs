//! The realtime messages: which there are, and which of them a client may send.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::DescriptorPool;

use crate::model::{Leaf, Message, Shape, camel_type, enum_number, extension};

pub(crate) fn generate(
    pool: &DescriptorPool,
    messages: &[Message],
) -> Result<String, Box<dyn Error>> {
    let sender = extension(pool, "tavern.sender")?;
    let envelope = messages
        .iter()
        .find(|m| m.of.full_name() == "nakama.realtime.Envelope")
        .ok_or("no envelope")?;
    let mut ids = Vec::new();
    let mut out = String::new();
    let mut names = String::new();
    let mut kinds = String::new();
    for (descriptor, field) in envelope.of.fields().zip(&envelope.fields) {
        let Shape::Member { variant, leaf: Leaf::Message(path), .. } = &field.shape else {
            continue;
        };
        _ = writeln!(names, "envelope::Message::{variant}(_) => {:?},", field.name);
        _ = write!(
            out,
            "impl From<{path}> for envelope::Message {{\n\
             fn from(message: {path}) -> Self {{ Self::{variant}(message) }}\n}}\n"
        );
        let from_client = enum_number(&descriptor.options().get_extension(&sender)) != 0;
        if from_client {
            ids.push((camel_type(&field.name), field.name.clone()));
            _ = writeln!(kinds, "envelope::Message::{variant}(_) => Some(RtId::{variant}),");
        } else {
            _ = writeln!(kinds, "envelope::Message::{variant}(_) => None,");
        }
    }
    out.push_str("/// Every realtime message that a client may send.\n");
    out.push_str("#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]\n");
    out.push_str("#[repr(u8)]\npub enum RtId {\n");
    for (variant, name) in &ids {
        _ = writeln!(out, "/// `{name}`.\n{variant},");
    }
    out.push_str("}\nimpl RtId {\n/// Every one, in the order of the definitions.\n");
    _ = writeln!(out, "pub const ALL: [Self; {}] = [", ids.len());
    for (variant, _) in &ids {
        _ = writeln!(out, "Self::{variant},");
    }
    out.push_str("];\n/// The name of the envelope's member.\n#[must_use]\n");
    out.push_str("pub const fn name(self) -> &'static str {\nmatch self {\n");
    for (variant, name) in &ids {
        _ = writeln!(out, "Self::{variant} => {name:?},");
    }
    out.push_str("}\n}\n");
    out.push_str(
        "/// Which one a message is; `None` when only the server may send it.\n#[must_use]\n",
    );
    out.push_str(
        "pub const fn of(message: &envelope::Message) -> Option<Self> {\nmatch message {\n",
    );
    out.push_str(&kinds);
    out.push_str("}\n}\n}\nimpl envelope::Message {\n");
    out.push_str("/// The name of the envelope's member.\n#[must_use]\n");
    out.push_str("pub const fn name(&self) -> &'static str {\nmatch self {\n");
    out.push_str(&names);
    out.push_str("}\n}\n}\n");
    Ok(out)
}

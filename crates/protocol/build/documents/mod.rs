//! Documents of the interfaces, from the same definitions as the code: OpenAPI for the calls,
//! AsyncAPI for the messages on sockets.

mod asyncapi;
mod openapi;
mod schemas;

pub(crate) use asyncapi::generate as asyncapi;
pub(crate) use openapi::generate as openapi;

/// What the documents say of the version: that of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of a call, message or field in words: `ChannelJoin`, `channel_join` -> `channel join`.
fn words(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c == '_' || (c.is_ascii_uppercase() && !out.is_empty()) {
            out.push(' ');
        }
        if c != '_' {
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

/// A comment as one line of text per paragraph.
fn prose(comment: &str) -> String {
    let paragraphs = comment
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    paragraphs.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

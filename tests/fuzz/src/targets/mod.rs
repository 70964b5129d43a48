//! The targets. Each is a function from bytes to nothing, which panics when something is wrong.

mod addresses;
mod calls;
mod config;
mod delegated;
mod envelopes;
mod headers;
mod http;
mod search;
mod texts;
mod tokens;

pub use addresses::{addresses, cursor};
pub use calls::{request_binary, request_json, rest};
pub use config::config;
pub use delegated::delegated;
pub use envelopes::{envelope_binary, envelope_json};
pub use headers::{forwarded, log_redaction, trace_context};
pub use http::http;
pub use search::search;
pub use texts::json_text;
pub use tokens::token;

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by its name, which is also that of its program and of its folder of seeds.
pub const TARGETS: &[Target] = &[
    ("addresses", addresses),
    ("config", config),
    ("cursor", cursor),
    ("delegated", delegated),
    ("envelope_binary", envelope_binary),
    ("envelope_json", envelope_json),
    ("forwarded", forwarded),
    ("http", http),
    ("json_text", json_text),
    ("log_redaction", log_redaction),
    ("request_binary", request_binary),
    ("request_json", request_json),
    ("rest", rest),
    ("search", search),
    ("token", token),
    ("trace_context", trace_context),
];

/// The first line and what comes after it.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// A store of its own, in memory.
fn memory_storage() -> tavern_storage::Storage {
    tavern_storage::memory::storage()
}

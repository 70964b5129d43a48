//! Descriptions of the interfaces for other programs, made from the definitions by the build.

/// The calls as REST offers them: an OpenAPI 3.1 document in JSON.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The messages on sockets: an AsyncAPI 3.0 document in JSON.
pub const ASYNCAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/asyncapi.json"));

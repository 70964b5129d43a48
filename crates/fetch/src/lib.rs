//! Requests to other servers.
//!
//! # Purpose
//! [`Client`] is the [`Fetch`](tavern_domain::Fetch) of a running server: pooled connections, TLS
//! against the operating system's certificates, a bound on what is under way at once, and
//! [`Egress`], which says where requests may go.
//!
//! # Invariants
//! - An address is checked after the name was resolved and again on every redirection, so that no
//!   name and no redirection leads where an address may not.
//! - No answer is read beyond the length that its request allows, and none outlives its time.
//! - Credentials of a request do not follow a redirection to another origin.
//!
//! # Must not know
//! Who asks and why.

mod client;
mod egress;
mod redirect;
mod tls;

pub use client::Client;
pub use egress::{Egress, EgressConfig, HostPattern, InvalidHostPattern, usual_deny_networks};

//! What stands in headers, and what of it may be logged.

use std::net::IpAddr;

use tavern_auth::{ClientAddress, TrustedNet};
use tavern_telemetry::{TraceContext, TraceState, redact_query, scrub};

use super::first_line;

/// `traceparent`, and a `tracestate` on each further line.
pub fn trace_context(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (parent, states) = first_line(text);
    if let Some(context) = TraceContext::from_headers(Some(parent), states.lines()) {
        let again = TraceContext::parse(&context.to_traceparent()).expect("what we write, we read");
        assert_eq!((again.trace_id, again.span_id), (context.trace_id, context.span_id));
        assert_eq!(again.sampled, context.sampled);
    }
    if let Some(state) = TraceState::parse(states.lines()) {
        assert!(state.as_str().len() <= TraceState::MOST_CHARS);
        assert_eq!(TraceState::parse([state.as_str()]).as_ref(), Some(&state));
    }
}

/// The peer, the trusted networks and the number of proxies, each on a line, then the header.
pub fn forwarded(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (peer, rest) = first_line(text);
    let (nets, rest) = first_line(rest);
    let (count, header) = first_line(rest);
    let trusted: Vec<TrustedNet> = nets.split(',').filter_map(|net| net.parse().ok()).collect();
    let peer = peer.parse().unwrap_or(IpAddr::from([10, 0, 0, 1]));
    let count = count.parse().unwrap_or(0);
    let client = ClientAddress::from_forwarded(peer, header, &trusted, count);
    assert_eq!(client.ip(), client.ip().to_canonical());
    if !trusted.iter().any(|net| net.contains(peer)) {
        assert_eq!(client, ClientAddress::direct(peer), "a stranger was believed");
    }
    if header.trim().is_empty() {
        assert_eq!(client, ClientAddress::direct(peer), "nothing was said");
    }
}

const SECRET: &str = "hushhushhushhush";

/// A text with a secret put into its middle: what is logged of it does not hold the secret.
pub fn log_redaction(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("hush") {
        return;
    }
    let (before, after) = first_line(text);
    for line in
        [format!("{before}?token={SECRET}&{after}"), format!("{before}&http_key={SECRET}#{after}")]
    {
        let logged = redact_query(&line);
        assert!(!logged.contains(SECRET), "{logged}");
    }
    for line in [
        format!("{before} token={SECRET} {after}"),
        format!("{before} Authorization: Bearer {SECRET}\n{after}"),
        format!("{before} \"password\":\"{SECRET}\"{after}"),
        format!("{before} postgres://me:{SECRET}@host/{after}"),
    ] {
        let logged = scrub(&line);
        assert!(!logged.contains(SECRET), "{logged}");
    }
}

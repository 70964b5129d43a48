//! Rows of the sections whose types other crates own, and of options that nothing reads.
//!
//! A test compares these rows with what those types really take, in both directions.

use super::table::{Item, Kind, OptionRow};

const fn row(key: &'static str, kind: Kind, about: &'static str) -> OptionRow {
    OptionRow::new(key, kind, about)
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

const DAY_MS: i64 = 86_400_000;
const GIB: i64 = 1 << 30;
const YEAR_SEC: i64 = 31_536_000;

/// `socket`, owned by the transport crate.
pub(crate) const SOCKET: &[OptionRow] = &[
    row("socket.address", Kind::Text, "Address to listen on; empty means every interface"),
    row("socket.protocol", Kind::Choice(&["tcp", "tcp4", "tcp6"]), "Network family"),
    row("socket.port", int(0, 65_535), "Port of REST, WebSocket and gRPC; 0 takes any free ports"),
    row(
        "socket.realtime_port",
        int(0, 65_535),
        "Port of WebSocket and gRPC; one below socket.port unless given",
    ),
    row(
        "socket.grpc_port",
        int(0, 65_535),
        "Port of gRPC alone; two below socket.port unless given",
    ),
    row("socket.server_key", Kind::Secret, "What clients send as user name when they log in"),
    row("socket.max_message_size_bytes", int(1, GIB), "Largest message on a socket, in bytes")
        .live(),
    row("socket.max_request_size_bytes", int(1, GIB), "Largest request body, in bytes").live(),
    row(
        "socket.max_header_size_bytes",
        int(1024, GIB),
        "Largest request line and headers together, in bytes",
    )
    .live(),
    row("socket.read_buffer_size_bytes", int(1, GIB), "Memory for reading per socket, in bytes")
        .live(),
    row(
        "socket.write_buffer_size_bytes",
        int(1, GIB),
        "Without effect: sockets share their memory for writing",
    ),
    row(
        "socket.read_timeout_ms",
        int(1, DAY_MS),
        "How long a request may take to arrive, in milliseconds",
    )
    .live(),
    row(
        "socket.write_timeout_ms",
        int(1, DAY_MS),
        "How long an answer may be stuck, in milliseconds",
    )
    .live(),
    row(
        "socket.idle_timeout_ms",
        int(501, DAY_MS),
        "How long a connection may rest, in milliseconds; a call may take 500 less",
    )
    .live(),
    row(
        "socket.write_wait_ms",
        int(1, DAY_MS),
        "How long a write to a socket may be stuck, in milliseconds",
    )
    .live(),
    row(
        "socket.pong_wait_ms",
        int(1, DAY_MS),
        "How long a socket may go without a pong, in milliseconds",
    )
    .live(),
    row("socket.ping_period_ms", int(1, DAY_MS), "Time between pings, in milliseconds").live(),
    row(
        "socket.ping_backoff_threshold",
        int(0, u32::MAX as i64),
        "Messages within a ping period that stand in for a pong; 0 means none do",
    )
    .live(),
    row(
        "socket.close_ack_wait_ms",
        int(1, DAY_MS),
        "How long to wait for the client's part of closing, in milliseconds",
    )
    .live(),
    row("socket.outgoing_queue_size", int(1, 16_777_216), "Most messages that wait for one socket")
        .live(),
    row("socket.outgoing_queue_bytes", int(1, GIB), "Most bytes that wait for one socket").live(),
    row(
        "socket.ssl_certificate",
        Kind::Text,
        "Certificate chain, a PEM file; empty means no TLS. Read again when it changes",
    ),
    row(
        "socket.ssl_private_key",
        Kind::Text,
        "Private key, a PEM file. Read again when it changes",
    ),
    row(
        "socket.ssl_listeners",
        Kind::List(Item::Choice(&["http", "realtime", "grpc"])),
        "Listeners that use TLS when there is a certificate",
    ),
    row(
        "socket.response_headers",
        Kind::List(Item::Text),
        "More headers for answers, each Name=value",
    )
    .live(),
    row("socket.proxy_count", int(0, 64), "Most proxies to look through for a client's address")
        .live(),
    row(
        "socket.trusted_proxies",
        Kind::List(Item::Net),
        "Networks whose word on a client's address counts",
    )
    .live(),
    row("socket.max_connections", int(0, 16_777_216), "Most connections; 0 means no limit").live(),
    row(
        "socket.max_connections_per_address",
        int(0, 16_777_216),
        "Most connections of one address; 0 means no limit",
    )
    .live(),
    row(
        "socket.max_concurrent_streams",
        int(1, 65_536),
        "Most calls at a time on one HTTP/2 connection",
    )
    .live(),
];

/// `session`, owned by the auth crate.
pub(crate) const SESSION: &[OptionRow] = &[
    row("session.encryption_key", Kind::Secret, "Signs session tokens and match tokens"),
    row("session.refresh_encryption_key", Kind::Secret, "Signs refresh tokens"),
    row(
        "session.previous_encryption_keys",
        Kind::List(Item::Secret),
        "Keys that signed session tokens before and are still believed",
    ),
    row(
        "session.previous_refresh_encryption_keys",
        Kind::List(Item::Secret),
        "Keys that signed refresh tokens before and are still believed",
    ),
    row(
        "session.token_expiry_sec",
        int(1, YEAR_SEC),
        "How long a session token is good, in seconds",
    ),
    row(
        "session.refresh_token_expiry_sec",
        int(1, YEAR_SEC),
        "How long a refresh token is good, in seconds",
    ),
    row(
        "session.revocation_retention_sec",
        int(0, YEAR_SEC),
        "How long a revocation is remembered, in seconds; 0 means as long as the tokens live",
    ),
    row("session.single_session", Kind::Bool, "Whether a log-in ends all earlier ones of its user"),
    row(
        "session.single_socket",
        Kind::Bool,
        "Whether a new socket closes the older ones of its user",
    ),
    row(
        "session.single_party",
        Kind::Bool,
        "Whether joining a party leaves the others; needs single_socket",
    ),
    row(
        "session.single_match",
        Kind::Bool,
        "Whether joining a match leaves the others; needs single_socket",
    ),
    row(
        "session.resume_grace_ms",
        int(0, tavern_auth::LONGEST_GRACE_MS as i64),
        "How long a session whose socket broke is kept for another one, in milliseconds",
    ),
];

/// `delegation`, owned by the crate of that name.
pub(crate) const DELEGATION: &[OptionRow] = &[
    row(
        "delegation.signing_key",
        Kind::Secret,
        "Signs tokens that speak for some of a player's rights; empty means that none are minted",
    ),
    row(
        "delegation.signing_key_id",
        int(0, 4_294_967_295),
        "Number of the signing key; a new key takes a new number",
    ),
    row(
        "delegation.public_keys",
        Kind::List(Item::Text),
        "Further keys that such tokens are believed by, each number:ed25519/hexadecimal digits",
    ),
    row(
        "delegation.expiry_sec",
        int(1, 10 * YEAR_SEC),
        "How long such a token is good unless told otherwise, in seconds",
    ),
    row(
        "delegation.max_expiry_sec",
        int(1, 10 * YEAR_SEC),
        "How long such a token may be good, in seconds; revocations are kept as long",
    ),
    row(
        "delegation.account_check_sec",
        int(1, 3_600),
        "How often the account of such a token is looked up, in seconds",
    ),
    row("delegation.cache", int(16, 1_048_576), "Verified tokens that are remembered"),
];

/// `auth`, owned by the auth crate. Its list of trusted proxies is for those who embed it alone: a
/// server finds clients' addresses in one place, by `socket.trusted_proxies`.
pub(crate) const AUTH: &[OptionRow] = &[
    row(
        "auth.password.algorithm",
        Kind::Choice(&["bcrypt", "argon2id"]),
        "How new passwords are hashed",
    ),
    row("auth.password.bcrypt_cost", int(4, 16), "Cost of bcrypt; each step doubles the work"),
    row(
        "auth.password.argon2_memory_kib",
        int(64, 1_048_576),
        "Memory of one argon2id hash, in KiB",
    ),
    row("auth.password.argon2_passes", int(1, 64), "Passes of argon2id over its memory"),
    row("auth.password.argon2_lanes", int(1, 16), "Lanes of argon2id"),
    row(
        "auth.password.threads",
        int(0, 256),
        "Passwords that are worked on at a time; 0 means half of the cores",
    ),
    row("auth.password.queue", int(0, 65_536), "Passwords that may wait; further ones are refused"),
    row("auth.lockout.enabled", Kind::Bool, "Whether failed log-ins are counted").live(),
    row("auth.lockout.account_attempts", int(1, 10_000), "Failures on one account that lock it")
        .live(),
    row("auth.lockout.address_attempts", int(1, 10_000), "Failures from one address that lock it")
        .live(),
    row("auth.lockout.window_sec", int(1, 86_400), "How long a failure counts, in seconds").live(),
    row(
        "auth.lockout.lock_sec",
        int(1, 86_400),
        "The first lock, in seconds; each further one is twice as long",
    )
    .live(),
    row("auth.lockout.max_lock_sec", int(1, 86_400), "The longest lock, in seconds").live(),
    row(
        "auth.lockout.capacity",
        int(16, 16_777_216),
        "Accounts, and as many addresses, whose failures are remembered",
    ),
];

/// `limits`, owned by the crate of limits.
pub(crate) const LIMITS: &[OptionRow] = &[
    row("limits.enabled", Kind::Bool, "Whether there are limits on how often clients may ask")
        .live(),
    row("limits.address.times", int(1, 10_000_000), "Calls and new sockets of one address at once")
        .live(),
    row("limits.address.per_sec", int(1, 86_400), "Seconds in which all of them come back").live(),
    row("limits.account.times", int(1, 10_000_000), "Calls and messages of one account at once")
        .live(),
    row("limits.account.per_sec", int(1, 86_400), "Seconds in which all of them come back").live(),
    row("limits.session.times", int(1, 10_000_000), "Calls and messages of one session at once")
        .live(),
    row("limits.session.per_sec", int(1, 86_400), "Seconds in which all of them come back").live(),
    row(
        "limits.rules",
        Kind::List(Item::Limit),
        "More limits, each NAME=TIMES/SECONDS; NAME is a call, message:NAME or rpc:ID",
    )
    .live(),
    row("limits.exempt", Kind::List(Item::Net), "Networks whose addresses are not limited").live(),
    row("limits.capacity", int(64, 16_777_216), "Callers that each limit remembers").live(),
];

/// `match.relayed`, owned by the crate of relayed matches.
pub(crate) const RELAYED: &[OptionRow] = &[
    row("match.relayed.max_members", int(1, 65_536), "Most members of a relayed match"),
    row("match.relayed.max_name_bytes", int(1, 65_536), "Longest name of a match, in bytes"),
    row(
        "match.relayed.max_listed_presences",
        int(1, 65_536),
        "Most recipients that one piece of data may list",
    ),
];

/// `presence`, owned by the presence crate.
pub(crate) const PRESENCE: &[OptionRow] = &[
    row(
        "presence.max_streams_per_session",
        int(1, 1_000_000),
        "Streams that one session may be on at a time",
    ),
    row(
        "presence.max_presences_per_stream",
        int(1, 10_000_000),
        "Presences that one stream may have at a time",
    ),
];

/// `streams`, owned by the streams crate.
pub(crate) const STREAMS: &[OptionRow] = &[row(
    "streams.max_subscriptions_per_session",
    int(2, 1_000_000),
    "Streams that one session may listen to at a time",
)];

const LIVE_OPS: &str = "Tavern does not talk to that service";

/// Options that files may hold and that nothing here reads. Each by name: a misspelt one is
/// still refused.
pub(crate) const IGNORED: &[OptionRow] = &[
    row("satori.url", Kind::Text, "Address of a live-operations service").ignored(LIVE_OPS),
    row("satori.api_key_name", Kind::Text, "Key name for that service").ignored(LIVE_OPS),
    row("satori.api_key", Kind::Secret, "Key for that service").ignored(LIVE_OPS),
    row("satori.server_key", Kind::Secret, "Server key for that service").ignored(LIVE_OPS),
    row("satori.signing_key", Kind::Secret, "Signing key for that service").ignored(LIVE_OPS),
    row("satori.http_timeout_ms", int(1, DAY_MS), "Time limit of calls to that service")
        .ignored(LIVE_OPS),
    row("satori.retry_count", int(0, 3), "Repeated calls to that service").ignored(LIVE_OPS),
    row("satori.cache_enabled", Kind::Bool, "Former switch of that service's cache")
        .ignored(LIVE_OPS),
    row("satori.cache_disabled", Kind::Bool, "Switch of that service's cache").ignored(LIVE_OPS),
    row("satori.cache_mode", Kind::Choice(&["context", "time"]), "How that service's cache ages")
        .ignored(LIVE_OPS),
    row("satori.cache_ttl_sec", int(1, YEAR_SEC), "How long that service's cache lives")
        .ignored(LIVE_OPS),
];

/// Flags that existing scripts may pass and that never had a meaning.
pub(crate) const MEANINGLESS_FLAGS: &[&str] = &[
    "google_auth.-.clientid",
    "google_auth.-.clientsecret",
    "google_auth.-.endpoint.authstyle",
    "google_auth.-.endpoint.authurl",
    "google_auth.-.endpoint.deviceauthurl",
    "google_auth.-.endpoint.tokenurl",
    "google_auth.-.redirecturl",
    "google_auth.-.scopes",
];

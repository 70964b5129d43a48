//! The sections that no other crate owns and that do something today.

use std::path::PathBuf;
use std::time::Duration;

use tavern_domain::Secret;

use super::table::{Item, choice, section};

choice! {
    /// How the connection to the database is protected.
    #[expect(missing_docs, reason = "the words are those of PostgreSQL's clients")]
    pub enum SslMode {
        Disable = "disable",
        Prefer = "prefer",
        Require = "require",
        VerifyCa = "verify-ca",
        VerifyFull = "verify-full",
    }
}

choice! {
    /// The lowest level written to the log.
    #[expect(missing_docs, reason = "the words say it")]
    pub enum LogLevelOption {
        Trace = "trace",
        Debug = "debug",
        Info = "info",
        Warn = "warn",
        Error = "error",
    }
}

choice! {
    /// The shape of a log line.
    #[expect(missing_docs, reason = "the words say it")]
    pub enum LogFormatOption {
        Json = "json",
        Stackdriver = "stackdriver",
        Text = "text",
    }
}

choice! {
    /// Which PostgreSQL runs when no address is given.
    #[expect(missing_docs, reason = "the words say it")]
    pub enum EmbeddedMode {
        Auto = "auto",
        Bundled = "bundled",
        System = "system",
        Off = "off",
    }
}

section! {
    /// The database.
    pub struct Database in "database." {
        /// Where the database is, as user:password@host:port/database; several are tried in order. None: an embedded one is started in the data directory
        address: Vec<Secret> = Vec::new(), item(Item::DatabaseAddress);
        /// Which PostgreSQL to start when no address is given; auto takes the bundled one where it runs, else the machine's
        embedded: EmbeddedMode = EmbeddedMode::Auto;
        /// How the connection is protected
        sslmode: SslMode = SslMode::Prefer;
        /// PEM file with the authorities that may have signed the database's certificate; empty means those of the machine
        ssl_root_certificate: PathBuf = PathBuf::new();
        /// How long a pooled connection may live, in milliseconds; 0 means for ever
        conn_max_lifetime_ms: u64 = 3_600_000, range(0, 31_536_000_000);
        /// How long a pooled connection may rest before it is closed, in milliseconds; 0 means for ever
        conn_idle_timeout_ms: u64 = 600_000, range(0, 31_536_000_000);
        /// How often host names are looked up again, in seconds
        dns_scan_interval_sec: u64 = 60, range(1, 86_400);
        /// Most connections at rest; more are closed
        max_idle_conns: u32 = 100, range(0, 10_000);
        /// Most connections
        max_open_conns: u32 = 100, range(1, 10_000);
        /// How long to try to connect, in milliseconds
        connect_timeout_ms: u64 = 10_000, range(1, 600_000);
        /// How long to wait for a free connection, in milliseconds
        acquire_timeout_ms: u64 = 5_000, range(1, 600_000);
        /// How long one statement may take, in milliseconds; 0 means for ever
        statement_timeout_ms: u64 = 30_000, range(0, 86_400_000);
        /// How often a transaction is repeated after a serialisation failure
        max_retries: u32 = 10, range(0, 100);
    }
}

section! {
    /// Log output.
    pub struct Logger in "logger." {
        /// Lowest level written
        level: LogLevelOption = LogLevelOption::Info, live;
        /// Shape of a line
        format: LogFormatOption = LogFormatOption::Json;
        /// Whether lines go to standard output
        stdout: bool = true;
        /// File that lines go to as well; empty means none
        file: PathBuf = PathBuf::new();
        /// Whether the file is put aside when it has grown too large
        rotation: bool = false;
        /// Size at which it is put aside, in MB
        max_size: u64 = 100, range(1, 1_048_576);
        /// Days to keep files put aside; 0 means for ever
        max_age: u32 = 0, range(0, 36_500);
        /// Number of files put aside to keep; 0 means all
        max_backups: u32 = 0, range(0, 1_000_000);
        /// Whether the names of files put aside tell the local time instead of UTC
        local_time: bool = false;
        /// Whether files put aside are compressed
        compress: bool = false;
    }
}

section! {
    /// Metrics and health.
    pub struct MetricsSection in "metrics." {
        /// Port of /metrics, /livez and /readyz; 0 turns it off, -1 takes any free port
        prometheus_port: i32 = 9100, range(-1, 65_535);
        /// Address that port listens on; empty means every interface
        address: String = String::new();
        /// Goes before every metric name but the fixed ones; empty means nothing does
        prefix: String = "nakama".to_owned();
        /// Goes, after the prefix, before names that server code makes up; empty means nothing does
        custom_prefix: String = "custom".to_owned();
        /// Most metric series that server code may make; 0 means no limit
        custom_scope_limit: usize = 10_000;
        /// Value of the label namespace on every series; empty means no such label
        namespace: String = String::new();
        /// How often values are refreshed elsewhere, in seconds; here they always are
        reporting_freq_sec: u32 = 60, range(1, 86_400), ignored("every look at the metrics sees the present values");
    }
}

section! {
    /// Spans for an OpenTelemetry collector.
    pub struct Otlp in "telemetry.otlp." {
        /// gRPC address of the collector, such as http://127.0.0.1:4317; empty sends nothing
        endpoint: String = String::new();
        /// Share of the traces begun here that are recorded
        sample_ratio: f64 = 0.1, share;
        /// How long sending a batch may take, in milliseconds
        timeout_ms: u64 = 10_000, range(1, 600_000);
        /// Spans that wait to be sent; more are dropped
        queue_size: usize = 2048, range(1, 1_000_000);
    }
}

/// What leaves the server about itself.
#[derive(Clone, PartialEq, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Spans for an OpenTelemetry collector.
    pub otlp: Otlp,
}

const ENGINES: &str = "script engines";

section! {
    /// Server code.
    pub struct Runtime in "runtime." {
        /// Folder of server modules; empty means the folder modules in the data directory
        path: PathBuf = PathBuf::new();
        /// Key for calls of server functions by other servers
        http_key: Secret = Secret::default();
        /// Pairs name=value that server code sees as its environment
        env: Vec<Secret> = Vec::new(), item(Item::Pair);
        /// Events that wait for server code
        event_queue_size: usize = 65_536, range(1, 16_777_216);
        /// Workers that hand events to server code
        event_queue_workers: u32 = 8, range(1, 1_024);
        /// Hosts that server code may send requests to, such as api.example.com or *.example.com; empty means all
        http_allow_hosts: Vec<String> = Vec::new();
        /// Networks that server code sends no requests to, though a name leads there
        http_deny_networks: Vec<String> = tavern_fetch::usual_deny_networks();
        /// JavaScript or TypeScript file to load instead of index.js or index.ts, relative to the folder of modules
        js_entrypoint: PathBuf = PathBuf::new();
        /// Most JavaScript machines at a time
        js_max_count: u32 = 32, range(1, 65_536);
        /// JavaScript machines made at the start
        js_min_count: u32 = 16, range(0, 65_536);
        /// Whether JavaScript globals are frozen once loaded
        js_read_only_globals: bool = true;
        /// Whether errors sent to clients hold the Lua stack
        lua_api_stacktrace: bool = false, later(ENGINES);
        /// How deep Lua calls may nest
        lua_call_stack_size: u32 = 128, range(1, 1_000_000), later(ENGINES);
        /// Most Lua machines at a time
        lua_max_count: u32 = 48, range(1, 65_536);
        /// Lua machines made at the start
        lua_min_count: u32 = 16, range(0, 65_536);
        /// Whether Lua globals are frozen once loaded
        lua_read_only_globals: bool = true;
        /// Slots of the Lua registry
        lua_registry_size: u32 = 512, range(128, 16_777_216), later(ENGINES);
        /// Computing time of one call of a script, in milliseconds; waiting does not count
        script_call_cpu_ms: u64 = 5_000, range(1, 3_600_000);
        /// Memory of one machine for scripts, in bytes
        script_memory_bytes: usize = 134_217_728, range(1_048_576, 1_099_511_627_776);
        /// Calls that wait for a machine before one more is refused
        script_queue_size: usize = 4_096, range(1, 16_777_216);
        /// Former name of lua_call_stack_size; 0 means not set
        call_stack_size: u32 = 0, range(0, 1_000_000), deprecated("runtime.lua_call_stack_size");
        /// Former name of lua_max_count; 0 means not set
        max_count: u32 = 0, range(0, 65_536), deprecated("runtime.lua_max_count");
        /// Former name of lua_min_count; 0 means not set
        min_count: u32 = 0, range(0, 65_536), deprecated("runtime.lua_min_count");
        /// Former name of lua_read_only_globals
        read_only_globals: bool = true, deprecated("runtime.lua_read_only_globals");
        /// Former name of lua_registry_size; 0 means not set
        registry_size: u32 = 0, range(0, 16_777_216), deprecated("runtime.lua_registry_size");
    }
}

section! {
    /// Matches.
    pub struct Match in "match." {
        /// Calls that wait for an authoritative match elsewhere; here who comes and goes has its place in the mailbox
        call_queue_size: usize = 128, range(1, 1_048_576), ignored("a mailbox holds one arrival and one departure for each player, and none is lost");
        /// Broadcasts that an authoritative match may put off per tick
        deferred_queue_size: usize = 128, range(1, 1_048_576);
        /// Data messages that wait for the next tick, four per player if that is more; senders of more wait
        input_queue_size: usize = 128, range(1, 1_048_576);
        /// Attempts to join that wait for a match; more are refused
        join_attempt_queue_size: usize = 128, range(1, 1_048_576);
        /// How long an admitted player has to arrive, in milliseconds
        join_marker_deadline_ms: u64 = 15_000, range(1, 3_600_000);
        /// How often changed labels reach the listing, in milliseconds
        label_update_interval_ms: u64 = 1_000, range(1, 3_600_000);
        /// How long an empty match lives, in seconds; 0 means for ever
        max_empty_sec: u32 = 0;
        /// Players that an authoritative match lets in
        max_members: usize = 10_000, range(1, 65_536);
        /// Signals that wait for a match
        signal_queue_size: usize = 10, range(1, 1_048_576);
    } and {
        /// Relayed matches.
        relayed: tavern_matches::Config;
    }
}

impl Match {
    /// As the part that it belongs to has it.
    #[must_use]
    pub fn hosted(&self) -> tavern_matches::HostedConfig {
        tavern_matches::HostedConfig {
            max_members: self.max_members,
            input_queue_size: self.input_queue_size,
            join_attempt_queue_size: self.join_attempt_queue_size,
            signal_queue_size: self.signal_queue_size,
            deferred_queue_size: self.deferred_queue_size,
            join_marker_deadline: Duration::from_millis(self.join_marker_deadline_ms),
            label_update_interval: Duration::from_millis(self.label_update_interval_ms),
            max_empty: Duration::from_secs(self.max_empty_sec.into()),
        }
    }
}

section! {
    /// The register of presences, under the name that existing files use.
    pub struct Tracker in "tracker." {
        /// Presence events that wait elsewhere; here they are handled where they happen
        event_queue_size: usize = 1_024, range(1, 16_777_216), ignored("there is no such queue: no presence event can be lost");
    }
}

section! {
    /// Stored objects.
    pub struct Storage in "storage." {
        /// Whether lists of storage indexes read values from the database even where the index has them
        disable_index_only: bool = false;
    }
}

impl Storage {
    /// How storage indexes answer.
    #[must_use]
    pub const fn indexes(&self) -> tavern_storage_index::Config {
        tavern_storage_index::Config { disable_index_only: self.disable_index_only }
    }
}

section! {
    /// The matchmaker.
    pub struct Matchmaker in "matchmaker." {
        /// Seconds between passes
        interval_sec: u32 = 15, range(1, 86_400);
        /// Passes that a ticket waits for the most players before it takes fewer
        max_intervals: u32 = 2, range(1, 1_000_000);
        /// Most tickets of one session or party
        max_tickets: u32 = 3, range(1, 1_000_000);
        /// Whether both sides of a match must want each other
        rev_precision: bool = true;
        /// When a pass has taken this many intervals, its rest takes one-sided matches too; 0 means never
        rev_threshold: u32 = 0, range(0, 1_000_000);
    }
}

impl Matchmaker {
    /// The rules of matching.
    #[must_use]
    pub fn rules(&self) -> tavern_matchmaker::Config {
        tavern_matchmaker::Config {
            interval_sec: self.interval_sec,
            max_intervals: self.max_intervals,
            max_tickets: self.max_tickets,
            rev_precision: self.rev_precision,
            rev_threshold: self.rev_threshold,
            ..tavern_matchmaker::Config::default()
        }
    }
}

section! {
    /// Parties.
    pub struct Party in "party." {
        /// How often parties are looked at for being empty, in milliseconds
        idle_check_interval_ms: u64 = 30_000, range(1, 86_400_000), later("parties");
        /// How often changed labels reach the listing, in milliseconds
        label_update_interval_ms: u64 = 1_000, range(1, 3_600_000), later("parties");
    }
}

section! {
    /// Leaderboards and tournaments.
    pub struct Leaderboard in "leaderboard." {
        /// Leaderboards that have no ranks, whatever they were created with; * means all
        blacklist_rank_cache: Vec<String> = Vec::new();
        /// Records whose places are known one by one, over all boards; each costs about 40 bytes
        rank_keys: usize = 2_000_000, range(10_000, 1_000_000_000);
        /// How long a board that was looked up is taken for known, in milliseconds
        board_ttl_ms: u64 = 5_000, range(0, 3_600_000);
        /// Resets and ends that wait for server code
        callback_queue_size: usize = 65_536, range(1, 16_777_216), ignored("resets and ends wait in the database");
        /// Boards whose resets and ends are told to server code at a time
        callback_queue_workers: u32 = 8, range(1, 1_024);
        /// Boards whose records are counted at a time at the start
        rank_cache_workers: u32 = 1, range(1, 1_024);
    }
}

impl Leaderboard {
    /// As the part that it belongs to has it.
    #[must_use]
    pub fn limits(&self) -> tavern_leaderboards::Config {
        tavern_leaderboards::Config {
            blacklist_rank_cache: self.blacklist_rank_cache.clone(),
            rank_keys: self.rank_keys,
            board_ttl_ms: self.board_ttl_ms,
            callback_queue_workers: self.callback_queue_workers,
            rank_cache_workers: self.rank_cache_workers,
        }
    }
}

//! Log output: which lines, in which shape, to where.

mod file;
mod format;
mod layer;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::names::tavern;
use crate::{Metrics, Tracer};

/// Where the log takes the time from: how long ago the Unix epoch was.
pub type WallClock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The time as lines and file names have it; saturates in the year 2262.
fn nanos(clock: &WallClock) -> i64 {
    i64::try_from(clock().as_nanos()).unwrap_or(i64::MAX)
}

/// The lowest level written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// All levels with their names, most talkative first.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Trace, "trace"),
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Warn, "warn"),
        (Self::Error, "error"),
    ];

    const fn filter(self) -> LevelFilter {
        match self {
            Self::Trace => LevelFilter::TRACE,
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
        }
    }
}

/// The shape of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// One JSON object per line: `level`, `ts`, `msg`, then the fields.
    #[default]
    Json,
    /// JSON with the names that Google's log viewer looks for: `severity`, `timestamp`, `message`.
    Stackdriver,
    /// For people: time, level, message, `name=value`.
    Text,
}

/// When a log file is put aside and a new one begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rotation {
    /// Begin a new file when this one would grow above so many bytes.
    pub max_bytes: u64,
    /// Delete files put aside longer ago than this many days; 0 keeps them.
    pub max_age_days: u32,
    /// Keep at most this many files put aside; 0 keeps all.
    pub max_backups: usize,
    /// Compress files put aside with gzip.
    pub compress: bool,
    /// Seconds east of UTC for the times in the names of files put aside.
    pub utc_offset_seconds: i32,
}

/// A log file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogFile {
    /// Where it is; missing folders are made.
    pub path: PathBuf,
    /// When a new one is begun; `None` means never (something else may move the file away and
    /// have it opened anew by [`LogHandle::reopen`]).
    pub rotation: Option<Rotation>,
}

/// What is logged, and where to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// The lowest level written.
    pub level: LogLevel,
    /// The shape of a line.
    pub format: LogFormat,
    /// Whether lines go to standard output.
    pub stdout: bool,
    /// The file they go to as well.
    pub file: Option<LogFile>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Json, stdout: true, file: None }
    }
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file cannot be written.
    #[error("cannot open the log file {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The writer's thread cannot be started.
    #[error("cannot start the log writer")]
    Thread(#[source] std::io::Error),
    /// This process logs already.
    #[error("logging is set up already")]
    Twice(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Crates whose detail is noise unless everything is asked for.
const NOISY: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "rustls",
    "tokio_postgres",
    "tokio_util",
    "tonic",
    "tower",
    "tungstenite",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry-otlp",
];

fn filter(level: LogLevel) -> Targets {
    let noisy = if level == LogLevel::Debug { LevelFilter::INFO } else { level.filter() };
    Targets::new()
        .with_default(level.filter())
        .with_targets(NOISY.iter().map(|target| (*target, noisy)))
}

type Changeable = reload::Handle<Targets, Registry>;

/// Changes logging while the server runs. Cheap to clone.
#[derive(Clone)]
pub struct LogHandle {
    level: Changeable,
    writer: writer::Sender,
}

impl std::fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogHandle")
    }
}

impl LogHandle {
    /// Changes the lowest level written, at once and for all threads.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then nothing is logged anyway.
        if self.level.reload(filter(level)).is_err() {
            tracing::debug!("the log level could not be changed");
        }
    }

    /// Opens the log file anew, for programs that move log files away.
    pub fn reopen(&self) {
        self.writer.reopen();
    }

    /// Waits until what was logged so far has been written, but no longer than `patience`.
    /// Returns whether it was. Blocks the calling thread.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        self.writer.flush(patience)
    }
}

/// Writes what is still waiting when it is dropped. Keep it until the end of `main`.
#[derive(Debug)]
pub struct LogGuard {
    writer: writer::Sender,
    #[cfg(feature = "otlp")]
    tracer: Tracer,
}

/// How long the end of the process waits for a slow disk or pipe.
const LAST_FLUSH: Duration = Duration::from_secs(2);

impl Drop for LogGuard {
    fn drop(&mut self) {
        #[cfg(feature = "otlp")]
        self.tracer.shutdown(LAST_FLUSH);
        self.writer.stop(LAST_FLUSH);
    }
}

/// Sets up logging (and spans, as `tracer` says) for the whole process. Call it once, in `main`.
///
/// # Errors
/// When the file cannot be opened, or logging is set up already.
pub fn start_logging(
    config: &LogConfig,
    clock: WallClock,
    metrics: &Metrics,
    tracer: &Tracer,
) -> Result<(LogHandle, LogGuard), LogError> {
    let (subscriber, handle, guard) = build(config, clock, metrics, tracer)?;
    tracing::subscriber::set_global_default(subscriber).map_err(LogError::Twice)?;
    Ok((handle, guard))
}

type Built = (Box<dyn tracing::Subscriber + Send + Sync>, LogHandle, LogGuard);

fn build(
    config: &LogConfig,
    clock: WallClock,
    metrics: &Metrics,
    tracer: &Tracer,
) -> Result<Built, LogError> {
    let dropped = metrics.counter(tavern::LOG_LINES_DROPPED_TOTAL, &[]);
    let writer = writer::start(config, Arc::clone(&clock), dropped)?;
    let (filter, level) = reload::Layer::new(filter(config.level));
    let lines = layer::LogLayer::new(config.format, clock, writer.clone()).with_filter(filter);
    let subscriber = Registry::default().with(lines);
    #[cfg(feature = "otlp")]
    let subscriber = subscriber.with(tracer.layer());
    #[cfg(not(feature = "otlp"))]
    let _ = tracer;
    let guard = LogGuard {
        writer: writer.clone(),
        #[cfg(feature = "otlp")]
        tracer: tracer.clone(),
    };
    Ok((Box::new(subscriber), LogHandle { level, writer }, guard))
}

/// Sends panics to the log, with place and message, instead of to standard error alone.
///
/// A panic ends only the task it happens in; without this its text would miss the log file.
pub fn log_panics(handle: &LogHandle) {
    let writer = handle.writer.clone();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name().unwrap_or_default(), "panic: {message}");
        // Whether the process lives on is not known here; waiting is bounded by the writer.
        let _written = writer.flush(Duration::from_millis(200));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> WallClock {
        Arc::new(|| Duration::from_nanos(1_700_000_000_123_456_789))
    }

    /// Logs into a file and returns its lines.
    fn logged(config: LogConfig, work: impl FnOnce(&LogHandle)) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/tavern.log");
        let file = Some(LogFile { path: path.clone(), rotation: None });
        let config = LogConfig { stdout: false, file, ..config };
        let (subscriber, handle, guard) =
            build(&config, clock(), &Metrics::default(), &Tracer::off()).unwrap();
        tracing::subscriber::with_default(subscriber, || work(&handle));
        drop(guard);
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_json_line_holds_time_level_message_fields_and_those_of_its_spans() {
        let lines = logged(LogConfig::default(), |_| {
            let span = tracing::info_span!("call", trace_id = "abc", user = "outer");
            let _in = span.enter();
            let inner = tracing::info_span!("work", user = "inner", late = tracing::field::Empty);
            inner.record("late", 7);
            let _in = inner.enter();
            tracing::warn!(n = 5_u64, ok = true, f = 0.5, name = %"a\"b\n", "it {}", "happened");
        });
        assert_eq!(
            lines,
            ["{\"level\":\"warn\",\"ts\":\"2023-11-14T22:13:20.123Z\",\"msg\":\"it happened\",\
              \"target\":\"tavern_telemetry::log::tests\",\"trace_id\":\"abc\",\"user\":\"inner\",\
              \"late\":7,\"n\":5,\"ok\":true,\"f\":0.5,\"name\":\"a\\\"b\\n\"}"]
        );
    }

    #[test]
    fn other_shapes() {
        let config = LogConfig { format: LogFormat::Text, ..LogConfig::default() };
        let lines = logged(config, |_| tracing::info!(who = "me too", n = 1, "hello"));
        assert_eq!(lines, ["2023-11-14T22:13:20.123Z  INFO hello who=\"me too\" n=1"]);
        let config = LogConfig { format: LogFormat::Stackdriver, ..LogConfig::default() };
        let lines = logged(config, |_| tracing::warn!(severity = "mine", "hello"));
        assert!(lines[0].starts_with(
            "{\"severity\":\"WARNING\",\"timestamp\":\"2023-11-14T22:13:20.123Z\",\"message\":\"hello\""
        ));
        assert!(lines[0].contains("\"field.severity\":\"mine\""));
    }

    #[test]
    fn the_level_can_change_while_running() {
        let lines = logged(LogConfig { level: LogLevel::Warn, ..Default::default() }, |handle| {
            for round in 0..2 {
                tracing::debug!(round, "seen only the second time");
                handle.set_level(LogLevel::Debug);
            }
            handle.set_level(LogLevel::Error);
            tracing::warn!("not seen");
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("\"round\":1"));
    }

    #[test]
    fn secrets_of_whatever_crate_do_not_reach_the_log() {
        let lines = logged(LogConfig { level: LogLevel::Trace, ..Default::default() }, |_| {
            tracing::info!(uri = "/ws?token=hush-hush&lang=en", "got {}", "?http_key=hush-hush");
            tracing::trace!(target: "hyper", headers = ?("authorization", "Bearer hush-hush"), "x");
        });
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert!(!line.contains("hush"), "{line}");
            assert!(line.contains("***"));
        }
    }

    #[test]
    fn crates_below_do_not_chatter_at_debug() {
        let lines = logged(LogConfig { level: LogLevel::Debug, ..Default::default() }, |_| {
            tracing::debug!(target: "h2::proto", "noise");
            tracing::debug!(target: "tavern_api", "signal");
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("signal"));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let path = std::env::temp_dir();
        let file = Some(LogFile { path: path.clone(), rotation: None });
        let config = LogConfig { file, ..LogConfig::default() };
        let failed = build(&config, clock(), &Metrics::default(), &Tracer::off());
        let text = failed.err().unwrap().to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
    }
}

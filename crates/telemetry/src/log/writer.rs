//! The thread that writes lines, behind a bounded queue.
//!
//! Writing where the event happens would stop an I/O thread whenever a disk or the reader of a
//! pipe is slow. So lines are queued; when the queue is full the newest line is dropped and
//! counted, and once there is room again a line says how many are missing.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use metrics::Counter;
use tracing::Level;

use super::file::LogSink;
use super::format::{Fields, Line, Value, write};
use super::{LogConfig, LogError, LogFormat, WallClock, nanos};

/// Lines waiting at most. A line is at most a few kilobytes, most are below 300 bytes.
const QUEUE: usize = 4096;

enum Order {
    Line(String),
    Reopen,
    Flush(SyncSender<()>),
    Stop(SyncSender<()>),
}

/// Hands lines to the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sender {
    queue: SyncSender<Order>,
    lost: Arc<AtomicU64>,
    dropped: Counter,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    /// Queues a line; never waits.
    pub(crate) fn line(&self, text: String) {
        match self.queue.try_send(Order::Line(text)) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                self.dropped.increment(1);
            }
        }
    }

    /// Has the file opened anew. When even this finds the queue full, the next rotation or reload
    /// does it.
    pub(crate) fn reopen(&self) {
        if self.queue.try_send(Order::Reopen).is_err() {
            self.dropped.increment(1);
        }
    }

    /// Waits for everything queued so far to be written.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        self.ask(Order::Flush, patience)
    }

    /// Writes everything queued so far and ends the thread.
    pub(crate) fn stop(&self, patience: Duration) {
        self.ask(Order::Stop, patience);
    }

    fn ask(&self, order: impl FnOnce(SyncSender<()>) -> Order, patience: Duration) -> bool {
        let (answer, answered) = sync_channel(1);
        // A full queue means the writer is stuck; then there is nothing to wait for.
        self.queue.try_send(order(answer)).is_ok() && answered.recv_timeout(patience).is_ok()
    }
}

/// Opens the outputs and starts the thread.
pub(crate) fn start(
    config: &LogConfig,
    clock: WallClock,
    dropped: Counter,
) -> Result<Sender, LogError> {
    let sink = match &config.file {
        None => None,
        Some(file) => Some(
            LogSink::open(file.clone(), Arc::clone(&clock))
                .map_err(|source| LogError::File { path: file.path.clone(), source })?,
        ),
    };
    let (queue, orders) = sync_channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Writer {
        stdout: config.stdout.then(std::io::stdout),
        sink,
        format: config.format,
        clock,
        lost: Arc::clone(&lost),
    };
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || writer.run(&orders))
        .map_err(LogError::Thread)?;
    Ok(Sender { queue, lost, dropped })
}

struct Writer {
    stdout: Option<std::io::Stdout>,
    sink: Option<LogSink>,
    format: LogFormat,
    clock: WallClock,
    lost: Arc<AtomicU64>,
}

/// Lines gathered into one write.
const BATCH_BYTES: usize = 64 * 1024;

impl Writer {
    fn run(mut self, orders: &Receiver<Order>) {
        let mut batch = String::new();
        loop {
            // Whatever is waiting is gathered into one write; an empty queue ends the gathering.
            let next = if batch.is_empty() {
                orders.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                orders.try_recv()
            };
            match next {
                Ok(Order::Line(line)) => {
                    self.say_what_is_missing(&mut batch);
                    batch.push_str(&line);
                    if batch.len() >= BATCH_BYTES {
                        self.write(&mut batch);
                    }
                }
                Ok(Order::Reopen) => {
                    self.write(&mut batch);
                    if let Some(sink) = &mut self.sink {
                        sink.reopen();
                    }
                }
                Ok(Order::Flush(answer)) => {
                    self.write(&mut batch);
                    // Whoever asked may have given up waiting.
                    let _gone = answer.try_send(());
                }
                Ok(Order::Stop(answer)) => {
                    self.say_what_is_missing(&mut batch);
                    self.write(&mut batch);
                    let _gone = answer.try_send(());
                    return;
                }
                Err(TryRecvError::Empty) => self.write(&mut batch),
                Err(TryRecvError::Disconnected) => {
                    self.write(&mut batch);
                    return;
                }
            }
        }
    }

    fn say_what_is_missing(&self, batch: &mut String) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        let mut fields = Fields { message: "log lines were dropped".to_owned(), named: Vec::new() };
        fields.set("count", Value::Uint(lost));
        let line = Line {
            nanos: nanos(&self.clock),
            level: Level::WARN,
            target: module_path!(),
            fields: &fields,
        };
        write(self.format, &line, batch);
    }

    fn write(&mut self, batch: &mut String) {
        if batch.is_empty() {
            return;
        }
        if let Some(out) = &mut self.stdout {
            // Standard output may be closed; the file, if any, still gets everything.
            if out.write_all(batch.as_bytes()).and_then(|()| out.flush()).is_err() {
                self.stdout = None;
            }
        }
        if let Some(sink) = &mut self.sink {
            sink.write(batch);
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_the_newest_lines_and_the_log_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let file = super::super::LogFile { path: path.clone(), rotation: None };
        let clock: WallClock = Arc::new(|| Duration::ZERO);
        let (queue, orders) = sync_channel(2);
        let lost = Arc::new(AtomicU64::new(0));
        let sender = Sender { queue, lost: Arc::clone(&lost), dropped: Counter::noop() };
        for n in 0..5 {
            sender.line(format!("line {n}\n"));
        }
        assert_eq!(lost.load(Ordering::Relaxed), 3);
        let sink = Some(LogSink::open(file, Arc::clone(&clock)).unwrap());
        let writer = Writer { stdout: None, sink, format: LogFormat::Text, clock, lost };
        drop(sender);
        writer.run(&orders);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("line 0\nline 1\n"), "{text}");
        assert!(text.contains("log lines were dropped count=3"), "{text}");
        assert!(!text.contains("line 2"));
    }
}

//! A log file that is put aside when it grows too large.
//!
//! Only the writer's thread uses it, so nothing here needs a lock, and a slow compression delays
//! log lines, not players.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::format::{Precision, push_time};
use super::{LogFile, Rotation, WallClock, nanos};

pub(crate) struct LogSink {
    config: LogFile,
    clock: WallClock,
    file: Option<File>,
    size: u64,
    /// Whether standard error was told that the file cannot be written.
    complained: bool,
}

impl LogSink {
    /// Opens the file for appending; makes missing folders.
    pub(crate) fn open(config: LogFile, clock: WallClock) -> io::Result<Self> {
        let (file, size) = open(&config.path)?;
        Ok(Self { config, clock, file: Some(file), size, complained: false })
    }

    /// Opens the file anew under its name.
    pub(crate) fn reopen(&mut self) {
        match open(&self.config.path) {
            Ok((file, size)) => {
                self.file = Some(file);
                self.size = size;
                self.complained = false;
            }
            // Keep writing to what is open.
            Err(error) => self.complain("cannot open the log file again", &error),
        }
    }

    /// Appends whole lines, beginning a new file first when this one would grow too large.
    pub(crate) fn write(&mut self, lines: &str) {
        let bytes = lines.len() as u64;
        if let Some(rotation) = self.config.rotation.clone()
            && self.size > 0
            && self.size + bytes > rotation.max_bytes
        {
            self.rotate(&rotation);
        }
        let Some(file) = &mut self.file else { return };
        match file.write_all(lines.as_bytes()) {
            Ok(()) => self.size += bytes,
            Err(error) => self.complain("cannot write the log file", &error),
        }
    }

    fn rotate(&mut self, rotation: &Rotation) {
        let aside = self.name_aside(rotation);
        if let Err(error) = fs::rename(&self.config.path, &aside) {
            self.complain("cannot put the log file aside", &error);
            return;
        }
        self.reopen();
        if rotation.compress
            && let Err(error) = compress(&aside)
        {
            self.complain("cannot compress a log file", &error);
        }
        if let Err(error) = self.tidy(rotation) {
            self.complain("cannot delete old log files", &error);
        }
    }

    /// `tavern.log` is put aside as `tavern-2026-01-31T10-00-00.000.log`.
    fn name_aside(&self, rotation: &Rotation) -> PathBuf {
        let path = &self.config.path;
        let (stem, extension) = parts(path);
        let nanos = nanos(&self.clock) + i64::from(rotation.utc_offset_seconds) * 1_000_000_000;
        let mut time = String::new();
        push_time(&mut time, nanos, Precision::FileName);
        let mut n = 0;
        loop {
            let again = if n == 0 { String::new() } else { format!(".{n}") };
            let to = path.with_file_name(format!("{stem}-{time}{again}{extension}"));
            let packed = path.with_file_name(format!("{stem}-{time}{again}{extension}.gz"));
            if !to.exists() && !packed.exists() {
                return to;
            }
            n += 1;
        }
    }

    /// Deletes files put aside that are too many or too old. Which is older, the names say.
    fn tidy(&self, rotation: &Rotation) -> io::Result<()> {
        let path = &self.config.path;
        let (stem, extension) = parts(path);
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut old: Vec<String> = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                let name = name.strip_suffix(".gz").unwrap_or(name);
                name.strip_prefix(&format!("{stem}-"))
                    .and_then(|rest| rest.strip_suffix(&extension))
                    .is_some_and(looks_like_time)
            })
            .collect();
        old.sort_unstable();
        old.reverse();
        let mut oldest = String::new();
        let nanos = nanos(&self.clock) + i64::from(rotation.utc_offset_seconds) * 1_000_000_000;
        let age = i64::from(rotation.max_age_days) * 86_400 * 1_000_000_000;
        push_time(&mut oldest, nanos.saturating_sub(age), Precision::FileName);
        let oldest = format!("{stem}-{oldest}");
        for (n, name) in old.iter().enumerate() {
            let too_many = rotation.max_backups > 0 && n >= rotation.max_backups;
            let too_old = rotation.max_age_days > 0 && *name < oldest;
            if too_many || too_old {
                fs::remove_file(folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Says on standard error, once until it works again, that the log file is in trouble.
    fn complain(&mut self, what: &str, error: &io::Error) {
        if !self.complained {
            self.complained = true;
            let text = format!("{what} {}: {error}\n", self.config.path.display());
            // Standard error is the last resort; there is nowhere to report its failure to.
            io::stderr().write_all(text.as_bytes()).unwrap_or(());
        }
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// The name without its extension, and the extension with its dot.
fn parts(path: &Path) -> (String, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy()));
    (stem, extension.unwrap_or_default())
}

/// `2026-01-31T10-00-00.000`, perhaps with a number after it.
fn looks_like_time(text: &str) -> bool {
    let shape = "0000-00-00T00-00-00.000";
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(
            |(b, s)| {
                if s == b'0' { b.is_ascii_digit() } else { b == s }
            },
        )
        && text[shape.len()..].bytes().all(|b| b == b'.' || b.is_ascii_digit())
}

/// Packs a file and deletes the original once the packed one is complete.
fn compress(path: &Path) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".gz");
    let to = path.with_file_name(name);
    let mut from = File::open(path)?;
    let mut packed = flate2::write::GzEncoder::new(File::create(&to)?, flate2::Compression::fast());
    io::copy(&mut from, &mut packed)?;
    packed.finish()?.sync_all()?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    const DAY: u64 = 86_400 * 1_000_000_000;

    fn sink(rotation: Rotation) -> (tempfile::TempDir, Arc<AtomicU64>, LogSink) {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&now);
        let config = LogFile { path: dir.path().join("tavern.log"), rotation: Some(rotation) };
        let sink = LogSink::open(
            config,
            Arc::new(move || Duration::from_nanos(read.load(Ordering::SeqCst))),
        )
        .unwrap();
        (dir, now, sink)
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let mut all: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        all.sort();
        all
    }

    fn rotation() -> Rotation {
        Rotation {
            max_bytes: 10,
            max_age_days: 0,
            max_backups: 0,
            compress: false,
            utc_offset_seconds: 0,
        }
    }

    #[test]
    fn a_file_that_would_grow_too_large_is_put_aside_whole() {
        let (dir, _, mut sink) = sink(rotation());
        sink.write("123456\n");
        sink.write("abc\n");
        sink.write("xyz\n");
        assert_eq!(names(&dir), ["tavern-1970-01-01T00-00-00.000.log", "tavern.log"]);
        let old = fs::read_to_string(dir.path().join("tavern-1970-01-01T00-00-00.000.log"));
        assert_eq!(old.unwrap(), "123456\n");
        assert_eq!(fs::read_to_string(dir.path().join("tavern.log")).unwrap(), "abc\nxyz\n");
    }

    #[test]
    fn too_many_and_too_old_files_go_and_strangers_stay() {
        let (dir, now, mut sink) = sink(Rotation { max_backups: 2, max_age_days: 3, ..rotation() });
        fs::write(dir.path().join("tavern-notes.log"), "mine").unwrap();
        for day in 0..5 {
            now.store(day * DAY, Ordering::SeqCst);
            sink.write("12345678\n");
        }
        assert_eq!(
            names(&dir),
            [
                "tavern-1970-01-04T00-00-00.000.log",
                "tavern-1970-01-05T00-00-00.000.log",
                "tavern-notes.log",
                "tavern.log"
            ]
        );
        now.store(20 * DAY, Ordering::SeqCst);
        sink.write("12345678\n");
        assert_eq!(
            names(&dir),
            ["tavern-1970-01-21T00-00-00.000.log", "tavern-notes.log", "tavern.log"]
        );
    }

    #[test]
    fn files_put_aside_can_be_packed_and_take_the_local_time() {
        let (dir, _, mut sink) =
            sink(Rotation { compress: true, utc_offset_seconds: 3600, ..rotation() });
        sink.write("12345678\n");
        sink.write("12345678\n");
        sink.write("12345678\n");
        let packed = dir.path().join("tavern-1970-01-01T01-00-00.000.log.gz");
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(packed).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "12345678\n");
        assert_eq!(names(&dir).len(), 3, "the second of the same moment has a name of its own");
    }

    #[test]
    fn a_file_moved_away_is_begun_anew_on_request() {
        let (dir, _, mut sink) = sink(Rotation { max_bytes: 1000, ..rotation() });
        sink.write("one\n");
        fs::rename(dir.path().join("tavern.log"), dir.path().join("moved")).unwrap();
        sink.write("two\n");
        sink.reopen();
        sink.write("three\n");
        assert_eq!(fs::read_to_string(dir.path().join("moved")).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(dir.path().join("tavern.log")).unwrap(), "three\n");
    }
}

//! The shape of a line, without any I/O.

use std::borrow::Cow;
use std::fmt::Write;

use tracing::Level;

use super::LogFormat;
use crate::redact::scrub;

/// Longest text value that is written whole; the rest is cut off and said to be.
const LONGEST_VALUE: usize = 16 * 1024;
/// Most fields per line or span; more are left out.
pub(crate) const MOST_FIELDS: usize = 64;

/// One value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
}

/// Fields in the order they came; a later one of the same name takes the earlier one's place.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fields {
    pub(crate) message: String,
    pub(crate) named: Vec<(&'static str, Value)>,
}

impl Fields {
    pub(crate) fn set(&mut self, name: &'static str, value: Value) {
        if let Some(old) = self.named.iter_mut().find(|(n, _)| *n == name) {
            old.1 = value;
        } else if self.named.len() < MOST_FIELDS {
            self.named.push((name, value));
        }
    }

    fn text(&mut self, name: &'static str, text: String) {
        if name == "message" {
            self.message = text;
        } else {
            self.set(name, Value::Text(text));
        }
    }
}

impl tracing::field::Visit for Fields {
    fn record_bool(&mut self, field: &tracing::field::Field, value: bool) {
        self.set(field.name(), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &tracing::field::Field, value: i64) {
        self.set(field.name(), Value::Int(value));
    }

    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.set(field.name(), Value::Uint(value));
    }

    fn record_f64(&mut self, field: &tracing::field::Field, value: f64) {
        self.set(field.name(), Value::Float(value));
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.text(field.name(), value.to_owned());
    }

    fn record_error(
        &mut self,
        field: &tracing::field::Field,
        value: &(dyn std::error::Error + 'static),
    ) {
        self.text(field.name(), crate::Chain(value).to_string());
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.text(field.name(), format!("{value:?}"));
    }
}

/// What a line says.
pub(crate) struct Line<'a> {
    pub(crate) nanos: i64,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a Fields,
}

/// Writes one line with its line end.
pub(crate) fn write(format: LogFormat, line: &Line<'_>, out: &mut String) {
    match format {
        LogFormat::Json => json(line, ["level", "ts", "msg"], lower(line.level), out),
        LogFormat::Stackdriver => {
            json(line, ["severity", "timestamp", "message"], severity(line.level), out);
        }
        LogFormat::Text => text(line, out),
    }
    out.push('\n');
}

fn lower(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

fn json(line: &Line<'_>, [level, time, message]: [&str; 3], level_word: &str, out: &mut String) {
    write_infallibly(out, format_args!("{{\"{level}\":\"{level_word}\",\"{time}\":\""));
    push_time(out, line.nanos, Precision::Millis);
    write_infallibly(out, format_args!("\",\"{message}\":"));
    push_json_text(out, &presentable(&line.fields.message));
    out.push_str(",\"target\":");
    push_json_text(out, line.target);
    for (name, value) in &line.fields.named {
        let taken = [level, time, message, "target"].contains(name);
        out.push(',');
        if taken {
            push_json_text(out, &format!("field.{name}"));
        } else {
            push_json_text(out, name);
        }
        out.push(':');
        match value {
            Value::Bool(v) => write_infallibly(out, format_args!("{v}")),
            Value::Int(v) => write_infallibly(out, format_args!("{v}")),
            Value::Uint(v) => write_infallibly(out, format_args!("{v}")),
            Value::Float(v) if v.is_finite() => write_infallibly(out, format_args!("{v}")),
            Value::Float(v) => push_json_text(out, &v.to_string()),
            Value::Text(v) => push_json_text(out, &hidden(name, v)),
        }
    }
    out.push('}');
}

fn text(line: &Line<'_>, out: &mut String) {
    push_time(out, line.nanos, Precision::Millis);
    write_infallibly(out, format_args!(" {:>5} ", line.level));
    push_printable(out, &presentable(&line.fields.message));
    for (name, value) in &line.fields.named {
        write_infallibly(out, format_args!(" {name}="));
        match value {
            Value::Bool(v) => write_infallibly(out, format_args!("{v}")),
            Value::Int(v) => write_infallibly(out, format_args!("{v}")),
            Value::Uint(v) => write_infallibly(out, format_args!("{v}")),
            Value::Float(v) => write_infallibly(out, format_args!("{v}")),
            Value::Text(v) => {
                let v = hidden(name, v);
                let plain = !v.is_empty()
                    && v.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
                if plain {
                    out.push_str(&v);
                } else {
                    write_infallibly(out, format_args!("{v:?}"));
                }
            }
        }
    }
}

/// A field's text as it may be seen. The name decides too: `token = "abc"` holds no `token=`.
fn hidden<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let probe = format!("{name}=x");
    if matches!(scrub(&probe), Cow::Owned(_)) { Cow::Borrowed("***") } else { presentable(text) }
}

/// Scrubbed and cut to a bearable length.
fn presentable(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_VALUE {
        return scrub(text);
    }
    let mut end = LONGEST_VALUE;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let left_out = text.len() - end;
    Cow::Owned(format!("{}... ({left_out} bytes left out)", scrub(&text[..end])))
}

/// Control characters could forge lines or colour a terminal.
fn push_printable(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
}

fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => {
                write_infallibly(out, format_args!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn write_infallibly(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a string cannot fail");
}

/// How a time is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// `2023-11-14T22:13:20.123Z`
    Millis,
    /// `2023-11-14T22-13-20.123`, fit for file names.
    FileName,
}

/// Writes a time in UTC. Years before 0 and after 9999 are written with more digits.
pub(crate) fn push_time(out: &mut String, nanos: i64, precision: Precision) {
    let seconds = nanos.div_euclid(1_000_000_000);
    let millis = nanos.rem_euclid(1_000_000_000) / 1_000_000;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    let (sep, end) = if precision == Precision::Millis { (':', "Z") } else { ('-', "") };
    write_infallibly(
        out,
        format_args!("{year:04}-{month:02}-{day:02}T{h:02}{sep}{m:02}{sep}{s:02}.{millis:03}{end}"),
    );
}

/// Days since 1970-01-01 as year, month, day of the Gregorian calendar. Counts in eras of 400
/// years that begin on 1 March, so that the leap day is the last day of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    let from_march_0000 = days + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let day_of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_right_around_leap_days_and_the_epoch() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut out = String::new();
            push_time(&mut out, seconds * 1_000_000_000, Precision::Millis);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_field_named_like_a_secret_shows_stars() {
        let mut fields = Fields::default();
        fields.set("token", Value::Text("hush".into()));
        fields.set("session.encryption_key", Value::Text("hush".into()));
        let line = Line { nanos: 0, level: Level::INFO, target: "t", fields: &fields };
        for format in [LogFormat::Json, LogFormat::Text] {
            let mut out = String::new();
            write(format, &line, &mut out);
            assert!(!out.contains("hush") && out.contains("***"), "{out}");
        }
    }

    #[test]
    fn endless_values_are_cut() {
        let fields = Fields { message: "ä".repeat(LONGEST_VALUE), ..Fields::default() };
        let mut out = String::new();
        write(
            LogFormat::Json,
            &Line { nanos: 0, level: Level::INFO, target: "t", fields: &fields },
            &mut out,
        );
        assert!(out.len() < LONGEST_VALUE + 200);
        assert!(out.contains("bytes left out"));
    }

    proptest! {
        #[test]
        fn whatever_is_logged_a_line_is_one_line(text in any::<String>()) {
            let mut fields = Fields { message: text.clone(), ..Fields::default() };
            fields.set("a", Value::Text(text));
            for format in [LogFormat::Json, LogFormat::Stackdriver, LogFormat::Text] {
                let mut out = String::new();
                write(format, &Line { nanos: 0, level: Level::INFO, target: "t", fields: &fields }, &mut out);
                prop_assert_eq!(out.matches('\n').count(), 1);
                prop_assert!(out.ends_with('\n'));
            }
        }
    }
}

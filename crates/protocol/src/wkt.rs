//! Types that the definitions take from elsewhere, in our own form.

use std::fmt;

use crate::json::{Fields, Object};
use crate::shape::MessageShape;
use crate::wire::Wire;

/// A message without fields: what a call takes or answers that takes or answers nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Unit {}

impl Fields for Unit {
    const SHAPE: &'static MessageShape =
        &MessageShape { name: "google.protobuf.Empty", fields: &[] };

    fn write_fields(&self, _: &mut Object<'_>) {}

    fn find(_: &str) -> Option<u8> {
        None
    }
}

impl Wire for Unit {}

/// A point in time on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds within the second, 0 to 999,999,999. What a client sends may lie.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what RFC 3339 can say.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Timestamp {
    /// A whole second since the Unix epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// Whether it is a point in time at all: between the years 1 and 9999, the nanoseconds in
    /// range.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        SECONDS.contains(&self.seconds) && (0..1_000_000_000).contains(&self.nanos)
    }

    /// Appends it in RFC 3339, in UTC with `Z`, with 0, 3, 6 or 9 digits of a second. What is out
    /// of range is moved to the end it is beyond.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let seconds = self.seconds.clamp(*SECONDS.start(), *SECONDS.end());
        let nanos = self.nanos.clamp(0, 999_999_999).unsigned_abs();
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let in_day = seconds.rem_euclid(86_400).unsigned_abs();
        digits(out, year, 4);
        out.push(b'-');
        digits(out, month, 2);
        out.push(b'-');
        digits(out, day, 2);
        out.push(b'T');
        digits(out, in_day / 3600, 2);
        out.push(b':');
        digits(out, in_day / 60 % 60, 2);
        out.push(b':');
        digits(out, in_day % 60, 2);
        if nanos != 0 {
            out.push(b'.');
            let nanos = u64::from(nanos);
            if nanos % 1_000_000 == 0 {
                digits(out, nanos / 1_000_000, 3);
            } else if nanos % 1_000 == 0 {
                digits(out, nanos / 1_000, 6);
            } else {
                digits(out, nanos, 9);
            }
        }
        out.push(b'Z');
    }

    /// Reads RFC 3339, with any offset and up to nine digits of a second.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let number = |from: usize, len: usize| -> Option<i64> {
            b.get(from..from + len)?
                .iter()
                .try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
        };
        let is = |at: usize, what: u8| b.get(at) == Some(&what);
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        let shape = is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':');
        let in_range = year >= 1
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !shape || !in_range {
            return None;
        }
        let mut at = 19;
        let mut nanos = 0;
        if is(at, b'.') {
            let len = b[at + 1..].iter().take_while(|d| d.is_ascii_digit()).count();
            if !(1..=9).contains(&len) {
                return None;
            }
            nanos = (len..9).fold(number(at + 1, len)?, |n, _| n * 10);
            at += 1 + len;
        }
        let offset = match b.get(at)? {
            b'Z' if b.len() == at + 1 => 0,
            sign @ (b'+' | b'-') if b.len() == at + 6 && is(at + 3, b':') => {
                let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = hours * 3600 + minutes * 60;
                if *sign == b'+' { seconds } else { -seconds }
            }
            _ => return None,
        };
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        let it = Self { seconds, nanos: i32::try_from(nanos).ok()? };
        it.is_valid().then_some(it)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(30);
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl From<tavern_domain::Timestamp> for Timestamp {
    fn from(time: tavern_domain::Timestamp) -> Self {
        Self { seconds: time.seconds(), nanos: time.subsec_nanos() }
    }
}

impl From<Timestamp> for tavern_domain::Timestamp {
    /// Saturates: the range within the server is about 292 years around 1970.
    fn from(time: Timestamp) -> Self {
        let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let end = if nanos < 0 { i64::MIN } else { i64::MAX };
        Self::from_nanos(i64::try_from(nanos).unwrap_or(end))
    }
}

fn digits(out: &mut Vec<u8>, number: u64, len: u32) {
    for place in (0..len).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.push(b"0123456789"[usize::try_from(digit).unwrap_or_default()]);
    }
}

/// Days of 400 years, of 100 years without a leap day at their end, and of four.
const ERA: i64 = 146_097;

/// Year, month and day of a day since the epoch. Years are counted from March, so that the leap
/// day is the last day of a year and every month before it has its own fixed place.
fn civil(day: i64) -> (u64, u64, u64) {
    // 0000-03-01, the first day of a 400-year cycle, is 719,468 days before the epoch.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(ERA), day.rem_euclid(ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year.unsigned_abs(), month.unsigned_abs(), day.unsigned_abs())
}

/// The day since the epoch: the other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day = (153 * month + 2) / 5 + day - 1;
    era * ERA + year * 365 + year / 4 - year / 100 + day - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

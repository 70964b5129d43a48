//! When a board begins anew: cron expressions, in UTC.
//!
//! Five fields (minute, hour, day of month, month, day of week), six with a year behind them, seven
//! with seconds before; `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` and `@annually`.
//! Fields know `*` and `?`, lists, ranges, steps, names of months and days, `L`, `LW` and `15W` for
//! the day of the month, `5L` and `5#3` for the day of the week. If both days are restricted, one of
//! them is enough, as in the crontab of old.

mod calendar;
mod field;
mod parse;

use calendar::{Civil, days_in_month, first_weekday};
use field::Bits;

/// Why a text is no schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// Fewer than five fields.
    #[error("a schedule has 5 to 7 fields")]
    Fields,
    /// A field makes no sense.
    #[error("the {field} of the schedule cannot be read: {text:?}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it says.
        text: String,
    },
}

/// The years that schedules know.
const FIRST_YEAR: i64 = 1970;
const LAST_YEAR: i64 = 2099;

/// A schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    seconds: Bits,
    minutes: Bits,
    hours: Bits,
    months: Bits,
    /// From 1970 on.
    years: Bits,
    days: Days,
}

/// Which days of a month.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Days {
    of_month: Option<DaysOfMonth>,
    of_week: Option<DaysOfWeek>,
}

/// Restricted days of the month.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct DaysOfMonth {
    days: Bits,
    /// The working days nearest to these.
    workdays: Bits,
    last: bool,
    last_workday: bool,
}

/// Restricted days of the week, Sunday being 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct DaysOfWeek {
    days: Bits,
    /// The last of the month.
    last: Bits,
    /// The n-th of the month: 7 × (n − 1) + day.
    nth: Bits,
}

impl Days {
    /// The days of a month that fit.
    fn of(&self, year: i64, month: u8) -> Bits {
        let length = days_in_month(year, month);
        let first = first_weekday(year, month);
        let weekday = |day: u8| (first + day - 1) % 7;
        let mut fit = Bits::default();
        for day in 1..=length {
            let by_month = self.of_month.as_ref().is_some_and(|days| {
                days.days.has(day)
                    || (days.last && day == length)
                    || (days.last_workday && day == nearest_workday(length, length, weekday))
                    || days.workdays.iter().any(|wanted| {
                        wanted <= length && day == nearest_workday(wanted, length, weekday)
                    })
            });
            let by_week = self.of_week.as_ref().is_some_and(|days| {
                days.days.has(weekday(day))
                    || (days.last.has(weekday(day)) && day + 7 > length)
                    || days.nth.has((day - 1) / 7 * 7 + weekday(day))
            });
            if by_month || by_week || (self.of_month.is_none() && self.of_week.is_none()) {
                fit.set(day);
            }
        }
        fit
    }
}

/// The working day nearest to a day, in the same month.
fn nearest_workday(day: u8, length: u8, weekday: impl Fn(u8) -> u8) -> u8 {
    match weekday(day) {
        6 if day > 1 => day - 1,
        6 => day + 2,
        0 if day < length => day + 1,
        0 => day - 2,
        _ => day,
    }
}

impl Cron {
    /// Reads a schedule.
    ///
    /// # Errors
    /// [`CronError`] says which field cannot be read.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        parse::parse(text)
    }

    /// The first time after this one, both in seconds since the epoch; `None` when there is none
    /// before the year 2100.
    #[must_use]
    pub fn next(&self, after: i64) -> Option<i64> {
        let mut at = Civil::from_seconds(after.checked_add(1)?);
        if at.year < FIRST_YEAR {
            at = Civil::start_of(FIRST_YEAR, 1);
        }
        loop {
            let year = self.years.at_least(year_bit(at.year)?)?;
            if i64::from(year) + FIRST_YEAR != at.year {
                at = Civil::start_of(i64::from(year) + FIRST_YEAR, 1);
            }
            let Some(month) = self.months.at_least(at.month) else {
                at = Civil::start_of(at.year + 1, 1);
                continue;
            };
            if month != at.month {
                at = Civil::start_of(at.year, month);
            }
            if let Some(found) = self.next_in_month(at) {
                return Some(found.seconds());
            }
            at = at.next_month();
        }
    }

    /// The first time at `at` or later in its month.
    fn next_in_month(&self, mut at: Civil) -> Option<Civil> {
        let days = self.days.of(at.year, at.month);
        loop {
            let day = days.at_least(at.day)?;
            if day != at.day {
                at = Civil { day, hour: 0, minute: 0, second: 0, ..at };
            }
            if let Some(found) = self.next_in_day(at) {
                return Some(found);
            }
            at = Civil { day: at.day + 1, hour: 0, minute: 0, second: 0, ..at };
        }
    }

    fn next_in_day(&self, mut at: Civil) -> Option<Civil> {
        loop {
            let hour = self.hours.at_least(at.hour)?;
            if hour != at.hour {
                at = Civil { hour, minute: 0, second: 0, ..at };
            }
            while let Some(minute) = self.minutes.at_least(at.minute) {
                if minute != at.minute {
                    at = Civil { minute, second: 0, ..at };
                }
                if let Some(second) = self.seconds.at_least(at.second) {
                    return Some(Civil { second, ..at });
                }
                at = Civil { minute: at.minute + 1, second: 0, ..at };
            }
            at = Civil { hour: at.hour + 1, minute: 0, second: 0, ..at };
        }
    }

    /// The last time before this one; `None` when there is none since 1970.
    #[must_use]
    pub fn previous(&self, before: i64) -> Option<i64> {
        let mut at = Civil::from_seconds(before.checked_sub(1)?);
        if at.year > LAST_YEAR {
            at = Civil::end_of(LAST_YEAR, 12);
        }
        loop {
            let year = self.years.at_most(year_bit(at.year)?)?;
            if i64::from(year) + FIRST_YEAR != at.year {
                at = Civil::end_of(i64::from(year) + FIRST_YEAR, 12);
            }
            let Some(month) = self.months.at_most(at.month) else {
                at = Civil::end_of(at.year - 1, 12);
                continue;
            };
            if month != at.month {
                at = Civil::end_of(at.year, month);
            }
            if let Some(found) = self.previous_in_month(at) {
                return Some(found.seconds());
            }
            at = at.previous_month();
        }
    }

    /// The last time at `at` or earlier in its month.
    fn previous_in_month(&self, at: Civil) -> Option<Civil> {
        let days = self.days.of(at.year, at.month);
        let mut latest = Some((at.hour, at.minute, at.second));
        let mut from = at.day;
        loop {
            let day = days.at_most(from)?;
            if day != at.day {
                latest = None;
            }
            if let Some((hour, minute, second)) = self.time_until(latest.unwrap_or((23, 59, 59))) {
                return Some(Civil { day, hour, minute, second, ..at });
            }
            from = day.checked_sub(1)?;
        }
    }

    /// The last time of day at this one or earlier.
    fn time_until(&self, (hour, minute, second): (u8, u8, u8)) -> Option<(u8, u8, u8)> {
        let last = |bits: &Bits| bits.at_most(Bits::MOST);
        let mut from = Some(hour);
        while let Some(at_hour) = from.and_then(|from| self.hours.at_most(from)) {
            let mut from_minute = Some(if at_hour == hour { minute } else { 59 });
            while let Some(at) = from_minute.and_then(|from| self.minutes.at_most(from)) {
                let same = at_hour == hour && at == minute;
                let found = if same { self.seconds.at_most(second) } else { last(&self.seconds) };
                if let Some(at_second) = found {
                    return Some((at_hour, at, at_second));
                }
                from_minute = at.checked_sub(1);
            }
            from = at_hour.checked_sub(1);
        }
        None
    }

    /// Whether this second is one of the schedule's.
    #[must_use]
    pub fn fits(&self, seconds: i64) -> bool {
        seconds.checked_sub(1).and_then(|before| self.next(before)) == Some(seconds)
    }
}

/// The place of a year; `None` outside those that schedules know.
fn year_bit(year: i64) -> Option<u8> {
    (FIRST_YEAR..=LAST_YEAR).contains(&year).then(|| u8::try_from(year - FIRST_YEAR).ok())?
}

#[cfg(test)]
mod tests;

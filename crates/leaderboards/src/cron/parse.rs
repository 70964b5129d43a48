//! Reading schedules.

use super::field::Bits;
use super::{Cron, CronError, Days, DaysOfMonth, DaysOfWeek};

/// What a field may hold.
struct Kind {
    name: &'static str,
    first: u8,
    last: u8,
    /// Names, each standing for its place from `first` on.
    names: &'static [&'static str],
}

const SECOND: Kind = Kind { name: "second", first: 0, last: 59, names: &[] };
const MINUTE: Kind = Kind { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Kind = Kind { name: "hour", first: 0, last: 23, names: &[] };
const DAY: Kind = Kind { name: "day of the month", first: 1, last: 31, names: &[] };
const MONTH: Kind = Kind {
    name: "month",
    first: 1,
    last: 12,
    names: &[
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
};
const WEEKDAY: Kind = Kind {
    name: "day of the week",
    first: 0,
    // Sunday is both 0 and 7.
    last: 7,
    names: &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
};
/// Years count from 1970 on.
const YEAR: Kind = Kind { name: "year", first: 0, last: 129, names: &[] };

/// One member of a list.
enum Member {
    /// `*` or `?`.
    All,
    Range {
        first: u8,
        last: u8,
        step: u8,
    },
}

impl Kind {
    fn error(&self, text: &str) -> CronError {
        CronError::Field { field: self.name, text: text.chars().take(64).collect() }
    }

    fn value(&self, text: &str) -> Option<u8> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number: u16 = text.parse().ok().filter(|_| text.len() <= 4)?;
            let number = if self.name == YEAR.name { number.checked_sub(1970)? } else { number };
            return u8::try_from(number).ok().filter(|n| (self.first..=self.last).contains(n));
        }
        let place = self.names.iter().position(|name| *name == text || name[..3] == *text)?;
        Some(self.first + u8::try_from(place).ok()?)
    }

    fn step(&self, text: &str) -> Option<u8> {
        let step: u8 = text.parse().ok()?;
        let most = if self.name == WEEKDAY.name { 6 } else { self.last };
        (1..=most).contains(&step).then_some(step)
    }

    fn member(&self, text: &str) -> Option<Member> {
        // Sunday at the end of a week is there only where it is named.
        let end = if self.name == WEEKDAY.name { 6 } else { self.last };
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (text, None),
        };
        match (range, step) {
            ("*" | "?", None) => return Some(Member::All),
            ("*", Some(step)) => return Some(Member::Range { first: self.first, last: end, step }),
            _ => {}
        }
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let first = self.value(range)?;
                (first, if step.is_some() { end } else { first })
            }
        };
        // Backwards there is nothing, except from some day to Sunday.
        let last = if self.name == WEEKDAY.name && last == 0 && first > 0 { 7 } else { last };
        (first <= last).then_some(Member::Range { first, last, step: step.unwrap_or(1) })
    }

    /// The members of a list; what is none of the usual kind is offered to `special`. `None` for
    /// everything.
    fn read(
        &self,
        text: &str,
        mut special: impl FnMut(&str) -> bool,
    ) -> Result<Option<Bits>, CronError> {
        let (mut bits, mut all, mut any) = (Bits::default(), false, false);
        for member in text.split(',').filter(|member| !member.is_empty()) {
            let member = member.to_ascii_lowercase();
            any = true;
            match self.member(&member) {
                Some(Member::All) => all = true,
                Some(Member::Range { first, last, step }) => bits.set_range(first, last, step),
                None if special(&member) => {}
                None => return Err(self.error(text)),
            }
        }
        match (any, all) {
            (false, _) => Err(self.error(text)),
            (true, true) => Ok(None),
            (true, false) => Ok(Some(bits)),
        }
    }

    /// The same for fields without anything special.
    fn plain(&self, text: &str) -> Result<Bits, CronError> {
        let mut all = Bits::default();
        all.set_range(self.first, self.last, 1);
        Ok(self.read(text, |_| false)?.unwrap_or(all))
    }
}

fn days_of_month(text: &str) -> Result<Option<DaysOfMonth>, CronError> {
    let mut days = DaysOfMonth::default();
    let plain = DAY.read(text, |member| match member {
        "l" => {
            days.last = true;
            true
        }
        "lw" => {
            days.last_workday = true;
            true
        }
        _ => member.strip_suffix('w').and_then(|day| DAY.value(day)).is_some_and(|day| {
            days.workdays.set(day);
            true
        }),
    })?;
    Ok(plain.map(|plain| DaysOfMonth { days: plain, ..days }))
}

fn days_of_week(text: &str) -> Result<Option<DaysOfWeek>, CronError> {
    let mut days = DaysOfWeek::default();
    let plain = WEEKDAY.read(text, |member| {
        if let Some(day) = member.strip_suffix('l').and_then(|day| WEEKDAY.value(day)) {
            days.last.set(day % 7);
            return true;
        }
        let Some((day, nth)) = member.split_once('#') else { return false };
        match (WEEKDAY.value(day), nth.parse::<u8>()) {
            (Some(day), Ok(nth @ 1..=5)) => {
                days.nth.set((nth - 1) * 7 + day % 7);
                true
            }
            _ => false,
        }
    })?;
    Ok(plain.map(|mut plain| {
        if plain.has(7) {
            plain.set(0);
        }
        DaysOfWeek { days: plain, ..days }
    }))
}

pub(super) fn parse(text: &str) -> Result<Cron, CronError> {
    let text = match text.trim() {
        "@yearly" | "@annually" => "0 0 0 1 1 * *",
        "@monthly" => "0 0 0 1 * * *",
        "@weekly" => "0 0 0 * * 0 *",
        "@daily" => "0 0 0 * * * *",
        "@hourly" => "0 0 * * * * *",
        text => text,
    };
    // What is behind the seventh field never counted.
    let mut fields: Vec<&str> = text.split_ascii_whitespace().take(7).collect();
    match fields.len() {
        0..=4 => return Err(CronError::Fields),
        5 => {
            fields.insert(0, "0");
            fields.push("*");
        }
        6 => fields.insert(0, "0"),
        _ => {}
    }
    let cron = Cron {
        seconds: SECOND.plain(fields[0])?,
        minutes: MINUTE.plain(fields[1])?,
        hours: HOUR.plain(fields[2])?,
        days: Days { of_month: days_of_month(fields[3])?, of_week: days_of_week(fields[5])? },
        months: MONTH.plain(fields[4])?,
        years: YEAR.plain(fields[6])?,
    };
    debug_assert!(!cron.years.is_empty() && !cron.seconds.is_empty(), "a list has a member");
    Ok(cron)
}

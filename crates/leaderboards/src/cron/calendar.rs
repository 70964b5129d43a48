//! Dates, UTC, proleptic Gregorian.

const DAY: i64 = 86_400;

/// A second, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: u8,
    /// From 1 on.
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
}

impl Civil {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "remainders")]
    pub(super) fn from_seconds(seconds: i64) -> Self {
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // Years that begin in March, so that the leap day is the last of its year.
        let shifted = days + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self {
            year: year + era * 400 + carry,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// The first second of a month.
    pub(super) const fn start_of(year: i64, month: u8) -> Self {
        Self { year, month, day: 1, hour: 0, minute: 0, second: 0 }
    }

    /// The last second of a month.
    pub(super) fn end_of(year: i64, month: u8) -> Self {
        Self { year, month, day: days_in_month(year, month), hour: 23, minute: 59, second: 59 }
    }

    pub(super) fn next_month(self) -> Self {
        if self.month == 12 {
            Self::start_of(self.year + 1, 1)
        } else {
            Self::start_of(self.year, self.month + 1)
        }
    }

    pub(super) fn previous_month(self) -> Self {
        if self.month == 1 {
            Self::end_of(self.year - 1, 12)
        } else {
            Self::end_of(self.year, self.month - 1)
        }
    }

    pub(super) fn seconds(self) -> i64 {
        let time =
            i64::from(self.hour) * 3_600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days(self.year, self.month, self.day) * DAY + time
    }
}

/// Days since the epoch.
fn days(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = (i64::from(month) + 9) % 12;
    let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

pub(super) const fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of the week that a month begins with, Sunday being 0.
pub(super) fn first_weekday(year: i64, month: u8) -> u8 {
    // The epoch was a Thursday.
    u8::try_from((days(year, month, 1) + 4).rem_euclid(7)).unwrap_or_default()
}

//! Which period a board is in.

use tavern_domain::Timestamp;
use tavern_storage::{Board, TournamentTerms};

use crate::cron::Cron;

/// The period that a tournament is in or, when none is on, the one to come. All times in seconds
/// since the epoch; 0 where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// When scores are accepted from.
    pub start_active: i64,
    /// When scores are not accepted any more.
    pub end_active: i64,
    /// When the records expire; 0 for never.
    pub expiry: i64,
}

impl Window {
    /// Whether scores are accepted now.
    #[must_use]
    pub const fn is_open(&self, now: i64) -> bool {
        self.start_active <= now && now < self.end_active
    }

    /// Whether its records are gone by now.
    #[must_use]
    pub const fn is_over(&self, now: i64) -> bool {
        self.expiry != 0 && self.expiry <= now
    }

    /// The period of a tournament at a time.
    #[must_use]
    pub fn of(terms: &TournamentTerms, cron: Option<&Cron>, now: i64) -> Self {
        let start = terms.start_time.seconds();
        let end = terms.end_time.map_or(0, Timestamp::seconds);
        let duration = i64::from(terms.duration);
        let Some(cron) = cron else {
            return Self { start_active: start, end_active: start + duration, expiry: end }
                .until(end);
        };
        // The reset that the period begins with.
        let reset = if now < start {
            cron.next(start)
        } else if cron.fits(now) {
            Some(now)
        } else {
            cron.previous(now)
        };
        let window = Self::from_reset(reset.unwrap_or(start), duration, cron);
        let window = if start > window.end_active {
            // It begins in a pause between two periods: the first one is the next.
            Self::from_reset(cron.next(start).unwrap_or(start), duration, cron)
        } else {
            Self { start_active: window.start_active.max(start), ..window }
        };
        if end > 0 && (window.expiry == 0 || window.expiry > end) {
            return Self { expiry: end, ..window }.until(end);
        }
        window
    }

    fn from_reset(reset: i64, duration: i64, cron: &Cron) -> Self {
        let expiry = cron.next(reset).unwrap_or(0);
        Self { start_active: reset, end_active: reset + duration, expiry }.until(expiry)
    }

    /// Not active beyond this, unless it is 0.
    fn until(self, end: i64) -> Self {
        if end > 0 && self.end_active > end { Self { end_active: end, ..self } } else { self }
    }
}

/// When the records that are written on a board now expire; 0 for never.
#[must_use]
pub fn expiry(board: &Board, cron: Option<&Cron>, now: i64) -> i64 {
    match &board.tournament {
        Some(terms) => Window::of(terms, cron, now).expiry,
        None => cron.and_then(|cron| cron.next(now)).unwrap_or(0),
    }
}

/// The last and the next reset of a board, as the protocol shows them; 0 where there is none.
#[must_use]
pub fn resets(board: &Board, cron: Option<&Cron>, now: i64) -> (i64, i64) {
    let begun = board.tournament.as_ref().map_or(board.create_time, |terms| terms.start_time);
    let previous =
        cron.filter(|_| begun.seconds() <= now).and_then(|cron| cron.previous(now)).unwrap_or(0);
    (previous, expiry(board, cron, now))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_storage::NO_MAX_SIZE;

    use super::*;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    /// A midnight.
    const ZERO: i64 = 1_800_057_600;

    fn terms(start: i64, end: Option<i64>, duration: i64) -> TournamentTerms {
        TournamentTerms {
            title: String::new(),
            description: String::new(),
            category: 0,
            duration: u32::try_from(duration).unwrap(),
            start_time: Timestamp::from_seconds(start),
            end_time: end.map(Timestamp::from_seconds),
            join_required: false,
            max_size: NO_MAX_SIZE,
            max_num_score: 1,
            size: 0,
        }
    }

    #[track_caller]
    fn window(
        (start, end, duration): (i64, Option<i64>, i64),
        cron: Option<&str>,
        now: i64,
        expected: (i64, i64, i64),
    ) {
        let cron = cron.map(|text| Cron::parse(text).unwrap());
        let end = end.map(|end| ZERO + end);
        let found = Window::of(&terms(ZERO + start, end, duration), cron.as_ref(), ZERO + now);
        let expiry = if found.expiry == 0 { 0 } else { found.expiry - ZERO };
        assert_eq!((found.start_active - ZERO, found.end_active - ZERO, expiry), expected);
    }

    #[test]
    fn without_resets_there_is_one_period() {
        window((10, None, HOUR), None, 5, (10, 10 + HOUR, 0));
        window((10, None, HOUR), None, 2 * HOUR, (10, 10 + HOUR, 0));
        window((10, Some(HOUR), HOUR), None, 20, (10, HOUR, HOUR));
        window((10, Some(3 * HOUR), HOUR), None, 20, (10, 10 + HOUR, 3 * HOUR));
    }

    #[test]
    fn resets_cut_the_time_into_periods() {
        let noon = Some("0 12 * * *");
        let hour = (0, None, HOUR);
        // Before the first noon the period is that of the day before, which ended before the start.
        window(hour, noon, 13 * HOUR, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
        window(hour, noon, 12 * HOUR, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
        window(hour, noon, 12 * HOUR - 1, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
        window(hour, noon, DAY + 11 * HOUR, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
        // Longer than a period: cut.
        window((0, None, 3 * DAY), noon, 13 * HOUR, (12 * HOUR, DAY + 12 * HOUR, DAY + 12 * HOUR));
        // Begins in the middle of an active time.
        window(
            (13 * HOUR, None, 4 * HOUR),
            noon,
            14 * HOUR,
            (13 * HOUR, 16 * HOUR, DAY + 12 * HOUR),
        );
        // Begins between two active times.
        window(
            (15 * HOUR, None, HOUR),
            noon,
            15 * HOUR,
            (DAY + 12 * HOUR, DAY + 13 * HOUR, 2 * DAY + 12 * HOUR),
        );
        // Not begun yet.
        window((0, None, HOUR), noon, -5 * DAY, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
    }

    #[test]
    fn the_end_cuts_the_last_period() {
        let noon = Some("0 12 * * *");
        let end = Some(DAY + 12 * HOUR + 1_800);
        window((0, end, HOUR), noon, 13 * HOUR, (12 * HOUR, 13 * HOUR, DAY + 12 * HOUR));
        let last = (DAY + 12 * HOUR, DAY + 12 * HOUR + 1_800, DAY + 12 * HOUR + 1_800);
        window((0, end, HOUR), noon, DAY + 12 * HOUR, last);
        // A schedule that has no further time.
        let once = Some("0 12 1 1 * 2020");
        window((0, None, HOUR), once, 13 * HOUR, (0, HOUR, 0));
    }

    #[test]
    fn plain_boards_expire_at_the_next_reset() {
        let mut board = Board {
            id: "b".into(),
            authoritative: false,
            sort: tavern_storage::SortOrder::Ascending,
            operator: tavern_storage::BoardOperator::Best,
            reset_schedule: None,
            metadata: "{}".into(),
            create_time: Timestamp::from_seconds(ZERO),
            ranks: true,
            tournament: None,
        };
        let daily = Cron::parse("@daily").unwrap();
        assert_eq!(expiry(&board, None, ZERO), 0);
        assert_eq!(expiry(&board, Some(&daily), ZERO), ZERO + DAY, "not the one of this second");
        assert_eq!(resets(&board, Some(&daily), ZERO + 5), (ZERO, ZERO + DAY));
        assert_eq!(resets(&board, None, ZERO + 5), (0, 0));
        board.create_time = Timestamp::from_seconds(ZERO + 10);
        assert_eq!(resets(&board, Some(&daily), ZERO + 5), (0, ZERO + DAY), "not there yet");
    }

    proptest! {
        #[test]
        fn windows_make_sense(
            start in 0..10 * DAY,
            end in prop::option::of(1..20 * DAY),
            duration in 1..3 * DAY,
            cron in prop::sample::select(vec!["@daily", "0 12 * * *", "*/7 * * * *", "0 0 * * 1"]),
            now in -DAY..30 * DAY,
        ) {
            let cron = Cron::parse(cron).unwrap();
            let terms = terms(ZERO + start, end.map(|end| ZERO + start + end), duration);
            let now = ZERO + now;
            let window = Window::of(&terms, Some(&cron), now);
            prop_assert!(window.start_active >= ZERO + start);
            prop_assert!(window.end_active <= window.expiry);
            if let Some(end) = terms.end_time {
                prop_assert!(window.expiry <= end.seconds());
            } else {
                prop_assert!(window.expiry > now, "an endless one is in a period or before one");
                prop_assert!(cron.fits(window.expiry));
            }
            // In one period, all see the same.
            if window.is_open(now) {
                let other = Window::of(&terms, Some(&cron), window.end_active - 1);
                prop_assert_eq!(other.expiry, window.expiry);
            }
        }
    }
}

//! Schedules against known dates and a naive reading of the calendar.

use proptest::prelude::*;

use super::calendar::Civil;
use super::*;

fn at(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let small = |range| u8::try_from(number(range)).unwrap();
    Civil {
        year: number(0..4),
        month: small(5..7),
        day: small(8..10),
        hour: small(11..13),
        minute: small(14..16),
        second: small(17..19),
    }
    .seconds()
}

fn cron(text: &str) -> Cron {
    Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn next(text: &str, after: &str, expected: &str) {
    let found = cron(text).next(at(after)).map(Civil::from_seconds);
    assert_eq!(found, Some(Civil::from_seconds(at(expected))), "{text} after {after}");
}

#[test]
fn known_dates() {
    for (text, after, expected) in [
        ("* * * * *", "2026-11-26 23:59:00", "2026-11-27 00:00:00"),
        ("0 12 * * *", "2026-11-26 12:00:00", "2026-11-27 12:00:00"),
        ("0 12 * * *", "2026-11-26 11:59:59", "2026-11-26 12:00:00"),
        ("*/15 * * * *", "2026-11-26 10:16:00", "2026-11-26 10:30:00"),
        ("5/20 * * * *", "2026-11-26 10:46:00", "2026-11-26 11:05:00"),
        ("3-59/15 * * * *", "2026-11-26 10:04:00", "2026-11-26 10:18:00"),
        ("0 0 * * 1", "2026-11-26 00:00:00", "2026-11-30 00:00:00"),
        ("0 0 * * MON,fri", "2026-11-26 00:00:00", "2026-11-27 00:00:00"),
        ("0 0 * * 7", "2026-11-26 00:00:00", "2026-11-29 00:00:00"),
        ("0 0 * * fri-sun", "2026-11-28 00:00:00", "2026-11-29 00:00:00"),
        ("0 0 * * 5-7", "2026-11-29 00:00:00", "2026-12-04 00:00:00"),
        ("0 0 1 jan *", "2026-11-26 00:00:00", "2027-01-01 00:00:00"),
        ("0 0 29 2 *", "2026-11-26 00:00:00", "2028-02-29 00:00:00"),
        ("0 0 29 February ?", "2028-03-01 00:00:00", "2032-02-29 00:00:00"),
        ("0 0 31 * *", "2026-11-01 00:00:00", "2026-12-31 00:00:00"),
        ("0 0 L * *", "2028-02-01 00:00:00", "2028-02-29 00:00:00"),
        // 2026-11-15 is a Sunday, 2026-08-15 a Saturday, 2026-08-01 one as well.
        ("0 0 15W * *", "2026-11-01 00:00:00", "2026-11-16 00:00:00"),
        ("0 0 15W 8 *", "2026-08-01 00:00:00", "2026-08-14 00:00:00"),
        ("0 0 1W 8 *", "2026-07-31 00:00:00", "2026-08-03 00:00:00"),
        ("0 0 LW * *", "2026-10-31 00:00:00", "2026-11-30 00:00:00"),
        ("0 0 LW 1 *", "2026-01-01 00:00:00", "2026-01-30 00:00:00"),
        ("0 0 * * 5L", "2026-11-01 00:00:00", "2026-11-27 00:00:00"),
        ("0 0 * * 5#3", "2026-11-01 00:00:00", "2026-11-20 00:00:00"),
        ("0 0 * * 7#1", "2026-11-02 00:00:00", "2026-12-06 00:00:00"),
        // Both days restricted: either.
        ("0 0 13 * 5", "2026-11-14 00:00:00", "2026-11-20 00:00:00"),
        ("0 0 13 * 5", "2026-12-12 00:00:00", "2026-12-13 00:00:00"),
        ("0 0 */2 * *", "2026-11-26 00:00:00", "2026-11-27 00:00:00"),
        ("30 0 0 1 1 * 2030", "2026-11-26 00:00:00", "2030-01-01 00:00:30"),
        ("0 0 1 1 * 2030-2032", "2030-01-01 00:00:00", "2031-01-01 00:00:00"),
        ("*/20 * * * * * *", "2026-11-26 00:00:41", "2026-11-26 00:01:00"),
        ("@hourly", "2026-11-26 10:16:00", "2026-11-26 11:00:00"),
        ("@daily", "2026-11-26 10:16:00", "2026-11-27 00:00:00"),
        (" @weekly ", "2026-11-26 10:16:00", "2026-11-29 00:00:00"),
        ("@monthly", "2026-11-26 10:16:00", "2026-12-01 00:00:00"),
        ("@yearly", "2026-11-26 10:16:00", "2027-01-01 00:00:00"),
        ("@annually", "1969-05-01 00:00:00", "1970-01-01 00:00:00"),
        ("0 0 12 1 * * * ignored", "2026-11-26 00:00:00", "2026-12-01 12:00:00"),
    ] {
        next(text, after, expected);
    }
}

#[test]
fn some_schedules_end_or_never_begin() {
    assert_eq!(cron("0 0 30 2 *").next(0), None);
    assert_eq!(cron("0 0 30 2 *").previous(at("2099-12-31 00:00:00")), None);
    assert_eq!(cron("0 0 1 1 * 2020").next(at("2026-01-01 00:00:00")), None);
    assert_eq!(cron("0 0 1 1 * 2030").previous(at("2026-01-01 00:00:00")), None);
    assert_eq!(cron("* * * * *").next(at("2099-12-31 23:59:00")), None);
    assert_eq!(cron("* * * * *").previous(0), None);
    for far in [i64::MAX, i64::MIN] {
        assert!(cron("* * * * *").next(far).is_none_or(|next| next == 0));
        assert!(
            cron("* * * * *").previous(far).is_none_or(|last| last < at("2100-01-01 00:00:00"))
        );
    }
}

#[test]
fn nonsense_is_refused() {
    for bad in [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/60 * * * *",
        "a * * * *",
        "5-1 * * * *",
        "1,,x * * * *",
        ", * * * *",
        "* * * * mon#6",
        "* * * * #1",
        "* * 32W * *",
        "* * * foo *",
        "-1 * * * *",
        "* * * * * 1969",
        "* * * * * 2100",
        "1- * * * *",
        "/5 * * * *",
        "?/5 * * * *",
        "* * * * 5-3",
        "* * * * 6-mon",
        "00000 * * * *",
        "@never",
    ] {
        assert!(Cron::parse(bad).is_err(), "{bad:?} is taken");
    }
    assert!(Cron::parse("x".repeat(10_000).as_str()).is_err());
}

#[test]
fn dates_round_trip() {
    for seconds in (-70_000_000_000..4_200_000_000_i64).step_by(86_399_999) {
        assert_eq!(Civil::from_seconds(seconds).seconds(), seconds);
    }
    let leap = Civil::from_seconds(at("2000-02-29 23:59:59"));
    assert_eq!((leap.year, leap.month, leap.day, leap.second), (2000, 2, 29, 59));
}

/// Fields that come round often enough for a naive search.
fn expression() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        Just("*".to_owned()),
        (0..60u8).prop_map(|m| m.to_string()),
        (1..59u8).prop_map(|s| format!("*/{s}"))
    ];
    let hour = prop_oneof![
        Just("*".to_owned()),
        (0..24u8).prop_map(|h| h.to_string()),
        (0..20u8).prop_map(|h| format!("{h}-23/3"))
    ];
    let day = prop_oneof![
        Just("*".to_owned()),
        Just("L".to_owned()),
        Just("LW".to_owned()),
        (1..32u8).prop_map(|d| d.to_string()),
        (1..32u8).prop_map(|d| format!("{d}W"))
    ];
    let week = prop_oneof![
        Just("*".to_owned()),
        (0..8u8).prop_map(|d| d.to_string()),
        (0..7u8).prop_map(|d| format!("{d}L")),
        (0..7u8, 1..6u8).prop_map(|(d, n)| format!("{d}#{n}"))
    ];
    (minute, hour, day, week).prop_map(|(m, h, d, w)| format!("{m} {h} {d} * {w}"))
}

proptest! {
    #[test]
    fn next_and_previous_are_inverse(text in expression(), after in 0..4_000_000_000_i64) {
        let cron = cron(&text);
        if let Some(next) = cron.next(after) {
            prop_assert!(next > after);
            prop_assert!(cron.fits(next));
            let back = cron.previous(next);
            prop_assert!(back.is_none_or(|back| back <= after), "{back:?} is between {after} and {next}");
            prop_assert_eq!(cron.previous(next + 1), Some(next));
            if let Some(back) = back {
                prop_assert_eq!(cron.next(back), Some(next));
            }
        }
    }

    #[test]
    fn nothing_is_passed_over(text in expression(), start in 0..4_000_000_000_i64) {
        let cron = cron(&text);
        let next = cron.next(start);
        // Schedules without seconds fall on whole minutes.
        for minute in 1..300 {
            let at = start.div_euclid(60) * 60 + minute * 60;
            if next.is_some_and(|next| at < next) && at > start {
                prop_assert!(!cron.fits(at), "{at} fits");
            }
        }
    }

    #[test]
    fn parsing_never_panics(text in any::<String>(), fields in "[0-9*/,LW#a-z -]{0,40}") {
        for text in [text, fields] {
            if let Ok(cron) = Cron::parse(&text) {
                let _next = (cron.next(1_800_000_000), cron.previous(1_800_000_000));
            }
        }
    }
}

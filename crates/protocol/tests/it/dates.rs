//! Days: that no other day can be held, and that days follow each other as the calendar says.

use numcheck_protocol::{Date, UtcOffset};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    text.parse().expect(text)
}

#[test]
fn a_day_that_the_calendar_does_not_have_is_refused() {
    for text in [
        "2023-02-29",
        "1900-02-29",
        "2024-02-30",
        "2024-04-31",
        "2024-00-10",
        "2024-13-01",
        "2024-01-00",
        "2024-01-32",
        "0000-01-01",
    ] {
        assert!(text.parse::<Date>().is_err(), "{text}");
    }
    for text in ["2024-02-29", "2000-02-29", "2023-02-28", "0001-01-01", "9999-12-31"] {
        assert_eq!(day(text).to_string(), text);
    }
}

#[test]
fn a_day_is_written_with_four_two_and_two_digits_and_in_no_other_way() {
    for text in [
        "",
        "2024",
        "2024-4-22",
        "24-04-22",
        "2024/04/22",
        "20240422",
        "2024-04-22 ",
        " 2024-04-22",
        "2024-04-22T00:00",
        "+024-04-22",
        "2024-+4-22",
        "2024-04-2２",
        "02024-04-22",
        "２024-04-22",
        "2024-04 22",
        "2024-04-22\n",
    ] {
        let error = text.parse::<Date>().expect_err(text);
        assert_eq!(error.to_string(), "date: must be a day of the calendar, written yyyy-MM-dd");
    }
}

#[test]
fn the_day_of_a_moment_depends_on_the_offset_alone() {
    let offset = |text: &str| text.parse::<UtcOffset>().expect(text);
    for (unix_ms, at, wanted) in [
        (0, "Z", "1970-01-01"),
        (0, "-00:01", "1969-12-31"),
        (1_713_830_399_999, "Z", "2024-04-22"),
        (1_713_830_400_000, "Z", "2024-04-23"),
        (1_713_801_599_999, "+08:00", "2024-04-22"),
        (1_713_801_600_000, "+08:00", "2024-04-23"),
        (1_713_830_400_000, "-03:30", "2024-04-22"),
        (951_782_400_000, "Z", "2000-02-29"),
        (253_402_300_799_999, "Z", "9999-12-31"),
    ] {
        assert_eq!(Date::from_unix_ms(unix_ms, offset(at)), Some(day(wanted)), "{unix_ms} {at}");
    }
    for beyond in [253_402_300_800_000, u64::MAX] {
        assert_eq!(Date::from_unix_ms(beyond, UtcOffset::UTC), None, "{beyond}");
    }
}

#[test]
fn the_calendar_ends_at_both_ends() {
    assert_eq!(day("0001-01-01").previous(), None);
    assert_eq!(day("9999-12-31").next(), None);
    assert_eq!(day("0001-01-01").next(), Some(day("0001-01-02")));
    assert_eq!(day("2023-12-31").next(), Some(day("2024-01-01")));
    assert_eq!(day("1900-03-01").previous(), Some(day("1900-02-28")));
    assert_eq!(day("2000-03-01").previous(), Some(day("2000-02-29")));
}

/// Counts every day of the calendar one by one against the rule of the leap year as everybody knows it.
#[test]
fn all_days_of_four_centuries_follow_each_other() {
    let mut now = day("1999-12-31");
    for year in 2000_u16..2400 {
        let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
        for (month, days) in
            (1..).zip([31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
        {
            for of_month in 1..=days {
                let next = now.next().expect("a next day");
                assert_eq!((next.year(), next.month(), next.day()), (year, month, of_month));
                assert_eq!(next.previous(), Some(now));
                now = next;
            }
        }
    }
}

#[test]
fn an_offset_is_at_most_18_hours_and_written_with_sign() {
    for (text, minutes) in
        [("+08:00", 480), ("-03:30", -210), ("+00:00", 0), ("Z", 0), ("-18:00", -1080), ("+18:00", 1080)]
    {
        assert_eq!(text.parse::<UtcOffset>().expect(text).minutes(), minutes);
    }
    for text in
        ["", "8", "+8", "08:00", "+0800", "+8:00", "+08:60", "+18:01", "-99:00", "+08:00 ", "UTC", "+０8:00"]
    {
        assert!(text.parse::<UtcOffset>().is_err(), "{text}");
    }
    assert_eq!(UtcOffset::BEIJING.to_string(), "+08:00");
    assert_eq!(UtcOffset::from_minutes(-210).expect("an offset").to_string(), "-03:30");
    assert!(UtcOffset::from_minutes(1081).is_err());
}

proptest! {
    #[test]
    fn whatever_is_read_as_a_day_is_written_the_same_way(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}") {
        if let Ok(day) = text.parse::<Date>() {
            prop_assert_eq!(day.to_string(), text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = text.parse::<Date>();
        let _ = text.parse::<UtcOffset>();
    }

    #[test]
    fn a_day_later_is_the_next_day(unix_ms in 0_u64..253_402_000_000_000, minutes in -1080_i16..=1080) {
        let offset = UtcOffset::from_minutes(minutes).expect("an offset");
        let (one, two) = (Date::from_unix_ms(unix_ms, offset), Date::from_unix_ms(unix_ms + 86_400_000, offset));
        prop_assert_eq!(one.and_then(Date::next), two);
        prop_assert_eq!(two.and_then(Date::previous), one);
        prop_assert!(one < two);
    }
}

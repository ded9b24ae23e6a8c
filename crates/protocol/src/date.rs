//! A day of the calendar, and the offset from UTC in which it is that day. Daylight saving is the caller's affair.

use core::fmt;
use core::str::FromStr;

use crate::error::ValueError;
use crate::value::shown_value;

/// A day of the Gregorian calendar from 0001-01-01 to 9999-12-31. On the wire `yyyy-MM-dd`.
///
/// ```
/// use numcheck_protocol::{Date, UtcOffset};
///
/// // 16:30 in London is the next day in Beijing.
/// let date = Date::from_unix_ms(1_709_224_200_000, UtcOffset::BEIJING);
/// assert_eq!(date, Some("2024-03-01".parse()?));
/// assert_eq!(date.and_then(Date::previous).map(|day| day.to_string()).as_deref(), Some("2024-02-29"));
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

const FORM: ValueError = ValueError::new("date", "must be a day of the calendar, written yyyy-MM-dd");
const LAST_YEAR: u16 = 9999;
const MS_A_DAY: i64 = 86_400_000;

impl Date {
    /// A day, from its parts.
    ///
    /// # Errors
    /// When there is no such day, such as February 29 in a common year, or its year is not 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, ValueError> {
        let exists = (1..=LAST_YEAR).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day);
        if exists { Ok(Self { year, month, day }) } else { Err(FORM) }
    }

    /// The day that it is at a moment (Unix time in milliseconds), where clocks are so far ahead of UTC; `None` after the year 9999.
    pub fn from_unix_ms(unix_ms: u64, offset: UtcOffset) -> Option<Self> {
        let local_ms = i64::try_from(unix_ms).ok()?.checked_add(offset.ms())?;
        Self::from_unix_day(local_ms.div_euclid(MS_A_DAY))
    }

    /// The day after; `None` after 9999-12-31.
    pub fn next(self) -> Option<Self> {
        Self::from_unix_day(self.unix_day() + 1)
    }

    /// The day before; `None` before 0001-01-01.
    pub fn previous(self) -> Option<Self> {
        Self::from_unix_day(self.unix_day() - 1)
    }

    /// The year, 1 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01. The year begins in March, so that the leap day is its last; 400 years have 146 097 days.
    fn unix_day(self) -> i64 {
        let months = (i64::from(self.month) + 9) % 12;
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * months + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
    }

    /// The reverse of [`unix_day`](Self::unix_day).
    fn from_unix_day(unix_day: i64) -> Option<Self> {
        let day = unix_day + 719_468;
        let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let months = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * months + 2) / 5 + 1;
        let month = (months + 2) % 12 + 1;
        let year = era * 400 + year + i64::from(month <= 2);
        Self::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?).ok()
    }
}

fn days_of_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = ValueError;

    /// Exactly `yyyy-MM-dd`: four, two and two digits.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let digits_at = |places: core::ops::Range<usize>| {
            let part = text.get(places).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
            part.parse::<u16>().ok()
        };
        let (Some(year), Some(month), Some(day)) = (digits_at(0..4), digits_at(5..7), digits_at(8..10))
        else {
            return Err(FORM);
        };
        let dashed = [text.get(4..5), text.get(7..8)] == [Some("-"); 2] && text.len() == 10;
        match (u8::try_from(month), u8::try_from(day)) {
            (Ok(month), Ok(day)) if dashed => Self::new(year, month, day),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({self})")
    }
}

shown_value!(Date, "date");

/// How far local clocks are ahead of UTC, to the minute: from -18:00 to +18:00.
///
/// ```
/// use numcheck_protocol::UtcOffset;
///
/// let offset: UtcOffset = "-03:30".parse()?;
/// assert_eq!(offset.minutes(), -210);
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// Nothing.
    pub const UTC: Self = Self { minutes: 0 };
    /// Eight hours: all of China. That NXCLOUD's dates are meant so is assumed; no document says it.
    pub const BEIJING: Self = Self { minutes: 8 * 60 };

    /// An offset in minutes; those west of Greenwich are negative.
    ///
    /// # Errors
    /// Beyond 18 hours either way.
    pub fn from_minutes(minutes: i16) -> Result<Self, ValueError> {
        match minutes {
            -1080..=1080 => Ok(Self { minutes }),
            _ => Err(ValueError::new("offset", "must be at most 18 hours")),
        }
    }

    /// The offset in minutes.
    pub const fn minutes(self) -> i16 {
        self.minutes
    }

    fn ms(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }
}

impl FromStr for UtcOffset {
    type Err = ValueError;

    /// `+08:00`, `-03:30`, or `Z` for none.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const FORM: ValueError = ValueError::new("offset", "must be written +hh:mm or -hh:mm");
        if text == "Z" {
            return Ok(Self::UTC);
        }
        let [
            sign @ (b'+' | b'-'),
            h1 @ b'0'..=b'9',
            h2 @ b'0'..=b'9',
            b':',
            m1 @ b'0'..=b'5',
            m2 @ b'0'..=b'9',
        ] = *text.as_bytes()
        else {
            return Err(FORM);
        };
        let two = |tens: u8, ones: u8| i16::from(tens - b'0') * 10 + i16::from(ones - b'0');
        let minutes = two(h1, h2) * 60 + two(m1, m2);
        Self::from_minutes(if sign == b'-' { -minutes } else { minutes })
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

shown_value!(UtcOffset, "offset");

impl fmt::Debug for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UtcOffset({self})")
    }
}

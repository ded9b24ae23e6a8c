//! Which country a number belongs to, by its form alone, from libphonenumber's metadata.
//!
//! It groups numbers for batches, because the first dialect of number check wants one country in a batch. Whether a number exists
//! is what the platform is paid to say: metadata never keeps one from being sent.
//!
//! The metadata is loaded on first use (some 5 ms and 12 MB). A country's patterns are compiled when they are first
//! needed; numbers from all over the world make that 100 MB in the end, which is why [`group_of`] touches patterns
//! only where several countries share a country code.

use std::fmt;

use numcheck_protocol::PhoneNumber;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber as Parsed};

/// A country or territory by its two letters, such as `GB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Region([u8; 2]);

impl Region {
    /// The two letters of ISO 3166-1 (and `AC`, `TA`, `XK`, as libphonenumber has them).
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn of(region: rlibphonenumber::Region) -> Option<Self> {
        // "001" stands for numbers of no country.
        let letters: [u8; 2] = region.as_region_str().as_bytes().try_into().ok()?;
        Some(Self(letters))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

/// Numbers with the same group may go into one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub(crate) enum Group {
    /// Numbers of one country.
    Region(Region),
    /// Numbers of a country code that several countries, or none, have, and whose country their form does not tell.
    /// Behind +1 with their area code, since every area code lies in one country there.
    Prefix(u16),
    /// Numbers that begin with no country code at all, such as those with a leading 0.
    Unknown,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) => region.fmt(f),
            Self::Prefix(prefix) => write!(f, "+{prefix}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The country of a number, as far as its form tells. A country code of one country tells by itself, whatever follows;
/// behind a shared one (+1, +7, +44 …) the number has to be a valid one of that country.
pub(crate) fn region_of(number: &PhoneNumber) -> Option<Region> {
    let (code, national) = split(number)?;
    Region::of(PHONE_NUMBER_UTIL.get_region_for_number(&parsed(code, national))?)
}

/// The group of a number for batches: its country, else as much of it as keeps countries apart.
pub(crate) fn group_of(number: &PhoneNumber) -> Group {
    if let Some(region) = region_of(number) {
        return Group::Region(region);
    }
    let Some((code, national)) = split(number) else { return Group::Unknown };
    let area = if code == 1 { national.get(..3).and_then(|area| area.parse::<u16>().ok()) } else { None };
    Group::Prefix(match area {
        Some(area) => 1000 + area,
        None => code,
    })
}

/// Country code and the digits behind it.
fn split(number: &PhoneNumber) -> Option<(u16, &str)> {
    let code = number.calling_code()?.get();
    let length = if code < 10 { 1 } else { 2 + usize::from(code >= 100) };
    Some((code, number.digits().get(length..)?))
}

/// Exactly these digits as libphonenumber holds them.
fn parsed(code: u16, national: &str) -> Parsed {
    let zeros = national.bytes().take_while(|&byte| byte == b'0').count();
    Parsed {
        country_code: i32::from(code),
        national_number: national.parse().unwrap_or_default(),
        italian_leading_zero: (zeros > 0).then_some(true),
        number_of_leading_zeros: (zeros > 1).then(|| i32::try_from(zeros).unwrap_or_default()),
        ..Parsed::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLES: &str = include_str!("../tests/data/example-numbers.csv");

    fn number(digits: &str) -> PhoneNumber {
        PhoneNumber::new(digits).unwrap()
    }

    fn region(digits: &str) -> Option<String> {
        region_of(&number(digits)).map(|region| region.to_string())
    }

    /// Region and number of each example.
    fn examples() -> impl Iterator<Item = (&'static str, PhoneNumber)> {
        EXAMPLES.lines().skip(1).map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[1], number(cells[3]))
        })
    }

    #[test]
    fn the_example_numbers_belong_to_the_regions_they_are_examples_of() {
        let mut shared = Vec::new();
        for (expected, number) in examples() {
            let found = region_of(&number).map(|region| region.to_string()).unwrap_or_default();
            // Numbers of no country are examples of "001".
            if found != expected && expected != "001" {
                shared.push(format!("{expected} {found}"));
            }
        }
        // Numbers that two countries share (Canada's and Antigua's toll-free ones are the USA's too) count for one.
        assert_eq!(shared.len(), 29, "{shared:?}");
        shared.sort_unstable();
        shared.dedup();
        let pairs =
            ["AG US", "AX FI", "BL GP", "CA US", "EH MA", "IM GB", "JE GB", "KY US", "KZ RU", "SJ NO"];
        assert_eq!(shared, pairs);
    }

    #[test]
    fn countries_that_share_a_code_are_kept_apart() {
        for (digits, expected) in [
            ("12015550123", "US"),
            ("15062345678", "CA"),
            ("18762101234", "JM"),
            ("18092345678", "DO"),
            ("79123456789", "RU"),
            ("77710009998", "KZ"),
            ("447400123456", "GB"),
            ("447797712345", "JE"),
            ("390612345678", "IT"),
            ("390669812345", "VA"),
        ] {
            assert_eq!(region(digits).as_deref(), Some(expected), "{digits}");
        }
    }

    #[test]
    fn numbers_without_a_known_country_are_grouped_by_what_they_begin_with() {
        for (digits, group) in [
            ("15550000000", "+1555"),
            ("19990000000", "+1999"),
            ("12345", "+1234"),
            ("4400000000", "+44"),
            ("80012345678", "+800"),
            ("882345678901", "+882"),
            ("999123456", "unknown"),
            ("07400123456", "unknown"),
            // One country alone has this code: its country is known whatever follows.
            ("852000000", "HK"),
            ("18617", "+1861"),
        ] {
            assert_eq!(group_of(&number(digits)).to_string(), group, "{digits}");
        }
    }

    proptest! {
        #[test]
        fn every_number_has_a_group_and_numbers_of_one_group_share_their_country_code(
            one in "[0-9]{5,15}", other in "[0-9]{5,15}",
        ) {
            let (one, other) = (number(&one), number(&other));
            if group_of(&one) == group_of(&other) {
                let code = |number| split(number).map(|(code, _)| code);
                prop_assert_eq!(code(&one), code(&other));
            }
        }
    }
}

//! Which phone numbers may go into one batch, by their form alone: the first dialect of number check wants one country in a batch.
//!
//! Whether a phone number exists is what the platform is paid to say: metadata never keeps one from being sent.

use std::fmt;

use numcheck_protocol::PhoneNumber;
use numcheck_tables::{Region, region_of};

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

/// The group of a number for batches: its country, else as much of it as keeps countries apart.
pub(crate) fn group_of(number: &PhoneNumber) -> Group {
    if let Some(region) = region_of(number) {
        return Group::Region(region);
    }
    let Some(code) = number.calling_code() else { return Group::Unknown };
    let area = if code.get() == 1 {
        number.digits().get(1..4).and_then(|area| area.parse::<u16>().ok())
    } else {
        None
    };
    Group::Prefix(match area {
        Some(area) => 1000 + area,
        None => code.get(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(digits: &str) -> PhoneNumber {
        PhoneNumber::new(digits).unwrap()
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
                let code = |number: &PhoneNumber| number.calling_code();
                prop_assert_eq!(code(&one), code(&other));
            }
        }
    }
}

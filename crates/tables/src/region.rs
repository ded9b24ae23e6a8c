//! Countries by libphonenumber's metadata: which one a phone number belongs to, and what is dialled within one made whole.
//!
//! The metadata is loaded on first use (some 5 ms and 12 MB). A country's patterns are compiled when they are first needed; phone numbers from all
//! over the world make that 100 MB in the end.

use std::fmt;
use std::str::FromStr;

use numcheck_protocol::PhoneNumber;
use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber as Parsed, PhoneNumberType, Region as Known,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digits::{names_country, whole};
use crate::reject::Reject;

/// A country or territory by its two letters, such as `GB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region([u8; 2]);

/// No country or territory has these letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country by the two letters of ISO 3166-1, such as CN, GB or US")]
pub struct UnknownRegion;

impl Region {
    /// The two letters of ISO 3166-1 (and `AC`, `TA`, `XK`, as libphonenumber has them).
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn from_known(region: Known) -> Option<Self> {
        // "001" stands for phone numbers of no country.
        let letters: [u8; 2] = region.as_region_str().as_bytes().try_into().ok()?;
        Some(Self(letters))
    }

    fn known(self) -> Option<Known> {
        PHONE_NUMBER_UTIL.get_supported_regions().find(|known| known.as_region_str().as_bytes() == self.0)
    }

    /// The phone number that these digits mean in this country: as it is dialled there, or with a country code.
    ///
    /// With `00` in front, or with the country's own code, it is whole. Of what is valid at home and whole elsewhere, a mobile number and one with its
    /// trunk prefix are at home; anything else is left alone, since the plan of a country with fixed lines of any length holds most of the world's
    /// numbers. Metadata may not know a new block of phone numbers: what has a possible length is taken where nothing is valid.
    pub(crate) fn complete(self, digits: &str) -> Result<PhoneNumber, Reject> {
        let Readings { home, whole: away } = self.readings(digits);
        let found = match (&home, &away) {
            (Some(home), Some(away)) if is_valid(home) && is_valid(away) => {
                Some(if self.is_surely_at_home(digits, home, away) { home } else { away })
            }
            (Some(home), _) if is_valid(home) => Some(home),
            (_, Some(away)) if is_valid(away) => Some(away),
            (Some(home), _) if is_possible(home) => Some(home),
            (_, Some(away)) if is_possible(away) => Some(away),
            _ => None,
        };
        match found {
            Some(parsed) => whole(&digits_of(parsed)),
            None => match whole(digits) {
                Err(reject @ (Reject::TooShort { .. } | Reject::TooLong { .. })) => Err(reject),
                _ => Err(Reject::NotOfRegion),
            },
        }
    }

    /// Whether digits without a country code in front are a valid phone number at home and a whole one of another country.
    pub(crate) fn is_ambiguous(self, digits: &str) -> bool {
        let Readings { home, whole: away } = self.readings(digits);
        let (Some(home), Some(away)) = (home, away) else { return false };
        !digits.starts_with('0') && home != away && is_valid(&home) && is_valid(&away)
    }

    fn readings(self, digits: &str) -> Readings {
        let own = self.known().and_then(|known| PHONE_NUMBER_UTIL.get_country_code_for_region(known));
        let home = PHONE_NUMBER_UTIL.parse(digits, self.known()).ok();
        let home = home.filter(|parsed| keeps_digits(digits, parsed, own));
        let abroad = digits.strip_prefix("00").unwrap_or(digits);
        let whole = PHONE_NUMBER_UTIL.parse(format!("+{abroad}").as_str(), None).ok();
        // Nothing is dropped from what is whole.
        let whole = whole.filter(|parsed| digits_of(parsed) == abroad);
        Readings { home, whole }
    }

    fn is_surely_at_home(self, digits: &str, home: &Parsed, away: &Parsed) -> bool {
        let is_own = PHONE_NUMBER_UTIL.get_region_for_number(away) == self.known();
        let kind = PHONE_NUMBER_UTIL.get_number_type(home);
        let is_mobile = matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile);
        !is_own && !digits.starts_with("00") && (digits.starts_with('0') || is_mobile)
    }
}

/// What digits can mean: dialled in a country, and with a country code.
struct Readings {
    home: Option<Parsed>,
    whole: Option<Parsed>,
}

fn is_valid(parsed: &Parsed) -> bool {
    PHONE_NUMBER_UTIL.is_valid_number(parsed)
}

/// Without an area code it is possible only locally.
fn is_possible(parsed: &Parsed) -> bool {
    matches!(PHONE_NUMBER_UTIL.is_possible_number_with_reason(parsed), Ok(NumberLengthType::IsPossible))
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

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        let letters = text.trim().to_ascii_uppercase();
        let region = Self(letters.as_bytes().try_into().map_err(|_| UnknownRegion)?);
        region.known().map(|_| region).ok_or(UnknownRegion)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether what was dropped of digits can be what is dialled before a phone number: a 0 and what follows it, or a few digits. A carrier's code such as 12345
/// in China is as likely a slip. `own` is the country's code.
fn keeps_digits(digits: &str, parsed: &Parsed, own: Option<i32>) -> bool {
    const MAX_DROPPED: usize = 3;
    let all = digits_of(parsed).len();
    let code = if own == Some(parsed.country_code) { parsed.country_code.to_string().len() } else { 0 };
    digits.starts_with('0') || digits.len() <= all - code + MAX_DROPPED
}

/// The country of a phone number, as far as its form tells. A country code of one country tells by itself, whatever follows;
/// behind a shared one (+1, +7, +44 …) the phone number has to be a valid one of that country.
pub fn region_of(number: &PhoneNumber) -> Option<Region> {
    Region::from_known(PHONE_NUMBER_UTIL.get_region_for_number(&parsed(number)?)?)
}

/// Exactly these digits as libphonenumber holds them.
fn parsed(number: &PhoneNumber) -> Option<Parsed> {
    let code = number.calling_code()?.get();
    let length = if code < 10 { 1 } else { 2 + usize::from(code >= 100) };
    let national = number.digits().get(length..)?;
    let zeros = national.bytes().take_while(|&byte| byte == b'0').count();
    Some(Parsed {
        country_code: i32::from(code),
        national_number: national.parse().unwrap_or_default(),
        italian_leading_zero: (zeros > 0).then_some(true),
        number_of_leading_zeros: (zeros > 1).then(|| i32::try_from(zeros).unwrap_or_default()),
        ..Parsed::default()
    })
}

/// Country code, leading zeros and national number.
fn digits_of(parsed: &Parsed) -> String {
    let zeros = match parsed.italian_leading_zero {
        Some(true) => usize::try_from(parsed.number_of_leading_zeros.unwrap_or(1)).unwrap_or(1),
        _ => 0,
    };
    format!("{}{}{}", parsed.country_code, "0".repeat(zeros), parsed.national_number)
}

/// Signs that the phone numbers of a file have no country code, although they are read as if they had one.
///
/// Nothing is changed for it: it is for a warning before money is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodelessCounts {
    /// Phone numbers that were counted.
    pub numbers: u64,
    /// Those that begin with 0, as no country code does.
    pub leading_zero: u64,
    /// Of the first [`SAMPLED`](Self::SAMPLED): those that are valid in no country, do not begin with 0, and whose cells name none.
    pub sample_invalid: u64,
    /// 11 digits from 13 to 19, without a country code in front.
    looks_chinese: u64,
    not_north_american: u64,
}

impl CodelessCounts {
    /// How many phone numbers are looked up in the metadata of their country.
    pub const SAMPLED: u64 = 200;

    /// Counts a phone number of [`Numbering::International`](crate::Numbering) and the cell that it was read from.
    pub fn add(&mut self, number: &PhoneNumber, cell: &[u8]) {
        let digits = number.digits();
        if self.numbers < Self::SAMPLED && !digits.starts_with('0') && !names_country(cell) {
            self.sample_invalid += u64::from(!is_valid_anywhere(number));
        }
        self.numbers += 1;
        self.leading_zero += u64::from(digits.starts_with('0'));
        let looks_chinese = digits.len() == 11
            && digits.starts_with('1')
            && digits.as_bytes().get(1).is_some_and(|byte| *byte >= b'3');
        if looks_chinese && !names_country(cell) {
            self.looks_chinese += 1;
            self.not_north_american += u64::from(!is_valid_anywhere(number));
        }
    }

    /// How many look like Chinese mobile numbers without 86, where most of these are none of North America: a list of either has some that look like
    /// the other's.
    pub fn chinese(&self) -> u64 {
        if self.not_north_american * 2 >= self.looks_chinese { self.looks_chinese } else { 0 }
    }

    /// Of how many phone numbers [`sample_invalid`](Self::sample_invalid) says how many are valid nowhere.
    pub fn sampled(&self) -> u64 {
        self.numbers.min(Self::SAMPLED)
    }
}

fn is_valid_anywhere(number: &PhoneNumber) -> bool {
    parsed(number).is_some_and(|parsed| is_valid(&parsed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Numbering;

    const EXAMPLES: &str = include_str!("../tests/data/example-numbers.csv");

    fn number(digits: &str) -> PhoneNumber {
        PhoneNumber::new(digits).unwrap()
    }

    fn region(digits: &str) -> Option<String> {
        region_of(&number(digits)).map(|region| region.to_string())
    }

    /// Region and phone number of each example.
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
            // Phone numbers of no country are examples of "001".
            if found != expected && expected != "001" {
                shared.push(format!("{expected} {found}"));
            }
        }
        // Phone numbers that two countries share (Canada's and Antigua's toll-free ones are the USA's too) count for one.
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

    fn read(region: &str, cell: &str) -> Result<String, &'static str> {
        let numbering = Numbering::National(region.parse().unwrap());
        numbering.read(cell.as_bytes()).map(|number| number.digits().to_owned()).map_err(Reject::reason)
    }

    #[test]
    fn national_numbers_become_international_and_whole_ones_are_left_alone() {
        for (region, cell, digits) in [
            ("CN", "13800138000", "8613800138000"),
            // Valid in Arkansas, too.
            ("CN", "15012345678", "8615012345678"),
            ("CN", "010-12345678", "861012345678"),
            ("CN", "0755 2345 6789", "8675523456789"),
            ("CN", "8613800138000", "8613800138000"),
            ("CN", "+8613800138000", "8613800138000"),
            ("CN", "008613800138000", "8613800138000"),
            ("CN", "8613800138000.0", "8613800138000"),
            // Russian, German, British and Brazilian: fixed lines of a like length are no reason to alter them.
            ("CN", "79161234567", "79161234567"),
            ("DE", "8613123456789", "8613123456789"),
            ("DE", "5511961234567", "5511961234567"),
            ("DE", "79123456789", "79123456789"),
            ("DE", "089 123456", "4989123456"),
            ("SG", "0091 9173456789", "919173456789"),
            ("SG", "0033612345678", "33612345678"),
            ("SG", "001 91 9173456789", "919173456789"),
            ("RU", "8 10 44 7400 123456", "447400123456"),
            ("CN", "447400123456", "447400123456"),
            ("CN", "+14155552671", "14155552671"),
            ("GB", "07400 123456", "447400123456"),
            ("GB", "7400123456", "447400123456"),
            ("US", "(415) 555-2671", "14155552671"),
            ("US", "1 415 555 2671", "14155552671"),
            ("US", "011 86 138 0013 8000", "8613800138000"),
            ("US", "0086 138 0013 8000", "8613800138000"),
            ("US", "415-555-2671 ext. 5", "14155552671"),
            ("AU", "0011 86 138 0013 8000", "8613800138000"),
            ("AU", "0412 345 678", "61412345678"),
            ("IT", "06 1234 5678", "390612345678"),
            ("FR", "06 12 34 56 78", "33612345678"),
            ("DE", "01512 3456789", "4915123456789"),
            ("MX", "55 1234 5678", "525512345678"),
            ("RU", "8 (912) 345-67-89", "79123456789"),
            ("JP", "090-1234-5678", "819012345678"),
            ("BR", "(11) 96123-4567", "5511961234567"),
        ] {
            assert_eq!(read(region, cell).as_deref(), Ok(digits), "{region} {cell}");
        }
    }

    #[test]
    fn a_number_of_no_known_block_is_completed_by_its_length_and_nonsense_is_not_sent() {
        assert_eq!(read("CN", "11912345678").as_deref(), Ok("8611912345678"));
        for (region, cell) in [("US", "99999999999999"), ("GB", "12345")] {
            assert_eq!(read(region, cell), Err("not_of_region"), "{region} {cell}");
        }
        assert_eq!(read("CN", "1234"), Err("too_short"));
        assert_eq!(read("CN", "1234567890123456"), Err("too_long"));
        assert_eq!(read("CN", "n/a"), Err("letters"));
    }

    #[test]
    fn every_example_number_stays_itself_in_its_own_region_and_comes_back_from_its_national_form() {
        for (name, number) in examples().filter(|(name, _)| *name != "001") {
            assert_eq!(
                read(name, number.digits()).as_deref(),
                Ok(number.digits()),
                "{name} {}",
                number.digits()
            );
        }
    }

    /// Without a mobile number or a trunk prefix at home, what is whole is left alone; what is altered is ambiguous, which a person is told.
    #[test]
    fn of_the_example_numbers_of_the_world_few_are_altered_in_any_region_and_each_of_them_is_known_to_be_ambiguous()
     {
        for name in ["AT", "CN", "SG"] {
            let region: Region = name.parse().unwrap();
            let altered: Vec<String> = examples()
                .map(|(_, number)| number.digits().to_owned())
                .filter(|digits| region.complete(digits).is_ok_and(|found| found.digits() != digits))
                .collect();
            for digits in &altered {
                assert!(
                    region.is_ambiguous(digits) || !is_valid_anywhere(&number(digits)),
                    "{name} {digits}"
                );
            }
            assert!(altered.len() <= 80, "{name}: {}", altered.len());
            let with_zeros = examples().map(|(_, number)| number.digits().to_owned());
            for digits in with_zeros.filter(|digits| is_valid_anywhere(&number(digits))) {
                let found = region.complete(&format!("00{digits}")).unwrap();
                assert_eq!(found.digits(), digits, "{name}");
            }
        }
    }

    fn count(cells: &[&str]) -> CodelessCounts {
        let mut counts = CodelessCounts::default();
        for cell in cells {
            counts.add(&crate::normalise(cell.as_bytes()).unwrap(), cell.as_bytes());
        }
        counts
    }

    #[test]
    fn numbers_without_a_country_code_are_noticed() {
        let chinese = count(&["13800138000", "13912345678", "18819079212", "15012345678"]);
        assert_eq!((chinese.chinese(), chinese.numbers), (4, 4));
        let british = count(&["07911123456", "07400123456", "447400123456"]);
        assert_eq!((british.leading_zero, british.chinese(), british.numbers), (2, 0, 3));
        let russian = count(&["9161234567", "9261234567", "447400123456"]);
        assert_eq!((russian.sample_invalid, russian.sampled()), (2, 3));
    }

    #[test]
    fn numbers_with_their_country_code_are_not() {
        let american: Vec<String> = (0..50).map(|n| format!("1415555{:04}", 2000 + n)).collect();
        let american: Vec<&str> = american.iter().map(String::as_str).collect();
        for cells in [
            &american[..],
            &["+1 380 013 8000", "+13912345678", "14155552671"],
            &["8613800138000", "447400123456"],
            &[],
        ] {
            let counts = count(cells);
            assert_eq!(
                (counts.chinese(), counts.leading_zero, counts.sample_invalid),
                (0, 0, 0),
                "{cells:?}"
            );
        }
    }
}

//! The phone numbers of one submit, by the platform's rules for a batch.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::error::ValueError;
use crate::phone::PhoneNumber;
use crate::value::read_from_text;

/// 1 to 5000 phone numbers for one request, none of them twice: a repeated one would be paid for twice.
///
/// `Debug` shows how many there are. Serde reads and writes them in full, joined by commas as the platform does; what it reads may be of several
/// countries.
///
/// ```
/// use numcheck_protocol::{PhoneList, PhoneNumber};
///
/// let [hong_kong, china] = [PhoneNumber::new("85251234567")?, PhoneNumber::new("8613812345678")?];
/// assert_eq!(PhoneList::from_many_countries([hong_kong, china])?.len(), 2);
/// assert!(PhoneList::from_one_country([hong_kong, china]).is_err());
/// assert!(PhoneList::from_many_countries([china, china]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneList(Vec<PhoneNumber>);

impl PhoneList {
    /// The most phone numbers in one request. The document of v1 states no limit, that of v2 states this one.
    pub const MAX_LEN: usize = 5000;

    /// Phone numbers of one country, as v1 demands. Countries are told apart by their country code where it is assigned; where several
    /// countries share one (+1, +7, +44), the caller must know better: [`PhoneList::from_one_region`].
    ///
    /// # Errors
    /// For no phone number, more than 5000, a repeated one, or two country codes. Nothing was sent.
    pub fn from_one_country(numbers: impl IntoIterator<Item = PhoneNumber>) -> Result<Self, ValueError> {
        let list = Self::from_many_countries(numbers)?;
        list.check_one_country()?;
        Ok(list)
    }

    /// Phone numbers of one country, where `region` knows the country of each; `None` is "not known" and goes with any.
    ///
    /// # Errors
    /// For no phone number, more than 5000, a repeated one, or two known regions. Nothing was sent.
    pub fn from_one_region<R: PartialEq>(
        numbers: impl IntoIterator<Item = PhoneNumber>,
        region: impl Fn(&PhoneNumber) -> Option<R>,
    ) -> Result<Self, ValueError> {
        let list = Self::from_many_countries(numbers)?;
        let mut regions = list.0.iter().filter_map(region);
        if let Some(first) = regions.next()
            && regions.any(|other| other != first)
        {
            return Err(TWO_COUNTRIES);
        }
        Ok(list)
    }

    /// Whether it could be made by [`from_one_country`](Self::from_one_country).
    ///
    /// # Errors
    /// For two country codes.
    pub(crate) fn check_one_country(&self) -> Result<(), ValueError> {
        let mut numbers = self.0.iter();
        let Some(code) = numbers.find_map(PhoneNumber::calling_code) else { return Ok(()) };
        let code = code.get().to_string();
        // No code is the beginning of another, so that few numbers need a look into the list of codes.
        let fits = |number: &PhoneNumber| number.starts_with(&code) || number.calling_code().is_none();
        if numbers.all(fits) { Ok(()) } else { Err(TWO_COUNTRIES) }
    }

    /// Phone numbers of any countries, as v2 allows. An account of v1 refuses them.
    ///
    /// # Errors
    /// For no phone number, more than 5000, or a repeated one. Nothing was sent.
    pub fn from_many_countries(numbers: impl IntoIterator<Item = PhoneNumber>) -> Result<Self, ValueError> {
        Self::from_vec(numbers.into_iter().take(Self::MAX_LEN + 1).collect())
    }

    fn from_vec(numbers: Vec<PhoneNumber>) -> Result<Self, ValueError> {
        if numbers.is_empty() {
            return Err(ValueError::new("phone", "needs at least one number"));
        }
        if numbers.len() > Self::MAX_LEN {
            return Err(ValueError::new("phone", "at most 5000 numbers fit into one request"));
        }
        if holds_one_twice(&numbers) {
            return Err(ValueError::new("phone", "holds a number twice, which would be paid for twice"));
        }
        Ok(Self(numbers))
    }

    /// The phone numbers, in the order in which they are sent.
    pub fn as_slice(&self) -> &[PhoneNumber] {
        &self.0
    }

    /// The phone numbers, in the order in which they are sent.
    pub fn iter(&self) -> core::slice::Iter<'_, PhoneNumber> {
        self.0.iter()
    }

    /// How many there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a list is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `before` and the phone numbers, joined by commas, with room for `more` bytes.
    pub(crate) fn join_behind(&self, before: &[u8], more: usize) -> String {
        let mut joined =
            Vec::with_capacity(before.len() + self.0.len() * (PhoneNumber::MAX_DIGITS + 1) + more);
        joined.extend_from_slice(before);
        for number in &self.0 {
            number.write_to(&mut joined);
            joined.push(b',');
        }
        joined.pop();
        // Never the default: digits and commas are UTF-8.
        String::from_utf8(joined).unwrap_or_default()
    }
}

const TWO_COUNTRIES: ValueError =
    ValueError::new("phone", "all numbers of a batch must belong to one country: make a batch per country");

/// Each number takes the first free place behind its hash, in a table at least half empty. Numbers chosen to collide cost n² / 2 comparisons, 12.5
/// million for the longest list.
fn holds_one_twice(numbers: &[PhoneNumber]) -> bool {
    let mut places = vec![0_u16; (2 * numbers.len()).next_power_of_two()];
    let last = places.len() - 1;
    numbers.iter().zip(1_u16..).any(|(number, at)| {
        let key = number.key();
        let mixed = (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut place = (mixed >> 32) as usize & last;
        while let Some(taken) = places.get_mut(place) {
            match usize::from(*taken).checked_sub(1) {
                None => {
                    *taken = at;
                    return false;
                }
                Some(other) if numbers.get(other) == Some(number) => return true,
                Some(_) => place = (place + 1) & last,
            }
        }
        false
    })
}

impl<'a> IntoIterator for &'a PhoneList {
    type Item = &'a PhoneNumber;
    type IntoIter = core::slice::Iter<'a, PhoneNumber>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for PhoneList {
    type Item = PhoneNumber;
    type IntoIter = vec::IntoIter<PhoneNumber>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Phone numbers joined by commas, of any countries, as [`PhoneList::from_many_countries`] takes them.
impl core::str::FromStr for PhoneList {
    type Err = ValueError;

    fn from_str(joined: &str) -> Result<Self, ValueError> {
        // One more than fits is enough to refuse a list that is too long.
        let room = joined.len() / (PhoneNumber::MIN_DIGITS + 1) + 1;
        let mut numbers = Vec::with_capacity(room.min(Self::MAX_LEN + 1));
        let mut rest = Some(joined);
        while let Some(text) = rest
            && numbers.len() <= Self::MAX_LEN
        {
            let (number, behind) = match PhoneNumber::split_first(text) {
                Some((number, behind)) => (number, Some(behind)),
                None => match text.split_once(',') {
                    Some((number, behind)) => (PhoneNumber::new(number)?, Some(behind)),
                    None => (PhoneNumber::new(text)?, None),
                },
            };
            numbers.push(number);
            rest = behind;
        }
        Self::from_vec(numbers)
    }
}

read_from_text!(PhoneList, "phone");

/// The phone numbers in full, joined by commas.
impl From<PhoneList> for String {
    fn from(list: PhoneList) -> Self {
        list.join_behind(b"", 0)
    }
}

/// The phone numbers in full, joined by commas, as the platform reads them.
impl serde::Serialize for PhoneList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.join_behind(b"", 0))
    }
}

impl fmt::Debug for PhoneList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneList({} numbers)", self.len())
    }
}

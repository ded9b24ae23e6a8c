//! The phone numbers of one submit, by the platform's rules for a batch.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::fmt;

use crate::error::ValueError;
use crate::phone::PhoneNumber;
use crate::value::read_from_text;

/// 1 to 5000 phone numbers for one request, none of them twice: a repeated one would be paid for twice.
///
/// `Debug` shows how many there are. Serde reads and writes them in full, joined by commas as the platform does; what it reads may be of several
/// countries.
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
        Self::from_one_region(numbers, PhoneNumber::calling_code)
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
            return Err(ValueError::new(
                "phone",
                "all numbers of a batch must belong to one country: make a batch per country",
            ));
        }
        Ok(list)
    }

    /// Phone numbers of any countries, as v2 allows. An account of v1 refuses them.
    ///
    /// # Errors
    /// For no phone number, more than 5000, or a repeated one. Nothing was sent.
    pub fn from_many_countries(numbers: impl IntoIterator<Item = PhoneNumber>) -> Result<Self, ValueError> {
        let numbers: Vec<PhoneNumber> = numbers.into_iter().take(Self::MAX_LEN + 1).collect();
        check(&numbers)?;
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

    fn joined(&self) -> String {
        let mut joined = String::with_capacity(self.0.iter().map(|number| number.digits().len() + 1).sum());
        for number in &self.0 {
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(number.digits());
        }
        joined
    }
}

fn check(numbers: &[PhoneNumber]) -> Result<(), ValueError> {
    if numbers.is_empty() {
        return Err(ValueError::new("phone", "needs at least one number"));
    }
    if numbers.len() > PhoneList::MAX_LEN {
        return Err(ValueError::new("phone", "at most 5000 numbers fit into one request"));
    }
    let mut sorted: Vec<u64> = numbers.iter().map(PhoneNumber::pack).collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| matches!(pair, [first, second] if first == second)) {
        return Err(ValueError::new("phone", "holds a number twice, which would be paid for twice"));
    }
    Ok(())
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
        let numbers = joined.split(',').take(Self::MAX_LEN + 1).map(PhoneNumber::new);
        Self::from_many_countries(numbers.collect::<Result<Vec<_>, _>>()?)
    }
}

read_from_text!(PhoneList, "phone");

/// The phone numbers in full, joined by commas.
impl From<PhoneList> for String {
    fn from(list: PhoneList) -> Self {
        list.joined()
    }
}

/// The phone numbers in full, joined by commas, as the platform reads them.
impl serde::Serialize for PhoneList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.joined())
    }
}

impl fmt::Debug for PhoneList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneList({} numbers)", self.len())
    }
}

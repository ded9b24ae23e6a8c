//! The numbers of one submit.
//!
//! It keeps the platform's rules for a batch and does not decide how a file is cut into batches.

use alloc::vec::Vec;
use core::fmt;

use crate::error::ValueError;
use crate::phone::PhoneNumber;

/// 1 to 5000 numbers for one request, none of them twice: a repeated number would be paid for twice.
///
/// `Debug` shows how many, never which.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneList(Vec<PhoneNumber>);

impl PhoneList {
    /// The most numbers in one request. The first dialect's document states no limit; the second's states this one.
    pub const MAX_LEN: usize = 5000;

    /// Numbers of one country, as the first dialect demands. Countries are told apart by their country code where it is
    /// assigned; where several countries share one (+1, +7, +44), the caller must know better: [`PhoneList::from_one_region`].
    ///
    /// # Errors
    /// For no number, more than 5000, a repeated one, or two country codes. Nothing was sent.
    pub fn from_one_country(numbers: impl IntoIterator<Item = PhoneNumber>) -> Result<Self, ValueError> {
        Self::from_one_region(numbers, |number| number.calling_code())
    }

    /// Numbers of one country, where `region` knows the country of a number; `None` is "not known" and goes with any.
    ///
    /// # Errors
    /// For no number, more than 5000, a repeated one, or two known regions. Nothing was sent.
    pub fn from_one_region<R: PartialEq>(
        numbers: impl IntoIterator<Item = PhoneNumber>,
        region: impl Fn(&PhoneNumber) -> Option<R>,
    ) -> Result<Self, ValueError> {
        let numbers: Vec<PhoneNumber> = numbers.into_iter().take(Self::MAX_LEN + 1).collect();
        check(&numbers)?;
        let mut regions = numbers.iter().filter_map(region);
        if let Some(first) = regions.next()
            && regions.any(|other| other != first)
        {
            return Err(ValueError::new(
                "phone",
                "all numbers of a batch must belong to one country: make a batch per country",
            ));
        }
        Ok(Self(numbers))
    }

    /// Numbers of any countries, as the second dialect allows. An account that answers in the first refuses them.
    ///
    /// # Errors
    /// For no number, more than 5000, or a repeated one. Nothing was sent.
    pub fn from_many_countries(numbers: impl IntoIterator<Item = PhoneNumber>) -> Result<Self, ValueError> {
        Self::from_one_region(numbers, |_| None::<()>)
    }

    /// The numbers, in the order in which they are sent.
    pub fn as_slice(&self) -> &[PhoneNumber] {
        &self.0
    }

    /// How many; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a list is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
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

impl fmt::Debug for PhoneList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneList({} numbers)", self.len())
    }
}

/// The numbers joined by commas, as the platform reads them. Written straight into the output: no list is built first.
impl serde::Serialize for PhoneList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Joined(&self.0))
    }
}

struct Joined<'a>(&'a [PhoneNumber]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, number) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(number.digits())?;
        }
        Ok(())
    }
}

//! Money, exactly.
//!
//! It never goes through binary fractions, and never adds amounts of different currencies: that is the caller's ledger.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use serde_json::Number;

use crate::error::ValueError;
use crate::field::FromWire;

/// An amount of money in some currency, exact to eight decimals. The platform documents four.
///
/// The range is ±92 233 720 368, which [`checked_add`](Self::checked_add) guards.
///
/// ```
/// use numcheck_protocol::Price;
///
/// let price: Price = "0.1912".parse()?;
/// let total = (0..1_000_000).try_fold(Price::ZERO, |sum, _| sum.checked_add(price));
/// assert_eq!(total.map(|total| total.to_string()).as_deref(), Some("191200.0000"));
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

const DECIMALS: usize = 8;
const SHOWN: usize = 4;
const ONE: i64 = 100_000_000;

impl Price {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in ten-thousandths; `None` beyond the range.
    pub const fn from_ten_thousandths(amount: i64) -> Option<Self> {
        match amount.checked_mul(10_000) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The sum; `None` beyond the range.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference; `None` beyond the range.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The amount for `count` of them; `None` beyond the range.
    pub const fn checked_mul(self, count: i64) -> Option<Self> {
        match self.0.checked_mul(count) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }
}

impl FromStr for Price {
    type Err = ValueError;

    /// Reads `12`, `0.1912`, `-0.5`; zeros beyond the eighth decimal are allowed, other digits there are not.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text)
            .map(Self)
            .ok_or(ValueError::new("price", "must be a decimal number with at most eight decimals"))
    }
}

fn parse(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return None;
    }
    let scale = 10_i64.pow((DECIMALS - fraction.len()) as u32);
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()? * scale };
    let units = whole.parse::<i64>().ok()?.checked_mul(ONE)?.checked_add(fraction)?;
    Some(if negative { -units } else { units })
}

/// At least four decimals, more where the amount has them.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let (whole, fraction) = (units / ONE.unsigned_abs(), units % ONE.unsigned_abs());
        let mut text = String::new();
        fmt::Write::write_fmt(&mut text, format_args!("{fraction:08}"))?;
        while text.len() > SHOWN && text.ends_with('0') {
            text.pop();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&alloc::format!("{sign}{whole}.{text}"))
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({self})")
    }
}

/// A JSON number: an integer where the amount is whole, as the platform writes it.
impl serde::Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % ONE == 0 {
            return serializer.serialize_i64(self.0 / ONE);
        }
        // The nearest double of a short decimal is written back as that decimal, so nothing is lost up to 15 digits.
        match self.to_string().parse::<f64>() {
            Ok(number) => serializer.serialize_f64(number),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> FromWire<'de> for Price {
    fn from_text(text: alloc::borrow::Cow<'de, str>) -> Result<Self, alloc::borrow::Cow<'de, str>> {
        parse(&text).map(Self).ok_or(text)
    }

    /// A double prints as the shortest decimal that means it, which is the decimal that stood on the wire.
    fn from_number(number: &Number) -> Option<Self> {
        let text = match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.as_f64()?.to_string(),
        };
        parse(&text).map(Self)
    }
}

//! Money in exact decimals. Amounts of different currencies are for the caller to keep apart.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use serde_json::Number;

use crate::error::ValueError;
use crate::field::FromWire;
use crate::mask;
use crate::value::from_wire;

/// An amount of money in some currency, exact to eight decimals. The platform documents four.
///
/// The range is ±92 233 720 368, which [`checked_add`](Self::checked_add) guards. As a JSON number it is exact with four decimals
/// in the whole range, and with eight up to ten million, which is what a double tells apart; beyond, it is written as a string.
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

const FORM: ValueError = ValueError::new("price", "must be a decimal number with at most eight decimals");
const DECIMALS: usize = 8;
const SHOWN: usize = 4;
const ONE: i64 = 100_000_000;
/// Decimals of at most 15 digits and doubles stand for each other, one to one.
const DIGITS_OF_A_DOUBLE: i64 = 1_000_000_000_000_000;

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

    /// Reads `12`, `0.1912`, `-0.5`; zeros beyond the eighth decimal are allowed, other digits there are not. Neither are an
    /// exponent, a `+`, spaces and separators of thousands.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).map(Self).ok_or(FORM)
    }
}

fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
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
    whole.parse::<i64>().ok()?.checked_mul(sign * ONE)?.checked_add(sign * fraction)
}

/// At least four decimals, more where the amount has them.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let (whole, mut fraction) = (units / ONE.unsigned_abs(), units % ONE.unsigned_abs());
        let mut decimals = DECIMALS;
        while decimals > SHOWN && fraction % 10 == 0 {
            fraction /= 10;
            decimals -= 1;
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&alloc::format!("{sign}{whole}.{fraction:0decimals$}"))
    }
}

/// A whole part of ten digits and more is masked: it may be a phone number that stands in the wrong field.
impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = alloc::format!("{self}");
        let long = self.0.unsigned_abs() / ONE.unsigned_abs() >= 1_000_000_000;
        write!(f, "Price({})", if long { mask::digits(&text) } else { text.into() })
    }
}

impl TryFrom<&str> for Price {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl TryFrom<String> for Price {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl From<Price> for String {
    fn from(price: Price) -> Self {
        price.to_string()
    }
}

/// Strict: a number, or a decimal number in a string. For formats that describe themselves, such as JSON, TOML and CSV.
impl<'de> serde::Deserialize<'de> for Price {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_wire(deserializer, FORM)
    }
}

/// A JSON number: an integer where the amount is whole, as the platform writes it.
impl serde::Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_number() {
            Some(number) => number.serialize(serializer),
            None => serializer.collect_str(self),
        }
    }
}

impl Price {
    fn to_number(self) -> Option<Number> {
        if self.0 % ONE == 0 {
            return Some((self.0 / ONE).into());
        }
        self.to_double().and_then(Number::from_f64)
    }

    /// The double that prints as this amount. The division of two doubles that are integers is rounded once, so it gives the
    /// nearest one.
    fn to_double(self) -> Option<f64> {
        SCALES.into_iter().find_map(|scale| {
            let dropped = ONE / scale;
            let units = self.0 / dropped;
            (self.0 % dropped == 0 && units.abs() < DIGITS_OF_A_DOUBLE).then(|| units as f64 / scale as f64)
        })
    }

    /// The decimal that a double prints as, and that stood on the wire; `None` for one of more than 15 digits or 8 decimals.
    fn from_double(number: f64) -> Option<Self> {
        SCALES.into_iter().find_map(|scale| {
            let scaled = number.abs() * scale as f64;
            if scaled >= DIGITS_OF_A_DOUBLE as f64 {
                return None;
            }
            let units = (scaled + 0.5) as i64;
            let units = if number < 0.0 { -units } else { units };
            let same = units as f64 / scale as f64 == number;
            if same { units.checked_mul(ONE / scale).map(Self) } else { None }
        })
    }
}

/// How an amount is taken for a double: in ten-thousandths, which is what the platform documents, else in the finest units.
const SCALES: [i64; 2] = [10_000, ONE];

impl<'de> FromWire<'de> for Price {
    fn from_quoted(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }

    fn from_number(number: &Number) -> Option<Self> {
        match number.as_i64() {
            Some(whole) => whole.checked_mul(ONE).map(Self),
            None => Self::from_double(number.as_f64()?),
        }
    }

    fn writes(&self, number: &Number) -> bool {
        self.to_number().as_ref() == Some(number)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::Price;

    #[test]
    fn the_ends_of_the_range_are_shown_and_read_again() {
        for units in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            assert_eq!(Price(units).to_string().parse(), Ok(Price(units)), "{units}");
        }
        assert_eq!(Price(i64::MIN).to_string(), "-92233720368.54775808");
    }
}

//! How many pages or rows there are, as the platform counts them.

use core::fmt;

use serde_json::Number;

use crate::error::ValueError;
use crate::field::FromWire;
use crate::table::{parse_integer, write_figure};
use crate::value::from_wire;

/// How many of something there are, as the platform counts them: never negative, never a fraction.
///
/// `Debug` masks more than seven digits: a figure so long may be a phone number in the wrong field. [`get`](Self::get) is the count in full.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(i64);

impl Count {
    /// A count; one beyond [`i64::MAX`] becomes that.
    pub const fn new(count: u64) -> Self {
        if count > i64::MAX as u64 { Self(i64::MAX) } else { Self(count as i64) }
    }

    /// How many.
    pub const fn get(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count(")?;
        write_figure(f, self.0)?;
        f.write_str(")")
    }
}

impl From<Count> for u64 {
    fn from(count: Count) -> Self {
        count.get()
    }
}

/// Strict: an integer from 0, or one in a string, as the platform sometimes writes it.
impl<'de> serde::Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_wire(deserializer, ValueError::new("count", "must be an integer from 0"))
    }
}

impl serde::Serialize for Count {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> FromWire<'de> for Count {
    fn from_quoted(text: &str) -> Option<Self> {
        parse_integer(text).filter(|count| *count >= 0).map(Self)
    }

    fn from_number(number: &Number) -> Option<Self> {
        number.as_i64().filter(|count| *count >= 0).map(Self)
    }
}

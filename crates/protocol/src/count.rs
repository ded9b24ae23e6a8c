//! How many: pages and rows, as the platform counts them.
//!
//! It must not be computed with blindly: it is whatever came.

use core::fmt;

use serde_json::Number;

use crate::field::FromWire;
use crate::table::{parse_integer, write_figure};

/// A number of things, as the platform counts them: nothing negative, nothing broken.
///
/// `Debug` and `Display` mask more than seven digits: a number so long may be a phone number that stands in the wrong field.
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

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_figure(f, self.0)
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Count({self})")
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

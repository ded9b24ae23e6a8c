//! A currency.
//!
//! It knows the form of a code and no exchange rates.

use core::fmt;
use core::str::FromStr;

use crate::error::ValueError;
use crate::field::FromWire;

/// A currency code: three upper-case letters (ISO 4217), such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// A currency code.
    ///
    /// # Errors
    /// When it is not three upper-case letters.
    pub fn new(code: &str) -> Result<Self, ValueError> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(ValueError::new("currency", "must be three upper-case letters, such as USD")),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = ValueError;

    fn from_str(code: &str) -> Result<Self, ValueError> {
        Self::new(code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> FromWire<'de> for Currency {
    fn from_text(text: alloc::borrow::Cow<'de, str>) -> Result<Self, alloc::borrow::Cow<'de, str>> {
        Self::new(&text).map_err(|_| text)
    }
}

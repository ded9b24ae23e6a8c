//! A currency code.

use core::fmt;

use crate::error::ValueError;
use crate::field::FromWire;
use crate::value::text_value;

/// A currency code: three upper-case letters (ISO 4217), such as `USD`.
///
/// ```
/// use numcheck_protocol::Currency;
///
/// assert_eq!(Currency::new("USD")?.as_str(), "USD");
/// assert!(Currency::new("usd").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

text_value!(Currency, "currency", as_str);

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

impl<'de> FromWire<'de> for Currency {
    fn from_text(text: alloc::borrow::Cow<'de, str>) -> Result<Self, alloc::borrow::Cow<'de, str>> {
        Self::new(&text).map_err(|_| text)
    }
}

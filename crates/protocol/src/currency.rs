//! A currency code.

use core::fmt;

use crate::error::ValueError;
use crate::value::text_value;

/// A currency for sums and caps: three letters, such as `USD`, in capitals whatever their case was. The platforms' messages may name one
/// otherwise, because no document names a standard: there it is a text.
///
/// ```
/// use numcheck_protocol::Currency;
///
/// assert_eq!(Currency::new("usd")?, Currency::new("USD")?);
/// assert_eq!(Currency::new("usd")?.as_str(), "USD");
/// assert!(Currency::new("USDT").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// A currency.
    ///
    /// # Errors
    /// When it is not three letters.
    pub fn new(code: &str) -> Result<Self, ValueError> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self([a, b, c].map(|letter| letter.to_ascii_uppercase())))
            }
            _ => Err(ValueError::new("currency", "must be three letters, such as USD")),
        }
    }

    /// The code, in capitals.
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

//! Normalises a cell to the digits that are sent, or says why it cannot.
//!
//! No country is guessed, and an ambiguous cell is rejected: a wrong phone number costs as much as a right one. Whether a phone number
//! exists is for the platform to say.

use numcheck_protocol::PhoneNumber;
use numcheck_protocol::qxt::Mobile;

use crate::digits::Digits;
#[cfg(feature = "region")]
use crate::region::Region;
use crate::reject::Reject;

/// How the phone numbers of a file are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Numbering {
    /// With their country code, which is never guessed.
    #[default]
    International,
    /// As they are dialled in a country, or with a country code. A `+` or `00`, or a phone number that is whole already, is left alone.
    #[cfg(feature = "region")]
    National(Region),
    /// Chinese mobile numbers of 11 digits, with or without `86` before them. Another country's phone number is none.
    ChineseMobile,
}

impl Numbering {
    /// Reads the one phone number of a cell, with its country code.
    ///
    /// # Errors
    /// As [`normalise`]; and where the cell holds none of the region, or no Chinese mobile number.
    pub fn read(self, cell: &[u8]) -> Result<PhoneNumber, Reject> {
        match self {
            Self::International => normalise(cell),
            #[cfg(feature = "region")]
            Self::National(region) => {
                let digits = Digits::read(cell)?;
                match digits.has_plus {
                    true => digits.whole(),
                    false => region.complete(&digits.digits),
                }
            }
            Self::ChineseMobile => {
                let digits = Digits::read(cell)?;
                let plus = if digits.names_country() { "+" } else { "" };
                let mobile = Mobile::from_spelling(&format!("{plus}{}", digits.whole()?.digits()));
                mobile.and_then(|mobile| mobile.to_number()).map_err(|_| Reject::NotChineseMobile)
            }
        }
    }

    /// Whether a cell is read as dialled in the country although it is a whole phone number of another one, too.
    pub fn is_ambiguous(self, cell: &[u8]) -> bool {
        match self {
            #[cfg(feature = "region")]
            Self::National(region) => {
                Digits::read(cell).is_ok_and(|digits| !digits.has_plus && region.is_ambiguous(&digits.digits))
            }
            _ => false,
        }
    }

    /// Whether most of the phone numbers are Chinese.
    pub(crate) fn is_chinese(self) -> bool {
        match self {
            Self::International => false,
            #[cfg(feature = "region")]
            Self::National(region) => region.as_str() == "CN",
            Self::ChineseMobile => true,
        }
    }
}

/// Reads the one phone number of a cell.
///
/// Understood and taken away: `+` and `00` in front, spaces of every width, invisible characters (zero-width, text
/// direction), dashes, dots, middle dots, brackets, one separator left at either end, a spreadsheet's apostrophe or
/// `="…"`, quotes around, `tel:`, `whatsapp:` and the like, an extension (`ext. 5`), a fraction of zeros (`.0`). Decimal digits of every
/// script are digits, full-width ones included.
///
/// Nothing else is taken away, digits are never added, dropped (but for the `00`, an extension and such a fraction) or put in another order.
///
/// # Errors
/// A [`Reject`] that says why the cell is not understood. Whether the phone number exists is never a reason.
///
/// ```
/// let number = numcheck_tables::normalise(b"whatsapp:+44 7400 123456")?;
/// assert_eq!(number.digits(), "447400123456");
/// # Ok::<(), numcheck_tables::Reject>(())
/// ```
pub fn normalise(cell: &[u8]) -> Result<PhoneNumber, Reject> {
    if let Ok(text) = std::str::from_utf8(cell)
        && !text.starts_with("00")
        && let Ok(number) = PhoneNumber::new(text)
    {
        return Ok(number);
    }
    Digits::read(cell)?.whole()
}

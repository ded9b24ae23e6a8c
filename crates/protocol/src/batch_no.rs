//! The `batchNo` of a submit: echoed in replies, pushes and queries. It is no idempotency key: no document says that the platform refuses a
//! repeated one.

use alloc::boxed::Box;
use core::fmt;

use crate::error::ValueError;
use crate::value::text_value;

/// A batch number: 1 to 64 characters, none of them a control character.
///
/// Limit: code 212 of the submit document. Left out of a request, the platform makes one of 12 digits.
///
/// ```
/// use numcheck_protocol::BatchNo;
///
/// assert_eq!(BatchNo::new("2026-11-22")?.as_str(), "2026-11-22");
/// assert!(BatchNo::new("").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchNo(Box<str>);

impl BatchNo {
    /// The most characters.
    pub const MAX_CHARS: usize = 64;

    /// A batch number.
    ///
    /// # Errors
    /// When it is empty, longer than 64 characters, or holds a control character. Nothing was sent.
    pub fn new(batch_no: &str) -> Result<Self, ValueError> {
        match batch_no.chars().count() {
            0 => Err(ValueError::new(
                "batchNo",
                "must not be empty; leave it out to let the platform make one",
            )),
            1..=Self::MAX_CHARS if batch_no.chars().any(char::is_control) => {
                Err(ValueError::new("batchNo", "must not hold control characters"))
            }
            1..=Self::MAX_CHARS => Ok(Self(batch_no.into())),
            _ => Err(ValueError::new("batchNo", "must not be longer than 64 characters")),
        }
    }

    /// The batch number as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

text_value!(BatchNo, "batchNo", as_str);

impl AsRef<str> for BatchNo {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BatchNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchNo({:?})", &self.0)
    }
}

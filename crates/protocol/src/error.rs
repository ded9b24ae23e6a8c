//! Why a value cannot be sent. It never holds the value itself.

use core::fmt;

/// A value that the platform's rules forbid. Nothing was sent.
///
/// ```
/// use numcheck_protocol::BatchNo;
///
/// let error = BatchNo::new("").unwrap_err();
/// assert_eq!(error.field, "batchNo");
/// println!("{error}"); // the field and its rule, never the value
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueError {
    /// Which field of the request.
    pub field: &'static str,
    /// The rule that it breaks, as a sentence that a person can act on.
    pub rule: &'static str,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, rule } = self;
        write!(f, "{field}: {rule}")
    }
}

impl core::error::Error for ValueError {}

impl ValueError {
    /// For checks above this crate.
    pub const fn new(field: &'static str, rule: &'static str) -> Self {
        Self { field, rule }
    }

    /// The same rule, broken by another field that holds the same kind of value.
    pub(crate) const fn for_field(self, field: &'static str) -> Self {
        Self { field, ..self }
    }
}

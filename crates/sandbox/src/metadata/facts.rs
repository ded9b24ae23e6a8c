//! What can be known of a phone number before anybody asks a network.

use numcheck_protocol::number_check::KnownNumberType;

/// What can be said of a number's format.
pub(crate) enum Format {
    /// No country code that exists, or a length that its country does not have.
    Wrong,
    /// A number that could be.
    Possible(Facts),
}

/// What metadata says about a number.
pub(crate) struct Facts {
    /// ISO 3166 region; the main one of the dial code where the number itself does not tell. `001` is no country's.
    pub(crate) region: String,
    /// Country code, digits only.
    pub(crate) dial_code: String,
    /// The number without its country code, leading zeros kept where they count.
    pub(crate) national: String,
    /// Whether the number lies in a range that is given out.
    pub(crate) valid: bool,
    /// The kind of range; `Other` where it is not valid.
    pub(crate) number_type: KnownNumberType,
}

impl Facts {
    /// Country code and national number, digits only.
    pub(crate) fn standard(&self) -> String {
        format!("{}{}", self.dial_code, self.national)
    }
}

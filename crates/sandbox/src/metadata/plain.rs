//! What can be said of a phone number without metadata: its country code. Everything else is one made-up answer for all.

use numcheck_protocol::CallingCode;
use numcheck_protocol::number_check::KnownNumberType;

use super::{Facts, Format};

/// ISO 3166 keeps this one for users: no country has it.
const NO_REGION: &str = "ZZ";

/// Any number of 5 to 15 digits with an assigned country code is a mobile number.
pub(crate) fn look_up(digits: &str) -> Format {
    let Some(code) = CallingCode::prefix_of(digits) else { return Format::Wrong };
    let dial_code = code.get().to_string();
    let national = digits.strip_prefix(&*dial_code).unwrap_or_default().to_owned();
    if !(5..=15).contains(&digits.len()) || national.is_empty() {
        return Format::Wrong;
    }
    let region = NO_REGION.to_owned();
    Format::Possible(Facts { region, dial_code, national, valid: true, number_type: KnownNumberType::Mobile })
}

pub(crate) fn carrier(_digits: &str) -> Option<&'static str> {
    None
}

pub(crate) fn carrier_zh(_digits: &str) -> Option<&'static str> {
    None
}

pub(crate) fn area(_mobile: &str) -> Option<&'static str> {
    None
}

//! QXT (企讯通): is a Chinese mobile number a privacy (virtual) number?
//!
//! Types only. The answer is live, so nothing here may be cached by itself, and each query costs.

use core::fmt;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use serde::Serialize;

use crate::endpoint::Request;
use crate::error::ValueError;
use crate::mask;
use crate::phone::{PhoneNumber, plain};
use crate::secrets::ApiKey;
use crate::strict::required;
use crate::table::Class;
use crate::value::text_value;

pub use crate::generated::qxt::*;

impl QxtCode {
    /// Whether it is an answer about the phone number, and paid for: 0, and -4, that nothing was found.
    pub fn is_answer(self) -> bool {
        matches!(self.class(), Class::Success | Class::NoResult)
    }

    /// Whether it refuses this one number: 1, -2, -3, -4 and -8. What it says is then the result of the query, which may have been charged.
    pub fn is_about_number(self) -> bool {
        matches!(self.class(), Class::BadInput | Class::NoResult | Class::Platform)
    }
}

/// A Chinese mobile number as QXT wants it: 11 digits, beginning with 1, without country code. Like
/// [`PhoneNumber`] it has no `Display`, and serde writes it in full. Source: codes 1, -2
/// and -3 of the QXT document, and its samples.
///
/// ```
/// use numcheck_protocol::qxt::Mobile;
///
/// let mobile = Mobile::new("18819079212")?;
/// assert_eq!((mobile.digits(), mobile.masked().contains('*')), ("18819079212", true));
/// assert!(Mobile::new("8618819079212").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mobile([u8; 11]);

impl Mobile {
    /// A mobile number.
    ///
    /// # Errors
    /// When it is not 11 digits that begin with 1, a masked number included. Nothing was sent.
    pub fn new(digits: &str) -> Result<Self, ValueError> {
        if digits.contains('*') {
            return Err(ValueError::new("mobile", "is masked: pass the full number, not what logs show"));
        }
        match <[u8; 11]>::try_from(digits.as_bytes()) {
            Ok(own) if own.starts_with(b"1") && own.iter().all(u8::is_ascii_digit) => Ok(Self(own)),
            _ => Err(ValueError::new("mobile", "must be 11 digits that begin with 1, without country code")),
        }
    }

    /// A mobile number as people write it: `+86`, `0086` or `86` before the 11 digits is taken off, blanks and hyphens anywhere.
    ///
    /// ```
    /// use numcheck_protocol::qxt::Mobile;
    ///
    /// assert_eq!(Mobile::from_spelling("+86 188-1907-9212")?, Mobile::new("18819079212")?);
    /// // Not the Chinese number of these digits.
    /// assert!(Mobile::from_spelling("+1 881 907 9212").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is a number of another country, or none of 11 digits that begin with 1, a masked number included. Nothing was sent.
    pub fn from_spelling(text: &str) -> Result<Self, ValueError> {
        let plain = plain(text);
        let international = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
        match (international, plain.strip_prefix("86").filter(|national| national.len() == 11)) {
            (Some(digits), _) => Self::new(digits.strip_prefix("86").ok_or(ANOTHER_COUNTRY)?),
            (None, Some(national)) => Self::new(national),
            (None, None) => Self::new(&plain),
        }
    }

    /// The mobile number that a phone number with its country code is.
    ///
    /// # Errors
    /// When it is a number of another country than China, or no mobile number. Nothing was sent.
    pub fn from_number(number: &PhoneNumber) -> Result<Self, ValueError> {
        Self::new(number.digits().strip_prefix("86").ok_or(ANOTHER_COUNTRY)?)
    }

    /// The same number with its country code: what a book of checks keeps.
    pub fn to_number(&self) -> Result<PhoneNumber, ValueError> {
        PhoneNumber::new(&["86", self.digits()].concat())
    }

    /// Whether a text of the platform names another phone number: a reply with such a [`mobile`](PrivacyResult::mobile) answers nothing.
    ///
    /// A text that names this one in another spelling, or masked as `188****9212`, and one without any digit, are no contradiction.
    pub fn is_contradicted_by(&self, named: &str) -> bool {
        const MASKS: [char; 3] = ['*', 'x', 'X'];
        let plain = plain(named);
        if !plain.bytes().any(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let Some((head, rest)) = plain.split_once(MASKS) else {
            return Self::from_spelling(&plain) != Ok(*self);
        };
        let tail = rest.rsplit_once(MASKS).map_or(rest, |(_, tail)| tail);
        let prefixes = ["", "86", "+86", "0086"].into_iter();
        let mut spellings = prefixes.map(|prefix| [prefix, self.digits()].concat());
        !spellings.any(|spelled| {
            spelled.len() >= head.len() + tail.len() && spelled.starts_with(head) && spelled.ends_with(tail)
        })
    }

    /// The number in full. Personal data: keep it out of logs, errors and URLs.
    pub fn digits(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number as a log may show it: at most five of its digits.
    pub fn masked(&self) -> String {
        mask::phone(self.digits())
    }
}

/// Why a phone number of another country cannot be asked about.
const ANOTHER_COUNTRY: ValueError = ValueError::new(
    "mobile",
    "is a number of another country: QXT answers about Chinese mobile numbers only",
);

text_value!(Mobile, "mobile", digits);

impl fmt::Debug for Mobile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mobile({})", self.masked())
    }
}

/// A privacy query as a client builds it. Once sent, it costs: see [`Privacy`].
///
/// ```
/// use numcheck_protocol::qxt::{Privacy, PrivacyRequest};
/// use numcheck_protocol::{ApiKey, encode_request};
///
/// let request = PrivacyRequest::new(ApiKey::new("7c11272au708345c")?, "16717707933".parse()?);
/// assert!(encode_request::<Privacy>(&request)?.starts_with(b"apikey="));
/// assert!(!format!("{request:?}").contains("16717707933"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrivacyRequest {
    /// The account's key: a secret.
    pub apikey: ApiKey,
    /// The number. Personal data.
    pub mobile: Mobile,
}

impl PrivacyRequest {
    /// Is `mobile` a privacy number?
    pub fn new(apikey: ApiKey, mobile: Mobile) -> Self {
        Self { apikey, mobile }
    }
}

impl Request for PrivacyRequest {
    fn secrets(&self) -> Vec<&str> {
        vec![self.apikey.expose(), self.mobile.digits()]
    }
}

/// Reads the parameters strictly, as a server does before it asks the operators.
///
/// # Errors
/// Names the first parameter that is missing or wrong. Unknown ones are no error.
impl TryFrom<PrivacyBody<'_>> for PrivacyRequest {
    type Error = ValueError;

    fn try_from(body: PrivacyBody<'_>) -> Result<Self, ValueError> {
        Ok(Self {
            apikey: ApiKey::new(required(&body.apikey, "apikey")?)?,
            mobile: Mobile::new(required(&body.mobile, "mobile")?)?,
        })
    }
}

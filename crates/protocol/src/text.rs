//! Free text on the wire, borrowed from the message where possible. Any content fits.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::field::{Field, FromWire};
use crate::mask;
use crate::message::IntoOwned;

/// Text of the platform, such as a carrier's name or a result's message. `Debug` masks long runs of digits, because such texts
/// quote phone numbers now and then.
///
/// ```
/// use numcheck_protocol::Text;
///
/// let text = Text::new("no route to 85251234567");
/// assert_eq!(text.as_str(), "no route to 85251234567");
/// assert!(!format!("{text:?}").contains("85251234567"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<'a>(Cow<'a, str>);

/// A phone number as a message spells it, which may be anything: the documents' own samples write `234800001xxxxx`. `Debug`
/// masks it; [`PhoneText::as_str`] shows it.
///
/// ```
/// use numcheck_protocol::PhoneText;
///
/// let phone = PhoneText::new("+852 5123 4567");
/// assert_eq!(phone.as_str(), "+852 5123 4567");
/// assert!(!format!("{phone:?}").contains("5123"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PhoneText<'a>(Cow<'a, str>);

macro_rules! text_type {
    ($Name:ident, $debug:expr) => {
        impl<'a> $Name<'a> {
            /// Any text.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
                Self(text.into())
            }

            /// The text, in full.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, independent of the message that it was read from.
            pub fn into_owned(self) -> $Name<'static> {
                $Name(Cow::Owned(self.0.into_owned()))
            }
        }

        /// The text, in full.
        impl<'a> From<$Name<'a>> for Cow<'a, str> {
            fn from(text: $Name<'a>) -> Self {
                text.0
            }
        }

        impl<'a> From<&'a str> for $Name<'a> {
            fn from(text: &'a str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $Name<'_> {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<$Name<'_>> for String {
            fn from(text: $Name<'_>) -> Self {
                text.0.into_owned()
            }
        }

        /// Strict: only a string. What it reads is owned, so that it fits any struct; a [`Field`] of it borrows.
        impl<'de> serde::Deserialize<'de> for $Name<'_> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Field::<$Name<'de>>::deserialize(deserializer)? {
                    Field::Known(text) => Ok(text.into_owned()),
                    Field::Empty => Ok(Self::new("")),
                    _ => Err(serde::de::Error::custom(concat!(stringify!($Name), ": must be a string"))),
                }
            }
        }

        impl IntoOwned for $Name<'_> {
            type Owned = $Name<'static>;

            fn into_owned(self) -> $Name<'static> {
                self.into_owned()
            }
        }

        impl AsRef<str> for $Name<'_> {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<'de: 'a, 'a> FromWire<'de> for $Name<'a> {
            fn from_text(text: Cow<'de, str>) -> Result<Self, Cow<'de, str>> {
                if text.is_empty() { Err(text) } else { Ok(Self(text)) }
            }
        }

        impl fmt::Debug for $Name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&str, &mut fmt::Formatter<'_>) -> fmt::Result = $debug;
                show(&self.0, f)
            }
        }
    };
}

text_type!(Text, |text, f| fmt::Debug::fmt(&*mask::digits(text), f));
text_type!(PhoneText, |text, f| f.write_str(&mask::phone(text)));

/// Text that nobody but the wire may see, such as an account's key or a verification code in a request that a server reads.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct HiddenText<'a>(Cow<'a, str>);

text_type!(HiddenText, |_, f| f.write_str("***"));

/// A value without a documented type. `Debug` shows only that there is one.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Json(pub Value);

impl FromWire<'_> for Json {
    fn from_any(value: Value) -> Result<Self, Value> {
        Ok(Self(value))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Json(***)")
    }
}

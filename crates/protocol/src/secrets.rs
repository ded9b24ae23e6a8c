//! Keys of accounts and verification codes. They print as `***`. The secret that signs requests is in the crate `numcheck-signing`.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use crate::error::ValueError;

macro_rules! hidden {
    ($(#[$doc:meta])* $Name:ident, $field:literal, $rule:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $Name(Box<str>);

        impl $Name {
            /// The value, checked.
            ///
            /// # Errors
            /// When it does not fit the form above. Nothing was sent.
            pub fn new(value: &str) -> Result<Self, ValueError> {
                let fits: fn(&str) -> bool = $fits;
                if fits(value) { Ok(Self(value.into())) } else { Err(ValueError::new($field, $rule)) }
            }

            /// The value itself, for the wire only.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Name {
            type Err = ValueError;

            fn from_str(value: &str) -> Result<Self, ValueError> {
                Self::new(value)
            }
        }

        $crate::value::read_from_text!($Name, $field);

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($Name), "(***)"))
            }
        }

        /// The value itself, for the wire and for a store of secrets.
        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

hidden! {
    /// The key of an NXCLOUD application, which says who pays: 1 to 128 visible ASCII characters. The documents state no form; their
    /// sample has 8 letters and digits.
    AppKey, "appkey", "must be 1 to 128 visible ASCII characters", |value| visible(value, 128)
}

hidden! {
    /// The key of a QXT account: 1 to 64 letters and digits; 32 in every sample of the document, which states no form. It may stand
    /// in a URL or a form as it is.
    ApiKey, "apikey", "must be letters and digits (32 of them in every sample)",
    |value| (1..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

hidden! {
    /// A verification code that WhatsApp sent to somebody: 1 to 16 letters, digits or hyphens. The document states no form; its sample
    /// has 4 digits.
    VerificationCode, "code", "must be 1 to 16 letters, digits or hyphens",
    |value| (1..=16).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn visible(value: &str, most: usize) -> bool {
    (1..=most).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
}

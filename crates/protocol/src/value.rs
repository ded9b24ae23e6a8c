//! What every value of this crate can do: be read from text and by serde, and be written by serde.

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::error::ValueError;
use crate::field::{Field, FromWire};

/// Reads a value that is written as a string. Errors quote nothing of what was read: it may be a phone number or a secret.
pub(crate) fn from_string<'de, D, T>(deserializer: D, field: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: for<'a> TryFrom<&'a str, Error = ValueError>,
{
    struct Text<T>(core::marker::PhantomData<T>);

    impl<T: for<'a> TryFrom<&'a str, Error = ValueError>> Visitor<'_> for Text<T> {
        type Value = Result<T, ValueError>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(T::try_from(text))
        }
    }

    match deserializer.deserialize_str(Text(core::marker::PhantomData)) {
        Ok(value) => value.map_err(Error::custom),
        // The format's own message quotes a number that stands where a string should.
        Err(_) => Err(Error::custom(ValueError::new(field, "must be a string"))),
    }
}

/// Reads a value that a [`Field`] can hold, and refuses everything that a field would keep as odd.
pub(crate) fn from_wire<'de, D, T>(deserializer: D, refusal: ValueError) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromWire<'de>,
{
    Field::deserialize(deserializer)?.into_inner().ok_or_else(|| Error::custom(refusal))
}

/// `TryFrom` text and a strict `Deserialize` for a type with `FromStr`.
macro_rules! read_from_text {
    ($Value:ident, $field:literal) => {
        impl TryFrom<&str> for $Value {
            type Error = $crate::error::ValueError;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl TryFrom<alloc::string::String> for $Value {
            type Error = $crate::error::ValueError;

            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        /// Strict: only a string that is such a value.
        impl<'de> serde::Deserialize<'de> for $Value {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::from_string(deserializer, $field)
            }
        }
    };
}

/// All conversions of a type that is made by `new` from a `&str` and shows it in full by the method named.
macro_rules! text_value {
    ($Value:ident, $field:literal, $as_str:ident) => {
        impl core::str::FromStr for $Value {
            type Err = $crate::error::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        $crate::value::read_from_text!($Value, $field);

        /// The value in full.
        impl From<$Value> for alloc::string::String {
            fn from(value: $Value) -> Self {
                value.$as_str().into()
            }
        }

        /// The value in full, as it stands on the wire.
        impl serde::Serialize for $Value {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.$as_str())
            }
        }
    };
}

/// All conversions of a type with `FromStr` whose `Display` is what stands on the wire.
macro_rules! shown_value {
    ($Value:ident, $field:literal) => {
        $crate::value::read_from_text!($Value, $field);

        impl From<$Value> for alloc::string::String {
            fn from(value: $Value) -> Self {
                alloc::string::ToString::to_string(&value)
            }
        }

        impl serde::Serialize for $Value {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// The words of an enum of this crate's own, which all text and serde conversions go by.
macro_rules! own_words {
    ($Value:ident, $field:literal, { $($Variant:ident => $word:literal),+ $(,)? }) => {
        impl $Value {
            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $word,)+
                }
            }
        }

        impl core::fmt::Display for $Value {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        /// Exactly one of the words that [`as_str`](Self::as_str) gives.
        impl core::str::FromStr for $Value {
            type Err = $crate::error::ValueError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$Variant),)+
                    _ => Err($crate::error::ValueError::new($field, concat!("must be one of" $(, " ", $word)+))),
                }
            }
        }

        $crate::value::shown_value!($Value, $field);
    };
}

pub(crate) use {own_words, read_from_text, shown_value, text_value};

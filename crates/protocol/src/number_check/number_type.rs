//! The kind of a phone number where either dialect may stand. The kinds of one dialect are not translated into the other's: "others" of v2
//! is wider than any kind of v1.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::field::FromWire;
use crate::number_check::{NumberType, NumberTypeWord};
use crate::table::Lang;

/// The kind of a number: an integer in v1, a word in v2. Closed on purpose: an unknown kind is an unknown integer or an unknown word.
///
/// ```
/// use numcheck_protocol::Lang;
/// use numcheck_protocol::number_check::{AnyNumberType, NumberType, NumberTypeWord};
///
/// let v1 = AnyNumberType::Number(NumberType::new(2));
/// let v2 = AnyNumberType::Word(NumberTypeWord::new("satellite"));
/// assert_eq!((v1.word().as_ref(), v2.word().as_ref()), ("mobile", "satellite"));
/// assert!(v1.meaning(Lang::En).is_some() && v2.meaning(Lang::En).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnyNumberType {
    /// As v1 writes it.
    Number(NumberType),
    /// As v2 writes it.
    Word(NumberTypeWord),
}

impl AnyNumberType {
    /// What it means, in a few words; `None` for a kind that the spec does not list.
    pub fn meaning(&self, lang: Lang) -> Option<&'static str> {
        match self {
            Self::Number(number) => number.known().map(|known| known.meaning(lang)),
            Self::Word(word) => word.known().map(|known| known.meaning(lang)),
        }
    }
}

impl AnyNumberType {
    /// A word for it in either dialect, such as `fixed_line`; one that no document lists as it came.
    pub fn word(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.word(),
            Self::Word(word) => Cow::Borrowed(word.as_str()),
        }
    }
}

/// As on the wire.
impl fmt::Display for AnyNumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

impl Serialize for AnyNumberType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Word(word) => word.serialize(serializer),
        }
    }
}

impl<'de> FromWire<'de> for AnyNumberType {
    fn from_text(text: Cow<'de, str>) -> Result<Self, Cow<'de, str>> {
        NumberTypeWord::from_text(text).map(Self::Word)
    }

    fn from_quoted(text: &str) -> Option<Self> {
        NumberType::from_quoted(text).map(Self::Number)
    }

    fn from_number(number: &Number) -> Option<Self> {
        NumberType::from_number(number).map(Self::Number)
    }

    fn is_unknown(&self) -> bool {
        match self {
            Self::Number(number) => number.is_unknown(),
            Self::Word(word) => word.is_unknown(),
        }
    }

    fn shown(&self) -> Option<String> {
        match self {
            Self::Number(number) => FromWire::shown(number),
            Self::Word(word) => FromWire::shown(word),
        }
    }
}

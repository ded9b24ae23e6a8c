//! What every message does alike: it reads as an object wherever it stands, and reports what in it nobody knew.
//!
//! It holds no wire name; places are named by the Rust fields.

use alloc::string::String;

use serde_json::Value;

use crate::field::{Extra, Field, FromWire, shown_name};

/// Something in a message that the spec does not list. It was kept; this is how somebody gets to see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Drift {
    /// Where: the message and its field, such as `Basic.number_type`.
    pub place: String,
    /// What kind of surprise.
    pub kind: DriftKind,
    /// The unknown word, number or code, with long runs of digits masked; `None` for a new field and an odd shape, whose values may be
    /// personal data.
    pub value: Option<String>,
}

impl Drift {
    /// A surprise, for whoever keeps them.
    pub fn new(place: impl Into<String>, kind: DriftKind, value: Option<String>) -> Self {
        Self { place: place.into(), kind, value }
    }
}

/// What kind of surprise a message held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriftKind {
    /// A field that the spec does not list.
    NewField,
    /// A word, a number or a code that the spec does not list.
    NewValue,
    /// A value of another type or shape than documented.
    OddShape,
}

impl DriftKind {
    /// The word for it: `new_field`, `new_value`, `odd_shape`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewField => "new_field",
            Self::NewValue => "new_value",
            Self::OddShape => "odd_shape",
        }
    }
}

/// A message that can tell what in it is new.
pub trait Message {
    /// Calls `seen` for each surprise, those of inner objects included. Of values only unknown words and codes are passed on, masked:
    /// anything else may be personal data.
    fn drift(&self, seen: &mut dyn FnMut(Drift));
}

impl<T: Message> Field<T> {
    pub(crate) fn drift_inside(&self, seen: &mut dyn FnMut(Drift)) {
        if let Self::Known(message) = self {
            message.drift(seen);
        }
    }
}

pub(crate) fn report_field<'de, T: FromWire<'de>>(
    message: &str,
    name: &str,
    field: &Field<T>,
    seen: &mut dyn FnMut(Drift),
) {
    let mut report = |kind, value| seen(Drift { place: alloc::format!("{message}.{name}"), kind, value });
    let odd = match field {
        Field::Odd(_) => true,
        Field::Respelled(both) => matches!(both.1, Value::String(_)),
        _ => false,
    };
    if odd {
        report(DriftKind::OddShape, None);
    }
    if let Some(value) = field.get().filter(|value| value.is_unknown()) {
        report(DriftKind::NewValue, value.shown());
    }
}

pub(crate) fn report_extra(message: &str, extra: &Extra, seen: &mut dyn FnMut(Drift)) {
    for (name, _) in extra.iter() {
        let name = shown_name(name);
        let place = alloc::format!("{message}.{name}");
        seen(Drift { place, kind: DriftKind::NewField, value: None });
    }
}

/// Makes a struct of fields a [`Message`] that can stand inside another. `a, b; c; d` lists its plain fields, then those that are
/// messages themselves, then those that are lists of messages; `owned` is for a struct that borrows nothing.
macro_rules! message {
    (owned $Name:ident { $($fields:tt)* }) => {
        $crate::message::message!(@read $Name, <'de>, $Name);
        $crate::message::message!(@drift $Name, $Name, $($fields)*);
    };
    ($Name:ident { $($fields:tt)* }) => {
        $crate::message::message!(@read $Name, <'de: 'a, 'a>, $Name<'a>);
        $crate::message::message!(@drift $Name, $Name<'_>, $($fields)*);
    };
    (@read $Name:ident, <$($life:lifetime $(: $bound:lifetime)?),*>, $Type:ty) => {
        impl<$($life $(: $bound)?),*> $crate::field::FromWire<'de> for $Type {
            fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Result<Self, serde_json::Value>, A::Error> {
                let message: Self = serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(match message.extra.as_number() {
                    Some(number) => Err(number.into()),
                    None => Ok(message),
                })
            }
        }
    };
    (@drift $Name:ident, $Type:ty, $($field:ident),* $(; $($inner:ident),* $(; $($list:ident),*)?)?) => {
        impl $crate::message::Message for $Type {
            fn drift(&self, seen: &mut dyn FnMut($crate::message::Drift)) {
                $( $crate::message::report_field(stringify!($Name), stringify!($field), &self.$field, seen); )*
                $( $(
                    $crate::message::report_field(stringify!($Name), stringify!($inner), &self.$inner, seen);
                    self.$inner.drift_inside(seen);
                )* $( $(
                    $crate::message::report_field(stringify!($Name), stringify!($list), &self.$list, seen);
                    if let Some(list) = self.$list.get() {
                        list.drift(stringify!($Name), stringify!($list), seen);
                    }
                )* )? )?
                $crate::message::report_extra(stringify!($Name), &self.extra, seen);
            }
        }
    };
}

pub(crate) use message;

/// A body that is no message at all: not UTF-8, not JSON, no object, or a field in it twice. The caller still holds the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object in UTF-8, at line {line}, column {column}")]
#[non_exhaustive]
pub struct Unreadable {
    /// The line up to which it could be read, from 1.
    pub line: usize,
    /// How many bytes of that line could be read, the one at fault included where there is one.
    pub column: usize,
}

/// Reads a message from a body, in one pass. UTF-8 is checked once, so that texts are borrowed without further checks; a
/// byte-order mark in front is passed over.
///
/// # Errors
/// When the body is not one JSON object: never for a field that is missing, new, of another type or of an unknown value. Three
/// things that JSON can spell are refused, because they cannot be kept as they came: a field that the same message holds twice, a
/// number beyond what a double holds (`1e999`), half a surrogate pair (`"\ud800"`). Nesting deeper than 127 levels is refused too.
pub fn decode<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let text = core::str::from_utf8(body).map_err(|error| {
        let read = body.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + read.iter().rev().take_while(|byte| **byte != b'\n').count();
        Unreadable { line, column }
    })?;
    serde_json::from_str(text).map_err(|error| Unreadable { line: error.line(), column: error.column() })
}

/// Writes a message as a body. These are the bytes to sign and to send: nothing may write them a second time.
///
/// Every type of this crate can be written; the error case exists for callers' own types.
///
/// # Errors
/// When a foreign `Serialize` refuses.
pub fn encode<T: serde::Serialize>(message: &T) -> Result<alloc::vec::Vec<u8>, Unwritable> {
    serde_json::to_vec(message).map_err(|_| Unwritable)
}

/// A value that its own `Serialize` refused to write. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be written as JSON")]
#[non_exhaustive]
pub struct Unwritable;

//! What every message does alike: it reads as an object wherever it stands, writes back what it read, and reports what in it nobody knew.
//!
//! The messages themselves are generated from the spec with [`message!`]. Drift names places by the Rust fields.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::field::{Extra, Field, FromWire, Slot, shown_name};

/// Something in a message that the spec does not list. It was kept; this is how somebody gets to see it.
///
/// ```
/// use numcheck_protocol::number_check::ResultPush;
/// use numcheck_protocol::{DriftKind, Message, decode};
///
/// let push: ResultPush = decode(br#"{"code":0,"data":{"dial":{"early":"PERHAPS"}},"riskScore":7}"#)?;
/// let mut seen = Vec::new();
/// push.drift(&mut |drift| seen.push((drift.place, drift.kind, drift.value)));
/// assert_eq!(seen[0], ("Dial.early".into(), DriftKind::NewValue, Some("PERHAPS".into())));
/// assert_eq!(seen[1], ("ResultPush.riskScore".into(), DriftKind::NewField, None));
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
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
///
/// Messages are built from the empty one, field by field, so that a field which the vendor adds breaks nobody's code:
///
/// ```
/// use numcheck_protocol::number_check::{SubmitCode, SubmitReply};
///
/// let reply = SubmitReply::default().with_code(SubmitCode::ACCEPTED.into());
/// assert_eq!(numcheck_protocol::encode(&reply)?, br#"{"code":0}"#);
/// # Ok::<(), numcheck_protocol::Unwritable>(())
/// ```
///
/// ```compile_fail,E0639
/// use numcheck_protocol::number_check::SubmitReply;
///
/// let reply = SubmitReply { code: Default::default(), ..Default::default() };
/// ```
pub trait Message {
    /// Calls `seen` for each surprise, those of inner objects included. Of values only unknown words and codes are passed on, masked:
    /// anything else may be personal data.
    fn drift(&self, seen: &mut dyn FnMut(Drift));
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
    if let Some(value) = field.get() {
        if value.is_unknown() {
            report(DriftKind::NewValue, value.shown());
        }
        value.drift_inside(message, name, seen);
    }
}

pub(crate) fn report_extra(message: &str, extra: &Extra, seen: &mut dyn FnMut(Drift)) {
    for (name, _) in extra.iter() {
        let name = shown_name(name);
        let place = alloc::format!("{message}.{name}");
        seen(Drift { place, kind: DriftKind::NewField, value: None });
    }
}

/// A value of a message, made independent of the bytes that it was read from.
pub(crate) trait IntoOwned {
    /// The same type without a lifetime.
    type Owned;

    fn into_owned(self) -> Self::Owned;
}

/// A value that borrows nothing.
macro_rules! owned {
    ($($Type:ty),*) => {
        $(
            impl $crate::message::IntoOwned for $Type {
                type Owned = Self;

                fn into_owned(self) -> Self {
                    self
                }
            }
        )*
    };
}

pub(crate) use owned;

owned!(crate::Count, crate::Json, crate::Price, crate::number_check::AnyNumberType);

/// What [`message!`](crate::message::message) writes out for each message, and reading one needs.
pub(crate) trait Fields<'de>: Default {
    /// Reads the value that belongs to a name; `false` for a name that the spec does not list, whose value is still to be read.
    fn read_field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Where everything else goes.
    fn extra(&mut self) -> &mut Extra;
}

/// Reads a message in one pass, where it stands.
pub(crate) fn read<'de, T: Fields<'de>, A: MapAccess<'de>>(
    message: &mut T,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(Name(name)) = map.next_key()? {
        if !message.read_field(&name, &mut map)? {
            let value: Value = map.next_value()?;
            if message.extra().put(name.into_owned(), value).is_some() {
                return Err(de::Error::custom("a field stands twice"));
            }
        }
    }
    Ok(())
}

/// Reads the value of a field that was not there before.
pub(crate) fn read_once<'de, T: FromWire<'de>, A: MapAccess<'de>>(
    field: &mut Field<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    if !field.is_absent() {
        return Err(de::Error::duplicate_field(name));
    }
    map.next_value_seed(Slot(field))
}

/// The name of a field, borrowed where it holds no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.into())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Reads a message that is the whole body.
pub(crate) struct MessageVisitor<T>(pub(crate) PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for MessageVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let mut message = T::default();
        read(&mut message, map)?;
        Ok(message)
    }
}

/// Declares a message: a struct of the fields that the spec lists, each in a [`Field`], and `extra` for all others. It reads any object,
/// writes back what it read, and reports what is new in it.
macro_rules! message {
    ($(#[$doc:meta])* $Name:ident<'a> { $($fields:tt)* }) => {
        $crate::message::message!(
            @all $(#[$doc])* $Name ['a] ['de: 'a, 'a] ['_] ['static] { $($fields)* }
        );
    };
    ($(#[$doc:meta])* $Name:ident { $($fields:tt)* }) => {
        $crate::message::message!(@all $(#[$doc])* $Name [] [] [] [] { $($fields)* });
    };
    (
        @all $(#[$doc:meta])* $Name:ident [$($own:lifetime)?] [$($read:tt)*] [$($any:lifetime)?] [$($owned:lifetime)?]
        { $( $(#[$field_doc:meta])* $field:ident $with:ident $wire:literal: $Type:ty; )* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $Name<$($own)?> {
            $( $(#[$field_doc])* pub $field: $crate::Field<$Type>, )*
            /// Fields that the spec does not list.
            pub extra: $crate::Extra,
        }

        impl<$($own)?> $Name<$($own)?> {
            $(
                #[doc = concat!("The same message with this [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $with(mut self, $field: $crate::Field<$Type>) -> Self {
                    self.$field = $field;
                    self
                }
            )*

            /// The same message with these fields that the spec does not list.
            #[must_use]
            pub fn with_extra(mut self, extra: $crate::Extra) -> Self {
                self.extra = extra;
                self
            }
        }

        impl $Name<$($any)?> {
            /// The same message, independent of the bytes that it was read from.
            pub fn into_owned(self) -> $Name<$($owned)?> {
                $Name {
                    $( $field: self.$field.map($crate::message::IntoOwned::into_owned), )*
                    extra: self.extra,
                }
            }
        }

        impl $crate::message::IntoOwned for $Name<$($any)?> {
            type Owned = $Name<$($owned)?>;

            fn into_owned(self) -> Self::Owned {
                self.into_owned()
            }
        }

        impl $crate::message::Message for $Name<$($any)?> {
            fn drift(&self, seen: &mut dyn FnMut($crate::message::Drift)) {
                $( $crate::message::report_field(stringify!($Name), stringify!($field), &self.$field, seen); )*
                $crate::message::report_extra(stringify!($Name), &self.extra, seen);
            }
        }

        $crate::message::message!(@read [$($read)*] $Name<$($own)?> { $( $field $wire; )* });

        impl serde::Serialize for $Name<$($any)?> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(
                    if !self.$field.is_absent() {
                        serde::ser::SerializeMap::serialize_entry(&mut map, $wire, &self.$field)?;
                    }
                )*
                for (name, value) in self.extra.iter() {
                    serde::ser::SerializeMap::serialize_entry(&mut map, name, value)?;
                }
                serde::ser::SerializeMap::end(map)
            }
        }
    };
    (@read [] $Name:ident<> { $($fields:tt)* }) => {
        $crate::message::message!(@read ['de] $Name<> { $($fields)* });
    };
    (@read [$($read:tt)*] $Name:ident<$($own:lifetime)?> { $( $field:ident $wire:literal; )* }) => {
        impl<$($read)*> $crate::message::Fields<'de> for $Name<$($own)?> {
            fn read_field<A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $( $wire => $crate::message::read_once(&mut self.$field, $wire, map)?, )*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            fn extra(&mut self) -> &mut $crate::Extra {
                &mut self.extra
            }
        }

        impl<$($read)*> serde::Deserialize<'de> for $Name<$($own)?> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::message::MessageVisitor(core::marker::PhantomData))
            }
        }

        impl<$($read)*> $crate::FromWire<'de> for $Name<$($own)?> {
            fn read_map<A: serde::de::MapAccess<'de>>(map: A, field: &mut $crate::Field<Self>) -> Result<(), A::Error> {
                *field = $crate::Field::Known(Self::default());
                if let $crate::Field::Known(message) = field {
                    $crate::message::read(message, map)?;
                    if let Some(number) = message.extra.as_number() {
                        *field = $crate::Field::read_number(number);
                    }
                }
                Ok(())
            }

            fn drift_inside(&self, _: &str, _: &str, seen: &mut dyn FnMut($crate::message::Drift)) {
                $crate::message::Message::drift(self, seen);
            }
        }
    };
}

pub(crate) use message;

/// A body that is no message at all: not UTF-8, not JSON, no object, or a field in it twice. The caller still holds the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The line up to which it could be read, from 1.
    pub line: usize,
    /// How many bytes of that line could be read, the one at fault included where there is one.
    pub column: usize,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column } = self;
        write!(f, "not a JSON object in UTF-8, at line {line}, column {column}")
    }
}

impl core::error::Error for Unreadable {}

/// Reads a message from a body, in one pass. UTF-8 is checked once, so that texts are borrowed without further checks; a
/// byte-order mark in front is passed over.
///
/// ```
/// use numcheck_protocol::number_check::ResultPush;
/// use numcheck_protocol::{Message, decode};
///
/// let push: ResultPush = decode(br#"{"messageId":"m-1","code":0,"weather":"sunny"}"#)?;
/// push.drift(&mut |drift| assert_eq!(drift.place, "ResultPush.weather")); // the new field is kept, and told
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
///
/// # Errors
/// When the body is not one JSON object: never for a field that is missing, new, of another type or of an unknown value. Three
/// things that JSON can spell are refused, because they cannot be kept as they came: a field that the same message holds twice, a
/// number beyond what a double holds (`1e999`), half a surrogate pair (`"\ud800"`). Nesting deeper than 127 levels is refused too.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
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
/// ```
/// use numcheck_protocol::number_check::ResultPush;
/// use numcheck_protocol::{decode, encode};
///
/// let body = br#"{"code":"0","batchNo":"20220901","riskScore":7}"#;
/// let push: ResultPush = decode(body)?;
/// assert_eq!(encode(&push)?, body); // what nobody knows is written back, too
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a foreign `Serialize` refuses.
pub fn encode<T: serde::Serialize + ?Sized>(message: &T) -> Result<alloc::vec::Vec<u8>, Unwritable> {
    serde_json::to_vec(message).map_err(|_| Unwritable)
}

/// A value that its own `Serialize` refused to write. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unwritable;

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be written as JSON")
    }
}

impl core::error::Error for Unwritable {}

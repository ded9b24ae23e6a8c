//! How everything that comes from the wire is held: a field never fails to be read, and never loses what it read.
//!
//! Nothing here judges a value. A value of an unexpected type is [`Field::Odd`], kept whole and written back as it came.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor, value};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::mask;
use crate::message::Drift;

/// A field as it came: present or not, fitting its type or not. It writes back exactly what it read.
///
/// Ask [`get`](Self::get) for the value rather than matching on [`Known`](Self::Known) alone, which would overlook a code that
/// came as a string. Closed on purpose: these are all the ways in which a JSON field can be there.
///
/// ```
/// use numcheck_protocol::number_check::{CallbackCode, ResultPush};
/// use numcheck_protocol::{Field, decode, encode};
///
/// let body = br#"{"code":"0","msg":"","phone":null,"batchNo":["?"]}"#;
/// let push: ResultPush = decode(body)?;
/// assert_eq!(push.code.get(), Some(&CallbackCode::SUCCESS)); // although it is a string
/// assert_eq!((&push.msg, &push.phone, push.data.is_absent()), (&Field::Empty, &Field::Null, true));
/// assert!(push.batch_no.odd().is_some());
/// assert_eq!(encode(&push)?.len(), body.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// Not there.
    #[default]
    Absent,
    /// There, as `null`.
    Null,
    /// There, as an empty string, which is how the platforms write "no value" (documented for refused submits).
    Empty,
    /// There, and of its type. The value may still be a word or a code that nobody knew: see [`FromWire::is_unknown`].
    Known(T),
    /// There, and understood, but spelled otherwise than this crate writes it: a code or a price as a string (`"0"`), a whole
    /// price with a decimal point (`1.0`). The value, and what came.
    Respelled(Box<(T, Value)>),
    /// There, but of another type or shape than documented. In a box, because it is rare and every field has room for it.
    Odd(Box<Value>),
}

impl<T> Field<T> {
    /// The value, where it has one of its type, however it was spelled.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Respelled(both) => Some(&both.0),
            _ => None,
        }
    }

    /// The value, taken out.
    pub fn into_inner(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Respelled(both) => Some(both.0),
            _ => None,
        }
    }

    /// Whether the field was not there at all.
    #[inline]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// What came instead of a value of the documented type.
    pub fn odd(&self) -> Option<&Value> {
        match self {
            Self::Odd(value) => Some(value),
            _ => None,
        }
    }

    /// The same field with its value converted.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Empty => Field::Empty,
            Self::Known(value) => Field::Known(convert(value)),
            Self::Respelled(both) => {
                let (value, came) = *both;
                Field::Respelled(Box::new((convert(value), came)))
            }
            Self::Odd(value) => Field::Odd(value),
        }
    }
}

impl<T: AsRef<str>> Field<T> {
    /// The field's text: its value, or the digits of a number that came where a string is documented.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Known(value) => Some(Cow::Borrowed(value.as_ref())),
            Self::Respelled(both) => Some(Cow::Borrowed(both.0.as_ref())),
            Self::Odd(value) if value.is_number() => single(value),
            _ => None,
        }
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

/// What is odd shows its JSON type only: it may hold personal data.
impl<T: fmt::Debug> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Null => f.write_str("Null"),
            Self::Empty => f.write_str("Empty"),
            Self::Known(value) => value.fmt(f),
            Self::Respelled(both) => write!(f, "Respelled({:?})", both.0),
            Self::Odd(value) => write!(f, "Odd({})", type_name(value)),
        }
    }
}

impl<T: Serialize> Serialize for Field<T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Fields are declared with `skip_serializing_if`, so `Absent` only comes here inside a list.
            Self::Absent | Self::Null => serializer.serialize_unit(),
            Self::Empty => serializer.serialize_str(""),
            Self::Known(value) => value.serialize(serializer),
            Self::Respelled(both) => both.1.serialize(serializer),
            Self::Odd(value) => value.serialize(serializer),
        }
    }
}

/// A type that can stand in a [`Field`]: each way of reading gives the value or hands back what came.
///
/// Every default refuses, so a type names only what it accepts.
pub trait FromWire<'de>: Sized {
    /// From a string.
    ///
    /// # Errors
    /// The text itself, when it is no value of this type.
    fn from_text(text: Cow<'de, str>) -> Result<Self, Cow<'de, str>> {
        Err(text)
    }

    /// From a number.
    fn from_number(_: &Number) -> Option<Self> {
        None
    }

    /// From a number that came as a string, tried before [`from_text`](Self::from_text). The string is kept beside the value.
    fn from_quoted(_: &str) -> Option<Self> {
        None
    }

    /// Whether this value, read from `number`, is written as that number again. Where it is not, `number` is kept beside it.
    fn writes(&self, _: &Number) -> bool {
        true
    }

    /// From an object, into the field that is to hold it.
    ///
    /// # Errors
    /// Broken JSON only; an object where none is expected is kept as an odd value.
    fn read_map<A: MapAccess<'de>>(map: A, field: &mut Field<Self>) -> Result<(), A::Error> {
        // As a `Value`, not as a `Map`: with serde_json's feature `arbitrary_precision`, which any crate of a build may switch
        // on, a number comes as an object that only `Value` recognises.
        *field = match Value::deserialize(value::MapAccessDeserializer::new(map))? {
            Value::Number(number) => Field::read_number(number),
            value => Field::read_any(value),
        };
        Ok(())
    }

    /// From a list.
    ///
    /// # Errors
    /// Broken JSON only; a list where none is expected comes back as `Ok(Err(value))`.
    fn from_seq<A: SeqAccess<'de>>(seq: A) -> Result<Result<Self, Value>, A::Error> {
        Value::deserialize(value::SeqAccessDeserializer::new(seq)).map(Err)
    }

    /// From any value, tried before all else; for fields without a documented type.
    fn from_any(value: Value) -> Result<Self, Value> {
        Err(value)
    }

    /// Whether this is a value of the right type that the spec does not list, such as a new word.
    fn is_unknown(&self) -> bool {
        false
    }

    /// An unknown value for somebody to see: a word or a code, with long runs of digits masked. `None` for what may be personal data.
    fn shown(&self) -> Option<String> {
        None
    }

    /// Calls `seen` for what is new inside the value, which stands in a field of a message.
    fn drift_inside(&self, _message: &str, _field: &str, _seen: &mut dyn FnMut(Drift)) {}
}

impl<'de, T: FromWire<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut field = Field::Absent;
        Slot(&mut field).deserialize(deserializer)?;
        Ok(field)
    }
}

impl<'de, T: FromWire<'de>> Field<T> {
    fn read_text(text: Cow<'de, str>) -> Self {
        if let Some(value) = T::from_quoted(&text) {
            return Self::Respelled(Box::new((value, Value::String(text.into_owned()))));
        }
        match T::from_text(text) {
            Ok(value) => Self::Known(value),
            Err(text) if text.is_empty() => Self::Empty,
            Err(text) => Self::read_any(Value::String(text.into_owned())),
        }
    }

    pub(crate) fn read_number(number: Number) -> Self {
        match T::from_number(&number) {
            Some(value) if value.writes(&number) => Self::Known(value),
            Some(value) => Self::Respelled(Box::new((value, Value::Number(number)))),
            None => Self::read_any(Value::Number(number)),
        }
    }

    fn read_any(value: Value) -> Self {
        T::from_any(value).map_or_else(|value| Self::Odd(value.into()), Self::Known)
    }
}

/// Reads a field where it stands: a message of many fields is long, and moving it costs more than reading it.
pub(crate) struct Slot<'a, T>(pub(crate) &'a mut Field<T>);

impl<'de, T: FromWire<'de>> DeserializeSeed<'de> for Slot<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: FromWire<'de>> Visitor<'de> for Slot<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Field::Null;
        Ok(())
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.0 = Field::read_any(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.0 = Field::read_number(value.into());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.0 = Field::read_number(value.into());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.0 = Number::from_f64(value).map_or(Field::Null, Field::read_number);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        *self.0 = Field::read_text(Cow::Borrowed(value));
        Ok(())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.visit_string(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<(), E> {
        *self.0 = Field::read_text(Cow::Owned(value));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        T::read_map(map, self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        *self.0 = T::from_seq(seq)?.map_or_else(Field::read_any, Field::Known);
        Ok(())
    }
}

/// Fields that the spec does not list, under their own names. `Debug` shows the names only, long digits in them masked.
///
/// A message that holds one name twice is unreadable, so nothing is lost here. One without such fields pays for a pointer only.
///
/// ```
/// use numcheck_protocol::decode;
/// use numcheck_protocol::number_check::ResultPush;
///
/// let push: ResultPush = decode(br#"{"code":0,"riskScore":7}"#)?;
/// assert_eq!(push.extra.get("riskScore").and_then(|value| value.as_i64()), Some(7));
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extra(Option<Box<Map<String, Value>>>);

impl Extra {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What came under a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// All of them. The values may hold personal data.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(name, value)| (name.as_str(), value))
    }

    /// Adds a field that the spec does not list, for a server that speaks a newer dialect. A name that the message itself has
    /// would stand there twice.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        self.put(name.into(), value);
    }

    /// Adds a field, and tells what stood under its name before.
    pub(crate) fn put(&mut self, name: String, value: Value) -> Option<Value> {
        self.0.get_or_insert_default().insert(name, value)
    }

    /// The number that stood where these were read from, if it was one: with serde_json's feature `arbitrary_precision` a number
    /// comes as an object of one private field, which only `Value` knows.
    pub(crate) fn as_number(&self) -> Option<Number> {
        let map = self.0.as_ref()?;
        if map.len() != 1 || !map.keys().all(|name| name.starts_with("$serde_json::private::")) {
            return None;
        }
        match serde_json::from_value(Value::Object((**map).clone())) {
            Ok(Value::Number(number)) => Some(number),
            _ => None,
        }
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| shown_name(name))).finish()
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExtraVisitor)
    }
}

struct ExtraVisitor;

impl<'de> Visitor<'de> for ExtraVisitor {
    type Value = Extra;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extra, A::Error> {
        let mut extra = Extra::default();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if extra.put(name, value).is_some() {
                return Err(de::Error::custom("a field stands twice"));
            }
        }
        Ok(extra)
    }
}

/// A field's name as it may be shown: it is the platform's, so it is bounded and cannot smuggle a number into a log.
pub(crate) fn shown_name(name: &str) -> String {
    mask::shown(name, 64)
}

/// A single value as its text; nothing for an object, a list or null.
pub(crate) fn single(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(alloc::string::ToString::to_string(number))),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        _ => None,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

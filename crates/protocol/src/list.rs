//! A list on the wire. An item that does not fit its type is kept like any odd field.

use alloc::vec::Vec;
use core::fmt;

use serde::de::SeqAccess;
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::field::{Field, FromWire, Slot};
use crate::message::{Drift, IntoOwned, report_field};

/// A list, each item of which is held like a field: one of another shape is odd and kept, and costs the others nothing.
///
/// ```
/// use numcheck_protocol::decode;
/// use numcheck_protocol::number_check::QueryReply;
///
/// let reply: QueryReply = decode(br#"{"code":0,"data":{"result":[{"phone":"85251234567"},"?"]}}"#)?;
/// let rows = reply.data.get().and_then(|data| data.result.get()).expect("a list");
/// assert_eq!((rows.items().len(), rows.iter().count()), (2, 1));
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct List<T>(Vec<Field<T>>);

impl<T> List<T> {
    /// The items in their order, those that fit no type included.
    pub fn items(&self) -> &[Field<T>] {
        &self.0
    }

    /// The items in their order, taken out.
    pub fn into_items(self) -> Vec<Field<T>> {
        self.0
    }

    /// The items of the documented type.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(Field::get)
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(Field::Known).collect())
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, T: FromWire<'de>> FromWire<'de> for List<T> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Result<Self, Value>, A::Error> {
        let mut items = Vec::new();
        loop {
            let mut item = Field::Absent;
            if seq.next_element_seed(Slot(&mut item))?.is_none() {
                return Ok(Ok(Self(items)));
            }
            items.push(item);
        }
    }

    fn drift_inside(&self, message: &str, field: &str, seen: &mut dyn FnMut(Drift)) {
        for item in &self.0 {
            report_field(message, field, item, seen);
        }
    }
}

impl<T: IntoOwned> IntoOwned for List<T> {
    type Owned = List<T::Owned>;

    fn into_owned(self) -> Self::Owned {
        List(self.0.into_iter().map(|item| item.map(T::into_owned)).collect())
    }
}

//! How the fields of a message become fields of a result, and those the cells of a row. The code that uses it is generated.

use alloc::borrow::Cow;
use alloc::string::ToString;

use crate::field::{Field, single};
use crate::{Count, PhoneText, Price, Text};

/// A value as the cell of a row.
pub(crate) trait Cell {
    fn cell(&self) -> Cow<'_, str>;
}

/// A field of a message as a field of a result.
pub(crate) trait View<'a, T> {
    fn view(&'a self) -> Option<T>;
}

macro_rules! texts {
    ($($Text:ident),*) => {
        $(
            impl Cell for $Text<'_> {
                fn cell(&self) -> Cow<'_, str> {
                    Cow::Borrowed(self.as_str())
                }
            }

            impl<'a> View<'a, $Text<'a>> for Field<$Text<'_>> {
                fn view(&'a self) -> Option<$Text<'a>> {
                    self.text().or_else(|| single(self.odd()?)).map($Text::new)
                }
            }
        )*
    };
}

/// A value that is copied as it is.
macro_rules! values {
    ($($Value:ident: $cell:expr),*) => {
        $(
            impl $crate::view::Cell for $Value {
                fn cell(&self) -> alloc::borrow::Cow<'_, str> {
                    let cell: fn(&Self) -> alloc::borrow::Cow<'_, str> = $cell;
                    cell(self)
                }
            }

            impl $crate::view::View<'_, $Value> for $crate::Field<$Value> {
                fn view(&self) -> Option<$Value> {
                    self.get().cloned()
                }
            }
        )*
    };
}

/// A vocabulary of words: a known one is shown in its documented spelling, any other as it came.
macro_rules! words {
    ($Word:ident) => {
        impl $Word {
            /// The same word in its documented spelling, where the spec lists it.
            pub(crate) fn documented(&self) -> Self {
                self.known().map_or_else(|| self.clone(), Self::from)
            }
        }

        impl $crate::view::Cell for $Word {
            fn cell(&self) -> alloc::borrow::Cow<'_, str> {
                alloc::borrow::Cow::Borrowed(self.as_str())
            }
        }

        impl $crate::view::View<'_, $Word> for $crate::Field<$Word> {
            fn view(&self) -> Option<$Word> {
                match self.get() {
                    Some(word) => Some(word.documented()),
                    None => $crate::field::single(self.odd()?).map(|text| $Word::new(&text)),
                }
            }
        }
    };
}

pub(crate) use {values, words};

texts!(Text, PhoneText);
values!(
    Count: |count| Cow::Owned(count.get().to_string()),
    Price: |price| Cow::Owned(price.to_string())
);

/// Whether a field holds anything but emptiness.
pub(crate) fn is_value<T>(field: &Field<T>) -> bool {
    field.get().is_some() || field.odd().is_some()
}

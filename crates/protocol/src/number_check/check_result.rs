//! How [`CheckResult`] is made from each message, and shown in cells. Its fields, and which fields of the messages fill them, are generated.
//!
//! It is a view: the message that it was made from stays the truth, and is what is stored.

use alloc::borrow::Cow;
use alloc::string::ToString;

use serde_json::Value;

use crate::currency::Currency;
use crate::field::{Field, FromWire, single};
use crate::number_check::{
    Answer, AnyNumberType, CallbackCode, CheckLevel, CheckResult, DialResponse, Dialect, GetOutcome,
    GetReply, NumberType, NumberTypeWord, QueryRow, ResultPush,
};
use crate::price::Price;
use crate::text::{PhoneText, Text};

/// ```
/// use numcheck_protocol::number_check::{Answer, CheckResult, ResultPush};
///
/// let v1 = br#"{"code":0,"messageId":"a-1","data":{"basic":{"regionCode":"HK"},"dial":{"early":"YES"}}}"#;
/// let v2 = br#"{"code":0,"requestId":"a-1","data":{"country":"HK","ring":"yes"}}"#;
/// for body in [&v1[..], v2] {
///     let push: ResultPush = numcheck_protocol::decode(body)?;
///     let result = CheckResult::from(&push);
///     assert!(result.done);
///     assert_eq!(result.region.as_ref().map(|text| text.as_str()), Some("HK"));
///     assert_eq!(result.ring, Some(Answer::YES));
///     let found = result.columns().into_iter().filter(|column| column.is_finding && column.value.is_some());
///     assert_eq!(found.map(|column| column.name).collect::<Vec<_>>(), ["region", "ring"]);
/// }
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
impl<'a> From<&'a ResultPush<'_>> for CheckResult<'a> {
    fn from(push: &'a ResultPush<'_>) -> Self {
        let done = push.code.get().is_some_and(|code| code.is_success());
        let mut result = Self { done, dialect: push.dialect(), ..Self::default() };
        push.fill(&mut result);
        result
    }
}

impl<'a> From<&'a QueryRow<'_>> for CheckResult<'a> {
    fn from(row: &'a QueryRow<'_>) -> Self {
        let mut result = Self { done: row.has_result(), dialect: row.dialect(), ..Self::default() };
        row.fill(&mut result);
        result
    }
}

/// The code of an instant check's reply is of the submit's table, so it does not stand here: what was refused has no result.
impl<'a> From<&'a GetReply<'_>> for CheckResult<'a> {
    fn from(reply: &'a GetReply<'_>) -> Self {
        let mut result = Self {
            done: reply.outcome() == GetOutcome::Checked,
            text: reply.fail_reason(),
            dialect: Some(Dialect::V2),
            ..Self::default()
        };
        reply.fill(&mut result);
        result
    }
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column<'a> {
    /// Its name in a file of results, without `check_`.
    pub name: &'static str,
    /// What stands in it. It may be personal data.
    pub value: Option<Cow<'a, str>>,
    /// Whether it says something that the check has found out about the phone number.
    pub is_finding: bool,
}

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

macro_rules! words {
    ($($Word:ident),*) => {
        $(
            impl Cell for $Word {
                fn cell(&self) -> Cow<'_, str> {
                    Cow::Borrowed(self.as_str())
                }
            }

            impl View<'_, $Word> for Field<$Word> {
                fn view(&self) -> Option<$Word> {
                    match self.get() {
                        Some(word) => Some(word.known().map_or_else(|| word.clone(), $Word::from)),
                        None => single(self.odd()?).map(|text| $Word::new(&text)),
                    }
                }
            }
        )*
    };
}

macro_rules! values {
    ($($Value:ident: $cell:expr),*) => {
        $(
            impl Cell for $Value {
                fn cell(&self) -> Cow<'_, str> {
                    let cell: fn(&Self) -> Cow<'_, str> = $cell;
                    cell(self)
                }
            }

            impl View<'_, $Value> for Field<$Value> {
                fn view(&self) -> Option<$Value> {
                    self.get().cloned()
                }
            }
        )*
    };
}

texts!(Text, PhoneText);
words!(Answer, DialResponse);
values!(
    AnyNumberType: |kind| kind.word(),
    CallbackCode: |code| Cow::Owned(code.get().to_string()),
    CheckLevel: |level| level.word(),
    Currency: |currency| Cow::Borrowed(currency.as_str()),
    Price: |price| Cow::Owned(price.to_string())
);

impl View<'_, AnyNumberType> for Field<NumberType> {
    fn view(&self) -> Option<AnyNumberType> {
        match self.get() {
            Some(number) => Some(AnyNumberType::Number(*number)),
            None => kind(self.odd()?),
        }
    }
}

impl View<'_, AnyNumberType> for Field<NumberTypeWord> {
    fn view(&self) -> Option<AnyNumberType> {
        match self.get() {
            Some(word) => {
                Some(AnyNumberType::Word(word.known().map_or_else(|| word.clone(), NumberTypeWord::from)))
            }
            None => kind(self.odd()?),
        }
    }
}

/// A kind where the other dialect's was expected.
fn kind(value: &Value) -> Option<AnyNumberType> {
    match value {
        Value::Number(number) => AnyNumberType::from_number(number),
        _ => None,
    }
    .or_else(|| Some(AnyNumberType::Word(NumberTypeWord::new(&single(value)?))))
}

/// Whether a field holds anything but emptiness.
pub(crate) fn is_value<T>(field: &Field<T>) -> bool {
    field.get().is_some() || field.odd().is_some()
}

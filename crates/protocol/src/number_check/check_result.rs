//! How [`CheckResult`] is made from each message, and shown in cells. Its fields, and which fields of the messages fill them, are generated.
//!
//! It is a view: the message that it was made from stays the truth, and is what is stored.

use alloc::borrow::Cow;

use serde_json::Value;

use crate::field::{Field, FromWire, single};
use crate::number_check::{
    AnyNumberType, CheckResult, Dialect, GetOutcome, GetReply, NumberType, NumberTypeWord, QueryRow,
    ResultPush,
};
use crate::view::{View, values};

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
///     let found = result.columns().filter(|column| column.is_finding && column.value.is_some());
///     assert_eq!(found.map(|column| column.name).collect::<Vec<_>>(), ["region", "ring"]);
/// }
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
impl<'a> From<&'a ResultPush<'_>> for CheckResult<'a> {
    fn from(push: &'a ResultPush<'_>) -> Self {
        let mut result = Self { dialect: push.dialect(), ..Self::default() };
        push.fill(&mut result);
        result.done = match push.code.get() {
            Some(code) => code.is_success(),
            // Without a code, or with an odd one, what was found out says that the check was carried out.
            None => result.columns().any(|column| column.is_finding && column.value.is_some()),
        };
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

values!(AnyNumberType: |kind| kind.word());

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
            Some(word) => Some(AnyNumberType::Word(word.documented())),
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

//! A phone number rejected individually from an accepted v2 submit (`failNumber`).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::field::{Field, single};
use crate::mask;
use crate::number_check::{FailNumber, SubmitData};
use crate::text::Json;

/// A number that was not taken: it is not checked, not charged (assumed), and has no result. `Debug` masks it.
///
/// ```
/// use numcheck_protocol::decode;
/// use numcheck_protocol::number_check::SubmitReply;
///
/// let body = br#"{"code":0,"data":{"requestId":"r-1","failNumber":[{"number":"999***6789","why":"too short"}]}}"#;
/// let reply: SubmitReply = decode(body)?;
/// let not_taken: Vec<_> = reply.data.get().into_iter().flat_map(|data| data.not_taken()).collect();
/// assert_eq!(not_taken[0].number.as_deref(), Some("999***6789"));
/// assert_eq!(not_taken[0].reason.as_deref(), Some("why too short"));
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct NotTaken {
    /// The number as the platform wrote it, which may be masked (`999***6789` in its sample). Personal data.
    pub number: Option<String>,
    /// Whatever the platform gave as a reason, on one line, with long runs of digits masked.
    pub reason: Option<String>,
    /// What the platform wrote about it, whole. It holds the number.
    pub item: Json,
}

impl SubmitData<'_> {
    /// The numbers that were not taken.
    pub fn not_taken(&self) -> impl Iterator<Item = NotTaken> {
        self.fail_number.get().into_iter().flat_map(|list| list.items()).map(NotTaken::of)
    }
}

impl NotTaken {
    /// No document shows more than the number, so that everything beside it is taken for the reason.
    fn of(item: &Field<FailNumber<'_>>) -> Self {
        let Some(item) = item.get() else {
            let number = item.odd().and_then(single).map(Cow::into_owned);
            return Self { number, reason: None, item: Json(serde_json::to_value(item).unwrap_or_default()) };
        };
        let whole = Json(serde_json::to_value(item).unwrap_or_default());
        let reason = item.reason.text().or_else(|| {
            let beside = item.extra.iter();
            let beside: Vec<String> = beside
                .filter_map(|(name, value)| Some(alloc::format!("{name} {}", single(value)?)))
                .collect();
            (!beside.is_empty()).then(|| Cow::Owned(beside.join(", ")))
        });
        let number = item.number.text().map(Cow::into_owned);
        Self { number, reason: reason.map(|text| one_line(&text)), item: whole }
    }
}

fn one_line(text: &str) -> String {
    let line: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(200).collect();
    mask::digits(&line).into_owned()
}

impl fmt::Debug for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotTaken")
            .field("number", &self.number.as_deref().map(mask::digits))
            .field("reason", &self.reason)
            .finish()
    }
}

//! The result of one row as it is written: the values of the `check_*` columns and their states.
//!
//! It must not know where a result came from; whoever runs the job fills it in.

use std::borrow::Cow;
use std::fmt;

use numcheck_protocol::PhoneNumber;

use crate::input::Reject;

/// What became of a row. Closed: these are the words of the file format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum CheckState {
    /// Checked: the result is there.
    Done,
    /// The platform tried and could not check it.
    Failed,
    /// The platform refused to take it.
    Refused,
    /// The cell holds no number that can be sent. Nothing was sent.
    Invalid,
    /// The same number stands in an earlier row: its result is repeated, its price is not.
    Duplicate,
    /// It may have been sent, and nobody knows yet what became of it.
    InDoubt,
    /// It is not sent yet, or its result may still come.
    #[default]
    Pending,
    /// It was taken, and no result has come in the time that the platform takes.
    Missing,
}

impl CheckState {
    /// The word in the file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::InDoubt => "in_doubt",
            Self::Pending => "pending",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The values of the `check_*` columns of one row; the field `x` is the column `check_x`. What is `None` is an empty
/// cell in CSV and left out in JSON.
///
/// Texts are the platform's and may be anything. In CSV one that begins with `=`, `@`, a tab, a line break, or with
/// `+` or `-` before anything but a plain number, gets an apostrophe in front, so that a spreadsheet shows it and does
/// not carry it out. In JSON it stays as it is.
///
/// `Debug` shows the phone number masked and no text.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct CheckRow<'a> {
    /// The number as it was sent. Digits only.
    pub(crate) phone: Option<PhoneNumber>,
    /// What became of the row.
    pub(crate) state: CheckState,
    /// The platform's result code.
    pub(crate) code: Option<i64>,
    /// The platform's text for it, or why the row is invalid.
    pub(crate) message: Option<Cow<'a, str>>,
    /// The level it was checked at.
    pub(crate) level: Option<Cow<'a, str>>,
    /// Whether the format is right (`preCheck`).
    pub(crate) valid: Option<Cow<'a, str>>,
    /// ISO region.
    pub(crate) region: Option<Cow<'a, str>>,
    /// Country code.
    pub(crate) dial_code: Option<Cow<'a, str>>,
    /// National form.
    pub(crate) national: Option<Cow<'a, str>>,
    /// Standard form.
    pub(crate) standard: Option<Cow<'a, str>>,
    /// Kind of number.
    pub(crate) number_type: Option<Cow<'a, str>>,
    /// Operator.
    pub(crate) carrier: Option<Cow<'a, str>>,
    /// HLR: whether the subscription is valid.
    pub(crate) validity: Option<Cow<'a, str>>,
    /// HLR: whether it can be reached.
    pub(crate) reachable: Option<Cow<'a, str>>,
    /// HLR: whether it roams.
    pub(crate) roaming: Option<Cow<'a, str>>,
    /// HLR: whether it was ported to another operator.
    pub(crate) ported: Option<Cow<'a, str>>,
    /// Mobile country code; leading zeros count.
    pub(crate) mcc: Option<Cow<'a, str>>,
    /// Mobile network code; leading zeros count.
    pub(crate) mnc: Option<Cow<'a, str>>,
    /// Call: whether it rang.
    pub(crate) ring: Option<Cow<'a, str>>,
    /// Call: whether it was answered.
    pub(crate) answered: Option<Cow<'a, str>>,
    /// Call: what was heard.
    pub(crate) response: Option<Cow<'a, str>>,
    /// What the check cost, as an exact decimal. A string in JSON too, where numbers lose digits.
    pub(crate) price: Option<Cow<'a, str>>,
    /// ISO currency of the price.
    pub(crate) currency: Option<Cow<'a, str>>,
    /// The platform's id of the check.
    pub(crate) message_id: Option<Cow<'a, str>>,
    /// The batch it was sent in.
    pub(crate) batch_no: Option<Cow<'a, str>>,
    /// When its result came: UTC, RFC 3339.
    pub(crate) time: Option<Cow<'a, str>>,
}

/// How many `check_*` columns there are.
pub(super) const COLUMNS: usize = 26;

impl<'a> CheckRow<'a> {
    /// The result of a row that is not sent: the reason's word and sentence as the message, as in
    /// `letters: it has letters: write digits only, with the country code`.
    pub(crate) fn invalid(reject: Reject) -> Self {
        Self {
            state: CheckState::Invalid,
            message: Some(Cow::Owned(format!("{}: {reject}", reject.reason()))),
            ..Self::default()
        }
    }

    /// The columns in their order, without `check_`, and their values.
    pub(super) fn columns(&self) -> [(&'static str, Option<Cow<'_, str>>); COLUMNS] {
        fn text<'b>(text: &'b Option<Cow<'_, str>>) -> Option<Cow<'b, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        [
            ("phone", self.phone.as_ref().map(|phone| Cow::Borrowed(phone.digits()))),
            ("state", Some(Cow::Borrowed(self.state.as_str()))),
            ("code", self.code.map(|code| Cow::Owned(code.to_string()))),
            ("message", text(&self.message)),
            ("level", text(&self.level)),
            ("valid", text(&self.valid)),
            ("region", text(&self.region)),
            ("dial_code", text(&self.dial_code)),
            ("national", text(&self.national)),
            ("standard", text(&self.standard)),
            ("number_type", text(&self.number_type)),
            ("carrier", text(&self.carrier)),
            ("validity", text(&self.validity)),
            ("reachable", text(&self.reachable)),
            ("roaming", text(&self.roaming)),
            ("ported", text(&self.ported)),
            ("mcc", text(&self.mcc)),
            ("mnc", text(&self.mnc)),
            ("ring", text(&self.ring)),
            ("answered", text(&self.answered)),
            ("response", text(&self.response)),
            ("price", text(&self.price)),
            ("currency", text(&self.currency)),
            ("message_id", text(&self.message_id)),
            ("batch_no", text(&self.batch_no)),
            ("time", text(&self.time)),
        ]
    }
}

impl fmt::Debug for CheckRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckRow")
            .field("phone", &self.phone)
            .field("state", &self.state)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

//! The result of one row as it is written: the columns of a [`CheckResult`], and what the job knows besides.

use std::borrow::Cow;
use std::fmt;

use numcheck_protocol::PhoneNumber;
use numcheck_protocol::number_check::CheckResult;

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

/// The values of the `check_*` columns of one row. What is `None` is an empty cell in CSV and left out in JSON.
///
/// Texts are the platform's and may be anything. In CSV one that begins with `=`, `@`, a tab, a line break, or with
/// `+` or `-` before anything but a plain number, gets an apostrophe in front, so that a spreadsheet shows it and does
/// not carry it out. In JSON it stays as it is.
///
/// `Debug` shows the phone number masked and no text.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct CheckRow<'a> {
    /// What became of the row.
    pub(crate) state: CheckState,
    /// What the platform said. The fields below stand in their columns in place of what is here.
    pub(crate) result: CheckResult<'a>,
    /// The phone number as it was sent. Digits only.
    pub(crate) phone: Option<PhoneNumber>,
    /// The platform's result code.
    pub(crate) code: Option<i64>,
    /// Why there is no result.
    pub(crate) message: Option<Cow<'a, str>>,
    /// The level it was checked at.
    pub(crate) level: Option<Cow<'a, str>>,
    /// The batch it was sent in.
    pub(crate) batch_no: Option<Cow<'a, str>>,
    /// When its result came: UTC, RFC 3339.
    pub(crate) time: Option<Cow<'a, str>>,
}

impl<'a> CheckRow<'a> {
    /// The row of a phone number that has a result.
    pub(crate) fn from_result(phone: PhoneNumber, result: CheckResult<'a>) -> Self {
        let state = if result.done { CheckState::Done } else { CheckState::Failed };
        let code = result.code.map(|code| code.get());
        Self { state, phone: Some(phone), code, result, ..Self::default() }
    }

    /// The row of a cell that is not sent: the reason's word and sentence as the message, as in
    /// `letters: it has letters: write digits only, with the country code`.
    pub(crate) fn invalid(reject: Reject) -> Self {
        let message = Some(Cow::Owned(format!("{}: {reject}", reject.reason())));
        Self { state: CheckState::Invalid, message, ..Self::default() }
    }

    /// The names of the columns in their order, without `check_`.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        let names = CheckResult::COLUMNS.iter().copied();
        // The state stands behind the phone number.
        names.flat_map(|name| [Some(name), (name == PHONE).then_some("state")]).flatten().chain(["time"])
    }

    /// The columns in their order, and their values.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, Option<Cow<'_, str>>)> {
        let mut columns = self.result.columns();
        Self::names().map(move |name| match name {
            "state" => (name, Some(Cow::Borrowed(self.state.as_str()))),
            "time" => (name, self.time.as_deref().map(Cow::Borrowed)),
            _ => {
                let said = columns.next().and_then(|column| column.value);
                (name, self.own(name).or(said))
            }
        })
    }

    /// What the row itself says in a column of the result.
    fn own(&self, column: &str) -> Option<Cow<'_, str>> {
        match column {
            PHONE => self.phone.as_ref().map(|phone| Cow::Borrowed(phone.digits())),
            "code" => self.code.map(|code| Cow::Owned(code.to_string())),
            "message" => self.message.as_deref().map(Cow::Borrowed),
            "level" => self.level.as_deref().map(Cow::Borrowed),
            "batch_no" => self.batch_no.as_deref().map(Cow::Borrowed),
            _ => None,
        }
    }
}

const PHONE: &str = "phone";

impl fmt::Debug for CheckRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckRow")
            .field("phone", &self.phone)
            .field("state", &self.state)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

//! The result of one row as it is written: the columns of a [`CheckResult`], and what the job knows besides.

use std::borrow::Cow;
use std::fmt;

use numcheck_protocol::number_check::CheckResult;
use numcheck_protocol::qxt::{KnownPrivacyStatus, PrivacyReply};
use numcheck_protocol::{Currency, PhoneNumber, Price, Text};
use numcheck_tables::{CellValue, Reject};

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
    /// What a privacy check says.
    pub(crate) privacy: PrivacyCells<'a>,
}

/// The cells of a privacy check.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct PrivacyCells<'a> {
    /// `YES`, `NO`, or `UNKNOWN` where the platform does not say it in a known word.
    pub(crate) privacy: Option<&'static str>,
    /// The platform's word.
    pub(crate) status: Option<Cow<'a, str>>,
    /// Where the number is from.
    pub(crate) area: Option<Cow<'a, str>>,
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

    /// The row of a phone number that has a reply of a privacy check.
    pub(crate) fn from_privacy(
        phone: PhoneNumber,
        reply: &'a PrivacyReply<'_>,
        cost: Option<(Currency, Price)>,
    ) -> Self {
        let code = reply.code.get();
        let is_answer = code.is_some_and(|code| code.is_answer());
        let result = reply.result.get();
        let status = result.and_then(|result| result.status.get());
        let privacy = match status.and_then(|status| status.known()) {
            Some(KnownPrivacyStatus::Privacy) => "YES",
            Some(KnownPrivacyStatus::NotPrivacy) => "NO",
            _ => "UNKNOWN",
        };
        let mut row = Self {
            state: if is_answer { CheckState::Done } else { CheckState::Failed },
            phone: Some(phone),
            code: code.map(|code| code.get()),
            message: reply.reason.get().map(|reason| Cow::Borrowed(reason.as_str())),
            ..Self::default()
        };
        if is_answer {
            let area = result.and_then(|result| result.area.get());
            let carrier = result.and_then(|result| result.now_isp.get());
            row.result.carrier = carrier.map(|carrier| carrier.to_string().into());
            row.result.currency = cost.map(|(currency, _)| Text::from(currency.to_string()));
            row.result.price = cost.map(|(_, price)| price);
            row.privacy = PrivacyCells {
                privacy: Some(privacy),
                status: status.map(|status| Cow::Owned(status.to_string())),
                area: area.map(|area| Cow::Borrowed(area.as_str())),
            };
        }
        row
    }

    /// Whether the platform has answered in a word that nobody knows.
    pub(crate) fn is_unread(&self) -> bool {
        self.code == Some(0) && self.privacy.privacy == Some("UNKNOWN")
    }

    /// The values of columns, by their names without `check_`.
    pub(super) fn values<'n>(
        &self,
        names: &'n [&'static str],
    ) -> impl Iterator<Item = CellValue<'_>> + use<'_, 'n> {
        let said: Vec<_> = self.result.columns().collect();
        names.iter().map(move |name| {
            let text = |text: Option<&str>| text.map(|text| Cow::Owned(text.to_owned()));
            let value = match *name {
                "code" => return self.code.map_or(CellValue::Empty, CellValue::Integer),
                "phone" => text(self.phone.as_ref().map(PhoneNumber::digits)),
                "state" => text(Some(self.state.as_str())),
                "time" => text(self.time.as_deref()),
                "level" => text(self.level.as_deref()),
                "message" => text(self.message.as_deref()),
                "batch_no" => text(self.batch_no.as_deref()),
                "privacy" => text(self.privacy.privacy),
                "status" => text(self.privacy.status.as_deref()),
                "area" => text(self.privacy.area.as_deref()),
                _ => None,
            };
            let said = || {
                let column = said.iter().find(|column| column.name == *name)?;
                column.value.clone().map(|value| Cow::Owned(value.into_owned()))
            };
            match value.or_else(said) {
                None => CellValue::Empty,
                Some(value) if *name == "price" => CellValue::Amount(value),
                Some(value) => CellValue::Text(value),
            }
        })
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

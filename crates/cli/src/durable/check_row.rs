//! A result as the check columns of a row.
//!
//! It copies what the platform said and never judges it: an unknown word stands in the row as it came.

use std::borrow::Cow;

use numcheck_protocol::PhoneNumber;
use numcheck_protocol::number_check::{AnyNumberType, CheckResult, KnownNumberType, NumberType};

use crate::output::{CheckRow, CheckState};

/// The columns that a result fills.
pub(crate) fn from_result(phone: PhoneNumber, result: CheckResult<'_>) -> CheckRow<'_> {
    CheckRow {
        phone: Some(phone),
        state: if result.done { CheckState::Done } else { CheckState::Failed },
        code: result.code.map(|code| code.get()),
        message: result.text.map(Into::into),
        valid: result.format.map(word),
        region: result.region.map(Into::into),
        dial_code: result.dial_code.map(Into::into),
        national: result.national.map(Into::into),
        standard: result.standard.map(Into::into),
        number_type: result.number_type.map(|kind| number_type(&kind)),
        carrier: result.carrier.map(Into::into),
        validity: result.validity.map(word),
        reachable: result.reachable.map(word),
        roaming: result.roaming.map(word),
        ported: result.ported.map(word),
        mcc: result.mcc.map(Into::into),
        mnc: result.mnc.map(Into::into),
        ring: result.ring.map(word),
        answered: result.answered.map(word),
        response: result.response.map(word),
        price: result.price.map(word),
        currency: result.currency.map(word),
        message_id: result.id.map(Into::into),
        batch_no: result.batch_no.map(Into::into),
        ..CheckRow::default()
    }
}

fn word<'a>(word: impl ToString) -> Cow<'a, str> {
    Cow::Owned(word.to_string())
}

/// The kind of number as a word; a number that no document lists as it came.
pub(crate) fn number_type<'a>(kind: &AnyNumberType) -> Cow<'a, str> {
    match kind {
        AnyNumberType::Number(number) => of_v1(*number),
        AnyNumberType::Word(word) => Cow::Owned(word.to_string()),
    }
}

fn of_v1<'a>(kind: NumberType) -> Cow<'a, str> {
    Cow::Borrowed(match kind.known() {
        Some(KnownNumberType::Other) => "other",
        Some(KnownNumberType::FixedLine) => "fixed_line",
        Some(KnownNumberType::Mobile) => "mobile",
        Some(KnownNumberType::TollFree) => "toll_free",
        Some(KnownNumberType::Voip) => "voip",
        Some(KnownNumberType::Organisation) => "organisation",
        Some(KnownNumberType::Personal) => "personal",
        Some(KnownNumberType::Voicemail) => "voicemail",
        Some(KnownNumberType::Restricted) => "restricted",
        _ => return Cow::Owned(kind.get().to_string()),
    })
}

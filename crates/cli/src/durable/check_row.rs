//! A pushed result as the check columns of a row.
//!
//! It copies what the platform said and never judges it: an unknown word stands in the row as it came.

use std::borrow::Cow;

use numcheck_protocol::number_check::{Answer, DialResponse, KnownNumberType, NumberType, ResultPush};
use numcheck_protocol::{Field, PhoneNumber, Price};

use crate::output::{CheckRow, CheckState};

/// The columns that a push fills.
pub(super) fn of_push<'a>(phone: PhoneNumber, push: &'a ResultPush<'_>) -> CheckRow<'a> {
    let data = push.data.get();
    let basic = data.and_then(|data| data.basic.get());
    let live = data.and_then(|data| data.live.get());
    let dial = data.and_then(|data| data.dial.get());
    let cost = push.cost.get();
    CheckRow {
        phone: Some(phone),
        state: match push.code.get() {
            Some(code) if code.is_success() => CheckState::Done,
            _ => CheckState::Failed,
        },
        code: push.code.get().map(|code| code.get()),
        message: push.msg.text(),
        valid: basic.and_then(|basic| answer(&basic.pre_check)),
        region: basic.and_then(|basic| basic.region_code.text()),
        dial_code: basic.and_then(|basic| basic.country_code.text()),
        national: basic.and_then(|basic| basic.national_number.text()),
        standard: basic.and_then(|basic| basic.stand_number.text()),
        number_type: basic.and_then(|basic| basic.number_type.get()).map(|kind| number_type(*kind)),
        carrier: basic.and_then(|basic| basic.carrier.text()),
        validity: live.and_then(|live| answer(&live.validity)),
        reachable: live.and_then(|live| answer(&live.reachable)),
        roaming: live.and_then(|live| answer(&live.roaming)),
        ring: dial.and_then(|dial| answer(&dial.early)),
        answered: dial.and_then(|dial| answer(&dial.answered)),
        response: dial
            .and_then(|dial| dial.response.get())
            .map(|word: &DialResponse| Cow::Borrowed(word.as_str())),
        price: cost.and_then(|cost| cost.price.get()).map(|price: &Price| Cow::Owned(price.to_string())),
        currency: cost.and_then(|cost| cost.currency.get()).map(|currency| Cow::Borrowed(currency.as_str())),
        message_id: push.message_id.text(),
        batch_no: push.batch_no.text(),
        ..CheckRow::default()
    }
}

fn answer(field: &Field<Answer>) -> Option<Cow<'_, str>> {
    field.get().map(|word| Cow::Borrowed(word.as_str()))
}

/// The kind of number as a word; a number that no document lists as it came.
fn number_type(kind: NumberType) -> Cow<'static, str> {
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

//! The body of a push, in the account's dialect: the two differ in names, and in what a failure holds.

use numcheck_protocol::number_check::{CallbackCode, Dialect, ResultPush};
use numcheck_protocol::{Field, Lang, PhoneText, Text, encode};

use super::batch::Batch;
use super::bend::bend;
use super::check::{SimulatedCheck, check};
use super::cost::cost;
use super::{flat, nested};
use crate::assumptions::{Assumptions, PushPhone};
use crate::magic::{self, Delivery, Magic, Shape};

/// Which of several pushes of one result it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The one that there should be.
    First,
    /// The same once more.
    Again,
    /// Another one that says something else.
    Differing,
}

/// A push, ready to be sent.
pub(crate) struct PushBody {
    pub(crate) bytes: Vec<u8>,
    pub(crate) code: CallbackCode,
    pub(crate) message_id: String,
    pub(crate) batch_no: std::sync::Arc<str>,
}

/// The body of the push for the number at a place.
pub(crate) fn push_body(batch: &Batch, place: u32, variant: Variant, assumptions: &Assumptions) -> PushBody {
    let phone = batch.phone(place);
    let mut outcome = check(phone, batch.level);
    if variant == Variant::Differing {
        outcome = SimulatedCheck { code: CallbackCode::NOTHING_FOUND, result: None, ..outcome };
    }
    let delivery = match magic::of(phone) {
        Some(Magic::Delivery(delivery)) => Some(delivery),
        _ => None,
    };
    let message_id = match delivery {
        Some(Delivery::ForeignMessageId) => format!("{:032x}", 0xfeed_u64),
        _ => batch.message_id(place),
    };
    let batch_no = match delivery {
        Some(Delivery::ForeignBatchNo) => "sandbox-foreign-batch".into(),
        _ => std::sync::Arc::clone(&batch.batch_no),
    };
    let id = Field::Known(Text::new(message_id.as_str()));
    let common = ResultPush::default()
        .with_code(Field::Known(outcome.code))
        .with_batch_no(Field::Known(Text::new(&*batch_no)))
        .with_phone(Field::Known(match assumptions.push_phone {
            PushPhone::AsSubmitted => PhoneText::new(phone),
            PushPhone::Plus => PhoneText::new(format!("+{phone}")),
            PushPhone::DoubleZero => PhoneText::new(format!("00{phone}")),
        }));
    let mut push = match batch.dialect {
        Dialect::V1 => common
            .with_message_id(id)
            .with_msg(Field::Known(Text::new(nested_text(outcome.code))))
            .with_data(outcome.result.as_ref().map(nested::data).into())
            .with_cost(match outcome.result {
                Some(_) => cost(outcome.list_price, assumptions),
                None => Field::Absent,
            }),
        Dialect::V2 => common
            .with_request_id(id)
            .with_message(Field::Known(Text::new(flat_text(outcome.code))))
            .with_data(match &outcome.result {
                Some(result) => Field::Known(flat::data(result, phone, assumptions.v2_revision)),
                None => Field::Null,
            })
            .with_cost(cost(outcome.list_price, assumptions)),
    };
    let code = outcome.code;
    let bytes = match outcome.shape {
        Some(Shape::NotJson) => b"<html><body>result</body></html>".to_vec(),
        Some(shape) => {
            bend(&mut push, shape);
            encode(&push).unwrap_or_default()
        }
        None => {
            if assumptions.numbers_as_strings {
                bend(&mut push, Shape::NumbersAsStrings);
            }
            encode(&push).unwrap_or_default()
        }
    };
    PushBody { bytes, code, message_id, batch_no }
}

/// The samples say `success` in English and the failure in Chinese.
fn nested_text(code: CallbackCode) -> &'static str {
    if code == CallbackCode::SUCCESS { "success" } else { code.meaning(Lang::Zh) }
}

/// The samples' own texts; for the rest nobody shows one.
fn flat_text(code: CallbackCode) -> &'static str {
    match code {
        CallbackCode::SUCCESS => "请求成功",
        CallbackCode::DEDUCTION_FAILED => "subBalance failed",
        other => other.meaning(Lang::Zh),
    }
}

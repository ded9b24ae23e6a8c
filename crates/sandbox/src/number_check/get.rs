//! `POST /api/number/check/get`: one phone number in, its result in the reply, charged at once. v2 only.

use std::sync::Arc;
use std::time::Duration;

use numcheck_protocol::number_check::{
    CheckLevel, Dialect, GetBasic, GetBody, GetData, GetReply, InstantCode, KnownCheckLevel, SubmitCode,
};
use numcheck_protocol::{BatchNo, Field, Lang, List, PhoneText, Text, decode};

use super::batch::{Batch, Phones};
use super::check::{check, not_taken};
use super::cost::cost;
use super::flat;
use super::order::{Refused, optional, required};
use super::submit::{
    check_appkey, check_balance, check_batch_no, keep, keep_charged, paid_for_nothing, times,
};
use super::submit_reply::{NotTaken, fail_numbers};
use super::wording::submit_text;
use crate::assumptions::{GetBadNumber, GetInV1, RepeatedBatchNo};
use crate::ledger::{InsufficientBalance, Item};
use crate::push::Destination;
use crate::server::Answer;
use crate::state::Shared;

const LEVEL: KnownCheckLevel = KnownCheckLevel::Basic;

/// An instant check whose form is right.
struct Wanted {
    phone: String,
    batch_no: Option<String>,
    appkey: String,
}

/// Answers an instant check of an authenticated account.
///
/// First 201 (no JSON object; `phone` or `appkey` missing, empty or no string; several numbers; `batchNo` no string; `checkLevel` no
/// integer), then 212, 207 (any level but 1), 202 and 210, the batch number's magic, 201 for a repeated batch number where the sandbox
/// is set to refuse those, 211. A number that a submit would not take, or whose check would fail, is a bad one: code 0, no result, no
/// charge.
pub(crate) fn get(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    if shared.dialect(account) == Dialect::V1 {
        let why = "the account is one of v1, which has no instant check";
        return match shared.settings.assumptions.get_in_v1 {
            GetInV1::NotFound => Answer::json(404, &serde_json::json!({ "error": "no such path" }), why),
            GetInV1::BadParameter => get_refusal(InstantCode::BAD_PARAMETER, why),
        };
    }
    let answer = match read(body) {
        Ok(wanted) => match take(shared, account, &wanted) {
            Ok(answer) => answer,
            Err(Refused { code, why }) => {
                Answer { batch_no: wanted.batch_no, ..get_refusal(InstantCode::new(code.get()), why) }
            }
        },
        Err(Refused { code, why }) => get_refusal(InstantCode::new(code.get()), why),
    };
    Answer { numbers: 1, ..answer }
}

/// The envelope of an instant check that was not carried out: `data` is null. [assumed]
pub(crate) fn get_refusal(code: InstantCode, why: impl Into<String>) -> Answer {
    answer(code, why.into(), Field::Null)
}

fn answer(code: InstantCode, why: String, data: Field<GetData<'_>>) -> Answer {
    let text = if code.is_success() { "Success" } else { submit_text(SubmitCode::new(code.get())) };
    let reply = GetReply::default()
        .with_code(Field::Known(code))
        .with_message(Field::Known(Text::new(text)))
        .with_data(data);
    Answer::envelope(&reply, code.get(), why)
}

fn read(body: &[u8]) -> Result<Wanted, Refused> {
    let wrong = |why: &str| Refused::new(SubmitCode::BAD_PARAMETER, why);
    let body: GetBody<'_> = decode(body).map_err(|error| wrong(&format!("the body is {error}")))?;
    let phone = required(&body.phone, "phone")?;
    let appkey = required(&body.appkey, "appkey")?.to_owned();
    let batch_no = optional(&body.batch_no, "batchNo")?.map(str::to_owned);
    if body.check_level.odd().is_some() {
        return Err(wrong("checkLevel must be an integer"));
    }
    if phone.contains(',') {
        return Err(wrong("phone must be one number"));
    }
    if batch_no.as_deref().is_some_and(|batch_no| batch_no.chars().count() > BatchNo::MAX_CHARS) {
        return Err(Refused::new(SubmitCode::BATCH_NO_TOO_LONG, "batchNo has more than 64 characters"));
    }
    if body.check_level.get().is_some_and(|level| *level != CheckLevel::BASIC) {
        return Err(Refused::new(SubmitCode::BAD_LEVEL, "checkLevel must be 1 (basic)"));
    }
    Ok(Wanted { phone: phone.to_owned(), batch_no, appkey })
}

fn take(shared: &Shared, account: usize, wanted: &Wanted) -> Result<Answer, Refused> {
    check_appkey(shared, account, &wanted.appkey)?;
    check_batch_no(wanted.batch_no.as_deref())?;
    let assumptions = &shared.settings.assumptions;
    if assumptions.repeated_batch_no == RepeatedBatchNo::Refuse
        && wanted.batch_no.as_deref().is_some_and(|batch_no| shared.recall(account, batch_no).is_some())
    {
        return Err(Refused::new(SubmitCode::BAD_PARAMETER, "the batch number was used before"));
    }
    let phone = wanted.phone.as_str();
    let outcome = check(phone, LEVEL);
    let failed = (!outcome.code.is_success()).then(|| outcome.code.meaning(Lang::En));
    let bad = not_taken(phone).or(failed);
    let (price, currency) = outcome.list_price;
    let bill = match bad {
        None => vec![Item { code: 0, count: 1, price, currency }],
        Some(_) if assumptions.charge_not_taken => paid_for_nothing([phone], LEVEL),
        Some(_) => Vec::new(),
    };
    if !bill.is_empty() {
        check_balance(shared, account, [phone], LEVEL)?;
    }
    shared.books.charge(account, LEVEL.into(), &bill).map_err(|InsufficientBalance| {
        Refused::new(SubmitCode::BALANCE_TOO_LOW, "other submits were faster to spend the balance")
    })?;

    let batch_no: Arc<str> = wanted.batch_no.clone().unwrap_or_else(|| shared.ids.batch_no()).into();
    let before = shared.books.accept(account, &batch_no, &bill);
    let access_key = shared.accounts.get(account).map_or("", |account| account.access_key.as_str());
    let ids = shared.ids.of_batch(access_key, &batch_no, before);
    let request_id = ids.message_id();
    shared.remember(account, &batch_no, &request_id);
    let data = GetData::default()
        .with_request_id(Field::Known(Text::new(request_id.as_str())))
        .with_batch_no(Field::Known(Text::new(&*batch_no)));
    let data = match (&outcome.result, bad) {
        (Some(result), None) => data
            .with_basic(Field::Known(
                GetBasic::default()
                    .with_phone(Field::Known(PhoneText::new(phone)))
                    .with_country(Field::Known(Text::new(result.facts.region.as_str())))
                    .with_number_type(Field::Known(flat::kind(result)))
                    .with_operator(Field::Known(Text::new(result.carrier))),
            ))
            .with_cost(cost(outcome.list_price, assumptions)),
        (_, why) => bad_number(shared, phone, why.unwrap_or_default(), data),
    };
    if bad.is_none()
        && let Some(phones) = Phones::new(phone)
    {
        let times = times(shared, &ids, Duration::ZERO);
        let no = Arc::clone(&batch_no);
        let batch = Batch::new(account, phones, LEVEL, no, ids, Destination::Nowhere, times);
        keep(shared, &Arc::new(batch.told_in(Dialect::V2, 1)));
    } else if !bill.is_empty() {
        keep_charged(shared, account, LEVEL, phone, &batch_no);
    }
    Ok(Answer {
        batch_no: Some(batch_no.to_string()),
        message_id: Some(request_id.clone()),
        ..answer(InstantCode::CHECKED, String::new(), Field::Known(data))
    })
}

/// One page of the vendor has the bad number in a list, another the reason in place of a result.
fn bad_number<'a>(shared: &Shared, phone: &'a str, why: &'static str, data: GetData<'a>) -> GetData<'a> {
    match shared.settings.assumptions.get_bad_number {
        GetBadNumber::FailNumber => {
            let one: NotTaken<'a> = (phone, why);
            let fail_number: List<_> = fail_numbers(shared, &[one]);
            data.with_fail_number(Field::Known(fail_number))
        }
        GetBadNumber::FailReason => data.with_basic(Field::Known(
            GetBasic::default()
                .with_phone(Field::Known(PhoneText::new(phone)))
                .with_fail_reason(Field::Known(Text::new(why))),
        )),
    }
}

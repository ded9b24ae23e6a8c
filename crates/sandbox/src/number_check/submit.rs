//! `POST /api/number/check`: takes numbers, charges for them, and queues their results.
//!
//! It must not push anything itself, and between charging and queueing it must not wait: a caller that hangs up must not leave
//! half a submit behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use numcheck_protocol::number_check::{KnownCheckLevel, SubmitCode, SubmitData, SubmitReply};
use numcheck_protocol::{CallbackUrl, CallingCode, Currency, Field, Price, Text};
use tokio::sync::oneshot;

use super::batch::{Batch, Phones};
use super::check::check;
use super::order::{self, Order, Refused};
use super::wording::submit_text;
use crate::clock::millis;
use crate::ledger::{Item, TooPoor};
use crate::magic::{self, Delivery, Magic};
use crate::prices;
use crate::push::{Destination, Job, Single};
use crate::server::Answer;
use crate::settings::RepeatedBatchNo;
use crate::state::Shared;

/// The vendor's limit: so many requests in a second, with at most so many numbers each; a larger one counts for all of them.
const LIMIT: u64 = 10;
const LARGE: u32 = 2_000;
/// The second, and how much earlier a request may come: that much the way to here varies.
const WINDOW_MS: u64 = 1_000 - 100;

/// How many numbers are checked before other tasks get a turn.
const CHUNK: u32 = 200;

/// Answers a submit of an authenticated account.
///
/// After the form ([`order::read`]): 288 (too early, where the sandbox is set to care), 202 and 210 (the appkey), the batch number's magic, a repeated batch number, 203 (two
/// countries), 211 (money).
pub(crate) async fn submit(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let order = match order::read(body) {
        Ok(order) => order,
        Err(Refused { code, why }) => return refusal(code, why),
    };
    let takes = if order.phones.count() > LARGE { LIMIT } else { 1 };
    if !shared.may_submit(account, shared.clock.now_ms(), takes, LIMIT, WINDOW_MS) {
        let refused = refusal(SubmitCode::REQUEST_FAILED, "the account submits faster than its limit allows");
        return Answer { batch_no: order.batch_no, ..refused };
    }
    let (numbers, named) = (order.phones.count() as usize, order.batch_no.clone());
    let answer = match take(shared, account, order).await {
        Ok(taken) => Answer {
            message_id: Some(taken.message_id.clone()),
            batch_no: Some(taken.batch_no.to_string()),
            before_reply: taken.before_reply,
            ..answer(
                SubmitCode::ACCEPTED,
                String::new(),
                Field::Known(data(&taken.message_id, &taken.batch_no)),
            )
        },
        Err(Refused { code, why }) => Answer { batch_no: named, ..refusal(code, why) },
    };
    Answer { numbers, ..answer }
}

/// The envelope of a submit that was not taken. Authentication errors come with `data` null [assumed], others with the empty
/// strings of the document's sample.
pub(crate) fn refusal(code: SubmitCode, why: impl Into<String>) -> Answer {
    let empty = SubmitData { message_id: Field::Empty, batch_no: Field::Empty, ..SubmitData::default() };
    answer(code, why.into(), if code.auth().is_some() { Field::Null } else { Field::Known(empty) })
}

fn answer(code: SubmitCode, why: String, data: Field<SubmitData<'_>>) -> Answer {
    let reply = SubmitReply {
        code: Field::Known(code),
        msg: Field::Known(Text::new(submit_text(code))),
        data,
        ..SubmitReply::default()
    };
    Answer::envelope(&reply, code.get(), why)
}

fn data<'a>(message_id: &'a str, batch_no: &'a str) -> SubmitData<'a> {
    SubmitData {
        message_id: Field::Known(Text::new(message_id)),
        batch_no: Field::Known(Text::new(batch_no)),
        ..SubmitData::default()
    }
}

/// A submit that was taken.
struct Taken {
    message_id: String,
    batch_no: Arc<str>,
    /// Resolve once the results that must come before the reply were tried.
    before_reply: Vec<oneshot::Receiver<()>>,
}

async fn take(shared: &Shared, account: usize, order: Order) -> Result<Taken, Refused> {
    check_appkey(shared, account, &order.appkey)?;
    if let Some(code) = order.batch_no.as_deref().and_then(magic::batch_code) {
        return Err(Refused::new(SubmitCode::new(code), "the batch number asks for this code"));
    }
    if let Some(merged) = repeated(shared, account, &order)? {
        return Ok(merged);
    }
    check_countries(shared, &order.phones)?;
    check_balance(shared, account, &order.phones, order.level)?;
    let bill = bill(&order.phones, order.level).await;

    // From here on nothing waits.
    let charged = shared.books.charge(account, order.level.into(), &bill);
    charged.map_err(|TooPoor| {
        Refused::new(SubmitCode::BALANCE_TOO_LOW, "other submits were faster to spend the balance")
    })?;
    let batch_no: Arc<str> = order.batch_no.unwrap_or_else(|| shared.ids.batch_no()).into();
    let before = shared.books.accept(account, &batch_no, &bill);
    let access_key = shared.accounts.get(account).map_or("", |account| account.access_key.as_str());
    let ids = shared.ids.of_batch(access_key, &batch_no, before);
    let destination = destination(shared, account, order.dr_url.as_ref(), &batch_no);
    let accepted_ms = shared.clock.now_ms();
    let times = (accepted_ms, accepted_ms.saturating_add(millis(shared.settings.callback_delay)));
    let batch = Arc::new(Batch::new(account, order.phones, order.level, batch_no, ids, destination, times));
    shared.remember(account, &batch.batch_no, &batch.message_id);
    shared.archive.keep(Arc::clone(&batch));
    Ok(Taken {
        message_id: batch.message_id.clone(),
        batch_no: Arc::clone(&batch.batch_no),
        before_reply: queue(shared, batch),
    })
}

fn check_appkey(shared: &Shared, account: usize, appkey: &str) -> Result<(), Refused> {
    match shared.accounts.iter().position(|other| other.appkey.expose() == appkey) {
        Some(owner) if owner == account => Ok(()),
        Some(_) => Err(Refused::new(
            SubmitCode::CUSTOMER_MISMATCH,
            "the appkey belongs to another account than the accessKey",
        )),
        None => Err(Refused::new(SubmitCode::BAD_APPKEY, "no account has this appkey")),
    }
}

/// What a batch number that the account already used comes to, where the sandbox is set to care.
fn repeated(shared: &Shared, account: usize, order: &Order) -> Result<Option<Taken>, Refused> {
    let Some(batch_no) = &order.batch_no else { return Ok(None) };
    let Some(first) = shared.recall(account, batch_no) else { return Ok(None) };
    match shared.settings.assumptions.repeated_batch_no {
        RepeatedBatchNo::ChargeAgain => Ok(None),
        RepeatedBatchNo::Refuse => {
            Err(Refused::new(SubmitCode::BAD_PARAMETER, "the batch number was used before"))
        }
        RepeatedBatchNo::Merge => Ok(Some(Taken {
            message_id: first,
            batch_no: batch_no.as_str().into(),
            before_reply: Vec::new(),
        })),
    }
}

/// A number whose country code nobody assigned counts with any.
fn check_countries(shared: &Shared, phones: &Phones) -> Result<(), Refused> {
    let mut countries = phones.iter().filter_map(CallingCode::of);
    let Some(first) = countries.next() else { return Ok(()) };
    let mixed = shared.settings.assumptions.refuse_mixed_countries && countries.any(|other| other != first);
    match mixed {
        true => {
            Err(Refused::new(SubmitCode::COUNTRY_NOT_RECOGNISED, "the numbers have different country codes"))
        }
        false => Ok(()),
    }
}

/// The worst case counts: as if no check failed.
fn check_balance(
    shared: &Shared,
    account: usize,
    phones: &Phones,
    level: KnownCheckLevel,
) -> Result<(), Refused> {
    let mut worst: BTreeMap<Currency, Price> = BTreeMap::new();
    let poor =
        || Refused::new(SubmitCode::BALANCE_TOO_LOW, "the balance is lower than what the batch can cost");
    for phone in phones.iter() {
        let (price, currency) = prices::price(CallingCode::of(phone), level);
        let sum = worst.entry(currency).or_default();
        *sum = sum.checked_add(price).ok_or_else(poor)?;
    }
    let affordable = worst.iter().all(|(currency, amount)| shared.books.can_pay(account, *amount, *currency));
    affordable.then_some(()).ok_or_else(poor)
}

/// Checks every number and adds up what it comes to. Results follow from the numbers alone, so they are worked out here for their
/// price and once more when they are due, instead of being kept.
async fn bill(phones: &Phones, level: KnownCheckLevel) -> Vec<Item> {
    let mut counts: BTreeMap<(i64, Currency), (u64, Price)> = BTreeMap::new();
    for place in 0..phones.count() {
        let outcome = check(phones.get(place), level);
        let entry = counts.entry((outcome.code.get(), outcome.list_price.1)).or_default();
        *entry = (entry.0 + 1, outcome.price());
        if place % CHUNK == CHUNK - 1 {
            tokio::task::yield_now().await;
        }
    }
    let item = |((code, currency), (count, price))| Item { code, count, price, currency };
    counts.into_iter().map(item).collect()
}

fn destination(
    shared: &Shared,
    account: usize,
    dr_url: Option<&CallbackUrl>,
    batch_no: &Arc<str>,
) -> Destination {
    let configured = || shared.accounts.get(account).and_then(|account| account.callback_url.as_ref());
    let found = match dr_url.or_else(configured) {
        Some(url) => Destination::of(url, shared.settings.push_policy),
        None => Err("the submit names no drUrl and the account has none"),
    };
    found.unwrap_or_else(|why| {
        tracing::warn!("results are not pushed: {why}");
        shared.log.note(
            shared.clock.now_ms(),
            Some(Arc::clone(batch_no)),
            format!("results are not pushed: {why}"),
        );
        Destination::Nowhere
    })
}

/// Queues the results, and those at once that must arrive before the reply.
fn queue(shared: &Shared, batch: Arc<Batch>) -> Vec<oneshot::Receiver<()>> {
    if matches!(batch.destination, Destination::Nowhere) {
        return Vec::new();
    }
    let mut before_reply = Vec::new();
    for place in 0..batch.count() {
        if magic::of(batch.phone(place)) == Some(Magic::Delivery(Delivery::BeforeReply)) {
            let (waiting, tried) = oneshot::channel();
            let single = Single::new(Arc::clone(&batch), place);
            shared.queue.add(
                batch.accepted_ms,
                Job::Single(Single { planned: true, waiting: Some(waiting), ..single }),
            );
            before_reply.push(tried);
        }
    }
    shared.queue.add(batch.checked_ms, Job::batch(batch, shared.faults().shuffles()));
    before_reply
}

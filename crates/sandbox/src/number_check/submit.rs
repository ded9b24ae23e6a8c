//! `POST /api/number/check`: takes phone numbers, charges for them, and queues their results.
//!
//! There is no `await` between charging and queueing: a caller that hangs up leaves no half a submit behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use numcheck_protocol::number_check::{CallbackCode, Dialect, KnownCheckLevel, SubmitCode};
use numcheck_protocol::{CallbackUrl, CallingCode, Currency, Price};
use tokio::sync::oneshot;

use super::batch::{Batch, Phones, Times};
use super::check::{SimulatedCheck, check, not_taken};
use super::order::{self, Allowed, Order, Refused};
use super::submit_reply::{accepted, refusal};
use crate::assumptions::{Assumptions, RepeatedBatchNo};
use crate::clock::millis;
use crate::ids::BatchIds;
use crate::ledger::{InsufficientBalance, Item};
use crate::magic::{self, Delivery, Magic};
use crate::push::{Destination, Job, Single};
use crate::server::Answer;
use crate::state::Shared;
use crate::{acceptances, prices};

/// The vendor's limit: so many requests in a second, with at most so many numbers each; a larger one counts for all of them.
const LIMIT: u64 = 10;
const LARGE: u32 = 2_000;
/// The second, and how much earlier a request may come: that much the way to here varies.
const WINDOW_MS: u64 = 1_000 - 100;

/// How many numbers are checked before other tasks get a turn.
const CHUNK: u32 = 200;

/// Answers a submit of an authenticated account.
///
/// After the form ([`order::read`]): 288 (too early, where the sandbox is set to care), 202 and 210 (the appkey), the batch number's
/// magic, a repeated batch number, 203 (two countries, in v1), 211 (money). In v2 single numbers may not be taken; the others are, and
/// if there are none, nothing is.
pub(crate) async fn submit(shared: &Shared, account: usize, body: &[u8]) -> Answer {
    let dialect = shared.dialect(account);
    let order = match order::read(body, Allowed::of(dialect, &shared.settings.assumptions)) {
        Ok(order) => order,
        Err(Refused { code, why }) => return refusal(shared, dialect, code, why),
    };
    let takes = if order.phones.count() > LARGE { LIMIT } else { 1 };
    if !shared.may_submit(account, shared.clock.running_ms(), takes, LIMIT, WINDOW_MS) {
        let why = "the account submits faster than its limit allows";
        let refused = refusal(shared, dialect, SubmitCode::REQUEST_FAILED, why);
        return Answer { batch_no: order.batch_no, ..refused };
    }
    let (numbers, named) = (order.phones.count() as usize, order.batch_no.clone());
    let answer = match take(shared, account, dialect, order).await {
        Ok(taken) => {
            let not_taken: Vec<_> =
                taken.not_taken.iter().map(|(phone, why)| (phone.as_str(), *why)).collect();
            Answer {
                message_id: Some(taken.message_id.clone()),
                batch_no: Some(taken.batch_no.to_string()),
                before_reply: taken.before_reply,
                ..accepted(shared, dialect, &taken.message_id, &taken.batch_no, &not_taken)
            }
        }
        Err(Refused { code, why }) => Answer { batch_no: named, ..refusal(shared, dialect, code, why) },
    };
    Answer { numbers, ..answer }
}

/// A submit that was taken.
struct Taken {
    message_id: String,
    batch_no: Arc<str>,
    /// Resolve once the results that must come before the reply were tried.
    before_reply: Vec<oneshot::Receiver<()>>,
    /// Numbers that were not, and why.
    not_taken: Vec<(String, &'static str)>,
}

async fn take(shared: &Shared, account: usize, dialect: Dialect, order: Order) -> Result<Taken, Refused> {
    check_appkey(shared, account, &order.appkey)?;
    check_batch_no(order.batch_no.as_deref())?;
    if let Some(merged) = repeated(shared, account, &order)? {
        return Ok(merged);
    }
    if dialect == Dialect::V1 {
        check_countries(shared, &order.phones)?;
    }
    let submitted = order.phones.count() as usize;
    let (phones, refused) = sift(dialect, order.phones).await;
    let terms = Terms { dialect, level: order.level, assumptions: &shared.settings.assumptions };
    let charged_for = if terms.assumptions.charge_not_taken { refused.as_slice() } else { &[] };
    let worst = phones.iter().chain(charged_for.iter().map(|(phone, _)| phone.as_str()));
    check_balance(shared, account, worst, order.level)?;
    let bill = bill(&phones, charged_for, &terms).await;

    // From here on nothing waits.
    let charged = shared.books.charge(account, order.level.into(), &bill);
    charged.map_err(|InsufficientBalance| {
        Refused::new(SubmitCode::BALANCE_TOO_LOW, "other submits were faster to spend the balance")
    })?;
    let batch_no: Arc<str> = order.batch_no.unwrap_or_else(|| shared.ids.batch_no()).into();
    let before = shared.books.accept(account, &batch_no, &bill);
    let access_key = shared.accounts.get(account).map_or("", |account| account.access_key.as_str());
    let ids = shared.ids.of_batch(access_key, &batch_no, before);
    let destination = destination(shared, account, order.dr_url.as_ref(), &batch_no);
    let times = times(shared, &ids, shared.settings.callback_delay);
    let batch = Batch::new(account, phones, order.level, batch_no, ids, destination, times);
    let batch = Arc::new(batch.told_in(dialect, submitted));
    shared.remember(account, &batch.batch_no, &batch.message_id);
    keep(shared, &batch);
    for (phone, _) in charged_for {
        keep_charged(shared, account, order.level, phone, &batch.batch_no);
    }
    Ok(Taken {
        message_id: batch.message_id.clone(),
        batch_no: Arc::clone(&batch.batch_no),
        before_reply: queue(shared, batch),
        not_taken: refused,
    })
}

/// When a batch that is accepted now is finished, and when a query may find it.
pub(super) fn times(shared: &Shared, ids: &BatchIds, callback_delay: Duration) -> Times {
    let assumptions = &shared.settings.assumptions;
    let accepted_ms = shared.clock.running_ms();
    let spread_ms = ids.up_to(millis(assumptions.visibility_spread));
    let hidden_ms = millis(assumptions.visibility_delay).saturating_add(spread_ms);
    Times {
        accepted_ms,
        checked_ms: accepted_ms.saturating_add(millis(callback_delay)),
        visible_ms: accepted_ms.saturating_add(hidden_ms),
        shown_ms: shared.clock.shown_at(accepted_ms),
    }
}

/// Keeps a batch for those who query it, and for those who count.
pub(super) fn keep(shared: &Shared, batch: &Arc<Batch>) {
    shared.archive.keep(Arc::clone(batch));
    shared.acceptances.keep(Arc::clone(batch));
}

/// Keeps in mind that a number was charged without being taken.
pub(super) fn keep_charged(
    shared: &Shared,
    account: usize,
    level: KnownCheckLevel,
    phone: &str,
    batch_no: &Arc<str>,
) {
    shared.acceptances.keep_single(acceptances::Single {
        account,
        service: level.into(),
        phone: phone.into(),
        batch_no: Some(Arc::clone(batch_no)),
        accepted: false,
    });
}

/// Whether a number of a batch was charged.
pub(crate) fn is_charged(batch: &Batch, phone: &str, assumptions: &Assumptions) -> bool {
    let terms = Terms { dialect: batch.dialect, level: batch.level, assumptions };
    terms.price(&check(phone, batch.level)) != Price::ZERO
}

pub(super) fn check_batch_no(batch_no: Option<&str>) -> Result<(), Refused> {
    match batch_no.and_then(magic::batch_code) {
        Some(code) => Err(Refused::new(SubmitCode::new(code), "the batch number asks for this code")),
        None => Ok(()),
    }
}

/// Those numbers that the dialect takes, and the others with a reason. v1 takes all.
async fn sift(dialect: Dialect, phones: Phones) -> (Phones, Vec<(String, &'static str)>) {
    if dialect == Dialect::V1 {
        return (phones, Vec::new());
    }
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for place in 0..phones.count() {
        let phone = phones.get(place);
        match not_taken(phone) {
            None => taken.push(place),
            Some(why) => refused.push((phone.to_owned(), why)),
        }
        if place % CHUNK == CHUNK - 1 {
            tokio::task::yield_now().await;
        }
    }
    (phones.at(&taken), refused)
}

pub(super) fn check_appkey(shared: &Shared, account: usize, appkey: &str) -> Result<(), Refused> {
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
            not_taken: Vec::new(),
        })),
    }
}

/// A number whose country code nobody assigned counts with any.
fn check_countries(shared: &Shared, phones: &Phones) -> Result<(), Refused> {
    let mut countries = phones.iter().filter_map(CallingCode::prefix_of);
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
pub(super) fn check_balance<'a>(
    shared: &Shared,
    account: usize,
    phones: impl IntoIterator<Item = &'a str>,
    level: KnownCheckLevel,
) -> Result<(), Refused> {
    let mut worst: BTreeMap<Currency, Price> = BTreeMap::new();
    let poor =
        || Refused::new(SubmitCode::BALANCE_TOO_LOW, "the balance is lower than what the batch can cost");
    for phone in phones {
        let (price, currency) = prices::price(CallingCode::prefix_of(phone), level);
        let sum = worst.entry(currency).or_default();
        *sum = sum.checked_add(price).ok_or_else(poor)?;
    }
    let affordable = worst.iter().all(|(currency, amount)| shared.books.can_pay(account, *amount, *currency));
    affordable.then_some(()).ok_or_else(poor)
}

/// What decides the price of a number.
struct Terms<'a> {
    dialect: Dialect,
    level: KnownCheckLevel,
    assumptions: &'a Assumptions,
}

impl Terms<'_> {
    /// What fails is free, unless it is assumed to be charged. What could not be deducted never is.
    fn price(&self, outcome: &SimulatedCheck) -> Price {
        let charges = match self.dialect {
            Dialect::V1 => self.assumptions.charge_failed_in_v1,
            Dialect::V2 => self.assumptions.charge_failed,
        };
        let failed_for_money = charges && outcome.code != CallbackCode::DEDUCTION_FAILED;
        if failed_for_money { outcome.list_price.0 } else { outcome.price() }
    }
}

/// Checks every number and adds up what it comes to. Results follow from the numbers alone, so they are worked out here for their
/// price and once more when they are due, instead of being kept.
async fn bill(phones: &Phones, charged_for: &[(String, &'static str)], terms: &Terms<'_>) -> Vec<Item> {
    let mut counts: BTreeMap<(i64, Currency), (u64, Price)> = BTreeMap::new();
    for place in 0..phones.count() {
        let outcome = check(phones.get(place), terms.level);
        let entry = counts.entry((outcome.code.get(), outcome.list_price.1)).or_default();
        *entry = (entry.0 + 1, terms.price(&outcome));
        if place % CHUNK == CHUNK - 1 {
            tokio::task::yield_now().await;
        }
    }
    let mut items = paid_for_nothing(charged_for.iter().map(|(phone, _)| phone.as_str()), terms.level);
    items.extend(counts.into_iter().map(|((code, currency), (count, price))| Item {
        code,
        count,
        price,
        currency,
    }));
    items
}

/// What numbers cost that were not taken, where that is assumed. They stand in the books as numbers of a wrong form.
pub(super) fn paid_for_nothing<'a>(
    phones: impl IntoIterator<Item = &'a str>,
    level: KnownCheckLevel,
) -> Vec<Item> {
    let item = |phone| {
        let (price, currency) = prices::price(CallingCode::prefix_of(phone), level);
        Item { code: CallbackCode::BAD_NUMBER.get(), count: 1, price, currency }
    };
    phones.into_iter().map(item).collect()
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
    // Nothing was taken, or nobody wants to know.
    if batch.count() == 0 || matches!(batch.destination, Destination::Nowhere) {
        return Vec::new();
    }
    let mut before_reply = Vec::new();
    for place in 0..batch.count() {
        if magic::of(batch.phone(place)) == Some(Magic::Delivery(Delivery::BeforeReply)) {
            let (waiting, tried) = oneshot::channel();
            let single = Single::new(Arc::clone(&batch), place);
            shared.queue.add(
                batch.times.accepted_ms,
                Job::Single(Single { planned: true, waiting: Some(waiting), ..single }),
            );
            before_reply.push(tried);
        }
    }
    shared.queue.add(batch.times.checked_ms, Job::batch(batch, shared.faults().shuffles()));
    before_reply
}

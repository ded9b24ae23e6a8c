//! Sends results to one receiver, one after the other, and decides what an answer means.
//!
//! Exactly 200 is accepted; anything else is tried again every minute for 60 minutes, then given up: that stands in the document. That other
//! 2xx count as errors does not, and is a switch.

use std::sync::Arc;

use numcheck_protocol::PhoneText;
use tracing::debug;

use super::connection::Connection;
use super::destination::Destination;
use super::queue::{Job, Single};
use super::signature;
use super::target::Target;
use crate::clock::millis;
use crate::faults::PushFault;
use crate::journal::{PushAnswer, PushNext, PushRecord, What};
use crate::magic::{self, Delivery, LATE_MINUTES, Magic};
use crate::number_check::{PushBody, Variant, push_body};
use crate::state::Shared;

/// How often a result is tried again after the first attempt.
const RETRIES: u32 = 60;

/// Works for a receiver until there is nothing more to do.
pub(crate) async fn run(shared: Arc<Shared>, target: Arc<Target>) {
    let settings = &shared.settings;
    let mut connection =
        Connection::new(Arc::clone(&target.authority), settings.push_policy, settings.push_timeout);
    while let Some(single) = target.next().await {
        deliver(&shared, &target, &mut connection, single).await;
    }
}

async fn deliver(shared: &Shared, target: &Target, connection: &mut Connection, mut single: Single) {
    if !single.planned {
        match plan(shared, &mut single) {
            Plan::Send => {}
            Plan::SendTwice(variant) => single.then = Some(variant),
            Plan::Later(by_ms) => {
                shared.queue.add(shared.clock.running_ms().saturating_add(by_ms), Job::Single(single));
                return shared.queue.finished();
            }
            Plan::Skip => return shared.queue.finished(),
            Plan::Withhold => return conclude(shared, target, single, PushAnswer::Withheld, None),
        }
    }
    if single.tried == 0 {
        single.first_tried_ms = shared.clock.running_ms();
    }
    single.tried += 1;
    let Destination::To { path, .. } = &single.batch.destination else { return shared.queue.finished() };
    let mut body = body_of(shared, &single);
    // Only the first attempt is wrong: a fault strikes once.
    let signed: &[u8] = if std::mem::take(&mut single.wrong_sign) { b"{}" } else { &body.bytes };
    let headers = signature::headers(shared, single.batch.account, signed);
    let answer = connection.post(path, &headers, std::mem::take(&mut body.bytes)).await;
    conclude(shared, target, single, answer, Some(body));
}

fn body_of(shared: &Shared, single: &Single) -> PushBody {
    push_body(&single.batch, single.place, single.variant, &shared.settings.assumptions)
}

/// What magic numbers and faults make of a result before it is first sent.
enum Plan {
    Send,
    SendTwice(Variant),
    Later(u64),
    Withhold,
    Skip,
}

fn plan(shared: &Shared, single: &mut Single) -> Plan {
    single.planned = true;
    if let Some(Magic::Delivery(delivery)) = magic::of(single.batch.phone(single.place)) {
        match delivery {
            Delivery::Twice => return Plan::SendTwice(Variant::Again),
            Delivery::TwiceDiffering => return Plan::SendTwice(Variant::Differing),
            Delivery::Never | Delivery::Lost => return Plan::Withhold,
            Delivery::Late => {
                return Plan::Later(millis(shared.settings.minute).saturating_mul(LATE_MINUTES.into()));
            }
            // The submit itself has seen to it.
            Delivery::BeforeReply => return Plan::Skip,
            Delivery::ForeignBatchNo | Delivery::ForeignMessageId => {}
        }
    }
    match shared.faults().for_push(shared.settings.seed) {
        None if shared.settings.assumptions.repeats_accepted_pushes => Plan::SendTwice(Variant::Again),
        None => Plan::Send,
        Some(PushFault::Drop) => Plan::Withhold,
        Some(PushFault::Duplicate) => Plan::SendTwice(Variant::Again),
        Some(PushFault::Delay(by)) => Plan::Later(millis(by)),
        Some(PushFault::WrongSign) => {
            single.wrong_sign = true;
            Plan::Send
        }
    }
}

fn conclude(
    shared: &Shared,
    target: &Target,
    mut single: Single,
    answer: PushAnswer,
    body: Option<PushBody>,
) {
    let body = body.unwrap_or_else(|| body_of(shared, &single));
    let accepted = match answer {
        PushAnswer::Status(200) => true,
        PushAnswer::Status(200..=299) => shared.settings.assumptions.any_2xx_accepts_a_push,
        _ => false,
    };
    let retry_ms = || {
        let passed = millis(shared.settings.minute).saturating_mul(single.tried.into());
        single.first_tried_ms.saturating_add(passed)
    };
    let (next, again_ms) = match answer {
        PushAnswer::Withheld => (PushNext::Dropped, None),
        _ if accepted => (PushNext::Done, None),
        _ if single.tried > RETRIES => (PushNext::GivenUp, None),
        _ => (PushNext::RetryAt(shared.clock.shown_at(retry_ms())), Some(retry_ms())),
    };
    debug!(message_id = %body.message_id, code = %body.code, attempt = single.tried, ?answer, ?next, "result pushed");
    let record = PushRecord {
        message_id: body.message_id,
        batch_no: body.batch_no,
        phone: PhoneText::new(single.batch.phone(single.place).to_owned()),
        code: body.code,
        attempt: single.tried.max(1),
        to: Arc::clone(&target.authority),
        answer,
        next,
    };
    single.waiting = None;
    if let Some(variant) = single.then.take() {
        let second =
            Single { variant, planned: true, ..Single::new(Arc::clone(&single.batch), single.place) };
        shared.queue.add(shared.clock.running_ms(), Job::Single(second));
    }
    if let Some(due_ms) = again_ms {
        shared.queue.add(due_ms, Job::Single(single));
    }
    // Whoever waits for this one to be finished finds it in the journal then.
    shared.log.write(shared.clock.now_ms(), What::Push(record));
    shared.queue.finished();
}

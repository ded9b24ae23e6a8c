//! Sending one by one: the phone numbers of a claim, several at a time, each in a request of its own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::future::join_all;
use numcheck_protocol::{Drift, PhoneNumber};

use super::{Claim, Drive, Halt, Round, SubmitOutcome, keep};
use crate::cancel::Cancel;
use crate::failpoint::die_at;
use crate::model::{BatchEnd, Job};
use crate::service::{CheckService, Submitted};
use crate::store::{Claimed, NewResult, Store, StoreError, drifting};

/// How many phone numbers are claimed together that are sent one by one: what a claim holds and was not sent when the process ends waits
/// for whoever goes on.
const CLAIMED_TOGETHER: u64 = 500;
/// Within which time the phone numbers of such a claim are to be sent, in milliseconds, where a pace says how fast.
const SENT_WITHIN_MS: u64 = 60_000;
impl<S: Store + ?Sized, P: CheckService> Drive<S, P> {
    /// How many phone numbers are claimed together that are sent one by one. Under a slow pace only so many that one is marked long before
    /// anybody takes their claim for abandoned.
    pub(super) fn claimed_together(&self) -> u64 {
        let interval_ms = self.pace.as_ref().and_then(|pace| pace.interval_ms(1));
        interval_ms.map_or(CLAIMED_TOGETHER, |ms| (SENT_WITHIN_MS / ms).clamp(1, CLAIMED_TOGETHER))
    }

    /// Sends the phone numbers of a batch one by one, several at a time, each marked before its request is signed.
    ///
    /// A number that is marked and has neither a result nor an end in the store is in doubt after a crash. So nothing more is started once
    /// a request ended in a way that only [`Store::end_each`] writes down.
    pub(super) async fn send_each(
        &self,
        job: &Job,
        claimed: Claimed,
        cancel: &Cancel,
        round: &Round,
    ) -> Result<Option<Halt>, StoreError> {
        let numbers = match self.left_to_send(&claimed) {
            Ok(numbers) => numbers,
            Err(message) => {
                self.not_passed_on().batches.push(claimed.batch);
                let end = BatchEnd::NotCarriedOut { code: None, message };
                self.store.end(claimed.batch, claimed.claim, end, self.clock.now_ms()).await?;
                return Ok(None);
            }
        };
        let open = ClaimQueue {
            numbers: tokio::sync::Mutex::new(numbers.into_iter()),
            // That was waited for before the claim.
            has_turn: AtomicBool::new(true),
            is_closed: AtomicBool::new(false),
        };
        let senders = (0..self.at_once).map(|_| self.send_from(job, &claimed, &open, cancel, round));
        let (mut ends, mut drift, mut halt, mut failed) = (Vec::new(), Vec::new(), None, None);
        for sent in join_all(senders).await {
            ends.extend(sent.ends);
            halt = halt.or(sent.halt);
            failed = failed.or(sent.failed);
            drift.extend(sent.drift);
        }
        // Numbers that were not sent are planned again, also where the store has failed meanwhile and works again.
        self.store.end_each(claimed.batch, claimed.claim, ends, self.clock.now_ms()).await?;
        die_at("submit.ended");
        drifting::note(&*self.store, job.id, drift).await;
        failed.map_or(Ok(halt), Err)
    }

    /// What this may still send of a claim; if nothing, why.
    fn left_to_send(&self, claimed: &Claimed) -> Result<Vec<PhoneNumber>, String> {
        let not_passed_on = &self.not_passed_on().numbers;
        let is_left = |number: &PhoneNumber| !not_passed_on.contains_key(number);
        let numbers: Vec<PhoneNumber> = claimed.numbers.iter().copied().filter(is_left).collect();
        let why = claimed.numbers.first().and_then(|number| not_passed_on.get(number));
        match why.filter(|_| numbers.is_empty()) {
            Some(why) => Err(why.clone()),
            None => Ok(numbers),
        }
    }

    /// One of those that send the phone numbers of a claim: one request after the other. A reply is stored together with the mark of the
    /// next phone number where that comes at once, which makes one commit of two, and by itself otherwise.
    async fn send_from(
        &self,
        job: &Job,
        claimed: &Claimed,
        open: &ClaimQueue,
        cancel: &Cancel,
        round: &Round,
    ) -> SentEach {
        let mut sent = SentEach::default();
        let mut before = Arc::new(UnstoredReply::default());
        loop {
            let mut next = pin!(self.send_next(job, claimed, open, Arc::clone(&before), cancel, round));
            let at_once = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
            if !before.is_with_mark()
                && let Err(error) = keep(&*self.store, before.take()).await
            {
                return sent.fails(error, round);
            }
            let next = match at_once {
                Poll::Ready(next) => next,
                Poll::Pending => next.await,
            };
            // Left over where the mark failed, or was not waited for.
            let kept = keep(&*self.store, before.take()).await;
            let is_over = match next {
                Ok(Some(SentNumber { number, unsent_before, reply })) => {
                    before = Arc::new(UnstoredReply::new(reply.rows));
                    sent.drift.extend(reply.drift);
                    let not_passed_on = match &reply.submitted {
                        Submitted::NotPassedOn { message } => Some((number, message.clone())),
                        _ => None,
                    };
                    let (end, halt) = round.judge(reply.submitted, unsent_before, cancel);
                    if not_passed_on.is_none() && !survives_a_crash(&end) {
                        open.is_closed.store(true, Ordering::SeqCst);
                    }
                    sent.ends.push((number, end));
                    sent.halt = sent.halt.or(halt);
                    // The others go on: with this end in memory, one fewer is under way.
                    let is_over = not_passed_on.is_some();
                    self.not_passed_on().numbers.extend(not_passed_on);
                    is_over
                }
                Ok(None) => true,
                Err(error) => return sent.fails(error, round),
            };
            if let Err(error) = kept {
                return sent.fails(error, round);
            }
            if is_over {
                return sent;
            }
        }
    }

    /// Sends the next phone number of a claim, unless no more is to be sent.
    async fn send_next(
        &self,
        job: &Job,
        claimed: &Claimed,
        open: &ClaimQueue,
        before: Arc<UnstoredReply>,
        cancel: &Cancel,
        round: &Round,
    ) -> Result<Option<SentNumber>, StoreError> {
        let Some(number) = self.next_number(open, cancel, round).await? else { return Ok(None) };
        let claim = self.claim_of(claimed, Some(number), before, cancel);
        let unsent_before = round.unsent();
        let reply = self.submit(job, claimed.batch_no.clone(), vec![number], claim).await;
        Ok(Some(SentNumber { number, unsent_before, reply }))
    }

    /// The next phone number of a claim whose turn has come, unless no more is to be sent. One waits at a time: so few turns are lost.
    async fn next_number(
        &self,
        open: &ClaimQueue,
        cancel: &Cancel,
        round: &Round,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        let mut numbers = open.numbers.lock().await;
        let over = || {
            let is_closed = open.is_closed.load(Ordering::SeqCst) || round.halted.load(Ordering::SeqCst);
            is_closed || cancel.is_cancelled()
        };
        let Some(number) = numbers.next().filter(|_| !over()) else { return Ok(None) };
        if !open.has_turn.swap(false, Ordering::SeqCst) {
            let Some(turn) = cancel.race(self.turn(1)).await else { return Ok(None) };
            turn?;
        }
        Ok(Some(number).filter(|_| !over()))
    }
}

/// Whether nothing changes when the process ends before this is written down: its phone number has a result, or is in doubt either way.
fn survives_a_crash(end: &BatchEnd) -> bool {
    matches!(end, BatchEnd::Accepted { .. } | BatchEnd::InDoubt { .. })
}

impl<S: Store + ?Sized> Claim<S> {
    /// Nothing is sent while the reply before is not stored: a crash would leave both in doubt.
    pub(super) async fn mark(&self, number: PhoneNumber, ts_ms: u64) -> Result<bool, StoreError> {
        let Self { store, batch, claim, before, .. } = self;
        let rows = before.begin();
        let marked = match store.append_and_mark(rows.clone(), *batch, *claim, number, ts_ms).await {
            Err(_) if !rows.is_empty() => {
                keep(&**store, rows).await?;
                store.mark(*batch, *claim, number, ts_ms).await
            }
            marked => marked,
        }?;
        drop(before.take());
        Ok(marked)
    }
}

/// The reply to the request before, which is stored together with the next mark.
#[derive(Default)]
pub(super) struct UnstoredReply {
    rows: Mutex<Vec<NewResult>>,
    is_with_mark: AtomicBool,
}

impl UnstoredReply {
    fn new(rows: Vec<NewResult>) -> Self {
        Self { rows: Mutex::new(rows), is_with_mark: AtomicBool::new(false) }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<NewResult>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mark stores them. They stay here until it has.
    fn begin(&self) -> Vec<NewResult> {
        self.is_with_mark.store(true, Ordering::SeqCst);
        self.rows().clone()
    }

    fn is_with_mark(&self) -> bool {
        self.is_with_mark.load(Ordering::SeqCst)
    }

    fn take(&self) -> Vec<NewResult> {
        std::mem::take(&mut *self.rows())
    }
}

/// A claim whose phone numbers are being sent one by one.
struct ClaimQueue {
    /// Held by whoever waits for the turn of the next one.
    numbers: tokio::sync::Mutex<std::vec::IntoIter<PhoneNumber>>,
    /// The first one's turn has come.
    has_turn: AtomicBool,
    /// No more is sent under it.
    is_closed: AtomicBool,
}

/// What was sent, and what became of it.
struct SentNumber {
    number: PhoneNumber,
    /// [`Round::unsent`] when it was sent.
    unsent_before: u64,
    reply: SubmitOutcome,
}

/// What one of its senders did.
#[derive(Default)]
struct SentEach {
    ends: Vec<(PhoneNumber, BatchEnd)>,
    halt: Option<Halt>,
    drift: Vec<Drift>,
    failed: Option<StoreError>,
}

impl SentEach {
    /// What was paid for and is not stored is in doubt: it is marked, and has no result. So nothing more is paid for.
    fn fails(self, error: StoreError, round: &Round) -> Self {
        round.halted.store(true, Ordering::SeqCst);
        Self { failed: Some(error), ..self }
    }
}

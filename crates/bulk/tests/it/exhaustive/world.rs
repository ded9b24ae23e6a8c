//! A small world: what is fixed about it, and the state that changes.
//!
//! Time is the platform's, in units of a signature's life, which are six hours long here, so that a few of them make a day. Local clocks
//! have no state: whenever one is read, it may show anything.

use std::time::Duration;

use numcheck_bulk::BatchState;
use numcheck_bulk::proof::{ProofRules, SignedSpan, days};
use numcheck_protocol::{Date, UtcOffset};

/// A signature's life.
pub(crate) const UNIT_MS: u64 = 6 * 60 * 60 * 1000;
/// When the world begins. A `ts` of 0 is then too old for ever.
pub(crate) const BEGIN: u8 = 2;
/// A clock that is far behind shows this.
pub(crate) const OLD: u8 = 0;
/// How many claims there may be.
pub(crate) const CLAIMS: u8 = 3;
/// How many times a batch may be planned again, each time under a new `batchNo`.
pub(crate) const RESENDS: u8 = 2;
/// How many units there are at most.
const UNITS: u8 = 16;
/// 2024-10-04, at the beginning of the day before which nothing is signed.
const BASE_MS: u64 = 20_000 * 86_400_000;

/// What keeps a phone number from being accepted twice. Each can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A claim is confirmed, and its `ts` written down, before the first attempt is signed.
    ConfirmWrites,
    /// Confirming fails under another claim or in another state.
    ConfirmCompares,
    /// The repeat after 1004 is confirmed as well.
    ConfirmRepeat,
    /// What is signed is the `ts` that was written down, not another look at the clock.
    SignWhatWasWritten,
    /// A confirmed claim whose lease expires is in doubt, not unsent.
    ConfirmedIsDoubt,
    /// The end of a claim is written only under that claim.
    EndCompares,
    /// A batch is planned again only by the claim that was judged.
    PlanAgainCompares,
    /// An empty answer needs a control.
    Control,
    /// A control was accepted.
    ControlAccepted,
    /// A control's `ts` is later.
    ControlLater,
    /// By more than twice the signature's life: not by one life, not by exactly two.
    ControlMuchLater,
    /// And by the spread.
    ControlSpread,
    /// A control's phone numbers are all shown.
    ControlWhole,
    /// The question comes after the control.
    AskedAfter,
    /// More than the day of the first signature is asked for.
    AllDays,
    /// The day before is asked for.
    DayBefore,
    /// The day after is asked for.
    DayAfter,
    /// Days up to that of the question are asked for.
    DaysUntil,
    /// How late the question was is told by its `ts`, not by a local clock.
    AskedByTs,
    /// An answer that contradicts itself proves nothing.
    Clean,
    /// A doubt that came from a reply stays.
    FromReply,
    /// What may be forgotten stays.
    Memory,
    /// A query that has shown no failed check may list none.
    FailureShown,
}

/// What is fixed about a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    /// Which of its guards was taken out.
    pub(crate) without: Option<Guard>,
    /// How many units it lasts.
    pub(crate) end: u8,
    /// How far a local clock may be ahead, in units. It may be behind by any time.
    pub(crate) ahead: u8,
    /// How many claims there may be.
    pub(crate) claims: u8,
    /// Hour of the day at which it begins, in units: 0 to 3.
    pub(crate) phase: u8,
    /// How far the platform's `date` is ahead of UTC, in units.
    pub(crate) zone: i8,
    /// Whether the platform dates by the result instead of the acceptance.
    pub(crate) dated_by_result: bool,
    /// Whether it shows rows on any day.
    pub(crate) ignores_date: bool,
    /// Until the query shows a batch of ours, in units.
    pub(crate) delay: u8,
    /// Until it shows each of the control's phone numbers.
    pub(crate) control_delays: [u8; 2],
    /// The assumption about how much they differ.
    pub(crate) spread: u8,
    /// After how many units the platform forgets.
    pub(crate) memory: Option<u8>,
    /// How many more it is believed to remember: breaks an assumption.
    pub(crate) memory_overrated: u8,
    /// Whether the query shows anything at all to this account.
    pub(crate) may_ask: bool,
    /// Whether the query lists checks that failed.
    pub(crate) lists_failures: bool,
    /// Whether every check of ours fails.
    pub(crate) batch_fails: bool,
    /// Whether a check of the control fails.
    pub(crate) control_fails: bool,
    /// Whether it is taken for granted that failed checks are listed: may break an assumption.
    pub(crate) assumes_failures_listed: bool,
    /// Whether the platform lists, at once, batches that it refused.
    pub(crate) lists_refused: bool,
    /// Whether answers may be empty and contradict themselves.
    pub(crate) contradicts: bool,
    /// Whether submits may be answered by a code that does not say if they are charged.
    pub(crate) unclear_replies: bool,
    /// Whether such a reply may be lost, although the batch was charged and is never listed: breaks an assumption.
    pub(crate) loses_unclear_replies: bool,
    /// Whether the platform takes a `ts` that is ahead by any time: breaks an assumption.
    pub(crate) takes_any_ts_ahead: bool,
    /// Whether the store keeps only the latest attempt's `ts` instead of the span of all.
    pub(crate) keeps_latest: bool,
}

impl World {
    /// The platform is in UTC, lists at once, and does nothing odd.
    pub(crate) const PLAIN: Self = Self {
        without: None,
        end: 8,
        ahead: 2,
        claims: 3,
        phase: 0,
        zone: 0,
        dated_by_result: false,
        ignores_date: false,
        delay: 0,
        control_delays: [0, 0],
        spread: 0,
        memory: None,
        memory_overrated: 0,
        may_ask: true,
        lists_failures: true,
        batch_fails: false,
        control_fails: true,
        assumes_failures_listed: false,
        lists_refused: false,
        contradicts: false,
        unclear_replies: false,
        loses_unclear_replies: false,
        takes_any_ts_ahead: false,
        keeps_latest: false,
    };

    /// Whether the platform takes such a `ts` now.
    pub(crate) fn takes(&self, ts: u8, now: u8) -> bool {
        let ahead = if self.takes_any_ts_ahead { UNITS } else { 1 };
        (now - 1..=now + ahead).contains(&ts)
    }

    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }

    pub(crate) fn ms(&self, time: u8) -> u64 {
        BASE_MS + (u64::from(time) + u64::from(self.phase)) * UNIT_MS
    }

    pub(crate) fn span(&self, first: u8, last: u8) -> SignedSpan {
        SignedSpan { first_ms: self.ms(first), last_ms: self.ms(last) }
    }

    /// What the product assumes, in this world's units. No margin: it is for what this world does not have.
    pub(crate) fn rules(&self) -> ProofRules {
        let units = |units: u8| Duration::from_millis(UNIT_MS) * u32::from(units);
        let spread = if self.has(Guard::ControlSpread) { self.spread } else { 0 };
        let memory = self
            .memory
            .filter(|_| self.has(Guard::Memory))
            .map_or(Duration::MAX, |memory| units(memory + self.memory_overrated));
        ProofRules::new()
            .with_signature_life(units(1))
            .with_margin(Duration::ZERO)
            .with_visibility_spread(units(spread))
            .with_memory(memory)
            .with_failures_listed(self.assumes_failures_listed)
    }

    /// Every day that plays a role, the day before the first one included.
    pub(crate) fn calendar(&self) -> Vec<Date> {
        days(self.span(OLD, UNITS), 0)
    }

    /// The day under which the platform files what happened then.
    pub(crate) fn filed(&self, time: u8) -> Date {
        let offset = UtcOffset::from_minutes(i16::from(self.zone) * 6 * 60).unwrap();
        Date::from_unix_ms(self.ms(time), offset).unwrap()
    }
}

/// Everything that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) now: u8,
    pub(crate) batch: Batch,
    /// Each claim has a runner of its own: so any of them may have paused while others go on.
    pub(crate) runners: [Runner; CLAIMS as usize],
    pub(crate) acceptance: Option<Acceptance>,
    /// The batch that the query has shown, and that may be a control.
    pub(crate) control: Option<Control>,
    /// The last empty answer.
    pub(crate) absence: Option<Empty>,
    /// The claim that was judged unknown, until that is written down.
    pub(crate) judged: Option<u8>,
    /// Whether the phone number was accepted twice.
    pub(crate) twice: bool,
}

/// The batch as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) state: BatchState,
    /// How many times it was planned again: which `batchNo` it has.
    pub(crate) number: u8,
    /// The claim's token: how many claims there were.
    pub(crate) claim: u8,
    pub(crate) confirmed: bool,
    pub(crate) from_reply: bool,
    pub(crate) signed: Option<(u8, u8)>,
}

/// A process that sends. It may stay where it is for any time, or for ever: then it has died, or its answer was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runner {
    pub(crate) at: At,
    /// Under which `batchNo` it sends.
    pub(crate) number: u8,
    /// The `ts` of the request that is on its way.
    pub(crate) ts: u8,
    /// Whether an attempt was refused with 1004.
    pub(crate) repeats: bool,
}

/// Where a runner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum At {
    /// It has not begun, or can do nothing more.
    #[default]
    Idle,
    /// It has claimed the batch, or was refused with 1004: nothing of it is on its way.
    Claimed,
    /// It has read its clock, confirmed the claim, signed; its request is on its way, for any time. It is the same whether it pauses
    /// before the request leaves or the request is held up afterwards; and since a clock may show anything when it is read, also whether
    /// it pauses before it confirms or after.
    Waiting,
    /// It knows that the batch was accepted.
    Accepted,
    /// It knows that the batch was not taken: turned away for the account's sake, or it never left.
    TurnedAway,
}

/// The platform accepted the phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acceptance {
    pub(crate) number: u8,
    pub(crate) at: u8,
    pub(crate) listed: bool,
}

/// A later batch with two phone numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// When it was accepted. Its `ts` is the latest that was taken then: no other makes it a control sooner.
    pub(crate) at: u8,
    pub(crate) accepted: bool,
    pub(crate) shown: u8,
}

/// An empty answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Empty {
    pub(crate) after_control: bool,
    pub(crate) clean: bool,
    /// The days that it is taken to be about, by place in the calendar.
    pub(crate) days: u16,
    pub(crate) asked: u8,
}

impl State {
    pub(crate) const FIRST: Self = Self {
        now: BEGIN,
        batch: Batch::at(BatchState::Planned),
        runners: [Runner { at: At::Idle, number: 0, ts: 0, repeats: false }; CLAIMS as usize],
        acceptance: None,
        control: None,
        absence: None,
        judged: None,
        twice: false,
    };

    /// The state in one number, different for different states.
    pub(crate) fn key(&self) -> u128 {
        let mut key = Key(0);
        let batch = &self.batch;
        let flags = batch.claim << 2 | u8::from(batch.confirmed) << 1 | u8::from(batch.from_reply);
        key.add(self.now, 4);
        key.add((batch.state as u8) << 2 | batch.number, 5);
        key.add(flags, 4);
        key.some(batch.signed, |key, (first, last)| key.add(first << 4 | last, 8));
        for runner in &self.runners {
            let who = (runner.at as u8) << 3 | runner.number << 1 | u8::from(runner.repeats);
            key.add(who, 6);
            key.add(runner.ts, 4);
        }
        key.some(self.acceptance, |key, it| key.add(it.number << 5 | it.at << 1 | u8::from(it.listed), 7));
        key.some(self.control, |key, it| key.add(it.at << 3 | u8::from(it.accepted) << 2 | it.shown, 7));
        key.some(self.absence, |key, it| {
            key.add(u8::from(it.after_control) << 5 | u8::from(it.clean) << 4 | it.asked, 6);
            for byte in it.days.to_be_bytes() {
                key.add(byte, 8);
            }
        });
        key.some(self.judged, |key, claim| key.add(claim, 2));
        key.add(u8::from(self.twice), 1);
        key.0
    }
}

impl Batch {
    pub(crate) const fn at(state: BatchState) -> Self {
        Self { state, number: 0, claim: 0, confirmed: false, from_reply: false, signed: None }
    }
}

struct Key(u128);

impl Key {
    fn add(&mut self, value: u8, bits: u32) {
        debug_assert!(bits == 8 || value < 1 << bits, "{value} has more than {bits} bits");
        self.0 = self.0 << bits | u128::from(value);
    }

    /// One bit more tells whether it is there: so no two states share a key.
    fn some<T>(&mut self, value: Option<T>, add: impl FnOnce(&mut Self, T)) {
        self.add(u8::from(value.is_some()), 1);
        if let Some(value) = value {
            add(self, value);
        }
    }
}

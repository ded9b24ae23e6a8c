//! Decides when a doubt about a batch ends without a person: the pure functions behind every claim, question and resubmission.
//!
//! An empty answer proves nothing by itself: the account may not be allowed to ask, the day may be another one, the batch may not be
//! listed yet. It is believed only beside a *control*: a later batch that the same query shows.
//!
//! # Why this is safe
//!
//! The platform takes a request only while its own clock is within the signature's life of the request's `ts`, either way.
//!
//! 1. The doubtful request was accepted at `last_ms + life` on the platform's clock at the latest, or never.
//! 2. The control was accepted at its `first_ms - life` at the earliest. [`is_control`] wants that to be later than 1 by more than the
//!    visibility spread. So the doubtful request can no longer be accepted, and was accepted more than a spread before the control or never.
//! 3. The query has shown every phone number of the control, and it lists failed checks: it has shown one. Batches differ by at most the
//!    spread in how long that takes, so from then on it shows the doubtful batch as well, if there is one.
//! 4. The question was asked after that, on every day that its `date` could mean, and the answer is empty and does not contradict itself.
//!
//! Each time here is a `ts` that the platform has accepted or would have to accept. No local clock decides anything, and because the spread
//! is a part of the distance between two `ts`, nobody waits for it.
//!
//! # What this rests on
//!
//! - The platform has one clock, which is not set back by more than [`ProofRules::margin`], and it refuses a `ts` that is further ahead
//!   than [`ProofRules::signature_life`] as it refuses an old one.
//! - [`ProofRules::visibility_spread`] and [`ProofRules::memory`].
//! - The query lists every check that was accepted, or none that failed: once it has shown a failed one, a batch of nothing but failures does
//!   not look like one that never arrived.
//! - A check is finished 75 minutes after its acceptance: a row without a result is a failed one then.
//! - A row is not dated later than the platform's day at the time when it is shown.
//! - What the platform charges for and never lists it answers with a code that says so (204, 206, 288, 299, unknown), and that reply is
//!   written down. If such a reply is lost, nothing can tell the batch from an unknown one.
//! - [`may_confirm`] holds, durably, before each attempt is signed, the repeat after 1004 included. A claim that was never confirmed was
//!   never sent.
//!
//! `tests/it/exhaustive` looks at every reachable state of small worlds with these functions, and at what happens without each condition. They
//! read neither a clock nor a store: times and rows are arguments.

use std::time::Duration;

use numcheck_protocol::{Date, UtcOffset};

use crate::clock::after_ms;
use crate::model::BatchState;

/// How far a `ts` may be from the platform's clock, either way.
pub const SIGNATURE_LIFE: Duration = Duration::from_secs(60);
/// The most days that are asked for one batch; the platform remembers fewer.
pub const MAX_DAYS: usize = 32;

/// The assumptions about the platform on which a proof rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofRules {
    /// How far a `ts` may be from the platform's clock, either way. Documented: 60 s.
    pub signature_life: Duration,
    /// What is added for a platform whose servers do not agree on the time.
    pub margin: Duration,
    /// By how much batches may differ in the time from their acceptance until the query shows them. Assumed, pessimistically: no document
    /// says it. If it is set too short, an empty answer can be taken as proof while the batch is still to appear, and is paid twice.
    pub visibility_spread: Duration,
    /// How long the platform remembers a batch: an empty answer about an older one proves nothing. The document says 14 days.
    pub memory: Duration,
    /// Takes it for granted that the query lists failed checks, although it has shown none. No document says it; where it is wrong, a batch of
    /// nothing but failures is taken for unknown, and is paid twice.
    pub failures_listed: bool,
}

impl Default for ProofRules {
    fn default() -> Self {
        Self {
            signature_life: SIGNATURE_LIFE,
            margin: Duration::from_secs(60),
            visibility_spread: Duration::from_secs(60 * 60),
            memory: Duration::from_secs(13 * 24 * 60 * 60),
            failures_listed: false,
        }
    }
}

impl ProofRules {
    /// The default assumptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Assumes another [`visibility_spread`](Self::visibility_spread).
    #[must_use]
    pub fn with_visibility_spread(self, visibility_spread: Duration) -> Self {
        Self { visibility_spread, ..self }
    }

    /// Assumes another [`signature_life`](Self::signature_life).
    #[must_use]
    pub fn with_signature_life(self, signature_life: Duration) -> Self {
        Self { signature_life, ..self }
    }

    /// Assumes another [`margin`](Self::margin).
    #[must_use]
    pub fn with_margin(self, margin: Duration) -> Self {
        Self { margin, ..self }
    }

    /// Assumes that failed checks are listed, or does not.
    #[must_use]
    pub fn with_failures_listed(self, failures_listed: bool) -> Self {
        Self { failures_listed, ..self }
    }

    /// Assumes another [`memory`](Self::memory).
    #[must_use]
    pub fn with_memory(self, memory: Duration) -> Self {
        Self { memory, ..self }
    }
}

/// The span of the `ts` of a batch's confirmed attempts, all under one `batchNo` (Unix time in milliseconds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedSpan {
    /// The earliest.
    pub first_ms: u64,
    /// The latest.
    pub last_ms: u64,
}

impl SignedSpan {
    /// A single attempt.
    pub const fn at(ts_ms: u64) -> Self {
        Self { first_ms: ts_ms, last_ms: ts_ms }
    }

    /// The same span with one more attempt.
    #[must_use]
    pub fn with(self, ts_ms: u64) -> Self {
        Self { first_ms: self.first_ms.min(ts_ms), last_ms: self.last_ms.max(ts_ms) }
    }
}

/// What is known of a batch in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// With which `ts` it was signed; `None`: no claim of it was ever confirmed.
    pub signed: Option<SignedSpan>,
    /// Whether the doubt came from a reply (204, 206, 288, 299, an unknown code) instead of a lost one.
    pub from_reply: bool,
}

/// What is known of a batch of the same account and level that may serve as a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlCandidate {
    /// With which `ts` it was signed.
    pub signed: SignedSpan,
    /// Whether the platform said that it took it, or its results came. A refused batch that is listed all the same says nothing about how
    /// long an accepted one takes.
    pub accepted: bool,
    /// How many of its phone numbers the platform took: those in `failNumber` are not counted, they are never listed.
    pub taken: u64,
    /// For how many distinct ones of these the *query* has shown a row. Pushed results do not count.
    pub shown: u64,
    /// Whether the query has shown this account a failed check: one of these phone numbers, or an earlier one.
    pub failures_shown: bool,
}

/// The `ts` that every attempt of a control must be later than.
///
/// A store looks for candidates with `first_ms` above it.
pub fn control_after_ms(doubt: SignedSpan, rules: &ProofRules) -> u64 {
    let lives = rules.signature_life.saturating_mul(2);
    after_ms(after_ms(after_ms(doubt.last_ms, lives), rules.margin), rules.visibility_spread)
}

/// Whether `candidate` shows that the doubtful batch would be listed by now, had it ever been accepted, and that it no longer can be.
pub fn is_control(doubt: &Doubt, candidate: &ControlCandidate, rules: &ProofRules) -> bool {
    let Some(signed) = doubt.signed else { return false };
    candidate.accepted
        && candidate.taken > 0
        && candidate.shown >= candidate.taken
        && candidate.signed.first_ms > control_after_ms(signed, rules)
}

/// An empty answer to the question about a batch in doubt: no row of it, on any of the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence<'a> {
    /// Whether the first request of the question left after the control was seen to be one.
    pub after_control: bool,
    /// The days that were asked for, each to its last page.
    pub days: &'a [Date],
    /// The `ts` with which the question's last request was signed. The platform answered it, so its own clock is within a signature's life
    /// of it; the local clock may be anywhere.
    pub asked_ms: u64,
    /// Whether every answer has the form of those that showed the control, and none contradicts itself.
    pub clean: bool,
}

/// What becomes of a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judgement {
    /// The platform does not know the batch and can no longer accept it: it may be planned again, under a new `batchNo`.
    Unknown,
    /// No request ever left: it may be planned again at once.
    NeverSent,
    /// It stays in doubt, and a person may decide.
    Stays(Unproved),
}

/// Why a doubt stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unproved {
    /// The platform answered the submit with a code that does not say whether it charged; not listed is not "not charged".
    FromReply,
    /// No later batch has shown that the query would find this one.
    NoControl,
    /// The query has never shown a failed check: it may list none, and this batch may be nothing but failures.
    NoFailureShown,
    /// Nobody has asked since the control was seen.
    NotAsked,
    /// The platform may have forgotten the batch by now.
    Forgotten,
    /// A day that the platform's `date` can mean was not asked for.
    DaysLeftOut,
    /// The empty answer contradicts itself, or has another form than those that showed the control.
    Contradicted,
}

/// Decides a doubt by a control and by the empty answer that came after it. What is missing makes it stay.
pub fn judge(
    doubt: &Doubt,
    control: Option<&ControlCandidate>,
    absence: Option<&Absence<'_>>,
    rules: &ProofRules,
) -> Judgement {
    if doubt.from_reply {
        return Judgement::Stays(Unproved::FromReply);
    }
    let Some(signed) = doubt.signed else { return Judgement::NeverSent };
    if !control.is_some_and(|candidate| is_control(doubt, candidate, rules)) {
        return Judgement::Stays(Unproved::NoControl);
    }
    if !rules.failures_listed && !control.is_some_and(|candidate| candidate.failures_shown) {
        return Judgement::Stays(Unproved::NoFailureShown);
    }
    let Some(absence) = absence.filter(|absence| absence.after_control) else {
        return Judgement::Stays(Unproved::NotAsked);
    };
    if !is_remembered(signed, absence.asked_ms, rules) {
        return Judgement::Stays(Unproved::Forgotten);
    }
    if !absence.clean {
        return Judgement::Stays(Unproved::Contradicted);
    }
    let asked_all = all_days(signed, absence.asked_ms)
        .is_some_and(|mut days| days.all(|day| absence.days.contains(&day)));
    if !asked_all {
        return Judgement::Stays(Unproved::DaysLeftOut);
    }
    Judgement::Unknown
}

/// Whether the platform still remembers a batch when it is asked with the `ts` `asked_ms`. When not, no question can end the doubt.
pub fn is_remembered(signed: SignedSpan, asked_ms: u64, rules: &ProofRules) -> bool {
    // Accepted a life before its first `ts` at the earliest, and asked a life after this one at the latest.
    after_ms(asked_ms, rules.signature_life.saturating_mul(2)) < after_ms(signed.first_ms, rules.memory)
}

/// The days that the platform's `date` can mean for a batch, oldest first: from the day before its first signature to the day after
/// `until_ms`, in UTC, whatever the platform's zone is and whether it dates by acceptance or by result.
///
/// At most [`MAX_DAYS`], the latest ones: what was signed further apart is [`Unproved::Forgotten`] anyway.
pub fn days(signed: SignedSpan, until_ms: u64) -> Vec<Date> {
    latest(all_days(signed, until_ms))
}

/// `None` for times after the year 9999, of which nothing can be said.
fn all_days(signed: SignedSpan, until_ms: u64) -> Option<impl Iterator<Item = Date>> {
    let day = |ms| Date::from_unix_ms(ms, UtcOffset::UTC);
    let first = day(signed.first_ms)?.previous()?;
    let last = day(until_ms.max(signed.last_ms))?.next()?;
    Some(days_between(first, last))
}

fn days_between(first: Date, last: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(first), |day| day.next()).take_while(move |day| *day <= last)
}

fn latest(days: Option<impl Iterator<Item = Date>>) -> Vec<Date> {
    let mut days: Vec<Date> = days.into_iter().flatten().collect();
    days.drain(..days.len().saturating_sub(MAX_DAYS));
    days
}

/// How far the platform's `date` may be ahead of UTC, as far as the rows that were found tell.
///
/// For polling only: a proof asks for all [`days`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateOffsets {
    /// Minutes, in steps of [`STEP`](Self::STEP).
    least: i16,
    most: i16,
}

impl Default for DateOffsets {
    fn default() -> Self {
        Self::ANY
    }
}

impl DateOffsets {
    /// Every offset in use on Earth: from -12:00 to +14:00.
    pub const ANY: Self = Self { least: -12 * 60, most: 14 * 60 };
    /// All zones lie a multiple of 15 minutes from UTC.
    const STEP: usize = 15;

    /// The least and the most.
    pub fn bounds(self) -> (UtcOffset, UtcOffset) {
        (offset(self.least), offset(self.most))
    }

    /// Every offset from `least` to `most`; `None` when that is none.
    pub fn between(least: UtcOffset, most: UtcOffset) -> Option<Self> {
        let (least, most) = (least.minutes(), most.minutes());
        (least <= most).then_some(Self { least, most })
    }

    /// Narrows by a row that was found when `day` was asked for. `until_ms` is the time of the question.
    ///
    /// Where no offset remains, every one is possible again: a platform that ignores `date` shows a row on any day.
    #[must_use]
    pub fn after_row(self, day: Date, signed: SignedSpan, until_ms: u64) -> Self {
        let (from_ms, to_ms) = moments(signed, until_ms);
        let fits = |minutes: &i16| {
            let on = |ms| Date::from_unix_ms(ms, offset(*minutes));
            on(from_ms).is_some_and(|first| first <= day) && on(to_ms).is_some_and(|last| day <= last)
        };
        let mut left = (self.least..=self.most).step_by(Self::STEP).filter(fits);
        let Some(least) = left.next() else { return Self::ANY };
        Self { least, most: left.next_back().unwrap_or(least) }
    }

    /// The days to ask for first, oldest first. What is not found under them may still stand under another one of [`days`].
    pub fn days(self, signed: SignedSpan, until_ms: u64) -> Vec<Date> {
        let (from_ms, to_ms) = moments(signed, until_ms);
        let (least, most) = self.bounds();
        let first = Date::from_unix_ms(from_ms, least);
        let last = Date::from_unix_ms(to_ms, most);
        latest(first.zip(last).map(|(first, last)| days_between(first, last)))
    }
}

/// When, at the earliest and at the latest, the platform can have dated a row.
fn moments(signed: SignedSpan, until_ms: u64) -> (u64, u64) {
    let life_ms = u64::try_from(SIGNATURE_LIFE.as_millis()).unwrap_or(u64::MAX);
    (signed.first_ms.saturating_sub(life_ms), after_ms(until_ms.max(signed.last_ms), SIGNATURE_LIFE))
}

fn offset(minutes: i16) -> UtcOffset {
    UtcOffset::from_minutes(minutes).unwrap_or(UtcOffset::UTC)
}

/// Whether a claim may be confirmed with the `ts` about to be signed: only while the batch is being sent under the same claim. Each claim
/// has a token of its own.
///
/// The store writes down the `ts` and that the claim is confirmed in the same transaction, durably, before anything is signed with it.
pub fn may_confirm<T: PartialEq>(state: BatchState, held: &T, in_store: &T) -> bool {
    state == BatchState::Sending && held == in_store
}

/// Whether the sender may write down how its claim ended: only under the same claim. The claim may be in doubt by now.
pub fn may_end<T: PartialEq>(state: BatchState, held: &T, in_store: &T) -> bool {
    matches!(state, BatchState::Sending | BatchState::InDoubt) && held == in_store
}

/// Whether a batch that was judged [`Judgement::Unknown`] may be planned again: only while it is in doubt by the claim that was judged. Its
/// sender may have said meanwhile that the platform turned it away, and another may have sent it again.
pub fn may_plan_again<T: PartialEq>(state: BatchState, judged: &T, in_store: &T) -> bool {
    state == BatchState::InDoubt && judged == in_store
}

/// What becomes of a claim whose lease has expired, or whose process is dead. `confirmed` is this claim's own, not an earlier one's.
///
/// An unconfirmed claim was never sent, and its holder cannot confirm it any more: the next claim has another token.
pub fn after_lease(confirmed: bool) -> BatchState {
    if confirmed { BatchState::InDoubt } else { BatchState::Planned }
}

#[cfg(test)]
mod tests;

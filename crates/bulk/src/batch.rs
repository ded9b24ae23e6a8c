//! The life of a batch: planned, claimed, confirmed, ended, given up, planned again, proved by a result. Pure: a store reads a
//! [`BatchRecord`], has it changed here, and writes it in the same transaction.

use std::collections::HashMap;

use numcheck_protocol::{BatchNo, PhoneNumber, ValueError};

use crate::model::{BatchEnd, BatchState, EndedBatch, JobName, JobState};
use crate::proof::{SignedSpan, after_lease, may_confirm, may_end, may_plan_again};

/// A batch as a store keeps it, as far as its life depends on it.
///
/// ```
/// use numcheck_bulk::batch::BatchRecord;
/// use numcheck_bulk::{BatchEnd, BatchState, JobState};
///
/// let mut batch = BatchRecord::new("nc-1");
/// batch.claim(7, "sender", 1_000);
/// assert!(batch.confirm(7, 1_005, JobState::Open), "before the attempt is signed");
/// let lost = BatchEnd::InDoubt { code: None, message: "no answer".into(), from_reply: false };
/// assert!(batch.end(7, lost, 2_000, None));
/// assert_eq!(batch.state, BatchState::InDoubt);
/// assert!(!batch.confirm(7, 2_001, JobState::Open), "nothing more is sent under this claim");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchRecord {
    /// How far it is.
    pub state: BatchState,
    /// Its latest `batchNo`, or the one under which the platform has shown to know it.
    pub batch_no: String,
    /// How often it was planned again under a new `batchNo`.
    pub tries: i64,
    /// The key of its last claim; 0 when it was never claimed.
    pub claim: i64,
    /// Who claimed it last.
    pub owner: Option<String>,
    /// When it was claimed last, Unix time in milliseconds.
    pub sent_ms: Option<u64>,
    /// When its last claim ended.
    pub ended_ms: Option<u64>,
    /// Whether an attempt of the last claim was confirmed.
    pub confirmed: bool,
    /// With which timestamps attempts under this `batchNo` were confirmed.
    pub signed: Option<SignedSpan>,
    /// Whether its doubt came from a reply.
    pub from_reply: bool,
    /// Whether the rest of it was given up.
    pub missing: bool,
    /// The platform's id for it.
    pub message_id: Option<String>,
    /// The platform's code for a refusal or a doubt.
    pub code: Option<i64>,
    /// Why it was refused or is in doubt.
    pub message: Option<String>,
    /// How many of its phone numbers a person had sent again whose first sending may have been accepted.
    pub resubmitted: i64,
}

impl BatchRecord {
    /// A planned batch.
    pub fn new(batch_no: impl Into<String>) -> Self {
        Self {
            state: BatchState::Planned,
            batch_no: batch_no.into(),
            tries: 0,
            claim: 0,
            owner: None,
            sent_ms: None,
            ended_ms: None,
            confirmed: false,
            signed: None,
            from_reply: false,
            missing: false,
            message_id: None,
            code: None,
            message: None,
            resubmitted: 0,
        }
    }

    /// Claims it under a key that no claim had before. What was signed under its `batchNo` by earlier claims still counts.
    pub fn claim(&mut self, claim: i64, owner: &str, now_ms: u64) {
        self.state = BatchState::Sending;
        self.claim = claim;
        self.owner = Some(owner.to_owned());
        self.sent_ms = Some(now_ms);
        self.ended_ms = None;
        self.confirmed = false;
        self.from_reply = false;
        self.missing = false;
        self.clear_reason();
    }

    /// Confirms a claim for an attempt that is about to be signed with `ts_ms`. `false`, and nothing changes, when the claim does not hold
    /// any more, or the job was forgotten: then nothing may be sent.
    pub fn confirm(&mut self, claim: i64, ts_ms: u64, job: JobState) -> bool {
        let may = may_confirm(self.state, &claim, &self.claim) && job != JobState::Forgotten;
        if may {
            self.confirmed = true;
            self.signed = Some(self.signed.map_or(SignedSpan::at(ts_ms), |signed| signed.with(ts_ms)));
        }
        may
    }

    /// Ends a claim. `proof` is the `batchNo` that a result of the batch names, if it has one: then it was accepted, whatever the end says.
    /// `false`, and nothing changes, when it is not the last claim, or has ended for good.
    pub fn end(&mut self, claim: i64, end: BatchEnd, now_ms: u64, proof: Option<&str>) -> bool {
        if !may_end(self.state, &claim, &self.claim) {
            return false;
        }
        let EndedBatch { state, message_id, code, message, from_reply } = end.leads_to();
        self.state = state;
        self.message_id = message_id;
        self.code = code;
        self.message = message;
        self.from_reply = from_reply;
        self.ended_ms = Some(now_ms);
        self.prove(proof);
        true
    }

    /// Ends a claim whose owner is dead or silent. `false`, and nothing changes, when it is not being sent under this claim.
    pub fn give_up(&mut self, claim: i64, proof: Option<&str>) -> bool {
        let may = self.state == BatchState::Sending && claim == self.claim;
        if may {
            self.state = after_lease(self.confirmed);
            self.message = self.confirmed.then(|| ENDED.to_owned());
            self.prove(proof);
        }
        may
    }

    /// Ends a claim whose phone numbers were sent one by one, and returns the [parts](split) that leave the batch. What stays has a result:
    /// the batch was accepted. One of which nothing was sent stays whole and is planned again, and so does one with a single phone number,
    /// however that ended.
    ///
    /// `settled` is how many have a result, `marked` spans the marks of all. `None`, and nothing changes, when it is not being sent under this
    /// claim.
    pub fn end_each(
        &mut self,
        claim: i64,
        mut parts: Vec<SplitPart>,
        settled: u64,
        marked: Option<SignedSpan>,
        now_ms: u64,
    ) -> Option<Vec<SplitPart>> {
        if self.state != BatchState::Sending || claim != self.claim {
            return None;
        }
        // A late result ends the doubt about its whole batch: several in doubt, each of which was sent by itself, must not stay under the
        // `batchNo` that it names.
        let end = match &parts[..] {
            [whole] if settled == 0 && (!whole.is_sent() || whole.numbers.len() == 1) => {
                Some(whole.end.clone())
            }
            _ => None,
        };
        if end.is_some() {
            parts.clear();
        }
        if let Some(SignedSpan { first_ms, last_ms }) = marked {
            self.signed = span(span(self.signed, Some(first_ms)), Some(last_ms));
        }
        self.end(claim, end.unwrap_or(BatchEnd::Accepted { message_id: None }), now_ms, None);
        Some(parts)
    }

    /// Whether its phone numbers were [`split`] off the last claim of `from`, are in doubt ever since, and were not sent again.
    pub fn was_split_off(&self, from: &Self) -> bool {
        self.state == BatchState::InDoubt
            && from.state == BatchState::Accepted
            && self.sent_ms.is_some()
            && self.sent_ms == from.sent_ms
    }

    fn prove(&mut self, proof: Option<&str>) {
        let Some((state, batch_no)) = proof.and_then(|proof| proved(self.state, &self.batch_no, proof))
        else {
            return;
        };
        (self.state, self.batch_no) = (state, batch_no.to_owned());
        self.clear_reason();
    }

    fn clear_reason(&mut self) {
        (self.code, self.message) = (None, None);
    }

    /// Whether it may be planned again without a person, once the platform is proved not to know it.
    pub fn may_plan_again(&self, claim: i64, job: JobState) -> bool {
        may_plan_again(self.state, &claim, &self.claim)
            && !self.from_reply
            && matches!(job, JobState::Open | JobState::Replaced)
    }

    /// Plans it again under a new `batchNo`, `….r1`, `….r2`, which is returned.
    ///
    /// # Errors
    /// When that is longer than the platform takes.
    pub fn plan_again(&mut self) -> Result<BatchNo, ValueError> {
        let first = self.batch_no.strip_suffix(&format!(".r{}", self.tries)).unwrap_or(&self.batch_no);
        let next = BatchNo::new(&format!("{first}.r{}", self.tries + 1))?;
        self.batch_no = next.as_str().to_owned();
        self.tries += 1;
        self.state = BatchState::Planned;
        self.owner = None;
        self.confirmed = false;
        self.signed = None;
        self.from_reply = false;
        self.missing = false;
        self.clear_reason();
        Ok(next)
    }

    /// Whether a person may decide not to wait for the phone numbers of it that have no result.
    pub fn is_doubtful(&self) -> bool {
        self.state == BatchState::InDoubt || (self.state == BatchState::Accepted && self.missing)
    }

    /// When it was claimed or signed last, whichever is later; 0 when it was never claimed.
    pub fn last_sent_ms(&self) -> u64 {
        self.sent_ms.unwrap_or_default().max(self.signed.map_or(0, |signed| signed.last_ms))
    }

    /// Gives the rest of an accepted batch up. `false`, and nothing changes, unless it was accepted under this claim, and still waits.
    pub fn mark_missing(&mut self, claim: i64) -> bool {
        let may = self.state == BatchState::Accepted && claim == self.claim && !self.missing;
        self.missing |= may;
        may
    }
}

/// A phone number without a result, of a claim whose phone numbers were sent one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The phone number.
    pub number: PhoneNumber,
    /// With which timestamp its request was signed, if it was marked: then it may have been sent.
    pub marked_ms: Option<u64>,
}

/// Phone numbers of a claim that ended alike, for a batch of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SplitPart {
    /// How they ended. In doubt or refused, the new batch counts as one that was claimed and signed; otherwise it is planned.
    pub end: BatchEnd,
    /// With which timestamps they were signed.
    pub signed: Option<SignedSpan>,
    /// The phone numbers, in the order in which they were given.
    pub numbers: Vec<PhoneNumber>,
}

impl SplitPart {
    /// The record of the batch that they become, which has this `batchNo`. `from` is the batch that they leave, `claim` a key that no claim
    /// had before.
    pub fn record(
        &self,
        batch_no: impl Into<String>,
        from: &BatchRecord,
        claim: i64,
        now_ms: u64,
    ) -> BatchRecord {
        let mut record = BatchRecord::new(batch_no);
        if self.is_sent() {
            record.claim(claim, from.owner.as_deref().unwrap_or_default(), from.sent_ms.unwrap_or(now_ms));
            record.confirmed = true;
            record.signed = self.signed;
            record.end(claim, self.end.clone(), now_ms, None);
        } else {
            let EndedBatch { state, code, message, .. } = self.end.clone().leads_to();
            (record.state, record.code, record.message) = (state, code, message);
        }
        record
    }

    /// Whether the requests about them arrived, or may have: then the book must know of the new batch.
    pub fn is_sent(&self) -> bool {
        !matches!(self.end, BatchEnd::NotSent | BatchEnd::NotCarriedOut { .. })
    }
}

/// Splits what has no result off a claim whose phone numbers were sent one by one: phone numbers that ended alike, together.
///
/// `ends` says how requests ended. A phone number without an end was never sent, unless it is marked: then it is in doubt. So is one whose
/// request was accepted: its reply was kept, and is no result of it.
///
/// ```
/// use numcheck_bulk::BatchEnd;
/// use numcheck_bulk::batch::{Unsettled, split};
/// use numcheck_protocol::PhoneNumber;
///
/// let (sent, planned) = (PhoneNumber::new("8613800138000")?, PhoneNumber::new("8613800138001")?);
/// let unsettled = [
///     Unsettled { number: sent, marked_ms: Some(1_000) },
///     Unsettled { number: planned, marked_ms: None },
/// ];
/// let parts = split(&unsettled, &[]);
/// assert!(matches!(parts[0].end, BatchEnd::InDoubt { .. }) && parts[0].numbers == [sent]);
/// assert!(parts[1].end == BatchEnd::NotSent && parts[1].numbers == [planned]);
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
pub fn split(unsettled: &[Unsettled], ends: &[(PhoneNumber, BatchEnd)]) -> Vec<SplitPart> {
    let ends: HashMap<PhoneNumber, &BatchEnd> = ends.iter().map(|(number, end)| (*number, end)).collect();
    let in_doubt =
        |message: &str, from_reply| BatchEnd::InDoubt { code: None, message: message.to_owned(), from_reply };
    let mut parts: Vec<SplitPart> = Vec::new();
    for Unsettled { number, marked_ms } in unsettled.iter().copied() {
        let end = match (ends.get(&number), marked_ms) {
            (Some(BatchEnd::Accepted { .. }), _) => in_doubt(NO_RESULT, true),
            (Some(end), _) => (*end).clone(),
            (None, Some(_)) => in_doubt(ENDED, false),
            (None, None) => BatchEnd::NotSent,
        };
        let at = parts.iter().position(|part| part.end == end).unwrap_or(parts.len());
        if at == parts.len() {
            parts.push(SplitPart { end, signed: None, numbers: Vec::new() });
        }
        if let Some(part) = parts.get_mut(at) {
            part.numbers.push(number);
            part.signed = span(part.signed, marked_ms);
        }
    }
    parts
}

/// A span of timestamps, and one more.
pub(crate) fn span(signed: Option<SignedSpan>, ts_ms: Option<u64>) -> Option<SignedSpan> {
    match (signed, ts_ms) {
        (Some(signed), Some(ts_ms)) => Some(signed.with(ts_ms)),
        (None, Some(ts_ms)) => Some(SignedSpan::at(ts_ms)),
        (signed, None) => signed,
    }
}

/// Why a phone number is in doubt whose reply was kept.
const NO_RESULT: &str = "its reply does not say what became of it";
/// Why a batch is in doubt whose sender is gone.
const ENDED: &str = "the process that sent it ended before the platform answered";

/// What a result makes of its batch: it was accepted, under the `batchNo` that the result names, whatever was known of it before, and the
/// reason for a doubt or a refusal is gone. `None` while its request is under way: the end of that is yet to be written.
pub fn proved<'a>(state: BatchState, batch_no: &'a str, proof: &'a str) -> Option<(BatchState, &'a str)> {
    match state {
        BatchState::Sending => None,
        BatchState::Accepted => Some((BatchState::Accepted, batch_no)),
        BatchState::Planned | BatchState::InDoubt | BatchState::Refused => {
            Some((BatchState::Accepted, proof))
        }
    }
}

/// The `batchNo` of a job's batch, counted from 1.
///
/// # Errors
/// When that is longer than the platform takes.
pub fn batch_no(job: &JobName, count: u64) -> Result<BatchNo, ValueError> {
    BatchNo::new(&format!("nc-{job}-{count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [BatchState; 5] = [
        BatchState::Planned,
        BatchState::Sending,
        BatchState::InDoubt,
        BatchState::Accepted,
        BatchState::Refused,
    ];

    fn claimed() -> BatchRecord {
        let mut batch = BatchRecord::new("b");
        batch.claim(7, "sender", 1000);
        batch
    }

    fn doubt(from_reply: bool) -> BatchEnd {
        BatchEnd::InDoubt { code: None, message: "lost".into(), from_reply }
    }

    #[test]
    fn only_the_last_claim_of_a_batch_that_is_being_sent_is_confirmed() {
        let mut batch = claimed();
        assert!(!batch.confirm(6, 5, JobState::Open) && !batch.confirm(7, 5, JobState::Forgotten));
        assert_eq!(batch, claimed(), "nothing changes");
        for (ts_ms, first_ms, last_ms) in [(500, 500, 500), (900, 500, 900), (200, 200, 900)] {
            assert!(batch.confirm(7, ts_ms, JobState::Replaced));
            assert_eq!(batch.signed, Some(SignedSpan { first_ms, last_ms }));
        }
        for state in STATES.into_iter().filter(|state| *state != BatchState::Sending) {
            assert!(!BatchRecord { state, ..claimed() }.confirm(7, 1, JobState::Open), "{state:?}");
        }
    }

    #[test]
    fn an_end_leads_to_its_state_and_a_result_overrules_it() {
        let refused = BatchEnd::Refused { code: Some(9), message: "no".into() };
        let turned_away = BatchEnd::NotCarriedOut { code: Some(9), message: "no".into() };
        for (end, state, code) in [
            (BatchEnd::Accepted { message_id: Some("m".into()) }, BatchState::Accepted, None),
            (refused, BatchState::Refused, Some(9)),
            (turned_away, BatchState::Planned, Some(9)),
            (BatchEnd::NotSent, BatchState::Planned, None),
            (doubt(true), BatchState::InDoubt, None),
        ] {
            let (mut batch, mut with_result) = (claimed(), claimed());
            assert!(!batch.end(6, end.clone(), 2000, None), "of another claim");
            assert!(batch.end(7, end.clone(), 2000, None));
            assert_eq!((batch.state, batch.code, batch.ended_ms), (state, code, Some(2000)), "{end:?}");
            assert!(with_result.end(7, end.clone(), 2000, Some("b.r1")));
            assert_eq!((with_result.state, with_result.code), (BatchState::Accepted, None), "{end:?}");
            let is_accepted = state == BatchState::Accepted;
            assert_eq!(with_result.batch_no, if is_accepted { "b" } else { "b.r1" });
            assert_eq!(
                batch.end(7, end, 3000, None),
                state == BatchState::InDoubt,
                "only a doubt can still end"
            );
        }
    }

    #[test]
    fn a_claim_that_is_given_up_is_in_doubt_only_if_something_may_have_left() {
        let mut unsigned = claimed();
        assert!(!unsigned.give_up(6, None) && unsigned.give_up(7, None));
        assert_eq!((unsigned.state, unsigned.message.as_deref()), (BatchState::Planned, None));
        let mut signed = claimed();
        assert!(signed.confirm(7, 1, JobState::Open) && signed.give_up(7, None));
        assert!(signed.state == BatchState::InDoubt && signed.message.is_some());
        let mut proved = claimed();
        assert!(proved.give_up(7, Some("b")));
        assert_eq!((proved.state, proved.message), (BatchState::Accepted, None));
    }

    #[test]
    fn a_doubt_from_a_reply_is_not_planned_again_and_every_new_sending_has_a_new_name() {
        let mut batch = claimed();
        batch.end(7, doubt(false), 2000, None);
        assert!(batch.may_plan_again(7, JobState::Open) && batch.may_plan_again(7, JobState::Replaced));
        assert!(!batch.may_plan_again(6, JobState::Open) && !batch.may_plan_again(7, JobState::Forgotten));
        let mut from_reply = claimed();
        from_reply.end(7, doubt(true), 2000, None);
        assert!(!from_reply.may_plan_again(7, JobState::Open));
        let names: Vec<_> =
            (0..11).map(|_| batch.plan_again().map(|name| name.as_str().to_owned()).unwrap()).collect();
        assert_eq!((names[0].as_str(), names[1].as_str(), names[10].as_str()), ("b.r1", "b.r2", "b.r11"));
        assert_eq!((batch.state, batch.signed, batch.tries), (BatchState::Planned, None, 11));
        let mut longest = BatchRecord::new("b".repeat(64));
        assert!(longest.plan_again().is_err() && longest.tries == 0, "nothing changes");
    }

    #[test]
    fn a_result_proves_acceptance_except_while_the_request_is_under_way() {
        for state in STATES {
            let expected = match state {
                BatchState::Sending => None,
                BatchState::Accepted => Some((BatchState::Accepted, "own")),
                _ => Some((BatchState::Accepted, "proof")),
            };
            assert_eq!(proved(state, "own", "proof"), expected, "{state:?}");
        }
    }

    #[test]
    fn the_rest_of_an_accepted_batch_is_given_up_once() {
        for state in STATES {
            let mut batch = BatchRecord { state, ..claimed() };
            assert!(!batch.mark_missing(6));
            assert_eq!(batch.mark_missing(7), state == BatchState::Accepted, "{state:?}");
            assert!(!batch.mark_missing(7));
        }
    }

    fn numbers(range: std::ops::Range<u64>) -> Vec<PhoneNumber> {
        range.map(|at| PhoneNumber::new(&format!("86138{at:08}")).unwrap()).collect()
    }

    fn unsettled(marks: &[Option<u64>]) -> Vec<Unsettled> {
        let numbers = numbers(0..marks.len() as u64);
        numbers.into_iter().zip(marks).map(|(number, mark)| Unsettled { number, marked_ms: *mark }).collect()
    }

    #[test]
    fn what_is_left_of_a_claim_is_split_by_how_it_ended() {
        let all = numbers(0..7);
        let refused = || BatchEnd::Refused { code: Some(9), message: "no".into() };
        let ends = [
            (all[1], refused()),
            (all[2], BatchEnd::NotSent),
            (all[3], BatchEnd::Accepted { message_id: None }),
            (all[6], refused()),
            (numbers(9..10)[0], doubt(true)),
        ];
        let marks = [Some(30), Some(20), Some(25), Some(26), None, Some(10), Some(40)];
        let parts = split(&unsettled(&marks), &ends);
        let found: Vec<_> =
            parts.iter().map(|part| (part.numbers.clone(), part.is_sent(), part.signed)).collect();
        let span = |first_ms, last_ms| Some(SignedSpan { first_ms, last_ms });
        let expected = [
            (vec![all[0], all[5]], true, span(10, 30)),
            (vec![all[1], all[6]], true, span(20, 40)),
            (vec![all[2], all[4]], false, span(25, 25)),
            (vec![all[3]], true, span(26, 26)),
        ];
        assert_eq!(found, expected);
        let ended = |at: usize| parts[at].end.clone().leads_to();
        assert_eq!(ended(0).message.as_deref(), Some(ENDED));
        assert_eq!((parts[1].end.clone(), parts[2].end.clone()), (refused(), BatchEnd::NotSent));
        assert_eq!(
            (ended(3).state, ended(3).from_reply),
            (BatchState::InDoubt, true),
            "its reply is no result"
        );
        assert_eq!(split(&[], &ends), []);
    }

    #[test]
    fn a_part_follows_upon_the_claim_that_it_leaves_and_counts_as_sent_only_if_it_may_have_been() {
        let from = claimed();
        let record = |end| {
            let part = SplitPart { end, signed: Some(SignedSpan::at(1500)), numbers: numbers(0..2) };
            part.record("part", &from, 9, 2000)
        };
        let lost = record(doubt(false));
        assert_eq!(
            (lost.state, lost.claim, lost.confirmed, lost.ended_ms),
            (BatchState::InDoubt, 9, true, Some(2000))
        );
        assert_eq!(
            (lost.owner, lost.sent_ms, lost.signed),
            (from.owner.clone(), Some(1000), Some(SignedSpan::at(1500)))
        );
        let turned_away = record(BatchEnd::NotCarriedOut { code: Some(-5), message: "no balance".into() });
        assert_eq!(
            (turned_away.state, turned_away.claim, turned_away.code),
            (BatchState::Planned, 0, Some(-5))
        );
        assert_eq!((turned_away.confirmed, turned_away.signed), (false, None));
        assert_eq!(record(BatchEnd::NotSent), BatchRecord::new("part"));
    }

    #[test]
    fn a_claim_that_was_sent_one_by_one_keeps_what_has_a_result_and_what_was_not_sent_at_all() {
        let parts = |marks: &[Option<u64>]| split(&unsettled(marks), &[]);
        let end = |batch: &mut BatchRecord, parts, settled| {
            batch.end_each(7, parts, settled, Some(SignedSpan::at(5)), 2000)
        };
        for (marks, settled, state, left) in [
            (&[None, None][..], 0, BatchState::Planned, 0),
            (&[None, None], 1, BatchState::Accepted, 1),
            (&[Some(5)], 0, BatchState::InDoubt, 0),
            (&[Some(5), Some(5)], 0, BatchState::Accepted, 1),
            (&[Some(5), None], 0, BatchState::Accepted, 2),
            (&[], 2, BatchState::Accepted, 0),
        ] {
            let mut batch = claimed();
            assert_eq!(end(&mut batch, parts(marks), settled).unwrap().len(), left, "{marks:?} {settled}");
            assert_eq!(
                (batch.state, batch.signed, batch.ended_ms),
                (state, Some(SignedSpan::at(5)), Some(2000))
            );
            let ended = batch.clone();
            assert_eq!((end(&mut batch, parts(marks), settled), batch), (None, ended), "once");
        }
        let mut other = claimed();
        assert_eq!(
            (other.end_each(6, Vec::new(), 0, None, 2000), other),
            (None, claimed()),
            "of another claim"
        );
    }
}

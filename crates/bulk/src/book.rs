//! The book of checks: whether a phone number that a job wants is sent, takes a result that was paid for, or waits for another sending.
//!
//! Pure. The book points from each phone number of a scope to its newest sending, and each sending to the one before. A sending whose batch
//! was refused, never left, or was proved unknown counts for nothing; the one before it decides then.

use crate::model::{BatchState, BookState, Outcome, Reuse};

/// Results may seem to come from so far in the future before their age counts as unknown: several machines share a store.
pub const MAX_CLOCK_SKEW_MS: u64 = 5 * 60_000;
/// The most sendings of one phone number that are looked at: a longer chain is a circle.
pub const MAX_CHAIN: usize = 1000;

/// What decides for a job.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BookPolicy {
    /// Which results it takes.
    pub reuse: Reuse,
    /// Results with a higher key came after the job was made.
    pub marker: i64,
    /// When the job was made, Unix time in milliseconds.
    pub created_ms: u64,
}

/// A sending of a phone number, as a store finds it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BookLink {
    /// The batch that sent it.
    pub batch: i64,
    /// How far the batch is; `Planned` where the phone number is no part of what the batch has sent last.
    pub state: BatchState,
    /// Whether its result is not expected any more.
    pub is_given_up: bool,
    /// Its result.
    pub result: Option<BookResult>,
}

/// A result, as far as the book needs it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BookResult {
    /// The store's key of the result: later ones have higher keys.
    pub id: i64,
    /// When it came, Unix time in milliseconds.
    pub received_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
}

impl BookResult {
    /// A result, stored under `id`.
    pub fn new(id: i64, received_ms: u64, outcome: Outcome) -> Self {
        Self { id, received_ms, outcome }
    }
}

/// What becomes of a phone number that a job wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookDecision {
    /// It is sent.
    Send,
    /// It takes the result of this sending.
    Take,
    /// It waits for the outcome of this sending.
    Wait,
    /// This sending counts for nothing: the one before decides.
    Before,
}

impl BookLink {
    /// A sending by a batch in a state. `missing`: the rest of the batch was given up. `is_own`: the batch's row of the phone number stands
    /// for the batch's own sending, and was not moved into another one since. `is_forgotten`: the batch's job was.
    ///
    /// Of a forgotten job's batch what others refer to is left, and no result is entered any more: it is in doubt for good.
    pub fn new(batch: i64, state: BatchState, missing: bool, is_own: bool, is_forgotten: bool) -> Self {
        let state = if is_own { state } else { BatchState::Planned };
        Self { batch, state, is_given_up: missing || is_forgotten, result: None }
    }

    /// With its result.
    #[must_use]
    pub fn with_result(self, result: Option<BookResult>) -> Self {
        Self { result, ..self }
    }

    fn is_in_doubt(&self) -> bool {
        match self.state {
            BatchState::InDoubt => true,
            BatchState::Sending | BatchState::Accepted => self.is_given_up,
            BatchState::Planned | BatchState::Refused => false,
        }
    }

    /// What becomes of the phone number in a planned batch `own`. `despite`: the sending that a person has decided not to wait for.
    pub fn decide(&self, own: i64, policy: &BookPolicy, despite: Option<i64>) -> BookDecision {
        match (self.result, self.state) {
            _ if self.batch == own => BookDecision::Before,
            (Some(result), _) if policy.takes(result) => BookDecision::Take,
            (Some(_), _) => BookDecision::Send,
            (None, BatchState::Planned | BatchState::Refused) => BookDecision::Before,
            (None, _) if despite == Some(self.batch) && self.is_in_doubt() => BookDecision::Send,
            (None, _) => BookDecision::Wait,
        }
    }

    /// What the book knows by this sending; `None` when it counts for nothing, and the one before tells.
    pub fn known(&self) -> Option<BookState> {
        match (self.result, self.state) {
            (Some(result), _) => Some(BookState::Settled(result.outcome)),
            (None, BatchState::Planned | BatchState::Refused) => None,
            (None, _) if self.is_in_doubt() => Some(BookState::InDoubt),
            (None, _) => Some(BookState::UnderWay),
        }
    }
}

impl BookPolicy {
    /// What decides for a job that takes these results, and was made at a time when `marker` was the highest key of a result.
    pub fn new(reuse: Reuse, marker: i64, created_ms: u64) -> Self {
        Self { reuse, marker, created_ms }
    }

    fn takes(&self, result: BookResult) -> bool {
        let latest_ms = self.created_ms.saturating_add(MAX_CLOCK_SKEW_MS);
        result.id > self.marker || self.reuse.takes(result.outcome, result.received_ms, latest_ms)
    }
}

/// The sendings of a phone number in one chain, the newest first: by their claims, since a batch that was planned early may be sent late.
pub fn chain(mut sendings: Vec<(i64, i64)>) -> Vec<i64> {
    sendings.sort_unstable_by(|one, other| other.cmp(one));
    sendings.dedup();
    sendings.into_iter().map(|(_, batch)| batch).collect()
}

/// Each sending of a chain, and the one before it.
pub fn links(chain: &[i64]) -> impl Iterator<Item = (i64, Option<i64>)> {
    let before = chain.iter().skip(1).map(|batch| Some(*batch)).chain([None]);
    chain.iter().copied().zip(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn link(state: BatchState, result: Option<BookResult>) -> BookLink {
        BookLink::new(7, state, false, true, false).with_result(result)
    }

    fn has(id: i64, received_ms: u64, outcome: Outcome) -> Option<BookResult> {
        Some(BookResult::new(id, received_ms, outcome))
    }

    fn policy(reuse: Reuse) -> BookPolicy {
        BookPolicy::new(reuse, 100, NOW)
    }

    #[test]
    fn a_fresh_result_is_taken_an_old_one_is_paid_for_again_and_one_that_came_meanwhile_is_always_taken() {
        let day = policy(Reuse::since(NOW - 86_400_000));
        let decide = |policy: &BookPolicy, id, at| {
            link(BatchState::Accepted, has(id, at, Outcome::Done)).decide(1, policy, None)
        };
        assert_eq!(decide(&day, 5, NOW - 1000), BookDecision::Take);
        assert_eq!(decide(&day, 5, NOW - 86_400_001), BookDecision::Send);
        assert_eq!(decide(&day, 101, 0), BookDecision::Take, "whatever clocks say");
        assert_eq!(decide(&policy(Reuse::NONE), 100, NOW - 1), BookDecision::Send);
        assert_eq!(decide(&policy(Reuse::NONE), 101, NOW - 1), BookDecision::Take);
        assert_eq!(decide(&policy(Reuse::ALL), 5, 0), BookDecision::Take);
    }

    #[test]
    fn a_result_from_the_future_is_of_unknown_age() {
        let future = link(BatchState::Accepted, has(5, NOW + MAX_CLOCK_SKEW_MS + 1, Outcome::Done));
        assert_eq!(future.decide(1, &policy(Reuse::since(NOW - 86_400_000)), None), BookDecision::Send);
        assert_eq!(future.decide(1, &policy(Reuse::ALL), None), BookDecision::Take);
    }

    #[test]
    fn a_failure_is_checked_again_only_where_it_passes_and_that_was_asked_for() {
        let retry = policy(Reuse::since(NOW - 86_400_000).with_retry_failed());
        let decide = |policy: &BookPolicy, outcome| {
            link(BatchState::Accepted, has(5, NOW - 1, outcome)).decide(1, policy, None)
        };
        assert_eq!(decide(&retry, Outcome::Passing), BookDecision::Send);
        for kept in [Outcome::Failed, Outcome::Done, Outcome::Refused] {
            assert_eq!(decide(&retry, kept), BookDecision::Take, "{kept:?}");
        }
        assert_eq!(decide(&policy(Reuse::since(NOW - 1000)), Outcome::Passing), BookDecision::Take);
    }

    #[test]
    fn what_is_under_way_or_in_doubt_is_never_sent_whatever_the_policy() {
        for reuse in [Reuse::NONE, Reuse::ALL, Reuse::since(NOW).with_retry_failed()] {
            for state in [BatchState::Sending, BatchState::InDoubt, BatchState::Accepted] {
                assert_eq!(
                    link(state, None).decide(1, &policy(reuse), None),
                    BookDecision::Wait,
                    "{state:?}"
                );
                assert_eq!(
                    link(state, None).decide(1, &policy(reuse), Some(8)),
                    BookDecision::Wait,
                    "another's doubt"
                );
            }
        }
    }

    #[test]
    fn a_person_s_word_covers_the_doubt_it_was_said_about_and_no_sending_that_may_still_end_well() {
        let decide = |link: BookLink| link.decide(1, &policy(Reuse::ALL), Some(7));
        assert_eq!(decide(link(BatchState::InDoubt, None)), BookDecision::Send);
        assert_eq!(
            decide(BookLink { is_given_up: true, ..link(BatchState::Accepted, None) }),
            BookDecision::Send
        );
        assert_eq!(decide(link(BatchState::Accepted, None)), BookDecision::Wait);
        assert_eq!(decide(link(BatchState::Sending, None)), BookDecision::Wait);
    }

    #[test]
    fn a_sending_that_never_was_counts_for_nothing() {
        for state in [BatchState::Planned, BatchState::Refused] {
            assert_eq!(link(state, None).decide(1, &policy(Reuse::ALL), None), BookDecision::Before);
        }
    }

    #[test]
    fn what_a_forgotten_job_has_under_way_is_in_doubt_whatever_its_state() {
        for state in [BatchState::Sending, BatchState::InDoubt, BatchState::Accepted] {
            let link = BookLink::new(7, state, false, true, true);
            assert_eq!(link.known(), Some(BookState::InDoubt), "{state:?}");
            assert_eq!(link.decide(1, &policy(Reuse::ALL), None), BookDecision::Wait, "{state:?}");
            assert_eq!(link.decide(1, &policy(Reuse::ALL), Some(7)), BookDecision::Send, "{state:?}");
        }
        let refused = BookLink::new(7, BatchState::Refused, false, true, true);
        assert_eq!(refused.known(), None);
    }

    #[test]
    fn a_row_that_has_moved_or_stands_for_another_sending_tells_nothing() {
        let moved = BookLink::new(7, BatchState::Accepted, false, false, false);
        assert_eq!((moved.known(), moved.decide(1, &policy(Reuse::ALL), None)), (None, BookDecision::Before));
        let own = link(BatchState::Accepted, None);
        assert_eq!(own.decide(7, &policy(Reuse::ALL), None), BookDecision::Before, "it is the batch itself");
    }

    #[test]
    fn two_chains_become_one_in_the_order_of_the_claims() {
        // Batch 1 was planned first, and claimed last; batch 3 stands in both.
        let joined = chain(vec![(40, 1), (20, 3), (30, 2), (20, 3)]);
        assert_eq!(joined, [1, 2, 3]);
        let linked: Vec<_> = links(&joined).collect();
        assert_eq!(linked, [(1, Some(2)), (2, Some(3)), (3, None)]);
        assert_eq!(links(&[]).count(), 0);
    }
}

//! The book of checks: whether a phone number that a job wants is sent, takes a result that was paid for, or waits for another sending.
//!
//! Pure. The book points from each phone number of a scope to its newest sending, and each sending to the one before. A sending whose batch
//! was refused, never left, or was proved unknown counts for nothing; the one before it decides then.

use crate::model::{BatchState, Outcome, Reuse};

/// Results may seem to come from so far in the future before their age counts as unknown: several machines share a store.
pub(crate) const MAX_CLOCK_SKEW_MS: u64 = 5 * 60_000;

/// What decides for a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) reuse: Reuse,
    /// Results with a higher key came after the job was made.
    pub(crate) marker: i64,
    /// When the job was made.
    pub(crate) created_ms: u64,
}

/// A sending of a phone number, as a store finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) batch: i64,
    pub(crate) state: BatchState,
    /// The rest of its batch was given up.
    pub(crate) missing: bool,
    pub(crate) result: Option<Has>,
}

/// A result, as far as the book needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Has {
    pub(crate) id: i64,
    pub(crate) received_ms: u64,
    pub(crate) outcome: Outcome,
}

/// What becomes of a phone number that a job wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is sent.
    Send,
    /// It takes the result of this sending.
    Take,
    /// It waits for the outcome of this sending.
    Wait,
    /// This sending counts for nothing: the one before decides.
    Before,
}

impl Link {
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.state == BatchState::InDoubt || (self.state == BatchState::Accepted && self.missing)
    }

    /// `despite`: the sending that a person has decided not to wait for.
    pub(crate) fn decide(&self, policy: &Policy, despite: Option<i64>) -> Decision {
        match (self.result, self.state) {
            (Some(has), _) if policy.takes(has) => Decision::Take,
            (Some(_), _) => Decision::Send,
            (None, BatchState::Planned | BatchState::Refused) => Decision::Before,
            (None, _) if despite == Some(self.batch) && self.is_in_doubt() => Decision::Send,
            (None, _) => Decision::Wait,
        }
    }
}

impl Policy {
    fn takes(&self, has: Has) -> bool {
        let Reuse { since_ms, retry_failed } = self.reuse;
        if has.id > self.marker {
            return true;
        }
        if retry_failed && has.outcome == Outcome::Passing {
            return false;
        }
        let is_from_the_future = has.received_ms > self.created_ms.saturating_add(MAX_CLOCK_SKEW_MS);
        since_ms == 0 || (has.received_ms >= since_ms && since_ms != u64::MAX && !is_from_the_future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn link(state: BatchState, result: Option<Has>) -> Link {
        Link { batch: 7, state, missing: false, result }
    }

    fn has(id: i64, received_ms: u64, outcome: Outcome) -> Option<Has> {
        Some(Has { id, received_ms, outcome })
    }

    fn policy(reuse: Reuse) -> Policy {
        Policy { reuse, marker: 100, created_ms: NOW }
    }

    #[test]
    fn a_fresh_result_is_taken_an_old_one_is_paid_for_again_and_one_that_came_meanwhile_is_always_taken() {
        let day = policy(Reuse::since(NOW - 86_400_000));
        let decide = |policy: &Policy, id, at| {
            link(BatchState::Accepted, has(id, at, Outcome::Done)).decide(policy, None)
        };
        assert_eq!(decide(&day, 5, NOW - 1000), Decision::Take);
        assert_eq!(decide(&day, 5, NOW - 86_400_001), Decision::Send);
        assert_eq!(decide(&day, 101, 0), Decision::Take, "whatever clocks say");
        assert_eq!(decide(&policy(Reuse::NONE), 100, NOW - 1), Decision::Send);
        assert_eq!(decide(&policy(Reuse::NONE), 101, NOW - 1), Decision::Take);
        assert_eq!(decide(&policy(Reuse::ALL), 5, 0), Decision::Take);
    }

    #[test]
    fn a_result_from_the_future_is_of_unknown_age() {
        let future = link(BatchState::Accepted, has(5, NOW + MAX_CLOCK_SKEW_MS + 1, Outcome::Done));
        assert_eq!(future.decide(&policy(Reuse::since(NOW - 86_400_000)), None), Decision::Send);
        assert_eq!(future.decide(&policy(Reuse::ALL), None), Decision::Take);
    }

    #[test]
    fn a_failure_is_checked_again_only_where_it_passes_and_that_was_asked_for() {
        let retry = policy(Reuse::since(NOW - 86_400_000).with_retry_failed());
        let decide = |policy: &Policy, outcome| {
            link(BatchState::Accepted, has(5, NOW - 1, outcome)).decide(policy, None)
        };
        assert_eq!(decide(&retry, Outcome::Passing), Decision::Send);
        for kept in [Outcome::Failed, Outcome::Done, Outcome::Refused] {
            assert_eq!(decide(&retry, kept), Decision::Take, "{kept:?}");
        }
        assert_eq!(decide(&policy(Reuse::since(NOW - 1000)), Outcome::Passing), Decision::Take);
    }

    #[test]
    fn what_is_under_way_or_in_doubt_is_never_sent_whatever_the_policy() {
        for reuse in [Reuse::NONE, Reuse::ALL, Reuse::since(NOW).with_retry_failed()] {
            for state in [BatchState::Sending, BatchState::InDoubt, BatchState::Accepted] {
                assert_eq!(link(state, None).decide(&policy(reuse), None), Decision::Wait, "{state:?}");
                assert_eq!(
                    link(state, None).decide(&policy(reuse), Some(8)),
                    Decision::Wait,
                    "another's doubt"
                );
            }
        }
    }

    #[test]
    fn a_person_s_word_covers_the_doubt_it_was_said_about_and_no_sending_that_may_still_end_well() {
        let decide = |link: Link| link.decide(&policy(Reuse::ALL), Some(7));
        assert_eq!(decide(link(BatchState::InDoubt, None)), Decision::Send);
        assert_eq!(decide(Link { missing: true, ..link(BatchState::Accepted, None) }), Decision::Send);
        assert_eq!(decide(link(BatchState::Accepted, None)), Decision::Wait);
        assert_eq!(decide(link(BatchState::Sending, None)), Decision::Wait);
    }

    #[test]
    fn a_sending_that_never_was_counts_for_nothing() {
        for state in [BatchState::Planned, BatchState::Refused] {
            assert_eq!(link(state, None).decide(&policy(Reuse::ALL), None), Decision::Before);
        }
    }
}

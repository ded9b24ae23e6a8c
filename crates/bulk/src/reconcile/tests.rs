//! When to ask, and when to give up: every case of [`step`]. What an answer proves is [`crate::proof`]'s.

use proptest::prelude::*;

use super::*;

const SENT: u64 = 1_700_000_000_000;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

fn batch(state: BatchState) -> OpenBatch {
    OpenBatch {
        batch: 1,
        job: 1,
        claim: 1,
        owner: "sender".into(),
        batch_no: numcheck_protocol::BatchNo::new("b1").unwrap(),
        group: "CN".into(),
        state,
        sent_ms: SENT,
        signed: Some(SignedSpan::at(SENT)),
        from_reply: false,
        numbers: 5,
        settled: 0,
        missing: false,
        message: None,
    }
}

fn ask(last: bool) -> Step {
    Step::Ask { last }
}

fn at(batch: &OpenBatch, delivery: Delivery, asked: Option<Asked>, now_ms: u64) -> Step {
    step(batch, delivery, &Times::default(), &ProofRules::default(), asked, None, now_ms)
}

fn first(batch: &OpenBatch, delivery: Delivery, after_ms: u64) -> Step {
    at(batch, delivery, None, SENT + after_ms)
}

const DELIVERIES: [Delivery; 3] = [Delivery::Push, Delivery::Poll, Delivery::Both];

#[test]
fn an_accepted_batch_is_left_alone_until_its_push_is_overdue() {
    let accepted = batch(BatchState::Accepted);
    assert_eq!(first(&accepted, Delivery::Push, 0), Step::Wait(SENT + 61 * MINUTE));
    assert_eq!(first(&accepted, Delivery::Push, 61 * MINUTE - 1), Step::Wait(SENT + 61 * MINUTE));
    assert_eq!(first(&accepted, Delivery::Push, 61 * MINUTE), ask(false));
    assert_eq!(first(&accepted, Delivery::Push, 75 * MINUTE - 1), ask(false));
    assert_eq!(first(&accepted, Delivery::Push, 75 * MINUTE), ask(true));
}

#[test]
fn a_batch_that_is_polled_is_asked_about_after_ten_seconds() {
    let accepted = batch(BatchState::Accepted);
    for delivery in [Delivery::Poll, Delivery::Both] {
        assert_eq!(first(&accepted, delivery, 9_999), Step::Wait(SENT + 10_000));
        assert_eq!(first(&accepted, delivery, 10_000), ask(false));
        assert_eq!(first(&accepted, delivery, 80 * MINUTE), ask(true));
    }
}

#[test]
fn an_accepted_batch_is_asked_about_however_old_it_is() {
    for delivery in DELIVERIES {
        assert_eq!(first(&batch(BatchState::Accepted), delivery, 100 * DAY), ask(true));
    }
}

#[test]
fn a_batch_in_doubt_is_asked_about_after_ten_seconds_whatever_the_delivery() {
    for from_reply in [false, true] {
        let in_doubt = OpenBatch { from_reply, ..batch(BatchState::InDoubt) };
        for delivery in DELIVERIES {
            assert_eq!(first(&in_doubt, delivery, 9_999), Step::Wait(SENT + 10_000));
            assert_eq!(first(&in_doubt, delivery, 10_000), ask(false));
        }
    }
}

#[test]
fn what_the_platform_no_longer_remembers_is_left_to_the_person() {
    let in_doubt = batch(BatchState::InDoubt);
    let lives = 2 * MINUTE;
    for delivery in DELIVERIES {
        assert_eq!(first(&in_doubt, delivery, 13 * DAY - lives - 1), ask(true));
        assert_eq!(first(&in_doubt, delivery, 13 * DAY - lives), Step::Leave);
        assert_eq!(first(&in_doubt, delivery, 400 * DAY), Step::Leave);
    }
}

#[test]
fn a_claim_is_waited_for_until_its_lease_ends_unless_its_owner_is_surely_dead() {
    let signed = [None, Some(SignedSpan::at(SENT)), Some(SignedSpan::at(SENT + DAY))];
    for sending in signed.map(|signed| OpenBatch { signed, ..batch(BatchState::Sending) }) {
        let of = |alive, after| {
            let (times, rules) = (Times::default(), ProofRules::default());
            step(&sending, Delivery::Both, &times, &rules, None, alive, SENT + after)
        };
        for alive in [None, Some(true)] {
            assert_eq!(of(alive, 0), Step::Wait(SENT + 3 * MINUTE + 1));
            assert_eq!(of(alive, 3 * MINUTE), Step::Wait(SENT + 3 * MINUTE + 1));
            assert_eq!(of(alive, 3 * MINUTE + 1), Step::GiveUp);
        }
        assert_eq!(of(Some(false), 0), Step::GiveUp, "at once");
    }
}

/// The owner of one that is sent number by number is heard of at each.
#[test]
fn a_lease_runs_from_the_last_mark() {
    let last_mark = Some(SignedSpan { first_ms: SENT, last_ms: SENT + 10 * MINUTE });
    let sending = OpenBatch { signed: last_mark, ..batch(BatchState::Sending) };
    for (after, step) in [
        (10 * MINUTE, Step::Wait(SENT + 13 * MINUTE + 1)),
        (13 * MINUTE, Step::Wait(SENT + 13 * MINUTE + 1)),
        (13 * MINUTE + 1, Step::GiveUp),
    ] {
        assert_eq!(first(&sending, Delivery::Poll, after), step);
    }
}

#[test]
fn a_clock_that_was_set_back_keeps_no_claim_for_ever() {
    let sending = batch(BatchState::Sending);
    assert_eq!(at(&sending, Delivery::Both, None, SENT - 3 * MINUTE), Step::Wait(SENT + 3 * MINUTE + 1));
    assert_eq!(at(&sending, Delivery::Both, None, SENT - 3 * MINUTE - 1), Step::GiveUp);
}

#[test]
fn what_was_given_up_is_left() {
    for state in [BatchState::Accepted, BatchState::InDoubt, BatchState::Sending] {
        let given_up = OpenBatch { missing: true, ..batch(state) };
        assert_eq!(first(&given_up, Delivery::Both, 90 * MINUTE), Step::Leave);
    }
}

#[test]
fn a_question_without_an_answer_is_asked_again_within_a_minute() {
    let accepted = batch(BatchState::Accepted);
    let at_ms = SENT + 70 * MINUTE;
    let again = |answered, now_ms| at(&accepted, Delivery::Push, Some(Asked { at_ms, answered }), now_ms);
    assert_eq!(again(false, at_ms), Step::Wait(at_ms + MINUTE));
    assert_eq!(again(false, at_ms + MINUTE), ask(false));
    assert_eq!(again(true, at_ms + MINUTE), Step::Wait(SENT + 75 * MINUTE), "the next one that counts");
}

#[test]
fn after_a_clock_was_set_back_a_batch_is_asked_about_each_minute() {
    for state in [BatchState::Accepted, BatchState::InDoubt] {
        let now_ms = SENT - DAY;
        let again = |asked_ms, now_ms| {
            at(&batch(state), Delivery::Both, Some(Asked { at_ms: asked_ms, answered: true }), now_ms)
        };
        assert_eq!(at(&batch(state), Delivery::Both, None, now_ms), ask(false));
        assert_eq!(again(SENT + MINUTE, now_ms), ask(false), "what was asked before it is of no age either");
        assert_eq!(again(now_ms, now_ms + MINUTE - 1), Step::Wait(now_ms + MINUTE));
        assert_eq!(again(now_ms, now_ms + MINUTE), ask(false));
    }
}

#[test]
fn a_slow_clock_beside_the_platform_s_delays_no_question_and_gives_nothing_up_early() {
    // The clock is an hour slow: claimed by it, signed by the platform's.
    let slow = OpenBatch { signed: Some(SignedSpan::at(SENT + 60 * MINUTE)), ..batch(BatchState::Accepted) };
    assert_eq!(first(&slow, Delivery::Poll, 10_000), ask(false));
    assert_eq!(first(&slow, Delivery::Poll, 135 * MINUTE - 1), ask(false));
    assert_eq!(first(&slow, Delivery::Poll, 135 * MINUTE), ask(true));
    // And when it is an hour fast.
    let fast = OpenBatch { signed: Some(SignedSpan::at(SENT - 60 * MINUTE)), ..batch(BatchState::Accepted) };
    assert_eq!(first(&fast, Delivery::Poll, 0), ask(false));
    assert_eq!(first(&fast, Delivery::Poll, 75 * MINUTE - 1), ask(false));
    assert_eq!(first(&fast, Delivery::Poll, 75 * MINUTE), ask(true));
}

fn any_batch() -> impl Strategy<Value = OpenBatch> {
    let state = prop_oneof![Just(BatchState::InDoubt), Just(BatchState::Accepted), Just(BatchState::Sending)];
    let signed = proptest::option::of((0..40 * MINUTE, 0..5 * MINUTE));
    (state, signed, any::<bool>()).prop_map(|(state, signed, missing)| {
        let span = |(from, more)| {
            let first_ms = SENT - 20 * MINUTE + from;
            SignedSpan { first_ms, last_ms: first_ms + more }
        };
        OpenBatch { signed: signed.map(span), missing, ..batch(state) }
    })
}

fn any_delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![Just(Delivery::Push), Just(Delivery::Poll), Just(Delivery::Both)]
}

fn any_times() -> impl Strategy<Value = Times> {
    proptest::array::uniform5(0..100 * MINUTE).prop_map(|of| {
        let [push, poll, doubt, lease, missing] = of.map(Duration::from_millis);
        Times { push, poll, doubt, lease, missing }
    })
}

fn last_ms(batch: &OpenBatch, times: &Times) -> u64 {
    let signed_ms = batch.signed.map_or(0, |signed| signed.last_ms);
    after_ms(signed_ms.max(batch.sent_ms), times.missing)
}

proptest! {
    /// Whatever the times are set to, and whatever clocks do.
    #[test]
    fn nobody_is_asked_about_a_claim_and_nothing_is_given_up_before_its_time(
        batch in any_batch(), delivery in any_delivery(), times in any_times(),
        asked in proptest::option::of((0..200 * MINUTE, any::<bool>())), alive: Option<bool>, now in 0..600 * MINUTE,
    ) {
        let now_ms = SENT - 200 * MINUTE + now;
        // What is asked later than now was never asked: a clock that is set back in between is another test's.
        let asked = asked.map(|(at, answered)| Asked { at_ms: (SENT + at).min(now_ms), answered });
        let of = |asked, now_ms| step(&batch, delivery, &times, &ProofRules::default(), asked, alive, now_ms);
        match of(asked, now_ms) {
            Step::Ask { last } => {
                prop_assert!(batch.state != BatchState::Sending && !batch.missing);
                prop_assert!(!last || now_ms >= last_ms(&batch, &times));
            }
            Step::GiveUp => {
                prop_assert_eq!(batch.state, BatchState::Sending);
                let lease_ms = u64::try_from(times.lease.as_millis()).unwrap();
                prop_assert!(alive == Some(false) || now_ms.abs_diff(SENT) > lease_ms);
            }
            Step::Wait(until) => {
                prop_assert!(until > now_ms);
                // Whoever sleeps until then has something to do: at once, or where the clock has meanwhile passed a time that lay ahead.
                let mut next = Step::Wait(until);
                for _ in 0..3 {
                    next = if let Step::Wait(until) = next { of(asked, until) } else { next };
                }
                prop_assert!(!matches!(next, Step::Wait(_)));
            }
            Step::Leave => prop_assert!(batch.missing),
        }
    }

    #[test]
    fn it_asks_at_growing_intervals_and_in_the_moment_that_counts(batch in any_batch(), delivery in any_delivery()) {
        let batch = OpenBatch { missing: false, ..batch };
        prop_assume!(batch.state != BatchState::Sending);
        let last_ms = last_ms(&batch, &Times::default());
        let counts = |at| at == last_ms && batch.state == BatchState::Accepted;
        let (mut now_ms, mut asked, mut questions) = (SENT + 30 * MINUTE, None, Vec::new());
        // On and on, as if nothing ever came of it.
        while now_ms < SENT + 3 * DAY {
            match at(&batch, delivery, asked, now_ms) {
                Step::Leave | Step::GiveUp => break,
                Step::Wait(until) => now_ms = until,
                Step::Ask { .. } => {
                    questions.push(now_ms);
                    asked = Some(Asked { at_ms: now_ms, answered: true });
                }
            }
        }
        for three in questions.windows(3) {
            prop_assert!(three[1] >= three[0] + 1000 || counts(three[1]), "{:?}", questions);
            if !counts(three[1]) && !counts(three[2]) {
                prop_assert!(three[2] - three[1] >= three[1] - three[0], "{:?}", questions);
            }
        }
        prop_assert!(questions.len() < 40, "{:?}", questions);
        prop_assert!(batch.state == BatchState::InDoubt || questions.contains(&last_ms), "{:?}", questions);
    }
}

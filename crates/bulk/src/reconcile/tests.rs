//! When to ask, and what an empty answer proves: every case of [`step`].

use proptest::prelude::*;

use super::*;

const SENT: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn batch(state: BatchState) -> OpenBatch {
    OpenBatch {
        batch: 1,
        batch_no: numcheck_protocol::BatchNo::new("b1").unwrap(),
        group: "CN".into(),
        state,
        sent_ms: SENT,
        ended_ms: Some(SENT),
        numbers: 5,
        settled: 0,
        missing: false,
        message: None,
    }
}

fn ask(proof: bool, last: bool) -> Step {
    Step::Ask { proof, last }
}

fn first(batch: &OpenBatch, delivery: Delivery, after_ms: u64) -> Step {
    step(batch, delivery, &Times::default(), None, SENT + after_ms)
}

#[test]
fn an_accepted_batch_is_left_alone_until_its_push_is_overdue() {
    let accepted = batch(BatchState::Accepted);
    assert_eq!(first(&accepted, Delivery::Push, 0), Step::Wait(SENT + 61 * MINUTE));
    assert_eq!(first(&accepted, Delivery::Push, 61 * MINUTE - 1), Step::Wait(SENT + 61 * MINUTE));
    assert_eq!(first(&accepted, Delivery::Push, 61 * MINUTE), ask(false, false));
    assert_eq!(first(&accepted, Delivery::Push, 75 * MINUTE - 1), ask(false, false));
    assert_eq!(first(&accepted, Delivery::Push, 75 * MINUTE), ask(false, true));
}

#[test]
fn a_batch_that_is_polled_is_asked_about_after_ten_seconds() {
    let accepted = batch(BatchState::Accepted);
    for delivery in [Delivery::Poll, Delivery::Both] {
        assert_eq!(first(&accepted, delivery, 9_999), Step::Wait(SENT + 10_000));
        assert_eq!(first(&accepted, delivery, 10_000), ask(false, false));
        assert_eq!(first(&accepted, delivery, 80 * MINUTE), ask(false, true));
    }
}

#[test]
fn an_accepted_batch_is_asked_about_however_old_it_is() {
    for delivery in [Delivery::Push, Delivery::Poll, Delivery::Both] {
        assert_eq!(first(&batch(BatchState::Accepted), delivery, 100 * DAY), ask(false, true));
    }
}

#[test]
fn a_batch_in_doubt_is_asked_about_once_it_can_no_longer_be_accepted_and_proved_unknown_later() {
    let in_doubt = batch(BatchState::InDoubt);
    for delivery in [Delivery::Push, Delivery::Poll, Delivery::Both] {
        assert_eq!(first(&in_doubt, delivery, 60_999), Step::Wait(SENT + 61_000));
        assert_eq!(first(&in_doubt, delivery, 61_000), ask(false, false));
        assert_eq!(first(&in_doubt, delivery, 10 * MINUTE - 1), ask(false, false));
        assert_eq!(first(&in_doubt, delivery, 10 * MINUTE), ask(true, false));
        assert_eq!(first(&in_doubt, delivery, 80 * MINUTE), ask(true, true));
    }
}

#[test]
fn a_request_whose_sender_died_may_have_been_signed_late() {
    let died = OpenBatch { ended_ms: None, ..batch(BatchState::InDoubt) };
    assert_eq!(first(&died, Delivery::Push, 2 * MINUTE + 60_999), Step::Wait(SENT + 2 * MINUTE + 61_000));
    assert_eq!(first(&died, Delivery::Push, 2 * MINUTE + 61_000), ask(false, false));
    assert_eq!(first(&died, Delivery::Push, 12 * MINUTE - 1), ask(false, false));
    assert_eq!(first(&died, Delivery::Push, 12 * MINUTE), ask(true, false));
    // And one whose end was written late was signed before that, nobody knows when.
    let late = OpenBatch { ended_ms: Some(SENT + 5 * MINUTE), ..batch(BatchState::InDoubt) };
    assert_eq!(first(&late, Delivery::Push, 15 * MINUTE - 1), ask(false, false));
    assert_eq!(first(&late, Delivery::Push, 15 * MINUTE), ask(true, false));
}

#[test]
fn what_the_platform_no_longer_remembers_is_left_to_the_person() {
    let in_doubt = batch(BatchState::InDoubt);
    assert_eq!(first(&in_doubt, Delivery::Both, 13 * DAY - 1), ask(true, true));
    assert_eq!(first(&in_doubt, Delivery::Both, 13 * DAY), Step::Leave);
    assert_eq!(first(&in_doubt, Delivery::Both, 400 * DAY), Step::Leave);
}

#[test]
fn a_batch_that_is_being_sent_is_waited_for_until_its_sender_is_taken_for_dead() {
    let sending = OpenBatch { ended_ms: None, ..batch(BatchState::Sending) };
    for after in [0, 181_000, DAY] {
        assert_eq!(first(&sending, Delivery::Poll, after), Step::Wait(SENT + 181_001));
    }
    let times = Times::default();
    assert!(times.sending >= times.sign + times.doubt, "it is not given up while it may still be signed");
    assert!(times.sign >= SIGN_WITHIN);
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
    let again = |answered, now_ms| {
        step(&accepted, Delivery::Push, &Times::default(), Some(Asked { at_ms, answered }), now_ms)
    };
    assert_eq!(again(false, at_ms), Step::Wait(at_ms + MINUTE));
    assert_eq!(again(false, at_ms + MINUTE), ask(false, false));
    assert_eq!(again(true, at_ms + MINUTE), Step::Wait(SENT + 75 * MINUTE), "the next one that counts");
}

#[test]
fn a_clock_that_was_set_back_makes_it_wait() {
    for state in [BatchState::Accepted, BatchState::InDoubt, BatchState::Sending] {
        let early = step(&batch(state), Delivery::Both, &Times::default(), None, SENT - DAY);
        assert!(matches!(early, Step::Wait(until) if until > SENT));
    }
}

fn any_batch() -> impl Strategy<Value = OpenBatch> {
    let state = prop_oneof![Just(BatchState::InDoubt), Just(BatchState::Accepted), Just(BatchState::Sending)];
    (state, proptest::option::of(0..20 * MINUTE), any::<bool>()).prop_map(|(state, ended, missing)| {
        OpenBatch { ended_ms: ended.map(|after| SENT + after), missing, ..batch(state) }
    })
}

fn any_delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![Just(Delivery::Push), Just(Delivery::Poll), Just(Delivery::Both)]
}

fn any_times() -> impl Strategy<Value = Times> {
    proptest::array::uniform8(0..100 * MINUTE).prop_map(|of| {
        let [push, poll, sign, doubt, proof, sending, missing, memory] = of.map(Duration::from_millis);
        Times { push, poll, sign, doubt, proof, sending, missing, memory }
    })
}

proptest! {
    /// Whatever the times are set to.
    #[test]
    fn nothing_is_proof_before_the_request_can_no_longer_be_accepted(
        batch in any_batch(), delivery in any_delivery(), times in any_times(),
        asked in proptest::option::of((0..200 * MINUTE, any::<bool>())), after in 0..400 * MINUTE,
    ) {
        let now_ms = SENT + after;
        let asked = asked.map(|(at, answered)| Asked { at_ms: SENT + at, answered });
        let signed_ms = batch.ended_ms.unwrap_or(after_ms(SENT, times.sign));
        match step(&batch, delivery, &times, asked, now_ms) {
            Step::Ask { proof, last } => {
                prop_assert!(matches!(batch.state, BatchState::InDoubt | BatchState::Accepted) && !batch.missing);
                if proof {
                    prop_assert_eq!(batch.state, BatchState::InDoubt);
                    prop_assert!(now_ms >= after_ms(signed_ms, times.doubt));
                    prop_assert!(now_ms >= after_ms(signed_ms, times.proof));
                    prop_assert!(now_ms < after_ms(SENT, times.memory));
                }
                prop_assert!(!last || now_ms >= after_ms(signed_ms, times.missing));
            }
            Step::Wait(until) if batch.state != BatchState::Sending => {
                prop_assert!(until > now_ms);
                // Whoever sleeps until then has something to do.
                prop_assert!(!matches!(step(&batch, delivery, &times, asked, until), Step::Wait(_)));
            }
            Step::Wait(_) | Step::Leave => {}
        }
    }

    #[test]
    fn it_asks_at_growing_intervals_and_in_every_moment_that_counts(batch in any_batch(), delivery in any_delivery()) {
        let batch = OpenBatch { missing: false, ..batch };
        prop_assume!(batch.state != BatchState::Sending);
        let times = Times::default();
        let signed_ms = batch.ended_ms.unwrap_or(after_ms(SENT, times.sign));
        let counts = |at| [after_ms(signed_ms, times.proof), after_ms(signed_ms, times.missing)].contains(&at);
        let (mut now_ms, mut asked, mut questions) = (SENT, None, Vec::new());
        // On and on, as if nothing ever came of it.
        while now_ms < SENT + 3 * DAY {
            match step(&batch, delivery, &times, asked, now_ms) {
                Step::Leave => break,
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
        let last_ms = after_ms(signed_ms, times.missing);
        prop_assert!(questions.contains(&last_ms), "{:?}", questions);
    }

    #[test]
    fn with_answers_every_batch_is_decided_in_a_few_questions(batch in any_batch(), delivery in any_delivery()) {
        let batch = OpenBatch { missing: false, ..batch };
        prop_assume!(batch.state != BatchState::Sending);
        let (mut now_ms, mut asked, mut questions) = (SENT, None, Vec::new());
        loop {
            match step(&batch, delivery, &Times::default(), asked, now_ms) {
                Step::Leave => break,
                Step::Wait(until) => now_ms = until,
                Step::Ask { proof, last } => {
                    questions.push(now_ms - SENT);
                    asked = Some(Asked { at_ms: now_ms, answered: true });
                    if proof || last {
                        break;
                    }
                }
            }
        }
        prop_assert!(questions.len() <= 20, "{:?}", questions);
        prop_assert!(*questions.last().unwrap() <= 95 * MINUTE, "{:?}", questions);
    }
}

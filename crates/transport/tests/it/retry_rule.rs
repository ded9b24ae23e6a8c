//! The rule of repeating, as a table and as properties.

use std::time::Duration;

use numcheck_protocol::Repeat::{self, Never, Safe};
use numcheck_transport::retry::{self, AttemptOutcome, Decision, MIN_CORRECTION_MS, Situation};
use numcheck_transport::{RetryPolicy, SendErrorKind, Sent};
use proptest::prelude::*;

const KINDS: [SendErrorKind; 14] = [
    SendErrorKind::Request,
    SendErrorKind::Authorize,
    SendErrorKind::NotConfirmed,
    SendErrorKind::RateLimited,
    SendErrorKind::Connect,
    SendErrorKind::ConnectTimeout,
    SendErrorKind::Tls,
    SendErrorKind::Stale,
    SendErrorKind::Lost,
    SendErrorKind::ResponseTimeout,
    SendErrorKind::TotalTimeout,
    SendErrorKind::BadReply,
    SendErrorKind::Body,
    SendErrorKind::TooLarge,
];

fn decide(situation: &Situation) -> Decision {
    retry::decide(&RetryPolicy::default(), situation)
}

fn backoff(attempt: u32, random: u64) -> Duration {
    RetryPolicy::default().backoff(attempt, random)
}

fn situation(sent: Sent, repeat: Repeat, outcome: AttemptOutcome) -> Situation {
    let left = Duration::from_secs(60);
    Situation { sent, repeat, attempt: 1, outcome, left, random: u64::MAX }
}

fn repeats(situation: &Situation) -> bool {
    matches!(decide(situation), Decision::RetryAfter(_))
}

#[test]
fn failures_in_a_table() {
    use SendErrorKind::*;
    use Sent::{Maybe, No, Yes};
    let table = [
        // sent, kind, repeated when costly, repeated when safe
        (No, Connect, true, true),
        (No, ConnectTimeout, true, true),
        (No, Stale, true, true),
        (No, Tls, false, false),
        (No, Request, false, false),
        (No, Authorize, false, false),
        (No, NotConfirmed, false, false),
        (No, RateLimited, false, false),
        (No, TotalTimeout, false, false),
        (Maybe, Lost, false, true),
        (Maybe, ResponseTimeout, false, true),
        (Maybe, BadReply, false, false),
        (Maybe, TotalTimeout, false, false),
        (Yes, Body, false, true),
        (Yes, TooLarge, false, false),
        (Yes, TotalTimeout, false, false),
    ];
    for (sent, kind, costly, safe) in table {
        let outcome = AttemptOutcome::Failed(kind);
        assert_eq!(repeats(&situation(sent, Never, outcome)), costly, "costly, {sent}, {kind:?}");
        assert_eq!(repeats(&situation(sent, Safe, outcome)), safe, "safe, {sent}, {kind:?}");
    }
}

#[test]
fn statuses_in_a_table() {
    for status in [100, 200, 204, 301, 302, 400, 401, 404, 408, 429, 500, 501, 502, 503, 504, 505, 599] {
        let outcome = AttemptOutcome::Replied { status, retry_after: None };
        assert!(
            !repeats(&situation(Sent::Yes, Never, outcome)),
            "a reply to a costly call is a reply: {status}"
        );
        let passes = [429, 500, 502, 503, 504].contains(&status);
        assert_eq!(repeats(&situation(Sent::Yes, Safe, outcome)), passes, "{status}");
    }
}

#[test]
fn retry_after_is_honoured_and_bounded() {
    let after = |seconds| {
        let outcome =
            AttemptOutcome::Replied { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
        decide(&Situation { random: 0, ..situation(Sent::Yes, Safe, outcome) })
    };
    assert_eq!(after(0), Decision::RetryAfter(Duration::ZERO));
    assert_eq!(after(7), Decision::RetryAfter(Duration::from_secs(7)));
    assert_eq!(after(30), Decision::RetryAfter(RetryPolicy::default().retry_after_max));
    assert_eq!(after(31), Decision::Stop);
}

#[test]
fn a_clock_refusal_is_repeated_once_even_when_costly_and_only_if_the_correction_changes_something() {
    let refused =
        |correction_ms, corrected_before| AttemptOutcome::RefusedForClock { correction_ms, corrected_before };
    for repeat in [Never, Safe] {
        let decide = |outcome| decide(&Situation { attempt: 3, ..situation(Sent::Yes, repeat, outcome) });
        assert_eq!(decide(refused(60_000, false)), Decision::RetryAfter(Duration::ZERO));
        assert_eq!(decide(refused(MIN_CORRECTION_MS, false)), Decision::RetryAfter(Duration::ZERO));
        assert_eq!(decide(refused(MIN_CORRECTION_MS - 1, false)), Decision::Stop);
        assert_eq!(decide(refused(u64::MAX, true)), Decision::Stop);
    }
}

#[test]
fn a_stale_connection_is_left_at_once() {
    let stale = situation(Sent::No, Never, AttemptOutcome::Failed(SendErrorKind::Stale));
    assert_eq!(decide(&stale), Decision::RetryAfter(Duration::ZERO));
}

#[test]
fn pauses_grow_up_to_a_ceiling() {
    let ceilings: Vec<_> = (1..=8).map(|attempt| backoff(attempt, u64::MAX).as_millis()).collect();
    assert_eq!(ceilings, [199, 399, 799, 1599, 3199, 6399, 9999, 9999]);
    assert_eq!(backoff(u32::MAX, u64::MAX).as_millis(), 9999);
    assert_eq!(backoff(1, u64::MAX / 2).as_millis(), 99, "full jitter: half the number, half the pause");
    assert_eq!(backoff(0, 0), Duration::ZERO);
}

fn outcome() -> impl Strategy<Value = AttemptOutcome> {
    prop_oneof![
        prop::sample::select(&KINDS[..]).prop_map(AttemptOutcome::Failed),
        (100..600u16, prop::option::of(0..90_000u64)).prop_map(|(status, ms)| AttemptOutcome::Replied {
            status,
            retry_after: ms.map(Duration::from_millis)
        }),
    ]
}

prop_compose! {
    fn any_policy()(attempts in 0..6u32, pauses in prop::array::uniform3(0..90_000u64)) -> RetryPolicy {
        let mut policy = RetryPolicy::default();
        policy.attempts = attempts;
        [policy.backoff_base, policy.backoff_max, policy.retry_after_max] = pauses.map(Duration::from_millis);
        policy
    }
}

prop_compose! {
    fn any_situation()(
        sent in prop::sample::select(vec![Sent::No, Sent::Maybe, Sent::Yes]),
        repeat in prop::sample::select(vec![Never, Safe]),
        attempt in 1..6u32, outcome in outcome(), left in 0..70_000u64, random: u64,
    ) -> Situation {
        let left = Duration::from_millis(left);
        Situation { sent, repeat, attempt, outcome, left, random }
    }
}

proptest! {
    #[test]
    fn what_costs_money_is_never_repeated_when_it_may_have_arrived(policy in any_policy(), situation in any_situation()) {
        let costly = Situation { repeat: Never, ..situation };
        prop_assert!(costly.sent == Sent::No || retry::decide(&policy, &costly) == Decision::Stop);
    }

    #[test]
    fn attempts_and_total_time_are_never_exceeded(policy in any_policy(), situation in any_situation()) {
        if let Decision::RetryAfter(pause) = retry::decide(&policy, &situation) {
            prop_assert!(situation.attempt < policy.attempts);
            prop_assert!(pause < situation.left);
            prop_assert!(pause <= policy.backoff_max.max(policy.retry_after_max));
        }
    }

    #[test]
    fn more_certainty_that_nothing_was_sent_never_stops_a_repeat(situation in any_situation()) {
        let unsent = Situation { sent: Sent::No, ..situation };
        prop_assert!(!repeats(&situation) || repeats(&unsent));
    }

    #[test]
    fn a_pause_is_below_its_ceiling(attempt in 1..64u32, random: u64) {
        let pause = backoff(attempt, random);
        let RetryPolicy { backoff_base, backoff_max, .. } = RetryPolicy::default();
        prop_assert!(pause < backoff_max);
        prop_assert!(pause < backoff_base * 2u32.saturating_pow(attempt - 1).min(1000));
    }
}

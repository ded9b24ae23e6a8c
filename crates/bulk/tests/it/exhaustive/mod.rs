//! Every reachable state of small worlds, with the product's own decisions.
//!
//! A world has one batch with one phone number, up to three runners that may pause anywhere, clocks that show anything, leases that expire
//! at any moment, requests that arrive at any time, answers that never do, and a platform of some zone and delay. In no state has the
//! phone number been accepted twice. For each guard, a shortest way is found to accept it twice without that guard.
#![allow(clippy::print_stdout, reason = "what a search found is what it is for")]

mod search;
mod steps;
mod world;

use search::search;
use world::{Guard, World};

const PLAIN: World = World::PLAIN;
/// Two claims are enough for what depends on a single proof.
const SMALL: World = World { claims: 2, ..PLAIN };
/// A batch is shown half a day after its acceptance.
const SLOW: World = World { delay: 2, control_delays: [2, 2], end: 9, ..PLAIN };
const AHEAD_OF_UTC: World = World { zone: 2, ..SMALL };
const BEHIND_UTC: World = World { zone: -2, ..SMALL };
/// The date is that of the result, two days after the signature where clocks are ahead.
const DATED_BY_RESULT: World =
    World { zone: 2, phase: 1, dated_by_result: true, delay: 3, control_delays: [3, 3], end: 10, ..SMALL };
const IGNORES_DATE: World = World { zone: 2, ignores_date: true, claims: 2, ..SLOW };
/// Our batch takes longer than the control, by as much as is assumed.
const SLOWER_THAN_CONTROL: World = World { delay: 3, control_delays: [1, 1], spread: 2, end: 10, ..SMALL };
const FASTER_THAN_CONTROL: World = World { delay: 0, control_delays: [2, 2], spread: 2, end: 10, ..SMALL };
/// The phone numbers of a batch are not shown at the same time.
const ROW_BY_ROW: World = World { delay: 3, control_delays: [0, 3], end: 10, ..SMALL };
const FORGETS: World = World { memory: Some(6), end: 9, ..SMALL };
const LISTS_REFUSED: World = World { lists_refused: true, claims: 2, ..SLOW };
const CONTRADICTS: World = World { contradicts: true, ..SMALL };
const ANSWERS_UNCLEARLY: World = World { unclear_replies: true, ..PLAIN };
const KEEPS_LATEST: World = World { keeps_latest: true, ..PLAIN };
/// Everything odd at once.
const ODD: World = World {
    memory: Some(8),
    control_delays: [0, 1],
    spread: 2,
    lists_refused: true,
    contradicts: true,
    unclear_replies: true,
    ..DATED_BY_RESULT
};
/// Failed checks are never listed, and ours fail. No check of the control does, or it would not be shown whole.
const HIDES_FAILURES: World =
    World { lists_failures: false, batch_fails: true, control_fails: false, ..SMALL };
const LISTS_FAILURES: World = World { batch_fails: true, ..SMALL };
/// Nothing that this account asks about is ever shown.
const SHOWS_NOTHING: World = World { may_ask: false, contradicts: true, ..SMALL };

/// Looks at a whole world, in which every guard is in its place.
fn paid_once(name: &str, world: World) -> bool {
    let found = search(world);
    println!("{name}: {} states", found.states);
    if let Some(trace) = found.twice {
        panic!("{name}: accepted twice\n{trace}{world:#?}");
    }
    found.recovered
}

/// Looks for a counter-example where one guard is taken out.
fn paid_twice_without(guard: Guard, world: World) {
    let found = search(World { without: Some(guard), ..world });
    let Some(trace) = found.twice else {
        panic!("{} states without {guard:?}, and the phone number was never accepted twice", found.states);
    };
    println!("without {guard:?}, after {} states:\n{trace}", found.states);
}

#[test]
fn a_phone_number_is_accepted_once_and_a_lost_request_is_sent_again() {
    assert!(paid_once("plain", PLAIN), "a lost request is never sent again");
}

#[test]
fn a_platform_that_shows_batches_late_gets_no_phone_number_twice() {
    assert!(paid_once("slow", SLOW), "a lost request is never sent again");
}

#[test]
fn a_platform_whose_day_is_ahead_of_utc_gets_no_phone_number_twice() {
    assert!(paid_once("ahead of UTC", AHEAD_OF_UTC), "a lost request is never sent again");
}

#[test]
fn a_platform_whose_day_is_behind_utc_gets_no_phone_number_twice() {
    assert!(paid_once("behind UTC", BEHIND_UTC), "a lost request is never sent again");
}

#[test]
fn a_platform_that_dates_by_the_result_gets_no_phone_number_twice() {
    assert!(paid_once("dated by result", DATED_BY_RESULT), "a lost request is never sent again");
}

#[test]
fn a_platform_that_ignores_the_date_gets_no_phone_number_twice() {
    assert!(paid_once("ignores the date", IGNORES_DATE), "a lost request is never sent again");
}

#[test]
fn a_batch_that_is_shown_later_than_its_control_by_the_spread_is_not_sent_twice() {
    assert!(paid_once("slower than the control", SLOWER_THAN_CONTROL), "a lost request is never sent again");
}

#[test]
fn a_batch_that_is_shown_sooner_than_its_control_is_not_sent_twice() {
    assert!(paid_once("faster than the control", FASTER_THAN_CONTROL), "a lost request is never sent again");
}

#[test]
fn a_platform_that_shows_a_batch_row_by_row_gets_no_phone_number_twice() {
    assert!(paid_once("row by row", ROW_BY_ROW), "a lost request is never sent again");
}

#[test]
fn a_platform_that_forgets_gets_no_phone_number_twice() {
    assert!(paid_once("forgets", FORGETS), "a lost request is never sent again");
}

#[test]
fn a_platform_that_lists_what_it_refused_gets_no_phone_number_twice() {
    assert!(paid_once("lists refused batches", LISTS_REFUSED), "a lost request is never sent again");
}

#[test]
fn a_platform_that_contradicts_itself_gets_no_phone_number_twice() {
    assert!(paid_once("contradicts itself", CONTRADICTS), "a lost request is never sent again");
}

#[test]
fn a_platform_that_answers_unclearly_gets_no_phone_number_twice() {
    assert!(paid_once("answers unclearly", ANSWERS_UNCLEARLY), "a lost request is never sent again");
}

#[test]
fn a_platform_that_hides_failed_checks_gets_no_phone_number_twice_and_proves_nothing() {
    assert!(!paid_once("hides failures", HIDES_FAILURES), "proved by a control without a failed check");
    let world = World { control_fails: true, ..HIDES_FAILURES };
    assert!(!paid_once("hides failures, of the control too", world), "proved by a part of a control");
}

#[test]
fn a_platform_that_lists_failed_checks_gets_no_phone_number_twice() {
    assert!(paid_once("lists failures", LISTS_FAILURES), "a lost request is never sent again");
    let world = World { control_fails: false, ..LISTS_FAILURES };
    assert!(!paid_once("lists failures, and has shown none", world), "proved by what was not seen");
}

#[test]
fn a_store_that_keeps_only_the_latest_attempt_pays_no_phone_number_twice() {
    assert!(paid_once("keeps the latest attempt", KEEPS_LATEST), "a lost request is never sent again");
}

#[test]
fn a_platform_that_is_odd_in_every_way_gets_no_phone_number_twice() {
    assert!(paid_once("odd", ODD), "a lost request is never sent again");
}

#[test]
fn an_account_that_is_shown_nothing_stays_in_doubt() {
    assert!(!paid_once("shows nothing", SHOWS_NOTHING), "proved by nothing");
}

#[test]
fn no_zone_delay_or_way_of_dating_lets_a_phone_number_be_accepted_twice() {
    for (zone, delay, dated_by_result) in [-2, 0, 2]
        .into_iter()
        .flat_map(|zone| (0..=3).flat_map(move |delay| [(zone, delay, false), (zone, delay, true)]))
    {
        let phase = (delay + u8::from(dated_by_result)) % 4;
        let world = World {
            zone,
            delay,
            control_delays: [delay; 2],
            dated_by_result,
            phase,
            end: 7 + delay,
            ahead: 1,
            ..SMALL
        };
        let name = format!("zone {zone}, delay {delay}, dated by result: {dated_by_result}, phase {phase}");
        assert!(paid_once(&name, world), "{name}: a lost request is never sent again");
    }
}

#[test]
fn a_phone_number_is_paid_twice_if_claims_are_not_confirmed() {
    paid_twice_without(Guard::ConfirmWrites, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_whoever_lost_its_claim_can_confirm_it() {
    paid_twice_without(Guard::ConfirmCompares, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_the_repeat_after_1004_is_not_confirmed() {
    paid_twice_without(Guard::ConfirmRepeat, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_another_ts_is_signed_than_was_written_down() {
    paid_twice_without(Guard::SignWhatWasWritten, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_a_confirmed_claim_counts_as_unsent_after_its_lease() {
    paid_twice_without(Guard::ConfirmedIsDoubt, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_an_end_is_written_under_the_claim_of_another() {
    paid_twice_without(Guard::EndCompares, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_it_is_planned_again_under_another_claim_than_was_judged() {
    paid_twice_without(Guard::PlanAgainCompares, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_an_empty_answer_needs_no_control() {
    paid_twice_without(Guard::Control, PLAIN);
    paid_twice_without(Guard::Control, SLOW);
    paid_twice_without(Guard::Control, SHOWS_NOTHING);
}

#[test]
fn a_phone_number_is_paid_twice_if_a_refused_batch_is_a_control() {
    paid_twice_without(Guard::ControlAccepted, LISTS_REFUSED);
}

#[test]
fn a_phone_number_is_paid_twice_if_an_earlier_batch_is_a_control() {
    paid_twice_without(Guard::ControlLater, PLAIN);
    paid_twice_without(Guard::ControlLater, SLOW);
}

#[test]
fn a_phone_number_is_paid_twice_if_a_control_is_later_by_no_more_than_two_lives() {
    paid_twice_without(Guard::ControlMuchLater, PLAIN);
}

#[test]
fn a_phone_number_is_paid_twice_if_the_spread_is_left_out() {
    paid_twice_without(Guard::ControlSpread, SLOWER_THAN_CONTROL);
}

#[test]
fn a_phone_number_is_paid_twice_if_a_part_of_a_batch_is_a_control() {
    paid_twice_without(Guard::ControlWhole, ROW_BY_ROW);
}

#[test]
fn a_phone_number_is_paid_twice_if_the_question_came_before_the_control() {
    paid_twice_without(Guard::AskedAfter, PLAIN);
    paid_twice_without(Guard::AskedAfter, SLOW);
}

#[test]
fn a_phone_number_is_paid_twice_if_only_the_day_of_its_signature_is_asked_for() {
    paid_twice_without(Guard::AllDays, AHEAD_OF_UTC);
    paid_twice_without(Guard::AllDays, BEHIND_UTC);
}

#[test]
fn a_phone_number_is_paid_twice_if_the_day_before_is_not_asked_for() {
    paid_twice_without(Guard::DayBefore, BEHIND_UTC);
}

#[test]
fn a_phone_number_is_paid_twice_if_the_day_after_is_not_asked_for() {
    paid_twice_without(Guard::DayAfter, AHEAD_OF_UTC);
}

#[test]
fn a_phone_number_is_paid_twice_if_days_are_asked_for_only_up_to_its_signature() {
    paid_twice_without(Guard::DaysUntil, DATED_BY_RESULT);
}

#[test]
fn a_phone_number_is_paid_twice_if_a_local_clock_tells_when_the_question_was_asked() {
    paid_twice_without(Guard::AskedByTs, DATED_BY_RESULT);
    paid_twice_without(Guard::AskedByTs, FORGETS);
}

#[test]
fn a_phone_number_is_paid_twice_if_an_answer_that_contradicts_itself_is_believed() {
    paid_twice_without(Guard::Clean, CONTRADICTS);
}

#[test]
fn a_phone_number_is_paid_twice_if_absence_ends_a_doubt_that_came_from_a_reply() {
    paid_twice_without(Guard::FromReply, ANSWERS_UNCLEARLY);
}

#[test]
fn a_phone_number_is_paid_twice_if_what_may_be_forgotten_is_proved_unknown() {
    paid_twice_without(Guard::Memory, FORGETS);
}

#[test]
fn a_phone_number_is_paid_twice_if_failed_checks_are_believed_to_be_listed_before_one_was_shown() {
    paid_twice_without(Guard::FailureShown, HIDES_FAILURES);
}

/// What the documentation of `proof` says that it rests on: no guard can replace these.
#[test]
fn a_phone_number_is_paid_twice_if_an_assumption_about_the_platform_is_wrong() {
    for (assumption, world) in [
        (
            "a reply that says it may have charged is written down",
            World { loses_unclear_replies: true, ..PLAIN },
        ),
        ("a ts that is ahead is refused", World { takes_any_ts_ahead: true, ..PLAIN }),
        (
            "batches differ by no more than the spread",
            World { control_delays: [0, 0], spread: 1, ..SLOWER_THAN_CONTROL },
        ),
        ("the platform remembers as long as is believed", World { memory_overrated: 1, ..FORGETS }),
        (
            "failed checks are listed where a person says so",
            World { assumes_failures_listed: true, ..HIDES_FAILURES },
        ),
    ] {
        assert!(search(world).twice.is_some(), "it does not matter whether {assumption}");
    }
}

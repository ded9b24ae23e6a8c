//! Every condition of a proof, one by one, and the arithmetic of days and offsets.

use proptest::prelude::*;

use super::*;

/// 2023-11-14 22:13:20 UTC.
const SIGNED: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn rules() -> ProofRules {
    ProofRules::default()
}

fn doubt() -> Doubt {
    Doubt { signed: Some(SignedSpan::at(SIGNED)), from_reply: false }
}

fn control() -> ControlCandidate {
    let signed = SignedSpan::at(SIGNED + 63 * MINUTE + 1);
    ControlCandidate { signed, accepted: true, taken: 5, shown: 5, failures_shown: true }
}

fn judged(doubt: &Doubt, control: &ControlCandidate, change: impl Fn(&mut Absence<'_>)) -> Judgement {
    let asked_ms = SIGNED + 2 * HOUR;
    let days = days(SignedSpan::at(SIGNED), asked_ms);
    let mut absence = Absence { after_control: true, days: &days, asked_ms, clean: true };
    change(&mut absence);
    judge(doubt, Some(control), Some(&absence), &rules())
}

fn dates(days: &[Date]) -> Vec<String> {
    days.iter().map(Date::to_string).collect()
}

#[test]
fn a_later_batch_and_an_empty_answer_after_it_prove_that_a_batch_is_unknown() {
    assert_eq!(judged(&doubt(), &control(), |_| ()), Judgement::Unknown);
}

#[test]
fn an_empty_answer_without_a_control_proves_nothing() {
    let days = days(SignedSpan::at(SIGNED), SIGNED + HOUR);
    let absence = Absence { after_control: true, days: &days, asked_ms: SIGNED + HOUR, clean: true };
    let stays = Judgement::Stays(Unproved::NoControl);
    assert_eq!(judge(&doubt(), None, Some(&absence), &rules()), stays);
    assert_eq!(judge(&doubt(), None, None, &rules()), stays);
    assert_eq!(judge(&doubt(), Some(&control()), None, &rules()), Judgement::Stays(Unproved::NotAsked));
}

#[test]
fn a_control_is_signed_later_than_two_lives_a_margin_and_the_spread() {
    assert_eq!(control_after_ms(SignedSpan::at(SIGNED), &rules()), SIGNED + 63 * MINUTE);
    let signed =
        |ms| ControlCandidate { signed: SignedSpan { first_ms: ms, last_ms: ms + DAY }, ..control() };
    assert!(!is_control(&doubt(), &signed(SIGNED + 63 * MINUTE), &rules()));
    assert!(is_control(&doubt(), &signed(SIGNED + 63 * MINUTE + 1), &rules()));
    // The last attempt of the doubtful batch counts, and the first of the control.
    let repeated = Doubt { signed: Some(SignedSpan { first_ms: 0, last_ms: SIGNED + 1 }), from_reply: false };
    assert!(!is_control(&repeated, &signed(SIGNED + 63 * MINUTE + 1), &rules()));
    let spread = rules().with_visibility_spread(Duration::ZERO).with_margin(Duration::ZERO);
    assert!(!is_control(&doubt(), &signed(SIGNED + 2 * MINUTE), &spread));
    assert!(is_control(&doubt(), &signed(SIGNED + 2 * MINUTE + 1), &spread));
}

#[test]
fn a_control_was_accepted_and_is_shown_whole() {
    assert!(!is_control(&doubt(), &ControlCandidate { accepted: false, ..control() }, &rules()));
    assert!(!is_control(&doubt(), &ControlCandidate { shown: 4, ..control() }, &rules()));
    assert!(!is_control(&doubt(), &ControlCandidate { taken: 0, shown: 0, ..control() }, &rules()));
    assert_eq!(
        judged(&doubt(), &ControlCandidate { shown: 4, ..control() }, |_| ()),
        Judgement::Stays(Unproved::NoControl)
    );
}

#[test]
fn a_platform_that_has_shown_no_failed_check_proves_nothing_unless_a_person_says_that_it_lists_them() {
    let control = ControlCandidate { failures_shown: false, ..control() };
    assert_eq!(judged(&doubt(), &control, |_| ()), Judgement::Stays(Unproved::NoFailureShown));
    let asked_ms = SIGNED + 2 * HOUR;
    let days = days(SignedSpan::at(SIGNED), asked_ms);
    let absence = Absence { after_control: true, days: &days, asked_ms, clean: true };
    let rules = rules().with_failures_listed(true);
    assert_eq!(judge(&doubt(), Some(&control), Some(&absence), &rules), Judgement::Unknown);
}

#[test]
fn a_doubt_that_came_from_a_reply_stays_whatever_is_not_listed() {
    let stays = Judgement::Stays(Unproved::FromReply);
    assert_eq!(judged(&Doubt { from_reply: true, ..doubt() }, &control(), |_| ()), stays);
    assert_eq!(judged(&Doubt { from_reply: true, signed: None }, &control(), |_| ()), stays);
}

#[test]
fn what_was_never_confirmed_was_never_sent() {
    let never = Doubt { signed: None, from_reply: false };
    assert_eq!(judge(&never, None, None, &rules()), Judgement::NeverSent);
    assert!(!is_control(&never, &control(), &rules()));
}

#[test]
fn a_question_counts_that_was_asked_after_the_control_without_contradiction() {
    let early = judged(&doubt(), &control(), |absence| absence.after_control = false);
    assert_eq!(early, Judgement::Stays(Unproved::NotAsked));
    let odd = judged(&doubt(), &control(), |absence| absence.clean = false);
    assert_eq!(odd, Judgement::Stays(Unproved::Contradicted));
}

#[test]
fn every_day_that_was_left_out_leaves_the_doubt() {
    // Two hours later it is the next day in UTC.
    let all = days(SignedSpan::at(SIGNED), SIGNED + 2 * HOUR);
    assert_eq!(dates(&all), ["2023-11-13", "2023-11-14", "2023-11-15", "2023-11-16"]);
    for left_out in 0..all.len() {
        let mut asked = all.clone();
        asked.remove(left_out);
        let absence = Absence { after_control: true, days: &asked, asked_ms: SIGNED + 2 * HOUR, clean: true };
        let judged = judge(&doubt(), Some(&control()), Some(&absence), &rules());
        assert_eq!(judged, Judgement::Stays(Unproved::DaysLeftOut));
    }
    // Days chosen by a local clock that is behind end too early for a question that was signed later.
    let later = judged(&doubt(), &control(), |absence| absence.asked_ms = SIGNED + 2 * DAY);
    assert_eq!(later, Judgement::Stays(Unproved::DaysLeftOut));
}

#[test]
fn what_the_platform_may_have_forgotten_is_never_proved_unknown() {
    let end = SIGNED + 13 * DAY - 2 * MINUTE;
    assert!(is_remembered(SignedSpan::at(SIGNED), end - 1, &rules()));
    assert!(!is_remembered(SignedSpan::at(SIGNED), end, &rules()));
    let late = judged(&doubt(), &control(), |absence| absence.asked_ms = end);
    assert_eq!(late, Judgement::Stays(Unproved::Forgotten));
    // A first attempt with a clock of 1970.
    let ancient = Doubt { signed: Some(SignedSpan::at(0).with(SIGNED)), from_reply: false };
    assert_eq!(judged(&ancient, &control(), |_| ()), Judgement::Stays(Unproved::Forgotten));
    assert_eq!(days(SignedSpan::at(0).with(SIGNED), SIGNED).len(), MAX_DAYS);
}

#[test]
fn times_beyond_all_bounds_prove_nothing() {
    let doubt = Doubt { signed: Some(SignedSpan::at(u64::MAX)), from_reply: false };
    let control = ControlCandidate { signed: SignedSpan::at(u64::MAX), ..control() };
    assert!(!is_control(&doubt, &control, &rules()));
    assert_eq!(days(SignedSpan::at(u64::MAX), 0), []);
    // Nor does a question that was asked after the year 9999 about nothing.
    let endless = rules().with_memory(Duration::MAX);
    let absence = Absence { after_control: true, days: &[], asked_ms: u64::MAX / 2, clean: true };
    let judged = judge(&self::doubt(), Some(&self::control()), Some(&absence), &endless);
    assert!(matches!(judged, Judgement::Stays(_)), "{judged:?}");
}

#[test]
fn a_claim_is_confirmed_only_by_its_holder_while_it_is_being_sent() {
    use BatchState::{Accepted, InDoubt, Planned, Refused, Sending};
    for state in [Planned, Sending, InDoubt, Accepted, Refused] {
        assert_eq!(may_confirm(state, &1, &1), state == Sending);
        assert_eq!(may_end(state, &1, &1), state == Sending || state == InDoubt);
        assert_eq!(may_plan_again(state, &1, &1), state == InDoubt);
        assert!(!may_confirm(state, &1, &2) && !may_end(state, &1, &2) && !may_plan_again(state, &1, &2));
    }
    assert_eq!(after_lease(true), InDoubt);
    assert_eq!(after_lease(false), Planned);
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn rows_narrow_the_offsets_until_one_day_is_left_to_ask() {
    // Signed at 22:13 UTC: the 15th where clocks are two hours ahead, the 14th elsewhere.
    let signed = SignedSpan::at(SIGNED);
    let until_ms = SIGNED + 10 * MINUTE;
    let any = DateOffsets::ANY;
    assert_eq!(dates(&any.days(signed, until_ms)), ["2023-11-14", "2023-11-15"]);
    let east = any.after_row(day("2023-11-15"), signed, until_ms);
    // At 22:24, a signature's life after the question, it is midnight where clocks are 1:36 ahead: so 1:45 is the least offset.
    assert_eq!(east.bounds(), (UtcOffset::from_minutes(105).unwrap(), UtcOffset::from_minutes(840).unwrap()));
    assert_eq!(
        dates(&east.days(signed, until_ms)),
        ["2023-11-14", "2023-11-15"],
        "a minute may be the day before"
    );
    assert_eq!(dates(&east.days(SignedSpan::at(SIGNED + 20 * MINUTE), SIGNED + HOUR)), ["2023-11-15"]);
    let west = any.after_row(day("2023-11-14"), signed, until_ms);
    assert_eq!(west.bounds().1, UtcOffset::from_minutes(105).unwrap());
}

#[test]
fn a_platform_that_ignores_the_date_leaves_every_offset_possible() {
    let signed = SignedSpan::at(SIGNED);
    let until_ms = SIGNED + 10 * MINUTE;
    assert_eq!(DateOffsets::ANY.after_row(day("2023-10-01"), signed, until_ms), DateOffsets::ANY);
    let east =
        DateOffsets::ANY.after_row(day("2023-11-15"), SignedSpan::at(SIGNED - 2 * HOUR), SIGNED - 2 * HOUR);
    assert_eq!(east.after_row(day("2023-11-14"), signed, until_ms), DateOffsets::ANY);
}

proptest! {
    /// Wherever the platform is, and whichever of its moments it dates by.
    #[test]
    fn the_days_hold_the_one_under_which_the_platform_files_a_batch(
        first_ms in SIGNED..SIGNED + 3 * DAY, attempts in 0..HOUR, zone in -720_i16..=840,
        early in 0..=MINUTE, wait in 0..12 * DAY, skew in 0..=MINUTE,
    ) {
        let signed = SignedSpan::at(first_ms).with(first_ms + attempts);
        let dated_ms = first_ms - early + wait;
        let asked_ms = (dated_ms - skew).max(first_ms);
        let filed = Date::from_unix_ms(dated_ms, UtcOffset::from_minutes(zone).unwrap()).unwrap();
        prop_assert!(days(signed, asked_ms).contains(&filed));
    }

    /// Polling finds the day, and narrows to it without losing the zone that the platform is in.
    #[test]
    fn narrowing_never_loses_the_zone_of_the_platform(
        quarters in -48_i16..=56, batches in proptest::collection::vec((0..5 * DAY, 0..2 * HOUR), 1..20),
    ) {
        let zone = UtcOffset::from_minutes(quarters * 15).unwrap();
        let mut offsets = DateOffsets::ANY;
        for (after, wait) in batches {
            let signed = SignedSpan::at(SIGNED + after);
            let until_ms = signed.last_ms + wait;
            let filed = Date::from_unix_ms(signed.first_ms + wait / 2, zone).unwrap();
            prop_assert!(offsets.days(signed, until_ms).contains(&filed));
            prop_assert!(offsets.days(signed, until_ms).iter().all(|day| days(signed, until_ms).contains(day)));
            offsets = offsets.after_row(filed, signed, until_ms);
            let (least, most) = offsets.bounds();
            prop_assert!(least <= zone && zone <= most);
        }
    }

    /// The model relies on it: it tries only the latest control that can be seen.
    #[test]
    fn a_later_control_is_never_worse(gap in 0..3 * HOUR, later in 0..3 * HOUR, shown in 0_u64..=5, more in 0_u64..=5) {
        let candidate = |gap, shown| ControlCandidate { signed: SignedSpan::at(SIGNED + gap), shown, ..control() };
        let (earlier, later) = (candidate(gap, shown), candidate(gap + later, shown + more));
        prop_assert!(!is_control(&doubt(), &earlier, &rules()) || is_control(&doubt(), &later, &rules()));
    }

    /// Each condition by itself is needed, whatever the others are.
    #[test]
    fn nothing_is_proved_by_less_than_everything(
        gap in 0..3 * HOUR, shown in 0_u64..=5, accepted: bool, after_control: bool, clean: bool, from_reply: bool,
        asked in 0..14 * DAY, until in 0..14 * DAY,
    ) {
        let doubt = Doubt { from_reply, ..doubt() };
        let signed = SignedSpan::at(SIGNED + gap);
        let control = ControlCandidate { signed, accepted, taken: 5, shown, failures_shown: true };
        let days = days(SignedSpan::at(SIGNED), SIGNED + until);
        let absence = Absence { after_control, days: &days, asked_ms: SIGNED + asked, clean };
        let expected = !from_reply
            && accepted && shown == 5 && gap > 63 * MINUTE
            && after_control && clean
            && asked < 13 * DAY - 2 * MINUTE
            // The same day of UTC, or one that was asked for anyway.
            && (SIGNED + asked) / DAY <= (SIGNED + until) / DAY;
        let judged = judge(&doubt, Some(&control), Some(&absence), &rules());
        prop_assert_eq!(judged == Judgement::Unknown, expected, "{:?}", judged);
    }
}

//! Worlds in which one certain thing goes wrong: what random ones meet too seldom.
//!
//! Each is a counter-example to a job that leaves one of its checks out.

use numcheck_bulk::JobState;
use numcheck_bulk::conformance::reader::reader;
use numcheck_protocol::PhoneNumber;

use crate::model::made::number;
use crate::model::on_sqlite::run;
use crate::model::scenario::{Command, Failures, Fate, Query, Scenario, Script, Takes};
use crate::model::world::End;

/// An hour and a bit later than what was sent at the start: by so much a control must be.
const LATER: u64 = 70;

fn ends(scenario: &Scenario) -> End {
    let end = run(scenario);
    assert!(end.broken.is_empty(), "{end}");
    end
}

/// How often each of the first numbers was accepted.
fn accepted<const N: usize>(end: &End) -> [usize; N] {
    std::array::from_fn(|at| end.accepted.get(&number(at as u64)).copied().unwrap_or_default())
}

/// How many phone numbers of the first command's job have a result, and how many are in doubt.
fn settled(end: &End) -> (u64, u64) {
    let first = end.jobs.first().expect("a job");
    assert_eq!(first.0, JobState::Open);
    let ledger = &first.1;
    let settled = ledger.settled + ledger.failed + ledger.reused.total();
    (settled, ledger.in_doubt + ledger.missing + ledger.waiting_in_doubt)
}

/// The first command's request is lost, and another one is given later.
fn lost_and_later(script: Script) -> Scenario {
    Scenario::scripted(vec![Command::at(0, 0, 2), Command::at(LATER, 5, 2)], script)
}

fn first(fate: Fate) -> Script {
    Script { fates: vec![fate], ..Script::default() }
}

#[test]
fn a_lost_request_is_sent_again_once_as_soon_as_a_later_batch_shows_that_it_never_arrived() {
    let end = ends(&lost_and_later(first(Fate::Lost)));
    assert_eq!(accepted(&end), [1, 1]);
    assert_eq!(settled(&end), (2, 0));
}

#[test]
fn without_a_later_batch_a_lost_request_stays_in_doubt() {
    let end = ends(&Scenario::scripted(vec![Command::at(0, 0, 2)], first(Fate::Lost)));
    assert_eq!(accepted(&end), [0, 0]);
    assert_eq!(settled(&end), (0, 2));
}

#[test]
fn a_later_batch_that_is_not_later_enough_proves_nothing() {
    let commands = vec![Command::at(0, 0, 2), Command::at(LATER - 10, 5, 2)];
    let end = ends(&Scenario::scripted(commands, first(Fate::Lost)));
    assert_eq!(accepted(&end), [0, 0]);
    assert_eq!(settled(&end), (0, 2));
}

#[test]
fn where_the_account_may_not_ask_a_lost_request_stays_in_doubt() {
    for query in [Query::Never, Query::Empty] {
        let mut scenario = lost_and_later(first(Fate::Lost));
        scenario.traits.query = query;
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([0, 0], (0, 2)), "{query:?}");
    }
}

/// Where failed checks are listed, and where they are not: the same is known of the lost batch.
#[test]
fn a_batch_of_nothing_but_failed_checks_that_no_query_shows_stays_in_doubt() {
    let mut scenario = lost_and_later(Script { first_fails: true, ..first(Fate::Unanswered) });
    (scenario.traits.failures, scenario.faults.not_pushed) = (Failures::Hidden, 100);
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (0, 2)));
    let mut scenario = lost_and_later(first(Fate::Lost));
    scenario.traits.failures = Failures::Listed;
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([0, 0], (0, 2)));
}

#[test]
fn a_failed_check_of_a_later_batch_that_the_query_shows_proves_that_a_lost_request_never_arrived() {
    let mut scenario = lost_and_later(Script { first_fails: true, ..first(Fate::Lost) });
    scenario.traits.failures = Failures::Listed;
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)));
}

#[test]
fn a_person_decides_what_nothing_proves_and_it_is_paid_once() {
    let script = Script { resubmit: Some(30), ..first(Fate::Lost) };
    let end = ends(&Scenario::scripted(vec![Command::at(0, 0, 2)], script));
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)));
    // Where the request had arrived, a person's word is paid for.
    let script = Script { resubmit: Some(30), ..first(Fate::Doubted) };
    let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2)], script);
    scenario.faults.not_pushed = 100;
    let end = ends(&scenario);
    assert_eq!(accepted(&end), [2, 2]);
}

/// Whatever its zone and whenever it was sent, a batch is found: one that was accepted before it counts as missing, and one in doubt before
/// a control can be found without it.
#[test]
fn results_are_found_in_whatever_zone_the_platform_lives() {
    const HOUR: u64 = 60;
    for zone in [-12 * 4, 8 * 4, 14 * 4] {
        // The world begins at 22:13, UTC.
        for start in [0, 7 * HOUR] {
            for fate in [Fate::Unanswered, Fate::Arrives] {
                let commands = vec![Command::at(start, 0, 2), Command::at(start + 9 * HOUR, 5, 2)];
                let mut scenario = Scenario::scripted(commands, first(fate));
                (scenario.traits.zone, scenario.traits.by_finish) = (zone, start > 0);
                (scenario.traits.delay, scenario.faults.not_pushed) = (30, 100);
                let end = ends(&scenario);
                assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{zone} {start} {fate:?}");
            }
        }
    }
}

/// A request that is signed and then sleeps for hours, until it is somebody else's: its signature has expired, the clock is corrected, and
/// the repeat must not be sent.
#[test]
fn a_sender_that_wakes_up_after_its_batch_was_sent_again_sends_nothing() {
    for point in ["confirm", "confirmed", "signed"] {
        let naps = vec![(point, 1, 300)];
        let mut scenario = lost_and_later(Script { naps, ..Script::default() });
        scenario.runners = 2;
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{point}");
    }
}

/// The same with an answer that comes to the sender after its claim was given up: what it says of the first sending must not be taken for
/// what became of the second.
#[test]
fn the_end_of_a_claim_that_was_given_up_is_not_the_end_of_the_next() {
    // The second sending is in doubt as well, for the time until it is listed; the first one's sender wakes up before, then, or after.
    let mut again = 0;
    for nap in (105..230).step_by(20) {
        let fates = vec![Fate::Refused, Fate::Arrives, Fate::Unanswered];
        let script = Script { fates, naps: vec![("answer", 1, nap)], ..Script::default() };
        let mut scenario = lost_and_later(script);
        (scenario.runners, scenario.traits.delay, scenario.faults.not_pushed) = (2, 40, 100);
        let end = ends(&scenario);
        match (accepted(&end), settled(&end)) {
            // It was refused, and nobody had sent it again.
            ([0, 0], (0, 0)) => {}
            ([1, 1], (2, 0)) => again += 1,
            other => panic!("{nap}: {other:?}"),
        }
    }
    assert!(again > 2, "{again}");
}

/// Who has judged a doubt and sleeps before it plans the batch again must not mean the next sending, which is in doubt as well.
#[test]
fn a_judgement_is_about_the_claim_that_was_judged() {
    let mut again = 0;
    for nap in (10..160).step_by(20) {
        let fates = vec![Fate::Lost, Fate::Arrives, Fate::Unanswered];
        let script = Script { fates, naps: vec![("plan_again", 1, nap)], ..Script::default() };
        let mut scenario = lost_and_later(script);
        (scenario.runners, scenario.traits.delay, scenario.faults.not_pushed) = (2, 40, 100);
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{nap}");
        again += usize::from(end.log.iter().any(|line| line.ends_with("is taken for unknown: false")));
    }
    assert!(again > 2, "{again}");
}

#[test]
fn a_claim_that_was_never_confirmed_is_planned_again_without_proof() {
    for owners in [false, true] {
        let script = Script { deaths: vec![("confirm", 1)], ..Script::default() };
        let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2)], script);
        scenario.owners = owners;
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{owners}");
    }
}

#[test]
fn a_claim_that_was_confirmed_is_in_doubt_when_its_owner_dies() {
    for point in ["confirmed", "signed"] {
        let script = Script { deaths: vec![(point, 1)], ..Script::default() };
        let end = ends(&Scenario::scripted(vec![Command::at(0, 0, 2)], script));
        assert_eq!((accepted(&end), settled(&end)), ([0, 0], (0, 2)), "{point}");
    }
}

#[test]
fn a_doubt_that_came_from_a_reply_is_not_ended_by_absence() {
    let mut scenario = lost_and_later(first(Fate::Doubted));
    scenario.faults.not_pushed = 100;
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (0, 2)));
    // It is ended by presence, and by a result.
    for pushes in [true, false] {
        let mut scenario = lost_and_later(first(Fate::Doubted));
        (scenario.traits.hides, scenario.faults.not_pushed) = (pushes, if pushes { 0 } else { 100 });
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{pushes}");
    }
}

/// Batches differ in when they can be found, by as much as is assumed: the gap between the two must cover that.
#[test]
fn a_batch_that_can_be_found_late_is_not_taken_for_unknown() {
    for start in [2, 61, LATER] {
        let script = Script { fates: vec![Fate::Unanswered], delays: vec![59, 0], ..Script::default() };
        let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2), Command::at(start, 5, 2)], script);
        (scenario.traits.delay, scenario.faults.not_pushed) = (30, 100);
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{start}");
    }
}

/// The rows of a batch come into sight one after the other: some of a control's say nothing.
#[test]
fn a_control_counts_only_once_all_of_it_is_shown() {
    let mut scenario = lost_and_later(first(Fate::Unanswered));
    // One number, and the last row of it: nothing of the first batch is seen for ten hours.
    scenario.commands[0] = Command::at(0, 0, 1);
    scenario.commands[1] = Command::at(LATER, 5, 9);
    (scenario.traits.trickle, scenario.faults.not_pushed) = (600, 100);
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1], (1, 0)));
}

/// What was asked before the control was seen says nothing: the batch was still to appear.
#[test]
fn only_what_is_asked_after_the_control_was_seen_counts() {
    let script = Script {
        fates: vec![Fate::Unanswered],
        delays: vec![50, 0],
        // Asked about the doubt a few times, and asleep before the control is looked for.
        naps: vec![("controls", 4, 240)],
        ..Script::default()
    };
    let mut scenario = lost_and_later(script);
    scenario.faults.not_pushed = 100;
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)));
}

#[test]
fn an_empty_answer_that_contradicts_itself_proves_nothing() {
    for seed in 0..4 {
        // The first answers that could show the batch are odd; those about the control come later, and are not.
        let script = Script { fates: vec![Fate::Unanswered], first_contradicts: true, ..Script::default() };
        let mut scenario = lost_and_later(script);
        (scenario.seed, scenario.faults.not_pushed) = (seed, 100);
        let end = ends(&scenario);
        assert_eq!(accepted(&end), [1, 1], "{seed}");
    }
}

/// A control with one empty day that says "busy" does not tell in which form an absence comes.
#[test]
fn a_control_whose_answers_differ_in_form_proves_nothing() {
    for seed in 0..4 {
        let script = Script { fates: vec![Fate::Unanswered], busy: true, ..Script::default() };
        let mut scenario = lost_and_later(script);
        (scenario.seed, scenario.faults.not_pushed) = (seed, 100);
        let end = ends(&scenario);
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (0, 2)), "{seed}");
    }
}

/// Two commands a little apart, whose clocks are off, on a platform that lists late and pushes nothing.
fn two_commands_with_clocks(fates: Vec<Fate>, off: Vec<i64>) -> Scenario {
    let script = Script { fates, delays: vec![59, 0], off, ..Script::default() };
    let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2), Command::at(3, 5, 2)], script);
    (scenario.traits.delay, scenario.faults.not_pushed) = (30, 100);
    scenario
}

/// The first attempt is refused because of the clock, the second one is accepted, and its answer is lost: the last signature counts, and a
/// control is later than that.
#[test]
fn a_clock_that_was_slow_does_not_bring_the_control_nearer() {
    for off in [-90, -66, 10, 66] {
        let end = ends(&two_commands_with_clocks(vec![Fate::Arrives, Fate::Unanswered], vec![off]));
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{off}");
    }
}

/// A control's first signature counts: it may have been accepted as early as that.
#[test]
fn a_control_whose_clock_was_fast_is_no_later_for_it() {
    for off in [66, 400] {
        let fates = vec![Fate::Unanswered, Fate::Arrives, Fate::Arrives];
        let end = ends(&two_commands_with_clocks(fates, vec![0, off]));
        assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)), "{off}");
    }
}

/// A request that travels for as long as its signature lives, signed by a clock that is ahead by as much as the platform allows.
#[test]
fn a_request_that_arrives_late_is_not_taken_for_lost() {
    for late in [30, 59, 61, 119] {
        let script = Script { fates: vec![Fate::Late(late)], ..Script::default() };
        let end = ends(&lost_and_later(script));
        let [first, second] = accepted(&end);
        assert!(first == second && first == 1, "{late}");
    }
}

/// What was not listed in time by a clock that had been set forward is still awaited.
#[test]
fn nothing_is_missing_before_the_platform_had_its_time_by_its_own_clock() {
    let script = Script { off: vec![400], ..Script::default() };
    let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2)], script);
    (scenario.traits.delay, scenario.faults.not_pushed) = (50, 100);
    let end = ends(&scenario);
    assert_eq!((accepted(&end), settled(&end)), ([1, 1], (2, 0)));
}

#[test]
fn what_another_job_has_under_way_is_waited_for_and_its_result_is_taken() {
    for start in [0, 1, 5] {
        let commands = vec![Command::at(0, 0, 3), Command::at(start, 1, 3)];
        let end = ends(&Scenario::scripted(commands, Script::default()));
        assert_eq!(accepted(&end), [1, 1, 1, 1]);
        assert_eq!(settled(&end), (3, 0));
    }
}

#[test]
fn a_file_with_what_another_job_has_in_doubt_is_settled_by_the_proof_about_that() {
    // The first command's processes have ended when the second one asks.
    let script = Script { fates: vec![Fate::Lost], deaths: vec![("answer", 1)], ..Script::default() };
    let mut commands = vec![Command::at(0, 0, 2), Command::at(LATER, 1, 3)];
    commands[1].sizes = vec![1, 2];
    let end = ends(&Scenario::scripted(commands, script));
    assert_eq!(accepted(&end), [1, 1, 1, 1]);
}

#[test]
fn to_check_again_is_paid_once_more_and_what_is_under_way_is_not() {
    let again = |start| Command { takes: Takes::None, ..Command::at(start, 0, 2) };
    let end = ends(&Scenario::scripted(vec![Command::at(0, 0, 2), again(60)], Script::default()));
    assert_eq!(accepted(&end), [2, 2]);
    let end = ends(&Scenario::scripted(vec![Command::at(0, 5, 2), again(0), again(0)], Script::default()));
    assert_eq!(accepted(&end), [1, 1]);
    // What is in doubt is not overridden.
    let commands = vec![Command::at(0, 0, 3), again(60)];
    let end = ends(&Scenario::scripted(commands, first(Fate::Doubted)));
    assert!(accepted::<2>(&end).iter().all(|count| *count <= 2));
    let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 3), again(60)], first(Fate::Doubted));
    scenario.faults.not_pushed = 100;
    assert_eq!(accepted(&ends(&scenario)), [1, 1, 1]);
}

#[test]
fn a_result_that_came_after_a_command_was_given_is_taken_by_it_whatever_it_overrides() {
    for takes in [Takes::None, Takes::Younger(0), Takes::NoFailures] {
        // It looks half an hour after it was made, when the results of the first one have come.
        let script = Script { naps: vec![("finish_plan", 2, 30)], ..Script::default() };
        let commands = vec![Command::at(0, 0, 2), Command { takes, ..Command::at(0, 0, 3) }];
        let mut scenario = Scenario::scripted(commands, script);
        scenario.faults.failed = 100;
        let end = ends(&scenario);
        assert_eq!(accepted(&end), [1, 1, 1], "{takes:?}");
    }
}

#[test]
fn what_is_old_and_what_failed_in_passing_is_checked_again_where_that_was_asked_for() {
    let later = |takes| Command { takes, ..Command::at(120, 0, 2) };
    for (takes, failed, times) in [
        (Takes::All, 0, 1),
        (Takes::Younger(200), 0, 1),
        (Takes::Younger(30), 0, 2),
        (Takes::NoFailures, 0, 1),
        (Takes::NoFailures, 100, 2),
        (Takes::All, 100, 1),
    ] {
        let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2), later(takes)], Script::default());
        scenario.faults.failed = failed;
        let end = ends(&scenario);
        assert_eq!(accepted(&end), [times, times], "{takes:?} {failed}");
    }
}

/// Both sendings of what a person had sent twice are charged, whichever way their results come, and each of them once.
#[test]
fn both_charges_of_two_sendings_are_in_the_costs() {
    for not_pushed in [0, 50] {
        for seed in 0..2 {
            let script = Script { resubmit: Some(30), ..first(Fate::Unanswered) };
            let mut scenario = Scenario::scripted(vec![Command::at(0, 0, 2)], script);
            (scenario.seed, scenario.faults.not_pushed, scenario.traits.delay) = (seed, not_pushed, 40);
            let end = ends(&scenario);
            let numbers: Vec<PhoneNumber> = end.accepted.keys().copied().collect();
            assert_eq!(numbers.len(), 2);
        }
    }
}

/// A row waits for a batch that is never sent again, because another job has sent its phone number meanwhile.
#[test]
fn who_waits_for_a_sending_that_another_job_has_replaced_waits_for_that_one() {
    use crate::model::made::{Push, T0, doubt, end, enter, fold, of_numbers, row, try_claim};
    use numcheck_bulk::{Sqlite, Store};

    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap();
    let numbers = [number(0)];
    crate::model::stepped::block_on(None, async {
        let first = of_numbers(&store, 1, &numbers).await;
        let lost = crate::model::made::claim(&store, &first, T0).await;
        end(&store, &lost, doubt()).await;
        let waits = of_numbers(&store, 2, &numbers).await;
        assert_eq!(try_claim(&store, waits.id, T0).await, None);
        assert!(store.plan_again(lost.batch, lost.claim).await.unwrap());
        let third = of_numbers(&store, 3, &numbers).await;
        let sent = crate::model::made::accepted(&store, &third).await;
        // The first one finds it under way elsewhere, too.
        assert_eq!(try_claim(&store, first.id, T0).await, None);
        for _ in 0..2 {
            store.follow(waits.id).await.unwrap();
            assert_eq!(try_claim(&store, waits.id, T0).await, None);
        }
        fold(&store).await;
        enter(&store, vec![Push::of(&sent.batch_no, numbers[0]).pushed()]).await;
        for job in [&first, &waits, &third] {
            store.follow(job.id).await.unwrap();
            assert!(row(&store, job.id, 0).await.result.is_some(), "job {}", job.name);
        }
    });
}

/// However often the result of a second sending comes, pushed and fetched, it was charged once.
#[test]
fn a_second_sending_is_charged_once_whichever_ways_its_result_comes() {
    use crate::model::made::{Push, T0, doubt, end, of_numbers, try_claim};
    use numcheck_bulk::{Sqlite, Store};

    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap();
    crate::model::stepped::block_on(None, async {
        let job = of_numbers(&store, 1, &[number(0), number(1)]).await;
        let one = crate::model::made::claim(&store, &job, T0).await;
        end(&store, &one, doubt()).await;
        assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 2);
        let other = try_claim(&store, job.id, T0).await.unwrap();
        let [first, second] = [&one, &other].map(|sent| Push::of(&sent.batch_no, number(0)));
        let conflict = Push { carrier: "another".into(), ..second.clone() };
        let results = [first.pushed(), second.pushed(), second.fetched(), conflict.pushed(), second.pushed()];
        for result in results {
            store.append(vec![result]).await.unwrap();
            store.fold(10).await.unwrap();
        }
        let ledger = store.ledger(job.id).await.unwrap();
        assert_eq!((ledger.settled, ledger.charged_again), (1, 1));
        assert_eq!(store.quarantine(0, 10).await.unwrap().len(), 3);
        assert_eq!(ledger.costs.values().map(|sum| sum.count).sum::<u64>(), 2);
    });
}

/// A result that was stored and not entered yet proves that its batch was accepted.
#[test]
fn what_waits_to_be_entered_counts_before_a_batch_is_planned_again() {
    use crate::model::made::{Push, T0, doubt, end, of_numbers};
    use numcheck_bulk::{Sqlite, Store};

    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap();
    crate::model::stepped::block_on(None, async {
        let job = of_numbers(&store, 1, &[number(0)]).await;
        let sent = crate::model::made::claim(&store, &job, T0).await;
        end(&store, &sent, doubt()).await;
        store.append(vec![Push::of(&sent.batch_no, number(0)).pushed()]).await.unwrap();
        assert!(!store.plan_again(sent.batch, sent.claim).await.unwrap());
        assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 0);
    });
}

/// Takes every batch, and counts the phone numbers.
#[derive(Debug, Default)]
struct TakesAll(std::sync::atomic::AtomicUsize);

impl numcheck_bulk::CheckService for TakesAll {
    fn info(&self) -> numcheck_bulk::ServiceInfo {
        numcheck_bulk::ServiceInfo::new(numcheck_bulk::Scope::NUMBER_CHECK, 10_000)
    }

    async fn submit(&self, submission: numcheck_bulk::Submission) -> numcheck_bulk::Submitted {
        assert!(submission.claim.confirm(crate::model::made::T0).await);
        self.0.fetch_add(submission.numbers.len(), std::sync::atomic::Ordering::SeqCst);
        numcheck_bulk::Submitted::Accepted { message_id: None, results: Vec::new(), drift: Vec::new() }
    }

    async fn query(
        &self,
        _: &numcheck_protocol::BatchNo,
        _: &[numcheck_protocol::Date],
        _: u64,
    ) -> numcheck_bulk::Found {
        numcheck_bulk::Found::default()
    }
}

/// Both sendings of what a person has sent twice may be charged: both count against a cap.
#[test]
fn what_is_sent_again_despite_a_doubt_counts_twice_against_a_cap() {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use crate::model::made::{T0, claim, currency, doubt, end, of_numbers, price};
    use numcheck_bulk::{
        Budget, Cancel, Cutoff, Drive, Halt, PriceKey, SpendingLimits, Sqlite, Store, SystemWallClock,
    };

    for (cap, sent, halt) in [("3.9", 0, Some(Halt::CapReached)), ("4", 2, None)] {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap());
        crate::model::stepped::block_on(None, async {
            let job = of_numbers(&*store, 1, &[number(0), number(1)]).await;
            let first = claim(&*store, &job, T0).await;
            end(&*store, &first, doubt()).await;
            assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 2);
            let mut limits = SpendingLimits::new();
            limits.prices.set(PriceKey { level: 5, group: "CN".into() }, currency("USD"), price("1"));
            let caps = [(currency("USD"), price(cap))].into();
            limits.job = Some(Budget { caps, cutoff: Cutoff::Cautious });
            let platform = Arc::new(TakesAll::default());
            let drive =
                Drive::new(Arc::clone(&store), Arc::clone(&platform), Arc::new(SystemWallClock), "me".into());
            let driven = drive.with_limits(limits).run(&job, &Cancel::new()).await.unwrap();
            assert_eq!((platform.0.load(Ordering::SeqCst), driven.halt), (sent, halt), "{cap}");
        });
    }
}

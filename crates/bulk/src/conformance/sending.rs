//! Batches: taken, sent, ended, planned again.

use numcheck_bulk::store::Skip;
use std::collections::HashSet;
use std::sync::Arc;

use numcheck_bulk::{BatchEnd, BatchState, Store};

use super::Place;
use super::made::*;

pub async fn a_batch_is_taken_once_by_however_many_senders_in_two_processes<P: Place>(place: &P) {
    let one = place.open().await;
    let other = place.open().await;
    let job = planned(&*one, 1, &[2; 60]).await;
    let senders: Vec<_> = (0..8)
        .map(|at| {
            let store = Arc::clone(if at % 2 == 0 { &one } else { &other });
            let id = job.id;
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(claimed) = try_claim(&*store, id, T0).await {
                    taken.push(claimed);
                }
                taken
            })
        })
        .collect();
    let mut numbers = HashSet::new();
    let mut batches = HashSet::new();
    for sender in senders {
        for claimed in sender.await.unwrap() {
            assert!(batches.insert(claimed.batch), "{} was taken twice", claimed.batch_no);
            numbers.extend(claimed.numbers);
        }
    }
    assert_eq!((batches.len(), numbers.len()), (60, 120));
    assert_eq!(check(&*one, job.id).await.pending, 120);
}

pub async fn batches_are_sent_in_the_order_of_the_plan<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1; 12]).await;
    for at in 1..=12 {
        assert_eq!(claim(&*store, &job, T0).await.batch_no, named(1, at));
    }
    assert_eq!(try_claim(&*store, job.id, T0).await, None);
}

pub async fn every_end_of_sending_leads_to_its_state<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1, 2, 4, 8]).await;
    let unknown = BatchEnd::InDoubt { code: Some(299), message: "system error".into(), from_reply: true };
    let ends = [BatchEnd::Accepted { message_id: Some("id".into()) }, refusal(), unknown, BatchEnd::NotSent];
    for to in ends {
        let claimed = claim(&*store, &job, T0).await;
        check(&*store, job.id).await;
        end(&*store, &claimed, to).await;
        check(&*store, job.id).await;
    }
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.pending, ledger.refused, ledger.in_doubt, ledger.planned), (1, 2, 4, 8));
    assert_eq!(ledger.submitted, 5, "a refused batch and one that did not leave were not submitted");
    assert!(!ledger.is_final());

    let refused = row(&*store, job.id, 1).await;
    assert_eq!((refused.state, refused.code), (BatchState::Refused, Some(211)));
    assert_eq!(refused.message.as_deref(), Some("no money"));
    let in_doubt = row(&*store, job.id, 3).await;
    assert_eq!((in_doubt.state, in_doubt.code), (BatchState::InDoubt, Some(299)));
    assert_eq!(in_doubt.message.as_deref(), Some("system error"));
    let unsent = row(&*store, job.id, 7).await;
    assert_eq!((unsent.state, unsent.code, unsent.message), (BatchState::Planned, None, None));

    let open = store.open_batches(job.id).await.unwrap();
    let states: Vec<_> = open.iter().map(|batch| (batch.state, batch.sent_ms, batch.from_reply)).collect();
    assert_eq!(states, [(BatchState::Accepted, T0, false), (BatchState::InDoubt, T0, true)]);

    // What did not leave is sent under the same number, and then its time is that of the second sending.
    let again = claim(&*store, &job, T0 + 9000).await;
    assert_eq!((again.batch_no.clone(), again.numbers.len()), (named(1, 4), 8));
    let open = store.open_batches(job.id).await.unwrap();
    let sending = open.iter().find(|batch| batch.batch == again.batch).unwrap();
    assert_eq!((sending.state, sending.sent_ms), (BatchState::Sending, T0 + 9000));
}

pub async fn what_was_turned_away_is_planned_with_its_reason_until_it_is_taken_again<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let first = claim(&*store, &job, T0).await;
    let reason = || BatchEnd::NotCarriedOut { code: Some(1003), message: "wrong keys".into() };
    end(&*store, &first, reason()).await;
    let fate = row(&*store, job.id, 0).await;
    assert_eq!(
        (fate.state, fate.code, fate.message.as_deref()),
        (BatchState::Planned, Some(1003), Some("wrong keys"))
    );
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.planned, ledger.refused, ledger.submitted), (3, 0, 0));
    assert!(!ledger.is_final());

    let again = claim(&*store, &job, T0 + 9000).await;
    assert_eq!((&again.batch_no, again.numbers.len()), (&first.batch_no, 3), "nothing of it was ever taken");
    let fate = row(&*store, job.id, 0).await;
    assert_eq!((fate.state, fate.code, fate.message), (BatchState::Sending, None, None));
    // A result proves that it was accepted, whatever came instead of an answer.
    enter(&*store, vec![Push::of(&again.batch_no, again.numbers[0]).pushed()]).await;
    end(&*store, &again, reason()).await;
    let fate = row(&*store, job.id, 1).await;
    assert_eq!((fate.state, fate.code, fate.message), (BatchState::Accepted, None, None));
    check(&*store, job.id).await;
}

pub async fn a_word_about_an_earlier_sending_changes_nothing<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let slow = claim(&*store, &job, T0).await;
    assert!(store.give_up(slow.batch, slow.claim).await.unwrap());
    assert!(store.plan_again(slow.batch, slow.claim).await.unwrap());
    let second = claim(&*store, &job, T0 + 900_000).await;
    assert_ne!(second.batch_no, slow.batch_no);

    // The first sender wakes up. Had its word an effect, the batch would be sent a third time, or taken for refused.
    for late in [BatchEnd::NotSent, refusal(), doubt(), BatchEnd::Accepted { message_id: None }] {
        end(&*store, &slow, late).await;
        assert_eq!(row(&*store, job.id, 0).await.state, BatchState::Sending);
    }
    assert_eq!(try_claim(&*store, job.id, T0).await, None);

    end(&*store, &second, doubt()).await;
    assert!(!store.plan_again(slow.batch, slow.claim).await.unwrap(), "proof about the first number");
    assert_eq!(row(&*store, job.id, 0).await.state, BatchState::InDoubt);
    end(&*store, &second, BatchEnd::Accepted { message_id: None }).await;
    assert_eq!(store.mark_missing(slow.batch, slow.claim).await.unwrap(), 0);
    assert!(!row(&*store, job.id, 0).await.missing);
    // What has ended for good cannot end otherwise.
    for late in [BatchEnd::NotSent, refusal(), doubt()] {
        end(&*store, &second, late).await;
        assert_eq!(row(&*store, job.id, 0).await.state, BatchState::Accepted);
    }
    check(&*store, job.id).await;
}

pub async fn an_end_cannot_undo_what_a_result_has_proved<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2, 2, 2, 2]).await;
    for (at, late) in [refusal(), BatchEnd::NotSent, doubt()].into_iter().enumerate() {
        let claimed = claim(&*store, &job, T0).await;
        let push = Push::of(&claimed.batch_no, claimed.numbers[0]);
        assert_eq!(enter(&*store, vec![push.pushed()]).await, [1, 0, 0, 0]);
        check(&*store, job.id).await;
        end(&*store, &claimed, late).await;
        let other = row(&*store, job.id, at as u64 * 2 + 1).await;
        assert_eq!((other.state, other.code, other.message), (BatchState::Accepted, None, None));
        check(&*store, job.id).await;
    }
    // The same when nobody writes an end.
    let claimed = claim(&*store, &job, T0).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await;
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    let other = row(&*store, job.id, 7).await;
    assert_eq!((other.state, other.message), (BatchState::Accepted, None));
    assert_eq!(check(&*store, job.id).await.pending, 4);
}

pub async fn a_sender_that_died_leaves_its_batch_in_doubt<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1, 1, 1]).await;
    let other_job = planned(&*store, 2, &[1]).await;
    claim(&*store, &other_job, T0).await;
    let dead = claim(&*store, &job, T0).await;
    let alive = claim(&*store, &job, T0 + 10).await;
    drop(store);

    let store = place.open().await;
    assert!(store.give_up(dead.batch, dead.claim).await.unwrap());
    assert!(!store.give_up(dead.batch, dead.claim).await.unwrap(), "once");
    assert!(!store.give_up(alive.batch, dead.claim).await.unwrap(), "under its own claim");
    let open = store.open_batches(job.id).await.unwrap();
    let states: Vec<_> = open.iter().map(|batch| (batch.batch, batch.state)).collect();
    assert_eq!(states, [(dead.batch, BatchState::InDoubt), (alive.batch, BatchState::Sending)]);
    assert!(open[0].message.is_some() && open[1].message.is_none());
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.in_doubt, ledger.pending, ledger.planned), (1, 1, 1));
    assert_eq!(check(&*store, other_job.id).await.in_doubt, 0, "another job is not touched");

    // It was only slow: its answer counts.
    end(&*store, &dead, BatchEnd::Accepted { message_id: None }).await;
    assert_eq!(row(&*store, job.id, 0).await.state, BatchState::Accepted);
    assert_eq!(row(&*store, job.id, 0).await.message, None);
    check(&*store, job.id).await;
}

pub async fn only_a_batch_in_doubt_is_planned_again<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1, 1, 1, 1]).await;
    let sending = claim(&*store, &job, T0).await;
    let taken = claim(&*store, &job, T0).await;
    end(&*store, &taken, BatchEnd::Accepted { message_id: None }).await;
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    for claimed in [&sending, &taken, &refused] {
        let before = all_rows(&*store, job.id).await;
        assert!(!store.plan_again(claimed.batch, claimed.claim).await.unwrap());
        assert_eq!(all_rows(&*store, job.id).await, before);
    }
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    assert!(store.plan_again(in_doubt.batch, in_doubt.claim).await.unwrap());
    assert!(!store.plan_again(in_doubt.batch, in_doubt.claim).await.unwrap(), "once");
    let fate = row(&*store, job.id, 3).await;
    assert_eq!((fate.state, fate.code, fate.message), (BatchState::Planned, None, None));
    assert_eq!(check(&*store, job.id).await.planned, 1);
}

pub async fn a_batch_that_is_planned_again_is_found_by_all_its_numbers<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let mut claims = Vec::new();
    for at in 0..12 {
        let claimed = claim(&*store, &job, T0 + at).await;
        assert_eq!(claimed.numbers.len(), 4);
        claims.push(claimed.clone());
        if at < 11 {
            end(&*store, &claimed, doubt()).await;
            assert!(store.plan_again(claimed.batch, claimed.claim).await.unwrap());
        }
    }
    let names: HashSet<_> = claims.iter().map(|claimed| claimed.batch_no.as_str()).collect();
    assert_eq!(names.len(), 12, "each sending has a number of its own: {names:?}");
    end(&*store, &claims[11], BatchEnd::Accepted { message_id: None }).await;
    for (at, from) in [0, 1, 10, 11].into_iter().enumerate() {
        let push = Push::of(&claims[from].batch_no, number(100_000 + at as u64));
        assert_eq!(enter(&*store, vec![push.pushed()]).await, [1, 0, 0, 0]);
    }
    assert_eq!(check(&*store, job.id).await.settled, 4);
    // The same number of a batch under another of its numbers is a repeat, not another check.
    let push = Push::of(&claims[5].batch_no, number(100_000));
    let same = Push { batch_no: claims[0].batch_no.as_str().into(), ..push };
    assert_eq!(enter(&*store, vec![same.pushed()]).await, [0, 1, 0, 0]);
}

pub async fn a_late_result_stops_the_second_sending<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let first = claim(&*store, &job, T0).await;
    end(&*store, &first, doubt()).await;
    assert!(store.plan_again(first.batch, first.claim).await.unwrap());
    // The platform had accepted it after all.
    enter(&*store, vec![Push::of(&first.batch_no, first.numbers[0]).pushed()]).await;
    assert_eq!(try_claim(&*store, job.id, T0).await, None, "the other two would be paid for again");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending, ledger.planned), (1, 2, 0));
    let open = store.open_batches(job.id).await.unwrap();
    assert_eq!(open[0].batch_no, first.batch_no, "it is asked about by the number that the platform knows");
    assert_eq!((open[0].state, open[0].sent_ms), (BatchState::Accepted, T0));

    // The same when the second sending is under way, and ends badly.
    let job = planned(&*store, 2, &[3]).await;
    let first = claim(&*store, &job, T0).await;
    end(&*store, &first, doubt()).await;
    store.plan_again(first.batch, first.claim).await.unwrap();
    let second = claim(&*store, &job, T0 + 50).await;
    enter(&*store, vec![Push::of(&first.batch_no, first.numbers[0]).pushed()]).await;
    check(&*store, job.id).await;
    end(&*store, &second, BatchEnd::NotSent).await;
    assert_eq!(try_claim(&*store, job.id, T0).await, None);
    let open = store.open_batches(job.id).await.unwrap();
    assert_eq!((open[0].state, &open[0].batch_no), (BatchState::Accepted, &first.batch_no));
    check(&*store, job.id).await;
}

pub async fn a_result_that_waits_stops_planning_again<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = claim(&*store, &job, T0).await;
    end(&*store, &claimed, doubt()).await;
    store.append(vec![Push::of(&claimed.batch_no, claimed.numbers[1]).pushed()]).await.unwrap();
    assert!(!store.plan_again(claimed.batch, claimed.claim).await.unwrap());
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending, ledger.in_doubt), (1, 1, 0));
}

pub async fn only_what_was_accepted_is_given_up_as_missing<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3, 1, 1, 1, 2]).await;
    let part = accepted(&*store, &job).await;
    let sending = claim(&*store, &job, T0).await;
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    let whole = accepted(&*store, &job).await;
    let results = whole.numbers.iter().map(|number| Push::of(&whole.batch_no, *number).pushed());
    enter(&*store, results.collect()).await;
    for claimed in [&sending, &refused, &in_doubt, &whole] {
        assert_eq!(store.mark_missing(claimed.batch, claimed.claim).await.unwrap(), 0);
    }
    enter(&*store, vec![Push::of(&part.batch_no, part.numbers[1]).pushed()]).await;
    assert_eq!(store.mark_missing(part.batch, part.claim).await.unwrap(), 2, "those without a result");
    assert_eq!(store.mark_missing(part.batch, part.claim).await.unwrap(), 0, "once");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.missing, ledger.settled, ledger.pending, ledger.in_doubt), (2, 3, 1, 1));
    let open = store.open_batches(job.id).await.unwrap();
    let open = open.iter().find(|open| open.batch == part.batch).unwrap();
    assert_eq!((open.missing, open.numbers, open.settled), (true, 3, 1));
}

pub async fn a_result_that_comes_after_it_was_given_up_still_counts<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = accepted(&*store, &job).await;
    store.mark_missing(claimed.batch, claimed.claim).await.unwrap();
    for (number, missing) in claimed.numbers.iter().zip([1, 0]) {
        let push = Push::of(&claimed.batch_no, *number);
        assert_eq!(enter(&*store, vec![push.pushed()]).await, [1, 0, 0, 0]);
        assert_eq!(check(&*store, job.id).await.missing, missing);
    }
    assert_eq!(check(&*store, job.id).await.settled, 2);
}

pub async fn turns_are_shared_by_two_processes_and_exact<P: Place>(place: &P) {
    let one = place.open().await;
    let other = place.open().await;
    assert_eq!(one.take_turn("submit", 100, T0).await.unwrap(), 0);
    assert_eq!(other.take_turn("submit", 100, T0).await.unwrap(), 100);
    assert_eq!(one.take_turn("submit", 100, T0 + 30).await.unwrap(), 170);
    assert_eq!(other.take_turn("query", 3000, T0 + 30).await.unwrap(), 0, "another bucket");
    assert_eq!(other.take_turn("submit", 100, T0 + 300).await.unwrap(), 0, "exactly when it is free");
    assert_eq!(one.take_turn("submit", 100, T0 + 99_000).await.unwrap(), 0, "pauses are not saved up");
    assert_eq!(one.take_turn("submit", 100, T0 + 99_000).await.unwrap(), 100);

    // However they interleave, no two get the same turn.
    let takers: Vec<_> = (0..8)
        .map(|at| {
            let store = Arc::clone(if at % 2 == 0 { &one } else { &other });
            tokio::spawn(async move {
                let mut turns = Vec::new();
                for _ in 0..10 {
                    turns.push(store.take_turn("shared", 7, T0).await.unwrap());
                }
                turns
            })
        })
        .collect();
    let mut turns = Vec::new();
    for taker in takers {
        turns.extend(taker.await.unwrap());
    }
    turns.sort_unstable();
    assert_eq!(turns, (0..80).map(|at| at * 7).collect::<Vec<u64>>());
}

pub async fn ten_takers_together_get_as_many_turns_as_one<P: Place>(place: &P) {
    // Each has a clock of its own, which it puts forward by whatever it is told to wait.
    const END: u64 = T0 + 10_000;
    let mut takers = Vec::new();
    for _ in 0..10 {
        let store = place.open().await;
        takers.push(tokio::spawn(async move {
            let (mut now_ms, mut turns) = (T0, Vec::new());
            loop {
                now_ms += store.take_turn("submit", 100, now_ms).await.unwrap();
                if now_ms >= END {
                    return turns;
                }
                turns.push(now_ms);
            }
        }));
    }
    let mut turns = Vec::new();
    for taker in takers {
        turns.extend(taker.await.unwrap());
    }
    turns.sort_unstable();
    assert_eq!(turns, (0..100).map(|at| T0 + at * 100).collect::<Vec<u64>>());
}

pub async fn two_turns_lie_as_far_apart_as_the_longer_of_their_intervals<P: Place>(place: &P) {
    let one = place.open().await;
    let other = place.open().await;
    let mut at_ms = Vec::new();
    for interval_ms in [100, 100, 1000, 1000, 100, 100, 1000, 100] {
        at_ms.push(one.take_turn("submit", interval_ms, T0).await.unwrap());
    }
    assert_eq!(at_ms, [0, 100, 1100, 2100, 3100, 3200, 4200, 5200]);
    assert_eq!(other.take_turn("submit", 1000, T0 + 5500).await.unwrap(), 700);
    assert_eq!(other.take_turn("submit", 100, T0 + 7000).await.unwrap(), 200);
}

pub async fn nobody_waits_for_the_time_that_a_clock_showed_before_it_was_set_back<P: Place>(place: &P) {
    let store = place.open().await;
    const DAY: u64 = 24 * 60 * 60_000;
    assert_eq!(store.take_turn("submit", 100, T0 + DAY).await.unwrap(), 0);
    assert_eq!(store.take_turn("submit", 100, T0).await.unwrap(), 0);
    assert_eq!(store.take_turn("submit", 100, T0).await.unwrap(), 100);
}

pub async fn the_size_of_the_next_batch_can_be_seen_before_it_is_taken<P: Place>(place: &P) {
    let store = place.open().await;
    let made = store.create_job(&name(1), &spec(1), T0).await.unwrap();
    store.add_batches(made.id, batches(1, &[3, 2])).await.unwrap();
    assert_eq!(store.next_batch(made.id, &Skip::default()).await.unwrap(), None, "its plan is not whole");
    let job = store.finish_plan(made.id, 5).await.unwrap();
    let size = async || store.next_batch(job.id, &Skip::default()).await.unwrap().map(|next| next.numbers);
    assert_eq!((size().await, size().await), (Some(3), Some(3)), "a look claims nothing");
    claim(&*store, &job, T0).await;
    assert_eq!(size().await, Some(2));
    let last = claim(&*store, &job, T0).await;
    assert_eq!(size().await, None);
    end(&*store, &last, BatchEnd::NotSent).await;
    assert_eq!(size().await, Some(2));
    store.forget(job.id, true).await.unwrap();
    assert_eq!(size().await, None);
}

//! Jobs about the same phone numbers: continued, replaced, with other rows; and what is left when one is forgotten.

use numcheck_bulk::store::{Duplicate, InputPiece, RowFate, Skip};
use numcheck_bulk::{BookState, Delivery, Job, JobState, Outcome, Reuse, Store, StoreError};
use serde_json::json;

use super::Place;
use super::made::*;

/// Asks for a job about the set of job 1.
async fn ask<S: Store>(store: &S, job: u64, reuse: Reuse) -> Job {
    store.create_job(&name(job), &spec(1).with_reuse(reuse), T0 + job).await.unwrap()
}

/// Sends everything of a job, and enters a result for each phone number.
async fn finish<S: Store>(store: &S, job: i64) {
    while let Some(claimed) = try_claim(store, job, T0).await {
        let results = claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
        enter(store, results.collect()).await;
        end(store, &claimed, numcheck_bulk::BatchEnd::Accepted { message_id: None }).await;
    }
    check(store, job).await;
}

pub async fn the_newest_unfinished_job_of_the_same_numbers_goes_on_whatever_its_name<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let mut other = spec(1).with_reuse(Reuse::since(T0));
    (other.delivery, other.notes) = (Delivery::Poll, json!({ "file": "another.csv" }));
    for (at, spec) in [spec(1), other].iter().enumerate() {
        let found = store.create_job(&name(10 + at as u64), spec, T0 + 99).await.unwrap();
        assert_eq!(found, job, "nothing of it changes");
    }
    assert_eq!(store.jobs().await.unwrap(), std::slice::from_ref(&job));
    // Under way, in doubt, missing: it is unfinished.
    let claimed = claim(&*store, &job, T0).await;
    assert_eq!(ask(&*store, 2, Reuse::ALL).await.id, job.id);
    end(&*store, &claimed, doubt()).await;
    assert_eq!(ask(&*store, 2, Reuse::ALL).await.id, job.id);
    end(&*store, &claimed, numcheck_bulk::BatchEnd::Accepted { message_id: None }).await;
    store.mark_missing(claimed.batch, claimed.claim).await.unwrap();
    assert_eq!(ask(&*store, 2, Reuse::ALL).await.id, job.id);

    let results = claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
    enter(&*store, results.collect()).await;
    let newer = ask(&*store, 2, Reuse::ALL).await;
    assert_eq!((newer.state, newer.created_ms), (JobState::Planning, T0 + 2), "a finished one is not");
    assert_ne!(newer.id, job.id);
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().state, JobState::Open);
}

pub async fn a_job_whose_rows_wait_for_another_is_unfinished<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 2, &numbers).await;
    let claimed = accepted(&*store, &first).await;
    let waiting = of_numbers(&*store, 1, &numbers).await;
    assert_eq!(try_claim(&*store, waiting.id, T0).await, None);
    assert_eq!(ask(&*store, 3, Reuse::ALL).await.id, waiting.id);
    let results = claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
    enter(&*store, results.collect()).await;
    store.follow(waiting.id).await.unwrap();
    assert_ne!(ask(&*store, 3, Reuse::ALL).await.id, waiting.id);
}

pub async fn a_job_without_a_set_is_continued_by_nobody<P: Place>(place: &P) {
    let store = place.open().await;
    let mut nameless = spec(1);
    nameless.set = String::new();
    let mut made = Vec::new();
    for job in 1..3 {
        let job = store.create_job(&name(job), &nameless, T0).await.unwrap();
        made.push(store.finish_plan(job.id, 0).await.unwrap().id);
    }
    assert_ne!(made[0], made[1]);
}

pub async fn an_override_goes_on_with_its_own_kind_and_replaces_any_other<P: Place>(place: &P) {
    let store = place.open().await;
    let again = Reuse::NONE;
    let retry = Reuse::since(T0).with_retry_failed();
    let plain = planned(&*store, 1, &[2, 2, 2]).await;
    let sending = claim(&*store, &plain, T0).await;
    let looked = store.next_batch(plain.id, &Skip::default()).await.unwrap().unwrap();

    let first = ask(&*store, 2, again).await;
    assert_eq!((first.state, &first.name), (JobState::Planning, &name(2)));
    // The one before is closed: what it has sent counts, and nothing more of it is sent.
    let replaced = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!(replaced.state, JobState::Replaced);
    assert_eq!(store.next_batch(plain.id, &Skip::default()).await.unwrap(), None);
    assert_eq!(store.claim(looked.batch, "sender", 9, T0).await.unwrap(), None);
    assert!(store.confirm(sending.batch, sending.claim, T0).await.unwrap(), "what was claimed is its own");
    end(&*store, &sending, doubt()).await;
    assert_eq!(store.open_batches(plain.id).await.unwrap().len(), 1, "and is asked about");
    enter(&*store, vec![Push::of(&sending.batch_no, sending.numbers[0]).pushed()]).await;
    assert_eq!(check(&*store, plain.id).await.settled, 1);

    let plan = batches(1, &[2, 2, 2]).into_iter().map(|batch| numcheck_bulk::store::NewBatch {
        batch_no: batch_no(&format!("again-{}", batch.batch_no.as_str())),
        ..batch
    });
    store.add_batches(first.id, plan.collect()).await.unwrap();
    let first = store.finish_plan(first.id, 6).await.unwrap();
    assert_eq!(ask(&*store, 3, again).await, first, "after an interruption it goes on");
    assert_eq!(ask(&*store, 3, again.with_retry_failed()).await.name, name(3), "another kind");
    assert_eq!(store.job(&name(2)).await.unwrap().unwrap().state, JobState::Replaced);
    store.finish_plan(store.job(&name(3)).await.unwrap().unwrap().id, 0).await.unwrap();
    // That one had nothing to do, so it is finished: it is neither continued nor replaced.
    let other = ask(&*store, 4, retry).await;
    assert_eq!((other.name, other.state), (name(4), JobState::Planning));
    assert_eq!(store.job(&name(3)).await.unwrap().unwrap().state, JobState::Open);
}

pub async fn a_plain_job_goes_on_with_an_interrupted_override<P: Place>(place: &P) {
    let store = place.open().await;
    let reuse = Reuse::since(T0).with_retry_failed();
    let first = made(&*store, 1, batches(1, &[1]), reuse, T0).await;
    assert_eq!(ask(&*store, 2, Reuse::ALL).await, first);
    let later = Reuse::since(T0 + 7).with_retry_failed();
    assert_eq!(ask(&*store, 2, later).await, first, "the same kind, whatever is fresh by now");
    finish(&*store, first.id).await;
    assert_eq!(ask(&*store, 2, later).await.name, name(2));
}

pub async fn rows_follow_the_new_file_and_costs_and_results_stay<P: Place>(place: &P) {
    let store = place.open().await;
    let job = with_duplicates(&*store, 1, &[2, 2], &[(4, 0)]).await;
    store.forget(of_numbers(&*store, 5, &[number(1)]).await.id, true).await.unwrap();
    let claimed = accepted(&*store, &job).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await;
    let before = check(&*store, job.id).await;
    let results: Vec<_> =
        all_rows(&*store, job.id).await.into_iter().take(4).map(|fate| fate.result).collect();

    let begun = store.create_job(&name(9), &spec(9), T0).await.unwrap();
    store.add_input(begun.id, 0, b"another file".to_vec()).await.unwrap();
    store
        .add_duplicates(begun.id, vec![Duplicate { row: 1, first: 0 }, Duplicate { row: 6, first: 2 }])
        .await
        .unwrap();
    let at = |at: u64| number(100_000 + at);
    let notes = json!({ "file": "another.csv" });
    // Too few, too many, others: nothing changes.
    let unchanged = (all_rows(&*store, job.id).await, store.job(&name(1)).await.unwrap().unwrap());
    for rows in [
        vec![(at(3), 0), (at(1), 2), (at(0), 4)],
        vec![(at(3), 0), (at(1), 2), (at(0), 4), (at(2), 5), (at(7), 7)],
        vec![(at(3), 0), (at(1), 2), (at(0), 4), (at(7), 5)],
    ] {
        assert!(!store.replace_rows(job.id, begun.id, rows, 8, &notes).await.unwrap());
        let now = (all_rows(&*store, job.id).await, store.job(&name(1)).await.unwrap().unwrap());
        assert_eq!(now, unchanged);
        assert_eq!(store.job(&name(9)).await.unwrap().unwrap().state, JobState::Planning);
    }
    let rows = vec![(at(3), 0), (at(1), 2), (at(0), 4), (at(2), 5)];
    assert!(store.replace_rows(job.id, begun.id, rows.clone(), 8, &notes).await.unwrap());
    let now = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!((now.id, now.rows, now.numbers, now.state), (job.id, 8, 4, JobState::Open));
    assert_eq!((now.spec.notes, now.spec.set), (notes.clone(), "set-1".to_owned()));
    assert_eq!(store.job(&name(9)).await.unwrap(), None, "the plan was a means to this");
    assert_eq!(store.input(job.id, 0).await.unwrap().unwrap(), b"another file");
    assert_eq!(store.input(job.id, 1).await.unwrap(), None);
    let fates = all_rows(&*store, job.id).await;
    let shown: Vec<_> = fates.iter().map(|fate| (fate.row, fate.number, fate.duplicate)).collect();
    let expected = [
        (0, at(3), false),
        (1, at(3), true),
        (2, at(1), false),
        (4, at(0), false),
        (5, at(2), false),
        (6, at(1), true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(fates[3].result, results[0]);
    assert_eq!(check(&*store, job.id).await, before);
    // What is claimed now comes in the order of the new rows.
    assert_eq!(claim(&*store, &job, T0).await.numbers, [at(3), at(2)]);
    let superseded = store.replace_rows(job.id, begun.id, rows.clone(), 8, &notes).await;
    assert!(matches!(superseded, Err(StoreError::Superseded)));

    let begun = store.create_job(&name(9), &spec(9), T0).await.unwrap();
    store.forget(job.id, true).await.unwrap();
    assert!(!store.replace_rows(job.id, begun.id, rows, 8, &notes).await.unwrap(), "of a forgotten one");
}

pub async fn what_other_jobs_refer_to_outlives_the_job_that_paid_for_it<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let paid = of_numbers(&*store, 1, &numbers).await;
    finish(&*store, paid.id).await;
    let second = of_numbers(&*store, 2, &numbers[..1]).await;
    let third = of_numbers(&*store, 3, &numbers[..2]).await;
    for job in [&second, &third] {
        assert_eq!(try_claim(&*store, job.id, T0).await, None);
    }
    let before = [all_rows(&*store, second.id).await, all_rows(&*store, third.id).await];
    let forgotten = store.forget(paid.id, true).await.unwrap();
    assert_eq!(forgotten.kept_for, [(name(3), 2), (name(2), 1)]);
    assert_eq!([all_rows(&*store, second.id).await, all_rows(&*store, third.id).await], before);
    assert_eq!(check(&*store, third.id).await.reused.done, 2);
    assert_eq!(all_rows(&*store, paid.id).await, []);
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| known.state)).collect();
    let settled = Some(BookState::Settled(Outcome::Done));
    assert_eq!(known, [settled, settled, None, None], "the rest is not recognised any more");
    let fourth = of_numbers(&*store, 4, &numbers).await;
    let claimed = claim(&*store, &fourth, T0).await;
    assert_eq!(claimed.numbers, numbers[2..]);
    assert_eq!(check(&*store, fourth.id).await.reused.done, 2);

    // With the last job that refers to it, it goes.
    assert_eq!(store.forget(second.id, true).await.unwrap().kept_for, []);
    assert_eq!(store.forget(third.id, true).await.unwrap().kept_for, []);
    let known = store.look_up(&scope(), numbers[..2].to_vec()).await.unwrap();
    assert!(known.iter().all(Option::is_some), "the fourth one refers to both");
    store.forget(fourth.id, true).await.unwrap();
    assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap(), [None; 4]);
    assert_eq!(store.history(numbers[0]).await.unwrap(), []);
    let fifth = of_numbers(&*store, 5, &numbers).await;
    assert_eq!(claim(&*store, &fifth, T0).await.numbers, numbers);
    check(&*store, fifth.id).await;
}

pub async fn what_a_forgotten_job_has_under_way_is_in_doubt_for_those_that_wait<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let gone = of_numbers(&*store, 1, &numbers).await;
    let claimed = accepted(&*store, &gone).await;
    let waiting = of_numbers(&*store, 2, &numbers[..2]).await;
    assert_eq!(try_claim(&*store, waiting.id, T0).await, None);
    assert_eq!(store.forget(gone.id, true).await.unwrap().kept_for, [(name(2), 2)]);
    let ledger = check(&*store, waiting.id).await;
    assert_eq!((ledger.waiting, ledger.waiting_in_doubt), (0, 2));
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| known.state)).collect();
    assert_eq!(known, [Some(BookState::InDoubt), Some(BookState::InDoubt), None]);
    // It was paid for perhaps: nobody else sends it, until a person says so.
    let third = of_numbers(&*store, 3, &numbers).await;
    assert_eq!(claim(&*store, &third, T0).await.numbers, numbers[2..]);
    assert_eq!(check(&*store, third.id).await.waiting_in_doubt, 2);
    assert_eq!(enter(&*store, vec![Push::of(&claimed.batch_no, numbers[0]).pushed()]).await, [0, 0, 0, 0]);
    assert_eq!(store.resubmit_doubtful(waiting.id, u64::MAX).await.unwrap(), 2);
    assert_eq!(claim(&*store, &waiting, T0).await.numbers, numbers[..2]);
    assert_eq!(check(&*store, waiting.id).await.pending, 2);
    assert_eq!(store.resubmit_doubtful(third.id, u64::MAX).await.unwrap(), 2);
    assert_eq!(try_claim(&*store, third.id, T0).await, None, "the second one has it under way by now");
    check(&*store, third.id).await;
}

pub async fn what_a_forgotten_job_was_just_sending_is_in_doubt_too<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let gone = of_numbers(&*store, 1, &numbers).await;
    let claimed = claim(&*store, &gone, T0).await;
    let waiting = of_numbers(&*store, 2, &numbers).await;
    assert_eq!(try_claim(&*store, waiting.id, T0).await, None);
    assert_eq!(check(&*store, waiting.id).await.waiting, 2);
    store.forget(gone.id, true).await.unwrap();
    assert!(!store.confirm(claimed.batch, claimed.claim, T0 + 1).await.unwrap(), "nothing more is signed");
    let ledger = check(&*store, waiting.id).await;
    assert_eq!((ledger.waiting, ledger.waiting_in_doubt), (0, 2), "whatever comes for it is dropped");
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    assert!(known.iter().all(|known| known.unwrap().state == BookState::InDoubt), "{known:?}");
    // So a person's word is needed, and is enough.
    assert_eq!(store.resubmit_doubtful(waiting.id, u64::MAX).await.unwrap(), 2);
    assert_eq!(claim(&*store, &waiting, T0).await.numbers, numbers);
    check(&*store, waiting.id).await;
}

pub async fn with_the_first_sending_forgotten_a_later_one_that_was_refused_is_the_first<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 1, &numbers).await;
    finish(&*store, first.id).await;
    let refused = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::NONE, T0).await;
    let claimed = claim(&*store, &refused, T0).await;
    end(&*store, &claimed, refusal()).await;
    store.forget(first.id, false).await.unwrap();
    assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap(), [None; 2]);
    let third = of_numbers(&*store, 3, &numbers).await;
    assert_eq!(claim(&*store, &third, T0).await.numbers, numbers);
    check(&*store, third.id).await;
}

pub async fn with_the_newest_sending_forgotten_the_one_before_decides_again<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let first = of_numbers(&*store, 1, &numbers).await;
    finish(&*store, first.id).await;
    let in_doubt = of_numbers(&*store, 2, &shared(10..11)).await;
    let claimed = claim(&*store, &in_doubt, T0).await;
    end(&*store, &claimed, doubt()).await;
    // Two more jobs pay for them again, once a person has said so of the doubt.
    let both = [numbers.clone(), shared(10..11)].concat();
    let mut again = Vec::new();
    for job in 3..5 {
        let job = made(&*store, job, batches_of(job, &[&both]), Reuse::NONE, T0).await;
        finish(&*store, job.id).await;
        store.resubmit_doubtful(job.id, u64::MAX).await.unwrap();
        finish(&*store, job.id).await;
        assert_eq!(check(&*store, job.id).await.settled, 4);
        again.push(job.id);
    }
    let jobs = async || {
        let known = store.look_up(&scope(), both.clone()).await.unwrap();
        known.iter().map(|known| known.map(|known| known.job)).collect::<Vec<_>>()
    };
    assert_eq!(jobs().await, [Some(again[1]); 4]);
    // In the middle of the chain, then at its end.
    store.forget(again[0], true).await.unwrap();
    assert_eq!(jobs().await, [Some(again[1]); 4]);
    store.forget(again[1], true).await.unwrap();
    assert_eq!(jobs().await, [first.id, first.id, first.id, in_doubt.id].map(Some));
    let known = store.look_up(&scope(), both.clone()).await.unwrap();
    assert_eq!(known[3].unwrap().state, BookState::InDoubt, "nobody pays for it again without a word");
    assert_eq!(store.history(numbers[0]).await.unwrap().len(), 1);
}

pub async fn a_job_with_something_under_way_or_in_doubt_is_not_forgotten_without_a_word<P: Place>(place: &P) {
    let store = place.open().await;
    let job = of_numbers(&*store, 1, &shared(0..3)).await;
    let claimed = accepted(&*store, &job).await;
    let before = (all_rows(&*store, job.id).await, check(&*store, job.id).await);
    assert_eq!(store.forget(job.id, false).await.unwrap().unsettled, 3);
    assert_eq!((all_rows(&*store, job.id).await, check(&*store, job.id).await), before);
    // A result that nobody has entered yet settles it all the same.
    let pushes = claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
    store.append(pushes.collect()).await.unwrap();
    assert_eq!(store.forget(job.id, false).await.unwrap().unsettled, 0);
    assert_eq!(all_rows(&*store, job.id).await, []);
}

pub async fn a_forgotten_phone_number_is_gone_from_every_job_and_the_book_and_nothing_else_is<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let paid = of_numbers(&*store, 1, &numbers).await;
    let claimed = accepted(&*store, &paid).await;
    let pushed = |at: usize| Push::of(&claimed.batch_no, numbers[at]);
    let second = pushed(1).costing("9", "USD");
    enter(&*store, vec![pushed(0).pushed(), pushed(1).pushed(), second.pushed()]).await;
    let reused = of_numbers(&*store, 2, &numbers[..2]).await;
    assert_eq!(try_claim(&*store, reused.id, T0).await, None);
    let of = async |at: usize| -> Vec<i64> {
        store.jobs_of(numbers[at]).await.unwrap().iter().map(|job| job.id).collect()
    };
    assert_eq!(of(1).await, [reused.id, paid.id]);
    // The third one is under way: it may be paid for.
    assert_eq!(store.forget_number(numbers[2], Vec::new()).await.unwrap(), [name(1)]);
    assert_eq!(of(2).await, [paid.id]);

    let ledgers = async || [store.ledger(paid.id).await.unwrap(), store.ledger(reused.id).await.unwrap()];
    let before = ledgers().await;
    let others =
        |rows: Vec<RowFate>| rows.into_iter().filter(|row| row.number != numbers[1]).collect::<Vec<_>>();
    let rows = [others(all_rows(&*store, paid.id).await), others(all_rows(&*store, reused.id).await)];
    let blotted_out = async |job: &Job| {
        let was = store.input(job.id, 0).await.unwrap().unwrap();
        let bytes = vec![b'*'; was.len()];
        InputPiece { job: job.id, sequence: 0, was, bytes }
    };
    let pieces = vec![blotted_out(&paid).await, blotted_out(&reused).await];
    // Another job has got it meanwhile, or an input is not what was read: nothing changes.
    let stale = InputPiece { was: b"another".to_vec(), ..pieces[0].clone() };
    for pieces in [vec![pieces[0].clone()], vec![stale, pieces[1].clone()]] {
        let answer = store.forget_number(numbers[1], pieces).await;
        assert!(matches!(answer, Err(StoreError::Superseded)), "{answer:?}");
    }
    assert_eq!((of(1).await, ledgers().await), (vec![reused.id, paid.id], before.clone()));
    assert_eq!(store.forget_number(numbers[1], pieces).await.unwrap(), []);
    assert!(store.input(paid.id, 0).await.unwrap().unwrap().iter().all(|byte| *byte == b'*'));
    assert_eq!(of(1).await, [0_i64; 0]);
    assert_eq!(store.history(numbers[1]).await.unwrap(), []);
    assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap()[1], None);
    assert_eq!([all_rows(&*store, paid.id).await, all_rows(&*store, reused.id).await], rows);
    assert_eq!(store.quarantine(0, 10).await.unwrap(), []);
    assert_eq!(ledgers().await, before, "sums stay");
    // It is not recognised any more; the others are.
    let third = of_numbers(&*store, 3, &numbers).await;
    assert_eq!(claim(&*store, &third, T0).await.numbers, [numbers[1]]);
}

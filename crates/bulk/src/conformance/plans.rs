//! Jobs and their plans.

use numcheck_bulk::{JobState, Store, StoreError};

use super::Place;
use super::made::*;

pub async fn a_job_is_made_once_and_found_by_its_name<P: Place>(place: &P) {
    let store = place.open().await;
    assert_eq!(store.job(&name(1)).await.unwrap(), None);
    let job = planned(&*store, 1, &[2]).await;
    assert_eq!((job.state, job.rows, job.numbers, job.created_ms), (JobState::Open, 2, 2, T0));
    assert_eq!(job.spec, spec(1));

    let again = store.create_job(&name(1), &spec(1), T0 + 5).await.unwrap();
    assert_eq!(again, job, "making it again changes nothing");
    assert_eq!(store.finish_plan(job.id, 99).await.unwrap(), job, "finishing it again changes nothing");
    assert_eq!(store.job(&name(1)).await.unwrap().as_ref(), Some(&job));

    let newer = planned(&*store, 2, &[1]).await;
    assert_eq!(store.jobs().await.unwrap(), [newer, job], "the newest first");
}

pub async fn a_plan_that_was_never_finished_is_begun_anew_and_whoever_began_it_can_add_nothing<P: Place>(
    place: &P,
) {
    let first = place.open().await;
    let old = first.create_job(&name(1), &spec(1), T0).await.unwrap();
    first.add_input(old.id, 0, b"one".to_vec()).await.unwrap();
    first.add_batches(old.id, batches(1, &[2, 2])).await.unwrap();
    let duplicate = numcheck_bulk::store::Duplicate { row: 9, first: 0 };
    first.add_duplicates(old.id, vec![duplicate]).await.unwrap();

    let second = place.open().await;
    let new = second.create_job(&name(1), &spec(1), T0 + 7).await.unwrap();
    assert_eq!((new.state, new.created_ms), (JobState::Planning, T0 + 7));
    assert_ne!(new.id, old.id, "under a key of its own");

    let superseded = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Superseded)));
    superseded(first.add_input(old.id, 1, b"two".to_vec()).await);
    superseded(first.add_batches(old.id, batches(1, &[1])).await);
    superseded(first.add_duplicates(old.id, vec![duplicate]).await);
    superseded(first.finish_plan(old.id, 5).await.map(drop));

    second.add_batches(new.id, batches(1, &[3])).await.unwrap();
    let whole = second.finish_plan(new.id, 3).await.unwrap();
    assert_eq!((whole.rows, whole.numbers), (3, 3), "nothing of the first plan is left");
    assert_eq!(second.input(new.id, 0).await.unwrap(), None);
    assert_eq!(all_rows(&*second, new.id).await.len(), 3);
    // What is whole takes no additions either.
    superseded(second.add_input(new.id, 0, Vec::new()).await);
    superseded(second.add_batches(new.id, batches(7, &[1])).await);
    superseded(second.add_duplicates(new.id, vec![duplicate]).await);
    check(&*second, new.id).await;
}

pub async fn a_plan_is_durable_and_the_same_after_reopening<P: Place>(place: &P) {
    let store = place.open().await;
    let made = store.create_job(&name(1), &spec(1), T0).await.unwrap();
    // A batch far larger than a page of any database, and numbers that do not come in their own order.
    let mut plan = batches(1, &[3, 5000]);
    plan[1].numbers.reverse();
    for (sequence, piece) in [b"phone\n".to_vec(), vec![0, 255, 10], vec![7; 300_000]].into_iter().enumerate()
    {
        store.add_input(made.id, sequence as u32, piece.clone()).await.unwrap();
        store.add_input(made.id, sequence as u32, piece).await.unwrap();
    }
    store.add_batches(made.id, plan.clone()).await.unwrap();
    let whole = store.finish_plan(made.id, 5003).await.unwrap();
    drop(store);

    let store = place.open().await;
    assert_eq!(store.job(&name(1)).await.unwrap(), Some(whole.clone()));
    assert_eq!(store.input(whole.id, 1).await.unwrap(), Some(vec![0, 255, 10]));
    assert_eq!(store.input(whole.id, 2).await.unwrap(), Some(vec![7; 300_000]));
    assert_eq!(store.input(whole.id, 3).await.unwrap(), None);
    for batch in &plan {
        let claimed = claim(&*store, &whole, T0).await;
        assert_eq!((&claimed.batch_no, &claimed.group), (&batch.batch_no, &batch.group));
        let mut numbers = batch.numbers.clone();
        numbers.sort_unstable_by_key(|(_, row)| *row);
        let numbers: Vec<_> = numbers.into_iter().map(|(number, _)| number).collect();
        assert_eq!(claimed.numbers, numbers, "its numbers, in the order of the rows");
    }
}

pub async fn a_batch_no_that_the_store_has_is_refused_and_named<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1, 1]).await;
    let other = store.create_job(&name(2), &spec(2), T0).await.unwrap();
    let mut plan = batches(2, &[1, 1]);
    plan[1].batch_no = named(1, 2);
    let refused = store.add_batches(other.id, plan).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::BatchNoTaken { batch_no, .. } if batch_no == "b1-2"),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("b1-2") && refused.to_string().contains("not stored"));
    // Nothing of it is there, and the other plan is what it was.
    let whole = store.finish_plan(other.id, 0).await.unwrap();
    assert_eq!(whole.numbers, 0);
    let (first, second) = (claim(&*store, &job, T0).await, claim(&*store, &job, T0).await);
    assert_eq!((first.batch_no, second.batch_no), (named(1, 1), named(1, 2)));
}

pub async fn nothing_is_sent_of_a_job_whose_plan_is_not_whole<P: Place>(place: &P) {
    let store = place.open().await;
    let job = store.create_job(&name(1), &spec(1), T0).await.unwrap();
    store.add_batches(job.id, batches(1, &[1])).await.unwrap();
    assert_eq!(try_claim(&*store, job.id, T0).await, None);
    assert_eq!(store.open_batches(job.id).await.unwrap(), []);
    assert_eq!(check(&*store, job.id).await.planned, 1);
    store.finish_plan(job.id, 1).await.unwrap();
    assert!(try_claim(&*store, job.id, T0).await.is_some());
}

pub async fn a_job_without_numbers_is_final<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[]).await;
    assert_eq!(try_claim(&*store, job.id, T0).await, None);
    let ledger = check(&*store, job.id).await;
    assert!(ledger.is_final());
    assert_eq!(ledger, numcheck_bulk::Ledger::default());
}

pub async fn a_secret_is_made_once<P: Place>(place: &P) {
    let store = place.open().await;
    assert_eq!(store.secret("receiver", vec![1, 2, 3]).await.unwrap(), [1, 2, 3]);
    let other = place.open().await;
    assert_eq!(
        other.secret("receiver", vec![9]).await.unwrap(),
        [1, 2, 3],
        "another process finds the first"
    );
    assert_eq!(other.secret("another", vec![9]).await.unwrap(), [9]);
}

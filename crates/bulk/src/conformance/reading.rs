//! What a job's owner reads; and what is left of a job that was forgotten.

use numcheck_bulk::store::Source;
use numcheck_bulk::{BatchEnd, BatchState, JobState, Outcome, Store, StoreError};

use super::Place;
use super::made::*;

pub async fn rows_come_in_the_input_s_order_whatever_the_page<P: Place>(place: &P) {
    let store = place.open().await;
    // Rows 0 to 6 are numbers of two batches; 7 to 12 repeat some of them.
    let repeats = [(7, 0), (8, 0), (9, 6), (10, 3), (11, 0), (12, 6)];
    let job = with_duplicates(&*store, 1, &[3, 4], &repeats).await;
    planned(&*store, 2, &[5]).await;
    let claimed = accepted(&*store, &job).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await;
    let whole = all_rows(&*store, job.id).await;
    let numbers: Vec<_> = whole.iter().map(|fate| (fate.row, fate.duplicate, fate.number)).collect();
    let at = |first: u64| number(100_000 + first);
    let own = (0..7).map(|row| (row, false, at(row)));
    let expected: Vec<_> = own.chain(repeats.iter().map(|(row, first)| (*row, true, at(*first)))).collect();
    assert_eq!(numbers, expected);
    for page in 1..15 {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let next = store.rows(job.id, after, page).await.unwrap();
            assert!(next.len() <= page as usize);
            let Some(last) = next.last() else { break };
            after = Some(last.row);
            rows.extend(next);
        }
        assert_eq!(rows, whole, "in pages of {page}");
    }
    // A duplicate follows the fate of the first row.
    for (row, first) in [(7, 0), (10, 3)] {
        let (duplicate, first) = (&whole[row], &whole[first]);
        assert_eq!((duplicate.state, &duplicate.result), (first.state, &first.result));
    }
    assert!(whole[7].result.is_some() && whole[10].result.is_none());
    assert_eq!(check(&*store, job.id).await.settled, 1, "a duplicate is not counted");

    // Duplicates may stand before, between and behind.
    let mixed = store.create_job(&name(3), &spec(3), T0).await.unwrap();
    let mut plan = batches(3, &[3]);
    for (at, row) in [1, 4, 5].into_iter().enumerate() {
        plan[0].numbers[at].1 = row;
    }
    store.add_batches(mixed.id, plan).await.unwrap();
    let repeats = [(2, 1), (3, 1), (6, 5)].map(|(row, first)| numcheck_bulk::store::Duplicate { row, first });
    store.add_duplicates(mixed.id, repeats.to_vec()).await.unwrap();
    store.finish_plan(mixed.id, 7).await.unwrap();
    for page in 1..8 {
        let (mut rows, mut after) = (Vec::new(), None);
        while let Some(last) = {
            let next = store.rows(mixed.id, after, page).await.unwrap();
            let last = next.last().map(|fate| fate.row);
            rows.extend(next.into_iter().map(|fate| fate.row));
            last
        } {
            after = Some(last);
        }
        assert_eq!(rows, [1, 2, 3, 4, 5, 6], "in pages of {page}; row 0 has no number");
    }
}

pub async fn every_row_tells_its_fate<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1; 7]).await;
    let done = accepted(&*store, &job).await;
    let push = Push::of(&done.batch_no, done.numbers[0]);
    enter(&*store, vec![push.pushed()]).await;
    let missing = accepted(&*store, &job).await;
    store.mark_missing(missing.batch, missing.claim).await.unwrap();
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    claim(&*store, &job, T0).await;
    let fetched = accepted(&*store, &job).await;
    let row_of_query = Push::of(&fetched.batch_no, fetched.numbers[0]);
    enter(&*store, vec![row_of_query.fetched()]).await;

    let rows = all_rows(&*store, job.id).await;
    let fates: Vec<_> = rows.iter().map(|fate| (fate.state, fate.missing, fate.result.is_some())).collect();
    use BatchState::*;
    let expected = [
        (Accepted, false, true),
        (Accepted, true, false),
        (Refused, false, false),
        (InDoubt, false, false),
        (Sending, false, false),
        (Accepted, false, true),
        (Planned, false, false),
    ];
    assert_eq!(fates, expected);
    let never_sent: Vec<_> = rows.iter().filter(|fate| fate.sent_ms.is_none()).map(|fate| fate.row).collect();
    assert!(rows.iter().all(|fate| fate.sent_ms.is_none_or(|ms| ms == T0)), "{rows:?}");
    assert_eq!(never_sent, [6]);
    assert_eq!(rows[0].result, Some((Source::Push, push.body())), "byte for byte");
    assert_eq!(rows[5].result, Some((Source::Query, row_of_query.row())));
    assert_eq!((rows[2].code, rows[2].message.as_deref()), (Some(211), Some("no money")));
    assert_eq!((rows[3].code, rows[3].message.as_deref()), (None, Some("nobody answered")));
    for (row, at) in rows.iter().zip(1..) {
        assert_eq!(row.batch_no, named(1, at).as_str());
    }
    check(&*store, job.id).await;
    // Neither shows a number or a result where it is only looked at.
    let shown = format!("{rows:?}{:?}", store.quarantine(0, 9).await.unwrap());
    assert!(!shown.contains(number(100_000).digits()) && !shown.contains("Telecom"));
}

pub async fn a_forgotten_job_keeps_its_sums_and_nothing_else<P: Place>(place: &P) {
    let store = place.open().await;
    let job = with_duplicates(&*store, 1, &[4, 2, 2, 2], &[(10, 0)]).await;
    let claimed = accepted(&*store, &job).await;
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    enter(&*store, vec![push(0).pushed(), Push::failed(&claimed.batch_no, claimed.numbers[1]).pushed()])
        .await;
    let conflict = Push { carrier: "other".into(), ..push(0) };
    enter(&*store, vec![conflict.pushed(), result(claimed.batch_no.as_str(), Source::Push, b"?".to_vec())])
        .await;
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    // This one waits. It was paid for, so it belongs to the sums.
    store.append(vec![push(2).pushed()]).await.unwrap();

    store.forget(job.id, true).await.unwrap();
    let ledger = store.ledger(job.id).await.unwrap();
    assert!(ledger.adds_up());
    assert_eq!((ledger.settled, ledger.failed, ledger.pending), (2, 1, 1));
    assert_eq!((ledger.refused, ledger.in_doubt, ledger.planned), (2, 2, 2));
    let sum = ledger.costs[&(Outcome::Done, currency("USD"))];
    assert_eq!((sum.count, sum.amount), (2, price("0.3824")));

    store.forget(job.id, true).await.unwrap();
    assert_eq!(store.ledger(job.id).await.unwrap(), ledger, "once more changes nothing");
    let left = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!((left.state, left.rows, left.numbers), (JobState::Forgotten, 11, 10));
    assert!(left.spec.notes.is_null(), "the caller's notes may name anything");
    assert_eq!(all_rows(&*store, job.id).await, []);
    assert_eq!(store.input(job.id, 0).await.unwrap(), None);
    assert_eq!(store.quarantine(0, 10).await.unwrap(), []);
    let anew = store.create_job(&name(2), &spec(1), T0).await.unwrap();
    assert_eq!((anew.state, anew.name), (JobState::Planning, name(2)), "its set is known no more");
}

pub async fn a_forgotten_job_drops_what_comes_late_and_sends_nothing<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2, 2, 1, 2]).await;
    let claimed = accepted(&*store, &job).await;
    let in_doubt = claim(&*store, &job, T0).await;
    let single = accepted(&*store, &job).await;
    end(&*store, &in_doubt, doubt()).await;
    store.forget(job.id, true).await.unwrap();
    let before = store.ledger(job.id).await.unwrap();

    let late = [
        Push::of(&claimed.batch_no, claimed.numbers[0]).pushed(),
        Push::of(&claimed.batch_no, claimed.numbers[0]).fetched(),
        Push::of(&in_doubt.batch_no, number(999)).pushed(),
        result(claimed.batch_no.as_str(), Source::Push, b"unreadable".to_vec()),
        result(single.batch_no.as_str(), Source::Push, br#"{"code":0}"#.to_vec()),
    ];
    assert_eq!(enter(&*store, late.to_vec()).await, [0, 0, 0, 0]);
    assert_eq!(store.quarantine(0, 10).await.unwrap(), []);
    assert_eq!(try_claim(&*store, job.id, T0).await, None, "what is planned stays unsent");
    assert_eq!(store.open_batches(job.id).await.unwrap(), [], "nothing is asked about");
    assert!(!store.plan_again(in_doubt.batch, in_doubt.claim).await.unwrap());
    assert_eq!(store.ledger(job.id).await.unwrap(), before);
    let add = store.add_input(job.id, 0, b"again".to_vec()).await;
    assert!(matches!(add, Err(StoreError::Superseded)));
    store.finish_plan(job.id, 7).await.unwrap();
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().state, JobState::Forgotten);
}

pub async fn forgetting_one_job_leaves_the_others<P: Place>(place: &P) {
    let store = place.open().await;
    let (gone, stays) = (planned(&*store, 1, &[2]).await, with_duplicates(&*store, 2, &[2], &[(2, 0)]).await);
    let gone_claim = accepted(&*store, &gone).await;
    for claimed in [&gone_claim, &accepted(&*store, &stays).await] {
        let push = Push::of(&claimed.batch_no, claimed.numbers[0]);
        let conflict = Push { carrier: "other".into(), ..push.clone() };
        enter(&*store, vec![push.pushed(), conflict.pushed()]).await;
    }
    enter(&*store, vec![Push::of(&batch_no("nobody"), number(1)).pushed()]).await;
    let before = (all_rows(&*store, stays.id).await, check(&*store, stays.id).await);
    store.forget(gone.id, true).await.unwrap();
    assert_eq!((all_rows(&*store, stays.id).await, check(&*store, stays.id).await), before);
    let kept: Vec<_> = store.quarantine(0, 10).await.unwrap().into_iter().map(|odd| odd.batch_no).collect();
    assert_eq!(kept, ["b2-1", "nobody"]);
    // Keys go on: what comes now is found.
    let claimed = planned(&*store, 3, &[1]).await;
    let claimed = accepted(&*store, &claimed).await;
    assert_eq!(
        enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await,
        [1, 0, 0, 0]
    );
    end(&*store, &gone_claim, BatchEnd::Accepted { message_id: None }).await;
}

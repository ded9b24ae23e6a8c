//! What the platform's answers say beside yes and no: numbers that were not taken, and what no document lists.

use numcheck_bulk::store::{Drifted, Skip, Source, TurnedAway};
use numcheck_bulk::{BatchState, Store, StoreError};
use numcheck_protocol::{Drift, DriftKind};

use super::Place;
use super::made::*;

pub async fn numbers_that_were_not_taken_are_refused_and_not_sent_again<P: Place>(place: &P) {
    let mut store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    // The process dies before it writes down that the batch was accepted: what was not taken proves it.
    let claimed = claim(&*store, &job, T0).await;
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    assert_eq!(enter(&*store, vec![push(1).not_taken()]).await, [1, 0, 0, 0]);
    assert_eq!(enter(&*store, vec![push(1).not_taken()]).await, [0, 1, 0, 0], "twice is once");
    drop(store);
    store = place.open().await;
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.refused, ledger.submitted, ledger.pending, ledger.in_doubt), (1, 2, 2, 0));
    let fate = row(&*store, job.id, 1).await;
    let (source, body) = fate.result.expect("what was said");
    assert_eq!((fate.state, source), (BatchState::Accepted, Source::Answer));
    assert_eq!(numcheck_bulk::store::reading::why_not_taken(&body).as_deref(), Some("invalid"));
    assert!(String::from_utf8(body).unwrap().contains("failCode"), "whatever came is kept");

    // It is settled: neither missing nor open.
    assert_eq!(store.open_batches(job.id).await.unwrap()[0].settled, 1);
    assert_eq!(store.mark_missing(claimed.batch, claimed.claim).await.unwrap(), 2);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.refused, ledger.missing), (1, 2));
    enter(&*store, vec![push(0).pushed(), push(2).pushed()]).await;
    assert!(check(&*store, job.id).await.is_final());
    assert_eq!(store.open_batches(job.id).await.unwrap(), []);
    assert_eq!(try_claim(&*store, job.id, T0).await, None);
    store.forget(job.id, true).await.unwrap();
    assert_eq!(store.ledger(job.id).await.unwrap().refused, 1, "the sums stay");
}

pub async fn a_result_for_a_number_that_was_not_taken_counts_and_both_are_kept<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = accepted(&*store, &job).await;
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    // In one go, one after the other, and the other way round.
    assert_eq!(enter(&*store, vec![push(0).not_taken(), push(0).pushed()]).await, [1, 0, 1, 0]);
    assert_eq!(enter(&*store, vec![push(1).not_taken()]).await, [1, 0, 0, 0]);
    assert_eq!(check(&*store, job.id).await.refused, 1);
    assert_eq!(enter(&*store, vec![push(1).fetched()]).await, [0, 0, 1, 0]);
    assert_eq!(enter(&*store, vec![push(2).pushed(), push(2).not_taken()]).await, [1, 0, 1, 0]);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.refused, ledger.settled, ledger.pending), (0, 3, 0));
    for at in 0..3 {
        let (source, _) = row(&*store, job.id, at).await.result.expect("a result");
        assert_ne!(source, Source::Answer, "row {at}");
    }
    let kept = store.quarantine(0, 10).await.unwrap();
    assert!(kept.len() == 3 && kept.iter().all(|odd| odd.conflict), "{kept:?}");
    // Again they change nothing.
    let again = (0..3).flat_map(|at| [push(at).not_taken(), push(at).pushed()]).collect();
    let [first, _, _, strays] = enter(&*store, again).await;
    assert_eq!((first, strays), (0, 0));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.refused, ledger.settled), (0, 3));
}

fn counted(drifted: &[Drifted]) -> Vec<(&str, DriftKind, Option<&str>, u64)> {
    let of = |one: &Drifted| (one.drift.place.clone(), one.drift.kind, one.drift.value.clone(), one.count);
    drifted
        .iter()
        .map(of)
        .map(|(place, kind, value, count)| (&*place.leak(), kind, value.map(|value| &*value.leak()), count))
        .collect()
}

pub async fn what_no_document_lists_is_counted_by_place_and_told_once<P: Place>(place: &P) {
    let mut store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = accepted(&*store, &job).await;
    let odd = |at: usize, word: &str| {
        let (batch_no, phone) = (claimed.batch_no.as_str(), claimed.numbers[at].digits());
        let body = format!(
            r#"{{"messageId":"m","code":131,"batchNo":"{batch_no}","phone":"{phone}","fresh":"8613800138000","data":{{"live":{{"validity":"{word}"}}}}}}"#
        );
        result(batch_no, Source::Push, body.into_bytes())
    };
    store.append(vec![odd(0, "PERHAPS"), odd(0, "PERHAPS"), odd(1, "PERHAPS")]).await.unwrap();
    let news = store.fold(10).await.unwrap().news;
    let told: Vec<_> = news.iter().map(|one| (one.place.as_str(), one.value.as_deref())).collect();
    assert_eq!(
        told,
        [("Live.validity", Some("PERHAPS")), ("ResultPush.code", Some("131")), ("ResultPush.fresh", None)]
    );
    store.append(vec![odd(2, "PERHAPS"), odd(3, "MAYBE")]).await.unwrap();
    let news = store.fold(10).await.unwrap().news;
    assert_eq!(
        news.iter().map(|one| one.value.as_deref()).collect::<Vec<_>>(),
        [Some("MAYBE")],
        "once a value"
    );
    let answer = Drift::new("SubmitReply.queue", DriftKind::NewField, None);
    assert_eq!(
        store.note_drift(job.id, vec![answer.clone(), answer.clone()]).await.unwrap(),
        std::slice::from_ref(&answer)
    );
    assert_eq!(store.note_drift(job.id, vec![answer]).await.unwrap(), []);

    drop(store);
    store = place.open().await;
    let drift = store.drift(job.id).await.unwrap();
    assert_eq!(
        counted(&drift),
        [
            ("Live.validity", DriftKind::NewValue, Some("MAYBE"), 1),
            ("Live.validity", DriftKind::NewValue, Some("PERHAPS"), 3),
            ("ResultPush.code", DriftKind::NewValue, Some("131"), 4),
            ("ResultPush.fresh", DriftKind::NewField, None, 4),
            ("SubmitReply.queue", DriftKind::NewField, None, 3),
        ],
        "a repeat is not counted"
    );
    assert_eq!(store.drift(job.id + 1).await.unwrap(), []);
    store.forget(job.id, true).await.unwrap();
    assert_eq!(store.drift(job.id).await.unwrap(), []);
}

pub async fn a_job_tells_a_thousand_places_apart_and_counts_the_rest_together<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1]).await;
    let drift = |at: u64| Drift::new(format!("ResultPush.f{at}"), DriftKind::NewField, None);
    let news = store.note_drift(job.id, (0..1100).map(drift).collect()).await.unwrap();
    assert_eq!(news.len(), 1001);
    assert_eq!(store.note_drift(job.id, (1000..1200).map(drift).collect()).await.unwrap(), []);
    let all = store.drift(job.id).await.unwrap();
    assert_eq!(all.iter().map(|one| one.count).sum::<u64>(), 1300);
    let rest = all.iter().find(|one| one.drift.place == "(further places)").expect("the rest");
    assert!(all.len() == 1001 && rest.count >= 200, "{rest:?}");
}

pub async fn what_was_learnt_last_is_remembered<P: Place>(place: &P) {
    let mut store = place.open().await;
    assert_eq!(store.learnt("dialect").await.unwrap(), None);
    store.learn("dialect", "v1").await.unwrap();
    store.learn("other", "x").await.unwrap();
    store.learn("dialect", "v2").await.unwrap();
    drop(store);
    store = place.open().await;
    assert_eq!(store.learnt("dialect").await.unwrap().as_deref(), Some("v2"));
}

pub async fn what_was_turned_away_is_added_up_by_kind_whoever_counts<P: Place>(place: &P) {
    let (one, other) = (place.open().await, place.open().await);
    assert_eq!(one.turned_away().await.unwrap(), []);
    one.learn("turned", "away").await.unwrap();
    let kinds = |not_found, last_ms| vec![TurnedAway::new("not_found", not_found, last_ms)];
    let both = futures_util::future::join(
        async {
            for at in 0..20 {
                one.note_turned_away(kinds(1, T0 + at)).await.unwrap();
            }
        },
        async {
            for _ in 0..20 {
                other.note_turned_away(kinds(3, T0 - 5)).await.unwrap();
            }
        },
    );
    both.await;
    one.note_turned_away(vec![TurnedAway::new("compressed", u64::MAX, 7)]).await.unwrap();
    one.note_turned_away(vec![TurnedAway::new("compressed", 2, 3)]).await.unwrap();
    drop((one, other));
    let told = place.open().await.turned_away().await.unwrap();
    let expected = [TurnedAway::new("compressed", u64::MAX, 7), TurnedAway::new("not_found", 80, T0 + 19)];
    assert_eq!(told, expected);
}

/// Of a store that knows no copies this says nothing.
pub async fn a_copy_is_not_paid_from_until_it_is_adopted<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    assert_eq!(store.copied_ms().await.unwrap(), None);
    store.learn("copied", &T0.to_string()).await.unwrap();
    if store.copied_ms().await.unwrap().is_none() {
        return;
    }
    let other = place.open().await;
    assert_eq!(other.copied_ms().await.unwrap(), Some(T0));
    let next = other.next_batch(job.id, &Skip::default()).await.unwrap().unwrap();
    let refused = other.claim(next.batch, "sender", 100, T0).await.unwrap_err();
    assert!(matches!(refused, StoreError::Copy { made_ms: T0, .. }), "{refused}");
    // What comes is taken in all the same.
    let push = Push::of(&named(1, 1), number(100_000));
    assert_eq!(enter(&*other, vec![push.pushed()]).await, [1, 0, 0, 0]);
    other.adopt().await.unwrap();
    assert_eq!(store.copied_ms().await.unwrap(), None);
    assert!(store.claim(next.batch, "sender", 100, T0).await.is_ok());
}

/// Of a store that cannot tell this says nothing.
pub async fn a_store_tells_its_backlog_its_size_and_its_batches_counts<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = accepted(&*store, &job).await;
    store.probe(T0).await.unwrap();
    store.probe(T0 + 1).await.unwrap();
    let told = async || {
        let gauges = store.gauges().await.unwrap();
        let counts = store.batch_counts(claimed.claim - 1, Vec::new()).await.unwrap();
        let named =
            store.batch_counts(claimed.claim, vec![claimed.batch, claimed.batch + 1000]).await.unwrap();
        assert_eq!(counts, named);
        (gauges, counts.iter().map(|of| (of.numbers, of.settled, of.failed)).collect::<Vec<_>>())
    };
    let (empty, counts) = told().await;
    let (Some(bytes), Some(0)) = (empty.bytes, empty.backlog) else {
        return assert_eq!((empty, counts), (Default::default(), Vec::new()));
    };
    assert!(bytes > 0);
    assert_eq!(counts, [(3, 0, 0)]);
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    let failed = Push::failed(&claimed.batch_no, claimed.numbers[1]);
    store.append(vec![push(0).pushed(), failed.pushed()]).await.unwrap();
    assert_eq!(told().await.0.backlog, Some(2));
    fold(&*store).await;
    let (entered, counts) = told().await;
    assert_eq!((entered.backlog, counts), (Some(0), vec![(3, 2, 1)]));
}

//! Results: stored as they come, and entered once.

use std::sync::Arc;

use numcheck_bulk::store::Source;
use numcheck_bulk::{BatchEnd, BatchState, Outcome, Store};

use super::Place;
use super::made::*;

pub async fn repeats_change_nothing_in_any_order_and_with_any_suffix<P: Place>(place: &P) {
    let mut store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = accepted(&*store, &job).await;
    // Each result 1 to 50 times, with ids of every shape that was seen, dealt out like cards.
    let mut results = Vec::new();
    for (at, number) in claimed.numbers.iter().enumerate() {
        for repeat in 0..[1, 2, 17, 50][at] {
            let id = match repeat % 4 {
                0 => "301ef45b8de54d8aad95c5264c3756be-250142".to_owned(),
                1 => format!("301ef45b8de54d8aad95c5264c3756be-{repeat:06}"),
                2 => "83ac9512-3c47-495d-a3c4-6d77a9f1149c".to_owned(),
                _ => format!("301ef45b8de54d8aad95c5264c3756be-{}", repeat % 10),
            };
            results.push(Push::of(&claimed.batch_no, *number).with_id(&id).pushed());
        }
    }
    let mut deck: Vec<_> = (0..results.len()).collect();
    deck.sort_by_key(|at| at * 37 % 71);
    let (mut first, mut repeats) = (0, 0);
    for (at, card) in deck.into_iter().enumerate() {
        store.append(vec![results[card].clone()]).await.unwrap();
        if at % 5 == 0 {
            let folded = fold(&*store).await;
            (first, repeats) = (first + folded[0], repeats + folded[1]);
            assert_eq!(folded[2..], [0, 0]);
            check(&*store, job.id).await;
        }
        if at == 30 {
            drop(store);
            store = place.open().await;
        }
    }
    let folded = fold(&*store).await;
    assert_eq!((first + folded[0], repeats + folded[1]), (4, 66));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending), (4, 0));
    let sum = ledger.costs[&(Outcome::Done, currency("USD"))];
    assert_eq!((sum.count, sum.amount), (4, price("0.7648")), "paid once each");
    assert!(ledger.is_final());
    assert_eq!(store.quarantine(0, 100).await.unwrap(), []);
}

pub async fn a_result_after_a_removed_repeat_is_entered<P: Place>(place: &P) {
    let mut store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = accepted(&*store, &job).await;
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]).pushed();
    assert_eq!(enter(&*store, vec![push(0)]).await, [1, 0, 0, 0]);
    assert_eq!(enter(&*store, vec![push(0)]).await, [0, 1, 0, 0]);
    // The repeat had the newest key and is gone. What comes now must not be taken for it.
    assert_eq!(enter(&*store, vec![push(1)]).await, [1, 0, 0, 0]);
    assert_eq!(enter(&*store, vec![push(1)]).await, [0, 1, 0, 0]);
    drop(store);
    store = place.open().await;
    assert_eq!(enter(&*store, vec![push(2)]).await, [1, 0, 0, 0]);
    assert_eq!(check(&*store, job.id).await.settled, 3);
}

pub async fn a_result_before_the_submit_s_answer_counts<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = claim(&*store, &job, T0).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending), (1, 1));
    end(&*store, &claimed, BatchEnd::Accepted { message_id: Some("id".into()) }).await;
    enter(&*store, vec![Push::failed(&claimed.batch_no, claimed.numbers[1]).pushed()]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.failed, ledger.pending), (1, 1, 0));
    assert_eq!(store.open_batches(job.id).await.unwrap(), []);
}

pub async fn a_result_may_name_its_batch_by_the_id_of_its_submit<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2, 1]).await;
    let (first, second) = (claim(&*store, &job, T0).await, claim(&*store, &job, T0).await);
    let named = |at: usize| {
        let body = Push::of(&first.batch_no, first.numbers[at]).body();
        result("m-1", Source::Push, body)
    };
    end(&*store, &second, BatchEnd::Accepted { message_id: Some("m-2".into()) }).await;
    assert_eq!(enter(&*store, vec![named(0)]).await, [0, 0, 0, 1], "nobody knows it yet");
    end(&*store, &first, BatchEnd::Accepted { message_id: Some("m-1".into()) }).await;
    assert_eq!(enter(&*store, vec![named(1)]).await, [1, 0, 0, 0]);
    assert_eq!(enter(&*store, vec![named(1)]).await, [0, 1, 0, 0]);
    let batch_nos: Vec<_> =
        store.open_batches(job.id).await.unwrap().into_iter().map(|open| open.batch_no).collect();
    assert_eq!(batch_nos, [first.batch_no, second.batch_no], "no batch is called otherwise for it");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending), (1, 2));
}

pub async fn a_second_result_with_other_content_is_kept_beside_the_first<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = accepted(&*store, &job).await;
    let first = Push::of(&claimed.batch_no, claimed.numbers[0]);
    let other = Push { carrier: "China Mobile".into(), ..first.clone() };
    let third = first.clone().costing("0.1913", "USD");
    assert_eq!(enter(&*store, vec![first.pushed()]).await, [1, 0, 0, 0]);
    assert_eq!(enter(&*store, vec![other.pushed(), third.pushed()]).await, [0, 0, 2, 0], "and it is said");
    // Those come again too.
    assert_eq!(
        enter(&*store, vec![other.clone().with_id("x-1").pushed(), third.pushed()]).await,
        [0, 2, 0, 0]
    );
    assert_eq!(enter(&*store, vec![first.pushed()]).await, [0, 1, 0, 0]);

    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending), (1, 1), "the first one counts");
    let kept = store.quarantine(0, 10).await.unwrap();
    assert!(kept.iter().all(|odd| odd.conflict && odd.batch_no == claimed.batch_no.as_str()));
    let bodies: Vec<_> = kept.iter().map(|odd| odd.body.clone()).collect();
    assert_eq!(bodies, [other.body(), third.body()]);
    assert_eq!(row(&*store, job.id, 0).await.result, Some((Source::Push, first.body())));
    // A page at a time.
    assert_eq!(store.quarantine(0, 1).await.unwrap(), kept[..1]);
    assert_eq!(store.quarantine(kept[0].id, 10).await.unwrap(), kept[1..]);
    assert_eq!(store.quarantine(kept[1].id, 10).await.unwrap(), []);
}

pub async fn what_belongs_to_nothing_is_quarantined_as_it_came<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = accepted(&*store, &job).await;
    let known = claimed.batch_no.as_str();
    let strays = [
        Push::of(&batch_no("nobody"), claimed.numbers[0]).pushed(),
        Push::of(&claimed.batch_no, number(999)).pushed(),
        result(known, Source::Push, b"".to_vec()),
        result(known, Source::Push, b"[1,2".to_vec()),
        result(known, Source::Push, vec![0xff, 0x00, 0xfe]),
        result(known, Source::Push, "{\"phone\":\"\u{0}\u{1F600}\"}".into()),
        // Two numbers in the batch: which one is meant?
        result(known, Source::Push, br#"{"code":0,"msg":"success"}"#.to_vec()),
        result("a batch number that no platform would take \u{0}\"'--", Source::Push, vec![b'x'; 100_000]),
    ];
    assert_eq!(enter(&*store, strays.to_vec()).await, [0, 0, 0, 8]);
    assert_eq!(enter(&*store, strays.to_vec()).await, [0, 8, 0, 0], "each is kept once");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.failed, ledger.pending), (0, 0, 2));
    let kept = store.quarantine(0, 100).await.unwrap();
    assert!(kept.iter().all(|odd| !odd.conflict && odd.received_ms == T0 + 5000));
    let kept: Vec<_> = kept.into_iter().map(|odd| (odd.batch_no, odd.body)).collect();
    let came: Vec<_> = strays.iter().map(|stray| (stray.batch_no.clone(), stray.body.clone())).collect();
    assert_eq!(kept, came);
    // What comes behind them is entered.
    let push = Push::of(&claimed.batch_no, claimed.numbers[0]).pushed();
    assert_eq!(enter(&*store, vec![push]).await, [1, 0, 0, 0]);
}

pub async fn what_was_quarantined_is_entered_once_as_soon_as_it_belongs_to_a_number<P: Place>(place: &P) {
    let (one, other) = (place.open().await, place.open().await);
    let known = named(1, 1);
    let push = |at: u64| Push::of(&known, number(100_000 + at));
    let stray = |body: &[u8]| result(known.as_str(), Source::Push, body.to_vec());
    // The batch is not known yet: a store that was restored, for one.
    let early = vec![
        push(0).pushed(),
        stray(b"\xff\x00 unreadable"),
        push(1).pushed(),
        push(1).costing("0.5", "USD").pushed(),
        Push::of(&known, number(7)).pushed(),
        push(2).with_id("another").pushed(),
        push(2).pushed(),
    ];
    assert_eq!(enter(&*one, early).await, [0, 0, 0, 7]);
    assert_eq!(one.reread(0, 100).await.unwrap().entered.seen, 0, "nothing belongs to a number");
    let job = planned(&*one, 1, &[4]).await;
    accepted(&*one, &job).await;
    enter(&*one, vec![push(3).pushed()]).await;
    assert_eq!(enter(&*one, vec![stray(b"late")]).await, [0, 0, 0, 1]);

    // In pages of two, by two processes at once.
    let reread = async |store: Arc<P::Store>| {
        let (mut after, mut sum) = (0, [0; 4]);
        loop {
            let page = store.reread(after, 2).await.unwrap();
            let Some(last) = page.last else { return sum };
            assert!(last > after && page.seen <= 2);
            after = last;
            assert_eq!((page.entered.strays, page.entered.charged_again), (0, 0));
            let entered = page.entered;
            let found = [entered.seen, entered.first, entered.repeats, entered.conflicts];
            sum.iter_mut().zip(found).for_each(|(sum, one)| *sum += one);
        }
    };
    let (first, second) = futures_util::future::join(reread(one.clone()), reread(other.clone())).await;
    let sum: Vec<u32> = first.iter().zip(second).map(|(one, other)| one + other).collect();
    assert_eq!(sum, [5, 3, 1, 1], "each once");
    let ledger = check(&*one, job.id).await;
    assert_eq!((ledger.settled, ledger.failed, ledger.pending, ledger.charged_again), (4, 0, 0, 0));
    assert_eq!(ledger.total().unwrap()[&currency("USD")], price("0.7648"), "4 at 0.1912");
    assert_eq!(row(&*other, job.id, 0).await.result, Some((Source::Push, push(0).body())));
    let kept = other.quarantine(0, 100).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|odd| (odd.conflict, odd.body.clone())).collect();
    let expected = [
        (false, b"\xff\x00 unreadable".to_vec()),
        (true, push(1).costing("0.5", "USD").body()),
        (false, Push::of(&known, number(7)).body()),
        (false, b"late".to_vec()),
    ];
    assert_eq!(kept, expected, "what belongs to nothing stays, as it came");
    assert_eq!(reread(other.clone()).await, [0; 4]);
    assert_eq!(other.quarantine(0, 100).await.unwrap().len(), 4);
    // What comes again is known.
    assert_eq!(enter(&*one, vec![push(0).pushed(), stray(b"late")]).await, [0, 2, 0, 0]);

    assert_eq!(one.forget(job.id, false).await.unwrap().unsettled, 0);
    assert_eq!(reread(one.clone()).await, [0; 4], "a forgotten job takes nothing");
}

pub async fn a_quarantined_charge_of_a_sending_that_a_person_repeated_is_a_second_charge<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    let early = Push::of(&named(1, 1), number(100_000)).pushed();
    assert_eq!(enter(&*store, vec![early]).await, [0, 0, 0, 1]);
    let job = planned(&*store, 1, &[1]).await;
    let claimed = claim(&*store, &job, T0).await;
    end(&*store, &claimed, doubt()).await;
    assert_eq!(store.resubmit_doubtful(job.id, T0 + 1).await.unwrap(), 1);
    let again = accepted(&*store, &job).await;
    enter(&*store, vec![Push::of(&again.batch_no, again.numbers[0]).pushed()]).await;
    let reread = store.reread(0, 10).await.unwrap();
    assert_eq!((reread.entered.seen, reread.entered.charged_again), (1, 1));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.charged_again), (1, 1));
    assert_eq!(ledger.total().unwrap()[&currency("USD")], price("0.3824"), "both are in the cost");
    assert_eq!(store.reread(0, 10).await.unwrap().entered.seen, 0);
    assert_eq!(check(&*store, job.id).await, ledger, "once");
}

pub async fn a_push_without_a_number_finds_the_only_number_of_its_batch<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1]).await;
    let claimed = accepted(&*store, &job).await;
    let known = claimed.batch_no.as_str();
    // With another number it belongs to nothing, alone as the batch's number is.
    assert_eq!(enter(&*store, vec![Push::of(&claimed.batch_no, number(999)).pushed()]).await, [0, 0, 0, 1]);
    let nameless = br#"{"messageId":"m","code":114,"msg":"bad","batchNo":"whatever"}"#.to_vec();
    assert_eq!(enter(&*store, vec![result(known, Source::Push, nameless.clone())]).await, [1, 0, 0, 0]);
    assert_eq!(row(&*store, job.id, 0).await.result, Some((Source::Push, nameless)));
    assert_eq!(check(&*store, job.id).await.failed, 1);
}

pub async fn a_result_ends_doubt_and_refusal<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2, 2]).await;
    for (at, ended) in [doubt(), refusal()].into_iter().enumerate() {
        let claimed = claim(&*store, &job, T0).await;
        end(&*store, &claimed, ended).await;
        check(&*store, job.id).await;
        enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await;
        let other = row(&*store, job.id, at as u64 * 2 + 1).await;
        assert_eq!((other.state, other.code, other.message), (BatchState::Accepted, None, None));
        check(&*store, job.id).await;
    }
    let open = store.open_batches(job.id).await.unwrap();
    assert_eq!(open.len(), 2, "the other numbers are asked about");
    assert!(open.iter().all(|open| open.state == BatchState::Accepted && open.settled == 1));
}

pub async fn a_fetched_row_and_a_push_agree_or_are_a_conflict<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = accepted(&*store, &job).await;
    let of = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    // Either may come first; the forms differ, what they say does not.
    assert_eq!(enter(&*store, vec![of(0).pushed(), of(0).fetched(), of(0).fetched()]).await, [1, 2, 0, 0]);
    assert_eq!(enter(&*store, vec![of(1).fetched(), of(1).pushed(), of(1).fetched()]).await, [1, 2, 0, 0]);
    assert_eq!(row(&*store, job.id, 1).await.result, Some((Source::Query, of(1).row())));
    // Another price is another word about money.
    let dearer = of(2).costing("9.9", "USD");
    assert_eq!(enter(&*store, vec![of(2).pushed(), dearer.fetched()]).await, [1, 0, 1, 0]);
    assert_eq!(enter(&*store, vec![of(3).fetched(), dearer.clone().pushed()]).await[0], 1);
    let failed = Push::failed(&claimed.batch_no, claimed.numbers[3]);
    assert_eq!(enter(&*store, vec![failed.pushed()]).await, [0, 0, 1, 0], "and so is another outcome");
    let ledger = check(&*store, job.id).await;
    assert_eq!(ledger.costs[&(Outcome::Done, currency("USD"))].amount, price("0.7648"));
}

pub async fn many_processes_enter_each_result_once<P: Place>(place: &P) {
    let stores = [place.open().await, place.open().await];
    let job = planned(&*stores[0], 1, &[100; 4]).await;
    let mut claims = Vec::new();
    for _ in 0..4 {
        claims.push(accepted(&*stores[0], &job).await);
    }
    let mut tasks = Vec::new();
    for at in 0..4 {
        let (store, claimed) = (Arc::clone(&stores[at % 2]), claims[at].clone());
        tasks.push(tokio::spawn(async move {
            for (at, number) in claimed.numbers.iter().enumerate() {
                let push = Push::of(&claimed.batch_no, *number).costing("0.0001", "USD");
                // Some twice in one call, some once more later.
                store.append(vec![push.pushed(); 1 + at % 2]).await.unwrap();
                if at % 10 == 0 {
                    store.append(vec![push.pushed()]).await.unwrap();
                }
            }
            [0; 2]
        }));
        let store = Arc::clone(&stores[(at + 1) % 2]);
        tasks.push(tokio::spawn(async move {
            let mut sum = [0; 2];
            for _ in 0..60 {
                let folded = store.fold(7).await.unwrap();
                assert_eq!((folded.conflicts, folded.strays), (0, 0));
                sum = [sum[0] + folded.first, sum[1] + folded.repeats];
                tokio::task::yield_now().await;
            }
            sum
        }));
    }
    let mut sum = [0; 2];
    for task in tasks {
        let folded = task.await.unwrap();
        sum = [sum[0] + folded[0], sum[1] + folded[1]];
    }
    let rest = fold(&*stores[0]).await;
    assert_eq!([sum[0] + rest[0], sum[1] + rest[1]], [400, 240]);
    let ledger = check(&*stores[1], job.id).await;
    assert_eq!(ledger.settled, 400);
    assert_eq!(ledger.costs[&(Outcome::Done, currency("USD"))].amount, price("0.04"));
}

pub async fn costs_are_exact_to_four_decimals<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[40]).await;
    let claimed = accepted(&*store, &job).await;
    for (at, number) in claimed.numbers.iter().enumerate() {
        let push = Push::of(&claimed.batch_no, *number);
        let push = match at {
            0..10 => push.costing("0.1", "USD"),
            10..20 => push.costing("0.0001", "USD"),
            20..30 => push.costing("90000.9999", "VND"),
            // The second dialect charges for a failed check.
            30..35 => Push { code: 266, ..push }.costing("0.002", "CNY"),
            _ => push.costing("0", "VND"),
        };
        enter(&*store, vec![push.pushed()]).await;
        check(&*store, job.id).await;
    }
    let ledger = check(&*store, job.id).await;
    let sum = |outcome, of| {
        let sum = ledger.costs[&(outcome, currency(of))];
        (sum.count, sum.amount.to_string())
    };
    assert_eq!(sum(Outcome::Done, "USD"), (20, "1.0010".into()));
    assert_eq!(sum(Outcome::Done, "VND"), (15, "900009.9990".into()));
    assert_eq!(sum(Outcome::Failed, "CNY"), (5, "0.0100".into()));
    assert_eq!(ledger.costs.len(), 3);
    assert_eq!(ledger.total().unwrap()[&currency("CNY")], price("0.01"));
}

pub async fn a_cost_that_cannot_be_read_is_counted_as_unpriced<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = accepted(&*store, &job).await;
    let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    let without = Push { cost: None, ..push(0) };
    let unreadable = push(1).costing(r#""a lot""#, "USD");
    let strange = push(2).costing("1", "coconuts");
    // A failed check carries no cost in the first dialect, and is none.
    let failed = Push::failed(&claimed.batch_no, claimed.numbers[3]);
    enter(&*store, vec![without.pushed(), unreadable.pushed(), strange.pushed(), failed.pushed()]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.failed, ledger.unpriced), (3, 1, 3));
    assert!(ledger.costs.is_empty(), "unknown is never 0");
}

pub async fn prices_are_learned_by_level_and_region<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = accepted(&*store, &job).await;
    assert_eq!(store.prices().await.unwrap().get(5, "CN"), None);
    for (at, (amount, highest)) in [("0.1", "0.1"), ("0.2", "0.2"), ("0.15", "0.2")].into_iter().enumerate() {
        enter(
            &*store,
            vec![Push::of(&claimed.batch_no, claimed.numbers[at]).costing(amount, "CNY").pushed()],
        )
        .await;
        let learned = store.prices().await.unwrap();
        assert_eq!(learned.get(5, "CN"), Some((currency("CNY"), price(highest))), "the highest");
        assert_eq!((learned.get(1, "CN"), learned.get(5, "DE")), (None, None));
    }
}

//! Judging by itself: what becomes of results, without a store.

use super::*;
use crate::store::Source;

const DAY_MS: u64 = 86_400_000;

const NUMBER: &str = "8613800138000";

fn number() -> PhoneNumber {
    PhoneNumber::new(NUMBER).unwrap()
}

fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

fn price(amount: &str) -> Price {
    amount.parse().unwrap()
}

fn push(batch_no: &str, cost: &str) -> NewResult {
    let body = format!(
        r#"{{"messageId":"m","code":0,"batchNo":"{batch_no}","phone":"{NUMBER}","data":{{"basic":{{"regionCode":"CN"}}}},"cost":{{"price":{cost},"currency":"USD"}}}}"#
    );
    let batch_no = batch_no.to_owned();
    NewResult { batch_no, source: Source::Push, body: body.into_bytes(), received_ms: 5 * DAY_MS + 7 }
}

/// A batch of one phone number, in a state.
fn recorded(state: BatchState, slot: Slot) -> Recorded {
    let mut batch = FoldedBatch::new(3, "account".into(), "made up".into(), 1, "CN".into(), "own".into());
    (batch.state, batch.numbers) = (state, 1);
    let mut recorded = Recorded::new(crate::conformance::reader::reader());
    recorded.batches.insert(1, batch);
    recorded.slots.insert((1, number()), slot);
    recorded
}

fn judged(recorded: Recorded, results: &[NewResult]) -> (Changes, Folded) {
    judged_beside(recorded, results, &QuarantinedBefore::new())
}

fn judged_beside(recorded: Recorded, results: &[NewResult], kept: &QuarantinedBefore) -> (Changes, Folded) {
    let arrived = (10..).zip(results).map(|(id, result)| Arrived::new(id, Some(1), result.clone()));
    let mut arrived: Vec<_> = arrived.collect();
    recorded.wanted(&mut arrived);
    judge(arrived, recorded).finish(kept)
}

#[test]
fn a_first_result_settles_its_number_charges_and_proves_acceptance() {
    for (state, proof) in [
        (BatchState::Planned, Some("other")),
        (BatchState::Sending, None),
        (BatchState::InDoubt, Some("other")),
        (BatchState::Accepted, Some("own")),
        (BatchState::Refused, Some("other")),
    ] {
        let (changes, folded) = judged(recorded(state, Slot::new()), &[push("other", "0.5")]);
        assert_eq!((folded.seen, folded.first), (1, 1));
        let tally = &changes.tallies[&1];
        assert_eq!((tally.job, tally.done, tally.failed), (3, 1, 0));
        let told = tally.proof.as_ref().map(|proof| proof.batch_no.as_str());
        assert_eq!(told, proof, "{state:?}");
        let cost = changes.sums.costs[&(3, Outcome::Done, usd())];
        assert_eq!(cost, Sum { count: 1, amount: price("0.5") });
        assert_eq!(changes.sums.charges[&("account".into(), 5, usd())], price("0.5"));
        assert_eq!(changes.sums.prices[&(1, "CN".to_owned(), usd())], price("0.5"));
    }
}

#[test]
fn what_comes_twice_in_one_go_counts_once_and_another_sending_s_charge_counts_beside_it() {
    let results = [push("own", "0.5"), push("own", "0.5"), push("own", "0.6"), push("own.r1", "0.5")];
    let again = [&results[..], &results[..]].concat();
    let (changes, folded) = judged(recorded(BatchState::Accepted, Slot::new()), &again);
    let counts = (folded.first, folded.repeats, folded.conflicts, folded.charged_again, folded.strays);
    assert_eq!(counts, (1, 5, 1, 1, 0));
    let cost = changes.sums.costs[&(3, Outcome::Done, usd())];
    assert_eq!(cost, Sum { count: 2, amount: price("1") });
    assert_eq!((changes.dropped.len(), changes.quarantined.len()), (5, 2));
    let charges: Vec<_> =
        changes.quarantined.iter().map(|quarantined| is_charge(&quarantined.hash)).collect();
    assert_eq!(charges, [false, true]);
}

#[test]
fn what_was_quarantined_before_is_dropped_and_a_sending_is_charged_once() {
    let held = HeldResult::new(2, Outcome::Done, push("own", "0.5"));
    let mut slot = Slot::new();
    slot.held = Some(held);
    let again = [push("own.r1", "0.5")];
    let (changes, folded) = judged(recorded(BatchState::Accepted, slot.clone()), &again);
    assert_eq!(folded.charged_again, 1);
    let mut kept = QuarantinedBefore::new();
    for quarantined in changes.quarantined {
        kept.add(quarantined.batch_no, quarantined.number, quarantined.hash);
    }
    let (changes, folded) = judged_beside(recorded(BatchState::Accepted, slot.clone()), &again, &kept);
    assert_eq!((folded.charged_again, folded.repeats), (0, 1));
    assert!(changes.sums.is_empty() && changes.dropped == [10]);
    // The same sending says something else: it is kept, and no further charge.
    let other = [push("own.r1", "0.7")];
    let (changes, folded) = judged_beside(recorded(BatchState::Accepted, slot), &other, &kept);
    assert_eq!((folded.charged_again, folded.conflicts), (0, 1));
    assert!(changes.sums.is_empty());
}

#[test]
fn nothing_of_a_forgotten_job_is_kept() {
    let mut recorded = recorded(BatchState::Accepted, Slot::new());
    recorded.batches.get_mut(&1).unwrap().is_forgotten = true;
    assert_eq!(recorded.wanted(&mut [Arrived::new(10, Some(1), push("own", "1"))]).places.len(), 0);
    let (changes, folded) = judged(recorded, &[push("own", "1"), push("own", "2")]);
    assert_eq!((folded.seen, folded.first, folded.strays), (2, 0, 0));
    assert_eq!(changes.dropped, [10, 11]);
    assert!(changes.sums.is_empty() && changes.tallies.is_empty() && changes.quarantined.is_empty());
}

#[test]
fn a_sum_stays_within_the_range_of_a_price_and_a_price_only_rises() {
    let (largest, one) = (price("92233720368"), price("1"));
    let sums = |amount, count| {
        let mut sums = Sums::new();
        sums.costs.insert((3, Outcome::Done, usd()), Sum { count, amount });
        sums.charges.insert(("account".into(), 5, usd()), amount);
        sums.prices.insert((1, "CN".to_owned(), usd()), amount);
        sums
    };
    let full = sums(one, 2).added_to(&sums(largest, 7));
    assert_eq!(full.costs[&(3, Outcome::Done, usd())], Sum { count: 9, amount: largest });
    assert_eq!(full.charges.values().copied().collect::<Vec<_>>(), [largest]);
    assert!(full.prices.is_empty(), "nothing to write");
    let new = sums(one, 2).added_to(&Sums::new());
    assert_eq!(new, sums(one, 2));
    assert_eq!(sums(largest, 1).added_to(&sums(one, 1)).prices, sums(largest, 1).prices);
}

#[test]
fn a_day_is_one_in_utc_and_unpriced_results_count_from_the_day_before() {
    assert_eq!((day_of(DAY_MS - 1), day_of(DAY_MS), day_of(u64::MAX) > 0), (0, 1, true));
    assert_eq!((unpriced_since_ms(5), unpriced_since_ms(DAY_MS * 3 + 5)), (0, DAY_MS * 2));
}

#[test]
fn what_leaves_the_quarantine_frees_its_place_where_it_was_counted() {
    for (counted, left) in [(0, 0), (1, -1), (5, -2)] {
        let mut recorded = recorded(BatchState::Accepted, Slot::new());
        recorded.batches.get_mut(&1).unwrap().quarantined = counted;
        let unreadable = NewResult { body: b"?".to_vec(), ..push("own", "0.5") };
        let results = [push("own", "0.5"), unreadable, push("own", "0.5")];
        let arrived = (10..).zip(results).map(|(id, result)| Arrived::new(id, Some(1), result));
        let mut arrived: Vec<_> = arrived.collect();
        recorded.wanted(&mut arrived);
        let (changes, folded) = judge_again(arrived, recorded).finish(&QuarantinedBefore::new());
        assert_eq!((folded.seen, folded.first, folded.repeats), (2, 1, 1));
        assert_eq!((changes.released, changes.dropped), (vec![10, 12], vec![12]));
        assert_eq!((changes.quarantined.len(), changes.tallies[&1].quarantined), (0, left));
    }
}

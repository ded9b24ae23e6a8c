//! Claims: confirmed before each attempt, cut to a limit, and worth nothing once they are over.

use numcheck_bulk::proof::SignedSpan;
use numcheck_bulk::store::{Claimed, NextBatch, OpenBatch, Skip};
use numcheck_bulk::{BatchEnd, BatchState, Reuse, Store};

use super::Place;
use super::made::*;

const ACCEPTED: BatchEnd = BatchEnd::Accepted { message_id: None };

async fn confirm<S: Store>(store: &S, claimed: &Claimed, ts_ms: u64) -> bool {
    store.confirm(claimed.batch, claimed.claim, ts_ms).await.unwrap()
}

async fn open<S: Store>(store: &S, job: i64, batch: i64) -> OpenBatch {
    let open = store.open_batches(job).await.unwrap();
    open.into_iter().find(|open| open.batch == batch).expect("an open batch")
}

async fn next<S: Store>(store: &S, job: i64, skip: &[&str]) -> Option<NextBatch> {
    let groups = skip.iter().map(|&group| group.to_owned()).collect();
    let skip = Skip::new(groups, Vec::new());
    store.next_batch(job, &skip).await.unwrap()
}

pub async fn a_claim_is_confirmed_with_each_timestamp_that_is_signed<P: Place>(place: &P) {
    let mut store = place.open().await;
    let job = planned(&*store, 1, &[2]).await;
    let claimed = try_claim(&*store, job.id, T0).await.unwrap();
    let shown = open(&*store, job.id, claimed.batch).await;
    assert_eq!((shown.signed, shown.state, shown.sent_ms), (None, BatchState::Sending, T0));
    assert_eq!((shown.owner.as_str(), shown.claim, shown.numbers), ("sender", claimed.claim, 2));
    // The clock was corrected in between, either way.
    for (ts_ms, first_ms, last_ms) in
        [(T0 + 500, 500, 500), (T0 + 9000, 500, 9000), (T0 + 200, 200, 9000), (T0 + 300, 200, 9000)]
    {
        assert!(confirm(&*store, &claimed, ts_ms).await);
        drop(store);
        store = place.open().await;
        let span = SignedSpan { first_ms: T0 + first_ms, last_ms: T0 + last_ms };
        assert_eq!(open(&*store, job.id, claimed.batch).await.signed, Some(span));
    }
    end(&*store, &claimed, doubt()).await;
    assert!(!confirm(&*store, &claimed, T0 + 10_000).await, "it has ended");
    let shown = open(&*store, job.id, claimed.batch).await;
    assert_eq!(shown.signed, Some(SignedSpan { first_ms: T0 + 200, last_ms: T0 + 9000 }));
}

pub async fn a_claim_that_is_over_cannot_be_confirmed<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[1; 6]).await;
    let turned_away = BatchEnd::NotCarriedOut { code: Some(1003), message: "wrong keys".into() };
    for ended in [ACCEPTED, refusal(), doubt(), BatchEnd::NotSent, turned_away] {
        let claimed = claim(&*store, &job, T0).await;
        end(&*store, &claimed, ended.clone()).await;
        assert!(!confirm(&*store, &claimed, T0).await, "after {ended:?}");
        if matches!(ended, BatchEnd::NotSent | BatchEnd::NotCarriedOut { .. }) {
            let again = claim(&*store, &job, T0).await;
            assert_eq!(again.batch, claimed.batch);
            assert!(again.claim > claimed.claim, "each has a key of its own");
            assert!(!confirm(&*store, &claimed, T0).await, "under an older claim");
            assert!(confirm(&*store, &again, T0).await);
        }
    }
    let given_up = claim(&*store, &job, T0).await;
    assert!(!store.confirm(given_up.batch, given_up.claim + 1, T0).await.unwrap(), "of nobody");
    assert!(store.give_up(given_up.batch, given_up.claim).await.unwrap());
    assert!(!confirm(&*store, &given_up, T0).await, "after it was given up");
    assert!(store.plan_again(given_up.batch, given_up.claim).await.unwrap());
    assert!(!confirm(&*store, &given_up, T0).await, "after it was planned again");
    let again = claim(&*store, &job, T0 + 7000).await;
    assert!(!confirm(&*store, &given_up, T0).await, "while it is sent again");
    let shown = open(&*store, job.id, again.batch).await;
    assert_eq!(shown.signed, Some(SignedSpan::at(T0 + 7000)), "only what was signed under its own number");
}

pub async fn a_claim_that_was_never_confirmed_is_planned_again_as_it_was<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[2, 2]).await;
    let unsigned = try_claim(&*store, job.id, T0).await.unwrap();
    let signed = claim(&*store, &job, T0).await;
    for claimed in [&unsigned, &signed] {
        assert!(!store.give_up(claimed.batch, claimed.claim + 7).await.unwrap());
        assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    }
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.planned, ledger.in_doubt), (2, 2));
    let fate = row(&*store, job.id, 0).await;
    assert_eq!((fate.state, fate.message), (BatchState::Planned, None));
    assert!(!store.plan_again(unsigned.batch, unsigned.claim).await.unwrap(), "it is planned");

    let again = try_claim(&*store, job.id, T0 + 5000).await.unwrap();
    assert_eq!((&again.batch_no, &again.numbers), (&unsigned.batch_no, &unsigned.numbers));
    assert_eq!(open(&*store, job.id, again.batch).await.signed, None);
    // The first sender wakes up with its old claim: it signs nothing, and its end is nobody's.
    assert!(!confirm(&*store, &unsigned, T0).await);
    for late in [ACCEPTED, BatchEnd::NotSent, refusal(), doubt()] {
        end(&*store, &unsigned, late).await;
        assert_eq!(row(&*store, job.id, 0).await.state, BatchState::Sending);
    }
    assert!(!store.give_up(unsigned.batch, unsigned.claim).await.unwrap());
    assert!(confirm(&*store, &again, T0 + 5000).await);
    end(&*store, &again, ACCEPTED).await;
    assert_eq!(store.mark_missing(again.batch, unsigned.claim).await.unwrap(), 0);
    assert_eq!(check(&*store, job.id).await.pending, 2);
}

pub async fn a_claim_with_a_limit_cuts_the_batch_and_the_rest_is_planned<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[7, 1]).await;
    let first = next(&*store, job.id, &[]).await.unwrap();
    assert_eq!((first.numbers, first.indivisible), (7, false));
    let skip = Skip::new(Vec::new(), vec![first.batch]);
    assert_eq!(store.next_batch(job.id, &skip).await.unwrap().unwrap().numbers, 1, "the one behind it");
    assert_eq!(store.claim(first.batch, "sender", 0, T0).await.unwrap(), None);
    check(&*store, job.id).await;
    let claimed = store.claim(first.batch, "sender", 3, T0).await.unwrap().unwrap();
    assert_eq!((claimed.batch, &claimed.batch_no, claimed.group.as_str()), (first.batch, &named(1, 1), "CN"));
    let numbers: Vec<_> = (0..7).map(|row| number(100_000 + row)).collect();
    assert_eq!(claimed.numbers, numbers[..3], "the first in the order of the rows");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.pending, ledger.planned), (3, 5));
    assert_eq!(store.claim(first.batch, "sender", 9, T0).await.unwrap(), None, "it is claimed");

    // The rest is a batch of its own, which can be cut as well.
    let single = claim(&*store, &job, T0).await;
    assert_eq!(single.batch_no, named(1, 2));
    let rest = next(&*store, job.id, &[]).await.unwrap();
    assert_eq!((rest.numbers, rest.indivisible, rest.group.as_str()), (4, false, "CN"));
    let second = store.claim(rest.batch, "sender", 1, T0).await.unwrap().unwrap();
    assert_eq!(second.numbers, numbers[3..4]);
    assert!(confirm(&*store, &second, T0).await);
    let last = claim(&*store, &job, T0).await;
    assert_eq!(last.numbers, numbers[4..]);
    let names = [&claimed, &single, &second, &last].map(|claimed| claimed.batch_no.as_str());
    assert!((0..4).all(|at| !names[..at].contains(&names[at])), "{names:?}");
    for claimed in [&claimed, &second, &last] {
        end(&*store, claimed, ACCEPTED).await;
        let result = Push::of(&claimed.batch_no, claimed.numbers[0]).pushed();
        assert_eq!(enter(&*store, vec![result]).await, [1, 0, 0, 0]);
    }
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending, ledger.planned), (3, 5, 0));
    // A result under a batch that has it no more is nobody's.
    let moved = Push::of(&claimed.batch_no, numbers[6]).pushed();
    assert_eq!(enter(&*store, vec![moved]).await, [0, 0, 0, 1]);
    check(&*store, job.id).await;
}

pub async fn a_batch_that_was_planned_again_is_not_cut<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = claim(&*store, &job, T0).await;
    end(&*store, &claimed, doubt()).await;
    assert!(store.plan_again(claimed.batch, claimed.claim).await.unwrap());
    let next = next(&*store, job.id, &[]).await.unwrap();
    assert_eq!((next.numbers, next.indivisible), (3, true));
    assert_eq!(store.claim(next.batch, "sender", 2, T0).await.unwrap(), None);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.planned, ledger.pending), (3, 0));
    assert_eq!(ledger.may_be_charged, 0, "it was proved not to be known");
    let whole = store.claim(next.batch, "sender", 3, T0).await.unwrap().unwrap();
    assert_eq!(whole.numbers, claimed.numbers);
}

pub async fn the_next_batch_passes_over_groups_and_over_what_others_have_sent<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..60);
    let first = of_numbers(&*store, 1, &numbers[..50]).await;
    let claimed = accepted(&*store, &first).await;
    let results = claimed.numbers[..25].iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
    enter(&*store, results.collect()).await;
    // Fifty batches of one phone number that others have, and then some that nobody has.
    let parts: Vec<_> = numbers.chunks(1).collect();
    let mut plan = batches_of(2, &parts);
    for (batch, group) in plan[50..].iter_mut().zip(["CN", "US", "US", "HK", "CN"].into_iter().cycle()) {
        batch.group = group.into();
    }
    let second = made(&*store, 2, plan, Reuse::ALL, T0).await;
    let mut empty = 0;
    let found = loop {
        let found = next(&*store, second.id, &[]).await.expect("there is something to send");
        check(&*store, second.id).await;
        if found.numbers > 0 {
            break found;
        }
        empty += 1;
    };
    assert!(empty < 50, "several are looked up at a time");
    assert_eq!((found.group.as_str(), found.numbers), ("CN", 1));
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting, ledger.planned), (25, 25, 10));
    assert_eq!(next(&*store, second.id, &["CN"]).await.unwrap().group, "US");
    assert_eq!(next(&*store, second.id, &["US", "CN"]).await.unwrap().group, "HK");
    assert_eq!(next(&*store, second.id, &["US", "HK", "CN"]).await, None);
    assert_eq!(store.sent_in_group(second.id, "CN").await.unwrap(), 0, "what was only looked up is not sent");
    let mut order = Vec::new();
    while let Some(claimed) = try_claim(&*store, second.id, T0).await {
        order.push(claimed.numbers[0]);
    }
    assert_eq!(order, numbers[50..]);
    for (group, sent) in [("CN", 4), ("US", 4), ("HK", 2), ("DE", 0)] {
        assert_eq!(store.sent_in_group(second.id, group).await.unwrap(), sent, "{group}");
    }
}

pub async fn what_is_claimed_by_another_between_a_look_and_a_claim_is_left_out<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let (first, second) =
        (of_numbers(&*store, 1, &numbers[..3]).await, of_numbers(&*store, 2, &numbers).await);
    let third = of_numbers(&*store, 3, &numbers[..2]).await;
    let looked = next(&*store, second.id, &[]).await.unwrap();
    assert_eq!(looked.numbers, 4);
    let gone = next(&*store, third.id, &[]).await.unwrap();
    claim(&*store, &first, T0).await;
    let claimed = store.claim(looked.batch, "sender", 4, T0).await.unwrap().unwrap();
    assert_eq!(claimed.numbers, numbers[3..]);
    assert_eq!(store.claim(gone.batch, "sender", 4, T0).await.unwrap(), None, "nothing of it is left");
    assert_eq!(check(&*store, second.id).await.waiting, 3);
    assert_eq!(check(&*store, third.id).await.waiting, 2);
}

pub async fn only_accepted_batches_of_a_first_try_that_were_signed_later_are_controls<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[5, 2, 3, 1, 1, 1, 1, 4]).await;
    let mut claims = Vec::new();
    for at in 0..7 {
        let claimed = try_claim(&*store, job.id, T0).await.unwrap();
        assert!(confirm(&*store, &claimed, T0 + at * 1000).await);
        claims.push(claimed);
    }
    for claimed in &claims[..3] {
        end(&*store, claimed, ACCEPTED).await;
    }
    // The other ones: in doubt, refused, sent a second time; the last one is being sent.
    end(&*store, &claims[3], doubt()).await;
    end(&*store, &claims[4], refusal()).await;
    end(&*store, &claims[5], doubt()).await;
    assert!(store.plan_again(claims[5].batch, claims[5].claim).await.unwrap());
    let again = claim(&*store, &job, T0 + 50_000).await;
    assert_eq!(again.batch, claims[5].batch);
    end(&*store, &again, ACCEPTED).await;
    // Of this one the platform has not taken every phone number, and its later attempt is what counts for nobody.
    enter(&*store, vec![Push::of(&claims[2].batch_no, claims[2].numbers[0]).not_taken()]).await;
    let late = claim(&*store, &job, T0 + 60_000).await;
    assert!(confirm(&*store, &late, T0 + 70_000).await);
    end(&*store, &late, ACCEPTED).await;

    let controls = async |after_ms, most| {
        let controls = store.controls(&scope(), after_ms, most).await.unwrap();
        let found = controls.iter().map(|one| (one.batch, one.numbers, one.signed.first_ms - T0));
        found.collect::<Vec<_>>()
    };
    let [five, two, three, four] = [
        (claims[0].batch, 5, 0),
        (claims[1].batch, 2, 1000),
        (claims[2].batch, 2, 2000),
        (late.batch, 4, 60_000),
    ];
    // The smallest first: as many as it has sent, or has had taken.
    assert_eq!(controls(T0 - 1, 10).await, [two, three, four, five]);
    assert_eq!(controls(T0 - 1, 1).await, [two]);
    assert_eq!(controls(T0, 10).await, [two, three, four]);
    assert_eq!(controls(T0 + 1000, 10).await, [three, four], "later, not at the same time");
    assert_eq!(controls(T0 + 59_999, 10).await, [four]);
    assert_eq!(controls(T0 + 60_000, 10).await, [], "every attempt was signed later");
    let found = store.controls(&scope(), T0 + 2000, 10).await.unwrap();
    assert_eq!(found[0].batch_no, late.batch_no);
    assert_eq!(found[0].signed, SignedSpan { first_ms: T0 + 60_000, last_ms: T0 + 70_000 });
    let other = numcheck_bulk::Scope::new("account", "number_check", 1);
    assert_eq!(store.controls(&other, 0, 10).await.unwrap(), [], "of another level");
}

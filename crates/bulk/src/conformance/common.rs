//! Phone numbers that several jobs have in common: each is paid for once.

use std::collections::BTreeMap;
use std::sync::Arc;

use numcheck_bulk::store::{Claimed, NewResult, Skip};
use numcheck_bulk::{BatchEnd, BatchState, BookState, Outcome, Reuse, Store};
use numcheck_protocol::PhoneNumber;

use super::Place;
use super::made::*;

const ACCEPTED: BatchEnd = BatchEnd::Accepted { message_id: None };
const HOUR: u64 = 60 * 60_000;

fn received(result: NewResult, received_ms: u64) -> NewResult {
    NewResult { received_ms, ..result }
}

fn results_of(claimed: &Claimed) -> Vec<NewResult> {
    claimed.numbers.iter().map(|number| Push::of(&claimed.batch_no, *number).pushed()).collect()
}

/// A job whose only batch of these phone numbers was accepted.
async fn sent<S: Store>(store: &S, job: u64, numbers: &[PhoneNumber]) -> (i64, Claimed) {
    let job = of_numbers(store, job, numbers).await;
    (job.id, accepted(store, &job).await)
}

/// What a job sends of its plan: claimed, confirmed, and left there.
async fn sends<S: Store>(store: &S, job: i64) -> Vec<PhoneNumber> {
    let mut numbers = Vec::new();
    while let Some(claimed) = try_claim(store, job, T0).await {
        check(store, job).await;
        numbers.extend(claimed.numbers);
    }
    check(store, job).await;
    numbers
}

pub async fn a_phone_number_of_two_jobs_is_sent_by_the_first_and_the_other_takes_its_result<P: Place>(
    place: &P,
) {
    let (one, other) = (place.open().await, place.open().await);
    let numbers = shared(0..6);
    let first = of_numbers(&*one, 1, &numbers[..4]).await;
    let second = of_numbers(&*other, 2, &numbers[2..]).await;
    let claimed = claim(&*one, &first, T0).await;
    assert_eq!(claimed.numbers, numbers[..4]);
    let next = other.next_batch(second.id, &Skip::default()).await.unwrap().unwrap();
    assert_eq!((next.numbers, next.group.as_str(), next.indivisible), (2, "CN", false));
    let rest = claim(&*other, &second, T0).await;
    assert_eq!(rest.numbers, numbers[4..]);
    assert_eq!(try_claim(&*other, second.id, T0).await, None);
    let ledger = check(&*one, second.id).await;
    assert_eq!((ledger.waiting, ledger.pending, ledger.submitted), (2, 2, 2));
    assert_eq!(check(&*one, first.id).await.waiting, 0);

    // Nobody waits for a job that nobody resumes: its batch is asked about as if it were the own one.
    let open = other.open_batches(second.id).await.unwrap();
    let open: Vec<_> = open.iter().map(|open| (open.batch, open.job, open.claim)).collect();
    let expected = [(claimed.batch, first.id, claimed.claim), (rest.batch, second.id, rest.claim)];
    assert_eq!(open, expected);
    let ours = one.open_batches(first.id).await.unwrap();
    assert_eq!(ours.iter().map(|open| open.batch).collect::<Vec<_>>(), [claimed.batch]);

    for (store, claimed) in [(&one, &claimed), (&other, &rest)] {
        end(&**store, claimed, ACCEPTED).await;
    }
    assert_eq!(enter(&*one, results_of(&claimed)).await, [4, 0, 0, 0]);
    assert_eq!(check(&*other, second.id).await.waiting, 2, "not before it was followed");
    let followed = other.follow(second.id).await.unwrap();
    assert_eq!((followed.reused, followed.planned), (2, 0));
    assert_eq!(other.follow(second.id).await.unwrap().reused, 0, "once");
    enter(&*other, results_of(&rest)).await;
    for (job, settled, reused, cost) in [(&first, 4, 0, "0.7648"), (&second, 2, 2, "0.3824")] {
        let ledger = check(&*one, job.id).await;
        assert_eq!((ledger.settled, ledger.reused.done, ledger.waiting), (settled, reused, 0));
        assert_eq!(ledger.total().unwrap()[&currency("USD")], price(cost), "paid by whoever sent it");
        assert!(ledger.is_final());
        assert_eq!(one.open_batches(job.id).await.unwrap(), []);
    }
    let fate = row(&*one, second.id, 0).await;
    assert_eq!((fate.reused, fate.sent_ms, fate.received_ms), (true, Some(T0), Some(T0 + 5000)));
    assert_eq!((fate.batch_no.as_str(), fate.state), (claimed.batch_no.as_str(), BatchState::Accepted));
    assert_eq!(fate.result.unwrap().1, Push::of(&claimed.batch_no, numbers[2]).body());
    let own = row(&*one, second.id, 2).await;
    assert!(!own.reused && own.batch_no == rest.batch_no.as_str());
}

pub async fn no_phone_number_is_accepted_twice_however_many_claim_at_once<P: Place>(place: &P) {
    let stores = [place.open().await, place.open().await];
    let numbers = shared(0..60);
    let backwards: Vec<_> = numbers.iter().rev().copied().collect();
    let parts = |numbers: &[PhoneNumber], size: usize| -> Vec<Vec<PhoneNumber>> {
        numbers.chunks(size).map(<[_]>::to_vec).collect()
    };
    let plans = [parts(&numbers, 5), parts(&backwards, 7), parts(&numbers[20..40], 20)];
    let mut jobs = Vec::new();
    for (plan, job) in plans.iter().zip(1..) {
        let plan: Vec<_> = plan.iter().map(Vec::as_slice).collect();
        jobs.push(made(&*stores[0], job, batches_of(job, &plan), Reuse::NONE, T0).await.id);
    }
    let tasks: Vec<_> = (0..9)
        .map(|at| {
            let (store, job) = (Arc::clone(&stores[at % 2]), jobs[at % 3]);
            tokio::spawn(async move {
                let mut sent = Vec::new();
                let mut others = 0;
                while let Some(claimed) = try_claim(&*store, job, T0).await {
                    // Some never leave, some are turned away or refused as a whole: what was waiting for them is sent elsewhere.
                    others += 1;
                    let ended = match others {
                        1 => BatchEnd::NotSent,
                        2 => BatchEnd::NotCarriedOut { code: Some(204), message: "no balance".into() },
                        _ => ACCEPTED,
                    };
                    let is_sent = ended == ACCEPTED;
                    assert!(store.confirm(claimed.batch, claimed.claim, T0).await.unwrap());
                    end(&*store, &claimed, ended).await;
                    if is_sent {
                        sent.push(claimed);
                    }
                    store.follow(job).await.unwrap();
                    tokio::task::yield_now().await;
                }
                sent
            })
        })
        .collect();
    let mut sent = Vec::new();
    for task in tasks {
        sent.extend(task.await.unwrap());
    }
    // What was freed last has nobody left who looks.
    let store = &*stores[0];
    loop {
        let before = sent.len();
        for job in &jobs {
            let planned = store.follow(*job).await.unwrap().planned;
            check(store, *job).await;
            while let Some(claimed) = try_claim(store, *job, T0).await {
                end(store, &claimed, ACCEPTED).await;
                sent.push(claimed);
            }
            assert!(planned == 0 || sent.len() > before, "what is planned is sent, or waits again");
        }
        if sent.len() == before {
            break;
        }
    }
    let mut times = BTreeMap::<PhoneNumber, u32>::new();
    for number in sent.iter().flat_map(|claimed| &claimed.numbers) {
        *times.entry(*number).or_default() += 1;
    }
    assert_eq!(times.len(), 60, "each is sent");
    assert!(times.values().all(|times| *times == 1), "and once: {times:?}");

    enter(store, sent.iter().flat_map(results_of).collect()).await;
    let mut settled = 0;
    for (job, all) in jobs.iter().zip([60, 60, 20]) {
        store.follow(*job).await.unwrap();
        let ledger = check(store, *job).await;
        assert!(ledger.is_final());
        assert_eq!(ledger.settled + ledger.reused.done, all);
        settled += ledger.settled;
    }
    assert_eq!(settled, 60);
}

pub async fn a_fresh_result_is_taken_at_no_cost_and_an_older_one_is_paid_for_again<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let (first, claimed) = sent(&*store, 1, &numbers).await;
    let of = |claimed: &Claimed, number| Push::of(&claimed.batch_no, number).pushed();
    let results =
        vec![received(of(&claimed, numbers[0]), T0 + 5000), received(of(&claimed, numbers[1]), T0 + 4999)];
    enter(&*store, results).await;
    let before = (all_rows(&*store, first).await, check(&*store, first).await);

    let plan = batches_of(2, &[&numbers]);
    let second = made(&*store, 2, plan, Reuse::since(T0 + 5000), T0 + HOUR).await;
    let next = store.next_batch(second.id, &Skip::default()).await.unwrap().unwrap();
    assert_eq!(next.numbers, 1);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.planned), (1, 1), "a look is enough to take it");
    let again = accepted(&*store, &second).await;
    assert_eq!(again.numbers, [numbers[1]]);
    let result = received(of(&again, numbers[1]), T0 + HOUR);
    assert_eq!(enter(&*store, vec![result]).await, [1, 0, 0, 0]);
    let ledger = check(&*store, second.id).await;
    assert!(ledger.is_final());
    assert_eq!((ledger.reused.done, ledger.settled), (1, 1));
    assert_eq!(ledger.costs[&(Outcome::Done, currency("USD"))].amount, price("0.1912"));
    let times: Vec<_> = all_rows(&*store, second.id).await.iter().map(|fate| fate.received_ms).collect();
    assert_eq!(times, [Some(T0 + 5000), Some(T0 + HOUR)]);
    assert_eq!((all_rows(&*store, first).await, check(&*store, first).await), before);

    // All reused: nothing is left to send, and the job is finished.
    let third = made(&*store, 3, batches_of(3, &[&numbers]), Reuse::ALL, T0 + HOUR).await;
    assert_eq!(try_claim(&*store, third.id, T0).await, None);
    let ledger = check(&*store, third.id).await;
    assert!(ledger.is_final() && ledger.total().unwrap().is_empty());
    assert_eq!(ledger.reused.done, 2);
    let times: Vec<_> = all_rows(&*store, third.id).await.iter().map(|fate| fate.received_ms).collect();
    assert_eq!(times, [Some(T0 + 5000), Some(T0 + HOUR)], "the newest");
}

pub async fn an_override_sends_settled_numbers_again_and_never_what_is_under_way_or_in_doubt<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    let numbers = shared(0..6);
    let parts: Vec<&[PhoneNumber]> = numbers.chunks(1).collect();
    let first = made(&*store, 1, batches_of(1, &parts), Reuse::ALL, T0).await;
    let settled = accepted(&*store, &first).await;
    enter(&*store, results_of(&settled)).await;
    accepted(&*store, &first).await;
    let in_doubt = claim(&*store, &first, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    claim(&*store, &first, T0).await;
    let missing = accepted(&*store, &first).await;
    store.mark_missing(missing.batch, missing.claim).await.unwrap();
    let planned = store.next_batch(first.id, &Skip::default()).await.unwrap().unwrap();

    let second = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::NONE, T0).await;
    assert_eq!(sends(&*store, second.id).await, [numbers[0], numbers[5]], "settled, and only planned");
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.waiting, ledger.waiting_in_doubt, ledger.pending), (2, 2, 2));
    // What the first job had only planned is the second one's now.
    assert_eq!(store.claim(planned.batch, "sender", u64::MAX, T0).await.unwrap(), None);
    assert_eq!(check(&*store, first.id).await.waiting, 1);
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| (known.state, known.job))).collect();
    let (under_way, doubtful) = (BookState::UnderWay, BookState::InDoubt);
    let expected = [
        (under_way, second.id),
        (under_way, first.id),
        (doubtful, first.id),
        (under_way, first.id),
        (doubtful, first.id),
        (under_way, second.id),
    ];
    assert_eq!(known, expected.map(Some));
}

pub async fn a_result_that_came_after_the_job_was_made_is_taken_whatever_clocks_say<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let (_, claimed) = sent(&*store, 1, &numbers[..2]).await;
    let late = |at: usize| Push::of(&claimed.batch_no, numbers[at]).pushed();
    // This one was stored before and is entered later: it came before.
    store.append(vec![received(late(0), T0 + 24 * HOUR)]).await.unwrap();
    let again = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::NONE, T0 + HOUR).await;
    enter(&*store, vec![received(late(1), T0 - 24 * HOUR)]).await;
    assert_eq!(sends(&*store, again.id).await, [numbers[0], numbers[2]]);
    let fate = row(&*store, again.id, 1).await;
    assert_eq!((fate.reused, fate.received_ms), (true, Some(T0 - 24 * HOUR)));
}

pub async fn a_result_from_the_future_is_of_unknown_age<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let (_, claimed) = sent(&*store, 1, &numbers).await;
    let of = |at: usize, ms| received(Push::of(&claimed.batch_no, numbers[at]).pushed(), ms);
    // A few minutes are what clocks of two machines differ by.
    enter(&*store, vec![of(0, T0 + HOUR), of(1, T0 + 60_000)]).await;
    let careful = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::since(T0 - HOUR), T0).await;
    let next = store.next_batch(careful.id, &Skip::default()).await.unwrap().unwrap();
    assert_eq!(next.numbers, 1);
    assert_eq!(check(&*store, careful.id).await.reused.done, 1);
    let all = made(&*store, 3, batches_of(3, &[&numbers]), Reuse::ALL, T0).await;
    assert_eq!(sends(&*store, all.id).await, []);
    assert_eq!(check(&*store, all.id).await.reused.done, 2);
    assert_eq!(sends(&*store, careful.id).await, [numbers[0]]);
}

pub async fn only_failures_that_pass_are_checked_again_on_request<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..8);
    let (_, claimed) = sent(&*store, 1, &numbers).await;
    let codes = [0, 121, 103, 112, 266, 114, 108, 999];
    let failed = |(code, number): (i64, &PhoneNumber)| match code {
        0 => Push::of(&claimed.batch_no, *number).pushed(),
        _ => Push { code, ..Push::failed(&claimed.batch_no, *number) }.pushed(),
    };
    enter(&*store, codes.into_iter().zip(&numbers).map(failed).collect()).await;
    let plain = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::since(T0), T0 + HOUR).await;
    assert_eq!(sends(&*store, plain.id).await, []);
    let ledger = check(&*store, plain.id).await;
    assert_eq!((ledger.reused.done, ledger.reused.failed), (1, 7));

    let reuse = Reuse::since(T0).with_retry_failed();
    let retry = made(&*store, 3, batches_of(3, &[&numbers]), reuse, T0 + HOUR).await;
    let again = accepted(&*store, &retry).await;
    assert_eq!(again.numbers, numbers[1..5]);
    // It may pass again: what came after the job was made is the job's answer, and no second charge.
    enter(&*store, vec![Push::failed(&again.batch_no, numbers[1]).pushed()]).await;
    let ledger = check(&*store, retry.id).await;
    assert_eq!((ledger.failed, ledger.pending, ledger.planned), (1, 3, 0));
    assert_eq!((ledger.reused.done, ledger.reused.failed), (1, 3));
}

pub async fn what_was_never_taken_frees_its_numbers_for_the_job_that_waits<P: Place>(place: &P) {
    let store = place.open().await;
    let turned_away = BatchEnd::NotCarriedOut { code: Some(1003), message: "wrong keys".into() };
    for (at, ended) in (0..).zip([refusal(), turned_away, BatchEnd::NotSent]) {
        let numbers = shared(at * 10..at * 10 + 3);
        let first = of_numbers(&*store, at * 2 + 1, &numbers).await;
        let second = of_numbers(&*store, at * 2 + 2, &numbers[1..]).await;
        let claimed = claim(&*store, &first, T0).await;
        assert_eq!(sends(&*store, second.id).await, []);
        assert_eq!(check(&*store, second.id).await.waiting, 2);
        end(&*store, &claimed, ended.clone()).await;
        let ledger = check(&*store, second.id).await;
        assert_eq!((ledger.waiting, ledger.planned), (0, 2), "{ended:?}: it is planned soon");
        assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap(), [None; 3]);
        let followed = store.follow(second.id).await.unwrap();
        assert_eq!((followed.reused, followed.planned), (0, 2));
        assert_eq!(store.follow(second.id).await.unwrap().planned, 0, "once");
        check(&*store, second.id).await;

        let other = claim(&*store, &second, T0).await;
        assert_eq!(other.numbers, numbers[1..]);
        end(&*store, &other, ACCEPTED).await;
        // The first job goes on with what is left, and waits in its turn.
        let is_refused = ended == refusal();
        let rest = if is_refused { &[][..] } else { &numbers[..1] };
        assert_eq!(sends(&*store, first.id).await, rest);
        enter(&*store, results_of(&other)).await;
        store.follow(first.id).await.unwrap();
        let ledger = check(&*store, first.id).await;
        let expected = if is_refused { (3, 0, 0) } else { (0, 2, 1) };
        assert_eq!((ledger.refused, ledger.reused.done, ledger.pending), expected);
        assert_eq!(check(&*store, second.id).await.settled, 2);
    }
}

pub async fn a_claim_that_was_never_confirmed_frees_its_numbers_when_it_is_given_up<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 1, &numbers).await;
    let second = of_numbers(&*store, 2, &numbers).await;
    let claimed = try_claim(&*store, first.id, T0).await.unwrap();
    assert_eq!(sends(&*store, second.id).await, []);
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    assert_eq!(store.follow(second.id).await.unwrap().planned, 2);
    assert_eq!(sends(&*store, second.id).await, numbers);
    assert_eq!(sends(&*store, first.id).await, []);
    assert_eq!(check(&*store, first.id).await.waiting, 2);
}

pub async fn a_number_refused_in_an_accepted_batch_is_settled_for_every_job<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let (first, claimed) = sent(&*store, 1, &numbers).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, numbers[0]).not_taken()]).await;
    check(&*store, first).await;
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    let states: Vec<_> = known.into_iter().map(|known| known.unwrap().state).collect();
    assert_eq!(states, [BookState::Settled(Outcome::Refused), BookState::UnderWay]);
    let second = of_numbers(&*store, 2, &numbers).await;
    assert_eq!(sends(&*store, second.id).await, []);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.refused, ledger.waiting, ledger.refused), (1, 1, 0));
    // A result after all counts for whoever sent it, and for whoever asks from then on.
    assert_eq!(enter(&*store, vec![Push::of(&claimed.batch_no, numbers[0]).pushed()]).await, [0, 0, 1, 0]);
    assert_eq!(check(&*store, first).await.settled, 1);
    let third = of_numbers(&*store, 3, &numbers[..1]).await;
    assert_eq!(sends(&*store, third.id).await, []);
    assert_eq!(check(&*store, third.id).await.reused.done, 1);
}

pub async fn the_waiting_job_alone_can_resubmit_a_doubt_and_only_its_own_numbers_are_sent<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    let numbers = shared(0..5);
    let first = of_numbers(&*store, 1, &numbers[..4]).await;
    let claimed = claim(&*store, &first, T0).await;
    end(&*store, &claimed, doubt()).await;
    let second = of_numbers(&*store, 2, &numbers[2..]).await;
    assert_eq!(sends(&*store, second.id).await, [numbers[4]]);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.waiting_in_doubt, ledger.waiting), (2, 0));
    assert!(!ledger.is_final());

    assert_eq!(store.resubmit_doubtful(second.id, T0).await.unwrap(), 0, "it was sent then, not before");
    assert_eq!(store.resubmit_doubtful(second.id, T0 + 1).await.unwrap(), 2);
    assert_eq!(store.resubmit_doubtful(second.id, T0 + 1).await.unwrap(), 0, "once");
    assert_eq!(check(&*store, second.id).await.planned, 2);
    let again = claim(&*store, &second, T0 + 100).await;
    assert_eq!(again.numbers, numbers[2..4]);
    assert_ne!(again.batch_no, claimed.batch_no);
    end(&*store, &again, ACCEPTED).await;
    assert_eq!(check(&*store, first.id).await.in_doubt, 4, "the other job's batch stays as it is");
    let known = store.look_up(&scope(), numbers[1..3].to_vec()).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| (known.state, known.job))).collect();
    assert_eq!(known, [Some((BookState::InDoubt, first.id)), Some((BookState::UnderWay, second.id))]);

    enter(&*store, results_of(&again)).await;
    assert_eq!(check(&*store, second.id).await.settled, 2);
    // The first sending had been accepted after all: it was charged, too, and is the other job's.
    enter(&*store, results_of(&claimed)).await;
    for (job, settled, cost) in [(&first, 4, "0.7648"), (&second, 2, "0.3824")] {
        let ledger = check(&*store, job.id).await;
        assert_eq!(ledger.settled, settled);
        assert_eq!(ledger.total().unwrap()[&currency("USD")], price(cost));
    }
}

pub async fn a_resubmission_waits_for_what_another_job_has_resubmitted_before<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let first = of_numbers(&*store, 1, &numbers).await;
    let claimed = claim(&*store, &first, T0).await;
    end(&*store, &claimed, doubt()).await;
    let (second, third) =
        (of_numbers(&*store, 2, &numbers[1..]).await, of_numbers(&*store, 3, &numbers[1..]).await);
    for job in [&second, &third] {
        assert_eq!(sends(&*store, job.id).await, []);
        assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 2);
    }
    assert_eq!(sends(&*store, second.id).await, numbers[1..]);
    assert_eq!(sends(&*store, third.id).await, [], "the word was about the first sending");
    assert_eq!(check(&*store, third.id).await.waiting, 2);
    // The job whose doubt it is sends what is left of it.
    assert_eq!(store.resubmit_doubtful(first.id, u64::MAX).await.unwrap(), 3);
    assert_eq!(sends(&*store, first.id).await, numbers[..1]);
    assert_eq!(check(&*store, first.id).await.waiting, 2);
}

pub async fn a_resubmission_covers_what_was_sent_before_its_time<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let parts: Vec<&[PhoneNumber]> = numbers.chunks(1).collect();
    let first = made(&*store, 1, batches_of(1, &parts), Reuse::ALL, T0).await;
    for at in 0..3 {
        let claimed = claim(&*store, &first, T0 + at * HOUR).await;
        end(&*store, &claimed, doubt()).await;
    }
    let second = of_numbers(&*store, 2, &numbers).await;
    assert_eq!(sends(&*store, second.id).await, []);
    assert_eq!(store.resubmit_doubtful(second.id, T0 + HOUR).await.unwrap(), 1);
    assert_eq!(sends(&*store, second.id).await, [numbers[0]]);
    assert_eq!(check(&*store, second.id).await.waiting_in_doubt, 2);
    assert_eq!(store.resubmit_doubtful(first.id, T0 + 2 * HOUR).await.unwrap(), 2);
    let ledger = check(&*store, first.id).await;
    assert_eq!((ledger.planned, ledger.in_doubt), (2, 1));
    // What the first job plans again is free for the job that waits.
    assert_eq!(store.follow(second.id).await.unwrap().planned, 1);
    assert_eq!(sends(&*store, second.id).await, [numbers[1]]);
    assert_eq!(sends(&*store, first.id).await, []);
    assert_eq!(check(&*store, first.id).await.waiting, 2);
}

pub async fn a_doubt_that_a_result_has_ended_is_not_resubmitted<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 1, &numbers).await;
    let claimed = claim(&*store, &first, T0).await;
    end(&*store, &claimed, doubt()).await;
    let second = of_numbers(&*store, 2, &numbers).await;
    assert_eq!(sends(&*store, second.id).await, []);
    // It waits to be entered, which is proof enough.
    store.append(vec![Push::of(&claimed.batch_no, numbers[0]).pushed()]).await.unwrap();
    assert_eq!(store.resubmit_doubtful(second.id, u64::MAX).await.unwrap(), 0);
    assert_eq!(store.resubmit_doubtful(first.id, u64::MAX).await.unwrap(), 0);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting, ledger.planned), (1, 1, 0));
}

pub async fn missing_counts_as_in_doubt_and_is_resubmitted<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let (first, claimed) = sent(&*store, 1, &numbers).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, numbers[0]).pushed()]).await;
    let second = of_numbers(&*store, 2, &numbers).await;
    assert_eq!(sends(&*store, second.id).await, []);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting), (1, 2));
    assert_eq!(store.mark_missing(claimed.batch, claimed.claim).await.unwrap(), 2);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.waiting, ledger.waiting_in_doubt), (0, 2));
    assert!(row(&*store, second.id, 1).await.missing);
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    assert!(known[1..].iter().all(|known| known.unwrap().state == BookState::InDoubt));

    assert_eq!(store.resubmit_doubtful(first, u64::MAX).await.unwrap(), 2);
    let ledger = check(&*store, first).await;
    assert_eq!((ledger.planned, ledger.settled, ledger.missing), (2, 1, 0));
    let job = store.job(&name(1)).await.unwrap().unwrap();
    let again = accepted(&*store, &job).await;
    assert_eq!((again.numbers.as_slice(), again.batch), (&numbers[1..], claimed.batch));
    assert_ne!(again.batch_no, claimed.batch_no);
    enter(&*store, results_of(&again)).await;
    store.follow(second.id).await.unwrap();
    assert_eq!(check(&*store, second.id).await.reused.done, 3);
    assert_eq!(check(&*store, first).await.settled, 3);
}

pub async fn results_of_both_sendings_are_two_charges<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let first = claim(&*store, &job, T0).await;
    end(&*store, &first, doubt()).await;
    assert_eq!(check(&*store, job.id).await.may_be_charged, 0);
    assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 3);
    // From then on, since the first sending is under way no more.
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.planned, ledger.may_be_charged), (3, 3));
    let second = accepted(&*store, &job).await;
    assert_eq!(store.spending("account", 0).await.unwrap().unpriced[&5], 3);
    let of = |claimed: &Claimed, at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]);
    assert_eq!(enter(&*store, vec![of(&second, 0).pushed()]).await, [1, 0, 0, 0]);
    // The same content under the other `batchNo` is another check, and a failed one that cost nothing is none.
    let late = vec![of(&first, 0).pushed(), of(&first, 0).with_id("x-2").pushed(), of(&second, 0).pushed()];
    store.append(late.clone()).await.unwrap();
    let folded = store.fold(10).await.unwrap();
    let counts = (folded.charged_again, folded.repeats, folded.conflicts, folded.first);
    assert_eq!(counts, (1, 2, 0, 0));
    let failed = Push::failed(&first.batch_no, first.numbers[0]);
    assert_eq!(enter(&*store, vec![failed.pushed()]).await, [0, 0, 1, 0]);
    assert_eq!(enter(&*store, late).await, [0, 3, 0, 0]);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.pending, ledger.charged_again), (1, 2, 1));
    assert_eq!(ledger.may_be_charged, 2, "what has come is in the costs");
    let sum = ledger.costs[&(Outcome::Done, currency("USD"))];
    assert_eq!((sum.count, sum.amount), (2, price("0.3824")));
    let spent = store.spending("account", 0).await.unwrap().charged.unwrap();
    assert_eq!(spent[&currency("USD")], price("0.3824"));
    // Without a price it is one that nobody knows.
    let unpriced = Push { cost: None, ..of(&first, 1) };
    store.append(vec![of(&second, 1).pushed(), unpriced.pushed()]).await.unwrap();
    assert_eq!(store.fold(10).await.unwrap().charged_again, 1);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.charged_again, ledger.unpriced), (2, 1));
    assert_eq!(store.spending("account", 0).await.unwrap().unpriced[&5], 2, "one of each");
    assert_eq!(store.quarantine(0, 10).await.unwrap().len(), 3, "all are kept");
}

pub async fn a_phone_number_that_has_moved_on_is_counted_once_when_its_first_sending_answers_late<
    P: Place,
>(
    place: &P,
) {
    let store = place.open().await;
    for (at, is_sent_again) in (0..).zip([false, true]) {
        let numbers = shared(at * 10..at * 10 + 3);
        let first = of_numbers(&*store, at * 2 + 1, &numbers).await;
        let lost = claim(&*store, &first, T0).await;
        end(&*store, &lost, doubt()).await;
        assert!(store.plan_again(lost.batch, lost.claim).await.unwrap());
        // Before it is sent again, another job sends one of its numbers, and is refused.
        let second = of_numbers(&*store, at * 2 + 2, &numbers[2..]).await;
        let other = claim(&*store, &second, T0).await;
        let rest = claim(&*store, &first, T0).await;
        assert_eq!((rest.batch, rest.numbers.as_slice()), (lost.batch, &numbers[..2]));
        end(&*store, &other, refusal()).await;
        assert_eq!(store.follow(first.id).await.unwrap().planned, 1);
        check(&*store, first.id).await;
        let moved = if is_sent_again { Some(accepted(&*store, &first).await) } else { None };

        // Now the first sending answers, and proves that all of it was accepted.
        let late = Push::of(&lost.batch_no, numbers[2]).pushed();
        store.append(vec![late.clone(), late]).await.unwrap();
        let folded = store.fold(10).await.unwrap();
        assert_eq!((folded.charged_again, folded.repeats, folded.first), (1, 1, 0));
        check(&*store, first.id).await;
        end(&*store, &rest, BatchEnd::NotSent).await;
        assert_eq!(sends(&*store, first.id).await, [], "nothing of it is sent again");
        if let Some(moved) = &moved {
            enter(&*store, results_of(moved)).await;
        }
        enter(&*store, vec![Push::of(&lost.batch_no, numbers[0]).pushed()]).await;
        let ledger = check(&*store, first.id).await;
        let figures = (ledger.planned, ledger.pending, ledger.settled, ledger.reused.done);
        assert_eq!(figures, if is_sent_again { (0, 1, 2, 0) } else { (0, 1, 1, 1) });
        let sum = ledger.costs[&(Outcome::Done, currency("USD"))];
        assert_eq!((sum.count, ledger.charged_again), (ledger.settled + 1, 1), "the money is not lost");
        assert!(row(&*store, first.id, 2).await.result.is_some());
    }
}

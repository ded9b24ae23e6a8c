//! Claims whose phone numbers are sent one by one, each marked before.

use std::collections::BTreeSet;
use std::sync::Arc;

use numcheck_bulk::store::{Claimed, NewResult, Source};
use numcheck_bulk::{BatchEnd, BatchState, BookState, Job, Outcome, Reuse, Store};
use numcheck_protocol::PhoneNumber;

use super::Place;
use super::made::*;

/// A claim that nobody has confirmed.
async fn taken<S: Store>(store: &S, job: &Job) -> Claimed {
    try_claim(store, job.id, T0).await.expect("a planned batch")
}

/// Marks phone numbers of a claim, each a millisecond after the one before.
async fn mark<S: Store>(store: &S, claimed: &Claimed, numbers: &[PhoneNumber]) {
    for (at, number) in (1..).zip(numbers) {
        assert!(store.mark(claimed.batch, claimed.claim, *number, T0 + at).await.unwrap());
    }
}

fn reply(claimed: &Claimed, number: PhoneNumber) -> NewResult {
    result(claimed.batch_no.as_str(), Source::Reply, Push::of(&claimed.batch_no, number).body())
}

async fn end_each<S: Store>(store: &S, claimed: &Claimed, ends: Vec<(PhoneNumber, BatchEnd)>) {
    store.end_each(claimed.batch, claimed.claim, ends, T0 + 1000).await.unwrap();
}

/// What a job sends of its plan, one by one and with a reply to each.
async fn sends<S: Store>(store: &S, job: i64) -> Vec<PhoneNumber> {
    let mut sent = Vec::new();
    while let Some(claimed) = try_claim(store, job, T0 + 5000).await {
        mark(store, &claimed, &claimed.numbers).await;
        store.append(claimed.numbers.iter().map(|number| reply(&claimed, *number)).collect()).await.unwrap();
        end_each(store, &claimed, Vec::new()).await;
        check(store, job).await;
        sent.extend(claimed.numbers);
    }
    check(store, job).await;
    sent
}

async fn states<S: Store>(store: &S, numbers: &[PhoneNumber]) -> Vec<Option<BookState>> {
    let known = store.look_up(&scope(), numbers.to_vec()).await.unwrap();
    known.into_iter().map(|known| known.map(|known| known.state)).collect()
}

pub async fn a_marked_number_without_an_answer_is_in_doubt_once_its_sender_died_and_nothing_else_is<
    P: Place,
>(
    place: &P,
) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[6]).await;
    let claimed = taken(&*store, &job).await;
    mark(&*store, &claimed, &claimed.numbers[..4]).await;
    check(&*store, job.id).await;
    // By it others tell how long its owner has been silent.
    let signed = store.open_batches(job.id).await.unwrap()[0].signed.unwrap();
    assert_eq!((signed.first_ms, signed.last_ms), (T0 + 1, T0 + 4));
    assert_eq!(enter(&*store, vec![reply(&claimed, claimed.numbers[0])]).await, [1, 0, 0, 0]);
    check(&*store, job.id).await;
    // It waits to be entered.
    store.append(vec![reply(&claimed, claimed.numbers[1])]).await.unwrap();
    drop(store);

    let store = place.open().await;
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    assert!(!store.give_up(claimed.batch, claimed.claim).await.unwrap(), "once");
    let ledger = check(&*store, job.id).await;
    let figures = (ledger.settled, ledger.in_doubt, ledger.planned, ledger.pending);
    assert_eq!(figures, (2, 2, 2, 0));
    let open = store.open_batches(job.id).await.unwrap();
    let [doubt] = &open[..] else { panic!("{open:?}") };
    assert_eq!((doubt.state, doubt.numbers, doubt.owner.as_str()), (BatchState::InDoubt, 2, "sender"));
    assert!(doubt.claim > claimed.claim && doubt.batch_no != claimed.batch_no && !doubt.from_reply);
    let signed = doubt.signed.unwrap();
    assert_eq!((doubt.sent_ms, signed.first_ms, signed.last_ms), (T0, T0 + 3, T0 + 4));
    assert_eq!(row(&*store, job.id, 0).await.batch_no, claimed.batch_no.as_str());
    assert!(row(&*store, job.id, 2).await.message.is_some());
    assert_eq!(sends(&*store, job.id).await, claimed.numbers[4..]);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (4, 2, 0));
}

pub async fn a_claim_of_which_nothing_was_marked_is_planned_again_as_it_was<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let first = taken(&*store, &job).await;
    assert!(store.give_up(first.batch, first.claim).await.unwrap());
    let second = taken(&*store, &job).await;
    end_each(&*store, &second, Vec::new()).await;
    let third = taken(&*store, &job).await;
    assert_eq!((first.batch, first.batch_no, first.numbers), (third.batch, third.batch_no, third.numbers));
    assert_eq!(check(&*store, job.id).await.pending, 3);
}

pub async fn each_number_of_a_claim_ends_in_its_own_state<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[9]).await;
    let claimed = taken(&*store, &job).await;
    let numbers = &claimed.numbers;
    mark(&*store, &claimed, &numbers[..8]).await;
    store.append(vec![reply(&claimed, numbers[0])]).await.unwrap();
    let accepted = || BatchEnd::Accepted { message_id: None };
    let turned_away = BatchEnd::NotCarriedOut { code: Some(-5), message: "no balance".into() };
    let unknown = BatchEnd::InDoubt { code: Some(-99), message: "an unknown code".into(), from_reply: true };
    let ends = [accepted(), refusal(), turned_away, BatchEnd::NotSent, unknown, accepted(), refusal()];
    end_each(&*store, &claimed, numbers.iter().copied().zip(ends).collect()).await;

    let ledger = check(&*store, job.id).await;
    let figures = (ledger.settled, ledger.refused, ledger.planned, ledger.in_doubt, ledger.pending);
    assert_eq!(figures, (1, 2, 3, 3, 0));
    let rows = all_rows(&*store, job.id).await;
    let fates: Vec<_> = rows.iter().map(|fate| (fate.state, fate.code)).collect();
    let refused = (BatchState::Refused, Some(211));
    let expected = [
        (BatchState::Accepted, None),
        refused,
        (BatchState::Planned, Some(-5)),
        (BatchState::Planned, None),
        (BatchState::InDoubt, Some(-99)),
        // Its reply was kept, and is no result.
        (BatchState::InDoubt, None),
        refused,
        // Nobody has said how it ended.
        (BatchState::InDoubt, None),
        (BatchState::Planned, None),
    ];
    assert_eq!(fates, expected);
    assert_eq!(rows[1].batch_no, rows[6].batch_no, "alike, together");
    let batches: BTreeSet<_> = rows.iter().map(|fate| fate.batch_no.clone()).collect();
    assert_eq!(batches.len(), 7);
    let open = store.open_batches(job.id).await.unwrap();
    let from_reply: Vec<_> = open.iter().map(|open| (open.numbers, open.from_reply)).collect();
    assert_eq!(from_reply, [(1, true), (1, true), (1, false)]);
    let doubt = Some(BookState::InDoubt);
    assert_eq!(states(&*store, &numbers[1..]).await, [None, None, None, doubt, doubt, None, doubt, None]);
    let again: BTreeSet<_> = sends(&*store, job.id).await.into_iter().collect();
    assert_eq!(again, BTreeSet::from([numbers[2], numbers[3], numbers[8]]));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.refused, ledger.planned, ledger.in_doubt), (4, 2, 0, 3));
}

pub async fn a_number_that_was_never_marked_is_sent_by_whoever_claims_it_next<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let first = of_numbers(&*store, 1, &numbers).await;
    let second = of_numbers(&*store, 2, &numbers[1..]).await;
    let claimed = taken(&*store, &first).await;
    mark(&*store, &claimed, &numbers[..2]).await;
    assert_eq!(sends(&*store, second.id).await, []);
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    check(&*store, second.id).await;
    assert_eq!(store.follow(second.id).await.unwrap().planned, 3);
    assert_eq!(sends(&*store, second.id).await, numbers[2..]);
    assert_eq!(sends(&*store, first.id).await, []);
    let ledger = check(&*store, first.id).await;
    assert_eq!((ledger.in_doubt, ledger.reused.done, ledger.planned), (2, 2, 0));
    assert_eq!(check(&*store, second.id).await.waiting_in_doubt, 1);
}

pub async fn a_marked_number_in_doubt_is_sent_again_only_by_a_person_s_decision<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let first = of_numbers(&*store, 1, &numbers).await;
    let claimed = taken(&*store, &first).await;
    mark(&*store, &claimed, &numbers).await;
    store.append(vec![reply(&claimed, numbers[0])]).await.unwrap();
    end_each(&*store, &claimed, Vec::new()).await;
    let second = made(&*store, 2, batches_of(2, &[&numbers[1..]]), Reuse::NONE, T0).await;
    for job in [&first, &second] {
        assert_eq!(store.follow(job.id).await.unwrap().planned, 0);
        assert_eq!(sends(&*store, job.id).await, []);
    }
    assert_eq!(check(&*store, second.id).await.waiting_in_doubt, 2);

    assert_eq!(
        store.resubmit_doubtful(first.id, T0 + 3).await.unwrap(),
        0,
        "the last was signed then, not before"
    );
    assert_eq!(store.resubmit_doubtful(first.id, T0 + 4).await.unwrap(), 2);
    let ledger = check(&*store, first.id).await;
    assert_eq!((ledger.planned, ledger.may_be_charged), (2, 2));
    let again = taken(&*store, &first).await;
    assert_eq!(again.numbers, numbers[1..]);
    // What was marked under the claim before is marked anew.
    mark(&*store, &again, &again.numbers[..1]).await;
    assert!(store.give_up(again.batch, again.claim).await.unwrap());
    let ledger = check(&*store, first.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (1, 1, 1));
    assert_eq!(sends(&*store, first.id).await, numbers[2..]);
    assert_eq!(states(&*store, &numbers[1..2]).await, [Some(BookState::InDoubt)]);
}

pub async fn a_job_that_waits_for_a_claim_follows_its_parts<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let first = of_numbers(&*store, 1, &numbers).await;
    let second = of_numbers(&*store, 2, &numbers).await;
    let claimed = taken(&*store, &first).await;
    mark(&*store, &claimed, &numbers[..3]).await;
    assert_eq!(sends(&*store, second.id).await, []);
    assert_eq!(check(&*store, second.id).await.waiting, 4);
    store.append(vec![reply(&claimed, numbers[0])]).await.unwrap();
    end_each(&*store, &claimed, vec![(numbers[2], refusal())]).await;
    check(&*store, second.id).await;
    let followed = store.follow(second.id).await.unwrap();
    assert_eq!((followed.reused, followed.planned), (1, 3));
    assert_eq!(check(&*store, second.id).await.planned, 3);
    // What the platform has refused, and what was never sent, is free.
    assert_eq!(sends(&*store, second.id).await, numbers[2..]);
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.settled, ledger.waiting_in_doubt), (1, 2, 1));
    let open = store.open_batches(second.id).await.unwrap();
    assert_eq!(
        open.iter().map(|open| (open.job, open.state)).collect::<Vec<_>>(),
        [(first.id, BatchState::InDoubt)]
    );

    assert_eq!(store.resubmit_doubtful(second.id, u64::MAX).await.unwrap(), 1);
    assert_eq!(sends(&*store, second.id).await, [numbers[1]]);
    assert_eq!(sends(&*store, first.id).await, []);
    assert_eq!(check(&*store, second.id).await.settled, 3);
    let ledger = check(&*store, first.id).await;
    assert_eq!((ledger.settled, ledger.refused, ledger.in_doubt, ledger.reused.done), (1, 1, 1, 1));
}

pub async fn only_what_the_last_claim_has_yet_to_send_is_marked_and_once<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let job = made(&*store, 1, batches_of(1, &[&numbers[..2], &numbers[2..]]), Reuse::ALL, T0).await;
    let old = taken(&*store, &job).await;
    assert!(store.give_up(old.batch, old.claim).await.unwrap());
    let marked = |claimed: &Claimed, number| store.mark(claimed.batch, claimed.claim, number, T0);
    assert!(!marked(&old, numbers[0]).await.unwrap(), "it is planned");
    let new = taken(&*store, &job).await;
    assert!(!marked(&old, numbers[0]).await.unwrap(), "under an old claim");
    assert!(!marked(&new, numbers[2]).await.unwrap(), "of another batch");
    assert_eq!(store.open_batches(job.id).await.unwrap()[0].signed, None, "nothing was confirmed");
    assert!(marked(&new, numbers[0]).await.unwrap());
    assert!(!marked(&new, numbers[0]).await.unwrap(), "once");
    enter(&*store, vec![reply(&new, numbers[1])]).await;
    assert!(!marked(&new, numbers[1]).await.unwrap(), "it has a result");
    end_each(&*store, &new, Vec::new()).await;
    assert!(!marked(&new, numbers[0]).await.unwrap(), "it has ended");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (1, 1, 2));
}

pub async fn a_result_that_comes_with_a_mark_is_stored_whatever_becomes_of_the_mark<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = taken(&*store, &job).await;
    let [first, second, third, ..] = claimed.numbers[..] else { panic!("four") };
    let with = |rows, number| store.append_and_mark(rows, claimed.batch, claimed.claim, number, T0);
    assert!(with(Vec::new(), first).await.unwrap());
    assert!(with(vec![reply(&claimed, first)], second).await.unwrap());
    assert!(!with(vec![reply(&claimed, second)], second).await.unwrap(), "it is marked");
    fold(&*store).await;
    assert_eq!(check(&*store, job.id).await.settled, 2);
    assert!(with(Vec::new(), third).await.unwrap());
    end_each(&*store, &claimed, Vec::new()).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (2, 1, 1));
}

pub async fn each_number_is_marked_once_however_many_mark_at_the_same_time_and_what_is_not_is_planned<
    P: Place,
>(
    place: &P,
) {
    let stores = [place.open().await, place.open().await];
    let job = planned(&*stores[0], 1, &[60]).await;
    let claimed = Arc::new(taken(&*stores[0], &job).await);
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let (store, claimed) = (Arc::clone(&stores[task % 2]), Arc::clone(&claimed));
            tokio::spawn(async move {
                let mut marked = Vec::new();
                for (at, number) in claimed.numbers.iter().enumerate() {
                    if task == 5 && at == 30 {
                        assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
                    }
                    if store.mark(claimed.batch, claimed.claim, *number, T0).await.unwrap() {
                        marked.push(*number);
                    }
                }
                marked
            })
        })
        .collect();
    let mut marked = Vec::new();
    for task in tasks {
        marked.extend(task.await.unwrap());
    }
    let distinct: BTreeSet<_> = marked.iter().copied().collect();
    assert_eq!(distinct.len(), marked.len(), "one was marked twice");
    let store = &*stores[0];
    let ledger = check(store, job.id).await;
    assert_eq!((ledger.in_doubt, ledger.planned), (marked.len() as u64, 60 - marked.len() as u64));
    let rest: Vec<_> = claimed.numbers.iter().copied().filter(|number| !distinct.contains(number)).collect();
    assert_eq!(sends(store, job.id).await, rest);
}

pub async fn numbers_are_marked_while_replies_are_entered_and_another_job_follows<P: Place>(place: &P) {
    let stores = [place.open().await, place.open().await];
    let numbers = shared(0..200);
    let first = of_numbers(&*stores[0], 1, &numbers).await;
    let second = of_numbers(&*stores[1], 2, &numbers[100..]).await;
    let claimed = Arc::new(taken(&*stores[0], &first).await);
    assert_eq!(sends(&*stores[1], second.id).await, []);
    let senders = (0..4).map(|at| {
        let (store, claimed) = (Arc::clone(&stores[0]), Arc::clone(&claimed));
        tokio::spawn(async move {
            for number in claimed.numbers.iter().skip(at).step_by(4) {
                assert!(store.mark(claimed.batch, claimed.claim, *number, T0).await.unwrap());
                store.append(vec![reply(&claimed, *number)]).await.unwrap();
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    while !senders.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(stores[1].fold(7).await.unwrap().charged_again, 0);
        stores[1].follow(second.id).await.unwrap();
    }
    for sender in senders {
        sender.await.unwrap();
    }
    end_each(&*stores[0], &claimed, Vec::new()).await;
    stores[1].follow(second.id).await.unwrap();
    let ledger = check(&*stores[0], first.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (200, 0, 0));
    assert_eq!(check(&*stores[1], second.id).await.reused.done, 100);
}

pub async fn a_word_about_an_earlier_claim_s_numbers_changes_nothing<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let old = taken(&*store, &job).await;
    assert!(store.give_up(old.batch, old.claim).await.unwrap());
    let new = taken(&*store, &job).await;
    mark(&*store, &new, &new.numbers[..1]).await;
    let ends = || old.numbers.iter().map(|number| (*number, refusal())).collect::<Vec<_>>();
    let before = (check(&*store, job.id).await, all_rows(&*store, job.id).await);
    end_each(&*store, &old, ends()).await;
    assert!(!store.give_up(old.batch, old.claim).await.unwrap());
    assert_eq!((check(&*store, job.id).await, all_rows(&*store, job.id).await), before);
    end_each(&*store, &new, Vec::new()).await;
    let before = (check(&*store, job.id).await, all_rows(&*store, job.id).await);
    end_each(&*store, &new, ends()).await;
    assert_eq!((check(&*store, job.id).await, all_rows(&*store, job.id).await), before, "it has ended");
}

pub async fn a_reply_that_is_no_result_of_its_number_leaves_it_in_doubt<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = taken(&*store, &job).await;
    mark(&*store, &claimed, &claimed.numbers[..2]).await;
    let unreadable = result(claimed.batch_no.as_str(), Source::Reply, b"<html>".to_vec());
    store.append(vec![reply(&claimed, number(7)), unreadable]).await.unwrap();
    let accepted = |at: usize| (claimed.numbers[at], BatchEnd::Accepted { message_id: None });
    end_each(&*store, &claimed, vec![accepted(0), accepted(1)]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.in_doubt, ledger.planned, ledger.settled), (2, 1, 0));
    assert_eq!(store.quarantine(0, 9).await.unwrap().len(), 2, "both are kept");
    assert!(store.open_batches(job.id).await.unwrap()[0].from_reply);
}

/// What was paid for is not lost, although its claim was given up too early.
pub async fn a_reply_that_comes_after_its_claim_was_given_up_ends_the_doubt<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = taken(&*store, &job).await;
    mark(&*store, &claimed, &claimed.numbers[..2]).await;
    assert!(store.give_up(claimed.batch, claimed.claim).await.unwrap());
    store.append(vec![reply(&claimed, claimed.numbers[0])]).await.unwrap();
    assert_eq!(store.fold(9).await.unwrap().first, 1);
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (1, 1, 1), "the other one's doubt stays");
    assert_eq!(ledger.total().unwrap()[&currency("USD")], price("0.1912"));
    assert!(row(&*store, job.id, 0).await.result.is_some());
    assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 1);
    let sent: BTreeSet<_> = sends(&*store, job.id).await.into_iter().collect();
    assert_eq!(sent, BTreeSet::from([claimed.numbers[1], claimed.numbers[2]]), "it is not paid for again");
}

/// Replies that are in quarantine before their batch is known: in place of replies that could not be read at first.
async fn quarantined_replies<S: Store>(store: &S, numbers: std::ops::Range<u64>) {
    let replies = numbers.map(|at| {
        let push = Push::of(&named(1, 1), number(100_000 + at));
        result(named(1, 1).as_str(), Source::Reply, push.body())
    });
    store.append(replies.collect()).await.unwrap();
    fold(store).await;
}

pub async fn a_reply_that_can_be_read_at_last_ends_the_doubt_about_its_number_and_no_other<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    quarantined_replies(&*store, 0..2).await;
    let job = planned(&*store, 1, &[5]).await;
    let claimed = taken(&*store, &job).await;
    let numbers = &claimed.numbers;
    mark(&*store, &claimed, &numbers[..4]).await;
    store.append(vec![reply(&claimed, numbers[3])]).await.unwrap();
    end_each(&*store, &claimed, Vec::new()).await;
    let other = of_numbers(&*store, 2, &numbers[..3]).await;
    assert_eq!(sends(&*store, other.id).await, [], "it waits for the outcome");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (1, 3, 1));

    let reread = store.reread(0, 10).await.unwrap();
    assert_eq!((reread.entered.seen, reread.entered.first, reread.entered.charged_again), (2, 2, 0));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned, ledger.charged_again), (3, 1, 1, 0));
    assert_eq!(ledger.total().unwrap()[&currency("USD")], price("0.5736"));
    let fate = row(&*store, job.id, 0).await;
    assert_eq!((fate.state, fate.batch_no.as_str()), (BatchState::Accepted, claimed.batch_no.as_str()));
    assert!(fate.result.is_some() && row(&*store, job.id, 2).await.state == BatchState::InDoubt);
    let [doubt] = &store.open_batches(job.id).await.unwrap()[..] else { panic!("the other one's doubt") };
    assert_eq!((doubt.state, doubt.numbers, doubt.settled), (BatchState::InDoubt, 1, 0));
    let settled = Some(BookState::Settled(Outcome::Done));
    let known = states(&*store, &numbers[..4]).await;
    assert_eq!(known, [settled, settled, Some(BookState::InDoubt), settled]);

    // Who waits for them has them too, and nothing is sent again.
    store.follow(other.id).await.unwrap();
    assert_eq!(sends(&*store, other.id).await, []);
    let ledger = check(&*store, other.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting_in_doubt), (2, 1));
    assert_eq!(sends(&*store, job.id).await, numbers[4..]);
    assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 1);
    assert_eq!(sends(&*store, job.id).await, [numbers[2]]);
    assert_eq!(store.reread(0, 10).await.unwrap().seen, 0);
    assert!(check(&*store, job.id).await.is_final());
}

pub async fn a_reply_that_can_be_read_after_its_number_was_resubmitted_is_taken_or_charged_beside<
    P: Place,
>(
    place: &P,
) {
    let store = place.open().await;
    quarantined_replies(&*store, 0..3).await;
    let job = planned(&*store, 1, &[4]).await;
    let claimed = taken(&*store, &job).await;
    mark(&*store, &claimed, &claimed.numbers).await;
    store.append(vec![reply(&claimed, claimed.numbers[3])]).await.unwrap();
    end_each(&*store, &claimed, Vec::new()).await;
    assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), 3);
    // One is sent again and answered, one is in doubt again, and one is still to be sent.
    let again = try_claim(&*store, job.id, T0 + 5000).await.unwrap();
    for (at, number) in (5001..).zip(&again.numbers[..2]) {
        assert!(store.mark(again.batch, again.claim, *number, T0 + at).await.unwrap());
    }
    store.append(vec![reply(&again, again.numbers[0])]).await.unwrap();
    end_each(&*store, &again, Vec::new()).await;
    let before = check(&*store, job.id).await;
    assert_eq!((before.settled, before.in_doubt, before.planned), (2, 1, 1));

    let reread = store.reread(0, 10).await.unwrap();
    assert_eq!((reread.entered.seen, reread.entered.charged_again), (3, 3));
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (2, 1, 1), "another sending's doubt stays");
    assert_eq!(ledger.total().unwrap()[&currency("USD")], price("0.956"), "5 at 0.1912");
    assert_eq!(sends(&*store, job.id).await, [], "the third takes its reply");
    assert_eq!(check(&*store, job.id).await.reused.done, 1);
}

pub async fn what_was_marked_of_a_forgotten_job_is_in_doubt_for_those_that_wait<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let first = of_numbers(&*store, 1, &numbers).await;
    let second = of_numbers(&*store, 2, &numbers[1..3]).await;
    let claimed = taken(&*store, &first).await;
    mark(&*store, &claimed, &numbers[..3]).await;
    assert_eq!(sends(&*store, second.id).await, []);
    store.append(vec![reply(&claimed, numbers[1])]).await.unwrap();
    assert_eq!(store.forget(first.id, false).await.unwrap().unsettled, 3);
    let forgotten = store.forget(first.id, true).await.unwrap();
    assert_eq!(forgotten.kept_for, [(name(2), 2)]);
    assert!(!store.mark(claimed.batch, claimed.claim, numbers[3], T0).await.unwrap());
    // Its sender goes on to the end.
    store.append(vec![reply(&claimed, numbers[2])]).await.unwrap();
    end_each(&*store, &claimed, vec![(numbers[3], BatchEnd::NotSent)]).await;
    store.follow(second.id).await.unwrap();
    let ledger = check(&*store, second.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting_in_doubt, ledger.planned), (1, 1, 0));
    assert_eq!(sends(&*store, second.id).await, []);
    assert_eq!(
        store.resubmit_doubtful(second.id, T0 + 3).await.unwrap(),
        0,
        "the last was signed then, not before"
    );
    assert_eq!(store.resubmit_doubtful(second.id, T0 + 4).await.unwrap(), 1);
    assert_eq!(sends(&*store, second.id).await, [numbers[2]]);
}

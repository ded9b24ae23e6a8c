//! What the book tells: of phone numbers, of accounts, of money; and what is quarantined beside it.

use std::collections::{BTreeMap, HashSet};

use numcheck_bulk::store::{NewResult, Source};
use numcheck_bulk::{BatchEnd, BatchState, BookState, Outcome, Reuse, Scope, Store};
use numcheck_protocol::{Currency, DriftKind, PhoneNumber, Price};

use super::Place;
use super::made::*;

const DAY: u64 = 24 * 60 * 60_000;

async fn of_account<S: Store>(store: &S, job: u64, account: &str, numbers: &[PhoneNumber]) -> i64 {
    let mut spec = spec(job);
    spec.scope.account = account.into();
    let made = store.create_job(&name(job), &spec, T0).await.unwrap();
    store.add_batches(made.id, batches_of(job, &[numbers])).await.unwrap();
    store.finish_plan(made.id, numbers.len() as u64).await.unwrap().id
}

/// Claims at a time, and enters a result of each phone number at another.
async fn settle<S: Store>(store: &S, job: i64, sent_ms: u64, received_ms: u64, cost: &'static str) {
    let claimed = try_claim(store, job, sent_ms).await.unwrap();
    let push = |number: &PhoneNumber| Push::of(&claimed.batch_no, *number).costing(cost, "USD").pushed();
    let results = claimed.numbers.iter().map(push).map(|result| NewResult { received_ms, ..result });
    enter(store, results.collect()).await;
    end(store, &claimed, BatchEnd::Accepted { message_id: None }).await;
}

fn usd(amount: &str) -> BTreeMap<Currency, Price> {
    BTreeMap::from([(currency("USD"), price(amount))])
}

pub async fn the_book_tells_what_it_knows_of_each_number_and_since_when<P: Place>(place: &P) {
    let mut store = place.open().await;
    let numbers = shared(0..6);
    assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap(), [None; 6]);
    assert_eq!(store.look_up(&scope(), Vec::new()).await.unwrap(), []);
    let parts: Vec<&[PhoneNumber]> = numbers.chunks(1).collect();
    let job = made(&*store, 1, batches_of(1, &parts), Reuse::ALL, T0).await;
    assert_eq!(store.look_up(&scope(), numbers.clone()).await.unwrap(), [None; 6], "not from its plan");
    settle(&*store, job.id, T0, T0 + 77, "0.1").await;
    claim(&*store, &job, T0 + 1).await;
    let ends = [BatchEnd::Accepted { message_id: None }, doubt(), refusal()];
    for (ended, at) in ends.into_iter().zip(2..) {
        let claimed = claim(&*store, &job, T0 + at).await;
        end(&*store, &claimed, ended).await;
    }
    drop(store);
    store = place.open().await;
    let mut asked = numbers.clone();
    asked.reverse();
    let known = store.look_up(&scope(), asked).await.unwrap();
    let known: Vec<_> =
        known.iter().map(|known| known.map(|known| (known.state, known.at_ms - T0))).collect();
    let expected = [
        None,
        None,
        Some((BookState::InDoubt, 3)),
        Some((BookState::UnderWay, 2)),
        Some((BookState::UnderWay, 1)),
        Some((BookState::Settled(Outcome::Done), 77)),
    ];
    assert_eq!(known, expected, "in their order");
    assert_eq!(store.scopes().await.unwrap(), [scope()]);
}

pub async fn a_refused_sending_counts_for_nothing_and_the_one_before_decides<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 1, &numbers).await;
    settle(&*store, first.id, T0, T0 + 500, "0.1").await;
    let again = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::NONE, T0 + DAY).await;
    let claimed = claim(&*store, &again, T0 + DAY).await;
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    assert!(known.iter().all(|known| known.unwrap().state == BookState::UnderWay));
    end(&*store, &claimed, refusal()).await;
    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    for known in known.into_iter().flatten() {
        assert_eq!((known.state, known.at_ms), (BookState::Settled(Outcome::Done), T0 + 500));
        assert_eq!(known.job, first.id);
    }
    let third = of_numbers(&*store, 3, &numbers).await;
    assert_eq!(try_claim(&*store, third.id, T0).await, None);
    assert_eq!(check(&*store, third.id).await.reused.done, 2);
}

/// A job that pays again, whatever the book knows.
async fn paying_again<S: Store>(store: &S, job: u64, numbers: &[PhoneNumber]) -> i64 {
    made(store, job, batches_of(job, &[numbers]), Reuse::NONE, T0 + DAY).await.id
}

pub async fn what_was_turned_away_and_then_cut_off_still_has_its_earlier_result<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let first = of_numbers(&*store, 1, &numbers).await;
    settle(&*store, first.id, T0, T0 + 500, "0.1").await;
    let again = paying_again(&*store, 2, &numbers).await;
    let claimed = try_claim(&*store, again, T0 + DAY).await.unwrap();
    let turned_away = BatchEnd::NotCarriedOut { code: Some(204), message: "no balance".into() };
    end(&*store, &claimed, turned_away).await;
    let cut = store.claim(claimed.batch, "sender", 1, T0 + DAY).await.unwrap().unwrap();
    assert_eq!(cut.numbers, numbers[..1]);
    assert!(store.confirm(cut.batch, cut.claim, T0 + DAY).await.unwrap());
    end(&*store, &cut, BatchEnd::Accepted { message_id: None }).await;

    let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
    let states: Vec<_> = known.into_iter().map(|known| known.unwrap().state).collect();
    let settled = BookState::Settled(Outcome::Done);
    assert_eq!(states, [BookState::UnderWay, settled, settled, settled]);
    let third = of_numbers(&*store, 3, &numbers).await;
    assert_eq!(try_claim(&*store, third.id, T0 + DAY).await, None);
    let ledger = check(&*store, third.id).await;
    assert_eq!((ledger.reused.done, ledger.waiting), (3, 1));
    // What was cut off is sent after all, by the job that pays again.
    assert_eq!(try_claim(&*store, again, T0 + DAY).await.unwrap().numbers, numbers[1..]);
}

pub async fn jobs_that_are_turned_away_in_turn_still_know_what_came_before<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..3);
    let first = of_numbers(&*store, 1, &numbers[..2]).await;
    settle(&*store, first.id, T0, T0 + 500, "0.1").await;
    let jobs = [
        paying_again(&*store, 2, &numbers).await,
        paying_again(&*store, 3, &numbers).await,
        paying_again(&*store, 4, &numbers).await,
    ];
    for at in [0, 1, 2, 0, 1, 0, 2, 1, 1, 0] {
        let claimed = try_claim(&*store, jobs[at], T0 + DAY).await.unwrap();
        end(&*store, &claimed, BatchEnd::NotSent).await;
        let known = store.look_up(&scope(), numbers.clone()).await.unwrap();
        let states: Vec<_> = known.into_iter().map(|known| known.map(|known| known.state)).collect();
        let settled = Some(BookState::Settled(Outcome::Done));
        assert_eq!(states, [settled, settled, None]);
        assert_eq!(
            store.history(numbers[0]).await.unwrap().first().map(|one| one.job.clone()),
            Some(name(at as u64 + 2))
        );
    }
    let fifth = of_numbers(&*store, 5, &numbers).await;
    assert_eq!(try_claim(&*store, fifth.id, T0 + DAY).await.unwrap().numbers, numbers[2..]);
    assert_eq!(check(&*store, fifth.id).await.reused.done, 2);
}

pub async fn a_number_s_history_has_every_sending_the_newest_first<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    assert_eq!(store.history(numbers[0]).await.unwrap(), []);
    let first = of_numbers(&*store, 1, &numbers).await;
    settle(&*store, first.id, T0, T0 + 500, "0.1").await;
    let again = made(&*store, 2, batches_of(2, &[&numbers]), Reuse::NONE, T0 + DAY).await;
    let refused = claim(&*store, &again, T0 + DAY).await;
    end(&*store, &refused, refusal()).await;
    let third = made(&*store, 3, batches_of(3, &[&numbers[..1]]), Reuse::NONE, T0 + 2 * DAY).await;
    claim(&*store, &third, T0 + 2 * DAY).await;
    let other = of_account(&*store, 4, "other", &numbers[..1]).await;
    try_claim(&*store, other, T0 + 3 * DAY).await.unwrap();
    of_account(&*store, 5, "planned", &numbers).await;

    let history = store.history(numbers[0]).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|one| {
            (one.job.clone(), one.scope.account.as_str(), one.batch, one.sent_ms.map(|ms| (ms - T0) / DAY))
        })
        .collect();
    let expected = [
        (name(4), "other", BatchState::Sending, Some(3)),
        (name(3), "account", BatchState::Sending, Some(2)),
        (name(2), "account", BatchState::Refused, Some(1)),
        (name(1), "account", BatchState::Accepted, Some(0)),
    ];
    assert_eq!(told, expected);
    assert!(history[..3].iter().all(|one| one.result.is_none()));
    let result = (Source::Push, Push::of(&named(1, 1), numbers[0]).costing("0.1", "USD").body(), T0 + 500);
    assert_eq!(history[3].result, Some(result));
    assert_eq!(history[3].batch_no, named(1, 1).as_str());
    assert_eq!(store.history(numbers[1]).await.unwrap().len(), 2);
    assert!(!format!("{history:?}").contains("Telecom"));
}

pub async fn an_account_under_another_spelling_is_merged_with_its_book_and_its_money<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..4);
    let old = of_account(&*store, 1, "old", &numbers[..3]).await;
    settle(&*store, old, T0, T0 + 10, "0.1").await;
    let new = of_account(&*store, 2, "new", &numbers[2..]).await;
    settle(&*store, new, T0 + 20, T0 + 30, "0.2").await;
    let mut elsewhere = spec(3);
    elsewhere.scope = Scope::new("old", Scope::PRIVACY, 1);
    let lonely = store.create_job(&name(3), &elsewhere, T0).await.unwrap();
    store.finish_plan(lonely.id, 0).await.unwrap();

    store.merge_account("old", "new").await.unwrap();
    store.merge_account("old", "new").await.unwrap();
    let scopes = store.scopes().await.unwrap();
    assert!(scopes.len() == 2 && scopes.iter().all(|scope| scope.account == "new"), "{scopes:?}");
    for job in [1, 3] {
        let job = store.job(&name(job)).await.unwrap().unwrap();
        assert_eq!(job.spec.scope.account, "new", "whatever asks by the job's scope finds it");
    }
    let scope = Scope::new("new", Scope::NUMBER_CHECK, 5);
    let known = store.look_up(&scope, numbers.clone()).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| (known.job, known.at_ms - T0))).collect();
    assert_eq!(known, [Some((old, 10)), Some((old, 10)), Some((new, 30)), Some((new, 30))]);
    assert_eq!(store.history(numbers[2]).await.unwrap().len(), 2, "the older sending is not lost");
    assert_eq!(store.spending("new", 0).await.unwrap().charged, Some(usd("0.7")));
    assert_eq!(store.spending("old", 0).await.unwrap().charged, Some(BTreeMap::new()));
    let job = of_account(&*store, 4, "new", &numbers).await;
    assert_eq!(try_claim(&*store, job, T0).await, None);
    assert_eq!(check(&*store, job).await.reused.done, 4);
    for job in [old, new] {
        check(&*store, job).await;
    }
    // The set of an old job is found under the new account.
    let mut same = spec(1);
    same.scope.account = "new".into();
    assert_eq!(store.create_job(&name(9), &same, T0).await.unwrap().name, name(9), "it is finished");
}

pub async fn a_merged_book_loses_no_sending_that_may_still_be_paid<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..1);
    // Of the old account the sending is in doubt; the new one has a settled one, and one that is being refused.
    let settled = of_account(&*store, 1, "new", &numbers).await;
    settle(&*store, settled, T0, T0 + 10, "0.1").await;
    let old = of_account(&*store, 2, "old", &numbers).await;
    let doubtful = try_claim(&*store, old, T0 + 20).await.unwrap();
    end(&*store, &doubtful, doubt()).await;
    let mut again = spec(3).with_reuse(Reuse::NONE);
    again.scope.account = "new".into();
    let again = store.create_job(&name(3), &again, T0 + 30).await.unwrap();
    store.add_batches(again.id, batches_of(3, &[&numbers])).await.unwrap();
    store.finish_plan(again.id, 1).await.unwrap();
    let refused = try_claim(&*store, again.id, T0 + 30).await.unwrap();
    store.merge_account("old", "new").await.unwrap();
    end(&*store, &refused, refusal()).await;

    assert_eq!(store.history(numbers[0]).await.unwrap().len(), 3);
    let known = store.look_up(&Scope::new("new", Scope::NUMBER_CHECK, 5), numbers.clone()).await.unwrap();
    assert_eq!(known[0].map(|known| (known.state, known.job)), Some((BookState::InDoubt, old)));
}

pub async fn sendings_of_a_merged_book_stand_in_the_order_of_their_claims<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..1);
    // Planned first, and sent last.
    let late = of_account(&*store, 1, "old", &numbers).await;
    let early = of_account(&*store, 2, "new", &numbers).await;
    settle(&*store, early, T0, T0 + 10, "0.1").await;
    settle(&*store, late, T0 + DAY, T0 + DAY + 10, "0.1").await;
    store.merge_account("old", "new").await.unwrap();
    let known = store.look_up(&Scope::new("new", Scope::NUMBER_CHECK, 5), numbers.clone()).await.unwrap();
    let known = known[0].unwrap();
    assert_eq!((known.job, known.at_ms), (late, T0 + DAY + 10), "the newest tells");
    let history = store.history(numbers[0]).await.unwrap();
    assert_eq!(history.iter().map(|one| one.job.clone()).collect::<Vec<_>>(), [name(1), name(2)]);
    // With the newest one forgotten the other one tells.
    store.forget(late, false).await.unwrap();
    let known = store.look_up(&Scope::new("new", Scope::NUMBER_CHECK, 5), numbers).await.unwrap();
    assert_eq!(known[0].map(|known| known.job), Some(early));
}

pub async fn an_account_s_spending_is_told_by_day_and_what_is_under_way_by_level_and_group<P: Place>(
    place: &P,
) {
    let store = place.open().await;
    let day = T0 - T0 % DAY;
    let spent = async |account: &str, since_ms| store.spending(account, since_ms).await.unwrap();
    assert_eq!(spent("account", 0).await.charged, Some(BTreeMap::new()));
    for (job, received_ms) in [(1, day), (2, day + DAY - 1), (3, day + DAY)] {
        let job = planned(&*store, job, &[2]).await;
        settle(&*store, job.id, T0, received_ms, "0.0001").await;
    }
    let other = of_account(&*store, 4, "other", &shared(0..1)).await;
    settle(&*store, other, T0, day, "5").await;
    assert_eq!(spent("account", 0).await.charged, Some(usd("0.0006")));
    assert_eq!(spent("account", day).await.charged, Some(usd("0.0006")));
    assert_eq!(spent("account", day + DAY - 1).await.charged, Some(usd("0.0006")), "the whole day");
    assert_eq!(spent("account", day + DAY).await.charged, Some(usd("0.0002")));
    assert_eq!(spent("account", day + 2 * DAY).await.charged, Some(BTreeMap::new()));
    assert_eq!(spent("other", 0).await.charged, Some(usd("5")));

    let mut plan = batches(5, &[3, 4, 5, 6, 7]);
    plan[3].group = "US".into();
    let job = made(&*store, 5, plan, Reuse::ALL, T0).await;
    let claimed = accepted(&*store, &job).await;
    enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).costing("1", "EUR").pushed()]).await;
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    claim(&*store, &job, T0).await;
    let now = spent("account", day + 2 * DAY).await;
    let under_way = [((5, "CN".to_owned()), 6), ((5, "US".to_owned()), 6)];
    assert_eq!(now.under_way, BTreeMap::from(under_way), "whatever day: accepted, in doubt, being sent");
    assert_eq!(spent("account", 0).await.charged.unwrap()[&currency("EUR")], price("1"));
    // What was charged stays when its job is forgotten.
    store.forget(job.id, true).await.unwrap();
    assert_eq!(spent("account", 0).await.charged.unwrap()[&currency("EUR")], price("1"));
}

pub async fn the_highest_price_of_each_currency_is_kept<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[6]).await;
    let claimed = accepted(&*store, &job).await;
    let costs =
        [("0.2", "USD"), ("1.3", "CNY"), ("0.3", "USD"), ("1.2", "CNY"), ("0.1", "USD"), ("0", "EUR")];
    for ((amount, of), number) in costs.into_iter().zip(&claimed.numbers) {
        enter(&*store, vec![Push::of(&claimed.batch_no, *number).costing(amount, of).pushed()]).await;
    }
    let prices = store.prices().await.unwrap();
    let highest = [("USD", "0.3"), ("CNY", "1.3"), ("EUR", "0")];
    let highest = highest.into_iter().map(|(of, amount)| (currency(of), price(amount))).collect();
    assert_eq!(prices.all(5, "CN"), Some(highest));
    assert_eq!(prices.get(5, "CN"), None, "in several currencies there is no price");
    assert_eq!(prices.all(1, "CN"), None);
}

/// A cap reckons with the price of a batch's group, whatever region its results name.
pub async fn a_result_teaches_the_price_of_its_batch_s_group<P: Place>(place: &P) {
    let store = place.open().await;
    for (job, group, region, learnt) in [
        // None at all, and another one than the group is called by.
        (1, "AA", None, &[("AA", Some("0.5"))][..]),
        (2, "+44", Some("GB"), &[("+44", Some("0.5")), ("GB", Some("0.5"))][..]),
        // Of joined groups each may be meant, but where the region says which.
        (3, "BB,+77", None, &[("BB", Some("0.5")), ("+77", Some("0.5"))][..]),
        (4, "DD,EE", Some("EE"), &[("DD", None), ("EE", Some("0.5"))][..]),
    ] {
        let mut plan = batches_of(job, &[&[number(job)]]);
        plan[0].group = group.to_owned();
        let job = made(&*store, job, plan, Reuse::ALL, T0).await;
        let claimed = accepted(&*store, &job).await;
        let push = Push::of(&claimed.batch_no, claimed.numbers[0]).costing("0.5", "USD");
        let region = region.map(|region| format!(r#""regionCode":"{region}","#)).unwrap_or_default();
        let body = String::from_utf8(push.body()).unwrap().replace(r#""regionCode":"CN","#, &region);
        enter(&*store, vec![result(claimed.batch_no.as_str(), Source::Push, body.into_bytes())]).await;
        let prices = store.prices().await.unwrap();
        for (of, known) in learnt {
            let known = known.map(|known| (currency("USD"), price(known)));
            assert_eq!(prices.get(5, of), known, "{of} by {group}");
        }
    }
    // A failure that cost nothing says nothing about the price.
    let mut plan = batches_of(5, &[&[number(5)]]);
    plan[0].group = "FF".to_owned();
    let job = made(&*store, 5, plan, Reuse::ALL, T0).await;
    let claimed = accepted(&*store, &job).await;
    let failed = Push::failed(&claimed.batch_no, claimed.numbers[0]).costing("0", "USD");
    enter(&*store, vec![failed.pushed()]).await;
    assert_eq!(store.prices().await.unwrap().get(5, "FF"), None);
}

pub async fn a_name_of_any_length_stops_no_result_and_teaches_no_price<P: Place>(place: &P) {
    let store = place.open().await;
    let (long, longest) = ("G".repeat(65), "G".repeat(64));
    for (job, group, region, learnt) in [
        (1, &long, "R".repeat(5000), false),
        (2, &"G".repeat(5000), long.clone(), false),
        (3, &longest, longest.clone(), true),
    ] {
        let mut plan = batches_of(job, &[&[number(job)]]);
        plan[0].group = group.clone();
        let job = made(&*store, job, plan, Reuse::ALL, T0).await;
        let claimed = accepted(&*store, &job).await;
        let push = Push::of(&claimed.batch_no, claimed.numbers[0]).costing("0.5", "USD");
        let body = String::from_utf8(push.body()).unwrap();
        let body = body.replace(r#""regionCode":"CN""#, &format!(r#""regionCode":"{region}""#));
        let pushed = result(claimed.batch_no.as_str(), Source::Push, body.into_bytes());
        assert_eq!(enter(&*store, vec![pushed]).await, [1, 0, 0, 0]);
        let prices = store.prices().await.unwrap();
        for name in [group, &region] {
            assert_eq!(prices.all(5, name).is_some(), learnt, "{} bytes", name.len());
        }
    }
}

pub async fn a_price_that_nobody_can_believe_is_kept_shown_and_not_counted<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[5]).await;
    let claimed = accepted(&*store, &job).await;
    let of = |at: usize, amount| Push::of(&claimed.batch_no, claimed.numbers[at]).costing(amount, "USD");
    let odd = [of(0, "-1000000"), of(1, "-0.0001"), of(2, "100000.0001")];
    enter(&*store, odd.iter().map(Push::pushed).collect()).await;
    enter(&*store, vec![of(3, "0").pushed(), of(4, "100000").pushed()]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.unpriced), (5, 3));
    let sum = ledger.costs[&(Outcome::Done, currency("USD"))];
    assert_eq!((sum.count, sum.amount), (2, price("100000")));
    let drift = store.drift(job.id).await.unwrap();
    let drift: Vec<_> =
        drift.iter().map(|one| (one.drift.place.as_str(), one.drift.kind, one.count)).collect();
    assert_eq!(drift, [("Cost.price", DriftKind::NewValue, 3)]);
    assert_eq!(store.prices().await.unwrap().get(5, "CN"), Some((currency("USD"), price("100000"))));
    assert_eq!(store.spending("account", 0).await.unwrap().charged, Some(usd("100000")));
    for (at, push) in odd.iter().enumerate() {
        assert_eq!(row(&*store, job.id, at as u64).await.result, Some((Source::Push, push.body())));
    }
}

pub async fn strays_fill_a_batch_and_genuine_results_are_still_expected<P: Place>(place: &P) {
    let store = place.open().await;
    let job = planned(&*store, 1, &[3]).await;
    let claimed = accepted(&*store, &job).await;
    let known = claimed.batch_no.as_str();
    let stray = |at: u64| Push::of(&claimed.batch_no, number(70_000_000 + at)).pushed();
    assert!(!store.is_full(known).await.unwrap() && !store.is_full("nobody").await.unwrap());
    // Each twice, and not beside each other.
    for from in [0, 0, 500, 500] {
        store.append((from..from + 500).map(stray).collect()).await.unwrap();
        let folded = store.fold(1000).await.unwrap();
        assert_eq!(folded.full, [] as [String; 0]);
        let kept = folded.strays + folded.repeats;
        assert_eq!((kept, folded.strays % 500), (500, 0));
    }
    assert_eq!(store.quarantine(0, 10_000).await.unwrap().len(), 1000, "the same one is kept once");
    assert!(!store.is_full(known).await.unwrap());
    store.append((1000..5000).map(stray).collect()).await.unwrap();
    let (mut full, mut strays) = (Vec::new(), 0);
    loop {
        let folded = store.fold(700).await.unwrap();
        strays += folded.strays;
        full.extend(folded.full);
        if folded.seen < 700 {
            break;
        }
    }
    assert_eq!(strays, 4000, "what was stored is not thrown away");
    full.dedup();
    assert_eq!(full, [known]);
    assert!(store.is_full(known).await.unwrap());
    assert!(!store.is_full("nobody").await.unwrap());

    let of = |number| Push::of(&claimed.batch_no, number).body();
    for number in &claimed.numbers {
        assert!(store.expects(known, &of(*number)).await.unwrap());
    }
    assert!(!store.expects(known, &of(number(70_000_000))).await.unwrap());
    assert!(!store.expects("nobody", &of(claimed.numbers[0])).await.unwrap());
    assert_eq!(
        enter(&*store, vec![Push::of(&claimed.batch_no, claimed.numbers[0]).pushed()]).await,
        [1, 0, 0, 0]
    );
    assert!(!store.expects(known, &of(claimed.numbers[0])).await.unwrap(), "it has one");
    assert_eq!(check(&*store, job.id).await.settled, 1);
    // Another batch is another matter.
    let other = planned(&*store, 2, &[1]).await;
    let other = accepted(&*store, &other).await;
    assert!(!store.is_full(other.batch_no.as_str()).await.unwrap());
    store.forget(job.id, true).await.unwrap();
    assert_eq!(store.quarantine(0, 10_000).await.unwrap(), []);
}

pub async fn scopes_share_nothing<P: Place>(place: &P) {
    let store = place.open().await;
    let numbers = shared(0..2);
    let first = of_numbers(&*store, 1, &numbers).await;
    claim(&*store, &first, T0).await;
    let mut seen = HashSet::from([scope()]);
    let others = [("other", "number_check", 5), ("account", "privacy", 5), ("account", "number_check", 1)];
    for ((account, service, level), job) in others.into_iter().zip(2..) {
        let other = Scope::new(account, service, level);
        assert_eq!(store.look_up(&other, numbers.clone()).await.unwrap(), [None, None]);
        let mut spec = spec(1);
        spec.scope = other.clone();
        let made = store.create_job(&name(job), &spec, T0).await.unwrap();
        assert_eq!(made.name, name(job), "the same set in another scope is another job");
        store.add_batches(made.id, batches_of(job, &[&numbers])).await.unwrap();
        store.finish_plan(made.id, 2).await.unwrap();
        assert_eq!(try_claim(&*store, made.id, T0).await.unwrap().numbers, numbers);
        seen.insert(other);
    }
    let scopes = store.scopes().await.unwrap();
    assert_eq!(scopes.len(), 4);
    assert_eq!(HashSet::from_iter(scopes), seen);
}

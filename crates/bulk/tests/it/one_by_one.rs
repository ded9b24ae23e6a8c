//! A job of a service that is asked about one phone number at a time, from claim to end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, pending, select};
use numcheck_bulk::conformance::made::{Push, T0, check, planned, result};
use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Source;
use numcheck_bulk::{
    BatchState, Cancel, CheckService, Drive, Halt, Row, ServiceInfo, Sqlite, Store, Submission, Submitted,
    SystemWallClock,
};
use numcheck_protocol::PhoneNumber;
use tokio::sync::Notify;

const AT_ONCE: usize = 8;

/// Answers so many times. Then it is silent, or has no balance.
struct OneByOne {
    asked: Mutex<Vec<PhoneNumber>>,
    answers: AtomicU64,
    is_silent: bool,
    /// As many are without an answer as are sent at once.
    all_silent: Notify,
    silent: AtomicU64,
}

impl OneByOne {
    fn answering(answers: u64, is_silent: bool) -> Arc<Self> {
        let (asked, all_silent) = (Mutex::default(), Notify::new());
        let (answers, silent) = (AtomicU64::new(answers), AtomicU64::new(0));
        Arc::new(Self { asked, answers, is_silent, all_silent, silent })
    }

    fn asked(&self) -> Vec<PhoneNumber> {
        self.asked.lock().unwrap().clone()
    }

    fn has_answer(&self) -> bool {
        let left = |answers: u64| answers.checked_sub(1);
        self.answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }
}

impl CheckService for OneByOne {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::synchronous("made up")
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        let [number] = submission.numbers[..] else { panic!("one at a time") };
        if !submission.claim.confirm(T0).await {
            return Submitted::NotSent { message: "it is not confirmed".into() };
        }
        self.asked.lock().unwrap().push(number);
        if self.has_answer() {
            let results = vec![Row::reply(Push::of(&submission.batch_no, number).body())];
            return Submitted::Accepted { message_id: None, results, drift: Vec::new() };
        }
        if !self.is_silent {
            return Submitted::Refused { code: Some(-5), message: "no balance".into(), for_all: true };
        }
        if self.silent.fetch_add(1, Ordering::SeqCst) + 1 == AT_ONCE as u64 {
            self.all_silent.notify_one();
        }
        pending().await
    }
}

fn drive(store: &Arc<Sqlite>, service: &Arc<OneByOne>) -> Drive<Sqlite, OneByOne> {
    let clock = Arc::new(SystemWallClock);
    Drive::new(Arc::clone(store), Arc::clone(service), clock, "me".into()).with_concurrency(AT_ONCE)
}

async fn fold(store: &Sqlite) {
    while store.fold(256).await.unwrap().seen == 256 {}
}

/// The process ends while requests are under way: what it has asked is settled or in doubt, and asked once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_what_is_under_way_is_in_doubt_after_a_crash_and_no_number_is_asked_about_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let store = Arc::new(Sqlite::open(&path, reader()).unwrap());
    let job = planned(&*store, 1, &[700]).await;
    let service = OneByOne::answering(550, true);
    {
        let drive = drive(&store, &service);
        let never = Cancel::new();
        let run = Box::pin(drive.run(&job, &never));
        let all_silent = Box::pin(service.all_silent.notified());
        assert!(matches!(select(run, all_silent).await, Either::Right(_)));
    }
    drop(store);

    let store = Arc::new(Sqlite::open(&path, reader()).unwrap());
    let open = store.open_batches(job.id).await.unwrap();
    for batch in open.iter().filter(|batch| batch.state == BatchState::Sending) {
        assert!(store.give_up(batch.batch, batch.claim).await.unwrap());
    }
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (550, AT_ONCE as u64, 142));

    let second = OneByOne::answering(u64::MAX, true);
    assert_eq!(drive(&store, &second).run(&job, &Cancel::new()).await.unwrap().halt, None);
    fold(&store).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (692, AT_ONCE as u64, 0));
    let asked = [service.asked(), second.asked()].concat();
    assert_eq!(asked.len(), 700);
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>().len(), 700);

    assert_eq!(store.resubmit_doubtful(job.id, u64::MAX).await.unwrap(), AT_ONCE as u64);
    assert_eq!(drive(&store, &second).run(&job, &Cancel::new()).await.unwrap().halt, None);
    fold(&store).await;
    assert_eq!(check(&*store, job.id).await.settled, 700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_about_the_account_ends_the_run_and_the_rest_is_planned() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap());
    let job = planned(&*store, 1, &[100]).await;
    let service = OneByOne::answering(30, false);
    let driven = drive(&store, &service).run(&job, &Cancel::new()).await.unwrap();
    assert!(matches!(driven.halt, Some(Halt::Refused(_))), "{driven:?}");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned, ledger.refused), (30, 0, 70, 0));
    assert!(service.asked().len() <= 30 + AT_ONCE);

    let paid = OneByOne::answering(u64::MAX, false);
    assert_eq!(drive(&store, &paid).run(&job, &Cancel::new()).await.unwrap().halt, None);
    assert_eq!(paid.asked().len(), 70);
    fold(&store).await;
    assert_eq!(check(&*store, job.id).await.settled, 100);
}

/// A second process gives the claim up while its sender is only slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_whose_claim_was_given_up_sends_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap());
    let job = planned(&*store, 1, &[20]).await;
    let service = OneByOne::answering(0, true);
    let drive = drive(&store, &service);
    let never = Cancel::new();
    let run = Box::pin(drive.run(&job, &never));
    let all_silent = Box::pin(service.all_silent.notified());
    let Either::Right((_, run)) = select(run, all_silent).await else { panic!("it waits for answers") };
    let [sending] = &store.open_batches(job.id).await.unwrap()[..] else { panic!("one claim") };
    assert!(store.give_up(sending.batch, sending.claim).await.unwrap());
    for number in service.asked() {
        let again = store.mark(sending.batch, sending.claim, number, T0).await.unwrap();
        assert!(!again, "under a claim that is over");
    }
    drop(run);
    // The answer to one of its requests comes after all, and settles no other.
    let late = Push::of(&sending.batch_no, service.asked()[0]).body();
    store.append(vec![result(sending.batch_no.as_str(), Source::Reply, late)]).await.unwrap();
    fold(&store).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.in_doubt, ledger.planned, ledger.pending), (AT_ONCE as u64, 12, 0));
    assert_eq!(service.asked().len(), AT_ONCE);
}

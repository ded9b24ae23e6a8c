//! A job of a service that is asked about one phone number at a time, from claim to end.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, pending, select};
use numcheck_bulk::conformance::made::{Push, T0, check, planned, result};
use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Source;
use numcheck_bulk::{
    BatchState, Cancel, CheckService, Drive, Halt, Job, Row, Scope, ServiceInfo, Sqlite, Store, Submission,
    Submitted, SystemWallClock,
};
use numcheck_protocol::PhoneNumber;
use tempfile::TempDir;
use tokio::sync::{Barrier, Notify};

const AT_ONCE: usize = 8;

/// What a service does with a phone number.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Answers.
    Answer,
    /// Cannot send the first time, which it has confirmed, and answers to the second.
    AnswerLater,
    /// Cannot send what it has confirmed.
    NotSend,
    /// Is kept from the platform by a server on the way, as that says.
    NotPassOn,
    /// Was asked too early, like all that are under way.
    SayTooEarly,
    /// Has no balance.
    Refuse,
    /// Is asked, and says nothing.
    Keep,
}

type Script = dyn Fn(u64) -> Does + Send + Sync;

/// A service that does as it is told with the first, the second, … phone number.
struct OneByOne {
    name: &'static str,
    script: Box<Script>,
    begun: AtomicU64,
    asked: Mutex<Vec<PhoneNumber>>,
    /// As many are without an answer as are sent at once.
    all_silent: Notify,
    silent: AtomicU64,
    all_early: Barrier,
}

impl OneByOne {
    fn new(script: impl Fn(u64) -> Does + Send + Sync + 'static) -> Arc<Self> {
        Self::named(Scope::NUMBER_CHECK, script)
    }

    fn named(name: &'static str, script: impl Fn(u64) -> Does + Send + Sync + 'static) -> Arc<Self> {
        let (asked, all_silent) = (Mutex::default(), Notify::new());
        let (begun, silent) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self {
            name,
            script: Box::new(script),
            begun,
            asked,
            all_silent,
            silent,
            all_early: Barrier::new(AT_ONCE),
        })
    }

    fn answering() -> Arc<Self> {
        Self::new(|_| Does::Answer)
    }

    fn asked(&self) -> Vec<PhoneNumber> {
        self.asked.lock().unwrap().clone()
    }
}

impl CheckService for OneByOne {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::synchronous(self.name)
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        let [number] = submission.numbers[..] else { panic!("one at a time") };
        let does = (self.script)(self.begun.fetch_add(1, Ordering::SeqCst));
        let not_sent = |why: &str| Submitted::NotSent { message: why.to_owned() };
        for attempt in 0..=u64::from(matches!(does, Does::AnswerLater)) {
            if !submission.claim.confirm(T0 + attempt).await {
                return not_sent("it is not confirmed");
            }
        }
        if matches!(does, Does::NotSend) {
            return not_sent("nobody listens");
        }
        self.asked.lock().unwrap().push(number);
        match does {
            Does::SayTooEarly => {
                // All that are under way are told so before any of them is judged.
                self.all_early.wait().await;
                Submitted::TooEarly { message: "slower".into() }
            }
            Does::NotPassOn => Submitted::NotPassedOn { message: "no such page".into() },
            Does::Refuse => {
                Submitted::Refused { code: Some(-5), message: "no balance".into(), for_all: true }
            }
            Does::Keep => {
                if self.silent.fetch_add(1, Ordering::SeqCst) + 1 == AT_ONCE as u64 {
                    self.all_silent.notify_one();
                }
                pending().await
            }
            Does::Answer | Does::AnswerLater | Does::NotSend => {
                let results = vec![Row::reply(Push::of(&submission.batch_no, number).body())];
                Submitted::Accepted { message_id: None, results, drift: Vec::new() }
            }
        }
    }
}

fn drive(store: &Arc<Sqlite>, service: &Arc<OneByOne>) -> Drive<Sqlite, OneByOne> {
    let clock = Arc::new(SystemWallClock);
    Drive::new(Arc::clone(store), Arc::clone(service), clock, "me".into()).with_concurrency(AT_ONCE)
}

/// Drives a job until as many requests have no answer as are made at once, and then the process ends.
async fn dies_with_requests_under_way(path: &Path, job: &Job, service: &Arc<OneByOne>) {
    let store = Arc::new(Sqlite::open(path, reader()).unwrap());
    let (drive, never) = (drive(&store, service), Cancel::new());
    let run = Box::pin(drive.run(job, &never));
    let all_silent = Box::pin(service.all_silent.notified());
    assert!(matches!(select(run, all_silent).await, Either::Right(_)));
}

/// A store with a job of 700 phone numbers whose process has died with requests under way, and whose claims were given up since.
async fn after_a_crash(service: &Arc<OneByOne>) -> (TempDir, Arc<Sqlite>, Job) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let job = planned(&Sqlite::open(&path, reader()).unwrap(), 1, &[700]).await;
    dies_with_requests_under_way(&path, &job, service).await;
    let store = Arc::new(Sqlite::open(&path, reader()).unwrap());
    give_up_all(&store, &job).await;
    (folder, store, job)
}

async fn give_up_all(store: &Sqlite, job: &Job) {
    for batch in store.open_batches(job.id).await.unwrap() {
        if batch.state == BatchState::Sending {
            assert!(store.give_up(batch.batch, batch.claim).await.unwrap());
        }
    }
}

/// A new store with a job of one batch, which lives as long as its folder.
async fn job_of(numbers: u64) -> (TempDir, Arc<Sqlite>, Job) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap());
    let job = planned(&*store, 1, &[numbers]).await;
    (folder, store, job)
}

async fn fold(store: &Sqlite) {
    while store.fold(256).await.unwrap().seen == 256 {}
}

/// The process ends while requests are under way: what it has asked is settled or in doubt, and asked once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_what_is_under_way_is_in_doubt_after_a_crash_and_no_number_is_asked_about_twice() {
    let service = OneByOne::new(|at| if at < 550 { Does::Answer } else { Does::Keep });
    let (_folder, store, job) = after_a_crash(&service).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (550, AT_ONCE as u64, 142));

    let second = OneByOne::answering();
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

/// How a request ended that did not leave is in the store before many others have ended so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_what_is_under_way_is_in_doubt_where_connections_fail_now_and_then() {
    let service = OneByOne::new(|at| match at {
        600.. => Does::Keep,
        at if at < 400 && at % 7 == 6 => Does::NotSend,
        _ => Does::Answer,
    });
    let (_folder, store, job) = after_a_crash(&service).await;
    fold(&store).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.pending), (543, AT_ONCE as u64, 0));
    let rest = OneByOne::answering();
    drive(&store, &rest).run(&job, &Cancel::new()).await.unwrap();
    let asked = [service.asked(), rest.asked()].concat();
    assert_eq!(asked.len(), 700);
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>().len(), 700, "asked twice");
}

/// The end of each is in memory until its claim ends, and counts as under way until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_passed_on_is_sent_once_and_counts_among_what_may_be_in_doubt() {
    let service = OneByOne::new(|at| match at {
        300.. => Does::Keep,
        at if at >= 200 && at % 20 == 0 => Does::NotPassOn,
        _ => Does::Answer,
    });
    // Five senders have such an end, and wait for the three that have no answer.
    service.silent.store(AT_ONCE as u64 - 3, Ordering::SeqCst);
    let (_folder, store, job) = after_a_crash(&service).await;
    fold(&store).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (295, AT_ONCE as u64, 397));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_passed_on_waits_for_whoever_goes_on() {
    let (_folder, store, job) = job_of(700).await;
    let service = OneByOne::new(|at| if at % 50 == 7 { Does::NotPassOn } else { Does::Answer });
    let first = drive(&store, &service);
    for _ in 0..2 {
        assert_eq!(first.run(&job, &Cancel::new()).await.unwrap().halt, None);
        fold(&store).await;
        let ledger = check(&*store, job.id).await;
        assert_eq!((ledger.settled, ledger.planned, service.asked().len()), (686, 14, 700));
    }
    let second = OneByOne::answering();
    drive(&store, &second).run(&job, &Cancel::new()).await.unwrap();
    fold(&store).await;
    assert_eq!((check(&*store, job.id).await.settled, second.asked().len()), (700, 14));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_too_early_together_is_too_early_once() {
    for (rounds, is_over) in [(2, false), (3, true)] {
        let (_folder, store, job) = job_of(100).await;
        let early = rounds * AT_ONCE as u64;
        let service = OneByOne::new(move |at| if at < early { Does::SayTooEarly } else { Does::Answer });
        let halt = drive(&store, &service).run(&job, &Cancel::new()).await.unwrap().halt;
        assert_eq!(halt, is_over.then(|| Halt::NotSent("slower".into())));
        fold(&store).await;
        let ledger = check(&*store, job.id).await;
        let settled = if is_over { 0 } else { 100 };
        assert_eq!((ledger.settled, ledger.planned, ledger.in_doubt), (settled, 100 - settled, 0));
    }
}

/// A client tries again what surely did not leave, and has it confirmed again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_did_not_leave_may_be_repeated_under_its_mark() {
    let (_folder, store, job) = job_of(20).await;
    let service = OneByOne::new(|_| Does::AnswerLater);
    assert_eq!(drive(&store, &service).run(&job, &Cancel::new()).await.unwrap().halt, None);
    fold(&store).await;
    assert_eq!((check(&*store, job.id).await.settled, service.asked().len()), (20, 20));
}

/// For a second no result can be written, as on a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_could_not_be_stored_is_stored_once_the_store_works_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let store = Arc::new(Sqlite::open(&path, reader()).unwrap());
    let job = planned(&*store, 1, &[20]).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    let fails =
        "CREATE TRIGGER full BEFORE INSERT ON results WHEN unixepoch('subsec') < (SELECT until FROM full)
        BEGIN SELECT RAISE(ABORT, 'no room'); END";
    other
        .execute_batch(&format!("CREATE TABLE full AS SELECT unixepoch('subsec') + 1 AS until; {fails}"))
        .unwrap();
    let service = OneByOne::answering();
    let driven = drive(&store, &service).run(&job, &Cancel::new()).await.unwrap();
    fold(&store).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((driven.halt, ledger.settled, ledger.in_doubt), (None, 20, 0));
    assert_eq!(service.asked().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_not_paid_for_by_a_service_that_it_does_not_name() {
    let (_folder, store, job) = job_of(20).await;
    let service = OneByOne::named("another", |_| Does::Answer);
    let driven = drive(&store, &service).run(&job, &Cancel::new()).await.unwrap();
    assert!(matches!(driven.halt, Some(Halt::OtherService(_))), "{driven:?}");
    assert_eq!((check(&*store, job.id).await.planned, service.asked().len()), (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_about_the_account_ends_the_run_and_the_rest_is_planned() {
    let (_folder, store, job) = job_of(100).await;
    let service = OneByOne::new(|at| if at < 30 { Does::Answer } else { Does::Refuse });
    let driven = drive(&store, &service).run(&job, &Cancel::new()).await.unwrap();
    assert!(matches!(driven.halt, Some(Halt::Refused(_))), "{driven:?}");
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned, ledger.refused), (30, 0, 70, 0));
    assert!(service.asked().len() <= 30 + AT_ONCE);

    let paid = OneByOne::answering();
    assert_eq!(drive(&store, &paid).run(&job, &Cancel::new()).await.unwrap().halt, None);
    assert_eq!(paid.asked().len(), 70);
    fold(&store).await;
    assert_eq!(check(&*store, job.id).await.settled, 100);
}

/// A second process gives the claim up while its sender is only slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_whose_claim_was_given_up_sends_nothing_more() {
    let (_folder, store, job) = job_of(20).await;
    let service = OneByOne::new(|_| Does::Keep);
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
    assert_eq!((ledger.settled, ledger.in_doubt), (1, AT_ONCE as u64 - 1));
    assert_eq!((ledger.planned, ledger.pending), (12, 0));
    assert_eq!(service.asked().len(), AT_ONCE);
}

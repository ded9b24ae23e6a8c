//! What an engine does with any service: one of this test's own, which holds its answers back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use numcheck_bulk::conformance::made::{Push, number};
use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{
    BatchState, CheckService, Delivery, Halt, Job, PriceTable, Reuse, Row, Scope, ServiceInfo, Sqlite,
    Submission, Submitted,
};
use numcheck_job::{Cancel, Engine, Order, RunOptions, Summary};
use numcheck_protocol::number_check::CheckLevel;
use tokio::sync::Semaphore;

/// Answers as often as it is let.
struct Held {
    info: ServiceInfo,
    /// How often it is asked without a wait for its turn.
    turns: Semaphore,
    begun: AtomicU64,
    asked: AtomicU64,
    answers: Semaphore,
}

impl Held {
    fn new(info: ServiceInfo, answers: usize) -> Arc<Self> {
        Self::pacing(info, answers, Semaphore::MAX_PERMITS)
    }

    fn pacing(info: ServiceInfo, answers: usize, turns: usize) -> Arc<Self> {
        let (begun, asked) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { info, turns: Semaphore::new(turns), begun, asked, answers: Semaphore::new(answers) })
    }

    fn one_by_one(answers: usize) -> Arc<Self> {
        Self::new(ServiceInfo::synchronous(Scope::NUMBER_CHECK), answers)
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn is_asked(&self, times: u64) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }
}

impl CheckService for Held {
    fn info(&self) -> ServiceInfo {
        self.info
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.turns.acquire().await.unwrap().forget();
        if !submission.claim.confirm(1_700_000_000_000).await {
            return Submitted::NotSent { message: "it is not confirmed".into() };
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answers.acquire().await.unwrap().forget();
        let answer = |number| Row::reply(Push::of(&submission.batch_no, number).body());
        let results = submission.numbers.iter().copied().map(answer).collect();
        Submitted::Accepted { message_id: None, results, drift: Vec::new() }
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    engine: Engine,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap();
        Self { _folder: folder, engine: Engine::new(Arc::new(store)) }
    }

    async fn run(&self, job: &Job, service: &Arc<Held>, cancel: &Cancel) -> Summary {
        let mut options = RunOptions::default();
        options.concurrency = 1;
        self.engine.run_to_end(job, service, options, cancel).await.unwrap()
    }
}

/// Of so many phone numbers, each in a batch of its own.
fn order(count: u64) -> Order {
    let numbers = (0..count).map(number).collect();
    let mut order = Order::number_check("account", CheckLevel::new(5), numbers);
    (order.batch_size, order.delivery) = (1, Delivery::Poll);
    order
}

/// A job of three phone numbers runs until `stopping` has stopped it: how many are settled, in doubt and planned, and how many were asked.
async fn stopped(service: &Arc<Held>, cancel: &Cancel, stopping: impl Future<Output = ()>) -> [u64; 4] {
    let scene = Scene::new();
    let job = scene.engine.begin(&order(3)).await.unwrap();
    let (summary, ()) = tokio::join!(scene.run(&job, service, cancel), stopping);
    let ledger = summary.ledger;
    [ledger.settled, ledger.in_doubt, ledger.planned, service.asked()]
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_could_be_asked_for_is_waited_for_when_somebody_stops() {
    let (service, cancel) = (Held::one_by_one(0), Cancel::new());
    let stopping = async {
        service.is_asked(1).await;
        cancel.cancel();
        tokio::time::sleep(Duration::from_secs(20)).await;
        service.answers.add_permits(3);
    };
    assert_eq!(stopped(&service, &cancel, stopping).await, [1, 0, 2, 1]);
}

/// As after a 429, or under a rate limit of the client's own.
#[tokio::test]
async fn what_waits_for_its_turn_is_not_sent_once_somebody_stops() {
    let service = Held::pacing(ServiceInfo::synchronous(Scope::NUMBER_CHECK), 3, 1);
    let cancel = Cancel::new();
    let stopping = async {
        while service.begun.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    assert_eq!(stopped(&service, &cancel, stopping).await, [1, 0, 2, 1]);
}

#[tokio::test]
async fn a_run_that_was_dropped_is_a_dead_one_and_the_next_goes_on_at_once() {
    let scene = Scene::new();
    let job = scene.engine.begin(&order(5)).await.unwrap();
    let held = Held::one_by_one(2);
    let never = Cancel::new();
    tokio::select! {
        _ = scene.run(&job, &held, &never) => panic!("it waits for its third answer"),
        () = held.is_asked(3) => {}
    }
    let rest = Held::one_by_one(5);
    let ledger = scene.run(&job, &rest, &never).await.ledger;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.pending, ledger.planned), (4, 1, 0, 0));
    assert_eq!((held.asked(), rest.asked()), (3, 2));
}

#[tokio::test]
async fn what_another_run_is_sending_is_waited_for() {
    let scene = Scene::new();
    let job = scene.engine.begin(&order(3)).await.unwrap();
    let (first, second) = (Held::one_by_one(0), Held::one_by_one(2));
    let never = Cancel::new();
    let other = async {
        first.is_asked(1).await;
        let answering = async {
            // All that is left for it is done.
            second.is_asked(2).await;
            tokio::task::yield_now().await;
            first.answers.add_permits(1);
        };
        tokio::join!(scene.run(&job, &second, &never), answering).0
    };
    let (one, other) = tokio::join!(scene.run(&job, &first, &never), other);
    assert_eq!((one.ledger.settled, other.ledger.settled), (3, 3));
    assert_eq!((first.asked(), second.asked()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_ends_no_claim_of_another_run_of_the_same_process() {
    let scene = Scene::new();
    let job = scene.engine.begin(&order(2)).await.unwrap();
    let (first, second) = (
        Held::new(ServiceInfo::new(Scope::NUMBER_CHECK, 10), 0),
        Held::new(ServiceInfo::new(Scope::NUMBER_CHECK, 10), 0),
    );
    let (never, cancel) = (Cancel::new(), Cancel::new());
    let other = async {
        first.is_asked(1).await;
        let stopping = async {
            second.is_asked(1).await;
            cancel.cancel();
        };
        tokio::join!(scene.run(&job, &second, &cancel), stopping);
        let open = scene.engine.store().open_batches(job.id).await.unwrap();
        let states: Vec<_> = open.iter().map(|batch| batch.state).collect();
        assert_eq!(states, [BatchState::Sending, BatchState::InDoubt]);
    };
    tokio::select! {
        _ = scene.run(&job, &first, &never) => panic!("it waits for its answer"),
        () = other => {}
    }
}

#[tokio::test]
async fn a_job_is_not_paid_for_through_a_service_that_it_does_not_name() {
    let scene = Scene::new();
    let job = scene.engine.begin(&order(3)).await.unwrap();
    let other = Held::new(ServiceInfo::synchronous(Scope::PRIVACY), 3);
    let summary = scene.run(&job, &other, &Cancel::new()).await;
    assert!(matches!(summary.halt, Some(Halt::OtherService(_))), "{summary:?}");
    assert_eq!((summary.ledger.planned, other.asked()), (3, 0));
}

#[tokio::test]
async fn a_preview_counts_what_an_interrupted_job_that_overrides_the_book_will_send() {
    let scene = Scene::new();
    let again = order(3).with_reuse(Reuse::NONE);
    let preview = async |order: &Order| {
        let preview = scene.engine.preview(order, &PriceTable::default()).await.unwrap();
        (preview.to_send, preview.known, preview.in_doubt)
    };
    let service = Held::one_by_one(4);
    let job = scene.engine.begin(&order(3)).await.unwrap();
    scene.run(&job, &service, &Cancel::new()).await;
    assert_eq!(preview(&order(3)).await, (0, 3, 0));
    assert_eq!(preview(&again).await, (3, 0, 0));

    // It is interrupted after one answer.
    let job = scene.engine.begin(&again).await.unwrap();
    let never = Cancel::new();
    tokio::select! {
        _ = scene.run(&job, &service, &never) => panic!("it waits for its second answer"),
        () = service.is_asked(5) => {}
    }
    let rest = Held::one_by_one(3);
    let expected = preview(&order(3)).await;
    assert_eq!(scene.engine.begin(&order(3)).await.unwrap().id, job.id, "it goes on with that one");
    scene.run(&job, &rest, &never).await;
    assert_eq!(rest.asked(), expected.0);
    assert_eq!(preview(&order(3)).await.2, 1);
}

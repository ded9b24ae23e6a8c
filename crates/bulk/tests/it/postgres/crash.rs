//! The server dies in the middle of everything.

use numcheck_bulk::conformance::reader::reader;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use numcheck_bulk::{Outcome, Postgres, Store, StoreError};
use numcheck_protocol::Price;
use tokio::sync::watch;

use crate::postgres::fixture::{accepted, all_of, batch_no, fold_all, result, rows};
use numcheck_testing::postgres::Cluster;

const NUMBERS: u64 = 30_000;
const BATCHES: u64 = 15;

/// What all rounds together have appended, and what of it was acknowledged.
struct Run {
    store: Postgres,
    batch_nos: Vec<String>,
    next: AtomicU64,
    acknowledged: watch::Sender<BTreeSet<u64>>,
}

impl Run {
    /// Appends one result after the other, until the server is gone.
    async fn append(&self) {
        loop {
            let row = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(batch_no) = self.batch_nos.get((row / (NUMBERS / BATCHES)) as usize) else { return };
            match self.store.append(vec![result(batch_no, row)]).await {
                Ok(()) => self.acknowledged.send_modify(|rows| _ = rows.insert(row)),
                Err(_) => return,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_result_is_there_after_the_server_was_killed_in_the_middle_of_appends_and_folds() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let cluster = Arc::new(cluster);
    let store = Postgres::open(&cluster.database("crash").await, reader()).await.unwrap();
    let job = accepted(&store, 1, BATCHES, NUMBERS / BATCHES).await;
    let run = Arc::new(Run {
        store,
        batch_nos: (0..BATCHES).map(|batch| batch_no(&job, batch)).collect(),
        next: AtomicU64::new(0),
        acknowledged: watch::Sender::default(),
    });
    for round in 1..=4 {
        let until = round * 2500;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let run = Arc::clone(&run);
            tasks.spawn(async move { run.append().await });
        }
        let folding = tokio::spawn({
            let run = Arc::clone(&run);
            // The server is away for longer than a fold waits only when this machine is very slow; then it is tried again below.
            async move { while run.store.fold(256).await.is_ok() {} }
        });
        run.acknowledged.subscribe().wait_for(|rows| rows.len() >= until).await.unwrap();
        let stopped = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || {
            stopped.stop("immediate");
            stopped.run();
        })
        .await
        .unwrap();
        tasks.join_all().await;
        folding.abort();
        let _ = folding.await;
    }
    let acknowledged = run.acknowledged.borrow().clone();
    assert!(acknowledged.len() >= 10_000, "{} were acknowledged", acknowledged.len());

    fold_all(&run.store, 256).await;
    let settled: BTreeSet<u64> =
        rows(&run.store, &job).await.iter().filter(|row| row.result.is_some()).map(|row| row.row).collect();
    let lost: Vec<u64> = acknowledged.difference(&settled).copied().collect();
    assert_eq!(lost, Vec::<u64>::new(), "acknowledged, and not there");

    // What was entered was entered once, whichever fold was cut off.
    let ledger = run.store.ledger(job.id).await.unwrap();
    assert_eq!(ledger.settled, settled.len() as u64);
    let sum = ledger.costs.iter().next().unwrap();
    assert_eq!((sum.0.0, sum.1.count), (Outcome::Done, ledger.settled));
    let price: Price = "0.01".parse().unwrap();
    assert_eq!(Some(sum.1.amount), price.checked_mul(ledger.settled as i64));
    assert!(run.store.quarantine(0, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_waited_for_and_appends_fail_meanwhile() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let cluster = Arc::new(cluster);
    let store = Postgres::open(&cluster.database("restart").await, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 2).await;
    store.append(vec![result(&batch_no(&job, 0), 0)]).await.unwrap();

    cluster.stop("fast");
    let error = store.append(vec![result(&batch_no(&job, 0), 1)]).await.unwrap_err();
    assert!(!all_of(&error).contains("86138"), "{}", all_of(&error));
    let starting = Arc::clone(&cluster);
    let started = tokio::task::spawn_blocking(move || starting.run());
    let (folded, started) = tokio::join!(store.fold(10), started);
    started.unwrap();
    assert_eq!(folded.unwrap().first, 1);
    store.append(vec![result(&batch_no(&job, 0), 1)]).await.unwrap();
    assert_eq!(fold_all(&store, 10).await.first, 1);
    assert_eq!(store.ledger(job.id).await.unwrap().settled, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_the_server_refuses_is_not_called_stored_and_nothing_of_it_is() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("refusing").await, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 900).await;
    // Every third append and every third fold find the disk full, in the middle of their work.
    cluster
        .admin(
            "refusing",
            "CREATE SEQUENCE public.inbox_writes; CREATE SEQUENCE public.batches_writes;
             CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('public.' || TG_TABLE_NAME || '_writes') % 3 = 0 THEN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER refuse AFTER INSERT ON numcheck.inbox EXECUTE FUNCTION public.refuse();
             CREATE TRIGGER refuse AFTER UPDATE ON numcheck.batches EXECUTE FUNCTION public.refuse()",
        )
        .await;
    let (mut stored, mut refused, mut folds) = (0, 0, [0, 0]);
    for row in (0..900).step_by(3) {
        let results = (row..row + 3).map(|row| result(&batch_no(&job, 0), row)).collect();
        match store.append(results).await {
            Ok(()) => stored += 3,
            Err(StoreError::Database { .. }) => refused += 3,
            Err(other) => panic!("{other:?}"),
        }
        folds[usize::from(store.fold(5).await.is_ok())] += 1;
    }
    assert!(stored > 0 && refused > 0 && folds[0] > 0 && folds[1] > 0, "{stored} {refused} {folds:?}");
    cluster.admin("refusing", "DROP FUNCTION public.refuse() CASCADE").await;
    fold_all(&store, 50).await;
    let ledger = store.ledger(job.id).await.unwrap();
    assert_eq!((ledger.settled, ledger.pending), (stored, refused));
    assert_eq!(ledger.costs.values().map(|sum| sum.count).sum::<u64>(), stored);
}

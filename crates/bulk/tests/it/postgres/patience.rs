//! A server that keeps somebody waiting: what waits is bounded, and what is given up leaves nothing behind.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Skip;
use std::sync::Arc;

use numcheck_bulk::{BatchEnd, Postgres, Store, StoreError};

use crate::postgres::fixture::{NOW, accepted, all_of, batch_no, claim, fold_all, plan, pushed, result};
use numcheck_testing::postgres::Cluster;

/// A session that holds what the store needs.
async fn holder(cluster: &Cluster, database: &str, sql: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&cluster.url(database), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    client
}

/// Until a session of the store waits for a lock.
async fn somebody_waits(cluster: &Cluster, database: &str) {
    so_many_wait(cluster, database, 1).await;
}

async fn so_many_wait(cluster: &Cluster, database: &str, count: u32) {
    let sql = format!(
        "SELECT count(*) >= {count} FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    );
    while cluster.admin(database, &sql).await == [[Some("f".to_owned())]] {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_the_database_does_not_keep_up_with_are_turned_away() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("turned_away").await, reader()).await.unwrap();
    let holder =
        holder(&cluster, "turned_away", "BEGIN; LOCK TABLE numcheck.results IN EXCLUSIVE MODE").await;
    let large = || vec![pushed("nobody", &vec![b'x'; 40 << 20])];
    let first = store.append(large());
    let error = store.append(large()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert!(all_of(&error).contains("more results are waiting"), "{}", all_of(&error));
    // A small one still finds room, and both are stored once the server goes on.
    let second = store.append(vec![pushed("nobody", b"small")]);
    holder.batch_execute("ROLLBACK").await.unwrap();
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    second.unwrap();
    assert_eq!(fold_all(&store, 10).await.strays, 2);
    store.append(large()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_given_up_leaves_nothing_open() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("given_up").await, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 2).await;
    store.append(vec![result(&batch_no(&job, 0), 0)]).await.unwrap();
    let holder = holder(&cluster, "given_up", "BEGIN; SELECT * FROM numcheck.batches FOR UPDATE").await;
    for _ in 0..10 {
        // It has settled the number, and waits for the batch.
        tokio::select! {
            biased;
            folded = store.fold(10) => panic!("{folded:?}"),
            () = somebody_waits(&cluster, "given_up") => {}
        }
    }
    assert_eq!(store.ledger(job.id).await.unwrap().settled, 0);
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.fold(10).await.unwrap().first, 1);
    assert_eq!(store.ledger(job.id).await.unwrap().settled, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_stored_though_whoever_brought_it_has_gone() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("gone").await, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 2).await;
    drop(store.append(vec![result(&batch_no(&job, 0), 0)]));
    // It was queued when it was asked for.
    while store.ledger(job.id).await.unwrap().settled == 0 {
        store.fold(10).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_sees_what_a_look_up_under_way_decides_about_the_same_row() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Arc::new(Postgres::open(&cluster.database("decided").await, reader()).await.unwrap());
    let job = plan(&store, 1, 1, 3).await;
    let claimed = claim(&store, &job, "one").await.unwrap();
    assert!(store.confirm(claimed.batch, claimed.claim, NOW).await.unwrap());
    let doubt = BatchEnd::InDoubt { code: None, message: "silence".to_owned(), from_reply: false };
    store.end(claimed.batch, claimed.claim, doubt, NOW).await.unwrap();
    assert!(store.plan_again(claimed.batch, claimed.claim).await.unwrap());
    // Another job sends the same phone numbers, and has their results.
    let other = accepted(&store, 2, 1, 3).await;
    store.append((0..3).map(|row| result(&batch_no(&other, 0), row)).collect()).await.unwrap();
    fold_all(&store, 10).await;

    // The first one's rows take them; that is written, and not committed yet, when a result of the first sending comes after all.
    let hold = format!("BEGIN; SELECT FROM numcheck.jobs WHERE id = {} FOR UPDATE", job.id);
    let holder = holder(&cluster, "decided", &hold).await;
    let looking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.next_batch(job.id, &Skip::default()).await.unwrap().unwrap().numbers }
    });
    so_many_wait(&cluster, "decided", 1).await;
    store.append(vec![result(claimed.batch_no.as_str(), 0)]).await.unwrap();
    let folding = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.fold(10).await.unwrap().first }
    });
    so_many_wait(&cluster, "decided", 2).await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!((looking.await.unwrap(), folding.await.unwrap()), (0, 1));
    let ledger = store.ledger(job.id).await.unwrap();
    assert_eq!((ledger.settled, ledger.reused.done, ledger.submitted), (1, 2, 1), "{ledger:?}");
}

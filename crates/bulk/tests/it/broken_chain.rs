//! A book in which the row of a sending is gone, in either store: what is not known may have been paid for, and still a person may have
//! forgotten what is known.

use numcheck_bulk::conformance::made::{
    Push, T0, accepted, batches_of, claim, end, enter, made, of_numbers, refusal, scope, shared,
};
use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Skip;
use numcheck_bulk::{Reuse, Store, StoreError};

/// Takes away the row of the first batch's sending.
const DAMAGE: &str = "DELETE FROM numbers WHERE batch = (SELECT min(id) FROM batches)";

/// Three sendings of one phone number, of which the last was refused. The jobs, in their order.
async fn three_sendings<S: Store>(store: &S) -> [i64; 3] {
    let numbers = shared(0..1);
    let mut jobs = [0; 3];
    for (at, id) in (1..).zip(&mut jobs) {
        let job = made(store, at, batches_of(at, &[&numbers]), Reuse::NONE, T0).await;
        *id = job.id;
        if at == 3 {
            let claimed = claim(store, &job, T0).await;
            end(store, &claimed, refusal()).await;
        } else {
            let claimed = accepted(store, &job).await;
            assert_eq!(
                enter(store, vec![Push::of(&claimed.batch_no, numbers[0]).pushed()]).await,
                [1, 0, 0, 0]
            );
        }
    }
    jobs
}

async fn stays_broken_and_can_be_forgotten<S: Store>(store: &S, [_, second, third]: [i64; 3]) {
    let scope = scope();
    let known = || store.look_up(&scope, shared(0..1));
    assert_eq!(known().await.unwrap()[0].unwrap().job, second, "what is gone is behind what decides");
    store.forget(second, false).await.unwrap();
    // The refused sending counts for nothing, and the one before it is not there.
    let answer = known().await;
    assert!(matches!(answer, Err(StoreError::Damaged { .. })), "{answer:?}");
    let job = of_numbers(store, 4, &shared(0..1)).await;
    let next = store.next_batch(job.id, &Skip::default()).await;
    assert!(matches!(next, Err(StoreError::Damaged { .. })), "{next:?}");
    store.forget(third, false).await.unwrap();
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_broken_chain_in_a_file_stays_broken_and_its_jobs_can_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jobs.db");
    let jobs = three_sendings(&numcheck_bulk::Sqlite::open(&path, reader()).unwrap()).await;
    assert_eq!(rusqlite::Connection::open(&path).unwrap().execute(DAMAGE, []).unwrap(), 1);
    stays_broken_and_can_be_forgotten(&numcheck_bulk::Sqlite::open(&path, reader()).unwrap(), jobs).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_broken_chain_on_a_server_stays_broken_and_its_jobs_can_be_forgotten() {
    let Some(cluster) = numcheck_testing::postgres::Cluster::shared() else { return };
    let store =
        numcheck_bulk::Postgres::open(&cluster.database("broken_chain").await, reader()).await.unwrap();
    let jobs = three_sendings(&store).await;
    cluster.admin("broken_chain", &format!("SET search_path = numcheck; {DAMAGE}")).await;
    stays_broken_and_can_be_forgotten(&store, jobs).await;
}

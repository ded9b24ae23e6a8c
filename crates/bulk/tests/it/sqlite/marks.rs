//! Marks share commits with results and with each other.

use futures_util::future::{join, join_all};
use numcheck_bulk::Store;
use numcheck_bulk::store::Source;
use rusqlite::Connection;

use super::File;
use super::conformance::Place;
use super::conformance::made::*;

#[tokio::test]
async fn a_mark_that_fails_harms_no_other_and_no_result_that_is_stored_with_it() {
    let file = File::new();
    let store = file.open().await;
    let (sound, damaged) = (planned(&*store, 1, &[40]).await, planned(&*store, 2, &[40]).await);
    let sound = try_claim(&*store, sound.id, T0).await.unwrap();
    let damaged = try_claim(&*store, damaged.id, T0).await.unwrap();
    drop(store);
    let raw = Connection::open(file.path()).unwrap();
    raw.execute("UPDATE batches SET job = 99 WHERE id = ?", [damaged.batch]).unwrap();
    drop(raw);

    let store = file.open().await;
    let pairs = sound.numbers.iter().zip(&damaged.numbers);
    let calls = pairs.map(|(number, other)| {
        let reply = result(sound.batch_no.as_str(), Source::Reply, Push::of(&sound.batch_no, *number).body());
        join(
            join(
                store.mark(damaged.batch, damaged.claim, *other, T0),
                store.mark(sound.batch, sound.claim, *number, T0),
            ),
            store.append(vec![reply]),
        )
    });
    for ((failed, marked), stored) in join_all(calls).await {
        assert!(failed.is_err() && marked.unwrap());
        stored.unwrap();
    }
    store.end_each(sound.batch, sound.claim, Vec::new(), T0).await.unwrap();
    let job = store.job(&name(1)).await.unwrap().unwrap();
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (40, 0, 0));
}

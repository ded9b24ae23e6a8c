//! Results with content that a database may choke on: none holds up those behind it.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{Postgres, Store};

use crate::postgres::fixture::{accepted, batch_no, fold_all, number, pushed, result, rows};
use numcheck_testing::postgres::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_content_of_a_result_holds_up_the_others() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("odd_content").await, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 6).await;
    let batch_no = batch_no(&job, 0);
    let body = |row: u64, region: &str, price: &str| {
        let phone = number(row);
        let phone = phone.digits();
        format!(
            r#"{{"code":0,"phone":"{phone}","data":{{"basic":{{"regionCode":"{region}"}}}},"cost":{{"price":{price},"currency":"USD"}}}}"#
        )
    };
    let odd = vec![
        pushed(&batch_no, body(0, r"C\u0000N", "0.01").as_bytes()),
        pushed(&batch_no, body(1, &"R".repeat(60_000), "0.01").as_bytes()),
        pushed(&batch_no, body(2, "中国", "100000").as_bytes()),
        pushed(&batch_no, body(3, "'; DROP TABLE results; --", "92233720368").as_bytes()),
        pushed(&batch_no, body(4, "", "-92233720368").as_bytes()),
        pushed(&batch_no, b"\0\xff\xfe not a result \0"),
        pushed("a\0name", b"{}"),
        pushed(&"n".repeat(100_000), b""),
        result(&batch_no, 5),
    ];
    // In one commit, and each in its own fold.
    store.append(odd).await.unwrap();
    let folded = fold_all(&store, 1).await;
    assert_eq!((folded.seen, folded.first, folded.strays), (9, 6, 3));
    assert!(rows(&store, &job).await.iter().all(|row| row.result.is_some()));
    let kept = store.quarantine(0, 10).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert_eq!(kept[0].body, b"\0\xff\xfe not a result \0");
    assert_eq!(kept[1].batch_no, "a\0name");
    let ledger = store.ledger(job.id).await.unwrap();
    // Of two prices nobody believes either.
    let counted = ledger.costs.values().next().unwrap().count;
    assert_eq!((ledger.settled, counted, ledger.unpriced), (6, 4, 2));
    store.prices().await.unwrap();
}

//! A process that is killed in the middle of its work: what it reported as done is there.

use numcheck_bulk::conformance::reader::reader;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{BatchEnd, BatchState, Inbox, Sqlite, Store, SystemWallClock};

use super::File;
use super::conformance::Place;
use super::conformance::made::*;
use super::faults::{child, said, say, told};

const HERE: &str = "sqlite::killed::what_was_reported_before_a_kill_is_there";
const BATCHES: usize = 200;

#[cfg(unix)]
#[tokio::test]
async fn what_was_reported_before_a_kill_is_there() {
    if let Some(path) = told() {
        return work(&path).await;
    }
    let file = File::new();
    let store = file.open().await;
    let job = planned(&*store, 1, &[10; BATCHES]).await;
    drop(store);
    let mut output = String::new();
    for round in 0..12_u64 {
        let mut process = child(HERE, &file.path(), None).spawn().unwrap();
        // However far it comes in this time: nothing depends on it.
        // why-sleep: the child is killed at a moment that nothing announces
        std::thread::sleep(Duration::from_millis(40 + round * 37 % 90));
        process.kill().unwrap();
        process.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        process.wait().unwrap();
        let store = file.open().await;
        fold(&*store).await;
        let done = said(&output);
        for fate in all_rows(&*store, job.id).await {
            let said = |what: String| done.contains(what.as_str());
            let (batch_no, digits) = (&fate.batch_no, fate.number.digits());
            assert!(fate.state != BatchState::Planned || !said(format!("claim {batch_no}")));
            assert!(fate.state == BatchState::Accepted || !said(format!("accept {batch_no}")));
            assert!(fate.result.is_some() || !said(format!("store {batch_no} {digits}")));
        }
        check(&*store, job.id).await;
    }
    let done = said(&output);
    assert!(done.iter().any(|what| what.starts_with("store")), "the kills came too early to prove anything");
}

/// Sends and receives with eight hands, and says what is done.
async fn work(path: &Path) {
    let store = Arc::new(Sqlite::open(path, reader()).unwrap());
    let job = store.job(&name(1)).await.unwrap().unwrap();
    let inbox = Inbox::new(Arc::clone(&store), Arc::new(SystemWallClock));
    let hands = (0..8).map(|_| async {
        while let Some(claimed) = try_claim(&*store, job.id, T0).await {
            let batch_no = claimed.batch_no.as_str();
            say(&format!("claim {batch_no}"));
            let end = BatchEnd::Accepted { message_id: None };
            store.end(claimed.batch, claimed.claim, end, T0).await.unwrap();
            say(&format!("accept {batch_no}"));
            for number in &claimed.numbers {
                inbox.store(batch_no, &Push::of(&claimed.batch_no, *number).body()).await.unwrap();
                say(&format!("store {batch_no} {}", number.digits()));
            }
            inbox.fold_all().await.unwrap();
        }
    });
    futures_util::future::join_all(hands).await;
}

//! A program that reads more than the one before it.

use std::sync::Arc;

use numcheck_bulk::conformance::made::{Push, accepted, check, enter, planned};
use numcheck_bulk::conformance::reader::{MadeUp, reader};
use numcheck_bulk::store::Source;
use numcheck_bulk::store::reading::{Facts, ReadResults};
use numcheck_bulk::{Inbox, Sqlite, Store, SystemWallClock};

use super::File;

/// Knows no spelling of a phone number but digits, and none of a message but one.
struct Early;

impl ReadResults for Early {
    fn read(&self, service: &str, source: Source, body: &[u8]) -> Option<Facts> {
        let facts = MadeUp.read(service, source, body)?;
        body.windows(4).all(|part| part != b"\"+86").then_some(facts)
    }
}

#[tokio::test]
async fn results_are_entered_that_the_next_release_can_read() {
    let file = File::new();
    let early = Arc::new(Sqlite::open(&file.path(), Arc::new(Early)).unwrap());
    let job = planned(&*early, 1, &[3]).await;
    let claimed = accepted(&*early, &job).await;
    let mut results = Vec::new();
    for number in &claimed.numbers {
        let mut push = Push::of(&claimed.batch_no, *number).pushed();
        let body = String::from_utf8(push.body).unwrap();
        push.body = body.replace("\"phone\":\"", "\"phone\":\"+").into_bytes();
        results.push(push);
    }
    results[2].body = b"unreadable".to_vec();
    assert_eq!(enter(&*early, results).await, [0, 0, 0, 3]);
    let inbox = Inbox::new(Arc::clone(&early), Arc::new(SystemWallClock));
    let reread = inbox.reread_all().await.unwrap();
    assert_eq!((reread.seen, reread.entered.seen), (3, 0));
    drop((inbox, early));

    let next = Arc::new(Sqlite::open(&file.path(), reader()).unwrap());
    let inbox = Inbox::new(Arc::clone(&next), Arc::new(SystemWallClock));
    let reread = inbox.reread_all().await.unwrap();
    assert_eq!((reread.seen, reread.entered.seen, reread.entered.first), (3, 2, 2));
    let ledger = check(&*next, job.id).await;
    assert_eq!((ledger.settled, ledger.pending), (2, 1));
    assert_eq!(inbox.reread_all().await.unwrap().entered.seen, 0);
    let kept = next.quarantine(0, 9).await.unwrap();
    assert_eq!(kept.into_iter().map(|odd| odd.body).collect::<Vec<_>>(), [b"unreadable"]);
    assert_eq!(check(&*next, job.id).await, ledger);
}

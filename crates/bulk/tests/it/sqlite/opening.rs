//! Opening: a new file, somebody else's, a newer release's; and by many at once.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Skip;
use numcheck_bulk::{Sqlite, Store, StoreError};

use super::File;
use super::conformance::Place;
use super::conformance::made::*;

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let file = File::new();
    let store = file.open().await;
    planned(&*store, 1, &[3]).await;
    let files: Vec<_> = std::fs::read_dir(file.0.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2, "the journal stands beside the file");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

#[test]
fn many_may_make_the_same_file_at_the_same_time() {
    for _ in 0..10 {
        let file = File::new();
        std::thread::scope(|scope| {
            let opening: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Sqlite::open(&file.path(), reader()).map(drop))).collect();
            for opened in opening {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let file = File::new();
    let text = b"phone\n8613800000000\n".repeat(100);
    std::fs::write(file.path(), &text).unwrap();
    assert!(matches!(Sqlite::open(&file.path(), reader()), Err(StoreError::Database { .. })));
    assert_eq!(std::fs::read(file.path()).unwrap(), text);
}

#[test]
fn a_database_of_something_else_is_refused_and_left_as_it_is() {
    let file = File::new();
    let other = rusqlite::Connection::open(file.path()).unwrap();
    other.execute_batch("CREATE TABLE jobs (id INTEGER); PRAGMA user_version = 1;").unwrap();
    drop(other);
    let before = std::fs::read(file.path()).unwrap();
    let refused = Sqlite::open(&file.path(), reader());
    assert!(matches!(refused, Err(StoreError::NotAStore)), "{refused:?}");
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
}

#[test]
fn a_store_of_a_newer_release_is_refused_with_both_versions() {
    let file = File::new();
    drop(Sqlite::open(&file.path(), reader()).unwrap());
    let newer = rusqlite::Connection::open(file.path()).unwrap();
    let known: i64 = newer.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    newer.pragma_update(None, "user_version", known + 1).unwrap();
    drop(newer);
    let before = file.bytes();
    match Sqlite::open(&file.path(), reader()) {
        Err(StoreError::TooNew { found, known: mine, .. }) => assert_eq!((found, mine), (known + 1, known)),
        other => panic!("{other:?}"),
    }
    assert_eq!(file.bytes(), before, "it is left as it is, and nothing stands beside it");
}

#[test]
fn a_folder_that_is_not_there_is_an_error_of_one_line() {
    let error = Sqlite::open(std::path::Path::new("/nowhere/at/all/jobs.db"), reader()).unwrap_err();
    assert!(!error.to_string().contains('\n') && std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_store_that_was_damaged_says_so() {
    let file = File::new();
    let store = file.open().await;
    let job = planned(&*store, 1, &[2]).await;
    drop(store);
    let damage = rusqlite::Connection::open(file.path()).unwrap();
    damage.execute("UPDATE numbers SET packed = 7 WHERE first_row = 0", []).unwrap();
    damage.execute("INSERT INTO costs VALUES (?, 0, 'USD', 1, 'much')", [job.id]).unwrap();
    drop(damage);
    let store = file.open().await;
    // A number left out of a request, or an amount out of a sum, would be a loss that nobody sees.
    let next = store.next_batch(job.id, &Skip::default()).await.unwrap().unwrap();
    let claimed = store.claim(next.batch, "sender", u64::MAX, T0).await;
    assert!(matches!(claimed, Err(StoreError::Damaged { .. })));
    assert!(matches!(store.rows(job.id, None, 9).await, Err(StoreError::Damaged { .. })));
    assert!(matches!(store.ledger(job.id).await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn money_that_cannot_be_read_is_damage_and_never_nothing() {
    let spoil = |file: &File, sql: &str| {
        assert_eq!(rusqlite::Connection::open(file.path()).unwrap().execute(sql, []).unwrap(), 1);
    };
    for sql in [
        "UPDATE costs SET amount = 'much'",
        "UPDATE charges SET amount = 'much'",
        "UPDATE prices SET price = 'much'",
    ] {
        let file = File::new();
        let store = file.open().await;
        let job = planned(&*store, 1, &[2]).await;
        let claimed = accepted(&*store, &job).await;
        let push = |at: usize| Push::of(&claimed.batch_no, claimed.numbers[at]).pushed();
        assert_eq!(enter(&*store, vec![push(0)]).await, [1, 0, 0, 0]);
        drop(store);
        spoil(&file, sql);
        let store = file.open().await;
        store.append(vec![push(1)]).await.unwrap();
        let entered = store.fold(10).await;
        assert!(matches!(entered, Err(StoreError::Damaged { .. })), "{sql}: {entered:?}");
        // Nothing that was paid for is lost by it.
        assert_eq!(store.rows(job.id, None, 10).await.unwrap().len(), 2);
    }
}

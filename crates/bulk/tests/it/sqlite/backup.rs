//! A backup is one whole store, made while others write; a restored one is not paid from before it is adopted.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{Sqlite, Store, StoreError};

use super::File;
use super::conformance::Place;
use super::conformance::made::*;
use super::rest::existing;

fn restore(backup: &File, to: &File) -> Result<bool, StoreError> {
    Sqlite::restore(&backup.path(), &to.path(), &reader())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_whole_and_of_one_moment_while_others_write() {
    let (file, copy) = (File::new(), File::new());
    let store = file.open().await;
    let job = planned(&*store, 1, &[200]).await;
    let claimed = accepted(&*store, &job).await;
    let writer = file.open().await;
    let writing = async {
        for number in &claimed.numbers {
            writer.append(vec![Push::of(&claimed.batch_no, *number).pushed()]).await.unwrap();
        }
    };
    let to = copy.path();
    let (made, ()) = tokio::join!(store.back_up(&to, T0), writing);
    assert!(made.unwrap());
    assert!(!store.back_up(&copy.path(), T0 + 1).await.unwrap(), "no file is replaced");
    fold(&*store).await;
    assert_eq!(Sqlite::exposed_files(&copy.path()), Vec::<std::path::PathBuf>::new());
    // It opens by itself, with the original still open.
    let copied = existing(&copy).unwrap();
    assert_eq!(copied.copied_ms().await.unwrap(), Some(T0));
    assert_eq!(store.copied_ms().await.unwrap(), None);
    fold(&copied).await;
    check(&copied, job.id).await;
}

#[tokio::test]
async fn a_restored_store_knows_what_the_backup_knew_and_sends_nothing_until_it_is_adopted() {
    let (file, copy, restored) = (File::new(), File::new(), File::new());
    let store = file.open().await;
    let job = planned(&*store, 1, &[1, 1]).await;
    accepted(&*store, &job).await;
    assert!(store.back_up(&copy.path(), T0).await.unwrap());
    // What the backup does not know.
    accepted(&*store, &job).await;
    drop(store);
    let before = std::fs::read(copy.path()).unwrap();
    assert!(restore(&copy, &restored).unwrap());
    assert!(!restore(&copy, &restored).unwrap(), "no store is replaced");
    assert_eq!(std::fs::read(copy.path()).unwrap(), before, "the backup stays as it is");
    let store = restored.open().await;
    assert_eq!(store.copied_ms().await.unwrap(), Some(T0));
    let next = store.next_batch(job.id, &Default::default()).await.unwrap().unwrap();
    assert!(matches!(store.claim(next.batch, "sender", 9, T0).await, Err(StoreError::Copy { .. })));
    store.adopt().await.unwrap();
    assert!(store.claim(next.batch, "sender", 9, T0).await.unwrap().is_some());
    check(&*store, job.id).await;
}

#[tokio::test]
async fn a_copy_by_other_means_is_a_copy_once_it_is_restored() {
    let (file, copy, restored) = (File::new(), File::new(), File::new());
    let store = file.open().await;
    planned(&*store, 1, &[1]).await;
    drop(store);
    std::fs::copy(file.path(), copy.path()).unwrap();
    assert!(restore(&copy, &restored).unwrap());
    assert!(existing(&restored).unwrap().copied_ms().await.unwrap().is_some_and(|made_ms| made_ms > T0));
}

#[tokio::test]
async fn what_is_not_whole_or_no_store_or_beside_a_strange_journal_is_not_restored() {
    let (file, restored) = (File::new(), File::new());
    std::fs::write(file.path(), "").unwrap();
    assert!(matches!(restore(&file, &restored), Err(StoreError::Emptied { .. })));
    std::fs::write(file.path(), "not a database, but longer than nothing").unwrap();
    assert!(restore(&file, &restored).is_err());
    std::fs::remove_file(file.path()).unwrap();
    let store = file.open().await;
    planned(&*store, 1, &[1]).await;
    // Somebody has it open.
    assert!(restore(&file, &restored).is_err());
    assert!(!restored.path().exists());
    drop(store);
    let journal = restored.0.path().join("jobs.db-wal");
    std::fs::write(&journal, "of another store").unwrap();
    assert!(matches!(restore(&file, &restored), Err(StoreError::ForeignJournal { .. })));
    assert!(!restored.path().exists());
    std::fs::remove_file(journal).unwrap();
    assert!(restore(&file, &restored).unwrap());
}

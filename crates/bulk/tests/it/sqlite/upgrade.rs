//! Bringing an older release's store up to date: alone, after a backup, with nothing lost.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{Sqlite, Store, StoreError, Upgrade};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::File;
use super::conformance::made::*;
use super::rest::existing;
use super::versions::fixture;

/// A store of version 1, open in an older release; its journal holds a part of it.
fn open_in_an_older_release(file: &File) -> Connection {
    let old = Connection::open(file.path()).unwrap();
    // A process that ends does not close it.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    old.execute_batch(&std::fs::read_to_string(fixture(1)).unwrap()).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute("UPDATE jobs SET created_ms = 77 WHERE id = 1", []).unwrap();
    old
}

fn versions(file: &std::path::Path) -> i64 {
    Connection::open(file).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn upgraded(file: &File) -> (Sqlite, Vec<Upgrade>) {
    let mut events = Vec::new();
    let store = Sqlite::open_existing(&file.path(), reader(), &mut |event| events.push(event)).unwrap();
    (store, events)
}

#[tokio::test]
async fn a_store_of_an_older_release_is_backed_up_and_then_brought_up_to_date() {
    let file = File::new();
    drop(open_in_an_older_release(&file));
    assert!(file.0.path().join("jobs.db-wal").exists());
    let (store, events) = upgraded(&file);
    let backup = file.0.path().canonicalize().unwrap().join("jobs.db.v1.bak");
    let at = |wanted: &Upgrade| events.iter().position(|event| event == wanted).unwrap();
    assert_eq!(at(&Upgrade::BackedUp(backup.clone())), 0);
    assert!(matches!(events[1], Upgrade::Changing { version: 2, .. }), "{events:?}");
    assert_eq!(at(&Upgrade::Done), events.len() - 1);

    // What was in its journal is in both.
    let job = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!((job.created_ms, all_rows(&store, job.id).await.len()), (77, 9));
    assert!(row(&store, job.id, 0).await.result.is_some(), "results from before are there");
    assert_eq!(store.quarantine(0, 9).await.unwrap().len(), 2);
    drop(store);
    let created: i64 = Connection::open(&backup)
        .unwrap()
        .query_row("SELECT created_ms FROM jobs WHERE id = 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!((versions(&backup), created), (1, 77));

    let mut names: Vec<_> =
        std::fs::read_dir(file.0.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["jobs.db", "jobs.db.v1.bak"]);
    let (_, events) = upgraded(&file);
    assert_eq!(events, [], "once is enough");
}

#[tokio::test]
async fn the_backup_opens_as_a_store_and_is_never_replaced() {
    let file = File::new();
    std::fs::write(file.0.path().join("jobs.db.v1.bak"), b"somebody's").unwrap();
    drop(open_in_an_older_release(&file));
    drop(upgraded(&file));
    assert_eq!(std::fs::read(file.0.path().join("jobs.db.v1.bak")).unwrap(), b"somebody's");
    let backup = file.0.path().join("jobs.db.v1.2.bak");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let other = File::new();
    std::fs::copy(&backup, other.path()).unwrap();
    let store = existing(&other).unwrap();
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().created_ms, 77);
}

#[tokio::test]
async fn a_store_that_an_older_release_has_open_is_refused_and_not_changed() {
    let file = File::new();
    let old = open_in_an_older_release(&file);
    let error = existing(&file).unwrap_err();
    assert!(matches!(error, StoreError::InUse), "{error:?}");
    // It goes on as if nothing had been.
    old.execute("UPDATE jobs SET created_ms = 78 WHERE id = 1", []).unwrap();
    let version: i64 = old.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
    assert!(!file.0.path().join("jobs.db.v1.bak").exists());
    drop(old);
    let store = existing(&file).unwrap();
    assert_eq!(store.job(&name(1)).await.unwrap().unwrap().created_ms, 78);
}

#[test]
fn of_many_who_bring_a_store_up_to_date_one_does() {
    for _ in 0..3 {
        let file = File::new();
        drop(open_in_an_older_release(&file));
        let backups = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..4).map(|_| scope.spawn(|| upgraded(&file).1)).collect();
            let events = opening.into_iter().flat_map(|opening| opening.join().unwrap());
            events.filter(|event| matches!(event, Upgrade::BackedUp(_))).count()
        });
        assert_eq!(backups, 1);
        let names = std::fs::read_dir(file.0.path()).unwrap().count();
        assert_eq!(names, 2, "the store and its backup");
    }
}

#[test]
fn an_older_store_without_its_journal_is_opened_with_a_warning() {
    let file = File::new();
    let old = open_in_an_older_release(&file);
    // Its last connection takes the journal in and removes it; no mark says so.
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).unwrap();
    drop(old);
    let (_, events) = upgraded(&file);
    assert_eq!(events.first(), Some(&Upgrade::Unproven));
}

#[test]
fn a_backup_that_cannot_be_made_leaves_the_store_as_it_was() {
    let file = File::new();
    drop(open_in_an_older_release(&file));
    // A folder that stands where every link of a backup would go has no end; one that cannot be written to has.
    let text = "x".repeat(240);
    let long = file.0.path().join(format!("{text}.db"));
    for suffix in ["", "-wal"] {
        std::fs::rename(
            file.0.path().join(format!("jobs.db{suffix}")),
            file.0.path().join(format!("{text}.db{suffix}")),
        )
        .unwrap();
    }
    let error = Sqlite::open_existing(&long, reader(), &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("backup"), "{error}");
    assert_eq!(versions(&long), 1);
}

//! What is said about a file: its version, before anything is brought up to date, and whether it is damaged.

use std::io::{Seek, SeekFrom, Write};

use numcheck_bulk::{Sqlite, StoreError};
use rusqlite::Connection;

use super::File;
use super::conformance::Place;
use super::conformance::made::*;
use super::rest::existing;
use super::versions::fixture;

#[tokio::test]
async fn the_version_is_told_and_the_file_is_left_as_it_is() {
    let file = File::new();
    assert!(matches!(Sqlite::version(&file.path()), Err(StoreError::Missing { .. })));
    let old = Connection::open(file.path()).unwrap();
    old.execute_batch(&std::fs::read_to_string(fixture(1)).unwrap()).unwrap();
    old.close().unwrap();
    let before = std::fs::read(file.path()).unwrap();
    assert_eq!(Sqlite::version(&file.path()).unwrap(), 1);
    assert_eq!(std::fs::read(file.path()).unwrap(), before);

    let file = File::new();
    let store = file.open().await;
    assert_eq!(Sqlite::version(&file.path()).unwrap(), Sqlite::KNOWN_VERSION, "while it is open");
    drop(store);
    assert_eq!(Sqlite::version(&file.path()).unwrap(), Sqlite::KNOWN_VERSION, "at rest");
}

#[tokio::test]
async fn damage_is_found() {
    let file = File::new();
    let store = file.open().await;
    planned(&*store, 1, &[500, 500, 500]).await;
    assert_eq!(store.damage().await.unwrap(), Vec::<String>::new());
    drop(store);
    let mut raw = std::fs::OpenOptions::new().write(true).open(file.path()).unwrap();
    raw.seek(SeekFrom::End(-4096)).unwrap();
    raw.write_all(&[0xff; 4096]).unwrap();
    drop(raw);
    let store = existing(&file).unwrap();
    let damage = store.damage().await.unwrap();
    assert!(!damage.is_empty() && damage.len() <= 10, "{damage:?}");
}

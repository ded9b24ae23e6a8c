//! Stores that older releases wrote. `NUMCHECK_WRITE_FIXTURES=1` writes the newest version's fixture; one that was released is never
//! written again.

use std::fmt::Write as _;
use std::path::PathBuf;

use numcheck_bulk::store::Source;
use numcheck_bulk::{BatchState, JobState, Outcome, Store};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::File;
use super::conformance::Place;
use super::conformance::made::*;

const NEWEST: i64 = 4;

pub(super) fn fixture(version: i64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/store-v{version}.sql"))
}

/// A store with a batch in every state, results entered and waiting, and everything else that a store can hold.
async fn with_everything(file: &File) {
    let store = file.open().await;
    let job = store.create_job(&name(1), &spec(1), T0).await.unwrap();
    store.add_input(job.id, 0, b"phone\n\xff\n".to_vec()).await.unwrap();
    store.add_batches(job.id, batches(1, &[3, 1, 1, 1, 1, 1])).await.unwrap();
    let duplicate = numcheck_bulk::store::Duplicate { row: 8, first: 0 };
    store.add_duplicates(job.id, vec![duplicate]).await.unwrap();
    let job = store.finish_plan(job.id, 9).await.unwrap();
    let first = accepted(&*store, &job).await;
    let push = Push::of(&first.batch_no, first.numbers[0]);
    let failed = Push::failed(&first.batch_no, first.numbers[1]);
    let conflict = Push { carrier: "another".into(), ..push.clone() };
    let stray = result("nobody", Source::Push, b"\x00?".to_vec());
    enter(&*store, vec![push.pushed(), push.pushed(), failed.pushed(), conflict.pushed(), stray]).await;
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, refusal()).await;
    let in_doubt = claim(&*store, &job, T0).await;
    end(&*store, &in_doubt, doubt()).await;
    let missing = accepted(&*store, &job).await;
    store.mark_missing(missing.batch, missing.claim).await.unwrap();
    let marked = claim(&*store, &job, T0).await;
    assert!(store.mark(marked.batch, marked.claim, marked.numbers[0], T0).await.unwrap());
    store.append(vec![Push::of(&first.batch_no, first.numbers[2]).fetched()]).await.unwrap();

    let gone = planned(&*store, 2, &[1]).await;
    accepted(&*store, &gone).await;
    store.append(vec![Push::of(&first.batch_no, first.numbers[2]).fetched()]).await.unwrap();
    store.create_job(&name(3), &spec(3), T0).await.unwrap();
    store.secret("receiver", vec![1, 2, 3, 0xff]).await.unwrap();
    store.take_turn("submit", 100, T0).await.unwrap();
    store.learn("dialect", "v2").await.unwrap();
    let drift =
        numcheck_protocol::Drift::new("ResultPush.fresh", numcheck_protocol::DriftKind::NewField, None);
    store.note_drift(job.id, vec![drift]).await.unwrap();
}

#[tokio::test]
async fn a_store_of_version_1_opens_and_nothing_in_it_is_lost() {
    if std::env::var_os("NUMCHECK_WRITE_FIXTURES").is_some() {
        let file = File::new();
        with_everything(&file).await;
        std::fs::write(fixture(NEWEST), dump(&file)).unwrap();
    }
    let file = File::new();
    let sql = std::fs::read_to_string(fixture(1)).unwrap();
    Connection::open(file.path()).unwrap().execute_batch(&sql).unwrap();

    let store = file.open().await;
    let job = store.job(&name(1)).await.unwrap().unwrap();
    assert_eq!(
        (job.state, job.rows, job.numbers, job.spec.notes.clone()),
        (JobState::Open, 9, 8, spec(1).notes)
    );
    assert_eq!(store.input(job.id, 0).await.unwrap().unwrap(), b"phone\n\xff\n");
    let ledger = check(&*store, job.id).await;
    let figures =
        [ledger.settled, ledger.failed, ledger.refused, ledger.in_doubt, ledger.missing, ledger.pending];
    assert_eq!((figures, ledger.planned), ([1, 1, 1, 1, 1, 2], 1));
    assert_eq!(ledger.costs[&(Outcome::Done, currency("USD"))].amount, price("0.1912"));
    assert_eq!(store.quarantine(0, 9).await.unwrap().len(), 2);
    assert_eq!(store.prices().await.unwrap().get(5, "CN"), Some((currency("USD"), price("0.1912"))));
    let rows = all_rows(&*store, job.id).await;
    assert_eq!(rows.len(), 9);
    assert!(rows[8].duplicate && rows[8].result == rows[0].result && rows[0].result.is_some());

    // It goes on where it was left.
    assert_eq!(fold(&*store).await, [1, 1, 0, 0], "two results waited");
    let open = store.open_batches(job.id).await.unwrap();
    let sending = open.iter().find(|open| open.state == BatchState::Sending).unwrap();
    assert!(store.give_up(sending.batch, sending.claim).await.unwrap());
    let next = claim(&*store, &job, T0).await;
    assert_eq!(next.batch_no, named(1, 6));
    enter(&*store, vec![Push::of(&next.batch_no, next.numbers[0]).pushed()]).await;
    let ledger = check(&*store, job.id).await;
    assert_eq!((ledger.settled, ledger.in_doubt, ledger.planned), (3, 2, 0));
    assert_eq!(store.secret("receiver", vec![9]).await.unwrap(), [1, 2, 3, 0xff]);
    assert_eq!(store.take_turn("submit", 100, T0).await.unwrap(), 100);
    assert_eq!(store.job(&name(3)).await.unwrap().unwrap().state, JobState::Planning);
    let other = store.job(&name(2)).await.unwrap().unwrap();
    store.forget(other.id, true).await.unwrap();
    assert_eq!(row(&*store, job.id, 3).await.state, BatchState::Refused);
}

/// So that a step which was released is never edited: it would be found here, and not by somebody's store.
#[tokio::test]
async fn a_store_that_was_brought_up_to_date_has_the_tables_of_a_new_one() {
    let new = File::new();
    drop(new.open().await);
    for version in 1..=NEWEST {
        let old = File::new();
        let sql = std::fs::read_to_string(fixture(version)).unwrap();
        Connection::open(old.path()).unwrap().execute_batch(&sql).unwrap();
        drop(old.open().await);
        assert_eq!(tables(&old), tables(&new), "version {version}");
    }
    let newest: i64 = Connection::open(new.path())
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(newest, NEWEST, "a new version needs a fixture of its own");
}

fn tables(file: &File) -> Vec<String> {
    let store = Connection::open(file.path()).unwrap();
    let mut select = store.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The file as SQL, which a person can read and compare.
fn dump(file: &File) -> String {
    let store = Connection::open(file.path()).unwrap();
    let pragma = |name| store.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let (version, application) = (pragma("user_version"), pragma("application_id"));
    let mut sql = format!("-- A store of version {version}. Written by a release; never edited.\n");
    let of_schema = |sql: &str| -> Vec<(String, String)> {
        let mut select = store.prepare(sql).unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let schema = of_schema(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    );
    for (_, create) in &schema {
        writeln!(sql, "{create};").unwrap();
    }
    let tables = of_schema("SELECT name, '' FROM sqlite_schema WHERE type = 'table' ORDER BY rowid");
    for (table, _) in tables {
        let mut select = store.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|at| literal(row.get_ref(at).unwrap())).collect();
            writeln!(sql, "INSERT INTO {table} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    writeln!(sql, "PRAGMA application_id = {application};\nPRAGMA user_version = {version};").unwrap();
    sql
}

fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(text) => format!("'{}'", std::str::from_utf8(text).unwrap().replace('\'', "''")),
        ValueRef::Blob(bytes) => {
            let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            format!("x'{hex}'")
        }
    }
}

//! Stores that older releases made.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::store::Skip;
use numcheck_bulk::{BatchState, BookState, JobState, Outcome, Postgres, Reuse, Scope, Store};
use numcheck_protocol::PhoneNumber;

use crate::postgres::fixture::{NOW, fold_all, number, rows};
use numcheck_testing::postgres::Cluster;

const V2: &str = include_str!("../../fixtures/postgres-v2.sql");

/// A phone number of the fixture.
fn phone(at: u64) -> PhoneNumber {
    number(100_000 + at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_version_2_is_brought_up_to_date_and_nothing_in_it_is_lost() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("version_2").await;
    cluster.admin("version_2", V2).await;
    let store = Postgres::open(&url, reader()).await.unwrap().by_the_callers_clock();
    let version = cluster.admin("version_2", "SELECT version FROM numcheck.version").await;
    assert_eq!(version, [[Some("4".to_owned())]]);

    let jobs = store.jobs().await.unwrap();
    let [_, planning, second, first] = &jobs[..] else { panic!("{jobs:?}") };
    let scope = Scope::new("acc", Scope::NUMBER_CHECK, 5);
    assert_eq!((&first.spec.scope, first.spec.reuse), (&scope, Reuse::ALL));
    assert_eq!(first.spec.notes["file"], "numbers.csv");
    assert_eq!((planning.state, planning.spec.scope.level), (JobState::Planning, 3));

    // Every sending of the last release is in the book: settled, in doubt, missing, under way; what was refused or planned is not.
    let known = store.look_up(&scope, (0..8).map(phone).collect()).await.unwrap();
    let known: Vec<_> =
        known.iter().map(|known| known.map(|known| (known.state, known.job, known.at_ms))).collect();
    let expected = [
        Some((BookState::Settled(Outcome::Done), second.id, NOW + 5005)),
        Some((BookState::Settled(Outcome::Passing), first.id, NOW + 5002)),
        Some((BookState::UnderWay, first.id, NOW + 61_000)),
        None,
        Some((BookState::InDoubt, first.id, NOW + 61_000)),
        Some((BookState::InDoubt, first.id, NOW + 61_000)),
        Some((BookState::UnderWay, first.id, NOW + 180_000)),
        None,
    ];
    assert_eq!(known, expected);
    let history = store.history(phone(0)).await.unwrap();
    let sendings: Vec<_> = history.iter().map(|sending| &*sending.batch_no).collect();
    assert_eq!(sendings, ["b2-1", "b1-1"]);

    // Claims of the last release were signed at some time, and what was said in a reply is not ended by absence.
    let open = store.open_batches(first.id).await.unwrap();
    let doubt = open.iter().find(|open| open.state == BatchState::InDoubt).unwrap();
    let signed = doubt.signed.unwrap();
    assert_eq!((signed.first_ms, signed.last_ms), (NOW - 60_000, NOW + 61_000));
    assert!(doubt.from_reply && doubt.claim > 0);
    let sending = open.iter().find(|open| open.state == BatchState::Sending).unwrap();
    assert_eq!(sending.signed.unwrap().last_ms, NOW + 180_000);
    assert!(store.give_up(sending.batch, sending.claim).await.unwrap());

    // It goes on where it was left.
    assert_eq!(fold_all(&store, 10).await.first, 1);
    let ledger = store.ledger(first.id).await.unwrap();
    assert_eq!((ledger.settled, ledger.failed, ledger.refused, ledger.planned), (2, 1, 1, 1));
    assert_eq!((ledger.in_doubt, ledger.missing), (2, 1));
    assert_eq!(rows(&store, first).await.len(), 9);
    let conflict = crate::postgres::fixture::pushed("b1-1", &store.quarantine(0, 1).await.unwrap()[0].body);
    store.append(vec![conflict]).await.unwrap();
    assert_eq!(fold_all(&store, 10).await.repeats, 1, "it was quarantined before");
    let next = store.next_batch(first.id, &Skip::default()).await.unwrap().unwrap();
    let claimed = store.claim(next.batch, "test", 1, NOW).await.unwrap().unwrap();
    assert!(claimed.claim > doubt.claim && claimed.numbers == [phone(7)]);
    assert_eq!(store.take_turn("submit", 100, NOW).await.unwrap(), 400);
    assert_eq!(store.secret("receiver", vec![9]).await.unwrap(), [1, 2, 3, 0xff]);
    assert_eq!(store.prices().await.unwrap().get(5, "CN").unwrap().1.to_string(), "0.1912");
    store.forget(first.id, true).await.unwrap();
}

/// The same store as the first version had it.
fn version_1() -> String {
    let (begin, rest) = V2.split_once("-- Numbers of a batch that the platform did not take").unwrap();
    let (_, data) = rest.split_once("\n\n").unwrap();
    let data: String = data
        .lines()
        .filter(|line| !line.starts_with("INSERT INTO learnt") && !line.starts_with("INSERT INTO drift"))
        .map(|line| line.replace("('submit', 1700000000400, 100)", "('submit', 1700000000400)") + "\n")
        .collect();
    begin.replace("INSERT INTO version VALUES (2)", "INSERT INTO version VALUES (1)") + &data
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_version_1_is_brought_up_to_date_too() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("version_1").await;
    cluster.admin("version_1", &version_1()).await;
    let store = Postgres::open(&url, reader()).await.unwrap().by_the_callers_clock();
    let scope = Scope::new("acc", Scope::NUMBER_CHECK, 5);
    let known = store.look_up(&scope, vec![phone(0), phone(3), phone(4)]).await.unwrap();
    let known: Vec<_> = known.iter().map(|known| known.map(|known| known.state)).collect();
    assert_eq!(known, [Some(BookState::Settled(Outcome::Done)), None, Some(BookState::InDoubt)]);
    assert_eq!(store.take_turn("submit", 100, NOW).await.unwrap(), 400);
    let new = cluster.database("version_1_new").await;
    drop(Postgres::open(&new, reader()).await.unwrap());
    assert_eq!(tables(&cluster, "version_1").await, tables(&cluster, "version_1_new").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_store_is_brought_up_to_date_its_tables_are_copied_beside_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("backed_up").await;
    cluster.admin("backed_up", V2).await;
    let all = "SELECT id, batch_no, state, message FROM SCHEMA.batches ORDER BY id";
    let before = cluster.admin("backed_up", &all.replace("SCHEMA", "numcheck")).await;
    drop(Postgres::open(&url, reader()).await.unwrap());
    let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'numcheck_backup_v2_%'";
    let schemas = cluster.admin("backed_up", schemas).await;
    let [[Some(schema)]] = &schemas.iter().map(|row| [row[0].clone()]).collect::<Vec<_>>()[..] else {
        panic!("{schemas:?}")
    };
    assert_eq!(cluster.admin("backed_up", &all.replace("SCHEMA", schema)).await, before);
    let results = |schema: &str| format!("SELECT count(*) FROM {schema}.results");
    assert_eq!(cluster.admin("backed_up", &results(schema)).await, [[Some("6".to_owned())]]);
    // A new one has nothing to be copied.
    let new = cluster.database("backed_up_new").await;
    assert!(Postgres::open(&new, reader()).await.unwrap().is_new());
    let again = Postgres::open(&new, reader()).await.unwrap();
    assert!(!again.is_new() && again.location().starts_with("database backed_up_new at "));
    let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'numcheck_backup%'";
    assert_eq!(cluster.admin("backed_up_new", schemas).await, Vec::<Vec<Option<String>>>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_the_last_release_cannot_claim_past_the_book() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("old_process").await;
    cluster.admin("old_process", V2).await;
    let (old, connection) =
        tokio_postgres::connect(&cluster.url("old_process"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    old.batch_execute("SET search_path = numcheck").await.unwrap();
    let claim = old
        .prepare("UPDATE batches SET state = 1, owner = 'old' WHERE state = 0 RETURNING id")
        .await
        .unwrap();
    drop(Postgres::open(&url, reader()).await.unwrap());
    assert!(old.query(&claim, &[]).await.is_err());
}

/// So that a step which was released is never edited: it would be found here, and not by somebody's store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_brought_up_to_date_has_the_tables_of_a_new_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let new = cluster.database("version_new").await;
    let old = cluster.database("version_old").await;
    cluster.admin("version_old", V2).await;
    for url in [&new, &old] {
        drop(Postgres::open(url, reader()).await.unwrap());
    }
    let tables = tables(&cluster, "version_new").await;
    assert!(tables.len() > 80, "{tables:?}");
    assert_eq!(self::tables(&cluster, "version_old").await, tables);
}

async fn tables(cluster: &Cluster, database: &str) -> Vec<Vec<Option<String>>> {
    let columns = "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
        WHERE table_schema = 'numcheck' ORDER BY 1, 2";
    let indexes = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'numcheck' ORDER BY 1, 2";
    let mut all = cluster.admin(database, columns).await;
    all.extend(cluster.admin(database, indexes).await);
    all
}

//! Opening a store: making it, finding it, and refusing what is none.

use numcheck_bulk::conformance::reader::reader;
use numcheck_bulk::{Postgres, Store, StoreError};
use tokio::task::JoinSet;

use crate::postgres::fixture::{accepted, all_of, claim, plan, rows};
use numcheck_testing::postgres::{Cluster, ENCODED};

async fn refused(url: &str) -> String {
    match Postgres::open(url, reader()).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => all_of(&error),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_processes_may_make_the_store_at_the_same_time() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("ten_makers").await;
    let mut makers = JoinSet::new();
    for _ in 0..10 {
        let url = url.clone();
        makers.spawn(async move { Postgres::open(&url, reader()).await.map(drop) });
    }
    for made in makers.join_all().await {
        made.unwrap();
    }
    assert_eq!(
        cluster.admin("ten_makers", "SELECT version FROM numcheck.version").await,
        [[Some("4".to_owned())]]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_kept_is_there_when_it_is_opened_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("opened_again").await;
    let store = Postgres::open(&url, reader()).await.unwrap();
    let job = accepted(&store, 1, 2, 3).await;
    let secret = store.secret("receiver", vec![1, 2, 3]).await.unwrap();
    drop(store);
    let store = Postgres::open(&url, reader()).await.unwrap();
    assert_eq!(store.jobs().await.unwrap(), std::slice::from_ref(&job));
    assert_eq!(rows(&store, &job).await.len(), 6);
    assert_eq!(store.secret("receiver", vec![4]).await.unwrap(), secret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_release_s_store_is_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("newer").await;
    drop(Postgres::open(&url, reader()).await.unwrap());
    cluster.admin("newer", "UPDATE numcheck.version SET version = 99").await;
    let error = Postgres::open(&url, reader()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 4, .. }), "{error:?}");
    assert_eq!(
        cluster.admin("newer", "SELECT version FROM numcheck.version").await,
        [[Some("99".to_owned())]]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_s_tables_are_left_alone_and_an_empty_schema_is_used() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("somebody_else").await;
    cluster.admin("somebody_else", "CREATE SCHEMA numcheck; CREATE TABLE numcheck.jobs (theirs text)").await;
    let error = Postgres::open(&url, reader()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAStore), "{error:?}");
    let tables =
        "SELECT relname FROM pg_class WHERE relnamespace = 'numcheck'::regnamespace AND relkind = 'r'";
    assert_eq!(cluster.admin("somebody_else", tables).await, [[Some("jobs".to_owned())]]);
    cluster.admin("somebody_else", "DROP TABLE numcheck.jobs").await;
    plan(&Postgres::open(&url, reader()).await.unwrap(), 1, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_only_use_the_tables_opens_and_uses_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("lesser_user").await;
    drop(Postgres::open(&url, reader()).await.unwrap());
    let sql = format!(
        "CREATE ROLE lesser LOGIN PASSWORD '{}'; GRANT USAGE ON SCHEMA numcheck TO lesser;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA numcheck TO lesser; GRANT USAGE ON ALL SEQUENCES IN SCHEMA numcheck TO lesser",
        numcheck_testing::postgres::PASSWORD
    );
    cluster.admin("lesser_user", &sql).await;
    let store = Postgres::open(&url.replace("numcheck:", "lesser:"), reader()).await.unwrap();
    let job = plan(&store, 1, 1, 1).await;
    assert!(claim(&store, &job, "lesser").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.admin("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await;
    let error = refused(&cluster.url("latin")).await;
    assert!(error.contains("the database is in LATIN1: make one with ENCODING 'UTF8'"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_promises_no_durability_is_refused() {
    let Some(cluster) = Cluster::start(&["fsync=off"]) else { return };
    let error = refused(&cluster.database("volatile").await).await;
    assert!(error.contains("fsync = off"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_synchronous_whatever_the_server_s_default_is() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("asynchronous").await;
    cluster.admin("asynchronous", "ALTER DATABASE asynchronous SET synchronous_commit = off").await;
    cluster
        .admin(
            "asynchronous",
            "ALTER DATABASE asynchronous SET default_transaction_isolation = 'serializable'",
        )
        .await;
    let store = Postgres::open(&url, reader()).await.unwrap();
    let job = accepted(&store, 1, 1, 1).await;
    // What a session of the store has is written down by a trigger.
    cluster
        .admin(
            "asynchronous",
            "CREATE TABLE public.seen (setting text);
             CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO public.seen VALUES (current_setting('synchronous_commit') || ' ' || current_setting('transaction_isolation'));
                 RETURN NULL;
             END $$;
             CREATE TRIGGER see AFTER INSERT ON numcheck.inbox EXECUTE FUNCTION public.see();
             CREATE TRIGGER see AFTER UPDATE ON numcheck.numbers EXECUTE FUNCTION public.see()",
        )
        .await;
    store
        .append(vec![crate::postgres::fixture::result(&crate::postgres::fixture::batch_no(&job, 0), 0)])
        .await
        .unwrap();
    assert_eq!(store.fold(10).await.unwrap().first, 1);
    let seen = cluster.admin("asynchronous", "SELECT * FROM public.seen").await;
    assert_eq!(seen, [[Some("on read committed".to_owned())], [Some("on read committed".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("postgres://numcheck:{ENCODED}@/none?host={}", dir.path().display());
    let error = Postgres::open(&url, reader()).await.unwrap_err();
    assert_eq!(error.to_string(), "the store could not open the database; nothing was changed");
}

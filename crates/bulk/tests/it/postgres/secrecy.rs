//! What must not be seen: the address, the password, a phone number, a result.

use numcheck_bulk::conformance::reader::reader;
use std::sync::Mutex;

use numcheck_bulk::{Postgres, Store};

use crate::postgres::fixture::{NOW, accepted, all_of, batch_no, fold_all, number, result, rows};
use numcheck_testing::postgres::{Cluster, ENCODED, PASSWORD};

/// Everything that any crate writes to the log, at every level.
struct Log;

static LOG: Log = Log;
static LINES: Mutex<String> = Mutex::new(String::new());

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push_str(&format!("{}: {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_number_nor_a_result_nor_the_password_is_logged() {
    let Some(cluster) = Cluster::shared() else { return };
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let store = Postgres::open(&cluster.database("logging").await, reader()).await.unwrap();
    let job = accepted(&store, 0x5ec2_e700, 1, 3).await;
    store.append(vec![result(&batch_no(&job, 0), 1)]).await.unwrap();
    fold_all(&store, 10).await;
    rows(&store, &job).await;
    store.secret("receiver", b"the receiver's key".to_vec()).await.unwrap();
    store.forget(job.id, true).await.unwrap();
    let lines = LINES.lock().unwrap().clone();
    assert!(lines.contains("executing statement"), "the driver logs what it does, and this test sees it");
    let packed = number(1).pack().to_string();
    let key = format!("{:?}", b"the receiver's key");
    for secret in [
        PASSWORD,
        ENCODED,
        number(1).digits(),
        &packed,
        "preCheck",
        "receiver's key",
        key.trim_matches(['[', ']']),
    ] {
        assert!(!lines.contains(secret), "{secret} was logged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_and_no_debug_shows_the_address() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("addresses").await;
    let store = Postgres::open(&url, reader()).await.unwrap();
    assert_eq!(format!("{store:?}"), "Postgres");
    for wrong in [
        url.replace(ENCODED, "hunter2"),
        url.replace("/addresses?", "/hunter2?"),
        url.replace("host=", "host=/hunter2"),
        url.replace(ENCODED, "hunter2@hunter2"),
        format!("{url}&hunter2=1"),
        format!("postgres://u:hunter2@127.0.0.1:1/{ENCODED}"),
        format!("postgres://u:hunter2@localhost:1/{ENCODED}?sslmode=verify-full"),
    ] {
        let error = Postgres::open(&wrong, reader()).await.unwrap_err();
        let all = all_of(&error);
        for secret in [PASSWORD, ENCODED, ":hunter2", "hunter2@", &cluster.socket().display().to_string()] {
            assert!(!all.contains(secret), "{all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_quotes_from_a_row_is_not_repeated() {
    let Some(cluster) = Cluster::shared() else { return };
    let store = Postgres::open(&cluster.database("quoting").await, reader()).await.unwrap();
    let name = numcheck_bulk::JobName::from_random([1; 8]);
    let spec = numcheck_bulk::JobSpec::new(
        crate::postgres::fixture::scope(),
        "set",
        numcheck_bulk::Delivery::Push,
        serde_json::Value::Null,
    );
    let job = store.create_job(&name, &spec, NOW).await.unwrap();
    let batches = |batch_no: &str, row| {
        let batch_no = numcheck_protocol::BatchNo::new(batch_no).unwrap();
        vec![numcheck_bulk::store::NewBatch {
            batch_no,
            group: "CN".to_owned(),
            numbers: vec![(number(7), row)],
        }]
    };
    store.add_batches(job.id, batches("nc-1", 0)).await.unwrap();
    // The row is another number's: the server's detail names the key.
    let all = all_of(&store.add_batches(job.id, batches("nc-2", 0)).await.unwrap_err());
    assert!(all.contains("SQLSTATE 23505"), "{all}");
    assert!(!all.contains("Key (") && !all.contains(number(7).digits()), "{all}");
    // And a row that a rule of the server refuses is quoted whole.
    cluster.admin("quoting", "ALTER TABLE numcheck.numbers ADD CHECK (first_row < 100)").await;
    let all = all_of(&store.add_batches(job.id, batches("nc-3", 100)).await.unwrap_err());
    assert!(all.contains("SQLSTATE 23514"), "{all}");
    assert!(!all.contains("Failing row") && !all.contains(&number(7).pack().to_string()), "{all}");
    // Nothing of it was kept.
    assert_eq!(store.finish_plan(job.id, 1).await.unwrap().numbers, 1);
    assert_eq!(rows(&store, &job).await.len(), 1);
}

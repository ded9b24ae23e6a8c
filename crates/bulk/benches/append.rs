//! Receiving, as far as a store goes: both stores on one machine, in one run. Look at the ratios.
//!
//! Each result is appended by a call of its own, as pushes come; a latency is the time until it is durable.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use numcheck_bulk::conformance::reader::reader;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use numcheck_bulk::store::{NewBatch, NewResult, Skip, Source};
use numcheck_bulk::{BatchEnd, Delivery, Job, JobName, JobSpec, Postgres, Scope, Sqlite, Store};
use numcheck_protocol::{BatchNo, PhoneNumber};
use numcheck_testing::postgres::Cluster;
use tokio::task::JoinSet;

/// The fastest that the platforms let anyone submit.
const PACE: u64 = 20_000;
const SECONDS: u64 = 5;
const IN_FLIGHT: u64 = 512;
const EACH: u64 = 2000;
const NUMBERS: u64 = PACE * SECONDS;
/// Results in one fold.
const SLICE: u32 = 256;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(cluster) = Cluster::start(&[]) else { return };
        let dir = tempfile::tempdir().unwrap();
        let postgres: Arc<dyn Store> =
            Arc::new(Postgres::open(&cluster.database("bench").await, reader()).await.unwrap());
        let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(&dir.path().join("jobs.db"), reader()).unwrap());
        println!(
            "{:<36} {:>9} {:>8} {:>8} {:>12} {:>12}",
            "", "a second", "p50 ms", "p99 ms", "CPU us each", "of server"
        );
        let sqlite = measure("SQLite", sqlite, None).await;
        let postgres = measure("PostgreSQL", postgres, Some(server(&cluster.data()))).await;
        println!("\nPostgreSQL / SQLite, a second:");
        for ((what, of_sqlite), (_, of_postgres)) in sqlite.iter().zip(&postgres) {
            println!("{what:<36} {:>9.2}", of_postgres / of_sqlite);
        }
    });
}

/// Every phase's name and its rate.
async fn measure(name: &str, store: Arc<dyn Store>, server: Option<u32>) -> Vec<(&'static str, f64)> {
    let mut rates = Vec::new();
    let mut told = |what: &'static str, watch: &Watch, count: usize, mut times: Vec<Duration>| {
        let (took, own, of_server) = watch.read();
        times.sort_unstable();
        let at = |part: f64| {
            let time = times.get(((times.len().max(1) - 1) as f64 * part) as usize);
            time.map_or(String::new(), |time| format!("{:.2}", time.as_secs_f64() * 1000.0))
        };
        let (rate, each) = (count as f64 / took.as_secs_f64(), |time: f64| time * 1e6 / count as f64);
        println!(
            "{:<36} {rate:>9.0} {:>8} {:>8} {:>12.1} {:>12.1}",
            format!("{name}: {what}"),
            at(0.5),
            at(0.99),
            each(own),
            each(of_server)
        );
        rates.push((what, rate));
    };
    let phases = [
        ("append", None, false),
        ("append at 20 000/s", Some(PACE), false),
        ("append and fold at 20 000/s", Some(PACE), true),
    ];
    for (at, (what, pace, fold)) in phases.into_iter().enumerate() {
        let watch = Watch::start(server);
        let job = job(&store, at as u64).await;
        if at == 0 {
            told("plan", &watch, NUMBERS as usize, Vec::new());
        }
        let watch = Watch::start(server);
        let folding = fold.then(|| tokio::spawn(keep_folding(Arc::clone(&store))));
        let times = match pace {
            None => unpaced(&store, &job).await,
            Some(pace) => paced(&store, &job, pace).await,
        };
        told(what, &watch, NUMBERS as usize, times);
        if let Some(folding) = folding {
            folding.abort();
            let _ = folding.await;
        }
        let watch = Watch::start(server);
        let seen = fold_all(&store).await;
        assert_eq!(store.ledger(job.id).await.unwrap().settled, NUMBERS);
        if at == 0 {
            told("fold", &watch, seen, Vec::new());
            let watch = Watch::start(server);
            told("read", &watch, read_all(&store, &job).await, Vec::new());
        }
    }
    rates
}

async fn fold_all(store: &Arc<dyn Store>) -> usize {
    let mut seen = 0;
    loop {
        let folded = store.fold(SLICE).await.unwrap();
        seen += folded.seen as usize;
        if folded.seen < SLICE {
            return seen;
        }
    }
}

async fn read_all(store: &Arc<dyn Store>, job: &Job) -> usize {
    let (mut count, mut last) = (0, None);
    loop {
        let rows = store.rows(job.id, last, 1000).await.unwrap();
        let Some(row) = rows.last() else { return count };
        last = Some(row.row);
        count += rows.len();
    }
}

/// A job whose batches were all accepted.
async fn job(store: &Arc<dyn Store>, name: u64) -> Job {
    // An account of its own: its phone numbers are those of the phase before.
    let scope = Scope::new(format!("account {name}"), Scope::NUMBER_CHECK, 1);
    let name = JobName::from_random(name.to_be_bytes());
    let spec = JobSpec::new(scope, "set", Delivery::Push, serde_json::Value::Null);
    let job = store.create_job(&name, &spec, 0).await.unwrap();
    let batches = (0..NUMBERS / EACH).map(|batch| NewBatch {
        batch_no: BatchNo::new(&format!("nc-{name}-{batch}")).unwrap(),
        group: "CN".to_owned(),
        numbers: (batch * EACH..(batch + 1) * EACH).map(|row| (number(row), row)).collect(),
    });
    store.add_batches(job.id, batches.collect()).await.unwrap();
    let job = store.finish_plan(job.id, NUMBERS).await.unwrap();
    while let Some(next) = store.next_batch(job.id, &Skip::default()).await.unwrap() {
        let claimed = store.claim(next.batch, "bench", EACH, 0).await.unwrap().unwrap();
        assert!(store.confirm(claimed.batch, claimed.claim, 0).await.unwrap());
        let accepted = BatchEnd::Accepted { message_id: None };
        store.end(claimed.batch, claimed.claim, accepted, 0).await.unwrap();
    }
    job
}

fn number(row: u64) -> PhoneNumber {
    PhoneNumber::new(&format!("86138{row:08}")).unwrap()
}

/// A result as the platform pushes it, about 400 bytes.
fn result(job: &Job, row: u64) -> NewResult {
    // Results of a batch come in no order.
    let row = row / EACH * EACH + (row % EACH) * 7 % EACH;
    let (batch_no, number) = (format!("nc-{}-{}", job.name, row / EACH), number(row));
    let body = format!(
        r#"{{"messageId":"83ac95123c47495da3c46d77a9f1149c-{row}","code":0,"msg":"success","batchNo":"{batch_no}","phone":"{0}","data":{{"basic":{{"preCheck":"YES","regionCode":"CN","countryCode":"86","nationalNumber":"{0}","standNumber":"{0}","numberType":2,"carrier":"China Telecom"}}}},"cost":{{"price":0.1912,"currency":"USD"}}}}"#,
        number.digits()
    );
    NewResult { batch_no, source: Source::Push, body: body.into_bytes(), received_ms: 0 }
}

async fn unpaced(store: &Arc<dyn Store>, job: &Job) -> Vec<Duration> {
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (store, next, job) = (Arc::clone(store), Arc::clone(&next), job.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let row = next.fetch_add(1, Ordering::Relaxed);
                if row >= NUMBERS {
                    return times;
                }
                times.push(append(&store, &job, row).await);
            }
        });
    }
    tasks.join_all().await.concat()
}

/// Sends by the clock, whatever the answers do: a slow store is not spared.
async fn paced(store: &Arc<dyn Store>, job: &Job, pace: u64) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    let mut sent = 0;
    while sent < NUMBERS {
        let due = (start.elapsed().as_micros() as u64 * pace / 1_000_000).min(NUMBERS);
        for row in sent..due {
            let (store, job) = (Arc::clone(store), job.clone());
            tasks.spawn(async move { append(&store, &job, row).await });
        }
        sent = due;
        // why-sleep: the pace is what is measured.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tasks.join_all().await
}

async fn append(store: &Arc<dyn Store>, job: &Job, row: u64) -> Duration {
    let result = result(job, row);
    let start = Instant::now();
    store.append(vec![result]).await.unwrap();
    start.elapsed()
}

async fn keep_folding(store: Arc<dyn Store>) {
    loop {
        if store.fold(SLICE).await.unwrap().seen < SLICE {
            // why-sleep: the time that it would wait to be told of a result.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The process of the server.
fn server(data: &Path) -> u32 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

/// Time and processor time since it was started.
struct Watch {
    start: Instant,
    server: Option<u32>,
    before: (f64, f64),
}

impl Watch {
    fn start(server: Option<u32>) -> Self {
        Self { start: Instant::now(), server, before: cpu(server) }
    }

    fn read(&self) -> (Duration, f64, f64) {
        let now = cpu(self.server);
        (self.start.elapsed(), now.0 - self.before.0, now.1 - self.before.1)
    }
}

/// Seconds of this process, and of a server and its children.
fn cpu(server: Option<u32>) -> (f64, f64) {
    let own = stat(Path::new("/proc/self")).map_or(0.0, |(_, time)| time);
    let Some(server) = server else { return (own, 0.0) };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of_server = processes.filter_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let (parent, time) = stat(&process.path())?;
        (pid == server || parent == server).then_some(time)
    });
    (own, of_server.sum())
}

/// A process's parent and its time, which the kernel counts in hundredths of a second.
fn stat(process: &Path) -> Option<(u32, f64)> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some((number(1)?, f64::from(number(11)? + number(12)?) / 100.0))
}

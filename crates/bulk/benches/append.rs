//! Receiving, as far as a store goes: both stores on one machine, in one run. Look at the ratios.
//!
//! Each result is appended by a call of its own, as pushes come; a latency is the time until it is durable.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use numcheck_bulk::store::{NewBatch, NewResult, Source};
use numcheck_bulk::{BatchEnd, Delivery, Job, JobName, JobSpec, Postgres, Sqlite, Store};
use numcheck_protocol::{BatchNo, PhoneNumber};
use tokio::task::JoinSet;

#[path = "../tests/postgres/cluster.rs"]
#[allow(dead_code)]
mod cluster;

/// The fastest that the platforms let anyone submit.
const PACE: u64 = 20_000;
const SECONDS: u64 = 5;
const IN_FLIGHT: u64 = 512;
const EACH: u64 = 2000;
const NUMBERS: u64 = PACE * SECONDS;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(cluster) = cluster::Cluster::start(&[]) else { return };
        let dir = tempfile::tempdir().unwrap();
        let postgres: Arc<dyn Store> =
            Arc::new(Postgres::open(&cluster.database("bench").await).await.unwrap());
        let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(&dir.path().join("jobs.db")).unwrap());
        let server = server(&cluster.data());

        println!(
            "{:<34} {:>9} {:>9} {:>9} {:>11} {:>11}",
            "", "results/s", "p50 ms", "p99 ms", "cores", "of server"
        );
        let mut rates = Vec::new();
        for (name, store, server) in [("SQLite", &sqlite, None), ("PostgreSQL", &postgres, Some(server))] {
            let mut own = Vec::new();
            for (what, pace, fold) in [
                ("as fast as it goes", None, false),
                ("20 000/s", Some(PACE), false),
                ("20 000/s, folding", Some(PACE), true),
            ] {
                let job = job(store, own.len() as u64).await;
                let cpu = Cpu::now(server);
                let start = Instant::now();
                let folding = fold.then(|| tokio::spawn(keep_folding(Arc::clone(store))));
                let mut times = match pace {
                    None => unpaced(store, &job).await,
                    Some(pace) => paced(store, &job, pace).await,
                };
                let took = start.elapsed();
                let spent = Cpu::now(server).since(&cpu, took);
                if let Some(folding) = folding {
                    folding.abort();
                    let _ = folding.await;
                }
                times.sort_unstable();
                let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
                let rate = times.len() as f64 / took.as_secs_f64();
                println!(
                    "{:<34} {rate:>9.0} {:>9.2} {:>9.2} {:>11.2} {:>11.2}",
                    format!("{name}: {what}"),
                    at(0.5),
                    at(0.99),
                    spent.0,
                    spent.1
                );
                own.push(rate);
                // What was not folded meanwhile is folded now, and its pace is told.
                let start = Instant::now();
                let mut seen = 0;
                loop {
                    let folded = store.fold(256).await.unwrap();
                    seen += folded.seen;
                    if folded.seen < 256 {
                        break;
                    }
                }
                if seen > 1000 {
                    let rate = f64::from(seen) / start.elapsed().as_secs_f64();
                    println!("{:<34} {rate:>9.0}", format!("{name}: folding alone"));
                    own.push(rate);
                }
                assert_eq!(store.ledger(job.id).await.unwrap().settled, NUMBERS);
            }
            rates.push(own);
        }
        let ratio = |at: usize| rates[1][at] / rates[0][at];
        println!("\nPostgreSQL / SQLite: appending {:.2}, folding {:.2}", ratio(0), ratio(1));
    });
}

/// A job whose batches were all accepted.
async fn job(store: &Arc<dyn Store>, name: u64) -> Job {
    let name = JobName::from_hash(name.to_be_bytes());
    let spec = JobSpec::new(1, Delivery::Push, serde_json::Value::Null);
    let job = store.create_job(&name, &spec, 0).await.unwrap();
    let batches = (0..NUMBERS / EACH).map(|batch| NewBatch {
        batch_no: BatchNo::new(&format!("nc-{name}-{batch}")).unwrap(),
        group: "CN".to_owned(),
        numbers: (batch * EACH..(batch + 1) * EACH).map(|row| (number(row), row)).collect(),
    });
    store.add_batches(job.id, batches.collect()).await.unwrap();
    let job = store.finish_plan(job.id, NUMBERS).await.unwrap();
    while let Some(claimed) = store.claim(job.id, "bench", 0).await.unwrap() {
        store
            .end(claimed.batch, &claimed.batch_no, BatchEnd::Accepted { message_id: None }, 0)
            .await
            .unwrap();
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
        if store.fold(256).await.unwrap().seen < 256 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The process of the server.
fn server(data: &Path) -> u32 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

/// Processor time in hundredths of a second: this process's, and that of a server and its children.
struct Cpu(u64, u64);

impl Cpu {
    fn now(server: Option<u32>) -> Self {
        let own = stat(Path::new("/proc/self")).map_or(0, |(_, time)| time);
        let Some(server) = server else { return Self(own, 0) };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let of_server = processes.filter_map(|process| {
            let pid: u32 = process.file_name().to_str()?.parse().ok()?;
            let (parent, time) = stat(&process.path())?;
            (pid == server || parent == server).then_some(time)
        });
        Self(own, of_server.sum())
    }

    fn since(&self, before: &Self, took: Duration) -> (f64, f64) {
        let cores = |ticks: u64| ticks as f64 / 100.0 / took.as_secs_f64();
        (cores(self.0 - before.0), cores(self.1.saturating_sub(before.1)))
    }
}

/// A process's parent and its time.
fn stat(process: &Path) -> Option<(u32, u64)> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((number(1)? as u32, number(11)? + number(12)?))
}

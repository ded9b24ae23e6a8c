//! The receiver over HTTP: `numcheck receive` in a process of its own, pushed at from this one over connections that stay open.
//!
//! Run with `cargo bench -p numcheck --bench receiver [-- --rounds N]`. It prints figures of one run and their ratios, medians of
//! alternated rounds; it must not be taken for a test, and asserts nothing about time. It does assert that everything was answered
//! with 200 and that all of it is in the store.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod jobs;
mod load;
mod nothing;
mod process;

use numcheck_job::reader;
use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{Postgres, Sqlite, Store};
use numcheck_testing::postgres::Cluster;

use jobs::Pushes;
use load::Load;
use process::Server;

/// The fastest that the platforms let anyone submit: results a second.
const PACE: u64 = 20_000;
/// How long a paced round takes.
const SECONDS: u64 = 5;
/// Results of a round at full load.
const FULL: u64 = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Sqlite,
    /// The same, where another process enters what it stores.
    StoreOnly,
    Postgres,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Nothing, Self::Sqlite, Self::StoreOnly, Self::Postgres];

    /// For `--only`.
    fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Sqlite => "sqlite",
            Self::StoreOnly => "store-only",
            Self::Postgres => "postgres",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "stores nothing",
            Self::Sqlite => "SQLite",
            Self::StoreOnly => "SQLite, stored only",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What one round measured.
#[derive(Clone, Debug)]
struct Measured {
    rate: f64,
    p50: f64,
    p99: f64,
    worst: f64,
    /// Cores that the receiving process used, entering the results included, where it does.
    cores: f64,
    /// Cores that the database's processes used.
    of_server: f64,
    /// Cores by thread, the busiest first.
    threads: Vec<(String, f64)>,
}

fn main() {
    if nothing::is_asked_for() {
        return nothing::serve();
    }
    let args: Vec<String> = std::env::args().collect();
    let after = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let rounds: u64 = after("--rounds").map_or(3, |text| text.parse().unwrap());
    // For whoever looks for what costs: `--only sqlite,paced`.
    let only = after("--only").map_or("", String::as_str);
    let wanted = |word: &str| only.is_empty() || only.split(',').any(|wanted| wanted == word);
    let any = |words: &[&str]| words.iter().any(|word| only.split(',').any(|wanted| wanted == *word));
    let is_wanted = |kind: Kind, paced: bool| {
        (!any(&["nothing", "sqlite", "store-only", "postgres"]) || wanted(kind.word()))
            && (!any(&["full", "paced"]) || wanted(if paced { "paced" } else { "full" }))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = if only.is_empty() || only.contains("postgres") { Cluster::start(&[]) } else { None };
        let mut all: Vec<(Kind, bool, Vec<Measured>)> = Vec::new();
        for round in 0..rounds {
            for paced in [false, true] {
                for kind in Kind::ALL {
                    if !is_wanted(kind, paced) || (kind == Kind::Postgres && cluster.is_none()) {
                        continue;
                    }
                    let measured = one(kind, paced, round, cluster.as_ref()).await;
                    match all.iter_mut().find(|(of, at, _)| *of == kind && *at == paced) {
                        Some((_, _, rounds)) => rounds.push(measured),
                        None => all.push((kind, paced, vec![measured])),
                    }
                }
            }
        }
        tell(&all);
    });
}

/// One round: a fresh process, a fresh job.
async fn one(kind: Kind, paced: bool, round: u64, cluster: Option<&Cluster>) -> Measured {
    let count = if paced { PACE * SECONDS } else { FULL };
    let dir = tempfile::tempdir().unwrap();
    let (address, store): (String, Option<Arc<dyn Store>>) = match (kind, cluster) {
        (Kind::Nothing, _) => (String::new(), None),
        (Kind::Postgres, Some(cluster)) => {
            let url = cluster.database(&format!("bench_{round}_{}", u8::from(paced))).await;
            (url.clone(), Some(Arc::new(Postgres::open(&url, reader()).await.unwrap())))
        }
        _ => {
            let path = dir.path().join("jobs.db");
            (path.display().to_string(), Some(Arc::new(Sqlite::open(&path, reader()).unwrap())))
        }
    };
    let pushes = match &store {
        Some(store) => Pushes::of_a_job(&**store, count).await,
        None => Pushes::of_nothing(count),
    };
    let database =
        cluster.filter(|_| kind == Kind::Postgres).map(|cluster| process::postmaster(&cluster.data()));
    let server = match kind {
        Kind::Nothing => Server::storing_nothing(),
        Kind::StoreOnly => Server::receiving(&address, &["--store-only"]),
        _ => Server::receiving(&address, &[]),
    };
    let load = Load { to: server.address(), pushes, pace: paced.then_some(PACE) };
    load.warm_up().await;

    let before = (process::threads(server.pid()), process::with_children(database));
    let answered = load.run().await;
    // What was stored is entered too before its cost is looked at, where that is the receiver's affair.
    let of_job = store.as_ref().zip(load.pushes.job());
    if let Some((store, job)) = of_job.filter(|_| kind != Kind::StoreOnly) {
        while store.ledger(job).await.unwrap().settled < count {
            // why-sleep: another process does the work.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let after = (process::threads(server.pid()), process::with_children(database));
    server.stop();
    if let Some((store, job)) = of_job.filter(|_| kind == Kind::StoreOnly) {
        while store.fold(1000).await.unwrap().seen == 1000 {}
        assert_eq!(store.ledger(job).await.unwrap().settled, count, "all of it was stored");
    }
    assert_eq!(answered.times.len() as u64, count);

    let seconds = answered.took.as_secs_f64();
    let threads = process::used(&before.0, &after.0);
    let mut times = answered.times;
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let measured = Measured {
        rate: count as f64 / seconds,
        p50: at(0.5),
        p99: at(0.99),
        worst: at(1.0),
        cores: threads.iter().map(|(_, time)| time).sum::<f64>() / seconds,
        of_server: (after.1 - before.1) / seconds,
        threads: threads.into_iter().map(|(name, time)| (name, time / seconds)).collect(),
    };
    let what = format!("{}{}", kind.name(), if paced { ", paced" } else { "" });
    line(&format!("round {}: {what}", round + 1), &measured);
    measured
}

fn line(what: &str, measured: &Measured) {
    let Measured { rate, p50, p99, worst, cores, of_server, threads } = measured;
    let threads: Vec<String> = threads.iter().map(|(name, cores)| format!("{name} {cores:.2}")).collect();
    println!(
        "{what:<36} {rate:>7.0}/s  p50 {p50:>6.2}  p99 {p99:>6.2}  worst {worst:>7.2} ms  {cores:>5.2} cores ({:.1} us each) + database {of_server:>4.2}  ({})",
        cores * 1e6 / rate,
        threads.join(", ")
    );
}

fn tell(all: &[(Kind, bool, Vec<Measured>)]) {
    let median = |kind: Kind, paced: bool, of: fn(&Measured) -> f64| {
        let (_, _, rounds) = all.iter().find(|(of, at, _)| *of == kind && *at == paced)?;
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    println!("\nmedians, of {} pushes a second:", PACE);
    for kind in Kind::ALL {
        let of = |of| median(kind, true, of);
        let (Some(p99), Some(cores), Some(server)) = (of(|m| m.p99), of(|m| m.cores), of(|m| m.of_server))
        else {
            continue;
        };
        println!("{:<20} p99 {p99:>6.2} ms   {cores:>5.2} cores   database {server:.2}", kind.name());
    }
    println!("medians at full load:");
    let nothing = median(Kind::Nothing, false, |m| m.rate).unwrap_or(f64::NAN);
    for kind in Kind::ALL {
        let Some(rate) = median(kind, false, |m| m.rate) else { continue };
        println!(
            "{:<20} {rate:>7.0}/s   {:>5.2} of what it answers when it stores nothing",
            kind.name(),
            rate / nothing
        );
    }
}

//! Several processes on one store: each has a store of its own here, and so its own connections.

use numcheck_bulk::conformance::reader::reader;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numcheck_bulk::store::Claimed;
use numcheck_bulk::{BatchEnd, BatchState, Job, Postgres, Reuse, Store};
use tokio::task::JoinSet;

use crate::postgres::fixture::{
    NOW, accept, accepted, batch_no, claim, fold_all, plan, plan_of, result, result_of, rows,
};
use numcheck_testing::postgres::Cluster;

async fn stores(cluster: &Cluster, database: &str, count: usize) -> Vec<Arc<Postgres>> {
    let url = cluster.database(database).await;
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(Arc::new(Postgres::open(&url, reader()).await.unwrap()));
    }
    stores
}

async fn doubt(store: &Postgres, claimed: &Claimed) {
    assert!(store.confirm(claimed.batch, claimed.claim, NOW).await.unwrap());
    let doubt = BatchEnd::InDoubt { code: None, message: "silence".to_owned(), from_reply: false };
    store.end(claimed.batch, claimed.claim, doubt, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_claimed_by_one_of_ten_runners() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "ten_runners", 10).await;
    let job = plan(&stores[0], 1, 60, 4).await;
    let mut runners = JoinSet::new();
    for store in &stores {
        let (store, job) = (Arc::clone(store), job.clone());
        runners.spawn(async move {
            let mut claimed = Vec::new();
            while let Some(batch) = claim(&store, &job, "runner").await {
                assert_eq!(batch.numbers.len(), 4);
                claimed.push(batch.batch_no);
            }
            claimed
        });
    }
    let claimed: Vec<_> = runners.join_all().await.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = claimed.iter().map(|batch_no| batch_no.as_str()).collect();
    assert_eq!((claimed.len(), distinct.len()), (60, 60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_runners_together_keep_the_pace_of_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database("pace").await;
    let mut stores = Vec::new();
    for _ in 0..10 {
        stores.push(Arc::new(Postgres::open(&url, reader()).await.unwrap().by_the_callers_clock()));
    }
    let mut runners = JoinSet::new();
    for (at, store) in stores.iter().enumerate() {
        let store = Arc::clone(store);
        runners.spawn(async move {
            let mut turns = Vec::new();
            // Their clocks differ by some milliseconds.
            for now_ms in (NOW..NOW + 10).map(|now_ms| now_ms + at as u64) {
                turns.push(now_ms + store.take_turn("submit", 100, now_ms).await.unwrap());
            }
            turns
        });
    }
    let mut turns: Vec<u64> = runners.join_all().await.into_iter().flatten().collect();
    turns.sort_unstable();
    assert_eq!(turns.len(), 100);
    assert!(turns.windows(2).all(|pair| pair[1] - pair[0] >= 100), "{turns:?}");
    // Another bucket is another pace.
    assert_eq!(stores[0].take_turn("query", 3000, NOW).await.unwrap(), 0);
    assert_eq!(stores[1].take_turn("query", 3000, NOW).await.unwrap(), 3000);
    assert_eq!(stores[1].take_turn("query", 3000, NOW + 9000).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_follow_the_server_s_clock_whatever_the_machines_show() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "clocks", 2).await;
    const DAY: u64 = 24 * 60 * 60_000;
    // Turns so far apart that no test takes as long.
    const FAR: u64 = 500_000;
    assert_eq!(stores[0].take_turn("submit", FAR, NOW).await.unwrap(), 0);
    let wait_ms = stores[1].take_turn("submit", FAR, NOW + DAY).await.unwrap();
    assert!((FAR / 2..=FAR).contains(&wait_ms), "{wait_ms}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_settled_once_however_many_fold() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "folders", 4).await;
    let job = accepted(&stores[0], 1, 5, 400).await;
    let mut tasks = JoinSet::new();
    for store in &stores {
        let (store, job) = (Arc::clone(store), job.clone());
        // Every process receives every result, and folds meanwhile.
        tasks.spawn(async move {
            for row in 0..2000 {
                let stored = store.append(vec![result(&batch_no(&job, row / 400), row)]);
                if row % 50 == 0 {
                    stored.await.unwrap();
                    store.fold(37).await.unwrap();
                }
            }
            // What was queued before this one is stored when it is.
            store.append(vec![result(&batch_no(&job, 0), 0)]).await.unwrap();
        });
    }
    tasks.join_all().await;
    let mut folders = JoinSet::new();
    for store in &stores {
        let store = Arc::clone(store);
        folders.spawn(async move { fold_all(&store, 100).await });
    }
    folders.join_all().await;
    fold_all(&stores[0], 100).await;
    let ledger = stores[0].ledger(job.id).await.unwrap();
    assert_eq!((ledger.settled, ledger.pending), (2000, 0));
    assert_eq!(ledger.costs.values().map(|sum| sum.count).sum::<u64>(), 2000);
    assert_eq!(ledger.total().unwrap().values().next().unwrap().to_string(), "20.0000");
    assert!(rows(&stores[0], &job).await.iter().all(|row| row.result.is_some()));
    let kept = cluster.admin("folders", "SELECT count(*) FROM numcheck.results").await;
    assert_eq!(kept, [[Some("2000".to_owned())]], "repeats are not kept");
    let waiting = cluster.admin("folders", "SELECT count(*) FROM numcheck.inbox").await;
    assert_eq!(waiting, [[Some("0".to_owned())]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_becomes_visible_after_later_ones_is_not_passed_over() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "out_of_order", 1).await;
    let (store, job) = (&stores[0], accepted(&stores[0], 1, 1, 3).await);
    // An append of another process takes its keys, and is slow to commit.
    let (client, connection) =
        tokio_postgres::connect(&cluster.url("out_of_order"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let early = result(&batch_no(&job, 0), 0);
    let body = String::from_utf8(early.body).unwrap();
    client
        .batch_execute(&format!(
            "BEGIN; SET LOCAL search_path = numcheck;
             WITH place AS (SELECT nextval('places') << 20 AS first),
             kept AS (INSERT INTO results SELECT first, 1, 0, convert_to('{}', 'UTF8'), convert_to('{body}', 'UTF8') FROM place)
             INSERT INTO inbox SELECT first, first, first + 1 FROM place",
            early.batch_no
        ))
        .await
        .unwrap();
    store.append(vec![result(&batch_no(&job, 0), 1)]).await.unwrap();
    assert_eq!(fold_all(store, 10).await.first, 1);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(fold_all(store, 10).await.first, 1);
    assert_eq!(store.ledger(job.id).await.unwrap().settled, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_says_that_nothing_waits_only_when_no_other_is_at_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "two_folds", 2).await;
    let job = accepted(&stores[0], 1, 4, 500).await;
    for batch in 0..4 {
        let batch_no = batch_no(&job, batch);
        stores[0].append((0..500).map(|row| result(&batch_no, batch * 500 + row)).collect()).await.unwrap();
    }
    // Whichever of them returns first: everything was entered by then.
    let one = async {
        fold_all(&stores[0], 64).await;
        stores[0].ledger(job.id).await.unwrap().settled
    };
    let other = async {
        fold_all(&stores[1], 64).await;
        stores[1].ledger(job.id).await.unwrap().settled
    };
    assert_eq!(tokio::join!(one, other), (2000, 2000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_not_planned_again_while_a_result_of_it_waits() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "waiting_result", 1).await;
    let (store, job) = (&stores[0], plan(&stores[0], 1, 1, 3).await);
    let claimed = claim(store, &job, "one").await.unwrap();
    doubt(store, &claimed).await;
    store.append(vec![result(claimed.batch_no.as_str(), 1)]).await.unwrap();
    assert!(!store.plan_again(claimed.batch, claimed.claim).await.unwrap());
    assert_eq!(claim(store, &job, "two").await, None);
    fold_all(store, 10).await;
    assert_eq!(store.open_batches(job.id).await.unwrap()[0].state, BatchState::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_of_a_batch_that_is_planned_again_stops_its_second_sending() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "late_proof", 1).await;
    let (store, job) = (&stores[0], plan(&stores[0], 1, 1, 3).await);
    let claimed = claim(store, &job, "one").await.unwrap();
    doubt(store, &claimed).await;
    assert!(store.plan_again(claimed.batch, claimed.claim).await.unwrap());
    // It names the batch by its first number: the platform has taken it after all.
    store.append(vec![result(claimed.batch_no.as_str(), 1)]).await.unwrap();
    fold_all(store, 10).await;
    assert_eq!(claim(store, &job, "two").await, None);
    let ledger = store.ledger(job.id).await.unwrap();
    assert_eq!((ledger.planned, ledger.settled, ledger.pending), (0, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_job_is_left_alone_by_results_that_come_while_it_is_forgotten() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "forgetting", 3).await;
    let job = accepted(&stores[0], 1, 4, 250).await;
    let append = async {
        for row in 0..1000 {
            stores[0].append(vec![result(&batch_no(&job, row / 250), row)]).await.unwrap();
        }
    };
    let fold = async {
        for _ in 0..60 {
            stores[1].fold(10).await.unwrap();
        }
    };
    let forget = async {
        for _ in 0..20 {
            stores[2].fold(10).await.unwrap();
        }
        stores[2].forget(job.id, true).await.unwrap();
    };
    tokio::join!(append, fold, forget);
    fold_all(&stores[0], 100).await;
    let left = "SELECT (SELECT count(*) FROM numcheck.results) + (SELECT count(*) FROM numcheck.numbers)
        + (SELECT count(*) FROM numcheck.odd) + (SELECT count(*) FROM numcheck.inbox)";
    assert_eq!(cluster.admin("forgetting", left).await, [[Some("0".to_owned())]]);
    // The sums stay, and add up.
    let ledger = stores[0].ledger(job.id).await.unwrap();
    let counted: BTreeMap<_, _> = ledger.costs.iter().map(|(key, sum)| (*key, sum.count)).collect();
    assert_eq!(counted.values().sum::<u64>(), ledger.settled);
    assert_eq!(ledger.submitted, 1000);
}

/// Everything of a job that can be claimed, and accepted at once.
async fn claim_all(store: &Postgres, job: &Job) -> Vec<Claimed> {
    let mut all = Vec::new();
    while let Some(claimed) = claim(store, job, "runner").await {
        accept(store, &claimed).await;
        all.push(claimed);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_numbers_that_several_jobs_want_at_the_same_time_are_sent_by_one_of_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "common", 4).await;
    let mut jobs = Vec::new();
    for (at, store) in stores.iter().enumerate() {
        // Batches of other sizes, so that they overlap in every way.
        let each = [50, 60, 75, 100][at];
        jobs.push(plan(store, at as u64, 600 / each, each).await);
    }
    let mut runners = JoinSet::new();
    for (store, job) in stores.iter().zip(&jobs) {
        let (store, job) = (Arc::clone(store), job.clone());
        runners.spawn(async move { claim_all(&store, &job).await });
    }
    let claimed: Vec<_> = runners.join_all().await.into_iter().flatten().collect();
    let sent: Vec<_> = claimed.iter().flat_map(|claimed| claimed.numbers.clone()).collect();
    let distinct: BTreeSet<_> = sent.iter().map(|number| number.pack()).collect();
    assert_eq!((sent.len(), distinct.len()), (600, 600));
    for job in &jobs {
        let ledger = stores[0].ledger(job.id).await.unwrap();
        assert_eq!(ledger.pending + ledger.waiting, 600, "{ledger:?}");
    }
    // Each takes the results over, whoever has sent.
    for claimed in &claimed {
        let results = claimed.numbers.iter().map(|number| result_of(claimed.batch_no.as_str(), number));
        stores[0].append(results.collect()).await.unwrap();
    }
    fold_all(&stores[1], 100).await;
    for (store, job) in stores.iter().zip(&jobs) {
        store.follow(job.id).await.unwrap();
        let ledger = store.ledger(job.id).await.unwrap();
        assert_eq!(ledger.settled + ledger.reused.done, 600, "{ledger:?}");
        assert!(ledger.is_final() && rows(store, job).await.iter().all(|row| row.result.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_look_ups_and_folds_that_meet_lose_nothing_and_wait_for_nobody_in_a_circle() {
    let Some(cluster) = Cluster::shared() else { return };
    let stores = stores(&cluster, "meeting", 4).await;
    let mut runners = JoinSet::new();
    for at in 0..3 {
        let store = Arc::clone(&stores[at as usize]);
        runners.spawn(async move {
            for round in 0..4 {
                // Doubts that are planned again while their results come: rows are looked up and settled at the same time.
                let reuse = if round % 2 == 0 { Reuse::NONE } else { Reuse::ALL };
                let job = plan_of(&store, at * 10 + round, reuse, 6, 40).await;
                while let Some(claimed) = claim(&store, &job, "runner").await {
                    doubt(&store, &claimed).await;
                    let results: Vec<_> = (claimed.numbers.iter())
                        .map(|number| result_of(claimed.batch_no.as_str(), number))
                        .collect();
                    let half = results.len() / 2;
                    let (early, late) = results.split_at(half);
                    store.append(early.to_vec()).await.unwrap();
                    store.plan_again(claimed.batch, claimed.claim).await.unwrap();
                    store.append(late.to_vec()).await.unwrap();
                    store.follow(job.id).await.unwrap();
                }
                store.resubmit_doubtful(job.id, 0).await.unwrap();
            }
        });
    }
    let folding = tokio::spawn({
        let store = Arc::clone(&stores[3]);
        async move {
            loop {
                store.fold(16).await.unwrap();
            }
        }
    });
    while let Some(ended) = runners.join_next().await {
        ended.unwrap();
    }
    folding.abort();
    let _ = folding.await;
    fold_all(&stores[0], 100).await;
    for job in stores[0].jobs().await.unwrap() {
        stores[0].follow(job.id).await.unwrap();
        let ledger = stores[0].ledger(job.id).await.unwrap();
        assert_eq!(ledger.settled + ledger.reused.done, 240, "{ledger:?}");
        assert!(ledger.is_final(), "{ledger:?}");
    }
    let log =
        cluster.admin("meeting", "SELECT deadlocks FROM pg_stat_database WHERE datname = 'meeting'").await;
    assert_eq!(log, [[Some("0".to_owned())]]);
}

//! The page of metrics: the process's receiver, its store, and the newest jobs.
//!
//! Labels have few values, which no request and no result can make up.

use std::time::Duration;

use numcheck_bulk::{JobState, StoreError, Unmatched};
use numcheck_job::ReceiverView;
use numcheck_webhook::Counts;
use tokio::time::timeout;

use super::Watched;
use crate::commands::metrics::{self, JobFigures, Page};

/// The jobs whose sums are told: the newest ones.
const MAX_JOBS: usize = 100;
/// How long a scrape waits for the store.
const PATIENCE: Duration = Duration::from_secs(5);

const COUNTER: &str = "counter";
const GAUGE: &str = "gauge";

pub(super) async fn metrics(watched: &Watched) -> String {
    let mut page = Page::default();
    page.head("numcheck_build_info", GAUGE, "The release.");
    page.sample("numcheck_build_info", &[("version", env!("NUMCHECK_VERSION"))], 1);
    let is_draining = u8::from(watched.readiness.is_draining());
    page.figure("numcheck_draining", GAUGE, "Whether the process was told to stop.", is_draining);
    if let Some(receiver) = &watched.receiver {
        of_receiver(&mut page, receiver);
    }
    of_entering(&mut page, watched.engine.inbox().unmatched());
    let is_writable = u8::from(watched.readiness.probe().await.is_ok());
    page.figure(
        "numcheck_store_writable",
        GAUGE,
        "Whether the store could be written just now.",
        is_writable,
    );
    match timeout(PATIENCE, of_store(watched)).await {
        Ok(Ok(of_store)) => page.append(of_store),
        // Figures that are not known are left out, not made up.
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the store's figures cannot be told")
        }
        Err(_) => tracing::warn!("the store takes too long to tell its figures"),
    }
    page.into_text()
}

fn of_receiver(page: &mut Page, receiver: &ReceiverView) {
    let counts = receiver.counts();
    let labelled = |page: &mut Page, name: &str, label: &str, samples: &[(&str, u64)]| {
        for (value, count) in samples {
            page.sample(name, &[(label, value)], count);
        }
    };
    let name = "numcheck_pushes_total";
    page.head(name, COUNTER, "Pushes that were let in, by outcome: 200 for stored, 503 for the others.");
    let Counts { stored, not_stored, panicked, store_timed_out, busy, verified, .. } = counts;
    let pushes = [
        ("stored", stored),
        ("not_stored", not_stored),
        ("panicked", panicked),
        ("timed_out", store_timed_out),
        ("busy", busy),
    ];
    labelled(page, name, "outcome", &pushes);
    let help = "Pushes whose signature was checked and right.";
    page.figure("numcheck_pushes_verified_total", COUNTER, help, verified);
    let name = "numcheck_pushes_turned_away_total";
    page.head(name, COUNTER, "Requests that this process has turned away with 4xx, by kind.");
    let kinds: Vec<(&str, u64)> = counts.turned_away().map(|(kind, count, _)| (kind, count)).collect();
    labelled(page, name, "kind", &kinds);
    let name = "numcheck_connections_total";
    page.head(name, COUNTER, "Connections, by what became of them.");
    let Counts { connections, head_timed_out, dismissed, full, accept_failed, .. } = counts;
    let connections = [
        ("accepted", connections),
        ("head_timed_out", head_timed_out),
        ("dismissed", dismissed),
        ("waited_for_room", full),
        ("not_accepted", accept_failed),
    ];
    labelled(page, name, "event", &connections);
    let name = "numcheck_store_seconds";
    page.head(name, "histogram", "How long the store took to make a push durable.");
    let storing = receiver.storing();
    let bucket = format!("{name}_bucket");
    for (bound, count) in storing.up_to() {
        page.sample(&bucket, &[("le", &bound.as_secs_f64().to_string())], count);
    }
    page.sample(&bucket, &[("le", "+Inf")], storing.count());
    page.sample(&format!("{name}_sum"), &[], storing.sum().as_secs_f64());
    page.sample(&format!("{name}_count"), &[], storing.count());
}

fn of_entering(page: &mut Page, unmatched: Unmatched) {
    let name = "numcheck_entered_total";
    let help =
        "Results that this process has entered into jobs beside the first one of each number, by kind.";
    page.head(name, COUNTER, help);
    let Unmatched { repeats, conflicts, strays, charged_again, .. } = unmatched;
    for (kind, count) in
        [("repeat", repeats), ("conflict", conflicts), ("stray", strays), ("charged_again", charged_again)]
    {
        page.sample(name, &[("kind", kind)], count);
    }
}

async fn of_store(watched: &Watched) -> Result<Page, StoreError> {
    let store = watched.store();
    let mut page = Page::default();
    let gauges = store.gauges().await?;
    if let Some(backlog) = gauges.backlog {
        let help = "Results that are stored, and not entered into their jobs yet.";
        page.figure("numcheck_fold_backlog", GAUGE, help, backlog);
    }
    if let Some(bytes) = gauges.bytes {
        page.figure("numcheck_store_bytes", GAUGE, "How large the store is, without its journal.", bytes);
    }
    let mut jobs = Vec::new();
    for job in store.jobs().await? {
        if !matches!(job.state, JobState::Open | JobState::Replaced) {
            continue;
        }
        if jobs.len() == MAX_JOBS {
            break;
        }
        let (ledger, drift) = (store.ledger(job.id).await?, store.drift(job.id).await?);
        jobs.push(JobFigures { job, ledger, drift });
    }
    metrics::sums(&mut page, &jobs);
    metrics::drift(&mut page, &jobs);
    metrics::turned_away(&mut page, &store.turned_away().await?);
    Ok(page)
}

//! A line in the log for each batch and minute, and when a batch is accepted or complete: so that whoever reads the log in the morning sees when
//! results came, and when they did not.
//!
//! It only looks: what other processes do on the same store is told as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::store::BatchCounts;
use numcheck_bulk::{BatchState, Job, Store, StoreError, SystemWallClock, WallClock as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two lines about one batch, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// Between two lines while no batch is open, in milliseconds.
const IDLE_MS: u64 = 5 * MINUTE_MS;
/// Lines about single batches in a minute; the others share one.
const MAX_LINES: usize = 50;

/// Logs until it is ended or dropped.
#[derive(Debug)]
pub(crate) struct BatchLog(Option<Looking>);

#[derive(Debug)]
struct Looking {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl BatchLog {
    /// Follows the batches of a job, or of all. Where nobody wants these lines, it does not look either.
    pub(crate) fn start(store: &Arc<dyn Store>, job: Option<&Job>) -> Self {
        if !tracing::enabled!(tracing::Level::INFO) {
            return Self(None);
        }
        let (store, job) = (Arc::clone(store), job.cloned());
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut is_last = false;
            let mut watch = Watch::new(SystemWallClock.now_ms());
            loop {
                match look(&*store, job.as_ref(), &mut watch).await {
                    Ok(seen) => {
                        watch.tell(SystemWallClock.now_ms(), seen).iter().for_each(Line::log);
                    }
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the batches cannot be looked at"
                    ),
                }
                if is_last {
                    return;
                }
                is_last = timeout(LOOK_EVERY, &mut stopped).await.is_ok();
            }
        });
        Self(Some(Looking { stop, task }))
    }

    /// Looks once more, and ends.
    pub(crate) async fn end(mut self) {
        if let Some(Looking { stop, task }) = self.0.take() {
            drop(stop);
            // A task that has ended otherwise has nothing more to tell.
            let _ = task.await;
        }
    }
}

impl Drop for BatchLog {
    fn drop(&mut self) {
        if let Some(looking) = &self.0 {
            looking.task.abort();
        }
    }
}

/// A batch as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    batch: i64,
    batch_no: String,
    state: BatchState,
    missing: bool,
    received: u64,
    of: u64,
    failed: u64,
}

/// Reads the batches that were claimed since the last look, and those that were open then.
async fn look(store: &dyn Store, job: Option<&Job>, watch: &mut Watch) -> Result<Vec<Seen>, StoreError> {
    let mut counts = store.batch_counts(watch.claim, watch.known.keys().copied().collect()).await?;
    watch.claim = counts.iter().map(|of| of.claim).fold(watch.claim, i64::max);
    counts.retain(|of| job.is_none_or(|job| job.id == of.job));
    let seen = |of: BatchCounts| Seen {
        batch: of.batch,
        batch_no: of.batch_no.as_str().to_owned(),
        state: of.state,
        missing: of.missing,
        received: of.settled,
        of: of.numbers,
        failed: of.failed,
    };
    Ok(counts.into_iter().map(seen).collect())
}

/// What is to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Accepted(Seen),
    InDoubt(Seen),
    Complete(Seen),
    /// What it lacks was given up.
    Missing(Seen),
    Minute(Seen),
    /// So many more batches, which changed in the last minute or did not, with so many results of so many phone numbers.
    Others {
        batches: usize,
        received: u64,
        of: u64,
    },
    /// No batch is under way.
    Idle,
}

impl Line {
    fn log(&self) {
        match self {
            Self::Accepted(Seen { batch_no, of, .. }) => {
                tracing::info!(batch_no, of, "batch accepted");
            }
            Self::Complete(Seen { batch_no, received, of, failed, .. }) => {
                tracing::info!(batch_no, received, of, failed, "batch complete");
            }
            Self::InDoubt(Seen { batch_no, of, .. }) => {
                tracing::info!(batch_no, of, "batch in doubt: nobody knows whether it was accepted");
            }
            Self::Missing(Seen { batch_no, received, of, failed, .. }) => {
                tracing::info!(batch_no, received, of, failed, "batch given up with results missing");
            }
            Self::Minute(Seen { batch_no, received, of, failed, .. }) => {
                tracing::info!(batch_no, received, of, failed, "batch under way");
            }
            Self::Others { batches, received, of } => {
                tracing::info!(
                    batches,
                    received,
                    of,
                    "batches under way, without news in this minute or too many for a line each"
                );
            }
            Self::Idle => tracing::info!("no batch is under way"),
        }
    }
}

struct Known {
    seen: Seen,
    /// The results of which a line has told.
    told: u64,
}

/// What was seen, and told.
struct Watch {
    known: BTreeMap<i64, Known>,
    /// The last claim that was seen.
    claim: i64,
    minute_ms: u64,
    idle_ms: u64,
    /// Before the first look nothing is news.
    has_looked: bool,
}

impl Watch {
    fn new(now_ms: u64) -> Self {
        Self { known: BTreeMap::new(), claim: 0, minute_ms: now_ms, idle_ms: now_ms, has_looked: false }
    }

    /// The lines after a look.
    fn tell(&mut self, now_ms: u64, seen: Vec<Seen>) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut known = std::mem::take(&mut self.known);
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        for seen in seen {
            let before = known.remove(&seen.batch);
            let was = before.as_ref().map(|known| known.seen.state);
            let is_news = !is_first && was != Some(seen.state);
            match seen.state {
                BatchState::Accepted if is_news => lines.push(Line::Accepted(seen.clone())),
                BatchState::InDoubt if is_news => lines.push(Line::InDoubt(seen.clone())),
                _ => {}
            }
            let is_complete = seen.state == BatchState::Accepted && seen.received == seen.of;
            let is_open =
                matches!(seen.state, BatchState::Sending | BatchState::InDoubt | BatchState::Accepted);
            if is_complete || seen.missing || !is_open {
                match is_first || !is_open {
                    true => {}
                    false if is_complete => lines.push(Line::Complete(seen)),
                    false => lines.push(Line::Missing(seen)),
                }
                continue;
            }
            let told = before.map_or(if is_first { seen.received } else { 0 }, |known| known.told);
            self.known.insert(seen.batch, Known { seen, told });
        }
        let is_over = |since_ms: u64, length_ms: u64| now_ms.saturating_sub(since_ms) >= length_ms;
        // A doubt may stay for good: it is told once.
        if self.known.values().any(|known| known.seen.state != BatchState::InDoubt) {
            self.idle_ms = now_ms;
        } else if is_over(self.idle_ms, IDLE_MS) {
            self.idle_ms = now_ms;
            lines.push(Line::Idle);
        }
        if is_over(self.minute_ms, MINUTE_MS) {
            self.minute_ms = now_ms;
            self.tell_minute(&mut lines);
        }
        lines
    }

    fn tell_minute(&mut self, lines: &mut Vec<Line>) {
        let (mut batches, mut received, mut of, mut told) = (0, 0, 0, 0);
        for known in self.known.values_mut() {
            let has_news = known.told != known.seen.received;
            known.told = known.seen.received;
            if has_news && told < MAX_LINES {
                told += 1;
                lines.push(Line::Minute(known.seen.clone()));
            } else if known.seen.state != BatchState::InDoubt {
                batches += 1;
                received += known.seen.received;
                of += known.seen.of;
            }
        }
        if batches > 0 {
            lines.push(Line::Others { batches, received, of });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: u64 = 1_700_000_000_000;

    fn seen(batch: i64, state: BatchState, received: u64, failed: u64) -> Seen {
        Seen { batch, batch_no: format!("b{batch}"), state, missing: false, received, of: 10, failed }
    }

    #[test]
    fn a_batch_has_a_line_when_it_is_accepted_each_minute_with_news_and_when_it_is_complete() {
        let mut watch = Watch::new(T0);
        assert_eq!(watch.tell(T0, Vec::new()), []);
        assert_eq!(watch.tell(T0 + 5_000, vec![seen(1, BatchState::Sending, 0, 0)]), []);
        let accepted = seen(1, BatchState::Accepted, 2, 1);
        assert_eq!(watch.tell(T0 + 10_000, vec![accepted.clone()]), [Line::Accepted(accepted.clone())]);
        assert_eq!(watch.tell(T0 + 15_000, vec![accepted.clone()]), []);
        assert_eq!(watch.tell(T0 + 60_000, vec![accepted.clone()]), [Line::Minute(accepted.clone())]);
        let others = Line::Others { batches: 1, received: 2, of: 10 };
        assert_eq!(watch.tell(T0 + 120_000, vec![accepted]), [others], "ten silent minutes must not be");
        let complete = seen(1, BatchState::Accepted, 10, 3);
        assert_eq!(watch.tell(T0 + 125_000, vec![complete.clone()]), [Line::Complete(complete)]);
        assert_eq!(watch.tell(T0 + 180_000, Vec::new()), []);
        assert_eq!(watch.tell(T0 + 120_000 + IDLE_MS, Vec::new()), [Line::Idle]);
    }

    #[test]
    fn what_was_accepted_before_the_first_look_is_no_news() {
        let mut watch = Watch::new(T0);
        let old = seen(1, BatchState::Accepted, 4, 0);
        let finished = seen(7, BatchState::Accepted, 10, 0);
        assert_eq!(watch.tell(T0, vec![old.clone(), finished, seen(8, BatchState::InDoubt, 0, 0)]), []);
        let doubt = seen(2, BatchState::InDoubt, 0, 0);
        let minute = watch.tell(T0 + 60_000, vec![old, doubt.clone(), seen(8, BatchState::InDoubt, 0, 0)]);
        assert_eq!(minute, [Line::InDoubt(doubt), Line::Others { batches: 1, received: 4, of: 10 }]);
        // A batch whose results came before anybody looked, and one that was in doubt.
        let fast = seen(3, BatchState::Accepted, 10, 0);
        let settled = seen(2, BatchState::Accepted, 1, 0);
        let missing = Seen { missing: true, ..seen(1, BatchState::Accepted, 4, 0) };
        let lines = watch.tell(T0 + 65_000, vec![settled.clone(), fast.clone(), missing.clone()]);
        let expected = [
            Line::Accepted(settled),
            Line::Accepted(fast.clone()),
            Line::Complete(fast),
            Line::Missing(missing),
        ];
        assert_eq!(lines, expected);
        // Refused, or planned again.
        assert_eq!(watch.tell(T0 + 70_000, vec![seen(2, BatchState::Refused, 0, 0)]), []);
    }

    #[test]
    fn many_batches_share_a_line() {
        let mut watch = Watch::new(T0);
        watch.tell(T0, Vec::new());
        let many = |received| (0..80).map(|batch| seen(batch, BatchState::Accepted, received, 0)).collect();
        assert_eq!(watch.tell(T0 + 1, many(1)).len(), 80);
        let lines = watch.tell(T0 + MINUTE_MS, many(2));
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines.last(), Some(&Line::Others { batches: 30, received: 60, of: 300 }));
    }
}

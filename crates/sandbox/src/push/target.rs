//! One receiver: the pushes ready for it, and the workers busy with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::queue::{Job, Single};

/// How long a worker, and so its connection, stays without work.
const IDLE: Duration = Duration::from_secs(10);

/// One receiver.
#[derive(Debug)]
pub(crate) struct Target {
    /// Host and port.
    pub(crate) authority: Arc<str>,
    state: Mutex<State>,
    /// One permit for each result that is ready.
    ready: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    workers: usize,
    idle: usize,
}

impl Target {
    pub(crate) fn new(authority: Arc<str>) -> Self {
        Self { authority, state: Mutex::default(), ready: Semaphore::new(0) }
    }

    /// Adds something that is ready, and says how many workers more it takes, `most` in all. They count from now on.
    pub(crate) fn add(&self, job: Job, most: usize) -> usize {
        let count = job.len();
        let mut state = self.state();
        state.jobs.push_back(job);
        let wanted = count.saturating_sub(state.idle).min(most.saturating_sub(state.workers));
        state.workers += wanted;
        drop(state);
        self.ready.add_permits(count);
        wanted
    }

    /// The next result for a worker; `None` when it should go home, for it is not counted any more then.
    pub(crate) async fn next(&self) -> Option<Single> {
        loop {
            if let Ok(permit) = self.ready.try_acquire() {
                permit.forget();
                return self.take();
            }
            self.state().idle += 1;
            let permit = tokio::time::timeout(IDLE, self.ready.acquire()).await;
            let mut state = self.state();
            state.idle -= 1;
            if let Ok(Ok(permit)) = permit {
                permit.forget();
                drop(state);
                return self.take();
            }
            // Whatever was added before this lock is seen here; whatever comes later sees that this worker has gone.
            if state.jobs.is_empty() {
                state.workers -= 1;
                return None;
            }
        }
    }

    /// Whether nobody works here and nothing is left to do.
    pub(crate) fn is_deserted(&self) -> bool {
        let state = self.state();
        state.workers == 0 && state.jobs.is_empty()
    }

    fn take(&self) -> Option<Single> {
        let mut state = self.state();
        match state.jobs.pop_front()? {
            Job::Single(single) => Some(single),
            Job::Batch { batch, turn, shuffled } => {
                let place = if shuffled { batch.ids.shuffled(turn, batch.count()) } else { turn };
                let rest = Job::Batch { batch: Arc::clone(&batch), turn: turn + 1, shuffled };
                if rest.len() > 0 {
                    state.jobs.push_front(rest);
                }
                Some(Single::new(batch, place))
            }
        }
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

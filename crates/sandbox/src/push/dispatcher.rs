//! Moves due pushes to their receivers, and spawns workers for them.
//!
//! One task, which owns all workers and waits for none: when it ends, they end.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::destination::Destination;
use super::target::Target;
use super::worker;
use crate::state::Shared;

/// Runs until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut targets: HashMap<Arc<str>, Arc<Target>> = HashMap::new();
    let mut workers = JoinSet::new();
    loop {
        while let Some(job) = shared.queue.take_due(shared.clock.running_ms()) {
            let Destination::To { authority, .. } = &job.of().destination else {
                (0..job.len()).for_each(|_| shared.queue.finished());
                continue;
            };
            let target = targets
                .entry(Arc::clone(authority))
                .or_insert_with(|| Arc::new(Target::new(Arc::clone(authority))));
            for _ in 0..target.add(job, shared.settings.push_connections) {
                workers.spawn(worker::run(Arc::clone(&shared), Arc::clone(target)));
            }
        }
        let next = shared.queue.next_due().unwrap_or(u64::MAX);
        tokio::select! {
            () = shared.queue.added() => {}
            () = shared.clock.wait_until(next) => {}
            Some(_) = workers.join_next() => targets.retain(|_, target| !target.is_deserted()),
        }
    }
}

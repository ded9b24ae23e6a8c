//! A thread that owns a connection and does one transaction after the other.
//!
//! It must not answer before its commit. Appends that wait together become one transaction; between them, other work gets its turn.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::fault::Result;
use super::results;
use crate::failpoint::die_at;
use crate::store::{Answer, NewResult, StoreError};

/// The most results in one commit: more would make the first wait too long.
const MOST: usize = 2048;
/// The most bytes of results that may wait; beyond it the device is too slow, and senders had better come back.
const MOST_WAITING: usize = 64 << 20;

pub(super) struct Worker {
    queue: Sender<Work>,
    /// Bytes of results that wait.
    waiting: Arc<AtomicUsize>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

enum Work {
    Append(Waiting, oneshot::Sender<std::result::Result<(), StoreError>>),
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// Results that wait, and count as waiting for as long.
struct Waiting {
    results: Vec<NewResult>,
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Waiting {
    fn take(mut self) -> Vec<NewResult> {
        std::mem::take(&mut self.results)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Worker {
    pub(super) fn start(name: &str, connection: Connection) -> std::result::Result<Self, StoreError> {
        let (queue, work) = channel();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(connection, &work))
            .map_err(|source| StoreError::Database { what: "start its thread", source: source.into() })?;
        Ok(Self { queue, waiting: Arc::default() })
    }

    /// Does `work` in a transaction of its own.
    pub(super) fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        self.with_connection(what, |connection| transaction(connection, work))
    }

    /// Does `work`, which begins its own transactions.
    pub(super) fn with_connection<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let (answer, answered) = oneshot::channel();
        let work = Work::Other(Box::new(move |connection| {
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(work(connection).map_err(|fault| fault.named(what)));
        }));
        self.send(work, answered)
    }

    pub(super) fn append(&self, results: Vec<NewResult>) -> Answer<'_, ()> {
        let bytes = results.iter().map(|result| result.batch_no.len() + result.body.len()).sum();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let waiting = Waiting { results, bytes, all: Arc::clone(&self.waiting) };
        if before > MOST_WAITING {
            let source = "too many results are waiting for the device".into();
            return Box::pin(async { Err(StoreError::Database { what: STORE, source }) });
        }
        let (answer, answered) = oneshot::channel();
        self.send(Work::Append(waiting, answer), answered)
    }

    /// Queues the work at once, not when the answer is first polled: a caller that goes away has still asked.
    fn send<T: Send + 'static>(
        &self,
        work: Work,
        answered: oneshot::Receiver<std::result::Result<T, StoreError>>,
    ) -> Answer<'_, T> {
        let queued = self.queue.send(work);
        Box::pin(async move {
            queued.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }
}

const STORE: &str = "store a result";

pub(super) fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    // A connection that only reads takes no lock, and sees one moment of the file.
    let reads = connection.pragma_query_value(None, "query_only", |row| row.get::<_, bool>(0))?;
    let behavior = if reads { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
    let tx = connection.transaction_with_behavior(behavior)?;
    let value = work(&tx)?;
    if !reads {
        die_at("store.commit");
    }
    tx.commit()?;
    if !reads {
        die_at("store.committed");
    }
    Ok(value)
}

fn run(mut connection: Connection, queue: &Receiver<Work>) {
    let mut later = VecDeque::new();
    while let Some(work) = later.pop_front().or_else(|| queue.recv().ok()) {
        match work {
            Work::Other(work) => work(&mut connection),
            Work::Append(results, answer) => {
                let mut all = results.take();
                let mut answers = vec![answer];
                while all.len() < MOST {
                    match queue.try_recv() {
                        Ok(Work::Append(results, answer)) => {
                            all.extend(results.take());
                            answers.push(answer);
                        }
                        Ok(other) => later.push_back(other),
                        Err(_) => break,
                    }
                }
                let stored = transaction(&mut connection, |tx| results::append(tx, &all));
                let failed = stored.err().map(|fault| fault.why());
                for answer in answers {
                    let result = match &failed {
                        None => Ok(()),
                        Some(why) => Err(StoreError::Database { what: STORE, source: why.clone().into() }),
                    };
                    let _ = answer.send(result);
                }
            }
        }
    }
}

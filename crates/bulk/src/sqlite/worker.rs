//! A thread that owns a connection and does one transaction after the other.
//!
//! It must not answer before its commit. Appends that wait together become one transaction; between them, other work gets its turn.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{database, results};
use crate::store::{Answer, NewResult, StoreError};

/// The most results in one commit: more would make the first wait too long.
const MOST: usize = 2048;

pub(super) struct Worker {
    queue: Sender<Work>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

enum Work {
    Append(Vec<NewResult>, oneshot::Sender<Result<(), StoreError>>),
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
}

impl Worker {
    pub(super) fn start(name: &str, connection: Connection) -> Result<Self, StoreError> {
        let (queue, work) = channel();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(connection, &work))
            .map_err(|source| StoreError::Database { what: "start its thread", source: source.into() })?;
        Ok(Self { queue })
    }

    /// Does `work` in a transaction of its own.
    pub(super) fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Answer<'_, T> {
        let (answer, answered) = oneshot::channel();
        let work = Work::Other(Box::new(move |connection| {
            let done = transaction(connection, work).map_err(database(what));
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(done);
        }));
        self.send(work, answered)
    }

    pub(super) fn append(&self, results: Vec<NewResult>) -> Answer<'_, ()> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Append(results, answer), answered)
    }

    /// Queues the work at once, not when the answer is first polled: a caller that goes away has still asked.
    fn send<T: Send + 'static>(
        &self,
        work: Work,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Answer<'_, T> {
        let queued = self.queue.send(work);
        Box::pin(async move {
            queued.map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }
}

fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
) -> Result<T, rusqlite::Error> {
    // A connection that only reads takes no lock, and sees one moment of the file.
    let behavior = match connection.pragma_query_value(None, "query_only", |row| row.get::<_, bool>(0))? {
        true => TransactionBehavior::Deferred,
        false => TransactionBehavior::Immediate,
    };
    let tx = connection.transaction_with_behavior(behavior)?;
    let value = work(&tx)?;
    tx.commit()?;
    Ok(value)
}

fn run(mut connection: Connection, queue: &Receiver<Work>) {
    let mut later = VecDeque::new();
    while let Some(work) = later.pop_front().or_else(|| queue.recv().ok()) {
        match work {
            Work::Other(work) => work(&mut connection),
            Work::Append(results, answer) => {
                let mut all = results;
                let mut answers = vec![answer];
                while all.len() < MOST {
                    match queue.try_recv() {
                        Ok(Work::Append(results, answer)) => {
                            all.extend(results);
                            answers.push(answer);
                        }
                        Ok(other) => later.push_back(other),
                        Err(_) => break,
                    }
                }
                let stored = transaction(&mut connection, |tx| results::append(tx, &all));
                let failed = stored.err().map(|error| error.to_string());
                for answer in answers {
                    let result = match &failed {
                        None => Ok(()),
                        Some(why) => {
                            Err(StoreError::Database { what: "store a result", source: why.clone().into() })
                        }
                    };
                    let _ = answer.send(result);
                }
            }
        }
    }
}

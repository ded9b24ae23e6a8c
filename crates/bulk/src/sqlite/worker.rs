//! A thread that owns a connection and does one transaction after the other. It answers after the commit.
//!
//! Appends and marks that wait together become one transaction; between them, other work gets its turn. Where many come at the same time, a
//! commit waits a moment for as many as the one before it had: it costs the same for one and for fifty.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::fault::Result;
use super::tx::ready;
use crate::failpoint::die_at;
use crate::sql::each::{self, Mark};
use crate::store::{NewResult, StoreError, StoreFuture};

/// The most results in one commit: more would make the first wait too long.
const MAX_RESULTS: usize = 2048;
/// How long a commit waits for more at most, once results come many at a time.
const PATIENCE: Duration = Duration::from_millis(2);
/// So many are enough for a commit to cost each next to nothing; beyond, while these are written, the next ones had better be read.
const ENOUGH: usize = 64;
/// How often it looks whether they are there.
const STEP: Duration = Duration::from_micros(500);
/// The most bytes of results that may wait; beyond it the device is too slow, and senders had better come back.
const MAX_WAITING_BYTES: usize = 64 << 20;

pub(super) struct Worker {
    /// `None` once it was told to end.
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<Connection>>,
    /// Bytes of results that wait.
    waiting: Arc<AtomicUsize>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

type Answer<T> = oneshot::Sender<std::result::Result<T, StoreError>>;

enum Work {
    Append(Waiting, Answer<()>),
    /// Beside results, if there are any.
    Mark(Waiting, Mark, Answer<bool>),
    Other(Other),
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
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(connection, &work))
            .map_err(|source| StoreError::Database { what: "start its thread", source: source.into() })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), waiting: Arc::default() })
    }

    /// Ends the thread once it has done everything that was asked of it, and gives its connection back. Blocks until then.
    pub(super) fn stop(&mut self) -> Option<Connection> {
        self.queue = None;
        self.thread.take().and_then(|thread| thread.join().ok())
    }

    /// Does `work` in a transaction of its own.
    pub(super) fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.with_connection(what, |connection| transaction(connection, |tx| ready(work(tx))))
    }

    /// Does `work`, which begins its own transactions.
    pub(super) fn with_connection<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (answer, answered) = oneshot::channel();
        let work = Work::Other(Box::new(move |connection| {
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(work(connection).map_err(|fault| fault.named(what)));
        }));
        self.send(work, answered)
    }

    pub(super) fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        let (answer, answered) = oneshot::channel();
        match self.waiting(results) {
            Ok(waiting) => self.send(Work::Append(waiting, answer), answered),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    /// Both in one commit.
    pub(super) fn append_and_mark(&self, results: Vec<NewResult>, mark: Mark) -> StoreFuture<'_, bool> {
        let (answer, answered) = oneshot::channel();
        match self.waiting(results) {
            Ok(waiting) => self.send(Work::Mark(waiting, mark, answer), answered),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn waiting(&self, results: Vec<NewResult>) -> std::result::Result<Waiting, StoreError> {
        let bytes = results.iter().map(|result| result.batch_no.len() + result.body.len()).sum();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let waiting = Waiting { results, bytes, all: Arc::clone(&self.waiting) };
        if before > MAX_WAITING_BYTES && bytes > 0 {
            let source = "too many results are waiting for the device".into();
            return Err(StoreError::Database { what: STORE, source });
        }
        Ok(waiting)
    }

    /// Queues the work at once, not when the answer is first polled: a caller that goes away has still asked.
    fn send<T: Send + 'static>(
        &self,
        work: Work,
        answered: oneshot::Receiver<std::result::Result<T, StoreError>>,
    ) -> StoreFuture<'_, T> {
        let is_queued = self.queue.as_ref().is_some_and(|queue| queue.send(work).is_ok());
        Box::pin(async move {
            if !is_queued {
                return Err(StoreError::Closed);
            }
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }
}

const STORE: &str = "store a result";
const MARK: &str = "mark a phone number";

fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let before = connection.total_changes();
    let tx = connection.transaction()?;
    let value = work(&tx)?;
    let writes = tx.total_changes() > before;
    if writes {
        die_at("store.commit");
    }
    tx.commit()?;
    if writes {
        die_at("store.committed");
    }
    Ok(value)
}

/// A connection that only reads takes no lock, and sees one moment of the file.
fn behavior(connection: &Connection) -> TransactionBehavior {
    match connection.pragma_query_value(None, "query_only", |row| row.get::<_, bool>(0)) {
        Ok(true) => TransactionBehavior::Deferred,
        _ => TransactionBehavior::Immediate,
    }
}

fn run(mut connection: Connection, queue: &Receiver<Work>) -> Connection {
    let behavior = behavior(&connection);
    connection.set_transaction_behavior(behavior);
    let (mut later, mut last) = (VecDeque::new(), 0);
    while let Some(work) = later.pop_front().or_else(|| queue.recv().ok()) {
        let mut batch = Batch::default();
        match batch.take(work) {
            Some(work) => work(&mut connection),
            None => {
                batch.gather(queue, &mut later, last);
                last = batch.len();
                batch.store(&mut connection);
            }
        }
    }
    connection
}

/// Work of its own, which is not committed with any other.
type Other = Box<dyn FnOnce(&mut Connection) + Send>;

/// Results and marks that are committed together, and who waits for them.
#[derive(Default)]
struct Batch {
    results: Vec<NewResult>,
    answers: Vec<Answer<()>>,
    marks: Vec<(Mark, Answer<bool>)>,
}

impl Batch {
    /// How many wait for it.
    fn len(&self) -> usize {
        self.answers.len() + self.marks.len()
    }

    fn is_full(&self) -> bool {
        self.results.len() + self.marks.len() >= MAX_RESULTS
    }

    /// Takes what is committed together with others; returns what is not.
    fn take(&mut self, work: Work) -> Option<Other> {
        match work {
            Work::Append(results, answer) => {
                self.results.extend(results.take());
                self.answers.push(answer);
            }
            Work::Mark(results, mark, answer) => {
                self.results.extend(results.take());
                self.marks.push((mark, answer));
            }
            Work::Other(other) => return Some(other),
        }
        None
    }

    /// Takes what waits, and for a moment what comes, until there are as many as in the last commit. Whoever sends one result after the
    /// other waits for nobody; whoever sends many at a time is answered sooner, because fewer commits leave more of the processor.
    fn gather(&mut self, queue: &Receiver<Work>, later: &mut VecDeque<Work>, last: usize) {
        let start = Instant::now();
        loop {
            while !self.is_full() {
                let Ok(work) = queue.try_recv() else { break };
                later.extend(self.take(work).map(Work::Other));
            }
            if self.len() >= last.min(ENOUGH)
                || self.is_full()
                || !later.is_empty()
                || start.elapsed() >= PATIENCE
            {
                return;
            }
            thread::sleep(STEP);
        }
    }

    fn store(self, connection: &mut Connection) {
        let Self { results, answers, marks } = self;
        let (marks, askers): (Vec<Mark>, Vec<Answer<bool>>) = marks.into_iter().unzip();
        let stored = transaction(connection, |tx| {
            append(tx, &results)?;
            marks.iter().map(|mark| mark_one(tx, mark)).collect::<Result<Vec<_>>>()
        });
        let failed = |what, why: &str| StoreError::Database { what, source: why.to_owned().into() };
        match stored {
            Ok(marked) => {
                for answer in answers {
                    let _ = answer.send(Ok(()));
                }
                for (answer, marked) in askers.into_iter().zip(marked) {
                    let _ = answer.send(marked.map_err(|fault| fault.named(MARK)));
                }
            }
            Err(fault) => {
                let why = fault.why();
                for answer in answers {
                    let _ = answer.send(Err(failed(STORE, &why)));
                }
                for answer in askers {
                    let _ = answer.send(Err(failed(MARK, &why)));
                }
            }
        }
    }
}

/// Judges nothing and looks nothing up.
fn append(tx: &Transaction<'_>, results: &[NewResult]) -> Result<()> {
    let mut insert =
        tx.prepare_cached("INSERT INTO results (received_ms, source, batch_no, body) VALUES (?, ?, ?, ?)")?;
    for result in results {
        insert.execute(params![
            result.received_ms as i64,
            result.source.figure(),
            result.batch_no,
            result.body
        ])?;
    }
    Ok(())
}

/// A mark that cannot be made fails alone, unless the whole transaction does.
fn mark_one(tx: &Transaction<'_>, mark: &Mark) -> Result<Result<bool>> {
    match ready(each::mark(tx, mark)) {
        Err(fault) if tx.is_autocommit() => Err(fault),
        marked => Ok(marked),
    }
}

//! Appending: results that wait together become one statement, and are answered when its commit is on the device.
//!
//! It looks nothing up. A commit whose answer did not come is never called stored, and its results are not sent a second time: whoever
//! brought them comes back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::fault::Fault;
use super::pool::Pool;
use super::session::Session;
use super::tx::columns;
use crate::sql::values;
use crate::store::{NewResult, StoreError, StoreFuture};

/// Connections that append: while one waits for its commit, the other takes what has come since.
pub(super) const WRITERS: usize = 2;
/// The most results in one commit: more would make the first wait too long.
const MAX_RESULTS: usize = 2048;
/// The most bytes in one commit, when more than one call is in it.
const MAX_BYTES: usize = 8 << 20;
/// The most bytes that wait: beyond, results are turned away at once, and come again.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// A place has so many keys.
const KEYS: usize = 1 << 20;
const WHAT: &str = "store a result";

/// Takes results in.
pub(super) struct Appender {
    queue: mpsc::UnboundedSender<Call>,
    waiting: Arc<AtomicUsize>,
}

struct Call {
    results: Vec<NewResult>,
    bytes: usize,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Appender {
    pub(super) fn start(pool: &Arc<Pool>) -> Self {
        let (queue, calls) = mpsc::unbounded_channel();
        let (calls, waiting) = (Arc::new(Mutex::new(calls)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..WRITERS {
            let writer = Writer {
                pool: Arc::clone(pool),
                calls: Arc::clone(&calls),
                waiting: Arc::clone(&waiting),
                session: None,
            };
            tokio::spawn(writer.run());
        }
        Self { queue, waiting }
    }

    /// Queues the results at once, not when the answer is first polled: a caller that goes away has still asked.
    pub(super) fn append(&self, results: Vec<NewResult>) -> StoreFuture<'static, ()> {
        if results.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let bytes = results.iter().map(|result| result.body.len() + result.batch_no.len() + 64).sum();
        // A single call is always let in, however large it is, when nothing else waits.
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let refusal = if results.len() > KEYS {
            Some("too many results in one call")
        } else if before > 0 && before + bytes > MAX_WAITING_BYTES {
            Some("more results are waiting than the database keeps up with")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            let error = StoreError::Database { what: WHAT, source: refusal.into() };
            return Box::pin(std::future::ready(Err(error)));
        }
        let (answer, answered) = oneshot::channel();
        let queued = self.queue.send(Call { results, bytes, answer });
        Box::pin(async move {
            queued.map_err(|_| StoreError::Closed)?;
            // The runtime ended while it was on its way.
            answered
                .await
                .map_err(|_| StoreError::Unanswered { what: WHAT, source: "its task has ended".into() })?
        })
    }
}

struct Writer {
    pool: Arc<Pool>,
    calls: Arc<Mutex<mpsc::UnboundedReceiver<Call>>>,
    waiting: Arc<AtomicUsize>,
    session: Option<Session>,
}

impl Writer {
    async fn run(mut self) {
        loop {
            let calls = take(&mut *self.calls.lock().await).await;
            if calls.is_empty() {
                return;
            }
            let stored = self.store(&calls).await;
            for call in calls {
                self.waiting.fetch_sub(call.bytes, Ordering::Relaxed);
                // Nobody waits any more: it is stored all the same.
                let _ = call.answer.send(stored.clone().map_err(StoreError::from));
            }
        }
    }

    async fn store(&mut self, calls: &[Call]) -> Result<(), NotStored> {
        let session = match self.session.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => self.pool.open().await.map_err(|fault| NotStored::new(&fault, true))?,
        };
        match insert(&session, calls).await {
            Ok(()) => {
                self.session = Some(session);
                Ok(())
            }
            Err(fault) => {
                let undone = fault.is_undone();
                if undone {
                    self.session = Some(session);
                }
                Err(NotStored::new(&fault, undone))
            }
        }
    }
}

/// What waits, up to the limits; nothing once the store is gone.
async fn take(queue: &mut mpsc::UnboundedReceiver<Call>) -> Vec<Call> {
    let Some(first) = queue.recv().await else { return Vec::new() };
    let (mut results, mut bytes) = (first.results.len(), first.bytes);
    let mut calls = vec![first];
    while results < MAX_RESULTS && bytes < MAX_BYTES {
        let Ok(call) = queue.try_recv() else { break };
        // A place has keys enough for both limits together.
        (results, bytes) = (results + call.results.len(), bytes + call.bytes);
        calls.push(call);
    }
    calls
}

/// One statement outside any transaction is a transaction of its own, committed when its answer is here.
const INSERT: &str = "WITH place AS MATERIALIZED (SELECT nextval('places') << 20 AS first),
    kept AS (
        INSERT INTO results (id, received_ms, source, batch_no, body)
        SELECT place.first + new.at - 1, new.received_ms, new.source, new.batch_no, new.body
        FROM place, unnest($1::bigint[], $2::smallint[], $3::bytea[], $4::bytea[])
            WITH ORDINALITY AS new (received_ms, source, batch_no, body, at)
    )
    INSERT INTO inbox (first, next, behind) SELECT first, first, first + cardinality($1::bigint[]) FROM place";

async fn insert(session: &Session, calls: &[Call]) -> Result<(), Fault> {
    let results = calls.iter().flat_map(|call| &call.results);
    let rows =
        results.map(|result| values![result.received_ms, result.source, &result.batch_no, &result.body]);
    session.execute(INSERT, &columns(&rows.collect::<Vec<_>>())).await?;
    Ok(())
}

/// Why a commit that several callers shared failed: each gets it.
#[derive(Clone, Debug)]
struct NotStored {
    undone: bool,
    why: Arc<str>,
}

impl NotStored {
    fn new(fault: &Fault, undone: bool) -> Self {
        let mut why = fault.to_string();
        let mut next = std::error::Error::source(fault);
        while let Some(source) = next {
            why = format!("{why}: {source}");
            next = source.source();
        }
        Self { undone, why: why.into() }
    }
}

impl From<NotStored> for StoreError {
    fn from(error: NotStored) -> Self {
        let source = Box::<dyn std::error::Error + Send + Sync>::from(&*error.why);
        match error.undone {
            true => Self::Database { what: WHAT, source },
            false => Self::Unanswered { what: WHAT, source },
        }
    }
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Appender")
    }
}

//! A small connection pool that runs transactions, and repeats one only if it was certainly not committed.
//!
//! A connection with an open transaction never returns to the pool; a commit without confirmation is an error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::append;
use super::fault::{self, Fault};
use super::schema;
use super::session::Session;
use crate::failpoint::die_at;
use crate::sql::Purpose;
use crate::store::StoreError;

/// How many transactions run at once; others wait for their turn.
const MAX_TRANSACTIONS: usize = 4;
/// How many connections a process has at most.
pub(super) const MAX_CONNECTIONS: usize = MAX_TRANSACTIONS + append::WRITERS;
/// How long a server may take to open connections. A pooler that has none left lets clients wait.
const OPENING: Duration = Duration::from_secs(15);
/// How long to wait before each further try: about ten seconds, in which a server has restarted.
const PAUSES: [u64; 8] = [50, 100, 250, 500, 1000, 2000, 3000, 3000];

/// Connections to a server, opened when they are needed.
pub(super) struct Pool {
    address: Address,
    idle: Mutex<Vec<Session>>,
    places: Semaphore,
    /// One settling at a time in this process: others would wait in the server, each with a connection.
    settling: tokio::sync::Mutex<()>,
}

/// How an attempt ended that did not end well.
enum Ended {
    /// Surely nothing has happened.
    Undone(Fault),
    /// The commit was sent, and this came instead of its answer.
    Commit(Fault),
}

impl Pool {
    pub(super) fn new(address: Address) -> Arc<Self> {
        Arc::new(Self {
            address,
            idle: Mutex::default(),
            places: Semaphore::new(MAX_TRANSACTIONS),
            settling: Default::default(),
        })
    }

    /// Does `work` in a transaction. When the server is away it is waited for; once the commit was sent, nothing is tried again.
    pub(super) async fn call<T>(
        &self,
        what: &'static str,
        purpose: Purpose,
        work: impl AsyncFn(&Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.attempt(purpose, &work).await {
                Ok(value) => return Ok(value),
                Err(Ended::Commit(fault)) => return Err(fault::commit(what, fault)),
                Err(Ended::Undone(fault)) => match pauses.next().filter(|_| fault.is_passing()) {
                    Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                    None => return Err(fault::database(what)(fault)),
                },
            }
        }
    }

    /// Does `work` in a transaction, once: a server that is not there is said at once.
    pub(super) async fn call_once<T>(
        &self,
        what: &'static str,
        work: impl AsyncFn(&Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.attempt(Purpose::Write, &work).await.map_err(|ended| match ended {
            Ended::Undone(fault) => fault::database(what)(fault),
            Ended::Commit(fault) => fault::commit(what, fault),
        })
    }

    async fn attempt<T>(
        &self,
        purpose: Purpose,
        work: &impl AsyncFn(&Session) -> Result<T, Fault>,
    ) -> Result<T, Ended> {
        let _turn = match purpose {
            Purpose::Settle => Some(self.settling.lock().await),
            Purpose::Write | Purpose::Read => None,
        };
        let lease = self.lease().await.map_err(Ended::Undone)?;
        let begin = match purpose {
            Purpose::Write => "BEGIN",
            Purpose::Settle => schema::BEGIN_SETTLING,
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        lease.session.batch(begin).await.map_err(Ended::Undone)?;
        match work(&lease.session).await {
            Ok(value) => {
                if purpose != Purpose::Read {
                    die_at("store.commit");
                }
                let committed = lease.session.batch("COMMIT").await;
                if purpose != Purpose::Read {
                    die_at("store.committed");
                }
                match (committed, purpose) {
                    (Ok(()), _) => {
                        lease.give_back();
                        Ok(value)
                    }
                    // What was read was read.
                    (Err(_), Purpose::Read) => Ok(value),
                    (Err(fault), Purpose::Write | Purpose::Settle) => Err(Ended::Commit(fault)),
                }
            }
            Err(fault) => {
                if lease.session.batch("ROLLBACK").await.is_ok() {
                    lease.give_back();
                }
                Err(Ended::Undone(fault))
            }
        }
    }

    /// Opens the first connections, and finds out whether they are the store's own.
    pub(super) async fn begin(&self) -> Result<(), Fault> {
        let opened = tokio::time::timeout(OPENING, Session::open_two(&self.address)).await;
        let late = || {
            Fault::unfit(format!(
                "it gave no second connection within {} s, and a command needs {MAX_CONNECTIONS}",
                OPENING.as_secs()
            ))
        };
        self.idle().extend(opened.map_err(|_| late())??);
        Ok(())
    }

    /// Opens all connections that this process may need at once, and keeps them: later the server may have none left.
    pub(super) async fn reserve(&self) -> Result<(), Fault> {
        // A process that has just ended gives its own back within a moment.
        let mut pauses = PAUSES.into_iter().take(4);
        while let Some(fault) = self.open_missing().await {
            match pauses.next().filter(|_| fault.is_passing()) {
                Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                None => {
                    let text = format!(
                        "it gives {} connections, and a command needs {MAX_CONNECTIONS}: raise max_connections, the user's CONNECTION \
                         LIMIT or the pooler's default_pool_size, or end what has the others",
                        self.idle().len()
                    );
                    return Err(Fault::unfit_because(text, fault));
                }
            }
        }
        Ok(())
    }

    async fn open_missing(&self) -> Option<Fault> {
        let missing = MAX_CONNECTIONS.saturating_sub(self.idle().len());
        let opening = (0..missing).map(|_| async {
            let opened = tokio::time::timeout(OPENING, Session::open(&self.address)).await;
            opened.unwrap_or_else(|_| Err(Fault::unfit("it lets this one wait")))
        });
        let mut refused = None;
        for opened in join_all(opening).await {
            match opened {
                Ok(session) => self.idle().push(session),
                Err(fault) => refused = Some(fault),
            }
        }
        refused
    }

    /// A connection of one's own, outside the number of transactions.
    pub(super) async fn open(&self) -> Result<Session, Fault> {
        match self.unused() {
            Some(session) => Ok(session),
            None => Session::open(&self.address).await,
        }
    }

    async fn lease(&self) -> Result<Lease<'_>, Fault> {
        let place = self.places.acquire().await.map_err(|_| Fault::unfit("the store is closed"))?;
        Ok(Lease { pool: self, session: self.open().await?, _place: place })
    }

    fn unused(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|session| !session.is_closed());
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropped, it is closed, and whatever was begun in it undone; only [`Lease::give_back`] keeps it.
struct Lease<'a> {
    pool: &'a Pool,
    session: Session,
    _place: SemaphorePermit<'a>,
}

impl Lease<'_> {
    fn give_back(self) {
        self.pool.idle().push(self.session);
    }
}

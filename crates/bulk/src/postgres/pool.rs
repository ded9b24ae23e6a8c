//! A small connection pool that runs transactions, and repeats one only if it was certainly not committed.
//!
//! A connection with an open transaction never returns to the pool; a commit without confirmation is an error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::fault::{self, Fault};
use super::schema;
use super::session::Session;
use crate::failpoint::die_at;
use crate::sql::Purpose;
use crate::store::StoreError;

/// How many transactions run at once; others wait for their turn.
const MAX_CONNECTIONS: usize = 4;
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
            places: Semaphore::new(MAX_CONNECTIONS),
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

    /// A connection of one's own, outside the pool's number.
    pub(super) async fn open(&self) -> Result<Session, Fault> {
        Session::open(&self.address).await
    }

    async fn lease(&self) -> Result<Lease<'_>, Fault> {
        let place = self.places.acquire().await.map_err(|_| Fault::unfit("the store is closed"))?;
        let found = {
            let mut idle = self.idle();
            idle.retain(|session| !session.is_closed());
            idle.pop()
        };
        let session = match found {
            Some(session) => session,
            None => self.open().await?,
        };
        Ok(Lease { pool: self, session, _place: place })
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

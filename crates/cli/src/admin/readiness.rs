//! Whether a process should get pushes: it accepts them, and its store can be written.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{Store, StoreError, SystemWallClock, WallClock as _};
use numcheck_job::ReceiverView;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::stop::Stop;

/// How long a store may take to write next to nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long an answer holds: whoever asks more often makes no more work.
const HOLDS: Duration = Duration::from_secs(1);

pub(super) struct Readiness {
    store: Arc<dyn Store>,
    receiver: Option<ReceiverView>,
    stop: Stop,
    probing: Mutex<Probing>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readiness")
    }
}

#[derive(Default)]
struct Probing {
    /// A probe that has not ended, and since when: a stuck store gets no second one.
    under_way: Option<(Instant, JoinHandle<Result<(), StoreError>>)>,
    /// The last answer.
    known: Option<(Instant, Result<(), String>)>,
}

impl Readiness {
    pub(super) fn new(store: Arc<dyn Store>, receiver: Option<ReceiverView>) -> Self {
        Self { store, receiver, stop: Stop::process(), probing: Mutex::default() }
    }

    /// Whether it is being stopped, and takes nothing more in.
    pub(super) fn is_draining(&self) -> bool {
        self.stop.asked() || self.receiver.as_ref().is_some_and(|receiver| !receiver.is_accepting())
    }

    /// Why it is not ready, for people.
    pub(super) async fn check(&self) -> Result<(), String> {
        if self.is_draining() {
            return Err("draining: it was told to stop, and takes nothing more in".to_owned());
        }
        self.probe().await
    }

    /// Whether the store can be written.
    pub(super) async fn probe(&self) -> Result<(), String> {
        let mut probing = self.probing.lock().await;
        if let Some((at, known)) = &probing.known
            && at.elapsed() < HOLDS
        {
            return known.clone();
        }
        let (since, probe) = probing.under_way.get_or_insert_with(|| {
            let store = Arc::clone(&self.store);
            (Instant::now(), tokio::spawn(async move { store.probe(SystemWallClock.now_ms()).await }))
        });
        let since = *since;
        let answer = match timeout(PATIENCE, probe).await {
            Ok(ended) => {
                probing.under_way = None;
                match ended {
                    Ok(written) => written.map_err(|error| error.to_string()),
                    Err(_) => Err("the store could not be asked".to_owned()),
                }
            }
            Err(_) => Err(format!("the store has not answered a write for {} s", since.elapsed().as_secs())),
        };
        probing.known = Some((Instant::now(), answer.clone()));
        answer
    }
}

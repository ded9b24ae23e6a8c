//! The receiver of a job's pushes, listening.
//!
//! It answers 200 only after the inbox has stored, and takes in nothing without a capability of this store.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use numcheck_bulk::{Inbox, Store};
use numcheck_webhook::{
    Closed, Counts, Gate, NotStored, Push, PushVerifier, Receiver, ReceiverKey, ReceiverLimits, Server,
};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::latency::{Latencies, Stopwatch};

/// How often what was turned away is written down, if there is anything: other processes show it.
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// No id is longer, in bytes: the documents say 64 characters.
const MAX_ID_LEN: usize = 256;

/// The store's key for receivers: made once, and the same for all processes on the store.
///
/// # Errors
/// When the store fails, or the machine gives no random numbers.
pub async fn receiver_key(store: &dyn Store) -> Result<ReceiverKey, ReceivingError> {
    let mut fresh = vec![0; ReceiverKey::MIN_LEN];
    getrandom::fill(&mut fresh).map_err(|_| ReceivingError::NoRandom)?;
    let bytes = store.secret("receiver", fresh).await?;
    Ok(ReceiverKey::from_bytes(&bytes)?)
}

/// A receiver that runs until it is closed.
#[derive(Debug)]
pub struct Receiving {
    address: SocketAddr,
    key: ReceiverKey,
    public_url: String,
    view: ReceiverView,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Closed, JoinError>>,
}

impl Receiving {
    /// Listens at `listen`. `public_url` is how the platform reaches it; its own address otherwise.
    ///
    /// The signatures of pushes are checked where there is a verifier, and ignored otherwise.
    ///
    /// The key is the store's, so that what was submitted by an earlier process, or another one, is received too.
    ///
    /// What is [turned away](Counts::turned_away) is [counted](Inbox::note_turned_away) in the inbox and the store: every ten seconds, and at the end.
    ///
    /// # Errors
    /// When the store gives no key, or the address cannot be listened at. Nothing was sent.
    pub async fn start(
        store: &dyn Store,
        inbox: &Inbox<dyn Store>,
        listen: SocketAddr,
        public_url: Option<&str>,
        verifier: Option<PushVerifier>,
    ) -> Result<Self, ReceivingError> {
        let key = receiver_key(store).await?;
        let server = Server::bind(listen)?;
        let address = server.local_addr();
        let public_url = public_url.map_or_else(|| format!("http://{address}"), str::to_owned);
        let gate = Gate::new(key.clone()).with_fixed_url();
        let gate = match verifier {
            Some(verifier) => gate.verifying(verifier),
            None => gate,
        };
        let (inbox, counting) = (inbox.clone(), inbox.clone());
        let (storing, is_accepting) = (Arc::<Stopwatch>::default(), Arc::new(AtomicBool::new(true)));
        let stopwatch = Arc::clone(&storing);
        // What a result says is read when it is entered.
        let handler = move |push: Push| {
            let (inbox, stopwatch) = (inbox.clone(), Arc::clone(&stopwatch));
            async move {
                let began = Instant::now();
                let stored = inbox.store(&name_of_batch(&push), push.raw()).await;
                stopwatch.add(began.elapsed());
                stored.map_err(|error| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a result could not be stored; it will come again"
                    );
                    NotStored
                })
            }
        };
        let receiver = Receiver::unread(gate, handler, ReceiverLimits::default());
        let counts = {
            let receiver = receiver.clone();
            Arc::new(move || receiver.counts())
        };
        let view = ReceiverView { counts, storing, is_accepting };
        let accepting = Arc::clone(&view.is_accepting);
        let (stop, stopped) = oneshot::channel();
        let serving = server.serve(receiver.clone(), async { drop(stopped.await) });
        let served = tokio::spawn(async move {
            // A task of its own: a store that takes its time to count holds up no push.
            let mut serving = tokio::spawn(serving);
            let mut noted = Counts::default();
            loop {
                let ended = tokio::time::timeout(NOTE_EVERY, &mut serving).await;
                note(&counting, receiver.counts(), &mut noted).await;
                if let Ok(ended) = ended {
                    accepting.store(false, Ordering::Relaxed);
                    return ended;
                }
            }
        });
        Ok(Self { address, key, public_url, view, stop, served })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What makes callback URLs.
    pub fn callback(&self) -> (ReceiverKey, String) {
        (self.key.clone(), self.public_url.clone())
    }

    /// What it has seen, while it receives and afterwards.
    pub fn view(&self) -> ReceiverView {
        self.view.clone()
    }

    /// Accepts no more, closes connections that are idle, and lets what is being stored come to its end, within [`ReceiverLimits::stop_time`]: what is
    /// not stored by then is not acknowledged, and comes again. [`ReceiverView::is_accepting`] is `false` before anything else happens.
    pub async fn close(self) {
        self.view.is_accepting.store(false, Ordering::Relaxed);
        drop(self.stop);
        match self.served.await.and_then(|served| served) {
            Ok(Closed { connections: 0, stores: 0, .. }) => {}
            Ok(Closed { connections, stores, .. }) => tracing::warn!(
                connections,
                stores,
                "the receiver was closed with connections cut, or results not stored; none of those was acknowledged, and they come again"
            ),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the receiver has ended in a way it should not"
            ),
        }
    }
}

/// What a receiver has seen, for whoever watches it. Clones share it.
#[derive(Clone)]
pub struct ReceiverView {
    counts: Arc<dyn Fn() -> Counts + Send + Sync>,
    storing: Arc<Stopwatch>,
    is_accepting: Arc<AtomicBool>,
}

impl ReceiverView {
    /// What came, and what became of it.
    pub fn counts(&self) -> Counts {
        (self.counts)()
    }

    /// How long the store took for a push, stored or not.
    pub fn storing(&self) -> Latencies {
        self.storing.snapshot()
    }

    /// Whether it takes pushes in; not any more once it is being closed.
    pub fn is_accepting(&self) -> bool {
        self.is_accepting.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for ReceiverView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverView").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// The `batchNo` of a push, or else the id of its submit, which is a name of the batch, too, once the submit was accepted. What has neither is no
/// batch's: it is quarantined.
fn name_of_batch(push: &Push) -> String {
    if let Some(batch_no) = push.batch() {
        return batch_no.as_str().to_owned();
    }
    let reading = push.read();
    let id = reading.result().and_then(|result| result.id()).filter(|id| id.len() <= MAX_ID_LEN);
    id.map_or_else(String::new, |id| submit_id(&id).to_owned())
}

/// The id of a check without its last part, a hyphen and up to six digits, by which the checks of one submit differ.
fn submit_id(id: &str) -> &str {
    let is_figure =
        |part: &str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    id.rsplit_once('-').filter(|(_, last)| is_figure(last)).map_or(id, |(submit, _)| submit)
}

/// Writes down what was turned away since it was `noted`.
async fn note(inbox: &Inbox<dyn Store>, counts: Counts, noted: &mut Counts) {
    let kinds = counts.turned_away().zip(noted.turned_away());
    let kinds = kinds.map(|((kind, count, _), (_, before, _))| (kind, count - before));
    let kinds: Vec<(&str, u64)> = kinds.filter(|(_, count)| *count > 0).collect();
    if kinds.is_empty() {
        return;
    }
    match inbox.note_turned_away(&kinds).await {
        Ok(()) => *noted = counts,
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "requests that were turned away could not be counted in the store"
        ),
    }
}

/// Why a receiver does not listen. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceivingError {
    /// The machine gives no random numbers for the receiver's key.
    #[error("this machine gives no random numbers")]
    NoRandom,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] numcheck_bulk::StoreError),
    /// The key in the store is none.
    #[error(transparent)]
    Key(#[from] numcheck_webhook::KeyError),
    /// The address cannot be listened at.
    #[error(transparent)]
    Bind(#[from] numcheck_webhook::BindError),
}

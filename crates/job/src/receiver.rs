//! The receiver of a job's pushes, listening.
//!
//! It answers 200 only after the inbox has stored, and takes in nothing without a capability of this store.

use std::net::SocketAddr;
use std::time::Duration;

use numcheck_bulk::{Inbox, Store};
use numcheck_webhook::{
    Closed, Counts, Gate, NotStored, Push, PushVerifier, Receiver, ReceiverKey, ReceiverLimits, Server,
};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

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
        // What a result says is read when it is entered.
        let handler = move |push: Push| {
            let inbox = inbox.clone();
            async move {
                inbox.store(&name_of_batch(&push), push.raw()).await.map_err(|error| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a result could not be stored; it will come again"
                    );
                    NotStored
                })
            }
        };
        let receiver = Receiver::unread(gate, handler, ReceiverLimits::default());
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
                    return ended;
                }
            }
        });
        Ok(Self { address, key, public_url, stop, served })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What makes callback URLs.
    pub fn callback(&self) -> (ReceiverKey, String) {
        (self.key.clone(), self.public_url.clone())
    }

    /// Accepts no more, and lets what is being stored come to its end.
    pub async fn close(self) {
        drop(self.stop);
        if let Err(error) = self.served.await.and_then(|served| served) {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the receiver has ended in a way it should not"
            );
        }
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

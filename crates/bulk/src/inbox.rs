//! Receiving: a result is durable before its sender hears of it, and finds its phone number soon after.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::clock::WallClock;
use crate::failpoint::die_at;
use crate::service::Row;
use crate::store::{Folded, NewResult, Reread, Source, Store, StoreError, TurnedAway, drifting};

/// How many results are entered at a time: few enough that a waiting push is not held up.
const SLICE: u32 = 128;

/// Takes results in. Cheap to clone.
#[derive(Debug)]
pub struct Inbox<S: ?Sized> {
    store: Arc<S>,
    clock: Arc<dyn WallClock>,
    /// Told whenever there is something to enter.
    arrived: Arc<Notify>,
    /// Told whenever something was entered.
    entered: Arc<Notify>,
    /// Repeats, conflicts, strays and second charges.
    unmatched: Arc<[AtomicU64; 4]>,
    crowded: Arc<Mutex<Crowded>>,
    turned_away: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// How often it is looked up whether a batch may quarantine anything more, in pushes for that batch.
const LOOK_EVERY: u32 = 256;
/// Of so many batches the pushes are counted.
const MAX_COUNTED: usize = 10_000;

/// Batches for which much comes: whoever knows one URL must not fill the store.
#[derive(Debug, Default)]
struct Crowded {
    counts: HashMap<String, u32>,
    /// Nothing more is quarantined for these.
    full: HashSet<String>,
}

impl<S: ?Sized> Clone for Inbox<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            arrived: Arc::clone(&self.arrived),
            entered: Arc::clone(&self.entered),
            unmatched: Arc::clone(&self.unmatched),
            crowded: Arc::clone(&self.crowded),
            turned_away: Arc::clone(&self.turned_away),
        }
    }
}

impl<S: Store + ?Sized> Inbox<S> {
    /// An inbox before a store.
    pub fn new(store: Arc<S>, clock: Arc<dyn WallClock>) -> Self {
        Self {
            store,
            clock,
            arrived: Arc::default(),
            entered: Arc::default(),
            unmatched: Arc::default(),
            crowded: Arc::default(),
            turned_away: Arc::default(),
        }
    }

    /// Stores a pushed result of the batch that its capability named. Once this returns `Ok` it is durable: answer 200 then, and not
    /// before.
    ///
    /// # Errors
    /// When it is not known to be stored: answer 503, and the platform comes back. Also when so much has been quarantined for the batch that
    /// only results of phone numbers which still lack one are taken in.
    pub async fn store(&self, batch_no: &str, body: &[u8]) -> Result<(), StoreError> {
        if self.is_full(batch_no).await? && !self.store.expects(batch_no, body).await? {
            return Err(StoreError::QuarantineFull);
        }
        self.keep(batch_no, Source::Push, [body.to_vec()]).await
    }

    async fn is_full(&self, batch_no: &str) -> Result<bool, StoreError> {
        let is_due = {
            let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
            if crowded.full.contains(batch_no) {
                return Ok(true);
            }
            match crowded.counts.get_mut(batch_no) {
                Some(count) => {
                    *count = count.wrapping_add(1);
                    *count % LOOK_EVERY == 0
                }
                None => {
                    if crowded.counts.len() >= MAX_COUNTED {
                        crowded.counts.clear();
                    }
                    crowded.counts.insert(batch_no.to_owned(), 1);
                    false
                }
            }
        };
        if !is_due || !self.store.is_full(batch_no).await? {
            return Ok(false);
        }
        self.remember_full(batch_no);
        Ok(true)
    }

    fn remember_full(&self, batch_no: &str) {
        let mut crowded = self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        if crowded.full.len() < MAX_COUNTED && crowded.full.insert(batch_no.to_owned()) {
            tracing::error!(
                batch_no,
                "more results without a phone number of this batch than can be kept: further ones are turned away"
            );
        }
    }

    /// Stores what a reply brought at once.
    ///
    /// # Errors
    /// When it is not known to be stored: then it must be shown to the person, whole.
    pub async fn store_row(&self, batch_no: &str, row: Row) -> Result<(), StoreError> {
        self.keep(batch_no, row.source, [row.body]).await
    }

    /// Stores results that were fetched.
    ///
    /// # Errors
    /// When they are not known to be stored.
    pub async fn store_fetched(&self, batch_no: &str, bodies: Vec<Vec<u8>>) -> Result<(), StoreError> {
        self.keep(batch_no, Source::Query, bodies).await
    }

    async fn keep(
        &self,
        batch_no: &str,
        source: Source,
        bodies: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), StoreError> {
        let received_ms = self.clock.now_ms();
        let result = |body| NewResult { batch_no: batch_no.to_owned(), source, body, received_ms };
        die_at("receive.append");
        self.store.append(bodies.into_iter().map(result).collect()).await?;
        die_at("receive.appended");
        self.arrived.notify_one();
        Ok(())
    }

    /// Enters what was stored, now, until nothing is waiting.
    ///
    /// # Errors
    /// When the store fails; what was entered before stays entered.
    pub async fn fold_all(&self) -> Result<Folded, StoreError> {
        let mut sum = Folded::default();
        loop {
            let folded = self.store.fold(SLICE).await?;
            die_at(if folded.seen > 0 { "fold.folded" } else { "fold.idle" });
            drifting::say(&folded.news);
            folded.full.iter().for_each(|batch_no| self.remember_full(batch_no));
            let [repeats, conflicts, strays, charged_again] = &*self.unmatched;
            charged_again.fetch_add(folded.charged_again.into(), Ordering::Relaxed);
            repeats.fetch_add(folded.repeats.into(), Ordering::Relaxed);
            conflicts.fetch_add(folded.conflicts.into(), Ordering::Relaxed);
            strays.fetch_add(folded.strays.into(), Ordering::Relaxed);
            let seen = folded.seen;
            sum.add(folded);
            if seen > 0 {
                self.entered.notify_waiters();
            }
            if seen < SLICE {
                return Ok(sum);
            }
        }
    }

    /// Enters what waits, then what was quarantined without a phone number and [belongs to one now](Store::reread). Reads the whole quarantine.
    /// Once more enters nothing twice.
    ///
    /// # Errors
    /// When the store fails; what was entered before stays entered.
    pub async fn reread_all(&self) -> Result<Reread, StoreError> {
        self.fold_all().await?;
        let mut sum = Reread::default();
        loop {
            let reread = self.store.reread(sum.last.unwrap_or_default(), SLICE).await?;
            drifting::say(&reread.entered.news);
            sum.seen += reread.seen;
            sum.last = reread.last.or(sum.last);
            if reread.entered.seen > 0 {
                self.entered.notify_waiters();
            }
            sum.entered.add(reread.entered);
            if reread.seen < SLICE {
                return Ok(sum);
            }
        }
    }

    /// Enters results as they come, until it is dropped. One process of a store needs to do this.
    pub async fn keep_folding(&self, folding: Folding) {
        loop {
            match self.fold_all().await {
                // A result that comes alone is entered at once; of many that come together, the next ones wait for each other.
                Ok(folded) if folded.seen > 0 => tokio::time::sleep(folding.pause).await,
                Ok(_) => {}
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "results could not be entered; they are stored, and tried again"
                ),
            }
            // Other processes append too: look now and then, told or not.
            let _ = tokio::time::timeout(folding.look_every, self.arrived.notified()).await;
        }
    }

    /// What this process has entered beside the first result of each phone number.
    pub fn unmatched(&self) -> Unmatched {
        let counts = self.unmatched.each_ref().map(|count| count.load(Ordering::Relaxed));
        let [repeats, conflicts, strays, charged_again] = counts;
        Unmatched { repeats, conflicts, strays, charged_again }
    }

    /// Counts requests that a receiver before this inbox has turned away, by kind.
    ///
    /// # Errors
    /// When it is not known to be written: then count them again.
    pub async fn note_turned_away(&self, kinds: &[(&str, u64)]) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let noted = kinds.iter().map(|(kind, count)| TurnedAway::new(*kind, *count, now_ms));
        self.store.note_turned_away(noted.collect()).await?;
        let mut own = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.iter().for_each(|(kind, count)| *own.entry((*kind).to_owned()).or_default() += count);
        Ok(())
    }

    /// What receivers of this process have turned away, by kind. [`Store::turned_away`] tells of all.
    pub fn turned_away(&self) -> BTreeMap<String, u64> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Resolves when results were entered after this call.
    pub fn entered(&self) -> impl Future<Output = ()> + '_ {
        self.entered.notified()
    }
}

/// How results are entered.
#[derive(Clone, Copy, Debug)]
pub struct Folding {
    /// How often to look for results that another process has stored.
    pub look_every: std::time::Duration,
    /// How long to let results gather between two times: entering many at once costs each a fraction.
    pub pause: std::time::Duration,
}

impl Default for Folding {
    fn default() -> Self {
        let of_ms = std::time::Duration::from_millis;
        Self { look_every: of_ms(500), pause: of_ms(50) }
    }
}

/// What came in beside the first result of each phone number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The same result again.
    pub repeats: u64,
    /// A second result with other content; both are kept, the first one counts.
    pub conflicts: u64,
    /// Results of no phone number that is known; they are kept.
    pub strays: u64,
    /// Results of a second sending of a phone number: charged, counted, and kept.
    pub charged_again: u64,
}

//! Pushes to come, by due time.
//!
//! A batch waits as one entry, however many phone numbers it has; only results that a receiver refused wait one by one.

use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::number_check::{Batch, Variant};

/// Something to push.
#[derive(Debug)]
pub(crate) enum Job {
    /// All results of a batch from the `turn`-th on.
    Batch { batch: Arc<Batch>, turn: u32, shuffled: bool },
    /// One result.
    Single(Single),
}

impl Job {
    /// All results of a batch.
    pub(crate) fn batch(batch: Arc<Batch>, shuffled: bool) -> Self {
        Self::Batch { batch, turn: 0, shuffled }
    }

    /// The batch that it belongs to.
    pub(crate) fn of(&self) -> &Batch {
        match self {
            Self::Batch { batch, .. } | Self::Single(Single { batch, .. }) => batch,
        }
    }

    /// How many results are left in it.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Batch { batch, turn, .. } => batch.count().saturating_sub(*turn) as usize,
            Self::Single(_) => 1,
        }
    }
}

/// One result to push.
#[derive(Debug)]
pub(crate) struct Single {
    pub(crate) batch: Arc<Batch>,
    pub(crate) place: u32,
    pub(crate) variant: Variant,
    /// How often it was tried already.
    pub(crate) tried: u32,
    /// When it was first tried.
    pub(crate) first_tried_ms: u64,
    /// Whether its next attempt carries a signature that is wrong.
    pub(crate) wrong_sign: bool,
    /// Whether magic and faults have had their say.
    pub(crate) planned: bool,
    /// What is pushed once this one was first tried.
    pub(crate) then: Option<Variant>,
    /// Dropped once it was tried: somebody waits for that.
    pub(crate) waiting: Option<oneshot::Sender<()>>,
}

impl Single {
    pub(crate) fn new(batch: Arc<Batch>, place: u32) -> Self {
        Self {
            batch,
            place,
            variant: Variant::First,
            tried: 0,
            first_tried_ms: 0,
            wrong_sign: false,
            planned: false,
            then: None,
            waiting: None,
        }
    }
}

/// Everything that is still to be pushed.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    timed: Mutex<Timed>,
    added: Notify,
    /// How many results are due and not yet dealt with.
    unfinished: AtomicUsize,
    progress: Notify,
}

#[derive(Debug, Default)]
struct Timed {
    heap: BinaryHeap<Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    due_ms: u64,
    /// Keeps what is due at the same time in the order in which it was added.
    sequence: u64,
    job: Job,
}

impl Queue {
    /// Adds something to push at a time.
    pub(crate) fn add(&self, due_ms: u64, job: Job) {
        let mut timed = self.timed();
        timed.next += 1;
        let sequence = timed.next;
        timed.heap.push(Entry { due_ms, sequence, job });
        drop(timed);
        self.added.notify_one();
    }

    /// Takes out the next thing that is due. It counts as unfinished until [`finished`](Self::finished) was called for each result.
    pub(crate) fn take_due(&self, now_ms: u64) -> Option<Job> {
        let mut timed = self.timed();
        if timed.heap.peek()?.due_ms > now_ms {
            return None;
        }
        let job = timed.heap.pop()?.job;
        self.unfinished.fetch_add(job.len(), Ordering::AcqRel);
        Some(job)
    }

    /// When the next thing is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.timed().heap.peek().map(|entry| entry.due_ms)
    }

    /// One result was dealt with, or added again for later.
    pub(crate) fn finished(&self) {
        self.unfinished.fetch_sub(1, Ordering::AcqRel);
        self.progress.notify_waiters();
    }

    fn is_settled(&self, now_ms: u64) -> bool {
        let timed = self.timed();
        timed.heap.peek().is_none_or(|entry| entry.due_ms > now_ms)
            && self.unfinished.load(Ordering::Acquire) == 0
    }

    /// Waits until nothing is due any more.
    pub(crate) async fn settled(&self, clock: &Clock) {
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            // Listen first, look second: progress in between must not be missed.
            progress.as_mut().enable();
            if self.is_settled(clock.running_ms()) {
                return;
            }
            progress.await;
        }
    }

    /// How many results wait for their time, and how many are being pushed.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let waiting = self.timed().heap.iter().map(|entry| entry.job.len()).sum();
        (waiting, self.unfinished.load(Ordering::Acquire))
    }

    /// Resolves when something was added since the last call.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn timed(&self) -> MutexGuard<'_, Timed> {
        self.timed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Order::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, because a heap gives the greatest first.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Order {
        (other.due_ms, other.sequence).cmp(&(self.due_ms, self.sequence))
    }
}

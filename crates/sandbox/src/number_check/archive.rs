//! The submits of the last 14 days, so that their checks can be found again.
//!
//! It holds no results: those follow from a phone number and its level, and are computed when somebody asks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::Batch;

/// How long checks can be found. [vendor]
pub(crate) const KEPT_MS: u64 = 14 * 24 * 3_600_000;

/// Every accepted submit that is not too old.
#[derive(Debug, Default)]
pub(crate) struct Archive(Mutex<Shelves>);

#[derive(Debug, Default)]
struct Shelves {
    /// In the order in which they were accepted.
    all: VecDeque<Arc<Batch>>,
    by_batch_no: HashMap<(usize, Arc<str>), Vec<Arc<Batch>>>,
    by_message_id: HashMap<Box<str>, Arc<Batch>>,
}

impl Archive {
    /// Keeps a submit, and forgets those that are too old.
    pub(crate) fn keep(&self, batch: Arc<Batch>) {
        let mut shelves = self.open();
        shelves.forget_before(batch.times.accepted_ms.saturating_sub(KEPT_MS));
        let key = (batch.account, Arc::clone(&batch.batch_no));
        shelves.by_batch_no.entry(key).or_default().push(Arc::clone(&batch));
        shelves.by_message_id.insert(batch.message_id.as_str().into(), Arc::clone(&batch));
        shelves.all.push_back(batch);
    }

    /// The account's submits under a batch number, in the order in which they were accepted.
    pub(crate) fn of_batch_no(&self, account: usize, batch_no: &str) -> Vec<Arc<Batch>> {
        self.open().by_batch_no.get(&(account, batch_no.into())).cloned().unwrap_or_default()
    }

    /// The account's submit with this message id, without a suffix.
    pub(crate) fn of_message_id(&self, account: usize, message_id: &str) -> Option<Arc<Batch>> {
        let found = self.open().by_message_id.get(message_id).cloned();
        found.filter(|batch| batch.account == account)
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn forget_before(&mut self, oldest_ms: u64) {
        while self.all.front().is_some_and(|batch| batch.times.accepted_ms < oldest_ms)
            && let Some(batch) = self.all.pop_front()
        {
            let key = (batch.account, Arc::clone(&batch.batch_no));
            if let Some(same) = self.by_batch_no.get_mut(&key) {
                same.retain(|other| !Arc::ptr_eq(other, &batch));
                if same.is_empty() {
                    self.by_batch_no.remove(&key);
                }
            }
            self.by_message_id.remove(batch.message_id.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use numcheck_protocol::number_check::KnownCheckLevel;

    use super::super::batch::Batch;
    use super::{Archive, KEPT_MS};
    use crate::ids::Ids;

    fn batch(
        ids: &Ids,
        account: usize,
        batch_no: &str,
        phones: &str,
        level: KnownCheckLevel,
        at_ms: u64,
    ) -> Arc<Batch> {
        Arc::new(Batch::of_test(ids, account, batch_no, phones, level, at_ms))
    }

    #[test]
    fn what_is_older_than_14_days_is_forgotten() {
        let (archive, ids) = (Archive::default(), Ids::new(1));
        let first = batch(&ids, 0, "b", "8613800138000", KnownCheckLevel::Basic, 1);
        archive.keep(Arc::clone(&first));
        archive.keep(batch(&ids, 0, "b", "8613800138001", KnownCheckLevel::Basic, 1 + KEPT_MS));
        assert_eq!(archive.of_batch_no(0, "b").len(), 2, "to the millisecond");
        archive.keep(batch(&ids, 0, "c", "8613800138002", KnownCheckLevel::Basic, 2 + KEPT_MS));
        assert_eq!(archive.of_batch_no(0, "b").len(), 1);
        assert!(archive.of_message_id(0, &first.message_id).is_none());
    }

    #[test]
    fn another_accounts_submits_are_not_found() {
        let (archive, ids) = (Archive::default(), Ids::new(1));
        let theirs = batch(&ids, 1, "b", "8613800138000", KnownCheckLevel::Basic, 1);
        archive.keep(Arc::clone(&theirs));
        assert!(archive.of_batch_no(0, "b").is_empty());
        assert!(archive.of_message_id(0, &theirs.message_id).is_none());
        assert!(archive.of_message_id(1, &theirs.message_id).is_some());
    }
}

//! What was accepted and charged since the start, number by number.
//!
//! It decides whether a number was paid twice, so it forgets nothing, counts exactly, and takes two spellings (`+86…`, `0086…`) for
//! the number that they spell. Counting is left to whoever asks, so that accepting costs nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use numcheck_protocol::mask;

use crate::ledger::Service;
use crate::number_check::Batch;
use crate::rule;

/// Every number that was accepted or charged.
#[derive(Debug, Default)]
pub(crate) struct Acceptances(Mutex<Kept>);

#[derive(Clone, Debug, Default)]
struct Kept {
    batches: Vec<Arc<Batch>>,
    singles: Vec<Single>,
}

/// A number that was charged outside a batch.
#[derive(Clone)]
pub(crate) struct Single {
    pub(crate) account: usize,
    pub(crate) service: Service,
    pub(crate) phone: Arc<str>,
    /// Where there was one.
    pub(crate) batch_no: Option<Arc<str>>,
    /// Whether it was checked, and not only charged.
    pub(crate) accepted: bool,
}

impl std::fmt::Debug for Single {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Single({} {})", self.service, mask::digits(&self.phone))
    }
}

/// What is paid for: a number, at a level, by an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key<'a> {
    account: usize,
    service: Service,
    phone: &'a str,
}

impl<'a> Key<'a> {
    fn new(account: usize, service: Service, phone: &'a str) -> Self {
        let plain = phone.strip_prefix('+').or_else(|| phone.strip_prefix("00")).unwrap_or(phone);
        Self { account, service, phone: plain }
    }

    fn hash(&self) -> u64 {
        rule::hash(self.phone, "") ^ rule::mix(self.account as u64 ^ ((self.service as u64) << 32))
    }
}

/// How often numbers were accepted since the start: a number counts anew for each account and level.
///
/// ```
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::start().await?;
/// // … the job under test runs here …
/// let tally = sandbox.tally();
/// assert_eq!((tally.repeated, tally.paid_twice), (0, 0), "{:?}", tally.examples);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many submits and instant checks were accepted.
    pub submits: u64,
    /// How many numbers were accepted, repeats included.
    pub accepted: u64,
    /// How many different ones.
    pub distinct: u64,
    /// How many of these were accepted more than once.
    pub repeated: u64,
    /// How many numbers were charged more than once. One that fails is accepted for nothing.
    pub paid_twice: u64,
    /// How often the most repeated one was accepted.
    pub most: u64,
    /// Some of the repeated ones, masked, with the batch numbers under which they came.
    pub examples: Vec<(String, Vec<String>)>,
}

/// A number that was accepted, or charged, more than once at one level by one account.
///
/// ```
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::start().await?;
/// // … the job under test runs here …
/// for check in sandbox.paid_twice() {
///     panic!("{} was charged {} times, under {:?}", check.phone, check.charged, check.batches);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DuplicateCheck {
    /// Whose: the account's `accessKey`.
    pub account: String,
    /// At which level.
    pub service: Service,
    /// The number, masked.
    pub phone: String,
    /// How often it was accepted.
    pub accepted: u64,
    /// How often it was charged.
    pub charged: u64,
    /// The batch numbers under which it came, in the order of acceptance; none from QXT.
    pub batches: Vec<String>,
}

/// How many repeated numbers a tally shows.
const EXAMPLES: usize = 10;

/// What is known of one key.
#[derive(Default)]
struct Count {
    accepted: u64,
    charged: u64,
    batches: Vec<String>,
}

impl Acceptances {
    /// Keeps an accepted submit or instant check.
    pub(crate) fn keep(&self, batch: Arc<Batch>) {
        self.open().batches.push(batch);
    }

    /// Keeps a number that was charged outside a batch.
    pub(crate) fn keep_single(&self, single: Single) {
        self.open().singles.push(single);
    }

    /// How often a number was accepted for an account at a level, however it was spelled.
    pub(crate) fn times(&self, account: usize, service: Service, phone: &str) -> u64 {
        let wanted = Key::new(account, service, phone);
        let kept = self.open().clone();
        let mut times = 0;
        kept.each(|key, accepted, _| times += u64::from(accepted && key == wanted));
        times
    }

    /// Counts. `is_charged` says whether a number of a batch costs anything; `names` are the accounts' access keys.
    pub(crate) fn count(
        &self,
        names: &[String],
        is_charged: impl Fn(&Batch, &str) -> bool,
    ) -> (Tally, Vec<DuplicateCheck>) {
        let kept = self.open().clone();
        let (mut hashes, mut accepted) = (Vec::new(), 0);
        kept.each(|key, is_accepted, _| {
            hashes.push(key.hash());
            accepted += u64::from(is_accepted);
        });
        hashes.sort_unstable();
        let suspects: HashSet<u64> =
            hashes.chunk_by(|a, b| a == b).filter_map(|same| same.get(1).copied()).collect();
        drop(hashes);
        // Different numbers may share a hash: from here on the numbers themselves decide.
        let mut counts: BTreeMap<Key<'_>, Count> = BTreeMap::new();
        let mut order: Vec<Key<'_>> = Vec::new();
        if !suspects.is_empty() {
            let mut costs: HashMap<Key<'_>, bool> = HashMap::new();
            kept.each_of(|key, is_accepted, batch_no, batch, phone| {
                if !suspects.contains(&key.hash()) {
                    return;
                }
                let count = counts.entry(key).or_insert_with(|| {
                    order.push(key);
                    Count::default()
                });
                count.accepted += u64::from(is_accepted);
                let charged =
                    batch.is_none_or(|batch| *costs.entry(key).or_insert_with(|| is_charged(batch, phone)));
                count.charged += u64::from(charged);
                count.batches.extend(batch_no.map(str::to_owned));
            });
        }
        let of = |key: &Key<'_>| counts.get(key).map_or((0, 0), |count| (count.accepted, count.charged));
        let again: u64 = counts.values().map(|count| count.accepted.saturating_sub(1)).sum();
        let repeats: Vec<DuplicateCheck> = order
            .iter()
            .filter(|key| of(key).0 > 1 || of(key).1 > 1)
            .map(|key| DuplicateCheck {
                account: names.get(key.account).cloned().unwrap_or_default(),
                service: key.service,
                phone: mask::digits(key.phone).into_owned(),
                accepted: of(key).0,
                charged: of(key).1,
                batches: counts.get(key).map(|count| count.batches.clone()).unwrap_or_default(),
            })
            .collect();
        let most = repeats.iter().map(|repeat| repeat.accepted).max().unwrap_or_default();
        let tally = Tally {
            submits: kept.batches.len() as u64,
            accepted,
            distinct: accepted - again,
            repeated: repeats.iter().filter(|repeat| repeat.accepted > 1).count() as u64,
            paid_twice: repeats.iter().filter(|repeat| repeat.charged > 1).count() as u64,
            most: most.max(accepted.min(1)),
            examples: repeats
                .iter()
                .take(EXAMPLES)
                .map(|repeat| (repeat.phone.clone(), repeat.batches.clone()))
                .collect(),
        };
        (tally, repeats)
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Every number: what it is, whether it was accepted, and under which batch number.
    fn each<'a>(&'a self, mut see: impl FnMut(Key<'a>, bool, Option<&'a str>)) {
        self.each_of(|key, accepted, batch_no, _, _| see(key, accepted, batch_no));
    }

    /// The same, with the batch, where there is one, and the number as it was spelled.
    fn each_of<'a>(
        &'a self,
        mut see: impl FnMut(Key<'a>, bool, Option<&'a str>, Option<&'a Batch>, &'a str),
    ) {
        for batch in &self.batches {
            let service = Service::from(batch.level);
            for phone in batch.phones() {
                let key = Key::new(batch.account, service, phone);
                see(key, true, Some(&batch.batch_no), Some(batch), phone);
            }
        }
        for single in &self.singles {
            let key = Key::new(single.account, single.service, &single.phone);
            see(key, single.accepted, single.batch_no.as_deref(), None, &single.phone);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use numcheck_protocol::number_check::KnownCheckLevel;

    use super::{Acceptances, Single};
    use crate::ids::Ids;
    use crate::ledger::Service;
    use crate::number_check::Batch;

    fn keep(all: &Acceptances, account: usize, batch_no: &str, phones: &str, level: KnownCheckLevel) {
        all.keep(Arc::new(Batch::of_test(&Ids::new(1), account, batch_no, phones, level, 1)));
    }

    fn names() -> Vec<String> {
        ["first", "second"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_number_counts_anew_for_each_account_and_level_and_repeats_are_named() {
        let all = Acceptances::default();
        keep(&all, 0, "a", "8613800138000,8613800138001", KnownCheckLevel::Basic);
        keep(&all, 1, "a", "8613800138000", KnownCheckLevel::Basic);
        keep(&all, 0, "b", "8613800138000", KnownCheckLevel::Hlr);
        let (tally, repeats) = all.count(&names(), |_, _| true);
        assert_eq!((tally.submits, tally.accepted, tally.distinct), (3, 4, 4));
        assert_eq!((tally.repeated, tally.most, repeats.len()), (0, 1, 0));
        keep(&all, 0, "c", "8613800138001,8613800138001", KnownCheckLevel::Basic);
        let (tally, repeats) = all.count(&names(), |_, _| true);
        assert_eq!((tally.accepted, tally.distinct, tally.repeated, tally.most), (6, 4, 1, 3));
        let batches = vec!["a".to_owned(), "c".into(), "c".into()];
        assert_eq!(tally.examples, [("861********01".to_owned(), batches.clone())]);
        assert_eq!((repeats[0].account.as_str(), repeats[0].service), ("first", Service::Basic));
        assert_eq!((repeats[0].accepted, repeats[0].charged, &repeats[0].batches), (3, 3, &batches));
    }

    #[test]
    fn spellings_of_a_number_are_one_number() {
        let all = Acceptances::default();
        keep(&all, 0, "a", "8613800138000,+8613800138000,008613800138000", KnownCheckLevel::Basic);
        assert_eq!(all.times(0, Service::Basic, "+8613800138000"), 3);
        let (tally, repeats) = all.count(&names(), |_, phone| phone == "8613800138000");
        assert_eq!((tally.distinct, tally.repeated), (1, 1));
        assert_eq!(repeats[0].accepted, 3);
    }

    #[test]
    fn what_is_accepted_for_nothing_is_repeated_and_not_paid_twice() {
        let all = Acceptances::default();
        for batch_no in ["a", "b"] {
            keep(&all, 0, batch_no, "8613800138000", KnownCheckLevel::Basic);
        }
        assert_eq!(all.count(&names(), |_, _| false).0.paid_twice, 0);
        assert_eq!(all.count(&names(), |_, _| true).0.paid_twice, 1);
    }

    #[test]
    fn what_is_charged_without_a_batch_counts_too() {
        let all = Acceptances::default();
        let single = |service, accepted| Single {
            account: 0,
            service,
            phone: "13800138000".into(),
            batch_no: None,
            accepted,
        };
        all.keep_single(single(Service::Privacy, true));
        all.keep_single(single(Service::Basic, false));
        assert_eq!(all.count(&names(), |_, _| true).0.paid_twice, 0);
        all.keep_single(single(Service::Privacy, true));
        all.keep_single(single(Service::Basic, false));
        let (tally, repeats) = all.count(&names(), |_, _| true);
        assert_eq!((tally.accepted, tally.distinct, tally.repeated, tally.paid_twice), (2, 1, 1, 2));
        assert_eq!(repeats.iter().map(|repeat| repeat.accepted).collect::<Vec<_>>(), [2, 0]);
        assert_eq!(all.times(0, Service::Privacy, "13800138000"), 2);
        assert!(!format!("{all:?}").contains("13800138000"));
    }
}

//! What all parts of a running sandbox share.
//!
//! It holds and hands out; it decides nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use numcheck_protocol::number_check::Dialect;
use tokio::sync::watch;

use crate::acceptances::{Acceptances, DuplicateCheck, Tally};
use crate::account::Account;
use crate::assumptions::{QueryOddity, QueryPace, RepeatedBatchNo, SubmitPace};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::ids::Ids;
use crate::journal::Log;
use crate::ledger::Books;
use crate::number_check::{Archive, is_charged};
use crate::privacy_ledger::PrivacyLedger;
use crate::push::Queue;
use crate::register::Register;
use crate::rule::mix;
use crate::server::Room;
use crate::settings::Settings;

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) accounts: Vec<Account>,
    pub(crate) clock: Clock,
    pub(crate) books: Books,
    pub(crate) log: Log,
    pub(crate) room: Room,
    pub(crate) ids: Ids,
    pub(crate) queue: Queue,
    pub(crate) archive: Archive,
    pub(crate) acceptances: Acceptances,
    pub(crate) privacy: PrivacyLedger,
    pub(crate) register: Register,
    faults: RwLock<Arc<Faults>>,
    /// Whether connections are refused, for the listeners.
    refuse: watch::Sender<bool>,
    /// When each account last made a query.
    queried: Mutex<HashMap<usize, u64>>,
    /// How many queries were asked that may be answered in an odd way.
    asked: AtomicU64,
    /// When each account last submitted, and how much of its limit that took.
    submitted: Mutex<HashMap<usize, Vec<(u64, u64)>>>,
    /// The message id of each batch number that was used, where that matters.
    used: Mutex<HashMap<(usize, Box<str>), String>>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, accounts: Vec<Account>, clock: Clock) -> Self {
        Self {
            books: Books::new(&accounts),
            log: Log::new(settings.journal_entries),
            room: Room::new(settings.body_limit),
            ids: Ids::new(settings.seed),
            queue: Queue::default(),
            archive: Archive::default(),
            acceptances: Acceptances::default(),
            privacy: PrivacyLedger::default(),
            register: Register::new(settings.seed, &accounts),
            faults: RwLock::default(),
            refuse: watch::Sender::new(false),
            queried: Mutex::default(),
            asked: AtomicU64::new(0),
            submitted: Mutex::default(),
            used: Mutex::default(),
            settings,
            accounts,
            clock,
        }
    }

    /// How often numbers were accepted, and those that were accepted or charged more than once.
    pub(crate) fn count_acceptances(&self) -> (Tally, Vec<DuplicateCheck>) {
        let names: Vec<String> = self.accounts.iter().map(|account| account.access_key.clone()).collect();
        self.acceptances.count(&names, |batch, phone| is_charged(batch, phone, &self.settings.assumptions))
    }

    pub(crate) fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.refuse.send_replace(faults.refuses());
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    pub(crate) fn watch_refusal(&self) -> watch::Receiver<bool> {
        self.refuse.subscribe()
    }

    /// The dialect in which whoever uses this access key is answered; that of the first account for a key that nobody has.
    pub(crate) fn dialect_of(&self, access_key: Option<&str>) -> Dialect {
        let known = self.accounts.iter().find(|account| Some(account.access_key.as_str()) == access_key);
        known.or(self.accounts.first()).map_or(Dialect::V1, |account| account.dialect)
    }

    /// The dialect of an account.
    pub(crate) fn dialect(&self, account: usize) -> Dialect {
        self.accounts.get(account).map_or(Dialect::V1, |account| account.dialect)
    }

    /// Whether the account's last query is at least so long ago. If so this one is the last now: one that came too early does not
    /// count.
    pub(crate) fn may_query(&self, account: usize, now_ms: u64, pace_ms: u64) -> bool {
        let mut queried = self.queried.lock().unwrap_or_else(PoisonError::into_inner);
        let early = queried.get(&account).is_some_and(|last_ms| now_ms.saturating_sub(*last_ms) < pace_ms);
        if early && self.settings.assumptions.query_pace == QueryPace::Refuse {
            return false;
        }
        queried.insert(account, now_ms);
        true
    }

    /// In which way the next answer to a query contradicts itself, if it does.
    pub(crate) fn next_oddity(&self) -> Option<QueryOddity> {
        let assumptions = &self.settings.assumptions;
        let oddity = assumptions.query_oddity?;
        let drawn = mix(self.settings.seed.wrapping_add(self.asked.fetch_add(1, Ordering::Relaxed))) % 100;
        (drawn < u64::from(assumptions.query_oddity_percent)).then_some(oddity)
    }

    /// Whether a submit that takes so much of the limit is within it, counting all that the account made in the last `window_ms`.
    pub(crate) fn may_submit(
        &self,
        account: usize,
        now_ms: u64,
        takes: u64,
        limit: u64,
        window_ms: u64,
    ) -> bool {
        if self.settings.assumptions.submit_pace != SubmitPace::Refuse {
            return true;
        }
        let mut submitted = self.submitted.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = submitted.entry(account).or_default();
        latest.retain(|(at_ms, _)| now_ms.saturating_sub(*at_ms) < window_ms);
        let within = latest.iter().map(|(_, takes)| takes).sum::<u64>() + takes <= limit;
        if within {
            latest.push((now_ms, takes));
        }
        within
    }

    /// Keeps a batch number in mind, where a repeated one matters.
    pub(crate) fn remember(&self, account: usize, batch_no: &str, message_id: &str) {
        if self.settings.assumptions.repeated_batch_no != RepeatedBatchNo::ChargeAgain {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.entry((account, batch_no.into())).or_insert_with(|| message_id.to_owned());
        }
    }

    /// The message id that a batch number was first given.
    pub(crate) fn recall(&self, account: usize, batch_no: &str) -> Option<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.get(&(account, batch_no.into())).cloned()
    }
}

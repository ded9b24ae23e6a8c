//! How often each phone number was asked about at QXT and charged, and what tests have set as its answer.
//!
//! It decides whether a job asks about a number twice, so it forgets nothing and counts what was refused, too.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use numcheck_protocol::PhoneText;

/// What QXT was asked about one number by one account since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivacyCount {
    /// Whose: the account's `accessKey`.
    pub account: String,
    /// The number: 11 digits.
    pub mobile: PhoneText<'static>,
    /// How often it was asked about, whatever was answered. A request that was lost on its way does not count.
    pub asked: u64,
    /// How often that was charged.
    pub charged: u64,
}

/// What [`Sandbox::set_privacy_answer`](crate::Sandbox::set_privacy_answer) has QXT answer about a number, instead of what follows from its
/// digits.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrivacyAnswer {
    /// This code, with nothing charged: `-1`, `-4`, `-5`, `-8`, `-9` or any other.
    Code(i64),
    /// The usual answer, with this status. Charged.
    Status(String),
    /// The usual answer, with a status that is no text. Charged.
    OddStatus,
    /// The usual answer, about this number instead of the one that was asked about. Charged.
    AnotherMobile(String),
    /// A page that is no JSON. Charged.
    NotJson,
    /// Nothing, and the connection stays open until the client closes it. Charged.
    Silence,
    /// Nothing, and the connection is closed. Charged.
    Close,
    /// The usual answer, so much (real) time later. Charged.
    After(Duration),
    /// Code -8 to the first query about the number, with nothing charged; then the usual answer.
    FailsOnce,
}

/// Neither the status nor the number that a test has chosen: either may be a phone number.
impl fmt::Debug for PrivacyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "Code({code})"),
            Self::Status(_) => f.write_str("Status(…)"),
            Self::OddStatus => f.write_str("OddStatus"),
            Self::AnotherMobile(_) => f.write_str("AnotherMobile(…)"),
            Self::NotJson => f.write_str("NotJson"),
            Self::Silence => f.write_str("Silence"),
            Self::Close => f.write_str("Close"),
            Self::After(by) => write!(f, "After({by:?})"),
            Self::FailsOnce => f.write_str("FailsOnce"),
        }
    }
}

/// The counts and the answers, by account and number.
#[derive(Default)]
pub(crate) struct PrivacyLedger(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    counts: HashMap<(usize, u64), Counts>,
    answers: HashMap<u64, PrivacyAnswer>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    asked: u32,
    charged: u32,
}

/// How many numbers were asked about, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct PrivacySums {
    pub(crate) asked: u64,
    pub(crate) numbers: u64,
    pub(crate) charged: u64,
    pub(crate) asked_twice: u64,
    pub(crate) charged_twice: u64,
    /// Numbers that were asked about and never charged.
    pub(crate) never_charged: u64,
}

impl PrivacyLedger {
    /// Counts a query about a number of 11 digits. Says how many there were before, and what a test has set as the answer.
    pub(crate) fn ask(&self, account: usize, mobile: &str) -> (u32, Option<PrivacyAnswer>) {
        let Some(mobile) = figure(mobile) else { return (0, None) };
        let mut kept = self.open();
        let answer = kept.answers.get(&mobile).cloned();
        let counts = kept.counts.entry((account, mobile)).or_default();
        counts.asked += 1;
        (counts.asked - 1, answer)
    }

    /// Counts that a query was charged.
    pub(crate) fn charge(&self, account: usize, mobile: &str) {
        if let Some(mobile) = figure(mobile) {
            self.open().counts.entry((account, mobile)).or_default().charged += 1;
        }
    }

    /// `None` is what follows from the number's digits.
    pub(crate) fn set(&self, mobile: &str, answer: Option<PrivacyAnswer>) {
        let Some(mobile) = figure(mobile) else { return };
        let mut kept = self.open();
        match answer {
            Some(answer) => _ = kept.answers.insert(mobile, answer),
            None => _ = kept.answers.remove(&mobile),
        }
    }

    /// Every number that was asked about, by account and number.
    pub(crate) fn read(&self, names: &[&str]) -> Vec<PrivacyCount> {
        let mut counts: Vec<_> = self.open().counts.iter().map(|(key, counts)| (*key, *counts)).collect();
        counts.sort_unstable_by_key(|(key, _)| *key);
        let count = |((account, mobile), counts): ((usize, u64), Counts)| PrivacyCount {
            account: names.get(account).map(|name| (*name).to_owned()).unwrap_or_default(),
            mobile: PhoneText::new(mobile.to_string()).into_owned(),
            asked: counts.asked.into(),
            charged: counts.charged.into(),
        };
        counts.into_iter().map(count).collect()
    }

    pub(crate) fn sums(&self) -> PrivacySums {
        let kept = self.open();
        kept.counts.values().fold(PrivacySums::default(), |sums, one| PrivacySums {
            asked: sums.asked + u64::from(one.asked),
            numbers: sums.numbers + 1,
            charged: sums.charged + u64::from(one.charged),
            asked_twice: sums.asked_twice + u64::from(one.asked > 1),
            charged_twice: sums.charged_twice + u64::from(one.charged > 1),
            never_charged: sums.never_charged + u64::from(one.charged == 0),
        })
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Eleven digits as a number: a million of them are kept.
fn figure(mobile: &str) -> Option<u64> {
    mobile.parse().ok().filter(|_| mobile.len() == 11)
}

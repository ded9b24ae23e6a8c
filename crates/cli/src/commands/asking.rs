//! What a call about a few phone numbers does before it pays: it looks them up in the book, lets a person decide, and asks.

use numcheck_bulk::{PriceTable, Scope, Store, SystemWallClock, WallClock};
use numcheck_protocol::PhoneNumber;

use crate::account::AccountId;
use crate::commands::reuse::{Again, Decided, KnownResults, know_account};
use crate::config;
use crate::consent::{self, Cost, LeftOut, Question, Yes};
use crate::durable::{Survey, estimate, plan_of};
use crate::exit::Failure;
use crate::level::Level;

/// A call of `submit`, `get` or `privacy`.
pub(crate) struct Asking<'a> {
    pub(crate) account: &'a AccountId,
    /// What is checked.
    pub(crate) level: Level,
    /// Each phone number once.
    pub(crate) numbers: &'a [PhoneNumber],
    pub(crate) invalid: u64,
    pub(crate) duplicates: u64,
    /// The prices that were given.
    pub(crate) prices: PriceTable,
    pub(crate) again: &'a Again,
    pub(crate) yes: &'a Yes,
    pub(crate) stdin_is_taken: bool,
}

/// A call that may pay.
pub(crate) struct Asked {
    pub(crate) scope: Scope,
    pub(crate) decided: Decided,
    /// How many phone numbers are to be sent.
    pub(crate) to_send: u64,
}

impl Asking<'_> {
    /// Nothing is sent, and no job is made, before this returns.
    ///
    /// # Errors
    /// Where the answer is no, or nobody is there to give one.
    pub(crate) async fn ask(self, store: &dyn Store) -> Result<Asked, Failure> {
        let level = self.level;
        let (service, figure) = (level.service(), level.figure());
        let what = if level == Level::Privacy { "asking about" } else { "checking" };
        know_account(store, self.account, service, self.again, self.stdin_is_taken).await?;
        let scope = Scope::new(&self.account.fingerprint, service, figure);
        let freshness = self.again.freshness(level, SystemWallClock.now_ms());
        let survey = Survey::of(store, &scope, &plan_of(self.numbers)?, freshness).await?;
        let mut prices = store.prices().await.map_err(Failure::of)?;
        prices.merge(&self.prices);
        let known = KnownResults { survey: &survey, prices: &prices, level: scope.level };
        let decided = self.again.decide(store, known, freshness, level, None, self.stdin_is_taken).await?;
        let groups = survey.to_send(decided.what);
        let to_send: u64 = groups.values().sum();
        let in_doubt = survey.doubts_left(decided.what);
        let question = Question {
            what,
            numbers: to_send,
            level: (level != Level::Privacy).then_some(level),
            left_out: LeftOut {
                reused: (self.numbers.len() as u64).saturating_sub(to_send + survey.under_way + in_doubt),
                invalid: self.invalid,
                duplicates: self.duplicates,
                in_doubt,
            },
            cost: Cost::Estimated(estimate(&groups, &prices, scope.level)),
            is_loopback: self.account.is_loopback(),
            stdin_is_taken: self.stdin_is_taken,
        };
        if to_send > 0 && !self.account.is_loopback() {
            refuse_cap()?;
        }
        consent::ask(&question, self.yes).await?;
        Ok(Asked { scope, decided, to_send })
    }
}

/// A cap that was set for all calls, and that a call without a job cannot keep.
fn refuse_cap() -> Result<(), Failure> {
    let caps = ["NUMCHECK_MAX_COST", "NUMCHECK_MAX_COST_PER_DAY"];
    match caps.iter().find(|cap| config::value(cap).is_some()) {
        None => Ok(()),
        Some(cap) => Err(Failure::usage(format!(
            "{cap} is set, by the environment or a profile, and only `numcheck run` and `resume` keep a cap: check the numbers with those, or \
             unset it; nothing was sent"
        ))),
    }
}

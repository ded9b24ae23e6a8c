//! What each account was charged and has left. Amounts are exact and never added across currencies.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numcheck_protocol::number_check::KnownCheckLevel;
use numcheck_protocol::{Currency, Price};

use crate::account::Account;

/// What was done for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Number check at level basic.
    Basic,
    /// Number check at level HLR.
    Hlr,
    /// Number check at level call.
    Call,
    /// QXT's privacy query.
    Privacy,
}

impl From<KnownCheckLevel> for Service {
    fn from(level: KnownCheckLevel) -> Self {
        match level {
            KnownCheckLevel::Hlr => Self::Hlr,
            KnownCheckLevel::Call => Self::Call,
            _ => Self::Basic,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Basic => "basic",
            Self::Hlr => "hlr",
            Self::Call => "call",
            Self::Privacy => "privacy",
        })
    }
}

/// Everything that an account had done, by service and outcome.
///
/// ```
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::start().await?;
/// for line in sandbox.ledger().lines() {
///     println!("{}: {} of {} for {} {}", line.account, line.count, line.service, line.amount, line.currency);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerLine {
    /// Whose: the account's `accessKey`.
    pub account: String,
    /// What was done.
    pub service: Service,
    /// How it ended: the callback code, or QXT's code.
    pub code: i64,
    /// The currency; also for what was free.
    pub currency: Currency,
    /// For how many numbers.
    pub count: u64,
    /// For how much; zero for what failed.
    pub amount: Price,
}

/// What was accepted under one batch number of an account, since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchLine {
    /// Whose: the account's `accessKey`.
    pub account: String,
    /// The batch number.
    pub batch_no: String,
    /// How many submits with it were accepted.
    pub times: u64,
    /// How many numbers these held.
    pub numbers: u64,
    /// How many of these were charged: all but those whose check failed.
    pub charged: u64,
}

/// The ledger as it was at one moment.
///
/// ```
/// use numcheck_protocol::{Currency, Price};
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::start().await?;
/// assert_eq!(sandbox.ledger().paid(Currency::new("USD")?), Price::ZERO);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct LedgerSnapshot {
    lines: Vec<LedgerLine>,
    batches: Vec<BatchLine>,
    balances: BTreeMap<(String, Currency), Price>,
    qxt_balances: BTreeMap<String, Price>,
}

impl LedgerSnapshot {
    /// All lines, by account, service, code and currency.
    pub fn lines(&self) -> &[LedgerLine] {
        &self.lines
    }

    /// What was accepted, by account and batch number.
    pub fn batches(&self) -> &[BatchLine] {
        &self.batches
    }

    /// What all accounts paid in a currency.
    pub fn paid(&self, currency: Currency) -> Price {
        self.sum(|line| line.currency == currency)
    }

    /// What all accounts paid for a service in a currency.
    pub fn paid_for(&self, service: Service, currency: Currency) -> Price {
        self.sum(|line| line.service == service && line.currency == currency)
    }

    /// For how many numbers a service ended with a code.
    pub fn count(&self, service: Service, code: i64) -> u64 {
        self.lines
            .iter()
            .filter(|line| line.service == service && line.code == code)
            .map(|line| line.count)
            .sum()
    }

    /// What the account has left at NXCLOUD; `None` where it never had any.
    pub fn balance(&self, access_key: &str, currency: Currency) -> Option<Price> {
        self.balances.get(&(access_key.to_owned(), currency)).copied()
    }

    /// What the account has left at QXT, in CNY.
    pub fn qxt_balance(&self, access_key: &str) -> Option<Price> {
        self.qxt_balances.get(access_key).copied()
    }

    fn sum(&self, matches: impl Fn(&LedgerLine) -> bool) -> Price {
        let amounts = self.lines.iter().filter(|line| matches(line)).map(|line| line.amount);
        amounts.fold(Price::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(sum))
    }
}

/// Some numbers of a batch that ended alike.
pub(crate) struct Item {
    pub(crate) code: i64,
    pub(crate) count: u64,
    /// Per number; zero for what failed.
    pub(crate) price: Price,
    pub(crate) currency: Currency,
}

/// An account has too little money for what it asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InsufficientBalance;

/// The books behind the [`LedgerSnapshot`], open for entries.
pub(crate) struct Books(Mutex<Open>);

struct Open {
    names: Vec<String>,
    balances: Vec<BTreeMap<Currency, Price>>,
    qxt_balances: Vec<Price>,
    lines: BTreeMap<(usize, Service, i64, Currency), (u64, Price)>,
    batches: BTreeMap<(usize, Box<str>), Accepted>,
}

/// What was accepted under a batch number.
#[derive(Clone, Copy, Default)]
struct Accepted {
    times: u64,
    numbers: u64,
    charged: u64,
}

impl Books {
    pub(crate) fn new(accounts: &[Account]) -> Self {
        Self(Mutex::new(Open {
            names: accounts.iter().map(|account| account.access_key.clone()).collect(),
            balances: accounts.iter().map(|account| account.balance.clone()).collect(),
            qxt_balances: accounts.iter().map(|account| account.qxt_balance).collect(),
            lines: BTreeMap::new(),
            batches: BTreeMap::new(),
        }))
    }

    /// Whether the account could pay as much.
    pub(crate) fn can_pay(&self, account: usize, amount: Price, currency: Currency) -> bool {
        self.open().purse(account, Service::Basic, currency).is_some_and(|purse| *purse >= amount)
    }

    /// Enters what a batch or a query came to, if the account can pay for it all; else enters nothing.
    pub(crate) fn charge(
        &self,
        account: usize,
        service: Service,
        items: &[Item],
    ) -> Result<(), InsufficientBalance> {
        let mut open = self.open();
        let mut due: BTreeMap<Currency, Price> = BTreeMap::new();
        for item in items.iter().filter(|item| item.price != Price::ZERO) {
            let count = i64::try_from(item.count).map_err(|_| InsufficientBalance)?;
            let sum = due.entry(item.currency).or_default();
            *sum = item
                .price
                .checked_mul(count)
                .and_then(|amount| sum.checked_add(amount))
                .ok_or(InsufficientBalance)?;
        }
        for (currency, amount) in &due {
            if open.purse(account, service, *currency).is_none_or(|purse| *purse < *amount) {
                return Err(InsufficientBalance);
            }
        }
        for (currency, amount) in due {
            if let Some(purse) = open.purse(account, service, currency) {
                *purse = purse.checked_sub(amount).unwrap_or_default();
            }
        }
        for item in items {
            let line = open.lines.entry((account, service, item.code, item.currency)).or_default();
            let count = i64::try_from(item.count).unwrap_or(i64::MAX);
            let amount = item.price.checked_mul(count).and_then(|amount| line.1.checked_add(amount));
            *line = (line.0 + item.count, amount.unwrap_or(line.1));
        }
        Ok(())
    }

    /// Enters an accepted batch. Says how often the account's batch number was accepted before.
    pub(crate) fn accept(&self, account: usize, batch_no: &str, items: &[Item]) -> u64 {
        let mut open = self.open();
        let line = open.batches.entry((account, batch_no.into())).or_default();
        let charged = items.iter().filter(|item| item.price != Price::ZERO);
        line.numbers += items.iter().map(|item| item.count).sum::<u64>();
        line.charged += charged.map(|item| item.count).sum::<u64>();
        line.times += 1;
        line.times - 1
    }

    pub(crate) fn read(&self) -> LedgerSnapshot {
        let open = self.open();
        let name = |account: usize| open.names.get(account).cloned().unwrap_or_default();
        let line = |(&(account, service, code, currency), &(count, amount)): (&_, &_)| LedgerLine {
            account: name(account),
            service,
            code,
            currency,
            count,
            amount,
        };
        let batch = |((account, batch_no), accepted): (&(usize, Box<str>), &Accepted)| BatchLine {
            account: name(*account),
            batch_no: batch_no.to_string(),
            times: accepted.times,
            numbers: accepted.numbers,
            charged: accepted.charged,
        };
        let balances = open.balances.iter().enumerate().flat_map(|(account, purses)| {
            purses.iter().map(move |(currency, purse)| ((name(account), *currency), *purse))
        });
        LedgerSnapshot {
            lines: open.lines.iter().map(line).collect(),
            batches: open.batches.iter().map(batch).collect(),
            balances: balances.collect(),
            qxt_balances: open.names.iter().cloned().zip(open.qxt_balances.iter().copied()).collect(),
        }
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn purse(&mut self, account: usize, service: Service, currency: Currency) -> Option<&mut Price> {
        match service {
            Service::Privacy => self.qxt_balances.get_mut(account),
            _ => self.balances.get_mut(account)?.get_mut(&currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::{Currency, Price};

    use super::{Books, InsufficientBalance, Item, Service};
    use crate::account::Account;

    fn books(usd: &str) -> Books {
        let account =
            Account { balance: [(currency("USD"), usd.parse().unwrap())].into(), ..Account::default() };
        Books::new(&[account, Account::other()])
    }

    fn currency(code: &str) -> Currency {
        Currency::new(code).unwrap()
    }

    fn item(code: i64, count: u64, price: &str, code_of: &str) -> Item {
        Item { code, count, price: price.parse().unwrap(), currency: currency(code_of) }
    }

    #[test]
    fn a_million_charges_add_up_exactly() {
        let books = books("1000000");
        for _ in 0..1000 {
            books.charge(0, Service::Hlr, &[item(0, 1000, "0.1912", "USD")]).unwrap();
        }
        let ledger = books.read();
        assert_eq!(ledger.paid(currency("USD")).to_string(), "191200.0000");
        assert_eq!(ledger.balance(Account::ACCESS_KEY, currency("USD")).unwrap().to_string(), "808800.0000");
        assert_eq!(ledger.count(Service::Hlr, 0), 1_000_000);
    }

    #[test]
    fn whoever_cannot_pay_for_all_pays_for_nothing() {
        let books = books("0.0030");
        let batch = [item(0, 2, "0.0020", "USD"), item(114, 5, "0", "USD")];
        assert_eq!(books.charge(0, Service::Basic, &batch), Err(InsufficientBalance));
        assert!(books.read().lines().is_empty());
        books.charge(0, Service::Basic, &[item(0, 1, "0.0020", "USD")]).unwrap();
        assert_eq!(books.read().balance(Account::ACCESS_KEY, currency("USD")).unwrap().to_string(), "0.0010");
    }

    #[test]
    fn failures_are_counted_and_free() {
        let books = books("0");
        books.charge(0, Service::Basic, &[item(114, 3, "0", "USD")]).unwrap();
        let ledger = books.read();
        assert_eq!((ledger.count(Service::Basic, 114), ledger.paid(currency("USD"))), (3, Price::ZERO));
    }

    #[test]
    fn currencies_and_accounts_stay_apart() {
        let books = books("5");
        books.charge(0, Service::Basic, &[item(0, 1, "1", "USD")]).unwrap();
        assert_eq!(books.charge(0, Service::Basic, &[item(0, 1, "1", "CNY")]), Err(InsufficientBalance));
        books.charge(1, Service::Basic, &[item(0, 1, "1", "CNY")]).unwrap();
        let ledger = books.read();
        assert_eq!(ledger.paid(currency("USD")).to_string(), "1.0000");
        assert_eq!(ledger.paid(currency("CNY")).to_string(), "1.0000");
        assert_eq!(ledger.lines().len(), 2);
    }

    #[test]
    fn qxt_has_its_own_purse() {
        let books = books("0");
        books.charge(0, Service::Privacy, &[item(0, 1, "0.0500", "CNY")]).unwrap();
        assert_eq!(books.read().qxt_balance(Account::ACCESS_KEY).unwrap().to_string(), "999999.9500");
    }
}

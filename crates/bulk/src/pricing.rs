//! What a job may cost: prices that are known, an estimate, and caps.
//!
//! An unknown price is unknown and never 0.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use numcheck_protocol::{Currency, Price};

/// What the names of a mixed batch's groups are joined with.
pub(crate) const JOINT: char = ',';

/// The highest price per number that is believed. What is dearer, or negative, is kept as it came, counted as drift, and in no sum.
pub(crate) const MAX_PRICE: Price = match Price::from_ten_thousandths(1_000_000_000) {
    Some(price) => price,
    None => Price::ZERO,
};

/// What a price is for: a level and a group of phone numbers, as whoever made the plan has named it: a region such as `CN` in the command,
/// a calling code such as `+86` in an order of `numcheck-job`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceKey {
    /// The check level on the wire.
    pub level: i64,
    /// The group; `*` is every group that has no price of its own.
    pub group: String,
}

/// Prices per phone number: the highest of each currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable(BTreeMap<PriceKey, BTreeMap<Currency, Price>>);

impl PriceTable {
    /// Adds a price; of two in one currency the higher one stays.
    pub fn set(&mut self, key: PriceKey, currency: Currency, price: Price) {
        let highest = self.0.entry(key).or_default().entry(currency).or_insert(price);
        *highest = (*highest).max(price);
    }

    /// Adds every price of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (key, prices) in &other.0 {
            for (currency, price) in prices {
                self.set(key.clone(), *currency, *price);
            }
        }
    }

    /// The price of a phone number of a group; `None` when it is unknown, or known in several currencies.
    pub fn get(&self, level: i64, group: &str) -> Option<(Currency, Price)> {
        let prices = self.all(level, group)?;
        let (currency, price) = prices.first_key_value()?;
        (prices.len() == 1).then_some((*currency, *price))
    }

    /// The highest price of any group at a level, by currency.
    pub(crate) fn dearest(&self, level: i64) -> Amounts {
        let mut dearest = Amounts::new();
        for (_, prices) in self.0.iter().filter(|(key, _)| key.level == level) {
            for (currency, price) in prices {
                let highest = dearest.entry(*currency).or_insert(*price);
                *highest = (*highest).max(*price);
            }
        }
        dearest
    }

    /// The highest prices of a group, or of several joined groups, by currency; `None` when one of them has none.
    pub fn all(&self, level: i64, group: &str) -> Option<BTreeMap<Currency, Price>> {
        let of = |group: &str| self.0.get(&PriceKey { level, group: group.to_owned() });
        let mut all = BTreeMap::new();
        for one in group.split(JOINT).filter(|one| !one.is_empty()) {
            for (currency, price) in of(one).or_else(|| of("*"))? {
                let highest = all.entry(*currency).or_insert(*price);
                *highest = (*highest).max(*price);
            }
        }
        (!all.is_empty()).then_some(all)
    }
}

/// What some phone numbers will cost, as far as prices are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// By currency.
    pub known: BTreeMap<Currency, Price>,
    /// How many phone numbers have no known price.
    pub unknown: u64,
}

impl Estimate {
    /// Adds `count` phone numbers of a group. Of a batch of several groups nobody keeps how many are of which: each counts at the highest
    /// of their prices, and as unknown where one is unknown or they are in several currencies.
    pub fn add(&mut self, prices: &PriceTable, level: i64, group: &str, count: u64) {
        let cost = prices.get(level, group).and_then(|(currency, price)| {
            let cost = price.checked_mul(i64::try_from(count).ok()?)?;
            let sum = self.known.get(&currency).copied().unwrap_or_default().checked_add(cost)?;
            Some((currency, sum))
        });
        match cost {
            Some((currency, sum)) => {
                self.known.insert(currency, sum);
            }
            None => self.unknown += count,
        }
    }

    /// Adds `count` phone numbers of a group at the highest price in *each* currency that was seen: a bound, not an expectation.
    pub(crate) fn add_at_most(&mut self, prices: &PriceTable, level: i64, group: &str, count: u64) {
        let Some(all) = prices.all(level, group) else {
            self.unknown += count;
            return;
        };
        self.add_each(all, count);
    }

    /// Adds `count` results that told no price which can be believed: they were paid for, and nobody keeps of which group they are, so that
    /// each counts at the highest price of any. Where no price is known at all, they are passed over: nothing is sent then anyway.
    pub(crate) fn add_unpriced(&mut self, prices: &PriceTable, level: i64, count: u64) {
        self.add_each(prices.dearest(level), count);
    }

    fn add_each(&mut self, prices: Amounts, count: u64) {
        for (currency, price) in prices {
            let known = self.known.get(&currency).copied().unwrap_or_default();
            let sum =
                i64::try_from(count).ok().and_then(|count| known.checked_add(price.checked_mul(count)?));
            match sum {
                Some(sum) => _ = self.known.insert(currency, sum),
                None => self.unknown += count,
            }
        }
    }
}

/// When submitting stops because of a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cutoff {
    /// Once results have cost as much as the cap, no further batch is sent. What is under way can exceed it.
    Soft,
    /// The same, and what is under way counts at its known price. One batch can exceed it.
    Hard,
    /// The cap is never exceeded at the highest price given or seen: a batch is cut to what fits, and one of unknown price, or of a price in
    /// a currency without a cap, is not sent.
    #[default]
    Cautious,
}

impl FromStr for Cutoff {
    type Err = NotACutoff;

    fn from_str(word: &str) -> Result<Self, NotACutoff> {
        match word {
            "soft" => Ok(Self::Soft),
            "hard" => Ok(Self::Hard),
            "cautious" => Ok(Self::Cautious),
            _ => Err(NotACutoff),
        }
    }
}

/// None of the three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write hard, soft or cautious")]
#[non_exhaustive]
pub struct NotACutoff;

/// Amounts by currency.
pub type Amounts = BTreeMap<Currency, Price>;

/// The most that may be spent: one cap a currency. It holds for a job and all its runs, or for an account and a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The caps.
    pub caps: Amounts,
    /// When it stops.
    pub cutoff: Cutoff,
}

/// How much of a batch a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowance {
    /// So many phone numbers, at least one.
    Send(u64),
    /// None: a cap is reached.
    Reached,
    /// None: the price is not known.
    Unpriced,
    /// None: the price is in a currency that has no cap.
    Uncapped(Currency),
}

impl Budget {
    /// How many of the `next` phone numbers, each at `prices`, may be sent: `spent` is what results have cost, `under_way` what is sent and
    /// has no result, at the highest prices.
    pub fn allows(
        &self,
        spent: &Amounts,
        under_way: &Estimate,
        prices: Option<&Amounts>,
        next: u64,
    ) -> Allowance {
        let left = |currency: &Currency, counts_under_way: bool| {
            let cap = self.caps.get(currency)?;
            let spent = spent.get(currency).copied().unwrap_or_default();
            let under_way = under_way.known.get(currency).copied().filter(|_| counts_under_way);
            cap.checked_sub(spent.checked_add(under_way.unwrap_or_default())?)
        };
        if self.cutoff != Cutoff::Cautious {
            let counts = self.cutoff == Cutoff::Hard;
            let is_open =
                self.caps.keys().all(|one| left(one, counts).is_some_and(|left| left > Price::ZERO));
            return if is_open { Allowance::Send(next) } else { Allowance::Reached };
        }
        if let Some(uncapped) = spent.keys().find(|currency| !self.caps.contains_key(currency)) {
            return Allowance::Uncapped(*uncapped);
        }
        let Some(prices) = prices.filter(|prices| !prices.is_empty()) else {
            let is_open = self.caps.keys().all(|one| left(one, true).is_some_and(|left| left > Price::ZERO));
            return if is_open { Allowance::Unpriced } else { Allowance::Reached };
        };
        if under_way.unknown > 0 {
            return Allowance::Unpriced;
        }
        let mut most = next;
        for (currency, price) in prices {
            if !self.caps.contains_key(currency) {
                return Allowance::Uncapped(*currency);
            }
            let Some(left) = left(currency, true) else { return Allowance::Reached };
            most = most.min(fitting(left, *price, most));
        }
        if most == 0 { Allowance::Reached } else { Allowance::Send(most) }
    }
}

/// How many times, up to `most`, a price fits into an amount.
fn fitting(amount: Price, price: Price, most: u64) -> u64 {
    let fits = |count: u64| {
        let cost = i64::try_from(count).ok().and_then(|count| price.checked_mul(count));
        cost.is_some_and(|cost| cost <= amount)
    };
    if fits(most) {
        return most;
    }
    let (mut fitting, mut too_many) = (0, most);
    while too_many - fitting > 1 {
        let middle = fitting + (too_many - fitting) / 2;
        if fits(middle) { fitting = middle } else { too_many = middle }
    }
    fitting
}

/// `12.50USD`: an amount and its currency, white space between them allowed.
pub fn parse_amount(text: &str) -> Option<(Price, Currency)> {
    let at = text.find(|char: char| char.is_ascii_alphabetic())?;
    let (amount, currency) = text.split_at(at);
    let amount: Price = amount.trim().parse().ok()?;
    (amount >= Price::ZERO).then_some((amount, Currency::new(currency.trim()).ok()?))
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<String> =
            self.known.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
        let numbers = if self.unknown == 1 { "number" } else { "numbers" };
        match (known.is_empty(), self.unknown) {
            (true, 0) => f.write_str("nothing"),
            (true, unknown) => write!(f, "unknown ({unknown} {numbers} without a known price)"),
            (false, 0) => f.write_str(&known.join(" + ")),
            (false, unknown) => {
                write!(f, "{} and the unknown price of {unknown} {numbers}", known.join(" + "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: &str) -> Estimate {
        let known = BTreeMap::from([(Currency::new("USD").unwrap(), amount.parse().unwrap())]);
        Estimate { known, unknown: 0 }
    }

    #[test]
    fn an_unknown_price_is_unknown_and_never_0() {
        let mut prices = PriceTable::default();
        prices.set(
            PriceKey { level: 5, group: "CN".into() },
            Currency::new("CNY").unwrap(),
            "0.05".parse().unwrap(),
        );
        let mut estimate = Estimate::default();
        estimate.add(&prices, 5, "CN", 1000);
        estimate.add(&prices, 5, "DE", 7);
        estimate.add(&prices, 1, "CN", 3);
        assert_eq!(estimate.to_string(), "50.0000 CNY and the unknown price of 10 numbers");
        assert_eq!(
            Estimate { unknown: 3, ..Estimate::default() }.to_string(),
            "unknown (3 numbers without a known price)"
        );
    }

    #[test]
    fn a_batch_of_several_groups_counts_at_the_dearest_of_their_prices() {
        let mut prices = PriceTable::default();
        let mut set = |group: &str, price: &str, currency: &str| {
            let key = PriceKey { level: 1, group: group.into() };
            prices.set(key, Currency::new(currency).unwrap(), price.parse().unwrap());
        };
        set("CN", "0.05", "USD");
        set("HK", "0.07", "USD");
        set("DE", "0.01", "EUR");
        let shown = |group: &str| {
            let mut estimate = Estimate::default();
            estimate.add(&prices, 1, group, 10);
            estimate.to_string()
        };
        assert_eq!(shown("CN,HK"), "0.7000 USD");
        assert_eq!(shown("HK,CN,"), "0.7000 USD");
        for unknown in ["CN,FR", "FR,CN", "CN,DE", "", ","] {
            assert_eq!(shown(unknown), "unknown (10 numbers without a known price)", "{unknown}");
        }
    }

    #[test]
    fn a_result_without_a_believed_price_counts_at_the_highest_of_any_group() {
        let mut prices = PriceTable::default();
        for (level, group, price, currency) in [
            (1, "CN", "0.05", "CNY"),
            (1, "*", "0.01", "USD"),
            (1, "DE", "0.03", "USD"),
            (5, "DE", "9", "USD"),
        ] {
            let key = PriceKey { level, group: group.into() };
            prices.set(key, Currency::new(currency).unwrap(), price.parse().unwrap());
        }
        let mut estimate = Estimate::default();
        estimate.add_unpriced(&prices, 1, 10);
        assert_eq!(estimate.to_string(), "0.5000 CNY + 0.3000 USD");
        estimate.add_unpriced(&PriceTable::default(), 1, 10);
        assert_eq!(
            estimate.to_string(),
            "0.5000 CNY + 0.3000 USD",
            "where nothing is known, nothing is sent"
        );
    }

    fn budget(cutoff: Cutoff, caps: &[(&str, &str)]) -> Budget {
        let cap =
            |(currency, amount): &(&str, &str)| (Currency::new(currency).unwrap(), amount.parse().unwrap());
        Budget { caps: caps.iter().map(cap).collect(), cutoff }
    }

    #[test]
    fn a_cautious_cap_is_never_exceeded_at_known_prices_and_a_batch_is_cut_to_what_fits() {
        let budget = |cutoff| budget(cutoff, &[("USD", "10")]);
        let (spent, price) = (usd("4").known, usd("0.5").known);
        let allows = |cutoff, under_way: &str, next| {
            budget(cutoff).allows(&spent, &usd(under_way), Some(&price), next)
        };
        assert_eq!(allows(Cutoff::Soft, "100", 9), Allowance::Send(9));
        assert_eq!(allows(Cutoff::Hard, "5", 1000), Allowance::Send(1000));
        assert_eq!(allows(Cutoff::Hard, "6", 1), Allowance::Reached);
        assert_eq!(allows(Cutoff::Cautious, "5", 1000), Allowance::Send(2));
        assert_eq!(allows(Cutoff::Cautious, "5", 2), Allowance::Send(2));
        assert_eq!(allows(Cutoff::Cautious, "5.5001", 2), Allowance::Reached);
    }

    #[test]
    fn nothing_is_sent_whose_cost_is_unknown_or_in_a_currency_without_a_cap() {
        let budget = budget(Cutoff::Cautious, &[("USD", "10")]);
        let nothing = Amounts::new();
        let cny = BTreeMap::from([(Currency::new("CNY").unwrap(), "0.05".parse().unwrap())]);
        assert_eq!(budget.allows(&nothing, &usd("0"), None, 5), Allowance::Unpriced);
        let unknown = Estimate { unknown: 1, ..Estimate::default() };
        assert_eq!(budget.allows(&nothing, &unknown, Some(&usd("0.1").known), 5), Allowance::Unpriced);
        let uncapped = Allowance::Uncapped(Currency::new("CNY").unwrap());
        assert_eq!(budget.allows(&nothing, &usd("0"), Some(&cny), 5), uncapped);
        assert_eq!(
            budget.allows(&cny, &usd("0"), Some(&usd("0.1").known), 5),
            uncapped,
            "results were charged in it"
        );
    }

    #[test]
    fn an_amount_is_read_with_its_currency() {
        let usd = Currency::new("USD").unwrap();
        assert_eq!(parse_amount("12.50USD"), Some(("12.5".parse().unwrap(), usd)));
        assert_eq!(parse_amount("12.50 USD"), Some(("12.5".parse().unwrap(), usd)));
        assert_eq!(parse_amount("12.50usd"), Some(("12.5".parse().unwrap(), usd)));
        for wrong in ["", "12.50", "USD", "-1USD", "1e3USD"] {
            assert_eq!(parse_amount(wrong), None, "{wrong}");
        }
    }
}

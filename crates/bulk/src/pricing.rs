//! What a job may cost: prices that are known, an estimate, and a limit.
//!
//! An unknown price is unknown and never 0. It learns nothing by itself: prices are handed in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use numcheck_protocol::{Currency, Price};

/// What the names of a mixed batch's groups are joined with.
pub(crate) const JOINT: char = ',';

/// What a price is for: a level and a group of numbers (a region such as `CN`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceKey {
    /// The check level on the wire.
    pub level: i64,
    /// The group; `*` is every group that has no price of its own.
    pub group: String,
}

/// Prices per number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceTable(BTreeMap<PriceKey, (Currency, Price)>);

impl PriceTable {
    /// Adds a price, or replaces it.
    pub fn set(&mut self, key: PriceKey, currency: Currency, price: Price) {
        self.0.insert(key, (currency, price));
    }

    /// Takes over every price of `other`.
    pub fn prefer(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(key, price)| (key.clone(), *price)));
    }

    /// The price of a number of a group; `None` when nobody knows it.
    pub fn get(&self, level: i64, group: &str) -> Option<(Currency, Price)> {
        let of = |group: &str| self.0.get(&PriceKey { level, group: group.to_owned() }).copied();
        of(group).or_else(|| of("*"))
    }
}

/// What some numbers will cost, as far as prices are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// By currency.
    pub known: BTreeMap<Currency, Price>,
    /// How many numbers have no known price.
    pub unknown: u64,
}

impl Estimate {
    /// Adds `count` numbers of a group. Of a batch of several groups nobody keeps how many are of which: each counts at the dearest
    /// of their prices, and as unknown where one is unknown or they are in several currencies.
    pub fn add(&mut self, prices: &PriceTable, level: i64, group: &str, count: u64) {
        let cost = dearest(prices, level, group).and_then(|(currency, price)| {
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
}

/// The price of a group, or the highest of several groups'.
fn dearest(prices: &PriceTable, level: i64, group: &str) -> Option<(Currency, Price)> {
    let mut groups = group.split(JOINT).filter(|one| !one.is_empty()).map(|one| prices.get(level, one));
    let first = groups.next().flatten()?;
    groups.try_fold(first, |dearest, price| {
        let (currency, price) = price?;
        (currency == dearest.0).then_some((currency, price.max(dearest.1)))
    })
}

/// When submitting stops because of the cost. What was submitted is never taken back, so a limit can be overrun by what is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cutoff {
    /// Once results have cost as much as the limit, no further batch is sent.
    Soft,
    /// The same, and what is under way counts at its known price.
    #[default]
    Hard,
    /// A batch is sent only when it cannot overrun the limit; one of unknown price is not sent.
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

/// The most that a job may cost, in one currency. Costs in other currencies are not limited by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The limit.
    pub most: Price,
    /// Its currency.
    pub currency: Currency,
    /// When it stops.
    pub cutoff: Cutoff,
}

impl Budget {
    /// Whether a batch may be sent: `spent` is what results have cost, `under_way` what pending numbers will, `next` what the batch will.
    pub fn allows(&self, spent: Price, under_way: &Estimate, next: &Estimate) -> bool {
        let known = |estimate: &Estimate| estimate.known.get(&self.currency).copied().unwrap_or_default();
        match self.cutoff {
            Cutoff::Soft => spent < self.most,
            Cutoff::Hard => spent.checked_add(known(under_way)).is_some_and(|sum| sum < self.most),
            Cutoff::Cautious => {
                let all = spent.checked_add(known(under_way)).and_then(|sum| sum.checked_add(known(next)));
                next.unknown == 0 && under_way.unknown == 0 && all.is_some_and(|sum| sum <= self.most)
            }
        }
    }
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
        match (known.is_empty(), self.unknown) {
            (true, 0) => f.write_str("nothing"),
            (true, unknown) => write!(f, "unknown ({unknown} numbers without a known price)"),
            (false, 0) => f.write_str(&known.join(" + ")),
            (false, unknown) => write!(f, "{} and the unknown price of {unknown} numbers", known.join(" + ")),
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
    fn a_cautious_limit_is_never_overrun_by_known_prices() {
        let budget =
            |cutoff| Budget { most: "10".parse().unwrap(), currency: Currency::new("USD").unwrap(), cutoff };
        let spent = "4".parse().unwrap();
        assert!(budget(Cutoff::Soft).allows(spent, &usd("100"), &usd("100")));
        assert!(budget(Cutoff::Hard).allows(spent, &usd("5"), &usd("100")));
        assert!(!budget(Cutoff::Hard).allows(spent, &usd("6"), &usd("0")));
        assert!(budget(Cutoff::Cautious).allows(spent, &usd("5"), &usd("1")));
        assert!(!budget(Cutoff::Cautious).allows(spent, &usd("5"), &usd("1.0001")));
        let unknown = Estimate { unknown: 1, ..Estimate::default() };
        assert!(!budget(Cutoff::Cautious).allows(spent, &usd("0"), &unknown));
    }

    #[test]
    fn an_amount_is_read_with_its_currency() {
        let usd = Currency::new("USD").unwrap();
        assert_eq!(parse_amount("12.50USD"), Some(("12.5".parse().unwrap(), usd)));
        assert_eq!(parse_amount("12.50 USD"), Some(("12.5".parse().unwrap(), usd)));
        for wrong in ["", "12.50", "USD", "-1USD", "12.50usd", "1e3USD"] {
            assert_eq!(parse_amount(wrong), None, "{wrong}");
        }
    }
}

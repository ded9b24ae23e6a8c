//! The most that may be spent.

use clap::Args;
use numcheck_bulk::{Amounts, Budget, Cutoff, PriceTable, SpendingLimits};
use numcheck_protocol::Currency;

use crate::exit::Failure;

/// The most that may be spent.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LimitArgs {
    /// Never spend more than this for the job, all its runs together, such as 12.50USD; several by commas, one a currency. What has no known
    /// price, or one in another currency, is not sent.
    #[arg(
        long,
        env = "NUMCHECK_MAX_COST",
        hide_env_values = true,
        value_name = "AMOUNT",
        value_delimiter = ','
    )]
    max_cost: Vec<String>,
    /// The same for the account and a day (UTC), whatever job spends it.
    #[arg(
        long,
        env = "NUMCHECK_MAX_COST_PER_DAY",
        hide_env_values = true,
        value_name = "AMOUNT",
        value_delimiter = ','
    )]
    max_cost_per_day: Vec<String>,
    /// How strict a cap is: `cautious` is never exceeded at the highest price given or seen, `hard` stops once results and what is under way
    /// have reached it, and one batch can exceed it, `soft` stops once results have cost it.
    #[arg(
        long,
        env = "NUMCHECK_CUTOFF",
        hide_env_values = true,
        default_value = "cautious",
        value_name = "cautious|hard|soft"
    )]
    cutoff: Cutoff,
    /// Where no price is known, check one number of each country first and await its price; three at most. Refused at level privacy: QXT tells no
    /// price.
    #[arg(long)]
    probe: bool,
}

impl LimitArgs {
    pub(crate) fn has_cap(&self) -> bool {
        !self.max_cost.is_empty() || !self.max_cost_per_day.is_empty()
    }

    /// The options that cap what is spent, of those that were given.
    pub(crate) fn caps(&self) -> &'static str {
        match (self.max_cost.is_empty(), self.max_cost_per_day.is_empty()) {
            (false, false) => "--max-cost or --max-cost-per-day",
            (true, false) => "--max-cost-per-day",
            _ => "--max-cost",
        }
    }

    /// Whether an unknown price keeps a number from being sent.
    pub(crate) fn needs_prices(&self) -> bool {
        self.has_cap() && self.cutoff == Cutoff::Cautious && !self.probe
    }

    /// Whether prices are found out by paying for a number of each country.
    pub(crate) fn probes(&self) -> bool {
        self.probe
    }

    /// A currency in which a price is needed: that of a cap.
    pub(crate) fn currency(&self) -> Option<Currency> {
        let mut caps = self.max_cost.iter().chain(&self.max_cost_per_day);
        caps.find_map(|text| numcheck_bulk::parse_amount(text)).map(|(_, currency)| currency)
    }

    pub(crate) fn limits(&self, prices: PriceTable) -> Result<SpendingLimits, Failure> {
        let mut limits = SpendingLimits::new();
        limits.job = self.budget(&self.max_cost, "--max-cost")?;
        limits.day = self.budget(&self.max_cost_per_day, "--max-cost-per-day")?;
        limits.prices = prices;
        limits.probe = self.probe;
        Ok(limits)
    }

    fn budget(&self, amounts: &[String], option: &str) -> Result<Option<Budget>, Failure> {
        let mut caps = Amounts::new();
        for text in amounts {
            let (most, currency) = numcheck_bulk::parse_amount(text).ok_or_else(|| {
                Failure::usage(format!(
                    "{option}: write an amount and its currency, such as 12.50USD; nothing was sent"
                ))
            })?;
            if caps.insert(currency, most).is_some() {
                return Err(Failure::usage(format!("{option}: two caps in {currency}; nothing was sent")));
            }
        }
        Ok((!caps.is_empty()).then_some(Budget { caps, cutoff: self.cutoff }))
    }
}
